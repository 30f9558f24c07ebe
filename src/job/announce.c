/* SPDX-License-Identifier: Apache-2.0 */
/* announce: what has happened to the job, told to whoever listens: an event each, and where nobody
 * else says it a line in the log.
 */
#include "base/fail.h"
#include "job/running.h"

static void
add(weir_job *job, weir_event *event)
{
    event->time_ms = job->os->ops->wall_ms(job->os);
    event->state = (weir_job_state)atomic_load_explicit(&job->state, memory_order_relaxed);
    wr_events_add(&job->events, event);
}

/* --- the job --- */

void
wr_job_announce_state(weir_job *job, weir_job_state state)
{
    weir_event event = { .kind = WEIR_EVENT_STATE };
    if (state == WEIR_JOB_FAILED) {
        event.text = job->failure.message;
    }
    add(job, &event);
    wr_log_say(&job->log, WR_LOG_JOB, WEIR_LOG_DEBUG, "the job is %s", weir_job_state_name(state));
}

void
wr_job_announce_start(weir_job *job, bool is_first)
{
    weir_event event = { .kind = WEIR_EVENT_STARTED };
    struct wr_log_about about = { .module = WR_LOG_RESTORE, .level = WEIR_LOG_INFO };
    if (job->restored) {
        event.checkpoint_id = about.checkpoint_id = job->found.manifest.checkpoint_id;
        event.is_savepoint = wr_checkpoint_is_savepoint(job->found.manifest.kind);
        event.text = wr_job_restored_path(job);
    }
    add(job, &event);
    if (job->restored) {
        wr_log_say_about(&job->log, &about, "restored from checkpoint %llu: %s",
                         (unsigned long long)about.checkpoint_id, job->found.directory);
    } else if (job->plan->stateful && is_first) {
        wr_log_say_about(&job->log, &about, "STARTED EMPTY: job '%s', job id %s", job->name,
                         job->job_id);
    } else if (job->plan->stateful) {
        wr_log_say_about(&job->log, &about, "no checkpoint was completed yet: STARTED EMPTY again");
    }
}

void
wr_job_announce_running(weir_job *job)
{
    if (!job->restored) {
        return;
    }
    int64_t took_ms = job->os->ops->wall_ms(job->os) - job->watch.entered_ms[WEIR_JOB_INITIALIZING];
    weir_event event = { .kind = WEIR_EVENT_RESTORED,
                         .checkpoint_id = job->found.manifest.checkpoint_id,
                         .is_savepoint = wr_checkpoint_is_savepoint(job->found.manifest.kind),
                         .duration_ms = took_ms > 0 ? (uint64_t)took_ms : 0,
                         .text = wr_job_restored_path(job) };
    add(job, &event);
    struct wr_log_about about = { .module = WR_LOG_RESTORE,
                                  .level = WEIR_LOG_DEBUG,
                                  .checkpoint_id = event.checkpoint_id };
    wr_log_say_about(&job->log, &about, "every subtask has its state, after %llu ms",
                     (unsigned long long)event.duration_ms);
}

void
wr_job_announce_restart(weir_job *job, const weir_error *why, uint64_t delay_ms)
{
    weir_event event = { .kind = WEIR_EVENT_RESTARTING,
                         .duration_ms = delay_ms,
                         .text = why->message };
    add(job, &event);
    struct wr_log_about about = { .module = WR_LOG_RESTART,
                                  .level = WEIR_LOG_WARN,
                                  .status = why->status };
    wr_log_say_about(&job->log, &about, "restarting in %llu.%llu s (%s): %s",
                     (unsigned long long)(delay_ms / 1000),
                     (unsigned long long)(delay_ms % 1000 / 100),
                     weir_restart_name(job->restart.strategy), why->message);
}

/* --- checkpoints --- */

static weir_event
about_pending(const struct wr_pending_checkpoint *pending, weir_event_kind kind)
{
    return (weir_event){ .kind = kind,
                         .checkpoint_id = pending->id,
                         .is_savepoint = wr_checkpoint_is_savepoint(pending->kind) };
}

static const char *
name_of(const weir_event *event)
{
    return event->is_savepoint ? "savepoint" : "checkpoint";
}

void
wr_job_announce_triggered(weir_job *job, const struct wr_pending_checkpoint *pending)
{
    weir_event event = about_pending(pending, WEIR_EVENT_CHECKPOINT_TRIGGERED);
    add(job, &event);
    struct wr_log_about about = { .module = WR_LOG_CHECKPOINT,
                                  .level = WEIR_LOG_DEBUG,
                                  .checkpoint_id = pending->id };
    wr_log_say_about(&job->log, &about, "%s %llu is triggered", name_of(&event),
                     (unsigned long long)pending->id);
}

void
wr_job_announce_completed(weir_job *job, const struct wr_pending_checkpoint *pending,
                          const char *path)
{
    weir_event event = about_pending(pending, WEIR_EVENT_CHECKPOINT_COMPLETED);
    event.duration_ms = (job->os->ops->monotonic_ns(job->os) - pending->trigger_ns) / 1000000U;
    event.bytes = pending->bytes;
    event.text = path;
    add(job, &event);
    struct wr_log_about about = { .module = WR_LOG_CHECKPOINT,
                                  .level = WEIR_LOG_INFO,
                                  .checkpoint_id = pending->id };
    wr_log_say_about(&job->log, &about, "%s %llu is complete: %s (%llu bytes in %llu ms)",
                     name_of(&event), (unsigned long long)pending->id,
                     path[0] != '\0' ? path : "in memory", (unsigned long long)event.bytes,
                     (unsigned long long)event.duration_ms);
}

void
wr_job_announce_failed(weir_job *job, const struct wr_pending_checkpoint *pending,
                       const weir_error *why)
{
    weir_event event = about_pending(pending, WEIR_EVENT_CHECKPOINT_FAILED);
    event.text = why->message;
    add(job, &event);
}
