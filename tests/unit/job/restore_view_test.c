/* SPDX-License-Identifier: Apache-2.0 */
/* What a job shows of its restore while that goes on, and of the time it has spent in each state.
 */
#include "job_rig.h"

#include "snapshot/manifest.h"
#include "weir/inspect.h"

static const weir_job_view *
view_of(weir_job *job)
{
    const weir_job_view *view = NULL;
    weir_error error;
    assert_ok(weir_job_inspect(job, &view, &error), &error);
    assert_non_null(view);
    return view;
}

static bool
had_five(struct rig *rig)
{
    return rig_look(rig).checkpoints_completed >= 5;
}

/* Leaves a checkpoint behind, and the path of it. */
static uint64_t
run_and_kill(struct rig *rig, char out_path[300])
{
    (void)rig_run(rig, rig_has_three_checkpoints);
    weir_job_report report = rig_look(rig);
    snprintf(out_path, 300, "%.299s", report.last_checkpoint_path);
    os_sim_kill(rig->sim);
    rig_forget_job(rig);
    return report.last_checkpoint_id;
}

/* At the same parallelism each file is read once. */
static uint64_t
bytes_of_files(const struct rig *rig, const char *directory)
{
    struct wr_manifest manifest;
    weir_alloc alloc = wr_memory_system();
    char path[400];
    weir_error error;
    uint64_t bytes = 0;
    snprintf(path, sizeof path, "%s/_metadata", directory);
    wr_manifest_init(&manifest, &alloc);
    assert_ok(wr_manifest_read(&manifest, os_sim_os(rig->sim), path, &error), &error);
    for (uint32_t i = 0; i < manifest.operator_count; i++) {
        for (uint32_t j = 0; j < manifest.operators[i].subtask_count; j++) {
            const struct wr_manifest_subtask *subtask = &manifest.operators[i].subtasks[j];
            for (uint32_t k = 0; k < subtask->file_count; k++) {
                bytes += subtask->files[k].size;
            }
        }
    }
    wr_manifest_fini(&manifest);
    return bytes;
}

static void
create_restored(struct rig *rig)
{
    rig->parameters.restore = "latest:" RIG_DIRECTORY;
    assert_ok(rig_create(rig), &rig->error);
    assert_ok(wr_job_begin(rig->job, &rig->error), &rig->error);
}

TEST(a_restore_shows_how_much_of_it_is_read_subtask_by_subtask)
{
    struct rig rig;
    char path[300];
    rig_init(&rig);
    rig_set(&rig, "parallelism.default", "4");
    rig.keys = 400;
    uint64_t id = run_and_kill(&rig, path);
    uint64_t total = bytes_of_files(&rig, path);
    create_restored(&rig);
    uint64_t before = 0;
    unsigned rises = 0;
    for (size_t actor = 2; actor < wr_job_actor_count(rig.job); actor++) {
        const weir_job_view *view = view_of(rig.job);
        assert_int_equal(view->state, WEIR_JOB_INITIALIZING);
        assert_true(view->restore.is_there && view->restore.is_under_way);
        assert_false(view->restore.is_savepoint);
        assert_int_equal(view->restore.checkpoint_id, id);
        assert_string_equal(view->restore.path, path);
        assert_int_equal(view->restore.total_bytes, total);
        assert_true(view->restore.read_bytes >= before && view->restore.read_bytes < total);
        assert_true(view->restore.checkpoint_ms > 0 &&
                    view->restore.checkpoint_ms <= view->restore.begun_ms);
        rises += view->restore.read_bytes > before;
        before = view->restore.read_bytes;
        assert_int_equal(view->restores.count, 0);
        weir_job_view_free(view);
        uint64_t wake_at = 0;
        (void)wr_job_step(rig.job, actor, &wake_at);
    }
    assert_true(rises >= 3);
    rig_step_until(&rig, rig_has_three_checkpoints);
    const weir_job_view *view = view_of(rig.job);
    assert_true(view->restore.is_there && !view->restore.is_under_way);
    assert_int_equal(view->restore.read_bytes, total);
    assert_int_equal(view->restores.count, 1);
    assert_int_equal(view->restores.sum_ms, view->restore.duration_ms);
    assert_int_equal(view->restore.begun_ms + (int64_t)view->restore.duration_ms,
                     view->entered_ms[WEIR_JOB_RUNNING]);
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(with_a_restore_of_another_parallelism_all_that_is_to_be_read_counts_as_read)
{
    struct rig rig;
    char path[300];
    rig_init(&rig);
    rig_set(&rig, "parallelism.default", "4");
    rig.keys = 400;
    (void)run_and_kill(&rig, path);
    uint64_t once = bytes_of_files(&rig, path);
    rig_set(&rig, "parallelism.default", "3");
    create_restored(&rig);
    rig_step_until(&rig, rig_has_three_checkpoints);
    const weir_job_view *view = view_of(rig.job);
    assert_true(view->restore.total_bytes > once); /* some for two */
    assert_int_equal(view->restore.read_bytes, view->restore.total_bytes);
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(a_job_that_began_empty_shows_no_restore)
{
    struct rig rig;
    rig_init(&rig);
    (void)rig_run(&rig, rig_has_three_checkpoints);
    const weir_job_view *view = view_of(rig.job);
    assert_false(view->restore.is_there);
    assert_int_equal(view->restore.total_bytes, 0);
    assert_int_equal(view->restores.count, 0);
    weir_job_view_free(view);
    rig_fini(&rig);
}

/* --- states of the job --- */

static void
assert_all_time_is_some_states(const weir_job_view *view)
{
    uint64_t sum = 0;
    for (int i = 0; i < WEIR_JOB_STATES; i++) {
        sum += view->total_ms[i];
    }
    int64_t end = view->end_ms != 0 ? view->end_ms : view->now_ms;
    assert_int_equal(sum, end - view->start_ms);
}

TEST(restarts_add_up_the_time_in_each_state)
{
    struct rig rig;
    rig_init_with_clock(&rig, 0);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "restart-strategy.fixed-delay.attempts", "2");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "40 ms");
    rig.failure = RIG_FAIL_AGAIN;
    rig.fails_every = 700;
    atomic_store(&rig.fails_left, 2);
    (void)rig_run(&rig, had_five);
    const weir_job_view *view = view_of(rig.job);
    assert_all_time_is_some_states(view);
    assert_true(view->total_ms[view->state] > 0);
    weir_job_view_free(view);
    rig_step_until(&rig, NULL);
    view = view_of(rig.job);
    assert_int_equal(view->state, WEIR_JOB_FINISHED);
    assert_int_equal(view->restarts, 2);
    assert_int_equal(view->restores.count, 2);
    assert_int_equal(view->total_ms[WEIR_JOB_RESTARTING], 80);
    assert_int_equal(view->total_ms[WEIR_JOB_FINISHED], 0); /* it has ended */
    assert_true(view->total_ms[WEIR_JOB_RUNNING] >= 200);
    assert_all_time_is_some_states(view);
    weir_job_view_free(view);
    rig_fini(&rig);
}
