/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/map.h: a map as a slot of a table holds it, and the engine's map verbs.
 *
 *   slot    | key part | place | bytes of the record | entries | blocks |
 *
 *   one block       place --> block                      (map_block.h: tags, entries contiguous)
 *   up to 512       place --> directory --> block
 *   more            place --> directory --> directory of 512 --> block
 *
 * Which block an entry stands in is linear hashing: an insert that makes the blocks too full splits
 * the next one in turn, so a map of any size grows by one block at a time.
 *
 * Blocks and directories carry the epoch of their making and are changed in place only while no
 * open snapshot can hold them; else the change goes into a copy. So a copy of the slot is the map
 * as it was.
 *
 * Thread: task.
 */
#ifndef WR_STATE_HEAP_MAP_H
#define WR_STATE_HEAP_MAP_H

#include "state/heap/expired.h"
#include "state/heap/layout.h"

struct wr_heap;
struct wr_heap_state;

/* What a slot holds behind its key part; never empty. Copied with the slot, it is the map as it was
 * at that time. */
struct wr_map {
    uint8_t *place;
    uint32_t record_bytes; /* in a snapshot: {u32 key size, u32 size, key, item}... */
    uint32_t count;        /* entries */
    uint32_t blocks;
    uint32_t depth; /* of directories above the blocks; 0: place is the one block */
};

_Static_assert(sizeof(struct wr_map) == WR_COLLECTION_BYTES, "a map takes 24 bytes of a slot");

/* The entries in the map's order, one a call; a zeroed cursor begins. `value` points to the slot's
 * value (live, or in a snapshot's copy) and must stay as it is for the walk. A null value has data
 * NULL. Lent as long as the snapshot (or the live map, unchanged) holds them. False: no more. */
bool wr_map_walk(const struct wr_layout *layout, const uint8_t *value, weir_cursor *cursor,
                 weir_bytes *out_key, weir_bytes *out_item);
/* Bytes of the whole value in a snapshot's record. */
uint32_t wr_map_record_bytes(const uint8_t *value);
/* Gives everything back, at once, bit by bit (drop.h), or when open snapshots allow. */
void wr_map_drop(struct wr_heap_state *state, const uint8_t *value);
/* Drops up to *io_left of the map's blocks from number *io_progress on, and the directories behind
 * the last; true: that was all. `is_sized`: entries of their own size, which may point to blocks.
 */
bool wr_map_drop_some(struct wr_heap *heap, bool is_sized, const uint8_t *value,
                      uint32_t *io_progress, size_t *io_left);
/* An entry's far block; NULL: it has none. */
void wr_map_drop_far(struct wr_heap *heap, uint8_t *far);
/* Takes an entry out of a map that has others, whose slot has been touched. WEIR_NOMEM: refused. */
struct wr_map_spot;
weir_status wr_map_take_out(struct wr_heap_state *state, struct wr_map *map, uint32_t index,
                            const struct wr_map_spot *spot);
/* Removes the expired entries of the map in a live slot, from state->expire.block on and a few
 * blocks at a time. *out_looked: entries looked at. */
struct wr_place;
enum wr_expired wr_map_expire(struct wr_heap_state *state, const struct wr_place *place,
                              size_t *out_looked);

weir_status wr_heap_map_find(weir_state *self, const weir_key *key, weir_bytes map_key,
                             weir_bytes *out_item);
weir_status wr_heap_map_put(weir_state *self, const weir_key *key, weir_bytes map_key,
                            weir_bytes item);
weir_status wr_heap_map_upsert(weir_state *self, const weir_key *key, weir_bytes map_key,
                               void **out_item, bool *out_created);
weir_status wr_heap_map_remove(weir_state *self, const weir_key *key, weir_bytes map_key);
weir_status wr_heap_map_next(weir_state *self, const weir_key *key, weir_cursor *cursor,
                             weir_bytes *out_map_key, weir_bytes *out_item);

#endif /* WR_STATE_HEAP_MAP_H */
