/* SPDX-License-Identifier: Apache-2.0 */
/* settings: the job's options as the checkpoint coordinator wants them, and which of them do not go
 * together (Flink's CP5).
 */
#include "base/fail.h"
#include "job/running.h"

#include <string.h>

static const uint64_t ms = 1000000U;

static enum wr_retention
retention_of(const weir_options *options)
{
    const char *text =
        weir_options_text(options, "execution.checkpointing.externalized-checkpoint-retention");
    if (strcmp(text, "RETAIN_ON_CANCELLATION") == 0) {
        return WR_RETAIN_ON_CANCELLATION;
    }
    return strcmp(text, "DELETE_ON_CANCELLATION") == 0 ? WR_DELETE_ON_CANCELLATION : WR_RETAIN_NONE;
}

static weir_status
set_unaligned(weir_job *job, weir_error *err)
{
    const weir_options *options = job->options;
    if (!weir_options_bool(options, "execution.checkpointing.unaligned.enabled")) {
        return WEIR_OK;
    }
    if (strcmp(weir_options_text(options, "execution.checkpointing.mode"), "EXACTLY_ONCE") != 0) {
        wr_log_say(&job->log, WR_LOG_CHECKPOINT, WEIR_LOG_WARN,
                   "Unaligned checkpoints can only be used with checkpointing mode EXACTLY_ONCE: "
                   "execution.checkpointing.unaligned.enabled is not heeded");
        return WEIR_OK;
    }
    if (job->settings.max_concurrent > 1) {
        return wr_fail(err, WEIR_INVALID,
                       "maxConcurrentCheckpoints can't be > 1 if UnalignedCheckpoints enabled: "
                       "execution.checkpointing.max-concurrent-checkpoints is %u, "
                       "execution.checkpointing.unaligned.enabled is true",
                       job->settings.max_concurrent);
    }
    job->is_unaligned = true;
    job->aligned_timeout_ns =
        weir_options_duration_ms(options, "execution.checkpointing.aligned-checkpoint-timeout") *
        ms;
    job->settings.unaligned = true;
    return WEIR_OK;
}

static weir_status
draw_first_delay(weir_job *job, weir_error *err)
{
    struct wr_coordinator_settings *settings = &job->settings;
    uint64_t drawn;
    int sys_errno = job->os->ops->random(job->os, &drawn, sizeof drawn);
    if (sys_errno != 0) {
        return wr_fail_errno(err, sys_errno, "no randomness from the system");
    }
    uint64_t least = settings->min_pause_ns < settings->interval_ns ? settings->min_pause_ns
                                                                    : settings->interval_ns;
    settings->first_delay_ns = least + drawn % (settings->interval_ns - least + 1);
    return WEIR_OK;
}

weir_status
wr_job_set_settings(weir_job *job, uint64_t next_id, weir_error *err)
{
    const weir_options *options = job->options;
    bool shares = !job->has_memory_storage &&
                  weir_options_bool(options, "execution.checkpointing.incremental");
    job->settings = (struct wr_coordinator_settings){
        .timeout_ns = weir_options_duration_ms(options, "execution.checkpointing.timeout") * ms,
        .min_pause_ns = weir_options_duration_ms(options, "execution.checkpointing.min-pause") * ms,
        .tolerable_failures = (uint32_t)weir_options_int(
            options, "execution.checkpointing.tolerable-failed-checkpoints"),
        .retained_count =
            (uint32_t)weir_options_int(options, "execution.checkpointing.num-retained"),
        .retention = retention_of(options),
        .task_count = job->plan->task_count,
        .next_id = next_id,
        .max_concurrent = (uint32_t)weir_options_int(
            options, "execution.checkpointing.max-concurrent-checkpoints"),
        .sharing = shares ? WR_SHARING_BOTH : WR_SHARING_FORWARD,
        .first_is_full = job->claim_mode == WEIR_NO_CLAIM,
    };
    WR_TRY(set_unaligned(job, err));
    if (!weir_options_is_set(options, "execution.checkpointing.interval")) {
        return WEIR_OK;
    }
    job->settings.interval_ns =
        weir_options_duration_ms(options, "execution.checkpointing.interval") * ms;
    return draw_first_delay(job, err);
}
