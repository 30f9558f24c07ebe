/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_model_test: random facts, true and false ones, against a second opinion.
 *
 * The checker keeps only what was told and commanded, and asks of each command whether it was
 * allowed, and after each step whether something was due that was not commanded. At the end the
 * faults are switched off, and a checkpoint has to complete in time. Floors at the end: a run that
 * saw too little is no proof.
 */
#include "support/test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "checkpoint/coordinator.h"

#include <stdbool.h>
#include <string.h>

#define MS 1000000ULL

enum {
    TASKS_MAX = 6,
    LIVE_MAX = 80,
    EVENTS_PER_WORLD = 900,
    WORLDS = 3000,
    EVENTS_FLOOR = 200000
};

enum stage {
    NONE,
    TRIGGERED,
    STORE_COMMANDED,
    NOTIFY_COMMANDED
};

struct counts {
    uint64_t events, triggers, completed, drops, finishes, fails, late_stored, recovered;
    uint64_t aborts[4];
    uint64_t kinds[4];
};

struct world {
    struct wr_rng rng;
    struct wr_coordinator *coordinator;
    struct wr_coordinator_settings settings;
    struct counts *counts;
    uint64_t now_ns, start_ns;
    bool is_started, is_stopping, is_over, is_ended, is_dropping_all;
    bool is_drained[TASKS_MAX];

    uint64_t last_id; /* triggered */
    enum stage stage;
    enum wr_checkpoint_kind kind;
    bool is_answered[TASKS_MAX];
    uint64_t trigger_ns; /* 0: none yet */
    uint64_t last_kind_trigger_ns;
    uint64_t decided_ns;
    uint32_t failures;
    uint64_t live[LIVE_MAX]; /* complete, not dropped */
    size_t live_count;
};

static uint64_t
later_of(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

static bool
are_all(const bool *flags, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!flags[i]) {
            return false;
        }
    }
    return true;
}

static bool
is_draining(const struct world *w)
{
    return are_all(w->is_drained, w->settings.task_count);
}

/* When the next trigger is due, were none under way. */
static uint64_t
due_ns(const struct world *w)
{
    if (is_draining(w) || w->is_stopping) {
        return w->last_kind_trigger_ns == 0 ? 0 : w->last_kind_trigger_ns + 100 * MS;
    }
    if (w->settings.interval_ns == 0) {
        return UINT64_MAX;
    }
    uint64_t due = w->trigger_ns == 0 ? w->start_ns + w->settings.first_delay_ns
                                      : w->trigger_ns + w->settings.interval_ns;
    return w->decided_ns == 0 ? due : later_of(due, w->decided_ns + w->settings.min_pause_ns);
}

static void
check_trigger(struct world *w, const struct wr_coordinator_action *action)
{
    assert_true(w->is_started && !w->is_over && !w->is_ended);
    assert_int_equal(w->stage, NONE);
    assert_int_equal(action->checkpoint_id, w->last_id + 1);
    assert_true(w->now_ns >= due_ns(w));
    enum wr_checkpoint_kind kind = is_draining(w)   ? WR_CHECKPOINT_FINAL
                                   : w->is_stopping ? WR_CHECKPOINT_STOP
                                                    : WR_CHECKPOINT_PERIODIC;
    assert_int_equal(action->checkpoint_kind, kind);
    w->stage = TRIGGERED;
    w->kind = kind;
    w->last_id++;
    w->trigger_ns = w->now_ns;
    if (kind != WR_CHECKPOINT_PERIODIC) {
        w->last_kind_trigger_ns = w->now_ns;
    }
    memset(w->is_answered, 0, sizeof w->is_answered);
    w->counts->triggers++;
    w->counts->kinds[kind]++;
}

