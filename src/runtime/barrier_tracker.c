/* SPDX-License-Identifier: Apache-2.0 */
/* barrier_tracker: barriers of several checkpoints on their way at once.
 *
 *             7     8     9
 *   a  (9)    x     x     x        at 9: the newest barrier that it gave
 *   b  (8)    x     x     .
 *   c  (7)    x     .     .        7 leaves; 8 waits for c, 9 for b and c
 *
 * Barriers of one channel come in the order of their ids. So one that gives 9 but never gave 8 will
 * not give it: 8 is lost, and cancelled at once.
 *
 * Invariants:
 *   (1) Of a tracked checkpoint that is not lost, each open channel has given the barrier iff its
 *       newest is that one or a newer. `missing` counts those that have not.
 *   (2) If a checkpoint misses none no older one that is not lost does: checkpoints leave in the
 *       order of their ids.
 *   (3) At most WR_TRACKED_MAX are tracked when `next` has answered NOTHING.
 */
#include "runtime/barrier_tracker.h"

#include "base/check.h"
#include "runtime/given_up.h"

#include <string.h>

struct tracked {
    uint64_t id;
    enum wr_checkpoint_kind kind;
    uint32_t missing;
    bool is_lost; /* to be cancelled */
};

struct channel {
    uint64_t newest; /* barrier or cancel; 0: none */
    bool ended;
};

struct wr_barrier_tracker {
    weir_alloc alloc;
    uint64_t settled; /* the newest that has left */
    struct wr_given_up given_up;
    uint32_t count;
    struct tracked tracked[WR_TRACKED_MAX + 1]; /* by id */
    uint32_t channel_count;
    struct channel channels[];
};

static size_t
tracker_size(uint32_t channels)
{
    return sizeof(struct wr_barrier_tracker) + channels * sizeof(struct channel);
}

struct wr_barrier_tracker *
wr_barrier_tracker_create(const weir_alloc *alloc, uint32_t channels)
{
    struct wr_barrier_tracker *tracker = wr_memory_new(alloc, tracker_size(channels));
    if (tracker != NULL) {
        tracker->alloc = *alloc;
        tracker->channel_count = channels;
    }
    return tracker;
}

void
wr_barrier_tracker_destroy(struct wr_barrier_tracker *tracker)
{
    if (tracker != NULL) {
        weir_alloc alloc = tracker->alloc;
        wr_memory_free(&alloc, tracker, tracker_size(tracker->channel_count));
    }
}

static bool
means_nothing(const struct wr_barrier_tracker *tracker, uint64_t id)
{
    return id <= tracker->settled || wr_given_up_has(&tracker->given_up, id);
}

static void
remove_tracked(struct wr_barrier_tracker *tracker, uint32_t at)
{
    tracker->count--;
    memmove(&tracker->tracked[at], &tracker->tracked[at + 1],
            (tracker->count - at) * sizeof *tracker->tracked);
}

/* How many open channels have yet to give it. *out_is_lost: one will not. */
static uint32_t
count_missing(const struct wr_barrier_tracker *tracker, uint64_t id, bool *out_is_lost)
{
    uint32_t missing = 0;
    *out_is_lost = false;
    for (uint32_t i = 0; i < tracker->channel_count; i++) {
        const struct channel *channel = &tracker->channels[i];
        missing += !channel->ended && channel->newest < id;
        *out_is_lost = *out_is_lost || (!channel->ended && channel->newest > id);
    }
    return missing;
}

/* The checkpoint's place, made if it was not tracked yet. */
static struct tracked *
track(struct wr_barrier_tracker *tracker, uint64_t id)
{
    uint32_t at = 0;
    while (at < tracker->count && tracker->tracked[at].id < id) {
        at++;
    }
    struct tracked *place = &tracker->tracked[at];
    if (at < tracker->count && place->id == id) {
        return place;
    }
    wr_assert(tracker->count <= WR_TRACKED_MAX);
    memmove(place + 1, place, (tracker->count - at) * sizeof *place);
    *place = (struct tracked){ .id = id };
    place->missing = count_missing(tracker, id, &place->is_lost);
    if (++tracker->count > WR_TRACKED_MAX) {
        tracker->tracked[0].is_lost = true;
    }
    return place;
}

/* What the channel gives now is the checkpoint's: of older ones it will give nothing. */
static void
advance(struct wr_barrier_tracker *tracker, struct channel *channel, uint64_t id)
{
    for (uint32_t i = 0; !channel->ended && i < tracker->count; i++) {
        struct tracked *at = &tracker->tracked[i];
        if (at->id == id) {
            at->missing--;
        } else if (at->id > channel->newest && at->id < id) {
            at->is_lost = true;
        }
    }
    channel->newest = id;
}

void
wr_barrier_tracker_barrier(struct wr_barrier_tracker *tracker, uint32_t channel, uint64_t id,
                           enum wr_checkpoint_kind kind)
{
    if (id > tracker->channels[channel].newest && !means_nothing(tracker, id)) {
        track(tracker, id)->kind = kind;
        advance(tracker, &tracker->channels[channel], id);
    }
}

void
wr_barrier_tracker_cancel(struct wr_barrier_tracker *tracker, uint32_t channel, uint64_t id)
{
    if (id > tracker->channels[channel].newest && !means_nothing(tracker, id)) {
        track(tracker, id)->is_lost = true;
        advance(tracker, &tracker->channels[channel], id);
    }
}

void
wr_barrier_tracker_end(struct wr_barrier_tracker *tracker, uint32_t channel)
{
    struct channel *ended = &tracker->channels[channel];
    for (uint32_t i = 0; !ended->ended && i < tracker->count; i++) {
        tracker->tracked[i].missing -= tracker->tracked[i].id > ended->newest;
    }
    ended->ended = true;
}

void
wr_barrier_tracker_abort(struct wr_barrier_tracker *tracker, uint64_t id)
{
    for (uint32_t i = 0; i < tracker->count; i++) {
        if (tracker->tracked[i].id == id) {
            remove_tracked(tracker, i);
            break;
        }
    }
    wr_given_up_add(&tracker->given_up, id, tracker->settled);
}

struct wr_gate_event
wr_barrier_tracker_next(struct wr_barrier_tracker *tracker)
{
    for (uint32_t i = 0; i < tracker->count; i++) {
        uint64_t id = tracker->tracked[i].id;
        if (tracker->tracked[i].is_lost) {
            remove_tracked(tracker, i);
            wr_given_up_add(&tracker->given_up, id, tracker->settled);
            return (struct wr_gate_event){ .kind = WR_GATE_CANCEL, .checkpoint_id = id };
        }
    }
    struct tracked oldest = tracker->tracked[0];
    if (tracker->count == 0 || oldest.missing != 0) {
        return (struct wr_gate_event){ .kind = WR_GATE_NOTHING };
    }
    remove_tracked(tracker, 0);
    tracker->settled = oldest.id;
    return (struct wr_gate_event){ .kind = WR_GATE_BARRIER,
                                   .checkpoint_id = oldest.id,
                                   .checkpoint_kind = oldest.kind };
}
