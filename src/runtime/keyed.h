/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/keyed.h: the keys of the batch that a keyed operator has in hand, and its states bound to
 * them.
 *
 *   begin (keys of the whole batch) -> bind (record by record, prefetching ahead) ... -> unbind
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_KEYED_H
#define WR_RUNTIME_KEYED_H

#include "base/buffer.h"
#include "runtime/batch.h"
#include "types/key.h"
#include "weir/backend.h"

enum {
    WR_KEYED_STATES_MAX = 64,        /* keyed states of one operator */
    WR_PREFETCH_BLOCK = 16,          /* keys a prefetch call; the next block is one ahead */
    WR_PREFETCH_FROM_BYTES = 1 << 20 /* smaller state is in the cache anyway */
};

struct wr_keyed_bound {
    weir_state *state;
    uint64_t accesses; /* when the last batch began */
};

struct wr_keyed {
    const struct wr_key_plan *plan; /* of the batch in hand */
    weir_alloc alloc;
    uint32_t max_parallelism;
    uint64_t hash_seed;
    size_t capacity; /* of the three arrays */
    const void **records;
    struct wr_extracted_key *extracted;
    weir_key *keys;
    size_t count;            /* keys of the batch; 0: they were not made */
    const weir_key *current; /* bound; NULL: none */
    struct wr_buffer scratch;
    struct wr_keyed_bound *bound;
    uint32_t bound_count;
    weir_state **prefetched; /* those that the batch before touched */
    uint32_t prefetched_count;
};

void wr_keyed_init(struct wr_keyed *keyed, const weir_alloc *alloc, const struct wr_key_plan *plan,
                   uint32_t max_parallelism, uint64_t hash_seed);
void wr_keyed_fini(struct wr_keyed *keyed);
/* The state takes part from now on. WEIR_LIMIT past WR_KEYED_STATES_MAX. */
weir_status wr_keyed_add_state(struct wr_keyed *keyed, weir_state *state);

/* Computes the batch's keys by this plan, which must be of the same key type as the first one.
 * used_bytes of the backend decides about prefetching. */
weir_status wr_keyed_begin(struct wr_keyed *keyed, const struct wr_key_plan *plan,
                           const struct weir_batch *batch, uint64_t used_bytes);
void wr_keyed_prefetch(const struct wr_keyed *keyed, size_t from, size_t count);

/* All states act on this key from now on; lent until another is bound. */
static inline void
wr_keyed_bind_key(struct wr_keyed *keyed, const weir_key *key)
{
    keyed->current = key;
    for (uint32_t i = 0; i < keyed->bound_count; i++) {
        keyed->bound[i].state->current_key = key;
    }
}

/* The same with the key of this record. */
static inline void
wr_keyed_bind(struct wr_keyed *keyed, size_t index)
{
    if (index % WR_PREFETCH_BLOCK == 0 && keyed->prefetched_count != 0) {
        wr_keyed_prefetch(keyed, index + WR_PREFETCH_BLOCK, WR_PREFETCH_BLOCK);
    }
    wr_keyed_bind_key(keyed, &keyed->keys[index]);
}

/* No key is set. */
static inline void
wr_keyed_unbind(struct wr_keyed *keyed)
{
    wr_keyed_bind_key(keyed, NULL);
}

/* A state of which a call failed since the last look; NULL: none. */
static inline weir_state *
wr_keyed_failed(const struct wr_keyed *keyed)
{
    for (uint32_t i = 0; i < keyed->bound_count; i++) {
        if (__builtin_expect(keyed->bound[i].state->failure != WEIR_OK, 0)) {
            return keyed->bound[i].state;
        }
    }
    return NULL;
}

#endif /* WR_RUNTIME_KEYED_H */
