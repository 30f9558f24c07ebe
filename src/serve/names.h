/* SPDX-License-Identifier: Apache-2.0 */
/* serve/names.h: weir's states in Flink's words. Thread: any. */
#ifndef WR_SERVE_NAMES_H
#define WR_SERVE_NAMES_H

#include "weir/inspect.h"

#include <jansson.h>

/* INITIALIZING, RUNNING, FINISHED, CANCELED, FAILED, RESTARTING. A job that stops is RUNNING until
 * it has ended, one that stopped is FINISHED, as Flink's are. */
const char *wr_flink_job_state(weir_job_state state);
/* Ended for good, in Flink's sense. */
bool wr_flink_job_has_ended(weir_job_state state);
/* When the job last entered each of Flink's states, 0: never. NULL: no memory. */
json_t *wr_flink_job_timestamps(const weir_job_view *view);

/* How many are in each state. Zeroed at first. */
struct wr_task_counts {
    uint32_t of[WEIR_TASK_FAILED + 1];
};
void wr_task_counts_add(struct wr_task_counts *counts, const weir_vertex_view *vertex);
/* The one state that stands for all of them, as Flink has it. */
weir_task_state wr_task_counts_state(const struct wr_task_counts *counts, uint32_t parallelism);
/* {"CREATED":0,...}: every state that a task of Flink's may be in. NULL: no memory. */
json_t *wr_task_counts_json(const struct wr_task_counts *counts);
/* The same in small letters, with "total". */
json_t *wr_task_counts_overview(const struct wr_task_counts *counts);

#endif /* WR_SERVE_NAMES_H */
