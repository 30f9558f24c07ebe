/* SPDX-License-Identifier: Apache-2.0 */
/* health: whether the process answers, and whether the job takes records. Nobody has to say who he
 * is, so no name, path or failure of the job is told.
 */
#include "serve/health.h"

void
wr_health_live(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)server;
    (void)request;
    wr_answer_json(answer, 200, json_pack("{s:s}", "status", "ok"));
}

/* A task that has failed or was told to end has done so before the job's state says it. */
static bool
has_lost_tasks(const weir_job_view *view)
{
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        const weir_vertex_view *vertex = &view->vertices[i];
        for (uint32_t j = 0; j < vertex->parallelism; j++) {
            weir_task_state state = vertex->subtasks[j].state;
            if (state != WEIR_TASK_RUNNING && state != WEIR_TASK_FINISHED) {
                return true;
            }
        }
    }
    return false;
}

/* NULL: it is ready. */
static const char *
why_not_ready(const weir_job_view *view)
{
    switch (view->state) {
    case WEIR_JOB_RUNNING:
    case WEIR_JOB_STOPPING:
        return has_lost_tasks(view) ? "its tasks are ending" : NULL;
    case WEIR_JOB_INITIALIZING:
        return view->restore.is_there ? "it is restoring its state" : "it is starting";
    case WEIR_JOB_RESTARTING:
        return "it failed and is restarting";
    case WEIR_JOB_FINISHED:
    case WEIR_JOB_STOPPED:
    case WEIR_JOB_CANCELED:
    case WEIR_JOB_FAILED:
        break;
    }
    return "it has ended";
}

void
wr_health_ready(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)request;
    const weir_job_view *view = NULL;
    if (weir_job_inspect(server->job, &view, NULL) != WEIR_OK) {
        wr_answer_fail(answer, 503, "no memory to look at the job");
        return;
    }
    const char *why = why_not_ready(view);
    const char *state = weir_job_state_name(view->state);
    if (why == NULL) {
        wr_answer_json(answer, 200, json_pack("{s:s,s:s}", "status", "ready", "state", state));
    } else {
        wr_answer_json(
            answer, 503,
            json_pack("{s:s,s:s,s:s}", "status", "not ready", "state", state, "reason", why));
    }
    weir_job_view_free(view);
}
