/* SPDX-License-Identifier: Apache-2.0 */
/* entry: reads and writes of single keys and of batches.
 *
 *   flat   the value stands in the slot: what is lent points into the table
 *   slab   the slot holds a reference: what is lent points into a block, which never moves
 *
 * Order of every write: memory first (blocks, room in the table), then the change, which cannot fail; so
 * a refusal leaves everything as it was. Growing happens in wr_table_make_room alone: between that and the
 * next call nothing moves, which is what makes lent pointers stay valid.
 *
 * A batch is looked up twice if any of its keys is new: first all are looked for, then room is made for all
 * that are missing, then all are looked for again and the missing ones inserted. In the steady state
 * nothing is missing and the first round is all there is.
 */
#include "base/fail.h"
#include "state/heap/heap.h"
#include "state/heap/table.h"
#include "state/key_hash.h"

enum {
    PREFETCH_AHEAD = 24,
    PREFETCH_LEAST_BYTES = 1 << 20, /* smaller states sit in the cache: looking ahead only costs */
    FREE_A_WRITE = 4 /* blocks that waited for a snapshot, freed with each write */
};

/* The key's group, less the first; key_group_count if the backend does not own it. */
static uint32_t
group_of(const struct wr_heap *heap, const weir_key *key)
{
    uint32_t group = key->key_group - heap->key_group_first; /* below the first: wraps, too large */
    return group < heap->key_group_count ? group : heap->key_group_count;
}

static weir_status
check_key(const struct wr_heap_state *state, const weir_key *key)
{
    if (group_of(state->heap, key) == state->heap->key_group_count) {
        return WEIR_INVALID;
    }
    if (state->layout.key_size != 0) {
        return key->size == state->layout.key_size ? WEIR_OK : WEIR_INVALID;
    }
    return key->size <= WEIR_KEY_SIZE_MAX ? WEIR_OK : WEIR_LIMIT;
}

static uint8_t *
slot_value(const struct wr_heap_state *state, const struct wr_place *place)
{
    return place->at + state->layout.key_part_bytes;
}

static weir_bytes
value_of(const struct wr_heap_state *state, const uint8_t *slot)
{
    const uint8_t *value = slot + state->layout.key_part_bytes;
    if (!state->layout.value_in_slab) {
        return weir_bytes_of(value, state->layout.value_size);
    }
    struct wr_reference reference;
    memcpy(&reference, value, sizeof reference);
    return weir_bytes_of(reference.place, reference.size);
}

static void
mark_dirty(const struct wr_heap_state *state, const struct wr_place *place)
{
    wr_table_bucket(&state->layout, place->table, place->bucket)->dirty |=
        (uint8_t)(1u << place->slot);
}

static void
free_some(struct wr_heap *heap)
{
    if (heap->freeing.first != NULL) {
        wr_slab_list_free(&heap->slab, &heap->freeing, FREE_A_WRITE);
    }
}

/* A block with this content. */
static uint8_t *
block_new(struct wr_heap *heap, const void *data, size_t size)
{
    uint8_t *block = wr_slab_new(&heap->slab, size != 0 ? size : 1);
    if (block != NULL && size != 0) {
        memcpy(block, data, size);
    }
    return block;
}

/* Makes the entry of a key that is not there; room must have been made. The value is what is given (of a
 * flat one: its bytes). WEIR_NOMEM: nothing changed. */
static weir_status
entry_new(struct wr_heap_state *state, const struct wr_probe *probe, uint32_t group,
          weir_bytes value, struct wr_place *out_place)
{
    struct wr_heap *heap = state->heap;
    uint8_t *key_block = NULL;
    struct wr_reference reference = { .size = (uint32_t)value.size,
                                      .epoch = (uint32_t)heap->epoch };
    if (probe->data != NULL) {
        key_block = block_new(heap, probe->data, probe->size);
        if (key_block == NULL) {
            return WEIR_NOMEM;
        }
    }
    if (state->layout.value_in_slab) {
        reference.place = block_new(heap, value.data, value.size);
        if (reference.place == NULL) {
            if (key_block != NULL) {
                wr_slab_free(&heap->slab, key_block);
            }
            return WEIR_NOMEM;
        }
    }
    wr_table_insert(state, group, probe, key_block, out_place);
    uint8_t *at = slot_value(state, out_place);
    if (state->layout.value_in_slab) {
        memcpy(at, &reference, sizeof reference);
    } else {
        memset(at, 0, state->layout.slot_bytes - state->layout.key_part_bytes);
        memcpy(at, value.data, value.size);
    }
    return WEIR_OK;
}

