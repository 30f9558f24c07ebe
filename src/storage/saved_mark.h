/* SPDX-License-Identifier: Apache-2.0 */
/* storage/saved_mark.h: the savepoint that was to end a job, told to whoever goes on. For the files
 * of this room.
 */
#ifndef WR_STORAGE_SAVED_MARK_H
#define WR_STORAGE_SAVED_MARK_H

#include "base/memory.h"
#include "os/file.h"
#include "snapshot/manifest_format.h"

#define WR_SAVED_NAME "_savepoint"

struct wr_saved_mark {
    uint64_t checkpoint_id;
    char job_id[WR_JOB_ID_SIZE];
    char job_name[WR_MANIFEST_TEXT_MAX + 1];
    char savepoint[WR_PATH_MAX]; /* its directory, as it was asked for */
};

/* The mark in a job's directory. WEIR_NOT_FOUND: there is none; WEIR_CORRUPT. */
weir_status wr_saved_mark_read(struct wr_os *os, const weir_alloc *alloc, const char *directory,
                               struct wr_saved_mark *out_mark, weir_error *err);

#endif /* WR_STORAGE_SAVED_MARK_H */
