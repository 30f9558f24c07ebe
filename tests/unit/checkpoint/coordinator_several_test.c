/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_several_test: several checkpoints under way: the limit, subsumption, what may be
 * dropped beside them, what waits for deletions. */
#include "coordinator_fixture.h"

/* As usual, `count` at a time and any number of failures. */
static struct wr_coordinator_settings
several(uint32_t count)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.max_concurrent = count;
    settings.tolerable_failures = 100;
    return settings;
}

/* START, and `count` periodic ones PENDING, 100 ms apart. */
static void
start_with(struct fixture *f, struct wr_coordinator_settings settings, uint64_t count)
{
    setup(f, settings);
    start_and_trigger(f);
    for (uint64_t id = 2; id <= count; id++) {
        after(f, 100 * MS);
        expect_trigger(f, id, WR_CHECKPOINT_PERIODIC);
    }
}

TEST(coordinator_refuses_more_at_a_time_than_it_has_room_for)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_coordinator *coordinator = NULL;
    struct wr_coordinator_settings settings = several(WR_COORDINATOR_CONCURRENT_MAX + 1);
    assert_int_equal(wr_coordinator_create(&alloc, &settings, &coordinator), WEIR_INVALID);
    settings.max_concurrent = WR_COORDINATOR_CONCURRENT_MAX;
    assert_ok(wr_coordinator_create(&alloc, &settings, &coordinator), NULL);
    wr_coordinator_destroy(coordinator);
}

TEST(coordinator_triggers_up_to_the_limit_and_then_as_soon_as_there_is_room)
{
    for (uint32_t limit = 1; limit <= WR_COORDINATOR_CONCURRENT_MAX; limit++) {
        struct fixture f;
        start_with(&f, several(limit), limit);
        after(&f, 400 * MS); /* due, but there is no room */
        fact(&f, WR_EVENT_DECLINED, 1, 0);
        expect_abort(&f, 1, WR_ABORT_DECLINED);
        expect_trigger(&f, limit + 1, WR_CHECKPOINT_PERIODIC);
        teardown(&f);
    }
}

TEST(coordinator_holds_a_place_until_all_were_notified)
{
    struct fixture f;
    start_with(&f, several(2), 1);
    acknowledge_all(&f, 1);
    store(&f, 1);
    after(&f, 100 * MS);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC);
    after(&f, 100 * MS);
    notify_all(&f, 1);
    expect_trigger(&f, 3, WR_CHECKPOINT_PERIODIC);
    teardown(&f);
}

TEST(coordinator_waits_no_longer_than_the_timeout_for_those_it_notifies)
{
    struct fixture f;
    start_with(&f, several(1), 1);
    acknowledge_all(&f, 1);
    store(&f, 1);
    fact(&f, WR_EVENT_NOTIFIED, 1, 0);
    assert_true(wr_coordinator_wake_at(f.coordinator) == f.now_ns + 1000 * MS);
    after(&f, 1000 * MS - 1);
    after(&f, 1);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC);
    fact(&f, WR_EVENT_NOTIFIED, 1, 1); /* too late to matter */
    complete(&f, 2);
    expect(&f, WR_ACTION_DROP, 1);
    teardown(&f);
}

TEST(coordinator_waits_for_the_commit_of_the_last_one_however_long)
{
    struct fixture f;
    start_with(&f, several(1), 1);
    fact(&f, WR_EVENT_STOP, 0, 0);
    expect_abort(&f, 1, WR_ABORT_SHUTDOWN);
    expect_trigger(&f, 2, WR_CHECKPOINT_STOP);
    acknowledge_all(&f, 2);
    store(&f, 2);
    assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
    after(&f, 100000 * MS);
    notify_all(&f, 2);
    expect(&f, WR_ACTION_FINISH, 2);
    teardown(&f);
}

