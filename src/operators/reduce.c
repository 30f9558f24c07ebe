/* SPDX-License-Identifier: Apache-2.0 */
/* reduce: the running result of a user's function per key.
 *
 *   node's argument:  | the user's table | the user's argument |
 *   instance:         | ours | the user's |
 *
 * The user's function lives inside ours: it gets its own argument, its own instance, and every call
 * of its life. What it answers is cut to the rest at once, so the state never keeps a block of the
 * user's, and the emitted record has the key of the record that came in.
 *
 * The block for a result of fixed size is taken before the state is touched: an emit ends the loan
 * of a state's value.
 */
#include "base/memory.h"
#include "operators/rest.h"
#include "weir/stream.h"

enum {
    ALIGNMENT = 16
};

struct reduce_argument {
    _Alignas(ALIGNMENT) weir_function user;
    bool has_argument;
};

struct reduce {
    _Alignas(ALIGNMENT) struct wr_rest rest;
    const weir_function *user;
    bool user_began; /* so that its close is due */
};

static void *
user_of(struct reduce *reduce)
{
    return reduce + 1;
}

static weir_status
reduce_initialize(weir_context *context, void *self)
{
    struct reduce *reduce = self;
    const struct reduce_argument *argument = weir_context_argument(context);
    reduce->user = &argument->user;
    weir_context_set_argument(context, argument->has_argument ? argument + 1 : NULL);
    weir_status status = wr_rest_init(&reduce->rest, context, "reduce");
    if (status != WEIR_OK) {
        return status;
    }
    reduce->user_began = true;
    return reduce->user->initialize_state != NULL
               ? reduce->user->initialize_state(context, user_of(reduce))
               : WEIR_OK;
}

static weir_status
reduce_open(weir_context *context, void *self)
{
    struct reduce *reduce = self;
    return reduce->user->open != NULL ? reduce->user->open(context, user_of(reduce)) : WEIR_OK;
}

static weir_status
reduce_snapshot(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct reduce *reduce = self;
    return reduce->user->snapshot_state != NULL
               ? reduce->user->snapshot_state(context, user_of(reduce), checkpoint_id)
               : WEIR_OK;
}

static weir_status
reduce_complete(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct reduce *reduce = self;
    return reduce->user->notify_checkpoint_complete != NULL
               ? reduce->user->notify_checkpoint_complete(context, user_of(reduce), checkpoint_id)
               : WEIR_OK;
}

static weir_status
reduce_aborted(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct reduce *reduce = self;
    return reduce->user->notify_checkpoint_aborted != NULL
               ? reduce->user->notify_checkpoint_aborted(context, user_of(reduce), checkpoint_id)
               : WEIR_OK;
}

static weir_status
reduce_finish(weir_context *context, void *self, weir_collector *out)
{
    struct reduce *reduce = self;
    return reduce->user->finish != NULL ? reduce->user->finish(context, user_of(reduce), out)
                                        : WEIR_OK;
}

static void
reduce_close(weir_context *context, void *self)
{
    struct reduce *reduce = self;
    if (reduce->user_began && reduce->user->close != NULL) {
        reduce->user->close(context, user_of(reduce));
    }
    wr_rest_fini(&reduce->rest);
}

/* The user's answer for the rest `old` and the record; lent until the function returns. */
static weir_status
call_user(struct reduce *reduce, weir_context *context, const void *old, const void *record,
          const void **out_result)
{
    const weir_projection *projection = reduce->rest.projection;
    void *accumulated =
        weir_context_scratch(context, weir_projection_join_size(projection, record, old));
    if (accumulated == NULL) {
        return WEIR_NOMEM;
    }
    weir_projection_join(projection, record, old, accumulated);
    const void *result = NULL;
    weir_status status =
        reduce->user->reduce(context, user_of(reduce), accumulated, record, &result);
    if (status != WEIR_OK) {
        return status;
    }
    if (result == NULL) {
        return weir_context_fail(context, WEIR_USER, "the reduce function gave no result");
    }
    *out_result = result;
    return WEIR_OK;
}

