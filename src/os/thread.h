/* SPDX-License-Identifier: Apache-2.0 */
/* os/thread.h: the place where a thread sleeps, and is woken. One sleeper, any number of wakers.
 *
 *   sleeper: ticket = wr_parker_prepare(p); look for work; none: wr_parker_sleep(p, ticket,
 * timeout) waker:   make the work visible; wr_parker_wake(p)
 *
 * A wake between prepare and sleep is not lost. wr_parker_wake is async-signal-safe.
 */
#ifndef WR_OS_THREAD_H
#define WR_OS_THREAD_H

#include "os/os.h"
#include "weir/status.h"

struct wr_parker {
    struct wr_os *os;
    _Atomic uint32_t word;     /* counts wakes */
    _Atomic uint32_t sleeping; /* so that a wake without sleeper is one load */
};

void wr_parker_init(struct wr_parker *parker, struct wr_os *os);
uint32_t wr_parker_prepare(struct wr_parker *parker);
void wr_parker_sleep(struct wr_parker *parker, uint32_t ticket, uint64_t timeout_ns);
void wr_parker_cancel(struct wr_parker *parker); /* after prepare, when there was work */
void wr_parker_wake(struct wr_parker *parker);

#endif /* WR_OS_THREAD_H */
