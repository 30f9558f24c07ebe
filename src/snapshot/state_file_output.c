/* SPDX-License-Identifier: Apache-2.0 */
/* state_file_output: one new file, written front to back by the io thread.
 *
 *   CLOSED --append--> CLOSED  [keep]       below the limit for bytes that need no file
 *   CLOSED --append--> OPEN    [make_file]  exclusive: what is there is never written over
 *   OPEN   --append--> OPEN    [append]
 *   OPEN   --finish--> CLOSED  [finish]     truncate padding, fdatasync, close
 *   any    --failure--> FAILED [finish]     close, unlink
 *
 * O_DIRECT, since a snapshot must not push the working set out of the page cache and the disk takes
 * the buffers as they are. A file system may refuse it when the file is opened or only when it is
 * written: either way the file goes on without.
 *
 * Invariants:
 *   (1) `size` and `crc` are those of the real content; padding is in neither.
 *   (2) Every write starts at a multiple of 4096: only the last append is no multiple itself.
 *   (3) A failed sync is never tried again on the same descriptor: it fails the output.
 */
#include "snapshot/state_file_output.h"

#include "base/check.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "os/file.h"

#include <errno.h>
#include <string.h>

void
wr_state_file_output_init(struct wr_state_file_output *output, struct wr_os *os, const char *path,
                          uint64_t inline_max, uint64_t memory_max, const weir_alloc *alloc)
{
    *output = (struct wr_state_file_output){
        .os = os, .path = path, .file = -1, .inline_max = inline_max, .memory_max = memory_max
    };
    wr_buffer_init(&output->kept, alloc);
}

void
wr_state_file_output_fini(struct wr_state_file_output *output)
{
    wr_buffer_fini(&output->kept);
}

bool
wr_state_file_output_is_inlined(const struct wr_state_file_output *output)
{
    return !output->is_made && (output->memory_max != 0 || output->inline_max != 0);
}

static weir_status
make_file(struct wr_state_file_output *output, bool is_direct)
{
    const unsigned make = WR_OPEN_WRITE | WR_OPEN_CREATE;
    const unsigned direct = is_direct ? (unsigned)WR_OPEN_DIRECT : 0;
    weir_status status = wr_file_open(output->os, output->path, make | WR_OPEN_EXCLUSIVE | direct,
                                      &output->file, &output->error);
    output->is_direct = status == WEIR_OK && is_direct;
    if (status != WEIR_OK && is_direct && output->error.sys_errno == EINVAL) {
        /* Linux may have made the file before it refuses O_DIRECT, so it is there now, and ours: a
         * file of somebody else would have been EEXIST. */
        status = wr_file_open(output->os, output->path, make | WR_OPEN_TRUNCATE, &output->file,
                              &output->error);
    }
    if (status == WEIR_OK) {
        output->error.status = WEIR_OK;
        output->is_open = true;
        output->is_made = true;
    }
    return status;
}

/* The file system took the flag and refuses the write: goes on with the same file without it. */
static weir_status
leave_direct(struct wr_state_file_output *output)
{
    wr_file_close(output->os, output->file);
    output->is_open = false;
    output->is_direct = false;
    weir_status status =
        wr_file_open(output->os, output->path, WR_OPEN_WRITE, &output->file, &output->error);
    output->is_open = status == WEIR_OK;
    return status;
}

static weir_status
write_out(struct wr_state_file_output *output, const uint8_t *data, size_t size, size_t padded_size)
{
    size_t write_size = output->is_direct ? padded_size : size;
    weir_status status = wr_file_write_at(output->os, output->file, output->path, data, write_size,
                                          output->size, &output->error);
    if (status != WEIR_OK && output->is_direct && output->error.sys_errno == EINVAL) {
        status = leave_direct(output);
        if (status == WEIR_OK) {
            status = wr_file_write_at(output->os, output->file, output->path, data, padded_size,
                                      output->size, &output->error);
        }
        write_size = padded_size; /* a part of the refused write may stand there: cover it */
    }
    if (status == WEIR_OK) {
        output->error.status = WEIR_OK;
        output->is_padded = write_size > size;
    }
    return status;
}

/* Keeps the bytes in memory, where no file is wanted for so few. */
static void
keep(struct wr_state_file_output *output, const uint8_t *data, size_t size)
{
    wr_buffer_put(&output->kept, data, size);
    if (output->kept.refused) {
        output->error.status =
            wr_fail(&output->error, WEIR_NOMEM,
                    "state file %s: no memory to keep it in the manifest", output->path);
        return;
    }
    output->crc = wr_crc32c(output->crc, data, size);
    output->size += size;
}

/* What was kept turns out to be the beginning of a file. It stands in memory anyhow, so that file
 * is written without O_DIRECT. */
static weir_status
spill(struct wr_state_file_output *output)
{
    WR_TRY(make_file(output, output->kept.size == 0));
    if (output->kept.size != 0) {
        WR_TRY(wr_file_write_at(output->os, output->file, output->path, output->kept.data,
                                output->kept.size, 0, &output->error));
        wr_buffer_fini(&output->kept);
    }
    return WEIR_OK;
}

void
wr_state_file_output_append(struct wr_state_file_output *output, uint8_t *data, size_t size)
{
    wr_assert(output->size % WR_DIRECT_ALIGNMENT == 0);
    if (output->error.status != WEIR_OK || size == 0) {
        return;
    }
    uint64_t limit = output->memory_max != 0 ? output->memory_max : output->inline_max;
    if (!output->is_open && output->size + size <= limit) {
        keep(output, data, size);
        return;
    }
    if (output->memory_max != 0) {
        output->error.status = wr_fail(
            &output->error, WEIR_LIMIT,
            "state file %s: Size of the state is larger than the maximum permitted memory-backed "
            "state. Size=%llu or more, maxSize=%llu (weir.jobmanager-storage.max-state-size); set "
            "execution.checkpointing.storage: filesystem and execution.checkpointing.dir",
            output->path, (unsigned long long)(output->size + size),
            (unsigned long long)output->memory_max);
        return;
    }
    if (!output->is_open && spill(output) != WEIR_OK) {
        return;
    }
    size_t padded_size = (size + WR_DIRECT_ALIGNMENT - 1) & ~(size_t)(WR_DIRECT_ALIGNMENT - 1);
    memset(data + size, 0, padded_size - size);
    uint32_t crc = wr_crc32c(output->crc, data, size);
    if (write_out(output, data, size, padded_size) == WEIR_OK) {
        output->crc = crc;
        output->size += size;
    }
}

weir_status
wr_state_file_output_finish(struct wr_state_file_output *output)
{
    weir_status status = output->error.status;
    bool is_empty_file = output->size == 0 && !wr_state_file_output_is_inlined(output);
    if (status == WEIR_OK && is_empty_file && !output->is_open) {
        status = make_file(output, false);
    }
    if (status == WEIR_OK && output->is_padded) {
        status =
            wr_file_truncate(output->os, output->file, output->path, output->size, &output->error);
    }
    if (status == WEIR_OK && output->is_open) {
        status = wr_file_sync(output->os, output->file, output->path, true, &output->error);
    }
    if (output->is_open) {
        wr_file_close(output->os, output->file);
        output->is_open = false;
    }
    if (status != WEIR_OK && output->is_made) {
        /* What stays behind if this fails too goes with the directory of the abandoned checkpoint.
         */
        weir_error unlink_error;
        if (wr_path_unlink(output->os, output->path, &unlink_error) == WEIR_OK) {
            output->is_made = false;
        }
    }
    return status;
}
