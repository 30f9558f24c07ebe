/* SPDX-License-Identifier: Apache-2.0 */
/* operator_time: what an operator does when time goes on.
 *
 *   mark with watermark w:  watermark = w -> timers up to w, in order -> on_watermark -> w goes on
 *   the wall clock at t:    timers of processing time up to t; a tick that was asked for
 *
 * A function that makes its own event time (weir_function.event_time) is the end of what comes from
 * before it: only the last watermark goes on, since with it the input has ended.
 *
 * Invariants:
 *   (1) The watermark only grows. What is told again, or is behind a restored one, does nothing.
 *   (2) A step fires at most TIMERS_A_STEP timers, each only while its emits have room.
 *   (3) The key of a timer is a copy, bound while its call runs: the call may change the timers.
 *   (4) The last watermark of all is not kept: it says that the input ended, not that what comes
 *       after a restore is late.
 */
#include "base/check.h"
#include "base/fail.h"
#include "runtime/process.h"

enum {
    TIMERS_A_STEP = 1024
};

static int64_t
wall_ms(const struct wr_operator *operator_)
{
    struct wr_os *os = operator_->context.environment->os;
    return os->ops->wall_ms(os);
}

/* --- timers --- */

static weir_status
call_on_timer(struct wr_operator *operator_, int64_t timestamp, weir_time_domain domain)
{
    weir_context *context = &operator_->context;
    weir_collector *out = wr_operator_out(operator_);
    if (out != NULL) {
        wr_collector_set_time(out, domain == WEIR_EVENT_TIME ? timestamp : WEIR_NO_TIMESTAMP);
    }
    context->in_timer = true;
    context->timer_timestamp = timestamp;
    weir_status status =
        operator_->function.on_timer(context, operator_->self, timestamp, domain, out);
    status = wr_operator_check(operator_, status, "on_timer");
    context->in_timer = false;
    return status;
}

static weir_status
fire(struct wr_operator *operator_, const struct wr_timer *timer, weir_time_domain domain)
{
    struct wr_buffer *bytes = &operator_->timer_key;
    wr_buffer_clear(bytes);
    wr_buffer_put(bytes, timer->key.data, timer->key.size);
    if (wr_buffer_status(bytes) != WEIR_OK) {
        return weir_context_fail(&operator_->context, WEIR_NOMEM,
                                 "no memory for the key of a timer (%u bytes)", timer->key.size);
    }
    weir_key key = timer->key;
    key.data = bytes->data;
    wr_keyed_bind_key(&operator_->keyed, &key);
    weir_status status = call_on_timer(operator_, timer->timestamp, domain);
    wr_keyed_unbind(&operator_->keyed);
    return status;
}

/* Fires what is due at `up_to`; true: all of it. */
static bool
fire_until(struct wr_operator *operator_, weir_time_domain domain, int64_t up_to)
{
    for (uint32_t fired = 0; fired < TIMERS_A_STEP && wr_operator_has_room(operator_); fired++) {
        struct wr_timer timer;
        weir_status status = wr_timers_pop_due(operator_->timers, domain, up_to, &timer);
        if (status == WEIR_NOT_FOUND) {
            return true;
        }
        if (status != WEIR_OK) {
            (void)weir_context_fail(&operator_->context, status, "taking a timer that is due: %s",
                                    weir_status_meaning(status));
            return false;
        }
        if (fire(operator_, &timer, domain) != WEIR_OK) {
            return false;
        }
    }
    return false;
}

/* --- marks --- */

static weir_status
call_on_watermark(struct wr_operator *operator_)
{
    weir_collector *out = wr_operator_out(operator_);
    if (operator_->function.on_watermark == NULL) {
        return WEIR_OK;
    }
    if (out != NULL) {
        wr_collector_set_time(out, WEIR_NO_TIMESTAMP);
    }
    weir_status status = operator_->function.on_watermark(&operator_->context, operator_->self,
                                                          operator_->watermark, out);
    return wr_operator_check(operator_, status, "on_watermark");
}

/* What goes on of a mark. */
static struct wr_time
passed_on(const struct wr_operator *operator_, enum wr_time_status status, bool advanced)
{
    int64_t watermark = advanced ? operator_->watermark : WEIR_NO_WATERMARK;
    if (operator_->function.event_time) {
        status = WR_TIME_SAME;
        watermark = watermark == WEIR_MAX_WATERMARK ? watermark : WEIR_NO_WATERMARK;
    }
    return wr_time_of(watermark, status);
}

void
wr_operator_count_late(struct wr_operator *operator_)
{
    const int64_t *times = operator_->input->times;
    const int64_t watermark = operator_->watermark;
    if (times == NULL || watermark == WEIR_NO_WATERMARK) {
        return;
    }
    uint64_t late = 0;
    for (size_t i = operator_->segment; i < operator_->limit; i++) {
        late += times[i] <= watermark && times[i] != WEIR_NO_TIMESTAMP;
    }
    operator_->late_records += late;
}

