/* SPDX-License-Identifier: Apache-2.0 */
/* weir/inspect.h: what a job looks like from outside: its plan, its tasks, its checkpoints, its
 * failures. For servers and tools.
 *
 *   weir_job_inspect -> a view, whole and of one moment -> weir_job_view_free
 *
 * A view is a copy: it stays as it is while the job goes on, and after the job is destroyed. All
 * texts and arrays in it are its own. Times are milliseconds of the wall clock since 1970, 0: not
 * yet; durations milliseconds; sizes bytes.
 * Thread: any. The job's records do not wait for it: the coordinator makes it between two steps.
 */
#ifndef WEIR_INSPECT_H
#define WEIR_INSPECT_H

#include "weir/job.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* --- checkpoints --- */

typedef enum weir_checkpoint_status {
    WEIR_CHECKPOINT_IN_PROGRESS = 1,
    WEIR_CHECKPOINT_COMPLETED = 2,
    WEIR_CHECKPOINT_FAILED = 3
} weir_checkpoint_status;

/* One subtask's part in a checkpoint. What follows state_bytes is 0 until it is acknowledged. */
typedef struct weir_checkpoint_task_view {
    bool acknowledged;
    int64_t acknowledged_ms;
    uint64_t checkpointed_bytes; /* written for this checkpoint */
    uint64_t state_bytes;        /* that it needs, with files of earlier ones */
    uint64_t start_delay_ms;     /* from its trigger to the subtask's first barrier */
    uint64_t alignment_ms;       /* from the first barrier to the last */
    uint64_t sync_ms;            /* while no record was taken */
    uint64_t async_ms;           /* from then until all was written */
    uint64_t processed_bytes;    /* of records taken between the first barrier and the last */
    uint64_t persisted_bytes;    /* of records in flight, kept with it */
    bool is_unaligned;           /* its barrier overtook records */
    bool is_aborted;             /* the subtask declined it; never with acknowledged */
} weir_checkpoint_task_view;

typedef struct weir_checkpoint_view {
    uint64_t id;
    weir_checkpoint_status status;
    bool is_savepoint;
    bool is_last; /* the job ends with it */
    int64_t triggered_ms;
    int64_t latest_acknowledged_ms;
    uint64_t duration_ms; /* to its completion; of one in progress so far */
    uint64_t checkpointed_bytes;
    uint64_t state_bytes;
    uint32_t acknowledged_count;
    const char *path;    /* COMPLETED: where it is; NULL: in memory, or nowhere */
    bool is_discarded;   /* it was dropped since */
    int64_t failed_ms;   /* FAILED */
    const char *failure; /* FAILED: the reason's name, then what and why; else NULL */
    uint32_t task_count; /* of the job; subtasks as weir_vertex_view.first_task says */
    const weir_checkpoint_task_view *tasks;
    uint64_t processed_bytes; /* of all its subtasks, as these two */
    uint64_t persisted_bytes;
    bool is_unaligned;       /* of one at least */
    uint64_t metadata_bytes; /* of its _metadata; 0: it has none */
} weir_checkpoint_view;

/* Of the last 10,000 completed ones. Nothing completed: all 0. */
typedef struct weir_distribution_view {
    uint64_t minimum, maximum, average;
    double p50, p90, p95, p99, p999;
} weir_distribution_view;

/* How long things of a kind have taken since the process started. */
enum {
    WEIR_HISTOGRAM_BOUNDS = 16
};
typedef struct weir_histogram_view {
    uint64_t count;
    uint64_t sum_ms;
    uint64_t up_to[WEIR_HISTOGRAM_BOUNDS]; /* how many took weir_histogram_bound_ms(i) at most */
} weir_histogram_view;

/* What a completed checkpoint's time went into. Of subtasks' phases the longest of all subtasks is
 * the checkpoint's. */
typedef enum weir_checkpoint_phase {
    WEIR_PHASE_START_DELAY = 0,
    WEIR_PHASE_ALIGN = 1,
    WEIR_PHASE_SYNC = 2,
    WEIR_PHASE_ASYNC = 3,
    WEIR_PHASE_COMMIT = 4, /* from the last acknowledgement until it was complete */
    WEIR_PHASE_WHOLE = 5,
    WEIR_PHASE_COUNT = 6
} weir_checkpoint_phase;

typedef struct weir_checkpoints_view {
    uint64_t triggered_count, in_progress_count, completed_count, failed_count, restored_count;
    weir_distribution_view checkpointed_bytes, state_bytes, duration_ms;
    const weir_checkpoint_view *latest_completed; /* NULL: none; so below */
    const weir_checkpoint_view *latest_savepoint;
    const weir_checkpoint_view *latest_failed;
    uint64_t restored_id; /* of the latest restore; 0: none */
    int64_t restored_ms;
    bool restored_savepoint;
    const char *restored_path;           /* NULL: from memory */
    const weir_checkpoint_view *history; /* web.checkpoints.history, newest first */
    uint32_t history_count;
    weir_distribution_view processed_bytes, persisted_bytes;
    weir_histogram_view phases[WEIR_PHASE_COUNT];
} weir_checkpoints_view;

/* The restore of the latest attempt: of the subtasks' INITIALIZING. */
typedef struct weir_restore_view {
    bool is_there;     /* false: it began without state, and what follows is 0 */
    bool is_under_way; /* until every subtask runs */
    bool is_savepoint;
    uint64_t checkpoint_id; /* input behind it is read once more */
    const char *path;       /* NULL: from memory */
    int64_t checkpoint_ms;  /* when that was triggered */
    int64_t begun_ms;
    uint64_t duration_ms; /* so far, or in all */
    uint64_t read_bytes;  /* of the total so far */
    uint64_t total_bytes; /* of all files that its subtasks read, each as often as it is read */
} weir_restore_view;

