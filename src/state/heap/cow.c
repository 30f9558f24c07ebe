/* SPDX-License-Identifier: Apache-2.0 */
/* cow: the snapshot rules of the engine, where live state and open snapshots meet.
 *
 * A snapshot's epoch E is the heap's epoch after its begin. A chunk's epoch (in the heads of its
 * buckets, all alike) is that of its last write or of the last walk that passed it, whichever is
 * newer. So:
 *
 *   chunk's epoch <  E   the chunk is as it was when E began, and E has not read it yet
 *   chunk's epoch >= E   written or read since; if E still needs it there is a copy with E's bit,
 *                        if there is none the chunk was not yet initialised when E began: empty
 *
 * Invariants (by the numbers of the engine's snapshot rules):
 *   (1) When a walk ends every chunk of every live table carries its epoch or a newer one. An
 *       ended (aborted) snapshot keeps its slot until its walk has stamped the rest. Epochs in
 *       use differ by less than 2^15, so 16 bits compare as a signed difference. Stamping keeps
 *       the marks of changed slots (changes.h).
 *   (2) Before a chunk is stamped it is copied once for all the snapshots that need it; the copy
 *       carries a bit for each of them and goes when the last has read it.
 *   (4) A slab block that was allocated before the newest begin is never changed while a snapshot
 *       has yet to read; dropped ones wait on the list of the newest such snapshot. When that one
 *       is done the list goes to the next older one, or is free.
 *   (6) Tables are kept or freed by the epochs of their birth and retirement: snapshot E has a
 *       table iff born < E <= retired. `moved` of an old table counts for the snapshot as it found
 *       it at its begin (wr_cow_moved_at).
 *   (7) A copy that finds no snapshot memory takes state memory, and if that is refused too the
 *       snapshots that need it fail. A write never fails for a snapshot.
 */
#include "state/heap/heap.h"

#include "base/check.h"
#include "base/memory.h"
#include "state/heap/table.h"

static uint32_t
chunk_count(const struct wr_layout *layout, const struct wr_table *table)
{
    return (table->bucket_count + layout->chunk_buckets - 1) / layout->chunk_buckets;
}

static uint32_t
chunk_buckets(const struct wr_layout *layout, const struct wr_table *table, uint32_t chunk)
{
    uint32_t left = table->bucket_count - chunk * layout->chunk_buckets;
    return left < layout->chunk_buckets ? left : layout->chunk_buckets;
}

bool
wr_cow_has_table(const struct weir_snapshot *snapshot, const struct wr_table *table)
{
    return table->born < snapshot->epoch &&
           (table->retired == 0 || table->retired >= snapshot->epoch);
}

/* Which open snapshots below `limit` need a chunk of that epoch, a bit each; `except` may be NULL.
 */
static uint32_t
readers_of(const struct wr_heap_state *state, const struct wr_table *table, uint16_t chunk_epoch,
           uint64_t limit, const struct weir_snapshot *except)
{
    const struct wr_heap *heap = state->heap;
    uint32_t readers = 0;
    for (uint32_t i = 0; heap->readers != 0 && i < WR_HEAP_SNAPSHOTS; i++) {
        const struct weir_snapshot *snapshot = &heap->snapshots[i];
        if (snapshot->epoch == 0 || snapshot->ended || snapshot->walked ||
            snapshot->failed != WEIR_OK || snapshot == except || snapshot->epoch > limit) {
            continue;
        }
        if (state->index < snapshot->state_count && wr_cow_has_table(snapshot, table) &&
            wr_epoch_is_older(chunk_epoch, snapshot->epoch)) {
            readers |= UINT32_C(1) << i;
        }
    }
    return readers;
}

static struct wr_copy *
copy_new(struct wr_heap_state *state, struct wr_table *table)
{
    struct wr_heap *heap = state->heap;
    if (table->copies == NULL) {
        size_t size = chunk_count(&state->layout, table) * sizeof(struct wr_copy *);
        table->copies = wr_region_new(&heap->region, size);
        if (table->copies == NULL) {
            return NULL;
        }
        memset(table->copies, 0, size);
    }
    return wr_copies_take(&heap->copies);
}

