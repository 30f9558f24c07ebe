/* SPDX-License-Identifier: Apache-2.0 */
/* value: single rows, through the cache: VALUE and its kin, TIMERS, and the values of maps.
 *
 *   find, put, upsert, remove  -->  row_of: the cache's entry, looked up if it must be
 *   cache full                 -->  wr_rocks_state_write, at the begin of a call: what was lent by
 *                                   the call before is not needed any more
 */
#include "state/rocks/row.h"

#include <string.h>

enum {
    CACHE_ENTRIES_MOST = 8192, /* written when so many rows were touched */
    LOOKUPS_AT_ONCE = 64
};

static bool
is_full(const struct wr_rocks_state *state, size_t more)
{
    const struct wr_rocks_cache *cache = &state->cache;
    return cache->count != 0 && (cache->count + more > CACHE_ENTRIES_MOST ||
                                 cache->arena.used_bytes >= state->rocks->settings.batch_bytes);
}

static weir_status
no_memory(const struct wr_rocks_state *state, weir_error *err)
{
    return wr_fail(err, WEIR_NOMEM,
                   "rocksdb: operator '%s', subtask %u, state '%s': no memory for a row",
                   state->rocks->operator_name, state->rocks->subtask, state->descriptor.name);
}

/* Puts what the database has into the entry; slice NULL: nothing. The slice is taken. */
static weir_status
fill(struct wr_rocks_state *state, struct wr_rocks_entry *entry, rocksdb_pinnableslice_t *slice,
     weir_error *err)
{
    if (slice == NULL) {
        entry->content = WR_ROCKS_ABSENT;
        return WEIR_OK;
    }
    size_t size = 0;
    const char *value = rocksdb_pinnableslice_value(slice, &size);
    weir_bytes item;
    weir_status status =
        wr_rocks_value_read(state, weir_bytes_of(value, size), &state->cache.arena, &item, err);
    rocksdb_pinnableslice_destroy(slice);
    WR_TRY(status);
    if (item.data == NULL) {
        entry->content = WR_ROCKS_NULL;
        return WEIR_OK;
    }
    memcpy(&entry->item, &item.data, sizeof entry->item); /* the arena's, ours to change */
    entry->item_size = (uint32_t)item.size;
    entry->item_room = (uint32_t)weir_round8(item.size);
    entry->content = WR_ROCKS_ITEM;
    return WEIR_OK;
}

static weir_status
look_up(struct wr_rocks_state *state, const weir_key *key, weir_bytes map_key,
        struct wr_rocks_entry *entry, weir_error *err)
{
    struct wr_rocks *rocks = state->rocks;
    WR_TRY(wr_rocks_row_key(state, key, map_key, &state->row, err));
    char *words = NULL;
    rocksdb_pinnableslice_t *slice =
        rocks->api->get(rocks->db, rocks->read_options, state->family,
                        (const char *)state->row.data, state->row.size, &words);
    WR_TRY(wr_rocks_judge(rocks, state, words, "reading a row", err));
    return fill(state, entry, slice, err);
}

/* The entry of a row, its content unknown if it is new. */
static weir_status
entry_of(struct wr_rocks_state *state, const weir_key *key, weir_bytes map_key,
         struct wr_rocks_entry **out_entry)
{
    weir_error *err = &state->rocks->last;
    wr_rocks_tick(state->rocks);
    struct wr_rocks_entry *entry = wr_rocks_cache_find(&state->cache, key, map_key);
    if (entry == NULL) {
        WR_TRY(wr_rocks_row_check(state, key, err));
        if (is_full(state, 1)) {
            WR_TRY(wr_rocks_state_write(state, err));
            wr_rocks_cache_clear(&state->cache);
        }
        entry = wr_rocks_cache_add(&state->cache, key, map_key);
        if (entry == NULL) {
            return no_memory(state, err);
        }
    }
    *out_entry = entry;
    return WEIR_OK;
}

