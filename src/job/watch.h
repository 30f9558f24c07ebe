/* SPDX-License-Identifier: Apache-2.0 */
/* job/watch.h: what the coordinator remembers of a job for those who look at it: when it entered
 * each state, where its tasks are, what failed, what became of its checkpoints.
 *
 * It outlives the attempts of the job. Nothing depends on it: where memory lacks it knows less.
 * Thread: coordinator; init and fini: host.
 */
#ifndef WR_JOB_WATCH_H
#define WR_JOB_WATCH_H

#include "job/history.h"

enum {
    WR_FAILURES_KEPT = 16
};

struct wr_watched_task {
    weir_task_state state;
    int64_t start_ms;
    int64_t running_ms;
    int64_t end_ms;
};

/* Of the latest attempt. */
struct wr_watched_restore {
    bool is_there;
    bool is_under_way;
    int64_t checkpoint_ms;
    int64_t begun_ms;
    int64_t ended_ms;
    uint64_t total_bytes;
};

struct wr_watched_failure {
    int64_t ms;
    weir_error error;
    char task[224]; /* "" : the job's own */
};

struct wr_watch {
    weir_alloc alloc;
    struct wr_history *history; /* NULL: no memory for it */
    struct wr_watched_task *tasks;
    uint32_t task_count;
    int64_t start_ms;
    int64_t end_ms;
    int64_t entered_ms[WEIR_JOB_STATES];
    uint64_t total_ms[WEIR_JOB_STATES]; /* before `state` was entered */
    weir_job_state state;               /* 0: none yet */
    struct wr_watched_restore restore;
    weir_histogram_view restores;
    struct wr_watched_failure failures[WR_FAILURES_KEPT]; /* a ring */
    uint64_t failure_count;
};

/* WEIR_NOMEM: nothing is held. */
weir_status wr_watch_init(struct wr_watch *watch, const weir_alloc *alloc, uint32_t task_count,
                          uint32_t history_kept, int64_t now_ms);
void wr_watch_fini(struct wr_watch *watch); /* zeroed is as good as init */

void wr_watch_enter(struct wr_watch *watch, weir_job_state state, int64_t now_ms);
/* What it was in until now counts. */
uint64_t wr_watch_total_ms(const struct wr_watch *watch, weir_job_state state, int64_t now_ms);
/* The attempt that begins reads so many bytes of a checkpoint of that time; it ends with the next
 * state that the job enters. */
void wr_watch_restore(struct wr_watch *watch, int64_t checkpoint_ms, uint64_t total_bytes,
                      int64_t now_ms);
/* A new attempt: every task is CREATED again. */
void wr_watch_attempt(struct wr_watch *watch);
void wr_watch_task(struct wr_watch *watch, uint32_t task, weir_task_state state, int64_t now_ms);
/* task NULL: no task's. */
void wr_watch_fail(struct wr_watch *watch, const weir_error *error, const char *task,
                   int64_t now_ms);

#endif /* WR_JOB_WATCH_H */
