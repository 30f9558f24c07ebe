/* SPDX-License-Identifier: Apache-2.0 */
/* shrink: gives memory back after mass deletion, a few homes of a table at a time, between batches.
 *
 *   RESTING  --as many removals as entries are left--> WALKING   [begin]
 *   WALKING  --the last key group of the last state--> RESTING   [end_walk]
 *
 * Tables shrink with removals already, but not the last step, and what they leave behind lies
 * scattered over extents that cannot go while one table stands in them. So before a walk begins the
 * extent with the most free room is closed, and the walk rebuilds the tables that stand there
 * elsewhere; when memory has gone, the next one follows, until half of it is in use.
 *
 * Snapshots hold old tables: while there is one, nothing moves.
 */
#include "state/heap/drop.h"
#include "state/heap/table.h"

enum {
    REMOVALS_LEAST = 1024,
    IDLE_BLOCKS = 64 /* of removed lists and maps, dropped in one turn */
};

static uint64_t
live_count(const struct wr_heap *heap)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < heap->state_count; i++) {
        count += heap->states[i]->count;
    }
    return count;
}

static bool
begin(struct wr_heap *heap)
{
    struct wr_shrink *shrink = &heap->shrink;
    if (shrink->removals < REMOVALS_LEAST || shrink->removals < live_count(heap)) {
        return false;
    }
    wr_region_close_sparsest(&heap->tables);
    *shrink = (struct wr_shrink){ .is_walking = true, .extent_bytes = heap->tables.extent_bytes };
    return true;
}

/* True: an extent has gone and another is to go. */
static bool
end_walk(struct wr_heap *heap)
{
    heap->shrink.is_walking = false;
    wr_region_trim(&heap->tables);
    wr_region_trim(&heap->region);
    if (wr_region_reopen(&heap->tables)) {
        return false;
    }
    bool has_helped = heap->tables.extent_bytes < heap->shrink.extent_bytes;
    heap->shrink.extent_bytes = heap->tables.extent_bytes;
    heap->shrink.is_walking = has_helped && wr_region_close_sparsest(&heap->tables);
    heap->shrink.state = 0;
    heap->shrink.group = 0;
    return heap->shrink.is_walking;
}

bool
wr_shrink_turn(struct wr_heap *heap, size_t budget_bytes)
{
    struct wr_shrink *shrink = &heap->shrink;
    if (wr_drop_some(heap, IDLE_BLOCKS)) {
        return true;
    }
    if (heap->snapshot_count != 0 || (!shrink->is_walking && !begin(heap))) {
        return false;
    }
    size_t spent = 0;
    while (spent < budget_bytes) {
        if (shrink->state == heap->state_count) {
            return end_walk(heap);
        }
        struct wr_heap_state *state = heap->states[shrink->state];
        if (wr_table_tighten(state, shrink->group, &spent)) {
            continue;
        }
        shrink->group++;
        if (shrink->group == state->table_count) {
            shrink->group = 0;
            shrink->state++;
        }
    }
    return true;
}
