/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/output_parts.h: what the outputs are made of; for their two files: output.c, which moves
 * records into batches, and output_send.c, which sends batches and events off.
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_OUTPUT_PARTS_H
#define WR_RUNTIME_OUTPUT_PARTS_H

#include "runtime/output.h"
#include "runtime/router.h"

/* Of one channel: what goes out ahead of all else, by next. */
struct wr_output_waiting {
    struct weir_batch *first, *last;
};

struct wr_output_edge {
    const struct wr_task_output *plan;
    struct weir_batch **current;       /* one a channel */
    struct wr_output_waiting *waiting; /* likewise */
    struct wr_targets targets;         /* of the records in hand; KEYED and REBALANCE */
    size_t cursor;
    uint64_t bytes; /* of records that were published, to all its channels */
};

struct wr_outputs {
    struct wr_outputs_parameters parameters;
    struct weir_batch *batch;
    uint32_t mark;           /* the next of the batch's */
    uint64_t dirty_since_ns; /* the oldest unpublished record came at; 0: all is published */
    bool is_hurrying;
    uint64_t overflow_bytes; /* made in this hurry */
    struct wr_router router;
    struct wr_output_edge edges[];
};

/* A failure of the task's. */
weir_status wr_outputs_fail_memory(struct wr_outputs *outputs, size_t size);
/* The channel's current batch; NULL: backpressure, or the task has failed. */
struct weir_batch *wr_outputs_current(struct wr_outputs *outputs, struct wr_output_edge *edge,
                                      uint32_t channel);
/* The current batch is sent off, if it holds records; or waits behind what waits. */
void wr_outputs_publish(struct wr_output_edge *edge, uint32_t channel);
/* A mark, to all channels or none; false: none. */
bool wr_outputs_send_time(struct wr_outputs *outputs, struct wr_time time);
/* Of a list that was not published, or NULL: the others are the channel's. */
void wr_outputs_free_overflow(struct wr_outputs *outputs, struct weir_batch *batch);

#endif /* WR_RUNTIME_OUTPUT_PARTS_H */
