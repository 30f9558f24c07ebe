/* SPDX-License-Identifier: Apache-2.0 */
/* What hosts may ask for, what is refused at once and why, and that whatever is asked for in any
 * phase of a job is answered once.
 */
#include "savepoint_rig.h"

static const weir_savepoint_parameters beside = { .directory = RIG_SAVEPOINTS };

/* --- what is refused in the call --- */

static void
assert_savepoint_refused(struct rig *rig, weir_savepoint_parameters wish, weir_status status,
                         const char *words)
{
    uint64_t request = 77;
    wish.size = wish.size != 0 ? wish.size : sizeof wish;
    assert_int_equal(status, weir_job_trigger_savepoint(rig->job, &wish, &request, &rig->error));
    assert_int_equal(77, request);
    rig_assert_says(rig->error.message, words);
}

TEST(what_cannot_be_is_refused_in_the_call_by_words)
{
    struct rig rig;
    static char long_path[1100];
    memset(long_path, 'a', sizeof long_path - 1);
    long_path[0] = '/';
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    assert_savepoint_refused(&rig, (weir_savepoint_parameters){ 0 }, WEIR_INVALID,
                             "No savepoint location given and no default location configured.");
    assert_savepoint_refused(
        &rig, (weir_savepoint_parameters){ .size = sizeof rig_wish + 1, .directory = "/a" },
        WEIR_INVALID, "size");
    assert_savepoint_refused(
        &rig, (weir_savepoint_parameters){ .directory = "/a", .format = WEIR_SAVEPOINT_CANONICAL },
        WEIR_UNSUPPORTED, "canonical");
    assert_savepoint_refused(&rig, (weir_savepoint_parameters){ .directory = "/a", .drain = true },
                             WEIR_INVALID, "stops it");
    assert_savepoint_refused(
        &rig, (weir_savepoint_parameters){ .directory = "/a", .stop = true, .cancel = true },
        WEIR_INVALID, "not both");
    assert_savepoint_refused(&rig, (weir_savepoint_parameters){ .directory = "s3://bucket/a" },
                             WEIR_UNSUPPORTED, "s3");
    assert_savepoint_refused(&rig, (weir_savepoint_parameters){ .directory = long_path },
                             WEIR_LIMIT, "993 are the most");
    long_path[994] = '\0';
    assert_savepoint_refused(&rig, (weir_savepoint_parameters){ .directory = long_path },
                             WEIR_LIMIT, "994 bytes");
    uint64_t request;
    assert_int_equal(WEIR_INVALID, weir_job_trigger_savepoint(NULL, NULL, &request, &rig.error));
    assert_int_equal(WEIR_INVALID, weir_job_trigger_checkpoint(rig.job, 9, &request, &rig.error));
    assert_int_equal(
        WEIR_UNSUPPORTED,
        weir_job_trigger_checkpoint(rig.job, WEIR_CHECKPOINT_INCREMENTAL, &request, &rig.error));
    rig_assert_says(rig.error.message, "execution.checkpointing.incremental");
    rig_fini(&rig);
}

TEST(a_directory_of_the_longest_name_fits_its_report)
{
    struct rig rig;
    static char path[994];
    rig_init(&rig);
    for (size_t i = 0; i < sizeof path - 1; i++) {
        path[i] = i % 200 == 0 ? '/' : 'a';
    }
    rig_wish_for(1, beside);
    rig_wish.directory = path;
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, rig_asks));
    weir_request_report report = rig_answer(&rig, rig_request);
    assert_int_equal(WEIR_REQUEST_COMPLETED, report.state);
    assert_int_equal(1023, strlen(report.path));
    assert_int_equal(1, rig_count_names(&rig, report.path, "_metadata"));
    rig_fini(&rig);
}

TEST(the_default_directory_is_an_option)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "state.savepoints.dir", "file://" RIG_SAVEPOINTS); /* its old spelling */
    rig_wish_for(1, (weir_savepoint_parameters){ 0 });
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, rig_asks));
    (void)rig_saved(&rig);
    rig_fini(&rig);
}

