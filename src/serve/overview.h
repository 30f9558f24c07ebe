/* SPDX-License-Identifier: Apache-2.0 */
/* serve/overview.h: what Flink's clients ask of a cluster, answered for the one process that weir's
 * is. Thread: server. */
#ifndef WR_SERVE_OVERVIEW_H
#define WR_SERVE_OVERVIEW_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* GET /overview: slots and how many jobs are in which state. */
void wr_overview(weir_server *server, const struct wr_request *request, struct wr_answer *answer);
/* GET /config: what a dashboard may offer. */
void wr_dashboard_config(weir_server *server, const struct wr_request *request,
                         struct wr_answer *answer);

#endif /* WR_SERVE_OVERVIEW_H */
