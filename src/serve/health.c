/* SPDX-License-Identifier: Apache-2.0 */
/* health: whether the process answers, and whether the job takes records. Nobody has to say who he
 * is, so no name, path or failure of the job is told; and the job is looked at anew only when its
 * state has changed or a moment has passed, so that nobody can keep its coordinator busy.
 */
#include "serve/health.h"

#include <time.h>

enum {
    LOOK_AGAIN_MS = 200
};

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

static uint64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + 1;
}

/* False: no memory. */
static bool
look(weir_server *server)
{
    struct wr_readiness *readiness = &server->readiness;
    weir_job_report report = { .size = sizeof report };
    weir_job_look(server->job, &report);
    bool is_old = readiness->looked_ms == 0 || now_ms() - readiness->looked_ms > LOOK_AGAIN_MS;
    if (!is_old && report.state == readiness->state) {
        return true;
    }
    const weir_job_view *view = NULL;
    if (weir_job_inspect(server->job, &view, NULL) != WEIR_OK) {
        return false;
    }
    *readiness = (struct wr_readiness){ now_ms(), view->state, why_not_ready(view) };
    weir_job_view_free(view);
    return true;
}

void
wr_health_ready(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)request;
    if (!look(server)) {
        wr_answer_fail(answer, 503, "no memory to look at the job");
        return;
    }
    const char *why = server->readiness.why_not;
    const char *state = weir_job_state_name(server->readiness.state);
    if (why == NULL) {
        wr_answer_json(answer, 200, json_pack("{s:s,s:s}", "status", "ready", "state", state));
        return;
    }
    wr_answer_json(
        answer, 503,
        json_pack("{s:s,s:s,s:s}", "status", "not ready", "state", state, "reason", why));
}
