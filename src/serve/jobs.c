/* SPDX-License-Identifier: Apache-2.0 */
/* jobs: the job as Flink's clients ask for it. A server has one job, so lists have one row. */
#include "serve/jobs.h"

#include "serve/look.h"
#include "serve/names.h"
#include "serve/plan.h"
#include "serve/task_io.h"
#include "serve/throwable.h"

void
wr_jobs_ids(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)request;
    const weir_job_view *view = wr_look_anywhere(server, answer);
    if (view != NULL) {
        wr_answer_json(answer, 200,
                       json_pack("{s:[{s:s,s:s}]}", "jobs", "id", view->id, "status",
                                 wr_flink_job_state(view->state)));
        weir_job_view_free(view);
    }
}

/* --- the overview --- */

/* When a task or the job last changed its state, as far as it is known. */
static int64_t
last_change(const weir_job_view *view)
{
    int64_t latest = view->start_ms;
    for (int i = 0; i < WEIR_JOB_STATES; i++) {
        latest = view->entered_ms[i] > latest ? view->entered_ms[i] : latest;
    }
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        for (uint32_t at = 0; at < view->vertices[i].parallelism; at++) {
            const weir_subtask_view *subtask = &view->vertices[i].subtasks[at];
            latest = subtask->start_ms > latest ? subtask->start_ms : latest;
            latest = subtask->end_ms > latest ? subtask->end_ms : latest;
        }
    }
    return latest;
}

static json_int_t
duration(const weir_job_view *view, int64_t start_ms, int64_t end_ms)
{
    return start_ms != 0 ? (json_int_t)(wr_look_until(view, end_ms) - start_ms) : 0;
}

void
wr_jobs_overview(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)request;
    struct wr_task_counts counts = { 0 };
    const weir_job_view *view = wr_look_anywhere(server, answer);
    if (view == NULL) {
        return;
    }
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        wr_task_counts_add(&counts, &view->vertices[i]);
    }
    wr_answer_json(answer, 200,
                   json_pack("{s:[{s:s,s:o,s:I,s:I,s:I,s:s,s:I,s:o}]}", "jobs", "jid", view->id,
                             "name", wr_json_text(view->name), "start-time",
                             (json_int_t)view->start_ms, "end-time", wr_or_minus_one(view->end_ms),
                             "duration", duration(view, view->start_ms, view->end_ms), "state",
                             wr_flink_job_state(view->state), "last-modification",
                             (json_int_t)last_change(view), "tasks",
                             wr_task_counts_overview(&counts)));
    weir_job_view_free(view);
}

/* --- the details --- */

struct span {
    int64_t start_ms; /* of the subtask that began first; 0: none has */
    int64_t end_ms;   /* of the one that ended last; 0: not all have */
};

static struct span
span_of(const weir_vertex_view *vertex)
{
    struct span span = { 0 };
    bool all_ended = true;
    for (uint32_t i = 0; i < vertex->parallelism; i++) {
        const weir_subtask_view *subtask = &vertex->subtasks[i];
        bool is_first = span.start_ms == 0 || subtask->start_ms < span.start_ms;
        span.start_ms = subtask->start_ms != 0 && is_first ? subtask->start_ms : span.start_ms;
        span.end_ms = subtask->end_ms > span.end_ms ? subtask->end_ms : span.end_ms;
        all_ended = all_ended && subtask->end_ms != 0;
    }
    span.end_ms = all_ended ? span.end_ms : 0;
    return span;
}

