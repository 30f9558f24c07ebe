/* SPDX-License-Identifier: Apache-2.0 */
/* nodes: the operators of a job: each call makes one, that takes the streams it is given.
 */
#include "base/fail.h"
#include "job/graph.h"

#include <stdio.h>
#include <string.h>

/* What a user's table may do without: entries behind its own size are NULL. */
static bool
take_function(weir_environment *environment, const char *name, const weir_function *function,
              weir_function *out_function)
{
    if (function == NULL || function->size < offsetof(weir_function, poll) ||
        function->size > 4096) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "operator '%s': its weir_function has no size: set .size = "
                                    "sizeof(weir_function)",
                                    name);
        return false;
    }
    size_t size = function->size < sizeof *out_function ? function->size : sizeof *out_function;
    memset(out_function, 0, sizeof *out_function);
    memcpy(out_function, function, size);
    out_function->size = sizeof *out_function;
    return true;
}

static struct wr_node *
add_node(weir_environment *environment, const char *name, const weir_function *function,
         const void *argument, size_t argument_size)
{
    if (wr_environment_is_broken(environment)) {
        return NULL;
    }
    if (name == NULL || name[0] == '\0' || strlen(name) > WR_NODE_NAME_MAX) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "an operator's name has 1 to %d bytes", WR_NODE_NAME_MAX);
        return NULL;
    }
    if (environment->node_count == WR_NODES_MAX) {
        (void)weir_environment_fail(environment, WEIR_LIMIT, "a job has at most %d operators",
                                    WR_NODES_MAX);
        return NULL;
    }
    struct wr_node *node = wr_arena_new(&environment->arena, sizeof *node);
    void *copy = argument_size != 0 ? wr_arena_new(&environment->arena, argument_size) : NULL;
    if (node == NULL || (argument_size != 0 && copy == NULL)) {
        (void)weir_environment_fail(environment, WEIR_NOMEM, "no memory for operator '%s'", name);
        return NULL;
    }
    if (!take_function(environment, name, function, &node->function)) {
        return NULL;
    }
    if (argument_size != 0) {
        memcpy(copy, argument, argument_size);
    }
    node->argument = copy;
    node->name = wr_environment_keep_text(environment, name);
    node->uid = "";
    if (node->name == NULL) {
        return NULL;
    }
    node->index = environment->node_count;
    environment->nodes[environment->node_count++] = node;
    return node;
}

static weir_stream *
stream_of_node(weir_environment *environment, struct wr_node *node)
{
    weir_stream *stream = wr_arena_new(&environment->arena, sizeof *stream);
    if (stream == NULL) {
        (void)weir_environment_fail(environment, WEIR_NOMEM, "no memory for the job's graph");
        return NULL;
    }
    stream->environment = environment;
    stream->type = node->output_type;
    stream->legs[0] = (struct wr_leg){ .from = node, .edge = WR_EDGE_FORWARD };
    stream->leg_count = 1;
    return stream;
}

/* A node that takes the stream. */
static struct wr_node *
consume(weir_stream *stream, const char *name, const weir_function *function, const void *argument,
        size_t argument_size)
{
    if (stream == NULL || wr_environment_is_broken(stream->environment)) {
        return NULL;
    }
    if (stream->type == NULL) {
        (void)weir_environment_fail(stream->environment, WEIR_INVALID,
                                    "operator '%s' reads from a sink", name != NULL ? name : "");
        return NULL;
    }
    struct wr_node *node = add_node(stream->environment, name, function, argument, argument_size);
    if (node == NULL) {
        return NULL;
    }
    node->input_type = stream->type;
    memcpy(node->legs, stream->legs, sizeof node->legs);
    node->leg_count = stream->leg_count;
    for (uint32_t i = 0; i < node->leg_count; i++) {
        node->legs[i].from->consumer_count++;
    }
    return node;
}

weir_stream *
weir_environment_source(weir_environment *environment, const char *name,
                        const weir_function *function, const void *argument, size_t argument_size,
                        const weir_type *type)
{
    struct wr_node *node = add_node(environment, name, function, argument, argument_size);
    if (node == NULL) {
        return NULL;
    }
    if (node->function.poll == NULL || type == NULL) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "source '%s' needs a poll function and a type", name);
        return NULL;
    }
    node->output_type = type;
    return stream_of_node(environment, node);
}

