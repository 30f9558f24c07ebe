/* SPDX-License-Identifier: Apache-2.0 */
/* restore_records: from RECORDS and CHANGES to entries.
 *
 *   RECORDS   every record inserted; a key stands there once
 *   CHANGES   a deletion removes, any other record replaces what is there
 *
 * A list or map is read item by item: it may be larger than memory would like twice. Every size is
 * checked against what is left of the block, or of the value, before anything is read by it.
 */
#include "base/fail.h"
#include "state/heap/entry.h"
#include "state/heap/list.h"
#include "state/heap/map.h"
#include "state/heap/restore.h"
#include "types/key.h"

/* What is left of the block and, within it, of a value. */
struct extent {
    uint64_t left;
};

static weir_status
corrupt(const struct wr_restore *restore, const char *what, weir_error *err)
{
    return wr_fail(err, WEIR_CORRUPT, "%s: %s", weir_block_reader_where(restore->reader), what);
}

/* Reads so many bytes behind what the buffer holds, aligned to 8. */
static weir_status
read_bytes(const struct wr_restore *restore, const struct wr_heap_state *state,
           struct wr_buffer *buffer, struct extent *extent, size_t size, weir_error *err)
{
    if (size > extent->left) {
        return corrupt(restore, "a record runs over the end of its block", err);
    }
    extent->left -= size;
    uint8_t *bytes = wr_buffer_extend(buffer, weir_round8(size) + 8);
    if (bytes == NULL) {
        return wr_restore_refused(restore, state, err);
    }
    return size != 0 ? weir_block_reader_read(restore->reader, bytes, size, err) : WEIR_OK;
}

static weir_status
read_sizes(const struct wr_restore *restore, struct extent *extent, uint32_t *out_sizes,
           size_t count, weir_error *err)
{
    uint8_t bytes[8] = { 0 };
    if (extent->left < count * 4) {
        return corrupt(restore, "a record runs over the end of its block", err);
    }
    extent->left -= count * 4;
    WR_TRY(weir_block_reader_read(restore->reader, bytes, count * 4, err));
    for (size_t i = 0; i < count; i++) {
        out_sizes[i] = wr_get_u32(bytes + 4 * i);
    }
    return WEIR_OK;
}

/* Whether these bytes are an item of the state; of a fixed-size type they are cut to its size. */
static weir_status
check_item(const struct wr_restore *restore, const struct wr_heap_state *state, weir_bytes *item,
           weir_error *err)
{
    const struct wr_layout *layout = &state->layout;
    size_t head = layout->has_timestamps ? 8 : 0;
    if (layout->is_set) {
        return item->size == 0 ? WEIR_OK : corrupt(restore, "a timer has a value", err);
    }
    if (layout->item_size != 0) {
        if (item->size != layout->item_size && item->size != weir_round8(layout->item_size)) {
            return corrupt(restore, "a value has a wrong size", err);
        }
        item->size = layout->item_size;
        return WEIR_OK;
    }
    if (item->size < head) {
        return corrupt(restore, "a value is shorter than its timestamp", err);
    }
    weir_status status = weir_type_check_block(state->type, (const uint8_t *)item->data + head,
                                               item->size - head, err);
    return status == WEIR_OK
               ? status
               : wr_fail_context(err, status, "%s: ", weir_block_reader_where(restore->reader));
}

static weir_status
read_item(struct wr_restore *restore, const struct wr_heap_state *state, struct extent *extent,
          uint32_t size, weir_bytes *out_item, weir_error *err)
{
    size_t at = restore->item.size;
    if (size > WEIR_VALUE_SIZE_MAX + (state->layout.has_timestamps ? 8u : 0u)) {
        return corrupt(restore, "a value is larger than any may be", err);
    }
    WR_TRY(read_bytes(restore, state, &restore->item, extent, size, err));
    *out_item = weir_bytes_of(restore->item.data + at, size);
    return check_item(restore, state, out_item, err);
}

/* What the engine says to an item that is in order but for its memory. */
static weir_status
refused(const struct wr_restore *restore, const struct wr_heap_state *state, weir_status status,
        weir_error *err)
{
    if (status == WEIR_OK || status == WEIR_NOMEM) {
        return status == WEIR_OK ? status : wr_restore_refused(restore, state, err);
    }
    return corrupt(restore, "a list or map that cannot be", err);
}

static weir_status
restore_list(struct wr_restore *restore, struct wr_heap_state *state, const weir_key *key,
             struct extent *extent, weir_error *err)
{
    while (extent->left > 0) {
        uint32_t size = 0;
        weir_bytes item = weir_bytes_of(NULL, 0);
        wr_buffer_clear(&restore->item);
        WR_TRY(read_sizes(restore, extent, &size, 1, err));
        WR_TRY(read_item(restore, state, extent, size, &item, err));
        WR_TRY(refused(restore, state, wr_heap_list_add(&state->base, key, &item, 1), err));
    }
    return WEIR_OK;
}

