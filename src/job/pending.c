/* SPDX-License-Identifier: Apache-2.0 */
/* pending: the attempts under way, oldest first, and the acknowledgements of each.
 *
 * Ids only grow, so a new one is always the newest. An attempt is listed from its TRIGGER until the
 * checkpoint coordinator decides it, or until the job has ended around it.
 */
#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "job/running.h"

static size_t
size_of(uint32_t task_count)
{
    return sizeof(struct wr_pending_checkpoint) + task_count * sizeof(struct wr_task_report *);
}

weir_status
wr_job_pending_add(weir_job *job, const struct wr_coordinator_action *action,
                   struct wr_pending_checkpoint **out_pending)
{
    struct wr_pending_checkpoint *pending =
        wr_memory_new(&job->alloc, size_of(job->plan->task_count));
    struct wr_job_io *abandon = wr_job_io_new(job, WR_IO_ABANDON, action->checkpoint_id);
    if (pending == NULL || abandon == NULL) {
        wr_job_io_free(job, abandon);
        wr_memory_free(&job->alloc, pending, size_of(job->plan->task_count));
        return WEIR_NOMEM;
    }
    pending->id = action->checkpoint_id;
    pending->kind = action->checkpoint_kind;
    pending->sharing = action->sharing;
    pending->request = action->request;
    pending->abandon = abandon;
    pending->task_count = job->plan->task_count;
    pending->trigger_ms = job->os->ops->wall_ms(job->os);
    pending->trigger_ns = job->os->ops->monotonic_ns(job->os);
    struct wr_pending_checkpoint **at = &job->pending;
    while (*at != NULL) {
        wr_assert((*at)->id < pending->id);
        at = &(*at)->next;
    }
    *at = pending;
    *out_pending = pending;
    wr_history_triggered(job->watch.history, pending->id, pending->kind, pending->trigger_ms);
    wr_job_announce_triggered(job, pending);
    return WEIR_OK;
}

struct wr_pending_checkpoint *
wr_job_pending_find(const weir_job *job, uint64_t checkpoint_id)
{
    struct wr_pending_checkpoint *pending = job->pending;
    while (pending != NULL && pending->id != checkpoint_id) {
        pending = pending->next;
    }
    return pending;
}

void
wr_job_pending_remove(weir_job *job, struct wr_pending_checkpoint *pending)
{
    struct wr_pending_checkpoint **at = &job->pending;
    while (*at != pending) {
        at = &(*at)->next;
    }
    *at = pending->next;
    for (uint32_t i = 0; i < pending->task_count; i++) {
        if (pending->acknowledged[i] != NULL) {
            wr_task_report_free(&job->alloc, pending->acknowledged[i]);
        }
    }
    wr_savepoint_destroy(pending->savepoint);
    wr_job_io_free(job, pending->abandon);
    wr_memory_free(&job->alloc, pending, size_of(pending->task_count));
}

bool
wr_job_pending_acknowledge(weir_job *job, struct wr_task_report *report)
{
    struct wr_pending_checkpoint *pending = wr_job_pending_find(job, report->checkpoint_id);
    if (pending == NULL || pending->acknowledged[report->task_number] != NULL) {
        return false;
    }
    pending->acknowledged[report->task_number] = report;
    uint64_t own = 0;
    uint64_t all = 0;
    for (uint32_t i = 0; i < report->snapshot_count; i++) {
        const struct wr_file_list *files = &report->snapshots[i].files;
        for (uint32_t j = 0; j < files->count; j++) {
            bool is_own = files->entries[j].checkpoint_id == report->checkpoint_id;
            own += is_own ? files->entries[j].size : 0;
            all += files->entries[j].size;
        }
    }
    pending->bytes += own;
    const struct wr_checkpoint_phases *phases = &report->phases;
    weir_checkpoint_task_view part = { .acknowledged_ms = job->os->ops->wall_ms(job->os),
                                       .checkpointed_bytes = own,
                                       .state_bytes = all,
                                       .start_delay_ms = phases->start_delay_ns / 1000000U,
                                       .alignment_ms = phases->alignment_ns / 1000000U,
                                       .sync_ms = phases->sync_ns / 1000000U,
                                       .async_ms = phases->async_ns / 1000000U,
                                       .processed_bytes = phases->processed_bytes,
                                       .persisted_bytes = phases->persisted_bytes,
                                       .is_unaligned = phases->is_unaligned };
    wr_history_acknowledged(job->watch.history, pending->id, report->task_number, &part);
    return true;
}

/* Why what was asked for will not be: the job's failure, or its end. */
static weir_error
why_over(const weir_job *job) WR_ON(coordinator)
{
    weir_error error = job->failure;
    const char *name = wr_job_reason_name(job, WR_ABORT_SHUTDOWN, false);
    if (error.status == WEIR_OK) {
        (void)wr_fail(&error, WEIR_CANCELLED, "%s: the job is ending", name);
    } else {
        (void)wr_fail_context(&error, error.status, "%s: the job failed: ", name);
    }
    return error;
}

void
wr_job_forget_pending(weir_job *job)
{
    while (job->pending != NULL) {
        struct wr_pending_checkpoint *pending = job->pending;
        if (pending->is_stored) {
            wr_job_savepoint_complete(job, pending);
        } else {
            weir_error over = why_over(job);
            wr_job_announce_failed(job, pending, &over);
        }
        wr_job_pending_remove(job, pending);
    }
    wr_job_savepoint_settle(job);
    weir_error error = why_over(job);
    if (job->watch.history != NULL) { /* else the job was never made */
        wr_history_failed_all(job->watch.history, error.message, job->os->ops->wall_ms(job->os));
    }
    wr_host_requests_fail_all(&job->requests, false, &error);
}

void
wr_job_close_requests(weir_job *job)
{
    wr_job_forget_pending(job);
    weir_error error = why_over(job);
    wr_host_requests_close(&job->requests, &error);
}
