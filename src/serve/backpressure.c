/* SPDX-License-Identifier: Apache-2.0 */
/* backpressure: what part of the time subtasks were busy, idle or held back lately.
 *
 *   attempt begins      older           newer              now
 *        |----------------|---------------|-----------------|
 *                         '-------- the ratios are of this -'
 *
 *   newer becomes older when it is a second old: then now is taken as newer.
 */
#include "serve/backpressure.h"

#include "serve/look.h"

#include <stdlib.h>

enum {
    KEPT_MS = 1000
};

struct wr_task_times {
    uint64_t busy_ms;
    uint64_t idle_ms;
    uint64_t backpressured_ms;
};

void
wr_times_samples_fini(struct wr_times_samples *samples)
{
    free(samples->older.tasks);
    free(samples->newer.tasks);
    *samples = (struct wr_times_samples){ 0 };
}

/* --- samples --- */

static struct wr_task_times
times_of(const weir_subtask_view *subtask)
{
    return (struct wr_task_times){ .busy_ms = subtask->busy_ms,
                                   .idle_ms = subtask->idle_ms,
                                   .backpressured_ms = subtask->backpressured_ms };
}

/* False: no memory, and the sample is as it was. */
static bool
take(struct wr_times_sample *sample, const weir_job_view *view)
{
    struct wr_task_times *tasks = calloc(view->task_count, sizeof *tasks);
    if (tasks == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        const weir_vertex_view *vertex = &view->vertices[i];
        for (uint32_t at = 0; at < vertex->parallelism; at++) {
            tasks[vertex->first_task + at] = times_of(&vertex->subtasks[at]);
        }
    }
    free(sample->tasks);
    *sample = (struct wr_times_sample){ view->now_ms, view->restarts, view->task_count, tasks };
    return true;
}

/* NULL: none that this attempt's counts may be compared with. */
static const struct wr_task_times *
base_of(const struct wr_times_samples *samples, const weir_job_view *view, uint32_t task)
{
    const struct wr_times_sample *older = &samples->older;
    return older->tasks != NULL && older->restarts == view->restarts && task < older->task_count
               ? &older->tasks[task]
               : NULL;
}

/* Where memory lacks the next looks get means of a longer time. */
void
wr_times_samples_step(struct wr_times_samples *samples, const weir_job_view *view)
{
    if (samples->newer.tasks != NULL && view->now_ms - samples->newer.ms < KEPT_MS) {
        return;
    }
    struct wr_times_sample oldest = samples->older;
    samples->older = samples->newer;
    samples->newer = oldest;
    if (!take(&samples->newer, view)) {
        samples->newer.ms = view->now_ms;
    }
}

/* --- ratios --- */

struct wr_ratios
wr_ratios_of(const struct wr_times_samples *samples, const weir_job_view *view,
             const weir_subtask_view *subtask, uint32_t task)
{
    const struct wr_task_times *base = base_of(samples, view, task);
    struct wr_task_times times = times_of(subtask);
    if (base != NULL && base->busy_ms <= times.busy_ms && base->idle_ms <= times.idle_ms &&
        base->backpressured_ms <= times.backpressured_ms) {
        times.busy_ms -= base->busy_ms;
        times.idle_ms -= base->idle_ms;
        times.backpressured_ms -= base->backpressured_ms;
    }
    uint64_t whole = times.busy_ms + times.idle_ms + times.backpressured_ms;
    double all = whole != 0 ? (double)whole : 1;
    return (struct wr_ratios){ .busy = (double)times.busy_ms / all,
                               .idle = (double)times.idle_ms / all,
                               .backpressured = (double)times.backpressured_ms / all };
}

/* Flink's limits. */
static const char *
level(double backpressured)
{
    return backpressured <= 0.1 ? "ok" : backpressured <= 0.5 ? "low" : "high";
}

/* NULL: no memory. */
static json_t *
subtasks_json(const weir_server *server, const weir_job_view *view, const weir_vertex_view *vertex,
              double *out_worst)
{
    json_t *all = json_array();
    *out_worst = 0;
    for (uint32_t i = 0; i < vertex->parallelism && all != NULL; i++) {
        struct wr_ratios ratios =
            wr_ratios_of(&server->times, view, &vertex->subtasks[i], vertex->first_task + i);
        const char *word = level(ratios.backpressured);
        *out_worst = ratios.backpressured > *out_worst ? ratios.backpressured : *out_worst;
        json_t *one = json_pack("{s:i,s:s,s:f,s:f,s:f,s:s}", "subtask", (int)i, "backpressureLevel",
                                word, "ratio", ratios.backpressured, "idleRatio", ratios.idle,
                                "busyRatio", ratios.busy, "backpressure-level", word);
        if (json_array_append_new(all, one) != 0) {
            json_decref(all);
            all = NULL;
        }
    }
    return all;
}

void
wr_vertex_backpressure(weir_server *server, const struct wr_request *request,
                       struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view == NULL) {
        return;
    }
    const weir_vertex_view *vertex = wr_look_vertex(view, request, 1, answer);
    if (vertex != NULL) {
        double worst;
        wr_times_samples_step(&server->times, view);
        json_t *subtasks = subtasks_json(server, view, vertex, &worst);
        wr_answer_json(answer, 200,
                       json_pack("{s:s,s:s,s:I,s:o,s:s}", "status", "ok", "backpressureLevel",
                                 level(worst), "end-timestamp", (json_int_t)view->now_ms,
                                 "subtasks", subtasks, "backpressure-level", level(worst)));
    }
    weir_job_view_free(view);
}
