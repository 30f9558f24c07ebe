/* SPDX-License-Identifier: Apache-2.0 */
/* cow: the snapshot rules of the engine, where live state and open snapshots meet.
 *
 * A snapshot's epoch E is the heap's epoch after its begin. A bucket's epoch is that of its last
 * write or of the last walk that passed it, whichever is newer. So:
 *
 *   bucket's epoch <  E   the bucket is as it was when E began, and E has not read it yet
 *   bucket's epoch >= E   written or read since; if E still needs it there is a copy with E's bit,
 *                         if there is none it was not yet initialised when E began: empty
 *
 * Behind a barrier nearly each write copies, so the unit is the bucket: two lines that the write
 * asks for anyway.
 *
 * Invariants (by the numbers of the engine's snapshot rules):
 *   (1) When a walk ends every bucket of every live table carries its epoch or a newer one. An
 *       ended (aborted) snapshot keeps its slot until its walk has stamped the rest. Epochs in
 *       use differ by less than 2^15, so 16 bits compare as a signed difference. Stamping keeps
 *       the marks of changed slots (changes.h).
 *   (2) Before a bucket is stamped it is copied once for all the snapshots that need it; the copy
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

enum {
    WALK_AHEAD = 16, /* buckets */
    LINE = 64
};

bool
wr_cow_has_table(const struct weir_snapshot *snapshot, const struct wr_table *table)
{
    return table->born < snapshot->epoch &&
           (table->retired == 0 || table->retired >= snapshot->epoch);
}

/* Which open snapshots below `limit` need a bucket of that epoch, a bit each; `except` may be NULL.
 */
static uint32_t
readers_of(const struct wr_heap_state *state, const struct wr_table *table, uint16_t bucket_epoch,
           uint64_t limit, const struct weir_snapshot *except)
{
    const struct wr_heap *heap = state->heap;
    uint32_t readers = 0;
    for (uint32_t left = heap->readers; left != 0; left &= left - 1) {
        const struct weir_snapshot *snapshot = &heap->snapshots[__builtin_ctz(left)];
        if (snapshot->failed == WEIR_OK && snapshot != except && snapshot->epoch <= limit &&
            state->index < snapshot->state_count && wr_cow_has_table(snapshot, table) &&
            wr_epoch_is_older(bucket_epoch, snapshot->epoch)) {
            readers |= left & -left;
        }
    }
    return readers;
}

static uint32_t
span_count(const struct wr_table *table)
{
    return (table->bucket_count + WR_COPY_SPAN - 1) / WR_COPY_SPAN;
}

/* `count` pointers to nothing. */
static void *
pointers_new(struct wr_heap *heap, size_t count)
{
    void *pointers = wr_region_new(&heap->region, count * sizeof(void *));
    if (pointers != NULL) {
        memset(pointers, 0, count * sizeof(void *));
    }
    return pointers;
}

/* Where the bucket's list of copies begins; NULL: it never had any. */
static struct wr_copy **
list_of(const struct wr_table *table, uint32_t index)
{
    struct wr_copy **span = table->copies != NULL ? table->copies[index / WR_COPY_SPAN] : NULL;
    return span != NULL ? &span[index % WR_COPY_SPAN] : NULL;
}

/* The same, made if need be, span by span: the first write behind a barrier must not wait until
 * a pointer for each bucket is there. NULL: no memory. */
static struct wr_copy **
list_need(struct wr_heap *heap, struct wr_table *table, uint32_t index)
{
    if (table->copies == NULL) {
        table->copies = pointers_new(heap, span_count(table));
    }
    if (table->copies == NULL) {
        return NULL;
    }
    struct wr_copy ***span = &table->copies[index / WR_COPY_SPAN];
    if (*span == NULL) {
        *span = pointers_new(heap, WR_COPY_SPAN);
    }
    return *span != NULL ? &(*span)[index % WR_COPY_SPAN] : NULL;
}

static struct wr_copies *
copies_of(struct wr_heap_state *state)
{
    bool is_wide = state->layout.bucket_bytes == WR_BUCKET_BYTES_WIDE;
    return is_wide ? &state->heap->wide_copies : &state->heap->copies;
}

/* Copies a bucket for its readers, or fails them. */
static void
copy_for(struct wr_heap_state *state, struct wr_table *table, const struct wr_bucket *bucket,
         uint32_t readers)
{
    struct wr_heap *heap = state->heap;
    struct wr_copy **list = list_need(heap, table, wr_table_index(&state->layout, table, bucket));
    struct wr_copy *copy = list != NULL ? wr_copies_take(copies_of(state), bucket) : NULL;
    for (uint32_t left = readers; left != 0; left &= left - 1) {
        struct weir_snapshot *reader = &heap->snapshots[__builtin_ctz(left)];
        reader->copies += copy != NULL;
        reader->failed = copy != NULL ? WEIR_OK : WEIR_NOMEM;
    }
    if (copy == NULL) {
        return;
    }
    copy->wanted_by = readers;
    copy->next = *list;
    *list = copy;
}

