/* SPDX-License-Identifier: Apache-2.0 */
/* job/view.h: what a job looks like from outside, put together: for inspect.c, which asks for it.
 *
 * All that a view points to stands in its arena. WEIR_NOMEM: what is there goes with the arena.
 * Thread: coordinator; once the job has ended any, one at a time with its destruction.
 */
#ifndef WR_JOB_VIEW_H
#define WR_JOB_VIEW_H

#include "job/running.h"
#include "weir/inspect.h"

weir_status wr_view_fill(weir_job *job, struct wr_arena *arena, weir_job_view *view);

/* --- view_plan.c --- */
weir_status wr_view_fill_plan(weir_job *job, struct wr_arena *arena, weir_job_view *view);

/* --- view_state.c --- */
/* Behind the plan, whose operators it points to. */
weir_status wr_view_fill_states(weir_job *job, struct wr_arena *arena, weir_job_view *view);
weir_status wr_view_fill_memory(weir_job *job, struct wr_arena *arena, weir_job_view *view);

#endif /* WR_JOB_VIEW_H */
