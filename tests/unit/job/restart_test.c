/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of job/restart: a job that failed goes on in the same process, or does not. In one thread.
 */
#include "job_rig.h"

#include "os/file.h"
#include "support/common_os_fault.h"

enum {
    DELAY_MS = 50
};

static void
set_up(struct rig *rig, const char *attempts)
{
    rig_init(rig);
    rig_set(rig, "parallelism.default", "2");
    rig_set(rig, "restart-strategy.type", "fixed-delay");
    rig_set(rig, "restart-strategy.fixed-delay.attempts", attempts);
    rig_set(rig, "restart-strategy.fixed-delay.delay", "50 ms");
}

/* Broken after three checkpoints, well again as soon as that was noticed. */
static bool
breaks_once(struct rig *rig)
{
    weir_job_report report = rig_look(rig);
    bool may = rig->freed_ns == 0 && report.checkpoints_completed >= 3;
    rig->failure = may ? RIG_FAIL_PROCESS : RIG_WELL;
    if (may && report.state == WEIR_JOB_RESTARTING) {
        rig->freed_ns = os_sim_now_ns(rig->sim);
        rig->failure = RIG_WELL;
    }
    return false;
}

TEST(a_job_that_fails_once_goes_on_from_its_last_checkpoint)
{
    struct rig rig;
    set_up(&rig, "1");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_once));
    rig_assert_exactly_once(&rig);
    weir_job_report report = rig_look(&rig);
    assert_int_equal(1, report.restarts);
    assert_int_equal(WEIR_USER, report.restart.status);
    rig_assert_says(report.restart.message, "broken on purpose");
    assert_true(report.restored);
    assert_true(report.restored_checkpoint_id >= 3);
    assert_true(report.records_in > rig.count); /* of both attempts */
    rig_assert_says(rig.log, "restarting in 0.0 s (fixed-delay): ");
    rig_assert_says(rig.log, "i restored from checkpoint 3: " RIG_DIRECTORY);
    assert_int_equal(WEIR_OK, weir_job_failure(rig.job, &rig.error));
    char path[256];
    rig_job_directory(&rig, path);
    assert_int_equal(0, rig_count_names(&rig, path, "chk-"));
    assert_int_equal(1, rig_count_names(&rig, path, "_finished"));
    rig_forget_job(&rig);
    assert_int_equal(0, os_sim_open_count(rig.sim));
    rig_fini(&rig);
}

static bool
is_restarting(struct rig *rig)
{
    (void)rig_breaks_after_three(rig);
    return rig_look(rig).state == WEIR_JOB_RESTARTING && rig->job->phase == WR_PHASE_RESTARTING;
}

static bool
runs_again(struct rig *rig)
{
    return rig_look(rig).state == WEIR_JOB_RUNNING;
}

TEST(a_restart_waits_for_its_delay_and_keeps_what_is_retained)
{
    struct rig rig;
    set_up(&rig, "1");
    rig_set(&rig, "execution.checkpointing.num-retained", "3");
    assert_int_equal(WEIR_JOB_RESTARTING, rig_run(&rig, is_restarting));
    uint64_t failed_ns = os_sim_now_ns(rig.sim);
    uint64_t last_id = rig_look(&rig).last_checkpoint_id;
    assert_int_equal(3, rig_count_checkpoints(&rig));
    assert_int_equal(0, rig_look(&rig).state_bytes); /* nothing is wired */
    rig.failure = RIG_WELL;
    rig_step_until(&rig, runs_again);
    assert_true(os_sim_now_ns(rig.sim) - failed_ns >= (DELAY_MS - 1) * 1000000ULL);
    assert_int_equal(last_id, rig_look(&rig).restored_checkpoint_id);
    assert_int_equal(3, rig_count_checkpoints(&rig));
    rig_step_until(&rig, NULL);
    assert_true(rig_look(&rig).last_checkpoint_id > last_id); /* ids are never used twice */
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(a_strategy_allows_so_many_restarts_and_then_the_job_has_failed)
{
    struct rig rig;
    set_up(&rig, "3");
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, rig_breaks_after_three));
    assert_int_equal(3, rig_look(&rig).restarts);
    rig_assert_says(rig.error.message, "broken on purpose");
    rig_assert_says(rig.log, "w fixed-delay allows no more restarts");
    assert_int_equal(1, rig_count_checkpoints(&rig)); /* a failed job's last one stays */
    rig.failure = RIG_WELL;
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(a_job_that_checkpoints_is_restarted_with_exponential_delay_unless_told_otherwise)
{
    struct rig rig;
    rig_init(&rig);
    weir_options_destroy(rig.options);
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &rig.options));
    rig_set(&rig, "execution.checkpointing.dir", RIG_DIRECTORY);
    rig_set(&rig, "execution.checkpointing.interval", "10 ms");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_once));
    assert_int_equal(1, rig_look(&rig).restarts);
    rig_assert_says(rig.log, "s (exponential-delay): ");
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

