/* SPDX-License-Identifier: Apache-2.0 */
/* output_send: batches and events on their way into the rings, and what goes beyond the rings'
 * room.
 *
 *   waiting[c]: | overflow | overflow | mark | ... |   one entry of channel c's ring, ahead of
 *   current[c]: | r | r | ..                           what comes next, and of the barrier
 *
 * In a hurry, that is ahead of a barrier that is not to wait, a channel without a free batch gets
 * overflow batches: they wait here, in a list a channel, and go out as one entry of the ring before
 * the barrier does. So the barrier finds the chain at rest and every record that was given before
 * it in a ring, where the consumers capture it.
 *
 * Between two of them a channel's consumer has given a batch back: so a channel needs as many
 * entries for lists as it has batches, and one more; where it has fewer, the barrier waits.
 *
 * A mark that a ring has no slot for waits in the same way, in an event made for it.
 */
#include "runtime/output_parts.h"

#include "base/check.h"

enum {
    OVERFLOW_BYTES_FIRST = 4096
};

void
wr_outputs_free_overflow(struct wr_outputs *outputs, struct weir_batch *batch)
{
    while (batch != NULL) {
        struct weir_batch *next = batch->next;
        if (batch->is_overflow) {
            wr_batch_destroy(&outputs->parameters.network_alloc, batch);
        }
        batch = next;
    }
}

weir_status
wr_outputs_fail_memory(struct wr_outputs *outputs, size_t size)
{
    return weir_context_fail(outputs->parameters.context, WEIR_NOMEM,
                             "no memory for a batch of %zu bytes to the next operator; raise "
                             "taskmanager.network.memory.size",
                             size);
}

static void
append_waiting(struct wr_output_waiting *waiting, struct weir_batch *batch)
{
    batch->next = NULL;
    if (waiting->first == NULL) {
        waiting->first = batch;
    } else {
        waiting->last->next = batch;
    }
    waiting->last = batch;
}

/* What waits goes into the ring; false: it goes on waiting. */
static bool
publish_waiting(struct wr_output_edge *edge, uint32_t channel)
{
    struct wr_output_waiting *waiting = &edge->waiting[channel];
    if (waiting->first == NULL) {
        return true;
    }
    if (!wr_channel_publish_list(edge->plan->channels[channel], waiting->first)) {
        return false;
    }
    waiting->first = waiting->last = NULL;
    return true;
}

/* Each as big as all before it, from a page to a batch. NULL: the limit, or memory. */
static struct weir_batch *
make_overflow(struct wr_outputs *outputs, const struct wr_output_edge *edge, uint32_t channel)
{
    const struct weir_batch *last = edge->waiting[channel].last;
    size_t bytes = last == NULL || last->capacity < OVERFLOW_BYTES_FIRST ? OVERFLOW_BYTES_FIRST
                                                                         : 2 * last->capacity;
    bytes = bytes < WR_BATCH_BYTES ? bytes : WR_BATCH_BYTES;
    if (outputs->overflow_bytes + bytes > outputs->parameters.overflow_max) {
        return NULL;
    }
    struct weir_batch *batch = wr_channel_make_overflow(edge->plan->channels[channel], bytes);
    outputs->overflow_bytes += batch != NULL ? bytes : 0;
    return batch;
}

struct weir_batch *
wr_outputs_current(struct wr_outputs *outputs, struct wr_output_edge *edge, uint32_t channel)
{
    if (edge->current[channel] != NULL) {
        return edge->current[channel];
    }
    if (!outputs->is_hurrying && !publish_waiting(edge, channel)) {
        return NULL;
    }
    struct weir_batch *batch = wr_channel_take_empty(edge->plan->channels[channel]);
    if (batch == NULL && wr_channel_is_starved(edge->plan->channels[channel])) {
        (void)wr_outputs_fail_memory(outputs, WR_BATCH_BYTES);
        return NULL;
    }
    if (batch == NULL && outputs->is_hurrying) {
        batch = make_overflow(outputs, edge, channel);
    }
    edge->current[channel] = batch;
    return batch;
}

void
wr_outputs_publish(struct wr_output_edge *edge, uint32_t channel)
{
    struct weir_batch *batch = edge->current[channel];
    if (batch == NULL || batch->count == 0) {
        return;
    }
    edge->current[channel] = NULL;
    edge->bytes += batch->used;
    if (batch->is_overflow || edge->waiting[channel].first != NULL) {
        append_waiting(&edge->waiting[channel], batch);
        return;
    }
    bool published = wr_channel_publish(edge->plan->channels[channel], batch);
    wr_assert(published); /* invariant (3) */
}

/* An overflow batch with records is to go ahead of whatever comes next. */
static bool
has_overflow(const struct wr_output_edge *edge, uint32_t channel)
{
    const struct weir_batch *current = edge->current[channel];
    return edge->waiting[channel].first != NULL ||
           (current != NULL && current->is_overflow && current->count != 0);
}

/* Whether a mark can go to this channel right away. */
static bool
takes_time(const struct wr_output_edge *edge, uint32_t channel)
{
    return !has_overflow(edge, channel) && wr_channel_has_time_room(edge->plan->channels[channel]);
}

