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
 *   (4) After a call of a function, its failure flag, its status and its states' failures are
 *       looked at before the next record.
 */
#include "runtime/chain.h"

#include "base/check.h"
#include "base/fail.h"

#include <stdio.h>
#include <string.h>

static weir_collector *
out_of(struct wr_operator *operator_)
{
    return operator_->has_output ? &operator_->collector : NULL;
}

static bool
has_room(const struct wr_operator *operator_)
{
    return !operator_->has_output || wr_collector_has_room(&operator_->collector);
}

/* --- the record loops: each ends at the end of the batch, without room, or at a failure --- */

static weir_status
process_records(struct wr_operator *operator_)
{
    weir_context *context = &operator_->context;
    const struct weir_batch *batch = operator_->input;
    weir_collector *out = out_of(operator_);
    while (operator_->cursor < batch->count) {
        context->index = operator_->cursor;
        const void *record = batch->data + batch->offsets[operator_->cursor++];
        weir_status status = operator_->function.process(context, operator_->self, record, out);
        if (status != WEIR_OK || context->failure->failed) {
            return wr_context_check(context, status, "process");
        }
        wr_context_call_ended(context);
        if (out != NULL && !wr_collector_has_room(out)) {
            break;
        }
    }
    return WEIR_OK;
}

static weir_status
filter_records(struct wr_operator *operator_)
{
    weir_context *context = &operator_->context;
    const struct weir_batch *batch = operator_->input;
    while (operator_->cursor < batch->count && has_room(operator_)) {
        size_t index = operator_->cursor++;
        context->index = index;
        const void *record = batch->data + batch->offsets[index];
        bool keep = false;
        weir_status status = operator_->function.filter(context, operator_->self, record, &keep);
        if (status != WEIR_OK || context->failure->failed) {
            return wr_context_check(context, status, "filter");
        }
        wr_context_call_ended(context);
        if (keep && operator_->has_output) {
            size_t size = batch->offsets[index + 1] - batch->offsets[index];
            WR_TRY(weir_collector_emit_copy(&operator_->collector, record, size));
        }
    }
    return WEIR_OK;
}

static weir_status
process_batch(struct wr_operator *operator_)
{
    weir_context *context = &operator_->context;
    context->index = operator_->input->count; /* no record in particular */
    operator_->cursor = operator_->input->count;
    weir_status status = operator_->function.process_batch(context, operator_->self,
                                                           operator_->input, out_of(operator_));
    return wr_context_check(context, status, "process_batch");
}

/* The key for words: a string as it is, anything else in hex. */
static void
print_key(const struct wr_operator *operator_, const weir_key *key, char *out, size_t room)
{
    const weir_type *type = wr_key_plan_type(operator_->plan->key_plan);
    if (weir_type_kind(type) == WEIR_STRING) {
        (void)snprintf(out, room, "'%.*s'", (int)(key->size < 60 ? key->size : 60),
                       (const char *)key->data);
        return;
    }
    size_t at = 0;
    const uint8_t *bytes = key->data;
    for (uint32_t i = 0; i < key->size && i < 30; i++) {
        at += (size_t)snprintf(out + at, room - at, "%02x", bytes[i]);
    }
}

static weir_status
fail_of_state(struct wr_operator *operator_, const weir_state *state)
{
    weir_context *context = &operator_->context;
    if (context->failure->failed) {
        return context->failure->error.status;
    }
    const char *name = "";
    for (uint32_t i = 0; i < operator_->state_count; i++) {
        if (operator_->states[i].handle == state) {
            name = operator_->states[i].name;
        }
    }
    const weir_key *key = &operator_->keyed.keys[context->index];
    char key_words[96] = "";
    print_key(operator_, key, key_words, sizeof key_words);
    const char *advice = state->failure == WEIR_NOMEM   ? "; raise taskmanager.memory.managed.size"
                         : state->failure == WEIR_LIMIT ? "; a value may have 16777216 bytes"
                                                        : "";
    _Static_assert(WEIR_VALUE_SIZE_MAX == 16777216, "the words above name it");
    return weir_context_fail(
        context, state->failure,
        "state '%s' refused key %s (%u bytes): %s; the operator's state holds %llu bytes%s", name,
        key_words, key->size, weir_status_meaning(state->failure),
        (unsigned long long)weir_backend_used_bytes(operator_->backend), advice);
}

static weir_status
process_keyed(struct wr_operator *operator_)
{
    weir_context *context = &operator_->context;
    const struct weir_batch *batch = operator_->input;
    struct wr_keyed *keyed = &operator_->keyed;
    weir_collector *out = out_of(operator_);
    weir_status status = WEIR_OK;
    while (operator_->cursor < batch->count) {
        size_t index = operator_->cursor++;
        context->index = index;
        wr_keyed_bind(keyed, index);
        status = operator_->function.process(context, operator_->self,
                                             batch->data + batch->offsets[index], out);
        const weir_state *failed = wr_keyed_failed(keyed);
        if (failed != NULL) {
            status = fail_of_state(operator_, failed);
            break;
        }
        if (status != WEIR_OK || context->failure->failed) {
            status = wr_context_check(context, status, "process");
            break;
        }
        wr_context_call_ended(context);
        if (out != NULL && !wr_collector_has_room(out)) {
            break;
        }
    }
    wr_keyed_unbind(keyed);
    return status;
}

