/* SPDX-License-Identifier: Apache-2.0 */
/* serve/events.h: what happens to the job, as it happens (server-sent events). Thread: server. */
#ifndef WR_SERVE_EVENTS_H
#define WR_SERVE_EVENTS_H

#include "serve/router.h"

/* GET /weir/v1/events: those behind the header Last-Event-ID, or the query `after`; without either
 * those that are yet to come. It ends behind the last event of the job. */
void wr_events_stream(weir_server *server, const struct wr_request *request,
                      struct wr_answer *answer);

#endif /* WR_SERVE_EVENTS_H */
