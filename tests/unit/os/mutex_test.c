/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of os/mutex: one at a time, and nobody sleeps for ever. */
#include "support/test.h"

#include "os/mutex.h"

enum {
    THREADS = 4,
    TURNS = 20000
};

struct counted {
    struct wr_mutex mutex;
    uint64_t one, other; /* guarded by it; always equal */
};

static void
count(void *argument)
{
    struct counted *counted = argument;
    for (int i = 0; i < TURNS; i++) {
        wr_mutex_lock(&counted->mutex);
        uint64_t before = counted->one++;
        if (counted->other++ != before) {
            counted->other = UINT64_MAX / 2; /* never equal again */
        }
        wr_mutex_unlock(&counted->mutex);
    }
}

TEST(a_mutex_lets_one_thread_in_at_a_time_and_wakes_the_next)
{
    struct wr_os *os = wr_os_posix();
    struct wr_os_thread *threads[THREADS];
    struct counted counted = { .one = 0 };
    wr_mutex_init(&counted.mutex, os);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(0, os->ops->thread_start(os, "count", count, &counted, &threads[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        os->ops->thread_join(os, threads[i]);
    }
    assert_int_equal(THREADS * TURNS, counted.one);
    assert_int_equal(THREADS * TURNS, counted.other);
    assert_int_equal(0, atomic_load(&counted.mutex.word));
}
