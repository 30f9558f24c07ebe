/* SPDX-License-Identifier: Apache-2.0 */
/* channel: two rings of pointers between one producer and one consumer.
 *
 *   producer --full--> consumer      records and events, in order
 *   producer <--empty-- consumer     the same batches on their way back
 *
 *   ring: slots[mask + 1]; the writer alone moves tail, the reader alone moves head. Each keeps a
 *   copy of the other's index and looks at the real one only when the copy says full or empty, so
 *   a batch in steady state costs one cache line each way.
 *
 * Invariants:
 *   (1) A ring has a slot for every batch and event there is: publish and give back never find it
 *       full.
 *   (2) A batch is in exactly one place: with the producer (spare, or being filled), in `full`,
 *       with the consumer, or in `empty`. `made` lists all of them: destroy needs no search.
 *   (3) Events are made with the channel, EVENTS_MAX of them. An event never waits for memory or
 *       for a batch, only for the consumer to have read the events before it. Time leaves
 *       EVENTS_KEPT of them alone, so that a barrier does not wait for watermarks.
 *   (4) Overflow batches come in lists, at most LISTS_MAX in `full`; the consumer frees them, so
 *       they never stand in `empty`. Events of (3) never stand in a list.
 *   (5) What stands in `full` from head to tail is the consumer's: it may move it there, as long as
 *       head only grows. `rest` is what it has not received of the list it took last.
 *
 * Whoever puts something into a ring wakes the other side's worker; the parker makes that one load
 * where nobody sleeps.
 */
#include "runtime/channel.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdatomic.h>
#include <string.h>

enum {
    EVENTS_MAX = 16,
    EVENTS_KEPT = 8,
    LISTS_MAX = 16,
    OVERFLOW_RECORD_BYTES = 16, /* what a record is taken to need */
    LINE_GAP = 128              /* two cache lines: the prefetcher fetches pairs */
};

struct ring {
    char gap_before[LINE_GAP];
    _Atomic uint32_t tail; /* next slot to be written; the writer's */
    uint32_t head_seen;    /* the writer's copy of head */
    char gap_between[LINE_GAP];
    _Atomic uint32_t head; /* next slot to be read; the reader's */
    uint32_t tail_seen;    /* the reader's copy of tail */
    char gap_behind[LINE_GAP];
    struct weir_batch **slots;
    uint32_t mask;
};

struct wr_channel {
    struct wr_channel_parameters parameters;
    size_t size; /* of this block: struct, slots of both rings, made */
    struct ring full;
    struct ring empty;
    /* the consumer's alone, but for the count, which the producer reads */
    struct weir_batch *rest;
    _Atomic uint32_t lists_taken;
    char gap[LINE_GAP];
    /* the producer's alone, but for the announcement, which the consumer reads */
    _Atomic uint64_t announced; /* checkpoint; a hint: what it speaks of is found in the ring */
    uint32_t lists_published;
    struct weir_batch *spare_records;
    struct weir_batch *spare_events;
    uint32_t spare_event_count;
    struct weir_batch **made; /* batches of records */
    uint32_t made_count;
    struct weir_batch events[EVENTS_MAX];
    uint32_t event_offsets[EVENTS_MAX];
};

static bool
ring_push(struct ring *ring, struct weir_batch *batch)
{
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail - ring->head_seen > ring->mask) {
        /* acquire: pairs with the release of head in ring_pop; the slot has been read before it is
         * written again. */
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
        if (tail - ring->head_seen > ring->mask) {
            return false;
        }
    }
    ring->slots[tail & ring->mask] = batch;
    /* release: pairs with the acquire of tail in ring_pop and ring_is_empty; the batch's content is
     * visible with it. */
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return true;
}

static struct weir_batch *
ring_pop(struct ring *ring)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head == ring->tail_seen) {
        /* acquire: pairs with the release of tail in ring_push. */
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head == ring->tail_seen) {
            return NULL;
        }
    }
    struct weir_batch *batch = ring->slots[head & ring->mask];
    /* release: pairs with the acquire of head in ring_push. */
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return batch;
}

static uint32_t
power_of_two_from(uint32_t least)
{
    uint32_t power = 1;
    while (power < least) {
        power *= 2;
    }
    return power;
}

weir_status
wr_channel_create(const struct wr_channel_parameters *parameters, struct wr_channel **out_channel)
{
    wr_assert(parameters->batches_max >= 1 && parameters->batches_max <= 1U << 20);
    wr_assert(parameters->batch_count >= 1);
    uint32_t slots = power_of_two_from(parameters->batches_max + EVENTS_MAX + LISTS_MAX);
    size_t size = sizeof(struct wr_channel) +
                  (2 * (size_t)slots + parameters->batches_max) * sizeof(struct weir_batch *);
    struct wr_channel *channel = wr_memory_new(&parameters->alloc, size);
    if (channel == NULL) {
        return WEIR_NOMEM;
    }
    channel->parameters = *parameters;
    channel->size = size;
    channel->full.slots = (struct weir_batch **)(channel + 1);
    channel->empty.slots = channel->full.slots + slots;
    channel->made = channel->empty.slots + slots;
    channel->full.mask = channel->empty.mask = slots - 1;
    for (size_t i = 0; i < EVENTS_MAX; i++) {
        struct weir_batch *event = &channel->events[i];
        event->offsets = &channel->event_offsets[i];
        event->next = channel->spare_events;
        channel->spare_events = event;
        channel->spare_event_count++;
    }
    *out_channel = channel;
    return WEIR_OK;
}

