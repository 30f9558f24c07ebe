/* SPDX-License-Identifier: Apache-2.0 */
/* state/timer_queue.h: a set of timers in memory, the earliest first. Thread: task. */
#ifndef WR_STATE_TIMER_QUEUE_H
#define WR_STATE_TIMER_QUEUE_H

#include "state/timer_store.h"
#include "weir/bytes.h"
#include "weir/status.h"

#include <stdbool.h>

enum {
    WR_TIMER_INDEX_PARTS = 256
};

/* One timer as it is looked for or entered; the bytes are lent. */
struct wr_timer_name {
    int64_t timestamp;
    weir_bytes key;
    weir_bytes namespace_;
    uint32_t key_group;
    uint32_t hash; /* of all of these */
};

struct wr_timer_node;
struct wr_timer_slot;

struct wr_timer_index_part {
    struct wr_timer_slot *slots;
    uint32_t room; /* a power of two; 0: none yet */
    uint32_t count;
};

struct wr_timer_queue {
    weir_alloc alloc;
    struct wr_timer_store store;
    struct wr_timer_node *heap;
    uint32_t count;
    uint32_t room;
    struct wr_timer_index_part parts[WR_TIMER_INDEX_PARTS];
};

void wr_timer_queue_init(struct wr_timer_queue *queue, const weir_alloc *alloc);
void wr_timer_queue_fini(struct wr_timer_queue *queue);

/* Makes ready for a timer that is not there: *out_number is a record that is not in the queue yet.
 * WEIR_NOMEM: nothing has changed. */
weir_status wr_timer_queue_prepare(struct wr_timer_queue *queue, const struct wr_timer_name *name,
                                   uint32_t *out_number);
/* Enters it, which cannot fail; or forgets it. */
void wr_timer_queue_enter(struct wr_timer_queue *queue, uint32_t number, uint32_t hash);
void wr_timer_queue_forget(struct wr_timer_queue *queue, uint32_t number);

/* The number of a timer; 0: it is not there. */
uint32_t wr_timer_queue_find(const struct wr_timer_queue *queue, const struct wr_timer_name *name);
void wr_timer_queue_remove(struct wr_timer_queue *queue, uint32_t number);

/* The record at a position of the heap, the earliest at 0; NULL past the end. */
const struct wr_timer_record *wr_timer_queue_at(const struct wr_timer_queue *queue,
                                                uint32_t position, uint32_t *out_number);

#endif /* WR_STATE_TIMER_QUEUE_H */
