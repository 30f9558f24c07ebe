/* SPDX-License-Identifier: Apache-2.0 */
/* states: what the job's view says of sizes, in weir's own words. Not what states hold: who may
 * see the job may see how large it is.
 */
#include "serve/states.h"

#include "serve/look.h"

/* NULL, here and in all that follow: no memory. */
static json_t *
show_subtask(uint32_t index, const weir_state_size_view *size)
{
    return json_pack("{s:i,s:I,s:I,s:I}", "subtask", (int)index, "entries",
                     (json_int_t)size->entries, "bytes", (json_int_t)size->bytes, "disk-bytes",
                     (json_int_t)size->disk_bytes);
}

static json_t *
show_subtasks(const weir_state_view *state)
{
    json_t *subtasks = json_array();
    for (uint32_t i = 0; subtasks != NULL && i < state->subtask_count; i++) {
        if (json_array_append_new(subtasks, show_subtask(i, &state->subtasks[i])) != 0) {
            json_decref(subtasks);
            subtasks = NULL;
        }
    }
    return subtasks;
}

static json_t *
show_state(const weir_job_view *view, const weir_state_view *state)
{
    const weir_operator_view *operator_ = state->operator_;
    return json_pack(
        "{s:o,s:s,s:s,s:{s:o,s:o,s:s},s:s,s:b,s:I,s:I,s:I,s:o}", "name", wr_json_text(state->name),
        "kind", state->kind, "backend", state->backend, "operator", "name",
        wr_json_text(operator_->name), "uid", wr_json_text(operator_->uid), "id", operator_->id,
        "vertex-id", view->vertices[state->vertex].id, "exact", state->is_exact, "entries",
        (json_int_t)state->all.entries, "bytes", (json_int_t)state->all.bytes, "disk-bytes",
        (json_int_t)state->all.disk_bytes, "subtasks", show_subtasks(state));
}

void
wr_states_show(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)request;
    const weir_job_view *view = wr_look_anywhere(server, answer);
    if (view == NULL) {
        return;
    }
    json_t *states = json_array();
    for (uint32_t i = 0; states != NULL && i < view->state_count; i++) {
        if (json_array_append_new(states, show_state(view, &view->states[i])) != 0) {
            json_decref(states);
            states = NULL;
        }
    }
    wr_answer_json(answer, 200, json_pack("{s:s,s:o}", "job-id", view->id, "states", states));
    weir_job_view_free(view);
}

static json_t *
show_pool(const weir_memory_view *pool)
{
    json_t *budget =
        pool->budget_bytes != 0 ? json_integer((json_int_t)pool->budget_bytes) : json_null();
    return json_pack("{s:s,s:s,s:I,s:I,s:o}", "name", pool->name, "what", pool->what, "used-bytes",
                     (json_int_t)pool->used_bytes, "peak-bytes", (json_int_t)pool->peak_bytes,
                     "budget-bytes", budget);
}

void
wr_memory_show(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)request;
    const weir_job_view *view = wr_look_anywhere(server, answer);
    if (view == NULL) {
        return;
    }
    json_t *pools = json_array();
    for (uint32_t i = 0; pools != NULL && i < view->memory_count; i++) {
        if (json_array_append_new(pools, show_pool(&view->memory[i])) != 0) {
            json_decref(pools);
            pools = NULL;
        }
    }
    wr_answer_json(answer, 200, json_pack("{s:s,s:o}", "job-id", view->id, "pools", pools));
    weir_job_view_free(view);
}
