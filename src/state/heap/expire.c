/* SPDX-License-Identifier: Apache-2.0 */
/* expire: a walk round and round over a state that removes what has expired, a few entries a call.
 *
 * Tables are in hash order, so the walk stands at a hash, not at a bucket: it survives growing,
 * shrinking and removing, whoever does them. Of a growing pair it looks at both buckets of that
 * hash: an entry may have overflowed far behind its home.
 *
 * A removal may replace the table under the walk: the bucket is looked for again for each slot.
 *
 * A large list or map is not looked at as a whole: the walk stays at its slot until it is done, a
 * step a call. If it moves meanwhile it is met again in another round.
 */
#include "state/heap/entry.h"
#include "state/heap/list.h"
#include "state/heap/map.h"

enum {
    STEPS_AN_ENTRY =
        8 /* buckets and empty key groups passed for each entry that may be looked at */
};

/* Removes what has expired of one entry; true: there is more to look at. */
static bool
expire_entry(struct wr_heap_state *state, uint32_t group, const struct wr_place *place,
             size_t *io_looked)
{
    size_t looked = 1;
    enum wr_expired expired = WR_EXPIRED_DONE;
    switch (state->layout.value_form) {
    case WR_VALUE_LIST:
        expired = wr_list_expire(state, place, &looked);
        break;
    case WR_VALUE_MAP:
        expired = wr_map_expire(state, place, &looked);
        break;
    case WR_VALUE_FLAT:
    case WR_VALUE_BLOCK:
    default: {
        weir_bytes item = wr_entry_value(state, place);
        if (weir_state_item_expired(&state->ttl, item, state->heap->base.now_ms)) {
            wr_entry_take(state, group, place);
        }
        break;
    }
    }
    *io_looked += looked;
    if (expired == WR_EXPIRED_ALL) {
        wr_entry_remove(state, group, place);
    }
    return expired == WR_EXPIRED_MORE;
}

/* The table that serves the walk's key group; `is_older`: the one that it grows out of. NULL: none.
 */
static struct wr_table *
table_of(const struct wr_heap_state *state, const struct wr_expire *walk, bool is_older)
{
    struct wr_table *table = state->tables[walk->group];
    if (table == NULL || !is_older) {
        return table;
    }
    return table->growing ? table->older : NULL;
}

/* The live entry in the given slot of the bucket at the walk's hash. */
static bool
entry_at(const struct wr_heap_state *state, const struct wr_expire *walk, bool is_older,
         uint32_t slot, struct wr_place *out_place)
{
    const struct wr_layout *layout = &state->layout;
    struct wr_table *table = table_of(state, walk, is_older);
    if (table == NULL) {
        return false;
    }
    uint32_t index = wr_home_of((uint32_t)walk->high, table->bucket_count);
    if (index >= table->ready) {
        return false;
    }
    struct wr_bucket *bucket = wr_table_bucket(layout, table, index);
    uint8_t *at = wr_bucket_slot(layout, bucket, slot);
    if (wr_bucket_tag(bucket, slot) == 0) {
        return false;
    }
    if (table->moved != 0 && /* it may have left for the new table */
        wr_home_of(wr_slot_high(layout, at, state->heap->hash_seed), table->bucket_count) <
            table->moved) {
        return false;
    }
    *out_place = (struct wr_place){ table, bucket, slot, at };
    return true;
}

/* Goes on to the first hash behind a bucket at the walk's, or behind the key group. */
static void
go_on(const struct wr_heap_state *state, struct wr_expire *walk)
{
    uint64_t next = UINT64_MAX;
    for (int is_older = 0; is_older < 2; is_older++) {
        const struct wr_table *table = table_of(state, walk, is_older != 0);
        if (table != NULL) {
            uint64_t count = table->bucket_count;
            uint64_t index = wr_home_of((uint32_t)walk->high, table->bucket_count);
            uint64_t behind = (((index + 1) << 32) + count - 1) / count;
            next = behind < next ? behind : next;
        }
    }
    walk->high = next;
    if (next > UINT32_MAX) {
        walk->high = 0;
        walk->group = walk->group + 1 < state->table_count ? walk->group + 1 : 0;
    }
}

/* Looks at both buckets of the walk's hash, from its slot on; false: there is more to look at. */
static bool
expire_buckets(struct wr_heap_state *state, struct wr_expire *walk, size_t *io_looked)
{
    const uint32_t slots = state->layout.slots;
    for (; walk->slot < 2 * slots; walk->slot++) {
        struct wr_place place;
        bool is_older = walk->slot >= slots;
        uint32_t slot = is_older ? walk->slot - slots : walk->slot;
        if (entry_at(state, walk, is_older, slot, &place) &&
            expire_entry(state, walk->group, &place, io_looked)) {
            return false;
        }
        walk->block = 0;
    }
    walk->slot = 0;
    return true;
}

void
wr_heap_expire(weir_state *self, size_t entries)
{
    struct wr_heap_state *state = wr_heap_state_of(self);
    struct wr_expire *walk = &state->expire;
    if (!state->has_ttl || !state->layout.has_timestamps) {
        return;
    }
    size_t left = entries;
    size_t steps = entries * STEPS_AN_ENTRY;
    for (; left > 0 && steps > 0 && state->count > 0; steps--) {
        size_t looked = 0;
        bool is_done = expire_buckets(state, walk, &looked);
        left -= looked < left ? looked : left;
        if (!is_done) {
            return;
        }
        go_on(state, walk);
    }
}
