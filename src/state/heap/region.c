/* SPDX-License-Identifier: Apache-2.0 */
/* region: a buddy system over extents.
 *
 *   extent  | 0       | 4 | 6 |7|8 ...          units of 128 bytes; a block of order k starts at
 *   map       2|FREE    1   0   0               a multiple of 2^k units from the extent's base
 *
 * A size is cut into the blocks of its binary digits, largest first: 3 * 2^k units are a block of
 * order k + 1 and one of order k behind it. Taking rounds up to a power of two and frees the tail
 * at once; giving back walks the same digits. So no size is rounded up by more than a unit.
 *
 * Invariants:
 *   (1) map[i] is the order of the block that starts at unit i, with the FREE bit iff it is on the
 *       free list of its order; entries inside of a block never have that bit.
 *   (2) No two free buddies of one order exist: they are joined when the second is freed.
 *   (3) An extent that is free as a whole is given back, the newest one excepted: a table that
 *       grows and shrinks over the border must not ask the system each time.
 *
 * What is larger than the largest order is an extent of its own, with no map.
 */
#include "state/heap/region.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdbool.h>

#define MAP_FREE 0x80u

struct wr_region_free {
    struct wr_region_free *next;
    struct wr_region_free *previous;
};

struct wr_region_extent {
    struct wr_region_extent *next;
    uint8_t *base; /* aligned to a unit */
    void *memory;  /* as it was allocated */
    size_t memory_size;
    size_t size;    /* usable, from base */
    unsigned order; /* of the whole; WR_REGION_ORDERS: one large piece, no map */
    uint8_t map[];
};

static size_t
extent_head_size(const struct wr_region_extent *extent)
{
    size_t map_size = extent->order < WR_REGION_ORDERS ? (size_t)1 << extent->order : 0;
    return sizeof *extent + map_size;
}

static void
free_push(struct wr_region *region, struct wr_region_extent *extent, size_t unit, unsigned order)
{
    struct wr_region_free *block = (void *)(extent->base + unit * WR_REGION_UNIT);
    extent->map[unit] = (uint8_t)(order | MAP_FREE);
    block->previous = NULL;
    block->next = region->free[order];
    if (block->next != NULL) {
        block->next->previous = block;
    }
    region->free[order] = block;
}

static void
free_take(struct wr_region *region, struct wr_region_extent *extent, size_t unit)
{
    struct wr_region_free *block = (void *)(extent->base + unit * WR_REGION_UNIT);
    unsigned order = extent->map[unit] & ~MAP_FREE;
    extent->map[unit] = (uint8_t)order;
    if (block->previous != NULL) {
        block->previous->next = block->next;
    } else {
        region->free[order] = block->next;
    }
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
}

static struct wr_region_extent *
extent_new(struct wr_region *region, size_t size, unsigned order)
{
    size_t map_size = order < WR_REGION_ORDERS ? (size_t)1 << order : 0;
    struct wr_region_extent *extent = wr_memory_new(&region->alloc, sizeof *extent + map_size);
    if (extent == NULL) {
        return NULL;
    }
    extent->order = order;
    extent->size = size;
    extent->memory_size = size + WR_REGION_UNIT; /* room to align: allocators promise 16 */
    extent->memory = wr_memory_resize(&region->alloc, NULL, 0, extent->memory_size);
    if (extent->memory == NULL) {
        wr_memory_free(&region->alloc, extent, extent_head_size(extent));
        return NULL;
    }
    uintptr_t misfit = (uintptr_t)extent->memory & (WR_REGION_UNIT - 1);
    extent->base = (uint8_t *)extent->memory + (misfit == 0 ? 0 : WR_REGION_UNIT - misfit);
    extent->next = region->extents;
    region->extents = extent;
    region->extent_bytes += extent->size;
    return extent;
}

static void
extent_free(struct wr_region *region, struct wr_region_extent *extent)
{
    struct wr_region_extent **link = &region->extents;
    while (*link != extent) {
        link = &(*link)->next;
    }
    *link = extent->next;
    region->extent_bytes -= extent->size;
    wr_memory_free(&region->alloc, extent->memory, extent->memory_size);
    wr_memory_free(&region->alloc, extent, extent_head_size(extent));
}

static struct wr_region_extent *
extent_of(const struct wr_region *region, const void *ptr)
{
    const uint8_t *at = ptr;
    struct wr_region_extent *extent = region->extents;
    while (extent != NULL && !(at >= extent->base && at < extent->base + extent->size)) {
        extent = extent->next;
    }
    wr_assert(extent != NULL);
    return extent;
}

