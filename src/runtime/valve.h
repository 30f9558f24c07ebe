/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/valve.h: what a task's input channels tell of time becomes what the task is told. For the
 * gate.
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_VALVE_H
#define WR_RUNTIME_VALVE_H

#include "runtime/batch.h"

struct wr_valve;

weir_status wr_valve_create(const weir_alloc *alloc, uint32_t channel_count,
                            struct wr_valve **out_valve);
void wr_valve_destroy(struct wr_valve *valve); /* NULL ok */

/* What this channel tells; what comes of it is nothing (no watermark, SAME), or goes on. */
struct wr_time wr_valve_take(struct wr_valve *valve, uint32_t channel, struct wr_time time);

#endif /* WR_RUNTIME_VALVE_H */
