/* SPDX-License-Identifier: Apache-2.0 */
/* look: what the host may ask of a running job, and wish from it. Atomics only: the job is never
 * held up.
 */
#include "base/fail.h"
#include "job/running.h"
#include "weir/inspect.h"

#include <stdio.h>
#include <string.h>

void
weir_job_stop(weir_job *job)
{
    /* pairs with the acquire in take_wishes */
    atomic_store_explicit(&job->stop_requested, 1, memory_order_release);
    wr_parker_wake(&job->parker);
}

void
weir_job_cancel(weir_job *job)
{
    /* pairs with the acquire in take_wishes */
    atomic_store_explicit(&job->cancel_requested, 1, memory_order_release);
    wr_parker_wake(&job->parker);
}

bool
weir_job_wait(weir_job *job, uint64_t timeout_ms)
{
    if (!wr_job_has_ended(job) && timeout_ms != 0) {
        uint64_t timeout_ns =
            timeout_ms < UINT64_MAX / 1000000U ? timeout_ms * 1000000U : UINT64_MAX;
        job->os->ops->wait(job->os, &job->ended, 0, timeout_ns);
    }
    return wr_job_has_ended(job);
}

const weir_options *
weir_job_options(const weir_job *job)
{
    return job->options;
}

weir_status
weir_job_failure(const weir_job *job, weir_error *err)
{
    if (!wr_job_has_ended(job) || job->outcome != WR_END_FAILED) {
        return WEIR_OK;
    }
    if (err != NULL) {
        *err = job->failure;
    }
    return job->failure.status;
}

void
wr_job_count_task(const weir_job *job, const struct wr_vertex *vertex, const struct wr_task *task,
                  weir_job_report *report)
{
    const struct wr_node *head = job->plan->operators[vertex->first_operator].node;
    const struct wr_node *tail = job->plan->operators[vertex->chain[vertex->chain_count - 1]].node;
    struct wr_task_counters counters;
    wr_task_count(task, 0, &counters);
    report->records_in += head->leg_count == 0 ? counters.records_in : 0;
    report->records_out += tail->output_type == NULL ? counters.records_out : 0;
    report->state_bytes += counters.state_bytes;
    report->state_entries += counters.state_entries;
}

void
wr_job_see_restored(weir_job *job)
{
    wr_mutex_lock(&job->seen.mutex);
    job->seen.restored = job->restored;
    job->seen.restored_id = job->restored ? job->found.manifest.checkpoint_id : 0;
    (void)snprintf(job->seen.restored_path, sizeof job->seen.restored_path, "%s",
                   job->restored ? job->found.directory : "");
    wr_mutex_unlock(&job->seen.mutex);
    wr_job_watch_restored(job);
}

/* What changes with the attempts; out_path: of what the last one was restored from. */
static void
look_at_attempts(weir_job *job, weir_job_report *report, char out_path[WR_PATH_MAX])
{
    wr_mutex_lock(&job->seen.mutex);
    report->records_in = job->seen.records_in;
    report->records_out = job->seen.records_out;
    for (uint32_t i = 0; i < job->plan->vertex_count; i++) {
        const struct wr_vertex *vertex = &job->plan->vertices[i];
        for (uint32_t j = 0; j < vertex->parallelism; j++) {
            const struct wr_task *task = job->tasks[vertex->first_task + j];
            if (task != NULL) {
                wr_job_count_task(job, vertex, task, report);
            }
        }
    }
    report->restored = job->seen.restored;
    report->restored_checkpoint_id = job->seen.restored_id;
    report->restarts = job->seen.restarts;
    report->restart = job->seen.restart;
    memcpy(out_path, job->seen.restored_path, WR_PATH_MAX);
    wr_mutex_unlock(&job->seen.mutex);
}

void
weir_job_look(weir_job *job, weir_job_report *out_report)
{
    weir_job_report report = { .size = sizeof report };
    report.state = (weir_job_state)atomic_load_explicit(&job->state, memory_order_relaxed);
    char restored_path[WR_PATH_MAX];
    look_at_attempts(job, &report, restored_path);
    report.checkpoints_completed =
        atomic_load_explicit(&job->checkpoints_completed, memory_order_relaxed);
    report.checkpoints_failed =
        atomic_load_explicit(&job->checkpoints_failed, memory_order_relaxed);
    report.last_checkpoint_bytes =
        atomic_load_explicit(&job->last_checkpoint_bytes, memory_order_relaxed);
    report.last_checkpoint_duration_ms =
        atomic_load_explicit(&job->last_checkpoint_ms_taken, memory_order_relaxed);
    report.last_checkpoint_ms =
        atomic_load_explicit(&job->last_checkpoint_ms, memory_order_relaxed);
    report.last_checkpoint_id =
        atomic_load_explicit(&job->last_checkpoint_id, memory_order_relaxed);
    memcpy(report.job_id, job->job_id, sizeof report.job_id);
    char path[WR_PATH_MAX];
    if (report.last_checkpoint_id != 0 && job->storage != NULL &&
        wr_checkpoint_storage_complete_path(job->storage, report.last_checkpoint_id, path, NULL) ==
            WEIR_OK) {
        snprintf(report.last_checkpoint_path, sizeof report.last_checkpoint_path, "%.1023s", path);
    } else if (report.last_checkpoint_id == 0 && report.restored) {
        report.last_checkpoint_id = report.restored_checkpoint_id;
        snprintf(report.last_checkpoint_path, sizeof report.last_checkpoint_path, "%.1023s",
                 restored_path);
    }
    size_t size = out_report->size < sizeof report ? out_report->size : sizeof report;
    report.size = out_report->size;
    memcpy(out_report, &report, size);
}

const char *
weir_job_state_name(weir_job_state state)
{
    switch (state) {
    case WEIR_JOB_INITIALIZING:
        return "INITIALIZING";
    case WEIR_JOB_RUNNING:
        return "RUNNING";
    case WEIR_JOB_STOPPING:
        return "STOPPING";
    case WEIR_JOB_FINISHED:
        return "FINISHED";
    case WEIR_JOB_STOPPED:
        return "STOPPED";
    case WEIR_JOB_CANCELED:
        return "CANCELED";
    case WEIR_JOB_FAILED:
        return "FAILED";
    case WEIR_JOB_RESTARTING:
        return "RESTARTING";
    }
    return "?";
}
