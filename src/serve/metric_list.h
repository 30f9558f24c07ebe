/* SPDX-License-Identifier: Apache-2.0 */
/* serve/metric_list.h: single figures by Flink's names, as all its /metrics answer them. Thread:
 * server.
 *
 *   without ?get=  [{"id"}...], what there is      ?get=a,b  [{"id","value"}...], of those that are
 */
#ifndef WR_SERVE_METRIC_LIST_H
#define WR_SERVE_METRIC_LIST_H

#include <jansson.h>
#include <stdbool.h>

/* `wanted` is the query get, NULL: there is none, and names are listed. False: no memory. */
bool wr_metric_list_add(json_t *all, const char *wanted, const char *name, const char *value);

#endif /* WR_SERVE_METRIC_LIST_H */
