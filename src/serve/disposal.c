/* SPDX-License-Identifier: Apache-2.0 */
/* disposal: a savepoint is removed by the job's io thread, so that the server does not wait for the
 * disk. What is no snapshot, or a running job's, is refused there.
 */
#include "serve/disposal.h"

#include "serve/asynchronous.h"
#include "serve/body.h"
#include "serve/paths.h"
#include "serve/throwable.h"

void
wr_disposal_trigger(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const char *asked = NULL;
    const struct wr_body_field fields[] = { { "savepoint-path", &asked, NULL } };
    char id[WR_TRIGGER_ID_SIZE + 1];
    char path[WR_CLIENT_PATH_MAX + 1];
    weir_error error = { .status = WEIR_OK };
    uint64_t number = 0;
    if (!wr_body_read(request, "SavepointDisposalRequest", fields, 1, answer)) {
        return;
    }
    if (asked == NULL) {
        wr_answer_fail(answer, 400, "Field savepoint-path must not be omitted or be null.");
        return;
    }
    if (wr_client_path(server->options, WR_CLIENT_SNAPSHOT, asked, path, &error) != WEIR_OK) {
        wr_answer_fail(answer, 400, "savepoint-path: %s", error.message);
        return;
    }
    if (!wr_asynchronous_begin(server, WR_OPERATION_DISPOSAL, NULL, id, answer)) {
        return;
    }
    weir_status status = weir_job_trigger_disposal(server->job, path, &number, &error);
    wr_asynchronous_end(server, WR_OPERATION_DISPOSAL, id, number, status, &error, answer);
}

void
wr_disposal_status(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const char *id = request->parameters[0];
    struct wr_operation *operation =
        wr_asynchronous_find(server, WR_OPERATION_DISPOSAL, id, answer,
                             "Operation not found under key: there is no savepoint disposal with "
                             "triggerId=%s.",
                             id);
    if (operation == NULL) {
        return;
    }
    json_t *outcome = NULL;
    if (operation->state == WEIR_REQUEST_COMPLETED) {
        outcome = json_object();
    } else if (operation->state == WEIR_REQUEST_FAILED) {
        outcome =
            json_pack("{s:o}", "failure-cause",
                      wr_throwable_json("org.apache.flink.util.FlinkException", operation->words));
    }
    wr_asynchronous_answer(server, operation, outcome, answer);
}
