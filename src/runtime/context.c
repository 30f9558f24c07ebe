/* SPDX-License-Identifier: Apache-2.0 */
/* context: what a function may ask, and where its failures go.
 *
 * The first failure is written into the task's wr_failure at once, while operator, subtask and
 * record are known; whoever steps the chain looks at that flag after every call. So a function that
 * ignores a refused emit, or returns OK after weir_context_fail, fails the task all the same.
 *
 * Scratch: most calls need none or a little, so one block is kept and used again for every record.
 * A request that does not fit gets a block of its own, freed when the call returns; the kept block
 * then grows, so that the next call fits.
 */
#include "runtime/context.h"

#include "base/fail.h"
#include "base/memory.h"
#include "os/context_os.h"
#include "runtime/operator.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    SCRATCH_ALIGNMENT = 16,
    SCRATCH_LEAST = 4096,
    SCRATCH_KEPT_MAX = 1 << 20
};

struct wr_scratch_extra {
    struct wr_scratch_extra *next;
    size_t size; /* of the whole block */
    uint64_t align[2];
};

/* --- failing --- */

weir_status
wr_context_status(const weir_context *context)
{
    return context->failure->failed ? context->failure->error.status : WEIR_OK;
}

weir_status
wr_context_fail_error(weir_context *context, weir_status status, const weir_error *err)
{
    struct wr_failure *failure = context->failure;
    if (failure->failed) {
        return status;
    }
    if (status == WEIR_OK) {
        status = WEIR_USER; /* a failure that calls itself success */
    }
    failure->failed = true;
    failure->error = *err;
    failure->error.status = status;
    if (context->batch != NULL) {
        unsigned long long record = context->records_before + context->index + 1;
        return wr_fail_context(&failure->error, status,
                               "operator '%s' (%u/%u), record %llu: ", context->plan->name,
                               context->subtask + 1, context->parallelism, record);
    }
    return wr_fail_context(&failure->error, status, "operator '%s' (%u/%u): ", context->plan->name,
                           context->subtask + 1, context->parallelism);
}

weir_status
weir_context_fail(weir_context *context, weir_status status, const char *format, ...)
{
    weir_error err;
    va_list arguments;
    va_start(arguments, format);
    (void)wr_fail_at_v(&err, status, 0, __FILE__, __LINE__, format, arguments);
    va_end(arguments);
    return wr_context_fail_error(context, status, &err);
}

weir_status
wr_context_check_lists(weir_context *context)
{
    const struct wr_operator_state *lists = context->operator_->lists;
    weir_error err;
    weir_status status = lists != NULL ? wr_operator_state_failure(lists, &err) : WEIR_OK;
    return status == WEIR_OK ? WEIR_OK : wr_context_fail_error(context, status, &err);
}

weir_status
wr_context_check(weir_context *context, weir_status status, const char *call)
{
    wr_context_call_ended(context);
    if (context->failure->failed) {
        return context->failure->error.status;
    }
    WR_TRY(wr_context_check_lists(context));
    if (status == WEIR_OK) {
        return WEIR_OK;
    }
    return weir_context_fail(context, status, "%s answered %s (%s)", call, weir_status_name(status),
                             weir_status_meaning(status));
}

const weir_key *
weir_context_keys(const weir_context *context)
{
    return context != NULL ? context->keys : NULL;
}

/* --- scratch --- */

static void *
scratch_extra(weir_context *context, size_t size)
{
    size_t whole = sizeof(struct wr_scratch_extra) + size;
    struct wr_scratch_extra *extra = wr_memory_resize(&context->environment->alloc, NULL, 0, whole);
    if (extra == NULL) {
        return NULL;
    }
    extra->next = context->scratch.extra;
    extra->size = whole;
    context->scratch.extra = extra;
    return extra + 1;
}

void *
weir_context_scratch(weir_context *context, size_t size)
{
    if (size > WEIR_VALUE_SIZE_MAX) {
        return NULL;
    }
    struct wr_scratch *scratch = &context->scratch;
    size_t rounded = (size + SCRATCH_ALIGNMENT - 1) & ~(size_t)(SCRATCH_ALIGNMENT - 1);
    rounded = rounded == 0 ? SCRATCH_ALIGNMENT : rounded;
    if (scratch->data == NULL) {
        scratch->data = wr_memory_resize(&context->environment->alloc, NULL, 0, SCRATCH_LEAST);
        scratch->capacity = scratch->data == NULL ? 0 : SCRATCH_LEAST;
    }
    void *block = NULL;
    if (scratch->used <= scratch->capacity && rounded <= scratch->capacity - scratch->used) {
        block = scratch->data + scratch->used;
    } else {
        block = scratch_extra(context, rounded);
    }
    if (block != NULL) {
        scratch->used += rounded; /* of all blocks: how big the kept one should have been */
    }
    return block;
}

