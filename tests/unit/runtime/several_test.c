/* SPDX-License-Identifier: Apache-2.0 */
/* Several checkpoints in a task at once: each is of its own moment, whatever becomes of the others.
 */
#include "rig_restore.h"

static const weir_function *const sources[] = { &source_function, NULL };
static const weir_function *const sums[] = { &sum_function, &sink_function, NULL };
static const weir_function *const fused[] = { &source_function, &sum_function, &sink_function,
                                              NULL };

enum {
    FIRST = 1024, /* records before the first checkpoint: all keys, twice */
    STEP = 20     /* and between two: few enough for changes */
};

/* Says to the engine that incremental checkpoints will come. */
static weir_options *
make_options(void)
{
    weir_options *options = NULL;
    weir_alloc alloc = wr_memory_system();
    assert_ok(weir_options_create(&alloc, &options), NULL);
    assert_ok(weir_options_set(options, "execution.checkpointing.incremental", "true",
                               WEIR_LEVEL_JOB, NULL, NULL),
              NULL);
    return options;
}

static void
open_fused(struct rig *rig, bool incremental)
{
    rig_init(rig);
    rig->environment.incremental = incremental;
    rig->options = incremental ? make_options() : NULL;
    rig->environment.options = rig->options;
    rig->plan.keys = RIG_KEYS;
    rig->plan.pause_at = FIRST;
    (void)rig_vertex(rig, 1, fused);
    assert_ok(rig_create(rig), &rig->error);
    rig_start(rig);
    rig_run(rig);
}

/* STEP more records. */
static void
advance(struct rig *rig)
{
    rig->plan.pause_at += STEP;
    rig_run(rig);
}

static void
send(struct rig *rig, enum wr_task_letter_kind kind, uint64_t id)
{
    assert_true(rig_send_all(rig, kind, id));
    rig_run(rig);
}

/* Begins checkpoint `id`, which stays open, and emits STEP records behind it. */
static void
leave_open(struct rig *rig, uint64_t id)
{
    rig->io_stopped = true;
    rig_trigger_as(rig, id, WR_CHECKPOINT_PERIODIC, NULL);
    rig_run(rig);
    assert_int_equal(rig->acknowledged_of[id], 0);
    assert_int_equal(rig->plan.snapshots, 3 * id); /* of each function, once */
    advance(rig);
}

static void
let_io_work(struct rig *rig)
{
    rig->io_stopped = false;
    rig_run(rig);
}

/* A job that goes on from what was noted emits what comes behind `position`, and sums up right. */
static void
expect_restored(struct rig *rig, uint64_t position)
{
    struct rig_restore *restore = rig_note(rig);
    rig_end(rig, WR_TASK_CANCEL);
    rig_tear_down(rig);
    rig->plan.row_count = 0;
    rig->plan.pause_at = UINT64_MAX;
    (void)rig_vertex(rig, 1, fused);
    rig_apply(rig, restore);
    assert_ok(rig_create(rig), &rig->error);
    rig_start(rig);
    rig_run(rig);
    assert_int_equal(rig->failed, 0);
    assert_int_equal(rig->plan.row_count, rig->plan.count - position);
    rig_check_sums(rig);
    rig_end(rig, WR_TASK_FINISH);
    test_free(restore);
    rig_fini(rig);
}

static void
restore_one_of_three(uint64_t wanted, bool incremental)
{
    struct rig rig;
    open_fused(&rig, incremental);
    rig.note_id = wanted;
    for (uint64_t id = 1; id <= 3; id++) {
        leave_open(&rig, id);
    }
    let_io_work(&rig);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_int_equal(rig.acknowledged_of[id], 1);
        send(&rig, WR_TASK_COMPLETE, id);
        assert_int_equal(rig.notified_of[id], 1);
        assert_int_equal(rig.plan.completed, id);
    }
    expect_restored(&rig, FIRST + (wanted - 1) * STEP);
}

TEST(snapshots_open_at_once_are_each_of_its_own_moment)
{
    for (uint64_t wanted = 1; wanted <= 3; wanted++) {
        restore_one_of_three(wanted, false);
        restore_one_of_three(wanted, true);
    }
}

