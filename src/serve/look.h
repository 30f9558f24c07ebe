/* SPDX-License-Identifier: Apache-2.0 */
/* serve/look.h: a handler's look at the job, with Flink's words for what is not there.
 *
 *   view = wr_look(...)          NULL: the answer is filled
 *   ...                          the handler reads it
 *   weir_job_view_free(view)
 *
 * Thread: server.
 */
#ifndef WR_SERVE_LOOK_H
#define WR_SERVE_LOOK_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* The job, whatever the path says. NULL: 500. */
const weir_job_view *wr_look_anywhere(weir_server *server, struct wr_answer *answer);
/* The job, if the route's first parameter is its id. NULL: 400, 404 or 500. */
const weir_job_view *wr_look(weir_server *server, const struct wr_request *request,
                             struct wr_answer *answer);
/* Only whether it is this job that the path names. False: the answer is filled. */
bool wr_look_named(weir_server *server, const struct wr_request *request, struct wr_answer *answer);
/* The vertex whose id the parameter is; lent by the view. NULL: 400 or 404. */
const weir_vertex_view *wr_look_vertex(const weir_job_view *view, const struct wr_request *request,
                                       int parameter, struct wr_answer *answer);

/* The latest that was completed, a savepoint too; lent by the view. NULL: none. */
const weir_checkpoint_view *wr_look_latest(const weir_job_view *view);

/* When the job or a part of it has ended, or else now. */
int64_t wr_look_until(const weir_job_view *view, int64_t end_ms);
/* Flink's -1 for what is not yet. */
json_int_t wr_or_minus_one(int64_t ms);

/* A JSON text of any bytes: what is not UTF-8 becomes '?'. text NULL: null. NULL: no memory. */
json_t *wr_json_text(const char *text);

#endif /* WR_SERVE_LOOK_H */
