/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_end_test: the last checkpoint, what is retained, and what stays when the job has
 * ended. */
#include "coordinator_fixture.h"

TEST(coordinator_stop_is_triggered_at_once_when_idle)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    complete(&f, 1);
    fact(&f, WR_EVENT_STOP, 0, 0);
    expect_trigger(&f, 2, WR_CHECKPOINT_STOP);
    fact(&f, WR_EVENT_STOP, 0, 0); /* once is enough */
    complete(&f, 2);
    expect(&f, WR_ACTION_DROP, 1);
    assert_int_equal(expect(&f, WR_ACTION_FINISH, 2).checkpoint_kind, WR_CHECKPOINT_STOP);
    after(&f, 100000 * MS);
    assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
    end(&f, WR_END_STOPPED);
    teardown(&f);
}

TEST(coordinator_stop_before_start_is_remembered)
{
    struct fixture f;
    setup(&f, usual_settings());
    fact(&f, WR_EVENT_STOP, 0, 0);
    fact(&f, WR_EVENT_START, 0, 0);
    expect_trigger(&f, 1, WR_CHECKPOINT_STOP);
    teardown(&f);
}

TEST(coordinator_stop_aborts_a_pending_periodic_one_uncounted)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.min_pause_ns = 90 * MS; /* not heeded */
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 0);
    fact(&f, WR_EVENT_STOP, 0, 0);
    expect_abort(&f, 1, WR_ABORT_SHUTDOWN);
    expect_trigger(&f, 2, WR_CHECKPOINT_STOP);
    assert_int_equal(wr_coordinator_failures(f.coordinator), 0);
    complete(&f, 2);
    expect(&f, WR_ACTION_FINISH, 2);
    teardown(&f);
}

TEST(coordinator_stop_waits_while_storing_and_notifying)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    acknowledge_all(&f, 1);
    fact(&f, WR_EVENT_STOP, 0, 0);
    store(&f, 1);
    fact(&f, WR_EVENT_STOP, 0, 0);
    notify_all(&f, 1);
    expect_trigger(&f, 2, WR_CHECKPOINT_STOP);
    teardown(&f);
}

TEST(coordinator_stop_follows_a_failed_store)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.tolerable_failures = 1;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    acknowledge_all(&f, 1);
    fact(&f, WR_EVENT_STOP, 0, 0);
    fact(&f, WR_EVENT_STORE_FAILED, 1, 0);
    expect_abort(&f, 1, WR_ABORT_STORE_FAILED);
    expect_trigger(&f, 2, WR_CHECKPOINT_STOP);
    teardown(&f);
}

TEST(coordinator_drained_tasks_get_a_final_checkpoint_and_the_end)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.interval_ns = 0;
    struct fixture f;
    setup(&f, settings);
    fact(&f, WR_EVENT_START, 0, 0);
    fact(&f, WR_EVENT_DRAINED, 0, 0);
    fact(&f, WR_EVENT_DRAINED, 0, 0);
    fact(&f, WR_EVENT_DRAINED, 0, 1);
    expect_trigger(&f, 1, WR_CHECKPOINT_FINAL);
    complete(&f, 1);
    assert_int_equal(expect(&f, WR_ACTION_FINISH, 1).checkpoint_kind, WR_CHECKPOINT_FINAL);
    end(&f, WR_END_FINISHED);
    expect(&f, WR_ACTION_DROP, 1);
    teardown(&f);
}

TEST(coordinator_final_waits_for_the_pending_periodic_one)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    drain_all(&f);
    complete(&f, 1);
    expect_trigger(&f, 2, WR_CHECKPOINT_FINAL);
    complete(&f, 2);
    expect(&f, WR_ACTION_DROP, 1);
    expect(&f, WR_ACTION_FINISH, 2);
    teardown(&f);
}

TEST(coordinator_final_wins_over_stop_in_either_order)
{
    for (int stop_first = 0; stop_first < 2; stop_first++) {
        struct fixture f;
        setup(&f, usual_settings());
        start_and_trigger(&f);
        acknowledge_all(&f, 1);
        if (stop_first) {
            fact(&f, WR_EVENT_STOP, 0, 0);
        }
        drain_all(&f);
        if (!stop_first) {
            fact(&f, WR_EVENT_STOP, 0, 0);
        }
        store(&f, 1);
        notify_all(&f, 1);
        expect_trigger(&f, 2, WR_CHECKPOINT_FINAL);
        teardown(&f);
    }
}

TEST(coordinator_stop_does_not_abort_a_pending_final_one)
{
    struct fixture f;
    setup(&f, usual_settings());
    fact(&f, WR_EVENT_START, 0, 0);
    drain_all(&f);
    expect_trigger(&f, 1, WR_CHECKPOINT_FINAL);
    fact(&f, WR_EVENT_STOP, 0, 0);
    complete(&f, 1);
    expect(&f, WR_ACTION_FINISH, 1);
    teardown(&f);
}