static void
check_abort(struct world *w, const struct wr_coordinator_event *event,
            const struct wr_coordinator_action *action)
{
    bool is_about_it = event->checkpoint_id == w->last_id;
    switch (action->reason) {
    case WR_ABORT_DECLINED:
        assert_true(event->kind == WR_EVENT_DECLINED && is_about_it && w->stage == TRIGGERED);
        break;
    case WR_ABORT_EXPIRED:
        assert_true(w->stage == TRIGGERED && w->now_ns >= w->trigger_ns + w->settings.timeout_ns);
        break;
    case WR_ABORT_STORE_FAILED:
        assert_true(event->kind == WR_EVENT_STORE_FAILED && is_about_it);
        assert_true(w->stage == TRIGGERED || w->stage == STORE_COMMANDED);
        break;
    case WR_ABORT_SHUTDOWN:
    case WR_ABORT_SUBSUMED:
    case WR_REFUSE_TOO_MANY:
    case WR_REFUSE_NOT_RUNNING:
    default:
        assert_int_equal(action->reason, WR_ABORT_SHUTDOWN);
        if (event->kind == WR_EVENT_STORE_FAILED) {
            assert_true(w->is_ended && is_about_it && w->stage == STORE_COMMANDED);
        } else {
            assert_int_equal(w->stage, TRIGGERED);
            assert_true(event->kind == WR_EVENT_END ||
                        (event->kind == WR_EVENT_STOP && w->kind == WR_CHECKPOINT_PERIODIC));
        }
        break;
    }
    assert_int_equal(action->checkpoint_id, w->last_id);
    w->failures += action->reason != WR_ABORT_SHUTDOWN;
    w->stage = NONE;
    w->decided_ns = w->now_ns;
    w->counts->aborts[action->reason]++;
}

/* The newest complete one is known to every task, or the job is over. */
static void
check_drop(struct world *w, const struct wr_coordinator_action *action)
{
    assert_true(w->live_count > 0 && action->checkpoint_id == w->live[0]);
    if (!w->is_dropping_all) {
        assert_true(w->live_count > w->settings.retained_count);
        assert_int_equal(w->stage, NONE);
        assert_int_equal(w->live[w->live_count - 1], w->last_id);
        assert_true(are_all(w->is_answered, w->settings.task_count));
    }
    w->live_count--;
    memmove(w->live, w->live + 1, w->live_count * sizeof w->live[0]);
    w->counts->drops++;
}

static void
check_action(struct world *w, const struct wr_coordinator_event *event,
             const struct wr_coordinator_action *action)
{
    bool is_about_it = event->checkpoint_id == w->last_id;
    switch (action->kind) {
    case WR_ACTION_TRIGGER:
        check_trigger(w, action);
        break;
    case WR_ACTION_STORE:
        assert_true(w->stage == TRIGGERED && action->checkpoint_id == w->last_id);
        assert_true(are_all(w->is_answered, w->settings.task_count));
        w->stage = STORE_COMMANDED;
        break;
    case WR_ACTION_NOTIFY:
        assert_true(w->stage == STORE_COMMANDED && action->checkpoint_id == w->last_id);
        assert_true(event->kind == WR_EVENT_STORED && is_about_it && !w->is_ended);
        w->stage = NOTIFY_COMMANDED;
        memset(w->is_answered, 0, sizeof w->is_answered);
        break;
    case WR_ACTION_ABORT:
        check_abort(w, event, action);
        break;
    case WR_ACTION_DROP:
        check_drop(w, action);
        break;
    case WR_ACTION_FINISH:
        assert_true(w->stage == NONE && w->kind != WR_CHECKPOINT_PERIODIC && !w->is_over);
        assert_true(action->checkpoint_id == w->last_id &&
                    w->live[w->live_count - 1] == w->last_id);
        assert_true(are_all(w->is_answered, w->settings.task_count));
        w->is_over = true;
        w->counts->finishes++;
        break;
    case WR_ACTION_RELEASE:
    case WR_ACTION_REFUSE:
    case WR_ACTION_DRAIN:
        assert_true(!"nothing was requested");
        break;
    case WR_ACTION_FAIL:
    default:
        assert_true(w->failures == w->settings.tolerable_failures + 1 && !w->is_over);
        w->is_over = true;
        w->counts->fails++;
        break;
    }
}

