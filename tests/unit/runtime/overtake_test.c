/* SPDX-License-Identifier: Apache-2.0 */
/* Barriers that overtake records, in small jobs stepped by hand: a sink that is hardly ever stepped
 * stands for one that is slow.
 */
#include "task_rig.h"

#include "runtime/in_flight.h"

static const weir_function *const sources[] = { &source_function, NULL };
static const weir_function *const explodes[] = { &explode_function, NULL };
static const weir_function *const sums[] = { &sum_function, NULL };
static const weir_function *const sinks[] = { &sink_function, NULL };

enum {
    SOURCE,
    MIDDLE,
    SINK,         /* tasks of the chain of three */
    FEW_STEPS = 8 /* enough for a file; far from enough for what the rings hold */
};

static uint64_t
now_of(const struct rig *rig)
{
    return os_sim_now_ns(rig->sim);
}

/* One step of one task; whether it moved. */
static bool
step(struct rig *rig, uint32_t task, uint64_t *out_wake_at)
{
    uint64_t wake_at = 0;
    bool moved = wr_task_step(rig->tasks[task], &wake_at) == WR_STEP_PROGRESS;
    moved = (!rig->io_stopped && wr_executor_step(&rig->io)) || moved;
    rig_take_reports(rig);
    if (out_wake_at != NULL) {
        *out_wake_at = wake_at;
    }
    return moved;
}

/* All but the sink, until nothing moves: rings and hands are full. */
static void
run_but_sink(struct rig *rig)
{
    for (uint32_t quiet = 0; quiet < 3;) {
        bool moved = step(rig, SOURCE, NULL);
        moved = step(rig, MIDDLE, NULL) || moved;
        quiet = moved ? 0 : quiet + 1;
    }
}

static void
step_sink(struct rig *rig, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)step(rig, SINK, NULL);
    }
}

static void
trigger_unaligned(struct rig *rig, uint64_t id, uint64_t unaligned_at_ns)
{
    struct wr_checkpoint_plan plan = { .unaligned_at_ns = unaligned_at_ns };
    rig->acknowledged = rig->declined = rig->notified = 0;
    rig_trigger_as(rig, id, WR_CHECKPOINT_PERIODIC, &plan);
}

/* source -> explode -> sink, one task each, full to the brim. */
static void
open_blocked(struct rig *rig, size_t explode)
{
    rig_init(rig);
    rig->plan.explode = explode;
    rig->plan.count = 6000;
    uint32_t from = rig_vertex(rig, 1, sources);
    uint32_t through = rig_vertex(rig, 1, explodes);
    uint32_t to = rig_vertex(rig, 1, sinks);
    rig_connect(rig, from, through, WR_EDGE_REBALANCE);
    rig_connect(rig, through, to, WR_EDGE_REBALANCE);
    assert_ok(rig_create(rig), &rig->error);
    rig_start(rig);
    run_but_sink(rig);
    assert_int_equal(0, rig->plan.row_count);
}

/* Elements of records in flight that the task's snapshot holds. */
static uint64_t
in_flight_of(const struct rig *rig, uint32_t task)
{
    const struct wr_operator_snapshot_result *result = &rig->acks[task]->snapshots[0];
    for (uint32_t i = 0; i < result->list_count; i++) {
        const struct wr_manifest_state *state = &result->states[result->lists[i].state];
        if (strcmp(state->name, WR_IN_FLIGHT_NAME) == 0) {
            assert_int_equal(WEIR_LIST_UNION, state->list_mode);
            return result->lists[i].count;
        }
    }
    return 0;
}

static void
end_well(struct rig *rig)
{
    rig_run(rig);
    assert_int_equal(0, rig->failed);
    assert_int_equal(rig->plan.count * rig->plan.explode, rig->plan.row_count);
    rig_end(rig, WR_TASK_FINISH);
    rig_fini(rig);
}

TEST(a_checkpoint_completes_though_the_sink_takes_next_to_nothing)
{
    struct rig rig;
    open_blocked(&rig, 3);
    trigger_unaligned(&rig, 1, 0);
    run_but_sink(&rig);
    assert_int_equal(2, rig.acknowledged);
    assert_true(in_flight_of(&rig, MIDDLE) > 0);
    step_sink(&rig, FEW_STEPS);
    assert_int_equal(3, rig.acknowledged);
    assert_true(in_flight_of(&rig, SINK) >
                in_flight_of(&rig, MIDDLE)); /* the rest of its hands too */
    assert_true(rig.plan.row_count <= FEW_STEPS * 64);
    end_well(&rig);
}

TEST(an_aligned_one_would_not)
{
    struct rig rig;
    open_blocked(&rig, 3);
    trigger_unaligned(&rig, 1, UINT64_MAX);
    run_but_sink(&rig);
    step_sink(&rig, FEW_STEPS);
    assert_true(rig.acknowledged <= 1); /* the source at most, where its hands are empty */
    rig_run(&rig);
    assert_int_equal(3, rig.acknowledged);
    for (uint32_t task = SOURCE; task <= SINK; task++) {
        assert_int_equal(0, in_flight_of(&rig, task));
    }
    end_well(&rig);
}

