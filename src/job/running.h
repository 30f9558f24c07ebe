/* SPDX-License-Identifier: Apache-2.0 */
/* job/running.h: a job as it runs: the coordinator's state, the workers, the io thread's queue.
 *
 *   CREATED --start--> INITIALIZING --all initialised--> RUNNING --+--> ENDING --all ended-->
 * CLOSING --io done--> ENDED |                                       |
 *                          +------- failure, cancel ---------------+--- last checkpoint committed,
 * failure, cancel
 *
 *   [create.c]   checks, locks, restores, wires           [start.c]   letters out, threads
 *   [coordinate.c] facts in, commands out: one step       [commands.c] what each command does
 *   [io.c]       storage work, on the io thread           [manifest.c] acknowledgements -> manifest
 *   [shell.c]    the threads and where they sleep         [look.c]    what the host may ask
 *
 * In the one-thread run nothing of shell.c is used: wr_job_step is called for one actor after
 * another.
 */
#ifndef WR_JOB_RUNNING_H
#define WR_JOB_RUNNING_H

#include "base/role.h"
#include "checkpoint/assignment.h"
#include "checkpoint/coordinator.h"
#include "checkpoint/shared_registry.h"
#include "job/plan.h"
#include "runtime/task.h"
#include "storage/checkpoint_storage.h"
#include "storage/find.h"
#include "storage/memory_storage.h"
#include "weir/job.h"

enum wr_job_phase {
    WR_PHASE_CREATED,
    WR_PHASE_INITIALIZING,
    WR_PHASE_RUNNING,
    WR_PHASE_ENDING,  /* tasks were told to finish or cancel */
    WR_PHASE_CLOSING, /* all tasks ended; storage work is left */
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
    bool *ended; /* one a task */
    struct wr_os_thread *thread;
};

/* The checkpoint that is being taken: what the tasks have acknowledged so far. */
struct wr_pending_checkpoint {
    uint64_t id; /* 0: none */
    enum wr_checkpoint_kind kind;
    int64_t trigger_ms;
    uint64_t trigger_ns;
    struct wr_task_report **acknowledged; /* one a task, owned */
    uint64_t bytes;
};

enum wr_job_io_kind {
    WR_IO_BEGIN,
    WR_IO_COMPLETE,
    WR_IO_ABANDON,
    WR_IO_DROP,
    WR_IO_FINISHED_MARK
};

/* A piece of storage work and its answer; made by the coordinator, run by io, freed by the
 * coordinator. */
struct wr_job_io {
    struct wr_work work; /* must be first: the queue's letter, then the reply's */
    struct weir_job *job;
    enum wr_job_io_kind kind;
    uint64_t checkpoint_id;
    struct wr_manifest *manifest;    /* COMPLETE: owned */
    struct wr_shared_file *unneeded; /* DROP: removed behind the checkpoint; owned */
    weir_status status;
    weir_error error;
};

struct weir_job {
    weir_alloc alloc;
    struct wr_os *os;
    weir_environment *environment; /* lent */
    const weir_options *options;   /* the environment's */
    struct wr_arena arena;         /* wiring: lives as long as the job */
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
    struct wr_found_snapshot found;           /* manifest of what was restored */
    bool restored;
    struct wr_assignment_operator *assigned; /* as plan->operators */

    struct wr_budget budget; /* taskmanager.memory.managed.size */
    struct wr_pool_alloc state_pool;
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
    struct wr_executor io;
    struct wr_coordinator *coordinator;
    struct wr_coordinator_settings settings;
    struct wr_pending_checkpoint pending;
    enum wr_job_phase phase;
    uint32_t initialised_count;
    uint32_t ended_count;
    uint32_t io_outstanding;
    enum wr_job_end outcome;
    bool stop_sent;
    uint64_t stop_deadline_ns;
    uint64_t last_finish_id; /* of the FINISH command */
    weir_error failure;
    weir_error checkpoint_failure; /* the last one's words */
    struct wr_os_thread *coordinator_thread;
    struct wr_os_thread *io_thread;
    bool threads_started;

