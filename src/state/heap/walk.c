/* SPDX-License-Identifier: Apache-2.0 */
/* walk: a snapshot's way through the live state, a bounded piece a turn.
 *
 *   state --> key group --> table(s) of the group --> chunk: read as it was   [wr_cow_read]
 *                                                            written
 *                                                            stamped          [wr_cow_walked]
 *
 * Flat states with fixed keys are written as images, a block a table; all others as records, a
 * block a key group. Empty ones leave no block. A chunk of records may take several turns: until
 * it is finished it is not stamped, so a write in between copies it and the walk goes on in the
 * copy, at the same slot.
 *
 * Room: a piece is written when the writer can take it without waiting. What is larger than half
 * of all its buffers is written when half of them are free, since there may never be more.
 *
 * The walk of an ended snapshot writes nothing and reads nothing: it stamps, and gives its copies
 * back.
 */
#include "base/fail.h"
#include "state/heap/heap.h"
#include "state/heap/image.h"
#include "state/key_hash.h"

enum {
    COST_GROUP = 16,                 /* of looking at an empty key group */
    COST_STAMP = WR_CHUNK_BYTES / 4, /* of a chunk that is not written */
};

static const uint8_t blank_chunk[WR_CHUNK_BYTES];

static bool
has_room(struct weir_snapshot *snapshot, size_t size)
{
    size_t room = weir_block_writer_room(snapshot->writer);
    snapshot->room_most = room > snapshot->room_most ? room : snapshot->room_most;
    return room >= size || (room >= snapshot->room_most / 2 && room > 0);
}

static struct wr_heap_state *
walk_state(const struct weir_snapshot *snapshot)
{
    return snapshot->heap->states[snapshot->state];
}

static uint32_t
chunk_count(const struct wr_layout *layout, const struct wr_table *table)
{
    return (table->bucket_count + layout->chunk_buckets - 1) / layout->chunk_buckets;
}

static size_t
chunk_bytes(const struct wr_layout *layout, const struct wr_table *table, uint32_t chunk)
{
    uint32_t left = table->bucket_count - chunk * layout->chunk_buckets;
    uint32_t count = left < layout->chunk_buckets ? left : layout->chunk_buckets;
    return (size_t)count * layout->bucket_bytes;
}

static weir_status
end_block(struct weir_snapshot *snapshot, weir_block_kind kind)
{
    if (!snapshot->in_block) {
        return WEIR_OK;
    }
    weir_block block = { .kind = kind,
                         .state = snapshot->state_ids[snapshot->state],
                         .key_group = snapshot->heap->key_group_first + snapshot->key_group,
                         .entries = snapshot->entries };
    snapshot->in_block = false;
    snapshot->entries = 0;
    return weir_block_writer_end_block(snapshot->writer, &block);
}

/* Whether the slot's home had moved to the new table when the snapshot began. */
static bool
is_void(const struct wr_heap_state *state, const struct wr_table *table, const uint8_t *slot,
        uint32_t moved)
{
    if (moved == 0) {
        return false;
    }
    uint32_t high = wr_slot_high(&state->layout, slot, state->heap->hash_seed);
    return wr_home_of(high, table->bucket_count) < moved;
}

static uint64_t
count_entries(const struct wr_heap_state *state, const struct wr_table *table, const uint8_t *bytes,
              size_t size, uint32_t moved)
{
    const struct wr_layout *layout = &state->layout;
    uint64_t entries = 0;
    for (size_t at = 0; at < size; at += layout->bucket_bytes) {
        const struct wr_bucket *bucket = (const void *)(bytes + at);
        uint64_t mask = ~wr_tags_equal(bucket->tags, 0) & layout->slot_tags & 0x8080808080808080ULL;
        if (moved == 0) {
            entries += (uint64_t)__builtin_popcountll(mask);
            continue;
        }
        for (; mask != 0; mask &= mask - 1) {
            const uint8_t *slot = wr_bucket_slot(layout, bucket, wr_mask_slot(mask));
            entries += !is_void(state, table, slot, moved);
        }
    }
    return entries;
}

