/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/region.h: memory for tables and slab pages, in units of 128 bytes, aligned to them.
 *
 * Bucket arrays come in sizes of 2^k and 3 * 2^k units and are given back when a table has grown,
 * so the region is a buddy system over a few large extents: what one key group's table leaves
 * behind serves another's. Thread: task.
 */
#ifndef WR_STATE_HEAP_REGION_H
#define WR_STATE_HEAP_REGION_H

#include "weir/alloc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WR_REGION_UNIT = 128,
    WR_REGION_ORDERS = 19, /* units of 2^0 .. 2^18: 128 bytes .. 32 MiB */
    WR_REGION_EXTENT_LEAST =
        64 << 10, /* the first; later ones half of what there is, up to the most */
    WR_REGION_EXTENT_MOST = 32 << 20
};

struct wr_region_extent;
struct wr_region_free;

struct wr_region {
    weir_alloc alloc;
    size_t alignment; /* of extents */
    struct wr_region_extent *extents;
    size_t extent_bytes; /* of all of them */
    size_t used_bytes;   /* what the next one's size follows */
    struct wr_region_free *free[WR_REGION_ORDERS];
    struct wr_region_free *closed_free[WR_REGION_ORDERS];
};

/* `alignment`: of extents, a power of two, WR_REGION_UNIT or more. A block whose size is a power of
 * two is aligned to its size, as far as that goes. */
void wr_region_init(struct wr_region *region, const weir_alloc *alloc, size_t alignment);
void wr_region_fini(struct wr_region *region); /* gives everything back, whatever is still in use */
/* Not zeroed; aligned to WR_REGION_UNIT. NULL: refused. */
void *wr_region_new(struct wr_region *region, size_t size);
void wr_region_free(struct wr_region *region, void *ptr, size_t size); /* size as it was asked */

/* Gives the newest extent back too, if it is empty and large for what is in use. */
void wr_region_trim(struct wr_region *region);
/* Where half of the memory is free, closes the extent with the most of it: nothing more is taken
 * from it, and it goes when the last block in it is freed. True: one was closed. */
bool wr_region_close_sparsest(struct wr_region *region);
/* Whether it stands in a closed extent, and is to be moved. */
bool wr_region_is_closed(const struct wr_region *region, const void *ptr);
/* Opens again what could not be emptied; true: there was such an extent. */
bool wr_region_reopen(struct wr_region *region);

#endif /* WR_STATE_HEAP_REGION_H */
