/* SPDX-License-Identifier: Apache-2.0 */
/* engine_adapt: a restored state becomes the one that the program asks for, if it can.
 *
 *   iterate --> all entries with or without timestamps, in a buffer --> put, one by one
 *
 * The buffer is whole before the first put, since iterate allows no changes; nothing has happened
 * when it finds no memory.
 */
#include "weir/engine_support.h"

#include "base/buffer.h"
#include "base/fail.h"
#include "base/little.h"
#include "base/memory.h"

enum {
    STAMP_SIZE = 8
};

#define NULL_STAMP (UINT64_C(1) << 62)

struct conversion {
    const weir_state_descriptor *descriptor; /* as items are now */
    int64_t now_ms;
    struct wr_cursor in;
    struct wr_buffer value; /* of the entry at hand */
    struct wr_buffer all;   /* {u64 hash, u32 key group, u32 key size, key, u32 size, value}... */
};

static weir_status
convert_item(struct conversion *self, size_t size)
{
    bool strips = self->descriptor->has_timestamps;
    const uint8_t *item = wr_cursor_bytes(&self->in, size);
    if (item == NULL || (strips && size < STAMP_SIZE)) {
        return WEIR_CORRUPT;
    }
    if (!strips) {
        wr_buffer_put_u64(&self->value, (uint64_t)self->now_ms);
    }
    size_t from = strips ? STAMP_SIZE : 0;
    wr_buffer_put(&self->value, item + from, size - from);
    return WEIR_OK;
}

/* A null value of a map: without timestamps it has no item; with them its timestamp has a bit set
 * and its block is zeros, so that it can expire. */
static bool
is_null_item(const uint8_t *item)
{
    return (wr_get_u64(item) & NULL_STAMP) != 0;
}

static void
give_null_item(struct conversion *self)
{
    static const uint8_t zeros[64];
    size_t left = weir_type_fixed_size(self->descriptor->type);
    wr_buffer_put_u64(&self->value, (uint64_t)self->now_ms | NULL_STAMP);
    while (left != 0) {
        size_t part = left < sizeof zeros ? left : sizeof zeros;
        wr_buffer_put(&self->value, zeros, part);
        left -= part;
    }
}

/* {u32 key size, u32 size, key, item} */
static weir_status
convert_entry_of_map(struct conversion *self)
{
    bool strips = self->descriptor->has_timestamps;
    uint32_t key_size = wr_cursor_u32(&self->in);
    uint32_t size = wr_cursor_u32(&self->in);
    const uint8_t *key = wr_cursor_bytes(&self->in, key_size);
    bool was_null = size == UINT32_MAX;
    const uint8_t *item = was_null ? NULL : self->in.data + self->in.at;
    if (self->in.failed ||
        (!was_null && (wr_cursor_left(&self->in) < size || (strips && size < STAMP_SIZE)))) {
        return WEIR_CORRUPT;
    }
    bool is_null = was_null || (strips && is_null_item(item));
    uint32_t fixed_size = (uint32_t)weir_type_fixed_size(self->descriptor->type);
    wr_buffer_put_u32(&self->value, key_size);
    wr_buffer_put_u32(&self->value, is_null ? (strips ? UINT32_MAX : fixed_size + STAMP_SIZE)
                                            : (strips ? size - STAMP_SIZE : size + STAMP_SIZE));
    wr_buffer_put(&self->value, key, key_size);
    if (is_null) {
        wr_cursor_bytes(&self->in, was_null ? 0 : size);
        if (!strips) {
            give_null_item(self);
        }
        return WEIR_OK;
    }
    return convert_item(self, size);
}

/* {u32 size, item} */
static weir_status
convert_element_of_list(struct conversion *self)
{
    bool strips = self->descriptor->has_timestamps;
    uint32_t size = wr_cursor_u32(&self->in);
    if (self->in.failed || (strips && size < STAMP_SIZE)) {
        return WEIR_CORRUPT;
    }
    wr_buffer_put_u32(&self->value, strips ? size - STAMP_SIZE : size + STAMP_SIZE);
    return convert_item(self, size);
}

