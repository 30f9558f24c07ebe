/* SPDX-License-Identifier: Apache-2.0 */
/* tests/model/draw.h: operations from a seed. */
#ifndef WEIR_TESTS_MODEL_DRAW_H
#define WEIR_TESTS_MODEL_DRAW_H

#include "model/state_model.h"

/* Some kinds are left out of a run, others come three times as often: so runs differ. Of an engine
 * whose opening takes long there are fewer snapshots, of one that chains them more. */
void draw_operations(const struct engine *engine, uint64_t seed, struct model_op *ops,
                     size_t count);

#endif /* WEIR_TESTS_MODEL_DRAW_H */