    /* from any thread */
    _Atomic uint32_t stop_requested;
    _Atomic uint32_t cancel_requested;
    _Atomic uint32_t
        give_up_requested;  /* the host destroys it, or its threads could not be started */
    _Atomic uint32_t ended; /* futex word; 1: ENDED */
    _Atomic uint32_t state; /* enum weir_job_state, for the host */
    _Atomic uint64_t checkpoints_completed, checkpoints_failed;
    _Atomic uint64_t last_checkpoint_id, last_checkpoint_bytes, last_checkpoint_ms_taken;
    _Atomic int64_t last_checkpoint_ms;

    void (*log)(void *log_argument, char level, const char *text);
    void *log_argument;
};

/* --- create.c --- */
weir_status wr_job_create_on(struct wr_os *os, weir_environment *environment,
                             const weir_job_parameters *parameters, weir_job **out_job,
                             weir_error *err);

/* --- choose.c: the engine, the storage, and what the tasks need of both --- */
weir_status wr_job_choose_engine(weir_job *job, weir_error *err);
weir_status wr_job_choose_storage(weir_job *job,
                                  weir_error *err); /* once it is known what to restore */
weir_status wr_job_make_work_directory(weir_job *job, weir_error *err);
void wr_job_remove_work_directory(weir_job *job);
void wr_job_fill_storage(weir_job *job); /* into task_environment */

/* --- shared.c: files that several checkpoints need --- */
/* `ids`: the complete checkpoints of this job; is_all: there are no others. */
weir_status wr_job_open_registry(weir_job *job, const uint64_t *ids, size_t count, bool is_all,
                                 weir_error *err);
void wr_job_enter_shared(weir_job *job, const struct wr_manifest *manifest) WR_ON(coordinator);

/* --- wire.c: budgets, channels, tasks, workers; start letters --- */
weir_status wr_job_wire(weir_job *job, const weir_job_parameters *parameters, weir_error *err);
void wr_job_unwire(weir_job *job);

/* --- start.c --- */
/* INITIALIZE to all tasks; no threads. */
weir_status wr_job_begin(weir_job *job, weir_error *err);

/* --- start.c --- */
/* Ends the job as failed: unlike cancel it keeps the last checkpoint under every policy. Thread:
 * any. */
void wr_job_give_up(weir_job *job);

/* --- shell.c --- */
void wr_job_join(weir_job *job); /* all threads; the job has ended, or is being cancelled */

/* --- coordinate.c --- */
/* One step of the coordinator: true if it did anything. *out_wake_at_ns: when it wants to be
 * called. */
bool wr_job_coordinate(weir_job *job, uint64_t *out_wake_at_ns) WR_ON(coordinator);
/* Feeds one fact to the checkpoint coordinator and carries out its commands. */
void wr_job_tell(weir_job *job, struct wr_coordinator_event event) WR_ON(coordinator);
/* The first failure decides; every task is cancelled. */
void wr_job_fail(weir_job *job, const weir_error *error) WR_ON(coordinator);
/* All tasks are to end, by FINISH or CANCEL. */
void wr_job_end_tasks(weir_job *job, enum wr_task_letter_kind kind, enum wr_job_end outcome)
    WR_ON(coordinator);

/* --- commands.c --- */
void wr_job_carry_out(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator);
void wr_job_forget_pending(weir_job *job) WR_ON(coordinator);

/* --- io.c --- */
weir_status wr_job_io_push(weir_job *job, enum wr_job_io_kind kind, uint64_t checkpoint_id,
                           struct wr_manifest *manifest) WR_ON(coordinator);
void wr_job_io_take_reply(weir_job *job, struct wr_job_io *io) WR_ON(coordinator);

/* --- manifest.c --- */
weir_status wr_job_manifest(weir_job *job, struct wr_manifest **out_manifest) WR_ON(coordinator);

/* --- the one-thread run: actor 0 coordinates, 1 does io, 2 + n steps task n --- */
size_t wr_job_actor_count(const weir_job *job);
bool wr_job_step(weir_job *job, size_t actor, uint64_t *out_wake_at_ns);
bool wr_job_has_ended(const weir_job *job);

void wr_job_say(weir_job *job, char level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif /* WR_JOB_RUNNING_H */
