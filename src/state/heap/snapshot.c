/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot: the life of a snapshot's slot.
 *
 *   FREE   --begin--------------------> OPEN     the epoch rises, nothing is copied
 *   OPEN   --turns, walk ends---------> WALKED   all is written and stamped
 *   WALKED --end----------------------> FREE
 *   OPEN   --end (aborted)------------> ENDED    the walk goes on, only stamping
 *   ENDED  --idle turns, walk ends----> FREE
 *   ENDED  --begin of a newer one-----> FREE     if it has no copies: the newer walk stamps for it
 *
 * Two things bound how far epochs may drift apart: slots are few, and a begin that would put 2^14
 * epochs between itself and the oldest chunk stamps everything first.
 */
#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "state/heap/heap.h"

enum {
    IDLE_BLOCKS = 64
}; /* that waited for a snapshot, freed in one idle turn */

static void
slot_free(struct weir_snapshot *snapshot)
{
    struct wr_heap *heap = snapshot->heap;
    wr_slow_assert(snapshot->copies == 0 && snapshot->retired.first == NULL);
    if (snapshot->walked && snapshot->epoch > heap->stamped_epoch) {
        heap->stamped_epoch = snapshot->epoch;
    }
    if (snapshot->state_ids != NULL) {
        wr_memory_free(&heap->alloc, snapshot->state_ids,
                       (snapshot->state_count + 1) * sizeof(uint16_t));
    }
    uint32_t slot = snapshot->slot;
    *snapshot = (struct weir_snapshot){ .heap = heap, .slot = slot };
    heap->snapshot_count--;
}

/* An ended snapshot's walk, as far as the budget reaches; true when its slot is free. */
static bool
stamp_on(struct weir_snapshot *snapshot, size_t budget_bytes)
{
    weir_status status = wr_walk_turn(snapshot, budget_bytes, &snapshot->walked, NULL);
    wr_assert(status == WEIR_OK); /* it writes nothing, so nothing can fail */
    if (snapshot->walked) {
        slot_free(snapshot);
        return true;
    }
    return false;
}

static struct weir_snapshot *
oldest_ended(struct wr_heap *heap)
{
    struct weir_snapshot *oldest = NULL;
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        struct weir_snapshot *snapshot = &heap->snapshots[i];
        if (snapshot->epoch != 0 && snapshot->ended &&
            (oldest == NULL || snapshot->epoch < oldest->epoch)) {
            oldest = snapshot;
        }
    }
    return oldest;
}

static struct weir_snapshot *
free_slot(struct wr_heap *heap)
{
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        struct weir_snapshot *snapshot = &heap->snapshots[i];
        if (snapshot->epoch != 0 && snapshot->ended && snapshot->copies == 0) {
            slot_free(snapshot);
        }
        if (snapshot->epoch == 0) {
            return snapshot;
        }
    }
    struct weir_snapshot *oldest = oldest_ended(heap);
    if (oldest == NULL) {
        return NULL;
    }
    bool is_free = stamp_on(oldest, SIZE_MAX);
    wr_assert(is_free);
    return oldest;
}

/* Makes every chunk carry the present epoch. Those that open snapshots need are copied for them. */
static void
stamp_all(struct wr_heap *heap, struct weir_snapshot *slot)
{
    slot->epoch = heap->epoch;
    slot->ended = true;
    slot->state_count = heap->state_count;
    heap->snapshot_count++;
    bool is_free = stamp_on(slot, SIZE_MAX);
    wr_assert(is_free);
}

static uint64_t
oldest_reader_epoch(const struct wr_heap *heap)
{
    uint64_t oldest = heap->epoch + 1;
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        const struct weir_snapshot *snapshot = &heap->snapshots[i];
        if (snapshot->epoch != 0 && snapshot->epoch < oldest) {
            oldest = snapshot->epoch;
        }
    }
    return oldest;
}

