/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_facts: what each fact means to the coordinator. Answers about attempts that are not
 * under way, double ones and those of another phase mean nothing, but for a late NOTIFIED. */
#include "checkpoint/coordinator_inner.h"

#include "base/check.h"

static void
on_start(struct wr_coordinator *coordinator)
{
    if (coordinator->life == WR_LIFE_NEW) {
        coordinator->life = WR_LIFE_RUNNING;
        coordinator->next_periodic_ns =
            wr_later(coordinator->now_ns, coordinator->settings.first_delay_ns);
    }
}

static void
on_stored(struct wr_coordinator *coordinator, struct wr_commands *commands,
          struct wr_attempt *attempt)
{
    if (attempt->phase != WR_ATTEMPT_STORING) {
        return;
    }
    bool is_savepoint = wr_checkpoint_is_savepoint(attempt->request.kind);
    coordinator->failures = 0;
    if (!is_savepoint) {
        wr_retained_add(&coordinator->retained, attempt->id);
        coordinator->has_completed = true;
    }
    if (is_savepoint &&
        (!wr_request_commits(&attempt->request) || coordinator->life >= WR_LIFE_OVER)) {
        wr_decide_release(coordinator, commands, attempt);
    } else if (coordinator->life != WR_LIFE_ENDED) {
        wr_decide_notify(coordinator, commands, attempt->id);
    } else {
        if (attempt->request.number != 0) {
            wr_command(commands,
                       wr_about(attempt, WR_ACTION_NOTIFY)); /* the answer; no task is left */
        }
        wr_attempts_remove(&coordinator->attempts, attempt);
    }
}

static void
on_failed(struct wr_coordinator *coordinator, struct wr_commands *commands,
          struct wr_attempt *attempt, enum wr_abort_reason reason)
{
    if (coordinator->life == WR_LIFE_ENDED) {
        wr_decide_abort(coordinator, commands, attempt, WR_ABORT_SHUTDOWN);
    } else {
        wr_decide_fail(coordinator, commands, attempt, reason);
    }
}

static void
on_notified(struct wr_coordinator *coordinator, struct wr_attempt *attempt, uint32_t task)
{
    if (attempt->phase == WR_ATTEMPT_NOTIFYING && wr_attempt_is_last_answer(attempt, task)) {
        wr_attempts_remove(&coordinator->attempts, attempt);
    }
}

/* A task is told in the order of ids: one that has been notified has been of all older ones. Also
 * of those that are no longer waited for. */
static void
note_notified(struct wr_coordinator *coordinator, uint32_t task, uint64_t id)
{
    struct wr_coordinator_task *tasks = coordinator->tasks;
    if (id <= tasks[task].notified_id || !wr_retained_has(&coordinator->retained, id)) {
        return;
    }
    tasks[task].notified_id = id;
    uint64_t least = id;
    for (uint32_t i = 0; i < coordinator->settings.task_count; i++) {
        least = tasks[i].notified_id < least ? tasks[i].notified_id : least;
    }
    coordinator->notified_id = least;
}

static void
on_drained(struct wr_coordinator *coordinator, uint32_t task)
{
    if (!coordinator->tasks[task].is_drained) {
        coordinator->tasks[task].is_drained = true;
        coordinator->undrained_count--;
    }
}

static void
on_request(struct wr_coordinator *coordinator, struct wr_commands *commands,
           const struct wr_coordinator_event *event)
{
    struct wr_request request = { .number = event->request,
                                  .kind = event->checkpoint_kind,
                                  .sharing = event->sharing,
                                  .is_last_of_job = event->is_last_of_job };
    wr_assert(request.number != 0);
    if (coordinator->life != WR_LIFE_RUNNING || coordinator->is_stop_wanted ||
        coordinator->undrained_count == 0) {
        wr_decide_refuse(commands, &request, WR_REFUSE_NOT_RUNNING);
    } else if (wr_requests_are_full(&coordinator->requests)) {
        wr_decide_refuse(commands, &request, WR_REFUSE_TOO_MANY);
    } else {
        wr_requests_add(&coordinator->requests, request);
        if (wr_request_is_last(&request)) {
            wr_decide_abort_periodic(coordinator, commands);
        }
    }
}