static weir_bytes
default_of(const struct wr_heap_state *state)
{
    return weir_bytes_of(state->defaults, state->layout.value_size);
}

/* The value of an entry that is there, ready to be changed in place. */
static weir_status
entry_own(struct wr_heap_state *state, const struct wr_place *place, void **out_value)
{
    struct wr_heap *heap = state->heap;
    uint8_t *at = slot_value(state, place);
    if (!state->layout.value_in_slab) {
        wr_cow_touch(state, place->table, place->bucket);
        mark_dirty(state, place);
        *out_value = at;
        return WEIR_OK;
    }
    struct wr_reference reference;
    memcpy(&reference, at, sizeof reference);
    uint32_t epoch = reference.epoch;
    if (!wr_cow_is_own(heap, epoch)) {
        uint8_t *block = block_new(heap, reference.place, reference.size);
        if (block == NULL) {
            return WEIR_NOMEM;
        }
        wr_cow_drop_block(heap, reference.place, epoch);
        reference.place = block;
    }
    wr_cow_touch(state, place->table, place->bucket);
    mark_dirty(state, place);
    reference.epoch = (uint32_t)heap->epoch;
    memcpy(at, &reference, sizeof reference);
    *out_value = reference.place;
    return WEIR_OK;
}

void
wr_heap_prefetch(weir_state *self, const weir_key *keys, size_t count)
{
    const struct wr_heap_state *state = wr_heap_state_of(self);
    if (state->bucket_bytes < PREFETCH_LEAST_BYTES) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t group = group_of(state->heap, &keys[i]);
        if (group != state->heap->key_group_count) {
            wr_table_prefetch(state, group, (uint32_t)(keys[i].hash >> 32));
        }
    }
}

weir_status
wr_heap_find(weir_state *self, const weir_key *key, weir_bytes *out_value)
{
    const struct wr_heap_state *state = wr_heap_state_of(self);
    WR_TRY(check_key(state, key));
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, &state->layout, key);
    if (!wr_table_find(state, group_of(state->heap, key), &probe, &place)) {
        return WEIR_NOT_FOUND;
    }
    *out_value = value_of(state, place.at);
    return WEIR_OK;
}

weir_status
wr_heap_upsert(weir_state *self, const weir_key *key, void **out_value, bool *out_created)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    WR_TRY(check_key(state, key));
    if (state->layout.value_size == 0) {
        return WEIR_INVALID;
    }
    uint32_t group = group_of(state->heap, key);
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, &state->layout, key);
    free_some(state->heap);
    if (wr_table_find(state, group, &probe, &place)) {
        WR_TRY(entry_own(state, &place, out_value));
        *out_created = false;
        return WEIR_OK;
    }
    WR_TRY(wr_table_make_room(state, group, 1));
    WR_TRY(entry_new(state, &probe, group, default_of(state), &place));
    *out_value = (void *)(uintptr_t)value_of(state, place.at).data;
    *out_created = true;
    return WEIR_OK;
}

/* Looks all keys up; those that are missing get NULL. */
static weir_status
batch_find(struct wr_heap_state *state, const weir_key *keys, size_t count, void **out_values,
           size_t *out_missing)
{
    size_t missing = 0;
    size_t ahead = state->bucket_bytes < PREFETCH_LEAST_BYTES ? count : PREFETCH_AHEAD;
    wr_heap_prefetch(&state->base, keys, ahead < count ? ahead : 0);
    for (size_t i = 0; i < count; i++) {
        if (i + ahead < count) {
            uint32_t next = group_of(state->heap, &keys[i + ahead]);
            if (next != state->heap->key_group_count) {
                wr_table_prefetch(state, next, (uint32_t)(keys[i + ahead].hash >> 32));
            }
        }
        WR_TRY(check_key(state, &keys[i]));
        struct wr_probe probe;
        struct wr_place place;
        wr_probe_init(&probe, &state->layout, &keys[i]);
        if (wr_table_find(state, group_of(state->heap, &keys[i]), &probe, &place)) {
            WR_TRY(entry_own(state, &place, &out_values[i]));
        } else {
            out_values[i] = NULL;
            missing++;
        }
    }
    *out_missing = missing;
    return WEIR_OK;
}

