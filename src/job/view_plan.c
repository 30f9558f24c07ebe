/* SPDX-License-Identifier: Apache-2.0 */
/* view_plan: vertices, their operators and subtasks, and the edges between them, as a view shows
 * them.
 */
#include "job/view.h"

#include <stdio.h>

static void
put_id(char out[33], const uint8_t id[16])
{
    for (int i = 0; i < 16; i++) {
        snprintf(out + 2 * i, 3, "%02x", id[i]);
    }
}

static const char *
vertex_name(const weir_job *job, const struct wr_vertex *vertex, struct wr_arena *arena)
{
    struct wr_buffer text;
    weir_alloc alloc = wr_arena_as_alloc(arena);
    wr_buffer_init(&text, &alloc);
    for (uint32_t i = 0; i < vertex->chain_count; i++) {
        const struct wr_node *node = job->plan->operators[vertex->chain[i]].node;
        const char *before = i != 0 ? " -> " : "";
        const char *role = node->leg_count == 0        ? "Source: "
                           : node->output_type == NULL ? "Sink: "
                                                       : "";
        wr_buffer_print(&text, "%s%s%s", before, role, node->name);
    }
    wr_buffer_put(&text, "", 1);
    return text.refused ? NULL : (const char *)text.data;
}

static void
show_counters(const struct wr_task_counters *counters, weir_subtask_view *out)
{
    out->records_in = counters->records_in;
    out->records_out = counters->records_out;
    out->state_bytes = counters->state_bytes;
    out->state_entries = counters->state_entries;
    out->busy_ms = counters->busy_ns / 1000000U;
    out->idle_ms = counters->idle_ns / 1000000U;
    out->backpressured_ms = counters->backpressured_ns / 1000000U;
    out->input_watermark_ms = counters->input_watermark_ms;
    out->output_watermark_ms = counters->output_watermark_ms;
    out->late_records = counters->late_records;
    out->timers = counters->timers;
    out->bytes_in = counters->bytes_in;
    out->bytes_out = counters->bytes_out;
    out->pending_transactions = counters->pending_transactions;
}

static weir_status
fill_subtasks(weir_job *job, const struct wr_vertex *vertex, struct wr_arena *arena,
              const weir_subtask_view **out)
{
    weir_subtask_view *subtasks = wr_arena_new(arena, vertex->parallelism * sizeof *subtasks);
    if (subtasks == NULL) {
        return WEIR_NOMEM;
    }
    uint64_t now_ns = job->os->ops->monotonic_ns(job->os);
    for (uint32_t i = 0; i < vertex->parallelism; i++) {
        uint32_t task = vertex->first_task + i;
        const struct wr_watched_task *watched = &job->watch.tasks[task];
        subtasks[i] = (weir_subtask_view){ .index = i,
                                           .state = watched->state,
                                           .start_ms = watched->start_ms,
                                           .running_ms = watched->running_ms,
                                           .end_ms = watched->end_ms,
                                           .input_watermark_ms = WEIR_NO_WATERMARK,
                                           .output_watermark_ms = WEIR_NO_WATERMARK };
        if (job->tasks != NULL && job->tasks[task] != NULL) {
            struct wr_task_counters counters;
            wr_task_count(job->tasks[task], now_ns, &counters);
            show_counters(&counters, &subtasks[i]);
        }
    }
    *out = subtasks;
    return WEIR_OK;
}

static weir_status
fill_operators(const weir_job *job, const struct wr_vertex *vertex, struct wr_arena *arena,
               const weir_operator_view **out)
{
    weir_operator_view *operators = wr_arena_new(arena, vertex->chain_count * sizeof *operators);
    if (operators == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < vertex->chain_count; i++) {
        const struct wr_plan_operator *from = &job->plan->operators[vertex->chain[i]];
        operators[i].name = wr_arena_copy_text(arena, from->node->name);
        operators[i].uid = wr_arena_copy_text(arena, from->node->uid);
        put_id(operators[i].id, from->id);
        if (operators[i].name == NULL || operators[i].uid == NULL) {
            return WEIR_NOMEM;
        }
    }
    *out = operators;
    return WEIR_OK;
}

static weir_status
fill_vertices(weir_job *job, struct wr_arena *arena, weir_job_view *view)
{
    const struct wr_plan *plan = job->plan;
    weir_vertex_view *vertices = wr_arena_new(arena, plan->vertex_count * sizeof *vertices);
    if (vertices == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < plan->vertex_count; i++) {
        const struct wr_vertex *from = &plan->vertices[i];
        const struct wr_plan_operator *head = &plan->operators[from->first_operator];
        const struct wr_plan_operator *tail = &plan->operators[from->chain[from->chain_count - 1]];
        weir_vertex_view *to = &vertices[i];
        put_id(to->id, head->id);
        to->name = vertex_name(job, from, arena);
        to->parallelism = from->parallelism;
        to->max_parallelism = head->max_parallelism;
        to->first_task = from->first_task;
        to->is_source = head->node->leg_count == 0;
        to->is_sink = tail->node->output_type == NULL;
        to->operator_count = from->chain_count;
        weir_status status = to->name != NULL ? WEIR_OK : WEIR_NOMEM;
        if (status == WEIR_OK) {
            status = fill_operators(job, from, arena, &to->operators);
        }
        if (status == WEIR_OK) {
            status = fill_subtasks(job, from, arena, &to->subtasks);
        }
        if (status != WEIR_OK) {
            return status;
        }
    }
    view->vertices = vertices;
    view->vertex_count = plan->vertex_count;
    return WEIR_OK;
}

/* Flink's words for an edge. */
static const char *
ship_name(enum wr_edge edge)
{
    switch (edge) {
    case WR_EDGE_FORWARD:
        return "FORWARD";
    case WR_EDGE_KEYED:
        return "HASH";
    case WR_EDGE_REBALANCE:
        return "REBALANCE";
    case WR_EDGE_BROADCAST:
        return "BROADCAST";
    }
    return "?";
}

static weir_status
fill_edges(const weir_job *job, struct wr_arena *arena, weir_job_view *view)
{
    uint32_t count = job->plan->edge_count;
    weir_edge_view *edges = wr_arena_new(arena, count * sizeof *edges);
    if (edges == NULL && count != 0) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct wr_plan_edge *from = &job->plan->edges[i];
        edges[i] = (weir_edge_view){ from->from, from->to, ship_name(from->edge) };
    }
    view->edges = edges;
    view->edge_count = count;
    return WEIR_OK;
}

weir_status
wr_view_fill_plan(weir_job *job, struct wr_arena *arena, weir_job_view *view)
{
    weir_status status = fill_vertices(job, arena, view);
    return status == WEIR_OK ? fill_edges(job, arena, view) : status;
}
