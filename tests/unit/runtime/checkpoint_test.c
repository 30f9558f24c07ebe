/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of whole tasks: barrier to acknowledgement, restore at any parallelism, aborts,
 * declines, the end. */
#include "rig_restore.h"

static const weir_function *const sources[] = { &source_function, NULL };
static const weir_function *const sums[] = { &sum_function, &sink_function, NULL };
static const weir_function *const fused[] = { &source_function, &sum_function, &sink_function,
                                              NULL };

static void
wire(struct rig *rig, uint32_t source_count, uint32_t sum_count)
{
    uint32_t from = rig_vertex(rig, source_count, sources);
    uint32_t to = rig_vertex(rig, sum_count, sums);
    rig_connect(rig, from, to, WR_EDGE_KEYED);
}

static void
rounds(struct rig *rig, int count)
{
    for (int i = 0; i < count; i++) {
        (void)rig_round(rig);
    }
}

/* Until the checkpoint is acknowledged by all. */
static void
checkpoint(struct rig *rig, uint64_t id, enum wr_checkpoint_kind kind)
{
    rig_trigger(rig, id, kind);
    for (int i = 0; i < 100000 && rig->acknowledged < rig->task_count; i++) {
        (void)rig_round(rig);
    }
    assert_int_equal(rig->acknowledged, rig->task_count);
}

static void
complete(struct rig *rig, uint64_t id)
{
    rig->notified = 0;
    assert_true(rig_send_all(rig, WR_TASK_COMPLETE, id));
    (void)rig_round(rig);
    (void)rig_round(rig);
    assert_int_equal(rig->notified, rig->task_count);
    assert_int_equal(rig->plan.completed, id);
}

static void
survive(uint32_t before, uint32_t after, bool exactly_once)
{
    struct rig rig;
    rig_init(&rig);
    rig.environment.exactly_once = exactly_once;
    wire(&rig, 2, before);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rounds(&rig, 30);
    checkpoint(&rig, 1, WR_CHECKPOINT_PERIODIC);
    complete(&rig, 1);
    rounds(&rig, 20);
    checkpoint(&rig, 2, WR_CHECKPOINT_PERIODIC);
    assert_true(rig.plan.row_count < rig.plan.count);
    struct rig_restore *restore = rig_note(&rig);
    rounds(&rig, 25); /* what comes of it is lost with the job */
    rig_end(&rig, WR_TASK_CANCEL);
    rig_tear_down(&rig);

    rig.plan.row_count = 0;
    wire(&rig, 2, after);
    rig_apply(&rig, restore);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.failed, 0);
    assert_int_equal(rig.drained, rig.task_count);
    if (exactly_once) {
        rig_check_sums(&rig);
    }
    rig_end(&rig, WR_TASK_FINISH);
    test_free(restore);
    rig_fini(&rig);
}

TEST(a_restored_job_counts_every_record_exactly_once_at_any_parallelism)
{
    const uint32_t parallelism[] = { 1, 2, 3, 5 };
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) {
            survive(parallelism[i], parallelism[j], true);
        }
    }
}

TEST(at_least_once_checkpoints_restore_too)
{
    survive(2, 3, false);
}

TEST(records_behind_the_barrier_are_not_in_the_snapshot)
{
    struct rig rig;
    rig_init(&rig);
    rig.plan.pause_at = 200;
    (void)rig_vertex(&rig, 1, fused);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.plan.row_count, 200);
    rig.io_stopped = true; /* the snapshot stays open */
    rig_trigger(&rig, 1, WR_CHECKPOINT_PERIODIC);
    (void)rig_round(&rig);
    rig.plan.pause_at = 400;
    rig_run(&rig);
    assert_int_equal(rig.plan.row_count, 400);
    assert_int_equal(rig.acknowledged, 0);
    rig.io_stopped = false;
    rig_run(&rig);
    assert_int_equal(rig.acknowledged, 1);
    struct rig_restore *restore = rig_note(&rig);
    rig_end(&rig, WR_TASK_CANCEL);
    rig_tear_down(&rig);

    rig.plan.row_count = 0;
    rig.plan.pause_at = UINT64_MAX;
    (void)rig_vertex(&rig, 1, fused);
    rig_apply(&rig, restore);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.plan.row_count, rig.plan.count - 200);
    rig_check_sums(&rig);
    rig_end(&rig, WR_TASK_FINISH);
    test_free(restore);
    rig_fini(&rig);
}

TEST(an_aborted_checkpoint_leaves_nothing_and_the_next_one_is_whole)
{
    struct rig rig;
    rig_init(&rig);
    wire(&rig, 2, 3);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rounds(&rig, 10);
    for (uint64_t id = 1; id <= 8; id++) { /* aborted ever later in its life */
        rig_trigger(&rig, id, WR_CHECKPOINT_PERIODIC);
        rig.io_stopped = id % 2 == 0;
        rounds(&rig, (int)id - 1);
        assert_true(rig_send_all(&rig, WR_TASK_ABORT, id));
        rounds(&rig, 2);
        assert_int_equal(rig.plan.aborted, id);
    }
    rig.io_stopped = false;
    checkpoint(&rig, 9, WR_CHECKPOINT_PERIODIC);
    struct rig_restore *restore = rig_note(&rig);
    rig_end(&rig, WR_TASK_CANCEL);
    rig_tear_down(&rig);
    rig.plan.row_count = 0;
    wire(&rig, 2, 2);
    rig_apply(&rig, restore);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    rig_check_sums(&rig);
    rig_end(&rig, WR_TASK_FINISH);
    test_free(restore);
    rig_fini(&rig);
}

