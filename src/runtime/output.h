/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/output.h: the edges out of a task's chain: each record of the last operator's batches
 * goes into the channels that its edge says. For the chain and the task.
 *
 *   give (a batch) -> distribute ... until it is done -> the batch is the chain's again
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_OUTPUT_H
#define WR_RUNTIME_OUTPUT_H

#include "base/buffer.h"
#include "runtime/context.h"

struct wr_outputs;

struct wr_outputs_parameters {
    weir_alloc alloc;
    weir_alloc network_alloc;     /* of the channels: for a batch that a giant record makes grow */
    struct wr_task_output *edges; /* lent for the outputs' life, as their channels */
    uint32_t edge_count;
    uint32_t subtask; /* where round robin starts */
    uint64_t buffer_timeout_ns;
    uint64_t overflow_max; /* bytes that may go beyond the channels at once; 0: none */
    weir_context *context; /* of the chain's last operator, for words */
};

weir_status wr_outputs_create(const struct wr_outputs_parameters *parameters,
                              struct wr_outputs **out_outputs);
void wr_outputs_destroy(struct wr_outputs *outputs); /* NULL ok; batches belong to the channels */

/* There is a batch with room for every channel. WEIR_NOMEM: a channel cannot get its first; the
 * task has failed with words. */
bool wr_outputs_have_room(struct wr_outputs *outputs);

/* Takes a batch; only without one in hand. Keys are extracted here: WEIR_LIMIT, the task has
 * failed. */
weir_status wr_outputs_give(struct wr_outputs *outputs, struct weir_batch *batch);
/* Moves records and marks on as far as there is room. The batch once all is gone, else NULL.
 * *out_moved: any of them moved. now_ns: starts the buffer timeout. */
struct weir_batch *wr_outputs_distribute(struct wr_outputs *outputs, uint64_t now_ns,
                                         bool *out_moved);
struct weir_batch *wr_outputs_in_hand(const struct wr_outputs *outputs); /* NULL: none */

/* A barrier waits that is not to wait for anybody: what the channels have no room for goes beyond
 * them, ahead of it, as far as overflow_max and memory reach. */
void wr_outputs_set_hurry(struct wr_outputs *outputs, bool is_hurrying);

/* Publishes every batch that holds records. */
void wr_outputs_flush(struct wr_outputs *outputs);
void wr_outputs_flush_due(struct wr_outputs *outputs,
                          uint64_t now_ns);                     /* if the timeout has passed */
bool wr_outputs_hold_records(const struct wr_outputs *outputs); /* something to flush */
uint64_t wr_outputs_bytes(const struct wr_outputs *outputs);    /* of records published */

/* Every channel can take an event now. */
bool wr_outputs_can_send(struct wr_outputs *outputs);
/* Behind all records, into every channel of every edge; only after can_send. */
void wr_outputs_send(struct wr_outputs *outputs, enum wr_batch_kind kind, uint64_t checkpoint_id,
                     enum wr_checkpoint_kind checkpoint_kind);

#endif /* WR_RUNTIME_OUTPUT_H */
