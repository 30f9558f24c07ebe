/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of job/shell: small jobs on the real system, with their threads.
 */
#include "shell_rig.h"

#include <pthread.h>

static void
wait_for_checkpoints(struct rig *rig, uint64_t count)
{
    for (int i = 0; rig_look(rig).checkpoints_completed < count; i++) {
        assert_true(i < 20000);
        assert_false(weir_job_wait(rig->job, 5));
    }
}

TEST(a_job_runs_to_its_end_on_real_threads)
{
    static const char *const parallelisms[] = { "1", "2", "4" };
    for (size_t i = 0; i < 3; i++) {
        struct place place;
        struct rig rig;
        place_init(&place, &rig);
        rig_set(&rig, "parallelism.default", parallelisms[i]);
        rig_set(&rig, "weir.workers", parallelisms[i]);
        rig.rate = 40000;
        rig.count = RIG_NUMBERS_MAX;
        start(&rig);
        assert_int_equal(WEIR_JOB_FINISHED, wait_for_end(&rig));
        rig_assert_exactly_once(&rig);
        weir_job_report report = rig_look(&rig);
        assert_int_equal(rig.count, report.records_in);
        assert_int_equal(rig.count, report.records_out);
        assert_true(report.checkpoints_completed >= 1);
        place_fini(&place, &rig);
    }
}

TEST(a_job_without_a_rate_runs_as_fast_as_its_threads)
{
    struct place place;
    struct rig rig;
    place_init(&place, &rig);
    rig_set(&rig, "parallelism.default", "4");
    rig_set(&rig, "weir.workers", "2");
    rig.rate = 0;
    rig.count = RIG_NUMBERS_MAX;
    start(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, wait_for_end(&rig));
    rig_assert_exactly_once(&rig);
    place_fini(&place, &rig);
}

TEST(a_job_is_stopped_and_goes_on_on_real_threads)
{
    struct place place;
    struct rig rig;
    place_init(&place, &rig);
    rig_set(&rig, "parallelism.default", "2");
    rig.count = RIG_NUMBERS_MAX;
    rig.rate = 1000; /* twenty seconds, of which it gets few */
    start(&rig);
    wait_for_checkpoints(&rig, 3);
    weir_job_stop(rig.job);
    assert_int_equal(WEIR_JOB_STOPPED, wait_for_end(&rig));
    rig.parameters.restore = place.latest;
    rig_set(&rig, "parallelism.default", "4");
    start(&rig);
    wait_for_checkpoints(&rig, 2);
    weir_job_stop(rig.job);
    assert_int_equal(WEIR_JOB_STOPPED, wait_for_end(&rig));
    rig_set(&rig, "parallelism.default", "1");
    rig.rate = 0;
    start(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, wait_for_end(&rig));
    rig_assert_exactly_once(&rig);
    for (uint64_t i = 0; i < rig.count; i++) {
        assert_int_equal(1, rig.seen[i]);
    }
    place_fini(&place, &rig);
}

TEST(a_job_is_cancelled_on_real_threads)
{
    struct place place;
    struct rig rig;
    place_init(&place, &rig);
    rig_set(&rig, "parallelism.default", "4");
    rig.count = UINT64_MAX;
    rig.rate = 1000;
    start(&rig);
    wait_for_checkpoints(&rig, 1);
    weir_job_cancel(rig.job);
    weir_job_cancel(rig.job);
    assert_int_equal(WEIR_JOB_CANCELED, wait_for_end(&rig));
    assert_int_equal(WEIR_OK, weir_job_failure(rig.job, &rig.error));
    place_fini(&place, &rig);
}

TEST(a_failing_function_ends_all_threads)
{
    static const enum rig_failure where[] = { RIG_FAIL_INITIALIZE, RIG_FAIL_PROCESS,
                                              RIG_FAIL_SNAPSHOT, RIG_FAIL_FINISH };
    for (size_t i = 0; i < sizeof where / sizeof where[0]; i++) {
        struct place place;
        struct rig rig;
        place_init(&place, &rig);
        rig_set(&rig, "parallelism.default", "4");
        rig.failure = where[i];
        rig.count = 1000;
        start(&rig);
        assert_int_equal(WEIR_JOB_FAILED, wait_for_end(&rig));
        rig_assert_says(rig.error.message, "operator 'sum' (");
        rig_assert_says(rig.error.message, "broken on purpose");
        place_fini(&place, &rig);
    }
}

TEST(a_job_is_destroyed_in_any_phase)
{
    struct place place;
    struct rig rig;
    place_init(&place, &rig);
    rig_set(&rig, "parallelism.default", "2");
    rig.count = UINT64_MAX;
    rig.rate = 1000;
    start(&rig);
    rig_forget_job(&rig); /* at once */
    start(&rig);
    wait_for_checkpoints(&rig, 1);
    rig_forget_job(&rig); /* while it runs */
    rig.parameters.fresh = true;
    rig_build(&rig);
    assert_ok(weir_job_create(rig.environment, &rig.parameters, &rig.job, &rig.error), &rig.error);
    rig_forget_job(&rig); /* never started */
    place_fini(&place, &rig);
}