static json_t *
vertex_json(const weir_job_view *view, const weir_vertex_view *vertex, weir_task_state *out_state)
{
    struct wr_task_counts counts = { 0 };
    struct wr_task_io io = { 0 };
    wr_task_counts_add(&counts, vertex);
    for (uint32_t i = 0; i < vertex->parallelism; i++) {
        wr_task_io_add(&io, &vertex->subtasks[i]);
    }
    struct span span = span_of(vertex);
    *out_state = wr_task_counts_state(&counts, vertex->parallelism);
    return json_pack("{s:s,s:s,s:o,s:i,s:i,s:s,s:I,s:I,s:I,s:o,s:o}", "id", vertex->id,
                     "slotSharingGroupId", "00000000000000000000000000000000", "name",
                     wr_json_text(vertex->name), "maxParallelism", (int)vertex->max_parallelism,
                     "parallelism", (int)vertex->parallelism, "status",
                     weir_task_state_name(*out_state), "start-time", wr_or_minus_one(span.start_ms),
                     "end-time", wr_or_minus_one(span.end_ms), "duration",
                     span.start_ms != 0 ? duration(view, span.start_ms, span.end_ms) : -1, "tasks",
                     wr_task_counts_json(&counts), "metrics", wr_task_io_json(&io));
}

/* NULL: no memory. */
static json_t *
vertices(const weir_job_view *view, struct wr_task_counts *by_state)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < view->vertex_count && all != NULL; i++) {
        weir_task_state state = WEIR_TASK_CREATED;
        if (json_array_append_new(all, vertex_json(view, &view->vertices[i], &state)) != 0) {
            json_decref(all);
            return NULL;
        }
        by_state->of[state]++;
    }
    return all;
}

void
wr_job_details(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    struct wr_task_counts by_state = { 0 };
    const weir_job_view *view = wr_look(server, request, answer);
    if (view == NULL) {
        return;
    }
    json_t *all = vertices(view, &by_state);
    wr_answer_json(answer, 200,
                   json_pack("{s:s,s:o,s:b,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "jid",
                             view->id, "name", wr_json_text(view->name), "isStoppable", 0, "state",
                             wr_flink_job_state(view->state), "job-type", "STREAMING", "start-time",
                             (json_int_t)view->start_ms, "end-time", wr_or_minus_one(view->end_ms),
                             "duration", duration(view, view->start_ms, view->end_ms),
                             "maxParallelism",
                             view->max_parallelism != 0 ? (json_int_t)view->max_parallelism : -1,
                             "now", (json_int_t)view->now_ms, "timestamps",
                             wr_flink_job_timestamps(view), "vertices", all, "status-counts",
                             wr_task_counts_json(&by_state), "plan", wr_plan_json(view)));
    weir_job_view_free(view);
}

/* --- smaller ones --- */

void
wr_job_status(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view != NULL) {
        wr_answer_json(answer, 200, json_pack("{s:s}", "status", wr_flink_job_state(view->state)));
        weir_job_view_free(view);
    }
}

void
wr_job_accumulators(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view != NULL) {
        wr_answer_json(answer, 200,
                       json_pack("{s:[],s:[],s:{}}", "job-accumulators", "user-task-accumulators",
                                 "serialized-user-task-accumulators"));
        weir_job_view_free(view);
    }
}

/* Of a job that has ended. NULL: no memory. */
static json_t *
result(const weir_job_view *view)
{
    const char *status = view->state == WEIR_JOB_FAILED     ? "FAILED"
                         : view->state == WEIR_JOB_CANCELED ? "CANCELED"
                                                            : "SUCCEEDED";
    json_t *value = json_pack("{s:s,s:s,s:{},s:I}", "id", view->id, "application-status", status,
                              "accumulator-results", "net-runtime",
                              duration(view, view->start_ms, view->end_ms));
    if (value != NULL && view->state == WEIR_JOB_FAILED && view->failure_count != 0) {
        const weir_failure_view *failure = &view->failures[0];
        json_t *cause = wr_throwable_json(weir_status_name(failure->status), failure->message);
        if (json_object_set_new(value, "failure-cause", cause) != 0) {
            json_decref(value);
            return NULL;
        }
    }
    return value;
}

void
wr_job_execution_result(weir_server *server, const struct wr_request *request,
                        struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view == NULL) {
        return;
    }
    if (!wr_flink_job_has_ended(view->state)) {
        wr_answer_json(answer, 200, json_pack("{s:{s:s}}", "status", "id", "IN_PROGRESS"));
    } else {
        wr_answer_json(answer, 200,
                       json_pack("{s:{s:s},s:o}", "status", "id", "COMPLETED",
                                 "job-execution-result", result(view)));
    }
    weir_job_view_free(view);
}
