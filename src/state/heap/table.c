/* SPDX-License-Identifier: Apache-2.0 */
/* table: open addressing over buckets, growing a few buckets at a time.
 *
 *   home bucket --full, OVERFLOWED--> next --full, OVERFLOWED--> next --no flag--> the end
 *
 * Growing: a new table of the next size stands in front of the old one. Homes of the old table
 * move in order; `older->moved` of them have left, so a key is in exactly one of the two and its
 * hash says in which. What has moved is left standing in the old table: that stays as it was for
 * snapshots that began before, and is freed with it. (So an old slot may point to a key block that
 * is no more: where a slot's home has moved, nothing but its stored hash may be read.)
 *
 *   STABLE  --make_room: full, or many removed--> GROWING   [begin_resize]
 *   GROWING --each insert and remove moves on---> GROWING   [move_homes]
 *   GROWING --last home moved-------------------> STABLE    [move_homes; the old one is retired]
 *
 * Invariants:
 *   (1) An entry stands in its home bucket or behind it, and every bucket it passed has OVERFLOWED
 *       set. Removing clears the tag alone; flags go when the table is rebuilt.
 *   (2) Homes of a growing table that a lookup may reach are below `ready`: fresh memory is
 *       initialised one by one, as homes move in, never in one stroke.
 *   (3) Every table keeps a free slot for insert to end on.
 *   (4) Setting OVERFLOWED needs no copy of the bucket: a flag without an entry behind it is
 *       harmless, in memory and in an image.
 *
 * A step of growth adds at most half; moving 2 homes or more an insert ends it long before the
 * next.
 */
#include "state/heap/table.h"

#include "base/check.h"
#include "base/fail.h"

enum {
    TABLE_BUCKETS_MOST = 1 << 29, /* seven slots each still count in 32 bits */
    FEW_SLOTS = 6,
    TIGHTEN_HOMES = 32 /* moved between two batches: some 10 us */
};

static uint32_t
capacity(const struct wr_layout *layout, const struct wr_table *table)
{
    return table->bucket_count * layout->slots;
}

/* Entries a table of that size is meant to hold: 13/16 of its slots; 10/16 where a bucket has few
 * slots, as more of them are full then; a single bucket can be full. */
static uint64_t
threshold(const struct wr_layout *layout, uint64_t bucket_count)
{
    uint64_t slots = bucket_count * layout->slots;
    if (bucket_count == 1) {
        return slots;
    }
    return slots * (layout->slots < FEW_SLOTS ? 10 : 13) / 16;
}

static uint32_t
next_size(uint32_t size)
{
    if (size == 1) {
        return 2;
    }
    bool is_power = (size & (size - 1)) == 0;
    return is_power ? size / 2 * 3 : size / 3 * 4;
}

uint32_t
wr_table_size_for(const struct wr_layout *layout, uint64_t entries)
{
    uint32_t size = 1;
    while (threshold(layout, size) < entries && size < TABLE_BUCKETS_MOST) {
        size = next_size(size);
    }
    return size;
}

static size_t
buckets_size(const struct wr_layout *layout, uint32_t bucket_count)
{
    return (size_t)bucket_count * layout->bucket_bytes;
}

static void
make_ready(struct wr_heap_state *state, struct wr_table *table, uint32_t upto)
{
    const struct wr_layout *layout = &state->layout;
    upto = upto > table->bucket_count ? table->bucket_count : upto;
    for (; table->ready < upto; table->ready++) {
        struct wr_bucket *bucket = wr_table_bucket(layout, table, table->ready);
        memset(bucket, 0, layout->bucket_bytes);
        bucket->epoch = (uint16_t)state->heap->epoch;
    }
}

