/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoints: what became of the job's checkpoints. */
#include "serve/checkpoints.h"

#include "serve/checkpoint_json.h"
#include "serve/look.h"
#include "serve/paths.h"
#include "serve/statistics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- all of them --- */

static json_t *
summary(const weir_checkpoints_view *checkpoints)
{
    bool is_empty = checkpoints->completed_count == 0;
    weir_distribution_view nothing = { 0 };
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "checkpointed_size",
                     wr_summary_json(&checkpoints->checkpointed_bytes, is_empty), "state_size",
                     wr_summary_json(&checkpoints->state_bytes, is_empty), "end_to_end_duration",
                     wr_summary_json(&checkpoints->duration_ms, is_empty), "alignment_buffered",
                     wr_summary_json(&nothing, false), "processed_data",
                     wr_summary_json(&checkpoints->processed_bytes, is_empty), "persisted_data",
                     wr_summary_json(&checkpoints->persisted_bytes, is_empty));
}

static json_t *
one_or_null(const weir_checkpoint_view *checkpoint)
{
    return checkpoint != NULL ? wr_checkpoint_json(checkpoint, NULL) : json_null();
}

static json_t *
restored_or_null(const weir_checkpoints_view *checkpoints)
{
    if (checkpoints->restored_count == 0) {
        return json_null();
    }
    return json_pack("{s:I,s:I,s:b,s:o}", "id", (json_int_t)checkpoints->restored_id,
                     "restore_timestamp", (json_int_t)checkpoints->restored_ms, "is_savepoint",
                     (int)checkpoints->restored_savepoint, "external_path",
                     wr_path_json(checkpoints->restored_path));
}

static json_t *
history(const weir_checkpoints_view *checkpoints)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < checkpoints->history_count && all != NULL; i++) {
        if (json_array_append_new(all, wr_checkpoint_json(&checkpoints->history[i], NULL)) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static json_t *
all_json(const weir_checkpoints_view *checkpoints)
{
    return json_pack("{s:{s:I,s:I,s:I,s:I,s:I},s:o,s:{s:o,s:o,s:o,s:o},s:o}", "counts", "restored",
                     (json_int_t)checkpoints->restored_count, "total",
                     (json_int_t)checkpoints->triggered_count, "in_progress",
                     (json_int_t)checkpoints->in_progress_count, "completed",
                     (json_int_t)checkpoints->completed_count, "failed",
                     (json_int_t)checkpoints->failed_count, "summary", summary(checkpoints),
                     "latest", "completed", one_or_null(checkpoints->latest_completed), "savepoint",
                     one_or_null(checkpoints->latest_savepoint), "failed",
                     one_or_null(checkpoints->latest_failed), "restored",
                     restored_or_null(checkpoints), "history", history(checkpoints));
}

void
wr_checkpoints(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_job_view *view = wr_look(server, request, answer);
    if (view != NULL) {
        wr_answer_json(answer, 200, all_json(&view->checkpoints));
        weir_job_view_free(view);
    }
}

/* --- one of them --- */

/* False: no number, and the answer says so. */
static bool
read_id(const char *text, uint64_t *out_id, struct wr_answer *answer)
{
    errno = 0;
    *out_id = strtoull(text, NULL, 10);
    if (strspn(text, "0123456789") == strlen(text) && errno == 0 && *out_id <= INT64_MAX) {
        return true;
    }
    wr_answer_fail(answer, 400,
                   "Bad request, could not parse parameters: Cannot resolve path parameter "
                   "(checkpointid) from value \"%s\".",
                   text);
    return false;
}

static const weir_checkpoint_view *
find(const weir_checkpoints_view *checkpoints, uint64_t id)
{
    const weir_checkpoint_view *const latest[] = { checkpoints->latest_completed,
                                                   checkpoints->latest_savepoint,
                                                   checkpoints->latest_failed };
    for (uint32_t i = 0; i < checkpoints->history_count; i++) {
        if (checkpoints->history[i].id == id) {
            return &checkpoints->history[i];
        }
    }
    for (size_t i = 0; i < sizeof latest / sizeof latest[0]; i++) {
        if (latest[i] != NULL && latest[i]->id == id) {
            return latest[i];
        }
    }
    return NULL;
}

/* NULL: the answer is filled. */
static const weir_job_view *
look_at(weir_server *server, const struct wr_request *request,
        const weir_checkpoint_view **out_checkpoint, struct wr_answer *answer)
{
    uint64_t id;
    const weir_job_view *view = wr_look(server, request, answer);
    if (view == NULL) {
        return NULL;
    }
    if (read_id(request->parameters[1], &id, answer)) {
        *out_checkpoint = find(&view->checkpoints, id);
        if (*out_checkpoint != NULL) {
            return view;
        }
        wr_answer_fail(answer, 404, "Could not find checkpointing statistics for checkpoint %llu.",
                       (unsigned long long)id);
    }
    weir_job_view_free(view);
    return NULL;
}

void
wr_checkpoint_details(weir_server *server, const struct wr_request *request,
                      struct wr_answer *answer)
{
    const weir_checkpoint_view *checkpoint = NULL;
    const weir_job_view *view = look_at(server, request, &checkpoint, answer);
    if (view != NULL) {
        wr_answer_json(answer, 200, wr_checkpoint_json(checkpoint, view));
        weir_job_view_free(view);
    }
}

/* The vertex's part with what its subtasks did. NULL: no memory. */
static json_t *
vertex_json(const weir_checkpoint_view *checkpoint, const weir_vertex_view *vertex)
{
    json_t *value = wr_checkpoint_vertex_json(checkpoint, vertex);
    json_t *rest =
        json_pack("{s:o,s:o}", "summary", wr_checkpoint_subtasks_summary(checkpoint, vertex),
                  "subtasks", wr_checkpoint_subtasks_json(checkpoint, vertex));
    bool is_whole = json_object_update(value, rest) == 0;
    json_decref(rest);
    if (!is_whole) {
        json_decref(value);
        value = NULL;
    }
    return value;
}

void
wr_checkpoint_subtasks(weir_server *server, const struct wr_request *request,
                       struct wr_answer *answer)
{
    const weir_checkpoint_view *checkpoint = NULL;
    const weir_job_view *view = look_at(server, request, &checkpoint, answer);
    if (view == NULL) {
        return;
    }
    const weir_vertex_view *vertex = wr_look_vertex(view, request, 2, answer);
    if (vertex != NULL) {
        wr_answer_json(answer, 200, vertex_json(checkpoint, vertex));
    }
    weir_job_view_free(view);
}
