/* SPDX-License-Identifier: Apache-2.0 */
/* Savepoints of whole jobs: beside checkpoints, with stop, with drain, with cancel; what each
 * leaves, and that a job goes on from them wherever they are.
 */
#include "savepoint_rig.h"

#include "snapshot/manifest.h"

static const weir_savepoint_parameters beside = { .directory = RIG_SAVEPOINTS };
static const weir_savepoint_parameters with_stop = { .directory = RIG_SAVEPOINTS, .stop = true };
static const weir_savepoint_parameters with_drain = { .directory = RIG_SAVEPOINTS,
                                                      .stop = true,
                                                      .drain = true };
static const weir_savepoint_parameters with_cancel = { .directory = RIG_SAVEPOINTS,
                                                       .cancel = true };

static void
read_manifest(const struct rig *rig, const char *directory, struct wr_manifest *manifest)
{
    weir_alloc alloc = wr_memory_system();
    char path[1100];
    weir_error error;
    snprintf(path, sizeof path, "%s/_metadata", directory);
    wr_manifest_init(manifest, &alloc);
    assert_ok(wr_manifest_read(manifest, os_sim_os(rig->sim), path, &error), &error);
}

/* It stands for itself: no file of another directory, and no name that others may refer to. */
static void
assert_self_contained(const struct rig *rig, const char *directory, enum wr_checkpoint_kind kind)
{
    struct wr_manifest manifest;
    uint32_t files = 0;
    read_manifest(rig, directory, &manifest);
    assert_int_equal(kind, manifest.kind);
    for (uint32_t i = 0; i < manifest.operator_count; i++) {
        for (uint32_t j = 0; j < manifest.operators[i].subtask_count; j++) {
            const struct wr_manifest_subtask *subtask = &manifest.operators[i].subtasks[j];
            for (uint32_t k = 0; k < subtask->file_count; k++) {
                assert_false(subtask->files[k].is_shared);
                assert_null(strchr(subtask->files[k].path, '/'));
                assert_false(subtask->files[k].has_changes);
                files++;
            }
        }
    }
    assert_true(files > 0);
    wr_manifest_fini(&manifest);
}

TEST(a_savepoint_is_taken_beside_checkpoints_and_the_job_goes_on)
{
    struct rig rig;
    rig_init(&rig);
    rig_wish_for(3, beside);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, rig_asks));
    rig_assert_exactly_once(&rig);
    weir_request_report report = rig_saved(&rig);
    assert_true(report.checkpoint_id > 3); /* of one counter with checkpoints */
    assert_int_equal(WEIR_OK, report.error.status);
    assert_self_contained(&rig, report.path, WR_SAVEPOINT);
    assert_int_equal(1, rig_count_names(&rig, RIG_SAVEPOINTS, ""));
    assert_false(rig_was_stopping);
    rig_assert_says(rig.log, "is complete: " RIG_SAVEPOINTS "/savepoint-");
    rig_fini(&rig);
}

TEST(a_job_goes_on_from_a_savepoint_that_was_moved_when_nothing_else_is_left)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.incremental", "true");
    rig_wish_for(3, with_cancel);
    assert_int_equal(WEIR_JOB_CANCELED, rig_run(&rig, rig_asks));
    weir_request_report report = rig_saved(&rig);
    assert_self_contained(&rig, report.path, WR_SAVEPOINT);
    struct wr_os *os = os_sim_os(rig.sim);
    rig_forget_job(&rig);
    assert_int_equal(0, os->ops->rename(os, report.path, "/srv", false));
    rig_remove_all(&rig, RIG_SAVEPOINTS);
    rig_remove_all(&rig, RIG_DIRECTORY);
    rig_goes_on_from(&rig, "/srv/_metadata");
    assert_int_equal(report.checkpoint_id, rig_look(&rig).restored_checkpoint_id);
    assert_true(rig_count_names(&rig, "/srv", "_metadata") == 1); /* never touched */
    rig_fini(&rig);
}

TEST(stop_with_a_savepoint_ends_the_job_as_finished_and_nothing_is_lost_or_doubled)
{
    struct rig rig;
    rig_init(&rig);
    rig_wish_for(3, with_stop);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, rig_asks));
    assert_true(rig_was_stopping);
    weir_job_report stopped = rig_look(&rig);
    assert_true(stopped.records_in < rig.count);
    assert_int_equal(stopped.records_in, stopped.records_out);
    weir_request_report report = rig_saved(&rig);
    assert_self_contained(&rig, report.path, WR_SAVEPOINT_STOP);
    assert_int_equal(0, rig_count_checkpoints(&rig)); /* what it goes on from is the savepoint */
    char path[256];
    rig_job_directory(&rig, path);
    assert_int_equal(1, rig_count_names(&rig, path, "_finished"));
    rig_goes_on_from(&rig, report.path);
    for (uint64_t i = 0; i < rig.count; i++) {
        assert_int_equal(1, rig.seen[i]);
    }
    rig_fini(&rig);
}

