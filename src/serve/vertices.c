/* SPDX-License-Identifier: Apache-2.0 */
/* vertices: one vertex of the job and its subtasks. All run in one process, which has the name and
 * the place of Flink's task manager in a local cluster.
 */
#include "serve/vertices.h"

#include "serve/look.h"
#include "serve/names.h"
#include "serve/statistics.h"
#include "serve/task_io.h"

#include <stdio.h>
#include <stdlib.h>

#define HOST     "localhost"
#define ENDPOINT "localhost:-1"

/* A handler's view with the vertex that the path names. NULL: the answer is filled. */
static const weir_job_view *
look_at(weir_server *server, const struct wr_request *request, const weir_vertex_view **out_vertex,
        struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view == NULL) {
        return NULL;
    }
    *out_vertex = wr_look_vertex(view, request, 1, answer);
    if (*out_vertex == NULL) {
        weir_job_view_free(view);
        return NULL;
    }
    return view;
}

/* --- how long in which state --- */

enum {
    LASTING_CREATED = 0,
    LASTING_INITIALIZING,
    LASTING_RUNNING,
    LASTING_COUNT
};

/* -1: it has not been in it, or nobody knows. */
struct lasting {
    int64_t of[LASTING_COUNT];
};

static struct lasting
lasting_of(const weir_job_view *view, const weir_subtask_view *subtask)
{
    struct lasting lasting = { { -1, -1, -1 } };
    int64_t until = wr_look_until(view, subtask->end_ms);
    if (subtask->start_ms != 0) {
        int64_t running = subtask->running_ms;
        lasting.of[LASTING_INITIALIZING] = (running != 0 ? running : until) - subtask->start_ms;
        lasting.of[LASTING_RUNNING] = running != 0 ? until - running : -1;
    }
    return lasting;
}

static json_t *
lasting_json(const struct lasting *lasting)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "CREATED", (json_int_t)lasting->of[LASTING_CREATED],
                     "SCHEDULED", (json_int_t)-1, "DEPLOYING", (json_int_t)-1, "INITIALIZING",
                     (json_int_t)lasting->of[LASTING_INITIALIZING], "RUNNING",
                     (json_int_t)lasting->of[LASTING_RUNNING]);
}