static char attempts[2][WR_ATTEMPT_SIZE];

static bool
notes_attempts(struct rig *rig)
{
    (void)breaks_once(rig);
    if (rig->job->phase == WR_PHASE_RUNNING) {
        memcpy(attempts[rig_look(rig).restarts], rig->job->attempt, WR_ATTEMPT_SIZE);
    }
    return rig->job->phase == WR_PHASE_RUNNING && rig_look(rig).restarts == 1;
}

TEST(a_restart_is_another_attempt)
{
    struct rig rig;
    char path[256];
    char hidden[64];
    set_up(&rig, "1");
    assert_int_equal(WEIR_JOB_RUNNING, rig_run(&rig, notes_attempts));
    assert_string_not_equal(attempts[0], attempts[1]);
    rig_job_directory(&rig, path);
    snprintf(hidden, sizeof hidden, ".%s", attempts[0]);
    assert_int_equal(0, rig_count_names(&rig, path, hidden));
    snprintf(hidden, sizeof hidden, ".%s", attempts[1]);
    assert_int_equal(1, rig_count_names(&rig, path, hidden));
    assert_int_equal(0, rig_count_names(&rig, path, ".fenced"));
    rig_fini(&rig);
}

static struct wr_budget memory;

/* What is held while nothing is wired, at the fifth restart and at the last; without the last
 * events, of which there are more and more until they are WEIR_EVENTS_KEPT. */
static uint64_t held_early, held_late;

static uint64_t
held_by_events(struct rig *rig)
{
    const weir_events_view *view = NULL;
    assert_ok(weir_job_events(rig->job, 0, WEIR_EVENTS_KEPT, &view, &rig->error), &rig->error);
    uint64_t held = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        held += sizeof(weir_event) + sizeof(size_t) + strlen(view->events[i].text) + 1;
    }
    weir_events_view_free(view);
    return held;
}

static bool
weighs_its_restarts(struct rig *rig)
{
    uint32_t restarts = rig_look(rig).restarts;
    if (rig->job->phase == WR_PHASE_RESTARTING) {
        uint64_t held = atomic_load(&memory.used_bytes) - held_by_events(rig);
        held_early = restarts == 5 ? held : held_early;
        held_late = held;
    }
    return false;
}

TEST(what_an_attempt_took_is_given_back_however_often_it_is_restarted)
{
    static const char *const directories[] = { RIG_DIRECTORY, NULL };
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        struct wr_pool_alloc pool;
        set_up(&rig, "1000");
        wr_budget_init(&memory, wr_memory_system(), 0);
        weir_alloc counted = wr_budget_alloc(&pool, &memory, WR_POOL_OTHER);
        rig.alloc = &counted;
        if (directories[i] == NULL) { /* JobManager storage: the bytes stay with the job */
            rig_set(&rig, "execution.checkpointing.storage", "jobmanager");
        }
        rig.failure = RIG_FAIL_AGAIN;
        rig.fails_every = 40;
        rig.fails_left = 60;
        held_early = held_late = 0;
        assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, weighs_its_restarts));
        assert_int_equal(60, rig_look(&rig).restarts);
        assert_true(held_early > 0);
        assert_true(held_late < held_early + 8192); /* a longer id here, a name there */
        rig_assert_exactly_once(&rig);
        rig_fini(&rig);
        assert_int_equal(0, atomic_load(&memory.used_bytes));
    }
}

/* --- what is never started again --- */

TEST(a_first_start_that_fails_is_told_at_once)
{
    static const enum rig_failure where[] = { RIG_FAIL_INITIALIZE, RIG_FAIL_OPEN };
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        set_up(&rig, "3");
        rig.failure = where[i];
        assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, NULL));
        assert_int_equal(0, rig_look(&rig).restarts);
        assert_null(strstr(rig.log, "restart"));
        rig_fini(&rig);
    }
}

