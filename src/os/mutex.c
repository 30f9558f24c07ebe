/* SPDX-License-Identifier: Apache-2.0 */
/* mutex: a futex word; who finds it free takes it without a system call.
 *
 *   FREE 0 --lock--> HELD 1 --unlock--> FREE
 *   HELD 1 --another lock--> WAITED_FOR 2, sleeps --unlock--> FREE, all wake and try again
 *
 * Who has slept takes it as WAITED_FOR: others may sleep still.
 */
#include "os/mutex.h"

enum {
    FREE,
    HELD,
    WAITED_FOR
};

void
wr_mutex_init(struct wr_mutex *mutex, struct wr_os *os)
{
    mutex->os = os;
    atomic_init(&mutex->word, FREE);
}

void
wr_mutex_lock(struct wr_mutex *mutex)
{
    uint32_t found = FREE;
    /* acquire, here and below: pairs with the release in wr_mutex_unlock */
    if (atomic_compare_exchange_strong_explicit(&mutex->word, &found, HELD, memory_order_acquire,
                                                memory_order_relaxed)) {
        return;
    }
    while (atomic_exchange_explicit(&mutex->word, WAITED_FOR, memory_order_acquire) != FREE) {
        mutex->os->ops->wait(mutex->os, &mutex->word, WAITED_FOR, UINT64_MAX);
    }
}

void
wr_mutex_unlock(struct wr_mutex *mutex)
{
    if (atomic_exchange_explicit(&mutex->word, FREE, memory_order_release) == WAITED_FOR) {
        mutex->os->ops->wake(mutex->os, &mutex->word);
    }
}
