/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of triggers: savepoints, stops and checkpoints by Flink's requests, of a real job. */
#include "rig.h"

#include "os/os.h"
#include "serve/operations.h"
#include "serve/server.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    ROUNDS = 60000 /* of a millisecond */
};

static const char native[] = "{\"formatType\": \"NATIVE\"}";
static const char own_id[] = "00112233445566778899aabbccddeeff";

/* --- asking --- */

static void
begin(struct rig *rig)
{
    rig_init(rig);
    rig_start(rig);
    rig_wait_state(rig, WEIR_JOB_RUNNING);
}

/* Triggers; the id, in out. */
static void
trigger(struct rig *rig, const char *rest, const char *body, char out[33])
{
    struct rig_answer *answer = rig_post(rig, rig_path(rig, rest), body);
    if (answer->code != 202) {
        fail_msg("%u %s", answer->code, answer->text);
    }
    assert_int_equal(1, json_object_size(answer->json));
    snprintf(out, 33, "%s", rig_text_at(answer->json, "request-id"));
    assert_int_equal(32, strspn(out, "0123456789abcdef"));
}

static struct rig_answer *
look(struct rig *rig, const char *kind, const char *id)
{
    const weir_job_view *view = rig_view(rig);
    struct rig_answer *answer = rig_get(rig, "/v1/jobs/%s/%s/%s", view->id, kind, id);
    weir_job_view_free(view);
    return answer;
}

/* What became of it, once something has. */
static struct rig_answer *
await(struct rig *rig, const char *kind, const char *id)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct rig_answer *answer = look(rig, kind, id);
        assert_int_equal(200, answer->code);
        assert_int_equal(2, json_object_size(answer->json));
        if (strcmp(rig_text_at(answer->json, "status.id"), "COMPLETED") == 0) {
            return answer;
        }
        assert_string_equal("IN_PROGRESS", rig_text_at(answer->json, "status.id"));
        assert_true(json_is_null(json_object_get(answer->json, "operation")));
        usleep(1000);
    }
    fail_msg("waited for too long");
    return NULL;
}

/* Refused with these words. */
static void
refuse(struct rig *rig, const char *rest, const char *body, unsigned code, const char *words)
{
    struct rig_answer *answer = rig_post(rig, rig_path(rig, rest), body);
    assert_int_equal(code, answer->code);
    assert_int_equal(1, json_object_size(answer->json));
    if (strstr(rig_text_at(answer->json, "errors.0"), words) == NULL) {
        fail_msg("'%s' is not in: %s", words, answer->text);
    }
}

static bool
has_metadata(const char *location)
{
    char path[1100];
    snprintf(path, sizeof path, "%s/_metadata", location);
    return access(path, R_OK) == 0;
}

static uint64_t
triggered_count(struct rig *rig)
{
    const weir_job_view *view = rig_view(rig);
    uint64_t count = view->checkpoints.triggered_count;
    weir_job_view_free(view);
    return count;
}

/* --- savepoints --- */

TEST(a_savepoint_is_triggered_and_asked_for)
{
    struct rig rig;
    char id[33];
    begin(&rig);
    rig.holds = true;
    trigger(&rig, "/savepoints", native, id);
    struct rig_answer *answer = look(&rig, "savepoints", id);
    assert_string_equal("{\"status\":{\"id\":\"IN_PROGRESS\"},\"operation\":null}", answer->text);
    rig.holds = false;
    answer = await(&rig, "savepoints", id);
    assert_int_equal(1, json_object_size(rig_at(answer->json, "operation")));
    assert_true(has_metadata(rig_text_at(answer->json, "operation.location")));
    /* by another spelling of the id, and as often as one likes */
    for (char *at = id; *at != '\0'; at++) {
        *at = *at >= 'a' ? (char)(*at - 'a' + 'A') : *at;
    }
    assert_string_equal(answer->text, look(&rig, "savepoints", id)->text);
    assert_int_equal(404, look(&rig, "checkpoints", id)->code);
    rig_fini(&rig);
}

TEST(a_savepoint_is_made_where_the_client_says)
{
    struct rig rig;
    char id[33];
    char body[300];
    char target[200];
    begin(&rig);
    snprintf(target, sizeof target, "%s/savepoints/a/b", rig.directory);
    snprintf(body, sizeof body,
             "{\"target-directory\": \"file://%s\", \"cancel-job\": false, \"formatType\": "
             "\"NATIVE\", \"triggerId\": null}",
             target);
    trigger(&rig, "/savepoints", body, id);
    const char *location = rig_text_at(await(&rig, "savepoints", id)->json, "operation.location");
    assert_memory_equal(target, location, strlen(target));
    assert_true(has_metadata(location));
    rig_fini(&rig);
}

