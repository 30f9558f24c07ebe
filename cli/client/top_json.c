/* SPDX-License-Identifier: Apache-2.0 */
/* top_json: what `weir top` has read, as JSON. Rates that are not known are null. */
#include "top_data.h"

static void
add_rates(json_t *object, const struct cli_top_rates *rates)
{
    const struct {
        const char *key;
        double value;
    } all[] = { { "records-in-per-second", rates->in },
                { "records-out-per-second", rates->out },
                { "busy", rates->busy },
                { "backpressured", rates->backpressured } };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        json_object_set_new(object, all[i].key,
                            all[i].value < 0 ? json_null() : json_real(all[i].value));
    }
}

static json_t *
vertices_json(const struct cli_top_data *before, const struct cli_top_data *now)
{
    json_t *all = json_array();
    for (size_t i = 0; i < now->vertex_count; i++) {
        const struct cli_top_vertex *vertex = &now->vertices[i];
        struct cli_top_rates rates = cli_top_rates(before, now, i);
        json_t *one = json_pack(
            "{s:s,s:s,s:s,s:I,s:I,s:I}", "id", vertex->id, "name", vertex->name, "state",
            vertex->state, "parallelism", (json_int_t)vertex->parallelism, "records-in",
            (json_int_t)vertex->records_in, "records-out", (json_int_t)vertex->records_out);
        add_rates(one, &rates);
        json_array_append_new(all, one);
    }
    return all;
}

static json_t *
states_json(const struct cli_top_data *now)
{
    json_t *all = json_array();
    for (size_t i = 0; i < now->state_count; i++) {
        const struct cli_top_state *state = &now->states[i];
        json_array_append_new(
            all, json_pack("{s:s,s:s,s:s,s:I,s:I,s:b}", "operator", state->operator_name, "name",
                           state->name, "kind", state->kind, "entries", (json_int_t)state->entries,
                           "bytes", (json_int_t)state->bytes, "exact", state->is_exact));
    }
    return all;
}

static json_t *
memory_json(const struct cli_top_data *now)
{
    json_t *all = json_array();
    for (size_t i = 0; i < now->pool_count; i++) {
        const struct cli_top_pool *pool = &now->pools[i];
        json_array_append_new(all, json_pack("{s:s,s:I,s:I,s:I}", "name", pool->name, "used-bytes",
                                             (json_int_t)pool->used_bytes, "peak-bytes",
                                             (json_int_t)pool->peak_bytes, "budget-bytes",
                                             (json_int_t)pool->budget_bytes));
    }
    return all;
}

static json_t *
checkpoints_json(const struct cli_top_checkpoints *checkpoints)
{
    json_t *all = json_pack(
        "{s:I,s:I,s:I,s:I,s:n}", "completed", (json_int_t)checkpoints->completed, "failed",
        (json_int_t)checkpoints->failed, "in-progress", (json_int_t)checkpoints->in_progress,
        "restored", (json_int_t)checkpoints->restored, "last");
    if (checkpoints->has_last) {
        json_object_set_new(
            all, "last",
            json_pack("{s:I,s:I,s:I,s:I,s:s}", "id", (json_int_t)checkpoints->last_id, "bytes",
                      (json_int_t)checkpoints->last_bytes, "duration-ms",
                      (json_int_t)checkpoints->last_duration_ms, "acknowledged",
                      (json_int_t)checkpoints->last_ack_ms, "path", checkpoints->last_path));
    }
    return all;
}

json_t *
cli_top_json(const struct cli_top_data *before, const struct cli_top_data *now)
{
    struct cli_top_rates rates = cli_top_job_rates(before, now);
    json_t *job = json_pack("{s:s,s:s,s:s,s:I}", "id", now->id, "name", now->name, "state",
                            now->state, "duration-ms", (json_int_t)now->duration_ms);
    add_rates(job, &rates);
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "job", job, "vertices", vertices_json(before, now),
                     "checkpoints", checkpoints_json(&now->checkpoints), "states", states_json(now),
                     "memory", memory_json(now));
}
