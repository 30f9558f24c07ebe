/* SPDX-License-Identifier: Apache-2.0 */
/* chain: batch at a time through the operators, deepest first.
 *
 *   gate --> [input 0] op 0 --collector 0--> [input 1] op 1 --collector 1--> outputs --> channels
 *
 * A piece of work is: distribute the last collector's batch; else let the last operator that has
 * input and room go on with its batch; else the one before it, and so on. So what is nearest to the
 * exit leaves first and little is under way.
 *
 * Invariants:
 *   (1) An operator gets its next record only while its collector has no closed batch: what one
 *       record emits beyond the open batch is all that is ever kept there (the emit limit bounds
 *       it). A process_batch gets its whole batch in one call, under the same limit.
 *   (2) An operator takes the collector's open batch only when the operator before it has nothing
 *       in hand: batches stay as full as the input allows.
 *   (3) Resting means: no input in hand, no collector holds records, outputs have nothing in hand.
 *       Barriers, the end of input and snapshots happen at rest only.
 *       Then the chain has also nothing left that was restored as in flight; in a hurry it may, and
 *       the snapshot holds it again.
 *   (4) Marks (watermarks, status) stand in the batches: behind the records before them they go
 *       through the operators one by one.
 *   (5) What was restored as in flight to an operator goes through it before anything else does.
 */
#include "runtime/chain.h"

#include "base/check.h"
#include "runtime/process.h"

/* The batch is used up: back to where it came from. */
static void
end_batch(struct wr_chain *chain, uint32_t index)
{
    struct wr_operator *operator_ = &chain->operators[index];
    struct weir_batch *batch = operator_->input;
    operator_->context.records_before += batch->count;
    operator_->context.batch = NULL;
    operator_->context.index = 0;
    operator_->input = NULL;
    if (index + 1 == chain->count && !operator_->has_output) {
        chain->records_out += batch->count;
    }
    if (operator_->is_restored_input) {
        wr_in_flight_free(&operator_->in_flight, batch);
        operator_->is_restored_input = false;
    } else if (index == 0) {
        if (batch != &chain->time_batch) {
            wr_gate_give_back(chain->gate, batch);
        }
    } else {
        wr_collector_recycle(&chain->operators[index - 1].collector, batch);
    }
}

/* The next batch for whoever stands behind operator `index`. */
static struct weir_batch *
take_from(struct wr_chain *chain, uint32_t index)
{
    struct wr_operator *operator_ = &chain->operators[index];
    return operator_->has_output
               ? wr_collector_take(&operator_->collector, operator_->input == NULL)
               : NULL;
}

/* The exit: WORKED when a record moved. */
static enum wr_chain_result
step_outputs(struct wr_chain *chain, uint64_t now_ns)
{
    struct wr_operator *last = &chain->operators[chain->count - 1];
    if (wr_outputs_in_hand(chain->outputs) == NULL) {
        struct weir_batch *batch = take_from(chain, chain->count - 1);
        if (batch == NULL) {
            return WR_CHAIN_RESTING;
        }
        if (wr_outputs_give(chain->outputs, batch) != WEIR_OK) {
            return WR_CHAIN_WORKED; /* the task has failed */
        }
    }
    bool moved = false;
    struct weir_batch *done = wr_outputs_distribute(chain->outputs, now_ns, &moved);
    if (done != NULL) {
        chain->records_out += done->count;
        wr_collector_recycle(&last->collector, done);
    }
    return moved ? WR_CHAIN_WORKED : WR_CHAIN_BLOCKED;
}

/* In a hurry what was restored is not begun, unless something is under way behind it. */
static bool
may_stay(const struct wr_chain *chain, uint32_t index)
{
    return chain->is_hurrying &&
           (index == 0 || wr_collector_is_empty(&chain->operators[index - 1].collector));
}