weir_stream *
weir_stream_process(weir_stream *stream, const char *name, const weir_function *function,
                    const void *argument, size_t argument_size, const weir_type *type)
{
    struct wr_node *node = consume(stream, name, function, argument, argument_size);
    if (node == NULL) {
        return NULL;
    }
    if ((node->function.process == NULL && node->function.process_batch == NULL) || type == NULL) {
        (void)weir_environment_fail(stream->environment, WEIR_INVALID,
                                    "operator '%s' needs a process function and a type", name);
        return NULL;
    }
    node->output_type = type;
    return stream_of_node(stream->environment, node);
}

weir_stream *
weir_stream_map(weir_stream *stream, const char *name, const weir_function *function,
                const void *argument, size_t argument_size, const weir_type *type)
{
    return weir_stream_process(stream, name, function, argument, argument_size, type);
}

weir_stream *
weir_stream_flat_map(weir_stream *stream, const char *name, const weir_function *function,
                     const void *argument, size_t argument_size, const weir_type *type)
{
    return weir_stream_process(stream, name, function, argument, argument_size, type);
}

weir_stream *
weir_stream_filter(weir_stream *stream, const char *name, const weir_function *function,
                   const void *argument, size_t argument_size)
{
    struct wr_node *node = consume(stream, name, function, argument, argument_size);
    if (node == NULL) {
        return NULL;
    }
    if (node->function.filter == NULL) {
        (void)weir_environment_fail(stream->environment, WEIR_INVALID,
                                    "operator '%s' needs a filter function", name);
        return NULL;
    }
    node->output_type = node->input_type;
    return stream_of_node(stream->environment, node);
}

weir_stream *
weir_stream_sink(weir_stream *stream, const char *name, const weir_function *function,
                 const void *argument, size_t argument_size)
{
    struct wr_node *node = consume(stream, name, function, argument, argument_size);
    if (node == NULL) {
        return NULL;
    }
    if (node->function.process == NULL && node->function.process_batch == NULL) {
        (void)weir_environment_fail(stream->environment, WEIR_INVALID,
                                    "sink '%s' needs a process function", name);
        return NULL;
    }
    return stream_of_node(stream->environment, node);
}

/* --- two streams into one function --- */

static bool
takes_legs(weir_stream *stream, struct wr_node *node, const weir_stream *other)
{
    if (node->leg_count + other->leg_count > WR_LEGS_MAX) {
        (void)weir_environment_fail(stream->environment, WEIR_LIMIT,
                                    "connect '%s': at most %d streams in all", node->name,
                                    WR_LEGS_MAX);
        return false;
    }
    for (uint32_t i = 0; i < other->leg_count; i++) {
        struct wr_leg *leg = &node->legs[node->leg_count++];
        *leg = other->legs[i];
        leg->side = 1;
        leg->from->consumer_count++;
    }
    return true;
}

weir_stream *
weir_stream_connect(weir_stream *stream, weir_stream *other, const char *name,
                    const weir_function *function, const void *argument, size_t argument_size,
                    const weir_type *type)
{
    if (stream == NULL || other == NULL || wr_environment_is_broken(stream->environment)) {
        return NULL;
    }
    weir_environment *environment = stream->environment;
    if (other->environment != environment || other->type == NULL) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "connect '%s': the second stream is a sink's or another job's",
                                    name != NULL ? name : "");
        return NULL;
    }
    struct wr_node *node = consume(stream, name, function, argument, argument_size);
    if (node == NULL || !takes_legs(stream, node, other)) {
        return NULL;
    }
    if (node->function.process == NULL || node->function.process_other == NULL || type == NULL) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "connect '%s' needs a function with process for the first "
                                    "stream and process_other for the second, and a type",
                                    name);
        return NULL;
    }
    node->other_type = other->type;
    node->output_type = type;
    return stream_of_node(environment, node);
}
