/* SPDX-License-Identifier: Apache-2.0 */
/* valve: the minimum of many channels' watermarks.
 *
 *   channel:  ALIGNED --idle------------------> IDLE       [become_idle]
 *             IDLE ----active, not behind-----> ALIGNED    [become_active]
 *             IDLE ----active, behind---------> CATCHING_UP
 *             CATCHING_UP --watermark not behind--> ALIGNED [on_watermark]
 *             CATCHING_UP --idle--------------> IDLE
 *
 * "Behind" is behind what has left the valve. A channel that is catching up does not hold the
 * others back, and an idle one neither.
 *
 * Invariants:
 *   (1) What leaves only grows.
 *   (2) What leaves is the minimum over the aligned channels; when the last active channel becomes
 *       idle, and it was the one that held the others back, the maximum of all.
 *   (3) The valve is idle iff all channels are.
 *   (4) What an idle channel tells of watermarks means nothing.
 */
#include "runtime/valve.h"

#include "base/memory.h"

enum condition {
    ALIGNED,
    CATCHING_UP,
    IDLE
};

struct source {
    int64_t watermark;
    enum condition condition;
};

struct wr_valve {
    weir_alloc alloc;
    int64_t left; /* the last watermark that has left */
    uint32_t count;
    uint32_t idle_count;
    struct source sources[];
};

static size_t
valve_size(uint32_t count)
{
    return sizeof(struct wr_valve) + count * sizeof(struct source);
}

weir_status
wr_valve_create(const weir_alloc *alloc, uint32_t channel_count, struct wr_valve **out_valve)
{
    struct wr_valve *valve = wr_memory_new(alloc, valve_size(channel_count));
    if (valve == NULL) {
        return WEIR_NOMEM;
    }
    valve->alloc = *alloc;
    valve->left = WEIR_NO_WATERMARK;
    valve->count = channel_count;
    for (uint32_t i = 0; i < channel_count; i++) {
        valve->sources[i] = (struct source){ .watermark = WEIR_NO_WATERMARK, .condition = ALIGNED };
    }
    *out_valve = valve;
    return WEIR_OK;
}

void
wr_valve_destroy(struct wr_valve *valve)
{
    if (valve != NULL) {
        weir_alloc alloc = valve->alloc;
        wr_memory_free(&alloc, valve, valve_size(valve->count));
    }
}

/* Answers the watermark if it is beyond what has left, and it leaves. */
static int64_t
let_out(struct wr_valve *valve, int64_t watermark)
{
    if (watermark <= valve->left) {
        return WEIR_NO_WATERMARK;
    }
    valve->left = watermark;
    return watermark;
}

static int64_t
let_out_least(struct wr_valve *valve)
{
    int64_t least = WEIR_MAX_WATERMARK;
    bool any = false;
    for (uint32_t i = 0; i < valve->count; i++) {
        const struct source *source = &valve->sources[i];
        if (source->condition == ALIGNED) {
            any = true;
            least = source->watermark < least ? source->watermark : least;
        }
    }
    return any ? let_out(valve, least) : WEIR_NO_WATERMARK;
}

static int64_t
let_out_greatest(struct wr_valve *valve)
{
    int64_t greatest = WEIR_NO_WATERMARK;
    for (uint32_t i = 0; i < valve->count; i++) {
        const struct source *source = &valve->sources[i];
        greatest = source->watermark > greatest ? source->watermark : greatest;
    }
    return let_out(valve, greatest);
}

static int64_t
on_watermark(struct wr_valve *valve, struct source *source, int64_t watermark)
{
    if (source->condition == IDLE || watermark <= source->watermark) {
        return WEIR_NO_WATERMARK;
    }
    source->watermark = watermark;
    if (source->condition == CATCHING_UP && watermark < valve->left) {
        return WEIR_NO_WATERMARK;
    }
    source->condition = ALIGNED;
    return let_out_least(valve);
}

static struct wr_time
become_idle(struct wr_valve *valve, struct source *source)
{
    struct wr_time out = wr_time_of(WEIR_NO_WATERMARK, WR_TIME_SAME);
    bool held_back = source->watermark == valve->left;
    source->condition = IDLE;
    valve->idle_count++;
    if (valve->idle_count == valve->count) {
        out.watermark = held_back ? let_out_greatest(valve) : WEIR_NO_WATERMARK;
        out.status = WR_TIME_IDLE;
    } else if (held_back) {
        out.watermark = let_out_least(valve);
    }
    return out;
}

static enum wr_time_status
become_active(struct wr_valve *valve, struct source *source)
{
    bool was_idle = valve->idle_count == valve->count;
    valve->idle_count--;
    source->condition = source->watermark >= valve->left ? ALIGNED : CATCHING_UP;
    return was_idle ? WR_TIME_ACTIVE : WR_TIME_SAME;
}

struct wr_time
wr_valve_take(struct wr_valve *valve, uint32_t channel, struct wr_time time)
{
    struct source *source = &valve->sources[channel];
    struct wr_time out = wr_time_of(WEIR_NO_WATERMARK, WR_TIME_SAME);
    if (time.status == WR_TIME_ACTIVE && source->condition == IDLE) {
        out.status = become_active(valve, source);
    }
    if (time.watermark != WEIR_NO_WATERMARK) {
        out.watermark = on_watermark(valve, source, time.watermark);
    }
    if (time.status == WR_TIME_IDLE && source->condition != IDLE) {
        out = wr_time_merge(out, become_idle(valve, source));
    }
    return out;
}