static weir_status
known_entry_of(struct wr_rocks_state *state, const weir_key *key, weir_bytes map_key,
               struct wr_rocks_entry **out_entry)
{
    WR_TRY(entry_of(state, key, map_key, out_entry));
    if ((*out_entry)->content == WR_ROCKS_UNKNOWN) {
        return look_up(state, key, map_key, *out_entry, &state->rocks->last);
    }
    return WEIR_OK;
}

static weir_status
find_row(struct wr_rocks_state *state, const weir_key *key, weir_bytes map_key,
         weir_bytes *out_item)
{
    struct wr_rocks_entry *entry = NULL;
    WR_TRY(known_entry_of(state, key, map_key, &entry));
    if (entry->content == WR_ROCKS_ABSENT) {
        return WEIR_NOT_FOUND;
    }
    *out_item = entry->content == WR_ROCKS_NULL ? weir_bytes_of(NULL, 0)
                                                : weir_bytes_of(entry->item, entry->item_size);
    return WEIR_OK;
}

/* The item may be one that this cache has lent: it is copied away before the cache is emptied. */
static weir_status
put_row(struct wr_rocks_state *state, const weir_key *key, weir_bytes map_key, weir_bytes item,
        bool is_null)
{
    struct wr_rocks_entry *entry = NULL;
    if (is_full(state, 1) && item.size != 0) {
        wr_buffer_clear(&state->map_row);
        wr_buffer_put(&state->map_row, item.data, item.size);
        if (wr_buffer_status(&state->map_row) != WEIR_OK) {
            return no_memory(state, &state->rocks->last);
        }
        item.data = state->map_row.data;
    }
    WR_TRY(entry_of(state, key, map_key, &entry));
    if (!is_null) {
        if (!wr_rocks_cache_reserve(&state->cache, entry, item.size)) {
            return no_memory(state, &state->rocks->last);
        }
        if (item.size != 0) {
            memmove(entry->item, item.data, item.size);
        }
        entry->item_size = (uint32_t)item.size;
    }
    entry->content = is_null ? WR_ROCKS_NULL : WR_ROCKS_ITEM;
    wr_rocks_cache_mark(&state->cache, entry);
    return WEIR_OK;
}

/* Writes the type's defaults where there is no value. */
static weir_status
make_item(struct wr_rocks_state *state, struct wr_rocks_entry *entry, bool *out_created)
{
    *out_created = entry->content != WR_ROCKS_ITEM;
    if (entry->content != WR_ROCKS_ITEM) {
        if (!wr_rocks_cache_reserve(&state->cache, entry, state->item_size)) {
            return no_memory(state, &state->rocks->last);
        }
        memcpy(entry->item, state->defaults, state->item_size);
        entry->item_size = (uint32_t)state->item_size;
        entry->content = WR_ROCKS_ITEM;
    }
    wr_rocks_cache_mark(&state->cache, entry);
    return WEIR_OK;
}

static weir_status
upsert_row(struct wr_rocks_state *state, const weir_key *key, weir_bytes map_key, void **out_item,
           bool *out_created)
{
    struct wr_rocks_entry *entry = NULL;
    bool is_created = false;
    WR_TRY(known_entry_of(state, key, map_key, &entry));
    WR_TRY(make_item(state, entry, &is_created));
    *out_item = entry->item;
    if (out_created != NULL) {
        *out_created = is_created;
    }
    return WEIR_OK;
}

static weir_status
remove_row(struct wr_rocks_state *state, const weir_key *key, weir_bytes map_key)
{
    struct wr_rocks_entry *entry = NULL;
    WR_TRY(entry_of(state, key, map_key, &entry));
    entry->content = WR_ROCKS_ABSENT;
    wr_rocks_cache_mark(&state->cache, entry);
    return WEIR_OK;
}

static const weir_bytes no_map_key = { NULL, 0 };

weir_status
wr_rocks_find(weir_state *self, const weir_key *key, weir_bytes *out_item)
{
    return find_row(wr_rocks_state_of(self), key, no_map_key, out_item);
}

weir_status
wr_rocks_upsert(weir_state *self, const weir_key *key, void **out_item, bool *out_created)
{
    return upsert_row(wr_rocks_state_of(self), key, no_map_key, out_item, out_created);
}

