/* SPDX-License-Identifier: Apache-2.0 */
/* serve/statistics.h: many figures in few, in the two forms that Flink gives them. Thread: any. */
#ifndef WR_SERVE_STATISTICS_H
#define WR_SERVE_STATISTICS_H

#include "weir/inspect.h"

#include <jansson.h>
#include <stddef.h>

/* {"min","max","avg","sum","median","p25","p75","p95"}, whole numbers. Sorts the values. NULL: no
 * memory. */
json_t *wr_statistics_json(uint64_t *values, size_t count);

/* {"min","max","avg","p50","p90","p95","p99","p999"}; without values the last five are "NaN". NULL:
 * no memory. */
json_t *wr_summary_json(const weir_distribution_view *distribution, bool is_empty);
/* The same of these values, which it sorts. */
json_t *wr_summary_of(uint64_t *values, size_t count);

#endif /* WR_SERVE_STATISTICS_H */
