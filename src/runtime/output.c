/* SPDX-License-Identifier: Apache-2.0 */
/* output: partitions batches into channels; what the batch's marks tell of time goes to all of
 * them, behind the records before it.
 *
 *   batch in hand  --edge 0, cursor 7-->  channel 0: current |r|r|r|..
 *                                         channel 1: current |r|..
 *                  --edge 1, cursor 9-->  channel 0: current |r|r|..
 *
 * A current batch is published when full, at 128 records behind a batch given, when the task idles,
 * at the buffer timeout, and before every event. Each edge has a cursor of its own into the batch
 * in hand: a full channel stops its edge only, and at the record in question, because records of
 * one channel never overtake each other. The chain gives the next batch when all edges have passed
 * the last record.
 *
 * Invariants:
 *   (1) current[c] is NULL or a batch of channel c that is not published; it is empty or holds the
 *       records that come right before the next one for c. Before them come those that wait.
 *   (2) An event goes into every channel or none, behind all records that were given before it.
 *   (3) Publishing never fails: a channel's ring has room for all batches it ever made. Of lists
 *       it takes some; while one waits for its turn the channel has no room for anything else.
 *   (4) No record behind a mark moves before the mark has been sent; it is sent to all channels at
 *       once, when all edges have passed the records before it.
 */
#include "runtime/output_parts.h"

#include "base/check.h"
#include "base/memory.h"

#include <string.h>

enum {
    PUBLISH_FROM = 128 /* records; fewer wait for company until idle or timeout */
};

static size_t
outputs_size(uint32_t edge_count)
{
    return sizeof(struct wr_outputs) + edge_count * sizeof(struct wr_output_edge);
}

/* A forward edge has one channel; a keyed one with a single channel needs no keys. */
static bool
is_single(const struct wr_output_edge *edge)
{
    return edge->plan->channel_count == 1;
}

static bool
needs_targets(const struct wr_output_edge *edge)
{
    return !is_single(edge) && edge->plan->edge != WR_EDGE_BROADCAST;
}

weir_status
wr_outputs_create(const struct wr_outputs_parameters *parameters, struct wr_outputs **out_outputs)
{
    const weir_alloc *alloc = &parameters->alloc;
    struct wr_outputs *outputs = wr_memory_new(alloc, outputs_size(parameters->edge_count));
    if (outputs == NULL) {
        return WEIR_NOMEM;
    }
    outputs->parameters = *parameters;
    wr_router_init(&outputs->router, alloc);
    for (uint32_t i = 0; i < parameters->edge_count; i++) {
        struct wr_output_edge *edge = &outputs->edges[i];
        edge->plan = &parameters->edges[i];
        uint32_t count = edge->plan->channel_count;
        wr_assert(count >= 1 && (edge->plan->edge != WR_EDGE_FORWARD || count == 1));
        wr_assert(edge->plan->edge != WR_EDGE_KEYED || edge->plan->key_plan != NULL);
        edge->targets.next = parameters->subtask % count;
        edge->current = wr_memory_new(alloc, count * sizeof(struct weir_batch *));
        edge->waiting = wr_memory_new(alloc, count * sizeof *edge->waiting);
        if (edge->current == NULL || edge->waiting == NULL) {
            wr_outputs_destroy(outputs);
            return WEIR_NOMEM;
        }
    }
    *out_outputs = outputs;
    return WEIR_OK;
}

static void
free_unpublished(struct wr_outputs *outputs, struct wr_output_edge *edge)
{
    for (uint32_t c = 0; c < edge->plan->channel_count; c++) {
        if (edge->waiting != NULL) {
            wr_outputs_free_overflow(outputs, edge->waiting[c].first);
        }
        if (edge->current != NULL) {
            wr_outputs_free_overflow(outputs, edge->current[c]);
        }
    }
}