/* Enters all states into the file. */
static weir_status
add_states(struct wr_heap *heap, weir_block_writer *writer, uint16_t *ids, weir_error *err)
{
    for (uint32_t i = 0; i < heap->state_count; i++) {
        const struct wr_heap_state *state = heap->states[i];
        weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                             .kind = WEIR_STATE_VALUE,
                                             .list_mode = WEIR_LIST_NONE,
                                             .name = state->name,
                                             .type = state->type };
        weir_status status = weir_block_writer_add_state(writer, &descriptor, &ids[i]);
        if (status != WEIR_OK) {
            return wr_fail(err, status, "snapshot of operator '%s': state '%s' was not entered",
                           heap->operator_name, state->name);
        }
    }
    return WEIR_OK;
}

weir_status
wr_heap_snapshot_begin(weir_backend *self, const weir_snapshot_parameters *parameters,
                       weir_snapshot **out_snapshot, weir_error *err)
{
    struct wr_heap *heap = wr_heap_of(self);
    weir_block_writer *writer = parameters->writer;
    struct weir_snapshot *slot = free_slot(heap);
    if (slot == NULL || heap->epoch - oldest_reader_epoch(heap) + 1 >= WR_HEAP_EPOCHS_MOST) {
        return wr_fail(err, WEIR_BUSY,
                       "snapshot of operator '%s': %u snapshots are open already; end one first",
                       heap->operator_name, heap->snapshot_count);
    }
    if (heap->epoch - heap->stamped_epoch >= WR_HEAP_EPOCHS_MOST) {
        stamp_all(heap, slot);
    }
    size_t ids_size = (heap->state_count + 1) * sizeof(uint16_t);
    uint16_t *ids = wr_memory_new(&heap->alloc, ids_size);
    if (ids == NULL) {
        return wr_fail(err, WEIR_NOMEM, "snapshot of operator '%s': no memory to begin",
                       heap->operator_name);
    }
    weir_status status = add_states(heap, writer, ids, err);
    if (status != WEIR_OK) {
        wr_memory_free(&heap->alloc, ids, ids_size);
        return status;
    }
    heap->epoch++;
    heap->snapshot_count++;
    heap->readers++;
    slot->writer = writer;
    slot->epoch = heap->epoch;
    slot->state_ids = ids;
    slot->state_count = heap->state_count;
    *out_snapshot = slot;
    return WEIR_OK;
}

weir_status
wr_heap_snapshot_turn(weir_backend *self, weir_snapshot *snapshot, size_t budget_bytes,
                      bool *out_done, weir_error *err)
{
    struct wr_heap *heap = wr_heap_of(self);
    if (snapshot->walked) {
        *out_done = true;
        return WEIR_OK;
    }
    if (snapshot->failed != WEIR_OK) {
        return wr_fail(err, snapshot->failed,
                       "snapshot of operator '%s': no memory for copies of changed state; raise "
                       "taskmanager.memory.managed.size or weir.snapshot.copy-memory",
                       heap->operator_name);
    }
    bool is_done;
    WR_TRY(wr_walk_turn(snapshot, budget_bytes, &is_done, err));
    if (is_done) {
        wr_cow_reader_done(snapshot);
        snapshot->walked = true;
    }
    *out_done = is_done;
    return WEIR_OK;
}

void
wr_heap_snapshot_end(weir_backend *self, weir_snapshot *snapshot, bool completed)
{
    (void)self;
    (void)completed; /* what was prepared for a completed one comes with deltas */
    snapshot->writer = NULL;
    if (snapshot->walked) {
        slot_free(snapshot);
        return;
    }
    wr_cow_reader_done(snapshot);
    snapshot->ended = true;
    snapshot->in_block = false;
}

bool
wr_heap_idle_turn(weir_backend *self, size_t budget_bytes)
{
    struct wr_heap *heap = wr_heap_of(self);
    struct weir_snapshot *ended = oldest_ended(heap);
    if (ended != NULL) {
        stamp_on(ended, budget_bytes);
        return true;
    }
    wr_slab_list_free(&heap->slab, &heap->freeing, IDLE_BLOCKS);
    bool has_pages = wr_copies_trim(&heap->copies);
    return has_pages || heap->freeing.first != NULL;
}

bool
wr_heap_snapshot_pressed(const weir_backend *self)
{
    return wr_copies_pressed(&((const struct wr_heap *)self)->copies);
}
