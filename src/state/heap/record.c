/* SPDX-License-Identifier: Apache-2.0 */
/* record: from a slot of a table to a record of a snapshot.
 *
 *   an item          | key size | value size | key | item |           at once
 *   a list or map    | key size | value size | key |                  at once, then
 *                    | size | item |  or  | sizes | key | item |       as many as there is room for
 *
 * The value's size stands before the value. A slot knows that of its whole list or map; where
 * expired items are left out it is measured first, by the same walk. Both walks may stop between
 * any two items: the snapshot holds on to the list or map as it was.
 */
#include "state/heap/record.h"

#include "base/check.h"
#include "base/fail.h"
#include "state/heap/list.h"
#include "state/heap/map.h"

enum {
    COST_LOOK = 16 /* of an item that is not written */
};

bool
wr_record_has_room(struct weir_snapshot *snapshot, size_t size)
{
    size_t room = weir_block_writer_room(snapshot->writer);
    snapshot->room_most = room > snapshot->room_most ? room : snapshot->room_most;
    return room >= size || (room >= snapshot->room_most / 2 && room > 0);
}

weir_status
wr_record_put(struct weir_snapshot *snapshot, const void *data, size_t size)
{
    if (size == 0) {
        return WEIR_OK;
    }
    snapshot->bytes += size;
    return weir_block_writer_write(snapshot->writer, data, size);
}

static weir_status
put_two(struct weir_snapshot *snapshot, uint32_t one, uint32_t two)
{
    uint8_t bytes[8];
    wr_put_u32(bytes, one);
    wr_put_u32(bytes + 4, two);
    return wr_record_put(snapshot, bytes, sizeof bytes);
}

/* The sizes and the key. */
static weir_status
put_head(struct weir_snapshot *snapshot, weir_bytes key, uint32_t value_size)
{
    snapshot->entries++;
    WR_TRY(put_two(snapshot, (uint32_t)key.size, value_size));
    return wr_record_put(snapshot, key.data, key.size);
}

weir_status
wr_record_delete(struct weir_snapshot *snapshot, weir_bytes key)
{
    return put_head(snapshot, key, UINT32_MAX);
}

static bool
is_one_item(const struct wr_layout *layout)
{
    return layout->value_form == WR_VALUE_FLAT || layout->value_form == WR_VALUE_BLOCK;
}

/* The item of a slot that holds one. */
static weir_bytes
slot_item(const struct wr_layout *layout, const uint8_t *slot)
{
    const uint8_t *value = slot + layout->key_part_bytes;
    if (layout->value_form == WR_VALUE_FLAT) {
        return weir_bytes_of(value, layout->is_set ? 0 : layout->value_size);
    }
    struct wr_reference reference;
    memcpy(&reference, value, sizeof reference);
    return weir_bytes_of(reference.place, reference.size);
}

static uint32_t
collection_bytes(const struct wr_layout *layout, const uint8_t *value)
{
    return layout->value_form == WR_VALUE_LIST ? wr_list_record_bytes(value)
                                               : wr_map_record_bytes(value);
}

uint64_t
wr_record_bytes(const struct wr_layout *layout, const uint8_t *slot)
{
    uint64_t value_bytes = is_one_item(layout)
                               ? slot_item(layout, slot).size
                               : collection_bytes(layout, slot + layout->key_part_bytes);
    return 8 + wr_slot_key(layout, slot).size + value_bytes;
}

static bool
is_left_out(const struct weir_snapshot *snapshot, weir_bytes item)
{
    const struct wr_snapshot_state *state = &snapshot->states[snapshot->state];
    return state->is_filtered && !snapshot->is_changes && item.data != NULL &&
           weir_state_item_expired(&state->ttl, item, snapshot->now_ms);
}

bool
wr_record_is_change(const struct weir_snapshot *snapshot)
{
    return snapshot->is_changes && !snapshot->states[snapshot->state].is_whole;
}

bool
wr_record_is_packed(const struct weir_snapshot *snapshot)
{
    const struct wr_heap_state *state = snapshot->heap->states[snapshot->state];
    return wr_record_is_change(snapshot) && wr_layout_is_image(&state->layout);
}

static weir_status
write_item(struct weir_snapshot *snapshot, weir_bytes key, weir_bytes item, size_t *io_spent,
           enum wr_pace *out_pace)
{
    *out_pace = WR_PACE_DONE;
    if (is_left_out(snapshot, item)) {
        *io_spent += COST_LOOK;
        return WEIR_OK;
    }
    size_t size = 8 + key.size + item.size;
    if (!wr_record_has_room(snapshot, size)) {
        *out_pace = WR_PACE_FULL;
        return WEIR_OK;
    }
    *io_spent += size;
    if (wr_record_is_packed(snapshot)) {
        snapshot->entries++;
        WR_TRY(wr_record_put(snapshot, key.data, key.size));
    } else {
        WR_TRY(put_head(snapshot, key, (uint32_t)item.size));
    }
    return wr_record_put(snapshot, item.data, item.size);
}

/* One element or entry of a list or map. */
struct part {
    weir_bytes map_key;
    weir_bytes item;
    size_t size; /* in the record */
};

