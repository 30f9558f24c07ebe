/* SPDX-License-Identifier: Apache-2.0 */
/* relay_job: lines "index key sum", as sequence_sum's, on another way.
 *
 *   even indexes \\
 *                 >-- rebalance --> relay --keyed--> sum --> file sink
 *   odd indexes  /
 *
 * The relay keeps two operator lists. The split one holds tokens: each of them is with exactly one
 * subtask after any restore; who takes the first snapshot of an attempt looks whether it is so. The
 * union one holds the same tokens: each subtask sees every one of them, once.
 */
#include "support/relay_job.h"

#include "support/sequence_values.h"
#include "weir/connectors.h"

#include <string.h>

struct event {
    int64_t index;
    int64_t key;
    int64_t value; /* behind `sum` the running sum */
};

struct half {
    uint64_t seed;
    uint64_t keys;
    uint64_t first; /* 0: even, 1: odd */
};

struct relay {
    weir_operator_list *split;
    weir_operator_list *all;
    int64_t tokens[RELAY_TOKENS];
    size_t token_count;
};

static weir_status
generate(weir_context *context, uint64_t number, weir_collector *out)
{
    const struct half *half = weir_context_argument(context);
    uint64_t index = number * 2 + half->first;
    struct event event = { .index = (int64_t)index,
                           .key = sequence_key(half->seed, index, half->keys),
                           .value = sequence_value(half->seed, index) };
    return weir_collector_emit_copy(out, &event, sizeof event);
}

/* --- the relay --- */

static struct relay_orders *
orders_of(weir_context *context)
{
    return *(struct relay_orders *const *)weir_context_argument(context);
}

static weir_status
maybe_fail(weir_context *context, enum relay_place place)
{
    struct relay_orders *orders = orders_of(context);
    if (orders == NULL || orders->place != place || orders->countdown == 0 ||
        --orders->countdown != 0) {
        return WEIR_OK;
    }
    orders->failed++;
    return weir_context_fail(context, WEIR_USER, "the relay was told to fail at place %d",
                             (int)place);
}

/* Takes what the split list holds of tokens, and counts them for all subtasks. */
static weir_status
take_tokens(weir_context *context, struct relay *relay, struct relay_orders *orders)
{
    relay->token_count = weir_operator_list_count(relay->split);
    if (relay->token_count > RELAY_TOKENS) {
        return weir_context_fail(context, WEIR_USER, "a subtask has %zu tokens of %d",
                                 relay->token_count, RELAY_TOKENS);
    }
    for (size_t i = 0; i < relay->token_count; i++) {
        memcpy(&relay->tokens[i], weir_operator_list_at(relay->split, i).data,
               sizeof relay->tokens[i]);
    }
    uint64_t restored_id = 0;
    if (!weir_context_restored(context, &restored_id)) {
        for (int64_t token = weir_context_subtask(context); token < RELAY_TOKENS;
             token += weir_context_parallelism(context)) {
            relay->tokens[relay->token_count++] = token;
        }
    }
    if (orders != NULL && strcmp(orders->attempt, weir_context_attempt(context)) != 0) {
        memcpy(orders->attempt, weir_context_attempt(context), sizeof orders->attempt);
        memset(orders->tokens, 0, sizeof orders->tokens);
    }
    for (size_t i = 0; orders != NULL && i < relay->token_count; i++) {
        orders->tokens[relay->tokens[i] % RELAY_TOKENS]++;
    }
    return WEIR_OK;
}

static weir_status
check_union(weir_context *context, const struct relay *relay)
{
    unsigned seen = 0;
    uint64_t restored_id = 0;
    size_t count = weir_operator_list_count(relay->all);
    for (size_t i = 0; i < count; i++) {
        int64_t token;
        memcpy(&token, weir_operator_list_at(relay->all, i).data, sizeof token);
        seen |= 1U << (token % RELAY_TOKENS);
    }
    bool restored = weir_context_restored(context, &restored_id);
    bool right = restored ? count == RELAY_TOKENS && seen == (1U << RELAY_TOKENS) - 1 : count == 0;
    return right ? WEIR_OK
                 : weir_context_fail(context, WEIR_USER,
                                     "the union list has %zu elements, set %x, of %d tokens", count,
                                     seen, RELAY_TOKENS);
}

static weir_status
relay_initialize(weir_context *context, void *self)
{
    struct relay *relay = self;
    const weir_type *number = weir_type_of_kind(WEIR_I64);
    weir_status status = maybe_fail(context, RELAY_INITIALIZE);
    if (status == WEIR_OK) {
        status = weir_context_list_state(context, "tokens", number, WEIR_LIST_SPLIT, &relay->split);
    }
    if (status == WEIR_OK) {
        status =
            weir_context_list_state(context, "all tokens", number, WEIR_LIST_UNION, &relay->all);
    }
    if (status == WEIR_OK) {
        status = take_tokens(context, relay, orders_of(context));
    }
    return status == WEIR_OK ? check_union(context, relay) : status;
}

