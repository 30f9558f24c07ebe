/* SPDX-License-Identifier: Apache-2.0 */
/* serve/disposal.h: removing a savepoint. Thread: server. */
#ifndef WR_SERVE_DISPOSAL_H
#define WR_SERVE_DISPOSAL_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* POST /savepoint-disposal {"savepoint-path"}: 202 {"request-id"} */
void wr_disposal_trigger(weir_server *server, const struct wr_request *request,
                         struct wr_answer *answer);
/* GET /savepoint-disposal/:triggerid: {"status","operation":{}|{"failure-cause"}} */
void wr_disposal_status(weir_server *server, const struct wr_request *request,
                        struct wr_answer *answer);

#endif /* WR_SERVE_DISPOSAL_H */
