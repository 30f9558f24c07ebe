/* SPDX-License-Identifier: Apache-2.0 */
/* state/timer_store.h: records of timers, numbered from 1, in pools by size: what the timer queue
 * orders. A record never moves. Thread: task.
 */
#ifndef WR_STATE_TIMER_STORE_H
#define WR_STATE_TIMER_STORE_H

#include "weir/alloc.h"

#include <stdint.h>

enum {
    WR_TIMER_POOLS = 24
};

struct wr_timer_record {
    int64_t timestamp;
    uint32_t position; /* in the queue's heap */
    uint32_t key_group;
    uint32_t key_size;
    uint32_t namespace_size;
    uint8_t bytes[]; /* | key | namespace | */
};

struct wr_timer_pool {
    uint8_t **chunks;
    uint32_t chunk_count;
    uint32_t chunk_room; /* of the array */
    uint32_t next;       /* index of the first record that was never used */
    uint32_t free;       /* number of one that may be used again; 0: none */
};

struct wr_timer_store {
    weir_alloc alloc;
    struct wr_timer_pool pools[WR_TIMER_POOLS];
};

void wr_timer_store_init(struct wr_timer_store *store, const weir_alloc *alloc);
void wr_timer_store_fini(struct wr_timer_store *store);

/* A record for so many bytes of key and namespace. 0: no memory. */
uint32_t wr_timer_store_new(struct wr_timer_store *store, size_t size);
void wr_timer_store_free(struct wr_timer_store *store, uint32_t number);
struct wr_timer_record *wr_timer_store_at(const struct wr_timer_store *store, uint32_t number);

#endif /* WR_STATE_TIMER_STORE_H */
