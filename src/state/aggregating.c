/* SPDX-License-Identifier: Apache-2.0 */
/* aggregating: aggregating state: an accumulator a key, which begins with its type's defaults. */
#include "base/fail.h"
#include "state/fold.h"
#include "state/single.h"
#include "weir/state.h"

/* A value of the input type: a whole block. */
static weir_status
check_input(const struct wr_state_common *common, weir_bytes value)
{
    size_t fixed_size = weir_type_fixed_size(common->input_type);
    bool is_whole = value.data != NULL && value.size >= fixed_size &&
                    (!weir_type_is_fixed(common->input_type) || value.size == fixed_size ||
                     value.size == weir_round8(fixed_size));
    if (!is_whole) {
        return WEIR_INVALID;
    }
    return value.size <= WEIR_VALUE_SIZE_MAX ? WEIR_OK : WEIR_LIMIT;
}

static weir_status
add(weir_state *state, weir_bytes value)
{
    const weir_key *key = NULL;
    WR_TRY(wr_state_enter(state, WEIR_STATE_AGGREGATING, &key));
    struct wr_state_common *common = state->common;
    const weir_aggregate_function *function = &common->aggregate;
    WR_TRY(check_input(common, value));
    if (function->add_in_place != NULL && common->is_fixed) {
        void *accumulator = NULL;
        bool created = false;
        WR_TRY(wr_single_upsert(common, key, &accumulator, &created));
        return function->add_in_place(function->argument, accumulator, value);
    }
    weir_bytes accumulator;
    weir_status status = wr_single_find(common, key, &accumulator);
    if (status == WEIR_NOT_FOUND) {
        size_t size = common->is_fixed ? common->fixed_size : weir_round8(common->fixed_size);
        accumulator = weir_bytes_of(common->defaults, size);
    } else if (status != WEIR_OK) {
        return status;
    }
    WR_TRY(wr_fold_add(common, accumulator, value, &accumulator));
    return wr_single_put(common, key, accumulator);
}

weir_status
weir_aggregating_add(weir_state *state, weir_bytes value)
{
    return wr_state_leave(state, add(state, value));
}

static weir_status
get(weir_state *state, weir_bytes *out_result)
{
    const weir_key *key = NULL;
    WR_TRY(wr_state_enter(state, WEIR_STATE_AGGREGATING, &key));
    struct wr_state_common *common = state->common;
    const weir_aggregate_function *function = &common->aggregate;
    if (out_result == NULL) {
        return WEIR_INVALID;
    }
    weir_bytes accumulator;
    WR_TRY(wr_single_find(common, key, &accumulator));
    if (function->result == NULL) {
        *out_result = accumulator;
        return WEIR_OK;
    }
    wr_builder_reset(&common->builder);
    weir_status status = function->result(function->argument, accumulator, &common->builder);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND ? WEIR_USER : status;
    }
    return wr_builder_block(&common->builder, common->result_type, out_result);
}

weir_status
weir_aggregating_get(weir_state *state, weir_bytes *out_result)
{
    return wr_state_lend(state, get(state, out_result), out_result);
}

weir_status
weir_aggregating_clear(weir_state *state)
{
    return wr_state_clear(state, WEIR_STATE_AGGREGATING);
}
