/* SPDX-License-Identifier: Apache-2.0 */
/* serve/job_config.h: what the job runs with. Thread: server. */
#ifndef WR_SERVE_JOB_CONFIG_H
#define WR_SERVE_JOB_CONFIG_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* GET /jobs/:jobid/config: Flink's execution-config. */
void wr_job_config(weir_server *server, const struct wr_request *request, struct wr_answer *answer);
/* GET /jobmanager/config: every option that somebody has set; of secrets the key only. */
void wr_cluster_config(weir_server *server, const struct wr_request *request,
                       struct wr_answer *answer);

#endif /* WR_SERVE_JOB_CONFIG_H */
