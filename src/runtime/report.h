/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/report.h: reports of a task: made whole, so that taking one apart needs only its own
 * counts. For the runtime.
 *
 * Thread: any.
 */
#ifndef WR_RUNTIME_REPORT_H
#define WR_RUNTIME_REPORT_H

#include "runtime/task.h"

/* With room for the results of `snapshot_count` operators. NULL: no memory. */
struct wr_task_report *wr_report_create(const weir_alloc *alloc, enum wr_task_report_kind kind,
                                        uint32_t snapshot_count);
/* Room for a result's states and lists. */
weir_status wr_report_make_states(const weir_alloc *alloc,
                                  struct wr_operator_snapshot_result *result, uint32_t state_count,
                                  uint32_t list_count);

#endif /* WR_RUNTIME_REPORT_H */