/* --- the plan and its tasks --- */

typedef enum weir_task_state {
    WEIR_TASK_CREATED = 1,
    WEIR_TASK_INITIALIZING = 2,
    WEIR_TASK_RUNNING = 3,
    WEIR_TASK_FINISHED = 4, /* its input has ended, or the job's last checkpoint is committed */
    WEIR_TASK_CANCELED = 5,
    WEIR_TASK_FAILED = 6
} weir_task_state;

typedef struct weir_subtask_view {
    uint32_t index;
    weir_task_state state;
    int64_t start_ms;
    int64_t end_ms;
    uint64_t records_in;
    uint64_t records_out;
    uint64_t state_bytes;
    uint64_t state_entries;
    /* Of this attempt. Together they are the time since it runs. */
    uint64_t busy_ms;           /* it had work, be it that it waited for its worker */
    uint64_t idle_ms;           /* it waited for input, or for its source */
    uint64_t backpressured_ms;  /* it waited for room in what it sends to */
    int64_t input_watermark_ms; /* WEIR_NO_WATERMARK: none; so below. WEIR_MAX_WATERMARK: ended */
    int64_t output_watermark_ms;
    uint64_t late_records;         /* came when the watermark had passed their timestamp */
    uint64_t timers;               /* registered and not due */
    uint64_t bytes_in;             /* of records; 0 for sources */
    uint64_t bytes_out;            /* to other vertices; 0 for sinks */
    uint64_t pending_transactions; /* of its sink: written and not committed */
    int64_t running_ms;            /* when it began to run; 0: not yet */
} weir_subtask_view;

typedef struct weir_operator_view {
    const char *name;
    const char *uid; /* "": none */
    char id[33];     /* hex, as in snapshots */
} weir_operator_view;

/* A chain of operators that run in one task. */
typedef struct weir_vertex_view {
    char id[33];      /* of its first operator */
    const char *name; /* "Source: lines -> split" */
    uint32_t parallelism;
    uint32_t max_parallelism;
    uint32_t first_task; /* subtask i is task first_task + i of the job */
    bool is_source;
    bool is_sink;
    const weir_operator_view *operators;
    uint32_t operator_count;
    const weir_subtask_view *subtasks; /* parallelism of them */
} weir_vertex_view;

typedef struct weir_edge_view {
    uint32_t from; /* index of a vertex */
    uint32_t to;
    const char *ship; /* "FORWARD", "HASH", "REBALANCE", "BROADCAST" */
} weir_edge_view;

/* --- state and memory --- */

typedef struct weir_state_size_view {
    uint64_t entries; /* keys; of lists without a key elements */
    uint64_t bytes;   /* in memory */
    uint64_t disk_bytes;
} weir_state_size_view;

/* One state of one operator. Sizes are of the last time that its subtasks were at rest. */
typedef struct weir_state_view {
    uint32_t vertex;                     /* index of it */
    const weir_operator_view *operator_; /* of that vertex */
    const char *name;
    const char *kind;    /* "VALUE", "LIST", "MAP", "TIMERS", "BROADCAST" ... */
    const char *backend; /* the engine's name; "operator" of state that has no key */
    bool is_exact;       /* else the engine estimates */
    weir_state_size_view all;
    const weir_state_size_view *subtasks; /* as the vertex has */
    uint32_t subtask_count;
} weir_state_view;

typedef struct weir_memory_view {
    const char *name; /* of the pool: "state", "lists", "snapshot", "network"; and the engine's,
                         where it has memory of its own */
    const char *what;
    uint64_t used_bytes;
    uint64_t peak_bytes;
    uint64_t budget_bytes; /* 0: none. The same of "state" and "lists": they share one, which
                              what "snapshot" uses is taken of too */
} weir_memory_view;

/* --- the job --- */

typedef struct weir_failure_view {
    int64_t ms;
    weir_status status;
    const char *message;
    const char *task; /* whose it was; NULL: the job's */
} weir_failure_view;

enum {
    WEIR_JOB_STATES = 9 /* one more than the highest weir_job_state */
};

typedef struct weir_job_view {
    char id[33];
    const char *name;
    weir_job_state state;
    int64_t now_ms;
    int64_t start_ms;
    int64_t end_ms;
    int64_t entered_ms[WEIR_JOB_STATES]; /* when a state was last entered; 0: never */
    uint32_t max_parallelism;            /* -1 of Flink: 0 */
    uint32_t task_count;
    uint32_t restarts;
    const weir_vertex_view *vertices; /* producers first */
    uint32_t vertex_count;
    const weir_edge_view *edges;
    uint32_t edge_count;
    weir_checkpoints_view checkpoints;
    const weir_failure_view *failures; /* of all attempts, newest first; the last 16 are kept */
    uint32_t failure_count;
    uint64_t total_ms[WEIR_JOB_STATES]; /* how long it was in each state, that it is in included */
    const weir_state_view *states;      /* in the order of vertices and their operators */
    uint32_t state_count;
    const weir_memory_view *memory;
    uint32_t memory_count;
    weir_restore_view restore;
    weir_histogram_view restores; /* of all attempts */
} weir_job_view;

/* What it runs with: its environment's, read only, lent as long as the job is there. */
const weir_options *weir_job_options(const weir_job *job);
/* WEIR_NOMEM. */
weir_status weir_job_inspect(weir_job *job, const weir_job_view **out_view, weir_error *err);
void weir_job_view_free(const weir_job_view *view);      /* NULL: nothing */
const char *weir_task_state_name(weir_task_state state); /* "RUNNING" */
/* 1, 2, 5, 10 ... 100,000; of an index beyond them UINT64_MAX. */
uint64_t weir_histogram_bound_ms(uint32_t index);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_INSPECT_H */