/* Flink's CP16, but a failed and a stopped job's checkpoints stay under every policy. */
static bool
is_kept_after(enum wr_job_end end, enum wr_retention retention)
{
    switch (end) {
    case WR_END_FINISHED:
    case WR_END_SAVED:
        return false;
    case WR_END_CANCELED:
        return retention == WR_RETAIN_ON_CANCELLATION;
    case WR_END_FAILED:
    case WR_END_STOPPED:
    default:
        return true;
    }
}

static void
on_end(struct wr_coordinator *coordinator, struct wr_commands *commands, enum wr_job_end end)
{
    if (coordinator->life == WR_LIFE_ENDED) {
        return;
    }
    coordinator->life = WR_LIFE_ENDED;
    coordinator->is_dropping_all = !is_kept_after(end, coordinator->settings.retention);
    size_t i = 0;
    while (i < coordinator->attempts.count) {
        struct wr_attempt *attempt = &coordinator->attempts.entries[i];
        switch (attempt->phase) {
        case WR_ATTEMPT_PENDING:
            wr_decide_abort(coordinator, commands, attempt, WR_ABORT_SHUTDOWN);
            break;
        case WR_ATTEMPT_STORING:
            i++;
            break;
        case WR_ATTEMPT_NOTIFYING:
            wr_attempts_remove(&coordinator->attempts, attempt); /* complete already */
            break;
        }
    }
}

/* What is said of an attempt; of one that is not under way nothing is heard. */
static void
take_answer(struct wr_coordinator *coordinator, struct wr_commands *commands,
            const struct wr_coordinator_event *event)
{
    struct wr_attempt *attempt = wr_attempts_find(&coordinator->attempts, event->checkpoint_id);
    if (event->kind == WR_EVENT_NOTIFIED) {
        note_notified(coordinator, event->task, event->checkpoint_id);
    }
    if (attempt == NULL) {
        return;
    }
    bool is_pending = attempt->phase == WR_ATTEMPT_PENDING;
    if (event->kind == WR_EVENT_ACKNOWLEDGED && is_pending) {
        (void)wr_attempt_is_last_answer(attempt, event->task); /* advance stores it */
    } else if (event->kind == WR_EVENT_DECLINED && is_pending) {
        on_failed(coordinator, commands, attempt, WR_ABORT_DECLINED);
    } else if (event->kind == WR_EVENT_STORED) {
        on_stored(coordinator, commands, attempt);
    } else if (event->kind == WR_EVENT_STORE_FAILED && attempt->phase != WR_ATTEMPT_NOTIFYING) {
        /* while PENDING: its directory could not be made */
        on_failed(coordinator, commands, attempt, WR_ABORT_STORE_FAILED);
    } else if (event->kind == WR_EVENT_NOTIFIED) {
        on_notified(coordinator, attempt, event->task);
    }
}

void
wr_coordinator_take(struct wr_coordinator *coordinator, struct wr_commands *commands,
                    const struct wr_coordinator_event *event)
{
    wr_assert(event->task < coordinator->settings.task_count);
    switch (event->kind) {
    case WR_EVENT_START:
        on_start(coordinator);
        break;
    case WR_EVENT_ACKNOWLEDGED:
    case WR_EVENT_DECLINED:
    case WR_EVENT_STORED:
    case WR_EVENT_STORE_FAILED:
    case WR_EVENT_NOTIFIED:
        take_answer(coordinator, commands, event);
        break;
    case WR_EVENT_DRAINED:
        on_drained(coordinator, event->task);
        break;
    case WR_EVENT_STOP:
        coordinator->is_stop_wanted = true;
        wr_decide_abort_periodic(coordinator, commands);
        break;
    case WR_EVENT_REQUEST:
        on_request(coordinator, commands, event);
        break;
    case WR_EVENT_DROPPED:
        wr_retained_deleted(&coordinator->retained, event->checkpoint_id);
        break;
    case WR_EVENT_END:
        on_end(coordinator, commands, event->end);
        break;
    case WR_EVENT_TIME:
    default:
        break;
    }
}
