/* SPDX-License-Identifier: Apache-2.0 */
/* plan: checks the graph and makes it ready to run.
 *
 * Nodes are in order of making, so producers come before consumers and one pass each is enough:
 * first parallelism and ids, then fusing, then the edges that are left between vertices.
 */
#include "job/plan.h"

#include "base/fail.h"
#include "base/hash.h"
#include "types/key_group.h"

#include <stdio.h>
#include <string.h>

bool
wr_plan_operator_is_stateful(const struct wr_plan_operator *plan_operator)
{
    const struct wr_node *node = plan_operator->node;
    return node->stateful || plan_operator->keyed || node->function.initialize_state != NULL;
}

static weir_status
set_parallelism(const weir_environment *environment, struct wr_plan_operator *self, weir_error *err)
{
    const struct wr_node *node = self->node;
    int64_t configured = weir_options_int(environment->options, "parallelism.default");
    int64_t max_configured = weir_options_int(environment->options, "pipeline.max-parallelism");
    self->parallelism = node->parallelism != 0 ? node->parallelism : (uint32_t)configured;
    bool configured_max = max_configured != -1; /* -1: derived */
    self->max_parallelism_set = node->max_parallelism != 0 || configured_max;
    if (node->max_parallelism != 0) {
        self->max_parallelism = node->max_parallelism;
    } else if (configured_max) {
        self->max_parallelism = (uint32_t)max_configured;
    } else {
        self->max_parallelism = wr_max_parallelism_default(self->parallelism);
    }
    weir_status status = wr_parallelism_check(self->parallelism, self->max_parallelism, err);
    return status == WEIR_OK ? WEIR_OK
                             : wr_fail_context(err, status, "operator '%s': ", node->name);
}

/* The leg that stands for all of one side, which must reach the operator in one way. */
static weir_status
side_of(const struct wr_node *node, uint8_t side, const struct wr_leg **out_leg, weir_error *err)
{
    const struct wr_leg *first = NULL;
    for (uint32_t i = 0; i < node->leg_count; i++) {
        const struct wr_leg *leg = &node->legs[i];
        if (leg->side != side) {
            continue;
        }
        first = first == NULL ? leg : first;
        bool same = leg->edge != WR_EDGE_KEYED ||
                    (first->key_field_count == leg->key_field_count &&
                     memcmp(first->key_fields, leg->key_fields, sizeof leg->key_fields) == 0);
        if ((leg->edge == WR_EDGE_KEYED) != (first->edge == WR_EDGE_KEYED) || !same) {
            return wr_fail(
                err, WEIR_INVALID,
                "operator '%s' reads streams keyed by different fields: key_by after union",
                node->name);
        }
    }
    *out_leg = first;
    return WEIR_OK;
}

static weir_status
make_key_plan(struct wr_plan *plan, const struct wr_node *node, const struct wr_leg *leg,
              struct wr_key_plan **out_plan, weir_error *err)
{
    const weir_type *type = leg->side == 1 ? node->other_type : node->input_type;
    weir_status status = wr_key_plan_create(&plan->alloc, type, leg->key_fields,
                                            leg->key_field_count, out_plan, err);
    return status == WEIR_OK ? WEIR_OK
                             : wr_fail_context(err, status, "operator '%s': ", node->name);
}

/* Of two connected streams: what may stand beside the first. */
static weir_status
set_other_key(struct wr_plan *plan, struct wr_plan_operator *self, const struct wr_leg *other,
              weir_error *err)
{
    const struct wr_node *node = self->node;
    self->other_is_broadcast = other->edge == WR_EDGE_BROADCAST;
    bool other_keyed = other->edge == WR_EDGE_KEYED;
    if (other_keyed != self->keyed && !self->other_is_broadcast) {
        return wr_fail(err, WEIR_INVALID,
                       "connect '%s': the %s stream is keyed and the %s is not: key both, or let "
                       "the first be keyed and the second be broadcast",
                       node->name, self->keyed ? "first" : "second",
                       self->keyed ? "second" : "first");
    }
    if (!other_keyed) {
        return WEIR_OK;
    }
    WR_TRY(make_key_plan(plan, node, other, &self->other_key_plan, err));
    const weir_type *one = wr_key_plan_type(self->key_plan);
    const weir_type *two = wr_key_plan_type(self->other_key_plan);
    if (!weir_type_equal(one, two)) {
        return wr_fail(err, WEIR_INVALID,
                       "connect '%s': the streams are keyed by different types (%s and %s), so "
                       "they could never meet in a key",
                       node->name, weir_type_name(one), weir_type_name(two));
    }
    return WEIR_OK;
}

