/* SPDX-License-Identifier: Apache-2.0 */
/* engine_records: a state as RECORDS blocks, written from an engine's iterate and read back by its
 * put. What is read is believed only as far as the types allow: a record is put when its key is one
 * of the block's key group and its value has the form that snapshot.h gives the kind. */
#include "weir/engine_support.h"

#include "base/buffer.h"
#include "base/fail.h"
#include "base/little.h"
#include "base/memory.h"

enum {
    HEAD_SIZE = 8, /* u32 key size, u32 value size */
    STAMP_SIZE = 8
};

/* --- writing --- */

struct writing {
    weir_block_writer *writer;
    weir_block block; /* the one being written; entries 0: none */
};

static weir_status
end_block(struct writing *self)
{
    if (self->block.entries != 0) {
        WR_TRY(weir_block_writer_end_block(self->writer, &self->block));
        self->block.entries = 0;
    }
    return WEIR_OK;
}

static weir_status
write_entry(void *argument, const weir_key *key, weir_bytes item)
{
    struct writing *self = argument;
    if (key->key_group != self->block.key_group) {
        WR_TRY(end_block(self));
        self->block.key_group = key->key_group;
    }
    uint8_t head[HEAD_SIZE];
    wr_put_u32(head, key->size);
    wr_put_u32(head + 4, (uint32_t)item.size);
    WR_TRY(weir_block_writer_write(self->writer, head, sizeof head));
    WR_TRY(weir_block_writer_write(self->writer, key->data, key->size));
    self->block.entries++;
    return item.size == 0 ? WEIR_OK : weir_block_writer_write(self->writer, item.data, item.size);
}

weir_status
weir_state_write_records(weir_state *state, const weir_state_descriptor *descriptor,
                         weir_block_writer *writer, weir_error *err)
{
    struct writing self = { .writer = writer, .block = { .kind = WEIR_BLOCK_RECORDS } };
    weir_status status = weir_block_writer_add_state(writer, descriptor, &self.block.state);
    if (status == WEIR_OK) {
        status = state->backend->ops->iterate(state, write_entry, &self);
    }
    if (status == WEIR_OK) {
        status = end_block(&self);
    }
    if (status != WEIR_OK) {
        return wr_fail(err, status, "state '%s' cannot be written to the snapshot: %s",
                       descriptor->name, weir_status_meaning(status));
    }
    return WEIR_OK;
}

/* --- reading --- */

struct reading {
    const weir_backend_parameters *parameters;
    weir_block_reader *reader;
    weir_state_descriptor descriptor; /* of the block's state */
    weir_block block;
    weir_state *state;
    struct wr_buffer buffer; /* key and value of a record */
    weir_error *err;
};

static bool
is_item(const weir_state_descriptor *descriptor, weir_bytes item)
{
    size_t stamp = descriptor->has_timestamps ? STAMP_SIZE : 0;
    return item.size >= stamp &&
           weir_type_check_block(descriptor->type, (const uint8_t *)item.data + stamp,
                                 item.size - stamp, NULL) == WEIR_OK;
}

/* Whether the bytes are an element, or a map's entry; takes it from the cursor. Items stand
 * unaligned in lists and maps: they are looked at in a copy. */
static bool
is_element(struct reading *self, struct wr_cursor *cursor, struct wr_buffer *aligned)
{
    bool is_map = self->descriptor.kind == WEIR_STATE_MAP;
    uint32_t key_size = is_map ? wr_cursor_u32(cursor) : 0;
    uint32_t size = wr_cursor_u32(cursor);
    wr_cursor_bytes(cursor, key_size);
    if (is_map && size == UINT32_MAX) {
        return !cursor->failed;
    }
    const uint8_t *item = wr_cursor_bytes(cursor, size);
    wr_buffer_clear(aligned);
    wr_buffer_put(aligned, item, item != NULL ? size : 0);
    return item != NULL && !aligned->refused &&
           is_item(&self->descriptor, weir_bytes_of(aligned->data, size));
}

static bool
is_value(struct reading *self, weir_bytes value)
{
    weir_state_kind kind = self->descriptor.kind;
    if (kind == WEIR_STATE_TIMERS) {
        return value.size == 0;
    }
    if (kind != WEIR_STATE_LIST && kind != WEIR_STATE_MAP) {
        return is_item(&self->descriptor, value);
    }
    struct wr_cursor cursor;
    struct wr_buffer aligned;
    wr_cursor_init(&cursor, value.data, value.size);
    wr_buffer_init(&aligned, &self->buffer.alloc);
    bool is_good = value.size != 0;
    while (is_good && wr_cursor_left(&cursor) != 0) {
        is_good = is_element(self, &cursor, &aligned);
    }
    wr_buffer_fini(&aligned);
    return is_good;
}

