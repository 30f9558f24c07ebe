/* SPDX-License-Identifier: Apache-2.0 */
/* serve/vertices.h: one vertex of the job and its subtasks. Thread: server. */
#ifndef WR_SERVE_VERTICES_H
#define WR_SERVE_VERTICES_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* GET /jobs/:jobid/vertices/:vertexid: its subtasks with their figures. */
void wr_vertex(weir_server *server, const struct wr_request *request, struct wr_answer *answer);
/* GET /jobs/:jobid/vertices/:vertexid/subtasktimes: when its subtasks entered their states. */
void wr_vertex_times(weir_server *server, const struct wr_request *request,
                     struct wr_answer *answer);
/* GET /jobs/:jobid/vertices/:vertexid/accumulators: weir has none. */
void wr_vertex_accumulators(weir_server *server, const struct wr_request *request,
                            struct wr_answer *answer);
/* GET /jobs/:jobid/vertices/:vertexid/watermarks; of a source: none. */
void wr_vertex_watermarks(weir_server *server, const struct wr_request *request,
                          struct wr_answer *answer);

#endif /* WR_SERVE_VERTICES_H */