TEST(canonical_savepoints_are_refused_and_no_format_means_canonical)
{
    struct rig rig;
    begin(&rig);
    for (int i = 0; i < 2; i++) {
        const char *rest = i == 0 ? "/savepoints" : "/stop";
        refuse(&rig, rest, "{\"formatType\": \"CANONICAL\"}", 400, "not built yet, use native");
        refuse(&rig, rest, "{}", 400, "not built yet, use native");
        refuse(&rig, rest, NULL, 400, "not built yet, use native");
        refuse(&rig, rest, "{\"formatType\": null}", 400, "not built yet, use native");
        refuse(&rig, rest, "{\"formatType\": \"native\"}", 400, "CANONICAL or NATIVE");
    }
    assert_int_equal(0, triggered_count(&rig));
    rig_fini(&rig);
}

TEST(a_body_with_other_fields_or_types_is_refused)
{
    struct rig rig;
    begin(&rig);
    refuse(&rig, "/savepoints", "{\"formatType\":\"NATIVE\",\"targetDirectory\":\"/tmp\"}", 400,
           "expected format SavepointTriggerRequestBody: it has no field \"targetDirectory\"");
    refuse(&rig, "/savepoints", "{\"formatType\":\"NATIVE\",\"drain\":true}", 400, "\"drain\"");
    refuse(&rig, "/savepoints", "{\"formatType\":\"NATIVE\",\"cancel-job\":\"yes\"}", 400,
           "\"cancel-job\" is to be true or false");
    refuse(&rig, "/savepoints", "{\"formatType\":1}", 400, "\"formatType\" is to be a string");
    refuse(&rig, "/stop", "{\"formatType\":\"NATIVE\",\"target-directory\":\"/tmp\"}", 400,
           "StopWithSavepointRequestBody");
    refuse(&rig, "/stop", "{\"formatType\":\"NATIVE\",\"cancel-job\":true}", 400, "\"cancel-job\"");
    refuse(&rig, "/checkpoints", "{\"type\":\"FULL\"}", 400, "CheckpointTriggerRequestBody");
    refuse(&rig, "/checkpoints", "{\"checkpointType\":\"full\"}", 400, "FULL or INCREMENTAL");
    refuse(&rig, "/checkpoints", "[]", 400, "not an object");
    refuse(&rig, "/checkpoints", "{\"checkpointType\":", 400, "not JSON");
    refuse(&rig, "/savepoints", "{\"formatType\":\"NATIVE\",\"triggerId\":\"abc\"}", 400,
           "32 hex digits");
    assert_int_equal(0, triggered_count(&rig));
    rig_fini(&rig);
}

TEST(without_any_directory_a_savepoint_is_refused_in_flinks_words)
{
    struct rig rig;
    rig_init(&rig);
    rig_set(&rig, "execution.checkpointing.savepoint-dir", "");
    rig_start(&rig);
    refuse(&rig, "/savepoints", native, 400,
           "Config key [execution.checkpointing.savepoint-dir] is not set. Property "
           "[target-directory] must be provided.");
    refuse(&rig, "/stop", native, 400, "Property [targetDirectory] must be provided.");
    rig_fini(&rig);
}

TEST(the_same_trigger_id_triggers_once)
{
    struct rig rig;
    char id[33];
    char body[200];
    begin(&rig);
    snprintf(body, sizeof body, "{\"formatType\":\"NATIVE\",\"triggerId\":\"%s\"}", own_id);
    trigger(&rig, "/savepoints", body, id);
    assert_string_equal(own_id, id);
    trigger(&rig, "/savepoints", body, id);
    assert_string_equal(own_id, id);
    await(&rig, "savepoints", own_id);
    trigger(&rig, "/savepoints", body, id);
    /* stops are of the same kind: this one does not stop the job either */
    trigger(&rig, "/stop", body, id);
    assert_int_equal(1, triggered_count(&rig));
    /* checkpoints are not */
    snprintf(body, sizeof body, "{\"triggerId\":\"%s\"}", own_id);
    trigger(&rig, "/checkpoints", body, id);
    await(&rig, "checkpoints", own_id);
    assert_int_equal(2, triggered_count(&rig));
    rig_fini(&rig);
}

/* --- a savepoint that fails --- */

static _Atomic bool is_full;