TEST(coordinator_retries_the_last_one_at_once_but_ten_times_a_second_at_most)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.tolerable_failures = 2;
    settings.min_pause_ns = 10000 * MS; /* not heeded */
    struct fixture f;
    setup(&f, settings);
    fact(&f, WR_EVENT_START, 0, 0);
    fact(&f, WR_EVENT_STOP, 0, 0);
    expect_trigger(&f, 1, WR_CHECKPOINT_STOP);
    f.now_ns += 30 * MS;
    fact(&f, WR_EVENT_DECLINED, 1, 0);
    expect_abort(&f, 1, WR_ABORT_DECLINED);
    assert_true(wr_coordinator_wake_at(f.coordinator) == f.now_ns + 70 * MS);
    after(&f, 70 * MS - 1);
    after(&f, 1);
    expect_trigger(&f, 2, WR_CHECKPOINT_STOP);
    f.now_ns += 200 * MS;
    fact(&f, WR_EVENT_DECLINED, 2, 0);
    expect_abort(&f, 2, WR_ABORT_DECLINED);
    expect_trigger(&f, 3, WR_CHECKPOINT_STOP);
    fact(&f, WR_EVENT_DECLINED, 3, 0);
    expect_abort(&f, 3, WR_ABORT_DECLINED);
    expect_fail(&f, 3, WR_ABORT_DECLINED);
    teardown(&f);
}

TEST(coordinator_retries_a_stop_as_final_when_all_drained_meanwhile)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.tolerable_failures = 1;
    struct fixture f;
    setup(&f, settings);
    fact(&f, WR_EVENT_START, 0, 0);
    fact(&f, WR_EVENT_STOP, 0, 0);
    expect_trigger(&f, 1, WR_CHECKPOINT_STOP);
    drain_all(&f);
    fact(&f, WR_EVENT_DECLINED, 1, 0);
    expect_abort(&f, 1, WR_ABORT_DECLINED);
    after(&f, 100 * MS);
    expect_trigger(&f, 2, WR_CHECKPOINT_FINAL);
    teardown(&f);
}

TEST(coordinator_drops_the_older_only_when_every_task_was_notified)
{
    for (uint32_t retained = 1; retained <= 5; retained++) {
        struct wr_coordinator_settings settings = usual_settings();
        settings.retained_count = retained;
        struct fixture f;
        setup(&f, settings);
        start_and_trigger(&f);
        for (uint64_t id = 1; id <= 12; id++) {
            acknowledge_all(&f, id);
            store(&f, id);
            fact(&f, WR_EVENT_NOTIFIED, id, 1);
            nothing_more(&f);
            fact(&f, WR_EVENT_NOTIFIED, id, 0);
            if (id > retained) {
                expect(&f, WR_ACTION_DROP, id - retained);
                fact(&f, WR_EVENT_DROPPED, id - retained, 0);
            }
            uint64_t ids[8];
            size_t count = wr_coordinator_retained(f.coordinator, ids, 8);
            assert_int_equal(count, id < retained ? id : retained);
            assert_int_equal(ids[count - 1], id);
            after(&f, 100 * MS);
            expect_trigger(&f, id + 1, WR_CHECKPOINT_PERIODIC);
        }
        teardown(&f);
    }
}

TEST(coordinator_takes_over_those_retained_before)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.next_id = 43;
    settings.retained_count = 2;
    struct fixture f;
    setup(&f, settings);
    assert_ok(wr_coordinator_add_retained(f.coordinator, 40), NULL);
    assert_ok(wr_coordinator_add_retained(f.coordinator, 41), NULL);
    assert_ok(wr_coordinator_add_retained(f.coordinator, 42), NULL);
    assert_int_equal(wr_coordinator_add_retained(f.coordinator, 42), WEIR_INVALID);
    assert_int_equal(wr_coordinator_add_retained(f.coordinator, 43), WEIR_INVALID);
    fact(&f, WR_EVENT_START, 0, 0);
    assert_int_equal(wr_coordinator_add_retained(f.coordinator, 42), WEIR_INVALID);
    after(&f, 10 * MS);
    expect_trigger(&f, 43, WR_CHECKPOINT_PERIODIC);
    complete(&f, 43);
    expect(&f, WR_ACTION_DROP, 40);
    expect(&f, WR_ACTION_DROP, 41);
    teardown(&f);
}

