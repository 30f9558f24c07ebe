/* SPDX-License-Identifier: Apache-2.0 */
/* serve/triggers.h: savepoints, stops and checkpoints, triggered and asked for. Thread: server. */
#ifndef WR_SERVE_TRIGGERS_H
#define WR_SERVE_TRIGGERS_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* POST /jobs/:jobid/savepoints {"target-directory","cancel-job","formatType","triggerId"}: 202
 * {"request-id"} */
void wr_savepoint_trigger(weir_server *server, const struct wr_request *request,
                          struct wr_answer *answer);
/* POST /jobs/:jobid/stop {"targetDirectory","drain","formatType","triggerId"}: the same */
void wr_stop_trigger(weir_server *server, const struct wr_request *request,
                     struct wr_answer *answer);
/* GET /jobs/:jobid/savepoints/:triggerid: {"status","operation":{"location"|"failure-cause"}} */
void wr_savepoint_status(weir_server *server, const struct wr_request *request,
                         struct wr_answer *answer);
/* POST /jobs/:jobid/checkpoints {"checkpointType","triggerId"}: 202 {"request-id"} */
void wr_checkpoint_trigger(weir_server *server, const struct wr_request *request,
                           struct wr_answer *answer);
/* GET /jobs/:jobid/checkpoints/:triggerid: {"status","operation":{"checkpointId"|"failureCause"}}
 */
void wr_checkpoint_status(weir_server *server, const struct wr_request *request,
                          struct wr_answer *answer);

#endif /* WR_SERVE_TRIGGERS_H */