TEST(coordinator_with_a_pause_has_one_at_a_time)
{
    struct wr_coordinator_settings settings = several(3);
    settings.min_pause_ns = 1;
    struct fixture f;
    start_with(&f, settings, 1);
    after(&f, 500 * MS);
    complete(&f, 1);
    after(&f, 1);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC);
    teardown(&f);
}

TEST(coordinator_completes_several_in_order_each_notified_of_its_own)
{
    struct fixture f;
    start_with(&f, several(3), 3);
    acknowledge_all(&f, 1);
    acknowledge_all(&f, 2);
    store(&f, 1);
    store(&f, 2);
    fact(&f, WR_EVENT_NOTIFIED, 2, 0);
    fact(&f, WR_EVENT_NOTIFIED, 1, 0);
    fact(&f, WR_EVENT_NOTIFIED, 1, 0);
    fact(&f, WR_EVENT_NOTIFIED, 1, 1);
    assert_int_equal(wr_coordinator_pending(f.coordinator), 2);
    acknowledge_all(&f, 3);
    store(&f, 3);
    assert_int_equal(wr_coordinator_retained(f.coordinator, NULL, 0), 3);
    notify_all(&f, 3);
    expect(&f, WR_ACTION_DROP, 1);
    expect(&f, WR_ACTION_DROP, 2); /* though a task has yet to be notified of it */
    fact(&f, WR_EVENT_NOTIFIED, 2, 1);
    assert_int_equal(wr_coordinator_pending(f.coordinator), 0);
    teardown(&f);
}

TEST(coordinator_subsumes_older_ones_that_are_pending)
{
    struct fixture f;
    start_with(&f, several(4), 4);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 0);
    acknowledge_all(&f, 3);
    fact(&f, WR_EVENT_STORED, 3, 0);
    expect_abort(&f, 1, WR_ABORT_SUBSUMED);
    expect_abort(&f, 2, WR_ABORT_SUBSUMED);
    expect(&f, WR_ACTION_NOTIFY, 3);
    assert_int_equal(wr_coordinator_failures(f.coordinator), 0);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 1, 1); /* late */
    fact(&f, WR_EVENT_DECLINED, 2, 1);
    acknowledge_all(&f, 4);
    teardown(&f);
}

TEST(coordinator_never_aborts_one_that_is_being_stored)
{
    struct fixture f;
    start_with(&f, several(2), 2);
    acknowledge_all(&f, 1);
    acknowledge_all(&f, 2);
    after(&f, 100000 * MS);
    store(&f, 1);
    store(&f, 2);
    teardown(&f);
}

TEST(coordinator_stores_an_older_one_only_when_the_newer_has_failed)
{
    struct fixture f;
    start_with(&f, several(3), 3);
    acknowledge_all(&f, 3);
    for (uint64_t id = 1; id <= 2; id++) {
        fact(&f, WR_EVENT_ACKNOWLEDGED, id, 0);
        fact(&f, WR_EVENT_ACKNOWLEDGED, id, 1);
    }
    assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
    after(&f, 10000 * MS); /* all have answered: that is no timeout */
    fact(&f, WR_EVENT_STORE_FAILED, 3, 0);
    expect_abort(&f, 3, WR_ABORT_STORE_FAILED);
    expect(&f, WR_ACTION_STORE, 2);
    expect_trigger(&f, 4, WR_CHECKPOINT_PERIODIC);
    fact(&f, WR_EVENT_STORED, 2, 0);
    expect_abort(&f, 1, WR_ABORT_SUBSUMED);
    expect(&f, WR_ACTION_NOTIFY, 2);
    teardown(&f);
}

