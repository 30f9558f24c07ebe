/* SPDX-License-Identifier: Apache-2.0 */
/* cancellation: PATCH's modes, of which Flink has removed all but one.
 *
 * A cancelled job may be cancelled again; one that has ended otherwise is a conflict.
 */
#include "serve/cancellation.h"

#include "serve/body.h"
#include "serve/look.h"
#include "serve/names.h"

#include <string.h>
#include <strings.h>

static bool
has_ended_otherwise(weir_job_state state)
{
    return state == WEIR_JOB_FINISHED || state == WEIR_JOB_STOPPED || state == WEIR_JOB_FAILED;
}

static void
cancel(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view == NULL) {
        return;
    }
    if (has_ended_otherwise(view->state)) {
        wr_answer_fail(answer, 409, "Flink job (%s) was not canceled, but instead %s.", view->id,
                       wr_flink_job_state(view->state));
    } else {
        weir_job_cancel(server->job);
        wr_answer_json(answer, 202, json_object());
    }
    weir_job_view_free(view);
}

void
wr_job_cancellation(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const char *mode = wr_request_query(request, "mode");
    if (!wr_body_read(request, "EmptyRequestBody", NULL, 0, answer)) {
        return;
    }
    if (mode != NULL && strcasecmp(mode, "stop") == 0) {
        wr_answer_fail(answer, 308,
                       "The termination mode \"stop\" has been removed. For an ungraceful "
                       "shutdown, please use \"cancel\" instead. For a graceful shutdown, please "
                       "use \"jobs/:jobId/stop\" instead.");
        return;
    }
    if (mode != NULL && strcasecmp(mode, "cancel") != 0) {
        wr_answer_fail(answer, 400,
                       "Bad request, could not parse parameters: Cannot resolve query parameter "
                       "(mode) from value \"%s\".",
                       mode);
        return;
    }
    cancel(server, request, answer);
}

void
wr_job_yarn_cancellation(weir_server *server, const struct wr_request *request,
                         struct wr_answer *answer)
{
    if (strcmp(request->raw->method, "GET") != 0) {
        wr_answer_fail(answer, 405, "yarn-cancel is asked for by GET");
        return;
    }
    cancel(server, request, answer);
}
