/* SPDX-License-Identifier: Apache-2.0 */
/* Levels of the job's log, read and set. */
#include "rig.h"

#include "weir/log.h"

#include <string.h>

static struct rig_answer *
put(struct rig *rig, const char *body)
{
    struct wr_raw_request raw = { .method = "PUT",
                                  .path = "/weir/v1/log-levels",
                                  .content_type = "application/json",
                                  .body = body,
                                  .body_size = strlen(body),
                                  .is_local = true };
    return rig_ask(rig, &raw);
}

TEST(levels_are_shown_by_module)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "weir.log.levels", "storage=ERROR");
    rig_create(&rig);
    struct rig_answer *answer = rig_get(&rig, "/weir/v1/log-levels");
    assert_int_equal(200, answer->code);
    size_t count = 0;
    for (; weir_log_module(count) != NULL; count++) {
        const char *wanted = strcmp(weir_log_module(count), "storage") == 0 ? "ERROR" : "INFO";
        assert_string_equal(wanted, rig_text_at(answer->json, weir_log_module(count)));
    }
    assert_int_equal(count, json_object_size(answer->json));
    rig_fini(&rig);
}

TEST(levels_are_set_as_asked_and_answered_as_they_are)
{
    struct rig rig;
    rig_init(&rig);
    rig_create(&rig);
    struct rig_answer *answer = put(&rig, "{\"checkpoint\":\"DEBUG\",\"job\":\"off\"}");
    assert_int_equal(200, answer->code);
    assert_string_equal("DEBUG", rig_text_at(answer->json, "checkpoint"));
    assert_string_equal("OFF", rig_text_at(answer->json, "job"));
    assert_string_equal("INFO", rig_text_at(answer->json, "restore"));
    assert_int_equal(WEIR_LOG_DEBUG, weir_job_log_level(rig.job, "checkpoint"));
    assert_int_equal(WEIR_LOG_OFF, weir_job_log_level(rig.job, "job"));
    assert_int_equal(200, put(&rig, "{}")->code);
    rig_fini(&rig);
}

TEST(wrong_levels_change_nothing)
{
    static const char *const wrong[] = {
        "{\"checkpoint\":\"DEBUG\",\"nothing\":\"WARN\"}",
        "{\"checkpoint\":\"DEBUG\",\"job\":\"LOUD\"}",
        "{\"checkpoint\":\"DEBUG\",\"job\":4}",
        "{\"checkpoint\":\"DEBUG\",\"job\":null}",
        "{\"checkpoint\":\"DEBUG\",\"job\":{}}",
        "[\"DEBUG\"]",
        "{\"checkpoint\":\"DEBUG\",\"\":\"WARN\"}",
        "",
    };
    struct rig rig;
    rig_init(&rig);
    rig_create(&rig);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct rig_answer *answer = put(&rig, wrong[i]);
        assert_int_equal(400, answer->code);
        assert_true(strlen(rig_text_at(answer->json, "detail")) > 10);
        assert_int_equal(WEIR_LOG_INFO, weir_job_log_level(rig.job, "checkpoint"));
    }
    rig_fini(&rig);
}
