/* SPDX-License-Identifier: Apache-2.0 */
/* capture: copies what stands in rings before a barrier, without taking it.
 *
 *   head                          place                tail
 *    | r | r | W | (B taken out) | r  r  ...            |
 *    '--- copied, still to be processed                 not looked at yet
 *
 *   NONE -> OPEN          [wr_capture_open]
 *   OPEN -> CLOSED        the barrier was found in every channel, or its end
 *   OPEN -> LOST          a newer barrier or a cancel stands where it should have been
 *   OPEN -> REFUSED       no memory for a copy
 *   any  -> NONE          told once, or stopped
 *
 * Invariants:
 *   (1) What a channel gives was looked at before, as long as its barrier is to come: a batch that
 *       is received in between is copied first, and what comes between the look and the
 *       receipt is not received yet [wr_capture_receive].
 *   (2) The barrier itself is taken out of the ring where it is found: one that waits for a
 *       consumer that takes nothing would keep its slot.
 *
 * Why the ring and not what is received: a consumer that takes nothing at all would never come to
 * the barrier.
 */
#include "runtime/capture.h"

#include "base/check.h"
#include "base/memory.h"

struct line {
    struct wr_channel *channel;
    struct wr_channel_place place;
    uint8_t side;
    bool is_wanted;
};

struct wr_capture {
    weir_alloc alloc;
    enum wr_capture_state state;
    uint64_t checkpoint_id;
    uint32_t wanted; /* lines whose barrier is to come */
    struct wr_in_flight_log *log;
    uint32_t count;
    struct line lines[];
};

static size_t
capture_size(uint32_t count)
{
    return sizeof(struct wr_capture) + count * sizeof(struct line);
}

weir_status
wr_capture_create(const weir_alloc *alloc, uint32_t count, struct wr_capture **out_capture)
{
    struct wr_capture *capture = wr_memory_new(alloc, capture_size(count));
    if (capture == NULL) {
        return WEIR_NOMEM;
    }
    capture->alloc = *alloc;
    capture->count = count;
    *out_capture = capture;
    return WEIR_OK;
}

void
wr_capture_destroy(struct wr_capture *capture)
{
    if (capture != NULL) {
        weir_alloc alloc = capture->alloc;
        wr_memory_free(&alloc, capture, capture_size(capture->count));
    }
}

/* What was found out is told by the next look; nothing more is read. */
static void
end(struct wr_capture *capture, enum wr_capture_state state)
{
    capture->state = state;
    capture->wanted = 0;
    for (uint32_t i = 0; i < capture->count; i++) {
        capture->lines[i].is_wanted = false;
    }
}

void
wr_capture_open(struct wr_capture *capture, uint64_t checkpoint_id)
{
    end(capture, WR_CAPTURE_OPEN);
    capture->checkpoint_id = checkpoint_id;
    capture->log = NULL;
}

void
wr_capture_want(struct wr_capture *capture, uint32_t index, struct wr_channel *channel,
                uint8_t side)
{
    wr_assert(capture->state == WR_CAPTURE_OPEN && index < capture->count);
    capture->lines[index] = (struct line){ .channel = channel, .side = side, .is_wanted = true };
    capture->wanted++;
}

void
wr_capture_stop(struct wr_capture *capture, uint64_t checkpoint_id)
{
    if (capture->checkpoint_id == checkpoint_id) {
        end(capture, WR_CAPTURE_NONE);
        capture->log = NULL;
    }
}

static void
found(struct wr_capture *capture, struct line *line)
{
    line->is_wanted = false;
    capture->wanted--;
    if (capture->wanted == 0) {
        capture->state = WR_CAPTURE_CLOSED;
    }
}

/* Those of older checkpoints mean nothing either. */
static void
read_barrier(struct wr_capture *capture, struct line *line, uint64_t checkpoint_id)
{
    if (checkpoint_id > capture->checkpoint_id) {
        end(capture, WR_CAPTURE_LOST);
        return;
    }
    wr_channel_pluck(line->channel, &line->place);
    if (checkpoint_id == capture->checkpoint_id) {
        found(capture, line);
    }
}

static void
read_one(struct wr_capture *capture, struct line *line, const struct weir_batch *batch)
{
    switch (batch->kind) {
    case WR_BATCH_RECORDS:
        if (wr_in_flight_log_add(capture->log, batch, line->side) != WEIR_OK) {
            end(capture, WR_CAPTURE_REFUSED);
        }
        break;
    case WR_BATCH_BARRIER:
        read_barrier(capture, line, batch->checkpoint_id);
        break;
    case WR_BATCH_CANCEL:
        if (batch->checkpoint_id >= capture->checkpoint_id) {
            end(capture, WR_CAPTURE_LOST);
        }
        break;
    case WR_BATCH_END:
        found(capture, line);
        break;
    case WR_BATCH_TIME:
        break; /* not kept: behind is safe */
    default:
        wr_assert(batch->kind <= WR_BATCH_TIME); /* a batch of no kind */
    }
}

static void
read_line(struct wr_capture *capture, struct line *line)
{
    const struct weir_batch *batch;
    while (line->is_wanted && (batch = wr_channel_look(line->channel, &line->place)) != NULL) {
        read_one(capture, line, batch);
    }
}

bool
wr_capture_record(struct wr_capture *capture, uint64_t checkpoint_id, struct wr_in_flight_log *log)
{
    if (capture->state != WR_CAPTURE_OPEN || capture->checkpoint_id != checkpoint_id) {
        return false;
    }
    capture->log = log;
    for (uint32_t i = 0; i < capture->count; i++) {
        struct line *line = &capture->lines[i];
        if (line->is_wanted) {
            line->place = wr_channel_begin(line->channel);
        }
    }
    if (capture->wanted == 0) {
        end(capture, WR_CAPTURE_CLOSED);
    }
    return true;
}

enum wr_capture_state
wr_capture_look(struct wr_capture *capture, uint64_t checkpoint_id)
{
    if (capture->checkpoint_id != checkpoint_id || capture->log == NULL) {
        return WR_CAPTURE_NONE;
    }
    for (uint32_t i = 0; i < capture->count; i++) {
        read_line(capture, &capture->lines[i]);
    }
    enum wr_capture_state state = capture->state;
    if (state != WR_CAPTURE_OPEN) {
        wr_capture_stop(capture, checkpoint_id);
    }
    return state;
}

struct weir_batch *
wr_capture_receive(struct wr_capture *capture, uint32_t index, struct wr_channel *channel)
{
    if (capture->wanted == 0) {
        return wr_channel_receive(channel);
    }
    if (capture->log == NULL) { /* its snapshot was not begun */
        end(capture, WR_CAPTURE_NONE);
        return wr_channel_receive(channel);
    }
    struct line *line = &capture->lines[index];
    read_line(capture, line);
    /* What the producer has published since waits for the next look. */
    return line->is_wanted ? wr_channel_receive_before(channel, &line->place)
                           : wr_channel_receive(channel);
}
