/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_last_test: savepoints that end the job: stop, drain, cancel. */
#include "coordinator_fixture.h"

static void
request_last_of_job(struct fixture *f, uint64_t number)
{
    step(f, (struct wr_coordinator_event){ .kind = WR_EVENT_REQUEST,
                                           .request = number,
                                           .checkpoint_kind = WR_SAVEPOINT,
                                           .sharing = WR_SHARING_NONE,
                                           .is_last_of_job = true });
}

/* --- stop with savepoint --- */

TEST(coordinator_stop_savepoint_is_committed_and_ends_the_job)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    request(&f, 9, WR_SAVEPOINT_STOP);
    expect_abort(&f, 1, WR_ABORT_SHUTDOWN);
    expect_requested(&f, 9, 2);
    after(&f, 500 * MS); /* nothing periodic any more */
    acknowledge_all(&f, 2);
    fact(&f, WR_EVENT_STORED, 2, 0);
    struct wr_coordinator_action action = expect(&f, WR_ACTION_NOTIFY, 2);
    assert_true(action.request == 9);
    assert_int_equal(action.checkpoint_kind, WR_SAVEPOINT_STOP);
    request(&f, 10, WR_SAVEPOINT);
    expect_refuse(&f, 10, WR_REFUSE_NOT_RUNNING);
    notify_all(&f, 2);
    assert_int_equal(expect(&f, WR_ACTION_FINISH, 2).checkpoint_kind, WR_SAVEPOINT_STOP);
    assert_int_equal(wr_coordinator_retained(f.coordinator, NULL, 0), 0);
    end(&f, WR_END_SAVED);
    teardown(&f);
}

TEST(coordinator_stop_savepoint_that_fails_leaves_the_job_running)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    complete(&f, 1);
    request(&f, 9, WR_SAVEPOINT_STOP);
    expect_requested(&f, 9, 2);
    request(&f, 10, WR_SAVEPOINT); /* waits for what becomes of it */
    f.now_ns += 300 * MS;
    fact(&f, WR_EVENT_STORE_FAILED, 2, 0);
    expect_abort(&f, 2, WR_ABORT_STORE_FAILED);
    expect_requested(&f, 10, 3);
    expect_trigger(&f, 4, WR_CHECKPOINT_PERIODIC);
    assert_int_equal(wr_coordinator_failures(f.coordinator), 0);
    complete(&f, 4);
    expect(&f, WR_ACTION_DROP, 1);
    teardown(&f);
}

TEST(coordinator_stop_savepoint_begins_beside_others_and_finishes_behind_them)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.max_concurrent = 2;
    struct fixture f;
    start_idle(&f, settings);
    request(&f, 1, WR_SAVEPOINT);
    expect_requested(&f, 1, 1);
    request(&f, 2, WR_CHECKPOINT_MANUAL);
    expect_requested(&f, 2, 2);
    request(&f, 3, WR_SAVEPOINT_STOP);
    expect_requested(&f, 3, 3);
    acknowledge_all(&f, 3);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 2, 0);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 2, 1); /* behind the newer one it is not stored */
    fact(&f, WR_EVENT_STORED, 3, 0);
    expect_abort(&f, 2, WR_ABORT_SUBSUMED);
    expect(&f, WR_ACTION_NOTIFY, 3);
    notify_all(&f, 3);
    assert_true(wr_coordinator_wake_at(f.coordinator) == f.now_ns + 1000 * MS);
    acknowledge_all(&f, 1);
    fact(&f, WR_EVENT_STORED, 1, 0);
    expect(&f, WR_ACTION_RELEASE, 1);
    expect(&f, WR_ACTION_FINISH, 3);
    teardown(&f);
}

TEST(coordinator_stop_savepoint_holds_back_periodic_ones_while_it_waits)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.unaligned = true;
    settings.tolerable_failures = 5;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    acknowledge_all(&f, 1);
    request(&f, 9, WR_SAVEPOINT_STOP);
    after(&f, 500 * MS);
    fact(&f, WR_EVENT_STORE_FAILED, 1, 0);
    expect_abort(&f, 1, WR_ABORT_STORE_FAILED);
    expect_requested(&f, 9, 2);
    teardown(&f);
}