/* Again and again; the sink takes a few batches for each. */
TEST(checkpoint_after_checkpoint_goes_past_a_slow_sink)
{
    struct rig rig;
    open_blocked(&rig, 30);
    for (uint64_t id = 1; id <= 60; id++) {
        trigger_unaligned(&rig, id, 0);
        run_but_sink(&rig);
        assert_int_equal(2, rig.acknowledged);
        for (uint32_t i = 0; i < 10 * FEW_STEPS && rig.acknowledged < 3; i++) {
            step_sink(&rig, 1);
        }
        assert_int_equal(3, rig.acknowledged);
        assert_true(rig_send_all(&rig, WR_TASK_COMPLETE, id));
        run_but_sink(&rig);
    }
    end_well(&rig);
}

TEST(barriers_begin_to_overtake_when_their_time_has_come_and_the_tasks_ask_to_be_woken_then)
{
    struct rig rig;
    open_blocked(&rig, 3);
    uint64_t at_ns = now_of(&rig) + 500000000;
    trigger_unaligned(&rig, 1, at_ns);
    run_but_sink(&rig);
    assert_true(rig.acknowledged <= 1);
    uint64_t wake_at = 0; /* of whom the barrier has reached */
    (void)step(&rig, rig.acknowledged == 0 ? SOURCE : MIDDLE, &wake_at);
    assert_true(wake_at == at_ns);
    os_sim_advance_ns(rig.sim, at_ns - now_of(&rig));
    run_but_sink(&rig);
    assert_int_equal(2, rig.acknowledged);
    step_sink(&rig, FEW_STEPS);
    assert_int_equal(3, rig.acknowledged);
    end_well(&rig);
}

/* The first of two producers has sent its barrier, so its channel is held; then the time comes. */
TEST(an_alignment_that_takes_too_long_turns_into_overtaking)
{
    struct rig rig;
    rig_init(&rig);
    uint32_t from = rig_vertex(&rig, 2, sources);
    uint32_t to = rig_vertex(&rig, 1, sinks);
    rig_connect(&rig, from, to, WR_EDGE_REBALANCE);
    assert_ok(rig_create(&rig), &rig.error);
    rig.plan.pause_at = 500;
    rig_start(&rig);
    rig_run(&rig);
    uint64_t at_ns = now_of(&rig) + 500000000;
    trigger_unaligned(&rig, 1, at_ns);
    for (uint32_t i = 0; i < 10; i++) { /* one producer and the sink */
        (void)step(&rig, 0, NULL);
        (void)step(&rig, 2, NULL);
    }
    assert_int_equal(1, rig.acknowledged);
    uint64_t wake_at = 0;
    (void)step(&rig, 2, &wake_at);
    assert_true(wake_at == at_ns);
    os_sim_advance_ns(rig.sim, at_ns - now_of(&rig));
    (void)step(&rig, 2, NULL);
    assert_int_equal(1, rig.acknowledged); /* begun, but the other barrier is still to come */
    rig.plan.pause_at = UINT64_MAX;
    rig_run(&rig);
    assert_int_equal(3, rig.acknowledged);
    assert_int_equal(0, rig.declined);
    end_well(&rig);
}

TEST(a_gate_with_a_forward_input_aligns_whatever_the_plan_says)
{
    struct rig rig;
    rig_init(&rig);
    uint32_t from = rig_vertex(&rig, 1, sources);
    uint32_t through = rig_vertex(&rig, 1, explodes);
    uint32_t to = rig_vertex(&rig, 1, sinks);
    rig_connect(&rig, from, through, WR_EDGE_REBALANCE);
    rig_connect(&rig, through, to, WR_EDGE_FORWARD);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    run_but_sink(&rig);
    trigger_unaligned(&rig, 1, 0);
    run_but_sink(&rig);
    assert_int_equal(2, rig.acknowledged);
    step_sink(&rig, FEW_STEPS);
    assert_int_equal(2, rig.acknowledged);
    rig_run(&rig);
    assert_int_equal(3, rig.acknowledged);
    assert_int_equal(0, in_flight_of(&rig, SINK));
    end_well(&rig);
}

TEST(savepoints_and_last_checkpoints_align_whatever_the_plan_says)
{
    static const enum wr_checkpoint_kind kinds[] = { WR_SAVEPOINT, WR_CHECKPOINT_STOP,
                                                     WR_CHECKPOINT_FINAL };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct rig rig;
        open_blocked(&rig, 3);
        struct wr_checkpoint_plan plan = { .unaligned_at_ns = 0 };
        rig_trigger_as(&rig, 1, kinds[i], &plan);
        run_but_sink(&rig);
        step_sink(&rig, FEW_STEPS);
        assert_true(rig.acknowledged <= 1);
        rig_run(&rig);
        assert_int_equal(3, rig.acknowledged);
        assert_int_equal(0, in_flight_of(&rig, SINK));
        rig_end(&rig, WR_TASK_CANCEL);
        rig_fini(&rig);
    }
}

