/* SPDX-License-Identifier: Apache-2.0 */
/* partition: streams of streams: how records find their consumers, and what the operator that made
 * a stream is called.
 */
#include "base/fail.h"
#include "job/graph.h"

#include <stdio.h>
#include <string.h>

static weir_stream *
copy_stream(weir_stream *stream)
{
    if (stream == NULL || wr_environment_is_broken(stream->environment)) {
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
    if (both == NULL || other == NULL || wr_environment_is_broken(other->environment)) {
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
    if (stream == NULL || wr_environment_is_broken(stream->environment)) {
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
    if (uid == NULL || uid[0] == '\0' || strlen(uid) > WR_NODE_NAME_MAX) {
        (void)weir_environment_fail(stream->environment, WEIR_INVALID,
                                    "operator '%s': a uid has 1 to %d bytes", node->name,
                                    WR_NODE_NAME_MAX);
        return NULL;
    }
    node->uid = wr_environment_keep_text(stream->environment, uid);
    return node->uid != NULL ? stream : NULL;
}

weir_stream *
weir_stream_name(weir_stream *stream, const char *name)
{
    struct wr_node *node = maker_of(stream, "name");
    if (node == NULL) {
        return NULL;
    }
    if (name == NULL || name[0] == '\0' || strlen(name) > WR_NODE_NAME_MAX) {
        (void)weir_environment_fail(stream->environment, WEIR_INVALID,
                                    "an operator's name has 1 to %d bytes", WR_NODE_NAME_MAX);
        return NULL;
    }
    node->name = wr_environment_keep_text(stream->environment, name);
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

const size_t *
weir_stream_key_fields(const weir_stream *stream, size_t *out_count)
{
    bool keyed = stream != NULL && stream->legs[0].edge == WR_EDGE_KEYED;
    if (out_count != NULL) {
        *out_count = keyed ? stream->legs[0].key_field_count : 0;
    }
    return keyed ? stream->legs[0].key_fields : NULL;
}
