/* SPDX-License-Identifier: Apache-2.0 */
/* entry: reads and writes of single keys.
 *
 *   flat   the value stands in the slot: what is lent points into the table
 *   slab   the slot holds a reference: what is lent points into a block, which never moves
 *
 * Order of every write: memory first (blocks, room in the table), then the change, which cannot
 * fail; so a refusal leaves everything as it was. Growing happens in wr_table_make_room alone:
 * between that and the next call nothing moves, which is what makes lent pointers stay valid.
 */
#include "state/heap/entry.h"

#include "base/fail.h"
#include "state/heap/drop.h"
#include "state/heap/list.h"
#include "state/heap/map.h"
#include "state/key_hash.h"

enum {
    FREE_A_WRITE = 4
}; /* blocks that waited for a snapshot, freed with each write */

static weir_bytes
slot_value(const struct wr_layout *layout, const uint8_t *slot)
{
    const uint8_t *value = slot + layout->key_part_bytes;
    if (layout->value_form == WR_VALUE_FLAT) {
        return weir_bytes_of(value, layout->is_set ? 0 : layout->value_size);
    }
    if (layout->value_form != WR_VALUE_BLOCK) {
        return weir_bytes_of(NULL, 0); /* a list or map is not one item */
    }
    struct wr_reference reference;
    memcpy(&reference, value, sizeof reference);
    return weir_bytes_of(reference.place, reference.size);
}

weir_bytes
wr_entry_value(const struct wr_heap_state *state, const struct wr_place *place)
{
    return slot_value(&state->layout, place->at);
}

void
wr_entry_free_waiting(struct wr_heap *heap)
{
    if (heap->freeing.first != NULL) {
        wr_slab_list_free(&heap->slab, &heap->freeing, FREE_A_WRITE);
    }
    if (heap->drops != NULL) {
        wr_drop_some(heap, FREE_A_WRITE);
    }
}

/* A block with this content. */
static uint8_t *
block_new(struct wr_heap_state *state, const void *data, size_t size)
{
    uint8_t *block = wr_slab_new(&state->heap->slab, size != 0 ? size : 1, state->slab_bytes);
    if (block != NULL && size != 0) {
        memcpy(block, data, size);
    }
    return block;
}

weir_status
wr_entry_make_room(struct wr_heap_state *state, const weir_key *key, uint32_t extra,
                   uint32_t *io_group)
{
    if (*io_group == state->table_count) {
        uint32_t pane = 0;
        wr_slow_assert(state->panes != NULL);
        WR_TRY(wr_pane_open(state, key->data, key->size, &pane));
        *io_group = wr_entry_group(state, key);
    }
    return wr_table_make_room(state, *io_group, extra);
}

weir_status
wr_entry_new_slot(struct wr_heap_state *state, const struct wr_probe *probe, uint32_t group,
                  weir_bytes slot_value, struct wr_place *out_place)
{
    uint8_t *key_block = NULL;
    if (probe->data != NULL) {
        key_block = block_new(state, probe->data, probe->size);
        if (key_block == NULL) {
            return WEIR_NOMEM;
        }
    }
    wr_table_insert(state, group, probe, key_block, out_place);
    uint8_t *at = wr_entry_at(state, out_place);
    memset(at, 0, state->layout.slot_bytes - state->layout.key_part_bytes);
    memcpy(at, slot_value.data, slot_value.size);
    return WEIR_OK;
}

weir_status
wr_entry_new(struct wr_heap_state *state, const struct wr_probe *probe, uint32_t group,
             weir_bytes value, struct wr_place *out_place)
{
    struct wr_heap *heap = state->heap;
    if (!state->layout.value_in_slab) {
        return wr_entry_new_slot(state, probe, group, value, out_place);
    }
    struct wr_reference reference = { .place = block_new(state, value.data, value.size),
                                      .size = (uint32_t)value.size,
                                      .epoch = (uint32_t)heap->epoch };
    if (reference.place == NULL) {
        return WEIR_NOMEM;
    }
    weir_status status = wr_entry_new_slot(state, probe, group,
                                           weir_bytes_of(&reference, sizeof reference), out_place);
    if (status != WEIR_OK) {
        wr_slab_free(&heap->slab, reference.place);
    }
    return status;
}

