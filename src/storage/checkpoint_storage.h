/* SPDX-License-Identifier: Apache-2.0 */
/* storage/checkpoint_storage.h: where one job's checkpoints live on a file system.
 *
 *   <dir>/.<job-name>.lock                 held by the running process; its pid and attempt inside
 *   <dir>/.<job-name>.lock.new, .guard     the next one being made; held while a process starts
 *   <dir>/<job-id>/shared                  files that more than one checkpoint may need
 *   <dir>/<job-id>/taskowned               as Flink has it; empty
 *   <dir>/<job-id>/.<attempt>/chk-N/       being built; data files, then _metadata
 *   <dir>/<job-id>/chk-N/                  complete: by one no-replace rename of the directory
 *   <dir>/<job-id>/_finished               the job reached its end
 *   <dir>/<job-id>/_savepoint              names the savepoint that ends the job, while it ends
 *
 * Everything an attempt changes, it changes by a path below its own hidden directory, or by a
 * rename out of it: a process that was fenced gets ENOENT and says so. Dropping is a rename into
 * the hidden directory, then removal. With create-subdir false there is no <job-id> level.
 *
 * Completion's order: data files were fdatasynced by their writers -> shared ones renamed into
 * shared -> _metadata.tmp written and fsynced -> rename to _metadata -> fsync chk-N, all names in
 * it
 * -> fsync shared -> rename chk-N out -> fsync both parents.
 * Thread: io, or the host while the job starts or ends; never two at once.
 */
#ifndef WR_STORAGE_CHECKPOINT_STORAGE_H
#define WR_STORAGE_CHECKPOINT_STORAGE_H

#include "base/buffer.h"
#include "os/file.h"
#include "snapshot/manifest.h"

struct wr_checkpoint_storage;

struct wr_storage_parameters {
    struct wr_os *os;
    weir_alloc alloc;
    const char *directory; /* a path or file://; another scheme is refused by name (UNSUPPORTED) */
    bool create_subdir;    /* execution.checkpointing.create-subdir */
    const char *job_name;
    const char *job_id;  /* 32 hex digits */
    const char *attempt; /* 32 hex digits, random */
    bool take_over;      /* fence a holder that is still alive */
};

/* Makes the directories, takes the job's lock (WEIR_BUSY names the holder's pid and --take-over),
 * fences and removes the hidden directories of older attempts. */
weir_status wr_checkpoint_storage_open(const struct wr_storage_parameters *parameters,
                                       struct wr_checkpoint_storage **out_storage, weir_error *err);
void wr_checkpoint_storage_close(
    struct wr_checkpoint_storage *storage); /* drops the lock; NULL ok */

/* The job goes on in this process under another attempt (32 hex digits, not used before): the last
 * one's hidden directory is fenced and removed with all that was being built, the lock names the
 * new one. WEIR_CANCELLED: the job was taken over. After another failure it may be called again;
 * until it succeeds nothing else may but close. */
weir_status wr_checkpoint_storage_renew(struct wr_checkpoint_storage *storage, const char *attempt,
                                        weir_error *err);
/* Removes what this job's attempts that were fenced since opening, and by it, were building as
 * savepoints in a target directory. Once it is open and after each renewal, for the default target;
 * that of a single savepoint in another one stays, hidden, until somebody removes it. */
weir_status wr_checkpoint_storage_sweep_savepoints(struct wr_checkpoint_storage *storage,
                                                   const char *directory, weir_error *err);

/* Where this attempt builds, and what a fenced one has lost. Lent, until the next renewal. */
const char *wr_checkpoint_storage_hidden(const struct wr_checkpoint_storage *storage);
/* The path of a data file of a checkpoint being built, into out (WR_PATH_MAX). */
weir_status wr_checkpoint_storage_path(const struct wr_checkpoint_storage *storage,
                                       uint64_t checkpoint_id, const char *name, char *out,
                                       weir_error *err);
/* The directory of a complete one, as the user would name it. */
weir_status wr_checkpoint_storage_complete_path(const struct wr_checkpoint_storage *storage,
                                                uint64_t checkpoint_id, char *out, weir_error *err);
weir_status wr_checkpoint_storage_begin(struct wr_checkpoint_storage *storage,
                                        uint64_t checkpoint_id, weir_error *err);
weir_status wr_checkpoint_storage_complete(struct wr_checkpoint_storage *storage,
                                           const struct wr_manifest *manifest, weir_error *err);
/* Removes what an aborted checkpoint had built. */
weir_status wr_checkpoint_storage_abandon(struct wr_checkpoint_storage *storage,
                                          uint64_t checkpoint_id, weir_error *err);
/* Removes a complete one that this job id owns. */
weir_status wr_checkpoint_storage_drop(struct wr_checkpoint_storage *storage,
                                       uint64_t checkpoint_id, weir_error *err);
/* Removes a file below shared that no complete checkpoint needs. That it is gone is no failure. */
weir_status wr_checkpoint_storage_drop_shared(struct wr_checkpoint_storage *storage,
                                              const char *name, weir_error *err);
/* The same for every file there that is not needed: what a kill left behind. Before the first
 * checkpoint. Without a directory of the job's own nothing is removed. */
weir_status wr_checkpoint_storage_sweep_shared(struct wr_checkpoint_storage *storage,
                                               bool (*is_needed)(void *argument, const char *name),
                                               void *argument, weir_error *err);
/* The manifest of a complete one. */
weir_status wr_checkpoint_storage_read(struct wr_checkpoint_storage *storage,
                                       uint64_t checkpoint_id, struct wr_manifest *manifest,
                                       weir_error *err);
/* Writes and fsyncs _finished (its text: the last checkpoint id, then the job's name, a line each).
 */
weir_status wr_checkpoint_storage_finish(struct wr_checkpoint_storage *storage,
                                         uint64_t checkpoint_id, weir_error *err);
/* The savepoint `checkpoint_id`, that stands durably in the directory `savepoint`, is to end the
 * job: from now on latest: means it, until a checkpoint of a higher id is complete. WEIR_CANCELLED:
 * fenced, and nothing may be committed by it. After another failure the mark may be there: take it
 * back. */
weir_status wr_checkpoint_storage_mark_saved(struct wr_checkpoint_storage *storage,
                                             uint64_t checkpoint_id, const char *savepoint,
                                             weir_error *err);
/* Durably takes the last mark back: the one it replaced counts again, if there was one. No mark:
 * nothing. */
weir_status wr_checkpoint_storage_unmark_saved(struct wr_checkpoint_storage *storage,
                                               weir_error *err);
/* The id that is marked, 0: none. */
uint64_t wr_checkpoint_storage_saved(const struct wr_checkpoint_storage *storage);
/* The ids of complete checkpoints of this job id, ascending. */
weir_status wr_checkpoint_storage_retained(struct wr_checkpoint_storage *storage, uint64_t *out_ids,
                                           size_t room, size_t *out_count, weir_error *err);
/* The highest N of any chk-N that exists, complete or not, 0 if none: ids are never reused. */
weir_status wr_checkpoint_storage_highest(struct wr_checkpoint_storage *storage, uint64_t *out_id,
                                          weir_error *err);

#endif /* WR_STORAGE_CHECKPOINT_STORAGE_H */
