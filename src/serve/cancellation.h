/* SPDX-License-Identifier: Apache-2.0 */
/* serve/cancellation.h: ending the job at once. Thread: server. */
#ifndef WR_SERVE_CANCELLATION_H
#define WR_SERVE_CANCELLATION_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* PATCH /jobs/:jobid?mode=cancel: 202 {} */
void wr_job_cancellation(weir_server *server, const struct wr_request *request,
                         struct wr_answer *answer);
/* GET /jobs/:jobid/yarn-cancel: the same, for proxies that pass nothing else. */
void wr_job_yarn_cancellation(weir_server *server, const struct wr_request *request,
                              struct wr_answer *answer);

#endif /* WR_SERVE_CANCELLATION_H */
