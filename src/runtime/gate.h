/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/gate.h: joins a task's input channels: aligns checkpoint barriers, and takes the minimum
 * of watermarks. For the task.
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_GATE_H
#define WR_RUNTIME_GATE_H

#include "runtime/capture.h"

struct wr_gate;

enum wr_gate_event_kind {
    WR_GATE_NOTHING, /* no channel that may be read has anything */
    WR_GATE_RECORDS, /* batch: lent until given back; one at a time */
    WR_GATE_BARRIER, /* the checkpoint's barrier has come on every channel */
    WR_GATE_CANCEL,  /* the pending checkpoint will not come about: its id */
    WR_GATE_TIME,    /* watermark, status: what has become of what the channels told */
    WR_GATE_END      /* every channel has ended; once. Barriers may still follow */
};

struct wr_gate_event {
    enum wr_gate_event_kind kind;
    struct weir_batch *batch;
    uint8_t side; /* RECORDS: the input it came from, 0 or 1 */
    struct wr_time time;
    uint64_t checkpoint_id;
    enum wr_checkpoint_kind checkpoint_kind;
};

/* The channels are lent for the gate's life. exactly_once: channels wait for each other's barriers.
 */
weir_status wr_gate_create(const weir_alloc *alloc, struct wr_channel **channels, uint32_t count,
                           bool exactly_once, struct wr_gate **out_gate);
/* Of two connected streams: which of them each channel carries, 0 or 1; lent for the gate's life.
 * Without it all are 0. */
void wr_gate_set_sides(struct wr_gate *gate, const uint8_t *sides);
void wr_gate_destroy(struct wr_gate *gate); /* NULL ok */

/* The next thing that leaves the gate. */
struct wr_gate_event wr_gate_poll(struct wr_gate *gate);
void wr_gate_give_back(struct wr_gate *gate, struct weir_batch *batch);
/* The coordinator aborted this checkpoint: its barriers, seen or still to come, mean nothing. */
void wr_gate_abort(struct wr_gate *gate, uint64_t checkpoint_id);

/* --- barriers that overtake records --- */

/* The checkpoint's barrier has come, or is on its way, on some channel; and it may still leave. */
bool wr_gate_may_overtake(const struct wr_gate *gate, uint64_t checkpoint_id);
/* It leaves now, for whoever calls: as a BARRIER does. Nothing may be polled before the capture of
 * what it overtakes is recorded. Only after may_overtake. */
void wr_gate_overtake(struct wr_gate *gate, uint64_t checkpoint_id);
struct wr_capture *wr_gate_capture(struct wr_gate *gate); /* lent for the gate's life */
/* The checkpoint that it aligns for; 0: none. */
uint64_t wr_gate_pending(const struct wr_gate *gate);

#endif /* WR_RUNTIME_GATE_H */
