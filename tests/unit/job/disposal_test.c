/* SPDX-License-Identifier: Apache-2.0 */
/* Disposal of savepoints by a running job: carried out behind its other storage work, answered as a
 * request, refused where the library refuses it.
 */
#include "savepoint_rig.h"

#include "support/common_alloc_fault.h"

static uint64_t disposal; /* the request; 0: not asked for yet */
static char disposed_path[1100];

static void
ask(struct rig *rig, const char *path)
{
    snprintf(disposed_path, sizeof disposed_path, "%s", path);
    assert_ok(weir_job_trigger_disposal(rig->job, path, &disposal, &rig->error), &rig->error);
    assert_int_equal(rig_answer(rig, disposal).state, WEIR_REQUEST_IN_PROGRESS);
}

static weir_request_report
answer_of(struct rig *rig)
{
    weir_request_report report = rig_answer(rig, disposal);
    assert_true(report.state != WEIR_REQUEST_IN_PROGRESS);
    assert_int_equal(report.checkpoint_id, 0);
    assert_string_equal(report.path, "");
    return report;
}

/* Once the savepoint is there. */
static bool
disposes_of_it(struct rig *rig)
{
    (void)rig_asks(rig);
    if (rig_request != 0 && disposal == 0 &&
        rig_answer(rig, rig_request).state == WEIR_REQUEST_COMPLETED) {
        ask(rig, rig_answer(rig, rig_request).path);
    }
    return false;
}

TEST(a_running_job_disposes_of_a_savepoint_and_goes_on)
{
    struct rig rig;
    disposal = 0;
    rig_init(&rig);
    rig_wish_for(2, (weir_savepoint_parameters){ .directory = RIG_SAVEPOINTS });
    assert_int_equal(WEIR_JOB_FINISHED, rig_run(&rig, disposes_of_it));
    rig_assert_exactly_once(&rig);
    assert_int_equal(answer_of(&rig).state, WEIR_REQUEST_COMPLETED);
    assert_false(os_sim_directory_is_there(rig.sim, disposed_path));
    assert_int_equal(0, rig_count_names(&rig, RIG_SAVEPOINTS, ""));
    rig_fini(&rig);
}

static bool
disposes_of_its_checkpoint(struct rig *rig)
{
    if (disposal == 0 && rig_has_three_checkpoints(rig)) {
        ask(rig, rig_look(rig).last_checkpoint_path);
    }
    return disposal != 0 && rig_answer(rig, disposal).state != WEIR_REQUEST_IN_PROGRESS;
}

TEST(a_job_refuses_to_dispose_of_its_own_checkpoint)
{
    struct rig rig;
    disposal = 0;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.num-retained", "64");
    (void)rig_run(&rig, disposes_of_its_checkpoint);
    weir_request_report report = answer_of(&rig);
    assert_int_equal(report.state, WEIR_REQUEST_FAILED);
    assert_int_equal(report.error.status, WEIR_BUSY);
    rig_assert_says(report.error.message, "which is running");
    assert_true(os_sim_directory_is_there(rig.sim, disposed_path));
    rig_step_until(&rig, NULL);
    assert_int_equal(rig_look(&rig).state, WEIR_JOB_FINISHED);
    rig_fini(&rig);
}

static bool
disposes_of_nothing(struct rig *rig)
{
    if (disposal == 0) { /* before any task runs */
        assert_int_equal(rig_look(rig).state, WEIR_JOB_INITIALIZING);
        ask(rig, "/var/nowhere");
    }
    return false;
}

TEST(a_disposal_is_answered_in_any_phase_and_what_is_not_there_is_said)
{
    struct rig rig;
    disposal = 0;
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    assert_ok(wr_job_begin(rig.job, &rig.error), &rig.error);
    (void)disposes_of_nothing(&rig);
    rig_step_until(&rig, NULL);
    weir_request_report report = answer_of(&rig);
    assert_int_equal(report.state, WEIR_REQUEST_FAILED);
    assert_int_equal(report.error.status, WEIR_NOT_FOUND);
    rig_assert_says(report.error.message, "/var/nowhere");
    uint64_t request = 0;
    assert_int_equal(weir_job_trigger_disposal(rig.job, "/var/x", &request, &rig.error),
                     WEIR_CANCELLED); /* it has ended */
    rig_fini(&rig);
}

TEST(a_disposal_that_cannot_be_is_refused_at_once)
{
    struct rig rig;
    uint64_t request = 0;
    char path[1100];
    rig_init(&rig);
    assert_ok(rig_create(&rig), &rig.error);
    memset(path, 'x', sizeof path);
    path[1023] = '\0';
    assert_ok(weir_job_trigger_disposal(rig.job, path, &request, &rig.error), &rig.error);
    path[1023] = 'x';
    path[1024] = '\0';
    assert_int_equal(weir_job_trigger_disposal(rig.job, path, &request, &rig.error), WEIR_LIMIT);
    assert_int_equal(weir_job_trigger_disposal(rig.job, "", &request, &rig.error), WEIR_INVALID);
    assert_int_equal(weir_job_trigger_disposal(rig.job, NULL, &request, NULL), WEIR_INVALID);
    assert_int_equal(weir_job_trigger_disposal(NULL, "/x", &request, NULL), WEIR_INVALID);
    assert_int_equal(weir_job_trigger_disposal(rig.job, "/x", NULL, NULL), WEIR_INVALID);
    rig_fini(&rig);
}

/* The coordinator's part: an answer, whatever memory says. */
TEST(a_disposal_without_memory_fails_in_words_and_the_job_goes_on)
{
    struct rig rig;
    struct alloc_fault fault;
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    disposal = 0;
    rig_init(&rig);
    rig.alloc = &alloc;
    (void)rig_run(&rig, rig_has_three_checkpoints);
    ask(&rig, "/var/nowhere");
    uint64_t wake_at = 0;
    fault.fail_at = fault.requests + 1;
    (void)wr_job_step(rig.job, 0, &wake_at);
    weir_request_report report = answer_of(&rig);
    assert_int_equal(report.state, WEIR_REQUEST_FAILED);
    assert_int_equal(report.error.status, WEIR_NOMEM);
    rig_assert_says(report.error.message, "/var/nowhere");
    rig_step_until(&rig, NULL);
    assert_int_equal(rig_look(&rig).state, WEIR_JOB_FINISHED);
    rig_fini(&rig);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
}
