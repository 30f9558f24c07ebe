/* SPDX-License-Identifier: Apache-2.0 */
/* Letters in every state of a task: what stops a source and what lets it go on, drains, triggers
 * too early and too late, and letters that nobody takes any more. */
#include "task_rig.h"

static const weir_function *const sources[] = { &source_function, NULL };
static const weir_function *const sums[] = { &sum_function, &sink_function, NULL };

static void
make_job(struct rig *rig)
{
    rig_init(rig);
    uint32_t from = rig_vertex(rig, 2, sources);
    uint32_t to = rig_vertex(rig, 2, sums);
    rig_connect(rig, from, to, WR_EDGE_KEYED);
    assert_ok(rig_create(rig), &rig->error);
}

/* In the middle of its records. */
static void
run_some(struct rig *rig)
{
    make_job(rig);
    rig_start(rig);
    for (int i = 0; i < 10; i++) {
        (void)rig_round(rig);
    }
    assert_in_range(rig->plan.row_count, 1, rig->plan.count - 1);
}

static void
take(struct rig *rig, uint64_t id, enum wr_checkpoint_kind kind)
{
    rig_trigger_as(rig, id, kind, NULL);
    for (int i = 0; i < 10000 && rig->acknowledged_of[id] < rig->task_count; i++) {
        (void)rig_round(rig);
    }
    assert_int_equal(rig->acknowledged_of[id], rig->task_count);
}

/* Whether records still flow. */
static bool
is_flowing(struct rig *rig)
{
    size_t rows = rig->plan.row_count;
    rig_run(rig);
    return rig->plan.row_count > rows;
}

static void
send(struct rig *rig, enum wr_task_letter_kind kind, uint64_t id)
{
    assert_true(rig_send_all(rig, kind, id));
}

/* All records, each once, and the end of all tasks. */
static void
expect_whole(struct rig *rig)
{
    rig_run(rig);
    assert_int_equal(rig->failed, 0);
    assert_int_equal(rig->drained, rig->task_count);
    assert_int_equal(rig->plan.row_count, rig->plan.count);
    assert_int_equal(rig->plan.finished, 2 + 2 * 2);
    rig_check_sums(rig);
    rig_end(rig, WR_TASK_FINISH);
    rig_fini(rig);
}

static void
stop_and_abort(enum wr_checkpoint_kind kind)
{
    struct rig rig;
    run_some(&rig);
    take(&rig, 1, kind);
    assert_false(is_flowing(&rig));
    send(&rig, WR_TASK_ABORT, 1);
    assert_true(is_flowing(&rig));
    expect_whole(&rig);
}

TEST(a_stop_that_is_aborted_lets_the_source_go_on_without_a_loss)
{
    stop_and_abort(WR_CHECKPOINT_STOP);
    stop_and_abort(WR_SAVEPOINT_STOP);
}

/* Aborted before all its barriers are out: some sources have stopped, some never did. */
TEST(a_stop_aborted_on_its_way_loses_nothing)
{
    for (int rounds = 0; rounds < 6; rounds++) {
        struct rig rig;
        run_some(&rig);
        struct wr_task_letter letter = { .kind = WR_TASK_TRIGGER,
                                         .checkpoint_id = 1,
                                         .checkpoint_kind = WR_SAVEPOINT_STOP };
        assert_true(rig_send(&rig, 3, &letter));
        assert_true(rig_send(&rig, 2, &letter));
        assert_true(rig_send(&rig, 0, &letter)); /* to one of two sources so far */
        for (int i = 0; i < rounds; i++) {
            (void)rig_round(&rig);
        }
        send(&rig, WR_TASK_ABORT, 1);
        assert_true(rig_send(&rig, 1, &letter)); /* late: it was aborted already */
        expect_whole(&rig);
    }
}

TEST(a_source_stands_still_while_a_later_last_checkpoint_is_under_way)
{
    struct rig rig;
    run_some(&rig);
    take(&rig, 1, WR_SAVEPOINT_STOP);
    take(&rig, 2, WR_CHECKPOINT_STOP);
    send(&rig, WR_TASK_ABORT, 1);
    assert_false(is_flowing(&rig));
    send(&rig, WR_TASK_ABORT, 2);
    expect_whole(&rig);
}

