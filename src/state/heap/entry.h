/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/entry.h: what single keys (entry.c) and batches (batch.c) have in common. Thread:
 * task. */
#ifndef WR_STATE_HEAP_ENTRY_H
#define WR_STATE_HEAP_ENTRY_H

#include "base/check.h"
#include "state/heap/heap.h"
#include "state/heap/table.h"
#include "state/key_hash.h"

/* Where the key's table stands: its key group less the first, and its namespace's row. The place
 * behind the last, where no table ever is: the namespace has no row yet, or the backend does not
 * own the key. */
static inline uint32_t
wr_entry_group(const struct wr_heap_state *state, const weir_key *key)
{
    const struct wr_heap *heap = state->heap;
    uint32_t group = key->key_group - heap->key_group_first; /* below the first: wraps, too large */
    if (__builtin_expect(group >= heap->key_group_count, 0)) {
        return state->table_count;
    }
    if (__builtin_expect(state->panes == NULL, 1)) {
        return group;
    }
    uint32_t pane = wr_pane_find(state->panes, key->data, key->size);
    return pane < state->panes->capacity ? pane * heap->key_group_count + group
                                         : state->table_count;
}

/* Makes room for one more entry under this key; *io_group is made right where its namespace has no
 * row yet. Nothing that was lent stays valid. WEIR_NOMEM: refused, content unchanged. */
weir_status wr_entry_make_room(struct wr_heap_state *state, const weir_key *key, uint32_t extra,
                               uint32_t *io_group);

/* Of a key with what stands behind it: a namespace and its size, or a timestamp. */
static inline uint32_t
wr_entry_key_most(const struct wr_heap_state *state)
{
    uint32_t most = WEIR_KEY_SIZE_MAX + (state->layout.is_set ? 8 : 0);
    return state->namespace_type != NULL ? most + WEIR_KEY_SIZE_MAX + 4 : most;
}

static inline weir_status
wr_entry_check(const struct wr_heap_state *state, const weir_key *key)
{
    if (key->key_group - state->heap->key_group_first >= state->heap->key_group_count) {
        return WEIR_INVALID; /* below the first: wraps, too large */
    }
    wr_slow_assert(key->hash == wr_key_hash(key->data, key->size, state->heap->hash_seed));
    if (state->layout.key_size != 0) {
        return key->size == state->layout.key_size ? WEIR_OK : WEIR_INVALID;
    }
    return key->size <= wr_entry_key_most(state) ? WEIR_OK : WEIR_LIMIT;
}

static inline uint8_t *
wr_entry_at(const struct wr_heap_state *state, const struct wr_place *place)
{
    return place->at + state->layout.key_part_bytes;
}

/* The value of an entry, lent. */
weir_bytes wr_entry_value(const struct wr_heap_state *state, const struct wr_place *place);

static inline weir_bytes
wr_entry_default(const struct wr_heap_state *state)
{
    return weir_bytes_of(state->defaults, state->layout.value_size);
}

/* Before a write that changes the slot. */
static inline void
wr_entry_touch(struct wr_heap_state *state, const struct wr_place *place)
{
    wr_cow_touch(state, place->table, place->bucket);
    wr_bucket_set_dirty(place->bucket, place->slot);
}

/* The same as wr_entry_own for values in the slab. */
weir_status wr_entry_own_block(struct wr_heap_state *state, const struct wr_place *place,
                               void **out_value);

/* The value of an entry that is there, ready to be changed in place. WEIR_NOMEM: nothing changed.
 */
static inline __attribute__((always_inline)) weir_status
wr_entry_own(struct wr_heap_state *state, const struct wr_place *place, void **out_value)
{
    if (__builtin_expect(state->layout.value_in_slab, 0)) {
        return wr_entry_own_block(state, place, out_value);
    }
    wr_entry_touch(state, place);
    *out_value = wr_entry_at(state, place);
    return WEIR_OK;
}

/* Most keys that are there stand in the first slot of their home bucket that has their tag. */
struct wr_guess {
    struct wr_bucket *bucket; /* the home; NULL: nowhere */
    uint8_t *at;              /* that slot; NULL: there is none */
};

/* Works the slot out from the head of the bucket alone. */
static inline __attribute__((always_inline)) void
wr_guess_slot(struct wr_guess *guess, const struct wr_layout *layout, const weir_key *key)
{
    guess->at = NULL;
    if (__builtin_expect(guess->bucket == NULL, 0)) {
        return;
    }
    uint64_t mask = wr_tags_first(guess->bucket->tags, wr_tag_of(key->hash));
    size_t slot = wr_mask_slot(mask | (uint64_t)1 << 63); /* any slot, where there is none */
    uint8_t *at = (uint8_t *)guess->bucket + WR_BUCKET_HEAD + slot * layout->slot_bytes;
    guess->at = mask != 0 ? at : NULL;
}

/* Whether the guess is the key's and its bucket needs nothing but a dirty bit, which is set, and
 * the value given; else look by wr_table_find. `form`, `layout` and `epoch` are the state's, in
 * registers where the caller has a loop. */
static inline __attribute__((always_inline)) bool
wr_guess_hits(const struct wr_guess *guess, enum wr_key_form form, const struct wr_layout *layout,
              uint16_t epoch, const weir_key *key, void **out_value)
{
    if (__builtin_expect(guess->at == NULL || guess->bucket->epoch != epoch, 0)) {
        return false;
    }
    struct wr_probe probe;
    wr_probe_init_as(form, &probe, key);
    if (__builtin_expect(!wr_slot_is(form, guess->at, &probe), 0)) {
        return false;
    }
    uint64_t mask = wr_tags_first(guess->bucket->tags, wr_tag_of(key->hash));
    wr_bucket_set_dirty(guess->bucket, wr_mask_slot(mask));
    *out_value = guess->at + layout->key_part_bytes;
    return true;
}

/* Makes the entry of a key that is not there; room must have been made. The value is copied.
 * WEIR_NOMEM: nothing changed. */
weir_status wr_entry_new(struct wr_heap_state *state, const struct wr_probe *probe, uint32_t group,
                         weir_bytes value, struct wr_place *out_place);

/* The same with the bytes of the slot's value, whatever they stand for. */
weir_status wr_entry_new_slot(struct wr_heap_state *state, const struct wr_probe *probe,
                              uint32_t group, weir_bytes slot_value, struct wr_place *out_place);
/* Drops what the slot's value points to. */
void wr_entry_drop_value(struct wr_heap_state *state, const uint8_t *value);
/* Takes an entry out whose value's blocks are dropped already (or stood in the slot). */
void wr_entry_remove(struct wr_heap_state *state, uint32_t group, const struct wr_place *place);

/* Takes an entry out with all that its value points to. */
void wr_entry_take(struct wr_heap_state *state, uint32_t group, const struct wr_place *place);

/* Frees a few of the blocks that waited for a snapshot; part of every write. */
void wr_entry_free_waiting(struct wr_heap *heap);

static inline void
wr_entry_free_some(struct wr_heap *heap)
{
    if (__builtin_expect(heap->freeing.first != NULL || heap->drops != NULL, 0)) {
        wr_entry_free_waiting(heap);
    }
}

#endif /* WR_STATE_HEAP_ENTRY_H */
