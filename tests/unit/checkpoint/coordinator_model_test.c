/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_model_test: random facts, true and false ones, against a second opinion.
 *
 * The checker asks of each command whether it was allowed, and after each step whether something
 * was due that was not commanded (coordinator_oracle.h, coordinator_judge.h). The io thread answers
 * in order. At the end the faults are switched off, and a checkpoint has to complete in time; then
 * the job ends, and every request must have been answered, once. Floors at the end: a run that saw
 * too little is no proof.
 */
#include "coordinator_judge.h"

#include "base/memory.h"

enum {
    EVENTS_PER_WORLD = 900,
    WORLDS = 3000,
    EVENTS_FLOOR = 200000,
    FULL_STEP = 100 /* commands; a step with fewer has left nothing undone */
};

/* What a fact about an attempt means to the checker, before the coordinator is asked. */
static void
note_answer(struct world *w, const struct wr_coordinator_event *event)
{
    struct attempt *attempt = under_way(w, event->checkpoint_id);
    if (attempt == NULL) {
        return;
    }
    if ((event->kind == WR_EVENT_ACKNOWLEDGED && attempt->stage == PENDING) ||
        (event->kind == WR_EVENT_NOTIFIED && attempt->stage == NOTIFYING)) {
        attempt->answers[event->task] = true;
    }
    if (event->kind == WR_EVENT_NOTIFIED && attempt->stage == NOTIFYING &&
        is_answered(w, attempt)) {
        remove_attempt(w, attempt);
        return;
    }
    if (event->kind != WR_EVENT_STORED || attempt->stage != STORING) {
        return;
    }
    w->failures = 0;
    w->counts->completed++;
    w->counts->late_stored += w->now_ns >= attempt->trigger_ns + w->settings.timeout_ns;
    if (!is_savepoint(attempt->kind)) {
        w->has_completed = true;
        assert_true(w->live_count == 0 || w->live[w->live_count - 1] < attempt->id);
        w->live[w->live_count++] = attempt->id;
    }
    if (w->is_ended && attempt->number == 0) {
        remove_attempt(w, attempt); /* nobody asks */
    }
}

static void
note_end(struct world *w, enum wr_job_end end)
{
    w->is_ended = true;
    w->is_dropping_all =
        end == WR_END_FINISHED || end == WR_END_SAVED ||
        (end == WR_END_CANCELED && w->settings.retention != WR_RETAIN_ON_CANCELLATION);
    for (size_t i = w->under_count; i-- > 0;) {
        if (w->under[i].stage == NOTIFYING) {
            remove_attempt(w, &w->under[i]);
        }
    }
}

static void
note_dropped(struct world *w, uint64_t id)
{
    for (size_t i = 0; i < w->dropping_count; i++) {
        if (w->dropping[i] == id) {
            w->dropping[i] = w->dropping[--w->dropping_count];
            return;
        }
    }
}

/* A task that has heard of one has heard of the older ones, late or not. */
static void
note_heard(struct world *w, uint32_t task, uint64_t id)
{
    for (size_t i = 0; i < w->live_count; i++) {
        if (w->live[i] == id) {
            w->heard[task] = later_of(w->heard[task], id);
        }
    }
    w->notified_id = w->heard[0];
    for (uint32_t i = 1; i < w->settings.task_count; i++) {
        w->notified_id = w->heard[i] < w->notified_id ? w->heard[i] : w->notified_id;
    }
}

