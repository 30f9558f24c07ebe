/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of how a job ends: by itself, stopped, cancelled, failed; what each leaves in the
 * checkpoint directory; and how checkpoints may fail before the job does.
 */
#include "job_rig.h"

#include <errno.h>

TEST(end_of_input_counts_everything_once_and_leaves_only_its_mark)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    weir_job_report report = rig_look(&rig);
    assert_int_equal(rig.count, report.records_in);
    assert_int_equal(rig.count, report.records_out);
    assert_true(report.checkpoints_completed >= 3);
    assert_int_equal(0, report.checkpoints_failed);
    char path[256];
    rig_job_directory(&rig, path);
    assert_int_equal(0, rig_count_names(&rig, path, "chk-"));
    assert_int_equal(1, rig_count_names(&rig, path, "_finished"));
    rig_fini(&rig);
}

TEST(latest_of_a_job_that_reached_its_end_says_finished)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_ok(rig_create(&rig), &rig.error);
    assert_null(rig.job);
    assert_int_equal(0, os_sim_open_count(rig.sim));
    rig.parameters.restore = NULL; /* nothing is complete there: a new run is free to start */
    assert_ok(rig_create(&rig), &rig.error);
    assert_non_null(rig.job);
    rig_fini(&rig);
}

TEST(a_stopped_job_goes_on_where_it_was)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    weir_job_report stopped = rig_look(&rig);
    assert_true(stopped.records_in < rig.count);
    assert_int_equal(stopped.records_in, stopped.records_out); /* all that was taken came through */
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    weir_job_report report = rig_look(&rig);
    assert_true(report.restored);
    assert_int_equal(stopped.last_checkpoint_id, report.restored_checkpoint_id);
    assert_string_equal(stopped.job_id, report.job_id);
    assert_int_equal(rig.count, stopped.records_in + report.records_in);
    rig_assert_exactly_once(&rig);
    for (uint64_t i = 0; i < rig.count; i++) {
        assert_int_equal(1, rig.seen[i]);
    }
    rig_fini(&rig);
}

TEST(a_cancelled_job_ends_at_once_and_its_last_checkpoint_is_as_good)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.externalized-checkpoint-retention",
            "RETAIN_ON_CANCELLATION");
    assert_int_equal(WEIR_JOB_CANCELED, rig_run(&rig, rig_cancels_after_three));
    assert_int_equal(WEIR_OK, weir_job_failure(rig.job, NULL));
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* --- retention: CP16, with what weir keeps more --- */

enum how {
    FINISHES,
    STOPS,
    CANCELS,
    FAILS,
    HOW_COUNT
};

static void
assert_retention(const char *policy, const size_t kept[HOW_COUNT])
{
    bool (*const ends[HOW_COUNT])(struct rig *) = { NULL, rig_stops_after_three,
                                                    rig_cancels_after_three,
                                                    rig_breaks_after_three };
    const weir_job_state states[HOW_COUNT] = { WEIR_JOB_FINISHED, WEIR_JOB_STOPPED,
                                               WEIR_JOB_CANCELED, WEIR_JOB_FAILED };
    for (size_t i = 0; i < HOW_COUNT; i++) {
        struct rig rig;
        rig_init(&rig);
        rig_set(&rig, "execution.checkpointing.externalized-checkpoint-retention", policy);
        rig_set(&rig, "execution.checkpointing.num-retained", "2");
        assert_int_equal(states[i], rig_run(&rig, ends[i]));
        assert_int_equal(kept[i], rig_count_checkpoints(&rig));
        char path[256];
        rig_job_directory(&rig, path);
        assert_int_equal(i == FINISHES, rig_count_names(&rig, path, "_finished"));
        rig_fini(&rig);
    }
}

TEST(no_externalized_checkpoints_keeps_those_of_a_stopped_and_of_a_failed_job)
{
    const size_t kept[HOW_COUNT] = { [STOPS] = 2, [FAILS] = 2 };
    assert_retention("NO_EXTERNALIZED_CHECKPOINTS", kept);
}

TEST(delete_on_cancellation_drops_those_of_a_cancelled_job)
{
    const size_t kept[HOW_COUNT] = { [STOPS] = 2, [FAILS] = 2 };
    assert_retention("DELETE_ON_CANCELLATION", kept);
}