void
wr_scratch_release(struct weir_context *context)
{
    struct wr_scratch *scratch = &context->scratch;
    const weir_alloc *alloc = &context->environment->alloc;
    while (scratch->extra != NULL) {
        struct wr_scratch_extra *extra = scratch->extra;
        scratch->extra = extra->next;
        wr_memory_free(alloc, extra, extra->size);
    }
    if (scratch->used > scratch->capacity && scratch->used <= SCRATCH_KEPT_MAX) {
        uint8_t *data = wr_memory_resize(alloc, NULL, 0, scratch->used);
        if (data != NULL) {
            wr_memory_free(alloc, scratch->data, scratch->capacity);
            scratch->data = data;
            scratch->capacity = scratch->used;
        }
    }
    scratch->used = 0;
}

void
wr_context_fini(weir_context *context)
{
    wr_scratch_release(context);
    wr_memory_free(&context->environment->alloc, context->scratch.data, context->scratch.capacity);
    context->scratch = (struct wr_scratch){ .data = NULL };
}

/* --- what a function may ask --- */

struct wr_os *
wr_context_os(weir_context *context)
{
    return context->environment->os;
}

const char *
weir_context_job_name(const weir_context *context)
{
    return context->environment->job_name;
}

const char *
weir_context_job_id(const weir_context *context)
{
    return context->environment->job_id;
}

const char *
weir_context_attempt(const weir_context *context)
{
    return context->environment->attempt;
}

const char *
weir_context_operator_name(const weir_context *context)
{
    return context->plan->name;
}

const char *
weir_context_uid(const weir_context *context)
{
    return context->plan->uid;
}

uint32_t
weir_context_subtask(const weir_context *context)
{
    return context->subtask;
}

uint32_t
weir_context_parallelism(const weir_context *context)
{
    return context->parallelism;
}

uint32_t
weir_context_max_parallelism(const weir_context *context)
{
    return context->plan->max_parallelism;
}

const void *
weir_context_argument(const weir_context *context)
{
    return context->has_argument ? context->argument : context->plan->argument;
}

void
weir_context_set_argument(weir_context *context, const void *argument)
{
    context->has_argument = true;
    context->argument = argument;
}

void
weir_context_show_pending(weir_context *context, uint64_t transaction_count)
{
    context->pending_transactions = transaction_count;
}

const weir_type *
weir_context_input_type(const weir_context *context)
{
    return context->plan->input_type;
}

const weir_type *
weir_context_output_type(const weir_context *context)
{
    return context->plan->output_type;
}

const size_t *
weir_context_key_fields(const weir_context *context, size_t *out_count)
{
    *out_count = context->plan->key_plan == NULL ? 0 : context->plan->key_field_count;
    return context->plan->key_fields;
}

const weir_alloc *
weir_context_alloc(const weir_context *context)
{
    return &context->environment->alloc;
}

const weir_options *
weir_context_options(const weir_context *context)
{
    return context->environment->options;
}

bool
weir_context_restored(const weir_context *context, uint64_t *out_checkpoint_id)
{
    const struct wr_operator_restore *restore = &context->plan->restore;
    if (restore->restored && out_checkpoint_id != NULL) {
        *out_checkpoint_id = restore->checkpoint_id;
    }
    return restore->restored;
}

bool
weir_context_allow_rewind(const weir_context *context)
{
    return context->environment->allow_rewind;
}

bool
weir_context_take_over(const weir_context *context)
{
    return context->environment->take_over;
}

bool
weir_context_checkpointing(const weir_context *context)
{
    return context->environment->checkpointing;
}

uint64_t
weir_context_now_ms(const weir_context *context)
{
    struct wr_os *os = context->environment->os;
    int64_t now_ms = os->ops->wall_ms(os);
    return now_ms < 0 ? 0 : (uint64_t)now_ms;
}

uint64_t
weir_context_monotonic_ns(const weir_context *context)
{
    struct wr_os *os = context->environment->os;
    return os->ops->monotonic_ns(os);
}

void
weir_context_wake_at(weir_context *context, uint64_t monotonic_ns)
{
    context->wake_at_ns = monotonic_ns;
}

size_t
weir_context_record_size(const weir_context *context)
{
    return weir_batch_record_size(context->batch, context->index);
}

void
weir_context_log(weir_context *context, char level, const char *format, ...)
{
    struct wr_log *log = context->environment->log;
    if (log == NULL) {
        return;
    }
    struct wr_log_about about = { .module = WR_LOG_OPERATOR,
                                  .level = wr_log_level_of_letter(level),
                                  .operator_name = weir_context_operator_name(context),
                                  .subtask = context->subtask };
    va_list arguments;
    va_start(arguments, format);
    wr_log_say_about_v(log, &about, format, arguments);
    va_end(arguments);
}
