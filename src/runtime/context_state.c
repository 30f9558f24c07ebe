/* SPDX-License-Identifier: Apache-2.0 */
/* context_state: the states that a function asks for, the key in hand, and the walk over all keys.
 * What is refused here is the task's failure, whatever the function does with the answer.
 */
#include "base/fail.h"
#include "runtime/process.h"

weir_status
weir_context_keyed_state(weir_context *context, const weir_state_descriptor *descriptor,
                         weir_state **out_state)
{
    if (descriptor == NULL || out_state == NULL) {
        return weir_context_fail(context, WEIR_INVALID,
                                 "keyed state needs a descriptor and a place for its handle");
    }
    weir_error err;
    weir_status status = wr_operator_keyed_state(context->operator_, descriptor, out_state, &err);
    return status == WEIR_OK ? WEIR_OK : wr_context_fail_error(context, status, &err);
}

weir_status
weir_context_value_state(weir_context *context, const char *name, const weir_type *type,
                         weir_state **out_state)
{
    weir_state_descriptor descriptor = {
        .size = sizeof descriptor, .kind = WEIR_STATE_VALUE, .name = name, .type = type
    };
    return weir_context_keyed_state(context, &descriptor, out_state);
}

weir_status
weir_context_keyed_list_state(weir_context *context, const char *name, const weir_type *type,
                              weir_state **out_state)
{
    weir_state_descriptor descriptor = {
        .size = sizeof descriptor, .kind = WEIR_STATE_LIST, .name = name, .type = type
    };
    return weir_context_keyed_state(context, &descriptor, out_state);
}

weir_status
weir_context_map_state(weir_context *context, const char *name, const weir_type *key_type,
                       const weir_type *type, weir_state **out_state)
{
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_MAP,
                                         .name = name,
                                         .type = type,
                                         .map_key_type = key_type };
    return weir_context_keyed_state(context, &descriptor, out_state);
}

weir_status
weir_context_list_state(weir_context *context, const char *name, const weir_type *type,
                        weir_list_mode mode, weir_operator_list **out_list)
{
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_LIST,
                                         .list_mode = mode,
                                         .name = name,
                                         .type = type };
    weir_error err;
    weir_status status = wr_operator_list_state(context->operator_, &descriptor, out_list, &err);
    return status == WEIR_OK ? WEIR_OK : wr_context_fail_error(context, status, &err);
}

weir_status
weir_context_broadcast_state(weir_context *context, const char *name, const weir_type *key_type,
                             const weir_type *type, weir_broadcast **out_broadcast)
{
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_BROADCAST,
                                         .name = name,
                                         .type = type,
                                         .map_key_type = key_type };
    weir_error err;
    weir_status status =
        wr_operator_broadcast_state(context->operator_, &descriptor, out_broadcast, &err);
    return status == WEIR_OK ? WEIR_OK : wr_context_fail_error(context, status, &err);
}

/* --- keys --- */

/* A keyed function that has no state had no need of keys until it asks. */
static const weir_key *
key_of_record(const weir_context *context)
{
    struct wr_operator *operator_ = context->operator_;
    struct wr_keyed *keyed = &operator_->keyed;
    bool other = operator_->side == 1;
    const struct wr_key_plan *plan =
        other ? operator_->plan->other_key_plan : operator_->plan->key_plan;
    if (operator_->uses_keys || context->in_timer || plan == NULL || context->batch == NULL ||
        context->index >= context->batch->count) {
        return NULL;
    }
    if (keyed->count == 0 && wr_keyed_begin(keyed, plan, context->batch, 0) != WEIR_OK) {
        return NULL;
    }
    return &keyed->keys[context->index];
}

weir_bytes
weir_context_current_key(const weir_context *context)
{
    const weir_key *key = context->operator_->keyed.current;
    if (key == NULL) {
        key = key_of_record(context);
    }
    return key == NULL ? weir_bytes_of(NULL, 0) : weir_bytes_of(key->data, key->size);
}

struct visit {
    weir_context *context;
    weir_status (*each)(weir_context *context, void *argument, weir_bytes key);
    void *argument;
};

static weir_status
visit_key(void *argument, const weir_key *key)
{
    const struct visit *visit = argument;
    struct wr_operator *operator_ = visit->context->operator_;
    wr_keyed_bind_key(&operator_->keyed, key);
    weir_status status =
        visit->each(visit->context, visit->argument, weir_bytes_of(key->data, key->size));
    if (status == WEIR_OK && wr_keyed_failed(&operator_->keyed) != NULL) {
        status = wr_operator_check(operator_, WEIR_OK, "for_each_key");
    }
    return visit->context->failure->failed ? visit->context->failure->error.status : status;
}

weir_status
weir_context_for_each_key(weir_context *context, weir_state *state,
                          weir_status (*each)(weir_context *context, void *argument,
                                              weir_bytes key),
                          void *argument)
{
    struct wr_keyed *keyed = &context->operator_->keyed;
    if (state == NULL || each == NULL || keyed->current != NULL) {
        return weir_context_fail(context, WEIR_INVALID, "for_each_key: %s",
                                 keyed->current != NULL ? "a key is set: it belongs to the "
                                                          "broadcast side of two streams"
                                                        : "it needs a keyed state and a function");
    }
    struct visit visit = { .context = context, .each = each, .argument = argument };
    weir_status status = weir_state_for_each_key(state, weir_bytes_of(NULL, 0), visit_key, &visit);
    wr_keyed_unbind(keyed);
    return status;
}
