/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_works: the io thread's half of writing a state file. The whole way, and who owns what
 * when, stands in the head of state_file_writer.c; the bytes in that of state_file_open.c.
 *
 * A block may span buffers and a buffer many blocks: `segment_crc` is the checksum so far of the
 * block that the next byte belongs to.
 */
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/little.h"
#include "base/memory.h"
#include "snapshot/state_file_format.h"
#include "snapshot/state_file_writer.h"

#include <string.h>

void
wr_write_buffer_destroy(struct wr_write_buffer *buffer, size_t bytes)
{
    if (buffer != NULL) {
        weir_alloc alloc = buffer->ends.alloc;
        wr_buffer_fini(&buffer->ends);
        wr_memory_free(&alloc, buffer, bytes);
    }
}

/* Checksums what the buffer holds of each block. Thread: io. */
static void
checksum_blocks(weir_block_writer *writer, const struct wr_write_buffer *buffer)
{
    size_t at = 0;
    for (size_t i = 0; i < buffer->ends.size; i += sizeof(uint64_t)) {
        size_t end = (size_t)wr_get_u64(buffer->ends.data + i);
        uint32_t crc = wr_crc32c(writer->segment_crc, buffer->data + at, end - at);
        wr_buffer_put_u32(&writer->crcs, crc);
        writer->segment_crc = 0;
        at = end;
    }
    writer->segment_crc = wr_crc32c(writer->segment_crc, buffer->data + at, buffer->used - at);
}

void
wr_writer_buffer_work(struct wr_work *work)
{
    struct wr_write_buffer *buffer = (struct wr_write_buffer *)work;
    weir_block_writer *writer = buffer->writer;
    checksum_blocks(writer, buffer);
    wr_state_file_output_append(&writer->output, buffer->data, buffer->used);
    struct wr_parker *parker = writer->reply_parker;
    if (buffer->is_extra) {
        wr_write_buffer_destroy(buffer, wr_write_buffer_bytes(writer));
    } else {
        /* release: pairs with the acquire in is_free; the task may write into the data again. */
        atomic_store_explicit(&buffer->is_free, true, memory_order_release);
    }
    if (parker != NULL) {
        wr_parker_wake(parker);
    }
}

/* Directory and footer, appended to `tail`. Thread: io. */
static void
make_tail(const weir_block_writer *writer, struct wr_buffer *tail)
{
    wr_buffer_put_u32(tail, writer->state_count);
    wr_buffer_put_u32(tail, writer->has_changes ? (uint32_t)WR_DIRECTORY_HAS_CHANGES : 0);
    wr_buffer_put_u64(tail, writer->block_count);
    wr_buffer_put(tail, writer->states.data, writer->states.size);
    size_t first = tail->size;
    wr_buffer_put(tail, writer->blocks.data, writer->blocks.size);
    if (tail->refused) {
        return;
    }
    for (uint64_t i = 0; i < writer->block_count; i++) {
        uint8_t *entry = tail->data + first + i * WR_BLOCK_ENTRY_SIZE;
        wr_put_u32(entry + WR_BLOCK_ENTRY_CRC,
                   wr_get_u32(writer->crcs.data + (i + 1) * sizeof(uint32_t)));
    }
    wr_buffer_put_u32(tail, wr_crc32c(0, tail->data, tail->size));

    uint8_t footer[WR_FOOTER_SIZE] = { 0 };
    wr_put_u64(footer + WR_FOOTER_DIRECTORY_OFFSET, writer->position);
    wr_put_u64(footer + WR_FOOTER_DIRECTORY_SIZE, tail->size);
    wr_put_u64(footer + WR_FOOTER_CHECKPOINT, writer->identity.checkpoint_id);
    memcpy(footer + WR_FOOTER_OPERATOR, writer->identity.operator_id, 16);
    wr_put_u32(footer + WR_FOOTER_SUBTASK, writer->identity.subtask);
    wr_put_u32(footer + WR_FOOTER_HEADER_CRC, writer->header_crc);
    wr_put_u32(footer + WR_FOOTER_VERSION, WR_STATE_FILE_VERSION);
    wr_put_u32(footer + WR_FOOTER_CRC, wr_crc32c(0, footer, WR_FOOTER_CRC));
    memcpy(footer + WR_FOOTER_MAGIC, WR_STATE_FILE_FOOTER_MAGIC, WR_STATE_FILE_MAGIC_SIZE);
    wr_buffer_put(tail, footer, sizeof footer);
}

