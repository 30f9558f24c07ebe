/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of docs/reference/openapi.yaml: held against the router both ways, against what a real
 * Flink answered (flink_answers.txt), and against this server's answers in every phase of a job.
 *
 * Schemas admit no member that they do not name, so "Flink's fields and no others" is: Flink's real
 * answers fit, every member named was in one of them, and ours fit.
 */
#include "openapi.h"
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the file and the router --- */

static void
assert_described(const struct openapi *openapi, const struct wr_route *route)
{
    static const char *const roles[] = { "none", "observe", "read-state", "operate" };
    const json_t *operation = openapi_operation(openapi, route->method, route->pattern);
    if (operation == NULL) {
        fail_msg("openapi.yaml lacks %s %s", route->method, route->pattern);
    }
    const char *role = json_string_value(json_object_get(operation, "x-role"));
    if (role == NULL || strcmp(role, roles[route->role]) != 0) {
        fail_msg("%s %s: x-role is %s", route->method, route->pattern, roles[route->role]);
    }
    const char *failure = rig_text_at(operation, "responses.default.$ref");
    assert_string_equal(route->dialect == WR_DIALECT_FLINK ? "#/components/responses/Errors"
                                                           : "#/components/responses/Problem",
                        failure);
    bool needs_body =
        json_is_true(json_object_get(json_object_get(operation, "requestBody"), "required"));
    assert_int_equal(route->needs_body, needs_body);
    assert_string_equal(route->dialect == WR_DIALECT_FLINK ? "Flink's" : "weir's",
                        rig_text_at(operation, "tags.0"));
}

static size_t
count_of(const char *text, char letter)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == letter;
    }
    return count;
}

/* As many routes as there are operations; paths declare their parameters. */
static size_t
count_operations(const struct openapi *openapi)
{
    size_t count = 0;
    const char *path;
    json_t *item;
    json_object_foreach(json_object_get(openapi->root, "paths"), path, item)
    {
        const json_t *parameters = json_object_get(item, "parameters");
        assert_int_equal(count_of(path, '{'), json_array_size(parameters));
        for (size_t i = 0; i < json_array_size(parameters); i++) {
            char name[64];
            snprintf(name, sizeof name, "{%s}",
                     rig_text_at(openapi_resolve(openapi, json_array_get(parameters, i)), "name"));
            assert_non_null(strstr(path, name));
        }
        count += json_object_size(item) - (parameters != NULL);
    }
    return count;
}

TEST(every_route_is_described_and_nothing_else)
{
    struct openapi openapi;
    size_t count = 0;
    openapi_open(&openapi);
    for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
        assert_described(&openapi, route);
        count++;
    }
    assert_int_equal(count, count_operations(&openapi));
    openapi_close(&openapi);
}

/* --- Flink's own answers --- */

/* Lines are METHOD ROUTE JSON. */
static void
assert_flinks_line_fits(const struct openapi *openapi, char *line)
{
    char words[OPENAPI_WORDS];
    char *route = strchr(line, ' ');
    assert_non_null(route);
    *route++ = '\0';
    char *text = strchr(route, ' ');
    assert_non_null(text);
    *text++ = '\0';
    const json_t *operation = openapi_operation(openapi, line, route);
    const json_t *schema = openapi_schema(openapi, operation, 200);
    schema = schema != NULL ? schema : openapi_schema(openapi, operation, 202);
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(schema);
    assert_non_null(value);
    if (!openapi_fits(openapi, schema, value, words)) {
        fail_msg("Flink's %s %s: %s", line, route, words);
    }
    json_decref(value);
}

static void
read_flinks_answers(const struct openapi *openapi)
{
    char *line = NULL;
    size_t room = 0;
    unsigned count = 0;
    FILE *file = fopen(WEIR_SOURCE_DIR "/tests/serve/flink_answers.txt", "r");
    assert_non_null(file);
    while (getline(&line, &room, file) > 0) {
        if (line[0] != '#') {
            assert_flinks_line_fits(openapi, line);
            count++;
        }
    }
    free(line);
    fclose(file);
    assert_true(count > 50);
}

/* Every member that the schema names below here; their names are appended to words. */
static void
note_unseen(const struct openapi *openapi, const char *where, const json_t *schema,
            char words[OPENAPI_WORDS])
{
    const char *name;
    json_t *property;
    json_t *properties = json_object_get(schema, "properties");
    json_object_foreach(properties, name, property)
    {
        size_t size = strlen(words);
        if (!openapi_was_seen(openapi, property)) {
            snprintf(words + size, OPENAPI_WORDS - size, "%s.%s ", where, name);
        }
        note_unseen(openapi, name, property, words);
    }
    const json_t *items = json_object_get(schema, "items");
    if (items != NULL) {
        note_unseen(openapi, where, items, words);
    }
}

