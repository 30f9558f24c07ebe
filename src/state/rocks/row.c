/* SPDX-License-Identifier: Apache-2.0 */
/* row: keys and items to Flink's bytes, and back.
 *
 * A row is read from its front: every serialized key and namespace says itself where it ends, so
 * the sizes that Flink writes behind them are skipped, and held against what they should be.
 */
#include "state/rocks/row.h"

#include "weir/serializer.h"

enum {
    SIGN_SHIFT = 63
};

static bool
has_own_size(const weir_type *type)
{
    return !weir_type_is_fixed(type);
}

static weir_status
put_key(const weir_type *type, weir_bytes key, struct wr_buffer *row, size_t *out_size)
{
    size_t bound = weir_key_serialize_bound(type, key);
    uint8_t *out = wr_buffer_extend(row, bound);
    if (out == NULL) {
        return WEIR_NOMEM;
    }
    *out_size = weir_key_serialize(type, key, out);
    row->size -= bound - *out_size;
    return WEIR_OK;
}

static void
put_size(struct wr_buffer *row, size_t size)
{
    do {
        wr_buffer_put_u8(row, (uint8_t)size);
        size >>= 8;
    } while (size != 0);
}

void
wr_rocks_row_group(const struct wr_rocks *rocks, uint32_t key_group, uint8_t out[2])
{
    if (wr_rocks_group_size(rocks) == 1) {
        out[0] = (uint8_t)key_group;
    } else {
        out[0] = (uint8_t)(key_group >> 8);
        out[1] = (uint8_t)key_group;
    }
}

static weir_status
put_row(struct wr_rocks_state *state, const weir_key *key, weir_bytes map_key,
        struct wr_buffer *row)
{
    const struct wr_rocks *rocks = state->rocks;
    const weir_state_descriptor *descriptor = &state->descriptor;
    weir_key_parts parts;
    WR_TRY(
        weir_key_split(rocks->key_type, descriptor, weir_bytes_of(key->data, key->size), &parts));
    wr_buffer_clear(row);
    uint8_t group[2];
    wr_rocks_row_group(rocks, key->key_group, group);
    wr_buffer_put(row, group, wr_rocks_group_size(rocks));
    if (descriptor->kind == WEIR_STATE_TIMERS) {
        uint8_t time[WR_ROCKS_TIME_SIZE];
        wr_rocks_put_u64(time, (uint64_t)parts.timestamp ^ (uint64_t)1 << SIGN_SHIFT);
        wr_buffer_put(row, time, sizeof time);
    }
    size_t size = 0;
    WR_TRY(put_key(rocks->key_type, parts.key, row, &size));
    if (state->has_lengths) {
        put_size(row, size);
    }
    if (descriptor->namespace_type == NULL) {
        wr_buffer_put_u8(row, 0);
    } else {
        WR_TRY(put_key(descriptor->namespace_type, parts.namespace_, row, &size));
        if (state->has_lengths) {
            put_size(row, size);
        }
    }
    if (map_key.data != NULL) {
        WR_TRY(put_key(descriptor->map_key_type, map_key, row, &size));
    }
    return wr_buffer_status(row);
}

static weir_status
fail_state(struct wr_rocks_state *state, weir_status status, weir_error *err)
{
    return wr_fail_context(err, status, "rocksdb: operator '%s', subtask %u, state '%s': ",
                           state->rocks->operator_name, state->rocks->subtask,
                           state->descriptor.name);
}

weir_status
wr_rocks_row_check(struct wr_rocks_state *state, const weir_key *key, weir_error *err)
{
    const struct wr_rocks *rocks = state->rocks;
    if (key->key_group >= rocks->key_group_first && key->key_group <= rocks->key_group_last) {
        return WEIR_OK;
    }
    return fail_state(state,
                      wr_fail(err, WEIR_INVALID,
                              "key group %u is not in %u to %u: most likely the key of a record "
                              "changes from one look to the next",
                              key->key_group, rocks->key_group_first, rocks->key_group_last),
                      err);
}