/* Of a list that nobody will read: the others in it belong to `made`. */
static void
free_overflow(struct wr_channel *channel, struct weir_batch *batch)
{
    while (batch != NULL) {
        struct weir_batch *next = batch->next;
        if (batch->is_overflow) {
            wr_batch_destroy(&channel->parameters.alloc, batch);
        }
        batch = next;
    }
}

void
wr_channel_destroy(struct wr_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    weir_alloc alloc = channel->parameters.alloc;
    free_overflow(channel, channel->rest);
    struct weir_batch *batch;
    while ((batch = ring_pop(&channel->full)) != NULL) {
        free_overflow(channel, batch);
    }
    for (uint32_t i = 0; i < channel->made_count; i++) {
        wr_batch_destroy(&alloc, channel->made[i]);
    }
    wr_memory_free(&alloc, channel, channel->size);
}

/* Sorts what the consumer gave back. */
static void
collect_returned(struct wr_channel *channel)
{
    struct weir_batch *batch;
    while ((batch = ring_pop(&channel->empty)) != NULL) {
        bool is_event = batch->count_max == 0;
        wr_batch_clear(batch);
        struct weir_batch **spare = is_event ? &channel->spare_events : &channel->spare_records;
        batch->next = *spare;
        *spare = batch;
        channel->spare_event_count += is_event;
    }
}

static struct weir_batch *
pop_spare(struct weir_batch **spare)
{
    struct weir_batch *batch = *spare;
    if (batch != NULL) {
        *spare = batch->next;
        batch->next = NULL;
    }
    return batch;
}

static weir_status
make_batch(struct wr_channel *channel, struct weir_batch **out_batch)
{
    const struct wr_channel_parameters *parameters = &channel->parameters;
    return parameters->timed ? wr_batch_create_timed(&parameters->alloc, parameters->batch_count,
                                                     WR_BATCH_BYTES, out_batch)
                             : wr_batch_create(&parameters->alloc, parameters->batch_count,
                                               WR_BATCH_BYTES, out_batch);
}

struct weir_batch *
wr_channel_take_empty(struct wr_channel *channel)
{
    if (channel->spare_records == NULL) {
        collect_returned(channel);
    }
    struct weir_batch *batch = pop_spare(&channel->spare_records);
    if (batch == NULL && channel->made_count < channel->parameters.batches_max &&
        make_batch(channel, &batch) == WEIR_OK) {
        channel->made[channel->made_count++] = batch;
    }
    return batch;
}

bool
wr_channel_is_starved(const struct wr_channel *channel)
{
    return channel->made_count == 0;
}

bool
wr_channel_publish(struct wr_channel *channel, struct weir_batch *batch)
{
    if (!ring_push(&channel->full, batch)) {
        return false;
    }
    wr_parker_wake(channel->parameters.consumer_parker);
    return true;
}

bool
wr_channel_has_event_room(struct wr_channel *channel)
{
    if (channel->spare_events == NULL) {
        collect_returned(channel);
    }
    return channel->spare_events != NULL;
}

static struct weir_batch *
take_event(struct wr_channel *channel, enum wr_batch_kind kind)
{
    struct weir_batch *event = pop_spare(&channel->spare_events);
    channel->spare_event_count--;
    event->kind = kind;
    return event;
}

bool
wr_channel_publish_event(struct wr_channel *channel, enum wr_batch_kind kind,
                         uint64_t checkpoint_id, enum wr_checkpoint_kind checkpoint_kind)
{
    if (!wr_channel_has_event_room(channel)) {
        return false;
    }
    struct weir_batch *event = take_event(channel, kind);
    event->checkpoint_id = checkpoint_id;
    event->checkpoint_kind = checkpoint_kind;
    if (kind == WR_BATCH_BARRIER) {
        /* relaxed: whoever sees it looks for the barrier in the ring, now or when it is there,
         * which wakes. */
        atomic_store_explicit(&channel->announced, checkpoint_id, memory_order_relaxed);
    }
    bool published = wr_channel_publish(channel, event);
    wr_assert(published); /* invariant (1) */
    return true;
}

bool
wr_channel_has_time_room(struct wr_channel *channel)
{
    if (channel->spare_event_count <= EVENTS_KEPT) {
        collect_returned(channel);
    }
    return channel->spare_event_count > EVENTS_KEPT;
}

