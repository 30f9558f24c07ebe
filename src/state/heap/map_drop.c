/* SPDX-License-Identifier: Apache-2.0 */
/* map_drop: blocks of maps that are no longer needed: at once, or a few at a time where the map is
 * large. */
#include "state/heap/map.h"

#include "base/check.h"
#include "state/heap/drop.h"
#include "state/heap/map_directory.h"

void
wr_map_drop_far(struct wr_heap *heap, uint8_t *far)
{
    if (far != NULL) {
        wr_cow_drop_block(heap, far, wr_get_u32(far));
    }
}

/* Drops a block and the far ones that its entries point to. */
static void
drop_block(struct wr_heap *heap, bool is_sized, struct wr_map_block *block)
{
    static const struct wr_layout sized; /* of stride 0 */
    struct wr_map_spot spot = { 0 };
    for (; is_sized && spot.index < block->count; spot.index++) {
        weir_bytes key;
        weir_bytes item;
        wr_map_drop_far(heap, wr_map_block_far(&sized, block, &spot));
        spot.offset += wr_map_block_entry_sized(&sized, block, &spot, &key, &item);
    }
    wr_cow_drop_block(heap, block, block->epoch);
}

bool
wr_map_drop_some(struct wr_heap *heap, bool is_sized, const uint8_t *value, uint32_t *io_progress,
                 size_t *io_left)
{
    struct wr_map map;
    memcpy(&map, value, sizeof map);
    for (; *io_progress<map.blocks && * io_left> 0; ++*io_progress, --*io_left) {
        struct wr_map_block *block = wr_map_block_at(&map, *io_progress);
        if (block != NULL) {
            drop_block(heap, is_sized, block);
        }
    }
    if (*io_progress < map.blocks) {
        return false;
    }
    wr_map_drop_directories(heap, &map);
    return true;
}

void
wr_map_drop(struct wr_heap_state *state, const uint8_t *value)
{
    struct wr_map map;
    memcpy(&map, value, sizeof map);
    state->map_changes++;
    if (map.depth == 0 || !wr_drop_later(state->heap, &state->layout, value)) {
        uint32_t progress = 0;
        size_t all = SIZE_MAX;
        bool is_done =
            wr_map_drop_some(state->heap, state->layout.map_stride == 0, value, &progress, &all);
        wr_assert(is_done);
    }
}