TEST(a_report_is_of_the_size_that_the_host_was_compiled_with)
{
    struct rig rig;
    rig_init(&rig);
    rig_wish_for(1, beside);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, rig_asks));
    weir_request_report report;
    memset(&report, 0x5a, sizeof report);
    report.size = offsetof(weir_request_report, error);
    assert_int_equal(WEIR_OK, weir_job_request_wait(rig.job, rig_request, 0, &report));
    assert_int_equal(WEIR_REQUEST_COMPLETED, report.state);
    assert_int_equal(0x5a5a5a5a, report.error.status);
    report.size = 0;
    assert_int_equal(WEIR_INVALID, weir_job_request_wait(rig.job, rig_request, 0, &report));
    report.size = sizeof report + 1;
    assert_int_equal(WEIR_INVALID, weir_job_request_wait(rig.job, rig_request, 0, &report));
    report.size = sizeof report;
    assert_int_equal(WEIR_NOT_FOUND, weir_job_request_wait(rig.job, rig_request + 1, 0, &report));
    assert_int_equal(WEIR_NOT_FOUND, weir_job_request_wait(rig.job, 0, 0, &report));
    rig_fini(&rig);
}

/* --- in every phase --- */

static uint64_t
ask_now(struct rig *rig)
{
    weir_savepoint_parameters wish = beside;
    uint64_t request = 0;
    wish.size = sizeof wish;
    assert_ok(weir_job_trigger_savepoint(rig->job, &wish, &request, &rig->error), &rig->error);
    return request;
}

TEST(a_job_that_does_not_run_yet_refuses_by_flinks_reason)
{
    struct rig rig;
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    uint64_t before_start = ask_now(&rig);
    assert_int_equal(WEIR_REQUEST_IN_PROGRESS, rig_answer(&rig, before_start).state);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    uint64_t initializing = ask_now(&rig);
    rig_step_until(&rig, NULL);
    assert_int_equal(WEIR_JOB_FINISHED, rig_look(&rig).state);
    rig_assert_failed(&rig, before_start, "NOT_ALL_REQUIRED_TASKS_RUNNING: ");
    rig_assert_failed(&rig, initializing, "NOT_ALL_REQUIRED_TASKS_RUNNING: ");
    rig_fini(&rig);
}

TEST(a_job_that_has_ended_takes_no_request)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, NULL));
    uint64_t request = 0;
    weir_savepoint_parameters wish = beside;
    wish.size = sizeof wish;
    assert_int_equal(WEIR_CANCELLED,
                     weir_job_trigger_savepoint(rig.job, &wish, &request, &rig.error));
    rig_assert_says(rig.error.message, "CHECKPOINT_COORDINATOR_SHUTDOWN");
    assert_int_equal(WEIR_CANCELLED, weir_job_trigger_checkpoint(rig.job, WEIR_CHECKPOINT_FULL,
                                                                 &request, &rig.error));
    rig_fini(&rig);
}

static void (*end_now)(struct rig *rig);

/* Asked for and, at the same step, brought to an end: it may be under way, or not be taken yet. */
static bool
asks_and_ends(struct rig *rig)
{
    if (rig_request == 0) {
        (void)rig_asks(rig);
    } else if (rig_answer(rig, rig_request).checkpoint_id != 0) {
        end_now(rig);
    }
    return false;
}

static void
cancel(struct rig *rig)
{
    weir_job_cancel(rig->job);
}

static void
give_up(struct rig *rig)
{
    wr_job_give_up(rig->job);
}

static void
break_it(struct rig *rig)
{
    rig->failure = RIG_FAIL_PROCESS;
}

/* In batches of one number, so that alignment takes time. */
static void
set_up_slow(struct rig *rig)
{
    rig_init(rig);
    rig_set(rig, "weir.network.batch-size", "1");
    rig_wish_for(2, beside);
}