/* Copies a chunk for its readers, or fails them. */
static void
copy_for(struct wr_heap_state *state, struct wr_table *table, uint32_t chunk, uint32_t readers)
{
    struct wr_heap *heap = state->heap;
    const struct wr_layout *layout = &state->layout;
    struct wr_copy *copy = copy_new(state, table);
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        if ((readers & (UINT32_C(1) << i)) != 0) {
            heap->snapshots[i].copies += copy != NULL;
            heap->snapshots[i].failed = copy != NULL ? WEIR_OK : WEIR_NOMEM;
        }
    }
    if (copy == NULL) {
        return;
    }
    copy->wanted_by = readers;
    memcpy(copy->bytes, wr_table_bucket(layout, table, chunk * layout->chunk_buckets),
           (size_t)chunk_buckets(layout, table, chunk) * layout->bucket_bytes);
    copy->next = table->copies[chunk];
    table->copies[chunk] = copy;
}

static void
stamp(const struct wr_heap_state *state, struct wr_table *table, uint32_t chunk, uint64_t epoch)
{
    const struct wr_layout *layout = &state->layout;
    uint64_t base = state->heap->marks_epoch;
    uint32_t first = chunk * layout->chunk_buckets;
    uint32_t count = chunk_buckets(layout, table, chunk);
    for (uint32_t i = 0; i < count; i++) {
        wr_bucket_stamp(wr_table_bucket(layout, table, first + i), epoch, base);
    }
}

void
wr_cow_touch_slow(struct wr_heap_state *state, struct wr_table *table,
                  const struct wr_bucket *bucket)
{
    struct wr_heap *heap = state->heap;
    size_t offset = (size_t)((const uint8_t *)bucket - table->buckets);
    uint32_t chunk = (uint32_t)(offset / WR_CHUNK_BYTES);
    uint32_t readers = readers_of(state, table, bucket->epoch, heap->epoch, NULL);
    if (readers != 0) {
        copy_for(state, table, chunk, readers);
    }
    stamp(state, table, chunk, heap->epoch);
}

/* Takes the walker's bit off its copy of the chunk. */
static void
copy_done(struct weir_snapshot *walker, struct wr_table *table, uint32_t chunk)
{
    uint32_t bit = UINT32_C(1) << walker->slot;
    for (struct wr_copy **link = &table->copies[chunk]; *link != NULL; link = &(*link)->next) {
        struct wr_copy *copy = *link;
        if ((copy->wanted_by & bit) == 0) {
            continue;
        }
        copy->wanted_by &= ~bit;
        walker->copies--;
        if (copy->wanted_by == 0) {
            *link = copy->next;
            wr_copies_give(&walker->heap->copies, copy);
        }
        return;
    }
}

void
wr_cow_walked(struct weir_snapshot *walker, struct wr_heap_state *state, struct wr_table *table,
              uint32_t chunk)
{
    const struct wr_layout *layout = &state->layout;
    if (chunk * layout->chunk_buckets < table->ready) {
        uint16_t epoch = wr_table_bucket(layout, table, chunk * layout->chunk_buckets)->epoch;
        if (wr_epoch_is_older(epoch, walker->epoch)) {
            uint32_t readers = readers_of(state, table, epoch, walker->epoch, walker);
            if (readers != 0) {
                copy_for(state, table, chunk, readers);
            }
            stamp(state, table, chunk, walker->epoch);
            return;
        }
    }
    if (table->copies != NULL) {
        copy_done(walker, table, chunk);
    }
}