/* --- what goes wrong --- */

TEST(a_capture_that_is_aborted_lets_go_of_everything_and_the_next_one_is_well)
{
    struct rig rig;
    rig_init(&rig);
    rig.plan.pause_at = 700;
    uint32_t from = rig_vertex(&rig, 2, sources);
    uint32_t to = rig_vertex(&rig, 1, sums);
    uint32_t end = rig_vertex(&rig, 1, sinks);
    rig_connect(&rig, from, to, WR_EDGE_KEYED);
    rig_connect(&rig, to, end, WR_EDGE_REBALANCE);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    rig_run(&rig);
    trigger_unaligned(&rig, 1, 0);
    for (uint32_t i = 0; i < 10; i++) { /* the second producer never sends its barrier */
        (void)step(&rig, 0, NULL);
        (void)step(&rig, 2, NULL);
    }
    assert_int_equal(1, rig.acknowledged);
    assert_true(rig_send_all(&rig, WR_TASK_ABORT, 1));
    rig.plan.pause_at = 1400;
    rig_run(&rig);
    assert_int_equal(1, rig.acknowledged);
    trigger_unaligned(&rig, 2, 0);
    rig_run(&rig);
    assert_int_equal(4, rig.acknowledged);
    rig.plan.pause_at = UINT64_MAX;
    rig_run(&rig);
    assert_int_equal(0, rig.failed);
    rig_check_sums(&rig);
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

/* Copies have a pool of their own here, and it is empty: the checkpoint is declined, no more. */
TEST(without_memory_for_copies_the_checkpoint_is_declined_and_no_record_is_lost)
{
    struct alloc_fault copies;
    alloc_fault_init(&copies, 0, true);
    struct rig rig;
    open_blocked(&rig, 3);
    rig.environment.snapshot_alloc = alloc_fault_alloc(&copies);
    copies.fail_at = 1;
    trigger_unaligned(&rig, 1, 0);
    run_but_sink(&rig);
    step_sink(&rig, FEW_STEPS);
    assert_int_equal(2, rig.declined + rig.acknowledged - 1); /* the source has nothing to copy */
    assert_true(rig.declined >= 1);
    assert_int_equal(WEIR_NOMEM, rig.decline.status);
    copies.fail_at = 0;
    copies.sticky = false;
    assert_true(rig_send_all(&rig, WR_TASK_ABORT, 1));
    run_but_sink(&rig);
    trigger_unaligned(&rig, 2, 0);
    run_but_sink(&rig);
    step_sink(&rig, 2 * FEW_STEPS);
    assert_int_equal(3, rig.acknowledged);
    rig_run(&rig);
    assert_int_equal(0, rig.failed);
    assert_int_equal(rig.plan.count * rig.plan.explode, rig.plan.row_count);
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
    assert_int_equal(0, alloc_fault_leaks(&copies, stderr));
}

/* A chain whose hands hold more than may go beyond the channels waits, as an aligned one does. */
TEST(what_goes_beyond_the_channels_has_a_limit_and_then_the_barrier_waits)
{
    struct rig rig;
    rig_init(&rig);
    rig.environment.emit_limit_bytes = 16 << 10;
    rig.plan.explode = 300;
    rig.plan.count = 400;
    uint32_t from = rig_vertex(&rig, 1, sources);
    uint32_t through = rig_vertex(&rig, 1, explodes);
    uint32_t to = rig_vertex(&rig, 1, sinks);
    rig_connect(&rig, from, through, WR_EDGE_REBALANCE);
    rig_connect(&rig, through, to, WR_EDGE_REBALANCE);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    run_but_sink(&rig);
    trigger_unaligned(&rig, 1, 0);
    run_but_sink(&rig);
    assert_int_equal(1, rig.acknowledged); /* 64 records in hand become 19,200: too many */
    rig_run(&rig);
    assert_int_equal(3, rig.acknowledged);
    end_well(&rig);
}

TEST(every_failed_allocation_around_an_unaligned_checkpoint_ends_in_words_without_leaks)
{
    for (uint64_t failing = 1;; failing++) {
        struct rig rig;
        open_blocked(&rig, 3);
        rig.fault.fail_at = rig.fault.requests + failing;
        rig.fault.sticky = false;
        trigger_unaligned(&rig, 1, 0);
        run_but_sink(&rig);
        step_sink(&rig, 2 * FEW_STEPS);
        bool reached = rig.fault.refused != 0;
        rig.fault.fail_at = 0;
        assert_true(rig_send_all(&rig, WR_TASK_ABORT, 1));
        rig_run(&rig);
        if (rig.failed == 0) {
            assert_int_equal(rig.plan.count * rig.plan.explode, rig.plan.row_count);
            rig_end(&rig, WR_TASK_FINISH);
        } else {
            assert_true(rig.failure.message[0] != '\0');
            rig_end(&rig, WR_TASK_CANCEL);
        }
        rig_fini(&rig);
        if (!reached) {
            assert_true(failing > 20);
            break;
        }
    }
}
