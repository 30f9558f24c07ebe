/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_copies: the engine's own files, copied and checksummed by the io thread.
 *
 *   copy_work --a piece, or known--> copy_work   pushes itself: other tasks' buffers pass between
 *             --all done, a failure--> reply
 *
 * Invariants:
 *   (1) A work reads and writes at most PIECE_BYTES, so that the io thread is never held for long.
 *   (2) A copy is as long as the engine said, or the snapshot fails: an immutable file that changed
 *       is none.
 *   (3) The data goes through the state file's last buffer: by then that is this thread's, and no
 *       memory is asked for.
 */
#include "base/fail.h"
#include "os/file.h"
#include "snapshot/state_file_writer.h"

enum {
    PIECE_BYTES = 4 << 20
};

static weir_status
begin_copy(weir_block_writer *writer, struct wr_engine_entry *entry)
{
    struct wr_state_file_output *output = &writer->copy_output;
    /* a shared file outlives this manifest, so it is never put into it */
    wr_state_file_output_init(output, writer->output.os, entry->target,
                              entry->result.is_shared ? 0 : writer->output.inline_max,
                              writer->output.memory_max, &writer->output.kept.alloc);
    weir_status status =
        wr_file_open(output->os, entry->source, WR_OPEN_READ, &writer->copy_source, &output->error);
    writer->is_copying = status == WEIR_OK;
    output->error.status = status;
    return status;
}

/* Reads and appends up to PIECE_BYTES. *out_at_end: the source has no more. */
static weir_status
copy_piece(weir_block_writer *writer, struct wr_engine_entry *entry, bool *out_at_end)
{
    struct wr_state_file_output *output = &writer->copy_output;
    uint8_t *data = writer->current->data;
    *out_at_end = false;
    for (size_t done = 0; done < PIECE_BYTES && !*out_at_end; done += writer->buffer_size) {
        size_t count = 0;
        weir_status status =
            wr_file_read_at(output->os, writer->copy_source, entry->source, data,
                            writer->buffer_size, output->size, &count, &output->error);
        output->error.status = status;
        *out_at_end = count < writer->buffer_size;
        if (status == WEIR_OK) {
            wr_state_file_output_append(output, data, count);
        }
        WR_TRY(output->error.status);
    }
    return WEIR_OK;
}

static weir_status
end_copy(weir_block_writer *writer, struct wr_engine_entry *entry)
{
    struct wr_state_file_output *output = &writer->copy_output;
    if (output->error.status == WEIR_OK && output->size != entry->result.size) {
        output->error.status =
            wr_fail(&output->error, WEIR_IO,
                    "%s is %llu bytes long, the engine said %llu: it changed under the snapshot",
                    entry->source, (unsigned long long)output->size,
                    (unsigned long long)entry->result.size);
    }
    wr_file_close(output->os, writer->copy_source);
    writer->is_copying = false;
    weir_status status = wr_state_file_output_finish(output);
    if (status == WEIR_OK) {
        entry->result.crc = output->crc;
        entry->result.is_inlined = wr_state_file_output_is_inlined(output);
        wr_buffer_fini(&entry->result.bytes);
        entry->result.bytes = output->kept;
        wr_buffer_init(&output->kept, &entry->result.bytes.alloc);
    }
    wr_state_file_output_fini(output);
    return status;
}

/* One work's share of the entry. *out_done: it is copied. */
static weir_status
copy_some(weir_block_writer *writer, struct wr_engine_entry *entry, bool *out_done)
{
    *out_done = true;
    if (entry->result.is_known) {
        return WEIR_OK;
    }
    if (!writer->is_copying) {
        WR_TRY(begin_copy(writer, entry));
    }
    if (copy_piece(writer, entry, out_done) == WEIR_OK && !*out_done) {
        return WEIR_OK;
    }
    return end_copy(writer, entry);
}

void
wr_writer_copy_work(struct wr_work *work)
{
    weir_block_writer *writer = (weir_block_writer *)work;
    bool is_done = true;
    weir_status status = copy_some(writer, writer->copying, &is_done);
    if (status == WEIR_OK && is_done) {
        writer->copying = (struct wr_engine_entry *)writer->copying->result.next;
    }
    if (status != WEIR_OK) {
        writer->output.error = writer->copy_output.error;
        writer->output.error.status = status;
        wr_writer_reply(writer, status);
    } else if (writer->copying == NULL) {
        wr_writer_reply(writer, WEIR_OK);
    } else {
        wr_executor_push(writer->executor, &writer->last);
    }
}
