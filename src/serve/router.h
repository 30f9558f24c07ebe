/* SPDX-License-Identifier: Apache-2.0 */
/* serve/router.h: finds who answers a request: one table, which the tests of access and the OpenAPI
 * file are held against. No sockets here: tests ask it directly. Thread: server. */
#ifndef WR_SERVE_ROUTER_H
#define WR_SERVE_ROUTER_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

struct wr_route {
    const char *method;
    const char *pattern; /* "/jobs/:jobid/status" */
    void (*handle)(weir_server *server, const struct wr_request *request, struct wr_answer *answer);
    enum wr_role role;       /* the least that may ask */
    enum wr_dialect dialect; /* FLINK: also below /v1 */
    bool needs_body;         /* without one: 400 */
};

/* routes.c; ends with a NULL method. */
extern const struct wr_route wr_routes[];

/* Answers every request: 404 where no route is, 405 where another method is, 401, 403, 400, 413,
 * 415 as the access rules say, else what the handler says. */
void wr_router_answer(weir_server *server, const struct wr_raw_request *raw,
                      struct wr_answer *answer);

#endif /* WR_SERVE_ROUTER_H */
