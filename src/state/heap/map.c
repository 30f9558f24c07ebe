/* SPDX-License-Identifier: Apache-2.0 */
/* map: the verbs of maps; see the pictures in map.h, map_block.h and map_directory.h.
 *
 *   put    key there, entry as large as before   the block is changed in place
 *          key there, otherwise                  a new block without the old entry
 *          key not there, the block has room     behind the others
 *          otherwise                             a larger block
 *
 * "In place" means in a copy, where an open snapshot may hold the block. Memory comes first, then
 * the change: a refusal leaves the map as it was (its directories may have been copied).
 *
 * What is put may be lent from this very map: blocks are dropped only when everything is copied.
 */
#include "state/heap/map.h"

#include "base/check.h"
#include "base/fail.h"
#include "state/heap/entry.h"
#include "state/heap/map_directory.h"
#include "state/key_hash.h"

enum {
    SMALL_ENTRIES_MOST = 16,  /* of a map that is one block */
    BLOCK_ENTRIES_MEANT = 10, /* on average, of a larger one */
    RECORD_HEAD = 8
};

/* A map that is being changed: its slot has been touched. */
struct hold {
    struct wr_heap_state *state;
    struct wr_map *map; /* in the slot */
    uint64_t hash;      /* of the map key */
    uint32_t index;     /* of its block */
    struct wr_map_block *block;
    struct wr_map_spot spot;
};

static uint32_t
record_size(size_t key_size, weir_bytes item)
{
    return (uint32_t)(RECORD_HEAD + key_size + (item.data != NULL ? item.size : 0));
}

static weir_status
check_call(const struct wr_heap_state *state, const weir_key *key, weir_bytes map_key)
{
    const struct wr_layout *layout = &state->layout;
    WR_TRY(wr_entry_check(state, key));
    if (layout->value_form != WR_VALUE_MAP) {
        return WEIR_INVALID;
    }
    if (layout->map_key_size != 0) {
        return map_key.size == layout->map_key_size ? WEIR_OK : WEIR_INVALID;
    }
    return map_key.size <= WEIR_KEY_SIZE_MAX ? WEIR_OK : WEIR_LIMIT;
}

static inline __attribute__((always_inline)) bool
find_slot(const struct wr_heap_state *state, const weir_key *key, struct wr_probe *out_probe,
          struct wr_place *out_place)
{
    wr_probe_init(out_probe, &state->layout, key);
    return wr_table_look(state, wr_entry_group(state, key), out_probe, out_place);
}

static struct wr_map *
map_of(const struct wr_heap_state *state, const struct wr_place *place)
{
    return (struct wr_map *)(void *)wr_entry_at(state, place);
}

/* Finds the entry in the map; false: it is not there, and hold->block is where it would be. */
static inline __attribute__((always_inline)) bool
look(struct hold *hold, weir_bytes map_key)
{
    const struct wr_layout *layout = &hold->state->layout;
    hold->index = wr_map_block_index(hold->map->blocks, hold->hash);
    hold->block = wr_map_block_at(hold->map, hold->index);
    if (__builtin_expect(hold->block == NULL, 0)) {
        return false;
    }
    return layout->map_stride != 0
               ? wr_map_block_find_fixed(layout, hold->block, wr_map_tag(hold->hash), map_key,
                                         &hold->spot)
               : wr_map_block_find(layout, hold->block, hold->hash, map_key, &hold->spot);
}

/* Makes the held block changeable; the spot stays right. */
static weir_status
own_block(struct hold *hold)
{
    struct wr_heap *heap = hold->state->heap;
    const struct wr_layout *layout = &hold->state->layout;
    struct wr_map_block *block = hold->block;
    if (wr_cow_is_own(heap, block->epoch)) {
        return WEIR_OK;
    }
    WR_TRY(wr_map_own_way(hold->state, hold->map, hold->index));
    struct wr_map_source source = wr_map_source_of(hold->state);
    struct wr_map_block *copy =
        wr_map_block_new(&source, block->count, wr_map_block_used_bytes(block));
    if (copy == NULL) {
        return WEIR_NOMEM;
    }
    struct wr_map_spot spot = { 0 };
    for (; spot.index < block->count; spot.index++) {
        weir_bytes key;
        weir_bytes item;
        wr_map_block_add_from(layout, copy, block, &spot);
        spot.offset += wr_map_block_entry(layout, block, &spot, &key, &item);
    }
    wr_map_set_block(hold->map, hold->index, copy);
    wr_cow_drop_block(heap, block, block->epoch);
    hold->block = copy;
    return WEIR_OK;
}

/* A new block with the held one's entries but `without` (NULL: all), and the draft (NULL: none)
 * in that one's stead or behind. */
