/* SPDX-License-Identifier: Apache-2.0 */
/* jobs: the job as Flink's clients ask for it. */
#include "serve/jobs.h"

#include "serve/names.h"

void
wr_jobs_ids(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    const weir_job_view *view = NULL;
    (void)request;
    if (weir_job_inspect(server->job, &view, NULL) != WEIR_OK) {
        wr_answer_fail(answer, 500, "no memory for a view of the job");
        return;
    }
    wr_answer_json(answer, 200,
                   json_pack("{s:[{s:s,s:s}]}", "jobs", "id", view->id, "status",
                             wr_flink_job_state(view->state)));
    weir_job_view_free(view);
}