static weir_status
convert_value(struct conversion *self, weir_bytes value)
{
    weir_state_kind kind = self->descriptor->kind;
    wr_buffer_clear(&self->value);
    wr_cursor_init(&self->in, value.data, value.size);
    if (kind == WEIR_STATE_TIMERS) {
        return WEIR_OK; /* nothing stands there */
    }
    if (kind != WEIR_STATE_LIST && kind != WEIR_STATE_MAP) {
        return convert_item(self, value.size);
    }
    while (wr_cursor_left(&self->in) != 0) {
        WR_TRY(kind == WEIR_STATE_MAP ? convert_entry_of_map(self) : convert_element_of_list(self));
    }
    return WEIR_OK;
}

static weir_status
convert_entry(void *argument, const weir_key *key, weir_bytes item)
{
    struct conversion *self = argument;
    WR_TRY(convert_value(self, item));
    wr_buffer_put_u64(&self->all, key->hash);
    wr_buffer_put_u32(&self->all, key->key_group);
    wr_buffer_put_u32(&self->all, key->size);
    wr_buffer_put(&self->all, key->data, key->size);
    wr_buffer_put_u32(&self->all, (uint32_t)self->value.size);
    wr_buffer_put(&self->all, self->value.data, self->value.size);
    WR_TRY(wr_buffer_status(&self->value));
    return wr_buffer_status(&self->all);
}

static weir_status
put_all(weir_state *state, const struct wr_buffer *all)
{
    struct wr_cursor cursor;
    wr_cursor_init(&cursor, all->data, all->size);
    while (wr_cursor_left(&cursor) != 0) {
        weir_key key = { .hash = wr_cursor_u64(&cursor) };
        key.key_group = wr_cursor_u32(&cursor);
        key.size = wr_cursor_u32(&cursor);
        key.data = wr_cursor_bytes(&cursor, key.size);
        uint32_t size = wr_cursor_u32(&cursor);
        weir_bytes value = { wr_cursor_bytes(&cursor, size), size };
        WR_TRY(state->backend->ops->put(state, &key, value));
    }
    return WEIR_OK;
}

static weir_status
convert_state(weir_state *state, const weir_state_descriptor *descriptor)
{
    weir_alloc alloc = wr_memory_system();
    struct conversion self = { .descriptor = descriptor, .now_ms = state->backend->now_ms };
    wr_buffer_init(&self.value, &alloc);
    wr_buffer_init(&self.all, &alloc);
    weir_status status = state->backend->ops->iterate(state, convert_entry, &self);
    if (status == WEIR_OK) {
        status = put_all(state, &self.all);
    }
    wr_buffer_fini(&self.value);
    wr_buffer_fini(&self.all);
    return status;
}

static bool
is_same(const weir_type *one, const weir_type *other)
{
    return one == other || (one != NULL && other != NULL && weir_type_equal(one, other));
}

weir_status
weir_state_adapt(weir_state *state, weir_state_descriptor *copy,
                 const weir_state_descriptor *wanted, weir_error *err)
{
    if (copy->kind != wanted->kind || !is_same(copy->type, wanted->type) ||
        !is_same(copy->map_key_type, wanted->map_key_type) ||
        !is_same(copy->namespace_type, wanted->namespace_type)) {
        return wr_fail(err, WEIR_VERSION,
                       "state '%s' is kind %d of %s in the snapshot, the program asks for kind %d "
                       "of %s: keep its type, or take another name",
                       copy->name, (int)copy->kind, weir_type_name(copy->type), (int)wanted->kind,
                       weir_type_name(wanted->type));
    }
    if (copy->has_timestamps != wanted->has_timestamps) {
        weir_status status = convert_state(state, copy);
        if (status != WEIR_OK) {
            return wr_fail(err, status, "state '%s': its %s timestamps cannot be %s", copy->name,
                           weir_status_name(status), copy->has_timestamps ? "removed" : "added");
        }
        copy->has_timestamps = wanted->has_timestamps;
    }
    return WEIR_OK;
}