TEST(an_abort_ends_its_own_snapshot_and_no_other)
{
    for (uint64_t aborted = 1; aborted <= 3; aborted++) {
        struct rig rig;
        open_fused(&rig, true);
        for (uint64_t id = 1; id <= 3; id++) {
            leave_open(&rig, id);
        }
        send(&rig, WR_TASK_ABORT, aborted);
        assert_int_equal(rig.plan.aborted, aborted);
        rig.note_id = aborted == 3 ? 2 : 3;
        let_io_work(&rig);
        for (uint64_t id = 1; id <= 3; id++) {
            assert_int_equal(rig.acknowledged_of[id], id != aborted);
        }
        assert_int_equal(rig.declined, 0);
        expect_restored(&rig, FIRST + (rig.note_id - 1) * STEP);
    }
}

/* What a newer one that completes leaves open is given up; the next one builds on the newer. */
TEST(a_completed_checkpoint_gives_up_the_older_ones)
{
    struct rig rig;
    open_fused(&rig, true);
    rig_trigger_as(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    rig_run(&rig);
    send(&rig, WR_TASK_COMPLETE, 1);
    advance(&rig);
    leave_open(&rig, 2);
    leave_open(&rig, 3);
    send(&rig, WR_TASK_COMPLETE, 3); /* as if the others had all been waiting for this task's 2 */
    let_io_work(&rig);
    assert_int_equal(rig.acknowledged_of[2], 0);
    rig_trigger_as(&rig, 4, WR_CHECKPOINT_PERIODIC, NULL);
    rig_run(&rig);
    assert_int_equal(rig.acknowledged_of[4], 1);
    expect_restored(&rig, FIRST + 3 * STEP);
}

/* The files of the sum's state, the oldest first. */
static const struct wr_file_list *
files_of(const struct rig *rig)
{
    return &rig->acks[0]->snapshots[1].files;
}

/* 2 and 3 begin on 1; 4 begins when 2 is complete, before 3 is. */
TEST(a_snapshot_builds_on_what_was_complete_when_it_began)
{
    struct rig rig;
    open_fused(&rig, true);
    rig_trigger_as(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    rig_run(&rig);
    send(&rig, WR_TASK_COMPLETE, 1);
    advance(&rig);
    leave_open(&rig, 2);
    let_io_work(&rig);
    leave_open(&rig, 3);
    send(&rig, WR_TASK_COMPLETE, 2);
    leave_open(&rig, 4);
    rig.note_id = 3;
    let_io_work(&rig);
    const struct wr_file_list *files = files_of(&rig);
    assert_int_equal(files->count, 2); /* of 1, and its own: not those of 2 */
    assert_int_equal(files->entries[0].checkpoint_id, 1);
    assert_true(files->entries[1].has_changes);
    assert_int_equal(rig.acknowledged_of[4], 1);
    send(&rig, WR_TASK_COMPLETE, 3);
    rig.note_id = 5;
    advance(&rig);
    rig_trigger_as(&rig, 5, WR_CHECKPOINT_PERIODIC, NULL); /* on 3, while 4 is undecided */
    rig_run(&rig);
    files = files_of(&rig);
    assert_int_equal(files->count, 3);
    assert_int_equal(files->entries[1].checkpoint_id, 3);
    expect_restored(&rig, FIRST + 5 * STEP);
}

TEST(completions_out_of_order_never_turn_the_base_back)
{
    struct rig rig;
    open_fused(&rig, true);
    for (uint64_t id = 1; id <= 3; id++) {
        rig_trigger_as(&rig, id, WR_CHECKPOINT_PERIODIC, NULL);
        rig_run(&rig);
        assert_int_equal(rig.acknowledged_of[id], 1);
        advance(&rig);
    }
    send(&rig, WR_TASK_COMPLETE, 3);
    send(&rig, WR_TASK_COMPLETE, 2); /* it was being stored already */
    assert_int_equal(rig.notified_of[2], 1);
    rig_trigger_as(&rig, 4, WR_CHECKPOINT_PERIODIC, NULL);
    rig_run(&rig);
    assert_int_equal(files_of(&rig)->count, 2);
    assert_int_equal(files_of(&rig)->entries[0].checkpoint_id, 3);
    expect_restored(&rig, FIRST + 3 * STEP);
}

static void
pass_three_at_once(bool exactly_once, uint64_t wanted)
{
    struct rig rig;
    rig_init(&rig);
    rig.environment.exactly_once = exactly_once;
    rig.batches_max = 1;
    uint32_t from = rig_vertex(&rig, 2, sources);
    uint32_t to = rig_vertex(&rig, 3, sums);
    rig_connect(&rig, from, to, WR_EDGE_KEYED);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    for (int i = 0; i < 10; i++) {
        (void)rig_round(&rig);
    }
    rig.note_id = wanted;
    for (uint64_t id = 1; id <= 3; id++) { /* none waits for the one before */
        rig_trigger_as(&rig, id, WR_CHECKPOINT_PERIODIC, NULL);
    }
    for (int i = 0; i < 10000 && rig.acknowledged < 15; i++) {
        (void)rig_round(&rig);
    }
    for (uint64_t id = 1; id <= 3; id++) {
        assert_int_equal(rig.acknowledged_of[id], 5);
    }
    assert_int_equal(rig.declined, 0);
    assert_int_equal(rig.plan.aborted, 0);
    struct rig_restore *restore = rig_note(&rig);
    rig_end(&rig, WR_TASK_CANCEL);
    rig_tear_down(&rig);
    rig.plan.row_count = 0;
    from = rig_vertex(&rig, 2, sources);
    to = rig_vertex(&rig, 2, sums);
    rig_connect(&rig, from, to, WR_EDGE_KEYED);
    rig_apply(&rig, restore);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    assert_int_equal(rig.failed, 0);
    if (exactly_once) {
        rig_check_sums(&rig);
    }
    rig_end(&rig, WR_TASK_FINISH);
    test_free(restore);
    rig_fini(&rig);
}

TEST(barriers_of_several_checkpoints_follow_each_other_through_a_job)
{
    for (uint64_t wanted = 1; wanted <= 3; wanted++) {
        pass_three_at_once(true, wanted);
        pass_three_at_once(false, wanted);
    }
}

TEST(more_snapshots_than_an_engine_takes_are_declined_and_the_others_are_well)
{
    struct rig rig;
    open_fused(&rig, false);
    rig.io_stopped = true;
    for (uint64_t id = 1; id <= 12; id++) {
        rig_trigger_as(&rig, id, WR_CHECKPOINT_PERIODIC, NULL);
        advance(&rig);
    }
    assert_int_equal(rig.declined, 12 - 8);
    assert_int_equal(rig.decline.status, WEIR_BUSY);
    rig.note_id = 8;
    let_io_work(&rig);
    assert_int_equal(rig.acknowledged, 8);
    expect_restored(&rig, FIRST + 7 * STEP);
}

static void
fail_somewhere(uint64_t fail_at, bool *out_was_hit)
{
    struct rig rig;
    rig_init(&rig);
    rig.environment.incremental = true;
    rig.plan.count = 400;
    rig.plan.pause_at = 60;
    uint32_t from = rig_vertex(&rig, 1, sources);
    uint32_t to = rig_vertex(&rig, 2, sums);
    rig_connect(&rig, from, to, WR_EDGE_KEYED);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    rig.fault.fail_at = rig.fault.requests + fail_at;
    struct wr_checkpoint_plan plan = { .sharing = WR_SHARING_NONE, .directory = "/sp" };
    plan.unaligned_at_ns = UINT64_MAX;
    os_sim_directory_put(rig.sim, "/sp");
    rig_trigger_as(&rig, 1, WR_CHECKPOINT_PERIODIC, NULL);
    rig_trigger_as(&rig, 2, WR_SAVEPOINT, &plan);
    rig_trigger_as(&rig, 3, WR_CHECKPOINT_PERIODIC, NULL);
    rig_run(&rig);
    (void)rig_send_all(&rig, WR_TASK_COMPLETE, 1);
    (void)rig_send_all(&rig, WR_TASK_RELEASE, 2);
    rig.plan.pause_at = UINT64_MAX;
    rig_run(&rig);
    *out_was_hit = rig.fault.refused != 0;
    rig.fault.fail_at = 0;
    assert_true(rig.failed == 0 || rig.failure.status == WEIR_NOMEM);
    assert_true(rig.declined == 0 || rig.decline.status == WEIR_NOMEM);
    rig_end(&rig, WR_TASK_CANCEL);
    rig_fini(&rig);
}

TEST(every_failed_allocation_around_several_checkpoints_ends_in_words_without_leaks)
{
    uint64_t points = 0;
    for (bool was_hit = true; was_hit; points++) {
        fail_somewhere(points + 1, &was_hit);
    }
    assert_true(points > 60);
}
