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
 * epochs between itself and the oldest bucket stamps everything first.
 */
#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "state/heap/heap.h"

enum {
    IDLE_BLOCKS = 64, /* that waited for a snapshot, freed in one idle turn */
    IDLE_PAGES = 16   /* of logs of removals */
};

static size_t
states_size(uint32_t count)
{
    return ((size_t)count + 1) * sizeof(struct wr_snapshot_state);
}

static void
states_free(struct weir_snapshot *snapshot)
{
    if (snapshot->states != NULL) {
        wr_memory_free(&snapshot->heap->alloc, snapshot->states,
                       states_size(snapshot->state_count));
        snapshot->states = NULL;
    }
}

void
wr_heap_snapshots_fini(struct wr_heap *heap)
{
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        states_free(&heap->snapshots[i]);
    }
}

static void
slot_free(struct weir_snapshot *snapshot)
{
    struct wr_heap *heap = snapshot->heap;
    wr_slow_assert(snapshot->copies == 0 && snapshot->retired.first == NULL);
    if (snapshot->walked && snapshot->epoch > heap->stamped_epoch) {
        heap->stamped_epoch = snapshot->epoch;
    }
    states_free(snapshot);
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

void
wr_heap_stamp_ended(struct wr_heap *heap)
{
    struct weir_snapshot *ended;
    while ((ended = oldest_ended(heap)) != NULL) {
        stamp_on(ended, SIZE_MAX);
    }
}

/* Makes every bucket carry the present epoch. Those that open snapshots need are copied for them.
 */
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
add_states(struct wr_heap *heap, weir_block_writer *writer, struct wr_snapshot_state *states,
           weir_error *err)
{
    for (uint32_t i = 0; i < heap->state_count; i++) {
        const struct wr_heap_state *state = heap->states[i];
        weir_state_descriptor descriptor = wr_heap_descriptor(state);
        weir_status status = weir_block_writer_add_state(writer, &descriptor, &states[i].id);
        if (status != WEIR_OK) {
            return wr_fail(err, status, "snapshot of operator '%s': state '%s' was not entered",
                           heap->operator_name, state->name);
        }
        if (state->has_ttl) {
            states[i].ttl = state->ttl;
            states[i].is_filtered = state->ttl.cleanup_full_snapshot;
        }
    }
    return WEIR_OK;
}

/* A walk of another snapshot may stamp what an open one has yet to read: nothing that it counts as
 * changed is forgotten till then. */
static void
keep_marks(struct wr_heap *heap)
{
    heap->marks_epoch = heap->base_epoch;
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        const struct weir_snapshot *snapshot = &heap->snapshots[i];
        if (snapshot->is_changes && !snapshot->ended && !snapshot->walked &&
            snapshot->base_epoch < heap->marks_epoch) {
            heap->marks_epoch = snapshot->base_epoch;
        }
    }
}

/* Whether the snapshot that begins holds changes only; the log of removals begins with the first
 * that may, or with the first of all if the options say that others will. */
static bool
begin_changes(struct wr_heap *heap, struct wr_snapshot_state *states, bool incremental)
{
    if (heap->epoch - heap->base_epoch >= WR_HEAP_EPOCHS_MOST) {
        heap->base_epoch = 0; /* 16 bits could not be compared with it any more */
    }
    bool is_changes = incremental && wr_changes_are_better(heap, states);
    heap->is_logging = heap->is_logging || incremental;
    if (heap->is_logging && heap->log_epoch == 0) {
        heap->log_epoch = heap->epoch + 1;
    }
    return is_changes;
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
    struct wr_snapshot_state *states = wr_memory_new(&heap->alloc, states_size(heap->state_count));
    if (states == NULL) {
        return wr_fail(err, WEIR_NOMEM, "snapshot of operator '%s': no memory to begin",
                       heap->operator_name);
    }
    weir_status status = add_states(heap, writer, states, err);
    if (status != WEIR_OK) {
        wr_memory_free(&heap->alloc, states, states_size(heap->state_count));
        return status;
    }
    slot->is_changes = begin_changes(heap, states, parameters->incremental);
    if (slot->is_changes) {
        weir_block_writer_set_changes(writer);
    }
    heap->epoch++;
    heap->snapshot_count++;
    heap->readers |= UINT32_C(1) << slot->slot;
    slot->writer = writer;
    slot->epoch = heap->epoch;
    slot->base_epoch = heap->base_epoch;
    slot->states = states;
    slot->now_ms = self->now_ms;
    slot->state_count = heap->state_count;
    keep_marks(heap);
    wr_copies_note_begin(&heap->copies);
    wr_copies_note_begin(&heap->wide_copies);
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
        keep_marks(heap);
    }
    *out_done = is_done;
    return WEIR_OK;
}

/* The snapshot is what the next incremental one builds on. */
static void
become_base(const struct weir_snapshot *snapshot)
{
    struct wr_heap *heap = snapshot->heap;
    if (snapshot->epoch <= heap->base_epoch) {
        return; /* a newer one has completed already */
    }
    heap->base_epoch = snapshot->epoch;
    heap->changes_bytes = snapshot->is_changes ? heap->changes_bytes + snapshot->bytes : 0;
    heap->full_bytes = snapshot->is_changes ? heap->full_bytes : snapshot->bytes;
}

void
wr_heap_snapshot_end(weir_backend *self, weir_snapshot *snapshot, bool completed)
{
    struct wr_heap *heap = wr_heap_of(self);
    snapshot->writer = NULL;
    if (snapshot->walked) {
        if (completed) {
            become_base(snapshot);
        }
        slot_free(snapshot);
    } else {
        wr_cow_reader_done(snapshot);
        snapshot->ended = true;
        snapshot->in_block = false;
        snapshot->has_to_clear = false;
        snapshot->removed = (struct wr_removed_cursor){ 0 };
        snapshot->record = (struct wr_record_progress){ 0 };
    }
    keep_marks(heap);
    for (uint32_t i = 0; i < heap->state_count; i++) {
        wr_changes_sweep(heap->states[i]);
    }
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
    bool has_removed = wr_changes_free_some(heap, IDLE_PAGES);
    bool has_pages = wr_copies_trim(&heap->copies, self->now_ms);
    has_pages = wr_copies_trim(&heap->wide_copies, self->now_ms) || has_pages;
    bool is_shrinking = wr_shrink_turn(heap, budget_bytes);
    return is_shrinking || has_pages || has_removed || heap->freeing.first != NULL;
}

bool
wr_heap_snapshot_pressed(const weir_backend *self)
{
    const struct wr_heap *heap = (const struct wr_heap *)self;
    return wr_copies_pressed(&heap->copies) || wr_copies_pressed(&heap->wide_copies);
}
