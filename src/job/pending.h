/* SPDX-License-Identifier: Apache-2.0 */
/* job/pending.h: checkpoints and savepoints under way: what the tasks have acknowledged, storage's
 * work on them, and who asked. Part of running.h, for the files that carry commands out.
 *
 *   TRIGGER  -> [pending.c] added, [savepoint.c] named, [io.c] BEGIN, [letters.c] plans to all
 *   STORE    -> [manifest.c] made of the acknowledgements, [io.c] COMPLETE
 *   NOTIFY, RELEASE, ABORT -> [trigger.c, savepoint.c] answered, [pending.c] removed
 *
 * Thread: coordinator; the work itself is io's.
 */
#ifndef WR_JOB_PENDING_H
#define WR_JOB_PENDING_H

#include "base/role.h"
#include "checkpoint/coordinator.h"
#include "checkpoint/shared_registry.h"
#include "runtime/task.h"
#include "storage/savepoint_storage.h"
#include "weir/job.h"

struct wr_job_io;

/* An attempt under way, from TRIGGER to NOTIFY, RELEASE or ABORT: what the tasks have acknowledged
 * so far. */
struct wr_pending_checkpoint {
    struct wr_pending_checkpoint *next; /* newer */
    uint64_t id;
    enum wr_checkpoint_kind kind;
    enum wr_sharing sharing;
    uint64_t request; /* 0: nobody's */
    bool cancel;      /* the job is cancelled once it is complete */
    bool is_storing;  /* STORE was commanded */
    bool is_stored;   /* a savepoint that stands complete */
    int64_t trigger_ms;
    uint64_t trigger_ns;
    uint64_t bytes;
    struct wr_savepoint *savepoint; /* NULL: a checkpoint. Owned; io's while its work is queued */
    struct wr_job_io *abandon;      /* made beforehand: an abort needs no memory. Owned */
    weir_error failure;             /* why it is aborted */
    uint32_t task_count;
    struct wr_task_report *acknowledged[]; /* one a task, owned */
};

enum wr_job_io_kind {
    WR_IO_BEGIN,
    WR_IO_COMPLETE,
    WR_IO_ABANDON,
    WR_IO_DROP,
    WR_IO_DROP_SHARED,
    WR_IO_DROP_CLAIMED,
    WR_IO_FINISHED_MARK,
    WR_IO_DISPOSE
};

/* A piece of storage work and its answer; made by the coordinator, run by io, freed by the
 * coordinator. */
struct wr_job_io {
    struct wr_work work; /* must be first: the queue's letter, then the reply's */
    struct weir_job *job;
    uint32_t attempt; /* that asked: as `restarts` */
    enum wr_job_io_kind kind;
    uint64_t checkpoint_id;
    struct wr_manifest *manifest;    /* COMPLETE: owned */
    struct wr_shared_file *unneeded; /* DROP_SHARED: what the dropped one needed last; owned */
    struct wr_savepoint *savepoint;  /* BEGIN, COMPLETE: lent by the attempt; ABANDON: owned */
    uint64_t request;                /* DISPOSE: who asked */
    const char *path;                /* DISPOSE: lent by the request until its answer */
    uint64_t metadata_bytes;         /* COMPLETE: of what was written; 0: not known */
    weir_status status;
    weir_error error;
};

/* --- commands.c --- */
void wr_job_carry_out(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator);

/* --- letters.c --- */
/* A letter to every task that has not ended, or to those of them that hold a source; TRIGGER: each
 * with its own copy of the plan (NULL: none), sources last. WEIR_NOMEM: to none. */
weir_status wr_job_send(weir_job *job, const struct wr_task_letter *content,
                        const struct wr_checkpoint_plan *plan, bool sources_only)
    WR_ON(coordinator);

/* --- pending.c --- */
/* WEIR_NOMEM */
weir_status wr_job_pending_add(weir_job *job, const struct wr_coordinator_action *action,
                               struct wr_pending_checkpoint **out_pending) WR_ON(coordinator);
/* NULL: not under way. */
struct wr_pending_checkpoint *wr_job_pending_find(const weir_job *job, uint64_t checkpoint_id)
    WR_ON(coordinator);
/* Takes it out and frees it. */
void wr_job_pending_remove(weir_job *job, struct wr_pending_checkpoint *pending) WR_ON(coordinator);
/* Keeps the report until then; false: it is of no use any more. */
bool wr_job_pending_acknowledge(weir_job *job, struct wr_task_report *report) WR_ON(coordinator);
/* All that is under way is over: all tasks have ended, and io is idle. Who still waits for an
 * answer gets one. */
void wr_job_forget_pending(weir_job *job) WR_ON(coordinator);
/* The same at the job's end: nothing can be asked for any more. */
void wr_job_close_requests(weir_job *job) WR_ON(coordinator);

/* --- savepoint.c --- */
/* Removes what fenced attempts were building in the default target. Once the storage is open, and
 * after each renewal of the attempt. */
weir_status wr_job_sweep_savepoints(weir_job *job, weir_error *err);
/* Draws its names. */
weir_status wr_job_savepoint_name(weir_job *job, struct wr_pending_checkpoint *pending,
                                  const char *directory, weir_error *err) WR_ON(coordinator);
/* The attempt is complete: its request is answered, at once or at the job's end. */
void wr_job_savepoint_complete(weir_job *job, struct wr_pending_checkpoint *pending)
    WR_ON(coordinator);
/* The job is ending with a savepoint, or it is not any more. */
void wr_job_savepoint_stopping(weir_job *job, bool is_stopping) WR_ON(coordinator);
/* Answers who asked for the savepoint that ended the job, or did not. */
void wr_job_savepoint_settle(weir_job *job) WR_ON(coordinator);

/* --- trigger.c --- */
/* What was asked for since, told to the checkpoint coordinator; true if there was any. */
bool wr_job_take_requests(weir_job *job) WR_ON(coordinator);
/* Flink's name of the reason (CP10, CP11). */
const char *wr_job_reason_name(const weir_job *job, enum wr_abort_reason reason, bool is_begun)
    WR_ON(coordinator);

/* --- io.c --- */
struct wr_job_io *wr_job_io_new(weir_job *job, enum wr_job_io_kind kind, uint64_t checkpoint_id)
    WR_ON(coordinator);                                                      /* NULL: no memory */
void wr_job_io_free(weir_job *job, struct wr_job_io *io) WR_ON(coordinator); /* NULL ok */
/* Taken; the answer comes with the replies. */
void wr_job_io_send(weir_job *job, struct wr_job_io *io) WR_ON(coordinator);
/* Makes and sends; takes the manifest in any case, and lends what a savepoint's attempt has. */
weir_status wr_job_io_push(weir_job *job, enum wr_job_io_kind kind, uint64_t checkpoint_id,
                           struct wr_manifest *manifest) WR_ON(coordinator);
void wr_job_io_take_reply(weir_job *job, struct wr_job_io *io) WR_ON(coordinator);

/* --- manifest.c --- */
weir_status wr_job_manifest(weir_job *job, const struct wr_pending_checkpoint *pending,
                            struct wr_manifest **out_manifest) WR_ON(coordinator);

#endif /* WR_JOB_PENDING_H */
