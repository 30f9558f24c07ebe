/* SPDX-License-Identifier: Apache-2.0 */
/* serve/states.h: how large the job's states are, and what memory it has. Thread: server. */
#ifndef WR_SERVE_STATES_H
#define WR_SERVE_STATES_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* GET /weir/v1/states: each state of each operator, its size in all and in each subtask. */
void wr_states_show(weir_server *server, const struct wr_request *request,
                    struct wr_answer *answer);
/* GET /weir/v1/memory: pools, with what they use, have used at most, and may. */
void wr_memory_show(weir_server *server, const struct wr_request *request,
                    struct wr_answer *answer);

#endif /* WR_SERVE_STATES_H */
