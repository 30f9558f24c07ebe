/* SPDX-License-Identifier: Apache-2.0 */
/* serve/access.h: who may ask what. Thread: server. */
#ifndef WR_SERVE_ACCESS_H
#define WR_SERVE_ACCESS_H

#include "serve/router.h"

/* Says who asks, and whether it may; false: the answer is filled (401, 403, 415, 421). route NULL:
 * there is none, and who may not ask anything is not told so. */
bool wr_access_check(weir_server *server, const struct wr_route *route,
                     const struct wr_raw_request *raw, enum wr_role *out_role,
                     struct wr_answer *answer);

/* The audit's line of what an operator did, or tried behind the check. */
void wr_access_record(weir_server *server, const struct wr_route *route,
                      const struct wr_raw_request *raw, unsigned code);

const char *wr_role_name(enum wr_role role); /* "read-state" */

#endif /* WR_SERVE_ACCESS_H */
