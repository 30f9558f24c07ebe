/* SPDX-License-Identifier: Apache-2.0 */
/* local_state: a job's second copies of keyed state on local disks, from its options to its end.
 *
 *   execution.checkpointing.local-backup.enabled   checkpoints make them
 *   execution.state-recovery.from-local            restores use them
 *
 * They are behind a file system's checkpoints only: what stands in this process's memory is local.
 * A restore never fails for them, so a job does not either; only a directory that no user can have
 * meant is refused.
 */
#include "storage/local_state.h"
#include "base/fail.h"
#include "job/running.h"

weir_status
wr_job_open_local_state(weir_job *job, weir_error *err)
{
    const weir_options *options = job->options;
    bool keeps = weir_options_bool(options, "execution.checkpointing.local-backup.enabled");
    if ((!keeps && !weir_options_bool(options, "execution.state-recovery.from-local")) ||
        job->storage == NULL || job->has_memory_storage) {
        return WEIR_OK;
    }
    if (keeps && weir_options_bool(options, "execution.checkpointing.unaligned.enabled")) {
        wr_log_say(&job->log, WR_LOG_STORAGE, WEIR_LOG_WARN,
                   "execution.checkpointing.local-backup.enabled: checkpoints that hold records "
                   "in flight have no local copy");
    }
    const char *directories =
        weir_options_text(options, "execution.checkpointing.local-backup.dirs");
    struct wr_local_state_parameters parameters = { .os = job->os,
                                                    .alloc = job->alloc,
                                                    .io = &job->io,
                                                    .directories =
                                                        directories != NULL ? directories : "/tmp",
                                                    .job_id = job->job_id };
    weir_error why = { .status = WEIR_OK };
    weir_status status = wr_local_state_create(&parameters, &job->local_state, &why);
    if (status == WEIR_IO) {
        wr_log_say(&job->log, WR_LOG_STORAGE, WEIR_LOG_WARN,
                   "there will be no local copies of state: %s", why.message);
        return WEIR_OK;
    }
    if (status != WEIR_OK && err != NULL) {
        *err = why;
    }
    return status;
}

void
wr_job_close_local_state(weir_job *job)
{
    bool has_ended = job->phase != WR_PHASE_CREATED && wr_job_has_ended(job);
    bool is_fenced = job->failure.status == WEIR_CANCELLED; /* another process goes on from it */
    bool goes_on = job->outcome == WR_END_FAILED && (is_fenced || !job->restart.is_allowed);
    if (has_ended && !goes_on) {
        wr_local_state_remove(job->local_state);
    }
    wr_local_state_destroy(job->local_state);
    job->local_state = NULL;
}