TEST(an_unwritable_directory_declines_with_the_path_and_the_job_goes_on)
{
    struct rig rig;
    rig_init(&rig);
    wire(&rig, 1, 2);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rounds(&rig, 10);
    os_sim_deny(rig.sim, "/ck", OS_SIM_DENY_WRITE, 13);
    rig_trigger(&rig, 1, WR_CHECKPOINT_PERIODIC);
    for (int i = 0; i < 100 && rig.declined < 3; i++) {
        (void)rig_round(&rig);
    }
    assert_int_equal(rig.declined, 3);
    assert_non_null(strstr(rig.decline.message, "/ck/1-"));
    assert_true(rig_send_all(&rig, WR_TASK_ABORT, 1));
    os_sim_deny(rig.sim, "/ck", 0, 0);
    rounds(&rig, 5);
    checkpoint(&rig, 2, WR_CHECKPOINT_PERIODIC);
    rig_run(&rig);
    assert_int_equal(rig.failed, 0);
    rig_check_sums(&rig);
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

TEST(behind_the_barrier_of_a_stop_nothing_is_emitted)
{
    struct rig rig;
    rig_init(&rig);
    wire(&rig, 2, 2);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rounds(&rig, 10);
    checkpoint(&rig, 1, WR_CHECKPOINT_STOP);
    size_t rows = rig.plan.row_count;
    assert_in_range(rows, 1, rig.plan.count - 1);
    rig_run(&rig);
    assert_int_equal(rig.plan.row_count, rows);
    assert_int_equal(rig.drained, 0);
    complete(&rig, 1);
    rig_end(&rig, WR_TASK_FINISH);
    assert_int_equal(rig.plan.finished, 0);
    rig_fini(&rig);
}

TEST(a_drained_job_takes_its_final_checkpoint_and_does_not_finish_twice)
{
    struct rig rig;
    rig_init(&rig);
    wire(&rig, 2, 3);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.drained, 5);
    assert_int_equal(rig.plan.finished, 2 + 3 * 2);
    checkpoint(&rig, 1, WR_CHECKPOINT_FINAL);
    assert_true(rig.acks[0]->snapshots[0].finished);
    assert_true(rig.acks[4]->snapshots[1].finished);
    complete(&rig, 1);
    struct rig_restore *restore = rig_note(&rig);
    rig_end(&rig, WR_TASK_FINISH);
    rig_tear_down(&rig);
    rig.plan.row_count = 0;
    rig.plan.finished = 0;
    wire(&rig, 2, 3);
    rig_apply(&rig, restore);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.drained, 5);
    assert_int_equal(rig.plan.finished, 0);
    assert_int_equal(rig.plan.row_count, 0);
    rig_end(&rig, WR_TASK_FINISH);
    test_free(restore);
    rig_fini(&rig);
}

TEST(a_checkpoint_passes_a_job_of_which_one_source_has_drained)
{
    struct rig rig;
    rig_init(&rig);
    rig.plan.count = 401; /* subtask 0 has one record more, and pauses before it */
    rig.plan.pause_at = 200;
    wire(&rig, 2, 2);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.drained, 1);
    checkpoint(&rig, 1, WR_CHECKPOINT_PERIODIC);
    assert_false(rig.acks[0]->snapshots[0].finished);
    assert_true(rig.acks[1]->snapshots[0].finished);
    assert_false(rig.acks[2]->snapshots[0].finished);
    rig.plan.pause_at = UINT64_MAX;
    rig_run(&rig);
    assert_int_equal(rig.drained, 4);
    rig_check_sums(&rig);
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

TEST(without_storage_hooks_run_and_nothing_is_written)
{
    struct rig rig;
    rig_init(&rig);
    rig.environment.snapshot_path = NULL;
    wire(&rig, 1, 2);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    checkpoint(&rig, 1, WR_CHECKPOINT_FINAL);
    assert_int_equal(rig.plan.snapshots, 1 + 2 * 2);
    assert_int_equal(rig.acks[0]->snapshots[0].files.count, 0);
    assert_int_equal(os_sim_used_bytes(rig.sim), 0);
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

TEST(a_corrupt_file_fails_the_restore_with_its_path)
{
    struct rig rig;
    rig_init(&rig);
    (void)rig_vertex(&rig, 1, fused);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rounds(&rig, 10);
    checkpoint(&rig, 1, WR_CHECKPOINT_PERIODIC);
    struct rig_restore *restore = rig_note(&rig);
    rig_end(&rig, WR_TASK_CANCEL);
    rig_tear_down(&rig);
    restore->files[0][1][0].identity.subtask = 3; /* another's file */
    (void)rig_vertex(&rig, 1, fused);
    rig_apply(&rig, restore);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    assert_int_equal(rig.failed, 1);
    assert_non_null(strstr(rig.failure.message, "operator 'sum' (1/1): restoring checkpoint 1: "));
    assert_non_null(strstr(rig.failure.message, "/ck/1-"));
    rig_run(&rig);
    assert_int_equal(rig.ended, 1);
    test_free(restore);
    rig_fini(&rig);
}
