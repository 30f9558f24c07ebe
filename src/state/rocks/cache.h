/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/cache.h: the rows of a state that were touched lately, decoded: get, change and put
 * of one key is one look into the database, and what changes often is written once.
 *
 * An entry is known by its key (weir_key's bytes) and, in maps, its map key. Entries and items stay
 * where they are until the cache is cleared. Thread: task.
 */
#ifndef WR_STATE_ROCKS_CACHE_H
#define WR_STATE_ROCKS_CACHE_H

#include "state/rocks/arena.h"
#include "weir/bytes.h"
#include "weir/engine.h"

enum wr_rocks_content {
    WR_ROCKS_UNKNOWN = 0, /* not looked up yet */
    WR_ROCKS_ABSENT,
    WR_ROCKS_NULL, /* a map's null value */
    WR_ROCKS_ITEM
};

struct wr_rocks_entry {
    uint64_t hash;
    const uint8_t *key; /* the map key directly behind it */
    uint8_t *item;
    uint32_t key_size;
    uint32_t map_key_size;
    uint32_t item_size;
    uint32_t item_room;
    uint32_t key_group;
    uint8_t content; /* enum wr_rocks_content */
    bool is_dirty;   /* the database does not have it */
};

/* A slot tells most other keys from the one sought by itself: entries are cold, and far apart. */
struct wr_rocks_slot {
    uint32_t place; /* in `filled`, from 1; 0: free */
    uint32_t tag;   /* the upper half of the hash */
};

struct wr_rocks_cache {
    weir_alloc alloc;
    struct wr_rocks_arena arena;    /* keys and items */
    struct wr_rocks_slot *slots;    /* open addressing */
    struct wr_rocks_entry **filled; /* in the order they came; as many as half the slots */
    size_t slot_count;              /* a power of two, or 0 */
    size_t count;
    size_t dirty_count;
};

/* The entry differs from what the database has. */
static inline void
wr_rocks_cache_mark(struct wr_rocks_cache *cache, struct wr_rocks_entry *entry)
{
    cache->dirty_count += entry->is_dirty ? 0 : 1;
    entry->is_dirty = true;
}

void wr_rocks_cache_init(struct wr_rocks_cache *cache, const weir_alloc *alloc);
void wr_rocks_cache_fini(struct wr_rocks_cache *cache);

/* NULL: not there. */
struct wr_rocks_entry *wr_rocks_cache_find(const struct wr_rocks_cache *cache, const weir_key *key,
                                           weir_bytes map_key);
/* Of a key that is not there: an entry of unknown content, key copied. NULL: refused. */
struct wr_rocks_entry *wr_rocks_cache_add(struct wr_rocks_cache *cache, const weir_key *key,
                                          weir_bytes map_key);
/* Makes room for an item of this size in the entry; false: refused, nothing changed. */
bool wr_rocks_cache_reserve(struct wr_rocks_cache *cache, struct wr_rocks_entry *entry,
                            size_t size);
/* Forgets all, changes that were not written as well. */
void wr_rocks_cache_clear(struct wr_rocks_cache *cache);

#endif /* WR_STATE_ROCKS_CACHE_H */