/* The next one that is written; false: no more. *io_spent grows by those that are not. */
static bool
next_part(const struct weir_snapshot *snapshot, const struct wr_layout *layout,
          const uint8_t *value, weir_cursor *cursor, struct part *out_part, size_t *io_spent)
{
    for (;;) {
        *out_part = (struct part){ .size = 4 };
        bool is_list = layout->value_form == WR_VALUE_LIST;
        bool is_there =
            is_list ? wr_list_walk(layout, value, cursor, &out_part->item)
                    : wr_map_walk(layout, value, cursor, &out_part->map_key, &out_part->item);
        if (!is_there) {
            return false;
        }
        if (!is_left_out(snapshot, out_part->item)) {
            out_part->size = (is_list ? 4 : 8 + out_part->map_key.size) + out_part->item.size;
            return true;
        }
        *io_spent += COST_LOOK;
    }
}

/* Finds how large the value is. */
static enum wr_pace
measure(struct weir_snapshot *snapshot, const struct wr_layout *layout, const uint8_t *value,
        size_t budget_bytes, size_t *io_spent)
{
    struct wr_record_progress *record = &snapshot->record;
    bool is_filtered = snapshot->states[snapshot->state].is_filtered && !snapshot->is_changes;
    if (!is_filtered) {
        record->left = collection_bytes(layout, value);
        record->is_measured = true;
        return WR_PACE_DONE;
    }
    struct part part;
    while (next_part(snapshot, layout, value, &record->cursor, &part, io_spent)) {
        record->left += part.size;
        *io_spent += COST_LOOK;
        if (*io_spent >= budget_bytes) {
            return WR_PACE_SPENT;
        }
    }
    record->is_measured = true;
    record->cursor = (weir_cursor){ 0 };
    return WR_PACE_DONE;
}

static weir_status
write_part(struct weir_snapshot *snapshot, const struct wr_layout *layout, const struct part *part)
{
    uint32_t item_size = part->item.data != NULL ? (uint32_t)part->item.size : UINT32_MAX;
    if (layout->value_form == WR_VALUE_LIST) {
        uint8_t size[4];
        wr_put_u32(size, item_size);
        WR_TRY(wr_record_put(snapshot, size, sizeof size));
    } else {
        WR_TRY(put_two(snapshot, (uint32_t)part->map_key.size, item_size));
        WR_TRY(wr_record_put(snapshot, part->map_key.data, part->map_key.size));
    }
    return wr_record_put(snapshot, part->item.data, part->item.size);
}

static weir_status
write_parts(struct weir_snapshot *snapshot, const struct wr_layout *layout, const uint8_t *value,
            size_t budget_bytes, size_t *io_spent, enum wr_pace *out_pace)
{
    struct wr_record_progress *record = &snapshot->record;
    for (;;) {
        weir_cursor next = record->cursor;
        struct part part;
        if (!next_part(snapshot, layout, value, &next, &part, io_spent)) {
            wr_assert(record->left == 0); /* the size that stands before the value is right */
            *out_pace = WR_PACE_DONE;
            return WEIR_OK;
        }
        if (!wr_record_has_room(snapshot, part.size)) {
            *out_pace = WR_PACE_FULL;
            return WEIR_OK;
        }
        WR_TRY(write_part(snapshot, layout, &part));
        wr_assert(part.size <= record->left);
        record->left -= part.size;
        record->cursor = next;
        *io_spent += part.size;
        if (*io_spent >= budget_bytes) {
            *out_pace = WR_PACE_SPENT;
            return WEIR_OK;
        }
    }
}

static weir_status
write_collection(struct weir_snapshot *snapshot, const struct wr_layout *layout,
                 const uint8_t *slot, size_t budget_bytes, size_t *io_spent, enum wr_pace *out_pace)
{
    struct wr_record_progress *record = &snapshot->record;
    const uint8_t *value = slot + layout->key_part_bytes;
    *out_pace = WR_PACE_DONE;
    if (!record->is_measured) {
        *out_pace = measure(snapshot, layout, value, budget_bytes, io_spent);
        if (*out_pace != WR_PACE_DONE || record->left == 0) {
            return WEIR_OK;
        }
    }
    if (!record->is_begun) {
        weir_bytes key = wr_slot_key(layout, slot);
        if (!wr_record_has_room(snapshot, 8 + key.size)) {
            *out_pace = WR_PACE_FULL;
            return WEIR_OK;
        }
        *io_spent += 8 + key.size;
        record->is_begun = true;
        WR_TRY(put_head(snapshot, key, (uint32_t)record->left));
    }
    return write_parts(snapshot, layout, value, budget_bytes, io_spent, out_pace);
}

weir_status
wr_record_write(struct weir_snapshot *snapshot, const struct wr_layout *layout, const uint8_t *slot,
                size_t budget_bytes, size_t *io_spent, enum wr_pace *out_pace)
{
    if (is_one_item(layout)) {
        return write_item(snapshot, wr_slot_key(layout, slot), slot_item(layout, slot), io_spent,
                          out_pace);
    }
    WR_TRY(write_collection(snapshot, layout, slot, budget_bytes, io_spent, out_pace));
    if (*out_pace == WR_PACE_DONE) {
        snapshot->record = (struct wr_record_progress){ 0 };
    }
    return WEIR_OK;
}