/* What a fact means to the checker, before the coordinator is asked. */
static void
note_answer(struct world *w, const struct wr_coordinator_event *event)
{
    if (event->checkpoint_id != w->last_id) {
        return;
    }
    if ((event->kind == WR_EVENT_ACKNOWLEDGED && w->stage == TRIGGERED) ||
        (event->kind == WR_EVENT_NOTIFIED && w->stage == NOTIFY_COMMANDED)) {
        w->is_answered[event->task] = true;
    }
    if (event->kind == WR_EVENT_NOTIFIED && w->stage == NOTIFY_COMMANDED &&
        are_all(w->is_answered, w->settings.task_count)) {
        w->stage = NONE;
    }
    if (event->kind == WR_EVENT_STORED && w->stage == STORE_COMMANDED) {
        w->live[w->live_count++] = w->last_id;
        w->failures = 0;
        w->decided_ns = w->now_ns;
        w->counts->completed++;
        w->counts->late_stored += w->now_ns >= w->trigger_ns + w->settings.timeout_ns;
        if (w->is_ended) {
            w->stage = NONE;
        }
    }
}

static void
note(struct world *w, const struct wr_coordinator_event *event)
{
    note_answer(w, event);
    if (event->kind == WR_EVENT_START && !w->is_started && !w->is_ended) {
        w->is_started = true;
        w->start_ns = w->now_ns;
    } else if (event->kind == WR_EVENT_DRAINED) {
        w->is_drained[event->task] = true;
    } else if (event->kind == WR_EVENT_STOP) {
        w->is_stopping = true;
    } else if (event->kind == WR_EVENT_END && !w->is_ended) {
        w->is_ended = true;
        w->is_dropping_all =
            event->end == WR_END_FINISHED ||
            (event->end == WR_END_CANCELED && w->settings.retention != WR_RETAIN_ON_CANCELLATION);
        w->stage = w->stage == NOTIFY_COMMANDED ? NONE : w->stage;
    }
}

/* Nothing that was due is missing, and the questions are answered truly. */
static void
check_rest(struct world *w, bool was_notified)
{
    uint64_t wake_ns = wr_coordinator_wake_at(w->coordinator);
    uint64_t ids[LIVE_MAX];
    assert_int_equal(wr_coordinator_pending(w->coordinator), w->stage == NONE ? 0 : w->last_id);
    assert_int_equal(wr_coordinator_failures(w->coordinator), w->failures);
    assert_int_equal(wr_coordinator_retained(w->coordinator, ids, LIVE_MAX), w->live_count);
    assert_memory_equal(ids, w->live, w->live_count * sizeof ids[0]);
    if (was_notified && !w->is_ended) {
        assert_true(w->live_count <= w->settings.retained_count);
    }
    if (w->is_ended) {
        assert_true(w->stage == NONE || w->stage == STORE_COMMANDED);
        assert_true(!w->is_dropping_all || w->live_count == 0);
        assert_true(wake_ns == UINT64_MAX);
    } else if (w->stage == TRIGGERED) {
        assert_false(are_all(w->is_answered, w->settings.task_count));
        assert_true(w->now_ns < w->trigger_ns + w->settings.timeout_ns);
        assert_true(wake_ns == w->trigger_ns + w->settings.timeout_ns);
        assert_false(w->is_stopping && w->kind == WR_CHECKPOINT_PERIODIC && !is_draining(w));
    } else if (w->stage == NONE && w->is_started && !w->is_over) {
        assert_true(w->now_ns < due_ns(w) && wake_ns == due_ns(w));
    } else {
        assert_true(wake_ns == UINT64_MAX);
    }
    assert_true(w->is_over || w->failures <= w->settings.tolerable_failures);
}

