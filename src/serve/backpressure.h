/* SPDX-License-Identifier: Apache-2.0 */
/* serve/backpressure.h: what part of the time subtasks were busy, idle or held back lately.
 *
 * The job counts milliseconds since its attempt began. "Lately" is since an earlier look: of those
 * who ask again and again the last but one is kept, a second old at least; who asks for the first
 * time gets the means since the attempt began.
 * Thread: server.
 */
#ifndef WR_SERVE_BACKPRESSURE_H
#define WR_SERVE_BACKPRESSURE_H

#include "serve/answer.h"
#include "serve/request.h"
#include "weir/inspect.h"

/* The counts of one moment. */
struct wr_times_sample {
    int64_t ms; /* 0: none taken */
    uint32_t restarts;
    uint32_t task_count;
    struct wr_task_times *tasks; /* malloc'ed */
};

/* Zeroed is ready for use. */
struct wr_times_samples {
    struct wr_times_sample older;
    struct wr_times_sample newer;
};

void wr_times_samples_fini(struct wr_times_samples *samples);
/* To the moment of this look; first of all in each. */
void wr_times_samples_step(struct wr_times_samples *samples, const weir_job_view *view);

/* Parts of the time since the older sample: 1 together, or 0 where no time has passed. */
struct wr_ratios {
    double busy;
    double idle;
    double backpressured;
};
struct wr_ratios wr_ratios_of(const struct wr_times_samples *samples, const weir_job_view *view,
                              const weir_subtask_view *subtask, uint32_t task);

/* GET /jobs/:jobid/vertices/:vertexid/backpressure */
void wr_vertex_backpressure(struct weir_server *server, const struct wr_request *request,
                            struct wr_answer *answer);

#endif /* WR_SERVE_BACKPRESSURE_H */
