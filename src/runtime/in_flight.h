/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/in_flight.h: records that a checkpoint found on their way to an operator: a log of them
 * while it is taken, a queue of those that a restored subtask is to process first.
 *
 *   batches --add--> log --turn--> LIST block "weir_in_flight" of the operator's state file
 *   its elements --take--> queue --pop--> the operator, before all other input
 *
 * The list is a UNION list: every new subtask reads all of it and keeps what is its own: by key
 * group where the records are keyed; else all that was on its way to it, or, at another
 * parallelism, each record in its turn. Of records with one key the order stays. What was told of
 * time between them is not kept: after a restore event time is behind, never ahead.
 * Thread: task.
 */
#ifndef WR_RUNTIME_IN_FLIGHT_H
#define WR_RUNTIME_IN_FLIGHT_H

#include "base/buffer.h"
#include "runtime/batch.h"
#include "runtime/task.h"
#include "weir/snapshot.h"

/* Reserved: functions may not have a list of this name. */
#define WR_IN_FLIGHT_NAME "weir_in_flight"

/* As manifest and state file have it. Lent: static. */
weir_state_descriptor wr_in_flight_descriptor(void);

/* Who is to receive them. */
struct wr_in_flight_target {
    const struct wr_task_operator *plan;
    uint32_t subtask;
    uint32_t parallelism;
};

/* --- taken --- */

struct wr_in_flight_element;

struct wr_in_flight_log {
    weir_alloc alloc; /* counted as copies for snapshots */
    struct wr_in_flight_target target;
    uint64_t types[2]; /* hash of each input's */
    struct wr_in_flight_element *first, *last;
    uint64_t count; /* elements */
    uint64_t bytes; /* of their records */
    /* being written */
    struct wr_in_flight_element *next;
    bool is_begun;
    uint16_t state; /* its number in the file */
    size_t room_most;
};

/* WEIR_NOMEM. Afterwards fini is due. */
weir_status wr_in_flight_log_init(struct wr_in_flight_log *log, const weir_alloc *alloc,
                                  const struct wr_in_flight_target *target);
void wr_in_flight_log_fini(struct wr_in_flight_log *log); /* of a zeroed one: nothing */
/* Copies the records. WEIR_NOMEM: nothing changed. */
weir_status wr_in_flight_log_add(struct wr_in_flight_log *log, const struct weir_batch *batch,
                                 uint8_t side);
/* Writes as far as budget and room reach; nothing may be added from the first call on. *out_done:
 * all is written. */
weir_status wr_in_flight_log_turn(struct wr_in_flight_log *log, weir_block_writer *writer,
                                  size_t budget_bytes, bool *out_done);

/* --- restored --- */

/* Batches, oldest first; the element that is being read. */
struct wr_in_flight_queue {
    weir_alloc alloc;
    struct weir_batch *first, *last;
    struct weir_batch *reading; /* its data is still to come */
    uint32_t subtask;           /* that it was on its way to */
    uint32_t parallelism;
    uint64_t turn; /* unkeyed records so far, of all subtasks */
};

void wr_in_flight_queue_init(struct wr_in_flight_queue *queue, const weir_alloc *alloc);
void wr_in_flight_queue_fini(struct wr_in_flight_queue *queue);
/* One element of the list, in order; keeps what is the target's. WEIR_CORRUPT, WEIR_VERSION: the
 * operator's records are of another type now; WEIR_NOMEM. */
weir_status wr_in_flight_take(struct wr_in_flight_queue *queue,
                              const struct wr_in_flight_target *target, weir_bytes element,
                              weir_error *err);
/* NULL: none is left. The caller's, freed by wr_in_flight_free. */
struct weir_batch *wr_in_flight_pop(struct wr_in_flight_queue *queue);
void wr_in_flight_free(struct wr_in_flight_queue *queue, struct weir_batch *batch);

#endif /* WR_RUNTIME_IN_FLIGHT_H */