weir_status
wr_rocks_put(weir_state *self, const weir_key *key, weir_bytes item)
{
    return put_row(wr_rocks_state_of(self), key, no_map_key, item, false);
}

/* --- many at once --- */

/* Rows that are looked up together: their keys stand one after the other in state->row. */
struct lookup {
    size_t count;
    struct wr_rocks_entry *entries[LOOKUPS_AT_ONCE];
    size_t ends[LOOKUPS_AT_ONCE];
};

static weir_status
add_lookup(struct wr_rocks_state *state, const weir_key *key, struct wr_rocks_entry *entry,
           struct lookup *lookup)
{
    WR_TRY(wr_rocks_row_key(state, key, no_map_key, &state->row, &state->rocks->last));
    wr_buffer_put(&state->map_row, state->row.data, state->row.size);
    WR_TRY(wr_buffer_status(&state->map_row));
    lookup->entries[lookup->count] = entry;
    lookup->ends[lookup->count++] = state->map_row.size;
    return WEIR_OK;
}

/* Judges every answer, so that no slice and no words are left behind. */
static weir_status
take_answers(struct wr_rocks_state *state, struct lookup *lookup,
             rocksdb_pinnableslice_t *const *values, char *const *words)
{
    weir_error *err = &state->rocks->last;
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < lookup->count; i++) {
        weir_status answer = wr_rocks_judge(state->rocks, state, words[i], "reading rows", err);
        if (answer == WEIR_OK && status == WEIR_OK) {
            answer = fill(state, lookup->entries[i], values[i], err);
        } else if (values[i] != NULL) {
            rocksdb_pinnableslice_destroy(values[i]);
        }
        status = status == WEIR_OK ? answer : status;
    }
    return status;
}

static weir_status
run_lookup(struct wr_rocks_state *state, struct lookup *lookup)
{
    struct wr_rocks *rocks = state->rocks;
    const char *keys[LOOKUPS_AT_ONCE];
    size_t sizes[LOOKUPS_AT_ONCE];
    rocksdb_pinnableslice_t *values[LOOKUPS_AT_ONCE] = { NULL };
    char *words[LOOKUPS_AT_ONCE] = { NULL };
    size_t begin = 0;
    if (lookup->count == 0) {
        return WEIR_OK;
    }
    for (size_t i = 0; i < lookup->count; i++) {
        keys[i] = (const char *)state->map_row.data + begin;
        sizes[i] = lookup->ends[i] - begin;
        begin = lookup->ends[i];
    }
    rocks->api->multi_get(rocks->db, rocks->read_options, state->family, lookup->count, keys, sizes,
                          values, words, false);
    weir_status status = take_answers(state, lookup, values, words);
    lookup->count = 0;
    wr_buffer_clear(&state->map_row);
    return status;
}

/* Enters all keys; those that are new are looked up together. */
static weir_status
load_many(struct wr_rocks_state *state, const weir_key *keys, size_t count)
{
    struct lookup lookup = { .count = 0 };
    wr_buffer_clear(&state->map_row);
    for (size_t i = 0; i < count; i++) {
        struct wr_rocks_entry *entry = wr_rocks_cache_find(&state->cache, &keys[i], no_map_key);
        if (entry != NULL) {
            continue; /* of unknown content only if an earlier lookup failed: upsert looks then */
        }
        WR_TRY(wr_rocks_row_check(state, &keys[i], &state->rocks->last));
        entry = wr_rocks_cache_add(&state->cache, &keys[i], no_map_key);
        if (entry == NULL) {
            return no_memory(state, &state->rocks->last);
        }
        WR_TRY(add_lookup(state, &keys[i], entry, &lookup));
        if (lookup.count == LOOKUPS_AT_ONCE) {
            WR_TRY(run_lookup(state, &lookup));
        }
    }
    return run_lookup(state, &lookup);
}

