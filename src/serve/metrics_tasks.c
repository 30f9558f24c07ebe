/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_tasks: of subtasks and of states. A chain's figures stand under its first operator; those
 * of an attempt of the job begin at 0 with it.
 */
#include "serve/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_MAX_SIZE = 512
};

/* --- labels --- */

static uint32_t
count_named(const weir_job_view *view, const char *name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        for (uint32_t j = 0; j < view->vertices[i].operator_count; j++) {
            count += strcmp(view->vertices[i].operators[j].name, name) == 0;
        }
    }
    return count;
}

/* Two operators may have one name, but no two samples the same labels: then the id is added. */
static const char *
operator_label(const weir_job_view *view, const weir_operator_view *operator_,
               char out[NAME_MAX_SIZE])
{
    bool is_unique = count_named(view, operator_->name) <= 1;
    snprintf(out, NAME_MAX_SIZE, "%.470s%s%s", operator_->name, is_unique ? "" : "#",
             is_unique ? "" : operator_->id);
    return out;
}

static struct wr_labels
with_subtask(const struct wr_labels *labels, uint32_t subtask, char out[16])
{
    snprintf(out, 16, "%u", subtask);
    return wr_labels_with(labels, "subtask", out);
}

/* --- operators --- */

void
wr_metric_operators(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    for (uint32_t i = 0; i < page->view->vertex_count; i++) {
        const weir_vertex_view *vertex = &page->view->vertices[i];
        for (uint32_t j = 0; j < vertex->operator_count; j++) {
            const weir_operator_view *operator_ = &vertex->operators[j];
            char name[NAME_MAX_SIZE];
            struct wr_labels labels =
                wr_labels_with(&page->job, "operator", operator_label(page->view, operator_, name));
            labels = wr_labels_with(&labels, "uid", operator_->uid);
            labels = wr_labels_with(&labels, "id", operator_->id);
            labels = wr_labels_with(&labels, "chain", vertex->name);
            wr_metrics_count(&page->text, metric->name, "_info", &labels, 1);
        }
    }
}

/* --- subtasks --- */

static const char *
suffix_of(const struct wr_metric *metric)
{
    return strcmp(metric->type, "counter") == 0 ? "_total" : "";
}

/* One sample of a family, or a few. */
typedef void (*subtask_writer)(struct wr_metrics_page *page, const struct wr_metric *metric,
                               const struct wr_labels *labels, const weir_subtask_view *subtask);

static void
write_subtasks(struct wr_metrics_page *page, const struct wr_metric *metric, bool sinks_only,
               subtask_writer write)
{
    for (uint32_t i = 0; i < page->view->vertex_count; i++) {
        const weir_vertex_view *vertex = &page->view->vertices[i];
        if (sinks_only && !vertex->is_sink) {
            continue;
        }
        char name[NAME_MAX_SIZE];
        struct wr_labels of_chain = wr_labels_with(
            &page->job, "operator", operator_label(page->view, &vertex->operators[0], name));
        for (uint32_t j = 0; j < vertex->parallelism; j++) {
            char number[16];
            struct wr_labels labels = with_subtask(&of_chain, j, number);
            write(page, metric, &labels, &vertex->subtasks[j]);
        }
    }
}

static uint64_t
number_at(const weir_subtask_view *subtask, size_t offset)
{
    uint64_t number;
    memcpy(&number, (const char *)subtask + offset, sizeof number);
    return number;
}

static void
write_number(struct wr_metrics_page *page, const struct wr_metric *metric,
             const struct wr_labels *labels, const weir_subtask_view *subtask)
{
    wr_metrics_count(&page->text, metric->name, suffix_of(metric), labels,
                     number_at(subtask, metric->offset));
}

static void
write_seconds(struct wr_metrics_page *page, const struct wr_metric *metric,
              const struct wr_labels *labels, const weir_subtask_view *subtask)
{
    wr_metrics_value(&page->text, metric->name, suffix_of(metric), labels,
                     (double)number_at(subtask, metric->offset) / 1000.0);
}