weir_status
wr_rocks_row_key(struct wr_rocks_state *state, const weir_key *key, weir_bytes map_key,
                 struct wr_buffer *row, weir_error *err)
{
    WR_TRY(wr_rocks_row_check(state, key, err));
    weir_status status = put_row(state, key, map_key, row);
    return status == WEIR_OK ? WEIR_OK
                             : fail_state(state,
                                          wr_fail(err, status, "a key of %u bytes: %s", key->size,
                                                  weir_status_meaning(status)),
                                          err);
}

/* Room that a block or a key made of so many serialized bytes never passes. */
static size_t
room_for(const weir_type *type, size_t serialized)
{
    size_t room = weir_type_fixed_size(type) + serialized + serialized / 2 + 16;
    return room < WEIR_VALUE_SIZE_MAX ? room : (size_t)WEIR_VALUE_SIZE_MAX;
}

static weir_status
skip_size(struct wr_rocks_state *state, weir_bytes row, size_t *at, size_t size, weir_error *err)
{
    if (!state->has_lengths) {
        return WEIR_OK;
    }
    const uint8_t *bytes = row.data;
    do {
        if (*at == row.size || bytes[*at] != (uint8_t)size) {
            return wr_fail(err, WEIR_CORRUPT, "the size at byte %zu of a row's key is wrong", *at);
        }
        (*at)++;
        size >>= 8;
    } while (size != 0);
    return WEIR_OK;
}

/* Reads a key or namespace at *at and appends its bytes. */
static weir_status
read_key(const weir_type *type, weir_bytes row, size_t *at, struct wr_buffer *key, size_t *out_size,
         weir_error *err)
{
    weir_bytes left = weir_bytes_of((const uint8_t *)row.data + *at, row.size - *at);
    size_t room = room_for(type, left.size);
    uint8_t *out = wr_buffer_extend(key, room);
    if (out == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a key");
    }
    size_t taken = 0;
    WR_TRY(weir_key_deserialize(type, left, out, room, out_size, &taken, err));
    key->size -= room - *out_size;
    *at += taken;
    return WEIR_OK;
}

static weir_status
read_namespace(struct wr_rocks_state *state, weir_bytes row, size_t *at, struct wr_buffer *key,
               weir_error *err)
{
    const weir_type *type = state->descriptor.namespace_type;
    if (type == NULL) {
        if (*at == row.size || ((const uint8_t *)row.data)[*at] != 0) {
            return wr_fail(err, WEIR_CORRUPT, "a row's key has no void namespace at byte %zu", *at);
        }
        (*at)++;
        return WEIR_OK;
    }
    size_t size = 0;
    size_t begin = *at;
    WR_TRY(read_key(type, row, at, key, &size, err));
    if (has_own_size(type)) {
        wr_buffer_put_u32(key, (uint32_t)size);
    }
    return skip_size(state, row, at, *at - begin, err);
}

static weir_status
read_row(struct wr_rocks_state *state, weir_bytes row, struct wr_buffer *key, size_t *at,
         weir_error *err)
{
    const struct wr_rocks *rocks = state->rocks;
    const uint8_t *bytes = row.data;
    bool is_timer = state->descriptor.kind == WEIR_STATE_TIMERS;
    uint64_t time = 0;
    if (is_timer) {
        if (row.size - *at < WR_ROCKS_TIME_SIZE) {
            return wr_fail(err, WEIR_CORRUPT, "a timer's row of %zu bytes", row.size);
        }
        time = wr_rocks_get_u64(bytes + *at) ^ (uint64_t)1 << SIGN_SHIFT;
        *at += WR_ROCKS_TIME_SIZE;
    }
    size_t begin = *at;
    size_t size = 0;
    WR_TRY(read_key(rocks->key_type, row, at, key, &size, err));
    WR_TRY(skip_size(state, row, at, *at - begin, err));
    if (is_timer) {
        wr_buffer_put_u64(key, time);
    }
    return read_namespace(state, row, at, key, err);
}