static void
note(struct world *w, const struct wr_coordinator_event *event)
{
    note_answer(w, event);
    if (event->kind == WR_EVENT_START && !w->is_started && !w->is_ended) {
        w->is_started = true;
        w->start_ns = w->now_ns;
    } else if (event->kind == WR_EVENT_NOTIFIED) {
        note_heard(w, event->task, event->checkpoint_id);
    } else if (event->kind == WR_EVENT_DRAINED) {
        w->drained[event->task] = true;
    } else if (event->kind == WR_EVENT_STOP) {
        w->is_stopping = true;
    } else if (event->kind == WR_EVENT_DROPPED) {
        note_dropped(w, event->checkpoint_id);
    } else if (event->kind == WR_EVENT_REQUEST) {
        w->requests[event->request] = (struct request){
            .state = WAITING,
            .kind = event->checkpoint_kind,
            .sharing = event->sharing,
            .is_last = event->is_last_of_job || is_last_kind(event->checkpoint_kind),
        };
    } else if (event->kind == WR_EVENT_END && !w->is_ended) {
        note_end(w, event->end);
    }
    if ((event->kind == WR_EVENT_STORED || event->kind == WR_EVENT_STORE_FAILED) &&
        w->store_count > 0 && event->checkpoint_id == w->stores[0]) {
        w->store_count--;
        memmove(w->stores, w->stores + 1, w->store_count * sizeof w->stores[0]);
    }
}

/* Each attempt is where it may be; the earliest timeout. */
static uint64_t
check_under_way(struct world *w)
{
    uint64_t wake_ns = UINT64_MAX;
    for (size_t i = 0; i < w->under_count; i++) {
        const struct attempt *attempt = &w->under[i];
        if (attempt->stage == NOTIFYING) {
            assert_false(is_answered(w, attempt));
            uint64_t patience_ns = attempt->notify_ns + w->settings.timeout_ns;
            wake_ns = !attempt->is_last && patience_ns < wake_ns ? patience_ns : wake_ns;
        }
        if (attempt->stage != PENDING) {
            continue;
        }
        assert_false(w->is_ended);
        bool is_shut = w->is_stopping || w->draining != 0 || is_anyone_waiting(w, true);
        assert_false(attempt->kind == WR_CHECKPOINT_PERIODIC && is_shut && !w->is_over);
        if (is_answered(w, attempt)) {
            assert_true(commits(attempt->kind) && is_newer_storing(w, attempt->id));
            w->counts->held_back++;
            continue;
        }
        uint64_t deadline_ns = attempt->trigger_ns + w->settings.timeout_ns;
        assert_true(w->now_ns < deadline_ns);
        wake_ns = deadline_ns < wake_ns ? deadline_ns : wake_ns;
    }
    return wake_ns;
}

/* Nothing that was due is missing, and the questions are answered truly. */
static void
check_rest(struct world *w, size_t commanded)
{
    uint64_t ids[LIVE_MAX];
    assert_int_equal(wr_coordinator_pending(w->coordinator),
                     w->under_count == 0 ? 0 : w->under[0].id);
    assert_int_equal(wr_coordinator_failures(w->coordinator), w->failures);
    assert_int_equal(wr_coordinator_retained(w->coordinator, ids, LIVE_MAX), w->live_count);
    assert_memory_equal(ids, w->live, w->live_count * sizeof ids[0]);
    uint64_t wake_ns = check_under_way(w);
    bool is_closing = w->is_last_complete || w->is_over || w->is_ended;
    bool is_refusal_due = ((is_closing || w->is_stopping) && is_anyone_waiting(w, false)) ||
                          (is_closing && w->draining != 0);
    if (is_drop_due(w) || is_refusal_due) {
        assert_true(commanded >= FULL_STEP);
        wake_ns = w->now_ns;
    } else {
        enum wr_checkpoint_kind kind;
        uint64_t due = due_ns(w, &kind);
        assert_true(due > w->now_ns && whose_turn(w) == 0);
        wake_ns = due < wake_ns ? due : wake_ns;
    }
    assert_true(wr_coordinator_wake_at(w->coordinator) == wake_ns);
    assert_true(is_closing || w->failures <= w->settings.tolerable_failures);
    assert_true(!w->is_last_complete || w->is_over || w->is_ended || w->under_count > 0);
}

/* Those that some task has not answered NOTIFY of for too long are no longer waited for. */
static void
forget_unanswered(struct world *w)
{
    for (size_t i = w->under_count; i-- > 0;) {
        struct attempt *attempt = &w->under[i];
        if (attempt->stage == NOTIFYING && !attempt->is_last &&
            w->now_ns >= attempt->notify_ns + w->settings.timeout_ns) {
            remove_attempt(w, attempt);
            w->counts->forgotten++;
        }
    }
}

