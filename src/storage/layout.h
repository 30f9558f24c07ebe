/* SPDX-License-Identifier: Apache-2.0 */
/* storage/layout.h: the names below a checkpoint directory, and lists of them. For the files of
 * this room.
 */
#ifndef WR_STORAGE_LAYOUT_H
#define WR_STORAGE_LAYOUT_H

#include "base/buffer.h"
#include "os/file.h"
#include "snapshot/manifest.h"

#define WR_METADATA_NAME "_metadata"
#define WR_FINISHED_NAME "_finished"
#define WR_FENCED_PREFIX ".fenced-"

enum {
    WR_CHECKPOINT_NAME_SIZE = 32
};

/* "chk-7", and back: only what the first could have made, and never 0. */
void wr_checkpoint_name(uint64_t checkpoint_id, char out_name[WR_CHECKPOINT_NAME_SIZE]);
bool wr_checkpoint_name_parse(const char *name, uint64_t *out_id);
/* "<directory>/chk-7" into out (WR_PATH_MAX). */
weir_status wr_checkpoint_path(const char *directory, uint64_t checkpoint_id, char *out,
                               weir_error *err);

/* 32 hex digits: a job's directory. A dot and 32 hex digits: an attempt's. */
bool wr_is_job_name(const char *name);
bool wr_is_attempt_name(const char *name);

/* The last name of a path; lent. */
const char *wr_path_last(const char *path);

/* The ids of all chk-N in a directory, u64 each, ascending. `complete`: only those with a
 * `_metadata`. WEIR_NOT_FOUND: no such directory. */
weir_status wr_checkpoints_list(struct wr_os *os, const char *directory, bool complete,
                                struct wr_buffer *out_ids, weir_error *err);

/* A small file, whole: `size` bytes to a file that must not be there (`exclusive`) or is replaced,
 * synced. */
weir_status wr_small_file_write(struct wr_os *os, const char *path, bool exclusive,
                                weir_bytes content, weir_error *err);

/* A snapshot's `_metadata`: under another name first, synced, then renamed, then all names in the
 * directory are made durable. */
weir_status wr_metadata_write(struct wr_os *os, const weir_alloc *alloc, const char *directory,
                              const struct wr_manifest *manifest, weir_error *err);

#endif /* WR_STORAGE_LAYOUT_H */
