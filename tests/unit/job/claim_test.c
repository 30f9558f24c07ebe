/* SPDX-License-Identifier: Apache-2.0 */
/* Whose the snapshot is that a job was restored from: claim modes over savepoints and retained
 * checkpoints, over every ending.
 */
#include "savepoint_rig.h"

static char from[1100];

/* A savepoint in `from`, and a rig that goes on from it. */
static void
leave_a_savepoint(struct rig *rig)
{
    rig_init(rig);
    rig_wish_for(3, (weir_savepoint_parameters){ .directory = RIG_SAVEPOINTS, .stop = true });
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(rig, rig_asks));
    snprintf(from, sizeof from, "%s", rig_saved(rig).path);
    rig_forget_job(rig);
    rig->parameters.restore = from;
}

static bool
is_there(const struct rig *rig)
{
    return rig_count_names(rig, from, "_metadata") == 1;
}

/* Whether it was there when the first checkpoint of the restored job was complete, and later. */
static bool there_at_first;

static bool
watches_it(struct rig *rig)
{
    if (rig_look(rig).checkpoints_completed == 0) {
        there_at_first = is_there(rig);
    }
    return false;
}

TEST(no_claim_is_the_default_and_never_touches_the_snapshot)
{
    struct rig rig;
    leave_a_savepoint(&rig);
    uint64_t names = rig_count_names(&rig, from, "");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, watches_it));
    assert_true(there_at_first && is_there(&rig));
    assert_int_equal(names, rig_count_names(&rig, from, ""));
    rig_assert_says(rig.log, "is not needed any more");
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* Behind the first checkpoint it may go, and no later one misses it. */
static bool
removes_it_and_fails(struct rig *rig)
{
    uint64_t completed = rig_look(rig).checkpoints_completed;
    if (completed == 1 && is_there(rig)) {
        rig_remove_all(rig, from);
    }
    if (completed >= 3) {
        rig->failure = RIG_FAIL_PROCESS;
    }
    return false;
}

TEST(behind_the_first_checkpoint_a_snapshot_that_is_not_claimed_may_be_removed)
{
    struct rig rig;
    leave_a_savepoint(&rig);
    rig_set(&rig, "execution.checkpointing.incremental", "true");
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, removes_it_and_fails));
    rig.failure = RIG_WELL;
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(a_claimed_savepoint_goes_when_the_first_checkpoint_takes_its_place)
{
    struct rig rig;
    leave_a_savepoint(&rig);
    rig.parameters.claim_mode = WEIR_CLAIM;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, watches_it));
    assert_true(there_at_first);
    assert_int_equal(0, rig_count_names(&rig, RIG_SAVEPOINTS, "")); /* all of it */
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* Notes at how many completed checkpoints it went. */
static uint64_t gone_at;

static bool
notes_when_it_goes(struct rig *rig)
{
    if (gone_at == 0 && !is_there(rig)) {
        gone_at = rig_look(rig).checkpoints_completed;
    }
    return false;
}

TEST(a_claimed_savepoint_counts_to_those_that_are_retained)
{
    struct rig rig;
    leave_a_savepoint(&rig);
    rig_set(&rig, "execution.checkpointing.num-retained", "3");
    rig_set(&rig, "execution.state-recovery.claim-mode", "CLAIM");
    gone_at = 0;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, notes_when_it_goes));
    assert_int_equal(3, gone_at); /* it and two checkpoints, then three checkpoints */
    rig_fini(&rig);
}

TEST(the_parameter_wins_over_the_option_and_legacy_is_warned_of)
{
    struct rig rig;
    leave_a_savepoint(&rig);
    rig_set(&rig, "execution.savepoint-restore-mode", "CLAIM"); /* its old spelling */
    rig.parameters.claim_mode = WEIR_CLAIM_LEGACY;
    rig.log[0] = '\0';
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    assert_true(is_there(&rig));
    rig_assert_says(rig.log, "w execution.state-recovery.claim-mode: LEGACY is deprecated");
    assert_null(strstr(rig.log, "is not needed any more")); /* it promises nothing */
    rig.parameters.claim_mode = (weir_claim_mode)4;
    assert_int_equal(WEIR_INVALID, rig_create(&rig));
    rig_assert_says(rig.error.message, "4 is no claim mode");
    rig_fini(&rig);
}

/* --- the endings: a claimed one follows the retention policy like the job's own --- */

static bool
cancels_early(struct rig *rig)
{
    if (rig_look(rig).records_in > 0) {
        weir_job_cancel(rig->job);
    }
    return false;
}