static unsigned
order_for(size_t units)
{
    return units <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(units - 1);
}

static bool
grow(struct wr_region *region, unsigned order)
{
    size_t least = (size_t)WR_REGION_UNIT << order;
    size_t size = WR_REGION_EXTENT_LEAST;
    while (size < WR_REGION_EXTENT_MOST && (size < least || size < region->extent_bytes / 2)) {
        size *= 2;
    }
    unsigned whole = order_for(size / WR_REGION_UNIT);
    struct wr_region_extent *extent = extent_new(region, size, whole);
    if (extent == NULL && size > least) { /* the budget may still hold the smaller one */
        extent = extent_new(region, least, order);
        whole = order;
    }
    if (extent == NULL) {
        return false;
    }
    free_push(region, extent, 0, whole);
    return true;
}

/* Joins the block with its buddy as long as that is free. */
static void
give(struct wr_region *region, struct wr_region_extent *extent, size_t unit, unsigned order)
{
    while (order < extent->order) {
        size_t buddy = unit ^ ((size_t)1 << order);
        if (extent->map[buddy] != (order | MAP_FREE)) {
            break;
        }
        free_take(region, extent, buddy);
        unit &= ~((size_t)1 << order);
        order++;
    }
    free_push(region, extent, unit, order);
}

/* Gives back units [from, to) of an extent, block by block. */
static void
give_range(struct wr_region *region, struct wr_region_extent *extent, size_t from, size_t to)
{
    while (from < to) {
        unsigned order = 63 - (unsigned)__builtin_clzll(to - from);
        unsigned aligned = from == 0 ? order : (unsigned)__builtin_ctzll(from);
        order = aligned < order ? aligned : order;
        give(region, extent, from, order);
        from += (size_t)1 << order;
    }
}

/* Marks units [from, to) as blocks in use, so that no map entry in them reads as a free buddy. */
static void
mark_range(struct wr_region_extent *extent, size_t from, size_t to)
{
    while (from < to) {
        unsigned order = 63 - (unsigned)__builtin_clzll(to - from);
        extent->map[from] = (uint8_t)order;
        from += (size_t)1 << order;
    }
}

void
wr_region_init(struct wr_region *region, const weir_alloc *alloc)
{
    *region = (struct wr_region){ .alloc = *alloc };
}

void
wr_region_fini(struct wr_region *region)
{
    while (region->extents != NULL) {
        extent_free(region, region->extents);
    }
    *region = (struct wr_region){ .alloc = region->alloc };
}

void *
wr_region_new(struct wr_region *region, size_t size)
{
    size_t units = (size + WR_REGION_UNIT - 1) / WR_REGION_UNIT;
    unsigned order = order_for(units);
    if (order >= WR_REGION_ORDERS) {
        struct wr_region_extent *own = extent_new(region, units * WR_REGION_UNIT, WR_REGION_ORDERS);
        return own != NULL ? own->base : NULL;
    }
    unsigned found = order;
    while (found < WR_REGION_ORDERS && region->free[found] == NULL) {
        found++;
    }
    if (found == WR_REGION_ORDERS) {
        if (!grow(region, order)) {
            return NULL;
        }
        found = order;
        while (region->free[found] == NULL) {
            found++;
        }
    }
    uint8_t *block = (uint8_t *)region->free[found];
    struct wr_region_extent *extent = extent_of(region, block);
    size_t unit = (size_t)(block - extent->base) / WR_REGION_UNIT;
    free_take(region, extent, unit);
    mark_range(extent, unit, unit + units);
    give_range(region, extent, unit + units, unit + ((size_t)1 << found));
    return block;
}

void
wr_region_free(struct wr_region *region, void *ptr, size_t size)
{
    if (ptr == NULL) {
        return;
    }
    struct wr_region_extent *extent = extent_of(region, ptr);
    if (extent->order == WR_REGION_ORDERS) {
        extent_free(region, extent);
        return;
    }
    size_t unit = (size_t)((uint8_t *)ptr - extent->base) / WR_REGION_UNIT;
    size_t units = (size + WR_REGION_UNIT - 1) / WR_REGION_UNIT;
    size_t at = unit;
    for (size_t left = units; left > 0;) {
        unsigned order = 63 - (unsigned)__builtin_clzll(left);
        give(region, extent, at, order);
        at += (size_t)1 << order;
        left -= (size_t)1 << order;
    }
    if (extent != region->extents && extent->map[0] == (extent->order | MAP_FREE)) {
        free_take(region, extent, 0);
        extent_free(region, extent);
    }
}