static weir_status
set_key(struct wr_plan *plan, struct wr_plan_operator *self, weir_error *err)
{
    const struct wr_leg *first = NULL;
    const struct wr_leg *other = NULL;
    WR_TRY(side_of(self->node, 0, &first, err));
    WR_TRY(side_of(self->node, 1, &other, err));
    if (first != NULL && first->edge == WR_EDGE_KEYED) {
        self->keyed = true;
        WR_TRY(make_key_plan(plan, self->node, first, &self->key_plan, err));
    }
    return other == NULL ? WEIR_OK : set_other_key(plan, self, other, err);
}

/* Timestamps cost a word a record, so only those have them that some operator before makes. */
static void
set_time(const struct wr_plan *plan, struct wr_plan_operator *self)
{
    for (uint32_t i = 0; i < self->node->leg_count; i++) {
        self->timed_input |= plan->operators[self->node->legs[i].from->index].timed;
    }
    self->timed = self->timed_input || self->node->function.event_time;
}

static weir_status
set_id(struct wr_plan *plan, struct wr_plan_operator *self, weir_error *err)
{
    const struct wr_node *node = self->node;
    if (node->uid[0] != '\0') {
        wr_hash_murmur3_128(node->uid, strlen(node->uid), self->id);
        for (struct wr_plan_operator *other = plan->operators; other != self; other++) {
            if (strcmp(other->node->uid, node->uid) == 0) {
                return wr_fail(err, WEIR_INVALID,
                               "Hash collision on user-specified ID '%s': operators '%s' and '%s' "
                               "have one uid; give each its own",
                               node->uid, other->node->name, node->name);
            }
        }
        return WEIR_OK;
    }
    if (wr_plan_operator_is_stateful(self)) {
        return wr_fail(err, WEIR_INVALID,
                       "operator '%s' keeps state and has no uid, so its state could not be found "
                       "again: add weir_stream_uid(stream, \"%s\")",
                       node->name, node->name);
    }
    char place[256];
    int size = snprintf(place, sizeof place, "weir without uid %u %s", node->index, node->name);
    wr_hash_murmur3_128(place, (size_t)size < sizeof place ? (size_t)size : sizeof place - 1,
                        self->id);
    return WEIR_OK;
}

static weir_status
make_operators(const weir_environment *environment, struct wr_plan *plan, weir_error *err)
{
    plan->operator_count = environment->node_count;
    plan->operators = wr_arena_new(&plan->arena, sizeof *plan->operators * environment->node_count);
    if (plan->operators == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the job's plan");
    }
    for (uint32_t i = 0; i < plan->operator_count; i++) {
        struct wr_plan_operator *self = &plan->operators[i];
        self->node = environment->nodes[i];
        WR_TRY(set_parallelism(environment, self, err));
        WR_TRY(set_key(plan, self, err));
        set_time(plan, self);
        WR_TRY(set_id(plan, self, err));
        plan->stateful = plan->stateful || wr_plan_operator_is_stateful(self);
    }
    return WEIR_OK;
}

/* --- fusing --- */

static bool
is_fused(const weir_environment *environment, const struct wr_plan *plan,
         const struct wr_plan_operator *self)
{
    const struct wr_node *node = self->node;
    if (node->leg_count != 1 || node->start_new_chain ||
        !weir_options_bool(environment->options, "pipeline.operator-chaining.enabled")) {
        return false;
    }
    const struct wr_leg *leg = &node->legs[0];
    const struct wr_plan_operator *producer = &plan->operators[leg->from->index];
    bool direct =
        leg->edge == WR_EDGE_FORWARD || (leg->edge == WR_EDGE_KEYED && self->parallelism == 1);
    return direct && producer->parallelism == self->parallelism && leg->from->consumer_count == 1;
}