static void
write_watermark(struct wr_metrics_page *page, const struct wr_metric *metric,
                const struct wr_labels *labels, int64_t watermark_ms)
{
    if (watermark_ms != WEIR_NO_WATERMARK) {
        wr_metrics_value(&page->text, metric->name, "", labels,
                         watermark_ms == WEIR_MAX_WATERMARK ? (double)INFINITY
                                                            : (double)watermark_ms / 1000.0);
    }
}

static void
write_watermarks(struct wr_metrics_page *page, const struct wr_metric *metric,
                 const struct wr_labels *labels, const weir_subtask_view *subtask)
{
    struct wr_labels in = wr_labels_with(labels, "direction", "in");
    struct wr_labels out = wr_labels_with(labels, "direction", "out");
    write_watermark(page, metric, &in, subtask->input_watermark_ms);
    write_watermark(page, metric, &out, subtask->output_watermark_ms);
}

void
wr_metric_subtasks(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    write_subtasks(page, metric, false, write_number);
}

void
wr_metric_subtask_seconds(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    write_subtasks(page, metric, false, write_seconds);
}

static void
write_pending(struct wr_metrics_page *page, const struct wr_metric *metric,
              const struct wr_labels *labels, const weir_subtask_view *subtask)
{
    wr_metrics_count(&page->text, metric->name, "", labels, subtask->pending_transactions);
}

void
wr_metric_pending(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    write_subtasks(page, metric, true, write_pending);
}

void
wr_metric_watermarks(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    write_subtasks(page, metric, false, write_watermarks);
}

/* --- states --- */

static void
write_states(struct wr_metrics_page *page, const struct wr_metric *metric,
             void (*write)(struct wr_metrics_page *page, const struct wr_metric *metric,
                           const struct wr_labels *labels, const weir_state_view *state,
                           uint32_t subtask))
{
    for (uint32_t i = 0; i < page->view->state_count; i++) {
        const weir_state_view *state = &page->view->states[i];
        char name[NAME_MAX_SIZE];
        struct wr_labels of_state = wr_labels_with(
            &page->job, "operator", operator_label(page->view, state->operator_, name));
        of_state = wr_labels_with(&of_state, "state", state->name);
        of_state = wr_labels_with(&of_state, "kind", state->kind);
        of_state = wr_labels_with(&of_state, "backend", state->backend);
        for (uint32_t j = 0; j < state->subtask_count; j++) {
            char number[16];
            struct wr_labels labels = with_subtask(&of_state, j, number);
            write(page, metric, &labels, state, j);
        }
    }
}

static void
write_state_bytes(struct wr_metrics_page *page, const struct wr_metric *metric,
                  const struct wr_labels *labels, const weir_state_view *state, uint32_t subtask)
{
    struct wr_labels memory = wr_labels_with(labels, "tier", "memory");
    struct wr_labels disk = wr_labels_with(labels, "tier", "disk");
    wr_metrics_count(&page->text, metric->name, "", &memory, state->subtasks[subtask].bytes);
    wr_metrics_count(&page->text, metric->name, "", &disk, state->subtasks[subtask].disk_bytes);
}

static void
write_state_entries(struct wr_metrics_page *page, const struct wr_metric *metric,
                    const struct wr_labels *labels, const weir_state_view *state, uint32_t subtask)
{
    struct wr_labels exact = wr_labels_with(labels, "exact", state->is_exact ? "1" : "0");
    wr_metrics_count(&page->text, metric->name, "", &exact, state->subtasks[subtask].entries);
}

void
wr_metric_state_bytes(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    write_states(page, metric, write_state_bytes);
}

void
wr_metric_state_entries(struct wr_metrics_page *page, const struct wr_metric *metric)
{
    write_states(page, metric, write_state_entries);
}
