/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of cancellation: PATCH's modes, what a job that has ended answers, and who cannot cancel.
 */
#include "rig.h"

#include <stdio.h>
#include <string.h>

/* What a browser cannot send from another page without asking: content_type NULL is a plain
 * request.
 */
static struct rig_answer *
ask(struct rig *rig, const char *method, const char *rest, const char *mode,
    const char *content_type)
{
    struct wr_query query = { "mode", mode };
    struct wr_raw_request raw = { .method = method,
                                  .path = rig_path(rig, rest),
                                  .queries = &query,
                                  .query_count = mode != NULL ? 1 : 0,
                                  .content_type = content_type,
                                  .body = "{}",
                                  .body_size = strcmp(method, "PATCH") == 0 ? 2 : 0,
                                  .is_local = true };
    return rig_ask(rig, &raw);
}

static struct rig_answer *
patch(struct rig *rig, const char *mode)
{
    return ask(rig, "PATCH", "", mode, "application/json; charset=UTF-8");
}

static weir_job_state
state_of(struct rig *rig)
{
    const weir_job_view *view = rig_view(rig);
    weir_job_state state = view->state;
    weir_job_view_free(view);
    return state;
}

static void
begin(struct rig *rig)
{
    rig_init(rig);
    rig_start(rig);
    rig_wait_state(rig, WEIR_JOB_RUNNING);
}

TEST(a_job_is_cancelled_and_may_be_cancelled_again)
{
    static const char *const modes[] = { "cancel", NULL, "CANCEL" };
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct rig rig;
        begin(&rig);
        struct rig_answer *answer = patch(&rig, modes[i]);
        assert_int_equal(202, answer->code);
        assert_string_equal("{}", answer->text);
        rig_wait_state(&rig, WEIR_JOB_CANCELED);
        assert_int_equal(202, patch(&rig, modes[i])->code);
        rig_fini(&rig);
    }
}

TEST(other_modes_do_not_cancel)
{
    struct rig rig;
    begin(&rig);
    struct rig_answer *answer = patch(&rig, "stop");
    assert_int_equal(308, answer->code);
    assert_non_null(strstr(answer->text, "has been removed"));
    answer = patch(&rig, "suspend");
    assert_int_equal(400, answer->code);
    assert_non_null(strstr(answer->text, "(mode) from value"));
    assert_int_equal(400, patch(&rig, "")->code);
    struct wr_raw_request raw = { .method = "PATCH",
                                  .path = rig_path(&rig, ""),
                                  .content_type = "application/json",
                                  .body = "{\"mode\":\"cancel\"}",
                                  .body_size = 17,
                                  .is_local = true };
    answer = rig_ask(&rig, &raw);
    assert_int_equal(400, answer->code);
    assert_non_null(strstr(answer->text, "EmptyRequestBody"));
    raw.path = "/jobs/00112233445566778899aabbccddeeff";
    raw.body_size = 0;
    assert_int_equal(404, rig_ask(&rig, &raw)->code);
    raw.path = "/jobs/abc";
    assert_int_equal(400, rig_ask(&rig, &raw)->code);
    assert_int_equal(WEIR_JOB_RUNNING, state_of(&rig));
    rig_fini(&rig);
}

TEST(a_job_that_has_ended_otherwise_is_a_conflict)
{
    struct rig rig;
    rig_init(&rig);
    rig.count = 10;
    rig_start(&rig);
    assert_true(weir_job_wait(rig.job, 60000));
    struct rig_answer *answer = patch(&rig, "cancel");
    assert_int_equal(409, answer->code);
    assert_non_null(strstr(answer->text, "was not canceled, but instead FINISHED"));
    rig_fini(&rig);
}

TEST(a_proxy_may_cancel_by_get_but_a_web_page_may_not)
{
    struct rig rig;
    begin(&rig);
    assert_int_equal(415, ask(&rig, "GET", "/yarn-cancel", NULL, NULL)->code);
    assert_int_equal(415, ask(&rig, "GET", "/yarn-cancel", NULL, "text/plain")->code);
    assert_int_equal(405, ask(&rig, "HEAD", "/yarn-cancel", NULL, "application/json")->code);
    assert_int_equal(415, ask(&rig, "PATCH", "", "cancel", NULL)->code);
    assert_int_equal(WEIR_JOB_RUNNING, state_of(&rig));
    assert_int_equal(202, ask(&rig, "GET", "/yarn-cancel", NULL, "application/json")->code);
    rig_wait_state(&rig, WEIR_JOB_CANCELED);
    rig_fini(&rig);
}
