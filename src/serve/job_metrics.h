/* SPDX-License-Identifier: Apache-2.0 */
/* serve/job_metrics.h: single figures of the job by Flink's names. Thread: server. */
#ifndef WR_SERVE_JOB_METRICS_H
#define WR_SERVE_JOB_METRICS_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* GET /jobs/:jobid/metrics */
void wr_job_metrics(weir_server *server, const struct wr_request *request,
                    struct wr_answer *answer);

#endif /* WR_SERVE_JOB_METRICS_H */
