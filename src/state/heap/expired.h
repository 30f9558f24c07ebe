/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/expired.h: what looking for expired items in one list or map has come to. Thread:
 * task.
 */
#ifndef WR_STATE_HEAP_EXPIRED_H
#define WR_STATE_HEAP_EXPIRED_H

enum wr_expired {
    WR_EXPIRED_DONE, /* something is left that lives */
    WR_EXPIRED_ALL,  /* nothing is left: its blocks are dropped, the caller removes the entry */
    WR_EXPIRED_MORE  /* it is large: there is more to look at */
};

#endif /* WR_STATE_HEAP_EXPIRED_H */
