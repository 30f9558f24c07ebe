/* SPDX-License-Identifier: Apache-2.0 */
/* triggers: from a client's wish for a snapshot to the job's request, and from its answer to
 * Flink's words.
 *
 * Flink's default for formatType is CANONICAL, which is not built yet: a client that sends none is
 * refused like one that asks for it, for it would get another format than it expects.
 */
#include "serve/triggers.h"

#include "serve/asynchronous.h"
#include "serve/body.h"
#include "serve/look.h"
#include "serve/paths.h"
#include "serve/throwable.h"

#include <string.h>

#define CHECKPOINT_EXCEPTION "org.apache.flink.runtime.checkpoint.CheckpointException"
#define DIRECTORY_KEY        "execution.checkpointing.savepoint-dir"

/* A body for a savepoint or a stop. */
struct wish {
    const char *body;            /* Flink's name of it */
    const char *directory_field; /* its name in the body */
    const char *directory;
    const char *format;
    const char *trigger_id;
    bool cancel;
    bool stop;
    bool drain;
};

/* --- savepoints and stops --- */

/* False: the answer is filled. */
static bool
check_format(const struct wish *wish, struct wr_answer *answer)
{
    if (wish->format == NULL || strcmp(wish->format, "CANONICAL") == 0) {
        wr_answer_fail(answer, 400,
                       "%s: savepoints in canonical format are not built yet, use native: "
                       "\"formatType\": \"NATIVE\", or -type native",
                       wish->format != NULL ? "formatType CANONICAL"
                                            : "no formatType, which means CANONICAL");
        return false;
    }
    if (strcmp(wish->format, "NATIVE") != 0) {
        wr_answer_fail(answer, 400,
                       "Request did not match expected format %s: formatType is CANONICAL or "
                       "NATIVE",
                       wish->body);
        return false;
    }
    return true;
}

/* *out_directory NULL: the configured one. False: the answer is filled. */
static bool
check_directory(const weir_server *server, const struct wish *wish,
                char path[WR_CLIENT_PATH_MAX + 1], const char **out_directory,
                struct wr_answer *answer)
{
    weir_error error = { .status = WEIR_OK };
    *out_directory = NULL;
    if (wish->directory == NULL) {
        if (weir_options_text(server->options, DIRECTORY_KEY) == NULL) {
            wr_answer_fail(answer, 400,
                           "Config key [" DIRECTORY_KEY "] is not set. Property [%s] must be "
                           "provided.",
                           wish->directory_field);
            return false;
        }
        return true;
    }
    if (wr_client_path(server->options, WR_CLIENT_TARGET, wish->directory, path, &error) !=
        WEIR_OK) {
        wr_answer_fail(answer, 400, "%s: %s", wish->directory_field, error.message);
        return false;
    }
    *out_directory = path;
    return true;
}

static void
trigger_savepoint(weir_server *server, const struct wish *wish, struct wr_answer *answer)
{
    char id[WR_TRIGGER_ID_SIZE + 1];
    char path[WR_CLIENT_PATH_MAX + 1];
    weir_error error = { .status = WEIR_OK };
    uint64_t request = 0;
    weir_savepoint_parameters parameters = { .size = sizeof parameters,
                                             .format = WEIR_SAVEPOINT_NATIVE,
                                             .stop = wish->stop,
                                             .drain = wish->drain,
                                             .cancel = wish->cancel };
    if (!check_format(wish, answer) ||
        !check_directory(server, wish, path, &parameters.directory, answer) ||
        !wr_asynchronous_begin(server, WR_OPERATION_SAVEPOINT, wish->trigger_id, id, answer)) {
        return;
    }
    weir_status status = weir_job_trigger_savepoint(server->job, &parameters, &request, &error);
    wr_asynchronous_end(server, WR_OPERATION_SAVEPOINT, id, request, status, &error, answer);
}

void
wr_savepoint_trigger(weir_server *server, const struct wr_request *request,
                     struct wr_answer *answer)
{
    struct wish wish = { .body = "SavepointTriggerRequestBody",
                         .directory_field = "target-directory" };
    const struct wr_body_field fields[] = { { "target-directory", &wish.directory, NULL },
                                            { "cancel-job", NULL, &wish.cancel },
                                            { "formatType", &wish.format, NULL },
                                            { "triggerId", &wish.trigger_id, NULL } };
    if (wr_look_named(server, request, answer) &&
        wr_body_read(request, wish.body, fields, sizeof fields / sizeof fields[0], answer)) {
        trigger_savepoint(server, &wish, answer);
    }
}

