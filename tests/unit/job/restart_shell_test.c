/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of job/restart on the real system, with its threads.
 */
#include "shell_rig.h"

#include <errno.h>

/* Fails 8 times, at each 1,500th record. */
static void
place_init_failing(struct place *place, struct rig *rig)
{
    place_init(place, rig);
    rig_set(rig, "parallelism.default", "4");
    rig_set(rig, "weir.workers", "3");
    rig_set(rig, "restart-strategy.type", "fixed-delay");
    rig_set(rig, "restart-strategy.fixed-delay.attempts", "1000");
    rig_set(rig, "restart-strategy.fixed-delay.delay", "3 ms");
    rig->count = 10000;
    rig->rate = 20000;
    rig->failure = RIG_FAIL_AGAIN;
    rig->fails_every = 1500;
    rig->fails_left = 8;
}

static void
wait_for_restarts(struct rig *rig, uint32_t count)
{
    for (int i = 0; rig_look(rig).restarts < count; i++) {
        assert_true(i < 20000);
        assert_false(weir_job_wait(rig->job, 1));
    }
}

TEST(a_job_on_real_threads_is_restarted_again_and_again)
{
    struct place place;
    struct rig rig;
    place_init_failing(&place, &rig);
    start(&rig);
    uint64_t before = 0;
    while (!weir_job_wait(rig.job, 0)) {
        weir_job_report report = rig_look(&rig); /* whatever it is at */
        assert_true(report.records_in >= before);
        before = report.records_in;
    }
    assert_int_equal(WEIR_JOB_FINISHED, wait_for_end(&rig));
    weir_job_report report = rig_look(&rig);
    assert_true(report.restarts >= 4);
    assert_true(report.records_in > rig.count);
    rig_assert_exactly_once(&rig);
    place_fini(&place, &rig);
}

TEST(a_job_that_was_restarted_is_stopped_and_goes_on)
{
    struct place place;
    struct rig rig;
    place_init_failing(&place, &rig);
    rig.count = RIG_NUMBERS_MAX;
    rig.rate = 4000;
    start(&rig);
    wait_for_restarts(&rig, 2);
    weir_job_stop(rig.job);
    assert_int_equal(WEIR_JOB_STOPPED, wait_for_end(&rig));
    rig.parameters.restore = place.latest;
    rig.rate = 0;
    start(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, wait_for_end(&rig));
    rig_assert_exactly_once(&rig);
    place_fini(&place, &rig);
}

TEST(a_job_is_cancelled_and_destroyed_around_its_restarts)
{
    for (uint32_t i = 0; i < 6; i++) {
        struct place place;
        struct rig rig;
        place_init_failing(&place, &rig);
        rig.fails_every = 300;
        rig.fails_left = 1000;
        start(&rig);
        wait_for_restarts(&rig, 1 + i / 2);
        if (i % 2 == 0) {
            weir_job_cancel(rig.job);
            assert_int_equal(WEIR_JOB_CANCELED, wait_for_end(&rig));
        }
        place_fini(&place, &rig);
    }
}

/* --- threads that cannot be started --- */

static struct wr_os_ops failing_ops;
static _Atomic int starts;
static int first_refused;
static int refused_count;

static int
start_or_refuse(struct wr_os *os, const char *name, void (*run)(void *), void *argument,
                struct wr_os_thread **out_thread)
{
    int number = atomic_fetch_add(&starts, 1) + 1;
    if (number >= first_refused && number < first_refused + refused_count) {
        return EAGAIN;
    }
    return wr_os_posix()->ops->thread_start(os, name, run, argument, out_thread);
}

static void
refuse_threads(struct rig *rig, int first, int count)
{
    static struct wr_os os = { .ops = &failing_ops };
    failing_ops = *wr_os_posix()->ops;
    failing_ops.thread_start = start_or_refuse;
    atomic_store(&starts, 0);
    first_refused = first;
    refused_count = count;
    rig->os = &os;
}

TEST(a_restart_without_threads_is_tried_again)
{
    enum {
        FIRST_START = 5 /* three workers, io, coordinator */
    };
    for (int i = 1; i <= 3; i++) {
        struct place place;
        struct rig rig;
        place_init_failing(&place, &rig);
        refuse_threads(&rig, FIRST_START + i, 1);
        rig.fails_left = 1;
        start(&rig);
        assert_int_equal(WEIR_JOB_FINISHED, wait_for_end(&rig));
        assert_int_equal(1, rig_look(&rig).restarts);
        rig_assert_says(rig_look(&rig).restart.message, "thread 'weir-task-");
        rig_assert_exactly_once(&rig);
        place_fini(&place, &rig);
    }
}

TEST(a_job_whose_threads_cannot_be_started_says_so_and_leaves_nothing)
{
    for (int i = 1; i <= 5; i++) {
        struct place place;
        struct rig rig;
        place_init_failing(&place, &rig);
        refuse_threads(&rig, i, 1);
        rig_build(&rig);
        assert_ok(wr_job_create_on(rig.os, rig.environment, &rig.parameters, &rig.job, &rig.error),
                  &rig.error);
        assert_int_equal(WEIR_IO, weir_job_start(rig.job, &rig.error));
        rig_assert_says(rig.error.message, "could not be started");
        rig_forget_job(&rig);
        place_fini(&place, &rig);
    }
}
