/* SPDX-License-Identifier: Apache-2.0 */
/* serve/secret_file.h: a file that nobody else may read, whole in memory that no core dump holds.
 * Thread: host. */
#ifndef WR_SERVE_SECRET_FILE_H
#define WR_SERVE_SECRET_FILE_H

#include "weir/status.h"

#include <stddef.h>

enum {
    WR_SECRET_FILE_MAX = 64 * 1024
};

/* Zeroed memory for secrets, a whole number of pages; NULL: none. */
void *wr_secret_memory(size_t size);
/* Overwrites and gives it back; NULL: nothing. */
void wr_secret_forget(void *memory, size_t size);

struct wr_secret_file {
    char *text; /* with a NUL behind it */
    size_t size;
};

/* `option` names it in the words. It must be a regular file of WR_SECRET_FILE_MAX bytes at most,
 * this user's or root's, and neither its group nor others may do anything with it.
 * WEIR_NOT_FOUND, WEIR_INVALID, WEIR_NOMEM, WEIR_IO. */
weir_status wr_secret_file_read(const char *option, const char *path,
                                struct wr_secret_file *out_file, weir_error *err);
void wr_secret_file_forget(struct wr_secret_file *file);

#endif /* WR_SERVE_SECRET_FILE_H */
