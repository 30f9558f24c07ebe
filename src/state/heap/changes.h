/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/changes.h: what has changed since the last completed snapshot, for incremental ones.
 *
 * Which slots have been written stands in the heads of their buckets, as bits of two ages (below).
 * Which keys have been removed stands in a log: a segment for each epoch in which there were any,
 * in it the keys by key group. The log begins with the first snapshot that may be incremental; one
 * that grows too large is given up, and the next snapshot is full.
 *
 * Thread: task.
 */
#ifndef WR_STATE_HEAP_CHANGES_H
#define WR_STATE_HEAP_CHANGES_H

#include "state/heap/layout.h"

struct wr_heap;
struct wr_heap_state;

/* A key that was removed. */
struct wr_removed {
    struct wr_removed *next;
    uint32_t group; /* less the first of the range */
    uint32_t size;
    uint8_t key[];
};

/* Memory of the log. */
struct wr_removed_page {
    struct wr_removed_page *next;
    size_t size;
};

/* What was removed while the heap was at one epoch; stands in its own first page. */
struct wr_removals {
    struct wr_removals *older;
    uint64_t epoch;
    struct wr_removed_page *first_page;
    struct wr_removed_page *last_page;
    uint8_t *at; /* free bytes of the last page */
    uint8_t *end;
    uint64_t bytes;        /* of all pages */
    uint64_t record_bytes; /* of the deletions in a snapshot */
    uint32_t head_count;
    struct wr_removed *heads[]; /* group % head_count; the newest first */
};

/* Of a state. */
struct wr_changes {
    struct wr_removals *newest;
    uint64_t bytes;      /* of all segments */
    uint64_t lost_epoch; /* a change of this epoch can be told no more; 0: none */
};

/* Where a walk over the keys removed from a group stands. */
struct wr_removed_cursor {
    const struct wr_removals *segment;
    const struct wr_removed *next;
};

static inline bool
wr_epoch_is_older(uint16_t epoch, uint64_t than)
{
    return (int16_t)(uint16_t)(epoch - (uint16_t)than) < 0;
}

/* Slots that may have been written at `base` or later; base 0: that is not known, all that are
 * marked. `dirty` are the writes up to the bucket's epoch, `taken` those that a stamp has found
 * there, up to taken_epoch: so nothing need be swept when a snapshot completes, and nothing is
 * lost when it does not. */
static inline uint8_t
wr_bucket_changed(const struct wr_bucket *bucket, uint64_t base)
{
    bool has_dirty = base == 0 || !wr_epoch_is_older(bucket->epoch, base);
    bool has_taken = base == 0 || !wr_epoch_is_older(bucket->taken_epoch, base);
    return (uint8_t)((has_dirty ? bucket->dirty : 0) | (has_taken ? bucket->taken : 0));
}

/* Moves the bucket on to a newer epoch. */
static inline void
wr_bucket_stamp(struct wr_bucket *bucket, uint64_t epoch, uint64_t base)
{
    bucket->taken = wr_bucket_changed(bucket, base);
    bucket->taken_epoch = bucket->epoch;
    bucket->dirty = 0;
    bucket->epoch = (uint16_t)epoch;
}

/* A key of this group is taken out of the state; the bytes are copied. Never fails: without memory
 * the log is given up. */
void wr_changes_removed(struct wr_heap_state *state, uint32_t group, weir_bytes key);
/* Something changed that neither bits nor log can tell: until a snapshot has all of the state none
 * has changes of it. */
void wr_changes_lose(struct wr_heap_state *state);
/* Lets go of segments that no snapshot, open or to come, needs. */
void wr_changes_sweep(struct wr_heap_state *state);
/* Frees up to `most` pages of them; true: more are left. */
bool wr_changes_free_some(struct wr_heap *heap, size_t most);

/* The keys removed from a group within [base, before), one a call; a zeroed cursor is set to the
 * newest segment by wr_changes_first. NULL: no more. *io_looked: keys passed, of other groups too.
 */
void wr_changes_first(const struct wr_heap_state *state, uint32_t group, uint64_t base,
                      uint64_t before, struct wr_removed_cursor *out_cursor);
const struct wr_removed *wr_changes_next(struct wr_removed_cursor *cursor, uint32_t group,
                                         uint64_t base, size_t *io_looked);

/* Whether the snapshot that is about to begin should hold changes only, since they are clearly less
 * than everything; and, by state, of which all is to be among them. O(number of states). */
struct wr_snapshot_state;
bool wr_changes_are_better(const struct wr_heap *heap, struct wr_snapshot_state *states);

#endif /* WR_STATE_HEAP_CHANGES_H */