static bool
breaks_early(struct rig *rig)
{
    rig->failure = rig_look(rig).records_in > 0 ? RIG_FAIL_PROCESS : RIG_WELL;
    return false;
}

TEST(a_claimed_savepoint_follows_the_retention_policy_at_the_end)
{
    static const struct {
        const char *policy;
        bool (*until)(struct rig *rig);
        bool stays;
    } cases[] = {
        { "NO_EXTERNALIZED_CHECKPOINTS", cancels_early, false },
        { "DELETE_ON_CANCELLATION", cancels_early, false },
        { "RETAIN_ON_CANCELLATION", cancels_early, true },
        { "NO_EXTERNALIZED_CHECKPOINTS", breaks_early, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        leave_a_savepoint(&rig);
        rig.parameters.claim_mode = WEIR_CLAIM;
        rig_set(&rig, "execution.checkpointing.interval", "10 s"); /* none of its own */
        rig_set(&rig, "execution.checkpointing.min-pause", "10 s");
        rig_set(&rig, "execution.checkpointing.externalized-checkpoint-retention", cases[i].policy);
        weir_job_state expected =
            cases[i].until == cancels_early ? WEIR_JOB_CANCELED : WEIR_JOB_FAILED;
        assert_int_equal(expected, rig_run(&rig, cases[i].until));
        assert_int_equal(0, rig_look(&rig).checkpoints_completed);
        assert_int_equal(cases[i].stays, is_there(&rig));
        rig_fini(&rig);
    }
}

/* --- retained checkpoints of another job --- */

/* Two retained incremental checkpoints; `from` is the newest. */
static void
leave_checkpoints(struct rig *rig, char out_older[1100])
{
    rig_init(rig);
    rig_set(rig, "execution.checkpointing.incremental", "true");
    rig_set(rig, "execution.checkpointing.num-retained", "2");
    rig_set(rig, "pipeline.max-parallelism", "4");
    rig->keys = RIG_KEYS_MAX;
    rig->completed_before = 0;
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(rig, rig_stops_after_three));
    weir_job_report report = rig_look(rig);
    snprintf(from, sizeof from, "%s", report.last_checkpoint_path);
    snprintf(out_older, 1100, "%.*s/chk-%llu", (int)(strrchr(from, '/') - from), from,
             (unsigned long long)report.last_checkpoint_id - 1);
    rig_forget_job(rig);
    rig_set(rig, "execution.checkpointing.num-retained", "1");
    rig->parameters.restore = from;
    rig->parameters.claim_mode = WEIR_CLAIM;
}

TEST(a_claimed_checkpoint_goes_and_what_its_sibling_needs_stays)
{
    struct rig rig;
    char older[1100];
    leave_checkpoints(&rig, older);
    assert_int_equal(1, rig_count_names(&rig, older, "_metadata"));
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    assert_int_equal(0, rig_count_names(&rig, from, ""));
    assert_int_equal(1, rig_count_names(&rig, older, "_metadata"));
    memset(rig.seen, 0, sizeof rig.seen);
    memset(rig.highest, 0, sizeof rig.highest);
    rig.parameters.claim_mode = WEIR_NO_CLAIM;
    rig.parameters.restore = older; /* it can still be restored, all of it */
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    for (int64_t key = 0; key < (int64_t)rig.keys; key++) {
        assert_int_equal(rig_total(&rig, key), rig.highest[key]);
    }
    rig_fini(&rig);
}

TEST(a_job_that_goes_on_by_latest_owns_its_checkpoints_and_claims_none)
{
    struct rig rig;
    char older[1100];
    leave_checkpoints(&rig, older);
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_ok(rig_create(&rig), &rig.error);
    assert_int_equal(0, wr_job_claimed(rig.job));
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    rig_step_until(&rig, NULL);
    assert_int_equal(WEIR_JOB_FINISHED, rig_look(&rig).state);
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(a_job_without_a_directory_may_claim_as_well)
{
    struct rig rig;
    leave_a_savepoint(&rig);
    weir_options *options = NULL;
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &options));
    weir_options_destroy(rig.options);
    rig.options = options;
    rig_set(&rig, "execution.checkpointing.interval", "10 ms"); /* kept in memory */
    rig_set(&rig, "taskmanager.memory.managed.size", "64 mb");
    rig.parameters.claim_mode = WEIR_CLAIM;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    assert_false(is_there(&rig));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}
