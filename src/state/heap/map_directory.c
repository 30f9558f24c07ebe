/* SPDX-License-Identifier: Apache-2.0 */
/* map_directory: linear hashing over the blocks of a map; see map_directory.h.
 *
 * A directory that an open snapshot may hold is copied before it is changed, at most 4 KiB below
 * the root; the root of a map of a million entries has 200 places. A split moves one block's
 * entries: no insert waits for more than that, whatever the map's size.
 */
#include "state/heap/map_directory.h"

#include "base/check.h"
#include "base/fail.h"
#include "state/key_hash.h"

enum {
    CAPACITY_LEAST = 8,
    DEPTH_MOST = 2
};

/* A directory with the places of `from`, which may be NULL. */
static struct wr_map_directory *
directory_new(struct wr_heap_state *state, const struct wr_map_directory *from, uint32_t capacity)
{
    struct wr_map_directory *directory = wr_slab_new(
        &state->heap->slab, sizeof *directory + capacity * sizeof(void *), state->slab_bytes);
    if (directory == NULL) {
        return NULL;
    }
    uint32_t kept = from != NULL ? from->capacity : 0;
    wr_slow_assert(kept <= capacity);
    directory->epoch = (uint32_t)state->heap->epoch;
    directory->capacity = capacity;
    if (kept != 0) {
        memcpy(directory->at, from->at, kept * sizeof(void *));
    }
    memset(directory->at + kept, 0, (capacity - kept) * sizeof(void *));
    return directory;
}

/* Makes the directory at *place changeable, with at least this capacity. NULL: refused. */
static struct wr_map_directory *
own(struct wr_heap_state *state, void **place, uint32_t capacity)
{
    struct wr_heap *heap = state->heap;
    struct wr_map_directory *directory = *place;
    if (directory->capacity >= capacity && wr_cow_is_own(heap, directory->epoch)) {
        return directory;
    }
    uint32_t size = directory->capacity;
    while (size < capacity) {
        size *= 2;
    }
    struct wr_map_directory *copy = directory_new(state, directory, size);
    if (copy == NULL) {
        return NULL;
    }
    wr_cow_drop_block(heap, directory, directory->epoch);
    *place = copy;
    return copy;
}

static struct wr_map_directory *
own_root(struct wr_heap_state *state, struct wr_map *map, uint32_t capacity)
{
    void *place = map->place;
    struct wr_map_directory *directory = own(state, &place, capacity);
    map->place = place;
    return directory;
}

weir_status
wr_map_own_way(struct wr_heap_state *state, struct wr_map *map, uint32_t index)
{
    if (map->depth == 0) {
        return WEIR_OK;
    }
    struct wr_map_directory *directory = own_root(state, map, 0);
    if (directory != NULL && map->depth == DEPTH_MOST) {
        directory = own(state, &directory->at[index / WR_MAP_LEAF_MOST], 0);
    }
    return directory != NULL ? WEIR_OK : WEIR_NOMEM;
}

void
wr_map_set_block(struct wr_map *map, uint32_t index, struct wr_map_block *block)
{
    if (map->depth == 0) {
        map->place = (void *)block;
        return;
    }
    struct wr_map_directory *directory = (void *)map->place;
    if (map->depth == DEPTH_MOST) {
        directory = directory->at[index / WR_MAP_LEAF_MOST];
    }
    directory->at[index % WR_MAP_LEAF_MOST] = block;
}

/* One more level above what there is. */
static weir_status
deepen(struct wr_heap_state *state, struct wr_map *map)
{
    struct wr_map_directory *root = directory_new(state, NULL, CAPACITY_LEAST);
    if (root == NULL) {
        return WEIR_NOMEM;
    }
    root->at[0] = map->place;
    map->place = (void *)root;
    map->depth++;
    return WEIR_OK;
}

