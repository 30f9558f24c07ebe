/* SPDX-License-Identifier: Apache-2.0 */
/* batch: many keys at once.
 *
 * A batch is looked up twice if any of its keys is new: first all are looked for, then room is
 * made for all that are missing, then all are looked for again and the missing ones made. In the
 * steady state nothing is missing and the first round is all there is. Between making room and
 * returning nothing moves, so all pointers are valid together.
 *
 * The first round is a pipeline of three steps, so that as many lines are on their way as the
 * core can have, and nobody waits for one:
 *
 *   key i + 30   its home bucket is worked out, the line with the bucket's head asked for
 *   key i + 8    the tags tell its slot, whose line is asked for; where no tag is the key's and
 *                the bucket has overflowed, the next bucket is
 *   key i        the key is compared, the value lent
 *
 * (Without the next bucket's line one key in twenty waits for memory: a third more time in all.)
 */
#include "base/fail.h"
#include "state/heap/entry.h"

enum {
    HEAD_AHEAD = 30,
    SLOT_AHEAD = 8,
    RING = 32
};

/* What the loop over a batch needs of the state, in registers. */
struct view {
    struct wr_layout layout;
    struct wr_table *const *tables;
    uint32_t key_group_first;
    uint32_t key_group_count;
    uint16_t epoch;
    bool is_read; /* by snapshots: writes copy */
};

static inline __attribute__((always_inline)) struct view
view_of(const struct wr_heap_state *state)
{
    return (struct view){ .layout = state->layout,
                          .tables = state->tables,
                          .key_group_first = state->heap->key_group_first,
                          .key_group_count = state->heap->key_group_count,
                          .epoch = (uint16_t)state->heap->epoch,
                          .is_read = state->heap->readers != 0 };
}

/* The key's home bucket; NULL: nowhere, it is missing or no key of ours. */
static inline __attribute__((always_inline)) struct wr_bucket *
home_of(const struct view *view, const weir_key *key)
{
    uint32_t group = key->key_group - view->key_group_first;
    if (__builtin_expect(group >= view->key_group_count, 0)) {
        return NULL;
    }
    return wr_table_home(view->tables[group], view->layout.bucket_bytes,
                         (uint32_t)(key->hash >> 32));
}

/* Behind a barrier: the whole bucket, which is to be copied before it is written, and where the
 * copy is entered. */
static inline __attribute__((always_inline)) void
ask_for_copy(const struct view *view, const weir_key *key, const struct wr_bucket *bucket)
{
    const struct wr_table *table = wr_table_serving(
        view->tables[key->key_group - view->key_group_first], (uint32_t)(key->hash >> 32));
    wr_bucket_prefetch(bucket, view->layout.bucket_bytes);
    wr_cow_prefetch(&view->layout, table, bucket);
}

static inline __attribute__((always_inline)) void
ask_head(const struct view *view, const weir_key *key, struct wr_guess *guess)
{
    guess->bucket = home_of(view, key);
    __builtin_prefetch(guess->bucket, 1, 3); /* of NULL: nothing */
    if (__builtin_expect(view->is_read && guess->bucket != NULL, 0)) {
        ask_for_copy(view, key, guess->bucket);
    }
}

static inline __attribute__((always_inline)) void
ask_slot(const struct view *view, const weir_key *key, struct wr_guess *guess)
{
    wr_guess_slot(guess, &view->layout, key);
    __builtin_prefetch(guess->at, 1, 3);
    if (__builtin_expect(guess->at == NULL && guess->bucket != NULL, 0) &&
        (guess->bucket->flags & WR_BUCKET_OVERFLOWED) != 0) { /* the next one has it, most likely */
        const uint8_t *next = (const uint8_t *)guess->bucket + view->layout.bucket_bytes;
        wr_bucket_prefetch((const struct wr_bucket *)(const void *)next, view->layout.bucket_bytes);
    }
}

/* Looks one key up that is not a plain hit; NULL in *out_value: it is missing. */
static __attribute__((noinline)) weir_status
find_one(struct wr_heap_state *state, const weir_key *key, void **out_value)
{
    WR_TRY(wr_entry_check(state, key));
    struct wr_probe probe;
    struct wr_place place;
    wr_probe_init(&probe, &state->layout, key);
    if (wr_table_find(state, wr_entry_group(state, key), &probe, &place)) {
        return wr_entry_own(state, &place, out_value);
    }
    *out_value = NULL;
    return WEIR_OK;
}