static void
tell(struct world *w, struct wr_coordinator_event event)
{
    struct wr_coordinator_action actions[WR_COORDINATOR_ACTIONS_MAX];
    event.now_ns = w->now_ns;
    note(w, &event);
    forget_unanswered(w);
    size_t count = wr_coordinator_step(w->coordinator, &event, actions);
    for (size_t i = 0; i < count; i++) {
        check_action(w, &event, &actions[i], i > 0 ? &actions[i - 1] : NULL);
    }
    check_rest(w, count);
    w->counts->events += w->is_started && !w->is_over && !w->is_ended; /* those that matter */
}

static struct wr_coordinator_event
make_event(struct world *w, enum wr_coordinator_event_kind kind)
{
    return (struct wr_coordinator_event){
        .kind = kind,
        .checkpoint_id = w->last_id,
        .task = (uint32_t)wr_rng_below(&w->rng, w->settings.task_count),
        .end = (enum wr_job_end)wr_rng_below(&w->rng, 5),
    };
}

static struct wr_coordinator_event
make_request(struct world *w)
{
    static const enum wr_checkpoint_kind kinds[] = {
        WR_CHECKPOINT_MANUAL, WR_CHECKPOINT_MANUAL, WR_CHECKPOINT_MANUAL, WR_SAVEPOINT,
        WR_SAVEPOINT,         WR_SAVEPOINT,         WR_SAVEPOINT_STOP,
    };
    struct wr_coordinator_event event = make_event(w, WR_EVENT_REQUEST);
    event.request = ++w->request_count;
    event.checkpoint_kind = kinds[wr_rng_below(&w->rng, 7)];
    if (wr_rng_below(&w->rng, 25) == 0) {
        event.checkpoint_kind = WR_SAVEPOINT_DRAIN;
    }
    event.is_last_of_job = event.checkpoint_kind == WR_SAVEPOINT && wr_rng_below(&w->rng, 20) == 0;
    event.sharing = is_savepoint(event.checkpoint_kind) ? WR_SHARING_NONE
                                                        : (enum wr_sharing)wr_rng_below(&w->rng, 2);
    return event;
}

/* An answer that is true, or nearly: about one that is under way, mostly of its stage. */
static struct wr_coordinator_event
make_answer(struct world *w)
{
    static const enum wr_coordinator_event_kind of_stage[] = { WR_EVENT_ACKNOWLEDGED,
                                                               WR_EVENT_STORED, WR_EVENT_NOTIFIED };
    static const enum wr_coordinator_event_kind bad[] = { WR_EVENT_DECLINED, WR_EVENT_STORE_FAILED,
                                                          WR_EVENT_STORED, WR_EVENT_NOTIFIED };
    struct wr_coordinator_event event = make_event(w, WR_EVENT_ACKNOWLEDGED);
    if (w->under_count > 0) {
        const struct attempt *attempt = &w->under[wr_rng_below(&w->rng, w->under_count)];
        event.kind = of_stage[attempt->stage];
        event.checkpoint_id = attempt->id;
    }
    if (wr_rng_below(&w->rng, 30) == 0) {
        event.kind = bad[wr_rng_below(&w->rng, 4)];
    }
    if (wr_rng_below(&w->rng, 12) == 0) {
        event.checkpoint_id += wr_rng_below(&w->rng, 4) - 2; /* late, early, or none */
    }
    const struct attempt *attempt = under_way(w, event.checkpoint_id);
    if ((event.kind == WR_EVENT_STORED || event.kind == WR_EVENT_STORE_FAILED) && attempt != NULL &&
        attempt->stage == STORING) {
        event.checkpoint_id = w->stores[0]; /* the io thread answers in order */
    }
    return event;
}

static struct wr_coordinator_event
make_dropped(struct world *w)
{
    struct wr_coordinator_event event = make_event(w, WR_EVENT_DROPPED);
    if (w->dropping_count > 0 && wr_rng_below(&w->rng, 10) != 0) {
        event.checkpoint_id = w->dropping[wr_rng_below(&w->rng, w->dropping_count)];
    }
    return event;
}

