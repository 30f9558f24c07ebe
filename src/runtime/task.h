/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/task.h: one running subtask: a chain of operators between its input channels (or source)
 * and its output channels. A step function: the shell calls wr_task_step; nothing here waits.
 *
 *   channels --gate--> operator 0 --batch--> operator 1 --batch--> ... --> outputs --> channels
 *
 *   CREATED --INITIALIZE--> INITIALIZED --START--> RUNNING --end of input--> DRAINED
 *   DRAINED, RUNNING --FINISH--> ENDED           any --failure or CANCEL--> ENDED
 *
 * A barrier: chain at rest -> snapshot_state hooks -> barrier to all outputs -> snapshot_begin of
 * each keyed backend, copy of operator state -> turns between batches -> io thread -> ACKNOWLEDGED.
 * After the barrier of a STOP or FINAL checkpoint a source emits nothing more.
 * Thread: task, except wr_task_send: any, and the counters: any.
 */
#ifndef WR_RUNTIME_TASK_H
#define WR_RUNTIME_TASK_H

#include "base/log.h"
#include "base/mailbox.h"
#include "os/executor.h"
#include "os/file.h"
#include "runtime/channel.h"
#include "snapshot/file_list.h"
#include "snapshot/restore.h"
#include "types/key.h"
#include "weir/backend.h"
#include "weir/function.h"

struct wr_metered_state;
struct wr_task;

/* One operator of the chain. All lent for the task's life. */
struct wr_task_operator {
    const weir_function *function;
    const void *argument;
    const char *name;
    const char *uid; /* "" : none */
    uint8_t id[16];
    const weir_type *input_type;        /* NULL: a source */
    const weir_type *output_type;       /* NULL: a sink */
    const struct wr_key_plan *key_plan; /* NULL: not keyed */
    /* the second of two connected streams */
    const weir_type *other_type;              /* NULL: there is none */
    const struct wr_key_plan *other_key_plan; /* of the same key type; NULL: not keyed */
    bool other_is_broadcast;
    bool timed_input;    /* its records may have timestamps */
    bool timed;          /* those that it emits may */
    bool keep_watermark; /* in snapshots: it is stateful, and has event time */
    const size_t *key_fields;
    size_t key_field_count;
    uint32_t max_parallelism;
    struct wr_operator_restore restore;
};

enum wr_edge {
    WR_EDGE_FORWARD,   /* to the channel of the same index */
    WR_EDGE_KEYED,     /* by key group */
    WR_EDGE_REBALANCE, /* round robin, from a start that differs by subtask */
    WR_EDGE_BROADCAST  /* to all */
};

/* An edge out of the chain's last operator: one channel for each subtask of the consumer. */
struct wr_task_output {
    enum wr_edge edge;
    const struct wr_key_plan *key_plan; /* KEYED */
    uint32_t max_parallelism;           /* the consumer's, for KEYED */
    struct wr_channel **channels;       /* FORWARD: one; else channel_count */
    uint32_t channel_count;
};

