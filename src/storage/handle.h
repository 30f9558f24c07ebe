/* SPDX-License-Identifier: Apache-2.0 */
/* storage/handle.h: an open checkpoint storage; for the files of this room: checkpoint_storage.c
 * opens and looks, shared.c keeps what checkpoints share, lock.c takes the job's lock, fence.c
 * shuts older attempts out, commit.c builds and drops, saved_mark.c names the savepoint that ends
 * the job.
 */
#ifndef WR_STORAGE_HANDLE_H
#define WR_STORAGE_HANDLE_H

#include "base/memory.h"
#include "storage/checkpoint_storage.h"

struct wr_checkpoint_storage {
    struct wr_os *os;
    weir_alloc alloc;
    bool create_subdir;
    char *job_name; /* owned */
    char job_id[WR_JOB_ID_SIZE];
    char attempt[WR_ATTEMPT_SIZE];
    int lock_file;                   /* -1: none */
    uint64_t highest_fenced;         /* the highest id that a fenced attempt had begun */
    struct wr_buffer fenced;         /* the names of fenced attempts, WR_ATTEMPT_SIZE each */
    uint64_t unsure;                 /* an id whose completion failed after its rename; 0: none */
    bool may_reappear;               /* a drop whose sync failed: a power cut might undo it */
    bool is_shared_durable;          /* the directory `shared` was synced into its parent */
    uint64_t saved_id;               /* the savepoint that _savepoint may name; 0: none */
    bool is_saved_unsure;            /* making that mark failed, maybe after its rename */
    uint64_t replaced_id;            /* the savepoint whose mark that one replaced; 0: none */
    struct wr_buffer replaced;       /* that mark's text */
    uint64_t sharing;                /* an id whose files may stand in shared already; 0: none */
    char root[WR_PATH_MAX];          /* <dir> */
    char job_directory[WR_PATH_MAX]; /* <dir>/<job-id>, or <dir> */
    char hidden[WR_PATH_MAX];        /* <job directory>/.<attempt> */
};

/* Moves what the checkpoint wrote for others to refer to from its directory into shared, not synced
 * (shared.c). *out_any: there was some. */
weir_status wr_share_files(struct wr_checkpoint_storage *storage, const char *directory,
                           const struct wr_manifest *manifest, bool *out_any, weir_error *err);
/* Takes back what a checkpoint that is given up has moved, into its hidden directory. */
weir_status wr_unshare_files(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id,
                             weir_error *err);
/* What a fenced attempt has shared for its first checkpoint, where nothing was ever completed. */
weir_status wr_sweep_fenced(struct wr_checkpoint_storage *storage, const char *directory,
                            const char *attempt, weir_error *err);
weir_status wr_sync_shared(const struct wr_checkpoint_storage *storage, weir_error *err);

/* Takes the job's lock, fences its last holder and all others, makes <job-id> and .<attempt>
 * (lock.c). WEIR_BUSY. */
weir_status wr_job_lock_take(struct wr_checkpoint_storage *storage, bool take_over,
                             weir_error *err);
/* Fences our own last attempt, puts the next one into the lock and into `storage`, and makes its
 * directory.
 * WEIR_CANCELLED: another process has taken the job over. After a failure it may be called again.
 */
weir_status wr_job_lock_renew(struct wr_checkpoint_storage *storage, const char *attempt,
                              weir_error *err);
/* Both parents of what is renamed out of the hidden directory, or into it (commit.c). */
weir_status wr_sync_parents(const struct wr_checkpoint_storage *storage, weir_error *err);
/* Whether an earlier attempt has left the mark of a savepoint (saved_mark.c). */
weir_status wr_find_saved_mark(struct wr_checkpoint_storage *storage, weir_error *err);
/* Durably removes what marks there are: they say nothing any more. None: nothing. */
weir_status wr_remove_saved_mark(struct wr_checkpoint_storage *storage, weir_error *err);
/* The mark of an earlier run's end (checkpoint_storage.c). */
weir_status wr_remove_finished(struct wr_checkpoint_storage *storage, weir_error *err);
void wr_job_lock_drop(struct wr_checkpoint_storage *storage);

/* Renames an older attempt's hidden directory `name` away from its owner, and removes it (fence.c).
 * That it is not there is no failure. */
weir_status wr_fence_attempt(struct wr_checkpoint_storage *storage, const char *directory,
                             const char *name, weir_error *err);
/* All of the job's directory but our own, and what earlier fencing left. */
weir_status wr_fence_others(struct wr_checkpoint_storage *storage, weir_error *err);
/* What a failure was: WEIR_CANCELLED if it is because somebody fenced us, else `status` as it is.
 */
weir_status wr_fence_judge(const struct wr_checkpoint_storage *storage, weir_status status,
                           weir_error *err);

#endif /* WR_STORAGE_HANDLE_H */