static void
tell_random(struct world *w)
{
    static const enum wr_coordinator_event_kind rarely[] = { WR_EVENT_DRAINED, WR_EVENT_DRAINED,
                                                             WR_EVENT_DRAINED, WR_EVENT_STOP,
                                                             WR_EVENT_END,     WR_EVENT_START,
                                                             WR_EVENT_START };
    uint64_t dice = wr_rng_below(&w->rng, 1000);
    struct wr_coordinator_event event;
    if (dice < 4) {
        event = make_event(w, rarely[wr_rng_below(&w->rng, 7)]);
    } else if (dice < 30) {
        event = make_request(w);
    } else if (dice < 100 || (dice < 400 && w->dropping_count > 0)) {
        event = make_dropped(w);
    } else if (dice < 200) {
        event = make_event(w, w->draining != 0 ? WR_EVENT_DRAINED : WR_EVENT_TIME);
    } else {
        event = make_answer(w);
    }
    uint64_t wake_ns = wr_coordinator_wake_at(w->coordinator);
    if (event.kind == WR_EVENT_TIME && wake_ns != UINT64_MAX && wr_rng_below(&w->rng, 3) == 0) {
        w->now_ns = later_of(w->now_ns, wake_ns - wr_rng_below(&w->rng, 2));
    } else {
        w->now_ns += wr_rng_below(&w->rng, wr_rng_below(&w->rng, 20) == 0 ? 60 * MS : 3 * MS);
    }
    tell(w, event);
}

/* Faults off: whoever is asked answers, truly. False: nobody was asked anything. */
static bool
tell_what_is_asked(struct world *w)
{
    if (w->dropping_count > 0) {
        struct wr_coordinator_event event = make_event(w, WR_EVENT_DROPPED);
        event.checkpoint_id = w->dropping[0];
        tell(w, event);
    } else if (w->store_count > 0) {
        struct wr_coordinator_event event = make_event(w, WR_EVENT_STORED);
        event.checkpoint_id = w->stores[0];
        tell(w, event);
    } else if (w->draining != 0 && !is_drained(w)) {
        tell(w, make_event(w, WR_EVENT_DRAINED));
    } else if (w->under_count > 0) {
        const struct attempt *attempt = &w->under[w->under_count - 1];
        for (size_t i = 0; i < w->under_count; i++) {
            if (!is_answered(w, &w->under[i])) {
                attempt = &w->under[i];
            }
        }
        struct wr_coordinator_event event =
            make_event(w, attempt->stage == PENDING ? WR_EVENT_ACKNOWLEDGED : WR_EVENT_NOTIFIED);
        event.checkpoint_id = attempt->id;
        tell(w, event);
    } else {
        return false;
    }
    return true;
}

/* Where nobody is asked anything the next checkpoint comes in time; so two complete, or the job is
 * over. */
static void
check_liveness(struct world *w)
{
    if (!w->is_started) {
        tell(w, make_event(w, WR_EVENT_START));
    }
    uint64_t completed = w->counts->completed;
    while (!w->is_over && w->counts->completed < completed + 2) {
        if (!tell_what_is_asked(w)) {
            uint64_t limit_ns =
                w->now_ns + later_of(later_of(w->settings.interval_ns, w->settings.first_delay_ns),
                                     later_of(w->settings.min_pause_ns, 100 * MS));
            w->now_ns = wr_coordinator_wake_at(w->coordinator);
            assert_true(w->now_ns <= limit_ns);
            tell(w, make_event(w, WR_EVENT_TIME));
        }
    }
    w->counts->recovered++;
}

/* Behind the end nothing is owed. */
static void
check_end(struct world *w)
{
    tell(w, make_event(w, WR_EVENT_END));
    while (wr_coordinator_wake_at(w->coordinator) <= w->now_ns || tell_what_is_asked(w)) {
        tell(w, make_event(w, WR_EVENT_TIME));
    }
    assert_true(w->under_count == 0 && w->unanswered == w->request_count + 1);
    assert_true(!w->is_dropping_all || w->live_count == 0);
}

