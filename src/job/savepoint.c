/* SPDX-License-Identifier: Apache-2.0 */
/* savepoint: where one is made, and who hears of its end.
 *
 *   alone            RELEASE -> the request is answered
 *   with cancel      RELEASE -> the request is answered -> every task is cancelled
 *   with stop,drain  NOTIFY  -> functions commit -> FINISH -> all ended -> the request is answered
 *
 * Who asked for one that ends the job hears of it when the job has ended: until then a commit may
 * fail. The savepoint stands all the same, and the words say where (Flink's SP9).
 */
#include "base/fail.h"
#include "job/running.h"

#include <stdio.h>
#include <string.h>

weir_status
wr_job_sweep_savepoints(weir_job *job, weir_error *err)
{
    const char *target = weir_options_text(job->options, "execution.checkpointing.savepoint-dir");
    return target == NULL || job->storage == NULL
               ? WEIR_OK
               : wr_checkpoint_storage_sweep_savepoints(job->storage, target, err);
}

weir_status
wr_job_savepoint_name(weir_job *job, struct wr_pending_checkpoint *pending, const char *directory,
                      weir_error *err)
{
    struct wr_savepoint_parameters parameters = { .os = job->os,
                                                  .alloc = job->alloc,
                                                  .directory = directory,
                                                  .job_id = job->job_id,
                                                  .attempt = job->attempt,
                                                  .storage = job->storage };
    return wr_savepoint_create(&parameters, &pending->savepoint, err);
}

void
wr_job_savepoint_complete(weir_job *job, struct wr_pending_checkpoint *pending)
{
    const char *path = wr_savepoint_path(pending->savepoint);
    wr_job_announce_completed(job, pending, path);
    wr_history_completed(job->watch.history, pending->id, path, job->os->ops->wall_ms(job->os));
    if (wr_checkpoint_is_last(pending->kind)) {
        job->saved_request = pending->request;
        job->saved_id = pending->id;
        snprintf(job->saved_path, sizeof job->saved_path, "%s", path);
        return;
    }
    wr_host_requests_complete(&job->requests, pending->request, path);
}

void
wr_job_savepoint_stopping(weir_job *job, bool is_stopping)
{
    if (job->phase == WR_PHASE_RUNNING && !job->stop_sent) {
        wr_job_enter(job, is_stopping ? WEIR_JOB_STOPPING : WEIR_JOB_RUNNING);
    }
}

void
wr_job_savepoint_settle(weir_job *job)
{
    uint64_t request = job->saved_request;
    job->saved_request = 0;
    if (request == 0 || job->outcome == WR_END_SAVED) {
        wr_host_requests_complete(&job->requests, request, job->saved_path);
        return;
    }
    weir_error error = job->failure;
    weir_status status = error.status != WEIR_OK ? error.status : WEIR_CANCELLED;
    (void)wr_fail_context(&error, status,
                          "A savepoint has been created at: %s, but the job did not end well after "
                          "it. It is whole, what it holds may not be committed yet: start the job "
                          "from it. What happened: ",
                          job->saved_path);
    wr_host_requests_fail(&job->requests, request, &error);
}
