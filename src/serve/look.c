/* SPDX-License-Identifier: Apache-2.0 */
/* look: a handler's look at the job. */
#include "serve/look.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    ID_SIZE = 32
};

const weir_job_view *
wr_look_anywhere(weir_server *server, struct wr_answer *answer)
{
    const weir_job_view *view = NULL;
    weir_error error;
    if (weir_job_inspect(server->job, &view, &error) != WEIR_OK) {
        wr_answer_fail(answer, 500, "%s", error.message);
        return NULL;
    }
    return view;
}

/* False: the answer says so. */
static bool
is_id(const char *text, const char *parameter, struct wr_answer *answer)
{
    if (strlen(text) == ID_SIZE && strspn(text, "0123456789abcdefABCDEF") == ID_SIZE) {
        return true;
    }
    wr_answer_fail(answer, 400,
                   "Bad request, could not parse parameters: Cannot resolve path parameter (%s) "
                   "from value \"%s\": it is not 32 hex digits.",
                   parameter, text);
    return false;
}

const weir_job_view *
wr_look(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const char *wanted = request->parameters[0];
    if (!is_id(wanted, "jobid", answer)) {
        return NULL;
    }
    const weir_job_view *view = wr_look_anywhere(server, answer);
    if (view != NULL && strcasecmp(view->id, wanted) != 0) {
        weir_job_view_free(view);
        wr_answer_fail(answer, 404, "Job %s not found", wanted);
        return NULL;
    }
    return view;
}

bool
wr_look_named(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    weir_job_view_free(view);
    return view != NULL;
}

const weir_vertex_view *
wr_look_vertex(const weir_job_view *view, const struct wr_request *request, int parameter,
               struct wr_answer *answer)
{
    const char *wanted = request->parameters[parameter];
    if (!is_id(wanted, "vertexid", answer)) {
        return NULL;
    }
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        if (strcasecmp(view->vertices[i].id, wanted) == 0) {
            return &view->vertices[i];
        }
    }
    wr_answer_fail(answer, 404, "JobVertex %s not found", wanted);
    return NULL;
}

const weir_checkpoint_view *
wr_look_latest(const weir_job_view *view)
{
    const weir_checkpoint_view *checkpoint = view->checkpoints.latest_completed;
    const weir_checkpoint_view *savepoint = view->checkpoints.latest_savepoint;
    bool is_newer = savepoint != NULL && (checkpoint == NULL || savepoint->id > checkpoint->id);
    return is_newer ? savepoint : checkpoint;
}

int64_t
wr_look_until(const weir_job_view *view, int64_t end_ms)
{
    return end_ms != 0 ? end_ms : view->now_ms;
}

json_int_t
wr_or_minus_one(int64_t ms)
{
    return ms != 0 ? (json_int_t)ms : -1;
}

json_t *
wr_json_text(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    json_t *value = json_string(text);
    char *copy = value == NULL ? strdup(text) : NULL;
    if (copy != NULL) {
        for (char *at = copy; *at != '\0'; at++) {
            *at = (unsigned char)*at < 0x80 ? *at : '?';
        }
        value = json_string(copy);
        free(copy);
    }
    return value;
}
