/* SPDX-License-Identifier: Apache-2.0 */
/* changes: what an incremental snapshot holds, and whether it should be one.
 *
 *   state --> removals of epoch 9 --> removals of epoch 8 --> ...
 *                 |
 *                 '--heads[group % n]--> key --> key --> ...
 *
 * A snapshot of epoch E that builds on one of epoch B needs the keys removed at B <= epoch < E, and
 * the slots written in that time. Invariants:
 *   (1) A segment's epoch is that of its removals, or a newer one if no snapshot between the two
 *       can still complete. So a key that was removed and made again later than the base is in the
 *       changes as both, deletion first; and never as a deletion alone.
 *   (2) Slots may be told too often, never too seldom: an entry written again is right anyway.
 *   (3) A removal that found no memory, or no room under the limit, sets lost_epoch: of a state for
 *       which that is not older than the base all is written, and takes the place of what there
 * was.
 *
 * How much has changed is estimated from a sample of buckets: keys lie where their hash puts them,
 * so any bucket is as good as another, and the estimate needs no counter on the way of a write.
 */
#include "state/heap/changes.h"

#include "base/check.h"
#include "state/heap/heap.h"
#include "state/heap/record.h"
#include "state/heap/table.h"

enum {
    HEADS_MOST = 4096,
    PAGE_LEAST = 4 << 10,
    PAGE_MOST = 64 << 10,
    LOG_LEAST = 64 << 10, /* the log may be as large, and a quarter of the tables more */
    SAMPLES = 64,
    EMPTY_MOST = 64,        /* key groups passed for one that is not */
    CLEAR_BYTES = 64,       /* of saying that a key group begins anew, with its place */
    CHANGES_MOST_TENTHS = 3 /* of a full snapshot */
};

/* --- the log --- */

static struct wr_removed_page *
page_new(struct wr_heap *heap, struct wr_changes *changes, size_t size)
{
    struct wr_removed_page *page = wr_region_new(&heap->region, size);
    if (page != NULL) {
        *page = (struct wr_removed_page){ .size = size };
        changes->bytes += size;
    }
    return page;
}

static size_t
page_size_for(size_t least, size_t wanted)
{
    size_t size = PAGE_LEAST;
    while (size < least || (size < wanted && size < PAGE_MOST)) {
        size *= 2;
    }
    return size;
}

static struct wr_removals *
segment_new(struct wr_heap_state *state)
{
    struct wr_heap *heap = state->heap;
    struct wr_changes *changes = &state->changes;
    uint32_t heads = heap->key_group_count < HEADS_MOST ? heap->key_group_count : HEADS_MOST;
    size_t fixed = sizeof(struct wr_removed_page) + sizeof(struct wr_removals) +
                   heads * sizeof(struct wr_removed *);
    struct wr_removed_page *page = page_new(heap, changes, page_size_for(fixed + 512, 0));
    if (page == NULL) {
        return NULL;
    }
    struct wr_removals *segment = (struct wr_removals *)(page + 1);
    *segment = (struct wr_removals){ .older = changes->newest,
                                     .epoch = heap->epoch,
                                     .first_page = page,
                                     .last_page = page,
                                     .at = (uint8_t *)page + fixed,
                                     .end = (uint8_t *)page + page->size,
                                     .bytes = page->size,
                                     .head_count = heads };
    memset(segment->heads, 0, heads * sizeof(struct wr_removed *));
    changes->newest = segment;
    return segment;
}

/* Whether a snapshot that began behind `epoch` may still complete. */
static bool
may_complete_behind(const struct wr_heap *heap, uint64_t epoch)
{
    for (uint32_t i = 0; heap->snapshot_count != 0 && i < WR_HEAP_SNAPSHOTS; i++) {
        const struct weir_snapshot *snapshot = &heap->snapshots[i];
        if (snapshot->epoch > epoch && !snapshot->ended) {
            return true;
        }
    }
    return false;
}

/* The segment that takes what is removed now; NULL: no memory. */
static struct wr_removals *
present_segment(struct wr_heap_state *state)
{
    struct wr_removals *newest = state->changes.newest;
    if (newest != NULL && newest->epoch != state->heap->epoch &&
        newest->epoch >= state->heap->base_epoch &&
        !may_complete_behind(state->heap, newest->epoch)) {
        newest->epoch = state->heap->epoch;
    }
    if (newest != NULL && newest->epoch == state->heap->epoch) {
        return newest;
    }
    wr_changes_sweep(state);
    return segment_new(state);
}