TEST(a_parent_may_have_the_restarts)
{
    struct rig rig;
    set_up(&rig, "3");
    rig.parameters.no_restart = true;
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, rig_breaks_after_three));
    assert_int_equal(0, rig_look(&rig).restarts);
    rig_fini(&rig);
}

/* Removes the attempt's hidden directory as one who takes over does. */
static bool
is_taken_over(struct rig *rig)
{
    char hidden[400];
    char path[256];
    (void)rig_breaks_after_three(rig);
    if (rig->failure != RIG_WELL && rig->freed_ns == 0) {
        struct wr_os *other = os_sim_process_create(rig->sim);
        rig_job_directory(rig, path);
        snprintf(hidden, sizeof hidden, "%s/.%s", path, rig->job->attempt);
        assert_ok(wr_directory_remove_all(other, hidden, &rig->error), &rig->error);
        rig->freed_ns = 1;
    }
    return false;
}

TEST(a_fenced_job_is_not_started_again)
{
    struct rig rig;
    set_up(&rig, "3");
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, is_taken_over));
    assert_int_equal(WEIR_CANCELLED, rig.error.status);
    rig_assert_says(rig.error.message, "fenced");
    assert_int_equal(0, rig_look(&rig).restarts);
    rig_fini(&rig);
}

/* --- a restart that fails itself --- */

static bool
breaks_its_restores(struct rig *rig)
{
    bool waits = is_restarting(rig);
    uint32_t restarts = rig_look(rig).restarts;
    rig->freed_ns = waits ? 1 : rig->freed_ns;
    if (rig->freed_ns != 0) {
        rig->failure = restarts < 2 ? RIG_FAIL_INITIALIZE : RIG_WELL;
    }
    return false;
}

TEST(a_failed_restore_is_a_failure_like_any_other)
{
    struct rig rig;
    set_up(&rig, "3");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_its_restores));
    assert_int_equal(3, rig_look(&rig).restarts);
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

static bool
loses_its_checkpoint(struct rig *rig)
{
    if (is_restarting(rig)) {
        char path[256];
        char metadata[512];
        rig_job_directory(rig, path);
        snprintf(metadata, sizeof metadata, "%s/chk-%llu/_metadata", path,
                 (unsigned long long)rig_look(rig).last_checkpoint_id);
        os_sim_file_put(rig->sim, metadata, "damaged", 7);
    }
    return false;
}

TEST(a_damaged_checkpoint_ends_the_job_and_an_older_one_is_not_taken)
{
    struct rig rig;
    set_up(&rig, "5");
    rig_set(&rig, "execution.checkpointing.num-retained", "2");
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, loses_its_checkpoint));
    assert_int_equal(WEIR_CORRUPT, rig.error.status);
    assert_int_equal(0, rig_look(&rig).restarts);
    assert_int_equal(2, rig_count_checkpoints(&rig));
    rig_fini(&rig);
}

/* --- where it goes on from --- */

static bool
breaks_before_any(struct rig *rig)
{
    weir_job_report report = rig_look(rig);
    bool may = report.restarts == 0 && report.records_in > 20;
    rig->failure = may ? RIG_FAIL_PROCESS : RIG_WELL;
    return false;
}

TEST(without_a_checkpoint_it_starts_as_it_began)
{
    struct rig rig;
    set_up(&rig, "1");
    rig_set(&rig, "execution.checkpointing.interval", "1 h");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_before_any));
    assert_int_equal(1, rig_look(&rig).restarts);
    assert_false(rig_look(&rig).restored);
    rig_assert_says(rig.log, "no checkpoint was completed yet: STARTED EMPTY again");
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(before_its_own_first_checkpoint_it_goes_on_from_what_it_was_restored_from)
{
    struct rig rig;
    set_up(&rig, "1");
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, rig_stops_after_three));
    uint64_t id = rig_look(&rig).last_checkpoint_id;
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    rig_set(&rig, "execution.checkpointing.interval", "1 h");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_before_any));
    assert_int_equal(1, rig_look(&rig).restarts);
    assert_int_equal(id, rig_look(&rig).restored_checkpoint_id);
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(what_stays_in_memory_serves_a_restart)
{
    struct rig rig;
    set_up(&rig, "1");
    weir_options_destroy(rig.options);
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &rig.options));
    rig_set(&rig, "execution.checkpointing.interval", "10 ms");
    rig_set(&rig, "parallelism.default", "3");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_once));
    assert_int_equal(1, rig_look(&rig).restarts);
    assert_true(rig_look(&rig).restored);
    rig_assert_says(rig.log, "i restored from checkpoint 3: (memory)");
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(without_checkpoints_a_strategy_that_was_named_starts_from_empty)
{
    struct rig rig;
    rig_init(&rig);
    weir_options_destroy(rig.options);
    assert_int_equal(WEIR_OK, weir_options_create(NULL, &rig.options));
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, breaks_before_any));
    assert_int_equal(1, rig_look(&rig).restarts);
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* --- wishes while it restarts --- */