TEST(coordinator_stop_savepoint_is_the_last_one_when_the_input_has_ended_meanwhile)
{
    struct fixture f;
    setup(&f, usual_settings());
    fact(&f, WR_EVENT_START, 0, 0);
    request(&f, 9, WR_SAVEPOINT_STOP);
    expect_requested(&f, 9, 1);
    drain_all(&f);
    request(&f, 10, WR_SAVEPOINT);
    expect_refuse(&f, 10, WR_REFUSE_NOT_RUNNING);
    complete(&f, 1);
    assert_int_equal(expect(&f, WR_ACTION_FINISH, 1).checkpoint_kind, WR_SAVEPOINT_STOP);
    teardown(&f);
}

TEST(coordinator_takes_what_was_requested_before_the_final_one)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.unaligned = true;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    request(&f, 9, WR_SAVEPOINT);
    request(&f, 10, WR_SAVEPOINT_STOP);
    expect_abort(&f, 1, WR_ABORT_SHUTDOWN);
    expect_requested(&f, 9, 2);
    drain_all(&f);
    acknowledge_all(&f, 2);
    fact(&f, WR_EVENT_STORED, 2, 0);
    expect(&f, WR_ACTION_RELEASE, 2);
    expect_requested(&f, 10, 3);
    fact(&f, WR_EVENT_DECLINED, 3, 0);
    expect_abort(&f, 3, WR_ABORT_DECLINED);
    expect_trigger(&f, 4, WR_CHECKPOINT_FINAL);
    complete(&f, 4);
    expect(&f, WR_ACTION_FINISH, 4);
    teardown(&f);
}

TEST(coordinator_stop_refuses_what_waits_and_lets_end_what_is_under_way)
{
    struct fixture f;
    start_idle(&f, usual_settings());
    request(&f, 1, WR_SAVEPOINT_STOP);
    expect_requested(&f, 1, 1);
    request(&f, 2, WR_SAVEPOINT_STOP);
    fact(&f, WR_EVENT_STOP, 0, 0);
    expect_refuse(&f, 2, WR_REFUSE_NOT_RUNNING);
    fact(&f, WR_EVENT_DECLINED, 1, 0);
    expect_abort(&f, 1, WR_ABORT_DECLINED);
    expect_trigger(&f, 2, WR_CHECKPOINT_STOP);
    teardown(&f);
}

TEST(coordinator_stop_savepoint_stored_behind_a_failure_commits_nothing)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.max_concurrent = 2;
    for (int is_ended = 0; is_ended < 2; is_ended++) {
        struct fixture f;
        start_idle(&f, settings);
        request(&f, 1, WR_CHECKPOINT_MANUAL);
        expect_requested(&f, 1, 1);
        request(&f, 2, WR_SAVEPOINT_STOP);
        expect_requested(&f, 2, 2);
        acknowledge_all(&f, 2);
        fact(&f, WR_EVENT_DECLINED, 1, 0);
        expect_abort(&f, 1, WR_ABORT_DECLINED);
        expect_fail(&f, 1, WR_ABORT_DECLINED);
        if (is_ended) {
            end(&f, WR_END_FAILED);
        }
        fact(&f, WR_EVENT_STORED, 2, 0);
        assert_true(f.actions[f.seen].request == 2);
        expect(&f, WR_ACTION_RELEASE, 2);
        teardown(&f);
    }
}

/* --- drain --- */

