/* SPDX-License-Identifier: Apache-2.0 */
/* storage/find.h: from what a user says of a snapshot to the one it means.
 *
 *   DIR/chk-7, DIR/chk-7/_metadata    that checkpoint (or a file:// of it)
 *   latest:DIR, latest:DIR/<job-id>   the newest of the one job of this name below DIR; where a
 *                                     savepoint that ended it is newer, that (saved_mark.h)
 *
 * Never changes what it reads. Thread: host, before the job starts.
 */
#ifndef WR_STORAGE_FIND_H
#define WR_STORAGE_FIND_H

#include "os/file.h"
#include "snapshot/manifest.h"

struct wr_found_snapshot {
    bool latest;   /* continue that job: same job id, counter, retention */
    bool finished; /* latest: of a job that reached its end; no manifest was read */
    char job_directory[WR_PATH_MAX]; /* latest: where that job's checkpoints are */
    char job_id[WR_JOB_ID_SIZE];
    char directory[WR_PATH_MAX]; /* the checkpoint's own, absolute or as given; no scheme */
    struct wr_manifest manifest; /* decoded and verified; wr_manifest_init'ed always */
};

/* WEIR_NOT_FOUND with Flink's sense ("Cannot find checkpoint or savepoint file/directory ..."),
 * WEIR_CORRUPT (for latest: names it and the next older), WEIR_INVALID: several job ids (lists
 * them), WEIR_VERSION: a snapshot of another job's name where `latest:` asked for this one. */
weir_status wr_snapshot_find(struct wr_os *os, const weir_alloc *alloc, const char *text,
                             const char *job_name, struct wr_found_snapshot *out_found,
                             weir_error *err);
/* Makes what was found by its path durable: whoever made it may have been killed before it was, and
 * what is done from now on, a power cut could not take back with it. Where the file system cannot
 * sync, read-only ones, there is nothing to be done. (What `latest:` finds, opening the storage
 * does.) */
weir_status wr_found_snapshot_sync(struct wr_os *os, const struct wr_found_snapshot *found,
                                   weir_error *err);
void wr_found_snapshot_fini(struct wr_found_snapshot *found);

/* The newest complete checkpoint of a job of this name anywhere below the checkpoint directory; for
 * the refusal to start empty. WEIR_NOT_FOUND: none, also when the directory is not there. A job id
 * that holds _finished does not count. */
weir_status wr_snapshot_newest(struct wr_os *os, const weir_alloc *alloc, const char *directory,
                               const char *job_name, char *out_path, weir_error *err);

/* A location without its scheme: plain paths and file:// ; others WEIR_UNSUPPORTED by name. */
weir_status wr_location_path(const char *location, char *out_path, weir_error *err);

#endif /* WR_STORAGE_FIND_H */
