/* SPDX-License-Identifier: Apache-2.0 */
/* state/single.h: the one block that a key has in VALUE, REDUCING and AGGREGATING state, timestamps
 * put on and taken off. The key is the engine's, namespace included. Thread: task.
 */
#ifndef WR_STATE_SINGLE_H
#define WR_STATE_SINGLE_H

#include "state/common.h"

/* What a reader is to see. WEIR_NOT_FOUND: nothing, or expired. Lent until the next call on the
 * state. */
weir_status wr_single_find(struct wr_state_common *common, const weir_key *key,
                           weir_bytes *out_block);
/* Fixed-size types: the block to be changed in place, the type's defaults if there was none (or
 * none to be seen). Counts as a write. */
weir_status wr_single_upsert(struct wr_state_common *common, const weir_key *key, void **out_block,
                             bool *out_created);
/* Replaces or makes it; a block that wr_state_check_block has passed. */
weir_status wr_single_put(struct wr_state_common *common, const weir_key *key, weir_bytes block);

#endif /* WR_STATE_SINGLE_H */
