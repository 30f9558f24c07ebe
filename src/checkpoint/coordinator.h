/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint/coordinator.h: when to trigger, who has acknowledged, what is complete, subsumed,
 * retained.
 *
 * A pure step function: facts in, commands out. No clock, no I/O, no threads: time is in the
 * events. No step needs memory. Flink's CP1, CP7-CP16, CP20, CP22, SP9, SP12. Each attempt, of
 * which several may be under way:
 *
 *   (time, request, stop, drained) --> PENDING    TRIGGER
 *   PENDING   --all acknowledged-----> STORING    STORE
 *   PENDING   --declined, timeout----> gone       ABORT (counts), or FAIL
 *   PENDING   --a newer one STORED---> gone       ABORT (subsumed); never a savepoint
 *   STORING   --stored---------------> NOTIFYING  NOTIFY; a savepoint that stops nothing: RELEASE
 *   STORING   --store failed---------> gone       ABORT (counts), or FAIL
 *   NOTIFYING --all notified---------> gone       DROP older; FINISH after the last one
 *   NOTIFYING --timeout--------------> gone       not the last one: that is waited for
 *
 * Invariants:
 *   (1) Ids only grow; an aborted attempt consumes its id; savepoints share the counter.
 *   (2) At most max_concurrent checkpoints that are no savepoints are under way, NOTIFYING ones
 *       among them; one, if a pause has to be kept. Answers of an id that is not under way are
 *       answered with nothing.
 *   (3) A checkpoint is dropped only when a newer one is complete and every task was notified of
 *       that, or by the retention policy at the job's end; and never while an attempt is PENDING or
 *       STORING that may be made of changes to it (triggered with sharing BOTH before the NOTIFY of
 *       a newer one). A savepoint never.
 *   (4) A request is answered once: by the NOTIFY, RELEASE or ABORT of its attempt, or by REFUSE.
 *   (5) Checkpoints, and savepoints that stop the job, are STORED and NOTIFIED in the order of
 *       their ids.
 */
#ifndef WR_CHECKPOINT_COORDINATOR_H
#define WR_CHECKPOINT_COORDINATOR_H

#include "snapshot/manifest.h"
#include "weir/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Under way at once. Together no more than an engine can have snapshots open. */
    WR_COORDINATOR_CONCURRENT_MAX = 4,
    WR_COORDINATOR_SAVEPOINTS_MAX = 4 /* further ones wait */
};

enum wr_retention {
    WR_RETAIN_NONE,
    WR_DELETE_ON_CANCELLATION,
    WR_RETAIN_ON_CANCELLATION
};

/* How a job ended; for CP16 with design 9's changes: stopped and failed keep their last under every
 * policy. */
enum wr_job_end {
    WR_END_FINISHED,
    WR_END_CANCELED,
    WR_END_FAILED,
    WR_END_STOPPED,
    WR_END_SAVED /* stopped with a savepoint: as FINISHED, what it goes on from is the savepoint */
};

struct wr_coordinator_settings {
    uint64_t interval_ns;    /* 0: no periodic checkpoints */
    uint64_t first_delay_ns; /* from START; drawn by the job in [min pause, interval] */
    uint64_t timeout_ns;
    uint64_t min_pause_ns;
    uint32_t tolerable_failures;
    uint32_t retained_count;
    enum wr_retention retention;
    uint32_t task_count;
    uint64_t next_id;
    uint32_t max_concurrent; /* 0: 1; at most WR_COORDINATOR_CONCURRENT_MAX */
    bool unaligned;          /* savepoints then wait for their turn like others (CP9) */
    enum wr_sharing sharing; /* of periodic ones: BOTH, or FORWARD where nothing is shared */
    bool first_is_full;      /* the first to complete needs nothing of the restored one */
};

enum wr_coordinator_event_kind {
    WR_EVENT_START,        /* all tasks run */
    WR_EVENT_TIME,         /* the wake-up asked for, or any other time */
    WR_EVENT_ACKNOWLEDGED, /* task, id */
    WR_EVENT_DECLINED,     /* task, id: its snapshot failed */
    WR_EVENT_STORED,       /* id: complete on disk */
    WR_EVENT_STORE_FAILED, /* id: begin, data or commit failed */
    WR_EVENT_NOTIFIED,     /* task, id: its functions have committed */
    WR_EVENT_DRAINED,      /* task: has seen the end of all its input */
    WR_EVENT_STOP,         /* asked for by the user */
    WR_EVENT_REQUEST,      /* request, checkpoint_kind MANUAL or a savepoint's, sharing */
    WR_EVENT_DROPPED,      /* id: what DROP asked for is done, well or not */
    WR_EVENT_END           /* the job ended: `end`; while STORING the answer is still wanted */
};

