/* SPDX-License-Identifier: Apache-2.0 */
/* generator_source: records made from indexes, replayable by index.
 *
 *   split: {next, end, stride}: next, next + stride, ... below end; list state "splits".
 *
 * A start from empty state gives subtask i the indexes i, i + parallelism, ... After a restore at
 * another parallelism a subtask may have several splits, or none; it serves them in turn, a poll
 * each, so that none waits for one that never ends.
 *
 *   node's argument:  | ours | the user's |
 */
#include "base/memory.h"
#include "connectors/connector.h"
#include "connectors/rate.h"
#include "weir/connectors.h"

enum {
    ALIGNMENT = 16
};

struct generator_argument {
    _Alignas(ALIGNMENT)
        weir_status (*generate)(weir_context *context, uint64_t index, weir_collector *out);
    uint64_t count;
    double records_per_second;
    bool has_argument;
};

/* Also an element of the list state. */
struct split {
    uint64_t next;
    uint64_t end;
    uint64_t stride;
};

static const weir_field split_fields[] = {
    WEIR_FIELD(struct split, next, U64),
    WEIR_FIELD(struct split, end, U64),
    WEIR_FIELD(struct split, stride, U64),
};

struct generator {
    const struct generator_argument *argument;
    weir_alloc alloc;
    weir_operator_list *list;
    struct split *splits;
    size_t count; /* those with indexes left, in front */
    size_t capacity;
    size_t current;
    struct wr_rate rate;
};

static weir_status
open_list(struct generator *generator, weir_context *context)
{
    weir_error error = { .status = WEIR_OK };
    weir_type *type = NULL;
    weir_status status =
        weir_type_create_struct(&generator->alloc, "split", sizeof(struct split), split_fields,
                                sizeof split_fields / sizeof split_fields[0], &type, &error);
    if (status == WEIR_OK) {
        status =
            weir_context_list_state(context, "splits", type, WEIR_LIST_SPLIT, &generator->list);
        weir_type_destroy(type);
    }
    return status == WEIR_OK ? WEIR_OK : wr_connector_fail(context, status, &error);
}

static weir_status
generator_initialize(weir_context *context, void *self)
{
    struct generator *generator = self;
    const struct generator_argument *argument = weir_context_argument(context);
    uint32_t parallelism = weir_context_parallelism(context);
    generator->argument = argument;
    generator->alloc = *weir_context_alloc(context);
    weir_context_set_argument(context, argument->has_argument ? argument + 1 : NULL);
    wr_rate_init(&generator->rate, argument->records_per_second, parallelism);
    weir_status status = open_list(generator, context);
    if (status != WEIR_OK) {
        return status;
    }
    uint64_t checkpoint_id;
    bool restored = weir_context_restored(context, &checkpoint_id);
    size_t count = restored ? weir_operator_list_count(generator->list) : 1;
    generator->capacity = count > 0 ? count : 1;
    generator->splits =
        wr_memory_new(&generator->alloc, generator->capacity * sizeof *generator->splits);
    if (generator->splits == NULL) {
        return weir_context_fail(context, WEIR_NOMEM, "no memory for the generator's splits");
    }
    for (size_t i = 0; i < count && restored; i++) {
        memcpy(&generator->splits[i], weir_operator_list_at(generator->list, i).data,
               sizeof(struct split));
    }
    if (!restored) {
        generator->splits[0] = (struct split){ .next = weir_context_subtask(context),
                                               .end = argument->count,
                                               .stride = parallelism };
    }
    generator->count = count;
    return WEIR_OK;
}

static weir_status
generator_snapshot(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)context;
    (void)checkpoint_id;
    struct generator *generator = self;
    weir_operator_list_clear(generator->list);
    for (size_t i = 0; i < generator->count; i++) {
        weir_status status = weir_operator_list_add(
            generator->list, weir_bytes_of(&generator->splits[i], sizeof(struct split)));
        if (status != WEIR_OK) {
            return status;
        }
    }
    return WEIR_OK;
}

static void
generator_close(weir_context *context, void *self)
{
    (void)context;
    struct generator *generator = self;
    if (generator->splits != NULL) {
        wr_memory_free(&generator->alloc, generator->splits,
                       generator->capacity * sizeof *generator->splits);
    }
}

/* Past the index that was emitted; an index that would wrap ends the split. */
static void
advance(struct split *split)
{
    if (split->end - split->next <= split->stride) {
        split->next = split->end;
    } else {
        split->next += split->stride;
    }
}

/* Moves on to the next split; one without indexes left is dropped. */
static void
turn(struct generator *generator)
{
    struct split *split = &generator->splits[generator->current];
    if (split->next >= split->end) {
        *split = generator->splits[--generator->count];
    } else {
        generator->current++;
    }
    if (generator->current >= generator->count) {
        generator->current = 0;
    }
}

static weir_status
generator_poll(weir_context *context, void *self, weir_collector *out, size_t max_records,
               weir_poll *out_poll)
{
    struct generator *generator = self;
    if (generator->count == 0) {
        *out_poll = WEIR_POLL_END;
        return WEIR_OK;
    }
    size_t most =
        wr_rate_allowance(&generator->rate, weir_context_monotonic_ns(context), max_records);
    if (most == 0) {
        weir_context_wake_at(context, wr_rate_next_ns(&generator->rate));
        *out_poll = WEIR_POLL_IDLE;
        return WEIR_OK;
    }
    struct split *split = &generator->splits[generator->current];
    size_t count = 0;
    while (count < most && split->next < split->end) {
        weir_status status = generator->argument->generate(context, split->next, out);
        if (status != WEIR_OK) {
            return status;
        }
        advance(split);
        count++;
    }
    wr_rate_spend(&generator->rate, count);
    turn(generator);
    *out_poll = generator->count > 0 ? WEIR_POLL_MORE : WEIR_POLL_END;
    return WEIR_OK;
}

static const weir_function generator_function = {
    .size = sizeof(weir_function),
    .name = "generator source",
    .instance_size = sizeof(struct generator),
    .initialize_state = generator_initialize,
    .snapshot_state = generator_snapshot,
    .poll = generator_poll,
    .close = generator_close,
};

weir_stream *
weir_generator_source(weir_environment *environment, const char *name,
                      const weir_generator_source_options *options, const weir_type *type)
{
    weir_generator_source_options taken;
    if (environment == NULL || !wr_connector_take_options(environment, "generator source", options,
                                                          &taken, sizeof taken)) {
        return NULL;
    }
    if (taken.generate == NULL || !(taken.records_per_second >= 0)) {
        (void)weir_environment_fail(
            environment, WEIR_INVALID,
            "generator source: needs a generate function, and a rate that is not negative");
        return NULL;
    }
    weir_alloc alloc = wr_memory_system();
    size_t argument_size = taken.argument != NULL ? taken.argument_size : 0;
    size_t size = sizeof(struct generator_argument) + argument_size;
    struct generator_argument *argument = wr_memory_new(&alloc, size);
    if (argument == NULL) {
        (void)weir_environment_fail(environment, WEIR_NOMEM, "no memory for the job's graph");
        return NULL;
    }
    argument->generate = taken.generate;
    argument->count = taken.count;
    argument->records_per_second = taken.records_per_second;
    argument->has_argument = argument_size != 0;
    if (argument->has_argument) {
        memcpy(argument + 1, taken.argument, argument_size);
    }
    weir_stream *stream = weir_environment_source(environment, name != NULL ? name : "generator",
                                                  &generator_function, argument, size, type);
    wr_memory_free(&alloc, argument, size);
    return weir_stream_stateful(stream);
}
