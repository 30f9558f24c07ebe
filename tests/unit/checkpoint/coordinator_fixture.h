/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_fixture: a coordinator, a clock, and what it last commanded, for tests that tell a
 * story. */
#ifndef WR_TESTS_COORDINATOR_FIXTURE_H
#define WR_TESTS_COORDINATOR_FIXTURE_H

#include "support/test.h"

#include "base/memory.h"
#include "checkpoint/coordinator.h"

#define MS 1000000ULL

struct fixture {
    struct wr_coordinator *coordinator;
    uint32_t task_count;
    uint64_t now_ns;
    struct wr_coordinator_action actions[WR_COORDINATOR_ACTIONS_MAX];
    size_t count; /* commanded by the last step */
    size_t seen;  /* of those, expected so far */
};

/* Interval 100 ms, first after 10 ms, timeout 1 s, no pause, none tolerable, one retained, two
 * tasks. */
static inline struct wr_coordinator_settings
usual_settings(void)
{
    return (struct wr_coordinator_settings){ .interval_ns = 100 * MS,
                                             .first_delay_ns = 10 * MS,
                                             .timeout_ns = 1000 * MS,
                                             .retained_count = 1,
                                             .task_count = 2,
                                             .next_id = 1 };
}

static inline void
setup(struct fixture *fixture, struct wr_coordinator_settings settings)
{
    weir_alloc alloc = wr_memory_system();
    *fixture = (struct fixture){ .task_count = settings.task_count, .now_ns = 5000 * MS };
    assert_ok(wr_coordinator_create(&alloc, &settings, &fixture->coordinator), NULL);
}

static inline void
nothing_more(const struct fixture *fixture)
{
    assert_int_equal(fixture->seen, fixture->count);
}

static inline void
step(struct fixture *fixture, struct wr_coordinator_event event)
{
    nothing_more(fixture); /* of the step before */
    event.now_ns = fixture->now_ns;
    fixture->seen = 0;
    fixture->count = wr_coordinator_step(fixture->coordinator, &event, fixture->actions);
}

static inline void
teardown(struct fixture *fixture)
{
    nothing_more(fixture);
    wr_coordinator_destroy(fixture->coordinator);
}

static inline void
fact(struct fixture *fixture, enum wr_coordinator_event_kind kind, uint64_t id, uint32_t task)
{
    step(fixture, (struct wr_coordinator_event){ .kind = kind, .checkpoint_id = id, .task = task });
}

static inline void
after(struct fixture *fixture, uint64_t delay_ns)
{
    fixture->now_ns += delay_ns;
    fact(fixture, WR_EVENT_TIME, 0, 0);
}

static inline void
end(struct fixture *fixture, enum wr_job_end how)
{
    step(fixture, (struct wr_coordinator_event){ .kind = WR_EVENT_END, .end = how });
}

static inline struct wr_coordinator_action
expect(struct fixture *fixture, enum wr_coordinator_action_kind kind, uint64_t id)
{
    assert_true(fixture->seen < fixture->count);
    struct wr_coordinator_action action = fixture->actions[fixture->seen++];
    assert_int_equal(action.kind, kind);
    assert_int_equal(action.checkpoint_id, id);
    return action;
}

static inline void
expect_trigger(struct fixture *fixture, uint64_t id, enum wr_checkpoint_kind kind)
{
    struct wr_coordinator_action action = expect(fixture, WR_ACTION_TRIGGER, id);
    assert_int_equal(action.checkpoint_kind, kind);
    assert_true(wr_coordinator_pending(fixture->coordinator) != 0);
}

static inline void
expect_abort(struct fixture *fixture, uint64_t id, enum wr_abort_reason reason)
{
    assert_int_equal(expect(fixture, WR_ACTION_ABORT, id).reason, reason);
}

static inline void
expect_refuse(struct fixture *fixture, uint64_t request, enum wr_abort_reason reason)
{
    struct wr_coordinator_action action = expect(fixture, WR_ACTION_REFUSE, 0);
    assert_int_equal(action.request, request);
    assert_int_equal(action.reason, reason);
}

static inline void
expect_fail(struct fixture *fixture, uint64_t id, enum wr_abort_reason reason)
{
    assert_int_equal(expect(fixture, WR_ACTION_FAIL, id).reason, reason);
}

static inline void
request(struct fixture *fixture, uint64_t number, enum wr_checkpoint_kind kind)
{
    step(fixture, (struct wr_coordinator_event){ .kind = WR_EVENT_REQUEST,
                                                 .request = number,
                                                 .checkpoint_kind = kind,
                                                 .sharing = wr_checkpoint_is_savepoint(kind)
                                                                ? WR_SHARING_NONE
                                                                : WR_SHARING_BOTH });
}

/* Running, no interval. */
static inline void
start_idle(struct fixture *fixture, struct wr_coordinator_settings settings)
{
    settings.interval_ns = 0;
    setup(fixture, settings);
    fact(fixture, WR_EVENT_START, 0, 0);
}

/* A request that is triggered in the same step. */
static inline void
expect_requested(struct fixture *fixture, uint64_t number, uint64_t id)
{
    assert_true(fixture->seen < fixture->count);
    assert_int_equal(fixture->actions[fixture->seen].request, number);
    expect(fixture, WR_ACTION_TRIGGER, id);
}

/* START, and the first periodic trigger. */
static inline void
start_and_trigger(struct fixture *fixture)
{
    fact(fixture, WR_EVENT_START, 0, 0);
    after(fixture, 10 * MS);
    expect_trigger(fixture, 1, WR_CHECKPOINT_PERIODIC);
}

static inline void
acknowledge_all(struct fixture *fixture, uint64_t id)
{
    for (uint32_t task = 0; task < fixture->task_count; task++) {
        fact(fixture, WR_EVENT_ACKNOWLEDGED, id, task);
    }
    expect(fixture, WR_ACTION_STORE, id);
}

static inline void
store(struct fixture *fixture, uint64_t id)
{
    fact(fixture, WR_EVENT_STORED, id, 0);
    expect(fixture, WR_ACTION_NOTIFY, id);
}

/* The last step's commands (drops, FINISH, the next trigger) are left to the caller. */
static inline void
notify_all(struct fixture *fixture, uint64_t id)
{
    for (uint32_t task = 0; task < fixture->task_count; task++) {
        fact(fixture, WR_EVENT_NOTIFIED, id, task);
    }
}

static inline void
complete(struct fixture *fixture, uint64_t id)
{
    acknowledge_all(fixture, id);
    store(fixture, id);
    notify_all(fixture, id);
}

static inline void
release(struct fixture *fixture, uint64_t id)
{
    acknowledge_all(fixture, id);
    fact(fixture, WR_EVENT_STORED, id, 0);
    expect(fixture, WR_ACTION_RELEASE, id);
}

static inline void
drain_all(struct fixture *fixture)
{
    for (uint32_t task = 0; task < fixture->task_count; task++) {
        fact(fixture, WR_EVENT_DRAINED, 0, task);
    }
}

#endif /* WR_TESTS_COORDINATOR_FIXTURE_H */
