/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/process.h: an operator at work on the batch in its hands. For the chain.
 *
 *   begin -> (has_mark ? pass_mark : process) ... until is_done
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_PROCESS_H
#define WR_RUNTIME_PROCESS_H

#include "runtime/operator.h"

/* What its next record may emit has room. */
static inline bool
wr_operator_has_room(const struct wr_operator *operator_)
{
    return !operator_->has_output || wr_collector_has_room(&operator_->collector);
}

static inline weir_collector *
wr_operator_out(struct wr_operator *operator_)
{
    return operator_->has_output ? &operator_->collector : NULL;
}

/* The next thing in its batch is a mark. */
static inline bool
wr_operator_has_mark(const struct wr_operator *operator_)
{
    return operator_->cursor == operator_->limit && operator_->mark < operator_->input->mark_count;
}

static inline bool
wr_operator_is_done(const struct wr_operator *operator_)
{
    return operator_->cursor == operator_->input->count &&
           operator_->mark == operator_->input->mark_count;
}

/* Takes the batch in hand: keys are made, and expiry learns the time. A failure is the task's. */
void wr_operator_begin(struct wr_operator *operator_, struct weir_batch *batch);
/* Records up to the next mark, as far as there is room. A failure is the task's. */
void wr_operator_process(struct wr_operator *operator_);
/* What a function answered, and whether a keyed state has failed meanwhile: the task's failure. */
weir_status wr_operator_check(struct wr_operator *operator_, weir_status status, const char *call);

/* --- operator_time.c --- */

/* One step of what the next mark asks: timers that the watermark makes due, on_watermark, and the
 * mark goes on. Called again until it has passed. A failure is the task's. */
void wr_operator_pass_mark(struct wr_operator *operator_);
/* Timers of processing time, and what weir_context_wake_at asked for. True: some were due. */
bool wr_operator_fire_due(struct wr_operator *operator_, uint64_t now_ns);
/* When the next of these is due, monotonic; UINT64_MAX: never. */
uint64_t wr_operator_due_at(struct wr_operator *operator_, uint64_t now_ns);
/* Of the records up to the next mark: those whose timestamp the watermark has passed. */
void wr_operator_count_late(struct wr_operator *operator_);
/* Before a snapshot: its watermark goes into the list that is kept. */
weir_status wr_operator_keep_watermark(struct wr_operator *operator_);

#endif /* WR_RUNTIME_PROCESS_H */
