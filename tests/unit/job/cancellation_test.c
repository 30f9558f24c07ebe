/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of job/cancellation: a task that is cancelled and does not end. One that is never stepped
 * again is as good as one whose function does not return.
 */
#include "job_rig.h"

enum {
    STUCK = 3, /* actor of task 1: sums' first subtask */
    STEP_MS = 100,
    CODE = 6
};

static bool
has_records(struct rig *rig)
{
    return rig_look(rig).records_out > 10;
}

/* Steps all but the stuck task for so long, in steps of the clock; true: the process was ended. */
static bool
go_on_without(struct rig *rig, size_t stuck, uint64_t ms, const char **out_words)
{
    int code = 0;
    for (uint64_t passed = 0; passed < ms && !wr_job_has_ended(rig->job); passed += STEP_MS) {
        for (int round = 0; round < 8; round++) {
            for (size_t i = 0; i < wr_job_actor_count(rig->job); i++) {
                uint64_t wake_at = UINT64_MAX;
                if (i != stuck) {
                    (void)wr_job_step(rig->job, i, &wake_at);
                }
            }
        }
        os_sim_advance_ns(rig->sim, STEP_MS * 1000000ULL);
    }
    *out_words = os_sim_process_ended(os_sim_os(rig->sim), &code);
    assert_int_equal(*out_words != NULL ? CODE : 0, code);
    return *out_words != NULL;
}

static void
set_up(struct rig *rig)
{
    rig_init(rig);
    rig_set(rig, "parallelism.default", "2");
    rig_set(rig, "task.cancellation.timeout", "20 s");
    rig_set(rig, "task.cancellation.interval", "8 s");
}

static size_t
count_warnings(const struct rig *rig)
{
    size_t count = 0;
    const char *at = rig->log;
    while ((at = strstr(at, "w cancelled, and not ended yet: ")) != NULL) {
        count++;
        at++;
    }
    return count;
}

TEST(a_task_that_does_not_end_when_cancelled_ends_the_process_with_its_name)
{
    struct rig rig;
    const char *words = NULL;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_RUNNING, rig_run(&rig, has_records));
    weir_job_cancel(rig.job);
    assert_false(go_on_without(&rig, 2, 19000, &words));
    assert_int_equal(2, count_warnings(&rig));
    rig_assert_says(rig.log, "task 'numbers' (1/2)");
    assert_null(strstr(rig.log, "(2/2)")); /* that one has ended */
    assert_true(go_on_without(&rig, 2, 2000, &words));
    rig_assert_says(words, "task 'numbers' (1/2) did not end within task.cancellation.timeout "
                           "(20 s) of being cancelled");
    assert_int_equal(2, count_warnings(&rig));
    rig_fini(&rig);
}

TEST(a_timeout_of_zero_waits_and_only_warns)
{
    struct rig rig;
    const char *words = NULL;
    set_up(&rig);
    rig_set(&rig, "task.cancellation.timeout", "0");
    assert_int_equal(WEIR_JOB_RUNNING, rig_run(&rig, has_records));
    weir_job_cancel(rig.job);
    assert_false(go_on_without(&rig, STUCK, 100000, &words));
    assert_int_equal(12, count_warnings(&rig));
    assert_false(wr_job_has_ended(rig.job));
    assert_false(go_on_without(&rig, SIZE_MAX, 1000, &words));
    assert_int_equal(WEIR_JOB_CANCELED, rig_look(&rig).state);
    rig_fini(&rig);
}

TEST(a_restart_waits_for_tasks_no_longer_than_that)
{
    struct rig rig;
    const char *words = NULL;
    set_up(&rig);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "execution.checkpointing.interval", "1 h"); /* no barrier to wait for */
    assert_int_equal(WEIR_JOB_RUNNING, rig_run(&rig, has_records));
    rig.failure = RIG_FAIL_PROCESS;
    assert_false(go_on_without(&rig, 2, 19000, &words));
    assert_int_equal(WEIR_JOB_RESTARTING, rig_look(&rig).state);
    assert_int_equal(0, rig_look(&rig).restarts); /* while one is left of the old attempt */
    assert_true(go_on_without(&rig, 2, 2000, &words));
    rig_assert_says(words, "task 'numbers' (1/2)");
    rig_fini(&rig);
}

TEST(tasks_that_end_in_time_are_not_warned_of)
{
    struct rig rig;
    const char *words = NULL;
    set_up(&rig);
    assert_int_equal(WEIR_JOB_RUNNING, rig_run(&rig, has_records));
    weir_job_cancel(rig.job);
    assert_false(go_on_without(&rig, SIZE_MAX, 60000, &words));
    assert_int_equal(WEIR_JOB_CANCELED, rig_look(&rig).state);
    assert_int_equal(0, count_warnings(&rig));
    rig_fini(&rig);
}
