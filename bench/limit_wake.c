/* SPDX-License-Identifier: Apache-2.0 */
/* limit_wake: how long a sleeping thread takes to see what another one has put down for it: a futex
 * and nothing else. */
#include "limit.h"

#include "harness.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

struct bell {
    _Atomic uint32_t rung;
    size_t count;
    _Atomic double at; /* when it was rung last */
    double *waited_us;
};

static void *
listen(void *argument)
{
    struct bell *bell = argument;
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
    if (pthread_create(&thread, NULL, listen, &bell) != 0) {
        bench_die("no thread");
    }
    for (size_t i = 0; i < count; i++) {
        usleep(pause_us);
        atomic_store(&bell.at, bench_now());
        atomic_fetch_add(&bell.rung, 1);
        syscall(SYS_futex, &bell.rung, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
    pthread_join(thread, NULL);
}