/* --- batches --- */

/* The whole batch at once. False: declined, nothing was emitted, and nothing has failed. */
static bool
process_keyed_batch(struct wr_operator *operator_)
{
    weir_context *context = &operator_->context;
    weir_collector *out = out_of(operator_);
    uint64_t held = out != NULL ? wr_collector_count(out) : 0;
    context->index = operator_->input->count; /* no record in particular */
    context->keys = operator_->keyed.keys;
    weir_status status =
        operator_->function.process_batch(context, operator_->self, operator_->input, out);
    context->keys = NULL;
    wr_context_call_ended(context);
    if (context->failure->failed) {
        return true;
    }
    bool silent = out == NULL || wr_collector_count(out) == held;
    if (status != WEIR_OK && silent && operator_->function.process != NULL) {
        context->index = 0;
        return false;
    }
    operator_->cursor = operator_->input->count;
    (void)wr_context_check(context, status, "process_batch");
    return true;
}

/* Works on keyed state. One that asked for none needs no keys. */
static bool
is_keyed(const struct wr_operator *operator_)
{
    return operator_->keyed.bound_count != 0;
}

static void
begin_batch(struct wr_operator *operator_, struct weir_batch *batch)
{
    weir_context *context = &operator_->context;
    operator_->input = batch;
    operator_->cursor = 0;
    context->batch = batch;
    context->index = 0;
    if (!is_keyed(operator_)) {
        return;
    }
    uint64_t used_bytes =
        operator_->backend == NULL ? 0 : weir_backend_used_bytes(operator_->backend);
    weir_status status = wr_keyed_begin(&operator_->keyed, batch, used_bytes);
    if (status != WEIR_OK) {
        char limit[64] = "";
        if (status == WEIR_LIMIT) {
            (void)snprintf(limit, sizeof limit, "; a key may have %d bytes", WEIR_KEY_SIZE_MAX);
        }
        (void)weir_context_fail(context, status, "taking the keys of a batch: %s%s",
                                weir_status_meaning(status), limit);
    }
}

static void
process(struct wr_operator *operator_)
{
    const weir_function *function = &operator_->function;
    weir_status status = WEIR_OK;
    if (is_keyed(operator_)) {
        bool begins = operator_->cursor == 0 && function->process_batch != NULL;
        if (!begins || !process_keyed_batch(operator_)) {
            status = process_keyed(operator_);
        }
    } else if (function->process_batch != NULL) {
        status = process_batch(operator_);
    } else if (function->process == NULL) {
        status = filter_records(operator_);
    } else {
        status = process_records(operator_);
    }
    wr_assert(status == WEIR_OK || operator_->context.failure->failed);
}

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
    if (index == 0) {
        wr_gate_give_back(chain->gate, batch);
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

enum wr_chain_result
wr_chain_step(struct wr_chain *chain, uint64_t now_ns)
{
    enum wr_chain_result result = step_outputs(chain, now_ns);
    if (result == WR_CHAIN_WORKED) {
        return result;
    }
    for (uint32_t i = chain->count; i-- > 0;) {
        struct wr_operator *operator_ = &chain->operators[i];
        if (operator_->input == NULL && i > 0) {
            struct weir_batch *batch = take_from(chain, i - 1);
            if (batch != NULL) {
                begin_batch(operator_, batch);
            }
        }
        if (operator_->input == NULL) {
            continue;
        }
        if (!has_room(operator_)) {
            result = WR_CHAIN_BLOCKED;
            continue;
        }
        if (!chain->failure->failed) {
            process(operator_);
        }
        if (!chain->failure->failed && operator_->cursor == operator_->input->count) {
            end_batch(chain, i);
        }
        return WR_CHAIN_WORKED;
    }
    return result;
}

void
wr_chain_give(struct wr_chain *chain, struct weir_batch *batch)
{
    wr_assert(chain->operators[0].input == NULL);
    begin_batch(&chain->operators[0], batch);
}

void
wr_chain_fini(struct wr_chain *chain)
{
    for (uint32_t i = 1; i < chain->count; i++) {
        struct wr_operator *operator_ = &chain->operators[i];
        if (operator_->input != NULL) {
            wr_collector_recycle(&chain->operators[i - 1].collector, operator_->input);
            operator_->input = NULL;
        }
    }
    if (chain->count != 0 && wr_outputs_in_hand(chain->outputs) != NULL) {
        wr_collector_recycle(&chain->operators[chain->count - 1].collector,
                             wr_outputs_in_hand(chain->outputs));
    }
}
