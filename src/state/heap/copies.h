/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/copies.h: memory for chunks copied on write. Nodes of one size, cut from pages of
 * 64 KiB; pages come from the snapshot allocator and, when it refuses, from the state's.
 * Thread: task. */
#ifndef WR_STATE_HEAP_COPIES_H
#define WR_STATE_HEAP_COPIES_H

#include "state/heap/layout.h"

/* One chunk as it was before the write that stamped it. */
struct wr_copy {
    struct wr_copy *next; /* in the chunk's list, or the free list */
    uint32_t wanted_by;   /* a bit for each snapshot slot that has yet to read it */
    uint32_t zero;
    uint8_t bytes[WR_CHUNK_BYTES];
};

struct wr_copy_page;

struct wr_copies {
    weir_alloc snapshot_alloc;
    weir_alloc state_alloc;
    struct wr_copy_page *pages;      /* cut into nodes */
    struct wr_copy_page *idle_pages; /* nobody uses a node of theirs */
    struct wr_copy *free;
    uint64_t in_use;
    uint64_t in_use_at_refusal; /* 0: not pressed; see wr_copies_pressed */
};

void wr_copies_init(struct wr_copies *copies, const weir_alloc *snapshot_alloc,
                    const weir_alloc *state_alloc);
void wr_copies_fini(struct wr_copies *copies);            /* whatever is in use */
struct wr_copy *wr_copies_take(struct wr_copies *copies); /* NULL: both allocators refuse */
void wr_copies_give(struct wr_copies *copies, struct wr_copy *copy);
/* Frees a page if no copy is in use; true: there are more. */
bool wr_copies_trim(struct wr_copies *copies);
/* The snapshot allocator has refused, and not half of what was in use then has been written since.
 */
bool wr_copies_pressed(const struct wr_copies *copies);

#endif /* WR_STATE_HEAP_COPIES_H */
