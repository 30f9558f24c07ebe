/* SPDX-License-Identifier: Apache-2.0 */
/* value: value state. A state in the void namespace without ttl (is_plain) goes straight to the
 * engine's entry, decided by one flag: this is the way of every record of most jobs.
 */
#include "base/fail.h"
#include "state/single.h"
#include "weir/state.h"

static __attribute__((noinline)) weir_status
upsert_slowly(weir_state *state, void **out_value, bool *out_created)
{
    const weir_key *key = NULL;
    if (state == NULL || out_value == NULL) {
        return WEIR_INVALID;
    }
    WR_TRY(wr_state_enter(state, WEIR_STATE_VALUE, &key));
    if (!state->common->is_fixed) {
        return WEIR_INVALID;
    }
    bool created = false;
    WR_TRY(wr_single_upsert(state->common, key, out_value, &created));
    if (out_created != NULL) {
        *out_created = created;
    }
    return WEIR_OK;
}

weir_status
weir_value_upsert(weir_state *state, void **out_value, bool *out_created)
{
    if (__builtin_expect(state == NULL || state->current_key == NULL || out_value == NULL, 0) ||
        __builtin_expect(!state->common->is_in_place, 0)) {
        return wr_state_lend_place(state, upsert_slowly(state, out_value, out_created), out_value);
    }
    wr_lent_enter(&state->common->loan);
    state->accesses++;
    bool created = false;
    bool *where = out_created != NULL ? out_created : &created;
    return wr_state_lend_place(
        state, state->common->upsert(state, state->current_key, out_value, where), out_value);
}

static __attribute__((noinline)) weir_status
get_slowly(weir_state *state, weir_bytes *out_value)
{
    const weir_key *key = NULL;
    if (state == NULL || out_value == NULL) {
        return WEIR_INVALID;
    }
    WR_TRY(wr_state_enter(state, WEIR_STATE_VALUE, &key));
    return wr_single_find(state->common, key, out_value);
}

weir_status
weir_value_get(weir_state *state, weir_bytes *out_value)
{
    if (__builtin_expect(state == NULL || state->current_key == NULL || out_value == NULL, 0) ||
        __builtin_expect(!state->common->is_plain, 0)) {
        return wr_state_lend(state, get_slowly(state, out_value), out_value);
    }
    wr_lent_enter(&state->common->loan);
    state->accesses++;
    return wr_state_lend(state, state->common->find(state, state->current_key, out_value),
                         out_value);
}

weir_status
weir_value_find(weir_state *state, const void **out_value)
{
    if (out_value == NULL) {
        return wr_state_leave(state, WEIR_INVALID);
    }
    weir_bytes value;
    WR_TRY(weir_value_get(state, &value));
    *out_value = value.data;
    return WEIR_OK;
}

static weir_status
put_value(weir_state *state, weir_bytes value)
{
    const weir_key *key = NULL;
    WR_TRY(wr_state_enter(state, WEIR_STATE_VALUE, &key));
    WR_TRY(wr_state_check_block(state->common, &value));
    return wr_single_put(state->common, key, value);
}

weir_status
weir_value_put(weir_state *state, weir_bytes value)
{
    return wr_state_leave(state, put_value(state, value));
}

weir_status
weir_value_clear(weir_state *state)
{
    return wr_state_clear(state, WEIR_STATE_VALUE);
}

weir_status
weir_state_upsert_many(weir_state *state, const weir_key *keys, size_t count, void **out_values)
{
    if (state == NULL || (count != 0 && (keys == NULL || out_values == NULL)) ||
        !state->common->is_in_place) {
        return WEIR_INVALID;
    }
    wr_lent_enter(&state->common->loan);
    wr_lent_leave(&state->common->loan);
    state->accesses += count;
    return state->common->ops->upsert_many(state, keys, count, out_values);
}
