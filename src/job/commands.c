/* SPDX-License-Identifier: Apache-2.0 */
/* commands: what each command of the checkpoint coordinator does.
 *
 * An attempt that cannot be begun or stored for want of memory fails like one whose disk is full. A
 * letter that cannot be sent fails the job: CANCEL letters were made at creation, so that always
 * works. A checkpoint that cannot be dropped stays.
 */
#include "base/fail.h"
#include "job/running.h"

#include <stdio.h>
#include <string.h>

static void
fail_for_memory(weir_job *job, const char *what) WR_ON(coordinator)
{
    weir_error error;
    (void)wr_fail(&error, WEIR_NOMEM, "no memory for %s", what);
    wr_job_fail(job, &error);
}

static void
send_to_all(weir_job *job, enum wr_task_letter_kind kind, uint64_t checkpoint_id) WR_ON(coordinator)
{
    struct wr_task_letter letter = { .kind = kind, .checkpoint_id = checkpoint_id };
    if (wr_job_send(job, &letter, NULL, kind == WR_TASK_DRAIN) != WEIR_OK) {
        fail_for_memory(job, "a letter to a task");
    }
}

static bool
ends_by_savepoint(enum wr_checkpoint_kind kind)
{
    return wr_checkpoint_is_savepoint(kind) && wr_checkpoint_is_last(kind);
}

/* --- TRIGGER --- */

static struct wr_checkpoint_plan
plan_of(const weir_job *job, const struct wr_pending_checkpoint *pending) WR_ON(coordinator)
{
    struct wr_checkpoint_plan plan = { .id = pending->id,
                                       .kind = pending->kind,
                                       .sharing = pending->sharing,
                                       .triggered_ns = pending->trigger_ns,
                                       .unaligned_at_ns = UINT64_MAX };
    if (pending->savepoint != NULL) {
        snprintf(plan.directory, sizeof plan.directory, "%s",
                 wr_savepoint_building(pending->savepoint));
    } else if (job->is_unaligned) { /* savepoints are always aligned */
        uint64_t from_ns = pending->trigger_ns;
        plan.unaligned_at_ns = job->aligned_timeout_ns == 0 ? 0
                               : from_ns > UINT64_MAX - job->aligned_timeout_ns
                                   ? UINT64_MAX
                                   : from_ns + job->aligned_timeout_ns;
    }
    return plan;
}

static weir_status
name_savepoint(weir_job *job, struct wr_pending_checkpoint *pending, weir_error *err)
    WR_ON(coordinator)
{
    struct wr_request_wish wish;
    if (!wr_host_requests_recall(&job->requests, pending->request, &wish)) {
        return wr_fail(err, WEIR_CANCELLED, "nobody waits for savepoint %llu any more",
                       (unsigned long long)pending->id);
    }
    pending->cancel = wish.cancel;
    return wr_job_savepoint_name(job, pending, wish.directory, err);
}

/* Names, BEGIN to io, the plan to all tasks; the barrier follows from the sources. */
static weir_status
begin_attempt(weir_job *job, struct wr_pending_checkpoint *pending, weir_error *err)
    WR_ON(coordinator)
{
    weir_status status = WEIR_OK;
    if (wr_checkpoint_is_savepoint(pending->kind)) {
        WR_TRY(name_savepoint(job, pending, err));
    }
    if (job->storage != NULL || pending->savepoint != NULL) {
        status = wr_job_io_push(job, WR_IO_BEGIN, pending->id, NULL);
    }
    if (status == WEIR_OK) {
        struct wr_checkpoint_plan plan = plan_of(job, pending);
        struct wr_task_letter letter = { .kind = WR_TASK_TRIGGER,
                                         .checkpoint_id = pending->id,
                                         .checkpoint_kind = pending->kind };
        status = wr_job_send(job, &letter, &plan, false);
    }
    return status == WEIR_OK ? status
                             : wr_fail(err, status, "no memory for checkpoint %llu",
                                       (unsigned long long)pending->id);
}

