/* SPDX-License-Identifier: Apache-2.0 */
/* The pacing of a snapshot's turns: while full batches wait they rest, else they come at once; and
 * what an engine gives back by the clock. Time is the simulated system's: a turn takes what the
 * test says, and so does a step. */
#include "task_rig.h"

enum {
    STEPS_MOST = 32,  /* that a turn waits for */
    BATCH = 64,       /* records the source has for each poll */
    BATCH_SMALL = 20, /* less than half of it */
    GAPS = 20
};

static const weir_function *const fused[] = { &source_function, &sum_function, &sink_function,
                                              NULL };

/* An engine whose turns do little and take long, and are written down. */
struct paced {
    struct os_sim *sim;
    struct wr_os *os;
    const weir_backend_ops *inner;
    weir_backend_ops ops;
    uint64_t turn_ns;
    uint64_t step; /* of the task, told by the test */
    uint32_t count;
    uint64_t steps[4096]; /* in which a turn was */
    uint64_t begun_ns[4096];
    uint64_t ended_ns[4096];
};

static struct paced paced;

static uint64_t
now_ns(void)
{
    return paced.os->ops->monotonic_ns(paced.os);
}

static weir_status
paced_turn(weir_backend *self, weir_snapshot *snapshot, size_t budget_bytes, bool *out_done,
           weir_error *err)
{
    (void)budget_bytes;
    assert_true(paced.count < 4096);
    uint32_t index = paced.count++;
    paced.steps[index] = paced.step;
    paced.begun_ns[index] = now_ns();
    weir_status status = paced.inner->snapshot_turn(self, snapshot, 1, out_done, err);
    os_sim_advance_ns(paced.sim, paced.turn_ns);
    paced.ended_ns[index] = now_ns();
    return status;
}

static weir_status
paced_open(const weir_backend_parameters *parameters, weir_backend **out_backend, weir_error *err)
{
    weir_status status = weir_backend_factory_hashmap()->open(parameters, out_backend, err);
    if (status == WEIR_OK) {
        paced.inner = (*out_backend)->ops;
        paced.ops = *paced.inner;
        paced.ops.snapshot_turn = paced_turn;
        (*out_backend)->ops = &paced.ops;
    }
    return status;
}

static const weir_backend_factory paced_factory = { .size = sizeof paced_factory,
                                                    .name = "paced",
                                                    .open = paced_open };

/* One task that has a source and keyed state, some way into its input. */
static void
open_paced(struct rig *rig, uint64_t turn_ns)
{
    rig_init(rig);
    paced = (struct paced){ .sim = rig->sim, .os = rig->os, .turn_ns = turn_ns };
    rig->environment.backend_factory = &paced_factory;
    rig->environment.batch_count = BATCH;
    rig->plan.count = RIG_ROWS;
    rig->plan.keys = RIG_KEYS;
    (void)rig_vertex(rig, 1, fused);
    assert_ok(rig_create(rig), &rig->error);
    rig_start(rig);
}

/* One step of the task, which takes that long. */
static void
step(struct rig *rig, uint64_t step_ns)
{
    paced.step++;
    (void)rig_round(rig);
    os_sim_advance_ns(rig->sim, step_ns);
}

static void
steps(struct rig *rig, uint32_t count, uint64_t step_ns)
{
    for (uint32_t i = 0; i < count; i++) {
        step(rig, step_ns);
    }
}

/* Steps until there were that many turns more; false: there were none for long. */
static bool
run_turns(struct rig *rig, uint32_t count, uint64_t step_ns)
{
    uint32_t end = paced.count + count;
    for (uint32_t i = 0; paced.count < end && i < count * 3 * STEPS_MOST; i++) {
        step(rig, step_ns);
    }
    return paced.count >= end;
}

/* Begins a checkpoint and comes to its first turn. */
static void
begin(struct rig *rig, uint64_t step_ns)
{
    rig_trigger(rig, 1, WR_CHECKPOINT_PERIODIC);
    assert_true(run_turns(rig, 1, step_ns));
}

/* From the turn that was last on, by steps of a millisecond. */
static void
expect_turns_every(struct rig *rig, uint64_t step_count)
{
    uint32_t first = paced.count - 1;
    assert_true(run_turns(rig, GAPS, 1000000));
    for (uint32_t i = first; i < first + GAPS; i++) {
        assert_int_equal(paced.steps[i + 1] - paced.steps[i], step_count);
    }
}

/* Whatever the pace was, nothing is lost, and the checkpoint is whole. */
static void
end_well(struct rig *rig)
{
    rig->plan.pause_at = UINT64_MAX;
    rig_run(rig);
    assert_int_equal(rig->failed, 0);
    assert_int_equal(rig->acknowledged, 1);
    rig_check_sums(rig);
    rig_end(rig, WR_TASK_FINISH);
    rig_fini(rig);
}

