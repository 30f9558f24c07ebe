/* SPDX-License-Identifier: Apache-2.0 */
/* task_report: what a task tells: letters to the coordinator.
 *
 * A report that finds no memory fails the task, since a coordinator that waits for it would wait
 * for ever; FAILED and ENDED were made with the task.
 */
#include "base/fail.h"
#include "runtime/report.h"
#include "runtime/task_state.h"

/* --- reports --- */

void
wr_task_send_report(struct wr_task *task, struct wr_task_report *report)
{
    report->task = task;
    report->task_number = task->parameters.task;
    wr_mailbox_push(task->environment->reports, &report->letter);
    wr_parker_wake(task->environment->reports_parker);
}

/* A failure that belongs to no operator. */
void
wr_task_fail(struct wr_task *task, weir_status status, const char *words)
{
    if (!task->failure.failed) {
        task->failure.failed = true;
        (void)wr_fail(&task->failure.error, status, "task of operator '%s' (%u/%u): %s",
                      task->parameters.operators[0].name, task->parameters.subtask + 1,
                      task->parameters.parallelism, words);
    }
}

void
wr_task_report(struct wr_task *task, enum wr_task_report_kind kind, uint64_t checkpoint_id,
               const weir_error *err)
{
    struct wr_task_report *made = wr_report_create(&task->environment->alloc, kind, 0);
    if (made == NULL) {
        wr_task_fail(task, WEIR_NOMEM, "no memory for a report to the coordinator");
        return;
    }
    made->checkpoint_id = checkpoint_id;
    if (err != NULL) {
        made->error = *err;
    }
    wr_task_send_report(task, made);
}