static void
carry_out_trigger(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator)
{
    struct wr_pending_checkpoint *pending = NULL;
    job->restart.next_id = action->checkpoint_id + 1; /* ids are never used twice */
    if (wr_job_pending_add(job, action, &pending) != WEIR_OK) {
        fail_for_memory(job, "a checkpoint");
        return;
    }
    wr_host_requests_begin(&job->requests, action->request, action->checkpoint_id);
    if (ends_by_savepoint(action->checkpoint_kind)) {
        wr_job_savepoint_stopping(job, true);
    }
    if (begin_attempt(job, pending, &pending->failure) != WEIR_OK) {
        wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_STORE_FAILED,
                                                        .checkpoint_id = action->checkpoint_id });
    }
}

/* --- STORE --- */

/* JobManager storage without a directory: complete here and now. Takes the manifest. */
static void
store_in_memory(weir_job *job, struct wr_pending_checkpoint *pending, struct wr_manifest *manifest)
    WR_ON(coordinator)
{
    struct wr_coordinator_event event = { .kind = WR_EVENT_STORED, .checkpoint_id = pending->id };
    if (wr_memory_storage_complete(job->memory_storage, manifest, &pending->failure) != WEIR_OK) {
        event.kind = WR_EVENT_STORE_FAILED;
    }
    wr_manifest_fini(manifest);
    wr_memory_free(&job->alloc, manifest, sizeof *manifest);
    wr_job_tell(job, event);
}

static void
carry_out_store(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator)
{
    struct wr_coordinator_event event = { .kind = WR_EVENT_STORE_FAILED,
                                          .checkpoint_id = action->checkpoint_id };
    struct wr_pending_checkpoint *pending = wr_job_pending_find(job, action->checkpoint_id);
    if (pending == NULL) {
        return; /* the job failed at its TRIGGER */
    }
    bool has_storage = job->storage != NULL || pending->savepoint != NULL;
    pending->is_storing = true;
    if (!has_storage && job->memory_storage == NULL) {
        event.kind = WR_EVENT_STORED;
        wr_job_tell(job, event);
        return;
    }
    struct wr_manifest *manifest = NULL;
    weir_status status = wr_job_manifest(job, pending, &manifest);
    if (status == WEIR_OK && !has_storage) {
        store_in_memory(job, pending, manifest);
        return;
    }
    if (status == WEIR_OK) {
        status = wr_job_io_push(job, WR_IO_COMPLETE, action->checkpoint_id, manifest);
    }
    if (status != WEIR_OK) {
        (void)wr_fail(&pending->failure, status, "no memory for the checkpoint's manifest");
        wr_job_tell(job, event);
    }
}

/* --- NOTIFY, RELEASE --- */

static void
count_completed(weir_job *job, const struct wr_pending_checkpoint *pending) WR_ON(coordinator)
{
    uint64_t taken_ns = job->os->ops->monotonic_ns(job->os) - pending->trigger_ns;
    atomic_fetch_add_explicit(&job->checkpoints_completed, 1, memory_order_relaxed);
    atomic_store_explicit(&job->last_checkpoint_bytes, pending->bytes, memory_order_relaxed);
    atomic_store_explicit(&job->last_checkpoint_ms_taken, taken_ns / 1000000U,
                          memory_order_relaxed);
    atomic_store_explicit(&job->last_checkpoint_ms, job->os->ops->wall_ms(job->os),
                          memory_order_relaxed);
    atomic_store_explicit(&job->last_checkpoint_id, pending->id, memory_order_relaxed);
}