TEST(coordinator_expires_each_by_its_own_time)
{
    struct fixture f;
    start_with(&f, several(2), 2);
    assert_true(wr_coordinator_wake_at(f.coordinator) == f.now_ns + 900 * MS);
    after(&f, 900 * MS);
    expect_abort(&f, 1, WR_ABORT_EXPIRED);
    expect_trigger(&f, 3, WR_CHECKPOINT_PERIODIC);
    assert_true(wr_coordinator_wake_at(f.coordinator) == f.now_ns + 100 * MS);
    after(&f, 5000 * MS);
    expect_abort(&f, 2, WR_ABORT_EXPIRED);
    expect_abort(&f, 3, WR_ABORT_EXPIRED);
    expect_trigger(&f, 4, WR_CHECKPOINT_PERIODIC);
    assert_int_equal(wr_coordinator_failures(f.coordinator), 3);
    teardown(&f);
}

TEST(coordinator_fails_once_while_others_are_under_way)
{
    struct wr_coordinator_settings settings = several(3);
    settings.tolerable_failures = 0;
    struct fixture f;
    start_with(&f, settings, 3);
    acknowledge_all(&f, 2);
    fact(&f, WR_EVENT_DECLINED, 1, 0);
    expect_abort(&f, 1, WR_ABORT_DECLINED);
    expect_fail(&f, 1, WR_ABORT_DECLINED);
    fact(&f, WR_EVENT_DECLINED, 3, 0);
    expect_abort(&f, 3, WR_ABORT_DECLINED);
    store(&f, 2); /* what is complete is complete */
    end(&f, WR_END_FAILED);
    assert_int_equal(wr_coordinator_retained(f.coordinator, NULL, 0), 1);
    teardown(&f);
}

TEST(coordinator_keeps_what_an_undecided_one_may_build_on)
{
    struct fixture f;
    start_with(&f, several(3), 1);
    complete(&f, 1);
    after(&f, 100 * MS);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC);
    after(&f, 100 * MS);
    expect_trigger(&f, 3, WR_CHECKPOINT_PERIODIC); /* its changes may be to those of 1 */
    complete(&f, 2);
    nothing_more(&f);
    fact(&f, WR_EVENT_ACKNOWLEDGED, 3, 0);
    fact(&f, WR_EVENT_DECLINED, 3, 1);
    expect_abort(&f, 3, WR_ABORT_DECLINED);
    expect(&f, WR_ACTION_DROP, 1);
    teardown(&f);
}

TEST(coordinator_drops_beside_one_that_builds_on_the_newer)
{
    struct fixture f;
    start_with(&f, several(3), 1);
    complete(&f, 1);
    after(&f, 100 * MS);
    expect_trigger(&f, 2, WR_CHECKPOINT_PERIODIC);
    acknowledge_all(&f, 2);
    store(&f, 2);
    after(&f, 100 * MS);
    expect_trigger(&f, 3, WR_CHECKPOINT_PERIODIC); /* behind the NOTIFY of 2 */
    notify_all(&f, 2);
    expect(&f, WR_ACTION_DROP, 1);
    teardown(&f);
}

TEST(coordinator_waits_while_too_many_are_being_deleted)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.next_id = 5;
    struct fixture f;
    setup(&f, settings);
    for (uint64_t id = 1; id <= 4; id++) {
        assert_ok(wr_coordinator_add_retained(f.coordinator, id), NULL);
    }
    fact(&f, WR_EVENT_START, 0, 0);
    after(&f, 10 * MS);
    expect_trigger(&f, 5, WR_CHECKPOINT_PERIODIC);
    complete(&f, 5);
    for (uint64_t id = 1; id <= 4; id++) {
        expect(&f, WR_ACTION_DROP, id);
    }
    assert_true(wr_coordinator_wake_at(f.coordinator) == UINT64_MAX);
    after(&f, 500 * MS);
    request(&f, 7, WR_SAVEPOINT);
    fact(&f, WR_EVENT_DROPPED, 1, 0);
    fact(&f, WR_EVENT_DROPPED, 1, 0); /* once is enough */
    fact(&f, WR_EVENT_DROPPED, 9, 0);
    fact(&f, WR_EVENT_DROPPED, 5, 0); /* is not being deleted */
    fact(&f, WR_EVENT_DROPPED, 3, 0);
    fact(&f, WR_EVENT_DROPPED, 2, 0); /* one is left: as many as may be under way */
    expect_requested(&f, 7, 6);
    expect_trigger(&f, 7, WR_CHECKPOINT_PERIODIC);
    teardown(&f);
}

