/* SPDX-License-Identifier: Apache-2.0 */
/* commands: what each command of the checkpoint coordinator does.
 *
 * A command that cannot be carried out for want of memory fails the job: CANCEL letters were made
 * at creation, so that always works.
 */
#include "base/fail.h"
#include "job/running.h"

#include <stdio.h>
#include <string.h>

void
wr_job_forget_pending(weir_job *job)
{
    for (uint32_t i = 0; i < job->plan->task_count; i++) {
        if (job->pending.acknowledged[i] != NULL) {
            wr_task_report_free(&job->alloc, job->pending.acknowledged[i]);
            job->pending.acknowledged[i] = NULL;
        }
    }
    job->pending.id = 0;
    job->pending.bytes = 0;
}

static void
fail_for_memory(weir_job *job, const char *what) WR_ON(coordinator)
{
    weir_error error;
    (void)wr_fail(&error, WEIR_NOMEM, "no memory for %s", what);
    wr_job_fail(job, &error);
}

static bool
is_source(const weir_job *job, uint32_t vertex) WR_ON(coordinator)
{
    uint32_t head = job->plan->vertices[vertex].first_operator;
    return job->plan->operators[head].node->leg_count == 0;
}

/* A letter to every task, or to those that hold a source. */
static void
send_to_tasks(weir_job *job, const struct wr_task_letter *content, bool sources_only)
    WR_ON(coordinator)
{
    for (uint32_t i = 0; i < job->plan->vertex_count; i++) {
        const struct wr_vertex *vertex = &job->plan->vertices[i];
        for (uint32_t j = 0; j < vertex->parallelism; j++) {
            uint32_t task = vertex->first_task + j;
            if (job->task_ended[task] || (sources_only && !is_source(job, i))) {
                continue;
            }
            struct wr_task_letter *letter = wr_memory_new(&job->alloc, sizeof *letter);
            if (letter == NULL) {
                fail_for_memory(job, "a letter to a task");
                return;
            }
            *letter = *content;
            wr_task_send(job->tasks[task], letter);
        }
    }
}

static void
carry_out_trigger(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator)
{
    wr_job_forget_pending(job);
    job->pending.id = action->checkpoint_id;
    job->pending.kind = action->checkpoint_kind;
    job->pending.trigger_ms = job->os->ops->wall_ms(job->os);
    job->pending.trigger_ns = job->os->ops->monotonic_ns(job->os);
    if (job->storage != NULL &&
        wr_job_io_push(job, WR_IO_BEGIN, action->checkpoint_id, NULL) != WEIR_OK) {
        fail_for_memory(job, "a checkpoint");
        return;
    }
    struct wr_task_letter letter = { .kind = WR_TASK_TRIGGER,
                                     .checkpoint_id = action->checkpoint_id,
                                     .checkpoint_kind = action->checkpoint_kind };
    send_to_tasks(job, &letter, true);
}

/* JobManager storage without a directory: complete here and now. Takes the manifest. */
static void
store_in_memory(weir_job *job, struct wr_manifest *manifest) WR_ON(coordinator)
{
    struct wr_coordinator_event event = { .kind = WR_EVENT_STORED,
                                          .checkpoint_id = manifest->checkpoint_id };
    if (wr_memory_storage_complete(job->memory_storage, manifest, &job->checkpoint_failure) !=
        WEIR_OK) {
        event.kind = WR_EVENT_STORE_FAILED;
    }
    wr_manifest_fini(manifest);
    wr_memory_free(&job->alloc, manifest, sizeof *manifest);
    wr_job_tell(job, event);
}

static void
carry_out_store(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator)
{
    struct wr_coordinator_event event = { .checkpoint_id = action->checkpoint_id };
    if (job->storage == NULL && job->memory_storage == NULL) {
        event.kind = WR_EVENT_STORED;
        wr_job_tell(job, event);
        return;
    }
    struct wr_manifest *manifest = NULL;
    weir_status status = wr_job_manifest(job, &manifest);
    if (status == WEIR_OK && job->storage == NULL) {
        store_in_memory(job, manifest);
        return;
    }
    if (status == WEIR_OK) {
        status = wr_job_io_push(job, WR_IO_COMPLETE, action->checkpoint_id, manifest);
    }
    if (status != WEIR_OK) {
        (void)wr_fail(&job->checkpoint_failure, status, "no memory for the checkpoint's manifest");
        event.kind = WR_EVENT_STORE_FAILED;
        wr_job_tell(job, event);
    }
}