void
wr_stop_trigger(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    struct wish wish = { .body = "StopWithSavepointRequestBody",
                         .directory_field = "targetDirectory",
                         .stop = true };
    const struct wr_body_field fields[] = { { "targetDirectory", &wish.directory, NULL },
                                            { "drain", NULL, &wish.drain },
                                            { "formatType", &wish.format, NULL },
                                            { "triggerId", &wish.trigger_id, NULL } };
    if (wr_look_named(server, request, answer) &&
        wr_body_read(request, wish.body, fields, sizeof fields / sizeof fields[0], answer)) {
        trigger_savepoint(server, &wish, answer);
    }
}

/* The operation of the path's trigger id; NULL: the answer is filled. */
static struct wr_operation *
asked_for(weir_server *server, const struct wr_request *request, enum wr_operation_kind kind,
          const char *noun, struct wr_answer *answer)
{
    const char *id = request->parameters[1];
    if (!wr_look_named(server, request, answer)) {
        return NULL;
    }
    return wr_asynchronous_find(server, kind, id, answer,
                                "There is no %s operation with triggerId=%s for job %s.", noun, id,
                                request->parameters[0]);
}

void
wr_savepoint_status(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    struct wr_operation *operation =
        asked_for(server, request, WR_OPERATION_SAVEPOINT, "savepoint", answer);
    if (operation == NULL) {
        return;
    }
    json_t *outcome = NULL;
    if (operation->state == WEIR_REQUEST_COMPLETED) {
        outcome = json_pack("{s:o}", "location", wr_path_json(operation->words));
    } else if (operation->state == WEIR_REQUEST_FAILED) {
        outcome = json_pack("{s:o}", "failure-cause",
                            wr_throwable_json(CHECKPOINT_EXCEPTION, operation->words));
    }
    wr_asynchronous_answer(server, operation, outcome, answer);
}

/* --- checkpoints --- */

/* False: the answer is filled. */
static bool
type_of(const char *text, weir_checkpoint_type *out_type, struct wr_answer *answer)
{
    static const struct {
        const char *text;
        weir_checkpoint_type type;
    } types[] = { { "CONFIGURED", WEIR_CHECKPOINT_CONFIGURED },
                  { "FULL", WEIR_CHECKPOINT_FULL },
                  { "INCREMENTAL", WEIR_CHECKPOINT_INCREMENTAL } };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].text, text) == 0) {
            *out_type = types[i].type;
            return true;
        }
    }
    wr_answer_fail(answer, 400,
                   "Request did not match expected format CheckpointTriggerRequestBody: "
                   "checkpointType is CONFIGURED, FULL or INCREMENTAL");
    return false;
}

void
wr_checkpoint_trigger(weir_server *server, const struct wr_request *request,
                      struct wr_answer *answer)
{
    const char *type_text = "CONFIGURED";
    const char *wanted = NULL;
    const struct wr_body_field fields[] = { { "checkpointType", &type_text, NULL },
                                            { "triggerId", &wanted, NULL } };
    char id[WR_TRIGGER_ID_SIZE + 1];
    weir_checkpoint_type type = WEIR_CHECKPOINT_CONFIGURED;
    weir_error error = { .status = WEIR_OK };
    uint64_t number = 0;
    if (!wr_look_named(server, request, answer) ||
        !wr_body_read(request, "CheckpointTriggerRequestBody", fields,
                      sizeof fields / sizeof fields[0], answer) ||
        !type_of(type_text, &type, answer) ||
        !wr_asynchronous_begin(server, WR_OPERATION_CHECKPOINT, wanted, id, answer)) {
        return;
    }
    weir_status status = weir_job_trigger_checkpoint(server->job, type, &number, &error);
    wr_asynchronous_end(server, WR_OPERATION_CHECKPOINT, id, number, status, &error, answer);
}

void
wr_checkpoint_status(weir_server *server, const struct wr_request *request,
                     struct wr_answer *answer)
{
    struct wr_operation *operation =
        asked_for(server, request, WR_OPERATION_CHECKPOINT, "checkpoint", answer);
    if (operation == NULL) {
        return;
    }
    json_t *outcome = NULL;
    if (operation->state == WEIR_REQUEST_COMPLETED) {
        outcome = json_pack("{s:I}", "checkpointId", (json_int_t)operation->checkpoint_id);
    } else if (operation->state == WEIR_REQUEST_FAILED) {
        outcome = json_pack("{s:o}", "failureCause",
                            wr_throwable_json(CHECKPOINT_EXCEPTION, operation->words));
    }
    wr_asynchronous_answer(server, operation, outcome, answer);
}