/* What is the same for all tasks of a job. Lent. */
struct wr_task_environment {
    struct wr_os *os;
    struct wr_executor *io;
    weir_alloc alloc;          /* plain */
    weir_alloc state_alloc;    /* counted: state budget */
    weir_alloc list_alloc;     /* likewise, of state without a key */
    weir_alloc snapshot_alloc; /* counted: copies and write buffers */
    weir_alloc network_alloc;  /* counted: network memory, for in-chain and overflow batches */
    const weir_options *options;
    const weir_backend_factory *backend_factory;
    uint64_t hash_seed;
    const char *job_name;
    const char *job_id;
    const char *attempt; /* 32 hex digits */
    uint8_t attempt_bytes[16];
    bool exactly_once;  /* align barriers */
    bool checkpointing; /* an interval is set */
    bool allow_rewind;
    bool take_over;
    uint64_t drop_in_flight_of; /* checkpoint whose records in flight are not restored; 0: none */
    uint32_t batch_count;       /* records a batch */
    uint64_t buffer_timeout_ns;
    uint64_t emit_limit_bytes;
    size_t state_file_buffer_size;      /* 0: default */
    uint64_t inline_max;                /* state files up to this stand in the manifest */
    uint64_t memory_max;                /* JobManager storage: all do, and more is refused; 0: no */
    uint64_t message_max;               /* what one acknowledgement may carry; 0: no limit */
    bool incremental;                   /* checkpoints may build on the last completed one */
    bool synchronous;                   /* no record is taken while a snapshot is being written */
    const char *work_directory;         /* for engines that keep files; NULL: none */
    struct wr_local_state *local_state; /* second copies of keyed state; NULL: none */
    bool keeps_local;                   /* they are made */
    bool restores_local;                /* they are used */
    uint64_t backend_memory_bytes;      /* a backend's share of managed memory */
    /* The path of a data file of a checkpoint, into out (WR_PATH_MAX); NULL: there is no storage,
     * snapshots run their hooks and write nothing. Thread: task. */
    weir_status (*snapshot_path)(void *argument, uint64_t checkpoint_id, const char *name,
                                 char *out, weir_error *err);
    void *snapshot_path_argument;
    struct wr_log *log;         /* NULL: nobody listens */
    struct wr_mailbox *reports; /* the coordinator's: struct wr_task_report */
    struct wr_parker *reports_parker;
};

struct wr_task_parameters {
    const struct wr_task_environment *environment;
    uint32_t task;        /* number within the job */
    uint32_t subtask;     /* index within its vertex */
    uint32_t parallelism; /* of its vertex */
    struct wr_task_operator *operators;
    uint32_t operator_count;
    struct wr_channel **inputs;
    uint32_t input_count; /* 0: operator 0 is a source */
    const uint8_t *sides; /* which of two connected streams each input carries; NULL: all 0 */
    bool may_overtake;    /* all inputs come by key or in turns: barriers may overtake records */
    struct wr_task_output *outputs;
    uint32_t output_count;
    struct wr_parker *parker; /* of the worker that steps it */
};

weir_status wr_task_create(const struct wr_task_parameters *parameters, struct wr_task **out_task,
                           weir_error *err);
/* After ENDED (or before INITIALIZE was sent), with the io executor idle. */
void wr_task_destroy(struct wr_task *task);

/* --- letters to a task; made by the sender from environment->alloc, freed by the task --- */

/* What a task has to know of a checkpoint beside its id. It comes by TRIGGER to every task before
 * any barrier can: who meets a barrier without it takes its letters first. */
struct wr_checkpoint_plan {
    uint64_t id;
    enum wr_checkpoint_kind kind;
    enum wr_sharing sharing;
    uint64_t triggered_ns; /* monotonic; 0: not known */
    /* From then on (monotonic) barriers overtake records; 0: at once; UINT64_MAX: never. */
    uint64_t unaligned_at_ns;
    char directory[WR_PATH_MAX]; /* a savepoint's, where its files are made; "": the storage's own
                                  */
};

enum wr_task_letter_kind {
    WR_TASK_INITIALIZE, /* restore, initialize_state, open -> INITIALIZED or FAILED */
    WR_TASK_START,      /* records may flow */
    WR_TASK_TRIGGER,    /* plan; a task with a source injects a barrier */
    WR_TASK_COMPLETE,   /* checkpoint is complete, older ones but savepoints will not be: notify
                           functions -> NOTIFIED */
    WR_TASK_ABORT,      /* this checkpoint was aborted: release the gate, end the snapshot, notify
                           functions; a source that stopped for it goes on */
    WR_TASK_RELEASE,    /* a savepoint is complete: end the snapshot, which nothing builds on; no
                           function is called */
    WR_TASK_DRAIN,  /* to sources: end the input, as if it had ended by itself: behind the barriers
                       of what was triggered before; one that does not run yet, or has stopped, as
                       soon as it runs */
    WR_TASK_FINISH, /* the last checkpoint is committed: close -> ENDED */
    WR_TASK_CANCEL  /* close at once -> ENDED */
};