weir_status
wr_entry_own_block(struct wr_heap_state *state, const struct wr_place *place, void **out_value)
{
    struct wr_heap *heap = state->heap;
    uint8_t *at = wr_entry_at(state, place);
    struct wr_reference reference;
    memcpy(&reference, at, sizeof reference);
    if (!wr_cow_is_own(heap, reference.epoch)) {
        uint8_t *block = block_new(state, reference.place, reference.size);
        if (block == NULL) {
            return WEIR_NOMEM;
        }
        wr_cow_drop_block(heap, reference.place, reference.epoch);
        reference.place = block;
    }
    wr_entry_touch(state, place); /* the old reference goes into the copy */
    reference.epoch = (uint32_t)heap->epoch;
    memcpy(at, &reference, sizeof reference);
    *out_value = reference.place;
    return WEIR_OK;
}

weir_status
wr_heap_find(weir_state *self, const weir_key *key, weir_bytes *out_value)
{
    const struct wr_heap_state *state = wr_heap_state_of(self);
    WR_TRY(wr_entry_check(state, key));
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, &state->layout, key);
    if (!wr_table_find(state, wr_entry_group(state, key), &probe, &place)) {
        return WEIR_NOT_FOUND;
    }
    *out_value = wr_entry_value(state, &place);
    return WEIR_OK;
}

/* The rest of upsert: keys that wr_guess_hits does not find. */
static __attribute__((noinline)) weir_status
upsert(struct wr_heap_state *state, uint32_t group, const weir_key *key, void **out_value,
       bool *out_created)
{
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, &state->layout, key);
    if (wr_table_find(state, group, &probe, &place)) {
        WR_TRY(wr_entry_own(state, &place, out_value));
        *out_created = false;
        return WEIR_OK;
    }
    wr_entry_free_some(state->heap);
    WR_TRY(wr_entry_make_room(state, key, 1, &group));
    WR_TRY(wr_entry_new(state, &probe, group, wr_entry_default(state), &place));
    *out_value = (void *)(uintptr_t)wr_entry_value(state, &place).data;
    *out_created = true;
    return WEIR_OK;
}

weir_status
wr_heap_upsert(weir_state *self, const weir_key *key, void **out_value, bool *out_created)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    const struct wr_layout *layout = &state->layout;
    WR_TRY(wr_entry_check(state, key));
    if (__builtin_expect(layout->value_size == 0, 0)) {
        return WEIR_INVALID;
    }
    uint32_t group = wr_entry_group(state, key);
    struct wr_guess guess = { 0 };
    if (!layout->value_in_slab) {
        guess.bucket =
            wr_table_home(state->tables[group], layout->bucket_bytes, (uint32_t)(key->hash >> 32));
        wr_guess_slot(&guess, layout, key);
    }
    uint16_t epoch = (uint16_t)state->heap->epoch;
    bool is_hit = layout->key_form == WR_KEY_WORD
                      ? wr_guess_hits(&guess, WR_KEY_WORD, layout, epoch, key, out_value)
                      : wr_guess_hits(&guess, layout->key_form, layout, epoch, key, out_value);
    if (__builtin_expect(is_hit, 1)) {
        *out_created = false;
        return WEIR_OK;
    }
    return upsert(state, group, key, out_value, out_created);
}