weir_status
wr_rocks_row_read(struct wr_rocks_state *state, weir_bytes row, struct wr_buffer *key,
                  weir_key *out_key, size_t *out_taken, weir_error *err)
{
    const struct wr_rocks *rocks = state->rocks;
    const uint8_t *bytes = row.data;
    size_t at = wr_rocks_group_size(rocks);
    wr_buffer_clear(key);
    weir_status status = row.size < at ? wr_fail(err, WEIR_CORRUPT, "a row without a key group")
                                       : read_row(state, row, key, &at, err);
    if (status != WEIR_OK) {
        return fail_state(state, status, err);
    }
    WR_TRY(wr_buffer_status(key));
    /* Of bytes, so that the hash is that of all of them whatever the key's type is. */
    weir_bytes whole = weir_bytes_of(key->data, key->size);
    *out_key = weir_key_make(weir_type_of_kind(WEIR_BYTES), whole, rocks->max_parallelism,
                             rocks->hash_seed);
    out_key->key_group = at == 0 ? 0 : bytes[0];
    if (wr_rocks_group_size(rocks) == 2) {
        out_key->key_group = (uint32_t)bytes[0] << 8 | bytes[1];
    }
    *out_taken = at;
    return WEIR_OK;
}

weir_status
wr_rocks_row_map_key(struct wr_rocks_state *state, weir_bytes bytes, struct wr_rocks_arena *arena,
                     weir_bytes *out_map_key, weir_error *err)
{
    const weir_type *type = state->descriptor.map_key_type;
    size_t room = room_for(type, bytes.size);
    uint8_t *out = wr_rocks_arena_take(arena, room);
    if (out == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a map key");
    }
    size_t size = 0;
    size_t taken = 0;
    weir_status status = weir_key_deserialize(type, bytes, out, room, &size, &taken, err);
    if (status == WEIR_OK && taken != bytes.size) {
        status = wr_fail(err, WEIR_CORRUPT, "%zu bytes behind a map key", bytes.size - taken);
    }
    if (status != WEIR_OK) {
        return fail_state(state, status, err);
    }
    wr_rocks_arena_trim(arena, room, size);
    *out_map_key = weir_bytes_of(out, size);
    return WEIR_OK;
}

weir_status
wr_rocks_item_write(const struct wr_rocks_state *state, weir_bytes item, struct wr_buffer *value)
{
    const weir_type *type = state->base.type;
    const uint8_t *block = item.data;
    if (state->descriptor.kind == WEIR_STATE_TIMERS) {
        return WEIR_OK;
    }
    if (state->descriptor.has_timestamps) {
        uint8_t time[WR_ROCKS_TIME_SIZE];
        wr_rocks_put_u64(time, wr_get_u64(block));
        wr_buffer_put(value, time, sizeof time);
        block += WR_ROCKS_TIME_SIZE;
    }
    size_t bound = weir_type_serialize_bound(type, block);
    uint8_t *out = wr_buffer_extend(value, bound);
    if (out == NULL) {
        return WEIR_NOMEM;
    }
    value->size -= bound - weir_type_serialize(type, block, out);
    return WEIR_OK;
}

static weir_status
read_item(struct wr_rocks_state *state, weir_bytes bytes, uint8_t *out, size_t room,
          size_t *out_size, size_t *out_taken, weir_error *err)
{
    size_t time = 0;
    const uint8_t *at = bytes.data;
    if (state->descriptor.has_timestamps) {
        time = WR_ROCKS_TIME_SIZE;
        if (bytes.size < time) {
            return wr_fail(err, WEIR_CORRUPT, "an item of %zu bytes, without its time", bytes.size);
        }
        wr_put_u64(out, wr_rocks_get_u64(at));
    }
    WR_TRY(weir_type_deserialize(state->base.type, weir_bytes_of(at + time, bytes.size - time),
                                 out + time, room - time, out_size, out_taken, err));
    *out_size += time;
    *out_taken += time;
    return WEIR_OK;
}

