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
    bool is_hurrying;
    uint64_t records_out; /* left the chain: to channels, or into its sink */
    /* a batch without records, for what the gate tells of time */
    struct weir_batch time_batch;
    struct wr_mark time_mark;
    uint32_t time_offset;
};

enum wr_chain_result {
    WR_CHAIN_WORKED,
    WR_CHAIN_BLOCKED, /* there is work, but no room for what comes of it */
    WR_CHAIN_RESTING  /* no record anywhere between the first operator's input and the channels, but
                         in a hurry those that were restored and not begun */
};

/* One piece of work: at most one batch through one operator, the one nearest to the exit that can
 * go on. A failure is in chain->failure. */
enum wr_chain_result wr_chain_step(struct wr_chain *chain, uint64_t now_ns);

/* A barrier waits that is not to wait for anybody: what is under way goes on beyond the room that
 * channels have, and nothing that was restored is begun. */
void wr_chain_set_hurry(struct wr_chain *chain, bool is_hurrying);

/* Gives the first operator its next batch, of this side of two connected streams; only while
 * resting. */
void wr_chain_give(struct wr_chain *chain, struct weir_batch *batch, uint8_t side);
/* The same with what the gate tells of time. */
void wr_chain_tell_time(struct wr_chain *chain, struct wr_time time);
/* Calls what is due by the wall clock, where there is room; true: something was. */
bool wr_chain_fire_due(struct wr_chain *chain, uint64_t now_ns);
/* When something will be, monotonic; UINT64_MAX: never. */
uint64_t wr_chain_due_at(struct wr_chain *chain, uint64_t now_ns);

/* Frees the batches on their way between operators, before those are; a channel's stay the
 * channel's. */
void wr_chain_fini(struct wr_chain *chain);

#endif /* WR_RUNTIME_CHAIN_H */