void
wr_operator_pass_mark(struct wr_operator *operator_)
{
    const struct weir_batch *batch = operator_->input;
    wr_assert(operator_->mark < batch->mark_count);
    struct wr_time time = batch->marks[operator_->mark].time;
    bool advances = operator_->is_advancing || time.watermark > operator_->watermark;
    operator_->context.batch = NULL; /* no record in hand */
    if (advances) {
        operator_->is_advancing = true;
        operator_->watermark = time.watermark;
        if (time.watermark != WEIR_MAX_WATERMARK) {
            operator_->kept_watermark = time.watermark;
        }
        bool all = operator_->timers == NULL ||
                   fire_until(operator_, WEIR_EVENT_TIME, operator_->watermark);
        if (all && call_on_watermark(operator_) == WEIR_OK) {
            operator_->is_advancing = false;
        }
    }
    operator_->context.batch = batch;
    if (operator_->is_advancing) {
        return; /* more to fire, or failed */
    }
    if (operator_->has_output) {
        (void)!wr_collector_tell_time(&operator_->collector,
                                      passed_on(operator_, time.status, advances));
    }
    operator_->mark++;
    operator_->segment = operator_->cursor;
    operator_->limit =
        operator_->mark < batch->mark_count ? batch->marks[operator_->mark].before : batch->count;
    if (operator_->counts_late) {
        wr_operator_count_late(operator_);
    }
}

/* --- the wall clock --- */

/* WEIR_NOT_FOUND: no timer is set. Any other failure is the operator's. */
static weir_status
next_due(struct wr_operator *operator_, int64_t *out_due_ms)
{
    weir_status status = wr_timers_next_due(operator_->timers, WEIR_PROCESSING_TIME, out_due_ms);
    if (status == WEIR_OK || status == WEIR_NOT_FOUND) {
        return status;
    }
    return weir_context_fail(&operator_->context, status,
                             "looking for the next processing-time timer: %s",
                             weir_status_meaning(status));
}

bool
wr_operator_fire_due(struct wr_operator *operator_, uint64_t now_ns)
{
    weir_context *context = &operator_->context;
    int64_t due_ms = 0;
    if (operator_->function.on_timer == NULL || !wr_operator_has_room(operator_)) {
        return false;
    }
    const weir_batch *batch = context->batch;
    bool fired = false;
    context->batch = NULL; /* no record in hand */
    if (operator_->timers != NULL) {
        int64_t now_ms = wall_ms(operator_);
        if (next_due(operator_, &due_ms) == WEIR_OK && due_ms <= now_ms) {
            weir_backend_set_time(operator_->backend, now_ms);
            (void)!fire_until(operator_, WEIR_PROCESSING_TIME, now_ms);
            fired = true;
        }
    } else if (operator_->plan->input_type != NULL && context->wake_at_ns != 0 &&
               now_ns >= context->wake_at_ns) {
        context->wake_at_ns = 0;
        (void)!call_on_timer(operator_, wall_ms(operator_), WEIR_PROCESSING_TIME);
        fired = true;
    }
    context->batch = batch;
    return fired;
}

uint64_t
wr_operator_due_at(struct wr_operator *operator_, uint64_t now_ns)
{
    int64_t due_ms = 0;
    if (operator_->function.on_timer == NULL) {
        return UINT64_MAX;
    }
    if (operator_->timers == NULL) {
        uint64_t wake_at_ns = operator_->context.wake_at_ns;
        return operator_->plan->input_type == NULL || wake_at_ns == 0 ? UINT64_MAX : wake_at_ns;
    }
    weir_status status = next_due(operator_, &due_ms);
    if (status != WEIR_OK) { /* a failure is looked at in the next step: at once */
        return status == WEIR_NOT_FOUND ? UINT64_MAX : now_ns + 1;
    }
    int64_t now_ms = wall_ms(operator_);
    if (due_ms <= now_ms) { /* since we fired; without room a free batch will wake the task */
        return wr_operator_has_room(operator_) ? now_ns + 1 : UINT64_MAX;
    }
    uint64_t wait_ms = (uint64_t)due_ms - (uint64_t)now_ms;
    return wait_ms > (UINT64_MAX - now_ns) / 1000000U ? UINT64_MAX : now_ns + wait_ms * 1000000U;
}

/* --- kept over a restore --- */

weir_status
wr_operator_keep_watermark(struct wr_operator *operator_)
{
    weir_operator_list *list = operator_->watermark_list;
    if (list == NULL) {
        return WEIR_OK;
    }
    weir_operator_list_clear(list);
    weir_status status = weir_operator_list_add(
        list, weir_bytes_of(&operator_->kept_watermark, sizeof operator_->kept_watermark));
    return status == WEIR_OK
               ? WEIR_OK
               : weir_context_fail(&operator_->context, status, "keeping its watermark: %s",
                                   weir_status_meaning(status));
}
