/* SPDX-License-Identifier: Apache-2.0 */
/* context_time: what a function may ask of time, and set: timestamps, watermarks, timers. What is
 * refused here is the task's failure, whatever the function does with the answer.
 */
#include "base/fail.h"
#include "runtime/operator.h"

/* --- emitting --- */

void
weir_collector_set_timestamp(weir_collector *out, int64_t timestamp)
{
    if (out == NULL) {
        return;
    }
    if (!out->timed) {
        (void)weir_context_fail(out->context, WEIR_INVALID,
                                "it sets timestamps, but nothing in this job made room for them: "
                                "say .event_time = true in the function table, or put "
                                "weir_stream_assign_timestamps before it");
        return;
    }
    wr_collector_set_time(out, timestamp);
}

static weir_status
tell_time(weir_collector *out, struct wr_time time, const char *what)
{
    if (out == NULL) {
        return WEIR_INVALID;
    }
    if (!out->context->operator_->function.event_time) {
        return weir_context_fail(out->context, WEIR_INVALID,
                                 "%s: only a function that says .event_time = true in its table "
                                 "makes event time",
                                 what);
    }
    return wr_collector_tell_time(out, time);
}

weir_status
weir_collector_emit_watermark(weir_collector *out, int64_t watermark)
{
    return tell_time(out, wr_time_of(watermark, WR_TIME_SAME), "emit_watermark");
}

weir_status
weir_collector_mark_idle(weir_collector *out)
{
    return tell_time(out, wr_time_of(WEIR_NO_WATERMARK, WR_TIME_IDLE), "mark_idle");
}

/* --- asking --- */

int64_t
weir_context_timestamp(const weir_context *context)
{
    return context->in_timer ? context->timer_timestamp
                             : weir_batch_timestamp(context->batch, context->index);
}

int64_t
weir_context_watermark(const weir_context *context)
{
    return context->operator_->watermark;
}

/* --- timers --- */

static weir_status
change_timer(weir_context *context, weir_time_domain domain, int64_t timestamp, bool there)
{
    struct wr_operator *operator_ = context->operator_;
    const weir_key *key = operator_->keyed.current;
    if (operator_->timers == NULL) {
        return weir_context_fail(context, WEIR_INVALID,
                                 "timers belong to keyed functions that have on_timer: call "
                                 "weir_stream_key_by before it, and set .on_timer");
    }
    if (domain != WEIR_EVENT_TIME && domain != WEIR_PROCESSING_TIME) {
        return weir_context_fail(context, WEIR_INVALID, "a timer of time domain %d: there is none",
                                 (int)domain);
    }
    if (key == NULL) {
        return weir_context_fail(context, WEIR_INVALID,
                                 "a timer belongs to a key, and none is set here");
    }
    weir_bytes none = weir_bytes_of(NULL, 0);
    weir_status status = there ? wr_timers_register(operator_->timers, domain, key, none, timestamp)
                               : wr_timers_delete(operator_->timers, domain, key, none, timestamp);
    if (status == WEIR_OK) {
        return WEIR_OK;
    }
    return weir_context_fail(context, status, "%s a timer at %lld: %s%s",
                             there ? "registering" : "deleting", (long long)timestamp,
                             weir_status_meaning(status),
                             status == WEIR_NOMEM ? "; raise taskmanager.memory.managed.size" : "");
}

weir_status
weir_context_register_timer(weir_context *context, weir_time_domain domain, int64_t timestamp)
{
    return change_timer(context, domain, timestamp, true);
}

weir_status
weir_context_delete_timer(weir_context *context, weir_time_domain domain, int64_t timestamp)
{
    return change_timer(context, domain, timestamp, false);
}