static void
carry_out_notify(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator)
{
    uint64_t taken_ns = job->os->ops->monotonic_ns(job->os) - job->pending.trigger_ns;
    atomic_fetch_add_explicit(&job->checkpoints_completed, 1, memory_order_relaxed);
    atomic_store_explicit(&job->last_checkpoint_bytes, job->pending.bytes, memory_order_relaxed);
    atomic_store_explicit(&job->last_checkpoint_ms_taken, taken_ns / 1000000U,
                          memory_order_relaxed);
    atomic_store_explicit(&job->last_checkpoint_ms, job->os->ops->wall_ms(job->os),
                          memory_order_relaxed);
    atomic_store_explicit(&job->last_checkpoint_id, action->checkpoint_id, memory_order_relaxed);
    wr_job_forget_pending(job);
    struct wr_task_letter letter = { .kind = WR_TASK_COMPLETE,
                                     .checkpoint_id = action->checkpoint_id };
    send_to_tasks(job, &letter, false);
}

static const char *
reason_text(enum wr_abort_reason reason)
{
    switch (reason) {
    case WR_ABORT_DECLINED:
        return "declined by a task";
    case WR_ABORT_EXPIRED:
        return "expired before completing (execution.checkpointing.timeout)";
    case WR_ABORT_STORE_FAILED:
        return "could not be stored";
    case WR_ABORT_SUBSUMED:
        return "subsumed by a newer one";
    case WR_REFUSE_TOO_MANY:
        return "refused: too many requests wait";
    case WR_ABORT_SHUTDOWN:
    case WR_REFUSE_NOT_RUNNING:
        break;
    }
    return "the job is ending";
}

static void
carry_out_abort(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator)
{
    if (action->reason == WR_ABORT_EXPIRED) {
        (void)wr_fail(&job->checkpoint_failure, WEIR_TIMEOUT, "checkpoint %llu %s",
                      (unsigned long long)action->checkpoint_id, reason_text(action->reason));
    }
    if (action->reason != WR_ABORT_SHUTDOWN) {
        atomic_fetch_add_explicit(&job->checkpoints_failed, 1, memory_order_relaxed);
        wr_job_say(job, 'w', "checkpoint %llu %s: %s", (unsigned long long)action->checkpoint_id,
                   reason_text(action->reason), job->checkpoint_failure.message);
    }
    wr_job_forget_pending(job);
    if (job->storage != NULL) {
        (void)wr_job_io_push(job, WR_IO_ABANDON, action->checkpoint_id, NULL);
    }
    if (job->phase == WR_PHASE_RUNNING) {
        struct wr_task_letter letter = { .kind = WR_TASK_ABORT,
                                         .checkpoint_id = action->checkpoint_id };
        send_to_tasks(job, &letter, false);
    }
}

static void
carry_out_fail(weir_job *job) WR_ON(coordinator)
{
    weir_error error = job->checkpoint_failure;
    bool said = error.status != WEIR_OK && error.status != WEIR_NOT_FOUND;
    weir_status status =
        said ? error.status : WEIR_IO; /* a file that is missing is no answer here */
    error.status = status;
    (void)wr_fail_context(&error, status,
                          "Exceeded checkpoint tolerable failure threshold. "
                          "execution.checkpointing.tolerable-failed-checkpoints is %u; the last "
                          "failure: ",
                          job->settings.tolerable_failures);
    wr_job_fail(job, &error);
}

void
wr_job_carry_out(weir_job *job, const struct wr_coordinator_action *action)
{
    switch (action->kind) {
    case WR_ACTION_TRIGGER:
        carry_out_trigger(job, action);
        break;
    case WR_ACTION_STORE:
        carry_out_store(job, action);
        break;
    case WR_ACTION_NOTIFY:
        carry_out_notify(job, action);
        break;
    case WR_ACTION_ABORT:
        carry_out_abort(job, action);
        break;
    case WR_ACTION_DROP:
        if (job->storage != NULL) {
            (void)wr_job_io_push(job, WR_IO_DROP, action->checkpoint_id, NULL);
        } else if (job->memory_storage != NULL) {
            wr_memory_storage_drop(job->memory_storage, action->checkpoint_id);
        }
        break;
    case WR_ACTION_FINISH:
        job->last_finish_id = action->checkpoint_id;
        wr_job_end_tasks(job, WR_TASK_FINISH,
                         action->checkpoint_kind == WR_CHECKPOINT_FINAL ? WR_END_FINISHED
                                                                        : WR_END_STOPPED);
        break;
    case WR_ACTION_FAIL:
        carry_out_fail(job);
        break;
    case WR_ACTION_RELEASE:
    case WR_ACTION_REFUSE:
    case WR_ACTION_DRAIN:
        break;
    }
}
