/* SPDX-License-Identifier: Apache-2.0 */
/* map_walk: over the entries of a map: of a live one call by call, of a snapshot's copy of a slot,
 * and of those that have expired.
 *
 * A cursor of map_next knows the address of its block, so that most entries cost no look into the
 * table. It also knows how many changes the state's maps had seen: once there are more, the block
 * is looked for again. All that may have happened then is that the entry given last was removed
 * (the block has one less: the next one stands where that one stood) or put anew (it may take more
 * or less room).
 *
 *   word 0   block
 *   word 1   index of the next entry in it      | number of the block << 32
 *   word 2   offset of the next entry           | offset of the one given last << 32
 *   word 3   changes seen                       | entries in the block, is it the last << 31 << 32
 */
#include "base/check.h"
#include "base/fail.h"
#include "state/heap/entry.h"
#include "state/heap/map_directory.h"

enum {
    EXPIRED_BLOCKS_A_STEP = 4 /* looked at at once, whatever the map's size */
};

static const uint32_t last_block = UINT32_C(1) << 31;

uint32_t
wr_map_record_bytes(const uint8_t *value)
{
    struct wr_map map;
    memcpy(&map, value, sizeof map);
    return map.record_bytes;
}

/* word 0: the block's number, word 1: the next spot. */
bool
wr_map_walk(const struct wr_layout *layout, const uint8_t *value, weir_cursor *cursor,
            weir_bytes *out_key, weir_bytes *out_item)
{
    struct wr_map map;
    memcpy(&map, value, sizeof map);
    for (; cursor->word[0] < map.blocks; cursor->word[0]++, cursor->word[1] = 0) {
        const struct wr_map_block *block = wr_map_block_at(&map, (uint32_t)cursor->word[0]);
        struct wr_map_spot spot = { (uint32_t)cursor->word[1], (uint32_t)(cursor->word[1] >> 32) };
        if (block != NULL && spot.index < block->count) {
            spot.offset += wr_map_block_entry(layout, block, &spot, out_key, out_item);
            spot.index++;
            cursor->word[1] = spot.index | (uint64_t)spot.offset << 32;
            return true;
        }
    }
    return false;
}

/* A cursor of map_next, taken apart. */
struct stand {
    const struct wr_map_block *block; /* NULL: before the first */
    struct wr_map_spot next;
    uint32_t number;
    uint32_t last_offset;
    uint32_t changes;
    uint32_t count; /* with last_block */
};

static inline struct stand
stand_of(const weir_cursor *cursor)
{
    return (struct stand){ .block = (const void *)(uintptr_t)cursor->word[0],
                           .next = { (uint32_t)cursor->word[1], (uint32_t)cursor->word[2] },
                           .number = (uint32_t)(cursor->word[1] >> 32),
                           .last_offset = (uint32_t)(cursor->word[2] >> 32),
                           .changes = (uint32_t)cursor->word[3],
                           .count = (uint32_t)(cursor->word[3] >> 32) };
}

static inline void
stand_keep(const struct stand *stand, weir_cursor *cursor)
{
    cursor->word[0] = (uint64_t)(uintptr_t)stand->block;
    cursor->word[1] = stand->next.index | (uint64_t)stand->number << 32;
    cursor->word[2] = stand->next.offset | (uint64_t)stand->last_offset << 32;
    cursor->word[3] = stand->changes | (uint64_t)stand->count << 32;
}

/* The entry given last was removed or put anew: where its block is now, and the next entry in it.
 */
static void
find_again(const struct wr_heap_state *state, const struct wr_map *map, struct stand *stand)
{
    const struct wr_map_block *block = wr_map_block_at(map, stand->number);
    uint32_t count = stand->count & ~last_block;
    stand->block = block;
    if (block == NULL) {
        return;
    }
    if (block->count < count) {
        stand->next = (struct wr_map_spot){ stand->next.index - 1, stand->last_offset };
        return;
    }
    weir_bytes key;
    weir_bytes item;
    struct wr_map_spot last = { stand->next.index - 1, stand->last_offset };
    stand->next.offset =
        last.offset + wr_map_block_entry(&state->layout, block, &last, &key, &item);
}

