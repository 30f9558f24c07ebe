/* SPDX-License-Identifier: Apache-2.0 */
/* storage/local_state.h: second copies of keyed state on local disks, for a restart on this machine
 * (Flink's task-local recovery).
 *
 *   <dir>/localState/aid_<attempt>/jid_<job id>/vtx_<operator id>_sti_<subtask>/chk_<id>/<file>
 *
 * attempt, subtask and id are those that wrote the file; its name is that in the checkpoint. The
 * checkpoint stays the truth: a copy is made behind it, nothing is synced, any failure leaves it
 * away, and who reads one compares it with what the manifest says, or takes the checkpoint's own.
 * Nothing here fails a job.
 * Thread: task, unless said; files are touched by the io thread.
 */
#ifndef WR_STORAGE_LOCAL_STATE_H
#define WR_STORAGE_LOCAL_STATE_H

#include "os/executor.h"
#include "os/file.h"
#include "snapshot/file_list.h"

struct wr_local_state;

struct wr_local_state_parameters {
    struct wr_os *os;
    weir_alloc alloc;        /* plain, of any thread */
    struct wr_executor *io;  /* lent */
    const char *directories; /* separated by ',' or ':'; paths or file:// */
    const char *job_id;      /* 32 hex digits */
};

/* Makes the directories. Thread: host. */
weir_status wr_local_state_create(const struct wr_local_state_parameters *parameters,
                                  struct wr_local_state **out_local, weir_error *err);
/* With no work left in the io thread. NULL: nothing. Thread: host. */
void wr_local_state_destroy(struct wr_local_state *local);
/* Removes all copies of the job, at its end; likewise. What cannot be removed stays. */
void wr_local_state_remove(struct wr_local_state *local);

/* Whose copies: one operator subtask's, of one attempt. */
struct wr_local_owner {
    uint8_t attempt[16];
    uint8_t operator_id[16];
    uint32_t subtask;
};

/* Where the copy of a file would be, into out (WR_PATH_MAX). Thread: any. */
weir_status wr_local_state_path(const struct wr_local_state *local,
                                const struct wr_local_owner *owner, uint64_t checkpoint_id,
                                const char *name, char *out, weir_error *err);
/* Whether there is a file of that size. Thread: any. */
bool wr_local_state_has(const struct wr_local_state *local, const char *path, uint64_t size);

/* Links files that were just written, or copies them where that cannot be. Begun before their
 * checkpoint is acknowledged: until then they stand where they were written. */
struct wr_local_copy;
weir_status wr_local_copy_create(const struct wr_local_state *local,
                                 const struct wr_local_owner *owner, uint64_t checkpoint_id,
                                 struct wr_local_copy **out_copy, weir_error *err);
weir_status wr_local_copy_add(struct wr_local_copy *copy, const char *path, weir_error *err);
void wr_local_copy_start(struct wr_local_copy *copy); /* taken */
void wr_local_copy_destroy(
    struct wr_local_copy *copy); /* one that was not started; NULL: nothing */

/* The checkpoint is complete: of this attempt's older copies those that stand in `needed` stay
 * (NULL: none), of earlier attempts none. */
void wr_local_state_retain(const struct wr_local_state *local, const struct wr_local_owner *owner,
                           uint64_t checkpoint_id, const struct wr_file_list *needed);
/* The checkpoint will not be complete. */
void wr_local_state_drop(const struct wr_local_state *local, const struct wr_local_owner *owner,
                         uint64_t checkpoint_id);

#endif /* WR_STORAGE_LOCAL_STATE_H */
