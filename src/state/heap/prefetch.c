/* SPDX-License-Identifier: Apache-2.0 */
/* prefetch: asks for the lines that accesses to come will read.
 *
 *   key i        its home bucket
 *   key i - 16   where the slot points to: a block, the end of a list, the first lines of a map
 *
 * The second step reads the slot, so it must wait until the first one's lines have come. The keys
 * in between are kept with the state: it is the same whether the caller asks for one key at a time
 * or for many.
 */
#include "state/heap/entry.h"
#include "state/heap/list.h"
#include "state/heap/map.h"

enum {
    PREFETCH_LEAST_BYTES = 1 << 20, /* smaller states sit in the cache: asking only costs */
    LINE = 64,
    MAP_LINES = 4 /* a block of ten entries of 8 and 8 bytes */
};

static inline struct wr_bucket *
home_of(const struct wr_heap_state *state, uint32_t group, uint64_t hash)
{
    if (__builtin_expect(group >= state->table_count, 0)) {
        return NULL;
    }
    return wr_table_home(state->tables[group], state->layout.bucket_bytes, (uint32_t)(hash >> 32));
}

static void
ask(const void *at, size_t lines)
{
    for (size_t i = 0; i < lines; i++) {
        __builtin_prefetch((const uint8_t *)at + i * LINE, 1, 3);
    }
}

/* What the most likely slot of the key points to. */
static void
ask_value(const struct wr_heap_state *state, uint32_t group, uint64_t hash)
{
    struct wr_guess guess = { .bucket = home_of(state, group, hash) };
    weir_key key = { .hash = hash };
    wr_guess_slot(&guess, &state->layout, &key);
    if (guess.at == NULL) {
        return;
    }
    const uint8_t *value = guess.at + state->layout.key_part_bytes;
    if (state->layout.value_form == WR_VALUE_LIST) {
        struct wr_list list;
        memcpy(&list, value, sizeof list);
        ask((const uint8_t *)(uintptr_t)(list.last & ~(uint64_t)7) + list.last_used, 1);
        ask(list.first, 2);
        return;
    }
    const void *place; /* the first word of a reference and of a map alike */
    memcpy(&place, value, sizeof place);
    ask((const uint8_t *)place, state->layout.value_form == WR_VALUE_MAP ? MAP_LINES : 1);
}

/* The buckets alone, for values that stand in them. */
static void
ask_buckets(const struct wr_heap_state *state, const weir_key *keys, size_t count)
{
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
    struct wr_ahead *ahead = &state->ahead;
    for (size_t i = 0; i < count; i++) {
        uint32_t group = wr_entry_group(state, &keys[i]);
        const struct wr_bucket *bucket = home_of(state, group, keys[i].hash);
        if (__builtin_expect(bucket != NULL, 1)) {
            wr_bucket_prefetch(bucket, state->layout.bucket_bytes);
        }
        if (state->layout.value_in_slab) {
            uint32_t at = ahead->at++ % WR_HEAP_AHEAD;
            ask_value(state, ahead->keys[at].group, ahead->keys[at].hash);
            ahead->keys[at].group = group;
            ahead->keys[at].hash = keys[i].hash;
        }
    }
}