bool
wr_channel_publish_time(struct wr_channel *channel, struct wr_time time)
{
    if (!wr_channel_has_time_room(channel)) {
        return false;
    }
    struct weir_batch *event = take_event(channel, WR_BATCH_TIME);
    event->time = time;
    bool published = wr_channel_publish(channel, event);
    wr_assert(published); /* invariant (1) */
    return true;
}

/* --- ahead of a barrier that does not wait --- */

uint64_t
wr_channel_announced(const struct wr_channel *channel)
{
    return atomic_load_explicit(&channel->announced, memory_order_relaxed);
}

struct weir_batch *
wr_channel_make_overflow(struct wr_channel *channel, size_t bytes)
{
    const struct wr_channel_parameters *parameters = &channel->parameters;
    size_t records = bytes / OVERFLOW_RECORD_BYTES;
    uint32_t count_max =
        records < parameters->batch_count ? (uint32_t)records : parameters->batch_count;
    struct weir_batch *batch = NULL;
    weir_status status = parameters->timed
                             ? wr_batch_create_timed(&parameters->alloc, count_max, bytes, &batch)
                             : wr_batch_create(&parameters->alloc, count_max, bytes, &batch);
    if (status != WEIR_OK) {
        return NULL;
    }
    batch->is_overflow = true;
    return batch;
}

bool
wr_channel_has_list_room(struct wr_channel *channel)
{
    /* acquire: pairs with the release in wr_channel_receive; the slot has been read by then. */
    uint32_t taken = atomic_load_explicit(&channel->lists_taken, memory_order_acquire);
    return channel->lists_published - taken < LISTS_MAX;
}

bool
wr_channel_publish_list(struct wr_channel *channel, struct weir_batch *first)
{
    wr_assert(first->is_overflow);
    if (!wr_channel_has_list_room(channel)) {
        return false;
    }
    channel->lists_published++;
    bool published = wr_channel_publish(channel, first);
    wr_assert(published); /* invariant (1) */
    return true;
}

/* --- the consumer --- */

struct weir_batch *
wr_channel_receive(struct wr_channel *channel)
{
    struct weir_batch *batch = channel->rest;
    if (batch == NULL) {
        batch = ring_pop(&channel->full);
        if (batch == NULL) {
            return NULL;
        }
        if (batch->is_overflow) {
            /* release: pairs with the acquire in wr_channel_has_list_room. */
            atomic_fetch_add_explicit(&channel->lists_taken, 1, memory_order_release);
        }
    }
    channel->rest = batch->next;
    batch->next = NULL;
    return batch;
}

void
wr_channel_give_back(struct wr_channel *channel, struct weir_batch *batch)
{
    if (batch->is_overflow) {
        wr_batch_destroy(&channel->parameters.alloc, batch);
        wr_parker_wake(channel->parameters.producer_parker); /* it may wait for memory, or a list */
        return;
    }
    if (batch->capacity > WR_BATCH_BYTES) {
        batch->used = 0; /* a giant record has passed: its memory goes back to all */
        wr_batch_shrink(&channel->parameters.alloc, batch, WR_BATCH_BYTES);
    }
    bool pushed = ring_push(&channel->empty, batch);
    wr_assert(pushed); /* invariant (1) */
    wr_parker_wake(channel->parameters.producer_parker);
}

struct wr_channel_place
wr_channel_begin(const struct wr_channel *channel)
{
    return (struct wr_channel_place){ .slot = atomic_load_explicit(&channel->full.head,
                                                                   memory_order_relaxed),
                                      .inner = channel->rest };
}

const struct weir_batch *
wr_channel_look(struct wr_channel *channel, struct wr_channel_place *place)
{
    struct ring *ring = &channel->full;
    const struct weir_batch *batch = place->inner;
    if (batch == NULL) {
        if (place->slot == ring->tail_seen) {
            /* acquire: pairs with the release of tail in ring_push, as in ring_pop. */
            ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
            if (place->slot == ring->tail_seen) {
                return NULL;
            }
        }
        batch = ring->slots[place->slot++ & ring->mask];
    }
    place->inner = batch->next;
    return batch;
}

struct weir_batch *
wr_channel_receive_before(struct wr_channel *channel, const struct wr_channel_place *place)
{
    wr_assert(place->inner == NULL);
    uint32_t head = atomic_load_explicit(&channel->full.head, memory_order_relaxed);
    return channel->rest != NULL || head != place->slot ? wr_channel_receive(channel) : NULL;
}

void
wr_channel_pluck(struct wr_channel *channel, const struct wr_channel_place *behind)
{
    struct ring *ring = &channel->full;
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint32_t at = behind->slot - 1;
    wr_assert(at - head <= ring->mask); /* the place is good: nothing behind it was received */
    struct weir_batch *event = ring->slots[at & ring->mask];
    wr_assert(event->count_max == 0 && !event->is_overflow);
    for (; at != head; at--) {
        ring->slots[at & ring->mask] = ring->slots[(at - 1) & ring->mask];
    }
    /* release: pairs with the acquire of head in ring_push. */
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    wr_channel_give_back(channel, event);
}
