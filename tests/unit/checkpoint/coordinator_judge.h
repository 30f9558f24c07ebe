/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_judge: was a command of the coordinator allowed, and what does it change? For the
 * test of random facts. */
#ifndef WR_TESTS_COORDINATOR_JUDGE_H
#define WR_TESTS_COORDINATOR_JUDGE_H

#include "coordinator_oracle.h"

static inline void
remove_attempt(struct world *w, struct attempt *attempt)
{
    size_t behind = (size_t)(w->under + w->under_count - attempt) - 1;
    memmove(attempt, attempt + 1, behind * sizeof *attempt);
    w->under_count--;
}

static inline void
answer(struct world *w, uint64_t number)
{
    if (number != 0) {
        assert_true(w->requests[number].state != UNKNOWN && w->requests[number].state != ANSWERED);
        w->requests[number].state = ANSWERED;
    }
    while (w->unanswered <= w->request_count && w->requests[w->unanswered].state == ANSWERED) {
        w->unanswered++;
    }
}

static inline void
check_trigger(struct world *w, const struct wr_coordinator_action *action)
{
    enum wr_checkpoint_kind kind = action->checkpoint_kind;
    enum wr_sharing sharing = w->settings.sharing;
    bool is_last = is_last_kind(kind);
    assert_int_equal(action->checkpoint_id, w->last_id + 1);
    assert_true(is_open(w) && action->request == whose_turn(w));
    if (action->request != 0) {
        struct request *request = &w->requests[action->request];
        bool is_turn = request->state == (kind == WR_SAVEPOINT_DRAIN ? DRAINING : WAITING);
        assert_true(is_turn && kind == request->kind);
        request->state = BEGUN;
        is_last = request->is_last;
        sharing = request->sharing;
        w->draining = action->request == w->draining ? 0 : w->draining;
    } else {
        enum wr_checkpoint_kind due = WR_SAVEPOINT;
        assert_true(w->now_ns >= due_ns(w, &due) && kind == due);
        *(kind == WR_CHECKPOINT_PERIODIC ? &w->periodic_ns : &w->last_ns) = w->now_ns;
    }
    if (sharing == WR_SHARING_BOTH && w->settings.first_is_full && !w->has_completed) {
        sharing = WR_SHARING_FORWARD;
    }
    assert_int_equal(action->sharing, sharing);
    w->counts->beside += w->under_count > 0;
    w->under[w->under_count++] = (struct attempt){ .id = ++w->last_id,
                                                   .number = action->request,
                                                   .trigger_ns = w->now_ns,
                                                   .base = w->told_id,
                                                   .kind = kind,
                                                   .sharing = sharing,
                                                   .is_last = is_last };
    w->counts->triggers++;
    w->counts->kinds[kind]++;
}

static inline bool
is_newer_storing(const struct world *w, uint64_t id)
{
    for (size_t i = 0; i < w->under_count; i++) {
        const struct attempt *other = &w->under[i];
        if (other->id > id && other->stage == STORING && commits(other->kind)) {
            return true;
        }
    }
    return false;
}

static inline void
check_store(struct world *w, struct attempt *attempt)
{
    assert_true(attempt->stage == PENDING && is_answered(w, attempt));
    assert_true(!commits(attempt->kind) || !is_newer_storing(w, attempt->id));
    attempt->stage = STORING;
    w->stores[w->store_count++] = attempt->id;
}

/* NOTIFY and RELEASE: the fact was that it is stored. */
static inline void
check_complete(struct world *w, const struct wr_coordinator_event *event, struct attempt *attempt,
               bool is_notify)
{
    assert_true(event->kind == WR_EVENT_STORED && event->checkpoint_id == attempt->id);
    assert_true(attempt->stage == STORING);
    bool is_too_late = is_savepoint(attempt->kind) && (w->is_over || w->is_ended);
    assert_true(is_notify == (commits(attempt->kind) && !is_too_late));
    answer(w, attempt->number);
    w->decided_ns = w->now_ns;
    if (is_notify && !w->is_ended) {
        if (attempt->is_last && !w->is_over) {
            w->is_last_complete = true;
        }
        w->told_id = is_savepoint(attempt->kind) ? w->told_id : later_of(w->told_id, attempt->id);
        attempt->stage = NOTIFYING;
        attempt->notify_ns = w->now_ns;
        memset(attempt->answers, 0, sizeof attempt->answers);
        return;
    }
    w->counts->released += !is_notify;
    w->is_over = w->is_over || (attempt->is_last && !is_last_kind(attempt->kind));
    remove_attempt(w, attempt);
}

