/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of restarts beside savepoints, requests and claims.
 */
#include "savepoint_rig.h"

static void
set_up(struct rig *rig)
{
    rig_init(rig);
    rig_set(rig, "parallelism.default", "2");
    rig_set(rig, "restart-strategy.type", "fixed-delay");
    rig_set(rig, "restart-strategy.fixed-delay.attempts", "2");
    rig_set(rig, "restart-strategy.fixed-delay.delay", "50 ms");
}

/* --- the savepoint that was to stop the job --- */

static bool
breaks_while_stopping(struct rig *rig)
{
    (void)rig_asks(rig);
    bool is_over = rig_look(rig).state == WEIR_JOB_RESTARTING || rig_look(rig).restarts > 0;
    rig->failure = rig_was_stopping && !is_over ? RIG_FAIL_COMPLETE : RIG_WELL;
    return false;
}

TEST(a_stop_whose_commit_fails_goes_on_from_its_savepoint)
{
    static const bool drains[] = { false, true };
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        set_up(&rig);
        rig_wish_for(3, (weir_savepoint_parameters){
                            .directory = RIG_SAVEPOINTS, .stop = true, .drain = drains[i] });
        assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_while_stopping));
        weir_job_report report = rig_look(&rig);
        assert_int_equal(1, report.restarts);
        weir_request_report answer = rig_answer(&rig, rig_request);
        assert_int_equal(WEIR_REQUEST_FAILED, answer.state);
        rig_assert_says(answer.error.message, "A savepoint has been created at: " RIG_SAVEPOINTS);
        rig_assert_says(answer.error.message, "broken on purpose");
        assert_int_equal(answer.checkpoint_id, report.restored_checkpoint_id);
        rig_assert_says(rig.log, "i restored from checkpoint");
        rig_assert_says(rig.log, ": " RIG_SAVEPOINTS "/savepoint-");
        if (!drains[i]) {
            rig_assert_exactly_once(&rig); /* it ran on to its end */
        }
        rig_fini(&rig);
    }
}

/* And once more, before a newer checkpoint is there. */
static bool
breaks_twice(struct rig *rig)
{
    if (rig_look(rig).restarts == 0) {
        return breaks_while_stopping(rig);
    }
    rig->failure = rig_look(rig).restarts == 1 ? RIG_FAIL_PROCESS : RIG_WELL;
    return false;
}

TEST(a_savepoint_that_was_to_stop_the_job_serves_each_restart_until_a_checkpoint_is_newer)
{
    struct rig rig;
    set_up(&rig);
    rig_wish_for(3, (weir_savepoint_parameters){ .directory = RIG_SAVEPOINTS, .stop = true });
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_twice));
    weir_job_report report = rig_look(&rig);
    assert_int_equal(2, report.restarts);
    assert_int_equal(rig_answer(&rig, rig_request).checkpoint_id, report.restored_checkpoint_id);
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* --- the one that was not --- */

static bool
breaks_behind_its_savepoint(struct rig *rig)
{
    (void)rig_asks(rig);
    if (rig_request == 0) {
        return false;
    }
    bool is_saved = rig_answer(rig, rig_request).state == WEIR_REQUEST_COMPLETED;
    bool is_over = rig_look(rig).state == WEIR_JOB_RESTARTING || rig_look(rig).restarts > 0;
    rig->failure = is_saved && !is_over ? RIG_FAIL_PROCESS : RIG_WELL;
    return false;
}

TEST(a_restart_passes_a_savepoint_that_stopped_nothing)
{
    struct rig rig;
    set_up(&rig);
    rig_wish_for(3, (weir_savepoint_parameters){ .directory = RIG_SAVEPOINTS });
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_behind_its_savepoint));
    assert_int_equal(1, rig_look(&rig).restarts);
    assert_true(rig_look(&rig).restored_checkpoint_id != rig_saved(&rig).checkpoint_id);
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* --- requests --- */

static uint64_t asked_while_restarting;

static bool
asks_all_the_time(struct rig *rig)
{
    weir_job_report report = rig_look(rig);
    if (report.state == WEIR_JOB_RUNNING && report.checkpoints_completed >= 3 && rig_request == 0) {
        assert_ok(weir_job_trigger_savepoint(rig->job, &rig_wish, &rig_request, &rig->error),
                  &rig->error);
        rig->failure = RIG_FAIL_SNAPSHOT;
    }
    if (rig->job->phase == WR_PHASE_RESTARTING && asked_while_restarting == 0) {
        rig->failure = RIG_WELL;
        assert_ok(weir_job_trigger_checkpoint(rig->job, WEIR_CHECKPOINT_CONFIGURED,
                                              &asked_while_restarting, &rig->error),
                  &rig->error);
    }
    return false;
}

TEST(what_is_asked_for_around_a_failure_is_answered_by_it)
{
    struct rig rig;
    set_up(&rig);
    rig_wish_for(3, (weir_savepoint_parameters){ .directory = RIG_SAVEPOINTS });
    asked_while_restarting = 0;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, asks_all_the_time));
    assert_int_equal(1, rig_look(&rig).restarts);
    rig_assert_failed(&rig, rig_request, "");
    rig_assert_says(rig_answer(&rig, rig_request).error.message, "broken on purpose");
    rig_assert_failed(&rig, asked_while_restarting, "NOT_ALL_REQUIRED_TASKS_RUNNING");
    assert_int_equal(0, rig_count_names(&rig, RIG_SAVEPOINTS, "")); /* hidden ones neither */
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* --- claims --- */

static bool
breaks_at_once(struct rig *rig)
{
    weir_job_report report = rig_look(rig);
    rig->failure = report.restarts == 0 && report.records_in > 20 ? RIG_FAIL_PROCESS : RIG_WELL;
    return false;
}

TEST(a_claimed_snapshot_serves_a_restart_and_goes_when_a_checkpoint_takes_its_place)
{
    static const weir_claim_mode modes[] = { WEIR_CLAIM, WEIR_NO_CLAIM };
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        char from[1100];
        set_up(&rig);
        rig_wish_for(3, (weir_savepoint_parameters){ .directory = RIG_SAVEPOINTS, .stop = true });
        assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, rig_asks));
        weir_request_report saved = rig_saved(&rig);
        snprintf(from, sizeof from, "%s", saved.path);
        rig.parameters.restore = from;
        rig.parameters.claim_mode = modes[i];
        rig_set(&rig, "execution.checkpointing.interval", "60 ms");
        assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_at_once));
        assert_int_equal(1, rig_look(&rig).restarts);
        assert_int_equal(saved.checkpoint_id, rig_look(&rig).restored_checkpoint_id);
        assert_int_equal(modes[i] == WEIR_CLAIM ? 0 : 1, rig_count_names(&rig, RIG_SAVEPOINTS, ""));
        rig_assert_exactly_once(&rig);
        rig_fini(&rig);
    }
}
