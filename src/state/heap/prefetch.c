/* SPDX-License-Identifier: Apache-2.0 */
/* prefetch: asks for the lines that accesses to come will read.
 *
 *   key i        its home bucket
 *   key i - 16   where the slot points to: a block, the end of a list, the first lines of a map;
 *                or, if the key has overflowed its home, the bucket behind
 *   key i - 24   one that had overflowed: where its slot points to
 *
 * The later steps read the slot, so they must wait until the lines of those before have come. The
 * keys in between are kept with the state: it is the same whether the caller asks for one key at a
 * time or for many.
 */
#include "state/heap/entry.h"
#include "state/heap/list.h"
#include "state/heap/map.h"

enum {
    PREFETCH_LEAST_BYTES = 1 << 20, /* smaller states sit in the cache: asking only costs */
    LINE = 64,
    MAP_LINES = 3, /* a block of ten entries of 8 and 8 bytes */
    MAP_LINES_ENTRIES = 10,
    MAP_MORE_LINES = 2 /* of sixteen; more are several blocks */
};

static inline struct wr_bucket *
home_of(const struct wr_heap_state *state, uint32_t group, uint64_t hash)
{
    if (__builtin_expect(group >= state->table_count, 0)) {
        return NULL;
    }
    return wr_table_home(state->tables[group], state->layout.bucket_bytes, (uint32_t)(hash >> 32));
}

/* The bucket behind the key's home; NULL: the home is the last. */
static struct wr_bucket *
behind_home(const struct wr_heap_state *state, const struct wr_ahead_key *key)
{
    uint32_t high = (uint32_t)(key->hash >> 32);
    if (key->group >= state->table_count || state->tables[key->group] == NULL) {
        return NULL;
    }
    const struct wr_table *table = wr_table_serving(state->tables[key->group], high);
    uint32_t behind = wr_home_of(high, table->bucket_count) + 1;
    return behind < table->ready ? wr_table_bucket(&state->layout, table, behind) : NULL;
}

static inline __attribute__((always_inline)) void
ask(const void *at, size_t lines)
{
    for (size_t i = 0; i < lines; i++) {
        __builtin_prefetch((const uint8_t *)at + i * LINE, 1, 3);
    }
}

/* The lines of a map's one block; of a larger map those of its directory. */
static inline void
ask_map(const uint8_t *value)
{
    struct wr_map map;
    memcpy(&map, value, sizeof map);
    ask(map.place, MAP_LINES);
    if (map.count > MAP_LINES_ENTRIES) {
        ask(map.place + (size_t)MAP_LINES * LINE, MAP_MORE_LINES);
    }
}

/* What the most likely slot of the key in this bucket points to; false: it stands elsewhere. */
static inline bool
ask_value(const struct wr_heap_state *state, struct wr_bucket *bucket, uint64_t hash)
{
    struct wr_guess guess = { .bucket = bucket };
    weir_key key = { .hash = hash };
    wr_guess_slot(&guess, &state->layout, &key);
    if (__builtin_expect(guess.at == NULL, 0)) {
        return false;
    }
    const uint8_t *value = guess.at + state->layout.key_part_bytes;
    if (state->layout.value_form == WR_VALUE_LIST) {
        wr_list_prefetch(state, value);
        return true;
    }
    if (state->layout.value_form == WR_VALUE_MAP) {
        ask_map(value);
        return true;
    }
    const void *place;
    memcpy(&place, value, sizeof place);
    ask(place, 1);
    return true;
}

/* One more key whose bucket is on its way; those whose lines have come go a step on. */
static inline void
go_ahead(struct wr_heap_state *state, uint32_t group, uint64_t hash)
{
    struct wr_ahead *ahead = &state->ahead;
    struct wr_ahead_key *key = &ahead->keys[ahead->at % WR_HEAP_AHEAD];
    struct wr_ahead_key *late = &ahead->late[ahead->at % WR_HEAP_LATE];
    ahead->at++;
    if (__builtin_expect(late->is_set, 0)) {
        ask_value(state, behind_home(state, late), late->hash);
        late->is_set = false;
    }
    struct wr_bucket *home = home_of(state, key->group, key->hash);
    if (!ask_value(state, home, key->hash) && home != NULL &&
        (home->flags & WR_BUCKET_OVERFLOWED) != 0) {
        const struct wr_bucket *behind = behind_home(state, key);
        if (behind != NULL) {
            wr_bucket_prefetch(behind, state->layout.bucket_bytes);
            *late = *key;
            late->is_set = true;
        }
    }
    *key = (struct wr_ahead_key){ .hash = hash, .group = group };
}

/* Behind a barrier: where a copy of the home bucket is entered. */
static inline __attribute__((always_inline)) void
ask_for_copy(const struct wr_heap_state *state, struct wr_table *table, uint64_t hash,
             const struct wr_bucket *home)
{
    wr_cow_prefetch(&state->layout, wr_table_serving(table, (uint32_t)(hash >> 32)), home);
}

/* The buckets alone, for values that stand in them. */
static void
ask_buckets(const struct wr_heap_state *state, const weir_key *keys, size_t count)
{
    const bool is_read = state->heap->readers != 0;
    const uint32_t bucket_bytes = state->layout.bucket_bytes;
    const uint32_t first = state->heap->key_group_first;
    const uint32_t key_groups = state->heap->key_group_count;
    struct wr_table *const *tables = state->tables;
    for (size_t i = 0; i < count; i++) {
        uint32_t group = keys[i].key_group - first;
        if (__builtin_expect(group >= key_groups, 0)) {
            continue;
        }
        const struct wr_bucket *bucket =
            wr_table_home(tables[group], bucket_bytes, (uint32_t)(keys[i].hash >> 32));
        if (__builtin_expect(bucket != NULL, 1)) {
            wr_bucket_prefetch(bucket, bucket_bytes);
            if (__builtin_expect(is_read, 0)) {
                ask_for_copy(state, tables[group], keys[i].hash, bucket);
            }
        }
    }
}

void
wr_heap_prefetch(weir_state *self, const weir_key *keys, size_t count)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    if (state->bucket_bytes < PREFETCH_LEAST_BYTES) {
        return;
    }
    if (!state->layout.value_in_slab && state->panes == NULL) {
        ask_buckets(state, keys, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t group = wr_entry_group(state, &keys[i]);
        const struct wr_bucket *bucket = home_of(state, group, keys[i].hash);
        if (__builtin_expect(bucket != NULL, 1)) {
            wr_bucket_prefetch(bucket, state->layout.bucket_bytes);
            if (__builtin_expect(state->heap->readers != 0, 0)) {
                ask_for_copy(state, state->tables[group], keys[i].hash, bucket);
            }
        }
        if (state->layout.value_in_slab) {
            go_ahead(state, group, keys[i].hash);
        }
    }
}