static weir_status
rebuild(struct hold *hold, const struct wr_map_spot *without, const struct wr_map_draft *draft)
{
    struct wr_heap *heap = hold->state->heap;
    const struct wr_layout *layout = &hold->state->layout;
    struct wr_map_block *old = hold->block;
    uint32_t count = (old != NULL ? old->count : 0u) + (without == NULL ? 1u : 0u);
    size_t bytes =
        (old != NULL ? wr_map_block_used_bytes(old) : 0) + (draft != NULL ? draft->bytes : 0);
    if (count > WR_MAP_BLOCK_ENTRIES_MOST) {
        return WEIR_NOMEM;
    }
    WR_TRY(wr_map_own_way(hold->state, hold->map, hold->index));
    bool is_growing = without == NULL && old != NULL;
    struct wr_map_source source = wr_map_source_of(hold->state);
    struct wr_map_block *block = wr_map_block_new(&source, is_growing ? count + count / 8 : count,
                                                  is_growing ? bytes + bytes / 8 : bytes);
    if (block == NULL) {
        return WEIR_NOMEM;
    }
    struct wr_map_spot spot = { 0 };
    for (; old != NULL && spot.index < old->count; spot.index++) {
        weir_bytes key;
        weir_bytes item;
        if (without == NULL || spot.index != without->index) {
            wr_map_block_add_from(layout, block, old, &spot);
        } else if (draft != NULL) {
            wr_map_block_add(layout, block, draft);
        }
        spot.offset += wr_map_block_entry(layout, old, &spot, &key, &item);
    }
    if (without == NULL) {
        wr_map_block_add(layout, block, draft);
    }
    wr_map_set_block(hold->map, hold->index, block);
    if (old != NULL) {
        wr_cow_drop_block(heap, old, old->epoch);
    }
    hold->block = block;
    return WEIR_OK;
}

static weir_status
insert(struct hold *hold, struct wr_map_draft *draft)
{
    struct wr_heap *heap = hold->state->heap;
    struct wr_map *map = hold->map;
    uint64_t record_bytes = (uint64_t)map->record_bytes + record_size(draft->key.size, draft->item);
    if (record_bytes > WR_RECORD_MOST) {
        return WEIR_LIMIT;
    }
    uint64_t meant =
        map->depth == 0 ? SMALL_ENTRIES_MOST : (uint64_t)map->blocks * BLOCK_ENTRIES_MEANT;
    struct wr_map_source source = wr_map_source_of(hold->state);
    WR_TRY(wr_map_draft_init(draft, &source));
    if (map->count >= meant) {
        wr_map_split(hold->state, map);
        hold->index = wr_map_block_index(map->blocks, hold->hash);
        hold->block = wr_map_block_at(map, hold->index);
    }
    if (hold->block != NULL && wr_map_block_fits(hold->block, draft) &&
        wr_cow_is_own(heap, hold->block->epoch)) {
        wr_map_block_add(&hold->state->layout, hold->block, draft);
    } else {
        weir_status status = rebuild(hold, NULL, draft);
        if (status != WEIR_OK) {
            if (draft->far != NULL) {
                wr_slab_free(&heap->slab, draft->far);
            }
            return status;
        }
    }
    map->count++;
    map->record_bytes = (uint32_t)record_bytes;
    return WEIR_OK;
}

static weir_status
replace(struct hold *hold, struct wr_map_draft *draft)
{
    struct wr_heap *heap = hold->state->heap;
    const struct wr_layout *layout = &hold->state->layout;
    struct wr_map *map = hold->map;
    weir_bytes key;
    weir_bytes item;
    uint32_t bytes = wr_map_block_entry(layout, hold->block, &hold->spot, &key, &item);
    uint64_t record_bytes = (uint64_t)map->record_bytes - record_size(key.size, item) +
                            record_size(draft->key.size, draft->item);
    if (record_bytes > WR_RECORD_MOST) {
        return WEIR_LIMIT;
    }
    uint8_t *far = wr_map_block_far(layout, hold->block, &hold->spot);
    struct wr_map_source source = wr_map_source_of(hold->state);
    WR_TRY(wr_map_draft_init(draft, &source));
    weir_status status = WEIR_OK;
    if (draft->bytes == bytes) {
        status = own_block(hold);
        if (status == WEIR_OK) {
            wr_map_block_replace(layout, hold->block, &hold->spot, draft);
        }
    } else {
        status = rebuild(hold, &hold->spot, draft);
    }
    if (status != WEIR_OK) {
        if (draft->far != NULL) {
            wr_slab_free(&heap->slab, draft->far);
        }
        return status;
    }
    wr_map_drop_far(heap, far);
    map->record_bytes = (uint32_t)record_bytes;
    return WEIR_OK;
}