TEST(flinks_answers_fit_and_have_every_member_that_is_named)
{
    /* requests, and what is no answer of Flink's */
    static const char *const ours[] = { "CheckpointTrigger",
                                        "SavepointTrigger",
                                        "StopTrigger",
                                        "DisposalTrigger",
                                        "Errors",
                                        "Problem",
                                        "Health",
                                        "Readiness",
                                        "States",
                                        "StateSize",
                                        "Memory",
                                        "LogLevels" };
    struct openapi openapi;
    char words[OPENAPI_WORDS] = "";
    const char *name;
    json_t *schema;
    openapi_open(&openapi);
    read_flinks_answers(&openapi);
    json_object_foreach(json_object_get(json_object_get(openapi.root, "components"), "schemas"),
                        name, schema)
    {
        bool is_ours = false;
        for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
            is_ours = is_ours || strcmp(ours[i], name) == 0;
        }
        if (!is_ours) {
            note_unseen(&openapi, name, schema, words);
        }
    }
    assert_string_equal("", words);
    openapi_close(&openapi);
}

/* --- this server's answers --- */

/* What stands for the ":names" of a route. */
struct names {
    const char *job;
    const char *vertex;
    const char *trigger;
    uint64_t checkpoint;
};

/* "/jobs/:jobid/x" -> "/jobs/6a../x" */
static void
fill(const char *pattern, const struct names *names, char out[512])
{
    size_t size = 0;
    while (*pattern != '\0') {
        size_t word = strcspn(pattern, ":");
        size += (size_t)snprintf(out + size, 512 - size, "%.*s", (int)word, pattern);
        pattern += word;
        word = strcspn(pattern, "/");
        if (strncmp(pattern, ":checkpointid", word) == 0 && word != 0) {
            size += (size_t)snprintf(out + size, 512 - size, "%llu",
                                     (unsigned long long)names->checkpoint);
        } else if (word != 0) {
            const char *id = strncmp(pattern, ":jobid", word) == 0      ? names->job
                             : strncmp(pattern, ":vertexid", word) == 0 ? names->vertex
                                                                        : names->trigger;
            size += (size_t)snprintf(out + size, 512 - size, "%s", id);
        }
        pattern += word;
    }
}

static void
assert_answer_fits(const struct openapi *openapi, const struct wr_route *route,
                   const struct rig_answer *answer)
{
    char words[OPENAPI_WORDS];
    const json_t *operation = openapi_operation(openapi, route->method, route->pattern);
    const json_t *schema = openapi_schema(openapi, operation, answer->code);
    if (schema == NULL || answer->json == NULL) {
        fail_msg("%s %s: %u is not described: %s", route->method, route->pattern, answer->code,
                 answer->text);
    }
    if (!openapi_fits(openapi, schema, answer->json, words)) {
        fail_msg("%s %s: %u %s: %s", route->method, route->pattern, answer->code, words,
                 answer->text);
    }
}

/* Text and streams have schemas of their own kind. */
static bool
answers_json(const struct openapi *openapi, const struct wr_route *route)
{
    const json_t *operation = openapi_operation(openapi, route->method, route->pattern);
    return openapi_schema(openapi, operation, 200) != NULL ||
           openapi_schema(openapi, operation, 202) != NULL;
}

/* Asks every GET route but those that act. With `whole` all of them are there. */
static void
ask_all(struct rig *rig, const struct openapi *openapi, const struct names *names, bool whole)
{
    for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
        char path[512];
        if (strcmp(route->method, "GET") != 0 || route->role == WR_ROLE_OPERATE ||
            !answers_json(openapi, route)) {
            continue;
        }
        fill(route->pattern, names, path);
        struct rig_answer *answer = rig_get(rig, "%s", path);
        assert_answer_fits(openapi, route, answer);
        bool is_trigger = strstr(route->pattern, ":triggerid") != NULL;
        if (whole && !is_trigger && strcmp(route->pattern, "/readyz") != 0) {
            assert_int_equal(200, answer->code);
        }
    }
}

static void
ask_in_this_phase(struct rig *rig, const struct openapi *openapi, uint64_t checkpoints)
{
    const weir_job_view *view = rig_view(rig);
    for (uint64_t checkpoint = 1; checkpoint <= (checkpoints != 0 ? checkpoints : 1);
         checkpoint++) {
        for (uint32_t i = 0; i < view->vertex_count; i++) {
            struct names names = { view->id, view->vertices[i].id, view->id, checkpoint };
            ask_all(rig, openapi, &names, checkpoint <= checkpoints);
        }
    }
    weir_job_view_free(view);
}

