/* SPDX-License-Identifier: Apache-2.0 */
/* state/ttl.h: what expires: when an item was written, and what a reader does with it.
 *
 * Thread: task.
 */
#ifndef WR_STATE_TTL_H
#define WR_STATE_TTL_H

#include "state/common.h"

/* What is to be done with an item that was read. */
enum wr_ttl_verdict {
    WR_TTL_LIVE,    /* returned as it is */
    WR_TTL_REFRESH, /* returned, and its timestamp written anew */
    WR_TTL_LAST,    /* expired, but returned this once: removed */
    WR_TTL_GONE     /* expired: removed, not returned */
};

/* Of a state with ttl. Items without a timestamp (null map values of another time) live on. */
enum wr_ttl_verdict wr_ttl_judge(const struct wr_state_common *common, weir_bytes item);
/* Whether a reader is to see the item: always without ttl. */
bool wr_ttl_is_visible(const struct wr_state_common *common, weir_bytes item);

/* A map value of null that can expire is an item of zeros whose timestamp says so. */
bool wr_ttl_is_null(weir_bytes item);
/* Writes the timestamp of such an item. */
void wr_ttl_put_null(void *item, int64_t now_ms);

/* `count` records have been processed: for states whose cleanup is to run for every record. */
void wr_ttl_records(weir_backend *backend, size_t count);

#endif /* WR_STATE_TTL_H */
