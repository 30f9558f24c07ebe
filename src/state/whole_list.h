/* SPDX-License-Identifier: Apache-2.0 */
/* state/whole_list.h: lists for engines that have none: the whole list is one value. In the shape
 * of the engine's entries (weir/engine.h); put in their place by the dispatch. Thread: task.
 */
#ifndef WR_STATE_WHOLE_LIST_H
#define WR_STATE_WHOLE_LIST_H

#include "weir/engine.h"

weir_status wr_whole_list_add(weir_state *self, const weir_key *key, const weir_bytes *items,
                              size_t count);
weir_status wr_whole_list_next(weir_state *self, const weir_key *key, weir_cursor *cursor,
                               weir_bytes *out_item);
weir_status wr_whole_list_put(weir_state *self, const weir_key *key, const weir_bytes *items,
                              size_t count);

#endif /* WR_STATE_WHOLE_LIST_H */
