/* SPDX-License-Identifier: Apache-2.0 */
/* job/plan.h: the graph made ready to run: operators with ids, parallelism and keys, fused into
 * vertices.
 *
 *   node 0 --forward--> node 1 --keyed--> node 2 --forward--> node 3
 *   |________ vertex 0 ________|          |________ vertex 1 ________|
 *
 * A node is fused with its producer when it has that one input, by a forward edge (or a keyed one
 * at parallelism 1), with equal parallelism, and is the producer's only consumer.
 */
#ifndef WR_JOB_PLAN_H
#define WR_JOB_PLAN_H

#include "job/graph.h"

struct wr_plan_operator {
    const struct wr_node *node;
    uint8_t id[16]; /* murmur3_128 of the uid; without one of name and place, for stateless ones */
    uint32_t parallelism;
    uint32_t max_parallelism;
    bool max_parallelism_set; /* by the user or the configuration */
    bool keyed;
    struct wr_key_plan *key_plan;       /* of its input; NULL unless keyed */
    struct wr_key_plan *other_key_plan; /* of the second of two connected streams */
    bool other_is_broadcast;
    bool timed_input; /* some operator before it makes event time */
    bool timed;       /* that, or it does so itself: what it emits has timestamps */
    uint32_t vertex;
};

/* How batches come to a vertex from another. */
struct wr_plan_edge {
    uint32_t from; /* vertices */
    uint32_t to;
    enum wr_edge edge; /* after FORWARD between unequal parallelisms became REBALANCE */
    uint8_t side;      /* of two connected streams */
    bool timed;        /* its records have timestamps */
    const struct wr_key_plan *key_plan;
};

struct wr_vertex {
    uint32_t first_operator; /* index of the chain's head in `chain` order */
    uint32_t *chain;         /* operator indexes */
    uint32_t chain_count;
    uint32_t parallelism;
    uint32_t first_task; /* tasks are numbered vertex by vertex */
};

struct wr_plan {
    struct wr_arena arena;
    weir_alloc alloc;
    struct wr_plan_operator *operators; /* as the graph's nodes */
    uint32_t operator_count;
    struct wr_vertex *vertices; /* producers before consumers */
    uint32_t vertex_count;
    struct wr_plan_edge *edges;
    uint32_t edge_count;
    uint32_t task_count;
    uint32_t parallelism_max; /* of any vertex */
    bool stateful;            /* some operator keeps state */
};

/* WEIR_INVALID: nothing to run, stateful without uid, double uid, parallelism out of bounds. */
weir_status wr_plan_create(const weir_environment *environment, struct wr_plan **out_plan,
                           weir_error *err);
void wr_plan_destroy(struct wr_plan *plan); /* NULL ok */

bool wr_plan_operator_is_stateful(const struct wr_plan_operator *plan_operator);

#endif /* WR_JOB_PLAN_H */
