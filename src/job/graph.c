/* SPDX-License-Identifier: Apache-2.0 */
/* graph: builds the graph that a job's main describes.
 *
 * The first mistake is kept; from then on every call answers NULL and changes nothing, so that a
 * job's main needs no checks and the user still sees what was wrong first.
 */
#include "job/graph.h"

#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_MAX_SIZE = 200
};

weir_status
weir_environment_create(const weir_alloc *alloc, const weir_options *options,
                        weir_environment **out_environment)
{
    if (out_environment == NULL) {
        return WEIR_INVALID;
    }
    weir_alloc from = alloc != NULL ? *alloc : wr_memory_system();
    weir_environment *environment = wr_memory_new(&from, sizeof *environment);
    if (environment == NULL) {
        return WEIR_NOMEM;
    }
    environment->alloc = from;
    wr_arena_init(&environment->arena, &environment->alloc);
    weir_status status = options != NULL ? weir_options_copy(options, &environment->options)
                                         : weir_options_create(&from, &environment->options);
    if (status != WEIR_OK) {
        weir_environment_destroy(environment);
        return status;
    }
    *out_environment = environment;
    return WEIR_OK;
}

void
weir_environment_destroy(weir_environment *environment)
{
    if (environment == NULL) {
        return;
    }
    for (struct wr_kept_type *kept = environment->types; kept != NULL; kept = kept->next) {
        weir_type_destroy(kept->type);
    }
    weir_options_destroy(environment->options);
    wr_arena_fini(&environment->arena);
    weir_alloc alloc = environment->alloc;
    wr_memory_free(&alloc, environment, sizeof *environment);
}

weir_status
weir_environment_fail(weir_environment *environment, weir_status status, const char *format, ...)
{
    if (environment == NULL || status == WEIR_OK) {
        return WEIR_INVALID;
    }
    if (environment->error.status == WEIR_OK) {
        va_list arguments;
        va_start(arguments, format);
        status =
            wr_fail_at_v(&environment->error, status, 0, __FILE__, __LINE__, format, arguments);
        va_end(arguments);
    }
    return status;
}

weir_status
weir_environment_usage(weir_environment *environment, int argc, char **argv, const char *usage)
{
    bool asked = false;
    for (int i = 1; i < argc; i++) {
        asked = asked || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    }
    return weir_environment_fail(environment, asked ? WEIR_CANCELLED : WEIR_INVALID, "%s", usage);
}

weir_status
weir_environment_status(const weir_environment *environment, weir_error *err)
{
    if (environment == NULL) {
        return WEIR_INVALID;
    }
    if (environment->error.status != WEIR_OK && err != NULL) {
        *err = environment->error;
    }
    return environment->error.status;
}

static bool
is_broken(const weir_environment *environment)
{
    return environment == NULL || environment->error.status != WEIR_OK;
}

static const char *
keep_text(weir_environment *environment, const char *text)
{
    const char *kept = wr_arena_copy_text(&environment->arena, text);
    if (kept == NULL) {
        (void)weir_environment_fail(environment, WEIR_NOMEM, "no memory for the job's graph");
    }
    return kept;
}

void
weir_environment_name_job(weir_environment *environment, const char *name)
{
    if (is_broken(environment)) {
        return;
    }
    if (name == NULL || name[0] == '\0' || strlen(name) > NAME_MAX_SIZE) {
        (void)weir_environment_fail(environment, WEIR_INVALID, "a job's name has 1 to %d bytes",
                                    NAME_MAX_SIZE);
        return;
    }
    environment->job_name = keep_text(environment, name);
}

const char *
wr_environment_job_name(const weir_environment *environment)
{
    const char *configured = weir_options_text(environment->options, "pipeline.name");
    if (configured != NULL) {
        return configured;
    }
    return environment->job_name != NULL ? environment->job_name : "weir-job";
}

void
weir_environment_set(weir_environment *environment, const char *key, const char *value)
{
    if (is_broken(environment)) {
        return;
    }
    weir_error error = { 0 };
    weir_status status = weir_options_set(environment->options, key, value, WEIR_LEVEL_JOB,
                                          "the job's code", &error);
    if (status != WEIR_OK) {
        (void)weir_environment_fail(environment, status, "%s", error.message);
    }
}

