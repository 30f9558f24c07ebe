/* SPDX-License-Identifier: Apache-2.0 */
/* storage/savepoint_storage.h: where one savepoint is made, and how snapshots are removed that no
 * running job looks after.
 *
 *   <target>/.savepoint-<6>-<12>.<attempt>/   being built; data files flat in it, then _metadata
 *   <target>/savepoint-<6>-<12>/              complete: by one no-replace rename of the directory
 *
 * <6> are the first digits of the job id, <12> are drawn. All names inside are relative and none
 * leads out of the directory, so that it can be moved. The order of completion is that of
 * checkpoint_storage.h; a process that is killed leaves a hidden directory, which
 * wr_savepoints_sweep removes.
 * Thread: io, unless said; one call at a time.
 */
#ifndef WR_STORAGE_SAVEPOINT_STORAGE_H
#define WR_STORAGE_SAVEPOINT_STORAGE_H

#include "storage/checkpoint_storage.h"

struct wr_savepoint;

struct wr_savepoint_parameters {
    struct wr_os *os;
    weir_alloc alloc;
    const char *directory; /* the target: a path or file://; another scheme is refused by name */
    const char *job_id;    /* 32 hex digits */
    const char *attempt;   /* 32 hex digits */
    /* Where the job's checkpoints are: an attempt that was fenced there completes nothing more, and
     * a savepoint that is to end the job is marked there. Lent for life. NULL: nowhere. */
    struct wr_checkpoint_storage *storage;
};

/* Draws the names; the file system is not touched. Thread: any. */
weir_status wr_savepoint_create(const struct wr_savepoint_parameters *parameters,
                                struct wr_savepoint **out_savepoint, weir_error *err);
/* The directory in which tasks make their files: fixed for life. Lent. Thread: any. */
const char *wr_savepoint_building(const struct wr_savepoint *savepoint);
/* What it is called once it is complete, and only then for sure: completion draws another name
 * where this one is taken. Lent. Thread: any, but not beside wr_savepoint_complete. */
const char *wr_savepoint_path(const struct wr_savepoint *savepoint);
/* Makes the target and the building directory. */
weir_status wr_savepoint_begin(struct wr_savepoint *savepoint, weir_error *err);
/* The data files were synced by their writers. One that ends the job is marked in the job's
 * directory, too (wr_checkpoint_storage_mark_saved). After a failure: abandon. WEIR_INVALID: the
 * manifest is another job's or attempt's, or needs files outside; WEIR_CANCELLED: fenced. */
weir_status wr_savepoint_complete(struct wr_savepoint *savepoint,
                                  const struct wr_manifest *manifest, weir_error *err);
/* Removes what was built; not after it is complete. */
weir_status wr_savepoint_abandon(struct wr_savepoint *savepoint, weir_error *err);
/* Touches no file. NULL ok. Thread: any. */
void wr_savepoint_destroy(struct wr_savepoint *savepoint);

/* Removes what fenced attempts of this job were building in a target directory. Only directories
 * that end in an attempt's name which `is_fenced` knows are touched. No such target: nothing. */
weir_status wr_savepoints_sweep(struct wr_os *os, const weir_alloc *alloc, const char *directory,
                                const char *job_id,
                                bool (*is_fenced)(void *argument, const char *attempt),
                                void *argument, weir_error *err);

/* Removes a savepoint, or a retained checkpoint that no job runs on: the files that its _metadata
 * names and its directory, the _metadata first, so that a half removed one is no snapshot; doing it
 * again goes on. Of a checkpoint's shared files those that the checkpoints next to it need stay.
 * `path`: its directory or its _metadata, also as file://. WEIR_NOT_FOUND; WEIR_INVALID: it is
 * neither, or something stood in it that is not its own and was left; WEIR_CORRUPT, WEIR_VERSION,
 * WEIR_UNSUPPORTED: its _metadata cannot be read, nothing was removed; WEIR_BUSY: a running job's.
 * Thread: any. */
weir_status wr_savepoint_dispose(struct wr_os *os, const weir_alloc *alloc, const char *path,
                                 weir_error *err);
/* The same for a snapshot that the calling job has claimed: no lock is asked. Gone: WEIR_OK. */
weir_status wr_snapshot_drop_claimed(struct wr_os *os, const weir_alloc *alloc, const char *path,
                                     weir_error *err);

#endif /* WR_STORAGE_SAVEPOINT_STORAGE_H */