/* The first entry of a key. */
static weir_status
put_first(struct wr_heap_state *state, const struct wr_probe *probe, const weir_key *key,
          struct wr_map_draft *draft)
{
    uint32_t group = wr_entry_group(state, key);
    struct wr_slab *slab = &state->heap->slab;
    struct wr_map_source source = wr_map_source_of(state);
    WR_TRY(wr_entry_make_room(state, key, 1, &group));
    WR_TRY(wr_map_draft_init(draft, &source));
    struct wr_map_block *block = wr_map_block_new(&source, 1, draft->bytes);
    weir_status status = WEIR_NOMEM;
    if (block != NULL) {
        wr_map_block_add(&state->layout, block, draft);
        struct wr_map map = { .place = (void *)block,
                              .record_bytes = record_size(draft->key.size, draft->item),
                              .count = 1,
                              .blocks = 1 };
        struct wr_place place;
        status = wr_entry_new_slot(state, probe, group, weir_bytes_of(&map, sizeof map), &place);
    }
    if (status != WEIR_OK && block != NULL) {
        wr_slab_free(slab, block);
    }
    if (status != WEIR_OK && draft->far != NULL) {
        wr_slab_free(slab, draft->far);
    }
    return status;
}

/* Writes the item of an entry that is there over the one it has: both of one size, in a block that
 * may be changed. Nothing moves, so that cursors stay as they are. */
static inline bool
replace_in_place(const struct hold *hold, weir_bytes item)
{
    const struct wr_layout *layout = &hold->state->layout;
    struct wr_map_block *block = hold->block;
    if (layout->map_stride == 0 || item.data == NULL ||
        (block->tags[hold->spot.index] & WR_MAP_TAG_NULL) != 0 ||
        !wr_cow_is_own(hold->state->heap, block->epoch)) {
        return false;
    }
    uint32_t item_room = (uint32_t)weir_round8(layout->item_size);
    uint8_t *at = wr_map_block_entries(block) + hold->spot.offset + layout->map_stride - item_room;
    if (__builtin_expect(layout->item_size == 8, 1)) {
        wr_put_u64(at, wr_get_u64(item.data));
    } else {
        memmove(at, item.data, layout->item_size); /* the padding behind it is zero already */
    }
    return true;
}

static weir_status
put(struct wr_heap_state *state, const weir_key *key, struct wr_map_draft *draft)
{
    struct wr_probe probe;
    struct wr_place place;
    uint64_t hash = wr_key_hash(draft->key.data, draft->key.size, state->heap->hash_seed);
    draft->tag = wr_map_tag(hash);
    wr_entry_free_some(state->heap);
    if (!find_slot(state, key, &probe, &place)) {
        state->map_changes++;
        return put_first(state, &probe, key, draft);
    }
    wr_entry_touch(state, &place);
    struct hold hold = { .state = state, .map = map_of(state, &place), .hash = hash };
    bool is_there = look(&hold, draft->key);
    if (is_there && replace_in_place(&hold, draft->item)) {
        return WEIR_OK;
    }
    state->map_changes++;
    return is_there ? replace(&hold, draft) : insert(&hold, draft);
}

weir_status
wr_heap_map_find(weir_state *self, const weir_key *key, weir_bytes map_key, weir_bytes *out_item)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    WR_TRY(check_call(state, key, map_key));
    struct wr_probe probe;
    struct wr_place place;
    if (!find_slot(state, key, &probe, &place)) {
        return WEIR_NOT_FOUND;
    }
    struct hold hold = { .state = state,
                         .map = map_of(state, &place),
                         .hash = wr_key_hash(map_key.data, map_key.size, state->heap->hash_seed) };
    if (!look(&hold, map_key)) {
        return WEIR_NOT_FOUND;
    }
    weir_bytes found;
    wr_map_block_entry(&state->layout, hold.block, &hold.spot, &found, out_item);
    return WEIR_OK;
}

weir_status
wr_heap_map_put(weir_state *self, const weir_key *key, weir_bytes map_key, weir_bytes item)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    const struct wr_layout *layout = &state->layout;
    WR_TRY(check_call(state, key, map_key));
    if (item.data != NULL && layout->item_size != 0) {
        if (item.size != layout->item_size && item.size != weir_round8(layout->item_size)) {
            return WEIR_INVALID;
        }
        item.size = layout->item_size;
    } else if (item.size > WEIR_VALUE_SIZE_MAX + (layout->has_timestamps ? 8u : 0u)) {
        return WEIR_LIMIT;
    }
    struct wr_map_draft draft = { .key = map_key, .item = item };
    return put(state, key, &draft);
}

