/* SPDX-License-Identifier: Apache-2.0 */
/* serve/task_io.h: what a subtask, or several together, have read, written and waited for: Flink's
 * "metrics" of a vertex. Thread: any. */
#ifndef WR_SERVE_TASK_IO_H
#define WR_SERVE_TASK_IO_H

#include "weir/inspect.h"

#include <jansson.h>

/* In the order of the names in task_io.c. */
enum {
    WR_TASK_IO_COUNT = 7
};

struct wr_task_io {
    uint64_t of[WR_TASK_IO_COUNT];
};

struct wr_task_io wr_task_io_of(const weir_subtask_view *subtask);
void wr_task_io_add(struct wr_task_io *sum, const weir_subtask_view *subtask);
/* {"read-bytes","read-bytes-complete",...}. NULL: no memory. */
json_t *wr_task_io_json(const struct wr_task_io *io);
/* Of all subtasks: {"read-bytes":{"min",...},...}. NULL: no memory. */
json_t *wr_task_io_statistics(const weir_vertex_view *vertex);

#endif /* WR_SERVE_TASK_IO_H */
