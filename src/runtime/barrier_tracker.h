/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/barrier_tracker.h: counts barriers where channels do not wait for each other: at least
 * once. For the gate. Flink's CP4.
 *
 *   create -> (barrier | cancel | end | abort, then next until NOTHING) ... -> destroy
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_BARRIER_TRACKER_H
#define WR_RUNTIME_BARRIER_TRACKER_H

#include "base/memory.h"
#include "runtime/gate.h"

enum {
    WR_TRACKED_MAX = 50 /* checkpoints of which some barriers are missing; the oldest gives way */
};

struct wr_barrier_tracker;

/* NULL: no memory. */
struct wr_barrier_tracker *wr_barrier_tracker_create(const weir_alloc *alloc, uint32_t channels);
void wr_barrier_tracker_destroy(struct wr_barrier_tracker *tracker); /* NULL: nothing */

void wr_barrier_tracker_barrier(struct wr_barrier_tracker *tracker, uint32_t channel, uint64_t id,
                                enum wr_checkpoint_kind kind);
/* The channel says that the checkpoint will not come about. */
void wr_barrier_tracker_cancel(struct wr_barrier_tracker *tracker, uint32_t channel, uint64_t id);
/* The channel has ended, which counts as its barrier of every checkpoint. Twice is as good as
 * once. */
void wr_barrier_tracker_end(struct wr_barrier_tracker *tracker, uint32_t channel);
/* The coordinator says that the checkpoint will not come about. */
void wr_barrier_tracker_abort(struct wr_barrier_tracker *tracker, uint64_t id);
/* What leaves the gate because of that: BARRIER or CANCEL; NOTHING: no more. To be asked before the
 * tracker is told anything else. */
struct wr_gate_event wr_barrier_tracker_next(struct wr_barrier_tracker *tracker);

#endif /* WR_RUNTIME_BARRIER_TRACKER_H */
