/* SPDX-License-Identifier: Apache-2.0 */
/* walk: a snapshot's way through the live state, a bounded piece a turn.
 *
 *   state --> key group --> keys removed from it (changes only), written
 *                      '--> table(s) of the group --> bucket: read as it was   [wr_cow_read]
 *                                                             written
 *                                                             stamped          [wr_cow_walked]
 *
 * Flat states with fixed keys are written as images, a block a table, as many buckets at a time as
 * nobody has written to; all others as records, a block a key group. Changes are records of those
 * slots alone that were written since the base, behind the keys that were removed; of states that
 * are else images they are packed. Empty ones leave no block. A bucket of records, and a record of
 * a list or map, may take several turns: until the bucket is finished it is not stamped, so a write
 * in between copies it and the walk goes on in the copy, at the same slot.
 *
 * The walk of an ended snapshot writes nothing and reads nothing: it stamps, and gives its copies
 * back.
 */
#include "base/fail.h"
#include "state/heap/heap.h"
#include "state/heap/image.h"
#include "state/heap/record.h"
#include "state/key_hash.h"

enum {
    COST_GROUP = 16,  /* of looking at an empty key group */
    COST_REMOVED = 8, /* of passing a key removed from another */
    COST_STAMP = 32,  /* of a bucket that is not written */
    RUN_BUCKETS = 32  /* written at once: they are still near when they are stamped */
};

static const uint8_t blank_bucket[WR_BUCKET_BYTES_WIDE];

static struct wr_heap_state *
walk_state(const struct weir_snapshot *snapshot)
{
    return snapshot->heap->states[snapshot->state];
}

static weir_status
end_block(struct weir_snapshot *snapshot)
{
    bool is_empty = snapshot->entries == 0 && snapshot->block_kind != WEIR_BLOCK_IMAGE;
    if (!snapshot->in_block || is_empty) {
        snapshot->in_block = false;
        return WEIR_OK;
    }
    weir_block block = { .kind = snapshot->block_kind,
                         .state = snapshot->states[snapshot->state].id,
                         .key_group = snapshot->heap->key_group_first +
                                      snapshot->key_group % snapshot->heap->key_group_count,
                         .entries = snapshot->entries };
    snapshot->in_block = false;
    snapshot->entries = 0;
    return weir_block_writer_end_block(snapshot->writer, &block);
}

