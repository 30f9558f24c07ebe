/* SPDX-License-Identifier: Apache-2.0 */
/* serve/vertex_metrics.h: single figures of a vertex's subtasks by Flink's names. Thread: server.
 */
#ifndef WR_SERVE_VERTEX_METRICS_H
#define WR_SERVE_VERTEX_METRICS_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* GET /jobs/:jobid/vertices/:vertexid/metrics: "0.numRecordsIn", of each subtask. */
void wr_vertex_metrics(weir_server *server, const struct wr_request *request,
                       struct wr_answer *answer);

#endif /* WR_SERVE_VERTEX_METRICS_H */