/* Key group and hash of a record's key; false: it is no key of the block's. */
static bool
is_key(const struct reading *self, weir_bytes bytes, weir_key *out_key)
{
    const weir_backend_parameters *parameters = self->parameters;
    weir_key_parts parts;
    if (weir_key_split(parameters->key_type, &self->descriptor, bytes, &parts) != WEIR_OK) {
        return false;
    }
    weir_key own = weir_key_make(parameters->key_type, parts.key, parameters->max_parallelism,
                                 parameters->hash_seed);
    *out_key = weir_key_make(weir_type_of_kind(WEIR_BYTES), bytes, parameters->max_parallelism,
                             parameters->hash_seed);
    out_key->key_group = own.key_group;
    return own.key_group == self->block.key_group;
}

static weir_status
read_record(struct reading *self, uint64_t *left)
{
    uint8_t head[HEAD_SIZE] = { 0 };
    if (*left >= sizeof head) {
        WR_TRY(weir_block_reader_read(self->reader, head, sizeof head, self->err));
        *left -= sizeof head;
    }
    size_t key_size = wr_get_u32(head);
    size_t value_size = wr_get_u32(head + 4);
    if (key_size == 0 || key_size > *left || value_size > *left - key_size) {
        return wr_fail(self->err, WEIR_CORRUPT, "%s: a record of state '%s' is cut off",
                       weir_block_reader_where(self->reader), self->descriptor.name);
    }
    *left -= key_size + value_size;
    size_t key_at = weir_round8(value_size);
    wr_buffer_clear(&self->buffer);
    uint8_t *bytes = wr_buffer_extend(&self->buffer, key_at + key_size);
    if (bytes == NULL) {
        return wr_fail(self->err, WEIR_NOMEM, "no memory for a record of state '%s'",
                       self->descriptor.name);
    }
    WR_TRY(weir_block_reader_read(self->reader, bytes + key_at, key_size, self->err));
    if (value_size != 0) {
        WR_TRY(weir_block_reader_read(self->reader, bytes, value_size, self->err));
    }
    weir_key key;
    weir_bytes value = weir_bytes_of(bytes, value_size);
    if (!is_key(self, weir_bytes_of(bytes + key_at, key_size), &key) || !is_value(self, value)) {
        return wr_fail(self->err, WEIR_CORRUPT, "%s: a record of state '%s' is not of its type",
                       weir_block_reader_where(self->reader), self->descriptor.name);
    }
    weir_status status = self->state->backend->ops->put(self->state, &key, value);
    return status == WEIR_OK ? WEIR_OK
                             : wr_fail(self->err, status, "state '%s': restoring fails: %s",
                                       self->descriptor.name, weir_status_meaning(status));
}

static weir_status
read_block(weir_backend *backend, struct reading *self)
{
    weir_block_reader_state(self->reader, self->block.state, &self->descriptor);
    if (self->block.kind != WEIR_BLOCK_RECORDS) {
        return wr_fail(self->err, WEIR_VERSION,
                       "%s: another engine has written state '%s': restore with that one, or from "
                       "a canonical savepoint",
                       weir_block_reader_where(self->reader), self->descriptor.name);
    }
    WR_TRY(backend->ops->create_state(backend, &self->descriptor, &self->state, self->err));
    uint64_t left = self->block.size;
    uint64_t entries = 0;
    for (; left != 0; entries++) {
        WR_TRY(read_record(self, &left));
    }
    return entries == self->block.entries
               ? WEIR_OK
               : wr_fail(self->err, WEIR_CORRUPT, "%s: a block of state '%s' lacks records",
                         weir_block_reader_where(self->reader), self->descriptor.name);
}

weir_status
weir_backend_read_records(weir_backend *backend, const weir_backend_parameters *parameters,
                          weir_block_reader *reader, weir_error *err)
{
    struct reading self = { .parameters = parameters, .reader = reader, .err = err };
    weir_alloc alloc = wr_memory_system();
    weir_status status = WEIR_OK;
    size_t states = weir_block_reader_state_count(reader);
    for (size_t i = 0; i < states && status == WEIR_OK; i++) {
        weir_block_reader_state(reader, i, &self.descriptor);
        if (self.descriptor.list_mode == WEIR_LIST_NONE &&
            self.descriptor.kind != WEIR_STATE_BROADCAST) {
            status = backend->ops->create_state(backend, &self.descriptor, &self.state, err);
        }
    }
    wr_buffer_init(&self.buffer, &alloc);
    while (status == WEIR_OK) {
        status = weir_block_reader_next(reader, &self.block, err);
        if (status == WEIR_OK) {
            status = read_block(backend, &self);
        }
    }
    wr_buffer_fini(&self.buffer);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}