static json_t *
lasting_statistics(const weir_job_view *view, const weir_vertex_view *vertex)
{
    static const char *const names[LASTING_COUNT] = { "CREATED", "INITIALIZING", "RUNNING" };
    uint64_t *values = malloc((size_t)vertex->parallelism * sizeof *values);
    json_t *all = values != NULL ? json_object() : NULL;
    for (int i = 0; i < LASTING_COUNT && all != NULL; i++) {
        size_t count = 0;
        for (uint32_t at = 0; at < vertex->parallelism; at++) {
            int64_t ms = lasting_of(view, &vertex->subtasks[at]).of[i];
            if (ms >= 0) {
                values[count++] = (uint64_t)ms;
            }
        }
        json_t *statistics = count != 0 ? wr_statistics_json(values, count) : NULL;
        if (count != 0 && json_object_set_new(all, names[i], statistics) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    free(values);
    return all;
}

/* --- the vertex --- */

static json_t *
subtask_json(const weir_job_view *view, const weir_subtask_view *subtask)
{
    struct wr_task_io io = wr_task_io_of(subtask);
    struct lasting lasting = lasting_of(view, subtask);
    int64_t start = subtask->start_ms;
    return json_pack("{s:i,s:s,s:i,s:s,s:s,s:I,s:I,s:I,s:o,s:s,s:o,s:I}", "subtask",
                     (int)subtask->index, "status", weir_task_state_name(subtask->state), "attempt",
                     (int)view->restarts, "host", HOST, "endpoint", ENDPOINT, "start-time",
                     wr_or_minus_one(start), "end-time", wr_or_minus_one(subtask->end_ms),
                     "duration",
                     start != 0 ? (json_int_t)(wr_look_until(view, subtask->end_ms) - start) : -1,
                     "metrics", wr_task_io_json(&io), "taskmanager-id", HOST, "status-duration",
                     lasting_json(&lasting), "start_time", wr_or_minus_one(start));
}

/* One JSON a subtask. NULL: no memory. */
static json_t *
subtasks_json(const weir_job_view *view, const weir_vertex_view *vertex,
              json_t *(*one)(const weir_job_view *view, const weir_subtask_view *subtask))
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < vertex->parallelism && all != NULL; i++) {
        if (json_array_append_new(all, one(view, &vertex->subtasks[i])) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

void
wr_vertex(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_vertex_view *vertex = NULL;
    const weir_job_view *view = look_at(server, request, &vertex, answer);
    if (view == NULL) {
        return;
    }
    wr_answer_json(answer, 200,
                   json_pack("{s:s,s:o,s:i,s:i,s:I,s:o,s:{s:o,s:o}}", "id", vertex->id, "name",
                             wr_json_text(vertex->name), "parallelism", (int)vertex->parallelism,
                             "maxParallelism", (int)vertex->max_parallelism, "now",
                             (json_int_t)view->now_ms, "subtasks",
                             subtasks_json(view, vertex, subtask_json), "aggregated", "metrics",
                             wr_task_io_statistics(vertex), "status-duration",
                             lasting_statistics(view, vertex)));
    weir_job_view_free(view);
}

/* --- times --- */

static json_t *
times_json(const weir_job_view *view, const weir_subtask_view *subtask)
{
    weir_task_state state = subtask->state;
    json_int_t end = (json_int_t)subtask->end_ms;
    json_int_t start = (json_int_t)subtask->start_ms;
    return json_pack("{s:i,s:s,s:s,s:I,s:{s:i,s:i,s:i,s:I,s:I,s:I,s:i,s:I,s:I,s:i}}", "subtask",
                     (int)subtask->index, "host", HOST, "endpoint", ENDPOINT, "duration",
                     start != 0 ? (json_int_t)wr_look_until(view, subtask->end_ms) - start : -1,
                     "timestamps", "CREATED", 0, "SCHEDULED", 0, "DEPLOYING", 0, "INITIALIZING",
                     start, "RUNNING", (json_int_t)subtask->running_ms, "FINISHED",
                     state == WEIR_TASK_FINISHED ? end : 0, "CANCELING", 0, "CANCELED",
                     state == WEIR_TASK_CANCELED ? end : 0, "FAILED",
                     state == WEIR_TASK_FAILED ? end : 0, "RECONCILING", 0);
}

void
wr_vertex_times(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_vertex_view *vertex = NULL;
    const weir_job_view *view = look_at(server, request, &vertex, answer);
    if (view == NULL) {
        return;
    }
    wr_answer_json(answer, 200,
                   json_pack("{s:s,s:o,s:I,s:o}", "id", vertex->id, "name",
                             wr_json_text(vertex->name), "now", (json_int_t)view->now_ms,
                             "subtasks", subtasks_json(view, vertex, times_json)));
    weir_job_view_free(view);
}

void
wr_vertex_accumulators(weir_server *server, const struct wr_request *request,
                       struct wr_answer *answer)
{
    const weir_vertex_view *vertex = NULL;
    const weir_job_view *view = look_at(server, request, &vertex, answer);
    if (view != NULL) {
        wr_answer_json(answer, 200, json_pack("{s:s,s:[]}", "id", vertex->id, "user-accumulators"));
        weir_job_view_free(view);
    }
}

/* --- event time --- */

static json_t *
watermark_json(const weir_subtask_view *subtask)
{
    char id[64];
    char value[32];
    snprintf(id, sizeof id, "%u.currentInputWatermark", subtask->index);
    snprintf(value, sizeof value, "%lld", (long long)subtask->input_watermark_ms);
    return json_pack("{s:s,s:s}", "id", id, "value", value);
}

void
wr_vertex_watermarks(weir_server *server, const struct wr_request *request,
                     struct wr_answer *answer)
{
    const weir_vertex_view *vertex = NULL;
    const weir_job_view *view = look_at(server, request, &vertex, answer);
    if (view == NULL) {
        return;
    }
    json_t *all = json_array();
    for (uint32_t i = 0; !vertex->is_source && i < vertex->parallelism && all != NULL; i++) {
        if (json_array_append_new(all, watermark_json(&vertex->subtasks[i])) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    wr_answer_json(answer, 200, all);
    weir_job_view_free(view);
}
