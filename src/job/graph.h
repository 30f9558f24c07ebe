/* SPDX-License-Identifier: Apache-2.0 */
/* job/graph.h: a job as the user wrote it down: nodes, and legs between them.
 *
 *   node: one source, operator or sink.    leg: how a stream reaches its consumer: from which node,
 * by which edge, keyed by which fields.     stream: one leg, or several after a union.
 *
 * Everything lives in the environment's arena. Thread: host.
 */
#ifndef WR_JOB_GRAPH_H
#define WR_JOB_GRAPH_H

#include "base/memory.h"
#include "runtime/task.h"
#include "weir/stream.h"

enum {
    WR_LEGS_MAX = 16,
    WR_NODE_NAME_MAX = 200,
    WR_KEY_FIELDS_MAX = 25,
    WR_NODES_MAX = 1024
};

struct wr_leg {
    struct wr_node *from;
    enum wr_edge edge;
    size_t key_fields[WR_KEY_FIELDS_MAX];
    size_t key_field_count; /* KEYED */
    uint8_t side;           /* of two connected streams, the first or the second: 0, 1 */
};

struct wr_node {
    uint32_t index; /* in order of making: producers come before consumers */
    const char *name;
    const char *uid; /* "" : none */
    weir_function function;
    const void *argument;
    const weir_type *input_type;
    const weir_type *other_type; /* of the second of two connected streams; NULL: there is none */
    const weir_type *output_type;
    uint32_t parallelism;     /* 0: the job's */
    uint32_t max_parallelism; /* 0: the job's, or derived */
    bool start_new_chain;
    bool stateful;
    struct wr_leg legs[WR_LEGS_MAX]; /* inputs; none: a source */
    uint32_t leg_count;
    uint32_t consumer_count; /* legs that begin here */
};

struct weir_stream {
    weir_environment *environment;
    const weir_type *type;
    struct wr_leg legs[WR_LEGS_MAX];
    uint32_t leg_count;
};

struct wr_kept_type {
    struct wr_kept_type *next;
    weir_type *type;
};

struct weir_environment {
    weir_alloc alloc;
    struct wr_arena arena;
    weir_options *options;
    const char *job_name; /* NULL: not named by the code */
    weir_error error;     /* the first mistake; status OK: none */
    struct wr_node *nodes[WR_NODES_MAX];
    uint32_t node_count;
    struct wr_kept_type *types;
};

/* pipeline.name from the command line, then the code's name, then "weir-job". */
const char *wr_environment_job_name(const weir_environment *environment);

/* A mistake was made: nothing is to be changed any more. NULL: so it is. */
bool wr_environment_is_broken(const weir_environment *environment);
/* A copy in the arena; NULL: no memory, which is the mistake. */
const char *wr_environment_keep_text(weir_environment *environment, const char *text);

#endif /* WR_JOB_GRAPH_H */