static void
complete_checkpoint(weir_job *job, const struct wr_pending_checkpoint *pending) WR_ON(coordinator)
{
    char path[WR_PATH_MAX] = "";
    count_completed(job, pending);
    if (job->storage != NULL) {
        /* It was put there by the same names. */
        (void)!wr_checkpoint_storage_complete_path(job->storage, pending->id, path, NULL);
    }
    wr_history_completed(job->watch.history, pending->id, path, job->os->ops->wall_ms(job->os));
    wr_job_announce_completed(job, pending, path);
    wr_host_requests_complete(&job->requests, pending->request, path);
    if (job->claim_mode == WEIR_NO_CLAIM) {
        job->claim_mode = WEIR_CLAIM_DEFAULT;
        wr_log_say(&job->log, WR_LOG_CHECKPOINT, WEIR_LOG_INFO,
                   "snapshot %s is not needed any more", job->claimed_path);
    }
}

static void
carry_out_complete(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator)
{
    struct wr_pending_checkpoint *pending = wr_job_pending_find(job, action->checkpoint_id);
    bool cancel = false;
    if (pending != NULL) {
        cancel = pending->cancel;
        if (pending->savepoint != NULL) {
            wr_job_savepoint_complete(job, pending);
        } else {
            complete_checkpoint(job, pending);
        }
        wr_job_pending_remove(job, pending);
    }
    send_to_all(job, action->kind == WR_ACTION_NOTIFY ? WR_TASK_COMPLETE : WR_TASK_RELEASE,
                action->checkpoint_id);
    if (cancel) {
        wr_job_end_tasks(job, WR_TASK_CANCEL, WR_END_CANCELED);
    }
}

/* --- ABORT, REFUSE, FAIL --- */

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

/* In words for the log, for a job that fails of it, and for who asked. */
static void
explain_abort(weir_job *job, const struct wr_coordinator_action *action,
              struct wr_pending_checkpoint *pending) WR_ON(coordinator)
{
    weir_error *error = &pending->failure;
    const char *what = pending->savepoint != NULL ? "savepoint" : "checkpoint";
    unsigned long long id = action->checkpoint_id;
    if (action->reason == WR_ABORT_EXPIRED) {
        (void)wr_fail(error, WEIR_TIMEOUT, "%s %llu %s", what, id, reason_text(action->reason));
    } else if (error->status == WEIR_OK) {
        (void)wr_fail(error, WEIR_CANCELLED, "%s %llu: %s", what, id, reason_text(action->reason));
    }
    bool is_counted = action->reason != WR_ABORT_SHUTDOWN && action->reason != WR_ABORT_SUBSUMED;
    if (is_counted) {
        job->checkpoint_failure = *error;
        struct wr_log_about about = { .module = WR_LOG_CHECKPOINT,
                                      .level = WEIR_LOG_WARN,
                                      .status = error->status,
                                      .checkpoint_id = id };
        wr_log_say_about(&job->log, &about, "%s %llu %s: %s", what, id, reason_text(action->reason),
                         error->message);
    }
    if (is_counted && pending->savepoint == NULL) {
        atomic_fetch_add_explicit(&job->checkpoints_failed, 1, memory_order_relaxed);
    }
    weir_error answer = *error;
    if (action->reason == WR_ABORT_SHUTDOWN && job->failure.status != WEIR_OK) {
        answer = job->failure;
    }
    (void)wr_fail_context(&answer, answer.status,
                          "%s: ", wr_job_reason_name(job, action->reason, pending->is_storing));
    wr_history_failed(job->watch.history, pending->id, answer.message,
                      job->os->ops->wall_ms(job->os));
    wr_job_announce_failed(job, pending, &answer);
    wr_host_requests_fail(&job->requests, pending->request, &answer);
}