static void
tell(struct world *w, struct wr_coordinator_event event)
{
    struct wr_coordinator_action actions[WR_COORDINATOR_ACTIONS_MAX];
    event.now_ns = w->now_ns;
    bool was_notifying = w->stage == NOTIFY_COMMANDED;
    note(w, &event);
    bool was_notified = was_notifying && w->stage == NONE;
    size_t count = wr_coordinator_step(w->coordinator, &event, actions);
    for (size_t i = 0; i < count; i++) {
        check_action(w, &event, &actions[i]);
    }
    check_rest(w, was_notified);
    w->counts->events += w->is_started && !w->is_over && !w->is_ended; /* those that matter */
}

static struct wr_coordinator_event
make_event(struct world *w, enum wr_coordinator_event_kind kind)
{
    return (struct wr_coordinator_event){
        .kind = kind,
        .checkpoint_id = w->last_id,
        .task = (uint32_t)wr_rng_below(&w->rng, w->settings.task_count),
        .end = (enum wr_job_end)wr_rng_below(&w->rng, 4),
    };
}

static void
tell_random(struct world *w)
{
    static const enum wr_coordinator_event_kind often[] = {
        WR_EVENT_ACKNOWLEDGED, WR_EVENT_ACKNOWLEDGED, WR_EVENT_ACKNOWLEDGED, WR_EVENT_NOTIFIED,
        WR_EVENT_NOTIFIED,     WR_EVENT_STORED,       WR_EVENT_STORED,       WR_EVENT_TIME,
    };
    static const enum wr_coordinator_event_kind seldom[] = {
        WR_EVENT_DECLINED, WR_EVENT_DECLINED,     WR_EVENT_STORE_FAILED,
        WR_EVENT_START,    WR_EVENT_STORE_FAILED,
    };
    static const enum wr_coordinator_event_kind rarely[] = { WR_EVENT_DRAINED, WR_EVENT_DRAINED,
                                                             WR_EVENT_DRAINED, WR_EVENT_STOP,
                                                             WR_EVENT_END };
    uint64_t dice = wr_rng_below(&w->rng, 1000);
    enum wr_coordinator_event_kind kind = often[wr_rng_below(&w->rng, 8)];
    if (dice < 30) {
        kind = seldom[wr_rng_below(&w->rng, 5)];
    } else if (dice < 34) {
        kind = rarely[wr_rng_below(&w->rng, 5)];
    }
    struct wr_coordinator_event event = make_event(w, kind);
    if (wr_rng_below(&w->rng, 12) == 0) {
        event.checkpoint_id += wr_rng_below(&w->rng, 4) - 2; /* late, early, or none */
    }
    uint64_t wake_ns = wr_coordinator_wake_at(w->coordinator);
    if (kind == WR_EVENT_TIME && wake_ns != UINT64_MAX && wr_rng_below(&w->rng, 3) == 0) {
        w->now_ns = later_of(w->now_ns, wake_ns - wr_rng_below(&w->rng, 2));
    } else {
        w->now_ns += wr_rng_below(&w->rng, wr_rng_below(&w->rng, 20) == 0 ? 60 * MS : 3 * MS);
    }
    tell(w, event);
}

/* Faults off: everybody answers at once. A checkpoint completes within interval and timeout (and,
 * where one is under way or the pause is longer, those). */
static void
check_liveness(struct world *w)
{
    if (!w->is_started) {
        tell(w, make_event(w, WR_EVENT_START));
    }
    uint64_t completed = w->counts->completed;
    uint64_t limit_ns = w->now_ns + w->settings.timeout_ns +
                        later_of(later_of(w->settings.interval_ns, w->settings.first_delay_ns),
                                 later_of(w->settings.min_pause_ns, 100 * MS));
    while (!w->is_over && w->counts->completed < completed + 2) {
        if (w->stage == NONE) {
            w->now_ns = wr_coordinator_wake_at(w->coordinator);
            assert_true(w->now_ns <= limit_ns);
            tell(w, make_event(w, WR_EVENT_TIME));
        } else if (w->stage == STORE_COMMANDED) {
            tell(w, make_event(w, WR_EVENT_STORED));
            limit_ns += w->settings.interval_ns + w->settings.min_pause_ns;
        } else {
            tell(w,
                 make_event(w, w->stage == TRIGGERED ? WR_EVENT_ACKNOWLEDGED : WR_EVENT_NOTIFIED));
        }
    }
    w->counts->recovered++;
}

