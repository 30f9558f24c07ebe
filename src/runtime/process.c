/* SPDX-License-Identifier: Apache-2.0 */
/* process: the record loops. Each ends at the next mark or the end of the batch, without room, or
 * at a failure.
 *
 *   batch:   r r r r M r r r    M: a mark, told of time
 *            ^       ^
 *            |       limit
 *            cursor
 *
 * Whoever emits while records have timestamps emits records with the timestamp of the one in hand:
 * a function that takes whole batches is given runs of records with one timestamp then, or single
 * records if it takes those.
 *
 * Invariants:
 *   (1) After a call of a function, its failure flag, its status and its states' failures are
 *       looked at before the next record.
 *   (2) Of connected streams, the second's records go to process_other; without a key where that
 *       stream is a broadcast one, and only then broadcast states may be written.
 */
#include "runtime/process.h"

#include "base/check.h"
#include "base/fail.h"
#include "state/ttl.h"

#include <stdio.h>
#include <string.h>

/* --- failures --- */

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
    const weir_key *key = operator_->keyed.current;
    if (key == NULL) {
        return weir_context_fail(context, state->failure,
                                 "state '%s': %s; no key is set here: keyed state belongs to a "
                                 "record or timer with a key",
                                 name, weir_status_meaning(state->failure));
    }
    char key_words[96] = "";
    print_key(operator_, key, key_words, sizeof key_words);
    weir_error words;
    if (weir_backend_explain(operator_->backend, &words) && words.status == state->failure) {
        return weir_context_fail(context, state->failure, "state '%s', key %s: %s", name, key_words,
                                 words.message);
    }
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

weir_status
wr_operator_check(struct wr_operator *operator_, weir_status status, const char *call)
{
    const weir_state *failed = wr_keyed_failed(&operator_->keyed);
    return failed != NULL ? fail_of_state(operator_, failed)
                          : wr_context_check(&operator_->context, status, call);
}

/* --- the record loops --- */

/* Timestamps of what is emitted are those of the record in hand. */
static bool
is_stamping(const struct wr_operator *operator_)
{
    return operator_->has_output && operator_->collector.timed;
}

