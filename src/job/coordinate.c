/* SPDX-License-Identifier: Apache-2.0 */
/* coordinate: the job's coordinator, one step at a time.
 *
 * Facts come from three places: the host's wishes (two atomics), reports of tasks, answers of io.
 * Each becomes at most one event of the checkpoint coordinator, whose commands are carried out at
 * once.
 *
 * Invariants:
 *   (1) Tasks are told to end once: by FINISH after the last checkpoint was committed, or by
 * CANCEL. (2) The job is ENDED only when every task has ended and no storage work is outstanding.
 *   (3) What decided the outcome first stays: a failure while finishing does not undo a commit.
 */
#include "base/check.h"
#include "base/fail.h"
#include "job/running.h"

#include <stdio.h>

static uint64_t
now_ns(weir_job *job) WR_ON(coordinator)
{
    return job->os->ops->monotonic_ns(job->os);
}

void
wr_job_tell(weir_job *job, struct wr_coordinator_event event)
{
    struct wr_coordinator_action actions[WR_COORDINATOR_ACTIONS_MAX];
    event.now_ns = now_ns(job);
    size_t count = wr_coordinator_step(job->coordinator, &event, actions);
    for (size_t i = 0; i < count; i++) {
        wr_job_carry_out(job, &actions[i]);
    }
}

void
wr_job_end_tasks(weir_job *job, enum wr_task_letter_kind kind, enum wr_job_end outcome)
{
    if (job->phase >= WR_PHASE_ENDING) {
        return;
    }
    job->phase = WR_PHASE_ENDING;
    job->outcome = outcome;
    for (uint32_t i = 0; i < job->plan->task_count; i++) {
        struct wr_task_letter *letter = job->last_letters[i];
        job->last_letters[i] = NULL;
        if (!job->task_ended[i]) {
            *letter = (struct wr_task_letter){ .kind = kind };
            wr_task_send(job->tasks[i], letter);
        } else {
            wr_memory_free(&job->alloc, letter, sizeof *letter);
        }
    }
}

void
wr_job_fail(weir_job *job, const weir_error *error)
{
    if (job->phase >= WR_PHASE_ENDING || job->failure.status != WEIR_OK) {
        return;
    }
    job->failure = *error;
    wr_job_end_tasks(job, WR_TASK_CANCEL, WR_END_FAILED);
}

/* --- reports of tasks --- */

static void
task_initialised(weir_job *job) WR_ON(coordinator)
{
    job->initialised_count++;
    if (job->initialised_count < job->plan->task_count || job->phase != WR_PHASE_INITIALIZING) {
        return;
    }
    job->phase = WR_PHASE_RUNNING;
    atomic_store_explicit(&job->state, WEIR_JOB_RUNNING, memory_order_relaxed);
    for (uint32_t i = 0; i < job->plan->task_count; i++) {
        struct wr_task_letter *letter = wr_memory_new(&job->alloc, sizeof *letter);
        if (letter == NULL) {
            weir_error error;
            (void)wr_fail(&error, WEIR_NOMEM, "no memory for a letter to a task");
            wr_job_fail(job, &error);
            return;
        }
        letter->kind = WR_TASK_START;
        wr_task_send(job->tasks[i], letter);
    }
    wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_START });
}

/* Keeps the report until the checkpoint is stored or aborted; false: it is of no use any more. */
static bool
keep_acknowledgement(weir_job *job, struct wr_task_report *report) WR_ON(coordinator)
{
    struct wr_pending_checkpoint *pending = &job->pending;
    if (pending->id != report->checkpoint_id ||
        pending->acknowledged[report->task_number] != NULL) {
        return false;
    }
    pending->acknowledged[report->task_number] = report;
    for (uint32_t i = 0; i < report->snapshot_count; i++) {
        const struct wr_file_list *files = &report->snapshots[i].files;
        for (uint32_t j = 0; j < files->count; j++) {
            bool is_own = files->entries[j].checkpoint_id == report->checkpoint_id;
            pending->bytes += is_own ? files->entries[j].size : 0;
        }
    }
    return true;
}

static void
take_report(weir_job *job, struct wr_task_report *report) WR_ON(coordinator)
{
    struct wr_coordinator_event event = { .checkpoint_id = report->checkpoint_id,
                                          .task = report->task_number };
    bool kept = false;
    switch (report->kind) {
    case WR_TASK_INITIALIZED:
        task_initialised(job);
        break;
    case WR_TASK_ACKNOWLEDGED:
        event.kind = WR_EVENT_ACKNOWLEDGED;
        kept = keep_acknowledgement(job, report);
        if (kept) {
            wr_job_tell(job, event);
        }
        break;
    case WR_TASK_DECLINED:
        event.kind = WR_EVENT_DECLINED;
        job->checkpoint_failure = report->error;
        wr_job_tell(job, event);
        break;
    case WR_TASK_NOTIFIED:
        event.kind = WR_EVENT_NOTIFIED;
        wr_job_tell(job, event);
        break;
    case WR_TASK_DRAINED:
        event.kind = WR_EVENT_DRAINED;
        wr_job_tell(job, event);
        break;
    case WR_TASK_FAILED:
        wr_job_fail(job, &report->error);
        break;
    case WR_TASK_ENDED:
        wr_assert(!job->task_ended[report->task_number]);
        job->task_ended[report->task_number] = true;
        job->ended_count++;
        break;
    }
    if (!kept) {
        wr_task_report_free(&job->alloc, report);
    }
}

