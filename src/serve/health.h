/* SPDX-License-Identifier: Apache-2.0 */
/* serve/health.h: for those who only ask whether it lives. No token, no body. Thread: server. */
#ifndef WR_SERVE_HEALTH_H
#define WR_SERVE_HEALTH_H

#include "serve/router.h"

/* GET /healthz: 200, as long as the process answers. */
void wr_health_live(weir_server *server, const struct wr_request *request,
                    struct wr_answer *answer);
/* GET /readyz: 200 while records flow; else 503 and what it does instead. */
void wr_health_ready(weir_server *server, const struct wr_request *request,
                     struct wr_answer *answer);

#endif /* WR_SERVE_HEALTH_H */
