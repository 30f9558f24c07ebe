/* SPDX-License-Identifier: Apache-2.0 */
/* view: the job as it is seen from outside, copied piece by piece into one arena. */
#include "job/view.h"

#include <string.h>

static weir_status
fill_failures(const weir_job *job, struct wr_arena *arena, weir_job_view *view)
{
    const struct wr_watch *watch = &job->watch;
    uint32_t count =
        watch->failure_count < WR_FAILURES_KEPT ? (uint32_t)watch->failure_count : WR_FAILURES_KEPT;
    weir_failure_view *failures = wr_arena_new(arena, count * sizeof *failures);
    if (failures == NULL && count != 0) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number = watch->failure_count - 1 - i;
        const struct wr_watched_failure *from = &watch->failures[number % WR_FAILURES_KEPT];
        failures[i].ms = from->ms;
        failures[i].status = from->error.status;
        failures[i].message = wr_arena_copy_text(arena, from->error.message);
        failures[i].task = from->task[0] != '\0' ? wr_arena_copy_text(arena, from->task) : NULL;
        if (failures[i].message == NULL || (from->task[0] != '\0' && failures[i].task == NULL)) {
            return WEIR_NOMEM;
        }
    }
    view->failures = failures;
    view->failure_count = count;
    return WEIR_OK;
}

static void
fill_restore(const weir_job *job, weir_job_view *view)
{
    const struct wr_watched_restore *watched = &job->watch.restore;
    weir_restore_view *restore = &view->restore;
    memcpy(&view->restores, &job->watch.restores, sizeof view->restores);
    if (!watched->is_there) {
        return;
    }
    int64_t end_ms = watched->is_under_way ? view->now_ms : watched->ended_ms;
    *restore = (weir_restore_view){ .is_there = true,
                                    .is_under_way = watched->is_under_way,
                                    .is_savepoint = view->checkpoints.restored_savepoint,
                                    .checkpoint_id = view->checkpoints.restored_id,
                                    .path = view->checkpoints.restored_path,
                                    .checkpoint_ms = watched->checkpoint_ms,
                                    .begun_ms = watched->begun_ms,
                                    .duration_ms = end_ms > watched->begun_ms
                                                       ? (uint64_t)(end_ms - watched->begun_ms)
                                                       : 0,
                                    .total_bytes = watched->total_bytes };
    for (uint32_t i = 0; job->tasks != NULL && i < job->plan->task_count; i++) {
        if (job->tasks[i] != NULL) {
            struct wr_task_counters counters;
            wr_task_count(job->tasks[i], 0, &counters);
            restore->read_bytes += counters.restored_bytes;
        }
    }
    if (restore->read_bytes > restore->total_bytes) { /* a file that several lists are read of */
        restore->read_bytes = restore->total_bytes;
    }
}

static void
fill_times(const weir_job *job, weir_job_view *view)
{
    const struct wr_watch *watch = &job->watch;
    view->start_ms = watch->start_ms;
    view->end_ms = watch->end_ms;
    memcpy(view->entered_ms, watch->entered_ms, sizeof view->entered_ms);
    for (int i = 0; i < WEIR_JOB_STATES; i++) {
        view->total_ms[i] = wr_watch_total_ms(watch, (weir_job_state)i, view->now_ms);
    }
}

weir_status
wr_view_fill(weir_job *job, struct wr_arena *arena, weir_job_view *view)
{
    int64_t max_parallelism = weir_options_int(job->options, "pipeline.max-parallelism");
    memcpy(view->id, job->job_id, sizeof view->id);
    view->state = (weir_job_state)atomic_load_explicit(&job->state, memory_order_relaxed);
    view->now_ms = job->os->ops->wall_ms(job->os);
    fill_times(job, view);
    view->max_parallelism = (uint32_t)(max_parallelism > 0 ? max_parallelism : 0);
    view->task_count = job->plan->task_count;
    view->restarts = job->restarts;
    view->name = wr_arena_copy_text(arena, job->name);
    weir_status status = view->name != NULL ? WEIR_OK : WEIR_NOMEM;
    status = status == WEIR_OK ? wr_view_fill_plan(job, arena, view) : status;
    status = status == WEIR_OK ? wr_view_fill_states(job, arena, view) : status;
    status = status == WEIR_OK ? wr_view_fill_memory(job, arena, view) : status;
    status = status == WEIR_OK ? fill_failures(job, arena, view) : status;
    if (status == WEIR_OK) {
        status = wr_history_view(job->watch.history, arena, view->now_ms, &view->checkpoints);
    }
    if (status == WEIR_OK) {
        fill_restore(job, view);
    }
    return status;
}