TEST(latest_finds_a_job_that_is_over_behind_a_stop_with_a_savepoint)
{
    struct rig rig;
    rig_init(&rig);
    rig_wish_for(2, with_stop);
    rig_wish.directory = RIG_DIRECTORY; /* even where checkpoints are */
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, rig_asks));
    assert_int_equal(WEIR_REQUEST_COMPLETED, rig_answer(&rig, rig_request).state);
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_int_equal(WEIR_OK, rig_create(&rig));
    assert_null(rig.job);
    rig_fini(&rig);
}

TEST(a_drain_ends_the_input_calls_finish_and_leaves_a_job_that_is_over)
{
    struct rig rig;
    rig_init(&rig);
    rig_wish_for(3, with_drain);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, rig_asks));
    assert_true(rig_was_stopping);
    weir_job_report drained = rig_look(&rig);
    assert_true(drained.records_in < rig.count);
    weir_request_report report = rig_saved(&rig);
    assert_self_contained(&rig, report.path, WR_SAVEPOINT_DRAIN);
    struct wr_manifest manifest;
    read_manifest(&rig, report.path, &manifest);
    for (uint32_t i = 0; i < manifest.operator_count; i++) {
        assert_true(manifest.operators[i].subtasks[0].finished);
    }
    wr_manifest_fini(&manifest);
    rig_fini(&rig);
}

/* The drain ends the input behind the barrier of the one before, wherever that is just now; else
 * the rest of the input would be lost to who goes on from it. */
TEST(a_savepoint_asked_for_before_a_drain_stands_before_the_end_of_the_input)
{
    for (uint64_t steps = 0; steps < 12; steps++) {
        struct rig rig;
        uint64_t first;
        rig_init(&rig);
        rig_set(&rig, "weir.network.batches-per-channel", "1");
        assert_ok(rig_create(&rig), &rig.error);
        assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
        rig_step_until(&rig, rig_has_three_checkpoints);
        rig_wish_for(0, beside);
        (void)rig_asks(&rig);
        uint64_t request = rig_request;
        for (uint64_t i = 0; i < steps; i++) {
            (void)wr_job_step(rig.job, i % wr_job_actor_count(rig.job), &first);
        }
        rig_wish_for(0, with_drain);
        (void)rig_asks(&rig);
        rig_step_until(&rig, NULL);
        assert_int_equal(WEIR_JOB_FINISHED, rig_look(&rig).state);
        (void)rig_saved(&rig);
        assert_true(rig_look(&rig).records_in < rig.count);
        weir_request_report report = rig_answer(&rig, request);
        assert_int_equal(WEIR_REQUEST_COMPLETED, report.state);
        rig_goes_on_from(&rig, report.path);
        rig_fini(&rig);
    }
}

TEST(cancel_with_a_savepoint_lets_no_checkpoint_pass_it)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.externalized-checkpoint-retention",
            "RETAIN_ON_CANCELLATION");
    rig_set(&rig, "execution.checkpointing.max-concurrent-checkpoints", "3");
    rig_wish_for(3, with_cancel);
    assert_int_equal(WEIR_JOB_CANCELED, rig_run(&rig, rig_asks));
    weir_request_report report = rig_saved(&rig);
    assert_true(rig_look(&rig).last_checkpoint_id < report.checkpoint_id);
    assert_int_equal(1, rig_count_checkpoints(&rig));
    rig_goes_on_from(&rig, report.path);
    rig_fini(&rig);
}

/* Behind the savepoint, and before the next checkpoint. */
static bool
breaks_behind_it(struct rig *rig)
{
    (void)rig_asks(rig);
    if (rig_request != 0 && rig_answer(rig, rig_request).state == WEIR_REQUEST_COMPLETED) {
        rig->failure = RIG_FAIL_PROCESS;
    }
    return false;
}

TEST(recovery_never_comes_from_a_savepoint_that_stops_nothing)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.interval", "60 ms");
    rig_wish_for(1, beside);
    rig_wish.directory = RIG_DIRECTORY;
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, breaks_behind_it));
    weir_request_report report = rig_answer(&rig, rig_request);
    assert_int_equal(WEIR_REQUEST_COMPLETED, report.state);
    uint64_t last = rig_look(&rig).last_checkpoint_id;
    assert_true(last < report.checkpoint_id);
    rig.failure = RIG_WELL;
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    assert_int_equal(last, rig_look(&rig).restored_checkpoint_id);
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* Any notification would fail the job, until it has run on for a while behind its savepoint. */
static bool
fails_when_notified(struct rig *rig)
{
    (void)rig_asks(rig);
    if (rig_request != 0 && rig_answer(rig, rig_request).state == WEIR_REQUEST_COMPLETED) {
        rig->freed_ns = rig->freed_ns != 0 ? rig->freed_ns : os_sim_now_ns(rig->sim);
    }
    bool is_over = rig->freed_ns != 0 && os_sim_now_ns(rig->sim) > rig->freed_ns + 20000000U;
    rig->failure = is_over ? RIG_WELL : RIG_FAIL_COMPLETE;
    return false;
}