weir_status
wr_rocks_upsert_many(weir_state *self, const weir_key *keys, size_t count, void **out_items)
{
    struct wr_rocks_state *state = wr_rocks_state_of(self);
    if (is_full(state, count)) {
        WR_TRY(wr_rocks_state_write(state, &state->rocks->last));
        wr_rocks_cache_clear(&state->cache);
    }
    WR_TRY(load_many(state, keys, count));
    for (size_t i = 0; i < count; i++) {
        struct wr_rocks_entry *entry = wr_rocks_cache_find(&state->cache, &keys[i], no_map_key);
        bool is_created = false;
        if (entry->content == WR_ROCKS_UNKNOWN) {
            WR_TRY(look_up(state, &keys[i], no_map_key, entry, &state->rocks->last));
        }
        WR_TRY(make_item(state, entry, &is_created));
        out_items[i] = entry->item;
    }
    return WEIR_OK;
}

/* --- values of maps --- */

/* A map key without bytes is one all the same. */
static weir_bytes
named(weir_bytes map_key)
{
    return map_key.data != NULL ? map_key : weir_bytes_of("", 0);
}

weir_status
wr_rocks_map_find(weir_state *self, const weir_key *key, weir_bytes map_key, weir_bytes *out_item)
{
    return find_row(wr_rocks_state_of(self), key, named(map_key), out_item);
}

weir_status
wr_rocks_map_put(weir_state *self, const weir_key *key, weir_bytes map_key, weir_bytes item)
{
    return put_row(wr_rocks_state_of(self), key, named(map_key), item, item.data == NULL);
}

weir_status
wr_rocks_map_upsert(weir_state *self, const weir_key *key, weir_bytes map_key, void **out_item,
                    bool *out_created)
{
    return upsert_row(wr_rocks_state_of(self), key, named(map_key), out_item, out_created);
}

weir_status
wr_rocks_map_remove(weir_state *self, const weir_key *key, weir_bytes map_key)
{
    return remove_row(wr_rocks_state_of(self), key, named(map_key));
}

/* --- the whole of what stands under a key --- */

static weir_status
remove_map(struct wr_rocks_state *state, const weir_key *key)
{
    struct wr_rocks *rocks = state->rocks;
    WR_TRY(wr_rocks_state_write(state, &rocks->last));
    wr_rocks_cache_clear(&state->cache); /* it knows the rows one by one */
    WR_TRY(wr_rocks_row_key(state, key, no_map_key, &state->row, &rocks->last));
    const char *prefix = (const char *)state->row.data;
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(rocks->db, rocks->read_options, state->family);
    rocksdb_iter_seek(iterator, prefix, state->row.size);
    for (; rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        size_t size = 0;
        const char *row = rocksdb_iter_key(iterator, &size);
        if (size < state->row.size || memcmp(row, prefix, state->row.size) != 0) {
            break;
        }
        rocksdb_writebatch_delete_cf(rocks->batch, state->family, row, size);
    }
    char *words = NULL;
    rocks->api->iterator_error(iterator, &words);
    rocksdb_iter_destroy(iterator);
    WR_TRY(wr_rocks_judge(rocks, state, words, "reading a map's rows", &rocks->last));
    return wr_rocks_batch_write(rocks, state, &rocks->last);
}

static weir_status
remove_list(struct wr_rocks_state *state, const weir_key *key)
{
    WR_TRY(wr_rocks_row_key(state, key, no_map_key, &state->row, &state->rocks->last));
    rocksdb_writebatch_delete_cf(state->rocks->batch, state->family, (const char *)state->row.data,
                                 state->row.size);
    wr_rocks_big_forget(&state->big, weir_bytes_of(state->row.data, state->row.size));
    return wr_rocks_batch_check(state->rocks, state, &state->rocks->last);
}

weir_status
wr_rocks_remove(weir_state *self, const weir_key *key)
{
    struct wr_rocks_state *state = wr_rocks_state_of(self);
    switch (state->descriptor.kind) {
    case WEIR_STATE_MAP:
        return remove_map(state, key);
    case WEIR_STATE_LIST:
        return remove_list(state, key);
    case WEIR_STATE_VALUE:
    case WEIR_STATE_REDUCING:
    case WEIR_STATE_AGGREGATING:
    case WEIR_STATE_TIMERS:
    case WEIR_STATE_BROADCAST:
    default:
        return remove_row(state, key, no_map_key);
    }
}