/* A rest of fixed size: changed in place. */
static weir_status
reduce_fixed(struct reduce *reduce, weir_context *context, const void *record, weir_collector *out)
{
    const struct wr_rest *rest = &reduce->rest;
    size_t size = weir_context_record_size(context);
    void *block = weir_collector_emit(out, size);
    if (block == NULL) {
        return WEIR_LIMIT; /* the task has the words */
    }
    memcpy(block, record, size);
    const void *old;
    weir_status status = weir_value_find(rest->state, &old);
    const void *result = record;
    if (status == WEIR_OK) {
        status = call_user(reduce, context, old, record, &result);
    } else if (status == WEIR_NOT_FOUND) {
        status = WEIR_OK;
    }
    void *value;
    if (status == WEIR_OK) {
        status = weir_value_upsert(rest->state, &value, NULL);
    }
    if (status == WEIR_OK) {
        weir_projection_take(rest->projection, result, value);
        wr_rest_spread(rest, value, block);
    }
    return status;
}

static weir_status
reduce_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct reduce *reduce = self;
    const struct wr_rest *rest = &reduce->rest;
    if (rest->is_fixed) {
        return reduce_fixed(reduce, context, record, out);
    }
    weir_bytes old;
    weir_status status = weir_value_get(rest->state, &old);
    const void *result = record;
    if (status == WEIR_OK) {
        status = call_user(reduce, context, old.data, record, &result);
    } else if (status == WEIR_NOT_FOUND) {
        status = WEIR_OK;
    }
    if (status != WEIR_OK) {
        return status;
    }
    size_t size = weir_projection_take_size(rest->projection, result);
    void *value = weir_context_scratch(context, size);
    if (value == NULL) {
        return WEIR_NOMEM;
    }
    weir_projection_take(rest->projection, result, value);
    status = weir_value_put(rest->state, weir_bytes_of(value, size));
    return status == WEIR_OK ? wr_rest_emit(rest, record, value, out) : status;
}

static const weir_function reduce_function = {
    .size = sizeof(weir_function),
    .name = "reduce",
    .initialize_state = reduce_initialize,
    .open = reduce_open,
    .snapshot_state = reduce_snapshot,
    .notify_checkpoint_complete = reduce_complete,
    .notify_checkpoint_aborted = reduce_aborted,
    .finish = reduce_finish,
    .process = reduce_process,
    .close = reduce_close,
};

/* Entries behind the end of a table that an older header made are none. */
static bool
take_table(const weir_function *function, weir_function *out_table)
{
    if (function == NULL || function->size < offsetof(weir_function, reduce)) {
        return false;
    }
    size_t size = function->size < sizeof *out_table ? function->size : sizeof *out_table;
    memcpy(out_table, function, size);
    out_table->size = sizeof *out_table;
    return out_table->reduce != NULL;
}

weir_stream *
weir_stream_reduce(weir_stream *stream, const char *name, const weir_function *function,
                   const void *argument, size_t argument_size)
{
    weir_environment *environment = weir_stream_environment(stream);
    if (environment == NULL) {
        return NULL;
    }
    weir_alloc alloc = wr_memory_system();
    size_t size = sizeof(struct reduce_argument) + argument_size;
    struct reduce_argument *both = wr_memory_new(&alloc, size);
    if (both == NULL) {
        (void)weir_environment_fail(environment, WEIR_NOMEM, "no memory for the job's graph");
        return NULL;
    }
    weir_stream *reduced = NULL;
    if (!take_table(function, &both->user)) {
        (void)weir_environment_fail(
            environment, WEIR_INVALID,
            "operator '%s' needs a weir_function with its .size and a reduce "
            "function",
            name != NULL ? name : "");
    } else if (weir_stream_key_fields(stream, NULL) == NULL) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "reduce '%s' needs a keyed stream: call weir_stream_key_by "
                                    "with fields of '%s' before it",
                                    name != NULL ? name : "",
                                    weir_type_name(weir_stream_type(stream)));
    } else {
        both->has_argument = argument_size != 0;
        if (both->has_argument) {
            memcpy(both + 1, argument, argument_size);
        }
        weir_function table = reduce_function;
        table.instance_size = sizeof(struct reduce) + both->user.instance_size;
        reduced = weir_stream_stateful(
            weir_stream_process(stream, name, &table, both, size, weir_stream_type(stream)));
    }
    wr_memory_free(&alloc, both, size);
    return reduced;
}