/* Writes the last buffer and, through it, the tail. Thread: io. */
static void
append_tail(weir_block_writer *writer, struct wr_write_buffer *buffer, const struct wr_buffer *tail)
{
    size_t at = 0;
    while (at < tail->size) {
        if (buffer->used == writer->buffer_size) {
            wr_state_file_output_append(&writer->output, buffer->data, buffer->used);
            buffer->used = 0;
        }
        size_t room = writer->buffer_size - buffer->used;
        size_t part = tail->size - at < room ? tail->size - at : room;
        memcpy(buffer->data + buffer->used, tail->data + at, part);
        buffer->used += part;
        at += part;
    }
    wr_state_file_output_append(&writer->output, buffer->data, buffer->used);
}

void
wr_writer_reply(weir_block_writer *writer, weir_status status)
{
    struct wr_parker *parker = writer->reply_parker;
    struct wr_state_file_reply *letter = writer->reply;
    letter->result = (struct wr_state_file_result){
        .status = status,
        .error = writer->output.error,
        .size = writer->output.size,
        .crc = writer->output.crc,
        .has_changes = writer->has_changes,
        .is_inlined = wr_state_file_output_is_inlined(&writer->output),
    };
    if (status == WEIR_OK && letter->result.is_inlined) {
        letter->result.bytes = writer->output.kept;
        wr_buffer_init(&writer->output.kept, &letter->result.bytes.alloc);
    }
    wr_mailbox_push(writer->reply_to, &letter->letter);
    if (parker != NULL) {
        wr_parker_wake(parker);
    }
}

void
wr_writer_finish_work(struct wr_work *work)
{
    weir_block_writer *writer = (weir_block_writer *)work;
    struct wr_state_file_output *output = &writer->output;
    checksum_blocks(writer, writer->current);
    struct wr_buffer tail;
    wr_buffer_init(&tail, &writer->alloc);
    bool is_refused = writer->failed != WEIR_OK || writer->crcs.refused;
    if (!is_refused) {
        make_tail(writer, &tail);
        is_refused = tail.refused;
    }
    if (!is_refused) {
        append_tail(writer, writer->current, &tail);
    } else if (output->error.status == WEIR_OK) {
        bool is_engine = writer->failed == WEIR_INVALID;
        output->error.status =
            wr_fail(&output->error, is_engine ? WEIR_INVALID : WEIR_NOMEM,
                    is_engine ? "state file %s: the engine wrote changes where it was to write all"
                              : "state file %s: no memory for its buffers or directory",
                    output->path);
    }
    wr_buffer_fini(&tail);
    weir_status status = wr_state_file_output_finish(output);
    if (status == WEIR_OK && writer->engine_count != 0) {
        writer->copying = writer->engine_first;
        writer->last.run = wr_writer_copy_work;
        wr_executor_push(writer->executor, &writer->last);
        return;
    }
    wr_writer_reply(writer, status);
}

void
wr_writer_abort_work(struct wr_work *work)
{
    weir_block_writer *writer = (weir_block_writer *)work;
    struct wr_state_file_output *output = &writer->output;
    output->error.status = wr_fail(&output->error, WEIR_CANCELLED,
                                   "state file %s: the checkpoint was aborted", output->path);
    weir_status status = wr_state_file_output_finish(output);
    wr_writer_reply(writer, status);
}
