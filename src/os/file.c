/* SPDX-License-Identifier: Apache-2.0 */
/* file: open files over the os table.
 *
 * Rules:
 *   (1) EINTR is retried without end: nobody stops a job by signals to one of its threads.
 *   (2) A short read or write is continued. A write that takes nothing is an error, not a loop.
 *   (3) A sync is tried once. After a failed one the kernel has forgotten which pages were dirty,
 *       and a second would lie; so even EINTR fails it.
 */
#include "os/file.h"

#include "base/fail.h"

#include <errno.h>
#include <string.h>

enum {
    READ_STEP = 64 * 1024
};

/* What a stdout that is not ready waits before it is tried again. */
static const uint64_t not_ready_ns = 1000000;

weir_status
wr_file_open(struct wr_os *os, const char *path, unsigned flags, int *out_file, weir_error *err)
{
    int failure;
    do {
        failure = os->ops->open(os, path, flags, out_file);
    } while (failure == EINTR);
    if (failure == ENOENT) {
        return wr_fail(err, WEIR_NOT_FOUND, "no such file: %s", path);
    }
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot open %s", path);
    }
    return WEIR_OK;
}

void
wr_file_close(struct wr_os *os, int file)
{
    /* What had to be durable was synced: a failure of close says nothing more. */
    (void)os->ops->close(os, file);
}

weir_status
wr_file_read_at(struct wr_os *os, int file, const char *path, void *buffer, size_t size,
                uint64_t offset, size_t *out_size, weir_error *err)
{
    size_t done = 0;
    while (done < size) {
        size_t count = 0;
        int failure =
            os->ops->pread(os, file, (uint8_t *)buffer + done, size - done, offset + done, &count);
        if (failure == EINTR) {
            continue;
        }
        if (failure != 0) {
            return wr_fail_errno(err, failure, "cannot read %s at offset %llu", path,
                                 (unsigned long long)(offset + done));
        }
        if (count == 0) {
            break;
        }
        done += count;
    }
    *out_size = done;
    return WEIR_OK;
}

weir_status
wr_file_write_at(struct wr_os *os, int file, const char *path, const void *data, size_t size,
                 uint64_t offset, weir_error *err)
{
    size_t done = 0;
    while (done < size) {
        size_t count = 0;
        int failure = os->ops->pwrite(os, file, (const uint8_t *)data + done, size - done,
                                      offset + done, &count);
        if (failure == EINTR) {
            continue;
        }
        if (failure != 0 || count == 0) {
            return wr_fail_errno(err, failure != 0 ? failure : EIO,
                                 "cannot write %s at offset %llu", path,
                                 (unsigned long long)(offset + done));
        }
        done += count;
    }
    return WEIR_OK;
}

weir_status
wr_file_write(struct wr_os *os, int file, const char *path, const void *data, size_t size,
              weir_error *err)
{
    size_t done = 0;
    while (done < size) {
        size_t count = 0;
        int failure = os->ops->write(os, file, (const uint8_t *)data + done, size - done, &count);
        if (failure == EINTR) {
            continue;
        }
        if (failure == EAGAIN) { /* somebody made our stdout non-blocking */
            _Atomic uint32_t nobody_wakes_us = 0;
            os->ops->wait(os, &nobody_wakes_us, 0, not_ready_ns);
            continue;
        }
        if (failure != 0 || count == 0) {
            return wr_fail_errno(err, failure != 0 ? failure : EIO, "cannot write to %s", path);
        }
        done += count;
    }
    return WEIR_OK;
}

weir_status
wr_file_truncate(struct wr_os *os, int file, const char *path, uint64_t size, weir_error *err)
{
    int failure;
    do {
        failure = os->ops->truncate(os, file, size);
    } while (failure == EINTR);
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot set the length of %s to %llu", path,
                             (unsigned long long)size);
    }
    return WEIR_OK;
}

weir_status
wr_file_sync(struct wr_os *os, int file, const char *path, bool data_only, weir_error *err)
{
    int failure = os->ops->sync(os, file, data_only);
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot sync %s, so what was written may be lost", path);
    }
    return WEIR_OK;
}

weir_status
wr_file_size(struct wr_os *os, int file, const char *path, uint64_t *out_size, weir_error *err)
{
    int failure;
    do {
        failure = os->ops->file_size(os, file, out_size);
    } while (failure == EINTR);
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot ask for the length of %s", path);
    }
    return WEIR_OK;
}

/* Reads to the end of an open file, step by step: what /proc says of lengths is 0. */
static weir_status
read_to_end(struct wr_os *os, int file, const char *path, uint64_t max_size,
            struct wr_buffer *buffer, weir_error *err)
{
    uint64_t length = 0;
    WR_TRY(wr_file_size(os, file, path, &length, err));
    uint64_t offset = 0;
    for (;;) {
        if (length > max_size || offset > max_size) {
            return wr_fail(err, WEIR_LIMIT, "%s is longer than its limit of %llu bytes", path,
                           (unsigned long long)max_size);
        }
        size_t step = length > offset ? (size_t)(length - offset) + 1 : (size_t)READ_STEP;
        uint8_t *room = wr_buffer_extend(buffer, step);
        if (room == NULL) {
            return wr_fail(err, WEIR_NOMEM, "no memory to read %s", path);
        }
        size_t count = 0;
        WR_TRY(wr_file_read_at(os, file, path, room, step, offset, &count, err));
        buffer->size -= step - count;
        offset += count;
        if (count < step && offset <= max_size) {
            return WEIR_OK;
        }
    }
}

weir_status
wr_file_read_whole(struct wr_os *os, const char *path, uint64_t max_size,
                   struct wr_buffer *out_buffer, weir_error *err)
{
    int file = -1;
    size_t size_before = out_buffer->size;
    WR_TRY(wr_file_open(os, path, WR_OPEN_READ, &file, err));
    weir_status status = read_to_end(os, file, path, max_size, out_buffer, err);
    if (status != WEIR_OK) {
        out_buffer->size = size_before;
    }
    wr_file_close(os, file);
    return status;
}
