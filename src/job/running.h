/* SPDX-License-Identifier: Apache-2.0 */
/* job/running.h: a job as it runs: the coordinator's state, the workers, the io thread's queue.
 *
 *   CREATED --start--> INITIALIZING --all initialised--> RUNNING --+--> ENDING --all ended-->
 * CLOSING --io done--> ENDED |                                       |
 *                          +------- failure, cancel ---------------+--- last checkpoint committed,
 * failure, cancel
 *
 *   [create.c]   checks, locks, restores, wires           [start.c]   letters out, threads
 *   [settings.c] options for the checkpoint coordinator   [claim.c]   whose the restored one is
 *   [coordinate.c] facts in, commands out: one step       [commands.c] what each command does
 *   [letters.c]  to all tasks, or to none                 [pending.c] attempts under way
 *   [io.c]       storage work, on the io thread           [manifest.c] acknowledgements -> manifest
 *   [host_requests.c] what hosts asked for                     [savepoint.c] where it is made, its
 * end [trigger.c]  the host's verbs for both                [look.c]    what the host may ask
 *   [shell.c]    the threads and where they sleep
 *
 * In the one-thread run nothing of shell.c is used: wr_job_step is called for one actor after
 * another.
 */
#ifndef WR_JOB_RUNNING_H
#define WR_JOB_RUNNING_H

#include "base/log.h"
#include "base/role.h"
#include "checkpoint/assignment.h"
#include "checkpoint/coordinator.h"
#include "checkpoint/shared_registry.h"
#include "job/events.h"
#include "job/host_requests.h"
#include "job/pending.h"
#include "job/plan.h"
#include "job/restart.h"
#include "job/seen.h"
#include "job/watch.h"
#include "runtime/task.h"
#include "storage/checkpoint_storage.h"
#include "storage/find.h"
#include "storage/memory_storage.h"
#include "storage/savepoint_storage.h"
#include "weir/job.h"

enum wr_job_phase {
    WR_PHASE_CREATED,
    WR_PHASE_INITIALIZING,
    WR_PHASE_RUNNING,
    WR_PHASE_ENDING,     /* tasks were told to finish or cancel */
    WR_PHASE_CLOSING,    /* all tasks ended; storage work is left */
    WR_PHASE_RESTARTING, /* it failed; nothing is wired; another attempt is to come */
    WR_PHASE_ENDED
};

/* One thread's share of the tasks. Everything but the parker is the worker's own. */
struct wr_worker {
    struct weir_job *job;
    uint32_t index;
    struct wr_parker parker;
    struct wr_task **tasks;
    uint32_t task_count;
    uint32_t ended_count;
    bool *ended;                   /* one a task */
    struct wr_os_thread *thread;   /* NULL: none */
    _Atomic uint32_t is_dismissed; /* from the thread that starts them: its thread is to end */
};

enum {
    WR_JOB_FACTS_MAX = 512 /* each command makes one at most, and few commands make any */
};

struct weir_job {
    weir_alloc alloc;
    struct wr_os *os;
    weir_environment *environment; /* lent */
    const weir_options *options;   /* the environment's */
    struct wr_arena arena;         /* lives as long as the job */
    struct wr_arena wiring;        /* as one attempt of it */
    struct wr_plan *plan;
    const char *name;
    char job_id[WR_JOB_ID_SIZE];
    char attempt[WR_ATTEMPT_SIZE];
    uint8_t attempt_bytes[16];
    uint64_t hash_seed;
    struct wr_checkpoint_storage *storage;    /* NULL: no directory. io's, once started */
    bool has_memory_storage;                  /* JobManager storage: state travels in messages */
    struct wr_memory_storage *memory_storage; /* of one without a directory; else NULL */
    struct wr_shared_registry *registry;      /* the coordinator's; with `storage` */
    char work_directory[WR_PATH_MAX];         /* for engines that keep files; "": none */
    struct wr_local_state *local_state;       /* second copies of keyed state; NULL: none */
    struct wr_found_snapshot found;           /* manifest of what was restored */
    bool restored;
    struct wr_assignment_operator *assigned; /* as plan->operators */

    struct wr_budget budget; /* taskmanager.memory.managed.size */
    struct wr_pool_alloc state_pool;
    struct wr_pool_alloc list_pool;
    struct wr_pool_alloc snapshot_pool;
    struct wr_budget copy_budget; /* weir.snapshot.copy-memory, on top of snapshot_pool */
    struct wr_pool_alloc copy_pool;
    struct wr_budget network_budget; /* taskmanager.network.memory.size */
    struct wr_pool_alloc network_pool;

    struct wr_task_environment task_environment;
    struct wr_task **tasks;
    struct wr_task_letter **last_letters; /* one a task, kept back so that CANCEL needs no memory */
    bool *task_ended;
    struct wr_channel **channels;
    uint32_t channel_count;
    struct wr_worker *workers;
    uint32_t worker_count;

