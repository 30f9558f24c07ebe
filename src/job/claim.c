/* SPDX-License-Identifier: Apache-2.0 */
/* claim: what becomes of the snapshot that the job was restored from (Flink's SP6).
 *
 *   NO_CLAIM  never touched; the first checkpoint needs nothing of it, then the user may remove it
 *   CLAIM     the job's own: it counts to num-retained, is dropped when it is subsumed, and at the
 *             job's end as the retention policy says
 *   LEGACY    never touched, for as long as it exists checkpoints may need it
 *
 * A job that goes on by `latest:` owns its checkpoints: nothing is claimed. The first snapshot of a
 * life needs no older file anyway, so that LEGACY and NO_CLAIM differ only in what they promise.
 */
#include "base/fail.h"
#include "job/running.h"

#include <stdio.h>
#include <string.h>

static weir_claim_mode
mode_of_option(const weir_options *options)
{
    const char *text = weir_options_text(options, "execution.state-recovery.claim-mode");
    if (strcmp(text, "CLAIM") == 0) {
        return WEIR_CLAIM;
    }
    return strcmp(text, "LEGACY") == 0 ? WEIR_CLAIM_LEGACY : WEIR_NO_CLAIM;
}

weir_status
wr_job_choose_claim(weir_job *job, weir_claim_mode wanted, weir_error *err)
{
    if (wanted > WEIR_CLAIM_LEGACY) {
        return wr_fail(err, WEIR_INVALID, "%d is no claim mode", (int)wanted);
    }
    if (!job->restored || job->found.latest) {
        return WEIR_OK;
    }
    snprintf(job->claimed_path, sizeof job->claimed_path, "%s", job->found.directory);
    job->claim_mode = wanted != WEIR_CLAIM_DEFAULT ? wanted : mode_of_option(job->options);
    if (job->claim_mode == WEIR_CLAIM) {
        job->claimed_id = job->found.manifest.checkpoint_id;
    }
    if (job->claim_mode == WEIR_CLAIM_LEGACY) {
        wr_log_say(&job->log, WR_LOG_RESTORE, WEIR_LOG_WARN,
                   "execution.state-recovery.claim-mode: LEGACY is deprecated (as in Flink since "
                   "1.19): use CLAIM, or NO_CLAIM, after whose first checkpoint the snapshot may "
                   "be removed");
    }
    return WEIR_OK;
}

uint64_t
wr_job_claimed(const weir_job *job)
{
    return job->claimed_id;
}
