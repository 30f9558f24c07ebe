/* SPDX-License-Identifier: Apache-2.0 */
/* serve/log_levels.h: how much each module of the job says (weir/log.h). Thread: server. */
#ifndef WR_SERVE_LOG_LEVELS_H
#define WR_SERVE_LOG_LEVELS_H

#include "serve/router.h"

/* GET /weir/v1/log-levels: {"job":"INFO","checkpoint":"INFO",...}. */
void wr_log_levels_show(weir_server *server, const struct wr_request *request,
                        struct wr_answer *answer);
/* PUT: {"checkpoint":"DEBUG"}; all or nothing, then as GET. */
void wr_log_levels_set(weir_server *server, const struct wr_request *request,
                       struct wr_answer *answer);

#endif /* WR_SERVE_LOG_LEVELS_H */