    /* the coordinator's own */
    struct wr_parker parker;
    struct wr_mailbox reports;    /* struct wr_task_report */
    struct wr_mailbox io_replies; /* struct wr_job_io */
    struct wr_mailbox inquiries;  /* inspect.c's */
    struct wr_watch watch;        /* for those who look */
    uint64_t restore_bytes;       /* that the attempt's tasks are to read */
    struct wr_executor io;
    struct wr_coordinator *coordinator;
    struct wr_coordinator_settings settings;
    struct wr_pending_checkpoint *pending;               /* oldest first, owned */
    struct wr_coordinator_event facts[WR_JOB_FACTS_MAX]; /* a ring: those not told yet */
    size_t facts_first, facts_count;
    bool is_telling;
    enum wr_job_phase phase;
    uint32_t initialised_count;
    uint32_t ended_count;
    uint32_t io_outstanding;
    enum wr_job_end outcome;
    bool stop_sent;
    uint32_t restarts; /* attempts but the first */
    uint64_t stop_deadline_ns;
    uint64_t last_finish_id; /* of the FINISH command */
    weir_error failure;
    weir_error checkpoint_failure;  /* the last one's words */
    weir_claim_mode claim_mode;     /* of what was restored by its path; 0: there is none to heed */
    uint64_t claimed_id;            /* CLAIM: the restored one, until it is dropped; 0: none */
    char claimed_path[WR_PATH_MAX]; /* its directory; of NO_CLAIM too */
    uint64_t saved_request;         /* of the savepoint that ends the job; answered at its end */
    char saved_path[WR_PATH_MAX];   /* where it is, once complete; "": none ever */
    uint64_t saved_id;              /* its checkpoint id */
    bool is_unaligned;
    uint64_t aligned_timeout_ns; /* with is_unaligned */
    struct wr_job_restart restart;
    struct wr_os_thread *coordinator_thread;
    struct wr_os_thread *io_thread;
    bool has_workers;          /* threads step the tasks; set before the coordinator's is started */
    struct wr_mutex unstarted; /* held by who stands in for the coordinator while there is none */
    bool threads_started;      /* written under it by the host, who reads it without */
    _Atomic uint32_t is_io_dismissed;

    /* from any thread */
    struct wr_job_seen seen;
    struct wr_host_requests requests;
    _Atomic uint32_t stop_requested;
    _Atomic uint32_t cancel_requested;
    _Atomic uint32_t
        give_up_requested;  /* the host destroys it, or its threads could not be started */
    _Atomic uint32_t ended; /* futex word; 1: ENDED */
    _Atomic uint32_t state; /* enum weir_job_state, for the host */
    _Atomic uint64_t checkpoints_completed, checkpoints_failed;
    _Atomic uint64_t last_checkpoint_id, last_checkpoint_bytes, last_checkpoint_ms_taken;
    _Atomic int64_t last_checkpoint_ms;

    struct wr_log log;
    struct wr_events events;
};

/* --- create.c --- */
weir_status wr_job_create_on(struct wr_os *os, weir_environment *environment,
                             const weir_job_parameters *parameters, weir_job **out_job,
                             weir_error *err);
weir_status wr_job_draw_attempt(weir_job *job, weir_error *err); /* a new one's id */

/* --- settings.c --- */
weir_status wr_job_set_settings(weir_job *job, uint64_t next_id, weir_error *err);

/* --- claim.c: SP6 --- */
weir_status wr_job_choose_claim(weir_job *job, weir_claim_mode wanted, weir_error *err);
/* The claimed snapshot's id while it is the job's to drop; 0: none. */
uint64_t wr_job_claimed(const weir_job *job);

/* --- choose.c: the engine, the storage, and what the tasks need of both --- */
weir_status wr_job_choose_engine(weir_job *job, weir_error *err);
weir_status wr_job_choose_storage(weir_job *job,
                                  weir_error *err); /* once it is known what to restore */
weir_status wr_job_make_work_directory(weir_job *job, weir_error *err);
void wr_job_remove_work_directory(weir_job *job);
/* Local copies of state, where the options want them. Where their directories cannot be made it is
 * said, and there are none. */
weir_status wr_job_open_local_state(weir_job *job, weir_error *err);
/* With the io thread at rest. At the job's end they are removed; not if it never ran, or if a
 * parent goes on from its failure. */
void wr_job_close_local_state(weir_job *job);
void wr_job_fill_storage(weir_job *job); /* into task_environment */

/* --- shared.c: files that several checkpoints need --- */
/* `ids`: the complete checkpoints of this job; is_all: there are no others. */
weir_status wr_job_open_registry(weir_job *job, const uint64_t *ids, size_t count, bool is_all,
                                 weir_error *err);
void wr_job_enter_shared(weir_job *job, const struct wr_manifest *manifest) WR_ON(coordinator);

/* --- wire.c: budgets, channels, tasks, workers --- */
/* All that lives as long as the job, and then: */
weir_status wr_job_wire(weir_job *job, const weir_job_parameters *parameters, weir_error *err);
/* What one attempt needs. After a failure unwire. */
weir_status wr_job_wire_attempt(weir_job *job, weir_error *err);
/* All tasks have ended (or were not begun), nobody steps them any more, and io is idle. */
void wr_job_unwire(weir_job *job);

