/* SPDX-License-Identifier: Apache-2.0 */
/* overview: what Flink's clients ask of a cluster. Its slots are those that the job takes: one for
 * each subtask of the widest vertex, as Flink's slot sharing has it. */
#include "serve/overview.h"

#include "serve/look.h"
#include "serve/names.h"

#include <time.h>

enum {
    REFRESH_MS = 3000
};

#define VERSION "1.20-weir-" WR_VERSION /* whose dialect, and who speaks it */

void
wr_overview(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)request;
    const weir_job_view *view = wr_look_anywhere(server, answer);
    if (view == NULL) {
        return;
    }
    uint32_t slots = 0;
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        uint32_t width = view->vertices[i].parallelism;
        slots = width > slots ? width : slots;
    }
    bool has_ended = wr_flink_job_has_ended(view->state);
    bool has_finished = view->state == WEIR_JOB_FINISHED || view->state == WEIR_JOB_STOPPED;
    wr_answer_json(answer, 200,
                   json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:s,s:s}", "taskmanagers", 1,
                             "slots-total", (int)slots, "slots-available",
                             has_ended ? (int)slots : 0, "jobs-running", (int)!has_ended,
                             "jobs-finished", (int)has_finished, "jobs-cancelled",
                             (int)(view->state == WEIR_JOB_CANCELED), "jobs-failed",
                             (int)(view->state == WEIR_JOB_FAILED), "flink-version", VERSION,
                             "flink-commit", ""));
    weir_job_view_free(view);
}

void
wr_dashboard_config(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)server;
    (void)request;
    time_t now = time(NULL);
    struct tm local = { 0 };
    localtime_r(&now, &local);
    wr_answer_json(answer, 200,
                   json_pack("{s:i,s:s,s:I,s:s,s:s,s:{s:b,s:b,s:b,s:b}}", "refresh-interval",
                             REFRESH_MS, "timezone-name",
                             local.tm_zone != NULL ? local.tm_zone : "", "timezone-offset",
                             (json_int_t)local.tm_gmtoff * 1000, "flink-version", VERSION,
                             "flink-revision", "", "features", "web-submit", 0, "web-cancel", 1,
                             "web-rescale", 0, "web-history", 0));
}