/* Makes room for all that are missing. */
static weir_status
batch_make_room(struct wr_heap_state *state, const weir_key *keys, size_t count,
                void *const *values)
{
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < count && status == WEIR_OK; i++) {
        if (values[i] != NULL) {
            continue;
        }
        uint32_t group = group_of(state->heap, &keys[i]);
        uint32_t reserved = state->tables[group] != NULL ? state->tables[group]->reserved : 0;
        status = wr_table_make_room(state, group, reserved + 1);
        if (status == WEIR_OK) { /* a resize may have put another table in front */
            state->tables[group]->reserved = reserved + 1;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct wr_table *table = state->tables[group_of(state->heap, &keys[i])];
        if (status != WEIR_OK && table != NULL) {
            table->reserved = 0;
        }
    }
    return status;
}

/* Looks all keys up again, now that nothing moves any more, and makes those that are missing. */
static weir_status
batch_insert(struct wr_heap_state *state, const weir_key *keys, size_t count, void **out_values)
{
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < count; i++) {
        uint32_t group = group_of(state->heap, &keys[i]);
        struct wr_probe probe;
        struct wr_place place;
        wr_probe_init(&probe, &state->layout, &keys[i]);
        if (state->tables[group] != NULL) {
            state->tables[group]->reserved = 0;
        }
        if (status != WEIR_OK) {
            continue; /* the reservations of the rest are still to be taken back */
        }
        if (wr_table_find(state, group, &probe, &place)) {
            status = entry_own(state, &place, &out_values[i]);
            continue;
        }
        status = entry_new(state, &probe, group, default_of(state), &place);
        if (status == WEIR_OK) {
            out_values[i] = (void *)(uintptr_t)value_of(state, place.at).data;
        }
    }
    return status;
}

weir_status
wr_heap_upsert_many(weir_state *self, const weir_key *keys, size_t count, void **out_values)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    if (state->layout.value_size == 0) {
        return WEIR_INVALID;
    }
    free_some(state->heap);
    size_t missing = 0;
    WR_TRY(batch_find(state, keys, count, out_values, &missing));
    if (missing == 0) {
        return WEIR_OK;
    }
    WR_TRY(batch_make_room(state, keys, count, out_values));
    return batch_insert(state, keys, count, out_values);
}

/* Replaces the value of an entry that is there. */
static weir_status
entry_replace(struct wr_heap_state *state, const struct wr_place *place, weir_bytes value)
{
    struct wr_heap *heap = state->heap;
    uint8_t *at = slot_value(state, place);
    if (!state->layout.value_in_slab) {
        wr_cow_touch(state, place->table, place->bucket);
        mark_dirty(state, place);
        memmove(at, value.data, value.size);
        return WEIR_OK;
    }
    struct wr_reference reference;
    memcpy(&reference, at, sizeof reference);
    if (wr_cow_is_own(heap, reference.epoch) &&
        wr_slab_fits(reference.place, value.size != 0 ? value.size : 1)) {
        memmove(reference.place, value.data, value.size);
    } else {
        uint8_t *block = block_new(heap, value.data, value.size);
        if (block == NULL) {
            return WEIR_NOMEM;
        }
        wr_cow_drop_block(heap, reference.place, reference.epoch);
        reference.place = block;
    }
    wr_cow_touch(state, place->table, place->bucket);
    mark_dirty(state, place);
    reference.size = (uint32_t)value.size;
    reference.epoch = (uint32_t)heap->epoch;
    memcpy(at, &reference, sizeof reference);
    return WEIR_OK;
}

