/* SPDX-License-Identifier: Apache-2.0 */
/* limit_wake: how long a sleeping thread takes to see what another one has put down for it: a futex
 * and nothing else. Each has a core of its own: on one core the waker merely steps aside, in 2 us,
 * and no core is ever woken. */
#include "limit.h"

#include "harness.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

struct bell {
    _Atomic uint32_t rung;
    size_t count;
    _Atomic double at; /* when it was rung last */
    double *waited_us;
};

static void
stay_on(size_t core)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) != 0) {
        bench_die("core %zu is not ours to stay on", core);
    }
}

static void *
listen(void *argument)
{
    struct bell *bell = argument;
    stay_on(1);
    for (uint32_t i = 0; i < bell->count; i++) {
        while (atomic_load(&bell->rung) == i) {
            syscall(SYS_futex, &bell->rung, FUTEX_WAIT_PRIVATE, i, NULL, NULL, 0);
        }
        bell->waited_us[i] = (bench_now() - atomic_load(&bell->at)) * 1e6;
    }
    return NULL;
}

void
limit_wake_run(unsigned pause_us, double *waited_us, size_t count)
{
    struct bell bell = { .count = count, .waited_us = waited_us };
    pthread_t thread;
    cpu_set_t before;
    if (sched_getaffinity(0, sizeof before, &before) != 0) {
        bench_die("no cores");
    }
    if (pthread_create(&thread, NULL, listen, &bell) != 0) {
        bench_die("no thread");
    }
    stay_on(0);
    for (size_t i = 0; i < count; i++) {
        usleep(pause_us);
        atomic_store(&bell.at, bench_now());
        atomic_fetch_add(&bell.rung, 1);
        syscall(SYS_futex, &bell.rung, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
    pthread_join(thread, NULL);
    sched_setaffinity(0, sizeof before, &before);
}
