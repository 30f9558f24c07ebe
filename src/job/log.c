/* SPDX-License-Identifier: Apache-2.0 */
/* log: what the job says, and to whom (base/log.h). */
#include "base/fail.h"
#include "job/running.h"

#include <string.h>

static int64_t
now_ms(void *clock)
{
    struct wr_os *os = clock;
    return os->ops->wall_ms(os);
}

weir_status
wr_job_open_log(weir_job *job, const weir_job_parameters *parameters, weir_error *err)
{
    struct wr_log *log = &job->log;
    log->text = parameters->log;
    log->record = parameters->log_record;
    log->argument = parameters->log_argument;
    log->now_ms = now_ms;
    log->clock = job->os;
    log->job_id = job->job_id;
    weir_log_level level = WEIR_LOG_INFO;
    WR_TRY(weir_log_level_from(weir_options_text(job->options, "weir.log.level"), &level));
    wr_log_set_level(log, level);
    const char *levels = weir_options_text(job->options, "weir.log.levels");
    if (levels != NULL) {
        weir_status status = wr_log_set_levels(log, levels, err);
        return status == WEIR_OK ? status : wr_fail_context(err, status, "weir.log.levels: ");
    }
    return WEIR_OK;
}

weir_status
weir_job_set_log_level(weir_job *job, const char *module, weir_log_level level)
{
    if (job == NULL || level > WEIR_LOG_DEBUG) {
        return WEIR_INVALID;
    }
    if (module == NULL) {
        wr_log_set_level(&job->log, level);
        return WEIR_OK;
    }
    int index = wr_log_module_from(module);
    if (index < 0) {
        return WEIR_NOT_FOUND;
    }
    wr_log_set_module(&job->log, (enum wr_log_module)index, level);
    return WEIR_OK;
}

weir_log_level
weir_job_log_level(const weir_job *job, const char *module)
{
    int index = job != NULL ? wr_log_module_from(module) : -1;
    return index >= 0 ? wr_log_level_of(&job->log, (enum wr_log_module)index) : WEIR_LOG_OFF;
}

weir_status
weir_job_log(weir_job *job, const weir_log_record *record)
{
    weir_log_record whole = { .subtask = -1 };
    if (job == NULL || record == NULL || record->size == 0 || record->size > sizeof whole) {
        return WEIR_INVALID;
    }
    memcpy(&whole, record, record->size);
    whole.size = sizeof whole;
    if (whole.message == NULL || whole.level < WEIR_LOG_ERROR || whole.level > WEIR_LOG_DEBUG) {
        return WEIR_INVALID;
    }
    int module = wr_log_module_from(whole.module);
    if (module < 0) {
        return WEIR_NOT_FOUND;
    }
    if (wr_log_passes(&job->log, (enum wr_log_module)module, whole.level)) {
        whole.job_id = whole.job_id != NULL ? whole.job_id : job->job_id;
        whole.time_ms = whole.time_ms != 0 ? whole.time_ms : now_ms(job->os);
        wr_log_pass(&job->log, &whole);
    }
    return WEIR_OK;
}