/* Replaces the value of an entry that is there. */
static weir_status
entry_replace(struct wr_heap_state *state, const struct wr_place *place, weir_bytes value)
{
    struct wr_heap *heap = state->heap;
    uint8_t *at = wr_entry_at(state, place);
    if (!state->layout.value_in_slab) {
        wr_entry_touch(state, place);
        memmove(at, value.data, value.size);
        return WEIR_OK;
    }
    struct wr_reference reference;
    memcpy(&reference, at, sizeof reference);
    if (wr_cow_is_own(heap, reference.epoch) &&
        wr_slab_fits(reference.place, value.size != 0 ? value.size : 1)) {
        memmove(reference.place, value.data, value.size);
    } else {
        uint8_t *block = block_new(state, value.data, value.size);
        if (block == NULL) {
            return WEIR_NOMEM;
        }
        wr_cow_drop_block(heap, reference.place, reference.epoch);
        reference.place = block;
    }
    wr_entry_touch(state, place);
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
    WR_TRY(wr_entry_check(state, key));
    if (value.size > WEIR_VALUE_SIZE_MAX + (layout->has_timestamps ? 8u : 0u)) {
        return WEIR_LIMIT;
    }
    static const uint8_t nothing[8];
    if (layout->is_set && value.size == 0) {
        value = weir_bytes_of(nothing, 1);
    }
    if (layout->value_form > WR_VALUE_BLOCK) {
        return WEIR_INVALID; /* a list or map is not one item */
    }
    if (layout->value_size != 0) { /* the fixed part, or the whole block: rounded up */
        if (value.size != layout->value_size && value.size != weir_round8(layout->value_size)) {
            return WEIR_INVALID;
        }
        value.size = layout->value_size;
    }
    uint8_t
        flat[WR_FLAT_VALUE_MOST]; /* the value may be lent from this very state, which may move */
    if (!layout->value_in_slab) {
        memcpy(flat, value.data, value.size);
        value.data = flat;
    }
    uint32_t group = wr_entry_group(state, key);
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, layout, key);
    if (wr_table_find(state, group, &probe, &place)) {
        weir_status status = entry_replace(state, &place, value);
        wr_entry_free_some(state->heap);
        return status;
    }
    WR_TRY(wr_entry_make_room(state, key, 1, &group));
    WR_TRY(wr_entry_new(state, &probe, group, value, &place));
    wr_entry_free_some(state->heap);
    return WEIR_OK;
}

void
wr_entry_remove(struct wr_heap_state *state, uint32_t group, const struct wr_place *place)
{
    uint8_t *key_block = wr_slot_key_block(&state->layout, place->at);
    uint32_t key_group = state->panes == NULL ? group : group % state->heap->key_group_count;
    wr_changes_removed(state, key_group, wr_slot_key(&state->layout, place->at));
    wr_table_remove(state, group, place);
    if (key_block != NULL) {
        wr_cow_drop_block(state->heap, key_block, 0);
    }
}

void
wr_entry_drop_value(struct wr_heap_state *state, const uint8_t *value)
{
    switch (state->layout.value_form) {
    case WR_VALUE_BLOCK: {
        struct wr_reference reference;
        memcpy(&reference, value, sizeof reference);
        wr_cow_drop_block(state->heap, reference.place, reference.epoch);
        return;
    }
    case WR_VALUE_LIST:
        wr_list_drop(state, value);
        return;
    case WR_VALUE_MAP:
        wr_map_drop(state, value);
        return;
    case WR_VALUE_FLAT:
    default:
        return;
    }
}

void
wr_entry_take(struct wr_heap_state *state, uint32_t group, const struct wr_place *place)
{
    wr_entry_drop_value(state, wr_entry_at(state, place));
    wr_entry_remove(state, group, place);
}

weir_status
wr_heap_remove(weir_state *self, const weir_key *key)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    WR_TRY(wr_entry_check(state, key));
    uint32_t group = wr_entry_group(state, key);
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, &state->layout, key);
    if (!wr_table_find(state, group, &probe, &place)) {
        return WEIR_OK;
    }
    wr_entry_take(state, group, &place);
    wr_entry_free_some(state->heap);
    return WEIR_OK;
}

struct visit {
    weir_status (*each)(void *argument, const weir_key *key, weir_bytes value);
    void *argument;
};

/* The live entries of one table; of an old one those whose homes have not moved. */
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
            /* one that has moved on may point to a key that is no more: its home tells, unread */
            if (table->moved != 0 &&
                wr_home_of(wr_slot_high(layout, slot, seed), table->bucket_count) < table->moved) {
                continue;
            }
            weir_bytes bytes = wr_slot_key(layout, slot);
            weir_key key = { .data = bytes.data,
                             .size = (uint32_t)bytes.size,
                             .key_group = state->heap->key_group_first +
                                          group % state->heap->key_group_count,
                             .hash = wr_key_hash(bytes.data, bytes.size, seed) };
            WR_TRY(visit->each(visit->argument, &key, slot_value(layout, slot)));
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
    for (uint32_t group = 0; group < state->table_count; group++) {
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