/* --- start.c --- */
/* INITIALIZE to all tasks; no threads. */
weir_status wr_job_begin(weir_job *job, weir_error *err);

/* --- start.c --- */
/* Ends the job as failed: unlike cancel it keeps the last checkpoint under every policy. Thread:
 * any. */
void wr_job_give_up(weir_job *job);

/* --- shell.c; without threads of its own the job's workers are nobody's --- */
void wr_job_join(weir_job *job); /* all threads; the job has ended, or is being cancelled */
weir_status wr_job_start_workers(weir_job *job, weir_error *err); /* all, or none */
void wr_job_join_workers(weir_job *job);                          /* all tasks have ended */
void wr_job_dismiss_workers(weir_job *job);                       /* no task was begun */

/* --- coordinate.c --- */
/* One step of the coordinator: true if it did anything. *out_wake_at_ns: when it wants to be
 * called. */
bool wr_job_coordinate(weir_job *job, uint64_t *out_wake_at_ns) WR_ON(coordinator);
/* Feeds one fact to the checkpoint coordinator and carries out its commands. */
void wr_job_tell(weir_job *job, struct wr_coordinator_event event) WR_ON(coordinator);
/* The first failure decides; every task is cancelled. The restart strategy is asked what then.
 * WEIR_CANCELLED, at any time: fenced, so there is no other attempt. */
void wr_job_fail(weir_job *job, const weir_error *error) WR_ON(coordinator);
/* The same, and the job is not started again. */
void wr_job_fail_for_good(weir_job *job, const weir_error *error) WR_ON(coordinator);
/* All tasks are to end, by FINISH or CANCEL. */
void wr_job_end_tasks(weir_job *job, enum wr_task_letter_kind kind, enum wr_job_end outcome)
    WR_ON(coordinator);

/* --- look.c: for those who look --- */
/* Adds what the task has counted. */
void wr_job_count_task(const weir_job *job, const struct wr_vertex *vertex,
                       const struct wr_task *task, weir_job_report *report);
void wr_job_see_restored(weir_job *job); /* what `found` is now */

/* --- watching.c: facts for those who look, into `watch` --- */
weir_status wr_job_watch(weir_job *job, weir_error *err); /* once the plan stands */
#define WR_NO_TASK UINT32_MAX
/* The state that everybody sees. */
void wr_job_enter(weir_job *job, weir_job_state state) WR_ON(coordinator);
void wr_job_watch_attempt(weir_job *job) WR_ON(coordinator); /* its tasks are told to initialise */
void wr_job_watch_task(weir_job *job, uint32_t task, weir_task_state state) WR_ON(coordinator);
void wr_job_watch_end(weir_job *job, uint32_t task) WR_ON(coordinator);
/* task WR_NO_TASK: the job's own. */
void wr_job_watch_failure(weir_job *job, const weir_error *error, uint32_t task) WR_ON(coordinator);
void wr_job_watch_restored(weir_job *job); /* or not */
#define WR_IN_MEMORY "(memory)"            /* found.directory of what JobManager storage holds */
/* Where what was restored is; NULL: in memory. Lent by `found`. */
const char *wr_job_restored_path(const weir_job *job);

/* --- inspect.c --- */
bool wr_job_answer_inquiries(weir_job *job) WR_ON(coordinator); /* true: there were some */
void wr_job_forget_inquiries(weir_job *job); /* those that nobody waits for any more; at the end */

/* --- the one-thread run: actor 0 coordinates, 1 does io, 2 + n steps task n --- */
size_t wr_job_actor_count(const weir_job *job);
bool wr_job_step(weir_job *job, size_t actor, uint64_t *out_wake_at_ns);
bool wr_job_has_ended(const weir_job *job);

/* --- announce.c: events, and lines in the log --- */
void wr_job_announce_state(weir_job *job, weir_job_state state) WR_ON(coordinator);
/* What an attempt begins with. Thread: coordinator, or the host that makes the job. */
void wr_job_announce_start(weir_job *job, bool is_first);
void wr_job_announce_running(weir_job *job) WR_ON(coordinator); /* every subtask has its state */
void wr_job_announce_restart(weir_job *job, const weir_error *why, uint64_t delay_ms)
    WR_ON(coordinator);
void wr_job_announce_triggered(weir_job *job, const struct wr_pending_checkpoint *pending)
    WR_ON(coordinator);
/* path "": in memory, or nowhere. */
void wr_job_announce_completed(weir_job *job, const struct wr_pending_checkpoint *pending,
                               const char *path) WR_ON(coordinator);
void wr_job_announce_failed(weir_job *job, const struct wr_pending_checkpoint *pending,
                            const weir_error *why) WR_ON(coordinator);

/* --- log.c --- */
/* Where it goes, and the levels that the options say. */
weir_status wr_job_open_log(weir_job *job, const weir_job_parameters *parameters, weir_error *err);

#endif /* WR_JOB_RUNNING_H */
