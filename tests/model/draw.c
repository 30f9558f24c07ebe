/* SPDX-License-Identifier: Apache-2.0 */
/* draw: operations from a seed, by weight. */
#include "model/draw.h"

#include "support/engine_rig.h"

#include "base/rng.h"

void
draw_operations(const struct engine *engine, uint64_t seed, struct model_op *ops, size_t count)
{
    static const uint32_t usual[OP_KINDS] = {
#define MODEL_OP_WEIGHT(name, group, weight) weight,
        MODEL_OP_MAP(MODEL_OP_WEIGHT)
#undef MODEL_OP_WEIGHT
    };
    uint32_t weights[OP_KINDS];
    uint32_t total = 0;
    struct wr_rng rng;
    wr_rng_init(&rng, seed ^ UINT64_C(0x6d6f64656c));
    for (int kind = 0; kind < OP_KINDS; kind++) {
        uint64_t dice = wr_rng_below(&rng, 8);
        bool is_snapshot = model_op_group((enum model_op_kind)kind) == GROUP_SNAPSHOT;
        weights[kind] = usual[kind] * (is_snapshot || dice > 1 ? 1 : dice == 1 ? 3 : 0);
        if (kind == OP_BEGIN || kind == OP_COMPLETE) { /* chains need many */
            weights[kind] = engine->keeps_files      ? weights[kind] / 4
                            : engine->is_incremental ? weights[kind] * 3
                                                     : weights[kind];
        }
        total += weights[kind];
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t at = wr_rng_below(&rng, total);
        int kind = 0;
        while (at >= weights[kind]) {
            at -= weights[kind++];
        }
        ops[i] = (struct model_op){ .kind = (enum model_op_kind)kind,
                                    .key = (uint32_t)wr_rng_below(&rng, 1u << 20),
                                    .a = (uint32_t)wr_rng_below(&rng, 1u << 20),
                                    .b = (uint32_t)wr_rng_below(&rng, 1u << 20) };
    }
}
