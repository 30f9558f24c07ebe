/* SPDX-License-Identifier: Apache-2.0 */
/* service: what a service manager hears of a job, and when.
 *
 *   INITIALIZING --all tasks restored--> READY=1 --asked to stop--> STOPPING=1 --> the end
 *        | STATUS, more time               | STATUS, WATCHDOG         | STATUS, more time, WATCHDOG
 *
 * Invariants:
 *   (1) READY=1 is said once, and only of a job whose tasks have their state back.
 *   (2) STOPPING=1 is said only of a job that was asked to stop or has reached its end, never of
 *       one that failed: a parent may start that again, and a manager that reads STOPPING=1 ends
 *       the service.
 *   (3) A beat follows an answer of the coordinator; nothing else sends one.
 *   (4) More time is asked for only when something moved since it was last asked for: what stands
 *       still is ended by the manager's own timeout.
 */
#include "cli.h"
#include "notify.h"

#include <string.h>
#include <time.h>

enum {
    LOOK_MS = 1000,          /* while it restores or stops */
    LOOK_RUNNING_MS = 10000, /* or at half of the watchdog's time */
    MORE_TIME_S = 300 /* from the last thing that moved: a large file may take that to sync */
};

static uint64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void
cli_service_init(struct cli_service *service, struct cli_notify *notify)
{
    memset(service, 0, sizeof *service);
    service->notify = notify;
    service->moved = UINT64_MAX; /* no job has done that much */
    if (notify != NULL) {
        notify->had_job = true;
    }
}

static bool
is_heard(const struct cli_service *service)
{
    return service->notify != NULL && service->notify->socket >= 0;
}

/* A message is lines: what would begin one of its own does not. */
static void
say_status(struct cli_service *service, char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ') {
            *at = ' ';
        }
    }
    if (strcmp(service->status, text) != 0 && cli_notify_send(service->notify, "STATUS=%s", text)) {
        snprintf(service->status, sizeof service->status, "%s", text);
    }
}

/* --- what is said of a view --- */

/* Any number that grows as long as something is done. */
static uint64_t
work_done(const weir_job_view *view)
{
    uint64_t done = view->checkpoints.completed_count + view->restarts + view->restore.read_bytes;
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        for (uint32_t k = 0; k < view->vertices[i].parallelism; k++) {
            const weir_subtask_view *subtask = &view->vertices[i].subtasks[k];
            done += subtask->records_in + subtask->records_out + (uint64_t)subtask->state;
        }
    }
    if (view->checkpoints.history_count != 0) {
        done += view->checkpoints.history[0].acknowledged_count;
    }
    return done;
}

static void
count_records(const weir_job_view *view, uint64_t *out_in, uint64_t *out_out)
{
    *out_in = *out_out = 0;
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        const weir_vertex_view *vertex = &view->vertices[i];
        for (uint32_t k = 0; k < vertex->parallelism; k++) {
            *out_in += vertex->is_source ? vertex->subtasks[k].records_out : 0;
            *out_out += vertex->is_sink ? vertex->subtasks[k].records_in : 0;
        }
    }
}

static uint32_t
count_restored(const weir_job_view *view)
{
    uint32_t restored = 0;
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        for (uint32_t k = 0; k < view->vertices[i].parallelism; k++) {
            restored += view->vertices[i].subtasks[k].state >= WEIR_TASK_RUNNING;
        }
    }
    return restored;
}

static void
describe_start(const weir_job_view *view, char *out, size_t room)
{
    const weir_restore_view *restore = &view->restore;
    uint32_t restored = count_restored(view);
    if (!restore->is_there) {
        snprintf(out, room, "starting %s: %u of %u tasks", view->name, restored, view->task_count);
        return;
    }
    char size[32];
    cli_print_bytes(size, sizeof size, restore->total_bytes);
    uint64_t percent = 100;
    if (restore->read_bytes < restore->total_bytes) {
        percent = (uint64_t)((double)restore->read_bytes * 100 / (double)restore->total_bytes);
    }
    snprintf(out, room, "restoring %s: %llu %% of %s, %u of %u tasks", view->name,
             (unsigned long long)percent, size, restored, view->task_count);
}

static void
describe_running(const weir_job_view *view, char *out, size_t room)
{
    uint64_t in;
    uint64_t sent;
    count_records(view, &in, &sent);
    const weir_checkpoint_view *latest = view->checkpoints.latest_completed;
    char checkpoint[64] = "no checkpoint yet";
    if (latest != NULL) {
        snprintf(checkpoint, sizeof checkpoint, "checkpoint %llu", (unsigned long long)latest->id);
    }
    snprintf(out, room, "running %s: %llu records in, %llu out, %s", view->name,
             (unsigned long long)in, (unsigned long long)sent, checkpoint);
}

static void
describe_stop(const weir_job_view *view, char *out, size_t room)
{
    const weir_checkpoint_view *newest =
        view->checkpoints.history_count != 0 ? &view->checkpoints.history[0] : NULL;
    if (newest == NULL || newest->status != WEIR_CHECKPOINT_IN_PROGRESS) {
        snprintf(out, room, "stopping %s", view->name);
        return;
    }
    snprintf(out, room, "stopping %s: checkpoint %llu, %u of %u tasks", view->name,
             (unsigned long long)newest->id, newest->acknowledged_count, newest->task_count);
}