static weir_status
relay_open(weir_context *context, void *self)
{
    (void)self;
    return maybe_fail(context, RELAY_OPEN);
}

static weir_status
relay_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    (void)self;
    weir_status status = maybe_fail(context, RELAY_PROCESS);
    return status == WEIR_OK ? weir_collector_emit_copy(out, record, sizeof(struct event)) : status;
}

static weir_status
relay_snapshot(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct relay *relay = self;
    struct relay_orders *orders = orders_of(context);
    (void)checkpoint_id;
    weir_status status = maybe_fail(context, RELAY_SNAPSHOT);
    for (int i = 0; status == WEIR_OK && orders != NULL && i < RELAY_TOKENS; i++) {
        if (orders->tokens[i] != 1) {
            status = weir_context_fail(context, WEIR_USER, "token %d is with %u subtasks", i,
                                       orders->tokens[i]);
        }
    }
    weir_operator_list_clear(relay->split);
    weir_operator_list_clear(relay->all);
    for (size_t i = 0; status == WEIR_OK && i < relay->token_count; i++) {
        weir_bytes token = weir_bytes_of(&relay->tokens[i], sizeof relay->tokens[i]);
        status = weir_operator_list_add(relay->split, token);
        status = status == WEIR_OK ? weir_operator_list_add(relay->all, token) : status;
    }
    return status;
}

static weir_status
relay_notify(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)self;
    (void)checkpoint_id;
    return maybe_fail(context, RELAY_NOTIFY);
}

static const weir_function relay_function = { .size = sizeof(weir_function),
                                              .name = "relay",
                                              .instance_size = sizeof(struct relay),
                                              .initialize_state = relay_initialize,
                                              .open = relay_open,
                                              .snapshot_state = relay_snapshot,
                                              .notify_checkpoint_complete = relay_notify,
                                              .process = relay_process };

/* --- the sum --- */

static weir_status
open_sum(weir_context *context, void *self)
{
    return weir_context_value_state(context, "sum", weir_type_of_kind(WEIR_I64), self);
}

static weir_status
add(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct event event = *(const struct event *)record;
    void *sum = NULL;
    (void)context;
    weir_status status = weir_value_upsert(*(weir_state **)self, &sum, NULL);
    if (status == WEIR_OK) {
        event.value = *(int64_t *)sum += event.value;
        status = weir_collector_emit_copy(out, &event, sizeof event);
    }
    return status;
}

static const weir_function sum_function = { .size = sizeof(weir_function),
                                            .name = "sum",
                                            .instance_size = sizeof(weir_state *),
                                            .initialize_state = open_sum,
                                            .process = add };

/* --- the graph --- */

static weir_stream *
source_of(weir_environment *environment, const struct relay_plan *plan, uint64_t first,
          const weir_type *type)
{
    struct half half = { .seed = plan->seed, .keys = plan->keys, .first = first };
    weir_generator_source_options options = { .size = sizeof options,
                                              .generate = generate,
                                              .count = (plan->events + 1 - first) / 2,
                                              .records_per_second =
                                                  plan->rate == 0 ? 0.0 : (double)plan->rate / 2,
                                              .argument = &half,
                                              .argument_size = sizeof half };
    const char *name = first == 0 ? "even" : "odd";
    return weir_stream_uid(weir_generator_source(environment, name, &options, type), name);
}

weir_status
relay_main(weir_environment *environment, const struct relay_plan *plan, weir_error *err)
{
    const weir_field fields[] = { WEIR_FIELD(struct event, index, I64),
                                  WEIR_FIELD(struct event, key, I64),
                                  WEIR_FIELD(struct event, value, I64) };
    weir_file_sink_options output = { .size = sizeof output,
                                      .directory = plan->directory,
                                      .format = WEIR_FORMAT_SPACES };
    const weir_type *type =
        weir_environment_struct(environment, "event", sizeof(struct event), fields, 3);
    weir_environment_name_job(environment, "relay");
    weir_stream *both = weir_stream_union(source_of(environment, plan, 0, type),
                                          source_of(environment, plan, 1, type));
    weir_stream *relayed =
        weir_stream_process(weir_stream_rebalance(both), "relay", &relay_function, &plan->orders,
                            sizeof plan->orders, type);
    weir_stream *sums =
        weir_stream_process(weir_stream_key_by(weir_stream_uid(relayed, "relay"), "key"), "sum",
                            &sum_function, NULL, 0, type);
    (void)weir_stream_uid(weir_file_sink(weir_stream_uid(sums, "sums"), &output), "sink");
    return weir_environment_status(environment, err);
}