/* Looks all keys up; those that are missing get NULL. */
static inline __attribute__((always_inline)) weir_status
find_all_as(enum wr_key_form form, struct wr_heap_state *state, const weir_key *keys, size_t count,
            void **out_values, size_t *out_missing)
{
    const struct view view = view_of(state);
    const uint32_t key_size = view.layout.key_size;
    struct wr_guess ring[RING];
    size_t missing = 0;
    for (size_t i = 0; i < HEAD_AHEAD && i < count; i++) {
        ask_head(&view, &keys[i], &ring[i]);
    }
    for (size_t i = 0; i < SLOT_AHEAD && i < count; i++) {
        ask_slot(&view, &keys[i], &ring[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (i + HEAD_AHEAD < count) {
            ask_head(&view, &keys[i + HEAD_AHEAD], &ring[(i + HEAD_AHEAD) % RING]);
        }
        if (i + SLOT_AHEAD < count) {
            ask_slot(&view, &keys[i + SLOT_AHEAD], &ring[(i + SLOT_AHEAD) % RING]);
        }
        const weir_key *key = &keys[i];
        bool is_plain = form == WR_KEY_BYTES || key->size == key_size;
        if (__builtin_expect(is_plain && wr_guess_hits(&ring[i % RING], form, &view.layout,
                                                       view.epoch, key, &out_values[i]),
                             1)) {
            continue;
        }
        WR_TRY(find_one(state, key, &out_values[i]));
        missing += out_values[i] == NULL;
    }
    *out_missing = missing;
    return WEIR_OK;
}

static weir_status
find_all(struct wr_heap_state *state, const weir_key *keys, size_t count, void **out_values,
         size_t *out_missing)
{
    if (state->layout.value_in_slab || state->panes != NULL) {
        for (size_t i = 0; i < count; i++) {
            WR_TRY(find_one(state, &keys[i], &out_values[i]));
            *out_missing += out_values[i] == NULL;
        }
        return WEIR_OK;
    }
    switch (state->layout.key_form) {
    case WR_KEY_WORD:
        return find_all_as(WR_KEY_WORD, state, keys, count, out_values, out_missing);
    case WR_KEY_PAIR:
        return find_all_as(WR_KEY_PAIR, state, keys, count, out_values, out_missing);
    case WR_KEY_BYTES:
        return find_all_as(WR_KEY_BYTES, state, keys, count, out_values, out_missing);
    default:
        return WEIR_INVALID;
    }
}

static void
forget_reservations(struct wr_heap_state *state, const weir_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wr_table *table = state->tables[wr_entry_group(state, &keys[i])];
        if (table != NULL) {
            table->reserved = 0;
        }
    }
}

/* Makes room for all that are missing. */
static weir_status
make_room_for_all(struct wr_heap_state *state, const weir_key *keys, size_t count,
                  void *const *values)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i] != NULL) {
            continue;
        }
        uint32_t group = wr_entry_group(state, &keys[i]);
        uint32_t reserved = state->tables[group] != NULL ? state->tables[group]->reserved : 0;
        WR_TRY(wr_entry_make_room(state, &keys[i], reserved + 1, &group));
        state->tables[group]->reserved = reserved + 1; /* another table may stand in front now */
    }
    return WEIR_OK;
}

/* Looks all keys up again, now that nothing moves any more, and makes those that are missing. */
static weir_status
make_all(struct wr_heap_state *state, const weir_key *keys, size_t count, void **out_values)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t group = wr_entry_group(state, &keys[i]);
        struct wr_probe probe;
        struct wr_place place;
        wr_probe_init(&probe, &state->layout, &keys[i]);
        if (wr_table_find(state, group, &probe, &place)) {
            WR_TRY(wr_entry_own(state, &place, &out_values[i]));
            continue;
        }
        WR_TRY(wr_entry_new(state, &probe, group, wr_entry_default(state), &place));
        out_values[i] = (void *)(uintptr_t)wr_entry_value(state, &place).data;
    }
    return WEIR_OK;
}

weir_status
wr_heap_upsert_many(weir_state *self, const weir_key *keys, size_t count, void **out_values)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    if (state->layout.value_size == 0) {
        return WEIR_INVALID;
    }
    wr_entry_free_some(state->heap);
    size_t missing = 0;
    WR_TRY(find_all(state, keys, count, out_values, &missing));
    if (missing == 0) {
        return WEIR_OK;
    }
    weir_status status = make_room_for_all(state, keys, count, out_values);
    forget_reservations(state, keys, count);
    if (status == WEIR_OK) {
        status = make_all(state, keys, count, out_values);
    }
    return status;
}