static bool
cancels_while_restarting(struct rig *rig)
{
    if (is_restarting(rig)) {
        weir_job_cancel(rig->job);
    }
    return false;
}

TEST(a_cancel_ends_a_restart_at_once_and_drops_what_the_policy_says)
{
    static const char *const policies[] = { "RETAIN_ON_CANCELLATION", "DELETE_ON_CANCELLATION" };
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        set_up(&rig, "9");
        rig_set(&rig, "restart-strategy.fixed-delay.delay", "1 h");
        rig_set(&rig, "execution.checkpointing.num-retained", "2");
        rig_set(&rig, "execution.checkpointing.externalized-checkpoint-retention", policies[i]);
        assert_int_equal(WEIR_JOB_CANCELED, rig_run(&rig, cancels_while_restarting));
        assert_int_equal(WEIR_OK, weir_job_failure(rig.job, &rig.error));
        assert_true(os_sim_now_ns(rig.sim) < 60 * 1000000000ULL);
        assert_int_equal(i == 0 ? 2 : 0, rig_count_checkpoints(&rig));
        rig_fini(&rig);
    }
}

static bool
stops_while_restarting(struct rig *rig)
{
    if (is_restarting(rig)) {
        weir_job_stop(rig->job);
        rig->freed_ns = 1;
    }
    rig->failure = rig->freed_ns != 0 ? RIG_WELL : rig->failure;
    return false;
}

TEST(a_stop_hurries_a_restart_and_takes_effect_behind_it)
{
    struct rig rig;
    set_up(&rig, "9");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "1 h");
    assert_int_equal(WEIR_JOB_STOPPED, rig_run(&rig, stops_while_restarting));
    assert_int_equal(1, rig_look(&rig).restarts);
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    rig.freed_ns = 0;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

static bool
stops_while_broken(struct rig *rig)
{
    if (is_restarting(rig)) {
        weir_job_stop(rig->job);
    }
    return false;
}

TEST(a_stop_of_a_job_that_keeps_failing_ends_with_its_timeout)
{
    struct rig rig;
    set_up(&rig, "1000000");
    rig_set(&rig, "weir.stop-timeout", "2 s");
    assert_int_equal(WEIR_JOB_FAILED, rig_run(&rig, stops_while_broken));
    assert_int_equal(WEIR_TIMEOUT, rig.error.status);
    rig_assert_says(rig.error.message, "weir.stop-timeout");
    assert_true(rig_look(&rig).restarts >= 5);
    assert_int_equal(1, rig_count_checkpoints(&rig));
    rig_fini(&rig);
}

TEST(a_job_is_destroyed_while_it_waits_for_its_restart)
{
    struct rig rig;
    set_up(&rig, "1");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "1 h");
    assert_int_equal(WEIR_JOB_RESTARTING, rig_run(&rig, is_restarting));
    assert_int_equal(1, rig_count_checkpoints(&rig));
    rig_forget_job(&rig);
    assert_int_equal(0, os_sim_open_count(rig.sim));
    rig.failure = RIG_WELL;
    rig.parameters.restore = "latest:" RIG_DIRECTORY;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* --- checkpoints that fail --- */

static bool
disk_is_full_until_it_restarts(struct rig *rig)
{
    weir_job_report report = rig_look(rig);
    if (report.checkpoints_completed >= 3 && report.restarts == 0) {
        os_sim_set_space(rig->sim, report.state == WEIR_JOB_RESTARTING ? 0 : 1);
    }
    return false;
}

TEST(more_failed_checkpoints_than_are_tolerable_restart_the_job)
{
    struct rig rig;
    set_up(&rig, "1");
    rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "2");
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, disk_is_full_until_it_restarts));
    assert_int_equal(1, rig_look(&rig).restarts);
    assert_int_equal(3, rig_look(&rig).checkpoints_failed);
    rig_assert_says(rig_look(&rig).restart.message,
                    "Exceeded checkpoint tolerable failure threshold.");
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}