static void
trigger(struct rig *rig)
{
    uint64_t request;
    assert_ok(weir_job_trigger_checkpoint(rig->job, WEIR_CHECKPOINT_FULL, &request, &rig->error),
              &rig->error);
}

/* A file where a checkpoint's directory should be: that one fails. */
static void
put_in_the_way(struct rig *rig, const char *name)
{
    char path[256];
    const weir_job_view *view = rig_view(rig);
    snprintf(path, sizeof path, "%s/checkpoints/%s/%s", rig->directory, view->id, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    weir_job_view_free(view);
}

TEST(answers_fit_from_before_the_start_to_the_end)
{
    struct rig rig;
    struct openapi openapi;
    rig_init(&rig);
    openapi_open(&openapi);
    rig_set(&rig, "execution.checkpointing.tolerable-failed-checkpoints", "1000");
    rig_create(&rig);
    ask_in_this_phase(&rig, &openapi, 0);
    assert_ok(weir_job_start(rig.job, &rig.error), &rig.error);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    rig.holds = true;
    trigger(&rig);
    rig_wait_in_progress(&rig, 1);
    ask_in_this_phase(&rig, &openapi, 1); /* under way */
    put_in_the_way(&rig, "chk-2");
    rig.holds = false;
    rig_wait_completed(&rig, 1);
    trigger(&rig);
    rig_wait_failed(&rig, 1);
    ask_in_this_phase(&rig, &openapi, 2);
    rig_checkpoint(&rig);
    rig_savepoint(&rig);
    ask_in_this_phase(&rig, &openapi, 4);
    weir_job_stop(rig.job);
    rig_wait_state(&rig, WEIR_JOB_STOPPED);
    ask_in_this_phase(&rig, &openapi, 5);
    rig_fini(&rig);
    openapi_close(&openapi);
}

TEST(answers_fit_when_the_job_fails_restarts_and_fails)
{
    struct rig rig;
    struct openapi openapi;
    rig_init(&rig);
    openapi_open(&openapi);
    rig_set(&rig, "restart-strategy.type", "fixed-delay");
    rig_set(&rig, "restart-strategy.fixed-delay.attempts", "1");
    rig_set(&rig, "restart-strategy.fixed-delay.delay", "0 ms");
    rig_start(&rig);
    rig_checkpoint(&rig);
    rig.fails = true;
    rig_wait_restarts(&rig, 1);
    ask_in_this_phase(&rig, &openapi, 1);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    ask_in_this_phase(&rig, &openapi, 1);
    rig.fails = true;
    rig_wait_state(&rig, WEIR_JOB_FAILED);
    ask_in_this_phase(&rig, &openapi, 1);
    rig_fini(&rig);
    openapi_close(&openapi);
}

TEST(answers_fit_when_the_job_is_cancelled_and_when_it_finishes)
{
    struct rig rig;
    struct openapi openapi;
    rig_init(&rig);
    openapi_open(&openapi);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    weir_job_cancel(rig.job);
    rig_wait_state(&rig, WEIR_JOB_CANCELED);
    ask_in_this_phase(&rig, &openapi, 0);
    rig.count = 100;
    rig.rate = 0;
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_FINISHED);
    ask_in_this_phase(&rig, &openapi, 0);
    rig_fini(&rig);
    openapi_close(&openapi);
}

/* Triggers one by POST and asks until it is done; each answer fits. */
static void
assert_operation_fits(struct rig *rig, const struct openapi *openapi, const char *post,
                      const char *body)
{
    const struct wr_route *trigger_route = wr_routes;
    const struct wr_route *status_route = wr_routes;
    char path[512];
    char status[512];
    while (strcmp(trigger_route->pattern, post) != 0 ||
           strcmp(trigger_route->method, "POST") != 0) {
        trigger_route++;
    }
    snprintf(status, sizeof status, "%s/:triggerid",
             strcmp(post, "/jobs/:jobid/stop") == 0 ? "/jobs/:jobid/savepoints" : post);
    while (strcmp(status_route->pattern, status) != 0) {
        status_route++;
    }
    const weir_job_view *view = rig_view(rig);
    struct names names = { .job = view->id };
    fill(post, &names, path);
    struct rig_answer *answer = rig_post(rig, path, body);
    assert_answer_fits(openapi, trigger_route, answer);
    assert_int_equal(202, answer->code);
    names.trigger = rig_text_at(answer->json, "request-id");
    fill(status, &names, path);
    for (bool is_done = false; !is_done;) {
        answer = rig_get(rig, "%s", path);
        assert_int_equal(200, answer->code);
        assert_answer_fits(openapi, status_route, answer);
        is_done = strcmp(rig_text_at(answer->json, "status.id"), "COMPLETED") == 0;
    }
    weir_job_view_free(view);
}

