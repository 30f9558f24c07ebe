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
#include "runtime/keyed.h"
#include "state/operator_state.h"

/* A keyed state that checkpoints contain: asked for by the function, or only restored. Name and
 * type are copies, since reports lend them after the backend was closed. */
struct wr_keyed_state {
    char *name;
    weir_type *type;
    weir_state *handle; /* NULL: nobody has asked for it yet */
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
    uint32_t key_group_first, key_group_last;
    weir_backend *backend; /* opened with the first state, or to be restored; NULL: none */
    struct wr_operator_state *lists;
    struct wr_keyed_state *states;
    uint32_t state_count, state_capacity;
    struct wr_keyed keyed; /* of an operator with a key */
    struct weir_collector collector;
    struct weir_batch *input; /* in hand; NULL: none */
    size_t cursor;            /* its next record */
};

struct wr_operator_parameters {
    const struct wr_task_environment *environment;
    const struct wr_task_operator *plan;
    uint32_t subtask;
    uint32_t parallelism;
    struct wr_failure *failure;
};

/* WEIR_INVALID: a table that lacks what its role needs. After a failure nothing is to be undone. */
weir_status wr_operator_init(struct wr_operator *operator_,
                             const struct wr_operator_parameters *parameters, weir_error *err);
void wr_operator_fini(struct wr_operator *operator_);

/* Restores, then calls initialize_state and open. A failure is the task's, by the context. */
weir_status wr_operator_open(struct wr_operator *operator_);
/* Calls close if the function was opened, and closes the backend. Twice is as good as once. */
void wr_operator_close(struct wr_operator *operator_);

/* For weir_context_value_state and weir_context_list_state. */
weir_status wr_operator_value_state(struct wr_operator *operator_, const char *name,
                                    const weir_type *type, weir_state **out_state, weir_error *err);
weir_status wr_operator_list_state(struct wr_operator *operator_,
                                   const weir_state_descriptor *descriptor,
                                   weir_operator_list **out_list, weir_error *err);

/* For the restore (operator_restore.c): opens the backend unless it is, and enters a keyed state by
 * name. */
weir_status wr_operator_need_backend(struct wr_operator *operator_, weir_error *err);
weir_status wr_operator_enter_state(struct wr_operator *operator_, const char *name,
                                    const weir_type *type, struct wr_keyed_state **out_state,
                                    weir_error *err);
/* Reads what the plan's restore names: keyed state into the backend, elements into the lists. */
weir_status wr_operator_restore_state(struct wr_operator *operator_, weir_error *err);

#endif /* WR_RUNTIME_OPERATOR_H */
