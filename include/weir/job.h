/* SPDX-License-Identifier: Apache-2.0 */
/* weir/job.h: running a job. For the CLI, for embedders, and (WEIR_JOB) for those who write jobs.
 *
 *   environment -> weir_job_create -> weir_job_start -> weir_job_wait ... -> weir_job_destroy
 *
 * A job that fails is started again in the process, from its last completed checkpoint, as its
 * restart strategy says (weir/restart.h); so it is RUNNING, RESTARTING, RUNNING ... before it ends.
 * Thread: host, except weir_job_stop and weir_job_cancel: any, and from a signal handler; and
 * triggers and what is asked about them: any.
 */
#ifndef WEIR_JOB_H
#define WEIR_JOB_H

#include "weir/log.h"
#include "weir/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* --- a job as a shared object --- */

typedef struct weir_job_abi_info {
    uint32_t magic;   /* WEIR_JOB_MAGIC */
    uint32_t version; /* WEIR_JOB_ABI */
} weir_job_abi_info;

enum {
    WEIR_JOB_MAGIC = 0x52494557 /* "WEIR" */,
    WEIR_JOB_ABI = 1
};

/* WEIR_JOB(main): `main` is weir_status main(weir_environment *environment, int argc, char **argv);
 * argv[0] is the shared object. It builds the graph, nothing runs yet. */
#define WEIR_JOB(main_function)                                                     \
    __attribute__((visibility("default")))                                          \
    const weir_job_abi_info weir_job_abi = { WEIR_JOB_MAGIC, WEIR_JOB_ABI };        \
    __attribute__((visibility("default"))) weir_status weir_job_main(               \
        weir_environment *environment, int argc, char **argv);                      \
    weir_status weir_job_main(weir_environment *environment, int argc, char **argv) \
    {                                                                               \
        return main_function(environment, argc, argv);                              \
    }

typedef struct weir_job_library weir_job_library;
/* Loads the object, checks its ABI before anything of it is called (WEIR_VERSION), and runs its
 * main into the environment. The library must outlive the job. WEIR_NOT_FOUND, WEIR_INVALID: not a
 * job. */
weir_status weir_job_library_open(const char *path, weir_job_library **out_library,
                                  weir_error *err);
weir_status weir_job_library_main(weir_job_library *library, weir_environment *environment,
                                  int argc, char **argv, weir_error *err);
void weir_job_library_close(weir_job_library *library);

/* --- a running job --- */

/* What becomes of a snapshot that a job was restored from. Flink's SP6. A job that goes on by
 * `latest:` owns its checkpoints and needs none. */
typedef enum weir_claim_mode {
    WEIR_CLAIM_DEFAULT = 0, /* execution.state-recovery.claim-mode */
    WEIR_NO_CLAIM = 1,      /* never touched; the first checkpoint needs nothing of it */
    WEIR_CLAIM = 2,         /* the job's own from now on: dropped when it is subsumed */
    WEIR_CLAIM_LEGACY = 3   /* never dropped, but checkpoints may need it; deprecated, warned of */
} weir_claim_mode;

typedef struct weir_job_parameters {
    uint32_t size;       /* of this struct as compiled */
    const char *restore; /* "latest:DIR", a checkpoint's or savepoint's directory or its _metadata;
                            NULL: none */
    const char *job_id;  /* 32 hex digits; NULL: drawn, or the restored one for latest: */
    bool allow_non_restored_state;
    bool fresh;        /* start empty although a checkpoint of this job is there */
    bool allow_rewind; /* restore older than what a sink has committed */
    bool take_over;    /* fence a process that still holds this job */
    /* What the job has to say, as text: level is 'e', 'w', 'i' or 'd'. May be NULL. Thread: any. */
    void (*log)(void *log_argument, char level, const char *text);
    void *log_argument;
    weir_claim_mode claim_mode;
    bool no_restart; /* a failure ends the job, whatever the restart strategy says: a parent has it
                      */
    /* The same records whole (weir/log.h), with log_argument. May be NULL. Thread: any. */
    void (*log_record)(void *log_argument, const weir_log_record *record);
    /* Without `restore`: go on as by latest: from execution.checkpointing.dir; where this job has
     * no checkpoint yet, begin (from execution.state-recovery.path, if set). For services, whose
     * every start is the same. */
    bool resume;
} weir_job_parameters;

