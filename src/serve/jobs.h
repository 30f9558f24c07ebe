/* SPDX-License-Identifier: Apache-2.0 */
/* serve/jobs.h: the job as Flink's clients ask for it. Thread: server. */
#ifndef WR_SERVE_JOBS_H
#define WR_SERVE_JOBS_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* GET /jobs: {"jobs":[{"id","status"}]} */
void wr_jobs_ids(weir_server *server, const struct wr_request *request, struct wr_answer *answer);
/* GET /jobs/overview: what `flink list` shows. */
void wr_jobs_overview(weir_server *server, const struct wr_request *request,
                      struct wr_answer *answer);
/* GET /jobs/:jobid: times, vertices with their figures, the plan. */
void wr_job_details(weir_server *server, const struct wr_request *request,
                    struct wr_answer *answer);
/* GET /jobs/:jobid/status */
void wr_job_status(weir_server *server, const struct wr_request *request, struct wr_answer *answer);
/* GET /jobs/:jobid/execution-result: IN_PROGRESS until it has ended. */
void wr_job_execution_result(weir_server *server, const struct wr_request *request,
                             struct wr_answer *answer);
/* GET /jobs/:jobid/accumulators: weir has none. */
void wr_job_accumulators(weir_server *server, const struct wr_request *request,
                         struct wr_answer *answer);

#endif /* WR_SERVE_JOBS_H */
