/* SPDX-License-Identifier: Apache-2.0 */
/* serve/metrics.h: what is measured, for Prometheus and its like. Thread: server. */
#ifndef WR_SERVE_METRICS_H
#define WR_SERVE_METRICS_H

#include "serve/metrics_text.h"
#include "serve/router.h"

/* What is on one page. */
struct wr_metrics_page {
    struct wr_metrics_text text;
    const weir_job_view *view;
    struct wr_labels job; /* the labels of all: job */
};

/* A row of the one table of families: docs/reference/metrics.md is held against it. */
struct wr_metric {
    const char *name;
    const char *type; /* OpenMetrics' */
    const char *unit; /* "": none */
    const char *help;
    void (*write)(struct wr_metrics_page *page, const struct wr_metric *metric);
    size_t offset; /* of the field, for those that are written alike */
};

/* metrics_table.c; ends with a NULL name. */
extern const struct wr_metric wr_metrics[];

/* GET /metrics. */
void wr_metrics_show(weir_server *server, const struct wr_request *request,
                     struct wr_answer *answer);

/* --- metrics_job.c: of the job and its checkpoints --- */
void wr_metric_build(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_job(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_job_state(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_job_start(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_restarts(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_restored(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_restores(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_restore_bytes(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_checkpoints(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_in_progress(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_phases(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_sizes(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_last_success(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_memory(struct wr_metrics_page *page, const struct wr_metric *metric);

/* --- metrics_tasks.c: of operators, subtasks and states --- */
void wr_metric_operators(struct wr_metrics_page *page, const struct wr_metric *metric);
/* A uint64_t of each subtask's view: as it is; milliseconds as seconds. */
void wr_metric_subtasks(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_subtask_seconds(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_pending(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_watermarks(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_state_bytes(struct wr_metrics_page *page, const struct wr_metric *metric);
void wr_metric_state_entries(struct wr_metrics_page *page, const struct wr_metric *metric);

#endif /* WR_SERVE_METRICS_H */
