/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_job: of the job as a whole, its checkpoints and its memory. Counters are of this process:
 * they begin at 0 when it starts, and go on when the job restarts in it.
 */
#include "serve/metrics.h"

#include <stdio.h>
#include <string.h>

static double
seconds(double ms)
{
    return ms / 1000.0;
}

static uint64_t
number_at(const void *base, size_t offset)
{
    uint64_t number;
    memcpy(&number, (const char *)base + offset, sizeof number);
    return number;
}

/* --- the job --- */

void
wr_metric_build(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    struct wr_labels labels = { .all = { { "version", WR_VERSION } }, .count = 1 };
    wr_metrics_count(&page->text, metric->name, "_info", &labels, 1);
}

void
wr_metric_job(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    struct wr_labels labels = wr_labels_with(&page->job, "job_id", page->view->id);
    wr_metrics_count(&page->text, metric->name, "_info", &labels, 1);
}

void
wr_metric_job_state(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    for (int state = WEIR_JOB_INITIALIZING; state < WEIR_JOB_STATES; state++) {
        struct wr_labels labels =
            wr_labels_with(&page->job, metric->name, weir_job_state_name((weir_job_state)state));
        wr_metrics_count(&page->text, metric->name, "", &labels,
                         page->view->state == (weir_job_state)state);
    }
}

void
wr_metric_job_start(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    wr_metrics_value(&page->text, metric->name, "", &page->job,
                     seconds((double)page->view->start_ms));
}

void
wr_metric_restarts(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    wr_metrics_count(&page->text, metric->name, "_total", &page->job, page->view->restarts);
}

void
wr_metric_restored(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    const weir_restore_view *restore = &page->view->restore;
    wr_metrics_count(&page->text, metric->name, "", &page->job,
                     restore->is_there ? restore->checkpoint_id : 0);
}

void
wr_metric_restore_bytes(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    wr_metrics_count(&page->text, metric->name, "", &page->job,
                     number_at(&page->view->restore, metric->offset));
}

/* --- histograms --- */

static void
write_histogram(struct wr_metrics_page *page, const struct wr_metric *metric,
                const struct wr_labels *labels, const weir_histogram_view *histogram)
{
    for (uint32_t i = 0; i < WEIR_HISTOGRAM_BOUNDS; i++) {
        char bound[32];
        uint64_t ms = weir_histogram_bound_ms(i);
        snprintf(bound, sizeof bound, "%llu.%03llu", (unsigned long long)(ms / 1000),
                 (unsigned long long)(ms % 1000));
        /* canonical: no zeros at the end but one */
        size_t size = strlen(bound);
        while (bound[size - 1] == '0' && bound[size - 2] != '.') {
            bound[--size] = '\0';
        }
        struct wr_labels up_to = wr_labels_with(labels, "le", bound);
        wr_metrics_count(&page->text, metric->name, "_bucket", &up_to, histogram->up_to[i]);
    }
    struct wr_labels all = wr_labels_with(labels, "le", "+Inf");
    wr_metrics_count(&page->text, metric->name, "_bucket", &all, histogram->count);
    wr_metrics_count(&page->text, metric->name, "_count", labels, histogram->count);
    wr_metrics_value(&page->text, metric->name, "_sum", labels, seconds((double)histogram->sum_ms));
}

void
wr_metric_restores(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    write_histogram(page, metric, &page->job, &page->view->restores);
}

static const char *
phase_name(int phase)
{
    switch ((weir_checkpoint_phase)phase) {
    case WEIR_PHASE_START_DELAY:
        return "start_delay";
    case WEIR_PHASE_ALIGN:
        return "align";
    case WEIR_PHASE_SYNC:
        return "sync";
    case WEIR_PHASE_ASYNC:
        return "async";
    case WEIR_PHASE_COMMIT:
        return "commit";
    case WEIR_PHASE_WHOLE:
    case WEIR_PHASE_COUNT:
        break;
    }
    return "whole";
}

void
wr_metric_phases(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    for (int phase = 0; phase < WEIR_PHASE_COUNT; phase++) {
        struct wr_labels labels = wr_labels_with(&page->job, "phase", phase_name(phase));
        write_histogram(page, metric, &labels, &page->view->checkpoints.phases[phase]);
    }
}

/* --- checkpoints --- */

static void
write_one(struct wr_metrics_page *page, const struct wr_metric *metric, const char *suffix,
          struct wr_label label, uint64_t value)
{
    struct wr_labels labels = wr_labels_with(&page->job, label.name, label.value);
    wr_metrics_count(&page->text, metric->name, suffix, &labels, value);
}

void
wr_metric_checkpoints(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    const weir_checkpoints_view *checkpoints = &page->view->checkpoints;
    write_one(page, metric, "_total", (struct wr_label){ "result", "completed" },
              checkpoints->completed_count);
    write_one(page, metric, "_total", (struct wr_label){ "result", "failed" },
              checkpoints->failed_count);
}

void
wr_metric_in_progress(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    wr_metrics_count(&page->text, metric->name, "", &page->job,
                     page->view->checkpoints.in_progress_count);
}

void
wr_metric_sizes(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    const weir_checkpoint_view *latest = page->view->checkpoints.latest_completed;
    if (latest != NULL) {
        write_one(page, metric, "", (struct wr_label){ "type", "full" }, latest->state_bytes);
        write_one(page, metric, "", (struct wr_label){ "type", "incremental" },
                  latest->checkpointed_bytes);
    }
}

void
wr_metric_last_success(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    const weir_checkpoint_view *latest = page->view->checkpoints.latest_completed;
    if (latest != NULL) {
        wr_metrics_value(&page->text, metric->name, "", &page->job,
                         seconds((double)latest->triggered_ms + (double)latest->duration_ms));
    }
}

/* --- memory --- */

void
wr_metric_memory(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    bool is_budget = metric->offset == offsetof(weir_memory_view, budget_bytes);
    for (uint32_t i = 0; i < page->view->memory_count; i++) {
        const weir_memory_view *pool = &page->view->memory[i];
        if (!is_budget || pool->budget_bytes != 0) {
            write_one(page, metric, "", (struct wr_label){ "pool", pool->name },
                      number_at(pool, metric->offset));
        }
    }
}
