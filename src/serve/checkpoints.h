/* SPDX-License-Identifier: Apache-2.0 */
/* serve/checkpoints.h: what became of the job's checkpoints. Thread: server. */
#ifndef WR_SERVE_CHECKPOINTS_H
#define WR_SERVE_CHECKPOINTS_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* GET /jobs/:jobid/checkpoints: counts, summary, the latest of each kind, history. */
void wr_checkpoints(weir_server *server, const struct wr_request *request,
                    struct wr_answer *answer);
/* GET /jobs/:jobid/checkpoints/details/:checkpointid: one, with its vertices. */
void wr_checkpoint_details(weir_server *server, const struct wr_request *request,
                           struct wr_answer *answer);
/* GET /jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid */
void wr_checkpoint_subtasks(weir_server *server, const struct wr_request *request,
                            struct wr_answer *answer);

#endif /* WR_SERVE_CHECKPOINTS_H */