static int
write_where_there_is_room(struct wr_os *os, int file, const void *data, size_t size,
                          uint64_t offset, size_t *out_size)
{
    (void)os;
    struct wr_os *real = wr_os_posix();
    return is_full ? ENOSPC : real->ops->pwrite(real, file, data, size, offset, out_size);
}

/* A running job whose disk may become full. */
static void
begin_on_small_disk(struct rig *rig, struct wr_os *os, struct wr_os_ops *ops)
{
    *ops = *wr_os_posix()->ops;
    ops->pwrite = write_where_there_is_room;
    os->ops = ops;
    rig_init(rig);
    rig->os = os;
    rig_start(rig);
    rig_wait_state(rig, WEIR_JOB_RUNNING);
    rig_wait_processed(rig, 100);
}

static void
expect_no_space(const struct rig_answer *answer)
{
    assert_int_equal(1, json_object_size(rig_at(answer->json, "operation")));
    const json_t *cause = rig_at(answer->json, "operation.failure-cause");
    assert_int_equal(3, json_object_size(cause));
    assert_string_equal("org.apache.flink.runtime.checkpoint.CheckpointException",
                        rig_text_at(cause, "class"));
    assert_non_null(strstr(rig_text_at(cause, "stack-trace"), "No space left on device"));
    assert_memory_equal("rO0ABXNy", rig_text_at(cause, "serialized-throwable"), 8);
}

TEST(a_savepoint_or_stop_without_space_fails_in_flinks_shape_and_the_job_runs_on)
{
    static const char *const rests[] = { "/savepoints", "/stop" };
    struct rig rig;
    struct wr_os os;
    struct wr_os_ops ops;
    char id[33];
    begin_on_small_disk(&rig, &os, &ops);
    for (size_t i = 0; i < 2; i++) {
        is_full = true;
        trigger(&rig, rests[i], native, id);
        expect_no_space(await(&rig, "savepoints", id));
        is_full = false;
    }
    rig_wait_processed(&rig, rig.processed + 100);
    trigger(&rig, "/savepoints", native, id);
    struct rig_answer *answer = await(&rig, "savepoints", id);
    assert_true(has_metadata(rig_text_at(answer->json, "operation.location")));
    rig_fini(&rig);
}

/* --- too many --- */

TEST(more_operations_than_can_be_under_way_are_told_to_come_back)
{
    struct rig rig;
    char id[33];
    weir_error error;
    begin(&rig);
    rig.holds = true;
    trigger(&rig, "/checkpoints", "{}", id);
    rig_wait_in_progress(&rig, 1);
    for (size_t i = 1; i < WR_OPERATIONS_MAX; i++) {
        /* all of the one request that is held */
        uint64_t request = rig.server->operations.rows[0].request;
        char other[WR_TRIGGER_ID_SIZE + 1];
        assert_ok(wr_trigger_id_make(NULL, other, &error), &error);
        assert_ok(wr_operations_reserve(&rig.server->operations, &error), &error);
        wr_operations_add(&rig.server->operations, WR_OPERATION_CHECKPOINT, other, request);
    }
    refuse(&rig, "/checkpoints", "{}", 503, "1000 operations are under way already");
    refuse(&rig, "/savepoints", native, 503, "1000 operations are under way already");
    assert_int_equal(1, triggered_count(&rig));
    rig.holds = false;
    await(&rig, "checkpoints", id);
    trigger(&rig, "/checkpoints", "{}", id); /* there is room again */
    rig_fini(&rig);
}

/* --- stops --- */

TEST(a_stop_is_answered_when_the_job_has_ended)
{
    struct rig rig;
    char id[33];
    begin(&rig);
    assert_true(wr_operations_all_seen(rig.server));
    trigger(&rig, "/stop", "{\"targetDirectory\":null,\"drain\":false,\"formatType\":\"NATIVE\"}",
            id);
    assert_true(weir_job_wait(rig.job, 60000));
    /* the one who asked has to be waited for */
    assert_false(wr_operations_all_seen(rig.server));
    struct rig_answer *answer = look(&rig, "savepoints", id);
    assert_string_equal("COMPLETED", rig_text_at(answer->json, "status.id"));
    assert_true(has_metadata(rig_text_at(answer->json, "operation.location")));
    assert_true(wr_operations_all_seen(rig.server));
    rig_wait_state(&rig, WEIR_JOB_FINISHED);
    /* and no more is taken */
    refuse(&rig, "/stop", native, 409, "the job has ended");
    refuse(&rig, "/savepoints", native, 409, "the job has ended");
    refuse(&rig, "/checkpoints", "{}", 409, "the job has ended");
    assert_true(wr_operations_all_seen(rig.server));
    rig_fini(&rig);
}