struct wr_task_letter {
    struct wr_letter letter;
    enum wr_task_letter_kind kind;
    uint64_t checkpoint_id;
    enum wr_checkpoint_kind checkpoint_kind;
    struct wr_checkpoint_plan *plan; /* TRIGGER; the task's, from environment->alloc. NULL: a
                                        configured one that waits for nothing but its barriers */
    /* The task's own, while it keeps a TRIGGER. */
    struct wr_task_letter *next;
    bool is_passed; /* its barrier is out */
};

/* Pushes and wakes the worker. Thread: any. */
void wr_task_send(struct wr_task *task, struct wr_task_letter *letter);
/* With its plan. For the task, and for a sender that sends it after all not. */
void wr_task_letter_free(const weir_alloc *alloc, struct wr_task_letter *letter);

/* --- reports of a task; from environment->alloc, freed by the receiver with wr_task_report_free
 * --- */

enum wr_task_report_kind {
    WR_TASK_INITIALIZED,
    WR_TASK_ACKNOWLEDGED, /* checkpoint, snapshots */
    WR_TASK_DECLINED,     /* checkpoint, error: its snapshot could not be taken or written */
    WR_TASK_NOTIFIED,     /* checkpoint */
    WR_TASK_DRAINED,      /* end of all input, finish() called, all emitted */
    WR_TASK_FAILED,       /* error; ENDED follows */
    WR_TASK_ENDED         /* functions and backends are closed */
};

/* What a checkpoint's time went into in one task, for those who look. */
struct wr_checkpoint_phases {
    uint64_t start_delay_ns;  /* from the trigger to the first barrier */
    uint64_t alignment_ns;    /* from the first barrier to the last, and until it could go out */
    uint64_t sync_ns;         /* no record was taken */
    uint64_t async_ns;        /* from then until all was written */
    uint64_t processed_bytes; /* of records taken between the first barrier and its own */
    uint64_t persisted_bytes; /* of records in flight that it holds */
    bool is_unaligned;        /* its barrier overtook records */
};

/* What the manifest needs of one operator subtask. */
struct wr_operator_snapshot_result {
    bool finished;
    struct wr_file_list files; /* none: no state */
    bool keyed;
    uint32_t key_group_first, key_group_last;
    struct wr_manifest_state *states; /* names and types lent for the task's life */
    uint32_t state_count;             /* keyed ones first */
    struct wr_manifest_list *lists;   /* index into states */
    uint32_t list_count;
};

struct wr_task_report {
    struct wr_letter letter;
    struct wr_task *task;
    uint32_t task_number;
    enum wr_task_report_kind kind;
    uint64_t checkpoint_id;
    weir_error error;
    struct wr_operator_snapshot_result *snapshots; /* one an operator of the chain */
    uint32_t snapshot_count;
    struct wr_checkpoint_phases phases; /* ACKNOWLEDGED */
};
void wr_task_report_free(const weir_alloc *alloc, struct wr_task_report *report);

/* --- stepping --- */

enum wr_step {
    WR_STEP_PROGRESS, /* call again at once */
    WR_STEP_IDLE,     /* nothing to do before *out_wake_at_ns, or a wake of the parker */
    WR_STEP_ENDED
};

/* At most one batch, one turn of each open snapshot, and the letters that are there.
 * *out_wake_at_ns: monotonic; UINT64_MAX: only by a wake. */
enum wr_step wr_task_step(struct wr_task *task, uint64_t *out_wake_at_ns);

/* What it shows of itself. Thread: any. */
struct wr_task_counters {
    uint64_t records_in;
    uint64_t records_out;
    uint64_t state_bytes;
    uint64_t state_entries;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t late_records;
    uint64_t timers;
    uint64_t pending_transactions;
    uint64_t restored_bytes;
    uint64_t state_bytes_peak;
    int64_t input_watermark_ms;
    int64_t output_watermark_ms;
    uint64_t busy_ns, idle_ns, backpressured_ns; /* since START */
};
/* now_ns: until when busy_ns and its like count; 0: until their last change. */
void wr_task_count(const struct wr_task *task, uint64_t now_ns,
                   struct wr_task_counters *out_counters);
/* How large its states are (meter.h). Lent as long as the task is there. */
const struct wr_metered_state *wr_task_next_state(const struct wr_task *task,
                                                  const struct wr_metered_state *after);

#endif /* WR_RUNTIME_TASK_H */
