/* SPDX-License-Identifier: Apache-2.0 */
/* rest_scene: a job, its server, and what every answer must be. */
#include "fuzz/rest_scene.h"

#include "weir/connectors.h"
#include "weir/options.h"

#include <string.h>

enum {
    CALLS_PER_JOB = 1000
};

static struct {
    weir_options *options;
    weir_environment *environment;
    weir_job *job;
    weir_server *server;
    char id[33];
    unsigned calls;
} scene;

static weir_status
generate(weir_context *context, uint64_t index, weir_collector *out)
{
    (void)context;
    int64_t number = (int64_t)index;
    return weir_collector_emit_copy(out, &number, sizeof number);
}

static void
set(const char *key, const char *value)
{
    fuzz_expect(weir_options_set(scene.options, key, value, WEIR_LEVEL_COMMAND, "fuzz", NULL) ==
                WEIR_OK);
}

static void
forget(void)
{
    wr_server_destroy(scene.server);
    weir_job_destroy(scene.job);
    weir_environment_destroy(scene.environment);
    weir_options_destroy(scene.options);
    memset(&scene, 0, sizeof scene);
}

static void
make(void)
{
    weir_job_parameters parameters = { .size = sizeof parameters };
    weir_generator_source_options source = {
        .size = sizeof source, .generate = generate, .count = 1, .records_per_second = 1
    };
    weir_error error;
    const weir_job_view *view = NULL;
    fuzz_expect(weir_options_create(NULL, &scene.options) == WEIR_OK);
    set("taskmanager.memory.managed.size", "1 mb");
    set("execution.checkpointing.savepoint-dir", "/usr/lib"); /* looked at, never written to */
    set("weir.rest.savepoint-roots", "/usr/share,/nowhere");
    set("weir.workers", "1");
    fuzz_expect(weir_environment_create(NULL, scene.options, &scene.environment) == WEIR_OK);
    weir_environment_name_job(scene.environment, "fuzz");
    weir_stream *stream =
        weir_generator_source(scene.environment, "numbers", &source, weir_type_of_kind(WEIR_I64));
    weir_stream_uid(stream, "numbers");
    weir_stream_uid(weir_discard_sink(stream), "dropped");
    if (weir_job_create(scene.environment, &parameters, &scene.job, &error) != WEIR_OK) {
        fprintf(stderr, "%s\n", error.message);
        abort();
    }
    fuzz_expect(wr_server_create(scene.job, NULL, &scene.server, &error) == WEIR_OK);
    fuzz_expect(weir_job_inspect(scene.job, &view, &error) == WEIR_OK);
    memcpy(scene.id, view->id, sizeof scene.id);
    weir_job_view_free(view);
}

weir_server *
rest_scene_server(void)
{
    if (scene.calls >= CALLS_PER_JOB) {
        forget();
    }
    if (scene.server == NULL) {
        make();
    }
    scene.calls++;
    return scene.server;
}

void
rest_scene_settle(void)
{
    if (scene.server->operations.count != 0) {
        forget();
    }
}

const char *
rest_scene_job_id(void)
{
    return scene.id;
}

void
rest_scene_expect(const struct wr_answer *answer)
{
    fuzz_expect(answer->code >= 200 && answer->code < 600);
    fuzz_expect(answer->code != 500);
    if (answer->stream.read != NULL || answer->text == NULL) {
        return;
    }
    fuzz_expect(answer->content_type != NULL);
    if (strstr(answer->content_type, "json") != NULL) {
        json_t *json = json_loadb(answer->text, answer->size, JSON_REJECT_DUPLICATES, NULL);
        fuzz_expect(json != NULL);
        json_decref(json);
    }
}
