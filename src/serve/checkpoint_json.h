/* SPDX-License-Identifier: Apache-2.0 */
/* serve/checkpoint_json.h: one checkpoint, one vertex's and one subtask's part in it, as Flink's
 * clients read them. Thread: any. NULL everywhere: no memory. */
#ifndef WR_SERVE_CHECKPOINT_JSON_H
#define WR_SERVE_CHECKPOINT_JSON_H

#include "weir/inspect.h"

#include <jansson.h>

/* vertices NULL: without "tasks" ({}), as in lists. */
json_t *wr_checkpoint_json(const weir_checkpoint_view *checkpoint, const weir_job_view *vertices);
/* What a vertex has to do with it: the sum of its subtasks. */
json_t *wr_checkpoint_vertex_json(const weir_checkpoint_view *checkpoint,
                                  const weir_vertex_view *vertex);
/* "subtasks" and "summary" of a vertex. */
json_t *wr_checkpoint_subtasks_json(const weir_checkpoint_view *checkpoint,
                                    const weir_vertex_view *vertex);
json_t *wr_checkpoint_subtasks_summary(const weir_checkpoint_view *checkpoint,
                                       const weir_vertex_view *vertex);

#endif /* WR_SERVE_CHECKPOINT_JSON_H */
