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
 *
 * An extent that is mostly free can be closed: its free blocks go to lists of their own, from which
 * nothing is taken, and it goes once its owner has moved the rest elsewhere.
 */
#include "state/heap/region.h"

#include "base/check.h"
#include "base/little.h"
#include "base/memory.h"

#include <stdbool.h>

#define MAP_FREE     0x80u
#define ALL_MAP_FREE 0x8080808080808080ULL

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
    size_t used;    /* bytes in use, in whole units */
    unsigned order; /* of the whole; WR_REGION_ORDERS: one large piece, no map */
    bool is_closed; /* nothing is taken from it any more: it is to become empty */
    uint8_t map[];
};

static size_t
extent_head_size(const struct wr_region_extent *extent)
{
    size_t map_size = extent->order < WR_REGION_ORDERS ? (size_t)1 << extent->order : 0;
    return sizeof *extent + map_size;
}

static struct wr_region_free **
lists_of(struct wr_region *region, const struct wr_region_extent *extent)
{
    return extent->is_closed ? region->closed_free : region->free;
}

static void
free_push(struct wr_region *region, struct wr_region_extent *extent, size_t unit, unsigned order)
{
    struct wr_region_free *block = (void *)(extent->base + unit * WR_REGION_UNIT);
    extent->map[unit] = (uint8_t)(order | MAP_FREE);
    block->previous = NULL;
    struct wr_region_free **list = &lists_of(region, extent)[order];
    block->next = *list;
    if (block->next != NULL) {
        block->next->previous = block;
    }
    *list = block;
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
        lists_of(region, extent)[order] = block->next;
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
    extent->memory_size = size + region->alignment; /* allocators promise 16 */
    extent->memory = wr_memory_resize(&region->alloc, NULL, 0, extent->memory_size);
    if (extent->memory == NULL) {
        wr_memory_free(&region->alloc, extent, extent_head_size(extent));
        return NULL;
    }
    uintptr_t misfit = (uintptr_t)extent->memory & (region->alignment - 1);
    extent->base = (uint8_t *)extent->memory + (misfit == 0 ? 0 : region->alignment - misfit);
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
    while (size < WR_REGION_EXTENT_MOST && (size < least || size < region->used_bytes / 2)) {
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
wr_region_init(struct wr_region *region, const weir_alloc *alloc, size_t alignment)
{
    *region = (struct wr_region){ .alloc = *alloc, .alignment = alignment };
}

void
wr_region_fini(struct wr_region *region)
{
    while (region->extents != NULL) {
        extent_free(region, region->extents);
    }
    *region = (struct wr_region){ .alloc = region->alloc, .alignment = region->alignment };
}

static void
use(struct wr_region *region, struct wr_region_extent *extent, size_t units)
{
    extent->used += units * WR_REGION_UNIT;
    region->used_bytes += units * WR_REGION_UNIT;
}

void *
wr_region_new(struct wr_region *region, size_t size)
{
    size_t units = (size + WR_REGION_UNIT - 1) / WR_REGION_UNIT;
    unsigned order = order_for(units);
    if (order >= WR_REGION_ORDERS) {
        struct wr_region_extent *own = extent_new(region, units * WR_REGION_UNIT, WR_REGION_ORDERS);
        if (own == NULL) {
            return NULL;
        }
        use(region, own, units);
        return own->base;
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
    use(region, extent, units);
    return block;
}

/* Frees an extent that is free as a whole, the newest one excepted. */
static void
drop_if_empty(struct wr_region *region, struct wr_region_extent *extent)
{
    bool is_empty = extent->map[0] == (extent->order | MAP_FREE);
    if (is_empty && (extent->is_closed || extent != region->extents)) {
        free_take(region, extent, 0);
        extent_free(region, extent);
    }
}

void
wr_region_free(struct wr_region *region, void *ptr, size_t size)
{
    if (ptr == NULL) {
        return;
    }
    struct wr_region_extent *extent = extent_of(region, ptr);
    size_t units = (size + WR_REGION_UNIT - 1) / WR_REGION_UNIT;
    region->used_bytes -= units * WR_REGION_UNIT;
    extent->used -= units * WR_REGION_UNIT;
    if (extent->order == WR_REGION_ORDERS) {
        extent_free(region, extent);
        return;
    }
    size_t at = (size_t)((uint8_t *)ptr - extent->base) / WR_REGION_UNIT;
    for (size_t left = units; left > 0;) {
        unsigned order = 63 - (unsigned)__builtin_clzll(left);
        give(region, extent, at, order);
        at += (size_t)1 << order;
        left -= (size_t)1 << order;
    }
    drop_if_empty(region, extent);
}

void
wr_region_trim(struct wr_region *region)
{
    struct wr_region_extent *newest = region->extents;
    if (newest != NULL && newest->used == 0 && newest->size > region->used_bytes) {
        free_take(region, newest, 0);
        extent_free(region, newest);
    }
}

/* Moves the free blocks of an extent to the other lists. */
static void
set_closed(struct wr_region *region, struct wr_region_extent *extent, bool is_closed)
{
    size_t units = (size_t)1 << extent->order;
    for (size_t unit = 0; unit < units;) {
        if (unit % 8 == 0 && units >= 8 && (wr_get_u64(extent->map + unit) & ALL_MAP_FREE) == 0) {
            unit += 8;
            continue;
        }
        unsigned order = extent->map[unit] & ~MAP_FREE;
        if ((extent->map[unit] & MAP_FREE) != 0) {
            extent->is_closed = !is_closed;
            free_take(region, extent, unit);
            extent->is_closed = is_closed;
            free_push(region, extent, unit, order);
            unit += (size_t)1 << order;
        } else {
            unit++; /* inside of what is in use the map's orders may be stale */
        }
    }
    extent->is_closed = is_closed;
}

bool
wr_region_close_sparsest(struct wr_region *region)
{
    if (region->used_bytes > region->extent_bytes / 2) {
        return false;
    }
    struct wr_region_extent *sparsest = NULL;
    for (struct wr_region_extent *at = region->extents; at != NULL; at = at->next) {
        bool is_sparse = at->order < WR_REGION_ORDERS && !at->is_closed && at->used != 0 &&
                         at->used <= at->size / 2;
        if (is_sparse &&
            (sparsest == NULL || at->size - at->used > sparsest->size - sparsest->used)) {
            sparsest = at;
        }
    }
    if (sparsest == NULL || sparsest->size <= WR_REGION_EXTENT_LEAST) {
        return false;
    }
    set_closed(region, sparsest, true);
    return true;
}

bool
wr_region_is_closed(const struct wr_region *region, const void *ptr)
{
    return extent_of(region, ptr)->is_closed;
}

bool
wr_region_reopen(struct wr_region *region)
{
    bool was_closed = false;
    struct wr_region_extent *extent = region->extents;
    while (extent != NULL) {
        struct wr_region_extent *next = extent->next;
        if (extent->is_closed) {
            set_closed(region, extent, false);
            was_closed = true;
        }
        extent = next;
    }
    return was_closed;
}