TEST(coordinator_stop_waits_for_all_that_are_not_periodic_and_pending)
{
    struct fixture f;
    start_with(&f, several(3), 3);
    acknowledge_all(&f, 1);
    fact(&f, WR_EVENT_STOP, 0, 0);
    expect_abort(&f, 2, WR_ABORT_SHUTDOWN);
    expect_abort(&f, 3, WR_ABORT_SHUTDOWN);
    assert_int_equal(wr_coordinator_failures(f.coordinator), 0);
    store(&f, 1);
    notify_all(&f, 1);
    expect_trigger(&f, 4, WR_CHECKPOINT_STOP);
    complete(&f, 4);
    expect(&f, WR_ACTION_DROP, 1);
    expect(&f, WR_ACTION_FINISH, 4);
    teardown(&f);
}

TEST(coordinator_end_aborts_the_pending_and_waits_for_the_storing)
{
    struct fixture f;
    start_with(&f, several(4), 4);
    acknowledge_all(&f, 1);
    acknowledge_all(&f, 2);
    store(&f, 1);
    end(&f, WR_END_CANCELED);
    expect_abort(&f, 3, WR_ABORT_SHUTDOWN);
    expect_abort(&f, 4, WR_ABORT_SHUTDOWN);
    assert_int_equal(wr_coordinator_pending(f.coordinator), 2);
    fact(&f, WR_EVENT_STORED, 2, 0);
    expect(&f, WR_ACTION_DROP, 1);
    expect(&f, WR_ACTION_DROP, 2);
    teardown(&f);
}

TEST(coordinator_first_to_complete_shares_nothing_of_the_restored_one)
{
    struct wr_coordinator_settings settings = several(2);
    settings.first_is_full = true;
    struct fixture f;
    setup(&f, settings);
    fact(&f, WR_EVENT_START, 0, 0);
    after(&f, 10 * MS);
    assert_int_equal(expect(&f, WR_ACTION_TRIGGER, 1).sharing, WR_SHARING_FORWARD);
    after(&f, 100 * MS);
    assert_int_equal(expect(&f, WR_ACTION_TRIGGER, 2).sharing, WR_SHARING_FORWARD);
    fact(&f, WR_EVENT_DECLINED, 1, 0);
    expect_abort(&f, 1, WR_ABORT_DECLINED);
    request(&f, 7, WR_SAVEPOINT);
    assert_int_equal(expect(&f, WR_ACTION_TRIGGER, 3).sharing, WR_SHARING_NONE);
    release(&f, 3);
    after(&f, 100 * MS);
    assert_int_equal(expect(&f, WR_ACTION_TRIGGER, 4).sharing, WR_SHARING_FORWARD);
    complete(&f, 2); /* of those that were triggered before this none needs it either */
    after(&f, 100 * MS);
    assert_int_equal(expect(&f, WR_ACTION_TRIGGER, 5).sharing, WR_SHARING_BOTH);
    teardown(&f);
}

TEST(coordinator_gives_the_configured_sharing)
{
    struct wr_coordinator_settings settings = usual_settings();
    settings.sharing = WR_SHARING_FORWARD;
    struct fixture f;
    setup(&f, settings);
    fact(&f, WR_EVENT_START, 0, 0);
    after(&f, 10 * MS);
    assert_int_equal(expect(&f, WR_ACTION_TRIGGER, 1).sharing, WR_SHARING_FORWARD);
    complete(&f, 1);
    request(&f, 3, WR_CHECKPOINT_MANUAL); /* asks for BOTH */
    assert_int_equal(expect(&f, WR_ACTION_TRIGGER, 2).sharing, WR_SHARING_BOTH);
    teardown(&f);
}
