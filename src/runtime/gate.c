/* SPDX-License-Identifier: Apache-2.0 */
/* gate: joins a task's input channels and aligns checkpoint barriers. Watermarks pass through the
 * valve, which is told of those that have been read: of a held channel none is.
 *
 *   channel 0  --r--r--B7----r-->  \
 *   channel 1  --r--B7--(held)-->   >  gate --r--r--r--B7--r-->
 *   channel 2  --r--r--r--B7----->  /
 *
 *   ALIGNED  --first barrier-------> ALIGNING   [on_barrier]
 *   ALIGNING --last barrier or end-> ALIGNED    [release]    the barrier leaves the gate, once
 *   ALIGNING --newer barrier-------> ALIGNING   [on_barrier] the older is cancelled
 *   ALIGNING --cancel or abort-----> ALIGNED    [forget]     the held channels go on
 *   ALIGNED, ALIGNING --overtake---> ALIGNED    [wr_gate_overtake] the barrier leaves at once; what
 *                                               still stands before it is captured
 *
 * Invariants:
 *   (1) A channel is held iff its barrier of the pending checkpoint was seen.
 *   (2) A held channel is not read, so nothing behind a barrier leaves the gate before the barrier
 *       does. At least once: no channel is ever held, the tracker counts.
 *   (3) At most one checkpoint is pending; a newer barrier cancels the older. Ids that have left,
 *       or were cancelled, are settled: barriers up to the newest settled one are dropped. So are
 *       those of an id that the coordinator has aborted before any came.
 *   (4) The end of a channel counts as its barrier of every checkpoint: no record can follow. The
 *       barrier that it completes leaves before the end of all input does.
 *
 * Why ended channels are still read: a drained task upstream takes part in checkpoints, and with
 * every channel ended its barrier is what starts ours.
 */
#include "runtime/gate.h"

#include "base/check.h"
#include "base/memory.h"
#include "runtime/barrier_tracker.h"
#include "runtime/given_up.h"
#include "runtime/valve.h"

struct input {
    struct wr_channel *channel;
    bool held;
    bool ended;
};

struct wr_gate {
    weir_alloc alloc;
    struct wr_barrier_tracker *tracker; /* at least once: all barriers are its; else NULL */
    bool end_given;
    uint32_t count;
    uint32_t next;    /* the channel that is asked first: each gets its turn */
    uint32_t reading; /* the channel of the batch in the task's hands */
    uint32_t waiting; /* channels neither held nor ended, while a checkpoint is pending */
    uint32_t open;    /* channels that have not ended */
    uint64_t pending; /* checkpoint; 0: none */
    uint64_t settled; /* the newest that has left or was cancelled */
    struct wr_capture *capture;
    struct wr_given_up given_up;
    enum wr_checkpoint_kind pending_kind;
    struct wr_valve *valve;
    const uint8_t *sides; /* NULL: all 0 */
    struct input inputs[];
};

static size_t
gate_size(uint32_t count)
{
    return sizeof(struct wr_gate) + count * sizeof(struct input);
}

void
wr_gate_destroy(struct wr_gate *gate)
{
    if (gate != NULL) {
        weir_alloc alloc = gate->alloc;
        wr_barrier_tracker_destroy(gate->tracker);
        wr_capture_destroy(gate->capture);
        wr_valve_destroy(gate->valve);
        wr_memory_free(&alloc, gate, gate_size(gate->count));
    }
}

weir_status
wr_gate_create(const weir_alloc *alloc, struct wr_channel **channels, uint32_t count,
               bool exactly_once, struct wr_gate **out_gate)
{
    wr_assert(count >= 1);
    struct wr_gate *gate = wr_memory_new(alloc, gate_size(count));
    if (gate == NULL) {
        return WEIR_NOMEM;
    }
    gate->alloc = *alloc;
    gate->count = count;
    gate->open = count;
    gate->tracker = exactly_once ? NULL : wr_barrier_tracker_create(alloc, count);
    if ((!exactly_once && gate->tracker == NULL) ||
        wr_capture_create(alloc, count, &gate->capture) != WEIR_OK ||
        wr_valve_create(alloc, count, &gate->valve) != WEIR_OK) {
        wr_gate_destroy(gate);
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        gate->inputs[i].channel = channels[i];
    }
    *out_gate = gate;
    return WEIR_OK;
}

