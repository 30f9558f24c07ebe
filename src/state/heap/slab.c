/* SPDX-License-Identifier: Apache-2.0 */
/* slab: size classes cut from pages of the region, last freed first used again.
 *
 *   page  | head 8 | content ... | head 8 | content ... |        head: class << 56 | next block
 *
 * Classes (head included) step by 8 up to 64 bytes, then four to each power of two up to 16 KiB; a
 * page is 4 KiB at first, so that a state of ten strings stays small, and doubles up to 64 KiB.
 * Larger blocks are asked from the allocator one by one and stand in a list, so that closing finds
 * them.
 *
 * The link in the head serves free blocks and those on a list; a block in use has none. The content
 * is left alone until the block is taken again: an open snapshot reads blocks that wait on a list.
 */
#include "state/heap/slab.h"

#include "base/check.h"
#include "base/memory.h"

enum {
    CLASS_LARGE = 255,
    PAGE_LEAST = 4 << 10,
    PAGE_MOST = 64 << 10,
    CLASS_STEPS_OF_8 = 8 /* classes 0..7: 8, 16 ... 64 bytes */
};

#define LINK_MASK (((uint64_t)1 << 56) - 1)

struct wr_slab_block {
    uint64_t head;
};

struct wr_slab_large {
    struct wr_slab_large *next;
    struct wr_slab_large *previous;
    size_t size; /* of all of it */
    struct wr_slab_block block;
};

static unsigned
class_of(size_t total)
{
    if (total <= 64) {
        return (unsigned)((total + 7) / 8) - 1;
    }
    if (total > WR_SLAB_BLOCK_MOST) {
        return CLASS_LARGE;
    }
    unsigned power = 63 - (unsigned)__builtin_clzll(total - 1); /* 2^power < total <= 2^(power+1) */
    unsigned quarter = (unsigned)((total - 1) >> (power - 2)) & 3;
    return CLASS_STEPS_OF_8 + (power - 6) * 4 + quarter;
}

static size_t
class_size(unsigned class)
{
    if (class < CLASS_STEPS_OF_8) {
        return ((size_t) class + 1) * 8;
    }
    unsigned step = class - CLASS_STEPS_OF_8;
    unsigned power = 6 + step / 4;
    return ((size_t)1 << power) + (step % 4 + 1) * ((size_t)1 << (power - 2));
}

_Static_assert(CLASS_STEPS_OF_8 + (14 - 6) * 4 <= WR_SLAB_CLASSES, "every class has its place");

static unsigned
block_class(const struct wr_slab_block *block)
{
    return (unsigned)(block->head >> 56);
}

static struct wr_slab_block *
block_next(const struct wr_slab_block *block)
{
    return (struct wr_slab_block *)(uintptr_t)(block->head & LINK_MASK);
}

static void
block_set_next(struct wr_slab_block *block, const struct wr_slab_block *next)
{
    block->head = (block->head & ~LINK_MASK) | (uint64_t)(uintptr_t)next;
}

static struct wr_slab_block *
block_of(void *content)
{
    return (struct wr_slab_block *)content - 1;
}

static void *
large_new(struct wr_slab *slab, size_t size)
{
    size_t total = sizeof(struct wr_slab_large) + size;
    struct wr_slab_large *large = wr_memory_resize(&slab->alloc, NULL, 0, total);
    if (large == NULL) {
        return NULL;
    }
    *large = (struct wr_slab_large){ .next = slab->large, .size = total };
    large->block.head = (uint64_t)CLASS_LARGE << 56;
    if (slab->large != NULL) {
        slab->large->previous = large;
    }
    slab->large = large;
    return &large->block + 1;
}

static void
large_free(struct wr_slab *slab, struct wr_slab_block *block)
{
    struct wr_slab_large *large =
        (void *)((uint8_t *)block - offsetof(struct wr_slab_large, block));
    if (large->previous != NULL) {
        large->previous->next = large->next;
    } else {
        slab->large = large->next;
    }
    if (large->next != NULL) {
        large->next->previous = large->previous;
    }
    wr_memory_free(&slab->alloc, large, large->size);
}

static bool
page_new(struct wr_slab *slab, struct wr_slab_class *class, size_t block_size)
{
    size_t size = class->page_size == 0 ? PAGE_LEAST : class->page_size * 2;
    while (size < PAGE_MOST && size < block_size * 2) {
        size *= 2;
    }
    size = size > PAGE_MOST ? PAGE_MOST : size;
    uint8_t *page = wr_region_new(slab->region, size);
    if (page == NULL) {
        return false;
    }
    class->page_size = size;
    class->next = page;
    class->end = page + size;
    return true;
}

void
wr_slab_init(struct wr_slab *slab, struct wr_region *region, const weir_alloc *alloc)
{
    *slab = (struct wr_slab){ .region = region, .alloc = *alloc };
}

void
wr_slab_fini(struct wr_slab *slab)
{
    while (slab->large != NULL) {
        large_free(slab, &slab->large->block);
    }
}

void *
wr_slab_new(struct wr_slab *slab, size_t size)
{
    unsigned index = class_of(size + sizeof(struct wr_slab_block));
    if (index == CLASS_LARGE) {
        return large_new(slab, size);
    }
    struct wr_slab_class *class = &slab->classes[index];
    struct wr_slab_block *block = class->free;
    if (block != NULL) {
        class->free = block_next(block);
        block_set_next(block, NULL);
        return block + 1;
    }
    size_t block_size = class_size(index);
    if ((size_t)(class->end - class->next) < block_size && !page_new(slab, class, block_size)) {
        return NULL;
    }
    block = (void *)class->next;
    class->next += block_size;
    block->head = (uint64_t)index << 56;
    return block + 1;
}

void
wr_slab_free(struct wr_slab *slab, void *content)
{
    struct wr_slab_block *block = block_of(content);
    unsigned index = block_class(block);
    if (index == CLASS_LARGE) {
        large_free(slab, block);
        return;
    }
    wr_slow_assert(index < WR_SLAB_CLASSES);
    block_set_next(block, slab->classes[index].free);
    slab->classes[index].free = block;
}

bool
wr_slab_fits(const void *content, size_t size)
{
    const struct wr_slab_block *block = (const struct wr_slab_block *)content - 1;
    unsigned index = class_of(size + sizeof(struct wr_slab_block));
    return index != CLASS_LARGE && index == block_class(block);
}

void
wr_slab_list_add(struct wr_slab_list *list, void *content)
{
    struct wr_slab_block *block = block_of(content);
    block_set_next(block, NULL);
    if (list->last != NULL) {
        block_set_next(list->last, block);
    } else {
        list->first = block;
    }
    list->last = block;
}

void
wr_slab_list_join(struct wr_slab_list *list, struct wr_slab_list *other)
{
    if (other->first == NULL) {
        return;
    }
    if (list->last != NULL) {
        block_set_next(list->last, other->first);
    } else {
        list->first = other->first;
    }
    list->last = other->last;
    *other = (struct wr_slab_list){ 0 };
}

size_t
wr_slab_list_free(struct wr_slab *slab, struct wr_slab_list *list, size_t most)
{
    size_t freed = 0;
    while (freed < most && list->first != NULL) {
        struct wr_slab_block *block = list->first;
        list->first = block_next(block);
        if (list->first == NULL) {
            list->last = NULL;
        }
        wr_slab_free(slab, block + 1);
        freed++;
    }
    return freed;
}