const weir_type *
weir_environment_struct(weir_environment *environment, const char *name, size_t size,
                        const weir_field *fields, size_t field_count)
{
    if (is_broken(environment)) {
        return NULL;
    }
    weir_error error = { 0 };
    weir_type *type = NULL;
    weir_status status = weir_type_create_struct(&environment->alloc, name, size, fields,
                                                 field_count, &type, &error);
    struct wr_kept_type *kept = NULL;
    if (status == WEIR_OK) {
        kept = wr_arena_new(&environment->arena, sizeof *kept);
        status = kept != NULL ? WEIR_OK : WEIR_NOMEM;
    }
    if (status != WEIR_OK) {
        weir_type_destroy(type);
        (void)weir_environment_fail(environment, status, "%s",
                                    error.status != WEIR_OK ? error.message
                                                            : "no memory for a type");
        return NULL;
    }
    *kept = (struct wr_kept_type){ .next = environment->types, .type = type };
    environment->types = kept;
    return type;
}

/* --- nodes --- */

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
    if (is_broken(environment)) {
        return NULL;
    }
    if (name == NULL || name[0] == '\0' || strlen(name) > NAME_MAX_SIZE) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "an operator's name has 1 to %d bytes", NAME_MAX_SIZE);
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
    node->name = keep_text(environment, name);
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
    if (stream == NULL || is_broken(stream->environment)) {
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

/* --- partitioning --- */

static weir_stream *
copy_stream(weir_stream *stream)
{
    if (stream == NULL || is_broken(stream->environment)) {
        return NULL;
    }
    weir_stream *copy = wr_arena_new(&stream->environment->arena, sizeof *copy);
    if (copy == NULL) {
        (void)weir_environment_fail(stream->environment, WEIR_NOMEM,
                                    "no memory for the job's graph");
        return NULL;
    }
    *copy = *stream;
    return copy;
}

/* One name of "user,day" at *at; false at the end. */
static bool
next_field(const char **at, char *out, size_t room)
{
    while (**at == ' ' || **at == ',') {
        (*at)++;
    }
    size_t size = strcspn(*at, ", ");
    if (size == 0) {
        return false;
    }
    snprintf(out, room, "%.*s", (int)size, *at);
    *at += size;
    return true;
}

static bool
parse_key(weir_stream *stream, const char *fields, struct wr_leg *out_leg)
{
    weir_environment *environment = stream->environment;
    char name[256];
    for (const char *at = fields; next_field(&at, name, sizeof name);) {
        size_t index = 0;
        if (weir_type_find_field(stream->type, name, &index) != WEIR_OK) {
            (void)weir_environment_fail(environment, WEIR_INVALID,
                                        "key_by(\"%s\"): type '%s' has no field '%s'", fields,
                                        weir_type_name(stream->type), name);
            return false;
        }
        if (out_leg->key_field_count == WR_KEY_FIELDS_MAX) {
            (void)weir_environment_fail(environment, WEIR_LIMIT,
                                        "key_by: a key has at most %d fields", WR_KEY_FIELDS_MAX);
            return false;
        }
        out_leg->key_fields[out_leg->key_field_count++] = index;
    }
    if (weir_type_kind(stream->type) != WEIR_STRUCT && out_leg->key_field_count == 0) {
        out_leg->key_field_count = 1; /* a record that is no struct is its own key, field 0 */
        return true;
    }
    if (out_leg->key_field_count == 0) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "key_by(\"%s\"): name at least one field of '%s'", fields,
                                    weir_type_name(stream->type));
        return false;
    }
    return true;
}

weir_stream *
weir_stream_key_by(weir_stream *stream, const char *fields)
{
    weir_stream *keyed = copy_stream(stream);
    struct wr_leg key = { .edge = WR_EDGE_KEYED };
    if (keyed == NULL || keyed->type == NULL ||
        !parse_key(keyed, fields != NULL ? fields : "", &key)) {
        return NULL;
    }
    for (uint32_t i = 0; i < keyed->leg_count; i++) {
        key.from = keyed->legs[i].from;
        keyed->legs[i] = key;
    }
    return keyed;
}

static weir_stream *
repartition(weir_stream *stream, enum wr_edge edge)
{
    weir_stream *copy = copy_stream(stream);
    for (uint32_t i = 0; copy != NULL && i < copy->leg_count; i++) {
        copy->legs[i] = (struct wr_leg){ .from = copy->legs[i].from, .edge = edge };
    }
    return copy;
}