static weir_status
restore_map(struct wr_restore *restore, struct wr_heap_state *state, const weir_key *key,
            struct extent *extent, weir_error *err)
{
    while (extent->left > 0) {
        uint32_t sizes[2] = { 0 };
        weir_bytes item = weir_bytes_of(NULL, 0);
        wr_buffer_clear(&restore->item);
        WR_TRY(read_sizes(restore, extent, sizes, 2, err));
        if (sizes[0] > WEIR_KEY_SIZE_MAX) {
            return corrupt(restore, "a map key is larger than any may be", err);
        }
        WR_TRY(read_bytes(restore, state, &restore->item, extent, sizes[0], err));
        size_t room = restore->item.size;
        weir_status status =
            wr_key_check(state->map_key_type, weir_bytes_of(restore->item.data, sizes[0]), err);
        if (status != WEIR_OK) {
            return wr_fail_context(err, status, "%s: ", weir_block_reader_where(restore->reader));
        }
        if (sizes[1] != UINT32_MAX) {
            WR_TRY(read_item(restore, state, extent, sizes[1], &item, err));
            item.data = restore->item.data + room; /* the buffer may have moved */
        }
        weir_bytes map_key = weir_bytes_of(restore->item.data, sizes[0]);
        weir_bytes found;
        if (wr_heap_map_find(&state->base, key, map_key, &found) == WEIR_OK) {
            return corrupt(restore, "a map key stands there twice", err);
        }
        WR_TRY(refused(restore, state, wr_heap_map_put(&state->base, key, map_key, item), err));
    }
    return WEIR_OK;
}

static weir_status
restore_collection(struct wr_restore *restore, struct wr_heap_state *state, const weir_key *key,
                   uint32_t size, weir_error *err)
{
    struct extent value = { .left = size };
    uint64_t before = state->count;
    WR_TRY(state->layout.value_form == WR_VALUE_LIST
               ? restore_list(restore, state, key, &value, err)
               : restore_map(restore, state, key, &value, err));
    if (state->count != before + 1) {
        return corrupt(restore, "a list or map is empty, or its key stands there twice", err);
    }
    return WEIR_OK;
}

/* One record; the value's size is that of the block's rest at most. */
static weir_status
restore_record(struct wr_restore *restore, struct wr_heap_state *state, const weir_block *block,
               struct extent *extent, weir_error *err)
{
    uint32_t sizes[2] = { 0 };
    WR_TRY(read_sizes(restore, extent, sizes, 2, err));
    if (sizes[0] > wr_entry_key_most(state)) {
        return corrupt(restore, "a key is larger than any may be", err);
    }
    wr_buffer_clear(&restore->key);
    wr_buffer_clear(&restore->item);
    WR_TRY(read_bytes(restore, state, &restore->key, extent, sizes[0], err));
    weir_key key = { 0 };
    WR_TRY(wr_restore_key(restore, state, block, weir_bytes_of(restore->key.data, sizes[0]), &key,
                          err));
    if (block->kind == WEIR_BLOCK_CHANGES) {
        WR_TRY(refused(restore, state, wr_heap_remove(&state->base, &key), err));
        if (sizes[1] == UINT32_MAX) {
            return WEIR_OK;
        }
    }
    if (state->layout.value_form == WR_VALUE_LIST || state->layout.value_form == WR_VALUE_MAP) {
        if (sizes[1] > extent->left) {
            return corrupt(restore, "a record runs over the end of its block", err);
        }
        extent->left -= sizes[1];
        return restore_collection(restore, state, &key, sizes[1], err);
    }
    weir_bytes item = weir_bytes_of(NULL, 0);
    WR_TRY(read_item(restore, state, extent, sizes[1], &item, err));
    return wr_restore_insert(restore, state, &key, item, err);
}

weir_status
wr_restore_records(struct wr_restore *restore, struct wr_heap_state *state, const weir_block *block,
                   weir_error *err)
{
    struct extent extent = { .left = block->size };
    uint64_t records = 0;
    for (; extent.left > 0; records++) {
        WR_TRY(restore_record(restore, state, block, &extent, err));
    }
    if (records != block->entries) {
        return wr_fail(err, WEIR_CORRUPT, "%s: %llu records where the directory has %llu",
                       weir_block_reader_where(restore->reader), (unsigned long long)records,
                       (unsigned long long)block->entries);
    }
    return WEIR_OK;
}
