/* SPDX-License-Identifier: Apache-2.0 */
/* watching: the job's facts for those who look, each told where it happens. What they look like
 * from outside is inspect.c's.
 */
#include "base/fail.h"
#include "job/running.h"

#include <stdio.h>
#include <string.h>

static int64_t
now_ms(const weir_job *job)
{
    return job->os->ops->wall_ms(job->os);
}

weir_status
wr_job_watch(weir_job *job, weir_error *err)
{
    uint32_t kept = (uint32_t)weir_options_int(job->options, "web.checkpoints.history");
    weir_status status =
        wr_watch_init(&job->watch, &job->alloc, job->plan->task_count, kept, now_ms(job));
    if (status != WEIR_OK) {
        return wr_fail(err, status, "no memory for the job");
    }
    wr_watch_enter(&job->watch, WEIR_JOB_INITIALIZING, job->watch.start_ms);
    return WEIR_OK;
}

void
wr_job_enter(weir_job *job, weir_job_state state)
{
    atomic_store_explicit(&job->state, state, memory_order_relaxed);
    wr_watch_enter(&job->watch, state, now_ms(job));
    wr_job_announce_state(job, state);
}

void
wr_job_watch_attempt(weir_job *job)
{
    int64_t ms = now_ms(job);
    wr_watch_attempt(&job->watch);
    if (job->restored) {
        wr_watch_restore(&job->watch, job->found.manifest.trigger_ms, job->restore_bytes, ms);
    }
    for (uint32_t i = 0; i < job->plan->task_count; i++) {
        wr_watch_task(&job->watch, i, WEIR_TASK_INITIALIZING, ms);
    }
}

void
wr_job_watch_task(weir_job *job, uint32_t task, weir_task_state state)
{
    wr_watch_task(&job->watch, task, state, now_ms(job));
}

void
wr_job_watch_end(weir_job *job, uint32_t task)
{
    bool is_canceled = job->outcome == WR_END_CANCELED || job->outcome == WR_END_FAILED;
    wr_job_watch_task(job, task, is_canceled ? WEIR_TASK_CANCELED : WEIR_TASK_FINISHED);
}

void
wr_job_watch_failure(weir_job *job, const weir_error *error, uint32_t task)
{
    char name[224] = "";
    if (task != WR_NO_TASK) {
        uint32_t i = 0;
        while (task >= job->plan->vertices[i].first_task + job->plan->vertices[i].parallelism) {
            i++;
        }
        const struct wr_vertex *vertex = &job->plan->vertices[i];
        snprintf(name, sizeof name, "%s (%u/%u)",
                 job->plan->operators[vertex->first_operator].node->name,
                 task - vertex->first_task + 1, vertex->parallelism);
        wr_job_watch_task(job, task, WEIR_TASK_FAILED);
    }
    wr_watch_fail(&job->watch, error, name, now_ms(job));
}

const char *
wr_job_restored_path(const weir_job *job)
{
    const char *directory = job->found.directory;
    return strcmp(directory, WR_IN_MEMORY) == 0 ? NULL : directory;
}

void
wr_job_watch_restored(weir_job *job)
{
    if (job->restored) {
        const struct wr_found_snapshot *found = &job->found;
        wr_history_restored(job->watch.history, found->manifest.checkpoint_id,
                            wr_checkpoint_is_savepoint(found->manifest.kind),
                            wr_job_restored_path(job), now_ms(job));
    }
}