/* Rests of 18 ms, in which there is time for four steps. */
TEST(while_full_batches_wait_a_turn_rests_nine_times_as_long_as_it_took)
{
    struct rig rig;
    open_paced(&rig, 2000000);
    steps(&rig, 50, 4000000);
    begin(&rig, 4000000);
    uint32_t first = paced.count - 1;
    assert_true(run_turns(&rig, GAPS, 4000000));
    for (uint32_t i = first; i < first + GAPS; i++) {
        uint64_t rested_ns = paced.begun_ns[i + 1] - paced.ended_ns[i];
        assert_true(rested_ns >= 18000000);
        assert_true(rested_ns < 18000000 + 4000000);
        assert_int_equal(paced.steps[i + 1] - paced.steps[i], 5);
    }
    end_well(&rig);
}

/* Turns that take a second would rest for nine. */
TEST(a_rest_ends_after_32_steps)
{
    struct rig rig;
    open_paced(&rig, 1000000000);
    steps(&rig, 50, 1000000);
    begin(&rig, 1000000);
    expect_turns_every(&rig, STEPS_MOST + 1);
    end_well(&rig);
}

TEST(without_records_that_wait_turns_come_at_once)
{
    struct rig rig;
    open_paced(&rig, 1000000000);
    rig.plan.pause_at = 10000;
    steps(&rig, 1000, 1000000);
    begin(&rig, 1000000);
    expect_turns_every(&rig, 1);
    end_well(&rig);
}

/* A source that gives less than it did has caught up. */
TEST(beside_batches_that_are_not_half_full_turns_come_at_once)
{
    struct rig rig;
    open_paced(&rig, 1000000000);
    steps(&rig, 50, 1000000);
    rig.environment.batch_count = BATCH_SMALL;
    steps(&rig, 50, 1000000);
    begin(&rig, 1000000);
    expect_turns_every(&rig, 1);
    rig.environment.batch_count = BATCH;
    end_well(&rig);
}

/* Nobody says how large batches may be: what was full long ago is no measure. */
TEST(what_a_full_batch_is_is_learnt_anew)
{
    struct rig rig;
    open_paced(&rig, 1000000000);
    steps(&rig, 50, 1000000);
    rig.environment.batch_count = BATCH_SMALL;
    steps(&rig, 2000, 1000000);
    begin(&rig, 1000000);
    expect_turns_every(&rig, STEPS_MOST + 1);
    end_well(&rig);
}

/* Downstream the gate's batches tell. Steps are of two tasks here, the second has the state. */
TEST(a_task_behind_a_full_channel_rests_as_a_source_does)
{
    static const weir_function *const sources[] = { &source_function, NULL };
    static const weir_function *const sums[] = { &sum_function, &sink_function, NULL };
    struct rig rig;
    rig_init(&rig);
    paced = (struct paced){ .sim = rig.sim, .os = rig.os, .turn_ns = 1000000000 };
    rig.environment.backend_factory = &paced_factory;
    rig.plan.count = RIG_ROWS;
    rig.plan.keys = RIG_KEYS;
    uint32_t from = rig_vertex(&rig, 1, sources);
    uint32_t to = rig_vertex(&rig, 1, sums);
    rig_connect(&rig, from, to, WR_EDGE_KEYED);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    steps(&rig, 50, 1000000);
    rig_trigger(&rig, 1, WR_CHECKPOINT_PERIODIC);
    assert_true(run_turns(&rig, 1, 1000000));
    expect_turns_every(&rig, STEPS_MOST + 1);
    rig.plan.pause_at = 0; /* the source has no more for now, and the channel runs dry */
    steps(&rig, STEPS_MOST, 1000000);
    expect_turns_every(&rig, 1);
    rig.plan.pause_at = UINT64_MAX;
    rig_run(&rig);
    assert_int_equal(rig.failed, 0);
    assert_int_equal(rig.acknowledged, 2);
    rig_check_sums(&rig);
    rig_end(&rig, WR_TASK_FINISH);
    rig_fini(&rig);
}

/* No record comes after the checkpoint that could tell the engine the time. */
TEST(a_task_without_records_gives_back_what_copies_took_after_a_minute)
{
    struct rig rig;
    struct alloc_fault copies;
    alloc_fault_init(&copies, 0, false);
    rig_init(&rig);
    rig.environment.snapshot_alloc = alloc_fault_alloc(&copies);
    paced = (struct paced){ .sim = rig.sim, .os = rig.os, .turn_ns = 1000000 };
    rig.environment.backend_factory = &paced_factory;
    rig.plan.count = RIG_ROWS;
    rig.plan.keys = RIG_KEYS;
    rig.plan.pause_at = 60000;
    (void)rig_vertex(&rig, 1, fused);
    assert_ok(rig_create(&rig), &rig.error);
    rig_start(&rig);
    steps(&rig, 50, 0);
    rig_trigger(&rig, 1, WR_CHECKPOINT_PERIODIC);
    rig_run(&rig);
    assert_int_equal(rig.acknowledged, 1);
    assert_true(rig_send_all(&rig, WR_TASK_COMPLETE, 1));
    rig_run(&rig);
    assert_int_equal(copies.live_count, 1); /* a page */
    os_sim_advance_ns(rig.sim, UINT64_C(50000000000));
    rig_run(&rig);
    assert_int_equal(copies.live_count, 1);
    os_sim_advance_ns(rig.sim, UINT64_C(10000000000));
    rig_run(&rig);
    assert_int_equal(copies.live_count, 0);
    end_well(&rig);
    assert_int_equal(alloc_fault_leaks(&copies, stderr), 0);
}