TEST(a_stop_may_drain)
{
    struct rig rig;
    char id[33];
    begin(&rig);
    trigger(&rig, "/stop", "{\"drain\":true,\"formatType\":\"NATIVE\"}", id);
    struct rig_answer *answer = await(&rig, "savepoints", id);
    assert_true(has_metadata(rig_text_at(answer->json, "operation.location")));
    assert_true(weir_job_wait(rig.job, 60000));
    const weir_job_view *view = rig_view(&rig);
    assert_int_equal(WEIR_JOB_FINISHED, view->state);
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(a_savepoint_may_cancel_the_job)
{
    struct rig rig;
    char id[33];
    begin(&rig);
    trigger(&rig, "/savepoints", "{\"cancel-job\":true,\"formatType\":\"NATIVE\"}", id);
    assert_true(weir_job_wait(rig.job, 60000));
    struct rig_answer *answer = await(&rig, "savepoints", id);
    assert_true(has_metadata(rig_text_at(answer->json, "operation.location")));
    const weir_job_view *view = rig_view(&rig);
    assert_int_equal(WEIR_JOB_CANCELED, view->state);
    weir_job_view_free(view);
    rig_fini(&rig);
}

TEST(what_is_under_way_when_the_job_fails_is_answered_with_its_failure)
{
    struct rig rig;
    char id[33];
    begin(&rig);
    rig.holds = true;
    trigger(&rig, "/checkpoints", "{}", id);
    rig_wait_in_progress(&rig, 1);
    rig.fails = true;
    rig.holds = false;
    rig_wait_state(&rig, WEIR_JOB_FAILED);
    struct rig_answer *answer = look(&rig, "checkpoints", id);
    assert_string_equal("COMPLETED", rig_text_at(answer->json, "status.id"));
    assert_int_equal(1, json_object_size(rig_at(answer->json, "operation")));
    rig_fini(&rig);
}

/* --- checkpoints --- */

TEST(a_checkpoint_is_triggered_and_asked_for)
{
    static const char *const bodies[] = { NULL, "{}", "{\"checkpointType\":\"CONFIGURED\"}",
                                          "{\"checkpointType\":\"FULL\",\"triggerId\":null}" };
    struct rig rig;
    char id[33];
    begin(&rig);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        trigger(&rig, "/checkpoints", bodies[i], id);
        struct rig_answer *answer = await(&rig, "checkpoints", id);
        assert_int_equal(1, json_object_size(rig_at(answer->json, "operation")));
        assert_int_equal(i + 1, rig_number_at(answer->json, "operation.checkpointId"));
    }
    refuse(&rig, "/checkpoints", "{\"checkpointType\":\"INCREMENTAL\"}", 400, "not incremental");
    rig_fini(&rig);
}

/* --- what is not there --- */

TEST(other_jobs_and_ids_are_not_found)
{
    struct rig rig;
    begin(&rig);
    struct rig_answer *answer = look(&rig, "savepoints", own_id);
    assert_int_equal(404, answer->code);
    assert_non_null(strstr(answer->text, "There is no savepoint operation with triggerId=0011"));
    answer = look(&rig, "checkpoints", own_id);
    assert_int_equal(404, answer->code);
    assert_non_null(strstr(answer->text, "There is no checkpoint operation with triggerId=0011"));
    assert_int_equal(400, look(&rig, "savepoints", "abc")->code);
    assert_int_equal(400, look(&rig, "checkpoints", "abc")->code);
    static const char *const rests[] = { "savepoints", "stop", "checkpoints" };
    for (size_t i = 0; i < 3; i++) {
        char path[100];
        snprintf(path, sizeof path, "/jobs/%s/%s", own_id, rests[i]);
        assert_int_equal(404, rig_post(&rig, path, native)->code);
        snprintf(path, sizeof path, "/jobs/abc/%s", rests[i]);
        assert_int_equal(400, rig_post(&rig, path, native)->code);
    }
    assert_int_equal(404, rig_get(&rig, "/jobs/%s/savepoints/%s", own_id, own_id)->code);
    assert_int_equal(404, rig_get(&rig, "/jobs/%s/checkpoints/%s", own_id, own_id)->code);
    assert_int_equal(0, triggered_count(&rig));
    rig_fini(&rig);
}
