/* SPDX-License-Identifier: Apache-2.0 */
/* keyed: the keys of a batch at once, so that state is asked for long before it is needed.
 *
 *   records   r0 r1 r2 ...                       pointers into the batch
 *   extracted bytes and Java hash code each      one loop, the kind's switch outside of it
 *   keys      key group and table hash each      what engines take
 *   bind(i)   every 16th: prefetch keys i+16 .. i+31 of the states that the batch before touched
 *
 * A line from memory takes some 470 ns; with 16 to 32 of them under way a record pays about 30.
 * Prefetching is off while the state is small: then it only costs.
 *
 * Invariants:
 *   (1) keys[] lend bytes from the batch or from scratch: valid until the batch is given back or
 *       the next begin.
 *   (2) Outside of bind ... unbind no state has a key, so that a hook that asks gets WEIR_INVALID.
 */
#include "runtime/keyed.h"

#include "base/fail.h"
#include "base/memory.h"
#include "state/key_hash.h"
#include "types/java_hash.h"

#include <string.h>

void
wr_keyed_init(struct wr_keyed *keyed, const weir_alloc *alloc, const struct wr_key_plan *plan,
              uint32_t max_parallelism, uint64_t hash_seed)
{
    *keyed = (struct wr_keyed){
        .plan = plan, .alloc = *alloc, .max_parallelism = max_parallelism, .hash_seed = hash_seed
    };
    wr_buffer_init(&keyed->scratch, alloc);
}

static void
free_arrays(struct wr_keyed *keyed)
{
    const weir_alloc *alloc = &keyed->alloc;
    wr_memory_free(alloc, keyed->records, keyed->capacity * sizeof *keyed->records);
    wr_memory_free(alloc, keyed->extracted, keyed->capacity * sizeof *keyed->extracted);
    wr_memory_free(alloc, keyed->keys, keyed->capacity * sizeof *keyed->keys);
    keyed->records = NULL;
    keyed->extracted = NULL;
    keyed->keys = NULL;
    keyed->capacity = 0;
}

void
wr_keyed_fini(struct wr_keyed *keyed)
{
    if (keyed->plan == NULL) {
        return;
    }
    const weir_alloc *alloc = &keyed->alloc;
    free_arrays(keyed);
    wr_buffer_fini(&keyed->scratch);
    wr_memory_free(alloc, keyed->bound, WR_KEYED_STATES_MAX * sizeof *keyed->bound);
    wr_memory_free(alloc, keyed->prefetched, WR_KEYED_STATES_MAX * sizeof *keyed->prefetched);
    *keyed = (struct wr_keyed){ .plan = NULL };
}

weir_status
wr_keyed_add_state(struct wr_keyed *keyed, weir_state *state)
{
    for (uint32_t i = 0; i < keyed->bound_count; i++) {
        if (keyed->bound[i].state == state) {
            return WEIR_OK;
        }
    }
    const weir_alloc *alloc = &keyed->alloc;
    if (keyed->bound == NULL) {
        keyed->bound = wr_memory_new(alloc, WR_KEYED_STATES_MAX * sizeof *keyed->bound);
    }
    if (keyed->prefetched == NULL) {
        keyed->prefetched = wr_memory_new(alloc, WR_KEYED_STATES_MAX * sizeof *keyed->prefetched);
    }
    if (keyed->bound == NULL || keyed->prefetched == NULL) {
        return WEIR_NOMEM;
    }
    if (keyed->bound_count == WR_KEYED_STATES_MAX) {
        return WEIR_LIMIT;
    }
    keyed->bound[keyed->bound_count++] = (struct wr_keyed_bound){ .state = state };
    return WEIR_OK;
}