static inline bool
is_abort_allowed(struct world *w, const struct wr_coordinator_event *event,
                 const struct attempt *attempt, enum wr_abort_reason reason)
{
    bool is_about_it = event->checkpoint_id == attempt->id;
    bool is_pending = attempt->stage == PENDING;
    switch (reason) {
    case WR_ABORT_DECLINED:
        return event->kind == WR_EVENT_DECLINED && is_about_it && is_pending;
    case WR_ABORT_EXPIRED:
        return is_pending && !is_answered(w, attempt) &&
               w->now_ns >= attempt->trigger_ns + w->settings.timeout_ns;
    case WR_ABORT_STORE_FAILED:
        return event->kind == WR_EVENT_STORE_FAILED && is_about_it && attempt->stage != NOTIFYING;
    case WR_ABORT_SUBSUMED: {
        const struct attempt *newer = under_way(w, event->checkpoint_id);
        return event->kind == WR_EVENT_STORED && newer != NULL && newer->id > attempt->id &&
               newer->stage == STORING && commits(newer->kind) && is_pending &&
               !is_savepoint(attempt->kind);
    }
    case WR_ABORT_SHUTDOWN:
        if (event->kind == WR_EVENT_STORE_FAILED) {
            return w->is_ended && is_about_it && attempt->stage == STORING;
        }
        return is_pending && (event->kind == WR_EVENT_END ||
                              (attempt->kind == WR_CHECKPOINT_PERIODIC &&
                               (event->kind == WR_EVENT_STOP || event->kind == WR_EVENT_REQUEST)));
    case WR_REFUSE_TOO_MANY:
    case WR_REFUSE_NOT_RUNNING:
    default:
        return false;
    }
}

static inline void
check_abort(struct world *w, const struct wr_coordinator_event *event, struct attempt *attempt,
            enum wr_abort_reason reason)
{
    assert_true(is_abort_allowed(w, event, attempt, reason));
    bool is_counted = reason != WR_ABORT_SHUTDOWN && reason != WR_ABORT_SUBSUMED;
    w->failures += is_counted && !is_savepoint(attempt->kind);
    w->decided_ns = w->now_ns;
    w->counts->aborts[reason]++;
    answer(w, attempt->number);
    remove_attempt(w, attempt);
}

static inline void
check_drop(struct world *w, uint64_t id)
{
    assert_true(is_drop_due(w) && id == w->live[0]);
    w->live_count--;
    memmove(w->live, w->live + 1, w->live_count * sizeof w->live[0]);
    w->dropping[w->dropping_count++] = id;
    w->counts->drops++;
}

static inline void
check_refuse(struct world *w, const struct wr_coordinator_action *action)
{
    struct request *request = &w->requests[action->request];
    bool is_closing = w->is_last_complete || w->is_over || w->is_ended;
    assert_int_equal(action->reason, WR_REFUSE_NOT_RUNNING); /* so many never wait here */
    if (request->state == DRAINING) {
        assert_true(is_closing);
        w->draining = 0;
    } else {
        bool is_new = action->request == w->request_count;
        assert_int_equal(request->state, WAITING);
        assert_true(is_closing || w->is_stopping || (is_new && (!w->is_started || is_drained(w))));
    }
    answer(w, action->request);
    w->counts->refused++;
}

static inline void
check_end_of_job(struct world *w, const struct wr_coordinator_action *action,
                 const struct wr_coordinator_action *before)
{
    assert_true(!w->is_over && !w->is_ended);
    w->is_over = true;
    if (action->kind == WR_ACTION_FINISH) {
        assert_true(w->is_last_complete && w->under_count == 0);
        assert_true(is_last_kind(action->checkpoint_kind));
        w->counts->finishes++;
        return;
    }
    assert_true(before != NULL && before->kind == WR_ACTION_ABORT && !w->is_last_complete);
    assert_true(before->checkpoint_id == action->checkpoint_id);
    assert_true(before->checkpoint_kind == WR_SAVEPOINT_DRAIN ||
                w->failures > w->settings.tolerable_failures);
    w->counts->fails++;
}

static inline void
check_action(struct world *w, const struct wr_coordinator_event *event,
             const struct wr_coordinator_action *action, const struct wr_coordinator_action *before)
{
    struct attempt *attempt = under_way(w, action->checkpoint_id);
    switch (action->kind) {
    case WR_ACTION_TRIGGER:
        check_trigger(w, action);
        break;
    case WR_ACTION_DROP:
        check_drop(w, action->checkpoint_id);
        break;
    case WR_ACTION_REFUSE:
        check_refuse(w, action);
        break;
    case WR_ACTION_DRAIN:
        assert_true(action->request == whose_turn(w) && w->draining == 0);
        assert_int_equal(w->requests[action->request].kind, WR_SAVEPOINT_DRAIN);
        w->requests[action->request].state = DRAINING;
        w->draining = action->request;
        w->counts->drained++;
        break;
    case WR_ACTION_FINISH:
    case WR_ACTION_FAIL:
        check_end_of_job(w, action, before);
        break;
    case WR_ACTION_STORE:
    case WR_ACTION_NOTIFY:
    case WR_ACTION_RELEASE:
    case WR_ACTION_ABORT:
    default:
        assert_non_null(attempt);
        assert_true(action->request == attempt->number);
        if (action->kind == WR_ACTION_STORE) {
            check_store(w, attempt);
        } else if (action->kind == WR_ACTION_ABORT) {
            check_abort(w, event, attempt, action->reason);
        } else {
            check_complete(w, event, attempt, action->kind == WR_ACTION_NOTIFY);
        }
        break;
    }
}

#endif /* WR_TESTS_COORDINATOR_JUDGE_H */
