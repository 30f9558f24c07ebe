/* SPDX-License-Identifier: Apache-2.0 */
/* print_plan: the plan as `weir info` shows it.
 *
 *   job wordcount
 *   vertex 0  parallelism 2
 *     source file        uid lines    state
 *     split
 *       keyed(word) -> vertex 1
 */
#include "job/plan.h"
#include "weir/job.h"

#include <string.h>

static void
print_key(struct wr_buffer *out, const weir_type *type, const struct wr_leg *leg)
{
    for (size_t i = 0; i < leg->key_field_count; i++) {
        const weir_field *field = weir_type_field(type, leg->key_fields[i]);
        wr_buffer_print(out, "%s%s", i != 0 ? "," : "", field != NULL ? field->name : "the record");
    }
}

static void
print_operator(struct wr_buffer *out, const struct wr_plan_operator *plan_operator)
{
    const struct wr_node *node = plan_operator->node;
    wr_buffer_print(out, "  %-24s", node->name);
    wr_buffer_print(out, "  uid %-16s", node->uid[0] != '\0' ? node->uid : "-");
    if (plan_operator->keyed) {
        wr_buffer_print(out, "  keyed by ");
        print_key(out, node->input_type, &node->legs[0]);
        for (uint32_t i = 0; i < node->leg_count; i++) {
            if (node->legs[i].side == 1 && node->legs[i].edge == WR_EDGE_KEYED) {
                wr_buffer_print(out, " and by ");
                print_key(out, node->other_type, &node->legs[i]);
                break;
            }
        }
        wr_buffer_print(out, ", max parallelism %u", plan_operator->max_parallelism);
    } else if (wr_plan_operator_is_stateful(plan_operator)) {
        wr_buffer_print(out, "  operator state");
    }
    if (node->function.event_time) {
        wr_buffer_print(out, "  event time");
    }
    wr_buffer_print(out, "\n");
}

static const char *
edge_name(enum wr_edge edge)
{
    switch (edge) {
    case WR_EDGE_FORWARD:
        return "forward";
    case WR_EDGE_KEYED:
        return "keyed";
    case WR_EDGE_REBALANCE:
        return "rebalance";
    case WR_EDGE_BROADCAST:
        return "broadcast";
    }
    return "?";
}

static void
print_plan(struct wr_buffer *out, const weir_environment *environment, const struct wr_plan *plan)
{
    wr_buffer_print(out, "job %s: %u operators in %u vertices, %u subtasks\n",
                    wr_environment_job_name(environment), plan->operator_count, plan->vertex_count,
                    plan->task_count);
    for (uint32_t i = 0; i < plan->vertex_count; i++) {
        const struct wr_vertex *vertex = &plan->vertices[i];
        wr_buffer_print(out, "vertex %u  parallelism %u\n", i, vertex->parallelism);
        for (uint32_t j = 0; j < vertex->chain_count; j++) {
            print_operator(out, &plan->operators[vertex->chain[j]]);
        }
        for (uint32_t j = 0; j < plan->edge_count; j++) {
            if (plan->edges[j].from == i) {
                wr_buffer_print(out, "    %s -> vertex %u%s\n", edge_name(plan->edges[j].edge),
                                plan->edges[j].to,
                                plan->edges[j].side == 1 ? ", its second stream" : "");
            }
        }
    }
}

size_t
weir_environment_print_plan(weir_environment *environment, char *out, size_t room, weir_error *err)
{
    struct wr_plan *plan = NULL;
    if (environment == NULL || wr_plan_create(environment, &plan, err) != WEIR_OK) {
        return 0;
    }
    struct wr_buffer text;
    wr_buffer_init(&text, &environment->alloc);
    print_plan(&text, environment, plan);
    size_t size = text.size;
    if (room != 0) {
        size_t copied = size < room ? size : room - 1;
        memcpy(out, text.data, copied);
        out[copied] = '\0';
    }
    wr_buffer_fini(&text);
    wr_plan_destroy(plan);
    return size;
}