struct wr_table *
wr_table_new(struct wr_heap_state *state, uint32_t bucket_count, bool ready)
{
    struct wr_heap *heap = state->heap;
    struct wr_table *table = wr_region_new(&heap->tables, sizeof *table);
    if (table == NULL) {
        return NULL;
    }
    *table = (struct wr_table){ .bucket_count = bucket_count, .born = heap->epoch };
    table->moved_epoch = table->born;
    size_t size = buckets_size(&state->layout, bucket_count);
    table->buckets = wr_region_new(&heap->tables, size);
    if (table->buckets == NULL) {
        wr_region_free(&heap->tables, table, sizeof *table);
        return NULL;
    }
    state->bucket_bytes += size;
    if (ready) {
        make_ready(state, table, bucket_count);
    }
    return table;
}

void
wr_table_free(struct wr_heap_state *state, struct wr_table *table)
{
    struct wr_heap *heap = state->heap;
    size_t size = buckets_size(&state->layout, table->bucket_count);
    state->bucket_bytes -= size;
    wr_slow_assert(table->copies == NULL);
    wr_region_free(&heap->tables, table->buckets, size);
    wr_region_free(&heap->tables, table, sizeof *table);
}

bool
wr_table_find(const struct wr_heap_state *state, uint32_t group, const struct wr_probe *probe,
              struct wr_place *out_place)
{
    const struct wr_layout *layout = &state->layout;
    struct wr_table *table = state->tables[group];
    if (table == NULL) {
        return false;
    }
    table = wr_table_serving(table, probe->high);
    uint32_t index = wr_home_of(probe->high, table->bucket_count);
    for (uint32_t tried = 0; tried < table->bucket_count; tried++) {
        struct wr_bucket *bucket = wr_table_bucket(layout, table, index);
        uint64_t mask = wr_tags_equal(bucket->tags, probe->tag);
        for (; mask != 0; mask &= mask - 1) {
            uint32_t slot = wr_mask_slot(mask);
            uint8_t *at = wr_bucket_slot(layout, bucket, slot);
            if (wr_slot_is(layout->key_form, at, probe)) {
                *out_place = (struct wr_place){ table, bucket, slot, at };
                return true;
            }
        }
        if ((bucket->flags & WR_BUCKET_OVERFLOWED) == 0) {
            return false;
        }
        index = index + 1 == table->bucket_count ? 0 : index + 1;
    }
    return false;
}

/* Takes the first free slot from the home on. It is not dirty yet. */
static void
take_slot(struct wr_heap_state *state, struct wr_table *table, uint32_t high, uint64_t tag,
          struct wr_place *out_place)
{
    const struct wr_layout *layout = &state->layout;
    uint32_t index = wr_home_of(high, table->bucket_count);
    wr_assert(table->used < capacity(layout, table)); /* invariant (3): the loop ends */
    for (;;) {
        if (index >= table->ready) {
            make_ready(state, table, index + 1);
        }
        struct wr_bucket *bucket = wr_table_bucket(layout, table, index);
        uint64_t free_slots = wr_tags_equal(bucket->tags, 0) & layout->slot_tags;
        if (free_slots != 0) {
            uint32_t slot = wr_mask_slot(free_slots);
            wr_cow_touch(state, table, bucket);
            bucket->tags |= tag << (slot * 8);
            *out_place =
                (struct wr_place){ table, bucket, slot, wr_bucket_slot(layout, bucket, slot) };
            break;
        }
        bucket->flags |= WR_BUCKET_OVERFLOWED;
        index = index + 1 == table->bucket_count ? 0 : index + 1;
    }
    table->count++;
    table->used++;
}

