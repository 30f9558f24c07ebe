/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/operator.h: one operator of a chain as it runs: its function's instance, its state, the
 * batch in its hands and where it emits to. For the chain, the snapshot and the task.
 *
 *   init -> open (restore, initialize_state, open) -> process ... -> close -> fini
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_OPERATOR_H
#define WR_RUNTIME_OPERATOR_H

#include "runtime/collector.h"
#include "runtime/context.h"
#include "runtime/file_base.h"
#include "runtime/in_flight.h"
#include "runtime/keyed.h"
#include "state/operator_state.h"
#include "state/timers.h"

/* A keyed state that checkpoints contain: asked for by the function, or only restored. Name and
 * types are copies, since reports lend them after the backend was closed. */
struct wr_keyed_state {
    char *name;
    weir_state_kind kind;
    bool has_timestamps;
    weir_type *type;
    weir_type *map_key_type;   /* NULL: none */
    weir_type *namespace_type; /* NULL: void */
    weir_state *handle;        /* NULL: nobody has asked for it yet */
};

struct wr_operator {
    struct weir_context context;
    const struct wr_task_operator *plan;
    weir_function function; /* the user's table at full size; what it did not have is NULL */
    void *self;             /* instance_size bytes */
    bool close_due;         /* initialize_state or open was attempted */
    bool finished;          /* finish() was called, now or before the restore */
    bool idle_work;         /* an aborted snapshot left work for idle turns */
    bool has_output;
    struct wr_file_base *completed_files; /* shared, of the last completed checkpoint; NULL: none */
    char *directory;                      /* the backend's, made for it; NULL: none */
    uint32_t key_group_first, key_group_last;
    weir_backend *backend; /* opened with the first state, or to be restored; NULL: none */
    struct wr_operator_state *lists;
    struct wr_keyed_state *states;
    uint32_t state_count, state_capacity;
    struct wr_keyed keyed;      /* of an operator with a key */
    bool uses_keys;             /* it has states or timers to bind them to */
    struct wr_timers *timers;   /* of a keyed function with on_timer; else NULL */
    struct wr_buffer timer_key; /* of the one that fires */
    struct weir_collector collector;
    _Atomic uint64_t *restored_bytes;    /* the task's, lent */
    struct wr_in_flight_queue in_flight; /* restored, to be processed before anything else */
    /* the batch in hand */
    struct weir_batch *input; /* NULL: none */
    bool is_restored_input;   /* it came from that queue */
    uint8_t side;             /* the input it came from, 0 or 1 */
    size_t cursor;            /* its next record */
    size_t limit;             /* the record behind the next mark, or the count */
    size_t segment;           /* the record behind the mark before */
    uint32_t mark;            /* the next one */
    weir_status (*process)(weir_context *context, void *self, const void *record,
                           weir_collector *out); /* of its side */
    const char *process_name;
    /* time */
    int64_t watermark;
    int64_t kept_watermark;             /* the last but that of the end of input */
    bool is_advancing;                  /* timers are left that the watermark makes due */
    bool counts_late;                   /* its task's first one that can say what is late */
    uint64_t late_records;              /* came when the watermark had passed their timestamp */
    weir_operator_list *watermark_list; /* NULL: it is not kept */
};

struct wr_operator_parameters {
    const struct wr_task_environment *environment;
    const struct wr_task_operator *plan;
    uint32_t subtask;
    uint32_t parallelism;
    struct wr_failure *failure;
    _Atomic uint64_t *restored_bytes; /* what the task has read of a checkpoint; lent */
};

/* WEIR_INVALID: a table that lacks what its role needs. After a failure nothing is to be undone. */
weir_status wr_operator_init(struct wr_operator *operator_,
                             const struct wr_operator_parameters *parameters, weir_error *err);
void wr_operator_fini(struct wr_operator *operator_);

/* Restores, then calls initialize_state and open. A failure is the task's, by the context. */
weir_status wr_operator_open(struct wr_operator *operator_);
/* Calls close if the function was opened, and closes the backend. Twice is as good as once. */
void wr_operator_close(struct wr_operator *operator_);

/* For weir_context_keyed_state and its like. */
weir_status wr_operator_keyed_state(struct wr_operator *operator_,
                                    const weir_state_descriptor *descriptor, weir_state **out_state,
                                    weir_error *err);
weir_status wr_operator_list_state(struct wr_operator *operator_,
                                   const weir_state_descriptor *descriptor,
                                   weir_operator_list **out_list, weir_error *err);
weir_status wr_operator_broadcast_state(struct wr_operator *operator_,
                                        const weir_state_descriptor *descriptor,
                                        weir_broadcast **out_broadcast, weir_error *err);

/* For the restore (operator_restore.c): opens the backend unless it is, and enters a keyed state by
 * its name, as the descriptor says where it is new. */
weir_status wr_operator_need_backend(struct wr_operator *operator_, weir_error *err);
weir_status wr_operator_enter_state(struct wr_operator *operator_,
                                    const weir_state_descriptor *descriptor,
                                    struct wr_keyed_state **out_state, weir_error *err);
/* Undoes a restore that failed: as it was before. */
weir_status wr_operator_forget_restored(struct wr_operator *operator_, weir_error *err);
/* Reads what the plan's restore names: keyed state into the backend, elements into the lists,
 * records in flight into the queue. */
weir_status wr_operator_restore_state(struct wr_operator *operator_, weir_error *err);

#endif /* WR_RUNTIME_OPERATOR_H */