TEST(answers_to_operations_fit)
{
    struct rig rig;
    struct openapi openapi;
    rig_init(&rig);
    openapi_open(&openapi);
    rig_start(&rig);
    rig_wait_state(&rig, WEIR_JOB_RUNNING);
    assert_operation_fits(&rig, &openapi, "/jobs/:jobid/checkpoints", "{}");
    assert_operation_fits(&rig, &openapi, "/jobs/:jobid/savepoints",
                          "{\"formatType\":\"NATIVE\",\"target-directory\":null}");
    char body[256];
    snprintf(body, sizeof body, "{\"savepoint-path\":\"%s/savepoints/none\"}", rig.directory);
    assert_operation_fits(&rig, &openapi, "/savepoint-disposal", body);
    assert_operation_fits(&rig, &openapi, "/jobs/:jobid/stop", "{\"formatType\":\"NATIVE\"}");
    rig_fini(&rig);
    openapi_close(&openapi);
}

TEST(refusals_fit)
{
    static const char nobody[] = "00000000000000000000000000000000";
    struct rig rig;
    struct openapi openapi;
    rig_init(&rig);
    openapi_open(&openapi);
    rig_create(&rig);
    struct names names = { nobody, nobody, nobody, 99 };
    ask_all(&rig, &openapi, &names, false);
    names = (struct names){ "zz", "zz", "zz", 99 };
    ask_all(&rig, &openapi, &names, false);
    for (const struct wr_route *route = wr_routes; route->method != NULL; route++) {
        char path[512];
        fill(route->pattern, &names, path);
        struct wr_raw_request raw = {
            .method = "DELETE", .path = path, .content_type = "application/json", .is_local = true
        };
        struct rig_answer *answer = rig_ask(&rig, &raw);
        assert_int_equal(405, answer->code);
        assert_answer_fits(&openapi, route, answer);
    }
    rig_fini(&rig);
    openapi_close(&openapi);
}

/* --- the checker itself --- */

static bool
fits_text(const struct openapi *openapi, const char *name, const char *text)
{
    char words[OPENAPI_WORDS];
    char reference[128];
    snprintf(reference, sizeof reference, "#/components/schemas/%s", name);
    json_t *schema = json_pack("{s:s}", "$ref", reference);
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    bool does = openapi_fits(openapi, schema, value, words);
    assert_true(does || words[0] != '\0');
    json_decref(schema);
    json_decref(value);
    return does;
}

TEST(what_does_not_fit_is_found)
{
    static const struct {
        const char *schema;
        const char *value;
        bool fits;
    } cases[] = {
        { "JobStatus", "{\"status\":\"RUNNING\"}", true },
        { "JobStatus", "{\"status\":\"WALKING\"}", false },            /* enum */
        { "JobStatus", "{}", false },                                  /* required */
        { "JobStatus", "{\"status\":\"RUNNING\",\"more\":1}", false }, /* a further one */
        { "JobStatus", "[]", false },                                  /* type */
        { "Id", "\"00000000000000000000000000000000\"", true },        /* pattern */
        { "Id", "\"0000000000000000000000000000000G\"", false },
        { "Time", "-1", true },
        { "Time", "-2", false }, /* minimum */
        { "Time", "1.5", false },
        { "RealOrNaN", "1.5", true },
        { "RealOrNaN", "\"NaN\"", true },
        { "RealOrNaN", "\"nan\"", false }, /* oneOf */
        { "Errors", "{\"errors\":[\"x\"]}", true },
        { "Errors", "{\"errors\":[]}", false },  /* minItems */
        { "Errors", "{\"errors\":[1]}", false }, /* items */
        { "VertexAccumulators",
          "{\"id\":\"00000000000000000000000000000000\",\"user-accumulators\":[1]}",
          false }, /* maxItems */
        { "Problem", "{\"type\":\"\",\"title\":\"\",\"status\":600,\"detail\":\"\"}",
          false },                                    /* maximum */
        { "Health", "{\"status\":\"well\"}", false }, /* const */
        { "LogLevels", "{\"job\":\"INFO\"}", true },  /* additionalProperties */
        { "LogLevels", "{\"job\":\"LOUD\"}", false },
        { "SavepointOperation", "{\"status\":{\"id\":\"COMPLETED\"},\"operation\":null}", true },
        { "SavepointOperation", "{\"status\":{\"id\":\"COMPLETED\"},\"operation\":1}", false },
    };
    struct openapi openapi;
    openapi_open(&openapi);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (fits_text(&openapi, cases[i].schema, cases[i].value) != cases[i].fits) {
            fail_msg("%s: %s", cases[i].schema, cases[i].value);
        }
    }
    openapi_close(&openapi);
}
