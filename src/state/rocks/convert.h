/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/convert.h: expiry switched on or off over rows that are there. Thread: task. */
#ifndef WR_STATE_ROCKS_CONVERT_H
#define WR_STATE_ROCKS_CONVERT_H

#include "state/rocks/rocks.h"

/* Rewrites every row of the state: each item gains now_ms, or loses its time. After a failure some
 * are rewritten. */
weir_status wr_rocks_convert(struct wr_rocks_state *state, bool has_timestamps, int64_t now_ms,
                             weir_error *err);

#endif /* WR_STATE_ROCKS_CONVERT_H */
