/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_writer: the task's half of writing a state file.
 *
 *   task:  header, payloads --> current buffer --full--> work --> executor          [hand_over]
 *   io:    checksum of each block's part in it, append to the file, buffer is free  [buffer_work]
 *   task:  finish: the last buffer and the list of blocks are handed over            [finish]
 *   io:    directory with the blocks' checksums, footer, fdatasync, close            [finish_work]
 *   io:    the engine's own files, a bounded piece a work; then the reply            [copy_work]
 *
 * Only the io thread computes checksums, hence it alone can write the directory. It learns where
 * blocks end from a list in each buffer; the header counts as the first block there.
 *
 * Invariants:
 *   (1) There is always a current buffer, and it may be full: it is handed over only when another
 *       byte has to be written and a buffer for that byte is there. So finish never needs memory
 *       on the task's side.
 *   (2) The task never waits: where no buffer of the pool is free it takes an extra one, which
 *       the io thread frees. Whoever looks at weir_block_writer_room first causes none.
 *   (3) Every buffer but the last is full, and a multiple of 4096: it is appended as it is.
 *   (4) Between hand_over and its release a buffer is the io thread's; `is_free` gives it back.
 *   (5) The reply is pushed last: after it nothing here is touched by the io thread.
 */
#include "snapshot/state_file_writer.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/little.h"
#include "base/memory.h"
#include "snapshot/descriptor.h"
#include "snapshot/state_file_format.h"

#include <string.h>

enum {
    DEFAULT_BUFFER_SIZE = 1 << 20,
    DEFAULT_BUFFER_COUNT = 3,
    STATES_MAX = UINT16_MAX
};

static struct wr_write_buffer *
buffer_create(weir_block_writer *writer, bool is_extra)
{
    /* not zeroed: a megabyte of memset would be the longest thing the task does here */
    struct wr_write_buffer *buffer =
        wr_memory_resize(&writer->alloc, NULL, 0, wr_write_buffer_bytes(writer));
    if (buffer == NULL) {
        return NULL;
    }
    memset(buffer, 0, sizeof *buffer);
    uintptr_t behind = (uintptr_t)(buffer + 1);
    size_t gap = (WR_DIRECT_ALIGNMENT - behind % WR_DIRECT_ALIGNMENT) % WR_DIRECT_ALIGNMENT;
    buffer->data = (uint8_t *)(buffer + 1) + gap;
    buffer->writer = writer;
    buffer->is_extra = is_extra;
    atomic_init(&buffer->is_free, false);
    wr_buffer_init(&buffer->ends, &writer->alloc);
    return buffer;
}

static bool
is_free(struct wr_write_buffer *buffer)
{
    /* acquire: pairs with the release in wr_writer_buffer_work; the io thread is done with the
     * data. */
    return atomic_load_explicit(&buffer->is_free, memory_order_acquire);
}

/* An empty buffer: a free one of the pool, a new one of the pool, an extra one. NULL: no memory. */
static struct wr_write_buffer *
buffer_take(weir_block_writer *writer)
{
    for (size_t i = 0; i < writer->buffer_count; i++) {
        struct wr_write_buffer *buffer = writer->pool[i];
        if (buffer == NULL) {
            writer->pool[i] = buffer_create(writer, false);
            return writer->pool[i];
        }
        if (is_free(buffer)) {
            atomic_store_explicit(&buffer->is_free, false, memory_order_relaxed);
            buffer->used = 0;
            wr_buffer_clear(&buffer->ends);
            return buffer;
        }
    }
    return buffer_create(writer, true);
}

static weir_status
fail_memory(weir_block_writer *writer)
{
    writer->failed = WEIR_NOMEM;
    return WEIR_NOMEM;
}

/* Makes room behind a full current buffer, by (1) in that order. */
static weir_status
hand_over(weir_block_writer *writer)
{
    struct wr_write_buffer *next = buffer_take(writer);
    if (next == NULL) {
        return fail_memory(writer);
    }
    writer->current->work.run = wr_writer_buffer_work;
    wr_executor_push(writer->executor, &writer->current->work);
    writer->current = next;
    return WEIR_OK;
}

static weir_status
append(weir_block_writer *writer, const void *data, size_t size)
{
    const uint8_t *from = data;
    while (size > 0) {
        if (writer->current->used == writer->buffer_size) {
            WR_TRY(hand_over(writer));
        }
        struct wr_write_buffer *buffer = writer->current;
        size_t room = writer->buffer_size - buffer->used;
        size_t part = size < room ? size : room;
        memcpy(buffer->data + buffer->used, from, part);
        buffer->used += part;
        writer->position += part;
        from += part;
        size -= part;
    }
    return WEIR_OK;
}