/* Room for one more key; NULL: no memory. */
static struct wr_removed *
removed_new(struct wr_heap_state *state, struct wr_removals *segment, size_t key_size)
{
    size_t size = weir_round8(sizeof(struct wr_removed) + key_size);
    if ((size_t)(segment->end - segment->at) < size) {
        struct wr_removed_page *page =
            page_new(state->heap, &state->changes,
                     page_size_for(sizeof *page + size, segment->last_page->size * 2));
        if (page == NULL) {
            return NULL;
        }
        segment->last_page->next = page;
        segment->last_page = page;
        segment->bytes += page->size;
        segment->at = (uint8_t *)(page + 1);
        segment->end = (uint8_t *)page + page->size;
    }
    struct wr_removed *removed = (void *)segment->at;
    segment->at += size;
    return removed;
}

void
wr_changes_lose(struct wr_heap_state *state)
{
    state->changes.lost_epoch = state->heap->epoch;
    wr_changes_sweep(state);
}

void
wr_changes_removed(struct wr_heap_state *state, uint32_t group, weir_bytes key)
{
    struct wr_heap *heap = state->heap;
    struct wr_changes *changes = &state->changes;
    if (heap->log_epoch == 0 || changes->lost_epoch == heap->epoch) {
        return;
    }
    wr_changes_free_some(heap, 1);
    struct wr_removals *segment =
        changes->bytes <= LOG_LEAST + state->bucket_bytes / 4 ? present_segment(state) : NULL;
    struct wr_removed *removed = segment != NULL ? removed_new(state, segment, key.size) : NULL;
    if (removed == NULL) {
        wr_changes_lose(state);
        return;
    }
    struct wr_removed **head = &segment->heads[group % segment->head_count];
    *removed = (struct wr_removed){ .next = *head, .group = group, .size = (uint32_t)key.size };
    if (key.size != 0) {
        memcpy(removed->key, key.data, key.size);
    }
    *head = removed;
    segment->record_bytes += 8 + key.size;
}

/* Whether a snapshot, open or to come, needs what was removed at this epoch. */
static bool
is_needed(const struct wr_heap_state *state, uint64_t epoch)
{
    const struct wr_heap *heap = state->heap;
    if (heap->log_epoch != 0 && epoch >= heap->base_epoch && epoch > state->changes.lost_epoch) {
        return true;
    }
    for (uint32_t i = 0; heap->snapshot_count != 0 && i < WR_HEAP_SNAPSHOTS; i++) {
        const struct weir_snapshot *snapshot = &heap->snapshots[i];
        if (snapshot->is_changes && !snapshot->ended && !snapshot->walked &&
            epoch >= snapshot->base_epoch && epoch < snapshot->epoch) {
            return true;
        }
    }
    return false;
}

void
wr_changes_sweep(struct wr_heap_state *state)
{
    struct wr_heap *heap = state->heap;
    struct wr_removals **link = &state->changes.newest;
    while (*link != NULL) {
        struct wr_removals *segment = *link;
        if (is_needed(state, segment->epoch)) {
            link = &segment->older;
            continue;
        }
        *link = segment->older;
        state->changes.bytes -= segment->bytes;
        segment->last_page->next = heap->freeing_pages;
        heap->freeing_pages = segment->first_page;
    }
}

bool
wr_changes_free_some(struct wr_heap *heap, size_t most)
{
    for (; most > 0 && heap->freeing_pages != NULL; most--) {
        struct wr_removed_page *page = heap->freeing_pages;
        heap->freeing_pages = page->next;
        wr_region_free(&heap->region, page, page->size);
    }
    return heap->freeing_pages != NULL;
}

/* --- reading it --- */

/* The newest segment, from this one on, of an epoch below `before`. */
static void
enter_segment(struct wr_removed_cursor *cursor, const struct wr_removals *segment, uint32_t group)
{
    cursor->segment = segment;
    cursor->next = segment != NULL ? segment->heads[group % segment->head_count] : NULL;
}

void
wr_changes_first(const struct wr_heap_state *state, uint32_t group, uint64_t base, uint64_t before,
                 struct wr_removed_cursor *out_cursor)
{
    const struct wr_removals *segment = state->changes.newest;
    while (segment != NULL && segment->epoch >= before) {
        segment = segment->older;
    }
    enter_segment(out_cursor, segment != NULL && segment->epoch >= base ? segment : NULL, group);
}

