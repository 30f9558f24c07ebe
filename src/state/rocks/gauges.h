/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/gauges.h: numbers of RocksDB's own, switched on one by one as in Flink. Thread: task.
 */
#ifndef WR_STATE_ROCKS_GAUGES_H
#define WR_STATE_ROCKS_GAUGES_H

#include <stddef.h>

size_t wr_rocks_gauge_count(void); /* at most 64 */
/* The option that switches it on. Static. */
const char *wr_rocks_gauge_option(size_t index);

#endif /* WR_STATE_ROCKS_GAUGES_H */
