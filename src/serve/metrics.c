/* SPDX-License-Identifier: Apache-2.0 */
/* metrics: one view of the job, as a page of OpenMetrics. */
#include "serve/metrics.h"

#include "serve/look.h"

#include <stdlib.h>

void
wr_metrics_show(weir_server *server, const struct wr_request *request, struct wr_answer *answer)
{
    (void)request;
    const weir_job_view *view = wr_look_anywhere(server, answer);
    if (view == NULL) {
        return;
    }
    struct wr_metrics_page page = { .view = view };
    page.job.all[page.job.count++] = (struct wr_label){ "job", view->name };
    for (const struct wr_metric *metric = wr_metrics; metric->name != NULL; metric++) {
        wr_metrics_family(&page.text, metric->name, metric->type, metric->unit, metric->help);
        metric->write(&page, metric);
    }
    wr_metrics_end(&page.text);
    weir_job_view_free(view);
    if (page.text.refused) {
        free(page.text.text);
        page.text.text = NULL;
    }
    wr_answer_text(answer, 200, WR_METRICS_CONTENT_TYPE, page.text.text, page.text.size);
}