TEST(a_request_under_way_is_answered_when_the_job_is_cancelled_given_up_or_fails)
{
    void (*const ends[])(struct rig *) = { cancel, give_up, break_it };
    const char *reasons[] = { "CHECKPOINT_COORDINATOR_SHUTDOWN: ", "JOB_FAILOVER_REGION: ",
                              "JOB_FAILOVER_REGION: " };
    for (size_t i = 0; i < 3; i++) {
        struct rig rig;
        set_up_slow(&rig);
        end_now = ends[i];
        assert_int_equal(i == 0 ? WEIR_JOB_CANCELED : WEIR_JOB_FAILED,
                         rig_run(&rig, asks_and_ends));
        if (rig_answer(&rig, rig_request).state == WEIR_REQUEST_FAILED) {
            rig_assert_failed(&rig, rig_request, reasons[i]);
            assert_int_equal(0, rig_count_names(&rig, RIG_SAVEPOINTS, "")); /* nothing is left */
        } else {
            (void)rig_saved(&rig);
        }
        rig_fini(&rig);
    }
}

TEST(requests_that_wait_behind_others_are_answered_at_the_end)
{
    struct rig rig;
    enum {
        COUNT = 40
    };
    uint64_t requests[COUNT];
    unsigned completed = 0;
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    rig_step_until(&rig, rig_has_three_checkpoints);
    for (unsigned i = 0; i < COUNT; i++) {
        requests[i] = ask_now(&rig);
        assert_true(i == 0 || requests[i] == requests[i - 1] + 1);
    }
    weir_job_cancel(rig.job);
    uint64_t last = ask_now(&rig);
    rig_step_until(&rig, NULL);
    for (unsigned i = 0; i < COUNT; i++) {
        weir_request_report report = rig_answer(&rig, requests[i]);
        assert_true(report.state != WEIR_REQUEST_IN_PROGRESS);
        completed += report.state == WEIR_REQUEST_COMPLETED;
    }
    assert_int_equal(completed, rig_count_names(&rig, RIG_SAVEPOINTS, "savepoint-"));
    rig_assert_failed(&rig, last, "CHECKPOINT_COORDINATOR_SHUTDOWN: ");
    rig_fini(&rig);
}

TEST(forty_savepoints_at_once_are_all_made)
{
    struct rig rig;
    uint64_t requests[40];
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    rig_step_until(&rig, rig_has_three_checkpoints);
    for (unsigned i = 0; i < 40; i++) {
        requests[i] = ask_now(&rig);
    }
    rig_step_until(&rig, NULL);
    assert_int_equal(WEIR_JOB_FINISHED, rig_look(&rig).state);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(WEIR_REQUEST_COMPLETED, rig_answer(&rig, requests[i]).state);
    }
    assert_int_equal(40, rig_count_names(&rig, RIG_SAVEPOINTS, "savepoint-"));
    assert_int_equal(40, rig_count_names(&rig, RIG_SAVEPOINTS, "")); /* and nothing hidden */
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(more_requests_than_may_wait_are_refused_and_the_others_are_answered)
{
    struct rig rig;
    uint64_t first = 0;
    uint64_t request = 0;
    weir_savepoint_parameters wish = beside;
    wish.size = sizeof wish;
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    rig_step_until(&rig, rig_has_three_checkpoints);
    for (unsigned i = 0; i < WR_REQUESTS_UNDER_WAY_MAX; i++) {
        assert_ok(weir_job_trigger_savepoint(rig.job, &wish, &request, &rig.error), &rig.error);
        first = first != 0 ? first : request;
    }
    assert_int_equal(WEIR_LIMIT, weir_job_trigger_savepoint(rig.job, &wish, &request, &rig.error));
    rig_assert_says(rig.error.message, "TOO_MANY_CHECKPOINT_REQUESTS");
    uint64_t wake_at;
    (void)wr_job_step(rig.job, 0, &wake_at); /* the coordinator takes them all */
    rig_assert_failed(&rig, request, "TOO_MANY_CHECKPOINT_REQUESTS: ");
    assert_int_equal(WEIR_REQUEST_IN_PROGRESS, rig_answer(&rig, first).state);
    weir_job_cancel(rig.job);
    rig_step_until(&rig, NULL);
    weir_request_report report = { .size = sizeof report };
    unsigned known = 0;
    for (uint64_t at = first; at <= request; at++) {
        weir_status status = weir_job_request_wait(rig.job, at, 0, &report);
        assert_true(status == WEIR_NOT_FOUND || report.state == WEIR_REQUEST_FAILED);
        known += status == WEIR_OK;
    }
    assert_int_equal(WR_REQUESTS_KEPT_MAX, known); /* the last answers, and no more */
    assert_int_equal(0, rig_count_names(&rig, RIG_SAVEPOINTS, "savepoint-"));
    rig_fini(&rig);
}