static weir_status
end_segment(weir_block_writer *writer)
{
    struct wr_write_buffer *buffer = writer->current;
    wr_buffer_put_u64(&buffer->ends, buffer->used);
    writer->block_start = writer->position;
    return buffer->ends.refused ? fail_memory(writer) : WEIR_OK;
}

static weir_status
write_header(weir_block_writer *writer)
{
    const struct wr_state_file_identity *identity = &writer->identity;
    uint8_t header[WR_HEADER_SIZE] = { 0 };
    memcpy(header, WR_STATE_FILE_MAGIC, WR_STATE_FILE_MAGIC_SIZE);
    wr_put_u32(header + WR_HEADER_VERSION, WR_STATE_FILE_VERSION);
    wr_put_u32(header + WR_HEADER_OWN_SIZE, WR_HEADER_SIZE);
    wr_put_u64(header + WR_HEADER_CHECKPOINT, identity->checkpoint_id);
    memcpy(header + WR_HEADER_ATTEMPT, identity->attempt, sizeof identity->attempt);
    memcpy(header + WR_HEADER_OPERATOR, identity->operator_id, sizeof identity->operator_id);
    wr_put_u32(header + WR_HEADER_SUBTASK, identity->subtask);
    writer->header_crc = wr_crc32c(0, header, WR_HEADER_CRC);
    wr_put_u32(header + WR_HEADER_CRC, writer->header_crc);
    WR_TRY(append(writer, header, sizeof header));
    return end_segment(writer);
}

/* Where nothing is inlined there need be no allocator for it. */
static const weir_alloc *
inline_alloc(const struct wr_state_file_parameters *parameters)
{
    return parameters->inline_alloc.resize != NULL ? &parameters->inline_alloc : &parameters->alloc;
}

weir_status
wr_state_file_create(const struct wr_state_file_parameters *parameters,
                     weir_block_writer **out_writer, weir_error *err)
{
    size_t size = parameters->buffer_size != 0 ? parameters->buffer_size : DEFAULT_BUFFER_SIZE;
    size_t count = parameters->buffer_count != 0 ? parameters->buffer_count : DEFAULT_BUFFER_COUNT;
    if (size % WR_DIRECT_ALIGNMENT != 0 || count > 1024) {
        return wr_fail(
            err, WEIR_INVALID,
            "state file buffers: size %zu must be a multiple of 4096, count %zu at most 1024", size,
            count);
    }
    weir_block_writer *writer = wr_memory_new(
        &parameters->alloc, sizeof *writer + count * sizeof(struct wr_write_buffer *));
    if (writer == NULL) {
        return wr_fail(err, WEIR_NOMEM, "state file %s: no memory to write it", parameters->path);
    }
    writer->executor = parameters->executor;
    writer->reply_to = parameters->reply_to;
    writer->reply_parker = parameters->reply_parker;
    writer->alloc = parameters->alloc;
    writer->identity = parameters->identity;
    writer->buffer_size = size;
    writer->buffer_count = count;
    wr_buffer_init(&writer->states, &writer->alloc);
    wr_buffer_init(&writer->blocks, &writer->alloc);
    wr_buffer_init(&writer->crcs, &writer->alloc);
    wr_arena_init(&writer->arena, &writer->alloc);
    writer->may_change = parameters->may_change;
    writer->is_known = parameters->is_known;
    writer->is_known_argument = parameters->is_known_argument;
    bool has_prefix = parameters->engine_prefix != NULL;
    writer->engine_prefix =
        has_prefix ? wr_arena_copy_text(&writer->arena, parameters->engine_prefix) : NULL;
    writer->path = wr_memory_copy_text(&writer->alloc, parameters->path);
    writer->current = buffer_take(writer);
    wr_state_file_output_init(&writer->output, parameters->os, writer->path, parameters->inline_max,
                              parameters->memory_max, inline_alloc(parameters));
    if (writer->path == NULL || writer->current == NULL ||
        (has_prefix && writer->engine_prefix == NULL) || write_header(writer) != WEIR_OK) {
        wr_state_file_destroy(writer);
        return wr_fail(err, WEIR_NOMEM, "state file %s: no memory for its buffers (%zu bytes each)",
                       parameters->path, size);
    }
    *out_writer = writer;
    return WEIR_OK;
}

weir_status
weir_block_writer_add_state(weir_block_writer *writer, const weir_state_descriptor *descriptor,
                            uint16_t *out_state)
{
    if (!wr_descriptor_is_sound(descriptor)) {
        return WEIR_INVALID;
    }
    if (writer->state_count == STATES_MAX) {
        return WEIR_LIMIT;
    }
    if (writer->failed != WEIR_OK) {
        return writer->failed;
    }
    wr_descriptor_encode(descriptor, &writer->states);
    if (writer->states.refused) {
        return fail_memory(writer);
    }
    *out_state = (uint16_t)writer->state_count++;
    return WEIR_OK;
}