static struct wr_coordinator_settings
random_settings(struct wr_rng *rng)
{
    return (struct wr_coordinator_settings){
        .interval_ns = wr_rng_below(rng, 8) == 0 ? 0 : (1 + wr_rng_below(rng, 80)) * MS,
        .first_delay_ns = wr_rng_below(rng, 50) * MS,
        .timeout_ns = (10 + wr_rng_below(rng, 150)) * MS,
        .min_pause_ns = wr_rng_below(rng, 3) != 0 ? 0 : wr_rng_below(rng, 60) * MS,
        .tolerable_failures = (uint32_t)wr_rng_below(rng, 40),
        .retained_count = 1 + (uint32_t)wr_rng_below(rng, 5),
        .retention = (enum wr_retention)wr_rng_below(rng, 3),
        .task_count = 1 + (uint32_t)wr_rng_below(rng, TASKS_MAX),
        .next_id = 1 + wr_rng_below(rng, 1000),
        .max_concurrent = 1 + (uint32_t)wr_rng_below(rng, 4),
        .unaligned = wr_rng_below(rng, 5) == 0,
        .sharing = (enum wr_sharing)wr_rng_below(rng, 2),
        .first_is_full = wr_rng_below(rng, 2) == 0,
    };
}

static void
run_world(uint64_t seed, struct counts *counts)
{
    weir_alloc alloc = wr_memory_system();
    struct world w = { .counts = counts, .now_ns = 1000 * MS, .unanswered = 1 };
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
    check_end(&w);
    wr_coordinator_destroy(w.coordinator);
}

static void
check_floors(const struct counts *counts)
{
    assert_true(counts->events >= EVENTS_FLOOR);
    assert_true(counts->completed >= 10000 && counts->drops >= 5000);
    for (size_t reason = 0; reason < 5; reason++) {
        assert_true(counts->aborts[reason] >= 500);
    }
    for (size_t kind = WR_CHECKPOINT_PERIODIC; kind <= WR_SAVEPOINT_DRAIN; kind++) {
        assert_true(counts->kinds[kind] >= 100);
    }
    assert_true(counts->finishes >= 500 && counts->fails >= 200);
    assert_true(counts->late_stored >= 500 && counts->recovered >= 300);
    assert_true(counts->released >= 2000 && counts->refused >= 2000);
    assert_true(counts->beside >= 5000 && counts->held_back >= 500);
    assert_true(counts->forgotten >= 500);
}

TEST(coordinator_keeps_its_invariants_under_random_facts)
{
    struct counts counts = { 0 };
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        run_world(0x5eed0000 + seed, &counts);
    }
    print_message("coordinator model: %llu events, %llu triggers (%llu beside others), %llu "
                  "complete (%llu late), %llu released, %llu refused, %llu drained, %llu held "
                  "back, %llu dropped, %llu finished, %llu failed, %llu recovered\n",
                  (unsigned long long)counts.events, (unsigned long long)counts.triggers,
                  (unsigned long long)counts.beside, (unsigned long long)counts.completed,
                  (unsigned long long)counts.late_stored, (unsigned long long)counts.released,
                  (unsigned long long)counts.refused, (unsigned long long)counts.drained,
                  (unsigned long long)counts.held_back, (unsigned long long)counts.drops,
                  (unsigned long long)counts.finishes, (unsigned long long)counts.fails,
                  (unsigned long long)counts.recovered);
    for (size_t kind = WR_CHECKPOINT_PERIODIC; kind <= WR_SAVEPOINT_DRAIN; kind++) {
        print_message("kind %zu: %llu\n", kind, (unsigned long long)counts.kinds[kind]);
    }
    for (size_t reason = 0; reason < 5; reason++) {
        print_message("aborted for %zu: %llu\n", reason, (unsigned long long)counts.aborts[reason]);
    }
    check_floors(&counts);
}
