/* SPDX-License-Identifier: Apache-2.0 */
/* serve/checkpoint_config.h: how the job makes checkpoints. Thread: server. */
#ifndef WR_SERVE_CHECKPOINT_CONFIG_H
#define WR_SERVE_CHECKPOINT_CONFIG_H

#include "serve/answer.h"
#include "serve/request.h"
#include "serve/server.h"

/* GET /jobs/:jobid/checkpoints/config */
void wr_checkpoint_config(weir_server *server, const struct wr_request *request,
                          struct wr_answer *answer);

#endif /* WR_SERVE_CHECKPOINT_CONFIG_H */
