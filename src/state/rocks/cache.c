/* SPDX-License-Identifier: Apache-2.0 */
/* cache: a table of places of entries that live in an arena.
 *
 * Entries never go one by one: the cache is filled, written, and emptied whole. So nothing that was
 * lent moves, and there are no tombstones.
 */
#include "state/rocks/cache.h"

#include "base/little.h"
#include "base/memory.h"

#include <string.h>

enum {
    SLOTS_LEAST = 64,
    TAG_SHIFT = 32
};

void
wr_rocks_cache_init(struct wr_rocks_cache *cache, const weir_alloc *alloc)
{
    *cache = (struct wr_rocks_cache){ .alloc = *alloc };
    wr_rocks_arena_init(&cache->arena, alloc);
}

static size_t
slots_size(size_t slot_count)
{
    return slot_count * sizeof(struct wr_rocks_slot);
}

static size_t
filled_size(size_t slot_count)
{
    return slot_count / 2 * sizeof(struct wr_rocks_entry *);
}

static void
free_slots(struct wr_rocks_cache *cache)
{
    wr_memory_free(&cache->alloc, cache->slots, slots_size(cache->slot_count));
    wr_memory_free(&cache->alloc, cache->filled, filled_size(cache->slot_count));
}

void
wr_rocks_cache_fini(struct wr_rocks_cache *cache)
{
    free_slots(cache);
    wr_rocks_arena_fini(&cache->arena);
    *cache = (struct wr_rocks_cache){ .alloc = cache->alloc };
}

static uint64_t
mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
    return hash ^ (hash >> 32);
}

/* The key's own hash; a map key's bytes are folded into it. */
static uint64_t
hash_of(const weir_key *key, weir_bytes map_key)
{
    uint64_t hash = key->hash;
    if (map_key.data == NULL) {
        return hash;
    }
    hash = mix(hash, map_key.size);
    const uint8_t *at = map_key.data;
    size_t left = map_key.size;
    for (; left >= 8; left -= 8, at += 8) {
        hash = mix(hash, wr_get_u64(at));
    }
    uint64_t rest = 0;
    memcpy(&rest, at, left);
    return mix(hash, rest);
}

static bool
is_of(const struct wr_rocks_entry *entry, uint64_t hash, const weir_key *key, weir_bytes map_key)
{
    return entry->hash == hash && entry->key_size == key->size &&
           entry->map_key_size == map_key.size && memcmp(entry->key, key->data, key->size) == 0 &&
           (map_key.size == 0 ||
            memcmp(entry->key + entry->key_size, map_key.data, map_key.size) == 0);
}

struct wr_rocks_entry *
wr_rocks_cache_find(const struct wr_rocks_cache *cache, const weir_key *key, weir_bytes map_key)
{
    if (cache->slot_count == 0) {
        return NULL;
    }
    uint64_t hash = hash_of(key, map_key);
    size_t mask = cache->slot_count - 1;
    for (size_t at = hash & mask; cache->slots[at].place != 0; at = (at + 1) & mask) {
        const struct wr_rocks_slot *slot = &cache->slots[at];
        if (slot->tag == hash >> TAG_SHIFT &&
            is_of(cache->filled[slot->place - 1], hash, key, map_key)) {
            return cache->filled[slot->place - 1];
        }
    }
    return NULL;
}

/* Puts the entry at `place` of `filled`, from 1, into a free slot. */
static void
take_slot(struct wr_rocks_cache *cache, uint64_t hash, size_t place)
{
    size_t mask = cache->slot_count - 1;
    size_t at = hash & mask;
    while (cache->slots[at].place != 0) {
        at = (at + 1) & mask;
    }
    cache->slots[at] =
        (struct wr_rocks_slot){ .place = (uint32_t)place, .tag = (uint32_t)(hash >> TAG_SHIFT) };
}

static bool
grow(struct wr_rocks_cache *cache)
{
    size_t slot_count = cache->slot_count == 0 ? (size_t)SLOTS_LEAST : 2 * cache->slot_count;
    struct wr_rocks_slot *slots = wr_memory_new(&cache->alloc, slots_size(slot_count));
    struct wr_rocks_entry **filled = wr_memory_new(&cache->alloc, filled_size(slot_count));
    if (slots == NULL || filled == NULL) {
        wr_memory_free(&cache->alloc, slots, slots_size(slot_count));
        wr_memory_free(&cache->alloc, filled, filled_size(slot_count));
        return false;
    }
    if (cache->count != 0) {
        memcpy(filled, cache->filled, cache->count * sizeof *filled);
    }
    free_slots(cache);
    cache->slots = slots;
    cache->filled = filled;
    cache->slot_count = slot_count;
    for (size_t i = 0; i < cache->count; i++) {
        take_slot(cache, filled[i]->hash, i + 1);
    }
    return true;
}

struct wr_rocks_entry *
wr_rocks_cache_add(struct wr_rocks_cache *cache, const weir_key *key, weir_bytes map_key)
{
    if (2 * cache->count >= cache->slot_count && !grow(cache)) {
        return NULL;
    }
    struct wr_rocks_entry *entry =
        wr_rocks_arena_take(&cache->arena, sizeof *entry + key->size + map_key.size);
    if (entry == NULL) {
        return NULL;
    }
    uint8_t *bytes = (uint8_t *)(entry + 1);
    if (key->size != 0) {
        memcpy(bytes, key->data, key->size);
    }
    if (map_key.size != 0) {
        memcpy(bytes + key->size, map_key.data, map_key.size);
    }
    *entry = (struct wr_rocks_entry){ .hash = hash_of(key, map_key),
                                      .key = bytes,
                                      .key_size = key->size,
                                      .map_key_size = (uint32_t)map_key.size,
                                      .key_group = key->key_group };
    cache->filled[cache->count++] = entry;
    take_slot(cache, entry->hash, cache->count);
    return entry;
}

bool
wr_rocks_cache_reserve(struct wr_rocks_cache *cache, struct wr_rocks_entry *entry, size_t size)
{
    if (entry->item != NULL && entry->item_room >= size) {
        return true;
    }
    uint8_t *item = wr_rocks_arena_take(&cache->arena, size);
    if (item == NULL) {
        return false;
    }
    entry->item = item;
    entry->item_room = (uint32_t)weir_round8(size);
    return true;
}

void
wr_rocks_cache_clear(struct wr_rocks_cache *cache)
{
    if (cache->count != 0) {
        memset(cache->slots, 0, slots_size(cache->slot_count));
    }
    cache->count = 0;
    cache->dirty_count = 0;
    wr_rocks_arena_clear(&cache->arena);
}