const uint8_t *
wr_cow_read(const struct weir_snapshot *snapshot, const struct wr_heap_state *state,
            const struct wr_table *table, uint32_t chunk)
{
    const struct wr_layout *layout = &state->layout;
    uint32_t first = chunk * layout->chunk_buckets;
    if (first >= table->ready) {
        return NULL;
    }
    const struct wr_bucket *bucket = wr_table_bucket(layout, table, first);
    if (wr_epoch_is_older(bucket->epoch, snapshot->epoch)) {
        return (const uint8_t *)bucket;
    }
    const struct wr_copy *copy = table->copies != NULL ? table->copies[chunk] : NULL;
    while (copy != NULL && (copy->wanted_by & (UINT32_C(1) << snapshot->slot)) == 0) {
        copy = copy->next;
    }
    return copy != NULL ? copy->bytes : NULL;
}

uint32_t
wr_cow_moved_at(const struct weir_snapshot *snapshot, const struct wr_table *table)
{
    return table->moved_epoch < snapshot->epoch ? table->moved : table->moved_at[snapshot->slot];
}

void
wr_cow_keep_moved(struct wr_heap *heap, struct wr_table *table)
{
    if (table->moved_epoch == heap->epoch) {
        return;
    }
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        if (heap->snapshots[i].epoch > table->moved_epoch) {
            table->moved_at[i] = table->moved;
        }
    }
    table->moved_epoch = heap->epoch;
}

/* Whether a snapshot has yet to walk this table. */
static bool
is_awaited(const struct wr_heap_state *state, uint32_t group, const struct wr_table *table)
{
    const struct wr_heap *heap = state->heap;
    for (uint32_t i = 0; heap->snapshot_count != 0 && i < WR_HEAP_SNAPSHOTS; i++) {
        const struct weir_snapshot *snapshot = &heap->snapshots[i];
        if (snapshot->epoch == 0 || snapshot->walked || state->index >= snapshot->state_count ||
            !wr_cow_has_table(snapshot, table)) {
            continue;
        }
        bool passed = snapshot->state > state->index ||
                      (snapshot->state == state->index && snapshot->key_group > group);
        if (!passed) {
            return true;
        }
    }
    return false;
}

void
wr_cow_drop_table(struct wr_heap_state *state, struct wr_table *table)
{
    struct wr_heap *heap = state->heap;
    if (table->copies != NULL) {
        uint32_t chunks = chunk_count(&state->layout, table);
        wr_region_free(&heap->region, table->copies, chunks * sizeof(struct wr_copy *));
        table->copies = NULL;
    }
    wr_table_free(state, table);
}

void
wr_cow_sweep(struct wr_heap_state *state, uint32_t group)
{
    struct wr_table *table = state->tables[group];
    if (table == NULL) {
        return;
    }
    struct wr_table **link = table->growing ? &table->older->older : &table->older;
    while (*link != NULL) {
        struct wr_table *old = *link;
        if (is_awaited(state, group, old)) {
            link = &old->older;
            continue;
        }
        *link = old->older;
        wr_cow_drop_table(state, old);
    }
}

void
wr_cow_drop_block(struct wr_heap *heap, void *block, uint32_t epoch)
{
    if (wr_cow_is_own(heap, epoch)) {
        wr_slab_free(&heap->slab, block);
        return;
    }
    struct weir_snapshot *newest = NULL;
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        struct weir_snapshot *snapshot = &heap->snapshots[i];
        if (snapshot->epoch != 0 && !snapshot->ended && !snapshot->walked &&
            (newest == NULL || snapshot->epoch > newest->epoch)) {
            newest = snapshot;
        }
    }
    wr_assert(newest != NULL);
    wr_slab_list_add(&newest->retired, block);
}

void
wr_cow_reader_done(struct weir_snapshot *snapshot)
{
    struct wr_heap *heap = snapshot->heap;
    heap->readers--;
    struct weir_snapshot *older = NULL;
    for (uint32_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        struct weir_snapshot *other = &heap->snapshots[i];
        bool reads = other->epoch != 0 && !other->ended && !other->walked;
        if (reads && other->epoch < snapshot->epoch &&
            (older == NULL || other->epoch > older->epoch)) {
            older = other;
        }
    }
    wr_slab_list_join(older != NULL ? &older->retired : &heap->freeing, &snapshot->retired);
}
