/* SPDX-License-Identifier: Apache-2.0 */
/* report: what a task tells the coordinator.
 *
 * A report owns its arrays; names and types in them are lent for the task's life. The reports of
 * failure and end are made when the task is, since they must be possible when nothing else is.
 */
#include "runtime/report.h"

#include "base/memory.h"

struct wr_task_report *
wr_report_create(const weir_alloc *alloc, enum wr_task_report_kind kind, uint32_t snapshot_count)
{
    struct wr_task_report *report = wr_memory_new(alloc, sizeof *report);
    if (report == NULL) {
        return NULL;
    }
    report->kind = kind;
    if (snapshot_count != 0) {
        report->snapshots = wr_memory_new(alloc, snapshot_count * sizeof *report->snapshots);
        if (report->snapshots == NULL) {
            wr_memory_free(alloc, report, sizeof *report);
            return NULL;
        }
        report->snapshot_count = snapshot_count;
        for (uint32_t i = 0; i < snapshot_count; i++) {
            wr_file_list_init(&report->snapshots[i].files, alloc);
        }
    }
    return report;
}

weir_status
wr_report_make_states(const weir_alloc *alloc, struct wr_operator_snapshot_result *result,
                      uint32_t state_count, uint32_t list_count)
{
    if (state_count != 0) {
        result->states = wr_memory_new(alloc, state_count * sizeof *result->states);
        if (result->states == NULL) {
            return WEIR_NOMEM;
        }
        result->state_count = state_count;
    }
    if (list_count != 0) {
        result->lists = wr_memory_new(alloc, list_count * sizeof *result->lists);
        if (result->lists == NULL) {
            return WEIR_NOMEM; /* the states go with the report */
        }
        result->list_count = list_count;
    }
    return WEIR_OK;
}

void
wr_task_report_free(const weir_alloc *alloc, struct wr_task_report *report)
{
    if (report == NULL) {
        return;
    }
    for (uint32_t i = 0; i < report->snapshot_count; i++) {
        struct wr_operator_snapshot_result *result = &report->snapshots[i];
        wr_memory_free(alloc, result->states, result->state_count * sizeof *result->states);
        wr_memory_free(alloc, result->lists, result->list_count * sizeof *result->lists);
        wr_file_list_fini(&result->files);
    }
    wr_memory_free(alloc, report->snapshots, report->snapshot_count * sizeof *report->snapshots);
    wr_memory_free(alloc, report, sizeof *report);
}