void
weir_block_writer_set_changes(weir_block_writer *writer)
{
    wr_assert(!writer->is_handed);
    if (!writer->may_change || writer->block_count != 0) {
        writer->failed = writer->failed == WEIR_OK ? WEIR_INVALID : writer->failed;
        return;
    }
    writer->has_changes = true;
}

size_t
weir_block_writer_room(const weir_block_writer *writer)
{
    size_t room = writer->buffer_size - writer->current->used;
    for (size_t i = 0; i < writer->buffer_count; i++) {
        if (writer->pool[i] == NULL || is_free(writer->pool[i])) {
            room += writer->buffer_size;
        }
    }
    return room;
}

bool
wr_state_file_is_short(const weir_block_writer *writer)
{
    return weir_block_writer_room(writer) < writer->buffer_size;
}

weir_status
weir_block_writer_write(weir_block_writer *writer, const void *data, size_t size)
{
    wr_assert(!writer->is_handed);
    if (writer->failed != WEIR_OK) {
        return writer->failed;
    }
    return append(writer, data, size);
}

weir_status
weir_block_writer_end_block(weir_block_writer *writer, const weir_block *block)
{
    wr_assert(!writer->is_handed);
    if (block->state >= writer->state_count || block->kind < WEIR_BLOCK_RECORDS ||
        block->kind > WEIR_BLOCK_MAP ||
        (block->kind == WEIR_BLOCK_CHANGES && !writer->has_changes)) {
        return WEIR_INVALID;
    }
    if (writer->failed != WEIR_OK) {
        return writer->failed;
    }
    uint8_t entry[WR_BLOCK_ENTRY_SIZE] = { 0 };
    entry[WR_BLOCK_ENTRY_KIND] = (uint8_t)block->kind;
    wr_put_u16(entry + WR_BLOCK_ENTRY_STATE, block->state);
    wr_put_u32(entry + WR_BLOCK_ENTRY_KEY_GROUP, block->key_group);
    wr_put_u64(entry + WR_BLOCK_ENTRY_OFFSET, writer->block_start);
    wr_put_u64(entry + WR_BLOCK_ENTRY_LENGTH, writer->position - writer->block_start);
    wr_put_u64(entry + WR_BLOCK_ENTRY_ENTRIES, block->entries);
    wr_buffer_put(&writer->blocks, entry, sizeof entry);
    if (writer->blocks.refused) {
        return fail_memory(writer);
    }
    WR_TRY(end_segment(writer));
    writer->block_count++;
    return WEIR_OK;
}

weir_status
wr_state_file_finish(weir_block_writer *writer, struct wr_state_file_reply *reply_letter)
{
    if (writer->is_handed ||
        (writer->failed == WEIR_OK && writer->position != writer->block_start)) {
        return WEIR_INVALID; /* twice, or within a block */
    }
    writer->is_handed = true;
    writer->reply = reply_letter;
    writer->last.run = wr_writer_finish_work;
    wr_executor_push(writer->executor, &writer->last);
    return WEIR_OK;
}

void
wr_state_file_abort(weir_block_writer *writer, struct wr_state_file_reply *reply_letter)
{
    wr_assert(!writer->is_handed);
    writer->is_handed = true;
    writer->reply = reply_letter;
    writer->last.run = wr_writer_abort_work;
    wr_executor_push(writer->executor, &writer->last);
}

void
wr_state_file_destroy(weir_block_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    weir_alloc alloc = writer->alloc;
    size_t bytes = wr_write_buffer_bytes(writer);
    if (writer->current != NULL && writer->current->is_extra) {
        wr_write_buffer_destroy(writer->current, bytes);
    }
    for (size_t i = 0; i < writer->buffer_count; i++) {
        wr_write_buffer_destroy(writer->pool[i], bytes);
    }
    wr_buffer_fini(&writer->states);
    wr_buffer_fini(&writer->blocks);
    wr_buffer_fini(&writer->crcs);
    wr_state_file_output_fini(&writer->output);
    struct wr_state_file_engine *at = wr_state_file_engine_first(writer);
    for (; at != NULL; at = at->next) {
        wr_buffer_fini(&at->bytes);
    }
    wr_arena_fini(&writer->arena);
    if (writer->path != NULL) {
        wr_memory_free(&alloc, writer->path, strlen(writer->path) + 1);
    }
    wr_memory_free(&alloc, writer,
                   sizeof *writer + writer->buffer_count * sizeof(struct wr_write_buffer *));
}