static bool
has_ended(weir_job_state state)
{
    return state == WEIR_JOB_FINISHED || state == WEIR_JOB_STOPPED || state == WEIR_JOB_CANCELED ||
           state == WEIR_JOB_FAILED;
}

static void
describe(const weir_job_view *view, char *out, size_t room)
{
    switch (view->state) {
    case WEIR_JOB_INITIALIZING:
        describe_start(view, out, room);
        break;
    case WEIR_JOB_RUNNING:
        describe_running(view, out, room);
        break;
    case WEIR_JOB_STOPPING:
        describe_stop(view, out, room);
        break;
    case WEIR_JOB_RESTARTING:
        snprintf(out, room, "restarting %s: %s", view->name,
                 view->failure_count != 0 ? view->failures[0].message : "it failed");
        break;
    case WEIR_JOB_FINISHED:
    case WEIR_JOB_STOPPED:
    case WEIR_JOB_CANCELED:
    case WEIR_JOB_FAILED:
    default:
        snprintf(out, room, "%s %s", weir_job_state_name(view->state), view->name);
        break;
    }
}

static void
ask_for_time(struct cli_service *service, const weir_job_view *view)
{
    uint64_t moved = work_done(view);
    if (moved != service->moved) {
        service->moved = moved;
        cli_notify_send(service->notify, "EXTEND_TIMEOUT_USEC=%llu",
                        (unsigned long long)MORE_TIME_S * 1000000U);
    }
}

static void
say_stopping(struct cli_service *service)
{
    if (!service->is_stopping) {
        service->is_stopping = cli_notify_send(service->notify, "STOPPING=1");
    }
}

void
cli_service_tell(struct cli_service *service, const weir_job_view *view, uint64_t now)
{
    if (has_ended(view->state)) {
        return; /* cli_service_end says how */
    }
    char text[sizeof service->status];
    describe(view, text, sizeof text);
    if (view->state == WEIR_JOB_RUNNING && !service->is_ready) {
        service->is_ready = cli_notify_send(service->notify, "READY=1");
    }
    if (view->state == WEIR_JOB_STOPPING) {
        say_stopping(service);
    }
    say_status(service, text);
    if (view->state == WEIR_JOB_STOPPING ||
        (view->state == WEIR_JOB_INITIALIZING && !service->is_ready)) {
        ask_for_time(service, view);
    }
    uint64_t watchdog_ms = service->notify->watchdog_ms;
    if (watchdog_ms != 0 && (service->beat_ms == 0 || now - service->beat_ms >= watchdog_ms / 2) &&
        cli_notify_send(service->notify, "WATCHDOG=1")) {
        service->beat_ms = now;
    }
}

/* --- following a job --- */

static bool
is_time_to_look(const struct cli_service *service, weir_job_state state, uint64_t now)
{
    uint64_t wait_ms = LOOK_RUNNING_MS;
    uint64_t watchdog_ms = service->notify->watchdog_ms;
    if ((state == WEIR_JOB_RUNNING) != service->is_ready ||
        (state == WEIR_JOB_STOPPING) != service->is_stopping) {
        wait_ms = 0; /* there is something to say; a restart is looked at as often as that */
    } else if (state != WEIR_JOB_RUNNING) {
        wait_ms = LOOK_MS;
    }
    wait_ms = watchdog_ms != 0 && watchdog_ms / 4 < wait_ms ? watchdog_ms / 4 : wait_ms;
    return service->looked_ms == 0 || now - service->looked_ms >= wait_ms;
}

void
cli_service_update(struct cli_service *service, weir_job *job)
{
    if (!is_heard(service)) {
        return;
    }
    uint64_t now = now_ms();
    weir_job_report report = { .size = sizeof report };
    weir_job_look(job, &report);
    if (!is_time_to_look(service, report.state, now)) {
        return;
    }
    const weir_job_view *view = NULL;
    if (weir_job_inspect(job, &view, NULL) == WEIR_OK) { /* else no memory now: the next time */
        service->looked_ms = now;
        cli_service_tell(service, view, now);
        weir_job_view_free(view);
    }
}

static void
say_failure(struct cli_service *service, weir_job *job)
{
    weir_error error = { 0 };
    char text[sizeof service->status];
    if (weir_job_failure(job, &error) != WEIR_OK) {
        snprintf(text, sizeof text, "failed: %s", error.message);
        say_status(service, text);
    }
    if (error.sys_errno != 0) {
        cli_notify_send(service->notify, "ERRNO=%d", error.sys_errno);
    }
}

void
cli_service_end(struct cli_service *service, weir_job *job)
{
    if (!is_heard(service)) {
        return;
    }
    weir_job_report report = { .size = sizeof report };
    weir_job_look(job, &report);
    if (report.state == WEIR_JOB_FAILED) {
        say_failure(service, job);
        return;
    }
    if (!service->is_ready) { /* it was over before it could be looked at */
        service->is_ready = cli_notify_send(service->notify, "READY=1");
    }
    say_stopping(service);
    char text[sizeof service->status];
    bool is_kept = report.state == WEIR_JOB_STOPPED && report.last_checkpoint_path[0] != '\0';
    snprintf(text, sizeof text, "%s%s%s", weir_job_state_name(report.state), is_kept ? ": " : "",
             is_kept ? report.last_checkpoint_path : "");
    say_status(service, text);
}
