/* SPDX-License-Identifier: Apache-2.0 */
/* top_data: asks for the job, its checkpoints, its states and its memory. */
#include "top_data.h"

#include "cli.h"
#include "show.h"

#include <stdlib.h>
#include <string.h>

/* --- one answer each --- */

static void
take_vertices(struct cli_top_data *data, const json_t *vertices)
{
    for (size_t i = 0; i < json_array_size(vertices) && i < CLI_TOP_ROWS_MAX; i++) {
        const json_t *one = json_array_get(vertices, i);
        const json_t *metrics = json_object_get(one, "metrics");
        struct cli_top_vertex *vertex = &data->vertices[data->vertex_count++];
        cli_member_text(one, "id", vertex->id, sizeof vertex->id);
        cli_member_text(one, "name", vertex->name, sizeof vertex->name);
        cli_member_text(one, "status", vertex->state, sizeof vertex->state);
        vertex->parallelism = cli_member_number(one, "parallelism");
        vertex->records_in = cli_member_number(metrics, "read-records");
        vertex->records_out = cli_member_number(metrics, "write-records");
        vertex->busy_ms = cli_member_number(metrics, "accumulated-busy-time");
        vertex->backpressured_ms = cli_member_number(metrics, "accumulated-backpressured-time");
    }
}

static void
say_has_consumer(struct cli_top_data *data, const char *id)
{
    for (size_t i = 0; id != NULL && i < data->vertex_count; i++) {
        if (strcmp(data->vertices[i].id, id) == 0) {
            data->vertices[i].is_sink = false;
        }
    }
}

/* {"nodes":[{"id","inputs":[{"id"}]}]}; nodes beside vertices of the same id. */
static void
take_plan(struct cli_top_data *data, const json_t *plan)
{
    const json_t *nodes = json_object_get(plan, "nodes");
    for (size_t i = 0; i < data->vertex_count; i++) {
        data->vertices[i].is_source = data->vertices[i].is_sink = true;
    }
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        const json_t *inputs = json_object_get(node, "inputs");
        const char *id = json_string_value(json_object_get(node, "id"));
        for (size_t at = 0; at < json_array_size(inputs); at++) {
            const json_t *input = json_array_get(inputs, at);
            say_has_consumer(data, json_string_value(json_object_get(input, "id")));
        }
        for (size_t at = 0; id != NULL && at < data->vertex_count; at++) {
            if (json_array_size(inputs) != 0 && strcmp(data->vertices[at].id, id) == 0) {
                data->vertices[at].is_source = false;
            }
        }
    }
}

static void
take_job(struct cli_top_data *data, const json_t *job)
{
    cli_member_text(job, "name", data->name, sizeof data->name);
    cli_member_text(job, "state", data->state, sizeof data->state);
    data->now_ms = cli_member_number(job, "now");
    data->duration_ms = cli_member_number(job, "duration");
    take_vertices(data, json_object_get(job, "vertices"));
    take_plan(data, json_object_get(job, "plan"));
}

static void
take_under_way(struct cli_top_checkpoints *out, const json_t *history)
{
    for (size_t i = 0; i < json_array_size(history); i++) {
        const json_t *one = json_array_get(history, i);
        char status[32];
        cli_member_text(one, "status", status, sizeof status);
        if (strcmp(status, "IN_PROGRESS") == 0) {
            out->is_under_way = true;
            out->is_savepoint = json_is_true(json_object_get(one, "is_savepoint"));
            out->id = cli_member_number(one, "id");
            out->acknowledged = cli_member_number(one, "num_acknowledged_subtasks");
            out->subtasks = cli_member_number(one, "num_subtasks");
            return;
        }
    }
}

static void
take_checkpoints(struct cli_top_data *data, const json_t *answer)
{
    struct cli_top_checkpoints *out = &data->checkpoints;
    const json_t *counts = json_object_get(answer, "counts");
    const json_t *latest = json_object_get(answer, "latest");
    const json_t *last = json_object_get(latest, "completed");
    out->completed = cli_member_number(counts, "completed");
    out->failed = cli_member_number(counts, "failed");
    out->in_progress = cli_member_number(counts, "in_progress");
    out->restored = cli_member_number(counts, "restored");
    out->has_last = json_is_object(last);
    out->last_id = cli_member_number(last, "id");
    out->last_bytes = cli_member_number(last, "checkpointed_size");
    out->last_duration_ms = cli_member_number(last, "end_to_end_duration");
    out->last_ack_ms = cli_member_number(last, "latest_ack_timestamp");
    cli_member_text(last, "external_path", out->last_path, sizeof out->last_path);
    cli_member_text(json_object_get(latest, "failed"), "failure_message", out->failure,
                    sizeof out->failure);
    take_under_way(out, json_object_get(answer, "history"));
}

static int
by_size(const void *one, const void *other)
{
    const struct cli_top_state *left = one;
    const struct cli_top_state *right = other;
    return (left->bytes < right->bytes) - (left->bytes > right->bytes);
}