TEST(coordinator_drops_more_than_a_step_holds_in_several)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.next_id = 301;
    struct fixture f;
    setup(&f, settings);
    for (uint64_t id = 1; id <= 300; id++) {
        assert_ok(wr_coordinator_add_retained(f.coordinator, id), NULL);
    }
    fact(&f, WR_EVENT_START, 0, 0);
    end(&f, WR_END_CANCELED);
    uint64_t next = 1;
    for (;;) {
        while (f.seen < f.count) {
            expect(&f, WR_ACTION_DROP, next++);
        }
        if (wr_coordinator_wake_at(f.coordinator) == UINT64_MAX) {
            break;
        }
        assert_true(wr_coordinator_wake_at(f.coordinator) <= f.now_ns);
        after(&f, 0);
    }
    assert_int_equal(next, 301);
    teardown(&f);
}

/* --- the retention matrix --- */

struct matrix_row {
    enum wr_retention retention;
    bool is_kept[5]; /* finished, canceled, failed, stopped, saved */
};

static const struct matrix_row matrix[] = {
    { WR_RETAIN_NONE, { false, false, true, true, false } },
    { WR_DELETE_ON_CANCELLATION, { false, false, true, true, false } },
    { WR_RETAIN_ON_CANCELLATION, { false, true, true, true, false } },
};

static void
run_to_two_retained(struct fixture *f, enum wr_retention retention)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.retention = retention;
    settings.retained_count = 2;
    setup(f, settings);
    start_and_trigger(f);
    complete(f, 1);
    after(f, 100 * MS);
    expect_trigger(f, 2, WR_CHECKPOINT_PERIODIC);
    complete(f, 2);
}

TEST(coordinator_end_follows_the_retention_matrix)
{
    for (size_t row = 0; row < 3; row++) {
        for (int how = WR_END_FINISHED; how <= WR_END_SAVED; how++) {
            struct fixture f;
            run_to_two_retained(&f, matrix[row].retention);
            end(&f, (enum wr_job_end)how);
            if (!matrix[row].is_kept[how]) {
                expect(&f, WR_ACTION_DROP, 1);
                expect(&f, WR_ACTION_DROP, 2);
            }
            assert_int_equal(wr_coordinator_retained(f.coordinator, NULL, 0),
                             matrix[row].is_kept[how] ? 2 : 0);
            end(&f, WR_END_CANCELED); /* the first word counts */
            after(&f, 100000 * MS);
            teardown(&f);
        }
    }
}

TEST(coordinator_end_aborts_a_pending_one_uncounted)
{
    struct fixture f;
    run_to_two_retained(&f, WR_RETAIN_NONE);
    after(&f, 100 * MS);
    expect_trigger(&f, 3, WR_CHECKPOINT_PERIODIC);
    end(&f, WR_END_FAILED);
    expect_abort(&f, 3, WR_ABORT_SHUTDOWN);
    assert_int_equal(wr_coordinator_pending(f.coordinator), 0);
    assert_int_equal(wr_coordinator_failures(f.coordinator), 0);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 3, 0);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 3, 1);
    teardown(&f);
}

TEST(coordinator_end_while_storing_waits_for_the_answer)
{
    for (int how = WR_END_CANCELED; how <= WR_END_FAILED; how++) {
        for (int is_stored = 0; is_stored < 2; is_stored++) {
            struct fixture f;
            run_to_two_retained(&f, WR_RETAIN_NONE);
            after(&f, 100 * MS);
            expect_trigger(&f, 3, WR_CHECKPOINT_PERIODIC);
            acknowledge_all(&f, 3);
            end(&f, (enum wr_job_end)how);
            if (how == WR_END_CANCELED) {
                expect(&f, WR_ACTION_DROP, 1); /* 2 is what 3 may need */
            }
            assert_int_equal(wr_coordinator_pending(f.coordinator), 3);
            assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
            fact(&f, is_stored ? WR_EVENT_STORED : WR_EVENT_STORE_FAILED, 3, 0);
            if (!is_stored) {
                expect_abort(&f, 3, WR_ABORT_SHUTDOWN);
            }
            if (how == WR_END_CANCELED) {
                expect(&f, WR_ACTION_DROP, 2);
            }
            if (how == WR_END_CANCELED && is_stored) {
                expect(&f, WR_ACTION_DROP, 3);
            }
            assert_int_equal(wr_coordinator_retained(f.coordinator, NULL, 0),
                             how == WR_END_CANCELED ? 0 : 2 + is_stored);
            assert_int_equal(wr_coordinator_pending(f.coordinator), 0);
            teardown(&f);
        }
    }
}

TEST(coordinator_end_while_notifying_keeps_old_and_new)
{
    struct fixture f;
    run_to_two_retained(&f, WR_RETAIN_NONE);
    after(&f, 100 * MS);
    expect_trigger(&f, 3, WR_CHECKPOINT_PERIODIC);
    acknowledge_all(&f, 3);
    store(&f, 3);
    end(&f, WR_END_FAILED);
    assert_int_equal(wr_coordinator_retained(f.coordinator, NULL, 0), 3);
    assert_int_equal(wr_coordinator_pending(f.coordinator), 0);
    notify_all(&f, 3);
    teardown(&f);
}
