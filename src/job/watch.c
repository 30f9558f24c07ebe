/* SPDX-License-Identifier: Apache-2.0 */
/* watch: facts for the eye, kept in arrays made at the start.
 *
 *   a task:  CREATED -> INITIALIZING -> RUNNING -> FINISHED, CANCELED or FAILED
 *
 * An end stays: a task that failed and is then closed has FAILED.
 */
#include "job/watch.h"

#include <stdio.h>

weir_status
wr_watch_init(struct wr_watch *watch, const weir_alloc *alloc, uint32_t task_count,
              uint32_t history_kept, int64_t now_ms)
{
    *watch = (struct wr_watch){ .alloc = *alloc, .task_count = task_count, .start_ms = now_ms };
    watch->tasks = wr_memory_new(alloc, task_count * sizeof *watch->tasks);
    watch->history = wr_history_create(alloc, history_kept, task_count);
    if (watch->tasks == NULL || watch->history == NULL) {
        wr_watch_fini(watch);
        return WEIR_NOMEM;
    }
    wr_watch_attempt(watch);
    return WEIR_OK;
}

void
wr_watch_fini(struct wr_watch *watch)
{
    wr_history_destroy(watch->history);
    wr_memory_free(&watch->alloc, watch->tasks, watch->task_count * sizeof *watch->tasks);
    watch->history = NULL;
    watch->tasks = NULL;
}

static bool
is_end(weir_job_state state)
{
    return state == WEIR_JOB_FINISHED || state == WEIR_JOB_STOPPED || state == WEIR_JOB_CANCELED ||
           state == WEIR_JOB_FAILED;
}

void
wr_watch_enter(struct wr_watch *watch, weir_job_state state, int64_t now_ms)
{
    watch->entered_ms[state] = now_ms;
    if (is_end(state)) {
        watch->end_ms = now_ms;
    }
}

void
wr_watch_attempt(struct wr_watch *watch)
{
    for (uint32_t i = 0; i < watch->task_count; i++) {
        watch->tasks[i] = (struct wr_watched_task){ .state = WEIR_TASK_CREATED };
    }
}

void
wr_watch_task(struct wr_watch *watch, uint32_t task, weir_task_state state, int64_t now_ms)
{
    struct wr_watched_task *at = &watch->tasks[task];
    if (at->state >= WEIR_TASK_FINISHED) {
        return;
    }
    at->state = state;
    if (state == WEIR_TASK_INITIALIZING) {
        at->start_ms = now_ms;
    } else if (state >= WEIR_TASK_FINISHED) {
        at->end_ms = now_ms;
    }
}

void
wr_watch_fail(struct wr_watch *watch, const weir_error *error, const char *task, int64_t now_ms)
{
    struct wr_watched_failure *at = &watch->failures[watch->failure_count % WR_FAILURES_KEPT];
    watch->failure_count++;
    at->ms = now_ms;
    at->error = *error;
    snprintf(at->task, sizeof at->task, "%s", task != NULL ? task : "");
}
