/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_test: each arrow of the coordinator's diagram, its clock, and its failures. */
#include "coordinator_fixture.h"

TEST(coordinator_refuses_settings_out_of_range)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_coordinator *coordinator = NULL;
    struct wr_coordinator_settings settings = usual_settings();
    settings.task_count = 0;
    assert_int_equal(wr_coordinator_create(&alloc, &settings, &coordinator), WEIR_INVALID);
    settings = usual_settings();
    settings.retained_count = 0;
    assert_int_equal(wr_coordinator_create(&alloc, &settings, &coordinator), WEIR_INVALID);
    settings.retained_count = 65;
    assert_int_equal(wr_coordinator_create(&alloc, &settings, &coordinator), WEIR_INVALID);
    settings.retained_count = 64;
    assert_ok(wr_coordinator_create(&alloc, &settings, &coordinator), NULL);
    wr_coordinator_destroy(coordinator);
    wr_coordinator_destroy(NULL);
}

TEST(coordinator_does_nothing_before_start)
{
    struct fixture f;
    setup(&f, usual_settings());
    assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
    after(&f, 10000 * MS);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 0);
    teardown(&f);
}

TEST(coordinator_triggers_first_after_the_delay_and_then_each_interval)
{
    struct fixture f;
    setup(&f, usual_settings());
    fact(&f, WR_EVENT_START, 0, 0);
    assert_true(wr_coordinator_wake_at(f.coordinator) == f.now_ns + 10 * MS);
    after(&f, 10 * MS - 1);
    after(&f, 1);
    expect_trigger(&f, 1, WR_CHECKPOINT_PERIODIC);
    uint64_t triggered_ns = f.now_ns;
    f.now_ns += 30 * MS;
    complete(&f, 1);
    assert_true(wr_coordinator_wake_at(f.coordinator) == triggered_ns + 100 * MS);
    after(&f, 70 * MS - 1);
    after(&f, 1);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC);
    teardown(&f);
}

TEST(coordinator_counts_a_second_start_as_nothing)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    fact(&f, WR_EVENT_START, 0, 0);
    teardown(&f);
}

TEST(coordinator_without_interval_waits_for_stop_or_end)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.interval_ns = 0;
    struct fixture f;
    setup(&f, settings);
    fact(&f, WR_EVENT_START, 0, 0);
    assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
    after(&f, 1000000 * MS);
    fact(&f, WR_EVENT_STOP, 0, 0);
    expect_trigger(&f, 1, WR_CHECKPOINT_STOP);
    teardown(&f);
}

TEST(coordinator_triggers_one_at_a_time_and_the_due_one_right_after)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    after(&f, 500 * MS);
    acknowledge_all(&f, 1);
    after(&f, 5000 * MS);
    store(&f, 1);
    after(&f, 1);
    notify_all(&f, 1);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC);
    teardown(&f);
}

TEST(coordinator_keeps_the_minimum_pause_after_completion)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.min_pause_ns = 80 * MS;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    f.now_ns += 90 * MS;
    acknowledge_all(&f, 1);
    store(&f, 1); /* the pause counts from here */
    f.now_ns += 30 * MS;
    notify_all(&f, 1);
    assert_true(wr_coordinator_wake_at(f.coordinator) == f.now_ns + 50 * MS);
    after(&f, 50 * MS - 1);
    after(&f, 1);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC);
    teardown(&f);
}

TEST(coordinator_keeps_the_minimum_pause_after_an_abort)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.min_pause_ns = 200 * MS;
    settings.tolerable_failures = 1;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    f.now_ns += 50 * MS;
    fact(&f, WR_EVENT_DECLINED, 1, 1);
    expect_abort(&f, 1, WR_ABORT_DECLINED);
    after(&f, 200 * MS - 1);
    after(&f, 1);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC);
    teardown(&f);
}

TEST(coordinator_ignores_double_late_and_foreign_answers)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 0);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 0);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 2, 1);
    fact(&f, WR_EVENT_DECLINED, 7, 1);
    fact(&f, WR_EVENT_STORED, 1, 0);
    fact(&f, WR_EVENT_NOTIFIED, 1, 0);
    fact(&f, WR_EVENT_NOTIFIED, 1, 1);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 1);
    expect(&f, WR_ACTION_STORE, 1);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 1);
    fact(&f, WR_EVENT_DECLINED, 1, 1);
    fact(&f, WR_EVENT_STORED, 2, 0);
    fact(&f, WR_EVENT_STORE_FAILED, 2, 0);
    store(&f, 1);
    fact(&f, WR_EVENT_STORED, 1, 0);
    fact(&f, WR_EVENT_STORE_FAILED, 1, 0);
    fact(&f, WR_EVENT_NOTIFIED, 1, 1);
    fact(&f, WR_EVENT_NOTIFIED, 1, 1);
    assert_int_equal(wr_coordinator_pending(f.coordinator), 1);
    fact(&f, WR_EVENT_NOTIFIED, 1, 0);
    assert_int_equal(wr_coordinator_pending(f.coordinator), 0);
    fact(&f, WR_EVENT_NOTIFIED, 1, 0);
    fact(&f, WR_EVENT_STORED, 0, 0); /* id 0 is no checkpoint */
    assert_int_equal(wr_coordinator_retained(f.coordinator, NULL, 0), 1);
    teardown(&f);
}

TEST(coordinator_answers_of_an_aborted_id_change_nothing)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.tolerable_failures = 5;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 0);
    fact(&f, WR_EVENT_DECLINED, 1, 1);
    expect_abort(&f, 1, WR_ABORT_DECLINED);
    fact(&f, WR_EVENT_DECLINED, 1, 0);
    assert_int_equal(wr_coordinator_failures(f.coordinator), 1);
    after(&f, 100 * MS);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 0);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 1);
    acknowledge_all(&f, 2);
    teardown(&f);
}

