/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/slab.h: blocks for values and keys that do not fit into a table's slot.
 *
 * A block never moves. Its size class is remembered, its size is the owner's to know. Blocks that
 * an open snapshot may still read are put on a list by their owner (wr_slab_list) instead of being
 * freed. Thread: task.
 */
#ifndef WR_STATE_HEAP_SLAB_H
#define WR_STATE_HEAP_SLAB_H

#include "state/heap/region.h"

#include <stdbool.h>

enum {
    WR_SLAB_CLASSES = 48,
    WR_SLAB_ALIGNMENT = 64 << 10, /* of the largest page */
    WR_SLAB_BLOCK_MOST = 16 << 10 /* larger blocks are pieces of their own */
};

struct wr_slab_block;
struct wr_slab_page;
struct wr_slab_large;

struct wr_slab_class {
    struct wr_slab_page *pages; /* those with a free block */
    size_t page_size;           /* of the newest */
};

struct wr_slab {
    struct wr_region *region; /* lent, aligned to WR_SLAB_ALIGNMENT; its pages go when it goes */
    weir_alloc alloc;         /* for large blocks */
    struct wr_slab_large *large;
    struct wr_slab_class classes[WR_SLAB_CLASSES];
};

void wr_slab_init(struct wr_slab *slab, struct wr_region *region, const weir_alloc *alloc);
void wr_slab_fini(struct wr_slab *slab);

/* Not zeroed, aligned to 8; size > 0. NULL: refused. *owner_bytes: grows by the block's size, and
 * falls when it is freed or put on a list; it must live as long. NULL: nobody's. */
void *wr_slab_new(struct wr_slab *slab, size_t size, uint64_t *owner_bytes);
void wr_slab_free(struct wr_slab *slab, void *content);
/* Whether a value of this size would be given a block of this one's class: it can stay where it is.
 */
bool wr_slab_fits(const void *content, size_t size);
/* The size that a block of this one really has: what is asked for up to it costs the same. */
size_t wr_slab_good_size(size_t size);

/* A list of blocks, through their heads. What is in one keeps its content. */
struct wr_slab_list {
    struct wr_slab_block *first;
    struct wr_slab_block *last;
};

void wr_slab_list_add(struct wr_slab_list *list, void *content);
void wr_slab_list_join(struct wr_slab_list *list, struct wr_slab_list *other); /* empties other */
/* Frees up to `most` blocks of the list; returns how many. */
size_t wr_slab_list_free(struct wr_slab *slab, struct wr_slab_list *list, size_t most);

#endif /* WR_STATE_HEAP_SLAB_H */
