/* SPDX-License-Identifier: Apache-2.0 */
/* serve/jobs.h: the job as Flink's clients ask for it. Thread: server. */
#ifndef WR_SERVE_JOBS_H
#define WR_SERVE_JOBS_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* GET /jobs: {"jobs":[{"id","status"}]} */
void wr_jobs_ids(weir_server *server, const struct wr_request *request, struct wr_answer *answer);

#endif /* WR_SERVE_JOBS_H */
