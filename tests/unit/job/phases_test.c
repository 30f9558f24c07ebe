/* SPDX-License-Identifier: Apache-2.0 */
/* What a checkpoint's time went into, in whole jobs on a clock that moves when the test says so;
 * and what it holds of records in flight, held against what a restore reads of it.
 */
#include "job_rig.h"

#include "runtime/task_state.h"
#include "support/lab.h"
#include "weir/inspect.h"

enum {
    MS = 1000000
};

static const weir_job_view *
view_of(weir_job *job)
{
    const weir_job_view *view = NULL;
    weir_error error;
    assert_ok(weir_job_inspect(job, &view, &error), &error);
    assert_non_null(view);
    return view;
}

/* Nothing takes time but what a test wants to. */
static void
set_up(struct rig *rig)
{
    rig_init_with_clock(rig, 0);
    rig_set(rig, "parallelism.default", "2");
}

/* Sources are tasks 0 and 1, sums 2 and 3. */
TEST(the_time_in_which_no_record_is_taken_is_the_hooks)
{
    struct rig rig;
    set_up(&rig);
    rig.snapshot_takes_ns = 7 * MS;
    (void)rig_run(&rig, rig_has_three_checkpoints);
    const weir_job_view *view = view_of(rig.job);
    const weir_checkpoint_view *newest = view->checkpoints.latest_completed;
    assert_int_equal(newest->task_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        const weir_checkpoint_task_view *task = &newest->tasks[i];
        assert_true(task->acknowledged && !task->is_aborted && !task->is_unaligned);
        assert_int_equal(task->sync_ms, i < 2 ? 0 : 7);
        assert_int_equal(task->persisted_bytes, 0);
        assert_true(task->acknowledged_ms >= newest->triggered_ms);
    }
    assert_int_equal(view->checkpoints.phases[WEIR_PHASE_SYNC].sum_ms,
                     7 * view->checkpoints.completed_count);
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(what_is_written_slowly_takes_its_time_behind_the_barrier)
{
    struct rig rig;
    set_up(&rig);
    os_sim_set_cost_ns(rig.sim, OS_SIM_SYNC, 3 * MS);
    (void)rig_run(&rig, rig_has_three_checkpoints);
    const weir_job_view *view = view_of(rig.job);
    const weir_checkpoint_view *newest = view->checkpoints.latest_completed;
    for (uint32_t i = 0; i < 4; i++) { /* io writes one file after the other */
        assert_int_equal(newest->tasks[i].sync_ms, 0);
        assert_true(newest->tasks[i].async_ms >= 3);
    }
    const weir_histogram_view *whole = &view->checkpoints.phases[WEIR_PHASE_WHOLE];
    assert_int_equal(whole->count, view->checkpoints.completed_count);
    assert_true(whole->sum_ms >= 12 * whole->count); /* four files */
    assert_int_equal(whole->up_to[2], 0);            /* none within 5 ms */
    assert_int_equal(whole->up_to[WEIR_HISTOGRAM_BOUNDS - 1], whole->count);
    assert_int_equal(weir_histogram_bound_ms(2), 5);
    assert_int_equal(weir_histogram_bound_ms(WEIR_HISTOGRAM_BOUNDS), UINT64_MAX);
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(the_size_of_the_metadata_is_that_of_the_file)
{
    struct rig rig;
    set_up(&rig);
    (void)rig_run(&rig, rig_has_three_checkpoints);
    const weir_job_view *view = view_of(rig.job);
    const weir_checkpoint_view *newest = view->checkpoints.latest_completed;
    char path[300];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/_metadata", newest->path);
    assert_non_null(os_sim_file_get(rig.sim, path, &size));
    assert_int_equal(newest->metadata_bytes, size);
    weir_job_view_free(view);
    rig_fini(&rig);
}

static bool
has_failed_one(struct rig *rig)
{
    return rig_look(rig).checkpoints_failed > 0;
}

TEST(a_subtask_that_declines_is_shown_as_aborted)
{
    struct rig rig;
    set_up(&rig);
    rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "100");
    (void)rig_run(&rig, rig_has_three_checkpoints);
    os_sim_set_space(rig.sim, os_sim_used_bytes(rig.sim)); /* the disk is full */
    rig_step_until(&rig, has_failed_one);
    const weir_job_view *view = view_of(rig.job);
    const weir_checkpoint_view *failed = view->checkpoints.latest_failed;
    uint32_t aborted = 0;
    for (uint32_t i = 0; i < failed->task_count; i++) {
        aborted += failed->tasks[i].is_aborted;
        assert_false(failed->tasks[i].is_aborted && failed->tasks[i].acknowledged);
    }
    assert_true(aborted > 0);
    weir_job_view_free(view);
    rig_fini(&rig);
}

/* --- between tasks --- */

static struct lab_attempt
attempt_of(bool is_unaligned)
{
    return (struct lab_attempt){ .parallelism = 3,
                                 .batch_size = 4,
                                 .batches_per_channel = 2,
                                 .interval_ms = 10,
                                 .retained = 2,
                                 .unaligned = is_unaligned,
                                 .slow_actors = 2,
                                 .starve = 8 };
}

/* Delay, alignment, hooks and writing fill the time from the trigger to the acknowledgement. */
static void
assert_tiled(const weir_checkpoint_view *checkpoint)
{
    for (uint32_t i = 0; i < checkpoint->task_count; i++) {
        const weir_checkpoint_task_view *task = &checkpoint->tasks[i];
        uint64_t parts = task->start_delay_ms + task->alignment_ms + task->sync_ms + task->async_ms;
        uint64_t whole = (uint64_t)(task->acknowledged_ms - checkpoint->triggered_ms);
        assert_true(parts <= whole + 1); /* of whole milliseconds each */
        assert_true(whole <= checkpoint->duration_ms);
    }
}

TEST(channels_that_wait_for_each_other_are_shown_with_what_passed_meanwhile)
{
    struct lab lab;
    struct lab_outcome outcome;
    lab_init(&lab, 91, LAB_SEQUENCE_SUM, 20000, 23);
    struct lab_attempt attempt = attempt_of(false);
    struct lab_life *life = lab_open(&lab, &attempt, &outcome);
    uint64_t seen = 0;
    uint64_t aligned_ms = 0;
    uint64_t processed = 0;
    assert_non_null(life);
    while (lab_turn(life) && seen < 12) {
        weir_job_report report = { .size = sizeof report };
        weir_job_look(lab_job_of(life), &report);
        if (report.checkpoints_completed == seen) {
            continue;
        }
        seen = report.checkpoints_completed;
        const weir_job_view *view = view_of(lab_job_of(life));
        const weir_checkpoint_view *newest = view->checkpoints.latest_completed;
        assert_tiled(newest);
        assert_false(newest->is_unaligned);
        uint64_t sum = 0;
        for (uint32_t i = 0; i < newest->task_count; i++) {
            bool is_source = i < 3;
            assert_true(!is_source || newest->tasks[i].alignment_ms == 0);
            assert_true(!is_source || newest->tasks[i].processed_bytes == 0);
            aligned_ms += newest->tasks[i].alignment_ms;
            sum += newest->tasks[i].processed_bytes;
        }
        assert_int_equal(newest->processed_bytes, sum);
        assert_int_equal(newest->persisted_bytes, 0);
        processed += sum;
        assert_true(processed <= view->vertices[1].subtasks[0].bytes_in +
                                     view->vertices[1].subtasks[1].bytes_in +
                                     view->vertices[1].subtasks[2].bytes_in);
        weir_job_view_free(view);
    }
    assert_true(seen >= 12);
    assert_true(aligned_ms > 0 && processed > 0); /* it is about something */
    lab_close(life, &outcome);
    lab_fini(&lab);
}

/* --- records in flight --- */

static uint64_t
run_unaligned_and_kill(struct lab *lab, uint64_t *out_id)
{
    struct lab_outcome outcome;
    struct lab_attempt attempt = attempt_of(true);
    struct lab_life *life = lab_open(lab, &attempt, &outcome);
    uint64_t persisted = 0;
    assert_non_null(life);
    while (lab_turn(life) && persisted == 0) {
        const weir_job_view *view = view_of(lab_job_of(life));
        const weir_checkpoint_view *newest = view->checkpoints.latest_completed;
        if (newest != NULL && newest->persisted_bytes != 0) {
            assert_true(newest->is_unaligned);
            persisted = newest->persisted_bytes;
            *out_id = newest->id;
        }
        weir_job_view_free(view);
    }
    lab_kill(lab);
    lab_close(life, &outcome);
    return persisted;
}

/* What the restore has put before the tasks' inputs; false: not all have restored yet. */
static bool
sum_restored(const weir_job *job, uint64_t *out_bytes)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < job->plan->task_count; i++) {
        const struct wr_task *task = job->tasks[i];
        assert_true(task->state <= TASK_READY); /* none has begun */
        if (task->state != TASK_READY) {
            return false;
        }
        for (uint32_t j = 0; j < task->operator_count; j++) {
            const struct weir_batch *batch = task->operators[j].in_flight.first;
            for (; batch != NULL; batch = batch->next) {
                bytes += batch->used;
            }
        }
    }
    *out_bytes = bytes;
    return true;
}

TEST(records_in_flight_are_as_many_bytes_as_a_restore_reads)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct lab lab;
        struct lab_outcome outcome;
        uint64_t id = 0;
        uint64_t restored = 0;
        lab_init(&lab, seed, LAB_SEQUENCE_SUM, 20000, 23);
        uint64_t persisted = run_unaligned_and_kill(&lab, &id);
        assert_true(persisted > 0);
        struct lab_attempt attempt = attempt_of(true);
        struct lab_life *life = lab_open(&lab, &attempt, &outcome);
        assert_non_null(life);
        const weir_job_view *view = view_of(lab_job_of(life));
        assert_int_equal(view->checkpoints.restored_id, id);
        weir_job_view_free(view);
        while (!sum_restored(lab_job_of(life), &restored) && lab_turn(life)) {
        }
        assert_int_equal(restored, persisted);
        lab_kill(&lab);
        lab_close(life, &outcome);
        lab_fini(&lab);
    }
}