/* --- failures on the way --- */

/* A target that is a file: the directory cannot be made. */
TEST(a_directory_that_cannot_be_made_fails_the_savepoint_and_not_the_job)
{
    struct rig rig;
    rig_init(&rig);
    os_sim_file_put(rig.sim, RIG_SAVEPOINTS, "x", 1);
    rig_wish_for(2, beside);
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, rig_asks));
    rig_assert_failed(&rig, rig_request, "IO_EXCEPTION: ");
    assert_int_equal(0, rig_look(&rig).checkpoints_failed); /* savepoints are not counted */
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

TEST(a_savepoint_that_takes_too_long_expires_and_the_job_goes_on)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.timeout", "10 ms");
    rig_set(&rig, "execution.checkpointing.interval", "90 ms");
    rig.keys = RIG_KEYS_MAX;
    rig_wish_for(0, beside);
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    while (rig_look(&rig).state != WEIR_JOB_RUNNING) {
        uint64_t first;
        (void)job_step_all(rig.job, &first);
    }
    uint64_t request = ask_now(&rig);
    uint64_t wake_at;
    (void)wr_job_step(rig.job, 0, &wake_at); /* its letters are on their way */
    assert_true(rig_answer(&rig, request).checkpoint_id != 0);
    os_sim_advance_ns(rig.sim, 11000000U);
    (void)wr_job_step(rig.job, 0, &wake_at);
    rig_assert_failed(&rig, request, "CHECKPOINT_EXPIRED: ");
    rig_step_until(&rig, NULL); /* late acknowledgements find nobody */
    assert_int_equal(WEIR_JOB_FINISHED, rig_look(&rig).state);
    assert_int_equal(0, rig_count_names(&rig, RIG_SAVEPOINTS, ""));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}

/* --- a restart between --- */

static uint64_t while_restarting;

static bool
breaks_once_and_asks(struct rig *rig)
{
    weir_job_report report = rig_look(rig);
    (void)rig_asks(rig);
    bool is_begun = rig_request != 0 && rig_answer(rig, rig_request).checkpoint_id != 0;
    rig->failure = is_begun && report.restarts == 0 && report.state == WEIR_JOB_RUNNING
                       ? RIG_FAIL_PROCESS
                       : RIG_WELL;
    if (report.state == WEIR_JOB_RESTARTING && while_restarting == 0) {
        while_restarting = ask_now(rig);
    }
    return false;
}

TEST(a_restart_answers_what_was_under_way_and_takes_new_requests_when_it_runs_again)
{
    struct rig rig;
    set_up_slow(&rig);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "20 ms");
    rig_set(&rig, "execution.checkpointing.interval", "20 ms");
    while_restarting = 0;
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    rig_step_until(&rig, rig_has_three_checkpoints);
    rig_step_until(&rig, breaks_once_and_asks);
    assert_int_equal(WEIR_JOB_FINISHED, rig_look(&rig).state);
    assert_int_equal(1, rig_look(&rig).restarts);
    weir_request_report report = rig_answer(&rig, rig_request);
    if (report.state == WEIR_REQUEST_FAILED) {
        rig_assert_failed(&rig, rig_request, "JOB_FAILOVER_REGION: ");
        rig_assert_says(report.error.message, "broken on purpose");
    }
    rig_assert_failed(&rig, while_restarting, "NOT_ALL_REQUIRED_TASKS_RUNNING: ");
    size_t complete = report.state == WEIR_REQUEST_COMPLETED;
    assert_int_equal(complete, rig_count_names(&rig, RIG_SAVEPOINTS, ""));
    rig_assert_exactly_once(&rig);
    rig_fini(&rig);
}
