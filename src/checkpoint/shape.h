/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint/shape.h: whether an operator of a manifest makes sense, and what it has. For both
 * assignment files. Thread: any. */
#ifndef WR_CHECKPOINT_SHAPE_H
#define WR_CHECKPOINT_SHAPE_H

#include "snapshot/manifest.h"

#include <inttypes.h>

/* How every refusal begins: checkpoint id, operator's name and uid. */
#define WR_SHAPE_WORDS "checkpoint %" PRIu64 ", operator '%s' (uid '%s'): "

/* Some subtask of it wrote a file. */
bool wr_shape_has_state(const struct wr_manifest_operator *old);
/* It wrote a file, and that has key groups. */
bool wr_shape_is_keyed(const struct wr_manifest_subtask *subtask);

/* Subtasks stand in ascending order, each once, no list of a subtask twice, and nothing points
 * outside of the operator. WEIR_CORRUPT. */
weir_status wr_shape_check(const struct wr_manifest *manifest,
                           const struct wr_manifest_operator *old, weir_error *err);

#endif /* WR_CHECKPOINT_SHAPE_H */
