/* SPDX-License-Identifier: Apache-2.0 */
/* names: weir's states in Flink's words. Flink has states that no job and no task of weir's is ever
 * in (SCHEDULED, RECONCILING ...): they are there with 0. */
#include "serve/names.h"

const char *
wr_flink_job_state(weir_job_state state)
{
    if (state == WEIR_JOB_STOPPING) {
        return "RUNNING";
    }
    return state == WEIR_JOB_STOPPED ? "FINISHED" : weir_job_state_name(state);
}

bool
wr_flink_job_has_ended(weir_job_state state)
{
    return state == WEIR_JOB_FINISHED || state == WEIR_JOB_STOPPED || state == WEIR_JOB_CANCELED ||
           state == WEIR_JOB_FAILED;
}

json_t *
wr_flink_job_timestamps(const weir_job_view *view)
{
    const int64_t *entered = view->entered_ms;
    int64_t finished =
        entered[WEIR_JOB_FINISHED] != 0 ? entered[WEIR_JOB_FINISHED] : entered[WEIR_JOB_STOPPED];
    return json_pack("{s:I,s:i,s:I,s:i,s:I,s:i,s:I,s:I,s:I,s:i,s:i}", "INITIALIZING",
                     (json_int_t)entered[WEIR_JOB_INITIALIZING], "CREATED", 0, "RUNNING",
                     (json_int_t)entered[WEIR_JOB_RUNNING], "FAILING", 0, "FAILED",
                     (json_int_t)entered[WEIR_JOB_FAILED], "CANCELLING", 0, "CANCELED",
                     (json_int_t)entered[WEIR_JOB_CANCELED], "FINISHED", (json_int_t)finished,
                     "RESTARTING", (json_int_t)entered[WEIR_JOB_RESTARTING], "SUSPENDED", 0,
                     "RECONCILING", 0);
}

/* --- tasks --- */

void
wr_task_counts_add(struct wr_task_counts *counts, const weir_vertex_view *vertex)
{
    for (uint32_t i = 0; i < vertex->parallelism; i++) {
        counts->of[vertex->subtasks[i].state]++;
    }
}

weir_task_state
wr_task_counts_state(const struct wr_task_counts *counts, uint32_t parallelism)
{
    /* the first of these that any subtask is in */
    static const weir_task_state by_weight[] = { WEIR_TASK_FAILED, WEIR_TASK_CANCELED,
                                                 WEIR_TASK_INITIALIZING, WEIR_TASK_RUNNING };
    for (size_t i = 0; i < sizeof by_weight / sizeof by_weight[0]; i++) {
        if (counts->of[by_weight[i]] != 0) {
            return by_weight[i];
        }
    }
    if (counts->of[WEIR_TASK_FINISHED] != 0) {
        return counts->of[WEIR_TASK_FINISHED] == parallelism ? WEIR_TASK_FINISHED
                                                             : WEIR_TASK_RUNNING;
    }
    return WEIR_TASK_CREATED;
}

json_t *
wr_task_counts_json(const struct wr_task_counts *counts)
{
    const uint32_t *of = counts->of;
    return json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "CREATED",
                     (int)of[WEIR_TASK_CREATED], "SCHEDULED", 0, "DEPLOYING", 0, "INITIALIZING",
                     (int)of[WEIR_TASK_INITIALIZING], "RUNNING", (int)of[WEIR_TASK_RUNNING],
                     "FINISHED", (int)of[WEIR_TASK_FINISHED], "CANCELING", 0, "CANCELED",
                     (int)of[WEIR_TASK_CANCELED], "FAILED", (int)of[WEIR_TASK_FAILED],
                     "RECONCILING", 0);
}

json_t *
wr_task_counts_overview(const struct wr_task_counts *counts)
{
    const uint32_t *of = counts->of;
    uint32_t total = 0;
    for (int i = WEIR_TASK_CREATED; i <= WEIR_TASK_FAILED; i++) {
        total += of[i];
    }
    return json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "total", (int)total,
                     "created", (int)of[WEIR_TASK_CREATED], "scheduled", 0, "deploying", 0,
                     "initializing", (int)of[WEIR_TASK_INITIALIZING], "running",
                     (int)of[WEIR_TASK_RUNNING], "finished", (int)of[WEIR_TASK_FINISHED],
                     "canceling", 0, "canceled", (int)of[WEIR_TASK_CANCELED], "failed",
                     (int)of[WEIR_TASK_FAILED], "reconciling", 0);
}