/* Copies the entries of one home of the old table to the new one. */
static void
move_home(struct wr_heap_state *state, struct wr_table *to, struct wr_table *from, uint32_t home)
{
    const struct wr_layout *layout = &state->layout;
    uint64_t seed = state->heap->hash_seed;
    uint32_t index = home;
    for (uint32_t tried = 0; tried < from->bucket_count; tried++) {
        const struct wr_bucket *bucket = wr_table_bucket(layout, from, index);
        const uint8_t changed = wr_bucket_changed(bucket, state->heap->base_epoch);
        for (uint32_t slot = 0; slot < layout->slots; slot++) {
            uint8_t tag = wr_bucket_tag(bucket, slot);
            if (tag == 0) {
                continue;
            }
            const uint8_t *at = wr_bucket_slot(layout, bucket, slot);
            uint32_t high = wr_slot_high(layout, at, seed);
            if (wr_home_of(high, from->bucket_count) != home) {
                continue;
            }
            struct wr_place place;
            take_slot(state, to, high, tag, &place);
            if ((changed & (1u << slot)) != 0) { /* moving alone is no change */
                wr_bucket_set_dirty(place.bucket, place.slot);
            }
            memcpy(place.at, at, layout->slot_bytes);
            from->count--;
        }
        if ((bucket->flags & WR_BUCKET_OVERFLOWED) == 0) {
            break;
        }
        index = index + 1 == from->bucket_count ? 0 : index + 1;
    }
}

/* Moves up to `homes` homes of a growing pair; ends the growth with the last one. */
static void
move_homes(struct wr_heap_state *state, uint32_t group, uint32_t homes)
{
    struct wr_table *to = state->tables[group];
    struct wr_table *from = to->older;
    const uint32_t count = from->bucket_count;
    wr_slow_assert(to->growing && count > 0);
    wr_cow_keep_moved(state->heap, from);
    for (; homes > 0 && from->moved < count; homes--) {
        uint64_t reached = (uint64_t)(from->moved + 1) * to->bucket_count / count;
        make_ready(state, to, (uint32_t)reached + 1);
        move_home(state, to, from, from->moved);
        from->moved++;
    }
    if (from->moved == count) {
        wr_slow_assert(from->count == 0);
        make_ready(state, to, to->bucket_count);
        to->growing = false;
        from->retired = state->heap->epoch;
        wr_cow_sweep(state, group);
    }
}

static uint32_t
homes_a_step(const struct wr_layout *layout)
{
    return layout->slots >= 6 ? 2 : 16 / layout->slots;
}

static weir_status
begin_resize(struct wr_heap_state *state, uint32_t group, uint32_t bucket_count)
{
    struct wr_table *from = state->tables[group];
    struct wr_table *to = wr_table_new(state, bucket_count, bucket_count <= WR_HEAP_SMALL_BUCKETS);
    if (to == NULL) {
        return WEIR_NOMEM;
    }
    to->older = from;
    to->growing = true;
    state->tables[group] = to;
    if (from->bucket_count <= WR_HEAP_SMALL_BUCKETS) {
        move_homes(state, group, from->bucket_count);
    }
    return WEIR_OK;
}

weir_status
wr_table_make_room(struct wr_heap_state *state, uint32_t group, uint32_t extra)
{
    const struct wr_layout *layout = &state->layout;
    if (state->tables[group] == NULL) {
        state->tables[group] = wr_table_new(state, wr_table_size_for(layout, extra), true);
        return state->tables[group] != NULL ? WEIR_OK : WEIR_NOMEM;
    }
    for (;;) {
        struct wr_table *table = state->tables[group];
        if (table->growing) {
            struct wr_table *older = table->older;
            uint64_t total = (uint64_t)table->count + older->count + extra;
            bool is_late =
                total > threshold(layout, table->bucket_count) ||
                (uint64_t)older->used + extra > (uint64_t)capacity(layout, older) * 15 / 16;
            move_homes(state, group, is_late ? older->bucket_count : homes_a_step(layout));
            if (!is_late) {
                return WEIR_OK;
            }
            continue;
        }
        uint64_t total = (uint64_t)table->count + extra;
        bool is_full = total > threshold(layout, table->bucket_count);
        bool is_worn = table->removed > 2 * capacity(layout, table);
        if (!is_full && !is_worn) {
            return WEIR_OK;
        }
        if (table->bucket_count >= TABLE_BUCKETS_MOST) {
            return WEIR_NOMEM;
        }
        uint32_t size = wr_table_size_for(layout, total);
        if (is_full && size < next_size(table->bucket_count)) {
            size = next_size(table->bucket_count);
        }
        WR_TRY(begin_resize(state, group, size));
    }
}