void
wr_cow_touch_slow(struct wr_heap_state *state, struct wr_table *table, struct wr_bucket *bucket)
{
    const struct wr_heap *heap = state->heap;
    uint32_t readers = readers_of(state, table, bucket->epoch, heap->epoch, NULL);
    if (readers != 0) {
        copy_for(state, table, bucket, readers);
    }
    wr_bucket_stamp(bucket, heap->epoch, heap->marks_epoch);
}

/* Takes the walker's bit off its copy of the bucket. */
static void
copy_done(struct weir_snapshot *walker, struct wr_heap_state *state, struct wr_copy **list)
{
    uint32_t bit = UINT32_C(1) << walker->slot;
    for (struct wr_copy **link = list; *link != NULL; link = &(*link)->next) {
        struct wr_copy *copy = *link;
        if ((copy->wanted_by & bit) == 0) {
            continue;
        }
        copy->wanted_by &= ~bit;
        walker->copies--;
        if (copy->wanted_by == 0) {
            *link = copy->next;
            wr_copies_give(copies_of(state), copy);
        }
        return;
    }
}

void
wr_cow_walked(struct weir_snapshot *walker, struct wr_heap_state *state, struct wr_table *table,
              uint32_t index)
{
    if (index < table->ready) {
        struct wr_bucket *bucket = wr_table_bucket(&state->layout, table, index);
        if (wr_epoch_is_older(bucket->epoch, walker->epoch)) {
            uint32_t readers = readers_of(state, table, bucket->epoch, walker->epoch, walker);
            if (readers != 0) {
                copy_for(state, table, bucket, readers);
            }
            wr_bucket_stamp(bucket, walker->epoch, state->heap->marks_epoch);
            return;
        }
    }
    struct wr_copy **list = list_of(table, index);
    if (list != NULL) {
        copy_done(walker, state, list);
    }
}

uint32_t
wr_cow_untouched(const struct weir_snapshot *snapshot, const struct wr_heap_state *state,
                 const struct wr_table *table, uint32_t first, uint32_t most)
{
    uint32_t at = first;
    uint32_t end =
        table->ready > first && table->ready - first > most ? first + most : table->ready;
    while (at < end &&
           wr_epoch_is_older(wr_table_bucket(&state->layout, table, at)->epoch, snapshot->epoch)) {
        at++;
    }
    return at - first;
}

/* Asks for the copies that a walk will come to: the head of one, the bytes of one that is nearer.
 */
static inline __attribute__((always_inline)) void
ask_ahead(const struct wr_table *table, uint32_t index)
{
    struct wr_copy **far = list_of(table, index + WALK_AHEAD);
    if (far != NULL) {
        __builtin_prefetch(*far, 1, 3);
    }
    struct wr_copy **near = list_of(table, index + WALK_AHEAD / 2);
    if (near != NULL && *near != NULL) {
        __builtin_prefetch((*near)->bytes, 0, 3);
        __builtin_prefetch((*near)->bytes + LINE, 0, 3);
    }
}

const struct wr_bucket *
wr_cow_read(const struct weir_snapshot *snapshot, const struct wr_heap_state *state,
            const struct wr_table *table, uint32_t index)
{
    if (index >= table->ready) {
        return NULL;
    }
    const struct wr_bucket *bucket = wr_table_bucket(&state->layout, table, index);
    if (wr_epoch_is_older(bucket->epoch, snapshot->epoch)) {
        return bucket;
    }
    if (table->bucket_count - index > WALK_AHEAD) {
        ask_ahead(table, index);
    }
    struct wr_copy **list = list_of(table, index);
    const struct wr_copy *copy = list != NULL ? *list : NULL;
    while (copy != NULL && (copy->wanted_by & (UINT32_C(1) << snapshot->slot)) == 0) {
        copy = copy->next;
    }
    return copy != NULL ? (const struct wr_bucket *)(const void *)copy->bytes : NULL;
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
    for (uint32_t i = 0; table->copies != NULL && i < span_count(table); i++) {
        if (table->copies[i] != NULL) {
            wr_region_free(&heap->region, table->copies[i], WR_COPY_SPAN * sizeof(void *));
        }
    }
    if (table->copies != NULL) {
        wr_region_free(&heap->region, table->copies, span_count(table) * sizeof(void *));
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
    heap->readers &= ~(UINT32_C(1) << snapshot->slot);
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
