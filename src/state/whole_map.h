/* SPDX-License-Identifier: Apache-2.0 */
/* state/whole_map.h: maps for engines that have none: the whole map is one value. In the shape of
 * the engine's entries (weir/engine.h); put in their place by the dispatch. Thread: task.
 */
#ifndef WR_STATE_WHOLE_MAP_H
#define WR_STATE_WHOLE_MAP_H

#include "weir/engine.h"

weir_status wr_whole_map_find(weir_state *self, const weir_key *key, weir_bytes map_key,
                              weir_bytes *out_item);
weir_status wr_whole_map_put(weir_state *self, const weir_key *key, weir_bytes map_key,
                             weir_bytes item);
weir_status wr_whole_map_remove(weir_state *self, const weir_key *key, weir_bytes map_key);
weir_status wr_whole_map_next(weir_state *self, const weir_key *key, weir_cursor *cursor,
                              weir_bytes *out_map_key, weir_bytes *out_item);

#endif /* WR_STATE_WHOLE_MAP_H */
