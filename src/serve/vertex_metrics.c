/* SPDX-License-Identifier: Apache-2.0 */
/* vertex_metrics: single figures of a vertex's subtasks. */
#include "serve/vertex_metrics.h"

#include "serve/look.h"
#include "serve/metric_list.h"

#include <stdio.h>

enum {
    FIGURES_MAX = 16,
    NAME_ROOM = 128,
    VALUE_ROOM = 32,
    NS_A_MS = 1000000
};

struct figures {
    struct {
        const char *name;
        json_int_t value;
    } of[FIGURES_MAX];
    size_t count;
};

static void
put(struct figures *figures, const char *name, json_int_t value)
{
    figures->of[figures->count].name = name;
    figures->of[figures->count].value = value;
    figures->count++;
}

/* The part of it in the latest checkpoint or savepoint; NULL: none was completed. */
static const weir_checkpoint_task_view *
latest_part(const weir_job_view *view, uint32_t task)
{
    const weir_checkpoint_view *latest = wr_look_latest(view);
    return latest != NULL ? &latest->tasks[task] : NULL;
}

/* What a source has not, is not there: nothing comes to it. */
static void
collect(const weir_server *server, const weir_job_view *view, const weir_vertex_view *vertex,
        uint32_t index, struct figures *out)
{
    const weir_subtask_view *subtask = &vertex->subtasks[index];
    uint32_t task = vertex->first_task + index;
    struct wr_ratios ratios = wr_ratios_of(&server->times, view, subtask, task);
    const weir_checkpoint_task_view *part = latest_part(view, task);
    *out = (struct figures){ 0 };
    put(out, "numRecordsIn", (json_int_t)subtask->records_in);
    put(out, "numRecordsOut", (json_int_t)subtask->records_out);
    put(out, "numBytesIn", (json_int_t)subtask->bytes_in);
    put(out, "numBytesOut", (json_int_t)subtask->bytes_out);
    put(out, "accumulateBusyTimeMs", (json_int_t)subtask->busy_ms);
    put(out, "accumulateIdleTimeMs", (json_int_t)subtask->idle_ms);
    put(out, "accumulateBackPressuredTimeMs", (json_int_t)subtask->backpressured_ms);
    put(out, "busyTimeMsPerSecond", (json_int_t)(ratios.busy * 1000));
    put(out, "idleTimeMsPerSecond", (json_int_t)(ratios.idle * 1000));
    put(out, "backPressuredTimeMsPerSecond", (json_int_t)(ratios.backpressured * 1000));
    if (part != NULL) {
        put(out, "checkpointStartDelayNanos", (json_int_t)part->start_delay_ms * NS_A_MS);
    }
    if (part != NULL && !vertex->is_source) {
        put(out, "checkpointAlignmentTime", (json_int_t)part->alignment_ms * NS_A_MS);
    }
    if (!vertex->is_source) {
        put(out, "currentInputWatermark", (json_int_t)subtask->input_watermark_ms);
    }
}

/* False: no memory. */
static bool
append_subtask(json_t *all, const char *wanted, const struct figures *figures, uint32_t index)
{
    for (size_t i = 0; i < figures->count; i++) {
        char name[NAME_ROOM];
        char value[VALUE_ROOM];
        snprintf(name, sizeof name, "%u.%s", index, figures->of[i].name);
        snprintf(value, sizeof value, "%lld", (long long)figures->of[i].value);
        if (!wr_metric_list_add(all, wanted, name, value)) {
            return false;
        }
    }
    return true;
}

void
wr_vertex_metrics(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view == NULL) {
        return;
    }
    const weir_vertex_view *vertex = wr_look_vertex(view, request, 1, answer);
    if (vertex != NULL) {
        const char *wanted = wr_request_query(request, "get");
        json_t *all = json_array();
        wr_times_samples_step(&server->times, view);
        for (uint32_t i = 0; i < vertex->parallelism && all != NULL; i++) {
            struct figures figures;
            collect(server, view, vertex, i, &figures);
            if (!append_subtask(all, wanted, &figures, i)) {
                json_decref(all);
                all = NULL;
            }
        }
        wr_answer_json(answer, 200, all);
    }
    weir_job_view_free(view);
}