/* What was restored first, then what the operator before it has. */
static void
begin_next(struct wr_chain *chain, uint32_t index)
{
    struct wr_operator *operator_ = &chain->operators[index];
    struct weir_batch *batch = NULL;
    if (operator_->in_flight.first != NULL) {
        if (may_stay(chain, index)) {
            return;
        }
        batch = wr_in_flight_pop(&operator_->in_flight);
        operator_->is_restored_input = true;
        operator_->side = batch->side;
    } else if (index > 0) {
        batch = take_from(chain, index - 1);
    }
    if (batch != NULL) {
        wr_operator_begin(operator_, batch);
    }
}

static void
go_on(struct wr_operator *operator_)
{
    if (wr_operator_has_mark(operator_)) {
        wr_operator_pass_mark(operator_);
    } else {
        wr_operator_process(operator_);
    }
}

enum wr_chain_result
wr_chain_step(struct wr_chain *chain, uint64_t now_ns)
{
    enum wr_chain_result result = step_outputs(chain, now_ns);
    if (result == WR_CHAIN_WORKED) {
        return result;
    }
    for (uint32_t i = chain->count; i-- > 0;) {
        struct wr_operator *operator_ = &chain->operators[i];
        if (operator_->input == NULL) {
            begin_next(chain, i);
        }
        if (operator_->input == NULL) {
            continue;
        }
        if (!wr_operator_has_room(operator_)) {
            result = WR_CHAIN_BLOCKED;
            continue;
        }
        if (!chain->failure->failed) {
            go_on(operator_);
        }
        if (!chain->failure->failed && wr_operator_is_done(operator_)) {
            end_batch(chain, i);
        }
        return WR_CHAIN_WORKED;
    }
    return result;
}

void
wr_chain_set_hurry(struct wr_chain *chain, bool is_hurrying)
{
    chain->is_hurrying = is_hurrying;
    wr_outputs_set_hurry(chain->outputs, is_hurrying);
}

void
wr_chain_give(struct wr_chain *chain, struct weir_batch *batch, uint8_t side)
{
    wr_assert(chain->operators[0].input == NULL && chain->operators[0].in_flight.first == NULL);
    chain->operators[0].side = side;
    wr_operator_begin(&chain->operators[0], batch);
}

void
wr_chain_tell_time(struct wr_chain *chain, struct wr_time time)
{
    chain->time_mark = (struct wr_mark){ .before = 0, .time = time };
    chain->time_batch = (struct weir_batch){ .kind = WR_BATCH_RECORDS,
                                             .offsets = &chain->time_offset,
                                             .marks = &chain->time_mark,
                                             .mark_count = 1 };
    wr_chain_give(chain, &chain->time_batch, 0);
}

bool
wr_chain_fire_due(struct wr_chain *chain, uint64_t now_ns)
{
    bool fired = false;
    for (uint32_t i = chain->count; i-- > 0 && !chain->failure->failed;) {
        fired = wr_operator_fire_due(&chain->operators[i], now_ns) || fired;
    }
    return fired;
}

uint64_t
wr_chain_due_at(struct wr_chain *chain, uint64_t now_ns)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < chain->count; i++) {
        uint64_t due_at = wr_operator_due_at(&chain->operators[i], now_ns);
        least = due_at < least ? due_at : least;
    }
    return least;
}

void
wr_chain_fini(struct wr_chain *chain)
{
    for (uint32_t i = 0; i < chain->count; i++) {
        struct wr_operator *operator_ = &chain->operators[i];
        struct weir_batch *batch = operator_->input;
        if (batch == NULL) {
            continue;
        }
        if (operator_->is_restored_input) {
            wr_in_flight_free(&operator_->in_flight, batch);
        } else if (i > 0) {
            wr_collector_recycle(&chain->operators[i - 1].collector, batch);
        } else if (batch->is_overflow) {
            wr_gate_give_back(chain->gate, batch);
        }
        operator_->input = NULL;
    }
    if (chain->count != 0 && wr_outputs_in_hand(chain->outputs) != NULL) {
        wr_collector_recycle(&chain->operators[chain->count - 1].collector,
                             wr_outputs_in_hand(chain->outputs));
    }
}