void
wr_gate_set_sides(struct wr_gate *gate, const uint8_t *sides)
{
    gate->sides = sides;
}

/* ALIGNING -> ALIGNED: nobody is held any more. */
static uint64_t
forget(struct wr_gate *gate)
{
    uint64_t pending = gate->pending;
    for (uint32_t i = 0; i < gate->count; i++) {
        gate->inputs[i].held = false;
    }
    gate->pending = 0;
    gate->waiting = 0;
    if (pending > gate->settled) {
        gate->settled = pending;
    }
    return pending;
}

/* The barrier leaves. */
static struct wr_gate_event
release(struct wr_gate *gate)
{
    enum wr_checkpoint_kind kind = gate->pending_kind;
    uint64_t id = forget(gate);
    return (struct wr_gate_event){ .kind = WR_GATE_BARRIER,
                                   .checkpoint_id = id,
                                   .checkpoint_kind = kind };
}

static void
hold(struct wr_gate *gate, struct input *input)
{
    if (!input->held && !input->ended) {
        gate->waiting--;
    }
    input->held = true;
}

static struct wr_gate_event
on_barrier(struct wr_gate *gate, struct input *input, const struct weir_batch *event)
{
    struct wr_gate_event out = { .kind = WR_GATE_NOTHING };
    uint64_t id = event->checkpoint_id;
    if (id <= gate->settled || id < gate->pending || wr_given_up_has(&gate->given_up, id)) {
        return out;
    }
    if (gate->pending != 0 && id > gate->pending) {
        out.kind = WR_GATE_CANCEL;
        out.checkpoint_id = forget(gate);
    }
    if (gate->pending == 0) {
        gate->pending = id;
        gate->pending_kind = event->checkpoint_kind;
        gate->waiting = gate->open;
    }
    hold(gate, input);
    return out;
}

static struct wr_gate_event
on_cancel(struct wr_gate *gate, uint64_t id)
{
    struct wr_gate_event out = { .kind = WR_GATE_NOTHING };
    if (id <= gate->settled) {
        return out;
    }
    if (gate->pending != 0 && gate->pending <= id) {
        (void)forget(gate); /* an older one cannot come about either: this channel has passed it */
    }
    gate->settled = id;
    out.kind = WR_GATE_CANCEL;
    out.checkpoint_id = id;
    return out;
}

static struct wr_gate_event
on_time(struct wr_gate *gate, uint32_t index, struct wr_time time)
{
    struct wr_time out = wr_valve_take(gate->valve, index, time);
    bool says = out.watermark != WEIR_NO_WATERMARK || out.status != WR_TIME_SAME;
    return (struct wr_gate_event){ .kind = says ? WR_GATE_TIME : WR_GATE_NOTHING, .time = out };
}

/* At least once: what leaves because of it is asked for next. */
static void
tell_tracker(struct wr_gate *gate, uint32_t index, const struct weir_batch *event)
{
    if (event->kind == WR_BATCH_BARRIER) {
        wr_barrier_tracker_barrier(gate->tracker, index, event->checkpoint_id,
                                   event->checkpoint_kind);
    } else {
        wr_barrier_tracker_cancel(gate->tracker, index, event->checkpoint_id);
    }
}

static void
on_end(struct wr_gate *gate, struct input *input)
{
    if (gate->tracker != NULL) {
        wr_barrier_tracker_end(gate->tracker, (uint32_t)(input - gate->inputs));
    }
    if (input->ended) {
        return;
    }
    if (gate->pending != 0 && !input->held) {
        gate->waiting--;
    }
    input->ended = true;
    gate->open--;
}

static uint8_t
side_of(const struct wr_gate *gate, uint32_t index)
{
    return gate->sides != NULL ? gate->sides[index] : 0;
}