void
wr_outputs_destroy(struct wr_outputs *outputs)
{
    if (outputs == NULL) {
        return;
    }
    weir_alloc alloc = outputs->parameters.alloc;
    uint32_t edge_count = outputs->parameters.edge_count;
    for (uint32_t i = 0; i < edge_count; i++) {
        struct wr_output_edge *edge = &outputs->edges[i];
        if (edge->plan != NULL) {
            uint32_t count = edge->plan->channel_count;
            free_unpublished(outputs, edge);
            wr_memory_free(&alloc, edge->current, count * sizeof(struct weir_batch *));
            wr_memory_free(&alloc, edge->waiting, count * sizeof *edge->waiting);
        }
        wr_targets_fini(&outputs->router, &edge->targets);
    }
    wr_router_fini(&outputs->router);
    wr_memory_free(&alloc, outputs, outputs_size(edge_count));
}

static bool
fits(const struct weir_batch *batch, size_t size)
{
    return batch->count < batch->count_max && size <= batch->capacity - batch->used;
}

bool
wr_outputs_have_room(struct wr_outputs *outputs)
{
    for (uint32_t i = 0; i < outputs->parameters.edge_count; i++) {
        struct wr_output_edge *edge = &outputs->edges[i];
        for (uint32_t c = 0; c < edge->plan->channel_count; c++) {
            struct weir_batch *batch = wr_outputs_current(outputs, edge, c);
            if (batch == NULL) {
                return false;
            }
        }
    }
    return true;
}

weir_status
wr_outputs_give(struct wr_outputs *outputs, struct weir_batch *batch)
{
    wr_assert(outputs->batch == NULL);
    outputs->batch = batch;
    outputs->mark = 0;
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < outputs->parameters.edge_count; i++) {
        struct wr_output_edge *edge = &outputs->edges[i];
        edge->cursor = 0;
        if (needs_targets(edge)) {
            status = wr_router_aim(&outputs->router, edge->plan, batch, &edge->targets);
        }
    }
    if (status != WEIR_OK) {
        return weir_context_fail(outputs->parameters.context, status,
                                 "taking the key of a record that was emitted: %s; a key may have "
                                 "%d bytes",
                                 weir_status_meaning(status), WEIR_KEY_SIZE_MAX);
    }
    return WEIR_OK;
}

/* --- moving records --- */

static inline void
copy_words(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size > 64) {
        memcpy(to, from, size);
        return;
    }
    for (size_t i = 0; i < size; i += 8) { /* records are whole words: no call, no tail */
        memcpy(to + i, from + i, 8);
    }
}

/* Room for one more record of this size in the channel's current batch, publishing it if it is
 * full. NULL: backpressure, or the task has failed. */
static struct weir_batch *
room_for(struct wr_outputs *outputs, struct wr_output_edge *edge, uint32_t channel, size_t size)
{
    struct weir_batch *batch = wr_outputs_current(outputs, edge, channel);
    if (batch != NULL && !fits(batch, size) && batch->count != 0) {
        wr_outputs_publish(edge, channel);
        batch = wr_outputs_current(outputs, edge, channel);
    }
    return batch;
}

static bool
append(struct wr_outputs *outputs, struct weir_batch *to, const struct weir_batch *from,
       size_t index)
{
    const uint8_t *record = from->data + from->offsets[index];
    size_t size = from->offsets[index + 1] - from->offsets[index];
    uint8_t *block = NULL;
    if (fits(to, size)) {
        block = wr_batch_bump(to, size);
    } else {
        block = wr_batch_append(&outputs->parameters.network_alloc, to, size);
        if (block == NULL) { /* empty, and could not grow */
            (void)wr_outputs_fail_memory(outputs, size);
            return false;
        }
    }
    copy_words(block, record, size);
    if (to->times != NULL) {
        to->times[to->count - 1] = weir_batch_timestamp(from, index);
    }
    return true;
}

/* All that is left before `end` in one piece, if it fits: one copy for a batch. */
static bool
move_whole(struct wr_outputs *outputs, struct wr_output_edge *edge, const struct weir_batch *from,
           uint32_t end)
{
    size_t first = edge->cursor;
    if (first == end) {
        return true; /* marks alone need no batch */
    }
    struct weir_batch *to = wr_outputs_current(outputs, edge, 0);
    uint32_t count = end - (uint32_t)first;
    size_t size = from->offsets[end] - from->offsets[first];
    if (to == NULL || count > to->count_max - to->count || size > to->capacity - to->used) {
        return false;
    }
    memcpy(to->data + to->used, from->data + from->offsets[first], size);
    uint32_t shift = (uint32_t)to->used - from->offsets[first];
    for (uint32_t i = 0; i < count; i++) {
        to->offsets[to->count + i + 1] = from->offsets[first + i + 1] + shift;
    }
    if (to->times != NULL) {
        for (uint32_t i = 0; i < count; i++) {
            to->times[to->count + i] = weir_batch_timestamp(from, first + i);
        }
    }
    to->count += count;
    to->used += size;
    edge->cursor = end;
    return true;
}

