/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_request_test: checkpoints and savepoints by request: whose turn it is, and how each
 * is answered. */
#include "coordinator_fixture.h"

TEST(coordinator_refuses_requests_before_start_and_behind_the_end)
{
    struct fixture f;
    setup(&f, usual_settings());
    request(&f, 1, WR_SAVEPOINT);
    expect_refuse(&f, 1, WR_REFUSE_NOT_RUNNING);
    fact(&f, WR_EVENT_START, 0, 0);
    fact(&f, WR_EVENT_STOP, 0, 0);
    expect_trigger(&f, 1, WR_CHECKPOINT_STOP);
    request(&f, 2, WR_CHECKPOINT_MANUAL);
    expect_refuse(&f, 2, WR_REFUSE_NOT_RUNNING);
    complete(&f, 1);
    expect(&f, WR_ACTION_FINISH, 1);
    request(&f, 3, WR_SAVEPOINT_STOP);
    expect_refuse(&f, 3, WR_REFUSE_NOT_RUNNING);
    end(&f, WR_END_STOPPED);
    request(&f, 4, WR_SAVEPOINT);
    expect_refuse(&f, 4, WR_REFUSE_NOT_RUNNING);
    teardown(&f);
}

TEST(coordinator_manual_checkpoint_is_one_as_others_but_heeds_no_time)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.min_pause_ns = 10000 * MS;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    complete(&f, 1);
    step(&f, (struct wr_coordinator_event){ .kind = WR_EVENT_REQUEST,
                                            .request = 77,
                                            .checkpoint_kind = WR_CHECKPOINT_MANUAL,
                                            .sharing = WR_SHARING_FORWARD });
    struct wr_coordinator_action action = expect(&f, WR_ACTION_TRIGGER, 2);
    assert_int_equal(action.checkpoint_kind, WR_CHECKPOINT_MANUAL);
    assert_int_equal(action.sharing, WR_SHARING_FORWARD);
    assert_true(action.request == 77);
    acknowledge_all(&f, 2);
    fact(&f, WR_EVENT_STORED, 2, 0);
    assert_true(expect(&f, WR_ACTION_NOTIFY, 2).request == 77);
    notify_all(&f, 2);
    expect(&f, WR_ACTION_DROP, 1);
    teardown(&f);
}

TEST(coordinator_manual_failures_count)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.tolerable_failures = 1;
    struct fixture f;
    start_idle(&f, settings);
    for (uint64_t id = 1; id <= 2; id++) {
        request(&f, id, WR_CHECKPOINT_MANUAL);
        expect_requested(&f, id, id);
        fact(&f, WR_EVENT_DECLINED, id, 0);
        expect_abort(&f, id, WR_ABORT_DECLINED);
    }
    expect_fail(&f, 2, WR_ABORT_DECLINED);
    teardown(&f);
}

TEST(coordinator_does_not_shift_the_interval_for_requests)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.max_concurrent = 3;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    after(&f, 60 * MS);
    request(&f, 1, WR_CHECKPOINT_MANUAL);
    expect_requested(&f, 1, 2);
    request(&f, 2, WR_SAVEPOINT);
    expect_requested(&f, 2, 3);
    assert_true(wr_coordinator_wake_at(f.coordinator) == f.now_ns + 40 * MS);
    after(&f, 40 * MS);
    expect_trigger(&f, 4, WR_CHECKPOINT_PERIODIC);
    teardown(&f);
}