TEST(coordinator_drain_ends_the_input_and_then_takes_the_savepoint)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    request(&f, 9, WR_SAVEPOINT_DRAIN);
    expect_abort(&f, 1, WR_ABORT_SHUTDOWN);
    assert_true(f.actions[f.seen].request == 9);
    expect(&f, WR_ACTION_DRAIN, 0);
    fact(&f, WR_EVENT_DRAINED, 0, 0);
    after(&f, 500 * MS);                /* nothing periodic, and it has no timeout yet */
    request(&f, 10, WR_SAVEPOINT);      /* would hold sources at an end that is not theirs */
    request(&f, 11, WR_SAVEPOINT_STOP); /* behind the drain */
    request(&f, 12, WR_CHECKPOINT_MANUAL);
    fact(&f, WR_EVENT_DRAINED, 0, 1);
    expect_requested(&f, 9, 2);
    acknowledge_all(&f, 2);
    fact(&f, WR_EVENT_STORED, 2, 0);
    expect(&f, WR_ACTION_NOTIFY, 2);
    expect_refuse(&f, 10, WR_REFUSE_NOT_RUNNING);
    expect_refuse(&f, 11, WR_REFUSE_NOT_RUNNING);
    expect_refuse(&f, 12, WR_REFUSE_NOT_RUNNING);
    notify_all(&f, 2);
    assert_int_equal(expect(&f, WR_ACTION_FINISH, 2).checkpoint_kind, WR_SAVEPOINT_DRAIN);
    teardown(&f);
}

TEST(coordinator_drain_that_fails_fails_the_job)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.tolerable_failures = 100;
    struct fixture f;
    start_idle(&f, settings);
    request(&f, 9, WR_SAVEPOINT_DRAIN);
    expect(&f, WR_ACTION_DRAIN, 0);
    fact(&f, WR_EVENT_DRAINED, 0, 0);
    fact(&f, WR_EVENT_DRAINED, 0, 1);
    expect_requested(&f, 9, 1);
    fact(&f, WR_EVENT_DECLINED, 1, 0);
    expect_abort(&f, 1, WR_ABORT_DECLINED);
    expect_fail(&f, 1, WR_ABORT_DECLINED);
    assert_int_equal(wr_coordinator_failures(f.coordinator), 0);
    teardown(&f);
}

TEST(coordinator_drain_is_answered_when_the_job_ends_before_it)
{
    for (int is_failure = 0; is_failure < 2; is_failure++) {
        struct fixture f;
        start_idle(&f, usual_settings());
        request(&f, 8, WR_CHECKPOINT_MANUAL);
        expect_requested(&f, 8, 1);
        request(&f, 9, WR_SAVEPOINT_DRAIN);
        expect(&f, WR_ACTION_DRAIN, 0);
        fact(&f, WR_EVENT_STOP, 0, 0); /* the drain cannot be taken back: it is waited for */
        if (is_failure) {
            fact(&f, WR_EVENT_DECLINED, 1, 0);
            expect_abort(&f, 1, WR_ABORT_DECLINED);
            expect_fail(&f, 1, WR_ABORT_DECLINED);
        } else {
            end(&f, WR_END_CANCELED);
            expect_abort(&f, 1, WR_ABORT_SHUTDOWN);
        }
        expect_refuse(&f, 9, WR_REFUSE_NOT_RUNNING);
        drain_all(&f);
        teardown(&f);
    }
}

/* --- cancel with savepoint --- */

TEST(coordinator_begins_nothing_behind_the_savepoint_of_a_cancel)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    request_last_of_job(&f, 9);
    expect_abort(&f, 1, WR_ABORT_SHUTDOWN);
    expect_requested(&f, 9, 2);
    request(&f, 10, WR_SAVEPOINT);
    request(&f, 11, WR_CHECKPOINT_MANUAL);
    after(&f, 500 * MS);
    acknowledge_all(&f, 2);
    fact(&f, WR_EVENT_STORED, 2, 0);
    expect(&f, WR_ACTION_RELEASE, 2);
    expect_refuse(&f, 10, WR_REFUSE_NOT_RUNNING);
    expect_refuse(&f, 11, WR_REFUSE_NOT_RUNNING);
    after(&f, 500 * MS);
    end(&f, WR_END_CANCELED);
    teardown(&f);
}

TEST(coordinator_goes_on_when_the_savepoint_of_a_cancel_fails)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    request_last_of_job(&f, 9);
    expect_abort(&f, 1, WR_ABORT_SHUTDOWN);
    expect_requested(&f, 9, 2);
    f.now_ns += 100 * MS;
    fact(&f, WR_EVENT_DECLINED, 2, 1);
    expect_abort(&f, 2, WR_ABORT_DECLINED);
    expect_trigger(&f, 3, WR_CHECKPOINT_PERIODIC);
    teardown(&f);
}