weir_status
wr_heap_put(weir_state *self, const weir_key *key, weir_bytes value)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    const struct wr_layout *layout = &state->layout;
    WR_TRY(check_key(state, key));
    if (value.size > WEIR_VALUE_SIZE_MAX) {
        return WEIR_LIMIT;
    }
    if (layout->value_size != 0) { /* the fixed part, or the whole block: rounded up */
        if (value.size != layout->value_size && value.size != weir_round8(layout->value_size)) {
            return WEIR_INVALID;
        }
        value.size = layout->value_size;
    }
    uint8_t flat[WR_FLAT_VALUE_MOST]; /* the value may be lent from this very state, which may move */
    if (!layout->value_in_slab) {
        memcpy(flat, value.data, value.size);
        value.data = flat;
    }
    uint32_t group = group_of(state->heap, key);
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, layout, key);
    if (wr_table_find(state, group, &probe, &place)) {
        weir_status status = entry_replace(state, &place, value);
        free_some(state->heap);
        return status;
    }
    WR_TRY(wr_table_make_room(state, group, 1));
    WR_TRY(entry_new(state, &probe, group, value, &place));
    free_some(state->heap);
    return WEIR_OK;
}

weir_status
wr_heap_remove(weir_state *self, const weir_key *key)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    WR_TRY(check_key(state, key));
    uint32_t group = group_of(state->heap, key);
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, &state->layout, key);
    if (!wr_table_find(state, group, &probe, &place)) {
        return WEIR_OK;
    }
    uint8_t *key_block = wr_slot_key_block(&state->layout, place.at);
    struct wr_reference reference = { 0 };
    if (state->layout.value_in_slab) {
        memcpy(&reference, slot_value(state, &place), sizeof reference);
    }
    wr_table_remove(state, group, &place);
    if (key_block != NULL) {
        wr_cow_drop_block(state->heap, key_block, 0);
    }
    if (reference.place != NULL) {
        wr_cow_drop_block(state->heap, reference.place, reference.epoch);
    }
    free_some(state->heap);
    return WEIR_OK;
}

struct visit {
    weir_status (*each)(void *argument, const weir_key *key, weir_bytes value);
    void *argument;
};

/* The live entries of one table; of an old one those of homes from `from_home` on. */
static weir_status
iterate_table(const struct wr_heap_state *state, const struct wr_table *table, uint32_t group,
              const struct visit *visit)
{
    const struct wr_layout *layout = &state->layout;
    uint64_t seed = state->heap->hash_seed;
    for (uint32_t i = 0; i < table->ready; i++) {
        const struct wr_bucket *bucket = wr_table_bucket(layout, table, i);
        uint64_t mask = ~wr_tags_equal(bucket->tags, 0) & layout->slot_tags & 0x8080808080808080ULL;
        for (; mask != 0; mask &= mask - 1) {
            const uint8_t *slot = wr_bucket_slot(layout, bucket, wr_mask_slot(mask));
            weir_bytes bytes = wr_slot_key(layout, slot);
            weir_key key = { .data = bytes.data,
                             .size = (uint32_t)bytes.size,
                             .key_group = state->heap->key_group_first + group,
                             .hash = wr_key_hash(bytes.data, bytes.size, seed) };
            uint32_t home = wr_home_of((uint32_t)(key.hash >> 32), table->bucket_count);
            if (home >= table->moved) {
                WR_TRY(visit->each(visit->argument, &key, value_of(state, slot)));
            }
        }
    }
    return WEIR_OK;
}

weir_status
wr_heap_iterate(weir_state *self,
                weir_status (*each)(void *argument, const weir_key *key, weir_bytes value),
                void *argument)
{
    const struct wr_heap_state *state = wr_heap_state_of(self);
    struct visit visit = { each, argument };
    for (uint32_t group = 0; group < state->heap->key_group_count; group++) {
        const struct wr_table *table = state->tables[group];
        if (table == NULL) {
            continue;
        }
        WR_TRY(iterate_table(state, table, group, &visit));
        if (table->growing) {
            WR_TRY(iterate_table(state, table->older, group, &visit));
        }
    }
    return WEIR_OK;
}