/* An event for each channel that cannot take the mark itself. False: one is too few. */
static bool
stash_events(struct wr_outputs *outputs, struct weir_batch **out_stash)
{
    *out_stash = NULL;
    for (uint32_t i = 0; i < outputs->parameters.edge_count; i++) {
        struct wr_output_edge *edge = &outputs->edges[i];
        for (uint32_t c = 0; c < edge->plan->channel_count; c++) {
            if (!outputs->is_hurrying && has_overflow(edge, c)) { /* left by a hurry that is over */
                wr_outputs_publish(edge, c);
                (void)publish_waiting(edge, c);
            }
            if (takes_time(edge, c)) {
                continue;
            }
            struct weir_batch *event = NULL;
            if (outputs->is_hurrying) {
                event = wr_channel_make_overflow(edge->plan->channels[c], 0);
            }
            if (event == NULL) {
                wr_outputs_free_overflow(outputs, *out_stash);
                return false;
            }
            event->next = *out_stash;
            *out_stash = event;
        }
    }
    return true;
}

bool
wr_outputs_send_time(struct wr_outputs *outputs, struct wr_time time)
{
    struct weir_batch *stash = NULL;
    if (!stash_events(outputs, &stash)) {
        return false;
    }
    for (uint32_t i = 0; i < outputs->parameters.edge_count; i++) {
        struct wr_output_edge *edge = &outputs->edges[i];
        for (uint32_t c = 0; c < edge->plan->channel_count; c++) {
            bool is_direct = takes_time(edge, c);
            wr_outputs_publish(edge, c);
            if (is_direct) {
                bool sent = wr_channel_publish_time(edge->plan->channels[c], time);
                wr_assert(sent);
                continue;
            }
            struct weir_batch *event = stash;
            wr_assert(event != NULL); /* one was made for it */
            stash = event->next;
            event->kind = WR_BATCH_TIME;
            event->time = time;
            append_waiting(&edge->waiting[c], event);
        }
    }
    wr_outputs_free_overflow(outputs, stash); /* a slot came free meanwhile */
    return true;
}

/* --- publishing --- */

void
wr_outputs_set_hurry(struct wr_outputs *outputs, bool is_hurrying)
{
    if (is_hurrying != outputs->is_hurrying) {
        outputs->is_hurrying = is_hurrying;
        outputs->overflow_bytes = 0;
    }
}

void
wr_outputs_flush(struct wr_outputs *outputs)
{
    if (outputs->dirty_since_ns == 0) {
        return;
    }
    bool all = true;
    for (uint32_t i = 0; i < outputs->parameters.edge_count; i++) {
        struct wr_output_edge *edge = &outputs->edges[i];
        for (uint32_t c = 0; c < edge->plan->channel_count; c++) {
            wr_outputs_publish(edge, c);
            all = publish_waiting(edge, c) && all;
        }
    }
    outputs->dirty_since_ns = all ? 0 : outputs->dirty_since_ns;
}

void
wr_outputs_flush_due(struct wr_outputs *outputs, uint64_t now_ns)
{
    if (outputs->dirty_since_ns != 0 && now_ns >= outputs->dirty_since_ns &&
        now_ns - outputs->dirty_since_ns >= outputs->parameters.buffer_timeout_ns) {
        wr_outputs_flush(outputs);
    }
}

bool
wr_outputs_hold_records(const struct wr_outputs *outputs)
{
    return outputs->dirty_since_ns != 0;
}

uint64_t
wr_outputs_bytes(const struct wr_outputs *outputs)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < outputs->parameters.edge_count; i++) {
        bytes += outputs->edges[i].bytes;
    }
    return bytes;
}

bool
wr_outputs_can_send(struct wr_outputs *outputs)
{
    for (uint32_t i = 0; i < outputs->parameters.edge_count; i++) {
        const struct wr_output_edge *edge = &outputs->edges[i];
        for (uint32_t c = 0; c < edge->plan->channel_count; c++) {
            if (!wr_channel_has_event_room(edge->plan->channels[c]) ||
                (has_overflow(edge, c) && !wr_channel_has_list_room(edge->plan->channels[c]))) {
                return false;
            }
        }
    }
    return true;
}

void
wr_outputs_send(struct wr_outputs *outputs, enum wr_batch_kind kind, uint64_t checkpoint_id,
                enum wr_checkpoint_kind checkpoint_kind)
{
    wr_assert(outputs->batch == NULL);
    wr_outputs_set_hurry(outputs, false);
    wr_outputs_flush(outputs);
    for (uint32_t i = 0; i < outputs->parameters.edge_count; i++) {
        const struct wr_task_output *plan = outputs->edges[i].plan;
        for (uint32_t c = 0; c < plan->channel_count; c++) {
            wr_assert(outputs->edges[i].waiting[c].first == NULL);
            bool sent =
                wr_channel_publish_event(plan->channels[c], kind, checkpoint_id, checkpoint_kind);
            wr_assert(sent); /* can_send was asked */
        }
    }
}