/* Finds the next block with an entry, from the stand's on; false: there is none. */
static bool
next_block(const struct wr_map *map, struct stand *stand)
{
    while (stand->block == NULL || stand->next.index >= stand->block->count) {
        stand->number++;
        if (stand->number >= map->blocks) {
            return false;
        }
        stand->block = wr_map_block_at(map, stand->number);
        stand->next = (struct wr_map_spot){ 0 };
    }
    return true;
}

/* Looks the map up: at the beginning, behind a change, at the end of a block. */
static weir_status
seek(const struct wr_heap_state *state, const weir_key *key, struct stand *stand)
{
    struct wr_probe probe;
    struct wr_place place;
    WR_TRY(wr_entry_check(state, key));
    if (state->layout.value_form != WR_VALUE_MAP) {
        return WEIR_INVALID;
    }
    wr_probe_init(&probe, &state->layout, key);
    if (!wr_table_look(state, wr_entry_group(state, key), &probe, &place)) {
        return WEIR_NOT_FOUND;
    }
    struct wr_map map;
    memcpy(&map, wr_entry_at(state, &place), sizeof map);
    if (stand->block == NULL) {
        *stand = (struct stand){ .block = wr_map_block_at(&map, 0) };
    } else if (stand->changes != state->map_changes) {
        find_again(state, &map, stand);
    }
    if (!next_block(&map, stand)) {
        return WEIR_NOT_FOUND;
    }
    stand->changes = state->map_changes;
    stand->count = stand->block->count | (stand->number + 1 == map.blocks ? last_block : 0);
    return WEIR_OK;
}

weir_status
wr_heap_map_next(weir_state *self, const weir_key *key, weir_cursor *cursor,
                 weir_bytes *out_map_key, weir_bytes *out_item)
{
    const struct wr_heap_state *state = wr_heap_state_of(self);
    struct stand stand = stand_of(cursor);
    bool is_plain = stand.block != NULL && stand.changes == state->map_changes;
    if (!is_plain || stand.next.index >= stand.block->count) {
        if (is_plain && (stand.count & last_block) != 0) {
            return WEIR_NOT_FOUND;
        }
        WR_TRY(seek(state, key, &stand));
    }
    stand.last_offset = stand.next.offset;
    stand.next.offset +=
        wr_map_block_entry(&state->layout, stand.block, &stand.next, out_map_key, out_item);
    stand.next.index++;
    stand_keep(&stand, cursor);
    return WEIR_OK;
}

/* The first expired entry of the block from `spot` on. */
static bool
find_expired(const struct wr_heap_state *state, const struct wr_map_block *block,
             struct wr_map_spot *spot)
{
    while (block != NULL && spot->index < block->count) {
        weir_bytes key;
        weir_bytes item;
        uint32_t bytes = wr_map_block_entry(&state->layout, block, spot, &key, &item);
        if (item.data != NULL &&
            weir_state_item_expired(&state->ttl, item, state->heap->base.now_ms)) {
            return true;
        }
        spot->offset += bytes;
        spot->index++;
    }
    return false;
}

enum wr_expired
wr_map_expire(struct wr_heap_state *state, const struct wr_place *place, size_t *out_looked)
{
    struct wr_map *map = (struct wr_map *)(void *)wr_entry_at(state, place);
    uint32_t number = state->expire.block;
    *out_looked = 0;
    for (int blocks = 0; blocks < EXPIRED_BLOCKS_A_STEP && number < map->blocks;
         blocks++, number++) {
        const struct wr_map_block *block = wr_map_block_at(map, number);
        struct wr_map_spot spot = { 0 };
        *out_looked += block != NULL ? block->count : 0;
        while (find_expired(state, wr_map_block_at(map, number), &spot)) {
            if (map->count == 1) {
                wr_map_drop(state, wr_entry_at(state, place));
                state->expire.block = 0;
                return WR_EXPIRED_ALL;
            }
            wr_entry_touch(state, place);
            if (wr_map_take_out(state, map, number, &spot) != WEIR_OK) {
                state->expire.block = 0; /* in the next round */
                return WR_EXPIRED_DONE;
            }
        }
    }
    bool is_done = number >= map->blocks;
    state->expire.block = is_done ? 0 : number;
    return is_done ? WR_EXPIRED_DONE : WR_EXPIRED_MORE;
}
