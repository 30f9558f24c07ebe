/* SPDX-License-Identifier: Apache-2.0 */
/* watch: facts for the eye, kept in arrays made at the start.
 *
 *   a task:  CREATED -> INITIALIZING -> RUNNING -> FINISHED, CANCELED or FAILED
 *
 * An end stays: a task that failed and is then closed has FAILED.
 */
#include "job/watch.h"

#include "job/samples.h"

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

static uint64_t
since(int64_t then_ms, int64_t now_ms)
{
    return now_ms > then_ms ? (uint64_t)(now_ms - then_ms) : 0; /* the wall clock may go back */
}

uint64_t
wr_watch_total_ms(const struct wr_watch *watch, weir_job_state state, int64_t now_ms)
{
    bool is_current = watch->state == state && state != 0 && !is_end(state);
    return watch->total_ms[state] + (is_current ? since(watch->entered_ms[state], now_ms) : 0);
}

void
wr_watch_restore(struct wr_watch *watch, int64_t checkpoint_ms, uint64_t total_bytes,
                 int64_t now_ms)
{
    watch->restore = (struct wr_watched_restore){ .is_there = true,
                                                  .is_under_way = true,
                                                  .checkpoint_ms = checkpoint_ms,
                                                  .begun_ms = now_ms,
                                                  .total_bytes = total_bytes };
}

/* One that came to its end, and was not cut off, counts. */
static void
end_restore(struct wr_watch *watch, weir_job_state state, int64_t now_ms)
{
    struct wr_watched_restore *restore = &watch->restore;
    if (!restore->is_under_way || state == WEIR_JOB_INITIALIZING) {
        return;
    }
    restore->is_under_way = false;
    restore->ended_ms = now_ms;
    if (state == WEIR_JOB_RUNNING) {
        wr_histogram_add(&watch->restores, since(restore->begun_ms, now_ms));
    }
}

void
wr_watch_enter(struct wr_watch *watch, weir_job_state state, int64_t now_ms)
{
    watch->total_ms[watch->state] = wr_watch_total_ms(watch, watch->state, now_ms);
    watch->state = state;
    watch->entered_ms[state] = now_ms;
    end_restore(watch, state, now_ms);
    if (is_end(state)) {
        watch->end_ms = now_ms;
    }
}

void
wr_watch_attempt(struct wr_watch *watch)
{
    watch->restore = (struct wr_watched_restore){ 0 };
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
    } else if (state == WEIR_TASK_RUNNING) {
        at->running_ms = now_ms;
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