TEST(coordinator_queue_takes_savepoints_first_then_checkpoints_each_the_oldest_first)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.unaligned = true;
    settings.tolerable_failures = 10;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    request(&f, 1, WR_CHECKPOINT_MANUAL);
    request(&f, 2, WR_SAVEPOINT);
    request(&f, 3, WR_CHECKPOINT_MANUAL);
    request(&f, 4, WR_SAVEPOINT);
    after(&f, 500 * MS); /* a periodic one is due: last of all */
    static const uint64_t order[] = { 2, 4, 1, 3 };
    for (uint64_t id = 1; id <= 4; id++) {
        fact(&f, WR_EVENT_DECLINED, id, 0);
        expect_abort(&f, id, WR_ABORT_DECLINED);
        expect_requested(&f, order[id - 1], id + 1);
    }
    fact(&f, WR_EVENT_DECLINED, 5, 0);
    expect_abort(&f, 5, WR_ABORT_DECLINED);
    expect_trigger(&f, 6, WR_CHECKPOINT_PERIODIC);
    teardown(&f);
}

TEST(coordinator_queue_holds_a_thousand_and_not_one_more)
{
    struct fixture f;
    start_idle(&f, usual_settings());
    for (uint64_t number = 1; number <= 1001; number++) {
        request(&f, number, WR_CHECKPOINT_MANUAL);
        if (number == 1) {
            expect_requested(&f, 1, 1);
        }
    }
    request(&f, 1002, WR_CHECKPOINT_MANUAL);
    expect_refuse(&f, 1002, WR_REFUSE_TOO_MANY);
    request(&f, 1003, WR_SAVEPOINT);
    expect_refuse(&f, 1003, WR_REFUSE_TOO_MANY);
    complete(&f, 1);
    expect_requested(&f, 2, 2);
    request(&f, 1004, WR_SAVEPOINT);
    expect_requested(&f, 1004, 3);
    end(&f, WR_END_FAILED);
    expect_abort(&f, 2, WR_ABORT_SHUTDOWN);
    expect_abort(&f, 3, WR_ABORT_SHUTDOWN);
    uint64_t next = 3; /* each of the rest once, in as many steps as it takes */
    while (next <= 1001) {
        assert_true(f.seen < f.count || wr_coordinator_wake_at(f.coordinator) <= f.now_ns);
        while (f.seen < f.count) {
            expect_refuse(&f, next++, WR_REFUSE_NOT_RUNNING);
        }
        after(&f, 0);
    }
    assert_int_equal(next, 1002);
    assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
    teardown(&f);
}

/* --- savepoints --- */

TEST(coordinator_savepoint_begins_beside_others_and_is_released)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    request(&f, 9, WR_SAVEPOINT);
    expect_requested(&f, 9, 2);
    acknowledge_all(&f, 2);
    fact(&f, WR_EVENT_STORED, 2, 0);
    assert_true(expect(&f, WR_ACTION_RELEASE, 2).request == 9);
    fact(&f, WR_EVENT_NOTIFIED, 2, 0); /* nobody was asked */
    assert_int_equal(wr_coordinator_retained(f.coordinator, NULL, 0), 0);
    assert_int_equal(wr_coordinator_pending(f.coordinator), 1); /* was not subsumed */
    complete(&f, 1);
    end(&f, WR_END_CANCELED);
    expect(&f, WR_ACTION_DROP, 1);
    teardown(&f);
}

TEST(coordinator_savepoint_is_never_subsumed_and_takes_no_place)
{
    struct fixture f;
    setup(&f, usual_settings());
    fact(&f, WR_EVENT_START, 0, 0);
    request(&f, 9, WR_SAVEPOINT);
    expect_requested(&f, 9, 1);
    after(&f, 10 * MS);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC);
    complete(&f, 2);
    after(&f, 100 * MS);
    expect_trigger(&f, 3, WR_CHECKPOINT_PERIODIC);
    release(&f, 1);
    complete(&f, 3);
    expect(&f, WR_ACTION_DROP, 2);
    teardown(&f);
}

TEST(coordinator_savepoints_wait_for_their_turn_where_barriers_overtake)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.unaligned = true;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    request(&f, 9, WR_SAVEPOINT);
    complete(&f, 1);
    expect_requested(&f, 9, 2);
    after(&f, 500 * MS); /* nothing beside it either */
    acknowledge_all(&f, 2);
    fact(&f, WR_EVENT_STORED, 2, 0);
    expect(&f, WR_ACTION_RELEASE, 2);
    expect_trigger(&f, 3, WR_CHECKPOINT_PERIODIC);
    teardown(&f);
}

