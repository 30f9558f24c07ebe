/* SPDX-License-Identifier: Apache-2.0 */
/* reducing: reducing state. The first value is kept as it is; every other is folded in: in the
 * engine's own place where the function can, else read, folded and put.
 */
#include "base/fail.h"
#include "state/fold.h"
#include "state/single.h"
#include "weir/state.h"

static weir_status
add_in_place(struct wr_state_common *common, const weir_key *key, weir_bytes value)
{
    const weir_reduce_function *function = &common->reduce;
    void *accumulated = NULL;
    bool created = false;
    WR_TRY(wr_single_upsert(common, key, &accumulated, &created));
    if (created) {
        memcpy(accumulated, value.data, value.size);
        return WEIR_OK;
    }
    return function->reduce_in_place(function->argument, accumulated, value.data);
}

static weir_status
add(weir_state *state, weir_bytes value)
{
    const weir_key *key = NULL;
    WR_TRY(wr_state_enter(state, WEIR_STATE_REDUCING, &key));
    struct wr_state_common *common = state->common;
    WR_TRY(wr_state_check_block(common, &value));
    if (common->reduce.reduce_in_place != NULL && common->is_fixed) {
        return add_in_place(common, key, value);
    }
    weir_bytes accumulated;
    weir_status status = wr_single_find(common, key, &accumulated);
    if (status == WEIR_OK) {
        WR_TRY(wr_fold_merge(common, accumulated, value, &value));
    } else if (status != WEIR_NOT_FOUND) {
        return status;
    }
    return wr_single_put(common, key, value);
}

weir_status
weir_reducing_add(weir_state *state, weir_bytes value)
{
    return wr_state_leave(state, add(state, value));
}

static weir_status
get(weir_state *state, weir_bytes *out_value)
{
    const weir_key *key = NULL;
    WR_TRY(wr_state_enter(state, WEIR_STATE_REDUCING, &key));
    return out_value != NULL ? wr_single_find(state->common, key, out_value) : WEIR_INVALID;
}

weir_status
weir_reducing_get(weir_state *state, weir_bytes *out_value)
{
    return wr_state_lend(state, get(state, out_value), out_value);
}

weir_status
weir_reducing_clear(weir_state *state)
{
    return wr_state_clear(state, WEIR_STATE_REDUCING);
}