weir_status
wr_rocks_item_read(struct wr_rocks_state *state, weir_bytes bytes, struct wr_rocks_arena *arena,
                   weir_bytes *out_item, size_t *out_taken, weir_error *err)
{
    if (state->descriptor.kind == WEIR_STATE_TIMERS) {
        *out_item = weir_bytes_of("", 0);
        *out_taken = bytes.size;
        return WEIR_OK;
    }
    size_t room =
        WR_ROCKS_TIME_SIZE +
        (state->item_size != 0 ? state->item_size : room_for(state->base.type, bytes.size));
    uint8_t *out = wr_rocks_arena_take(arena, room);
    if (out == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for an item");
    }
    size_t size = 0;
    weir_status status = read_item(state, bytes, out, room, &size, out_taken, err);
    if (status != WEIR_OK) {
        return fail_state(state, status, err);
    }
    wr_rocks_arena_trim(arena, room, size);
    *out_item = weir_bytes_of(out, size);
    return WEIR_OK;
}

/* A map's null value: no item, or, with a time, one of zeros whose time is marked. */
static weir_status
read_null(struct wr_rocks_state *state, weir_bytes bytes, struct wr_rocks_arena *arena,
          weir_bytes *out_item, weir_error *err)
{
    *out_item = weir_bytes_of(NULL, 0);
    if (!state->descriptor.has_timestamps) {
        return WEIR_OK; /* what Flink's serializer wrote behind the flag means nothing */
    }
    size_t fixed = weir_type_fixed_size(state->base.type);
    size_t size =
        WR_ROCKS_TIME_SIZE + (weir_type_is_fixed(state->base.type) ? fixed : weir_round8(fixed));
    uint8_t *item = wr_rocks_arena_take(arena, size);
    if (item == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for an item");
    }
    uint64_t time = (uint64_t)state->rocks->base.now_ms;
    if (bytes.size > WR_ROCKS_TIME_SIZE) {
        time = wr_rocks_get_u64((const uint8_t *)bytes.data + 1);
    }
    memset(item, 0, size);
    wr_put_u64(item, time | WR_ROCKS_NULL_TIME);
    *out_item = weir_bytes_of(item, size);
    return WEIR_OK;
}

weir_status
wr_rocks_value_read(struct wr_rocks_state *state, weir_bytes bytes, struct wr_rocks_arena *arena,
                    weir_bytes *out_item, weir_error *err)
{
    const uint8_t *at = bytes.data;
    size_t flag = state->descriptor.kind == WEIR_STATE_MAP ? 1 : 0;
    if (flag == 1 && (bytes.size == 0 || at[0] > 1)) {
        return fail_state(state, wr_fail(err, WEIR_CORRUPT, "a map value without its flag"), err);
    }
    if (flag == 1 && at[0] == 1) {
        return read_null(state, bytes, arena, out_item, err);
    }
    size_t taken = 0;
    weir_bytes left = weir_bytes_of(at + flag, bytes.size - flag);
    WR_TRY(wr_rocks_item_read(state, left, arena, out_item, &taken, err));
    if (taken != left.size) {
        return fail_state(
            state, wr_fail(err, WEIR_CORRUPT, "%zu bytes behind a value", left.size - taken), err);
    }
    return WEIR_OK;
}

static bool
is_marked_null(const struct wr_rocks_state *state, weir_bytes item)
{
    if (!state->descriptor.has_timestamps || item.size < WR_ROCKS_TIME_SIZE) {
        return false;
    }
    uint64_t time = wr_get_u64(item.data);
    return (int64_t)time >= 0 && (time & WR_ROCKS_NULL_TIME) != 0;
}

weir_status
wr_rocks_value_write(const struct wr_rocks_state *state, weir_bytes item, bool is_null,
                     struct wr_buffer *value)
{
    wr_buffer_clear(value);
    if (state->descriptor.kind != WEIR_STATE_MAP) {
        WR_TRY(wr_rocks_item_write(state, item, value));
    } else if (is_null) {
        wr_buffer_put_u8(value, 1);
    } else if (is_marked_null(state, item)) {
        uint8_t time[WR_ROCKS_TIME_SIZE];
        wr_rocks_put_u64(time, wr_get_u64(item.data) & ~WR_ROCKS_NULL_TIME);
        wr_buffer_put_u8(value, 1);
        wr_buffer_put(value, time, sizeof time);
    } else {
        wr_buffer_put_u8(value, 0);
        WR_TRY(wr_rocks_item_write(state, item, value));
    }
    return wr_buffer_status(value);
}
