/* SPDX-License-Identifier: Apache-2.0 */
/* os/file.h: files and directories over the os table: EINTR is retried, short reads and writes are
 * looped, and a failure names the path. A failed sync is never retried: the caller abandons the
 * file. Thread: any.
 */
#ifndef WR_OS_FILE_H
#define WR_OS_FILE_H

#include "base/buffer.h"
#include "os/os.h"
#include "weir/status.h"

/* `path` in each is lent and only used for words where a file is open already. */
weir_status wr_file_open(struct wr_os *os, const char *path, unsigned flags, int *out_file,
                         weir_error *err); /* WEIR_NOT_FOUND: ENOENT */
void wr_file_close(struct wr_os *os, int file);
/* Reads up to `size`; short only at the end of the file. */
weir_status wr_file_read_at(struct wr_os *os, int file, const char *path, void *buffer, size_t size,
                            uint64_t offset, size_t *out_size, weir_error *err);
weir_status wr_file_write_at(struct wr_os *os, int file, const char *path, const void *data,
                             size_t size, uint64_t offset, weir_error *err);
weir_status wr_file_write(struct wr_os *os, int file, const char *path, const void *data,
                          size_t size, weir_error *err); /* sequential: pipes, stdout */
weir_status wr_file_truncate(struct wr_os *os, int file, const char *path, uint64_t size,
                             weir_error *err);
weir_status wr_file_sync(struct wr_os *os, int file, const char *path, bool data_only,
                         weir_error *err);
weir_status wr_file_size(struct wr_os *os, int file, const char *path, uint64_t *out_size,
                         weir_error *err);

weir_status wr_path_stat(struct wr_os *os, const char *path, struct wr_os_stat *out_stat,
                         weir_error *err); /* WEIR_NOT_FOUND: ENOENT or ENOTDIR */
/* The same without following a symbolic link: that is WR_OS_OTHER. */
weir_status wr_path_stat_link(struct wr_os *os, const char *path, struct wr_os_stat *out_stat,
                              weir_error *err);
weir_status wr_path_rename(struct wr_os *os, const char *from, const char *to, bool replace,
                           weir_error *err); /* WEIR_BUSY: EEXIST; WEIR_NOT_FOUND: ENOENT */
weir_status wr_path_unlink(struct wr_os *os, const char *path, weir_error *err); /* NOT_FOUND */
/* A second name for a file. WEIR_UNSUPPORTED: not between these two places; WEIR_BUSY: EEXIST. */
weir_status wr_path_link(struct wr_os *os, const char *from, const char *to, weir_error *err);
weir_status wr_directory_create(struct wr_os *os, const char *path,
                                weir_error *err); /* there: OK */
/* Creates all that is missing of the path, and fsyncs each parent that it wrote to. */
weir_status wr_directory_create_all(struct wr_os *os, const char *path, weir_error *err);
weir_status wr_directory_sync(struct wr_os *os, const char *path, weir_error *err);
weir_status wr_directory_remove(struct wr_os *os, const char *path,
                                weir_error *err); /* empty one */
/* Removes a directory and all below it; what is gone already is no failure. */
weir_status wr_directory_remove_all(struct wr_os *os, const char *path, weir_error *err);
/* Calls `each` for every name, in byte order; stops at the first failure. WEIR_NOT_FOUND: no such
 * directory. */
weir_status wr_directory_each(struct wr_os *os, const weir_alloc *alloc, const char *path,
                              weir_status (*each)(void *argument, const char *name), void *argument,
                              weir_error *err);

/* The whole file, appended to the buffer; WEIR_LIMIT past max_size. */
weir_status wr_file_read_whole(struct wr_os *os, const char *path, uint64_t max_size,
                               struct wr_buffer *out_buffer, weir_error *err);

enum {
    WR_PATH_MAX = 4096
};
/* "one/two" into out (WR_PATH_MAX bytes); WEIR_LIMIT with words when too long. */
weir_status wr_path_join(char *out, const char *one, const char *two, weir_error *err);

#endif /* WR_OS_FILE_H */