const struct wr_removed *
wr_changes_next(struct wr_removed_cursor *cursor, uint32_t group, uint64_t base, size_t *io_looked)
{
    while (cursor->segment != NULL) {
        const struct wr_removed *removed = cursor->next;
        if (removed == NULL) {
            const struct wr_removals *older = cursor->segment->older;
            enter_segment(cursor, older != NULL && older->epoch >= base ? older : NULL, group);
            continue;
        }
        cursor->next = removed->next;
        ++*io_looked;
        if (removed->group == group) {
            return removed;
        }
    }
    return NULL;
}

/* --- whether it pays --- */

struct sample {
    uint64_t slots; /* that hold an entry */
    uint64_t bytes; /* of their records */
    uint64_t changed_bytes;
};

/* The bucket of a sample, by a number that is as good as a hash. */
static const struct wr_bucket *
sample_bucket(const struct wr_heap_state *state, uint32_t index, uint32_t high)
{
    uint32_t count = state->table_count;
    uint32_t group =
        count <= SAMPLES ? index % count : (uint32_t)((uint64_t)index * count / SAMPLES);
    for (uint32_t i = 0; state->tables[group] == NULL && i < EMPTY_MOST; i++) {
        group = group + 1 < count ? group + 1 : 0;
    }
    struct wr_table *table = state->tables[group];
    if (table == NULL) {
        return NULL;
    }
    table = wr_table_serving(table, high);
    uint32_t home = wr_home_of(high, table->bucket_count);
    return home < table->ready ? wr_table_bucket(&state->layout, table, home) : NULL;
}

static void
sample_slots(const struct wr_layout *layout, const struct wr_bucket *bucket, uint64_t base,
             struct sample *sample)
{
    uint8_t changed = wr_bucket_changed(bucket, base);
    for (uint32_t slot = 0; slot < layout->slots; slot++) {
        if (wr_bucket_tag(bucket, slot) == 0) {
            continue;
        }
        uint64_t bytes = wr_record_bytes(layout, wr_bucket_slot(layout, bucket, slot));
        sample->slots++;
        sample->bytes += bytes;
        sample->changed_bytes += (changed >> slot & 1) != 0 ? bytes : 0;
    }
}

/* What a state would take. */
struct estimate {
    uint64_t full;
    uint64_t changes;
};

static struct estimate
estimate(const struct wr_heap_state *state)
{
    const struct wr_heap *heap = state->heap;
    const struct wr_bucket *buckets[SAMPLES];
    for (uint32_t i = 0; i < SAMPLES; i++) { /* all lines are asked for before one is read */
        uint32_t high = (i + (uint32_t)heap->epoch * SAMPLES) * UINT32_C(0x9e3779b1);
        buckets[i] = sample_bucket(state, i, high);
        if (buckets[i] != NULL) {
            wr_bucket_prefetch(buckets[i], state->layout.bucket_bytes);
        }
    }
    struct sample sample = { 0 };
    for (uint32_t i = 0; i < SAMPLES; i++) {
        if (buckets[i] != NULL) {
            sample_slots(&state->layout, buckets[i], heap->base_epoch, &sample);
        }
    }
    struct estimate guess = { state->count * state->layout.slot_bytes,
                              state->count * state->layout.slot_bytes };
    if (sample.slots != 0) { /* else so few that none was seen */
        guess.full = sample.bytes * state->count / sample.slots;
        guess.changes = sample.changed_bytes * state->count / sample.slots;
    }
    const struct wr_removals *segment = state->changes.newest;
    for (; segment != NULL && segment->epoch >= heap->base_epoch; segment = segment->older) {
        guess.changes += segment->record_bytes;
    }
    return guess;
}

bool
wr_changes_are_better(const struct wr_heap *heap, struct wr_snapshot_state *states)
{
    uint64_t base = heap->base_epoch;
    if (base == 0 || heap->log_epoch == 0 || base < heap->log_epoch || base <= heap->made_anew) {
        return false;
    }
    struct estimate sum = { 0 };
    for (uint32_t i = 0; i < heap->state_count; i++) {
        const struct wr_heap_state *state = heap->states[i];
        struct estimate guess = estimate(state);
        uint64_t whole = guess.full + (uint64_t)heap->key_group_count * CLEAR_BYTES;
        states[i].is_whole = state->changes.lost_epoch >= base || whole < guess.changes;
        sum.full += guess.full;
        sum.changes += states[i].is_whole ? whole : guess.changes;
    }
    bool is_long = heap->changes_bytes + sum.changes > heap->full_bytes / 2;
    return !is_long && sum.changes * 10 <= sum.full * CHANGES_MOST_TENTHS;
}