static weir_status
write_image_head(struct weir_snapshot *snapshot, const struct wr_heap_state *state,
                 const struct wr_table *table)
{
    const struct wr_layout *layout = &state->layout;
    uint32_t moved = wr_cow_moved_at(snapshot, table);
    struct wr_image image = { .slots = layout->slots,
                              .key_form = layout->key_form,
                              .is_old = moved != 0,
                              .key_size = layout->key_size,
                              .value_size = layout->value_size,
                              .slot_bytes = layout->slot_bytes,
                              .bucket_bytes = layout->bucket_bytes,
                              .bucket_count = table->bucket_count,
                              .moved = moved,
                              .seed = state->heap->hash_seed };
    uint8_t head[WR_IMAGE_HEAD];
    wr_image_encode(&image, head);
    snapshot->in_block = true;
    return weir_block_writer_write(snapshot->writer, head, sizeof head);
}

/* Writes the walk's chunk as it was. *out_size: 0 if there is no room. */
static weir_status
write_image_chunk(struct weir_snapshot *snapshot, size_t *out_size)
{
    const struct wr_heap_state *state = walk_state(snapshot);
    const struct wr_table *table = snapshot->table;
    size_t size = chunk_bytes(&state->layout, table, snapshot->chunk);
    *out_size = 0;
    if (!has_room(snapshot, size + WR_IMAGE_HEAD)) {
        return WEIR_OK;
    }
    if (snapshot->chunk == 0) {
        WR_TRY(write_image_head(snapshot, state, table));
    }
    const uint8_t *bytes = wr_cow_read(snapshot, state, table, snapshot->chunk);
    if (bytes != NULL) {
        uint32_t moved = wr_cow_moved_at(snapshot, table);
        snapshot->entries += count_entries(state, table, bytes, size, moved);
    }
    WR_TRY(weir_block_writer_write(snapshot->writer, bytes != NULL ? bytes : blank_chunk, size));
    *out_size = size;
    return WEIR_OK;
}

static weir_status
write_record(struct weir_snapshot *snapshot, weir_bytes key, weir_bytes value)
{
    uint8_t head[8];
    wr_put_u32(head, (uint32_t)key.size);
    wr_put_u32(head + 4, (uint32_t)value.size);
    snapshot->in_block = true;
    snapshot->entries++;
    WR_TRY(weir_block_writer_write(snapshot->writer, head, sizeof head));
    WR_TRY(weir_block_writer_write(snapshot->writer, key.data, key.size));
    return weir_block_writer_write(snapshot->writer, value.data, value.size);
}

static weir_bytes
slot_value(const struct wr_layout *layout, const uint8_t *slot)
{
    const uint8_t *value = slot + layout->key_part_bytes;
    if (!layout->value_in_slab) {
        return weir_bytes_of(value, layout->value_size);
    }
    struct wr_reference reference;
    memcpy(&reference, value, sizeof reference);
    return weir_bytes_of(reference.place, reference.size);
}

/* Writes records of the walk's chunk, from snapshot->entry on, as far as room and budget reach. */
static weir_status
write_records(struct weir_snapshot *snapshot, size_t budget_bytes, size_t *out_size,
              bool *out_whole)
{
    const struct wr_heap_state *state = walk_state(snapshot);
    const struct wr_layout *layout = &state->layout;
    const struct wr_table *table = snapshot->table;
    const uint8_t *bytes = wr_cow_read(snapshot, state, table, snapshot->chunk);
    uint32_t slots =
        bytes == NULL
            ? 0
            : (uint32_t)(chunk_bytes(layout, table, snapshot->chunk) / layout->bucket_bytes) *
                  layout->slots;
    uint32_t moved = wr_cow_moved_at(snapshot, table);
    size_t size = 0;
    *out_whole = false;
    for (; snapshot->entry < slots && size < budget_bytes; snapshot->entry++) {
        const struct wr_bucket *bucket =
            (const void *)(bytes +
                           (size_t)(snapshot->entry / layout->slots) * layout->bucket_bytes);
        uint32_t index = snapshot->entry % layout->slots;
        const uint8_t *slot = wr_bucket_slot(layout, bucket, index);
        if (wr_bucket_tag(bucket, index) == 0 || is_void(state, table, slot, moved)) {
            continue;
        }
        weir_bytes key = wr_slot_key(layout, slot);
        weir_bytes value = slot_value(layout, slot);
        if (!has_room(snapshot, 8 + key.size + value.size)) {
            *out_size = size;
            return WEIR_OK;
        }
        WR_TRY(write_record(snapshot, key, value));
        size += 8 + key.size + value.size;
    }
    *out_whole = snapshot->entry >= slots;
    *out_size = size;
    return WEIR_OK;
}

