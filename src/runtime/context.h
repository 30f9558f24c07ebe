/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/context.h: what a function's context is, and how a task fails. For the rest of the
 * runtime.
 *
 * A task fails once: the first failure of any of its functions, emits or state calls is kept in the
 * task's wr_failure, with operator, subtask and record in its words. Everything later is dropped.
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_CONTEXT_H
#define WR_RUNTIME_CONTEXT_H

#include "runtime/task.h"

struct wr_operator;

struct wr_failure {
    bool failed;
    weir_error error;
};

/* Memory for one call: a block that is used from the start again; what does not fit stands in
 * blocks of its own until the call returns. */
struct wr_scratch {
    uint8_t *data;
    size_t capacity;
    size_t used;
    struct wr_scratch_extra *extra;
};

struct weir_context {
    const struct wr_task_environment *environment;
    const struct wr_task_operator *plan;
    struct wr_operator *operator_;
    struct wr_failure *failure; /* the task's */
    uint32_t subtask;
    uint32_t parallelism;
    bool may_register; /* states: in initialize_state and open */
    /* the record being processed: batch NULL: none */
    const weir_batch *batch;
    size_t index;
    uint64_t records_before; /* taken before this batch */
    const weir_key *keys;    /* of the batch, while process_batch has it */
    uint64_t wake_at_ns;     /* as the function set it; 0: not */
    bool in_timer;           /* on_timer runs */
    int64_t timer_timestamp;
    struct wr_scratch scratch;
    uint64_t pending_transactions; /* as the function says */
    bool has_argument;             /* by weir_context_set_argument; else the plan's */
    const void *argument;
};

static inline bool
wr_context_has_failed(const weir_context *context)
{
    return context->failure->failed;
}

/* The task's failure, or WEIR_OK. */
weir_status wr_context_status(const weir_context *context);

/* Keeps a failure that has words already; puts operator, subtask and record before them. */
weir_status wr_context_fail_error(weir_context *context, weir_status status, const weir_error *err);

/* What a function returned: OK, its own failure kept before, or made into words with `call`'s name.
 */
weir_status wr_context_check(weir_context *context, weir_status status, const char *call);

/* A refused call on operator state that the function said nothing of: the task's failure. */
weir_status wr_context_check_lists(weir_context *context);

/* The call has returned: its scratch memory is free again. */
void wr_scratch_release(struct weir_context *context);
static inline void
wr_context_call_ended(weir_context *context)
{
    if (context->scratch.used != 0) {
        wr_scratch_release(context);
    }
}
void wr_context_fini(weir_context *context);

#endif /* WR_RUNTIME_CONTEXT_H */
