/* SPDX-License-Identifier: Apache-2.0 */
/* os/mutex.h: a lock for what several threads read and write whole, and no letter fits. Every use
 * stands in docs/internals/locks.md, and but for one is a leaf: nothing is called while it is held.
 * Thread: any, but no signal handler.
 */
#ifndef WR_OS_MUTEX_H
#define WR_OS_MUTEX_H

#include "os/os.h"

struct wr_mutex {
    struct wr_os *os;
    _Atomic uint32_t word; /* 0: free; 1: held; 2: held, and somebody may be waiting */
};

void wr_mutex_init(struct wr_mutex *mutex, struct wr_os *os);
void wr_mutex_lock(struct wr_mutex *mutex);
void wr_mutex_unlock(struct wr_mutex *mutex);

#endif /* WR_OS_MUTEX_H */