/* The next table of the key group that the snapshot has; NULL: none. */
static struct wr_table *
next_table(const struct weir_snapshot *snapshot, struct wr_table *from)
{
    while (from != NULL && !wr_cow_has_table(snapshot, from)) {
        from = from->older;
    }
    return from;
}

static void
enter_table(struct weir_snapshot *snapshot, struct wr_table *table)
{
    snapshot->table = table;
    snapshot->chunk = 0;
    snapshot->entry = 0;
    snapshot->is_blank =
        table != NULL && table->used == 0 && table->removed_epoch < snapshot->epoch;
}

/* One chunk, or a part of one. *out_spent is what it counts for; 0: there was no room. */
static weir_status
walk_chunk(struct weir_snapshot *snapshot, size_t budget_bytes, size_t *out_spent)
{
    struct wr_heap_state *state = walk_state(snapshot);
    struct wr_table *table = snapshot->table;
    bool is_image = wr_layout_is_image(&state->layout);
    bool is_written = !snapshot->ended && !snapshot->is_blank;
    size_t spent = COST_STAMP;
    if (is_written && is_image) {
        WR_TRY(write_image_chunk(snapshot, &spent));
        if (spent == 0) {
            *out_spent = 0;
            return WEIR_OK;
        }
    } else if (is_written) {
        bool is_whole;
        WR_TRY(write_records(snapshot, budget_bytes, &spent, &is_whole));
        if (!is_whole) {
            *out_spent = spent < budget_bytes ? 0 : spent;
            return WEIR_OK;
        }
        spent += COST_STAMP;
    }
    wr_cow_walked(snapshot, state, table, snapshot->chunk);
    snapshot->entry = 0;
    snapshot->chunk++;
    *out_spent = spent;
    if (snapshot->chunk < chunk_count(&state->layout, table)) {
        return WEIR_OK;
    }
    if (is_written && is_image) {
        WR_TRY(end_block(snapshot, WEIR_BLOCK_IMAGE));
    }
    enter_table(snapshot, next_table(snapshot, table->older));
    return WEIR_OK;
}

/* Goes on to the next key group, or state; false: that was the last one. */
static weir_status
leave_group(struct weir_snapshot *snapshot)
{
    struct wr_heap_state *state = walk_state(snapshot);
    if (!snapshot->ended) {
        WR_TRY(end_block(snapshot, WEIR_BLOCK_RECORDS));
    }
    uint32_t group = snapshot->key_group;
    snapshot->key_group++;
    wr_cow_sweep(state, group);
    if (snapshot->key_group == snapshot->heap->key_group_count) {
        snapshot->key_group = 0;
        snapshot->state++;
    }
    return WEIR_OK;
}

weir_status
wr_walk_turn(struct weir_snapshot *snapshot, size_t budget_bytes, bool *out_done, weir_error *err)
{
    size_t left = budget_bytes > 0 ? budget_bytes : 1;
    while (left > 0 && snapshot->state < snapshot->state_count) {
        struct wr_heap_state *state = walk_state(snapshot);
        size_t spent = COST_GROUP;
        weir_status status = WEIR_OK;
        if (snapshot->table == NULL) {
            enter_table(snapshot, next_table(snapshot, state->tables[snapshot->key_group]));
        }
        if (snapshot->table != NULL) {
            status = walk_chunk(snapshot, left, &spent);
        }
        if (status == WEIR_OK && snapshot->table == NULL) {
            status = leave_group(snapshot);
        }
        if (status != WEIR_OK) {
            return wr_fail(err, status,
                           "snapshot of operator '%s', state '%s', key group %u: writing failed",
                           snapshot->heap->operator_name, state->name,
                           snapshot->heap->key_group_first + snapshot->key_group);
        }
        if (spent == 0) {
            break;
        }
        left -= spent < left ? spent : left;
    }
    *out_done = snapshot->state == snapshot->state_count;
    return WEIR_OK;
}
