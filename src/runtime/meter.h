/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/meter.h: what a task shows of itself while it runs: counters, what its time went into,
 * how large its states are.
 *
 *   task     turn (busy, idle, backpressured), set, state      between two pieces of work
 *   others   read, next_state                                  at any time, without a lock
 *
 * Thread: task; read and next_state: any, as long as the meter is there.
 */
#ifndef WR_RUNTIME_METER_H
#define WR_RUNTIME_METER_H

#include "weir/engine.h"

#include <stdatomic.h>

/* What a task does at a time. */
enum wr_activity {
    WR_ACTIVITY_NONE,         /* it does not run */
    WR_ACTIVITY_BUSY,         /* it has work, be it that it waits for its worker */
    WR_ACTIVITY_IDLE,         /* nothing has come */
    WR_ACTIVITY_BACKPRESSURED /* there is no room for what it would emit */
};

enum {
    WR_ACTIVITY_COUNT = 4
};

/* What is counted or measured. */
enum wr_gauge {
    WR_GAUGE_RECORDS_IN,
    WR_GAUGE_RECORDS_OUT,
    WR_GAUGE_BYTES_IN,
    WR_GAUGE_BYTES_OUT,
    WR_GAUGE_STATE_BYTES,
    WR_GAUGE_STATE_PEAK,
    WR_GAUGE_STATE_ENTRIES,
    WR_GAUGE_LATE,
    WR_GAUGE_TIMERS,
    WR_GAUGE_PENDING,
    WR_GAUGE_RESTORED_BYTES,
    WR_GAUGE_COUNT
};

/* One state of one operator. What stands before `next` does not change once it is listed. */
struct wr_metered_state {
    const void *source; /* the task's, to know it again */
    uint32_t operator_; /* index in the chain */
    weir_state_kind kind;
    const char *backend; /* static */
    struct wr_metered_state *_Atomic next;
    _Atomic uint64_t entries, bytes, disk_bytes;
    _Atomic bool is_exact;
    size_t size; /* of this block */
    char name[];
};

struct wr_meter {
    weir_alloc alloc;
    _Atomic uint64_t gauges[WR_GAUGE_COUNT]; /* relaxed: each stands alone */
    _Atomic int64_t input_watermark_ms, output_watermark_ms;
    /* a sequence lock: odd while the task writes what follows it */
    _Atomic uint32_t turns;
    _Atomic uint32_t activity; /* enum wr_activity */
    _Atomic uint64_t since_ns;
    _Atomic uint64_t spent_ns[WR_ACTIVITY_COUNT]; /* before since_ns */
    struct wr_metered_state *_Atomic states;      /* only grows */
};

void wr_meter_init(struct wr_meter *meter, const weir_alloc *alloc);
void wr_meter_fini(struct wr_meter *meter); /* nobody looks any more */

/* The task has turned to something else. */
void wr_meter_change(struct wr_meter *meter, enum wr_activity activity, uint64_t now_ns);
/* What it does now; what it did until now_ns is counted. */
static inline void
wr_meter_turn(struct wr_meter *meter, enum wr_activity activity, uint64_t now_ns)
{
    if (__builtin_expect(atomic_load_explicit(&meter->activity, memory_order_relaxed) != activity,
                         0)) {
        wr_meter_change(meter, activity, now_ns);
    }
}

static inline void
wr_meter_set(struct wr_meter *meter, enum wr_gauge gauge, uint64_t value)
{
    atomic_store_explicit(&meter->gauges[gauge], value, memory_order_relaxed);
}

static inline uint64_t
wr_meter_get(const struct wr_meter *meter, enum wr_gauge gauge)
{
    return atomic_load_explicit(&meter->gauges[gauge], memory_order_relaxed);
}

/* By the one thread that writes. */
static inline void
wr_meter_add(struct wr_meter *meter, enum wr_gauge gauge, uint64_t more)
{
    wr_meter_set(meter, gauge, wr_meter_get(meter, gauge) + more);
}

/* Which state is meant. The name is copied. */
struct wr_meter_key {
    const void *source;
    uint32_t operator_;
    weir_state_kind kind;
    const char *name;
    const char *backend;
};
/* Lists it at first; without memory for that it is not shown. */
void wr_meter_state(struct wr_meter *meter, const struct wr_meter_key *key,
                    const weir_state_size *size);

/* Until now, by activity. */
void wr_meter_times(const struct wr_meter *meter, uint64_t now_ns, uint64_t out_ns[]);
/* after NULL: the first; NULL: none follows. Lent as long as the meter is there. */
const struct wr_metered_state *wr_meter_next_state(const struct wr_meter *meter,
                                                   const struct wr_metered_state *after);
void wr_metered_state_size(const struct wr_metered_state *state, weir_state_size *out_size);

#endif /* WR_RUNTIME_METER_H */
