/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/map_directory.h: from a map's slot to its blocks, and how their number grows.
 *
 *   depth 0   place --> block
 *   depth 1   place --> directory of up to 512 --> block
 *   depth 2   place --> directory --> directories of 512 --> block
 *
 * With n blocks, 2^k the largest power of two in n: an entry's block is its hash modulo 2^(k+1), or
 * modulo 2^k where that is not below n. The next split parts block n - 2^k into itself and block n.
 * A block without entries is NULL.
 *
 * Every step here leaves the map's content as it is, and so may be done ahead of a change that then
 * fails. Thread: task.
 */
#ifndef WR_STATE_HEAP_MAP_DIRECTORY_H
#define WR_STATE_HEAP_MAP_DIRECTORY_H

#include "state/heap/heap.h"
#include "state/heap/map.h"
#include "state/heap/map_block.h"

enum {
    WR_MAP_LEAF_MOST = 512 /* blocks of one directory */
};

struct wr_map_directory {
    uint32_t epoch;
    uint32_t capacity;
    void *at[]; /* zeros behind those in use */
};

/* Which block an entry of this hash stands in. */
static inline uint32_t
wr_map_block_index(uint32_t blocks, uint64_t hash)
{
    uint32_t level = UINT32_C(1) << (31 - __builtin_clz(blocks));
    uint32_t index = (uint32_t)(hash >> 8) & (2 * level - 1);
    return index < blocks ? index : index - level;
}

static inline struct wr_map_block *
wr_map_block_at(const struct wr_map *map, uint32_t index)
{
    if (__builtin_expect(map->depth == 0, 1)) {
        return (void *)map->place;
    }
    const struct wr_map_directory *directory = (const void *)map->place;
    if (map->depth == 2) {
        directory = directory->at[index / WR_MAP_LEAF_MOST];
    }
    return directory->at[index % WR_MAP_LEAF_MOST];
}

/* Makes the way to a block changeable: copies directories that an open snapshot may hold. */
weir_status wr_map_own_way(struct wr_heap_state *state, struct wr_map *map, uint32_t index);
/* Puts another block, or NULL, in the place of one; the way to it is changeable. The old block is
 * the caller's. */
void wr_map_set_block(struct wr_map *map, uint32_t index, struct wr_map_block *block);
/* Adds a block and parts one into it. Refused memory only puts it off. */
void wr_map_split(struct wr_heap_state *state, struct wr_map *map);
/* Blocks of this state. */
struct wr_map_source wr_map_source_of(struct wr_heap_state *state);
/* Gives the directories back, not the blocks. */
void wr_map_drop_directories(struct wr_heap *heap, const struct wr_map *map);

#endif /* WR_STATE_HEAP_MAP_DIRECTORY_H */