static weir_status
process_records(struct wr_operator *operator_)
{
    weir_context *context = &operator_->context;
    const struct weir_batch *batch = operator_->input;
    weir_collector *out = wr_operator_out(operator_);
    bool stamping = is_stamping(operator_);
    while (operator_->cursor < operator_->limit) {
        size_t index = operator_->cursor++;
        context->index = index;
        const void *record = batch->data + batch->offsets[index];
        if (stamping) {
            wr_collector_set_time(out, weir_batch_timestamp(batch, index));
        }
        weir_status status = operator_->process(context, operator_->self, record, out);
        if (status != WEIR_OK || context->failure->failed ||
            wr_keyed_failed(&operator_->keyed) != NULL) {
            return wr_operator_check(operator_, status, operator_->process_name);
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
    bool stamping = is_stamping(operator_);
    while (operator_->cursor < operator_->limit && wr_operator_has_room(operator_)) {
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
            if (stamping) {
                wr_collector_set_time(&operator_->collector, weir_batch_timestamp(batch, index));
            }
            size_t size = batch->offsets[index + 1] - batch->offsets[index];
            WR_TRY(weir_collector_emit_copy(&operator_->collector, record, size));
        }
    }
    return WEIR_OK;
}

static weir_status
process_keyed(struct wr_operator *operator_)
{
    weir_context *context = &operator_->context;
    const struct weir_batch *batch = operator_->input;
    struct wr_keyed *keyed = &operator_->keyed;
    weir_collector *out = wr_operator_out(operator_);
    bool stamping = is_stamping(operator_);
    weir_status status = WEIR_OK;
    while (operator_->cursor < operator_->limit) {
        size_t index = operator_->cursor++;
        context->index = index;
        wr_keyed_bind(keyed, index);
        if (stamping) {
            wr_collector_set_time(out, weir_batch_timestamp(batch, index));
        }
        status =
            operator_->process(context, operator_->self, batch->data + batch->offsets[index], out);
        if (status != WEIR_OK || context->failure->failed || wr_keyed_failed(keyed) != NULL) {
            status = wr_operator_check(operator_, status, operator_->process_name);
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

/* The records from the cursor on that go into one call: `view` borrows the batch's memory. */
static const struct weir_batch *
next_run(const struct wr_operator *operator_, struct weir_batch *view)
{
    const struct weir_batch *batch = operator_->input;
    size_t first = operator_->cursor;
    size_t end = operator_->limit;
    if (is_stamping(operator_) && batch->times != NULL) {
        for (end = first + 1; end < operator_->limit && batch->times[end] == batch->times[first];) {
            end++;
        }
    }
    if (first == 0 && end == batch->count) {
        return batch;
    }
    *view = *batch;
    view->offsets = batch->offsets + first;
    view->times = batch->times == NULL ? NULL : batch->times + first;
    view->count = (uint32_t)(end - first);
    view->mark_count = 0;
    return view;
}

static weir_status
process_batch(struct wr_operator *operator_)
{
    weir_context *context = &operator_->context;
    weir_collector *out = wr_operator_out(operator_);
    struct weir_batch view;
    const struct weir_batch *run = next_run(operator_, &view);
    bool stamping = is_stamping(operator_);
    if (stamping) {
        wr_collector_set_time(out, weir_batch_timestamp(run, 0));
    }
    /* no record in particular, or one whose timestamp is that of all */
    context->index = stamping ? operator_->cursor : operator_->input->count;
    operator_->cursor += run->count;
    weir_status status = operator_->function.process_batch(context, operator_->self, run, out);
    return wr_context_check(context, status, "process_batch");
}

/* A run of records at once. False: declined, nothing was emitted, and nothing has failed. */
static bool
process_keyed_batch(struct wr_operator *operator_)
{
    weir_context *context = &operator_->context;
    weir_collector *out = wr_operator_out(operator_);
    struct weir_batch view;
    const struct weir_batch *run = next_run(operator_, &view);
    uint64_t held = out != NULL ? wr_collector_count(out) : 0;
    if (is_stamping(operator_)) {
        wr_collector_set_time(out, weir_batch_timestamp(run, 0));
    }
    context->index = is_stamping(operator_) ? operator_->cursor : operator_->input->count;
    context->keys = operator_->keyed.keys + operator_->cursor;
    weir_status status = operator_->function.process_batch(context, operator_->self, run, out);
    context->keys = NULL;
    wr_context_call_ended(context);
    if (context->failure->failed) {
        return true;
    }
    bool silent = out == NULL || wr_collector_count(out) == held;
    if (status != WEIR_OK && silent && operator_->function.process != NULL) {
        context->index = operator_->cursor;
        return false;
    }
    operator_->cursor += run->count;
    (void)wr_context_check(context, status, "process_batch");
    return true;
}

/* --- the two inputs --- */

static bool
is_broadcast_side(const struct wr_operator *operator_)
{
    return operator_->side == 1 && operator_->plan->other_is_broadcast;
}

/* Works on keys. A keyed operator that has neither states nor timers needs none. */
static bool
is_keyed(const struct wr_operator *operator_)
{
    return operator_->uses_keys && !is_broadcast_side(operator_);
}

static void
make_keys(struct wr_operator *operator_, const struct weir_batch *batch)
{
    uint64_t used_bytes =
        operator_->backend == NULL ? 0 : weir_backend_used_bytes(operator_->backend);
    const struct wr_key_plan *plan =
        operator_->side == 1 ? operator_->plan->other_key_plan : operator_->plan->key_plan;
    weir_status status = wr_keyed_begin(&operator_->keyed, plan, batch, used_bytes);
    if (status != WEIR_OK) {
        char limit[64] = "";
        if (status == WEIR_LIMIT) {
            (void)snprintf(limit, sizeof limit, "; a key may have %d bytes", WEIR_KEY_SIZE_MAX);
        }
        (void)weir_context_fail(&operator_->context, status, "taking the keys of a batch: %s%s",
                                weir_status_meaning(status), limit);
    }
}

void
wr_operator_begin(struct wr_operator *operator_, struct weir_batch *batch)
{
    weir_context *context = &operator_->context;
    operator_->input = batch;
    operator_->cursor = 0;
    operator_->mark = 0;
    operator_->limit = batch->mark_count != 0 ? batch->marks[0].before : batch->count;
    operator_->segment = 0;
    context->batch = batch;
    context->index = 0;
    bool other = operator_->side == 1;
    operator_->process = other ? operator_->function.process_other : operator_->function.process;
    operator_->process_name = other ? "process_other" : "process";
    operator_->keyed.count = 0;
    if (operator_->backend != NULL) {
        struct wr_os *os = context->environment->os;
        weir_backend_set_time(operator_->backend, os->ops->wall_ms(os));
        wr_ttl_records(operator_->backend, batch->count);
    }
    if (batch->count != 0 && is_keyed(operator_)) {
        make_keys(operator_, batch);
    }
    if (operator_->counts_late) {
        wr_operator_count_late(operator_);
    }
}

void
wr_operator_process(struct wr_operator *operator_)
{
    const weir_function *function = &operator_->function;
    weir_status status = WEIR_OK;
    if (operator_->side == 1) {
        wr_operator_state_set_writable(operator_->lists, is_broadcast_side(operator_));
        status = is_keyed(operator_) ? process_keyed(operator_) : process_records(operator_);
        wr_operator_state_set_writable(operator_->lists, false);
    } else if (is_keyed(operator_)) {
        bool whole = function->process_batch != NULL && operator_->cursor == operator_->segment &&
                     (function->process == NULL || !is_stamping(operator_));
        if (!whole || !process_keyed_batch(operator_)) {
            status = process_keyed(operator_);
        }
    } else if (function->process_batch != NULL &&
               (function->process == NULL || !is_stamping(operator_))) {
        status = process_batch(operator_);
    } else if (function->process == NULL) {
        status = filter_records(operator_);
    } else {
        status = process_records(operator_);
    }
    if (status == WEIR_OK && !operator_->context.failure->failed) {
        status = wr_context_check_lists(&operator_->context);
    }
    wr_assert(status == WEIR_OK || operator_->context.failure->failed);
}