static void
begin_block(struct weir_snapshot *snapshot, weir_block_kind kind)
{
    snapshot->in_block = true;
    snapshot->block_kind = kind;
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
count_entries(const struct wr_heap_state *state, const struct wr_table *table, const void *bytes,
              size_t size, uint32_t moved)
{
    const struct wr_layout *layout = &state->layout;
    uint64_t entries = 0;
    for (size_t at = 0; at < size; at += layout->bucket_bytes) {
        const struct wr_bucket *bucket = (const void *)((const uint8_t *)bytes + at);
        uint64_t mask = ~wr_tags_equal(bucket->tags, 0) & layout->slot_tags & 0x8080808080808080ULL;
        if (moved == 0) {
            entries += wr_mask_count(mask);
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
    begin_block(snapshot, WEIR_BLOCK_IMAGE);
    return wr_record_put(snapshot, head, sizeof head);
}

/* Writes the walk's bucket as it was, and those behind it that nobody has written to since. */
static weir_status
write_image_run(struct weir_snapshot *snapshot, uint32_t *out_count, size_t *io_spent,
                enum wr_pace *out_pace)
{
    const struct wr_heap_state *state = walk_state(snapshot);
    const struct wr_table *table = snapshot->table;
    uint32_t count = wr_cow_untouched(snapshot, state, table, snapshot->bucket, RUN_BUCKETS);
    const void *bytes = wr_table_bucket(&state->layout, table, snapshot->bucket);
    if (count == 0) {
        count = 1;
        bytes = wr_cow_read(snapshot, state, table, snapshot->bucket);
    }
    size_t size = (size_t)count * state->layout.bucket_bytes;
    if (!wr_record_has_room(snapshot, size + WR_IMAGE_HEAD)) {
        *out_pace = WR_PACE_FULL;
        return WEIR_OK;
    }
    if (snapshot->bucket == 0) {
        WR_TRY(write_image_head(snapshot, state, table));
    }
    if (bytes != NULL) {
        uint32_t moved = wr_cow_moved_at(snapshot, table);
        snapshot->entries += count_entries(state, table, bytes, size, moved);
    }
    *io_spent += size;
    *out_count = count;
    *out_pace = WR_PACE_DONE;
    return wr_record_put(snapshot, bytes != NULL ? bytes : blank_bucket, size);
}

/* Whether this slot of the bucket is to be written. */
static bool
is_wanted(const struct weir_snapshot *snapshot, const struct wr_heap_state *state,
          const struct wr_bucket *bucket, uint32_t slot, uint32_t moved)
{
    if (wr_bucket_tag(bucket, slot) == 0) {
        return false;
    }
    if (wr_record_is_change(snapshot) &&
        (wr_bucket_changed(bucket, snapshot->base_epoch) >> slot & 1) == 0) {
        return false;
    }
    return !is_void(state, snapshot->table, wr_bucket_slot(&state->layout, bucket, slot), moved);
}

/* Begins the block that records of the walk's state go into, unless it is begun. */
static weir_status
need_block(struct weir_snapshot *snapshot, enum wr_pace *out_pace)
{
    *out_pace = WR_PACE_DONE;
    weir_block_kind kind = wr_record_is_packed(snapshot)   ? WEIR_BLOCK_IMAGE
                           : wr_record_is_change(snapshot) ? WEIR_BLOCK_CHANGES
                                                           : WEIR_BLOCK_RECORDS;
    if (snapshot->in_block && snapshot->block_kind == kind) {
        return WEIR_OK;
    }
    if (!wr_record_has_room(snapshot, WR_PACKED_HEAD)) {
        *out_pace = WR_PACE_FULL;
        return WEIR_OK;
    }
    WR_TRY(end_block(snapshot)); /* deletions, before what is packed */
    begin_block(snapshot, kind);
    if (kind != WEIR_BLOCK_IMAGE) {
        return WEIR_OK;
    }
    const struct wr_layout *layout = &walk_state(snapshot)->layout;
    uint8_t head[WR_PACKED_HEAD];
    wr_packed_encode(layout->key_size, layout->is_set ? 0 : layout->value_size, head);
    return wr_record_put(snapshot, head, sizeof head);
}

/* Writes records of the walk's bucket, from snapshot->entry on, as far as room and budget reach. */
static weir_status
write_records(struct weir_snapshot *snapshot, size_t budget_bytes, size_t *io_spent,
              enum wr_pace *out_pace)
{
    const struct wr_heap_state *state = walk_state(snapshot);
    const struct wr_layout *layout = &state->layout;
    const struct wr_bucket *bucket =
        wr_cow_read(snapshot, state, snapshot->table, snapshot->bucket);
    *out_pace = WR_PACE_DONE;
    if (bucket == NULL ||
        (wr_record_is_change(snapshot) && wr_bucket_changed(bucket, snapshot->base_epoch) == 0)) {
        return WEIR_OK;
    }
    uint32_t moved = wr_cow_moved_at(snapshot, snapshot->table);
    for (; snapshot->entry < layout->slots; snapshot->entry++) {
        if (*io_spent >= budget_bytes) {
            *out_pace = WR_PACE_SPENT;
            return WEIR_OK;
        }
        if (!is_wanted(snapshot, state, bucket, snapshot->entry, moved)) {
            continue;
        }
        WR_TRY(need_block(snapshot, out_pace));
        if (*out_pace == WR_PACE_DONE) {
            const uint8_t *slot = wr_bucket_slot(layout, bucket, snapshot->entry);
            WR_TRY(wr_record_write(snapshot, layout, slot, budget_bytes, io_spent, out_pace));
        }
        if (*out_pace != WR_PACE_DONE) {
            return WEIR_OK;
        }
    }
    return WEIR_OK;
}

/* Writes the keys removed from the group, as far as room and budget reach. */
static weir_status
write_removed(struct weir_snapshot *snapshot, size_t budget_bytes, size_t *io_spent,
              enum wr_pace *out_pace)
{
    struct wr_removed_cursor *cursor = &snapshot->removed;
    while (cursor->segment != NULL) {
        struct wr_removed_cursor next = *cursor;
        size_t looked = 0;
        const struct wr_removed *removed =
            wr_changes_next(&next, snapshot->key_group, snapshot->base_epoch, &looked);
        *io_spent += looked * COST_REMOVED;
        if (removed != NULL && !wr_record_has_room(snapshot, 8 + removed->size)) {
            *out_pace = WR_PACE_FULL;
            return WEIR_OK;
        }
        *cursor = next;
        if (removed != NULL) {
            *io_spent += 8 + removed->size;
            begin_block(snapshot, WEIR_BLOCK_CHANGES);
            WR_TRY(wr_record_delete(snapshot, weir_bytes_of(removed->key, removed->size)));
        }
        if (*io_spent >= budget_bytes) {
            *out_pace = WR_PACE_SPENT;
            return WEIR_OK;
        }
    }
    *out_pace = WR_PACE_DONE;
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
    snapshot->bucket = 0;
    snapshot->entry = 0;
    snapshot->is_blank =
        table != NULL && table->used == 0 && table->removed_epoch < snapshot->epoch;
}

/* Whether the walk's state is written as images. */
static bool
is_image(const struct weir_snapshot *snapshot)
{
    bool is_filtered = !snapshot->is_changes && snapshot->states[snapshot->state].is_filtered;
    return !wr_record_is_change(snapshot) && !is_filtered &&
           wr_layout_is_image(&walk_state(snapshot)->layout);
}

/* A bucket or a part of one; of images a run of them. */
static weir_status
walk_table(struct weir_snapshot *snapshot, size_t budget_bytes, size_t *io_spent,
           enum wr_pace *out_pace)
{
    struct wr_heap_state *state = walk_state(snapshot);
    struct wr_table *table = snapshot->table;
    bool is_written = !snapshot->ended && !snapshot->is_blank;
    uint32_t count = 1;
    *out_pace = WR_PACE_DONE;
    if (is_written && is_image(snapshot)) {
        WR_TRY(write_image_run(snapshot, &count, io_spent, out_pace));
    } else {
        if (is_written) {
            WR_TRY(write_records(snapshot, budget_bytes, io_spent, out_pace));
        }
        *io_spent += COST_STAMP;
    }
    if (*out_pace != WR_PACE_DONE) {
        return WEIR_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        wr_cow_walked(snapshot, state, table, snapshot->bucket + i);
    }
    snapshot->entry = 0;
    snapshot->bucket += count;
    if (snapshot->bucket < table->bucket_count) {
        return WEIR_OK;
    }
    if (is_written && is_image(snapshot)) {
        WR_TRY(end_block(snapshot));
    }
    enter_table(snapshot, next_table(snapshot, table->older));
    return WEIR_OK;
}

static void
enter_group(struct weir_snapshot *snapshot)
{
    const struct wr_heap_state *state = walk_state(snapshot);
    uint32_t group = snapshot->key_group;
    snapshot->in_group = true;
    snapshot->removed = (struct wr_removed_cursor){ 0 };
    bool is_first_row =
        group < state->heap->key_group_count; /* deletions come before all records */
    bool is_written = snapshot->is_changes && !snapshot->ended && is_first_row;
    snapshot->has_to_clear = is_written && !wr_record_is_change(snapshot);
    if (is_written && !snapshot->has_to_clear) {
        wr_changes_first(state, group, snapshot->base_epoch, snapshot->epoch, &snapshot->removed);
    }
    enter_table(snapshot, next_table(snapshot, state->tables[group]));
}

/* Goes on to the next key group, or state. */
static weir_status
leave_group(struct weir_snapshot *snapshot)
{
    struct wr_heap_state *state = walk_state(snapshot);
    if (!snapshot->ended) {
        WR_TRY(end_block(snapshot));
    }
    uint32_t group = snapshot->key_group;
    snapshot->in_group = false;
    snapshot->key_group++;
    wr_cow_sweep(state, group);
    if (snapshot->key_group == state->table_count) {
        snapshot->key_group = 0;
        snapshot->state++;
    }
    return WEIR_OK;
}

/* Says that the group begins anew. */
static weir_status
write_clear(struct weir_snapshot *snapshot, size_t *io_spent, enum wr_pace *out_pace)
{
    uint8_t head[WR_PACKED_HEAD];
    if (!wr_record_has_room(snapshot, sizeof head)) {
        *out_pace = WR_PACE_FULL;
        return WEIR_OK;
    }
    wr_clear_encode(head);
    *io_spent += sizeof head;
    snapshot->has_to_clear = false;
    begin_block(snapshot, WEIR_BLOCK_IMAGE);
    WR_TRY(wr_record_put(snapshot, head, sizeof head));
    return end_block(snapshot);
}

/* The next piece of the walk. */
static weir_status
step(struct weir_snapshot *snapshot, size_t budget_bytes, size_t *io_spent, enum wr_pace *out_pace)
{
    if (!snapshot->in_group) {
        enter_group(snapshot);
    }
    *out_pace = WR_PACE_DONE;
    *io_spent += COST_GROUP;
    if (snapshot->has_to_clear) {
        return write_clear(snapshot, io_spent, out_pace);
    }
    if (snapshot->removed.segment != NULL) {
        return write_removed(snapshot, budget_bytes, io_spent, out_pace);
    }
    if (snapshot->table != NULL) {
        WR_TRY(walk_table(snapshot, budget_bytes, io_spent, out_pace));
    }
    return snapshot->table == NULL ? leave_group(snapshot) : WEIR_OK;
}

weir_status
wr_walk_turn(struct weir_snapshot *snapshot, size_t budget_bytes, bool *out_done, weir_error *err)
{
    size_t left = budget_bytes > 0 ? budget_bytes : 1;
    enum wr_pace pace = WR_PACE_DONE;
    while (left > 0 && pace != WR_PACE_FULL && snapshot->state < snapshot->state_count) {
        size_t spent = 0;
        weir_status status = step(snapshot, left, &spent, &pace);
        if (status != WEIR_OK) {
            return wr_fail(err, status,
                           "snapshot of operator '%s', state '%s', key group %u: writing failed",
                           snapshot->heap->operator_name, walk_state(snapshot)->name,
                           snapshot->heap->key_group_first +
                               snapshot->key_group % snapshot->heap->key_group_count);
        }
        left -= spent < left ? spent : left;
    }
    *out_done = snapshot->state == snapshot->state_count;
    return WEIR_OK;
}