TEST(a_job_is_started_once)
{
    struct place place;
    struct rig rig;
    place_init(&place, &rig);
    rig.rate = 0;
    rig.count = 100;
    start(&rig);
    assert_int_equal(WEIR_INVALID, weir_job_start(rig.job, &rig.error));
    assert_int_equal(WEIR_JOB_FINISHED, wait_for_end(&rig));
    assert_int_equal(WEIR_INVALID, weir_job_start(rig.job, &rig.error));
    assert_int_equal(WEIR_INVALID, weir_job_start(NULL, &rig.error));
    place_fini(&place, &rig);
}

TEST(a_look_from_the_host_disturbs_nothing)
{
    struct place place;
    struct rig rig;
    place_init(&place, &rig);
    rig_set(&rig, "parallelism.default", "2");
    rig.rate = 0;
    rig.count = RIG_NUMBERS_MAX;
    start(&rig);
    uint64_t before = 0;
    while (!weir_job_wait(rig.job, 0)) {
        weir_job_report report = rig_look(&rig);
        assert_true(report.records_out >= before);
        before = report.records_out;
    }
    assert_int_equal(WEIR_JOB_FINISHED, rig_look(&rig).state);
    assert_int_equal(rig.count, rig_look(&rig).records_out);
    place_fini(&place, &rig);
}

TEST(two_jobs_share_a_process_and_a_checkpoint_directory)
{
    struct place place;
    struct rig rig;
    struct rig *other = calloc(1, sizeof *other);
    place_init(&place, &rig);
    rig_init(other);
    other->os = wr_os_posix();
    other->name = "other";
    rig_set(other, "execution.checkpointing.dir", place.path);
    start(&rig);
    start(other);
    assert_int_equal(WEIR_JOB_FINISHED, wait_for_end(&rig));
    assert_int_equal(WEIR_JOB_FINISHED, wait_for_end(other));
    rig_assert_exactly_once(&rig);
    rig_assert_exactly_once(other);
    rig_fini(other);
    free(other);
    place_fini(&place, &rig);
}

/* --- requests from many threads --- */

struct host {
    struct rig *rig;
    const char *directory;
    unsigned completed;
    unsigned refused;
    pthread_t thread;
};

static void *
ask_and_wait(void *argument)
{
    struct host *host = argument;
    for (int i = 0; i < 6; i++) {
        weir_savepoint_parameters wish = { .size = sizeof wish, .directory = host->directory };
        weir_request_report report = { .size = sizeof report };
        uint64_t request = 0;
        weir_error error;
        weir_status status =
            i % 2 == 0 ? weir_job_trigger_savepoint(host->rig->job, &wish, &request, &error)
                       : weir_job_trigger_checkpoint(host->rig->job, WEIR_CHECKPOINT_FULL, &request,
                                                     &error);
        if (status != WEIR_OK) {
            host->refused++; /* the job has ended */
            continue;
        }
        status = weir_job_request_wait(host->rig->job, request, 60000, &report);
        host->completed +=
            status == WEIR_OK && report.state == WEIR_REQUEST_COMPLETED && report.path[0] == '/';
        host->refused += status == WEIR_OK && report.state == WEIR_REQUEST_FAILED;
    }
    return NULL;
}

TEST(many_hosts_ask_for_savepoints_at_once_and_each_gets_its_answer)
{
    enum {
        HOSTS = 5
    };
    struct place place;
    struct rig rig;
    struct host hosts[HOSTS];
    unsigned completed = 0;
    place_init(&place, &rig);
    rig_set(&rig, "parallelism.default", "2");
    rig.count = RIG_NUMBERS_MAX;
    rig.rate = 20000;
    start(&rig);
    wait_for_checkpoints(&rig, 1);
    for (unsigned i = 0; i < HOSTS; i++) {
        hosts[i] = (struct host){ .rig = &rig, .directory = place.path };
        assert_int_equal(0, pthread_create(&hosts[i].thread, NULL, ask_and_wait, &hosts[i]));
    }
    for (unsigned i = 0; i < HOSTS; i++) {
        assert_int_equal(0, pthread_join(hosts[i].thread, NULL));
        assert_int_equal(6, hosts[i].completed + hosts[i].refused);
        completed += hosts[i].completed;
    }
    assert_true(completed >= HOSTS);
    assert_int_equal(WEIR_JOB_FINISHED, wait_for_end(&rig));
    rig_assert_exactly_once(&rig);
    place_fini(&place, &rig);
}