static struct wr_coordinator_settings
random_settings(struct wr_rng *rng)
{
    return (struct wr_coordinator_settings){
        .interval_ns = wr_rng_below(rng, 8) == 0 ? 0 : (1 + wr_rng_below(rng, 80)) * MS,
        .first_delay_ns = wr_rng_below(rng, 50) * MS,
        .timeout_ns = (10 + wr_rng_below(rng, 150)) * MS,
        .min_pause_ns = wr_rng_below(rng, 2) == 0 ? 0 : wr_rng_below(rng, 60) * MS,
        .tolerable_failures = (uint32_t)wr_rng_below(rng, 40),
        .retained_count = 1 + (uint32_t)wr_rng_below(rng, 5),
        .retention = (enum wr_retention)wr_rng_below(rng, 3),
        .task_count = 1 + (uint32_t)wr_rng_below(rng, TASKS_MAX),
        .next_id = 1 + wr_rng_below(rng, 1000),
    };
}

static void
run_world(uint64_t seed, struct counts *counts)
{
    weir_alloc alloc = wr_memory_system();
    struct world w = { .counts = counts, .now_ns = 1000 * MS };
    wr_rng_init(&w.rng, seed);
    w.settings = random_settings(&w.rng);
    w.last_id = w.settings.next_id - 1;
    assert_ok(wr_coordinator_create(&alloc, &w.settings, &w.coordinator), NULL);
    uint64_t older = wr_rng_below(&w.rng, 4);
    for (uint64_t id = w.last_id - (w.last_id < older ? w.last_id : older) + 1; id <= w.last_id;
         id++) {
        assert_ok(wr_coordinator_add_retained(w.coordinator, id), NULL);
        w.live[w.live_count++] = id;
    }
    if (wr_rng_below(&w.rng, 4) != 0) {
        tell(&w, make_event(&w, WR_EVENT_START));
    }
    for (int i = 0; i < EVENTS_PER_WORLD; i++) {
        tell_random(&w);
    }
    if (!w.is_ended && w.settings.interval_ns != 0) {
        check_liveness(&w);
    }
    wr_coordinator_destroy(w.coordinator);
}

TEST(coordinator_keeps_its_invariants_under_random_facts)
{
    struct counts counts = { 0 };
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        run_world(0x5eed0000 + seed, &counts);
    }
    print_message("coordinator model: %llu events, %llu triggers (%llu stop, %llu final), %llu "
                  "complete (%llu late), aborts %llu %llu %llu %llu, %llu dropped, %llu finished, "
                  "%llu failed, %llu recovered\n",
                  (unsigned long long)counts.events, (unsigned long long)counts.triggers,
                  (unsigned long long)counts.kinds[WR_CHECKPOINT_STOP],
                  (unsigned long long)counts.kinds[WR_CHECKPOINT_FINAL],
                  (unsigned long long)counts.completed, (unsigned long long)counts.late_stored,
                  (unsigned long long)counts.aborts[0], (unsigned long long)counts.aborts[1],
                  (unsigned long long)counts.aborts[2], (unsigned long long)counts.aborts[3],
                  (unsigned long long)counts.drops, (unsigned long long)counts.finishes,
                  (unsigned long long)counts.fails, (unsigned long long)counts.recovered);
    assert_true(counts.events >= EVENTS_FLOOR);
    assert_true(counts.completed >= 10000 && counts.drops >= 10000);
    for (size_t reason = 0; reason < 4; reason++) {
        assert_true(counts.aborts[reason] >= 500);
    }
    assert_true(counts.finishes >= 500 && counts.fails >= 200);
    assert_true(counts.kinds[WR_CHECKPOINT_STOP] >= 500 &&
                counts.kinds[WR_CHECKPOINT_FINAL] >= 500);
    assert_true(counts.late_stored >= 500 && counts.recovered >= 500);
}