static weir_status
make_vertices(const weir_environment *environment, struct wr_plan *plan, weir_error *err)
{
    plan->vertices = wr_arena_new(&plan->arena, sizeof *plan->vertices * plan->operator_count);
    uint32_t *chains =
        wr_arena_new(&plan->arena, sizeof *chains * plan->operator_count * plan->operator_count);
    if (plan->vertices == NULL || chains == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the job's plan");
    }
    for (uint32_t i = 0; i < plan->operator_count; i++) {
        struct wr_plan_operator *self = &plan->operators[i];
        if (is_fused(environment, plan, self)) {
            self->vertex = plan->operators[self->node->legs[0].from->index].vertex;
        } else {
            self->vertex = plan->vertex_count++;
            struct wr_vertex *vertex = &plan->vertices[self->vertex];
            vertex->chain = chains + (size_t)self->vertex * plan->operator_count;
            vertex->parallelism = self->parallelism;
            vertex->first_operator = i;
        }
        struct wr_vertex *vertex = &plan->vertices[self->vertex];
        vertex->chain[vertex->chain_count++] = i;
    }
    for (uint32_t i = 0; i < plan->vertex_count; i++) {
        plan->vertices[i].first_task = plan->task_count;
        plan->task_count += plan->vertices[i].parallelism;
        if (plan->vertices[i].parallelism > plan->parallelism_max) {
            plan->parallelism_max = plan->vertices[i].parallelism;
        }
    }
    return WEIR_OK;
}

static weir_status
make_edges(struct wr_plan *plan, weir_error *err)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->vertex_count; i++) {
        count += plan->operators[plan->vertices[i].first_operator].node->leg_count;
    }
    plan->edges = wr_arena_new(&plan->arena, sizeof *plan->edges * (count != 0 ? count : 1));
    if (plan->edges == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the job's plan");
    }
    for (uint32_t i = 0; i < plan->vertex_count; i++) {
        const struct wr_plan_operator *head = &plan->operators[plan->vertices[i].first_operator];
        for (uint32_t j = 0; j < head->node->leg_count; j++) {
            const struct wr_leg *leg = &head->node->legs[j];
            uint32_t from = plan->operators[leg->from->index].vertex;
            bool uneven = plan->vertices[from].parallelism != plan->vertices[i].parallelism;
            plan->edges[plan->edge_count++] = (struct wr_plan_edge){
                .from = from,
                .to = i,
                .edge = leg->edge == WR_EDGE_FORWARD && uneven ? WR_EDGE_REBALANCE : leg->edge,
                .key_plan = leg->side == 1 ? head->other_key_plan : head->key_plan,
                .side = leg->side,
                .timed = plan->operators[leg->from->index].timed,
            };
        }
    }
    return WEIR_OK;
}

weir_status
wr_plan_create(const weir_environment *environment, struct wr_plan **out_plan, weir_error *err)
{
    WR_TRY(weir_environment_status(environment, err));
    if (environment->node_count == 0) {
        return wr_fail(err, WEIR_INVALID, "the job has no operators: its main built no stream");
    }
    struct wr_plan *plan = wr_memory_new(&environment->alloc, sizeof *plan);
    if (plan == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the job's plan");
    }
    plan->alloc = environment->alloc;
    wr_arena_init(&plan->arena, &plan->alloc);
    weir_status status = make_operators(environment, plan, err);
    if (status == WEIR_OK) {
        status = make_vertices(environment, plan, err);
    }
    if (status == WEIR_OK) {
        status = make_edges(plan, err);
    }
    if (status != WEIR_OK) {
        wr_plan_destroy(plan);
        return status;
    }
    *out_plan = plan;
    return WEIR_OK;
}

void
wr_plan_destroy(struct wr_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (uint32_t i = 0; plan->operators != NULL && i < plan->operator_count; i++) {
        wr_key_plan_destroy(plan->operators[i].key_plan);
        wr_key_plan_destroy(plan->operators[i].other_key_plan);
    }
    wr_arena_fini(&plan->arena);
    weir_alloc alloc = plan->alloc;
    wr_memory_free(&alloc, plan, sizeof *plan);
}