TEST(a_source_stands_still_for_good_behind_a_stop_that_completed)
{
    struct rig rig;
    run_some(&rig);
    take(&rig, 1, WR_CHECKPOINT_STOP);
    take(&rig, 2, WR_CHECKPOINT_PERIODIC); /* nothing has changed, but it was asked for */
    send(&rig, WR_TASK_COMPLETE, 1);
    send(&rig, WR_TASK_ABORT, 2);
    assert_false(is_flowing(&rig));
    rig_end(&rig, WR_TASK_FINISH);
    assert_int_equal(rig.plan.finished, 0);
    rig_fini(&rig);
}

TEST(what_is_asked_for_by_hand_stops_nothing)
{
    static const enum wr_checkpoint_kind kinds[] = { WR_CHECKPOINT_MANUAL, WR_SAVEPOINT };
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        run_some(&rig);
        take(&rig, 1, kinds[i]);
        assert_true(is_flowing(&rig));
        expect_whole(&rig);
    }
}

/* --- drain --- */

/* Fewer records than there are, but all tasks have ended their input and finished once. */
static void
expect_drained(struct rig *rig)
{
    rig_run(rig);
    assert_int_equal(rig->failed, 0);
    assert_int_equal(rig->drained, rig->task_count);
    assert_int_equal(rig->plan.finished, 2 + 2 * 2);
    assert_true(rig->plan.row_count < rig->plan.count);
    take(rig, 50, WR_SAVEPOINT_DRAIN);
    assert_true(rig->acks[0]->snapshots[0].finished);
    rig_end(rig, WR_TASK_FINISH);
    rig_fini(rig);
}

TEST(a_drain_ends_a_running_source_as_if_by_itself)
{
    struct rig rig;
    run_some(&rig);
    send(&rig, WR_TASK_DRAIN, 0);
    send(&rig, WR_TASK_DRAIN, 0); /* twice is as good as once */
    expect_drained(&rig);
}

TEST(a_drain_before_the_start_ends_the_source_when_it_starts)
{
    struct rig rig;
    make_job(&rig);
    send(&rig, WR_TASK_DRAIN, 0);
    rig_start(&rig);
    expect_drained(&rig);
}

TEST(a_drain_of_a_source_that_has_stopped_waits_until_it_goes_on)
{
    struct rig rig;
    run_some(&rig);
    take(&rig, 1, WR_SAVEPOINT_STOP);
    send(&rig, WR_TASK_DRAIN, 0);
    rig_run(&rig);
    assert_int_equal(rig.drained, 0);
    assert_int_equal(rig.plan.finished, 0);
    send(&rig, WR_TASK_ABORT, 1);
    expect_drained(&rig);
}

TEST(a_drain_behind_the_end_does_nothing)
{
    struct rig rig;
    run_some(&rig);
    rig_run(&rig);
    send(&rig, WR_TASK_DRAIN, 0);
    expect_whole(&rig);
}