/* Batches of one job have one size: this happens once. */
static weir_status
make_room(struct wr_keyed *keyed, const struct weir_batch *batch)
{
    if (batch->count <= keyed->capacity) {
        return WEIR_OK;
    }
    size_t capacity = batch->count_max;
    const weir_alloc *alloc = &keyed->alloc;
    free_arrays(keyed);
    keyed->capacity = capacity;
    keyed->records = wr_memory_resize(alloc, NULL, 0, capacity * sizeof *keyed->records);
    keyed->extracted = wr_memory_resize(alloc, NULL, 0, capacity * sizeof *keyed->extracted);
    keyed->keys = wr_memory_resize(alloc, NULL, 0, capacity * sizeof *keyed->keys);
    if (keyed->records == NULL || keyed->extracted == NULL || keyed->keys == NULL) {
        free_arrays(keyed);
        return WEIR_NOMEM;
    }
    return WEIR_OK;
}

static void
choose_prefetched(struct wr_keyed *keyed, uint64_t used_bytes)
{
    keyed->prefetched_count = 0;
    for (uint32_t i = 0; i < keyed->bound_count; i++) {
        struct wr_keyed_bound *bound = &keyed->bound[i];
        if (bound->state->accesses != bound->accesses && used_bytes >= WR_PREFETCH_FROM_BYTES) {
            keyed->prefetched[keyed->prefetched_count++] = bound->state;
        }
        bound->accesses = bound->state->accesses;
    }
}

/* All of a key while its bytes are at hand; and what its length decides is guessed once. */
static weir_status
make_text_keys(struct wr_keyed *keyed, const struct weir_batch *batch, uint32_t offset)
{
    uint32_t max_parallelism = keyed->max_parallelism;
    uint64_t seed = keyed->hash_seed;
    for (size_t i = 0; i < batch->count; i++) {
        const uint8_t *record = batch->data + batch->offsets[i];
        weir_string text;
        memcpy(&text, record + offset, sizeof text);
        if (__builtin_expect(text.size > WEIR_KEY_SIZE_MAX, 0)) {
            return WEIR_LIMIT;
        }
        const uint8_t *at = record + text.offset;
        weir_key *key = &keyed->keys[i];
        key->data = at;
        key->size = text.size;
        key->key_group = wr_key_group_of(wr_java_hash_text(at, text.size), max_parallelism);
        key->hash = wr_key_hash(at, text.size, seed);
    }
    return WEIR_OK;
}

static weir_status
make_keys(struct wr_keyed *keyed, const struct weir_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        keyed->records[i] = batch->data + batch->offsets[i];
    }
    WR_TRY(wr_key_plan_extract_batch(keyed->plan, keyed->records, batch->count, &keyed->scratch,
                                     keyed->extracted));
    for (size_t i = 0; i < batch->count; i++) {
        const struct wr_extracted_key *extracted = &keyed->extracted[i];
        weir_key *key = &keyed->keys[i];
        key->data = extracted->data;
        key->size = extracted->size;
        key->key_group = wr_key_group_of(extracted->java_hash, keyed->max_parallelism);
        key->hash = wr_key_hash(extracted->data, extracted->size, keyed->hash_seed);
    }
    return WEIR_OK;
}

weir_status
wr_keyed_begin(struct wr_keyed *keyed, const struct wr_key_plan *plan,
               const struct weir_batch *batch, uint64_t used_bytes)
{
    uint32_t offset;
    keyed->plan = plan;
    WR_TRY(make_room(keyed, batch));
    WR_TRY(wr_key_plan_is_text(keyed->plan, &offset) ? make_text_keys(keyed, batch, offset)
                                                     : make_keys(keyed, batch));
    keyed->count = batch->count;
    choose_prefetched(keyed, used_bytes);
    wr_keyed_prefetch(keyed, 0, WR_PREFETCH_BLOCK);
    return WEIR_OK;
}

void
wr_keyed_prefetch(const struct wr_keyed *keyed, size_t from, size_t count)
{
    if (from >= keyed->count) {
        return;
    }
    if (count > keyed->count - from) {
        count = keyed->count - from;
    }
    for (uint32_t i = 0; i < keyed->prefetched_count; i++) {
        weir_state_prefetch(keyed->prefetched[i], keyed->keys + from, count);
    }
}