static void
carry_out_abort(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator)
{
    struct wr_pending_checkpoint *pending = wr_job_pending_find(job, action->checkpoint_id);
    if (pending != NULL) {
        explain_abort(job, action, pending);
        if (job->storage != NULL || pending->savepoint != NULL) {
            struct wr_job_io *abandon = pending->abandon;
            abandon->savepoint = pending->savepoint;
            pending->abandon = NULL;
            pending->savepoint = NULL;
            wr_job_io_send(job, abandon);
        }
        wr_job_pending_remove(job, pending);
    }
    if (job->phase == WR_PHASE_RUNNING) {
        send_to_all(job, WR_TASK_ABORT, action->checkpoint_id);
    }
    if (ends_by_savepoint(action->checkpoint_kind)) {
        wr_job_savepoint_stopping(job, false);
    }
}

static void
carry_out_refuse(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator)
{
    weir_error error;
    (void)wr_fail(&error, action->reason == WR_REFUSE_TOO_MANY ? WEIR_LIMIT : WEIR_BUSY, "%s: %s",
                  wr_job_reason_name(job, action->reason, false), reason_text(action->reason));
    wr_host_requests_fail(&job->requests, action->request, &error);
}

static void
carry_out_fail(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator)
{
    weir_error error = job->checkpoint_failure;
    bool said = error.status != WEIR_OK && error.status != WEIR_NOT_FOUND;
    weir_status status =
        said ? error.status : WEIR_IO; /* a file that is missing is no answer here */
    error.status = status;
    if (wr_checkpoint_is_savepoint(action->checkpoint_kind)) {
        (void)wr_fail_context(&error, status,
                              "the input was ended for savepoint %llu, which failed: ",
                              (unsigned long long)action->checkpoint_id);
    } else {
        (void)wr_fail_context(&error, status,
                              "Exceeded checkpoint tolerable failure threshold. "
                              "execution.checkpointing.tolerable-failed-checkpoints is %u; the "
                              "last failure: ",
                              job->settings.tolerable_failures);
    }
    wr_job_fail(job, &error);
}

/* --- DROP, FINISH --- */

static void
carry_out_drop(weir_job *job, const struct wr_coordinator_action *action) WR_ON(coordinator)
{
    struct wr_coordinator_event dropped = { .kind = WR_EVENT_DROPPED,
                                            .checkpoint_id = action->checkpoint_id };
    weir_status status = WEIR_OK;
    wr_history_discarded(job->watch.history, action->checkpoint_id);
    if (action->checkpoint_id == job->claimed_id) {
        job->claimed_id = 0;
        status = wr_job_io_push(job, WR_IO_DROP_CLAIMED, action->checkpoint_id, NULL);
    } else if (job->storage != NULL) {
        status = wr_job_io_push(job, WR_IO_DROP, action->checkpoint_id, NULL);
    } else {
        if (job->memory_storage != NULL) {
            wr_memory_storage_drop(job->memory_storage, action->checkpoint_id);
        }
        wr_job_tell(job, dropped);
        return;
    }
    if (status != WEIR_OK) { /* it stays, and only takes room */
        wr_job_tell(job, dropped);
    }
}

static enum wr_job_end
end_of(enum wr_checkpoint_kind kind)
{
    if (wr_checkpoint_is_savepoint(kind)) {
        return WR_END_SAVED;
    }
    return kind == WR_CHECKPOINT_FINAL ? WR_END_FINISHED : WR_END_STOPPED;
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
    case WR_ACTION_RELEASE:
        carry_out_complete(job, action);
        break;
    case WR_ACTION_ABORT:
        carry_out_abort(job, action);
        break;
    case WR_ACTION_REFUSE:
        carry_out_refuse(job, action);
        break;
    case WR_ACTION_DRAIN:
        wr_job_savepoint_stopping(job, true);
        send_to_all(job, WR_TASK_DRAIN, 0);
        break;
    case WR_ACTION_DROP:
        carry_out_drop(job, action);
        break;
    case WR_ACTION_FINISH:
        job->last_finish_id = action->checkpoint_id;
        wr_job_end_tasks(job, WR_TASK_FINISH, end_of(action->checkpoint_kind));
        break;
    case WR_ACTION_FAIL:
        carry_out_fail(job, action);
        break;
    }
}
