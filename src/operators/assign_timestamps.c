/* SPDX-License-Identifier: Apache-2.0 */
/* assign_timestamps: gives records their timestamps, and makes watermarks of them.
 *
 *   periodic     every pipeline.auto-watermark-interval: the greatest timestamp seen, less the
 *                strategy's out_of_orderness_ms, less 1
 *   punctuated   behind a record of which the strategy's function says so
 *   idle         at a tick, when no record came for idleness_ms; the next record ends it
 *
 * What comes of time from before it ends here, as in Flink, but for the last watermark. Nothing is
 * kept in snapshots: the records that come after a restore make it all anew.
 */
#include "base/memory.h"
#include "weir/function.h"
#include "weir/stream.h"

#include <string.h>

enum {
    ALIGNMENT = 16
};

struct assign_argument {
    _Alignas(ALIGNMENT) weir_watermark_strategy strategy; /* its argument stands behind this */
    bool has_argument;
};

struct assign {
    const struct assign_argument *argument;
    const void *user;
    uint64_t interval_ns; /* 0: no ticks */
    int64_t greatest;     /* timestamp seen; WEIR_NO_TIMESTAMP: none */
    uint64_t records;
    uint64_t records_at_tick; /* at the last one */
    uint64_t silent_since_ns; /* 0: not */
};

static weir_status
assign_open(weir_context *context, void *self)
{
    struct assign *assign = self;
    assign->argument = weir_context_argument(context);
    assign->user = assign->argument->has_argument ? assign->argument + 1 : NULL;
    assign->greatest = WEIR_NO_TIMESTAMP;
    assign->interval_ns = 1000000U * weir_options_duration_ms(weir_context_options(context),
                                                              "pipeline.auto-watermark-interval");
    if (assign->interval_ns != 0) {
        weir_context_wake_at(context, weir_context_monotonic_ns(context) + assign->interval_ns);
    }
    return WEIR_OK;
}

static weir_status
assign_process(weir_context *context, void *self, const void *record, weir_collector *out)
{
    struct assign *assign = self;
    const weir_watermark_strategy *strategy = &assign->argument->strategy;
    int64_t timestamp = strategy->timestamp != NULL ? strategy->timestamp(assign->user, record)
                                                    : weir_context_timestamp(context);
    weir_collector_set_timestamp(out, timestamp);
    weir_status status = weir_collector_emit_copy(out, record, weir_context_record_size(context));
    if (status != WEIR_OK) {
        return status; /* the task has the words */
    }
    assign->records++;
    assign->greatest = timestamp > assign->greatest ? timestamp : assign->greatest;
    int64_t watermark = strategy->watermark != NULL
                            ? strategy->watermark(assign->user, record, timestamp)
                            : WEIR_NO_WATERMARK;
    return watermark != WEIR_NO_WATERMARK ? weir_collector_emit_watermark(out, watermark) : WEIR_OK;
}

/* Whether the stream has been without records for long enough. */
static bool
is_idle(struct assign *assign, uint64_t now_ns)
{
    uint64_t limit_ms = assign->argument->strategy.idleness_ms;
    if (limit_ms == 0 || assign->records != assign->records_at_tick) {
        assign->records_at_tick = assign->records;
        assign->silent_since_ns = 0;
        return false;
    }
    if (assign->silent_since_ns == 0) {
        assign->silent_since_ns = now_ns == 0 ? 1 : now_ns;
    }
    return (now_ns - assign->silent_since_ns) / 1000000U >= limit_ms;
}

static int64_t
periodic_watermark(const struct assign *assign)
{
    uint64_t behind = assign->argument->strategy.out_of_orderness_ms;
    uint64_t above_least = (uint64_t)assign->greatest - (uint64_t)WEIR_NO_TIMESTAMP;
    return above_least <= behind ? WEIR_NO_WATERMARK : assign->greatest - (int64_t)behind - 1;
}

static weir_status
assign_tick(weir_context *context, void *self, int64_t timestamp, weir_time_domain domain,
            weir_collector *out)
{
    struct assign *assign = self;
    uint64_t now_ns = weir_context_monotonic_ns(context);
    (void)timestamp;
    (void)domain;
    weir_context_wake_at(context, now_ns + assign->interval_ns);
    if (is_idle(assign, now_ns)) {
        return weir_collector_mark_idle(out);
    }
    if (assign->argument->strategy.watermark != NULL) {
        return WEIR_OK;
    }
    int64_t watermark = periodic_watermark(assign);
    return watermark != WEIR_NO_WATERMARK ? weir_collector_emit_watermark(out, watermark) : WEIR_OK;
}

static const weir_function assign_function = {
    .size = sizeof(weir_function),
    .name = "assign_timestamps",
    .instance_size = sizeof(struct assign),
    .open = assign_open,
    .process = assign_process,
    .on_timer = assign_tick,
    .event_time = true,
};

/* The strategy as it stands in the user's program, at full size. */
static bool
take_strategy(const weir_watermark_strategy *strategy, struct assign_argument *out)
{
    if (strategy == NULL || strategy->size < offsetof(weir_watermark_strategy, argument) ||
        strategy->size > 4096) {
        return false;
    }
    size_t size = strategy->size < sizeof out->strategy ? strategy->size : sizeof out->strategy;
    memcpy(&out->strategy, strategy, size);
    out->strategy.size = sizeof out->strategy;
    return out->strategy.out_of_orderness_ms <= INT64_MAX;
}

weir_stream *
weir_stream_assign_timestamps(weir_stream *stream, const char *name,
                              const weir_watermark_strategy *strategy)
{
    weir_environment *environment = weir_stream_environment(stream);
    struct assign_argument head = { .has_argument = false };
    if (environment == NULL) {
        return NULL;
    }
    if (!take_strategy(strategy, &head)) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "assign_timestamps '%s' needs a weir_watermark_strategy with "
                                    "its .size, and an out_of_orderness_ms of at most 2^63 - 1",
                                    name != NULL ? name : "");
        return NULL;
    }
    size_t key_count = 0;
    (void)weir_stream_key_fields(stream, &key_count);
    if (key_count != 0) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "assign_timestamps '%s': the stream it makes would not be "
                                    "keyed any more: call it before weir_stream_key_by",
                                    name != NULL ? name : "");
        return NULL;
    }
    weir_alloc alloc = wr_memory_system();
    size_t size = sizeof head + head.strategy.argument_size;
    struct assign_argument *both = wr_memory_new(&alloc, size);
    if (both == NULL) {
        (void)weir_environment_fail(environment, WEIR_NOMEM, "no memory for the job's graph");
        return NULL;
    }
    *both = head;
    both->has_argument = head.strategy.argument_size != 0 && head.strategy.argument != NULL;
    if (both->has_argument) {
        memcpy(both + 1, head.strategy.argument, head.strategy.argument_size);
    }
    both->strategy.argument = NULL; /* the caller's; the copy is what is used */
    weir_stream *assigned =
        weir_stream_process(stream, name, &assign_function, both, size, weir_stream_type(stream));
    wr_memory_free(&alloc, both, size);
    return assigned;
}
