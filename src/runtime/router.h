/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/router.h: which channel of an edge each record of a batch goes to. For the outputs.
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_ROUTER_H
#define WR_RUNTIME_ROUTER_H

#include "base/buffer.h"
#include "runtime/batch.h"
#include "runtime/task.h"

/* Of one edge. */
struct wr_targets {
    uint32_t *channels; /* of each record of the batch */
    size_t capacity;
    uint32_t next; /* REBALANCE: whose turn it is */
};

/* What all edges of a task share: room for the keys of a batch. */
struct wr_router {
    weir_alloc alloc;
    const void **records;
    struct wr_extracted_key *extracted;
    size_t key_capacity;
    struct wr_buffer scratch;
};

void wr_router_init(struct wr_router *router, const weir_alloc *alloc);
void wr_router_fini(struct wr_router *router);
void wr_targets_fini(const struct wr_router *router, struct wr_targets *targets);

/* KEYED and REBALANCE edges. WEIR_LIMIT: a key is too long. */
weir_status wr_router_aim(struct wr_router *router, const struct wr_task_output *plan,
                          const struct weir_batch *batch, struct wr_targets *targets);

#endif /* WR_RUNTIME_ROUTER_H */
