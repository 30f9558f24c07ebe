/* SPDX-License-Identifier: Apache-2.0 */
/* serve/plan.h: a job's plan as Flink's clients draw it. Thread: server. */
#ifndef WR_SERVE_PLAN_H
#define WR_SERVE_PLAN_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* {"jid","name","type","nodes":[...]}. NULL: no memory. */
json_t *wr_plan_json(const weir_job_view *view);

/* GET /jobs/:jobid/plan */
void wr_plan(weir_server *server, const struct wr_request *request, struct wr_answer *answer);

#endif /* WR_SERVE_PLAN_H */
