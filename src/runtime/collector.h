/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/collector.h: where an operator emits to: its output batches, oldest first. For the chain.
 *
 *   first --> ... --> last     closed, to be taken
 *   open                       being filled
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_COLLECTOR_H
#define WR_RUNTIME_COLLECTOR_H

#include "runtime/batch.h"

/* While a batch is open, what has been put into it stands in cursor, offset and left: its own used
 * and count are set when it is closed or taken. */
struct weir_collector {
    uint8_t *cursor;         /* where the next record goes */
    uint8_t *end;            /* how far records may go: the data's end, or less by the emit limit */
    uint32_t *offset;        /* of the next record, in the open batch's offsets */
    uint32_t left;           /* records that the open batch has room for; 0 without one */
    size_t least_size;       /* fixed part of the type */
    struct weir_batch *open; /* NULL: none */
    struct weir_batch *first, *last; /* closed, oldest first */
    uint64_t closed_bytes;           /* in all closed batches but the first */
    struct weir_batch *spare;
    uint32_t spare_count;
    /* event time: emitting knows nothing of it, what was emitted is stamped afterwards */
    bool timed;           /* records have timestamps */
    int64_t time;         /* of the records emitted next */
    uint32_t stamped;     /* records of the open batch that have theirs */
    int64_t watermark;    /* the last one told */
    bool idle;            /* told so; the next record says otherwise */
    uint32_t idle_from;   /* records of the open batch that came before that */
    uint32_t batch_count; /* records a batch */
    uint64_t emit_limit_bytes;
    weir_alloc alloc;
    weir_context *context; /* of the operator, for words */
};

struct wr_collector_parameters {
    weir_alloc alloc;
    const weir_type *type; /* NULL: records of any size */
    uint32_t batch_count;
    bool timed;
    uint64_t emit_limit_bytes;
    weir_context *context;
};

void wr_collector_init(struct weir_collector *collector,
                       const struct wr_collector_parameters *parameters);
void wr_collector_fini(struct weir_collector *collector);

/* There is room for what the next record may emit. */
static inline bool
wr_collector_has_room(const struct weir_collector *collector)
{
    return collector->first == NULL;
}

/* The oldest closed batch; without one, and if `even_open`, the open one if it holds records.
 * Taken: goes back by wr_collector_recycle. NULL: none. */
struct weir_batch *wr_collector_take(struct weir_collector *collector, bool even_open);
/* Neither records nor marks. */
bool wr_collector_is_empty(const struct weir_collector *collector);
/* Records in it, closed and open. */
uint64_t wr_collector_count(const struct weir_collector *collector);
void wr_collector_recycle(struct weir_collector *collector, struct weir_batch *batch);

/* The records emitted until the next call have this timestamp. */
void wr_collector_set_time(struct weir_collector *collector, int64_t time);
/* Behind the records emitted so far; a watermark that is not beyond the last one says nothing. A
 * failure is the task's. */
weir_status wr_collector_tell_time(struct weir_collector *collector, struct wr_time time);

#endif /* WR_RUNTIME_COLLECTOR_H */
