/* SPDX-License-Identifier: Apache-2.0 */
/* convert: every item gains or loses its timestamp.
 *
 *   state as restored --every entry--> state as asked for --> takes its place
 *
 * The items of a converted state have other sizes, and may stand elsewhere: so a second state is
 * filled, and until it is whole nothing has happened to the first. That takes the memory of both,
 * once, when a program begins or ceases to let a state expire.
 */
#include "state/heap/convert.h"

#include "base/buffer.h"
#include "base/fail.h"
#include "state/heap/entry.h"
#include "state/heap/list.h"
#include "state/heap/map.h"
#include "state/ttl.h"

enum {
    STAMP_BYTES = 8
};

struct conversion {
    struct wr_heap_state *from;
    struct wr_heap_state *to;
    struct wr_buffer item; /* as it will be */
};

/* The item with or without its timestamp, lent until the next one. */
static weir_status
convert_item(struct conversion *conversion, weir_bytes item, weir_bytes *out_item)
{
    if (conversion->from->layout.has_timestamps == conversion->to->layout.has_timestamps) {
        *out_item = item;
        return WEIR_OK;
    }
    if (conversion->from->layout.has_timestamps) {
        *out_item =
            weir_bytes_of((const uint8_t *)item.data + STAMP_BYTES, item.size - STAMP_BYTES);
        return WEIR_OK;
    }
    wr_buffer_clear(&conversion->item);
    wr_buffer_put_u64(&conversion->item, (uint64_t)conversion->from->heap->base.now_ms);
    wr_buffer_put(&conversion->item, item.data, item.size);
    *out_item = weir_bytes_of(conversion->item.data, conversion->item.size);
    return wr_buffer_status(&conversion->item);
}

/* The same of a map's value. A null has no item, or one of zeros with a mark in its timestamp. */
static weir_status
convert_map_item(struct conversion *conversion, weir_bytes item, weir_bytes *out_item)
{
    if (conversion->from->layout.has_timestamps == conversion->to->layout.has_timestamps) {
        *out_item = item;
        return WEIR_OK;
    }
    if (conversion->from->layout.has_timestamps) {
        if (item.data == NULL || wr_ttl_is_null(item)) {
            *out_item = weir_bytes_of(NULL, 0);
            return WEIR_OK;
        }
        return convert_item(conversion, item, out_item);
    }
    if (item.data != NULL) {
        return convert_item(conversion, item, out_item);
    }
    size_t size = STAMP_BYTES + weir_type_fixed_size(conversion->from->type);
    wr_buffer_clear(&conversion->item);
    uint8_t *bytes = wr_buffer_extend(&conversion->item, size);
    if (bytes == NULL) {
        return WEIR_NOMEM;
    }
    memset(bytes, 0, size);
    wr_ttl_put_null(bytes, conversion->from->heap->base.now_ms);
    *out_item = weir_bytes_of(bytes, size);
    return WEIR_OK;
}

static weir_status
convert_list(struct conversion *conversion, const weir_key *key)
{
    weir_cursor cursor = { { 0 } };
    weir_bytes item;
    while (wr_heap_list_next(&conversion->from->base, key, &cursor, &item) == WEIR_OK) {
        weir_bytes converted;
        WR_TRY(convert_item(conversion, item, &converted));
        WR_TRY(wr_heap_list_add(&conversion->to->base, key, &converted, 1));
    }
    return WEIR_OK;
}

static weir_status
convert_map(struct conversion *conversion, const weir_key *key)
{
    weir_cursor cursor = { { 0 } };
    weir_bytes map_key;
    weir_bytes item;
    while (wr_heap_map_next(&conversion->from->base, key, &cursor, &map_key, &item) == WEIR_OK) {
        weir_bytes converted;
        WR_TRY(convert_map_item(conversion, item, &converted));
        WR_TRY(wr_heap_map_put(&conversion->to->base, key, map_key, converted));
    }
    return WEIR_OK;
}