static void
move_partitioned(struct wr_outputs *outputs, struct wr_output_edge *edge,
                 const struct weir_batch *from, uint32_t end)
{
    bool single = is_single(edge);
    if (single && move_whole(outputs, edge, from, end)) {
        return;
    }
    for (; edge->cursor < end; edge->cursor++) {
        uint32_t channel = single ? 0 : edge->targets.channels[edge->cursor];
        size_t size = from->offsets[edge->cursor + 1] - from->offsets[edge->cursor];
        struct weir_batch *to = edge->current[channel];
        if (to == NULL || !fits(to, size)) {
            to = room_for(outputs, edge, channel, size);
        }
        if (to == NULL || !append(outputs, to, from, edge->cursor)) {
            return;
        }
    }
}

/* A record goes to all channels at once, or waits. */
static void
move_broadcast(struct wr_outputs *outputs, struct wr_output_edge *edge,
               const struct weir_batch *from, uint32_t end)
{
    uint32_t count = edge->plan->channel_count;
    for (; edge->cursor < end; edge->cursor++) {
        size_t size = from->offsets[edge->cursor + 1] - from->offsets[edge->cursor];
        for (uint32_t c = 0; c < count; c++) {
            if (room_for(outputs, edge, c, size) == NULL) {
                return;
            }
        }
        for (uint32_t c = 0; c < count; c++) {
            if (!append(outputs, edge->current[c], from, edge->cursor)) {
                return;
            }
        }
    }
}

/* Moves what stands before `end`; true: all of it. */
static bool
move_until(struct wr_outputs *outputs, uint32_t end, bool *in_out_moved)
{
    const struct weir_batch *batch = outputs->batch;
    bool done = true;
    for (uint32_t i = 0; i < outputs->parameters.edge_count; i++) {
        struct wr_output_edge *edge = &outputs->edges[i];
        size_t before = edge->cursor;
        if (edge->plan->edge == WR_EDGE_BROADCAST && !is_single(edge)) {
            move_broadcast(outputs, edge, batch, end);
        } else {
            move_partitioned(outputs, edge, batch, end);
        }
        *in_out_moved = *in_out_moved || edge->cursor != before;
        done = done && edge->cursor == end;
        for (uint32_t c = 0; c < edge->plan->channel_count; c++) {
            struct weir_batch *current = edge->current[c];
            if (current != NULL &&
                (current->count >= PUBLISH_FROM || current->count == current->count_max)) {
                wr_outputs_publish(edge, c);
            }
        }
    }
    return done;
}

struct weir_batch *
wr_outputs_distribute(struct wr_outputs *outputs, uint64_t now_ns, bool *out_moved)
{
    struct weir_batch *batch = outputs->batch;
    bool moved = false;
    bool done = false;
    while (!done) {
        const struct wr_mark *mark =
            outputs->mark < batch->mark_count ? &batch->marks[outputs->mark] : NULL;
        if (!move_until(outputs, mark != NULL ? mark->before : batch->count, &moved) ||
            (mark != NULL && !wr_outputs_send_time(outputs, mark->time))) {
            break;
        }
        done = mark == NULL;
        moved = moved || !done;
        outputs->mark += !done;
    }
    if (moved && outputs->dirty_since_ns == 0) {
        outputs->dirty_since_ns = now_ns == 0 ? 1 : now_ns;
    }
    *out_moved = moved || done;
    if (!done) {
        return NULL;
    }
    outputs->batch = NULL;
    return batch;
}

struct weir_batch *
wr_outputs_in_hand(const struct wr_outputs *outputs)
{
    return outputs->batch;
}
