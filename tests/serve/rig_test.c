/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the rig: a job that runs, is held, fails and goes on. */
#include "rig.h"

TEST(the_rig_asks_a_running_job)
{
    struct rig rig;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    rig_wait_processed(&rig, 10);
    struct rig_answer *answer = rig_get(&rig, "/jobs");
    assert_int_equal(200, answer->code);
    assert_string_equal("RUNNING", rig_text_at(answer->json, "jobs.0.status"));
    assert_int_equal(404, rig_get(&rig, "/nowhere")->code);
    assert_int_equal(1, rig_checkpoint(&rig));
    assert_int_equal(2, rig_savepoint(&rig));
    rig_fini(&rig);
}

TEST(the_rig_holds_a_checkpoint_under_way)
{
    struct rig rig;
    uint64_t request;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    rig.holds = true;
    assert_ok(weir_job_trigger_checkpoint(rig.job, WEIR_CHECKPOINT_FULL, &request, &rig.error),
              &rig.error);
    rig_wait_in_progress(&rig, 1);
    rig.holds = false;
    rig_wait_completed(&rig, 1);
    rig.fails = true;
    rig_wait_state(&rig, WEIR_JOB_FAILED);
    rig_fini(&rig);
}
