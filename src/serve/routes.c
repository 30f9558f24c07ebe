/* SPDX-License-Identifier: Apache-2.0 */
/* routes: every path that is answered, with the least role that may ask. Flink's as its clients
 * know them, also below /v1; weir's own below /weir/v1.
 */
#include "serve/jobs.h"
#include "serve/router.h"

#define FLINK(method, pattern, handle, role)                             \
    {                                                                    \
        method, pattern, handle, WR_ROLE_##role, WR_DIALECT_FLINK, false \
    }
#define FLINK_BODY(method, pattern, handle, role)                       \
    {                                                                   \
        method, pattern, handle, WR_ROLE_##role, WR_DIALECT_FLINK, true \
    }
#define WEIR(method, pattern, handle, role)                             \
    {                                                                   \
        method, pattern, handle, WR_ROLE_##role, WR_DIALECT_WEIR, false \
    }

const struct wr_route wr_routes[] = {
    FLINK("GET", "/jobs", wr_jobs_ids, OBSERVE),

    { NULL, NULL, NULL, WR_ROLE_NONE, WR_DIALECT_FLINK, false },
};