/* --- the host's wishes --- */

static void
start_stop(weir_job *job) WR_ON(coordinator)
{
    job->stop_sent = true;
    job->stop_deadline_ns =
        now_ns(job) + weir_options_duration_ms(job->options, "weir.stop-timeout") * 1000000U;
    atomic_store_explicit(&job->state, WEIR_JOB_STOPPING, memory_order_relaxed);
    wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_STOP });
}

static bool
take_wishes(weir_job *job) WR_ON(coordinator)
{
    if (job->phase >= WR_PHASE_ENDING) {
        return false;
    }
    if (atomic_load_explicit(&job->give_up_requested, memory_order_acquire) != 0) {
        weir_error error;
        (void)wr_fail(&error, WEIR_CANCELLED, "the job was given up by its host before its end");
        wr_job_fail(job, &error);
        return true;
    }
    if (atomic_load_explicit(&job->cancel_requested, memory_order_acquire) != 0) {
        wr_job_end_tasks(job, WR_TASK_CANCEL, WR_END_CANCELED);
        return true;
    }
    bool wished = atomic_load_explicit(&job->stop_requested, memory_order_acquire) != 0;
    if (wished && !job->stop_sent && job->phase == WR_PHASE_RUNNING) {
        start_stop(job);
        return true;
    }
    if (job->stop_sent && now_ns(job) >= job->stop_deadline_ns) {
        weir_error error;
        (void)wr_fail(&error, WEIR_TIMEOUT,
                      "the stop's final checkpoint did not complete within weir.stop-timeout (%s)",
                      weir_options_text(job->options, "weir.stop-timeout"));
        wr_job_fail(job, &error);
        return true;
    }
    return false;
}

/* --- the end --- */

static enum weir_job_state
state_of_outcome(enum wr_job_end outcome)
{
    switch (outcome) {
    case WR_END_FINISHED:
    case WR_END_SAVED:
        return WEIR_JOB_FINISHED;
    case WR_END_CANCELED:
        return WEIR_JOB_CANCELED;
    case WR_END_STOPPED:
        return WEIR_JOB_STOPPED;
    case WR_END_FAILED:
        break;
    }
    return WEIR_JOB_FAILED;
}

/* All tasks have ended: what is left is storage work in an order that survives a kill between any
 * two. */
static bool
step_end(weir_job *job) WR_ON(coordinator)
{
    if (job->phase == WR_PHASE_ENDING && job->ended_count == job->plan->task_count) {
        job->phase = WR_PHASE_CLOSING;
        if (job->outcome == WR_END_FINISHED && job->storage != NULL) {
            (void)wr_job_io_push(job, WR_IO_FINISHED_MARK, job->last_finish_id, NULL);
        } else {
            wr_job_tell(job,
                        (struct wr_coordinator_event){ .kind = WR_EVENT_END, .end = job->outcome });
        }
        wr_job_forget_pending(job);
        return true;
    }
    if (job->phase == WR_PHASE_CLOSING && wr_coordinator_wake_at(job->coordinator) <= now_ns(job)) {
        wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_TIME }); /* more to drop */
        return true;
    }
    if (job->phase == WR_PHASE_CLOSING && job->io_outstanding == 0) {
        job->phase = WR_PHASE_ENDED;
        atomic_store_explicit(&job->state, state_of_outcome(job->outcome), memory_order_relaxed);
        /* pairs with the acquire in wr_job_has_ended: failure and counters are final */
        atomic_store_explicit(&job->ended, 1, memory_order_release);
        job->os->ops->wake(job->os, &job->ended);
        wr_parker_wake(&job->io.parker);
        return true;
    }
    return false;
}

static bool
take_io_replies(weir_job *job) WR_ON(coordinator)
{
    bool any = false;
    struct wr_letter *letter;
    while ((letter = wr_mailbox_pop(&job->io_replies)) != NULL) {
        wr_job_io_take_reply(job, (struct wr_job_io *)letter);
        any = true;
    }
    return any;
}

bool
wr_job_coordinate(weir_job *job, uint64_t *out_wake_at_ns)
{
    bool progress = take_wishes(job);
    struct wr_letter *letter;
    do {
        letter = wr_mailbox_pop(&job->reports);
        /* What io had answered before the report came is taken first: a checkpoint whose directory
         * could not be made fails for that, and not for the file that a task then missed in it. */
        progress = take_io_replies(job) || letter != NULL || progress;
        if (letter != NULL) {
            take_report(job, (struct wr_task_report *)letter);
        }
    } while (letter != NULL);
    uint64_t wake_at = UINT64_MAX;
    if (job->phase == WR_PHASE_RUNNING) {
        if (now_ns(job) >= wr_coordinator_wake_at(job->coordinator)) {
            wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_TIME });
            progress = true;
        }
        wake_at = wr_coordinator_wake_at(job->coordinator);
    }
    if (job->stop_sent && job->phase == WR_PHASE_RUNNING && job->stop_deadline_ns < wake_at) {
        wake_at = job->stop_deadline_ns;
    }
    progress = step_end(job) || progress;
    *out_wake_at_ns = wake_at;
    return progress;
}
