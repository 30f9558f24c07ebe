/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/chain.h: the operators of a task, one behind the other, and the batches between them. For
 * the task.
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_CHAIN_H
#define WR_RUNTIME_CHAIN_H

#include "runtime/gate.h"
#include "runtime/operator.h"
#include "runtime/output.h"

/* All lent. */
struct wr_chain {
    struct wr_operator *operators;
    uint32_t count;
    struct wr_outputs *outputs;
    struct wr_gate *gate; /* where the first operator's batches go back; NULL: it is a source */
    struct wr_failure *failure;
    uint64_t records_out; /* left the chain: to channels, or into its sink */
};

enum wr_chain_result {
    WR_CHAIN_WORKED,
    WR_CHAIN_BLOCKED, /* there is work, but no room for what comes of it */
    WR_CHAIN_RESTING  /* no record anywhere between the first operator's input and the channels */
};

/* One piece of work: at most one batch through one operator, the one nearest to the exit that can
 * go on. A failure is in chain->failure. */
enum wr_chain_result wr_chain_step(struct wr_chain *chain, uint64_t now_ns);

/* Gives the first operator its next batch; only while resting. */
void wr_chain_give(struct wr_chain *chain, struct weir_batch *batch);

/* Frees the batches on their way between operators, before those are; a channel's stay the
 * channel's. */
void wr_chain_fini(struct wr_chain *chain);

#endif /* WR_RUNTIME_CHAIN_H */
