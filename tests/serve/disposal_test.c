/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of disposal: what is removed, what is refused, and what the job itself says no to. */
#include "rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ROUNDS = 60000 /* of a millisecond */
};

static void
begin(struct rig *rig)
{
    rig_init(rig);
    rig_start(rig);
    rig_wait_state(rig, WEIR_JOB_RUNNING);
}

static struct rig_answer *
post(struct rig *rig, const char *path)
{
    char body[2100];
    snprintf(body, sizeof body, "{\"savepoint-path\": \"%s\"}", path);
    return rig_post(rig, "/v1/savepoint-disposal", body);
}

/* Triggers, and waits for what became of it. */
static struct rig_answer *
dispose(struct rig *rig, const char *path)
{
    struct rig_answer *answer = post(rig, path);
    if (answer->code != 202) {
        fail_msg("%u %s", answer->code, answer->text);
    }
    const char *id = rig_text_at(answer->json, "request-id");
    for (int i = 0; i < ROUNDS; i++) {
        answer = rig_get(rig, "/savepoint-disposal/%s", id);
        assert_int_equal(200, answer->code);
        if (strcmp(rig_text_at(answer->json, "status.id"), "COMPLETED") == 0) {
            return answer;
        }
        assert_true(json_is_null(json_object_get(answer->json, "operation")));
        usleep(1000);
    }
    fail_msg("waited for too long");
    return NULL;
}

/* Where the job's newest savepoint or checkpoint is. */
static void
newest_path(struct rig *rig, bool is_savepoint, char out[1024])
{
    const weir_job_view *view = rig_view(rig);
    const weir_checkpoint_view *one =
        is_savepoint ? view->checkpoints.latest_savepoint : view->checkpoints.latest_completed;
    assert_non_null(one);
    snprintf(out, 1024, "%s", one->path);
    weir_job_view_free(view);
}

TEST(a_savepoint_is_removed)
{
    struct rig rig;
    char path[1024];
    char url[1100];
    begin(&rig);
    rig_savepoint(&rig);
    newest_path(&rig, true, path);
    assert_int_equal(0, access(path, R_OK));
    snprintf(url, sizeof url, "file:%s", path);
    struct rig_answer *answer = dispose(&rig, url);
    assert_string_equal("{\"status\":{\"id\":\"COMPLETED\"},\"operation\":{}}", answer->text);
    assert_int_equal(-1, access(path, F_OK));
    /* once more: it is not there */
    answer = dispose(&rig, path);
    assert_int_equal(1, json_object_size(rig_at(answer->json, "operation")));
    assert_int_equal(3, json_object_size(rig_at(answer->json, "operation.failure-cause")));
    rig_fini(&rig);
}

TEST(what_a_relative_directory_holds_is_told_absolutely_and_removed)
{
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(0, chdir(rig.directory));
    rig_set(&rig, "execution.checkpointing.savepoint-dir", "own/savepoints");
    rig_start(&rig);
    rig_savepoint(&rig);
    const json_t *all = rig_get(&rig, "%s", rig_path(&rig, "/checkpoints"))->json;
    const char *path = rig_text_at(all, "latest.savepoint.external_path");
    assert_int_equal('/', path[0]);
    assert_int_equal(0, access(path, R_OK));
    struct rig_answer *answer = dispose(&rig, path);
    assert_string_equal("{\"status\":{\"id\":\"COMPLETED\"},\"operation\":{}}", answer->text);
    assert_int_equal(-1, access(path, F_OK));
    assert_int_equal(0, chdir("/"));
    rig_fini(&rig);
}

TEST(a_running_jobs_checkpoint_is_not_removed)
{
    struct rig rig;
    char path[1024];
    begin(&rig);
    rig_checkpoint(&rig);
    newest_path(&rig, false, path);
    struct rig_answer *answer = dispose(&rig, path);
    assert_non_null(rig_at(answer->json, "operation.failure-cause.stack-trace"));
    assert_int_equal(0, access(path, R_OK));
    rig_fini(&rig);
}

TEST(what_is_no_snapshot_is_not_removed)
{
    struct rig rig;
    char path[200];
    begin(&rig);
    rig_savepoint(&rig);
    snprintf(path, sizeof path, "%s/savepoints/own", rig.directory);
    assert_int_equal(0, mkdir(path, 0700));
    struct rig_answer *answer = dispose(&rig, path);
    assert_non_null(rig_at(answer->json, "operation.failure-cause.stack-trace"));
    assert_int_equal(0, access(path, R_OK));
    rig_fini(&rig);
}

TEST(bodies_of_disposals_are_read_strictly)
{
    static const struct {
        const char *body;
        const char *words;
    } cases[] = { { NULL, "Field savepoint-path must not be omitted or be null." },
                  { "{}", "must not be omitted" },
                  { "{\"savepoint-path\":null}", "must not be omitted" },
                  { "{\"savepoint-path\":\"\"}", "absolute path" },
                  { "{\"savepoint-path\":7}", "is to be a string" },
                  { "{\"savepoint-path\":\"/a\",\"jar\":\"x\"}", "no field \\\"jar\\\"" } };
    struct rig rig;
    begin(&rig);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig_answer *answer = rig_post(&rig, "/savepoint-disposal", cases[i].body);
        assert_int_equal(400, answer->code);
        if (strstr(answer->text, cases[i].words) == NULL) {
            fail_msg("'%s' is not in: %s", cases[i].words, answer->text);
        }
    }
    struct rig_answer *answer =
        rig_get(&rig, "/savepoint-disposal/%s", "00112233445566778899aabbccddeeff");
    assert_int_equal(404, answer->code);
    assert_int_equal(400, rig_get(&rig, "/savepoint-disposal/abc")->code);
    rig_fini(&rig);
}

TEST(the_roots_themselves_are_not_removed)
{
    struct rig rig;
    char path[200];
    begin(&rig);
    static const char *const names[] = { "savepoints", "checkpoints", "", "savepoints/.",
                                         "savepoints/x/.." };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", rig.directory, names[i]);
        struct rig_answer *answer = post(&rig, path);
        assert_int_equal(400, answer->code);
        assert_non_null(strstr(answer->text, "weir.rest.savepoint-roots"));
    }
    rig_fini(&rig);
}
