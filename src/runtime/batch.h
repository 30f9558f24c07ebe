/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/batch.h: what moves through the rings: records back to back, or one event.
 *
 *   data:    | record 0 | record 1 | ...            each 8-byte aligned, as weir/type.h describes
 *   offsets: where each begins; offsets[count] is where the next would
 *   times:   the records' timestamps, in jobs with event time; else NULL
 *   marks:   what is told of time between two records, in order; within a chain only: in the rings
 *            it is an event of its own
 *
 * A batch has one owner at a time: the producer that fills it, then the consumer that empties it.
 */
#ifndef WR_RUNTIME_BATCH_H
#define WR_RUNTIME_BATCH_H

#include "snapshot/manifest.h"
#include "weir/alloc.h"
#include "weir/function.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum wr_batch_kind {
    WR_BATCH_RECORDS = 1,
    WR_BATCH_BARRIER = 2, /* checkpoint: id and kind */
    WR_BATCH_CANCEL = 3,  /* checkpoint id was aborted: stop aligning for it */
    WR_BATCH_END = 4,     /* end of input: no more records; barriers may still follow */
    WR_BATCH_TIME = 5     /* watermark, status */
};

enum wr_time_status {
    WR_TIME_SAME,
    WR_TIME_ACTIVE, /* holds from before the watermark on */
    WR_TIME_IDLE    /* holds from behind the watermark on */
};

/* What is told of time at one place in a stream. */
struct wr_time {
    int64_t watermark; /* WEIR_NO_WATERMARK: none */
    enum wr_time_status status;
};

static inline struct wr_time
wr_time_of(int64_t watermark, enum wr_time_status status)
{
    return (struct wr_time){ .watermark = watermark, .status = status };
}

/* Both in one, where no record lies between them. */
static inline struct wr_time
wr_time_merge(struct wr_time earlier, struct wr_time later)
{
    return wr_time_of(later.watermark > earlier.watermark ? later.watermark : earlier.watermark,
                      later.status != WR_TIME_SAME ? later.status : earlier.status);
}

struct wr_mark {
    uint32_t before; /* this record; the count: behind the last */
    struct wr_time time;
};

struct weir_batch {
    struct weir_batch *next; /* in lists of its owner */
    enum wr_batch_kind kind;
    uint64_t checkpoint_id;
    enum wr_checkpoint_kind checkpoint_kind;
    uint8_t *data;
    size_t capacity; /* bytes of data */
    size_t used;
    uint32_t count;
    uint32_t count_max;
    uint32_t *offsets; /* count_max + 1 */
    int64_t *times;    /* count_max, beyond count of no meaning; NULL: records have none */
    struct wr_mark *marks;
    uint32_t mark_count;
    uint32_t mark_capacity;
    struct wr_time time; /* TIME */
    bool is_overflow;    /* beyond what the channel may hold: freed by whoever has emptied it */
    uint8_t side;        /* of a restored one: the input it belongs to, 0 or 1 */
};

enum {
    WR_BATCH_BYTES = 65536
}; /* a batch's first capacity; a record that is bigger grows its batch */

weir_status wr_batch_create(const weir_alloc *alloc, uint32_t count_max, size_t capacity,
                            struct weir_batch **out_batch);
/* The same with times. */
weir_status wr_batch_create_timed(const weir_alloc *alloc, uint32_t count_max, size_t capacity,
                                  struct weir_batch **out_batch);
void wr_batch_destroy(const weir_alloc *alloc, struct weir_batch *batch); /* NULL ok */
void wr_batch_clear(struct weir_batch *batch);
/* Room for one more record of `size` bytes (rounded up to 8, tail zeroed), or NULL: full, or (an
 * empty batch that could not be grown) refused. */
uint8_t *wr_batch_append(const weir_alloc *alloc, struct weir_batch *batch, size_t size);

/* Behind the records that are in it; at one place marks become one. WEIR_NOMEM: nothing changed. */
weir_status wr_batch_mark(const weir_alloc *alloc, struct weir_batch *batch, struct wr_time time);

/* Gives memory beyond `capacity` back after a giant record; the batch must be empty or fit. */
void wr_batch_shrink(const weir_alloc *alloc, struct weir_batch *batch, size_t capacity);

/* The next record's block; the caller knows that one more of `rounded` bytes (a multiple of 8,
 * above 0) fits. This is what an emit costs. */
static inline uint8_t *
wr_batch_bump(struct weir_batch *batch, size_t rounded)
{
    uint8_t *record = batch->data + batch->used;
    batch->used += rounded;
    batch->count++;
    batch->offsets[batch->count] = (uint32_t)batch->used;
    memset(record + rounded - 8, 0, 8); /* the tail; the record's bytes come over it */
    return record;
}

#endif /* WR_RUNTIME_BATCH_H */
