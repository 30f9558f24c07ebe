/* SPDX-License-Identifier: Apache-2.0 */
/* fold: one call of a user's function, in place or into the builder. What works in place is given a
 * copy in the builder, so that both give a result that is nobody else's.
 */
#include "state/fold.h"

#include "base/fail.h"

/* A copy of a fixed-size block, to be changed. NULL: refused. */
static void *
copy_block(weir_value_builder *builder, weir_bytes block)
{
    void *copy = weir_value_builder_reserve(builder, block.size);
    if (copy != NULL) {
        memcpy(copy, block.data, block.size);
    }
    return copy;
}

static weir_status
reduce(struct wr_state_common *common, weir_bytes accumulated, weir_bytes value)
{
    const weir_reduce_function *function = &common->reduce;
    weir_value_builder *builder = &common->builder;
    if (function->reduce_in_place == NULL || !common->is_fixed) {
        return function->reduce(function->argument, accumulated, value, builder);
    }
    void *copy = copy_block(builder, accumulated);
    return copy != NULL ? function->reduce_in_place(function->argument, copy, value.data)
                        : WEIR_NOMEM;
}

static weir_status
merge(struct wr_state_common *common, weir_bytes accumulator, weir_bytes other)
{
    const weir_aggregate_function *function = &common->aggregate;
    weir_value_builder *builder = &common->builder;
    if (function->merge_in_place != NULL && common->is_fixed) {
        void *copy = copy_block(builder, accumulator);
        return copy != NULL ? function->merge_in_place(function->argument, copy, other.data)
                            : WEIR_NOMEM;
    }
    return function->merge != NULL
               ? function->merge(function->argument, accumulator, other, builder)
               : WEIR_UNSUPPORTED;
}

/* A function that was refused memory or size may say what it likes: the builder knows. */
static weir_status
take_result(const struct wr_state_common *common, weir_status status, weir_bytes *out_block)
{
    if (status != WEIR_OK && !common->builder.is_too_big && !common->builder.bytes.refused) {
        return status == WEIR_NOT_FOUND ? WEIR_USER : status;
    }
    return wr_builder_block(&common->builder, common->descriptor->type, out_block);
}

weir_status
wr_fold_merge(struct wr_state_common *common, weir_bytes accumulated, weir_bytes value,
              weir_bytes *out_block)
{
    wr_builder_reset(&common->builder);
    weir_status status = common->descriptor->kind == WEIR_STATE_REDUCING
                             ? reduce(common, accumulated, value)
                             : merge(common, accumulated, value);
    return take_result(common, status, out_block);
}

weir_status
wr_fold_add(struct wr_state_common *common, weir_bytes accumulator, weir_bytes value,
            weir_bytes *out_block)
{
    const weir_aggregate_function *function = &common->aggregate;
    weir_value_builder *builder = &common->builder;
    weir_status status = WEIR_NOMEM;
    wr_builder_reset(builder);
    if (function->add_in_place == NULL || !common->is_fixed) {
        status = function->add(function->argument, accumulator, value, builder);
    } else {
        void *copy = copy_block(builder, accumulator);
        if (copy != NULL) {
            status = function->add_in_place(function->argument, copy, value);
        }
    }
    return take_result(common, status, out_block);
}