struct wr_coordinator_event {
    enum wr_coordinator_event_kind kind;
    uint64_t now_ns; /* always */
    uint64_t checkpoint_id;
    uint32_t task;
    enum wr_job_end end;
    uint64_t request; /* not 0 */
    enum wr_checkpoint_kind checkpoint_kind;
    enum wr_sharing sharing;
    bool is_last_of_job; /* of a WR_SAVEPOINT: the job is cancelled at its RELEASE; nothing begins
                            behind it, unless it is aborted */
};

enum wr_coordinator_action_kind {
    WR_ACTION_TRIGGER, /* id, kind: begin storage, then barriers from all sources */
    WR_ACTION_STORE,   /* id: write the manifest, complete */
    WR_ACTION_NOTIFY,  /* id: tell every task that it is complete */
    WR_ACTION_ABORT,   /* id, reason: tell every task, abandon what was written */
    WR_ACTION_RELEASE, /* id: a savepoint is complete: every task lets go of its snapshot, and its
                          functions hear nothing */
    WR_ACTION_REFUSE,  /* request, reason: it is not tried */
    WR_ACTION_DRAIN,   /* every source ends its input: a request for WR_SAVEPOINT_DRAIN */
    WR_ACTION_DROP,    /* id: remove a complete one */
    WR_ACTION_FINISH,  /* the last checkpoint is committed: end every task; id */
    WR_ACTION_FAIL     /* reason: the job fails */
};

enum wr_abort_reason {
    WR_ABORT_DECLINED,
    WR_ABORT_EXPIRED,
    WR_ABORT_STORE_FAILED,
    WR_ABORT_SHUTDOWN, /* the job ends; not counted */
    WR_ABORT_SUBSUMED, /* a newer one is complete; not counted */
    /* of REFUSE */
    WR_REFUSE_TOO_MANY,   /* 1,000 requests wait already */
    WR_REFUSE_NOT_RUNNING /* not all tasks run, or the job is ending */
};

struct wr_coordinator_action {
    enum wr_coordinator_action_kind kind;
    uint64_t checkpoint_id;
    enum wr_checkpoint_kind checkpoint_kind;
    enum wr_abort_reason reason;
    uint64_t request; /* whose attempt it is; 0: nobody's */
    enum wr_sharing sharing;
};

struct wr_coordinator;

weir_status wr_coordinator_create(const weir_alloc *alloc,
                                  const struct wr_coordinator_settings *settings,
                                  struct wr_coordinator **out_coordinator);
void wr_coordinator_destroy(struct wr_coordinator *coordinator);
/* A complete checkpoint that was there before (restored from by latest:, and older retained ones of
 * the same job id), oldest first; before START. */
weir_status wr_coordinator_add_retained(struct wr_coordinator *coordinator, uint64_t checkpoint_id);

enum {
    WR_COORDINATOR_ACTIONS_MAX = 128
};
/* Takes one fact; writes the commands in order; returns how many. */
size_t wr_coordinator_step(struct wr_coordinator *coordinator,
                           const struct wr_coordinator_event *event,
                           struct wr_coordinator_action out_actions[WR_COORDINATOR_ACTIONS_MAX]);
/* When the next TIME event is wanted; UINT64_MAX: never. (At once, while DROPs or REFUSEs are left
 * that did not fit into one step.) */
uint64_t wr_coordinator_wake_at(const struct wr_coordinator *coordinator);

/* For words and reports. */
uint32_t wr_coordinator_failures(const struct wr_coordinator *coordinator); /* counted in a row */
size_t wr_coordinator_retained(const struct wr_coordinator *coordinator, uint64_t *out_ids,
                               size_t room);
uint64_t wr_coordinator_pending(
    const struct wr_coordinator *coordinator); /* the oldest under way; 0: none */

#endif /* WR_CHECKPOINT_COORDINATOR_H */
