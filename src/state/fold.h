/* SPDX-License-Identifier: Apache-2.0 */
/* state/fold.h: the user's reduce and aggregate functions, over blocks. Results stand in
 * common->builder. Thread: task.
 */
#ifndef WR_STATE_FOLD_H
#define WR_STATE_FOLD_H

#include "state/common.h"

/* Folds `value` into `accumulated`: reduce's, or aggregate's merge, as the state is. The result is
 * lent until the builder is used again. WEIR_UNSUPPORTED: an aggregate function without merge. */
weir_status wr_fold_merge(struct wr_state_common *common, weir_bytes accumulated, weir_bytes value,
                          weir_bytes *out_block);
/* Adds a value of the input type to an accumulator of an AGGREGATING state. */
weir_status wr_fold_add(struct wr_state_common *common, weir_bytes accumulator, weir_bytes value,
                        weir_bytes *out_block);

#endif /* WR_STATE_FOLD_H */
