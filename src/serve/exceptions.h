/* SPDX-License-Identifier: Apache-2.0 */
/* serve/exceptions.h: why the job failed, each time. Thread: server. */
#ifndef WR_SERVE_EXCEPTIONS_H
#define WR_SERVE_EXCEPTIONS_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* GET /jobs/:jobid/exceptions?maxExceptions=: newest first; 20 unless told. */
void wr_exceptions(weir_server *server, const struct wr_request *request, struct wr_answer *answer);

#endif /* WR_SERVE_EXCEPTIONS_H */
