/* SPDX-License-Identifier: Apache-2.0 */
/* slab: size classes cut from pages of the region.
 *
 *   page   | head 64 | block | block | ...               4 to 64 KiB, aligned to its size
 *   block  | head 8 | content ... |                      head: class << 56 | page order << 48 |
 * link
 *
 * Classes (head included) step by 8 up to 64 bytes, then four to each power of two up to 16 KiB. A
 * page of a class is 4 KiB at first, so that a state of ten strings stays small, and doubles; a
 * block over 2 KiB has a page for itself. Larger ones are asked from the allocator one by one and
 * stand in a list, so that closing finds them.
 *
 * Invariants:
 *   (1) A class's list has the pages with a free block, or room to cut one; those are used in turn.
 *   (2) A page without a block in use goes back to the region, the last one of a class's list
 *       excepted: a state that puts and removes one value must not ask for a page each time.
 *
 * The link in the head serves free blocks and those on a list; of a block in use it is where its
 * owner counts its bytes. The content is left alone until the block is taken again: an open
 * snapshot reads blocks that wait on a list.
 */
#include "state/heap/slab.h"

#include "base/check.h"
#include "base/memory.h"

enum {
    CLASS_LARGE = 255,
    PAGE_LEAST = 4 << 10,
    PAGE_MOST = 64 << 10,
    CLASS_STEPS_OF_8 = 8, /* classes 0..7: 8, 16 ... 64 bytes */
    PAGE_HEAD = 64,       /* so that blocks of 64 bytes are lines */
    SHARED_MOST = 2 << 10,
    PAGE_BLOCKS_LEAST = 8, /* of a page that has several */
    ORDER_SHIFT = 48,
    ORDER_ALONE = 0 /* the block has the page for itself: the page's head is before its own */
};

#define LINK_MASK (((uint64_t)1 << ORDER_SHIFT) - 1)

struct wr_slab_block {
    uint64_t head;
};

struct wr_slab_page {
    struct wr_slab_page *next; /* in its class's list */
    struct wr_slab_page *previous;
    struct wr_slab_block *free;
    uint8_t *cut; /* behind the last block that was ever taken */
    uint8_t *end;
    size_t size;
    uint32_t live; /* blocks in use, or on a list of those that wait */
    bool is_listed;
};

_Static_assert(sizeof(struct wr_slab_page) <= PAGE_HEAD, "a page's head takes a line");

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

static size_t
block_size(const struct wr_slab_block *block)
{
    unsigned index = block_class(block);
    if (index != CLASS_LARGE) {
        return class_size(index);
    }
    const struct wr_slab_large *large =
        (const void *)((const uint8_t *)block - offsetof(struct wr_slab_large, block));
    return large->size;
}

static inline void *
give_to(struct wr_slab_block *block, size_t size, uint64_t *owner_bytes)
{
    block->head = (block->head & ~LINK_MASK) | (uint64_t)(uintptr_t)owner_bytes;
    if (owner_bytes != NULL) {
        *owner_bytes += size;
    }
    return block + 1;
}

/* Nobody counts it any more. */
static inline void
take_from_owner(struct wr_slab_block *block)
{
    uint64_t *owner_bytes = (uint64_t *)(uintptr_t)(block->head & LINK_MASK);
    if (owner_bytes != NULL) {
        *owner_bytes -= block_size(block);
    }
    block->head &= ~LINK_MASK;
}

static struct wr_slab_block *
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
    return &large->block;
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

static struct wr_slab_page *
page_of(struct wr_slab_block *block)
{
    unsigned order = (unsigned)(block->head >> ORDER_SHIFT) & 0xff;
    if (order == ORDER_ALONE) {
        return (void *)((uint8_t *)block - PAGE_HEAD);
    }
    return (void *)((uintptr_t)block & ~(((uintptr_t)1 << order) - 1));
}

static void
page_list(struct wr_slab_class *class, struct wr_slab_page *page)
{
    page->previous = NULL;
    page->next = class->pages;
    if (page->next != NULL) {
        page->next->previous = page;
    }
    class->pages = page;
    page->is_listed = true;
}

static void
page_unlist(struct wr_slab_class *class, struct wr_slab_page *page)
{
    if (page->previous != NULL) {
        page->previous->next = page->next;
    } else {
        class->pages = page->next;
    }
    if (page->next != NULL) {
        page->next->previous = page->previous;
    }
    page->is_listed = false;
}