/* Takes what one channel has; NOTHING: an event that only changed the gate. */
static struct wr_gate_event
on_batch(struct wr_gate *gate, uint32_t index, struct weir_batch *batch)
{
    struct input *input = &gate->inputs[index];
    struct wr_gate_event out = { .kind = WR_GATE_NOTHING };
    switch (batch->kind) {
    case WR_BATCH_RECORDS:
        gate->reading = index;
        return (struct wr_gate_event){ .kind = WR_GATE_RECORDS,
                                       .batch = batch,
                                       .side = side_of(gate, index) };
    case WR_BATCH_BARRIER:
    case WR_BATCH_CANCEL:
        if (gate->tracker != NULL) {
            tell_tracker(gate, index, batch);
        } else if (batch->kind == WR_BATCH_BARRIER) {
            out = on_barrier(gate, input, batch);
        } else {
            out = on_cancel(gate, batch->checkpoint_id);
        }
        break;
    case WR_BATCH_END:
        on_end(gate, input);
        break;
    case WR_BATCH_TIME:
        out = on_time(gate, index, batch->time);
        break;
    default:
        wr_assert(batch->kind <= WR_BATCH_TIME); /* a batch of no kind */
    }
    wr_channel_give_back(input->channel, batch);
    return out;
}

/* What leaves before another channel is read. */
static struct wr_gate_event
what_is_due(struct wr_gate *gate)
{
    if (gate->tracker != NULL) {
        return wr_barrier_tracker_next(gate->tracker);
    }
    return gate->pending != 0 && gate->waiting == 0
               ? release(gate)
               : (struct wr_gate_event){ .kind = WR_GATE_NOTHING };
}

struct wr_gate_event
wr_gate_poll(struct wr_gate *gate)
{
    uint32_t silent = 0; /* channels asked in a row that had nothing */
    while (silent < gate->count) {
        struct wr_gate_event first = what_is_due(gate);
        if (first.kind != WR_GATE_NOTHING) {
            return first;
        }
        if (gate->open == 0 && !gate->end_given) {
            gate->end_given = true;
            return (struct wr_gate_event){ .kind = WR_GATE_END };
        }
        uint32_t index = gate->next;
        gate->next = index + 1 == gate->count ? 0 : index + 1;
        struct input *input = &gate->inputs[index];
        struct weir_batch *batch = NULL;
        if (!input->held) {
            batch = wr_capture_receive(gate->capture, index, input->channel);
        }
        if (batch == NULL) {
            silent++;
            continue;
        }
        struct wr_gate_event event = on_batch(gate, index, batch);
        if (event.kind != WR_GATE_NOTHING) {
            return event;
        }
        silent = 0;
    }
    return (struct wr_gate_event){ .kind = WR_GATE_NOTHING };
}

void
wr_gate_give_back(struct wr_gate *gate, struct weir_batch *batch)
{
    wr_channel_give_back(gate->inputs[gate->reading].channel, batch);
}

void
wr_gate_abort(struct wr_gate *gate, uint64_t checkpoint_id)
{
    wr_capture_stop(gate->capture, checkpoint_id);
    if (gate->tracker != NULL) {
        wr_barrier_tracker_abort(gate->tracker, checkpoint_id);
    } else if (gate->pending == checkpoint_id) {
        (void)forget(gate);
    } else {
        wr_given_up_add(&gate->given_up, checkpoint_id, gate->settled);
    }
}

/* --- overtaking --- */

bool
wr_gate_may_overtake(const struct wr_gate *gate, uint64_t checkpoint_id)
{
    if (gate->tracker != NULL || checkpoint_id <= gate->settled || gate->pending > checkpoint_id ||
        wr_given_up_has(&gate->given_up, checkpoint_id)) {
        return false;
    }
    bool is_coming = gate->pending == checkpoint_id;
    for (uint32_t i = 0; i < gate->count && !is_coming; i++) {
        is_coming = wr_channel_announced(gate->inputs[i].channel) == checkpoint_id;
    }
    return is_coming;
}

void
wr_gate_overtake(struct wr_gate *gate, uint64_t checkpoint_id)
{
    wr_assert(gate->tracker == NULL && checkpoint_id > gate->settled);
    wr_capture_open(gate->capture, checkpoint_id);
    for (uint32_t i = 0; i < gate->count; i++) {
        const struct input *input = &gate->inputs[i];
        bool has_passed = input->ended || (input->held && gate->pending == checkpoint_id);
        if (!has_passed) {
            wr_capture_want(gate->capture, i, input->channel, side_of(gate, i));
        }
    }
    (void)forget(gate); /* an older one is given up: a newer barrier says so */
    gate->settled = checkpoint_id;
}

struct wr_capture *
wr_gate_capture(struct wr_gate *gate)
{
    return gate->capture;
}

uint64_t
wr_gate_pending(const struct wr_gate *gate)
{
    return gate->pending;
}
