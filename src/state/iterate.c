/* SPDX-License-Identifier: Apache-2.0 */
/* iterate: all keys of a state, all keys of a namespace, and a whole namespace gone.
 *
 * An engine's walk must not be disturbed, so for_each_key and clear_namespace copy the keys first:
 *
 *   | weir_key | bytes, rounded up to 8 | weir_key | ...
 */
#include "base/fail.h"
#include "base/little.h"
#include "state/key_hash.h"
#include "state/ttl.h"

struct visit {
    struct wr_state_common *common;
    weir_status (*each)(void *argument, const weir_key *key, weir_bytes value);
    void *argument;
};

static weir_status
visit_one(void *argument, const weir_key *key, weir_bytes item)
{
    const struct visit *visit = argument;
    struct wr_state_common *common = visit->common;
    weir_state_kind kind = common->descriptor->kind;
    if (kind == WEIR_STATE_LIST || kind == WEIR_STATE_MAP || kind == WEIR_STATE_TIMERS) {
        return visit->each(visit->argument, key, weir_bytes_of(NULL, 0));
    }
    return wr_ttl_is_visible(common, item)
               ? visit->each(visit->argument, key, wr_state_block(common, item))
               : WEIR_OK;
}

weir_status
weir_state_iterate(weir_state *state,
                   weir_status (*each)(void *argument, const weir_key *key, weir_bytes value),
                   void *argument)
{
    if (state == NULL || each == NULL) {
        return WEIR_INVALID;
    }
    struct visit visit = { state->common, each, argument };
    WR_TRY(wr_state_flush(state->common));
    return state->common->ops->iterate(state, visit_one, &visit);
}

/* --- the keys of a namespace --- */

struct selection {
    const struct wr_state_common *common;
    weir_bytes namespace_;
    bool is_whole; /* the keys with their namespace, as the engine has them */
    struct wr_buffer *keys;
};

static weir_status
select_key(void *argument, const weir_key *key, weir_bytes item)
{
    struct selection *selection = argument;
    const struct wr_state_common *common = selection->common;
    weir_key_parts parts;
    WR_TRY(weir_key_split(common->backend->key_type, common->descriptor,
                          weir_bytes_of(key->data, key->size), &parts));
    bool is_other =
        parts.namespace_.size != selection->namespace_.size ||
        (parts.namespace_.size != 0 &&
         memcmp(parts.namespace_.data, selection->namespace_.data, parts.namespace_.size) != 0);
    bool is_single =
        common->descriptor->kind != WEIR_STATE_LIST && common->descriptor->kind != WEIR_STATE_MAP;
    if (is_other || (!selection->is_whole && is_single && !wr_ttl_is_visible(common, item))) {
        return WEIR_OK;
    }
    weir_key copy = *key;
    if (!selection->is_whole) {
        copy.size = (uint32_t)parts.key.size;
        copy.hash = wr_key_hash(parts.key.data, parts.key.size, common->backend->hash_seed);
    }
    wr_buffer_put(selection->keys, &copy, sizeof copy);
    uint8_t *bytes = wr_buffer_extend(selection->keys, weir_round8(copy.size));
    if (bytes != NULL && copy.size != 0) {
        memcpy(bytes, copy.data, copy.size);
    }
    return wr_buffer_status(selection->keys);
}

/* The next of the keys that were copied. */
static weir_key
next_key(const struct wr_buffer *keys, size_t *at)
{
    weir_key key;
    memcpy(&key, keys->data + *at, sizeof key);
    key.data = keys->data + *at + sizeof key;
    *at += sizeof key + weir_round8(key.size);
    return key;
}

/* As `walk` does with each key; the keys are in a buffer of its own, since calls may nest. */
static weir_status
with_keys(weir_state *state, weir_bytes namespace_, bool is_whole,
          weir_status (*walk)(weir_state *state, const struct wr_buffer *keys, void *argument),
          void *argument)
{
    struct wr_state_common *common = state->common;
    WR_TRY(wr_namespace_check(common, namespace_));
    WR_TRY(wr_state_flush(common));
    struct wr_buffer keys;
    wr_buffer_init(&keys, &common->backend->alloc);
    struct selection selection = { common, namespace_, is_whole, &keys };
    weir_status status = common->ops->iterate(state, select_key, &selection);
    if (status == WEIR_OK) {
        status = walk(state, &keys, argument);
    }
    wr_buffer_fini(&keys);
    return status;
}

struct each_key {
    weir_status (*each)(void *argument, const weir_key *key);
    void *argument;
};

static weir_status
call_each(weir_state *state, const struct wr_buffer *keys, void *argument)
{
    const struct each_key *call = argument;
    const weir_key *bound = state->current_key;
    weir_status status = WEIR_OK;
    for (size_t at = 0; status == WEIR_OK && at < keys->size;) {
        weir_key key = next_key(keys, &at);
        weir_state_bind(state, &key);
        wr_state_end_walk(state->common); /* keys of two turns may stand at one place */
        status = call->each(call->argument, &key);
    }
    weir_state_bind(state, bound);
    wr_state_end_walk(state->common);
    return status;
}

weir_status
weir_state_for_each_key(weir_state *state, weir_bytes namespace_,
                        weir_status (*each)(void *argument, const weir_key *key), void *argument)
{
    if (state == NULL || each == NULL) {
        return WEIR_INVALID;
    }
    struct each_key call = { each, argument };
    return with_keys(state, namespace_, false, call_each, &call);
}

static weir_status
remove_each(weir_state *state, const struct wr_buffer *keys, void *argument)
{
    (void)argument;
    for (size_t at = 0; at < keys->size;) {
        weir_key key = next_key(keys, &at);
        WR_TRY(state->common->ops->remove(state, &key));
    }
    return WEIR_OK;
}

static weir_status
clear_namespace(weir_state *state, weir_bytes namespace_)
{
    if (state == NULL) {
        return WEIR_INVALID;
    }
    struct wr_state_common *common = state->common;
    wr_state_end_walk(common);
    if (common->ops->clear_namespace == NULL) {
        return with_keys(state, namespace_, true, remove_each, NULL);
    }
    WR_TRY(wr_namespace_check(common, namespace_));
    WR_TRY(wr_state_flush(common));
    return common->ops->clear_namespace(state, namespace_);
}

weir_status
weir_state_clear_namespace(weir_state *state, weir_bytes namespace_)
{
    return wr_state_leave(state, clear_namespace(state, namespace_));
}