/* What was triggered before is of a job that goes on: whoever restores it has the rest to read. */
TEST(a_drain_goes_behind_the_barriers_that_wait)
{
    struct rig rig;
    run_some(&rig);
    rig_trigger_as(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    rig_trigger_as(&rig, 2, WR_SAVEPOINT, NULL);
    send(&rig, WR_TASK_DRAIN, 0);
    rig_run(&rig);
    for (uint64_t id = 1; id <= 2; id++) {
        assert_int_equal(rig.acknowledged_of[id], rig.task_count);
    }
    for (uint32_t i = 0; i < rig.task_count; i++) {
        assert_int_equal(rig.acks[i]->checkpoint_id, 2);
        assert_false(rig.acks[i]->snapshots[0].finished);
    }
    expect_drained(&rig);
}

TEST(a_drain_does_not_wait_for_a_barrier_that_was_aborted)
{
    struct rig rig;
    run_some(&rig);
    rig_trigger_as(&rig, 1, WR_SAVEPOINT, NULL);
    send(&rig, WR_TASK_DRAIN, 0);
    send(&rig, WR_TASK_ABORT, 1);
    rig_run(&rig);
    assert_int_equal(rig.acknowledged_of[1], 0);
    expect_drained(&rig);
}

/* --- too early, too late --- */

TEST(a_trigger_before_the_start_is_declined_by_the_sources)
{
    struct rig rig;
    make_job(&rig);
    rig_trigger_as(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    rig_run(&rig);
    assert_int_equal(rig.declined_of[1], 2);
    assert_int_equal(rig.decline.status, WEIR_BUSY);
    rig_start(&rig);
    send(&rig, WR_TASK_ABORT, 1);
    for (int i = 0; i < 10; i++) {
        (void)rig_round(&rig);
    }
    assert_int_equal(rig.acknowledged_of[1], 0);
    take(&rig, 2, WR_CHECKPOINT_PERIODIC);
    expect_whole(&rig);
}

TEST(an_abort_before_the_functions_are_there_calls_none)
{
    struct rig rig;
    make_job(&rig);
    rig_trigger_as(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    send(&rig, WR_TASK_ABORT, 1);
    rig_run(&rig);
    assert_int_equal(rig.plan.aborted, 0);
    rig_start(&rig);
    take(&rig, 2, WR_CHECKPOINT_PERIODIC);
    expect_whole(&rig);
}

TEST(a_trigger_that_comes_twice_or_late_does_nothing)
{
    struct rig rig;
    run_some(&rig);
    take(&rig, 5, WR_CHECKPOINT_PERIODIC);
    rig_trigger_as(&rig, 5, WR_CHECKPOINT_PERIODIC, NULL);
    rig_trigger_as(&rig, 4, WR_CHECKPOINT_STOP, NULL);
    rig_run(&rig);
    assert_int_equal(rig.acknowledged_of[5], rig.task_count);
    assert_int_equal(rig.acknowledged_of[4], 0);
    expect_whole(&rig);
}

TEST(a_checkpoint_aborted_before_its_barrier_is_out_never_begins)
{
    struct rig rig;
    run_some(&rig);
    rig_trigger_as(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    send(&rig, WR_TASK_ABORT, 1);
    rig_trigger_as(&rig, 2, WR_CHECKPOINT_PERIODIC, NULL);
    rig_trigger_as(&rig, 3, WR_CHECKPOINT_PERIODIC, NULL);
    send(&rig, WR_TASK_ABORT, 3);
    rig_run(&rig);
    assert_int_equal(rig.acknowledged_of[1], 0);
    assert_int_equal(rig.acknowledged_of[2], rig.task_count);
    assert_int_equal(rig.acknowledged_of[3], 0);
    assert_int_equal(rig.plan.snapshots, 2 + 2 * 2);
    expect_whole(&rig);
}

TEST(answers_about_checkpoints_that_a_task_does_not_know_are_taken)
{
    struct rig rig;
    run_some(&rig);
    send(&rig, WR_TASK_COMPLETE, 7);
    send(&rig, WR_TASK_RELEASE, 8);
    send(&rig, WR_TASK_ABORT, 9);
    rig_run(&rig);
    assert_int_equal(rig.notified_of[7], rig.task_count);
    assert_int_equal(rig.plan.aborted, 9);
    expect_whole(&rig);
}

/* Kept, waiting, and thrown away: the allocator knows what becomes of the plans. */
TEST(plans_are_freed_wherever_a_task_ends)
{
    static const struct wr_checkpoint_plan plan = { .sharing = WR_SHARING_FORWARD,
                                                    .unaligned_at_ns = UINT64_MAX };
    for (int rounds = 0; rounds < 6; rounds++) {
        struct rig rig;
        run_some(&rig);
        rig_trigger_as(&rig, 1, WR_CHECKPOINT_PERIODIC, &plan);
        rig_trigger_as(&rig, 2, WR_CHECKPOINT_MANUAL, &plan);
        for (int i = 0; i < rounds; i++) {
            (void)rig_round(&rig);
        }
        rig.plan.fail_in = rounds % 2 == 0 ? "snapshot_state" : NULL;
        rig_trigger_as(&rig, 3, WR_CHECKPOINT_STOP, &plan);
        rig_end(&rig, WR_TASK_CANCEL);
        rig_trigger_as(&rig, 4, WR_CHECKPOINT_PERIODIC, &plan); /* to tasks that have ended */
        rig_fini(&rig);
    }
}
