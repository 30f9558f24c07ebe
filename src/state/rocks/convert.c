/* SPDX-License-Identifier: Apache-2.0 */
/* convert: a scan that writes each row back in its other form. The iterator sees the rows as they
 * were when it began. */
#include "state/rocks/convert.h"

#include "state/rocks/row.h"
#include "weir/serializer.h"

static weir_status
put_item(weir_bytes item, bool has_timestamps, int64_t now_ms, struct wr_buffer *value)
{
    if (has_timestamps) {
        uint8_t time[WR_ROCKS_TIME_SIZE];
        wr_rocks_put_u64(time, (uint64_t)now_ms);
        wr_buffer_put(value, time, sizeof time);
        wr_buffer_put(value, item.data, item.size);
        return WEIR_OK;
    }
    if (item.size < WR_ROCKS_TIME_SIZE) {
        return WEIR_CORRUPT;
    }
    wr_buffer_put(value, (const uint8_t *)item.data + WR_ROCKS_TIME_SIZE,
                  item.size - WR_ROCKS_TIME_SIZE);
    return WEIR_OK;
}

static weir_status
convert_list(const struct wr_rocks_state *state, weir_bytes list, bool has_timestamps,
             int64_t now_ms, struct wr_buffer *value)
{
    const uint8_t *at = list.data;
    size_t time = has_timestamps ? 0 : WR_ROCKS_TIME_SIZE;
    for (size_t i = 0; i < list.size;) {
        size_t taken = 0;
        if (list.size - i < time) {
            return WEIR_CORRUPT;
        }
        WR_TRY(weir_type_serialized_next(
            state->base.type, weir_bytes_of(at + i + time, list.size - i - time), &taken, NULL));
        if (i > 0) {
            wr_buffer_put_u8(value, WR_ROCKS_SEPARATOR);
        }
        WR_TRY(put_item(weir_bytes_of(at + i, time + taken), has_timestamps, now_ms, value));
        i += time + taken + 1;
    }
    return WEIR_OK;
}

/* The flag stays; of a null, what stands behind it but a time means nothing. */
static weir_status
convert_map_value(weir_bytes old, bool has_timestamps, int64_t now_ms, struct wr_buffer *value)
{
    const uint8_t *at = old.data;
    if (old.size == 0) {
        return WEIR_CORRUPT;
    }
    wr_buffer_put_u8(value, at[0]);
    bool is_null = at[0] != 0;
    if (is_null && !has_timestamps) {
        return WEIR_OK;
    }
    return put_item(weir_bytes_of(at + 1, is_null ? 0 : old.size - 1), has_timestamps, now_ms,
                    value);
}

static weir_status
convert_value(struct wr_rocks_state *state, weir_bytes old, bool has_timestamps, int64_t now_ms)
{
    struct wr_buffer *value = &state->value;
    wr_buffer_clear(value);
    if (state->descriptor.kind == WEIR_STATE_LIST) {
        WR_TRY(convert_list(state, old, has_timestamps, now_ms, value));
    } else if (state->descriptor.kind == WEIR_STATE_MAP) {
        WR_TRY(convert_map_value(old, has_timestamps, now_ms, value));
    } else {
        WR_TRY(put_item(old, has_timestamps, now_ms, value));
    }
    return wr_buffer_status(value);
}

static weir_status
convert_row(struct wr_rocks_state *state, const rocksdb_iterator_t *iterator, bool has_timestamps,
            int64_t now_ms, weir_error *err)
{
    struct wr_rocks *rocks = state->rocks;
    size_t key_size = 0;
    size_t value_size = 0;
    const char *key = rocksdb_iter_key(iterator, &key_size);
    const char *value = rocksdb_iter_value(iterator, &value_size);
    weir_status status =
        convert_value(state, weir_bytes_of(value, value_size), has_timestamps, now_ms);
    if (status != WEIR_OK) {
        return wr_fail(
            err, status,
            "rocksdb: operator '%s', subtask %u, state '%s': a row cannot be rewritten %s "
            "timestamps",
            rocks->operator_name, rocks->subtask, state->descriptor.name,
            has_timestamps ? "with" : "without");
    }
    rocksdb_writebatch_put_cf(rocks->batch, state->family, key, key_size,
                              (const char *)state->value.data, state->value.size);
    return wr_rocks_batch_check(rocks, state, err);
}

weir_status
wr_rocks_convert(struct wr_rocks_state *state, bool has_timestamps, int64_t now_ms, weir_error *err)
{
    struct wr_rocks *rocks = state->rocks;
    if (state->descriptor.kind == WEIR_STATE_TIMERS) {
        return WEIR_OK;
    }
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(rocks->db, rocks->scan_options, state->family);
    weir_status status = WEIR_OK;
    rocksdb_iter_seek_to_first(iterator);
    for (; status == WEIR_OK && rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        status = convert_row(state, iterator, has_timestamps, now_ms, err);
    }
    if (status == WEIR_OK) {
        char *words = NULL;
        rocks->api->iterator_error(iterator, &words);
        status = wr_rocks_judge(rocks, state, words, "reading its rows", err);
    }
    rocksdb_iter_destroy(iterator);
    return status == WEIR_OK ? wr_rocks_batch_write(rocks, state, err) : status;
}