TEST(retain_on_cancellation_keeps_all_but_those_of_a_finished_job)
{
    const size_t kept[HOW_COUNT] = { [STOPS] = 2, [CANCELS] = 2, [FAILS] = 2 };
    assert_retention("RETAIN_ON_CANCELLATION", kept);
}

/* --- failing functions --- */

static void
assert_fails(enum rig_failure where, uint32_t parallelism, const char *words)
{
    struct rig rig;
    rig_init(&rig);
    rig_set_number(&rig, "parallelism.default", parallelism);
    rig.count = 300;
    rig.failure = where;
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, NULL));
    assert_int_equal(WEIR_USER, weir_job_failure(rig.job, &rig.error));
    rig_assert_says(rig.error.message, words);
    rig_assert_says(rig.error.message, "broken on purpose");
    char path[256];
    rig_job_directory(&rig, path);
    assert_int_equal(0, rig_count_names(&rig, path, "_finished"));
    rig_forget_job(&rig);
    assert_int_equal(0, os_sim_open_count(rig.sim));
    rig_fini(&rig);
}

TEST(a_function_that_fails_at_any_call_fails_the_job_with_operator_and_subtask)
{
    assert_fails(RIG_FAIL_INITIALIZE, 1, "operator 'sum' (1/1): ");
    assert_fails(RIG_FAIL_OPEN, 1, "operator 'sum' (1/1): ");
    assert_fails(RIG_FAIL_PROCESS, 1, "operator 'sum' (1/1), record 1: ");
    assert_fails(RIG_FAIL_SNAPSHOT, 1, "operator 'sum' (1/1): ");
    assert_fails(RIG_FAIL_COMPLETE, 1, "operator 'sum' (1/1): ");
    assert_fails(RIG_FAIL_FINISH, 1, "operator 'sum' (1/1): ");
    assert_fails(RIG_FAIL_INITIALIZE, 3, "/3): ");
    assert_fails(RIG_FAIL_PROCESS, 3, "/3), record 1: ");
    assert_fails(RIG_FAIL_FINISH, 3, "/3): ");
}

TEST(a_function_that_hides_its_failure_fails_the_job_all_the_same)
{
    assert_fails(RIG_FAIL_QUIETLY, 1, "operator 'sum' (1/1), record 1: ");
}

TEST(a_failed_job_goes_on_from_its_last_checkpoint_once_it_is_mended)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "parallelism.default", "2");
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, rig_breaks_after_three));
    rig.failure = RIG_WELL;
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    assert_true(rig_look(&rig).restored_checkpoint_id >= 3);
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(a_failure_to_initialize_leaves_the_checkpoint_that_was_to_be_restored)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    rig.failure = RIG_FAIL_INITIALIZE;
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, NULL));
    assert_int_equal(1, rig_count_checkpoints(&rig));
    rig.failure = RIG_WELL;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* --- checkpoints that fail --- */

static bool
disk_fills_after_three(struct rig *rig)
{
    if (rig_has_three_checkpoints(rig)) {
        os_sim_set_space(rig->sim, 1);
    }
    return false;
}

TEST(with_no_tolerable_failure_a_full_disk_fails_the_job_and_loses_nothing)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, disk_fills_after_three));
    assert_int_equal(WEIR_IO, rig.error.status);
    assert_int_equal(ENOSPC, rig.error.sys_errno);
    rig_assert_says(rig.error.message, "Exceeded checkpoint tolerable failure threshold.");
    rig_assert_says(rig.error.message, "tolerable-failed-checkpoints is 0");
    rig_assert_says(rig.error.message, RIG_DIRECTORY "/");
    assert_int_equal(1, rig_count_checkpoints(&rig));
    os_sim_set_space(rig.sim, 0);
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(a_directory_that_cannot_be_written_fails_the_job_with_its_path)
{
    struct rig rig;
    rig_init(&rig);
    os_sim_directory_put(rig.sim, RIG_DIRECTORY);
    os_sim_deny(rig.sim, RIG_DIRECTORY, OS_SIM_DENY_WRITE, EROFS);
    assert_int_equal(WEIR_IO, rig_create(&rig));
    assert_int_equal(EROFS, rig.error.sys_errno);
    rig_assert_says(rig.error.message, RIG_DIRECTORY);
    rig_fini(&rig);
}