static weir_status
convert_entry(void *argument, const weir_key *key, weir_bytes item)
{
    struct conversion *conversion = argument;
    switch (conversion->from->layout.value_form) {
    case WR_VALUE_LIST:
        return convert_list(conversion, key);
    case WR_VALUE_MAP:
        return convert_map(conversion, key);
    case WR_VALUE_FLAT:
    case WR_VALUE_BLOCK:
    default:
        break;
    }
    weir_bytes converted;
    WR_TRY(convert_item(conversion, item, &converted));
    return wr_heap_put(&conversion->to->base, key, converted);
}

/* Drops the blocks of a table's entries, but those that have moved on. */
static void
drop_entries(struct wr_heap_state *state, const struct wr_table *table)
{
    const struct wr_layout *layout = &state->layout;
    uint64_t seed = state->heap->hash_seed;
    for (uint32_t i = 0; i < table->ready; i++) {
        const struct wr_bucket *bucket = wr_table_bucket(layout, table, i);
        for (uint32_t index = 0; index < layout->slots; index++) {
            const uint8_t *slot = wr_bucket_slot(layout, bucket, index);
            if (wr_bucket_tag(bucket, index) == 0 ||
                (table->moved != 0 && wr_home_of(wr_slot_high(layout, slot, seed),
                                                 table->bucket_count) < table->moved)) {
                continue;
            }
            uint8_t *key_block = wr_slot_key_block(layout, slot);
            if (key_block != NULL) {
                wr_cow_drop_block(state->heap, key_block, 0);
            }
            wr_entry_drop_value(state, slot + layout->key_part_bytes);
        }
    }
}

/* Drops one row of a group, all of its tables. */
static void
drop_tables(struct wr_heap_state *state, uint32_t place)
{
    struct wr_table *table = state->tables[place];
    while (table != NULL) {
        struct wr_table *older = table->older;
        drop_entries(state, table);
        state->count -= table->count;
        if (state->panes != NULL) {
            state->panes->panes[place / state->heap->key_group_count].count -= table->count;
        }
        wr_cow_drop_table(state, table);
        table = older;
    }
    state->tables[place] = NULL;
}

void
wr_heap_clear_group(struct wr_heap_state *state, uint32_t group)
{
    for (uint32_t place = group; place < state->table_count;
         place += state->heap->key_group_count) {
        drop_tables(state, place);
    }
}

/* A state that nobody reads, with all it holds. NULL: nothing. */
static void
discard(struct wr_heap *heap, struct wr_heap_state *state)
{
    for (uint32_t group = 0; state != NULL && group < heap->key_group_count; group++) {
        wr_heap_clear_group(state, group);
    }
    if (state != NULL) {
        wr_changes_lose(state);
    }
    wr_heap_state_destroy(heap, state);
}

weir_status
wr_heap_convert(struct wr_heap *heap, struct wr_heap_state *state,
                const weir_state_descriptor *descriptor, struct wr_heap_state **out_state,
                weir_error *err)
{
    if (heap->readers != 0) {
        return wr_fail(err, WEIR_BUSY,
                       "operator '%s', state '%s': what expires cannot change while a snapshot is "
                       "being taken",
                       heap->operator_name, state->name);
    }
    wr_heap_stamp_ended(heap); /* walks that go on hold tables of the state */
    struct conversion conversion = { .from = state, .to = wr_heap_state_new(heap, descriptor) };
    weir_status status = conversion.to != NULL ? WEIR_OK : WEIR_NOMEM;
    if (status == WEIR_OK) {
        wr_buffer_init(&conversion.item, &heap->alloc);
        status = wr_heap_iterate(&state->base, convert_entry, &conversion);
        wr_buffer_fini(&conversion.item);
    }
    if (status != WEIR_OK) {
        discard(heap, conversion.to);
        return wr_fail(err, status,
                       "operator '%s', state '%s': no memory to %s timestamps; raise "
                       "taskmanager.memory.managed.size",
                       heap->operator_name, descriptor->name,
                       descriptor->has_timestamps ? "give its items" : "take from its items their");
    }
    conversion.to->index = state->index;
    heap->states[state->index] = conversion.to;
    heap->made_anew = heap->epoch;
    discard(heap, state);
    *out_state = conversion.to;
    return WEIR_OK;
}