/* Checks the graph, makes the plan, finds the snapshot, takes the locks. The environment must
 * outlive the job. Nothing is started. Statuses the CLI tells apart: INVALID (usage), NOT_FOUND,
 * VERSION (state incompatible), CORRUPT, BUSY (held by another process), LIMIT. WEIR_OK with
 * *out_job NULL: the job that `latest:` names has FINISHED already. */
weir_status weir_job_create(weir_environment *environment, const weir_job_parameters *parameters,
                            weir_job **out_job, weir_error *err);
weir_status weir_job_start(weir_job *job, weir_error *err);

typedef enum weir_job_state {
    WEIR_JOB_INITIALIZING = 1,
    WEIR_JOB_RUNNING = 2,
    WEIR_JOB_STOPPING = 3, /* the final checkpoint of a stop is on its way */
    WEIR_JOB_FINISHED = 4, /* end of input */
    WEIR_JOB_STOPPED = 5,  /* by weir_job_stop, after its final checkpoint */
    WEIR_JOB_CANCELED = 6,
    WEIR_JOB_FAILED = 7,
    WEIR_JOB_RESTARTING = 8 /* it failed; its tasks end, then it waits for its next attempt */
} weir_job_state;

/* Waits at most timeout_ms for the job's end. True: it has ended. */
bool weir_job_wait(weir_job *job, uint64_t timeout_ms);
/* --- checkpoints and savepoints by hand ---
 *
 *   trigger -> a request's number -> weir_job_request_wait -> a report
 *
 * A request is answered exactly once: completed, or failed with words; one that is under way when
 * the job fails or ends fails. Who stops the job with a savepoint is answered when the job has
 * ended, and before weir_job_wait says so; if it fails behind the savepoint the words say where
 * that is. The last 1,000 answers are kept. Up to four savepoints are made at once, others wait.
 */

/* Flink's CP22. */
typedef enum weir_checkpoint_type {
    WEIR_CHECKPOINT_CONFIGURED = 1, /* as execution.checkpointing.incremental says */
    WEIR_CHECKPOINT_FULL = 2,       /* needs no file of an earlier one; later ones may need its */
    WEIR_CHECKPOINT_INCREMENTAL = 3 /* WEIR_UNSUPPORTED where the job's are not */
} weir_checkpoint_type;

typedef enum weir_savepoint_format {
    WEIR_SAVEPOINT_NATIVE = 1,
    WEIR_SAVEPOINT_CANONICAL = 2 /* Flink's own bytes; not built yet: WEIR_UNSUPPORTED */
} weir_savepoint_format;

typedef struct weir_savepoint_parameters {
    uint32_t size; /* of this struct as compiled */
    /* Where `savepoint-<6 hex of the job id>-<12 hex>` is made, 993 bytes at most; NULL:
     * execution.checkpointing.savepoint-dir. WEIR_INVALID without either. */
    const char *directory;
    weir_savepoint_format format; /* 0: native */
    /* With it the job ends (SP9): what the savepoint holds is committed, the job is FINISHED. If it
     * fails the job runs on. */
    bool stop;
    /* Before it sources end, event time reaches its maximum, finish() is called: the job will not
     * go on from it as if nothing had been. If it fails the job fails. Only with `stop`. */
    bool drain;
    bool cancel; /* the job is cancelled once it is complete: Flink's deprecated cancel -s */
} weir_savepoint_parameters;

