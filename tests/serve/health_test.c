/* SPDX-License-Identifier: Apache-2.0 */
/* Whether it lives, and whether it is ready: over a job's whole life. */
#include "rig.h"

#include <string.h>

static void
expect(struct rig *rig, unsigned code, const char *state, const char *reason)
{
    struct rig_answer *answer = rig_get(rig, "/readyz");
    assert_int_equal(code, answer->code);
    assert_string_equal(state, rig_text_at(answer->json, "state"));
    if (reason == NULL) {
        assert_string_equal("ready", rig_text_at(answer->json, "status"));
    } else {
        assert_string_equal("not ready", rig_text_at(answer->json, "status"));
        assert_string_equal(reason, rig_text_at(answer->json, "reason"));
    }
    assert_int_equal(200, rig_get(rig, "/healthz")->code);
}

TEST(a_job_is_ready_while_records_flow_and_says_why_it_is_not)
{
    struct rig rig;
    rig_init(&rig);
    rig_create(&rig);
    expect(&rig, 503, "INITIALIZING", "it is starting");
    rig_fini(&rig);

    rig_init(&rig);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    rig_wait_processed(&rig, 1);
    expect(&rig, 200, "RUNNING", NULL);
    weir_job_cancel(rig.job);
    rig_wait_state(&rig, WEIR_JOB_CANCELED);
    expect(&rig, 503, "CANCELED", "it has ended");
    rig_fini(&rig);
}

TEST(a_job_that_stops_is_ready_until_it_has_stopped)
{
    struct rig rig;
    rig_init(&rig);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    rig_wait_processed(&rig, 1);
    rig.holds = true; /* its final checkpoint stays under way */
    weir_job_stop(rig.job);
    rig_wait_state(&rig, WEIR_JOB_STOPPING);
    expect(&rig, 200, "STOPPING", NULL);
    rig.holds = false;
    rig_wait_state(&rig, WEIR_JOB_STOPPED);
    expect(&rig, 503, "STOPPED", "it has ended");
    rig_fini(&rig);
}

TEST(a_job_that_waits_for_its_restart_is_not_ready)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "1 h");
    rig_start(&rig);
    rig_wait_processed(&rig, 1);
    rig.fails = true;
    rig_wait_state(&rig, WEIR_JOB_RESTARTING);
    expect(&rig, 503, "RESTARTING", "it failed and is restarting");
    assert_null(strstr(rig_get(&rig, "/readyz")->text, "broken")); /* nobody's to know */
    rig_fini(&rig);
}

TEST(health_asks_for_nobodys_name_and_stands_at_one_place)
{
    struct rig rig;
    rig_init(&rig);
    rig_create(&rig);
    for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
        bool is_health =
            strcmp(route->pattern, "/healthz") == 0 || strcmp(route->pattern, "/readyz") == 0;
        assert_int_equal(is_health, route->role == WR_ROLE_NONE);
    }
    assert_int_equal(404, rig_get(&rig, "/v1/healthz")->code);
    assert_int_equal(405, rig_post(&rig, "/healthz", "{}")->code);
    rig_fini(&rig);
}