TEST(a_savepoint_that_stops_nothing_commits_nothing)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.interval", "10 min");
    rig_set(&rig, "execution.checkpointing.min-pause", "10 min");
    rig_wish_for(0, beside);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, fails_when_notified));
    (void)rig_saved(&rig);
    assert_true(rig.freed_ns != 0);
    assert_int_equal(1, rig_look(&rig).checkpoints_completed); /* the final one */
    rig_fini(&rig);
}

/* --- savepoints that fail, or whose job fails behind them --- */

TEST(a_stop_with_a_savepoint_that_cannot_be_made_leaves_the_job_running)
{
    struct rig rig;
    rig_init(&rig);
    os_sim_file_put(rig.sim, RIG_SAVEPOINTS, "x", 1);
    rig_wish_for(2, with_stop);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, rig_asks));
    rig_assert_failed(&rig, rig_request, "IO_EXCEPTION: ");
    assert_true(rig_was_stopping);
    weir_job_report report = rig_look(&rig);
    assert_int_equal(rig.count, report.records_in);
    assert_true(report.checkpoints_completed > 8); /* the periodic ones went on */
    rig_assert_exactly_once(&rig);
    char path[256];
    rig_job_directory(&rig, path);
    assert_int_equal(1, rig_count_names(&rig, path, "_finished"));
    rig_fini(&rig);
}

TEST(a_drain_whose_savepoint_cannot_be_made_fails_the_job)
{
    struct rig rig;
    rig_init(&rig);
    os_sim_file_put(rig.sim, RIG_SAVEPOINTS, "x", 1);
    rig_wish_for(2, with_drain);
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, rig_asks));
    rig_assert_says(rig.error.message, "the input was ended for savepoint ");
    rig_assert_failed(&rig, rig_request, "IO_EXCEPTION: ");
    rig_assert_says(rig.error.message, RIG_SAVEPOINTS);
    os_sim_os(rig.sim)->ops->unlink(os_sim_os(rig.sim), RIG_SAVEPOINTS);
    rig.parameters.restore = "latest:" RIG_DIRECTORY; /* from before the drain */
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* The first notification behind the request fails: that of the savepoint. */
static bool
breaks_the_commit(struct rig *rig)
{
    (void)rig_asks(rig);
    if (rig->failure == RIG_FAIL_COMPLETE && rig_look(rig).state != WEIR_JOB_STOPPING) {
        rig->failure = RIG_WELL; /* it failed */
    } else if (rig_look(rig).state == WEIR_JOB_STOPPING) {
        rig->failure = RIG_FAIL_COMPLETE;
    }
    return false;
}

TEST(a_stop_that_fails_behind_its_savepoint_says_where_that_is)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "restart-strategy.type", "none");
    rig_wish_for(3, with_stop);
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, breaks_the_commit));
    weir_request_report report = rig_answer(&rig, rig_request);
    rig_assert_failed(&rig, rig_request, "A savepoint has been created at: " RIG_SAVEPOINTS);
    char path[1024];
    snprintf(path, sizeof path, "%s", strstr(report.error.message, RIG_SAVEPOINTS));
    *strchr(path, ',') = '\0';
    rig.failure = RIG_WELL;
    rig_goes_on_from(&rig, path);
    for (uint64_t i = 0; i < rig.count; i++) {
        assert_int_equal(1, rig.seen[i]);
    }
    rig_fini(&rig);
}

TEST(a_stop_that_fails_behind_its_savepoint_is_restarted_from_it)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "1 ms");
    rig_wish_for(3, with_stop);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_the_commit));
    assert_int_equal(1, rig_look(&rig).restarts);
    rig_assert_failed(&rig, rig_request, "A savepoint has been created at: " RIG_SAVEPOINTS);
    for (uint64_t i = 0; i < rig.count; i++) {
        assert_int_equal(1, rig.seen[i]); /* from an older checkpoint some would be seen again */
    }
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* Both ways to stop at once, in either order: one of them ends the job. */
TEST(a_stop_and_a_stop_with_a_savepoint_do_not_hinder_each_other)
{
    for (int first = 0; first < 2; first++) {
        struct rig rig;
        rig_init(&rig);
        assert_ok(rig_create(&rig), &rig.error);
        assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
        rig_step_until(&rig, rig_has_three_checkpoints);
        rig_wish_for(0, with_stop);
        if (first == 0) {
            weir_job_stop(rig.job);
        }
        (void)rig_asks(&rig);
        weir_job_stop(rig.job);
        rig_step_until(&rig, NULL);
        weir_job_report report = rig_look(&rig);
        assert_int_equal(report.records_in, report.records_out);
        weir_request_report answer = rig_answer(&rig, rig_request);
        assert_true(answer.state != WEIR_REQUEST_IN_PROGRESS);
        assert_int_equal(answer.state == WEIR_REQUEST_COMPLETED ? WEIR_JOB_FINISHED
                                                                : WEIR_JOB_STOPPED,
                         report.state);
        rig_fini(&rig);
    }
}