weir_status weir_job_trigger_checkpoint(weir_job *job, weir_checkpoint_type type,
                                        uint64_t *out_request, weir_error *err);
/* A savepoint is never used for recovery and commits nothing, unless it stops the job (SP12). */
weir_status weir_job_trigger_savepoint(weir_job *job, const weir_savepoint_parameters *parameters,
                                       uint64_t *out_request, weir_error *err);

typedef enum weir_request_state {
    WEIR_REQUEST_IN_PROGRESS = 1,
    WEIR_REQUEST_COMPLETED = 2,
    WEIR_REQUEST_FAILED = 3
} weir_request_state;

typedef struct weir_request_report {
    uint32_t size; /* of this struct as compiled */
    weir_request_state state;
    uint64_t checkpoint_id; /* 0: not begun yet */
    char path[1024];        /* COMPLETED: where it is; "" : in memory */
    weir_error error;       /* FAILED: Flink's reason, then what and why */
} weir_request_report;
/* Waits at most timeout_ms for the answer; 0: looks. WEIR_NOT_FOUND: no such request, or too old.
 */
weir_status weir_job_request_wait(weir_job *job, uint64_t request, uint64_t timeout_ms,
                                  weir_request_report *out_report);

/* Removes a savepoint's directory, or that of a retained checkpoint that no job runs on: files that
 * others next to it need stay. WEIR_NOT_FOUND; WEIR_INVALID: it is neither; WEIR_BUSY: a running
 * job's. Nothing but what its _metadata names, and the _metadata itself first, is removed. */
weir_status weir_savepoint_dispose(const char *path, weir_error *err);

/* The same on the job's io thread, as a request: its checkpoint_id stays 0, its path "". A job that
 * has ended takes none (WEIR_CANCELLED). */
weir_status weir_job_trigger_disposal(weir_job *job, const char *path, uint64_t *out_request,
                                      weir_error *err);

/* First call: final checkpoint, commit, end. Async-signal-safe. */
void weir_job_stop(weir_job *job);
/* At once, without checkpoint. Async-signal-safe. Here, as after a failure, a task that does not
 * end within task.cancellation.timeout ends the process, with exit code 6; 0: it is waited for. */
void weir_job_cancel(weir_job *job);

/* A look at the job, from any state. Counts are since this process started it. */
typedef struct weir_job_report {
    uint32_t size; /* of this struct as compiled */
    weir_job_state state;
    uint64_t records_in;  /* taken by sources */
    uint64_t records_out; /* taken by sinks */
    uint64_t state_bytes;
    uint64_t state_entries;
    uint64_t checkpoints_completed;
    uint64_t checkpoints_failed;
    uint64_t last_checkpoint_id; /* completed by this process or restored; 0: none */
    uint64_t last_checkpoint_bytes;
    uint64_t last_checkpoint_duration_ms;
    int64_t last_checkpoint_ms; /* wall clock */
    bool restored;
    uint64_t restored_checkpoint_id;
    char last_checkpoint_path[1024]; /* "" : none that is kept */
    char job_id[33];
    uint32_t restarts;  /* attempts in this process, but the first */
    weir_error restart; /* why the last of them was made */
} weir_job_report;
void weir_job_look(weir_job *job, weir_job_report *out_report);
/* Why it failed, once it has ended as FAILED; else WEIR_OK. */
weir_status weir_job_failure(const weir_job *job, weir_error *err);
/* Ends it first if it still runs (as failed: its last checkpoint stays), joins the threads,
 * releases the locks. NULL: nothing. */
void weir_job_destroy(weir_job *job);

const char *weir_job_state_name(weir_job_state state); /* "RUNNING" */

/* The plan as text: operators, chains, edges, parallelism, uids. Writes at most room bytes with
 * NUL; answers how many it needs without it. */
size_t weir_environment_print_plan(weir_environment *environment, char *out, size_t room,
                                   weir_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_JOB_H */
