/* SPDX-License-Identifier: Apache-2.0 */
/* thread: the parker.
 *
 *   sleeper                              waker
 *   ticket = word                        publish work
 *   sleeping: 0 -> 1      [prepare]      sleeping: ? -> 0      [wake]
 *   look for work                        it was 1: word + 1, wake the word
 *   wait while word == ticket [sleep]
 *
 * Why no wake is lost: `sleeping` is only ever changed by read-modify-writes that acquire and
 * release, so all of them stand in one order and each sees what was written before the earlier
 * ones. Either the waker's stands before the sleeper's: then the sleeper, looking for work after
 * it, sees the work. Or it stands behind: then the waker finds 1 and raises the word above the
 * ticket, which was read before, and the wait ends at once. (Fences would do as well, but the
 * thread sanitizer does not know them.)
 *
 * The first waker takes the 1 away, so that a burst of wakes makes one system call.
 */
#include "os/thread.h"

void
wr_parker_init(struct wr_parker *parker, struct wr_os *os)
{
    parker->os = os;
    atomic_init(&parker->word, 0);
    atomic_init(&parker->sleeping, 0);
}

uint32_t
wr_parker_prepare(struct wr_parker *parker)
{
    uint32_t ticket = atomic_load_explicit(&parker->word, memory_order_relaxed);
    /* acq_rel: pairs with the exchange in wr_parker_wake; release keeps the load above before it.
     */
    atomic_exchange_explicit(&parker->sleeping, 1, memory_order_acq_rel);
    return ticket;
}

void
wr_parker_sleep(struct wr_parker *parker, uint32_t ticket, uint64_t timeout_ns)
{
    parker->os->ops->wait(parker->os, &parker->word, ticket, timeout_ns);
    wr_parker_cancel(parker);
}

void
wr_parker_cancel(struct wr_parker *parker)
{
    /* acq_rel: pairs with the exchange in wr_parker_wake, as in prepare. */
    atomic_exchange_explicit(&parker->sleeping, 0, memory_order_acq_rel);
}

void
wr_parker_wake(struct wr_parker *parker)
{
    /* acq_rel: pairs with the exchanges in prepare and cancel; releases the work published before.
     */
    if (atomic_exchange_explicit(&parker->sleeping, 0, memory_order_acq_rel) != 0) {
        atomic_fetch_add_explicit(&parker->word, 1, memory_order_relaxed);
        parker->os->ops->wake(parker->os, &parker->word);
    }
}