/* A page for several blocks, in its class's list. NULL: refused. */
static struct wr_slab_page *
page_new(struct wr_slab *slab, struct wr_slab_class *class, size_t one)
{
    size_t size = class->page_size == 0 ? PAGE_LEAST : class->page_size * 2;
    while (size < PAGE_MOST && size < one * PAGE_BLOCKS_LEAST) {
        size *= 2;
    }
    size = size > PAGE_MOST ? PAGE_MOST : size;
    struct wr_slab_page *page = wr_region_new(slab->region, size);
    if (page == NULL) {
        return NULL;
    }
    wr_slow_assert(((uintptr_t)page & (size - 1)) == 0);
    *page = (struct wr_slab_page){ .size = size,
                                   .cut = (uint8_t *)page + PAGE_HEAD,
                                   .end = (uint8_t *)page + size };
    class->page_size = size;
    page_list(class, page);
    return page;
}

/* A block that has a page for itself. */
static struct wr_slab_block *
alone_new(struct wr_slab *slab, unsigned index, size_t size)
{
    struct wr_slab_page *page = wr_region_new(slab->region, PAGE_HEAD + size);
    if (page == NULL) {
        return NULL;
    }
    *page = (struct wr_slab_page){ .size = PAGE_HEAD + size, .live = 1 };
    struct wr_slab_block *block = (void *)((uint8_t *)page + PAGE_HEAD);
    block->head = (uint64_t)index << 56 | (uint64_t)ORDER_ALONE << ORDER_SHIFT;
    return block;
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

/* One of several on a page. */
static struct wr_slab_block *
shared_new(struct wr_slab *slab, unsigned index, size_t size)
{
    struct wr_slab_class *class = &slab->classes[index];
    struct wr_slab_page *page = class->pages;
    if (__builtin_expect(page == NULL, 0)) {
        page = page_new(slab, class, size);
        if (page == NULL) {
            return NULL;
        }
    }
    struct wr_slab_block *block = page->free;
    if (block != NULL) {
        page->free = block_next(block);
    } else {
        block = (void *)page->cut;
        page->cut += size;
        uint64_t order = (uint64_t)__builtin_ctzll(page->size);
        block->head = (uint64_t)index << 56 | order << ORDER_SHIFT;
    }
    page->live++;
    if (page->free == NULL && (size_t)(page->end - page->cut) < size) {
        page_unlist(class, page);
    }
    return block;
}

void *
wr_slab_new(struct wr_slab *slab, size_t size, uint64_t *owner_bytes)
{
    unsigned index = class_of(size + sizeof(struct wr_slab_block));
    if (index == CLASS_LARGE) {
        struct wr_slab_block *large = large_new(slab, size);
        return large != NULL ? give_to(large, block_size(large), owner_bytes) : NULL;
    }
    size_t whole = class_size(index);
    struct wr_slab_block *block =
        whole > SHARED_MOST ? alone_new(slab, index, whole) : shared_new(slab, index, whole);
    return block != NULL ? give_to(block, whole, owner_bytes) : NULL;
}

/* Counted by nobody any more. */
static void
give_back(struct wr_slab *slab, struct wr_slab_block *block)
{
    unsigned index = block_class(block);
    if (index == CLASS_LARGE) {
        large_free(slab, block);
        return;
    }
    wr_slow_assert(index < WR_SLAB_CLASSES);
    struct wr_slab_class *class = &slab->classes[index];
    struct wr_slab_page *page = page_of(block);
    wr_slow_assert(page->live > 0);
    page->live--;
    if (page->end == NULL) { /* it had the page for itself */
        wr_region_free(slab->region, page, page->size);
        return;
    }
    block_set_next(block, page->free);
    page->free = block;
    if (!page->is_listed) {
        page_list(class, page);
    }
    if (page->live == 0 && class->pages->next != NULL) { /* there are others */
        page_unlist(class, page);
        wr_region_free(slab->region, page, page->size);
    }
}

void
wr_slab_free(struct wr_slab *slab, void *content)
{
    struct wr_slab_block *block = block_of(content);
    take_from_owner(block);
    give_back(slab, block);
}

bool
wr_slab_fits(const void *content, size_t size)
{
    const struct wr_slab_block *block = (const struct wr_slab_block *)content - 1;
    unsigned index = class_of(size + sizeof(struct wr_slab_block));
    return index != CLASS_LARGE && index == block_class(block);
}

size_t
wr_slab_good_size(size_t size)
{
    unsigned index = class_of(size + sizeof(struct wr_slab_block));
    return index == CLASS_LARGE ? size : class_size(index) - sizeof(struct wr_slab_block);
}

void
wr_slab_list_add(struct wr_slab_list *list, void *content)
{
    struct wr_slab_block *block = block_of(content);
    take_from_owner(block);
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
        give_back(slab, block);
        freed++;
    }
    return freed;
}
