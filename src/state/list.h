/* SPDX-License-Identifier: Apache-2.0 */
/* state/list.h: whole lists by their items, for merging. Thread: task. */
#ifndef WR_STATE_LIST_H
#define WR_STATE_LIST_H

#include "state/common.h"

/* All items under these keys, one list behind the other, copied; lent until the next call on the
 * state. */
weir_status wr_list_stage(struct wr_state_common *common, const weir_key *keys, size_t key_count,
                          const weir_bytes **out_items, size_t *out_count);
/* The items instead of those there are; none: the list goes. They are not the engine's. */
weir_status wr_list_put(struct wr_state_common *common, const weir_key *key,
                        const weir_bytes *items, size_t count);

#endif /* WR_STATE_LIST_H */