/* Makes a place for the block behind the last. */
static weir_status
reserve(struct wr_heap_state *state, struct wr_map *map)
{
    if (map->depth == 0 || (map->depth == 1 && map->blocks == WR_MAP_LEAF_MOST)) {
        WR_TRY(deepen(state, map));
    }
    if (map->depth == 1) {
        return own_root(state, map, map->blocks + 1) != NULL ? WEIR_OK : WEIR_NOMEM;
    }
    uint32_t leaf = map->blocks / WR_MAP_LEAF_MOST;
    struct wr_map_directory *root = own_root(state, map, leaf + 1);
    if (root == NULL) {
        return WEIR_NOMEM;
    }
    if (root->at[leaf] == NULL) {
        root->at[leaf] = directory_new(state, NULL, WR_MAP_LEAF_MOST);
    }
    return root->at[leaf] != NULL ? WEIR_OK : WEIR_NOMEM;
}

/* What a split does with one block. */
struct parting {
    struct wr_map_block *from;
    uint32_t bit; /* of the hash, shifted: set, and the entry goes */
    uint32_t counts[2];
    size_t bytes[2];
    struct wr_map_block *to[2]; /* stays, goes; NULL: none */
};

/* Looks at (to NULL), or copies, every entry of the block. */
static void
part(const struct wr_heap_state *state, struct parting *parting, bool is_copying)
{
    const struct wr_layout *layout = &state->layout;
    struct wr_map_spot spot = { 0 };
    for (; spot.index < parting->from->count; spot.index++) {
        weir_bytes key;
        weir_bytes item;
        uint32_t bytes = wr_map_block_entry(layout, parting->from, &spot, &key, &item);
        uint64_t hash = wr_key_hash(key.data, key.size, state->heap->hash_seed);
        uint32_t side = ((uint32_t)(hash >> 8) & parting->bit) != 0;
        if (is_copying) {
            wr_map_block_add_from(layout, parting->to[side], parting->from, &spot);
        } else {
            parting->counts[side]++;
            parting->bytes[side] += bytes;
        }
        spot.offset += bytes;
    }
}

struct wr_map_source
wr_map_source_of(struct wr_heap_state *state)
{
    return (struct wr_map_source){ .slab = &state->heap->slab,
                                   .owner_bytes = state->slab_bytes,
                                   .layout = &state->layout,
                                   .epoch = state->heap->epoch };
}

void
wr_map_split(struct wr_heap_state *state, struct wr_map *map)
{
    struct wr_heap *heap = state->heap;
    struct wr_map_source source = wr_map_source_of(state);
    uint32_t level = UINT32_C(1) << (31 - __builtin_clz(map->blocks));
    uint32_t index = map->blocks - level;
    if (reserve(state, map) != WEIR_OK || wr_map_own_way(state, map, index) != WEIR_OK ||
        wr_map_own_way(state, map, map->blocks) != WEIR_OK) {
        return;
    }
    struct parting parting = { .from = wr_map_block_at(map, index), .bit = level };
    if (parting.from != NULL) {
        part(state, &parting, false);
        for (uint32_t side = 0; side < 2; side++) {
            uint32_t count = parting.counts[side];
            if (count == 0) {
                continue;
            }
            parting.to[side] = wr_map_block_new(&source, count, parting.bytes[side]);
            if (parting.to[side] == NULL) {
                if (side == 1 && parting.to[0] != NULL) {
                    wr_slab_free(&heap->slab, parting.to[0]);
                }
                return;
            }
        }
        part(state, &parting, true);
        wr_cow_drop_block(heap, parting.from, parting.from->epoch);
    }
    wr_map_set_block(map, index, parting.to[0]);
    wr_map_set_block(map, map->blocks, parting.to[1]);
    map->blocks++;
}

void
wr_map_drop_directories(struct wr_heap *heap, const struct wr_map *map)
{
    struct wr_map_directory *directory = (void *)map->place;
    if (map->depth == DEPTH_MOST) {
        for (uint32_t i = 0; i < directory->capacity; i++) {
            struct wr_map_directory *leaf = directory->at[i];
            if (leaf != NULL) {
                wr_cow_drop_block(heap, leaf, leaf->epoch);
            }
        }
    }
    if (map->depth != 0) {
        wr_cow_drop_block(heap, directory, directory->epoch);
    }
}