TEST(coordinator_has_a_few_savepoints_under_way_and_queues_the_next)
{
    enum {
        MOST = WR_COORDINATOR_SAVEPOINTS_MAX
    };
    struct fixture f;
    start_idle(&f, usual_settings());
    for (uint64_t id = 1; id <= MOST; id++) {
        request(&f, id, WR_SAVEPOINT);
        expect_requested(&f, id, id);
    }
    request(&f, MOST + 1, WR_SAVEPOINT);
    request(&f, MOST + 2, WR_CHECKPOINT_MANUAL); /* there is room for it */
    expect_requested(&f, MOST + 2, MOST + 1);
    acknowledge_all(&f, 2);
    fact(&f, WR_EVENT_STORED, 2, 0);
    expect(&f, WR_ACTION_RELEASE, 2);
    expect_requested(&f, MOST + 1, MOST + 2);
    teardown(&f);
}

TEST(coordinator_savepoint_failures_do_not_count_but_its_success_does)
{
    static const enum wr_abort_reason reasons[] = { WR_ABORT_DECLINED, WR_ABORT_EXPIRED,
                                                    WR_ABORT_STORE_FAILED };
    for (size_t r = 0; r < 3; r++) {
        struct wr_coordinator_settings settings = usual_settings();
        settings.tolerable_failures = 1;
        struct fixture f;
        start_idle(&f, settings);
        request(&f, 1, WR_CHECKPOINT_MANUAL);
        expect_requested(&f, 1, 1);
        fact(&f, WR_EVENT_DECLINED, 1, 0);
        expect_abort(&f, 1, WR_ABORT_DECLINED);
        request(&f, 2, WR_SAVEPOINT);
        expect_requested(&f, 2, 2);
        if (reasons[r] == WR_ABORT_EXPIRED) {
            after(&f, 1000 * MS);
        } else {
            fact(&f, r == 0 ? WR_EVENT_DECLINED : WR_EVENT_STORE_FAILED, 2, 0);
        }
        assert_true(f.actions[f.seen].request == 2);
        expect_abort(&f, 2, reasons[r]);
        assert_int_equal(wr_coordinator_failures(f.coordinator), 1);
        request(&f, 3, WR_SAVEPOINT);
        expect_requested(&f, 3, 3);
        release(&f, 3);
        assert_int_equal(wr_coordinator_failures(f.coordinator), 0);
        teardown(&f);
    }
}

TEST(coordinator_answers_requests_that_are_stored_behind_the_end)
{
    struct fixture f;
    start_idle(&f, usual_settings());
    request(&f, 1, WR_CHECKPOINT_MANUAL);
    expect_requested(&f, 1, 1);
    request(&f, 2, WR_SAVEPOINT);
    expect_requested(&f, 2, 2);
    request(&f, 3, WR_SAVEPOINT);
    expect_requested(&f, 3, 3);
    for (uint64_t id = 1; id <= 3; id++) {
        acknowledge_all(&f, id);
    }
    end(&f, WR_END_CANCELED);
    fact(&f, WR_EVENT_STORED, 1, 0);
    assert_true(f.actions[f.seen].request == 1);
    expect(&f, WR_ACTION_NOTIFY, 1);
    expect(&f, WR_ACTION_DROP, 1);
    fact(&f, WR_EVENT_STORED, 2, 0);
    expect(&f, WR_ACTION_RELEASE, 2);
    fact(&f, WR_EVENT_STORE_FAILED, 3, 0);
    expect_abort(&f, 3, WR_ABORT_SHUTDOWN);
    assert_int_equal(wr_coordinator_pending(f.coordinator), 0);
    teardown(&f);
}
