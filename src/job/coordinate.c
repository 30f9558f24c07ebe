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
 *       Only a planned restart may still become another end (restart.c).
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

static void
add_fact(weir_job *job, const struct wr_coordinator_event *event) WR_ON(coordinator)
{
    if (job->facts_count == WR_JOB_FACTS_MAX) {
        weir_error error;
        (void)wr_fail(&error, WEIR_LIMIT, "more than %d facts of checkpoints at once",
                      WR_JOB_FACTS_MAX);
        wr_job_fail(job, &error);
        return;
    }
    job->facts[(job->facts_first + job->facts_count++) % WR_JOB_FACTS_MAX] = *event;
}

/* A fact that comes while commands are carried out waits for the rest of them: so commands are
 * carried out in the order in which they were given. */
void
wr_job_tell(weir_job *job, struct wr_coordinator_event event)
{
    add_fact(job, &event);
    if (job->is_telling) {
        return;
    }
    job->is_telling = true;
    while (job->facts_count > 0) {
        struct wr_coordinator_action actions[WR_COORDINATOR_ACTIONS_MAX];
        struct wr_coordinator_event fact = job->facts[job->facts_first];
        job->facts_first = (job->facts_first + 1) % WR_JOB_FACTS_MAX;
        job->facts_count--;
        fact.now_ns = now_ns(job);
        size_t count = wr_coordinator_step(job->coordinator, &fact, actions);
        for (size_t i = 0; i < count; i++) {
            wr_job_carry_out(job, &actions[i]);
        }
    }
    job->is_telling = false;
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
    if (kind == WR_TASK_CANCEL) {
        wr_job_watch_cancellation(job);
    }
}

/* Fenced while it ends as failed: that is what the user should read, and there is no other attempt.
 */
static void
fail_again(weir_job *job, const weir_error *error) WR_ON(coordinator)
{
    if (error->status != WEIR_CANCELLED || job->outcome != WR_END_FAILED) {
        return;
    }
    job->failure = *error;
    if (job->restart.is_planned) {
        wr_job_forgo_restart(job, WR_END_FAILED);
    }
}

/* task WR_NO_TASK: it is no task's. */
static void
fail_of(weir_job *job, const weir_error *error, uint32_t task) WR_ON(coordinator)
{
    wr_job_watch_failure(job, error, task);
    if (job->phase >= WR_PHASE_ENDING) {
        fail_again(job, error);
        return;
    }
    job->failure = *error;
    wr_job_plan_restart(job, error);
    wr_job_end_tasks(job, WR_TASK_CANCEL, WR_END_FAILED);
}

void
wr_job_fail(weir_job *job, const weir_error *error)
{
    fail_of(job, error, WR_NO_TASK);
}

void
wr_job_fail_for_good(weir_job *job, const weir_error *error)
{
    wr_job_watch_failure(job, error, WR_NO_TASK);
    if (job->restart.is_planned) {
        job->failure = *error;
        wr_job_forgo_restart(job, WR_END_FAILED);
    } else if (job->phase < WR_PHASE_ENDING) {
        job->failure = *error;
        wr_job_end_tasks(job, WR_TASK_CANCEL, WR_END_FAILED);
    }
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
    wr_job_enter(job, WEIR_JOB_RUNNING);
    wr_job_announce_running(job);
    for (uint32_t i = 0; i < job->plan->task_count; i++) {
        struct wr_task_letter *letter = wr_memory_new(&job->alloc, sizeof *letter);
        if (letter == NULL) {
            weir_error error;
            (void)wr_fail(&error, WEIR_NOMEM, "no memory for a letter to a task");
            wr_job_fail(job, &error);
            return;
        }
        letter->kind = WR_TASK_START;
        wr_job_watch_task(job, i, WEIR_TASK_RUNNING);
        wr_task_send(job->tasks[i], letter);
    }
    job->restart.has_run = true;
    wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_START });
}

static void
task_declined(weir_job *job, const struct wr_task_report *report) WR_ON(coordinator)
{
    struct wr_pending_checkpoint *pending = wr_job_pending_find(job, report->checkpoint_id);
    wr_history_declined(job->watch.history, report->checkpoint_id, report->task_number);
    if (pending != NULL) {
        pending->failure = report->error;
    }
}

static void
take_report(weir_job *job, struct wr_task_report *report) WR_ON(coordinator)
{
    struct wr_coordinator_event event = { .checkpoint_id = report->checkpoint_id,
                                          .task = report->task_number };
    wr_assert(report->task == job->tasks[report->task_number]); /* none of an earlier attempt */
    bool kept = false;
    switch (report->kind) {
    case WR_TASK_INITIALIZED:
        task_initialised(job);
        break;
    case WR_TASK_ACKNOWLEDGED:
        event.kind = WR_EVENT_ACKNOWLEDGED;
        kept = wr_job_pending_acknowledge(job, report);
        if (kept) {
            wr_job_tell(job, event);
        }
        break;
    case WR_TASK_DECLINED:
        event.kind = WR_EVENT_DECLINED;
        task_declined(job, report);
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
        fail_of(job, &report->error, report->task_number);
        break;
    case WR_TASK_ENDED:
        wr_assert(!job->task_ended[report->task_number]);
        job->task_ended[report->task_number] = true;
        job->ended_count++;
        wr_job_watch_end(job, report->task_number);
        break;
    }
    if (!kept) {
        wr_task_report_free(&job->alloc, report);
    }
}