void
wr_table_insert(struct wr_heap_state *state, uint32_t group, const struct wr_probe *probe,
                const uint8_t *key_block, struct wr_place *out_place)
{
    const struct wr_layout *layout = &state->layout;
    struct wr_table *table = wr_table_serving(state->tables[group], probe->high);
    take_slot(state, table, probe->high, probe->tag, out_place);
    wr_bucket_set_dirty(out_place->bucket, out_place->slot);
    if (__builtin_expect(state->panes != NULL, 0)) {
        state->panes->panes[group / state->heap->key_group_count].count++;
    }
    memcpy(out_place->at, &probe->part[0], 8);
    if (layout->key_part_bytes == 16) {
        uint64_t second = probe->data != NULL ? (uint64_t)(uintptr_t)key_block : probe->part[1];
        memcpy(out_place->at + 8, &second, 8);
    }
    state->count++;
}

/* After an entry has gone: a table that is nearly empty shrinks. Refused memory is no failure. */
static void
consider_shrinking(struct wr_heap_state *state, uint32_t group)
{
    const struct wr_layout *layout = &state->layout;
    struct wr_table *table = state->tables[group];
    if (table->growing) {
        move_homes(state, group, homes_a_step(layout));
        return;
    }
    if (table->bucket_count < 8 || (uint64_t)table->count * 8 > capacity(layout, table)) {
        return;
    }
    uint32_t quarter = table->bucket_count / 4;
    uint32_t size = wr_table_size_for(layout, (uint64_t)table->count * 2);
    while (size < quarter) {
        size = next_size(size);
    }
    if (size < table->bucket_count) {
        weir_status status = begin_resize(state, group, size);
        (void)status; /* it stays as it is, and tries again at the next removal */
    }
}

bool
wr_table_tighten(struct wr_heap_state *state, uint32_t group, size_t *io_spent)
{
    const struct wr_layout *layout = &state->layout;
    struct wr_heap *heap = state->heap;
    struct wr_table *table = state->tables[group];
    wr_slow_assert(heap->snapshot_count == 0);
    *io_spent += WR_TIGHTEN_LOOK;
    if (table == NULL) {
        return false;
    }
    if (table->growing) {
        move_homes(state, group, TIGHTEN_HOMES);
        *io_spent += buckets_size(layout, TIGHTEN_HOMES);
        return true;
    }
    if (table->count == 0) {
        wr_cow_sweep(state, group);
        state->tables[group] = NULL;
        wr_cow_drop_table(state, table);
        return false;
    }
    /* half as many again can come before it must grow: not while it is still being rebuilt */
    uint32_t size = wr_table_size_for(layout, (uint64_t)table->count * 3 / 2);
    bool is_loose = size <= table->bucket_count / 2;
    bool is_misplaced = wr_region_is_closed(&heap->tables, table) ||
                        wr_region_is_closed(&heap->tables, table->buckets);
    if (!is_loose && !is_misplaced) {
        return false;
    }
    *io_spent += buckets_size(layout, TIGHTEN_HOMES);
    weir_status status = begin_resize(
        state, group, is_loose || size > table->bucket_count ? size : table->bucket_count);
    return status == WEIR_OK && state->tables[group]->growing; /* refused: it stays as it is */
}

void
wr_table_remove(struct wr_heap_state *state, uint32_t group, const struct wr_place *place)
{
    struct wr_table *table = place->table;
    struct wr_bucket *bucket = place->bucket;
    wr_cow_touch(state, table, bucket);
    bucket->tags &= ~((uint64_t)0xff << (place->slot * 8));
    wr_bucket_set_dirty(bucket, place->slot);
    memset(place->at, 0, state->layout.slot_bytes);
    table->count--;
    table->used--;
    table->removed++;
    table->removed_epoch = state->heap->epoch;
    state->count--;
    state->heap->shrink.removals++;
    if (__builtin_expect(state->panes != NULL, 0)) {
        state->panes->panes[group / state->heap->key_group_count].count--;
    }
    consider_shrinking(state, group);
}