/* Full after three, freed after four failed attempts, watched until the next complete one. */
static bool
disk_is_full_for_a_while(struct rig *rig)
{
    weir_job_report report = rig_look(rig);
    if (report.checkpoints_completed >= 3 && report.checkpoints_failed == 0 &&
        rig->completed_before == 0) {
        os_sim_set_space(rig->sim, 1);
    }
    if (report.checkpoints_failed >= 4 && rig->freed_ns == 0) {
        rig->completed_before = report.checkpoints_completed;
        rig->freed_ns = os_sim_now_ns(rig->sim);
        os_sim_set_space(rig->sim, 0);
    }
    return rig->freed_ns != 0 && report.checkpoints_completed > rig->completed_before;
}

TEST(with_tolerable_failures_the_job_goes_on_and_completes_within_an_interval_once_freed)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "parallelism.default", "2");
    rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "10");
    assert_int_equal(WEIR_JOB_RUNNING, rig_run(&rig, disk_is_full_for_a_while));
    uint64_t took_ns = os_sim_now_ns(rig.sim) - rig.freed_ns;
    assert_true(took_ns <= 11000000); /* an interval, and what a checkpoint takes */
    rig_assert_says(rig.log, "could not be stored");
    rig_step_until(&rig, NULL);
    assert_int_equal(WEIR_JOB_FINISHED, rig_look(&rig).state);
    rig_assert_exactly_once(&rig);
    char path[256];
    rig_job_directory(&rig, path);
    assert_int_equal(1, rig_count_names(&rig, path, "_finished"));
    rig_fini(&rig);
}

TEST(one_failure_more_than_is_tolerable_fails_the_job)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "2");
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, disk_fills_after_three));
    assert_int_equal(3, rig_look(&rig).checkpoints_failed);
    rig_assert_says(rig.error.message, "tolerable-failed-checkpoints is 2");
    rig_fini(&rig);
}

static bool
disk_is_slow_for_two(struct rig *rig)
{
    weir_job_report report = rig_look(rig);
    bool slow = report.checkpoints_completed >= 3 && report.checkpoints_failed < 2;
    os_sim_set_cost_ns(rig->sim, OS_SIM_SYNC, slow ? 30000000 : 0);
    return false;
}

TEST(a_checkpoint_that_takes_too_long_expires_and_the_next_ones_complete)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "parallelism.default", "3");
    rig_set(&rig, "execution.checkpointing.timeout", "20 ms");
    rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "5");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, disk_is_slow_for_two));
    weir_job_report report = rig_look(&rig);
    assert_true(report.checkpoints_failed >= 2);
    assert_true(report.checkpoints_completed >= 4);
    rig_assert_says(rig.log, "expired before completing (execution.checkpointing.timeout)");
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(a_slow_disk_fails_the_job_where_no_failure_is_tolerable)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "parallelism.default", "3");
    rig_set(&rig, "execution.checkpointing.timeout", "20 ms");
    os_sim_set_cost_ns(rig.sim, OS_SIM_SYNC, 30000000);
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, NULL));
    assert_int_equal(WEIR_TIMEOUT, rig.error.status);
    rig_assert_says(rig.error.message, "checkpoint 1 expired before completing");
    rig_fini(&rig);
}

static bool
stops_at_once(struct rig *rig)
{
    if (rig_look(rig).state == WEIR_JOB_RUNNING && rig_look(rig).records_in > 10) {
        os_sim_set_space(rig->sim, 1);
        weir_job_stop(rig->job);
    }
    return false;
}

TEST(a_stop_whose_checkpoint_cannot_be_stored_ends_with_words)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "1000");
    rig_set(&rig, "weir.stop-timeout", "1 s");
    rig_set(&rig, "execution.checkpointing.interval", "1 h");
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, stops_at_once));
    rig_assert_says(rig.error.message, "weir.stop-timeout");
    rig_fini(&rig);
}
