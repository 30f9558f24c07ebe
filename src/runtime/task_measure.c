/* SPDX-License-Identifier: Apache-2.0 */
/* task_measure: what a task shows of itself: counters that grow as things come, and what is looked
 * up between two pieces of work, once in so many and before it rests.
 */
#include "runtime/task_state.h"

static void
measure_keyed(struct wr_task *task, uint32_t index, uint64_t *io_entries)
{
    const struct wr_operator *operator_ = &task->operators[index];
    for (uint32_t i = 0; operator_->backend != NULL && i < operator_->state_count; i++) {
        const struct wr_keyed_state *state = &operator_->states[i];
        if (state->handle == NULL) {
            continue;
        }
        struct wr_meter_key key = { .source = state->handle,
                                    .operator_ = index,
                                    .kind = state->kind,
                                    .name = state->name,
                                    .backend = operator_->backend->ops->name };
        weir_state_size size;
        weir_state_measure(state->handle, &size);
        wr_meter_state(&task->meter, &key, &size);
        *io_entries += size.entries;
    }
}

static void
measure_lists(struct wr_task *task, uint32_t index)
{
    const struct wr_operator_state *lists = task->operators[index].lists;
    size_t count = wr_operator_state_count(lists);
    for (size_t i = 0; i < count; i++) {
        weir_state_descriptor descriptor;
        weir_state_size size;
        uint64_t elements = 0;
        wr_operator_state_describe(lists, i, &descriptor, &elements);
        wr_operator_state_measure(lists, i, &size);
        struct wr_meter_key key = { .source = descriptor.name,
                                    .operator_ = index,
                                    .kind = descriptor.kind,
                                    .name = descriptor.name,
                                    .backend = "operator" };
        wr_meter_state(&task->meter, &key, &size);
    }
}

static uint64_t
count_timers(const struct wr_operator *operator_)
{
    return operator_->timers == NULL ? 0
                                     : wr_timers_count(operator_->timers, WEIR_EVENT_TIME) +
                                           wr_timers_count(operator_->timers, WEIR_PROCESSING_TIME);
}

static void
measure_time(struct wr_task *task)
{
    const struct wr_operator *first = &task->operators[0];
    const struct wr_operator *last = &task->operators[task->operator_count - 1];
    int64_t in = wr_task_is_source(task) ? WEIR_NO_WATERMARK : first->watermark;
    int64_t out = last->has_output ? last->collector.watermark : WEIR_NO_WATERMARK;
    atomic_store_explicit(&task->meter.input_watermark_ms, in, memory_order_relaxed);
    atomic_store_explicit(&task->meter.output_watermark_ms, out, memory_order_relaxed);
}

void
wr_task_measure(struct wr_task *task)
{
    struct wr_meter *meter = &task->meter;
    uint64_t bytes = 0;
    uint64_t entries = 0;
    uint64_t timers = 0;
    uint64_t late = 0;
    uint64_t pending = 0;
    if (!task->has_opened) {
        return;
    }
    for (uint32_t i = 0; i < task->operator_count; i++) {
        const struct wr_operator *operator_ = &task->operators[i];
        bytes += operator_->backend != NULL ? weir_backend_used_bytes(operator_->backend) : 0;
        timers += count_timers(operator_);
        late += operator_->late_records;
        pending += operator_->context.pending_transactions;
        measure_keyed(task, i, &entries);
        measure_lists(task, i);
    }
    wr_meter_set(meter, WR_GAUGE_STATE_BYTES, bytes);
    wr_meter_set(meter, WR_GAUGE_STATE_ENTRIES, entries);
    if (bytes > wr_meter_get(meter, WR_GAUGE_STATE_PEAK)) {
        wr_meter_set(meter, WR_GAUGE_STATE_PEAK, bytes);
    }
    wr_meter_set(meter, WR_GAUGE_TIMERS, timers);
    wr_meter_set(meter, WR_GAUGE_LATE, late);
    wr_meter_set(meter, WR_GAUGE_PENDING, pending);
    wr_meter_set(meter, WR_GAUGE_BYTES_OUT, wr_outputs_bytes(task->outputs));
    measure_time(task);
}

void
wr_task_count(const struct wr_task *task, uint64_t now_ns, struct wr_task_counters *out_counters)
{
    const struct wr_meter *meter = &task->meter;
    uint64_t spent_ns[WR_ACTIVITY_COUNT];
    wr_meter_times(meter, now_ns, spent_ns);
    *out_counters =
        (struct wr_task_counters){ .records_in = wr_meter_get(meter, WR_GAUGE_RECORDS_IN),
                                   .records_out = wr_meter_get(meter, WR_GAUGE_RECORDS_OUT),
                                   .state_bytes = wr_meter_get(meter, WR_GAUGE_STATE_BYTES),
                                   .state_entries = wr_meter_get(meter, WR_GAUGE_STATE_ENTRIES),
                                   .bytes_in = wr_meter_get(meter, WR_GAUGE_BYTES_IN),
                                   .bytes_out = wr_meter_get(meter, WR_GAUGE_BYTES_OUT),
                                   .late_records = wr_meter_get(meter, WR_GAUGE_LATE),
                                   .timers = wr_meter_get(meter, WR_GAUGE_TIMERS),
                                   .pending_transactions = wr_meter_get(meter, WR_GAUGE_PENDING),
                                   .restored_bytes = wr_meter_get(meter, WR_GAUGE_RESTORED_BYTES),
                                   .state_bytes_peak = wr_meter_get(meter, WR_GAUGE_STATE_PEAK),
                                   .input_watermark_ms = atomic_load_explicit(
                                       &meter->input_watermark_ms, memory_order_relaxed),
                                   .output_watermark_ms = atomic_load_explicit(
                                       &meter->output_watermark_ms, memory_order_relaxed),
                                   .busy_ns = spent_ns[WR_ACTIVITY_BUSY],
                                   .idle_ns = spent_ns[WR_ACTIVITY_IDLE],
                                   .backpressured_ns = spent_ns[WR_ACTIVITY_BACKPRESSURED] };
}

const struct wr_metered_state *
wr_task_next_state(const struct wr_task *task, const struct wr_metered_state *after)
{
    return wr_meter_next_state(&task->meter, after);
}