TEST(coordinator_expires_a_pending_attempt_at_its_timeout)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.tolerable_failures = 1;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    assert_true(wr_coordinator_wake_at(f.coordinator) == f.now_ns + 1000 * MS);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 0);
    after(&f, 1000 * MS - 1);
    after(&f, 1);
    expect_abort(&f, 1, WR_ABORT_EXPIRED);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC); /* long due */
    teardown(&f);
}

TEST(coordinator_takes_an_acknowledgement_that_comes_with_the_timeout)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 0);
    f.now_ns += 1000 * MS;
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 1);
    expect(&f, WR_ACTION_STORE, 1);
    teardown(&f);
}

TEST(coordinator_takes_a_late_stored_as_complete)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    acknowledge_all(&f, 1);
    assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
    after(&f, 100000 * MS);
    store(&f, 1);
    teardown(&f);
}

TEST(coordinator_clock_never_runs_backwards)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    f.now_ns -= 5 * MS;
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 0);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 1);
    expect(&f, WR_ACTION_STORE, 1);
    teardown(&f);
}

TEST(coordinator_times_near_the_end_of_the_clock_do_not_wrap)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.timeout_ns = UINT64_MAX;
    settings.interval_ns = UINT64_MAX;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
    complete(&f, 1);
    assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
    f.now_ns = UINT64_MAX - 1;
    fact(&f, WR_EVENT_TIME, 0, 0);
    teardown(&f);
}

TEST(coordinator_with_no_tolerable_failure_fails_at_the_first)
{
    struct fixture f;
    setup(&f, usual_settings());
    start_and_trigger(&f);
    fact(&f, WR_EVENT_DECLINED, 1, 0);
    expect_abort(&f, 1, WR_ABORT_DECLINED);
    expect_fail(&f, 1, WR_ABORT_DECLINED);
    after(&f, 100000 * MS);
    fact(&f, WR_EVENT_STOP, 0, 0);
    drain_all(&f);
    assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
    end(&f, WR_END_FAILED);
    teardown(&f);
}

/* One attempt that fails for `reason`; the abort is expected. */
static void
fail_once(struct fixture *f, uint64_t id, enum wr_abort_reason reason)
{
    if (reason == WR_ABORT_DECLINED) {
        fact(f, WR_EVENT_DECLINED, id, 1);
    } else if (reason == WR_ABORT_EXPIRED) {
        f->now_ns = wr_coordinator_wake_at(f->coordinator);
        fact(f, WR_EVENT_TIME, 0, 0);
    } else {
        acknowledge_all(f, id);
        fact(f, WR_EVENT_STORE_FAILED, id, 0);
    }
    expect_abort(f, id, reason);
}

TEST(coordinator_counts_each_kind_of_failure_and_resets_on_success)
{
    static const enum wr_abort_reason reasons[] = { WR_ABORT_DECLINED, WR_ABORT_EXPIRED,
                                                    WR_ABORT_STORE_FAILED };
    for (size_t r = 0; r < 3; r++) {
        for (uint32_t tolerable = 1; tolerable <= 4; tolerable++) {
            struct wr_coordinator_settings settings = usual_settings();
            settings.tolerable_failures = tolerable;
            settings.min_pause_ns = 1 * MS;
            struct fixture f;
            setup(&f, settings);
            start_and_trigger(&f);
            uint64_t id = 1;
            for (uint32_t i = 0; i < tolerable; i++, id++) {
                fail_once(&f, id, reasons[r]);
                assert_int_equal(wr_coordinator_failures(f.coordinator), i + 1);
                after(&f, 100 * MS);
                expect_trigger(&f, id + 1, WR_CHECKPOINT_PERIODIC);
            }
            complete(&f, id);
            assert_int_equal(wr_coordinator_failures(f.coordinator), 0);
            for (uint32_t i = 0; i <= tolerable; i++) {
                after(&f, 100 * MS);
                expect_trigger(&f, ++id, WR_CHECKPOINT_PERIODIC);
                fail_once(&f, id, reasons[r]);
            }
            expect_fail(&f, id, reasons[r]);
            teardown(&f);
        }
    }
}

TEST(coordinator_begin_of_storage_may_fail_while_pending)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.tolerable_failures = 1;
    struct fixture f;
    setup(&f, settings);
    start_and_trigger(&f);
    fact(&f, WR_EVENT_STORE_FAILED, 1, 0);
    expect_abort(&f, 1, WR_ABORT_STORE_FAILED);
    assert_int_equal(wr_coordinator_failures(f.coordinator), 1);
    teardown(&f);
}

TEST(coordinator_create_survives_every_failed_allocation)
{
    struct wr_budget budget;
    struct wr_pool_alloc pool;
    struct wr_coordinator_settings settings = usual_settings();
    bool is_made = false;
    for (uint64_t limit = 1; !is_made; limit += 7) {
        wr_budget_init(&budget, wr_memory_system(), limit);
        weir_alloc alloc = wr_budget_alloc(&pool, &budget, WR_POOL_OTHER);
        struct wr_coordinator *coordinator = NULL;
        weir_status status = wr_coordinator_create(&alloc, &settings, &coordinator);
        is_made = status == WEIR_OK;
        if (is_made) {
            settings.next_id = 9;
            status = wr_coordinator_add_retained(coordinator, 0);
            assert_true(status == WEIR_OK || status == WEIR_NOMEM);
            wr_coordinator_destroy(coordinator);
        } else {
            assert_int_equal(status, WEIR_NOMEM);
            assert_null(coordinator);
        }
        assert_int_equal(budget.used_bytes, 0);
    }
}