/* An item of the held entry to be changed in place. */
static weir_status
own_item(struct hold *hold, void **out_item)
{
    struct wr_heap *heap = hold->state->heap;
    const struct wr_layout *layout = &hold->state->layout;
    WR_TRY(own_block(hold));
    weir_bytes key;
    weir_bytes item;
    uint8_t *far = wr_map_block_far(layout, hold->block, &hold->spot);
    wr_map_block_entry(layout, hold->block, &hold->spot, &key, &item);
    if (far != NULL && !wr_cow_is_own(heap, wr_get_u32(far))) {
        struct wr_map_draft draft = { .key = key, .item = item, .tag = wr_map_tag(hold->hash) };
        struct wr_map_source source = wr_map_source_of(hold->state);
        WR_TRY(wr_map_draft_init(&draft, &source));
        wr_map_block_replace(layout, hold->block, &hold->spot, &draft);
        wr_map_drop_far(heap, far);
        wr_map_block_entry(layout, hold->block, &hold->spot, &key, &item);
    }
    *out_item = (void *)(uintptr_t)item.data;
    return WEIR_OK;
}

weir_status
wr_heap_map_upsert(weir_state *self, const weir_key *key, weir_bytes map_key, void **out_item,
                   bool *out_created)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    WR_TRY(check_call(state, key, map_key));
    if (state->layout.item_size == 0) {
        return WEIR_INVALID;
    }
    struct wr_probe probe;
    struct wr_place place;
    uint64_t hash = wr_key_hash(map_key.data, map_key.size, state->heap->hash_seed);
    for (bool is_made = false;; is_made = true) {
        if (find_slot(state, key, &probe, &place)) {
            struct hold hold = { .state = state, .map = map_of(state, &place), .hash = hash };
            bool is_there = look(&hold, map_key);
            if (is_there && (hold.block->tags[hold.spot.index] & WR_MAP_TAG_NULL) == 0) {
                wr_entry_touch(state, &place);
                state->map_changes++;
                WR_TRY(own_item(&hold, out_item));
                *out_created = is_made;
                return WEIR_OK;
            }
        }
        wr_slow_assert(!is_made);
        struct wr_map_draft draft = { .key = map_key,
                                      .item =
                                          weir_bytes_of(state->defaults, state->layout.item_size) };
        WR_TRY(put(state, key, &draft));
    }
}

/* Takes the held entry out of a map that has others. */
static weir_status
take_out(struct hold *hold)
{
    struct wr_heap *heap = hold->state->heap;
    const struct wr_layout *layout = &hold->state->layout;
    struct wr_map_block *block = hold->block;
    weir_bytes key;
    weir_bytes item;
    wr_map_block_entry(layout, block, &hold->spot, &key, &item);
    uint32_t bytes = record_size(key.size, item);
    uint8_t *far = wr_map_block_far(layout, block, &hold->spot);
    if (block->count == 1) {
        WR_TRY(wr_map_own_way(hold->state, hold->map, hold->index));
        wr_map_set_block(hold->map, hold->index, NULL);
        wr_cow_drop_block(heap, block, block->epoch);
    } else {
        WR_TRY(own_block(hold));
        wr_map_block_remove(layout, hold->block, &hold->spot);
    }
    wr_map_drop_far(heap, far);
    hold->map->count--;
    hold->map->record_bytes -= bytes;
    return WEIR_OK;
}

weir_status
wr_map_take_out(struct wr_heap_state *state, struct wr_map *map, uint32_t index,
                const struct wr_map_spot *spot)
{
    struct hold hold = { .state = state,
                         .map = map,
                         .index = index,
                         .block = wr_map_block_at(map, index),
                         .spot = *spot };
    state->map_changes++;
    return take_out(&hold);
}

weir_status
wr_heap_map_remove(weir_state *self, const weir_key *key, weir_bytes map_key)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    WR_TRY(check_call(state, key, map_key));
    struct wr_probe probe;
    struct wr_place place;
    if (!find_slot(state, key, &probe, &place)) {
        return WEIR_OK;
    }
    struct hold hold = { .state = state,
                         .map = map_of(state, &place),
                         .hash = wr_key_hash(map_key.data, map_key.size, state->heap->hash_seed) };
    if (!look(&hold, map_key)) {
        return WEIR_OK;
    }
    state->map_changes++;
    wr_entry_free_some(state->heap);
    if (hold.map->count == 1) {
        wr_map_drop(state, wr_entry_at(state, &place));
        wr_entry_remove(state, wr_entry_group(state, key), &place);
        return WEIR_OK;
    }
    wr_entry_touch(state, &place);
    return take_out(&hold);
}
