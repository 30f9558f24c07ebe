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
 *
 * Invariants:
 *   (1) A channel is held iff its barrier of the pending checkpoint was seen.
 *   (2) Exactly once: a held channel is not read, so nothing behind a barrier leaves the gate
 *       before the barrier does. At least once: held only counts, records go on.
 *   (3) At most one checkpoint is pending; a newer barrier cancels the older. Ids that have left,
 *       or were cancelled, are settled: barriers up to the newest settled one are dropped.
 *   (4) The end of a channel counts as its barrier of every checkpoint: no record can follow. The
 *       barrier that it completes leaves before the end of all input does.
 *
 * Why ended channels are still read: a drained task upstream takes part in checkpoints, and with
 * every channel ended its barrier is what starts ours.
 */
#include "runtime/gate.h"

#include "base/check.h"
#include "base/memory.h"
#include "runtime/valve.h"

struct input {
    struct wr_channel *channel;
    bool held;
    bool ended;
};

struct wr_gate {
    weir_alloc alloc;
    bool exactly_once;
    bool end_given;
    uint32_t count;
    uint32_t next;    /* the channel that is asked first: each gets its turn */
    uint32_t reading; /* the channel of the batch in the task's hands */
    uint32_t waiting; /* channels neither held nor ended, while a checkpoint is pending */
    uint32_t open;    /* channels that have not ended */
    uint64_t pending; /* checkpoint; 0: none */
    uint64_t settled; /* the newest that has left or was cancelled */
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
    if (wr_valve_create(alloc, count, &gate->valve) != WEIR_OK) {
        wr_memory_free(alloc, gate, gate_size(count));
        return WEIR_NOMEM;
    }
    gate->exactly_once = exactly_once;
    gate->count = count;
    gate->open = count;
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

void
wr_gate_destroy(struct wr_gate *gate)
{
    if (gate != NULL) {
        weir_alloc alloc = gate->alloc;
        wr_valve_destroy(gate->valve);
        wr_memory_free(&alloc, gate, gate_size(gate->count));
    }
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
    if (id <= gate->settled || id < gate->pending) {
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

static void
on_end(struct wr_gate *gate, struct input *input)
{
    if (input->ended) {
        return;
    }
    if (gate->pending != 0 && !input->held) {
        gate->waiting--;
    }
    input->ended = true;
    gate->open--;
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
                                       .side = gate->sides != NULL ? gate->sides[index] : 0 };
    case WR_BATCH_BARRIER:
        out = on_barrier(gate, input, batch);
        break;
    case WR_BATCH_CANCEL:
        out = on_cancel(gate, batch->checkpoint_id);
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

struct wr_gate_event
wr_gate_poll(struct wr_gate *gate)
{
    uint32_t silent = 0; /* channels asked in a row that had nothing */
    while (silent < gate->count) {
        if (gate->pending != 0 && gate->waiting == 0) {
            return release(gate);
        }
        if (gate->open == 0 && !gate->end_given) {
            gate->end_given = true;
            return (struct wr_gate_event){ .kind = WR_GATE_END };
        }
        uint32_t index = gate->next;
        gate->next = index + 1 == gate->count ? 0 : index + 1;
        struct input *input = &gate->inputs[index];
        struct weir_batch *batch = NULL;
        if (!input->held || !gate->exactly_once) {
            batch = wr_channel_receive(input->channel);
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
    if (gate->pending != 0 && gate->pending <= checkpoint_id) {
        (void)forget(gate);
    }
    if (checkpoint_id > gate->settled) {
        gate->settled = checkpoint_id;
    }
}
