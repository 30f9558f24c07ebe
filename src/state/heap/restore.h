/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/restore.h: what the files that restore a heap have in common. Thread: task. */
#ifndef WR_STATE_HEAP_RESTORE_H
#define WR_STATE_HEAP_RESTORE_H

#include "base/buffer.h"
#include "state/heap/heap.h"

struct wr_restore {
    struct wr_heap *heap;
    weir_block_reader *reader;
    struct wr_buffer key;          /* of the record being read */
    struct wr_buffer item;         /* of it: an item, or a map key and one */
    struct wr_heap_state **states; /* by number in the file; NULL: not keyed */
    size_t state_count;
};

/* The memory budget is reached: words. */
weir_status wr_restore_refused(const struct wr_restore *restore, const struct wr_heap_state *state,
                               weir_error *err);
/* Makes the key of bytes that were read, lent. WEIR_CORRUPT: of no key of this state, or not of the
 * block's key group. */
weir_status wr_restore_key(const struct wr_restore *restore, const struct wr_heap_state *state,
                           const weir_block *block, weir_bytes bytes, weir_key *out_key,
                           weir_error *err);
/* Inserts an entry of one item; it must be the key's first. */
weir_status wr_restore_insert(const struct wr_restore *restore, struct wr_heap_state *state,
                              const weir_key *key, weir_bytes item, weir_error *err);

/* restore_image.c, restore_records.c: the payload of one block. */
weir_status wr_restore_image(struct wr_restore *restore, struct wr_heap_state *state,
                             const weir_block *block, weir_error *err);
weir_status wr_restore_records(struct wr_restore *restore, struct wr_heap_state *state,
                               const weir_block *block, weir_error *err);

#endif /* WR_STATE_HEAP_RESTORE_H */
