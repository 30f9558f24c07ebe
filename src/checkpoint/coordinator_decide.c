/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_decide: what becomes of one attempt, as commands: begun, aborted, complete. */
#include "checkpoint/coordinator_inner.h"

#include "base/check.h"

#define RETRY_NS 100000000ULL

void
wr_command(struct wr_commands *commands, struct wr_coordinator_action action)
{
    wr_assert(commands->count < WR_COORDINATOR_ACTIONS_MAX);
    commands->out[commands->count++] = action;
}

struct wr_coordinator_action
wr_about(const struct wr_attempt *attempt, enum wr_coordinator_action_kind kind)
{
    return (struct wr_coordinator_action){ .kind = kind,
                                           .checkpoint_id = attempt->id,
                                           .checkpoint_kind = attempt->request.kind,
                                           .request = attempt->request.number,
                                           .sharing = attempt->request.sharing };
}

void
wr_decide_refuse(struct wr_commands *commands, const struct wr_request *request,
                 enum wr_abort_reason reason)
{
    wr_command(commands, (struct wr_coordinator_action){ .kind = WR_ACTION_REFUSE,
                                                         .checkpoint_kind = request->kind,
                                                         .reason = reason,
                                                         .request = request->number,
                                                         .sharing = request->sharing });
}

void
wr_decide_trigger(struct wr_coordinator *coordinator, struct wr_commands *commands,
                  struct wr_request request)
{
    uint64_t now_ns = coordinator->now_ns;
    struct wr_attempt *attempt =
        wr_attempts_add(&coordinator->attempts, coordinator->settings.next_id++);
    attempt->deadline_ns = wr_later(now_ns, coordinator->settings.timeout_ns);
    attempt->base_id = coordinator->told_id;
    attempt->request = request;
    if (request.sharing == WR_SHARING_BOTH && coordinator->settings.first_is_full &&
        !coordinator->has_completed) {
        attempt->request.sharing = WR_SHARING_FORWARD;
    }
    if (request.kind == WR_CHECKPOINT_PERIODIC) {
        coordinator->next_periodic_ns = wr_later(now_ns, coordinator->settings.interval_ns);
    } else if (request.number == 0) {
        coordinator->next_last_ns = wr_later(now_ns, RETRY_NS);
    }
    wr_command(commands, wr_about(attempt, WR_ACTION_TRIGGER));
}

/* An attempt is decided, for better or worse: the minimum pause counts from here. */
static void
begin_pause(struct wr_coordinator *coordinator)
{
    coordinator->next_periodic_ns =
        wr_greater(coordinator->next_periodic_ns,
                   wr_later(coordinator->now_ns, coordinator->settings.min_pause_ns));
}

void
wr_decide_abort(struct wr_coordinator *coordinator, struct wr_commands *commands,
                struct wr_attempt *attempt, enum wr_abort_reason reason)
{
    struct wr_coordinator_action action = wr_about(attempt, WR_ACTION_ABORT);
    action.reason = reason;
    wr_command(commands, action);
    begin_pause(coordinator);
    wr_attempts_remove(&coordinator->attempts, attempt);
}

/* Flink's CP12: failures of checkpoints in a row against the tolerable number. A failed savepoint
 * leaves the job as it was, but for one whose job has been drained for it. */
void
wr_decide_fail(struct wr_coordinator *coordinator, struct wr_commands *commands,
               struct wr_attempt *attempt, enum wr_abort_reason reason)
{
    struct wr_coordinator_action fail = wr_about(attempt, WR_ACTION_FAIL);
    fail.reason = reason;
    wr_decide_abort(coordinator, commands, attempt, reason);
    bool is_enough = fail.checkpoint_kind == WR_SAVEPOINT_DRAIN;
    if (!wr_checkpoint_is_savepoint(fail.checkpoint_kind)) {
        coordinator->failures += coordinator->failures < UINT32_MAX;
        is_enough = coordinator->failures > coordinator->settings.tolerable_failures;
    }
    if (is_enough && coordinator->life == WR_LIFE_RUNNING) {
        coordinator->life = WR_LIFE_OVER;
        wr_command(commands, fail);
    }
}

void
wr_decide_abort_periodic(struct wr_coordinator *coordinator, struct wr_commands *commands)
{
    size_t i = 0;
    while (i < coordinator->attempts.count) {
        struct wr_attempt *attempt = &coordinator->attempts.entries[i];
        if (attempt->phase == WR_ATTEMPT_PENDING &&
            attempt->request.kind == WR_CHECKPOINT_PERIODIC) {
            wr_decide_abort(coordinator, commands, attempt, WR_ABORT_SHUTDOWN);
        } else {
            i++;
        }
    }
}

/* Flink's CP14: a savepoint is its own purpose. */
static void
abort_subsumed(struct wr_coordinator *coordinator, struct wr_commands *commands, uint64_t stored_id)
{
    size_t i = 0;
    while (i < coordinator->attempts.count) {
        struct wr_attempt *attempt = &coordinator->attempts.entries[i];
        if (attempt->phase == WR_ATTEMPT_PENDING && attempt->id < stored_id &&
            !wr_checkpoint_is_savepoint(attempt->request.kind)) {
            wr_decide_abort(coordinator, commands, attempt, WR_ABORT_SUBSUMED);
        } else {
            i++;
        }
    }
}

/* A savepoint that nothing is committed by. */
void
wr_decide_release(struct wr_coordinator *coordinator, struct wr_commands *commands,
                  struct wr_attempt *attempt)
{
    wr_command(commands, wr_about(attempt, WR_ACTION_RELEASE));
    begin_pause(coordinator);
    if (attempt->request.is_last_of_job && coordinator->life == WR_LIFE_RUNNING) {
        coordinator->life = WR_LIFE_OVER;
    }
    wr_attempts_remove(&coordinator->attempts, attempt);
}

void
wr_decide_notify(struct wr_coordinator *coordinator, struct wr_commands *commands, uint64_t id)
{
    abort_subsumed(coordinator, commands, id);
    struct wr_attempt *attempt = wr_attempts_find(&coordinator->attempts, id);
    attempt->phase = WR_ATTEMPT_NOTIFYING;
    attempt->deadline_ns = wr_later(coordinator->now_ns, coordinator->settings.timeout_ns);
    wr_attempts_await(&coordinator->attempts, attempt);
    begin_pause(coordinator);
    wr_command(commands, wr_about(attempt, WR_ACTION_NOTIFY));
    if (!wr_checkpoint_is_savepoint(attempt->request.kind)) {
        coordinator->told_id = wr_greater(coordinator->told_id, id);
    }
    if (wr_request_is_last(&attempt->request) && coordinator->life == WR_LIFE_RUNNING) {
        coordinator->life = WR_LIFE_LAST;
        coordinator->last_id = id;
        coordinator->last_kind = attempt->request.kind;
    }
}