weir_stream *
weir_stream_rebalance(weir_stream *stream)
{
    return repartition(stream, WR_EDGE_REBALANCE);
}

weir_stream *
weir_stream_broadcast(weir_stream *stream)
{
    return repartition(stream, WR_EDGE_BROADCAST);
}

weir_stream *
weir_stream_union(weir_stream *one, weir_stream *other)
{
    weir_stream *both = copy_stream(one);
    if (both == NULL || other == NULL || is_broken(other->environment)) {
        return NULL;
    }
    weir_environment *environment = both->environment;
    if (other->environment != environment || both->type == NULL || other->type == NULL ||
        !weir_type_equal(both->type, other->type)) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "union: both streams must be of one type and one job");
        return NULL;
    }
    if (both->leg_count + other->leg_count > WR_LEGS_MAX) {
        (void)weir_environment_fail(environment, WEIR_LIMIT, "union: at most %d streams",
                                    WR_LEGS_MAX);
        return NULL;
    }
    for (uint32_t i = 0; i < other->leg_count; i++) {
        both->legs[both->leg_count++] = other->legs[i];
    }
    return both;
}

/* --- properties of the operator that made the stream --- */

static struct wr_node *
maker_of(weir_stream *stream, const char *what)
{
    if (stream == NULL || is_broken(stream->environment)) {
        return NULL;
    }
    if (stream->leg_count != 1) {
        (void)weir_environment_fail(stream->environment, WEIR_INVALID,
                                    "%s: a union has no operator of its own", what);
        return NULL;
    }
    return stream->legs[0].from;
}

weir_stream *
weir_stream_uid(weir_stream *stream, const char *uid)
{
    struct wr_node *node = maker_of(stream, "uid");
    if (node == NULL) {
        return NULL;
    }
    if (uid == NULL || uid[0] == '\0' || strlen(uid) > NAME_MAX_SIZE) {
        (void)weir_environment_fail(stream->environment, WEIR_INVALID,
                                    "operator '%s': a uid has 1 to %d bytes", node->name,
                                    NAME_MAX_SIZE);
        return NULL;
    }
    node->uid = keep_text(stream->environment, uid);
    return node->uid != NULL ? stream : NULL;
}

weir_stream *
weir_stream_name(weir_stream *stream, const char *name)
{
    struct wr_node *node = maker_of(stream, "name");
    if (node == NULL) {
        return NULL;
    }
    if (name == NULL || name[0] == '\0' || strlen(name) > NAME_MAX_SIZE) {
        (void)weir_environment_fail(stream->environment, WEIR_INVALID,
                                    "an operator's name has 1 to %d bytes", NAME_MAX_SIZE);
        return NULL;
    }
    node->name = keep_text(stream->environment, name);
    return node->name != NULL ? stream : NULL;
}

weir_stream *
weir_stream_parallelism(weir_stream *stream, uint32_t parallelism)
{
    struct wr_node *node = maker_of(stream, "parallelism");
    if (node == NULL) {
        return NULL;
    }
    if (parallelism == 0) {
        (void)weir_environment_fail(stream->environment, WEIR_INVALID,
                                    "operator '%s': parallelism must be at least 1", node->name);
        return NULL;
    }
    node->parallelism = parallelism;
    return stream;
}

weir_stream *
weir_stream_max_parallelism(weir_stream *stream, uint32_t max_parallelism)
{
    struct wr_node *node = maker_of(stream, "max_parallelism");
    if (node == NULL) {
        return NULL;
    }
    node->max_parallelism = max_parallelism;
    return stream;
}

weir_stream *
weir_stream_start_new_chain(weir_stream *stream)
{
    struct wr_node *node = maker_of(stream, "start_new_chain");
    if (node == NULL) {
        return NULL;
    }
    node->start_new_chain = true;
    return stream;
}

weir_stream *
weir_stream_stateful(weir_stream *stream)
{
    struct wr_node *node = maker_of(stream, "stateful");
    if (node == NULL) {
        return NULL;
    }
    node->stateful = true;
    return stream;
}

weir_environment *
weir_stream_environment(weir_stream *stream)
{
    return stream != NULL ? stream->environment : NULL;
}

const weir_type *
weir_stream_type(const weir_stream *stream)
{
    return stream != NULL ? stream->type : NULL;
}