static void
take_states(struct cli_top_data *data, const json_t *answer)
{
    const json_t *states = json_object_get(answer, "states");
    for (size_t i = 0; i < json_array_size(states) && i < CLI_TOP_ROWS_MAX; i++) {
        const json_t *one = json_array_get(states, i);
        struct cli_top_state *state = &data->states[data->state_count++];
        cli_member_text(json_object_get(one, "operator"), "name", state->operator_name,
                        sizeof state->operator_name);
        cli_member_text(one, "name", state->name, sizeof state->name);
        cli_member_text(one, "kind", state->kind, sizeof state->kind);
        state->entries = cli_member_number(one, "entries");
        state->bytes = cli_member_number(one, "bytes") + cli_member_number(one, "disk-bytes");
        state->is_exact = !json_is_false(json_object_get(one, "exact"));
    }
    if (data->state_count != 0) {
        qsort(data->states, data->state_count, sizeof data->states[0], by_size);
    }
}

static void
take_memory(struct cli_top_data *data, const json_t *answer)
{
    const json_t *pools = json_object_get(answer, "pools");
    for (size_t i = 0; i < json_array_size(pools) && i < CLI_TOP_ROWS_MAX; i++) {
        const json_t *one = json_array_get(pools, i);
        struct cli_top_pool *pool = &data->pools[data->pool_count++];
        cli_member_text(one, "name", pool->name, sizeof pool->name);
        pool->used_bytes = cli_member_number(one, "used-bytes");
        pool->peak_bytes = cli_member_number(one, "peak-bytes");
        pool->budget_bytes = cli_member_number(one, "budget-bytes");
    }
}

/* --- all of them --- */

static int
ask(struct cli_connection *connection, const char *path, struct cli_top_data *data,
    void (*take)(struct cli_top_data *data, const json_t *answer), char words[CLI_WORDS_SIZE])
{
    struct cli_reply reply;
    cli_ask(connection, "GET", path, NULL, &reply);
    if (reply.code == CLI_OK) {
        take(data, reply.json);
    } else {
        memcpy(words, reply.words, CLI_WORDS_SIZE);
    }
    int code = reply.code;
    cli_reply_free(&reply);
    return code;
}

int
cli_top_read(struct cli_connection *connection, const char *job_id, struct cli_top_data *out_data,
             char out_words[CLI_WORDS_SIZE])
{
    char path[128];
    memset(out_data, 0, sizeof *out_data);
    snprintf(out_data->id, sizeof out_data->id, "%s", job_id);
    snprintf(path, sizeof path, "/jobs/%s", job_id);
    int code = ask(connection, path, out_data, take_job, out_words);
    out_data->read_ms = cli_now_ms();
    if (code == CLI_OK) {
        snprintf(path, sizeof path, "/jobs/%s/checkpoints", job_id);
        code = ask(connection, path, out_data, take_checkpoints, out_words);
    }
    if (code == CLI_OK) {
        code = ask(connection, "/weir/v1/states", out_data, take_states, out_words);
        code = code == CLI_NOT_FOUND ? CLI_OK : code; /* Flink has neither */
    }
    if (code == CLI_OK) {
        code = ask(connection, "/weir/v1/memory", out_data, take_memory, out_words);
        code = code == CLI_NOT_FOUND ? CLI_OK : code;
    }
    return code;
}

/* --- rates --- */

static double
rate(int64_t before, int64_t now, double seconds)
{
    return now >= before ? (double)(now - before) / seconds : 0; /* a restart counts anew */
}

static double
share(double value)
{
    return value > 1 ? 1 : value;
}

struct cli_top_rates
cli_top_rates(const struct cli_top_data *before, const struct cli_top_data *now, size_t vertex)
{
    struct cli_top_rates rates = { -1, -1, -1, -1 };
    const struct cli_top_vertex *new = &now->vertices[vertex];
    if (before == NULL || now->read_ms <= before->read_ms || vertex >= before->vertex_count ||
        strcmp(before->vertices[vertex].id, new->id) != 0) {
        return rates;
    }
    const struct cli_top_vertex *old = &before->vertices[vertex];
    double seconds = (double)(now->read_ms - before->read_ms) / 1000;
    double time_ms = seconds * 1000 * (double)(new->parallelism > 0 ? new->parallelism : 1);
    rates.in = rate(old->records_in, new->records_in, seconds);
    rates.out = rate(old->records_out, new->records_out, seconds);
    rates.busy = share(rate(old->busy_ms, new->busy_ms, time_ms));
    rates.backpressured = share(rate(old->backpressured_ms, new->backpressured_ms, time_ms));
    return rates;
}

struct cli_top_rates
cli_top_job_rates(const struct cli_top_data *before, const struct cli_top_data *now)
{
    struct cli_top_rates all = { -1, -1, -1, -1 };
    for (size_t i = 0; before != NULL && i < now->vertex_count; i++) {
        const struct cli_top_vertex *vertex = &now->vertices[i];
        struct cli_top_rates one = cli_top_rates(before, now, i);
        if (one.in < 0) {
            continue;
        }
        /* Flink's sources read nothing, and its sinks write nothing. */
        double taken = one.in > 0 ? one.in : one.out;
        double given = one.out > 0 ? one.out : one.in;
        all.in = vertex->is_source ? (all.in > 0 ? all.in : 0) + taken : all.in;
        all.out = vertex->is_sink ? (all.out > 0 ? all.out : 0) + given : all.out;
        all.busy = one.busy > all.busy ? one.busy : all.busy;
        all.backpressured =
            one.backpressured > all.backpressured ? one.backpressured : all.backpressured;
    }
    return all;
}