/* --- the host's wishes --- */

/* The first time a stop is seen. Who waits for a restart waits no more: it stops after it. */
static void
note_stop(weir_job *job) WR_ON(coordinator)
{
    job->stop_deadline_ns =
        now_ns(job) + weir_options_duration_ms(job->options, "weir.stop-timeout") * 1000000U;
    if (job->restart.is_planned) {
        job->restart.at_ns = 0;
    }
}

static void
start_stop(weir_job *job) WR_ON(coordinator)
{
    job->stop_sent = true;
    wr_job_enter(job, WEIR_JOB_STOPPING);
    wr_log_say(&job->log, WR_LOG_JOB, WEIR_LOG_INFO, "stopping with a final checkpoint");
    wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_STOP });
}

static void
cancel(weir_job *job) WR_ON(coordinator)
{
    if (job->restart.is_planned) {
        wr_job_forgo_restart(job, WR_END_CANCELED);
    } else {
        wr_job_end_tasks(job, WR_TASK_CANCEL, WR_END_CANCELED);
    }
}

static bool
take_stop(weir_job *job) WR_ON(coordinator)
{
    bool wished = atomic_load_explicit(&job->stop_requested, memory_order_acquire) != 0;
    bool is_running = job->phase == WR_PHASE_RUNNING;
    bool is_new = wished && job->stop_deadline_ns == 0;
    if (is_new && (is_running || job->restart.is_planned)) {
        note_stop(job);
    }
    if (wished && !job->stop_sent && is_running) {
        start_stop(job);
        return true;
    }
    if (job->stop_deadline_ns != 0 && now_ns(job) >= job->stop_deadline_ns) {
        weir_error error;
        (void)wr_fail(&error, WEIR_TIMEOUT,
                      "the stop's final checkpoint did not complete within weir.stop-timeout (%s)",
                      weir_options_text(job->options, "weir.stop-timeout"));
        wr_job_fail_for_good(job, &error);
        return true;
    }
    return false;
}

static bool
take_wishes(weir_job *job) WR_ON(coordinator)
{
    if (job->phase >= WR_PHASE_ENDING && !job->restart.is_planned) {
        return false;
    }
    if (atomic_load_explicit(&job->give_up_requested, memory_order_acquire) != 0) {
        weir_error error;
        (void)wr_fail(&error, WEIR_CANCELLED, "the job was given up by its host before its end");
        wr_job_fail_for_good(job, &error);
        return true;
    }
    if (atomic_load_explicit(&job->cancel_requested, memory_order_acquire) != 0) {
        cancel(job);
        return true;
    }
    return take_stop(job);
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
        bool is_over = job->outcome == WR_END_FINISHED || job->outcome == WR_END_SAVED;
        if (is_over && job->storage != NULL) { /* who looks for its latest must not begin anew */
            (void)wr_job_io_push(job, WR_IO_FINISHED_MARK, job->last_finish_id, NULL);
        } else {
            job->restart.is_end_told = job->restart.is_planned;
            wr_job_tell(job,
                        (struct wr_coordinator_event){ .kind = WR_EVENT_END, .end = job->outcome });
        }
        return true;
    }
    if (job->phase == WR_PHASE_CLOSING && wr_coordinator_wake_at(job->coordinator) <= now_ns(job)) {
        wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_TIME }); /* more to drop */
        return true;
    }
    if (job->phase == WR_PHASE_CLOSING && job->io_outstanding == 0 &&
        !job->restart.renewal.is_under_way) {
        if (job->restart.is_planned) {
            wr_job_begin_restart(job);
            return true;
        }
        if (job->restart.is_end_told) {
            wr_job_settle_restart(job);
            return true;
        }
        wr_job_close_requests(job);
        job->phase = WR_PHASE_ENDED;
        wr_job_enter(job, state_of_outcome(job->outcome));
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
    progress = wr_job_take_requests(job) || progress;
    progress = wr_job_answer_inquiries(job) || progress;
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
    bool may_stop = job->phase < WR_PHASE_ENDING || job->restart.is_planned;
    if (job->stop_deadline_ns != 0 && may_stop && job->stop_deadline_ns < wake_at) {
        wake_at = job->stop_deadline_ns;
    }
    wr_job_check_cancellation(job, &wake_at);
    progress = step_end(job) || progress;
    progress = wr_job_step_restart(job, &wake_at) || progress;
    *out_wake_at_ns = wake_at;
    return progress;
}
