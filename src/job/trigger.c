/* SPDX-License-Identifier: Apache-2.0 */
/* trigger: checkpoints and savepoints by hand: from the host's call to the checkpoint coordinator's
 * fact, and the names of the reasons for which one may fail.
 *
 *   weir_job_trigger_...  --row, wake-->  wr_job_take_requests  --REQUEST-->  coordinator
 *
 * What can be seen to be wrong in the call itself is refused there; what depends on the job's state
 * is answered by the request.
 */
#include "base/fail.h"
#include "job/running.h"

#include <string.h>

/* Behind it comes "/savepoint-<6>-<12>", and the whole must fit a report. */
enum {
    TARGET_MAX = sizeof((weir_request_report *)0)->path - sizeof "/savepoint-123456-123456789abc"
};

/* --- the host's calls --- */

static weir_status
ask(weir_job *job, const struct wr_request_wish *wish, uint64_t *out_request, weir_error *err)
{
    WR_TRY(wr_host_requests_add(&job->requests, wish, out_request, err));
    wr_parker_wake(&job->parker);
    return WEIR_OK;
}

static weir_status
sharing_of(const weir_job *job, weir_checkpoint_type type, enum wr_sharing *out, weir_error *err)
{
    switch (type) {
    case WEIR_CHECKPOINT_CONFIGURED:
        *out = job->settings.sharing;
        return WEIR_OK;
    case WEIR_CHECKPOINT_FULL:
        *out = WR_SHARING_FORWARD;
        return WEIR_OK;
    case WEIR_CHECKPOINT_INCREMENTAL:
        *out = WR_SHARING_BOTH;
        return job->settings.sharing == WR_SHARING_BOTH
                   ? WEIR_OK
                   : wr_fail(err, WEIR_UNSUPPORTED,
                             "this job's checkpoints are not incremental: set "
                             "execution.checkpointing.incremental, or ask for a full one");
    default:
        return wr_fail(err, WEIR_INVALID, "%d is no type of checkpoint", (int)type);
    }
}

weir_status
weir_job_trigger_checkpoint(weir_job *job, weir_checkpoint_type type, uint64_t *out_request,
                            weir_error *err)
{
    if (job == NULL || out_request == NULL) {
        return wr_fail(err, WEIR_INVALID, "a checkpoint needs a job, and a place for its number");
    }
    struct wr_request_wish wish = { .kind = WR_CHECKPOINT_MANUAL };
    WR_TRY(sharing_of(job, type, &wish.sharing, err));
    if (job->storage == NULL && job->memory_storage == NULL) {
        return wr_fail(err, WEIR_UNSUPPORTED,
                       "this job keeps no checkpoints: set execution.checkpointing.dir");
    }
    return ask(job, &wish, out_request, err);
}

static weir_status
check_format(weir_savepoint_format format, weir_error *err)
{
    if (format == WEIR_SAVEPOINT_CANONICAL) {
        return wr_fail(err, WEIR_UNSUPPORTED,
                       "savepoints in canonical format cannot be written yet: ask for the native "
                       "one");
    }
    return format <= WEIR_SAVEPOINT_NATIVE
               ? WEIR_OK
               : wr_fail(err, WEIR_INVALID, "%d is no format of savepoints", (int)format);
}

/* The target, as the user named it. */
static weir_status
choose_target(const weir_job *job, const char *asked, const char **out_target, weir_error *err)
{
    const char *key = "execution.checkpointing.savepoint-dir";
    const char *target = asked != NULL ? asked : weir_options_text(job->options, key);
    if (target == NULL || target[0] == '\0') {
        return wr_fail(err, WEIR_INVALID,
                       "No savepoint location given and no default location configured. Give a "
                       "directory, or set %s",
                       key);
    }
    if (strlen(target) > TARGET_MAX) {
        return wr_fail(err, WEIR_LIMIT,
                       "the savepoint's directory has %zu bytes, %d are the most: %s",
                       strlen(target), TARGET_MAX, target);
    }
    char path[WR_PATH_MAX];
    WR_TRY(wr_location_path(target, path, err));
    *out_target = target;
    return WEIR_OK;
}

weir_status
weir_job_trigger_savepoint(weir_job *job, const weir_savepoint_parameters *parameters,
                           uint64_t *out_request, weir_error *err)
{
    if (job == NULL || out_request == NULL) {
        return wr_fail(err, WEIR_INVALID, "a savepoint needs a job, and a place for its number");
    }
    weir_savepoint_parameters full = { .size = sizeof full };
    if (parameters != NULL) {
        if (parameters->size == 0 || parameters->size > sizeof full) {
            return wr_fail(err, WEIR_INVALID, "weir_savepoint_parameters.size is not set");
        }
        memcpy(&full, parameters, parameters->size);
    }
    WR_TRY(check_format(full.format, err));
    if (full.drain && !full.stop) {
        return wr_fail(err, WEIR_INVALID, "a savepoint drains the job only if it stops it as well");
    }
    if (full.cancel && full.stop) {
        return wr_fail(err, WEIR_INVALID,
                       "a savepoint either stops the job or cancels it, not both");
    }
    struct wr_request_wish wish = { .kind = full.drain  ? WR_SAVEPOINT_DRAIN
                                            : full.stop ? WR_SAVEPOINT_STOP
                                                        : WR_SAVEPOINT,
                                    .sharing = WR_SHARING_NONE,
                                    .cancel = full.cancel };
    WR_TRY(choose_target(job, full.directory, &wish.directory, err));
    return ask(job, &wish, out_request, err);
}

weir_status
weir_job_trigger_disposal(weir_job *job, const char *path, uint64_t *out_request, weir_error *err)
{
    if (job == NULL || out_request == NULL || path == NULL || path[0] == '\0') {
        return wr_fail(err, WEIR_INVALID,
                       "a disposal needs a job, a savepoint, and a place for its number");
    }
    struct wr_request_wish wish = { .directory = path, .is_disposal = true };
    size_t room = sizeof((weir_request_report *)0)->path;
    if (strlen(path) >= room) {
        return wr_fail(err, WEIR_LIMIT, "the savepoint's path has %zu bytes, %zu are the most: %s",
                       strlen(path), room - 1, path);
    }
    return ask(job, &wish, out_request, err);
}

weir_status
weir_job_request_wait(weir_job *job, uint64_t request, uint64_t timeout_ms,
                      weir_request_report *out_report)
{
    if (job == NULL || out_report == NULL || out_report->size == 0 ||
        out_report->size > sizeof *out_report) {
        return WEIR_INVALID;
    }
    uint32_t size = out_report->size;
    uint64_t timeout_ns = timeout_ms < UINT64_MAX / 1000000U ? timeout_ms * 1000000U : UINT64_MAX;
    weir_request_report report = { .size = size };
    WR_TRY(wr_host_requests_await(&job->requests, request, timeout_ns, &report));
    memcpy(out_report, &report, size);
    return WEIR_OK;
}

weir_status
weir_savepoint_dispose(const char *path, weir_error *err)
{
    if (path == NULL || path[0] == '\0') {
        return wr_fail(err, WEIR_INVALID, "no savepoint is named");
    }
    weir_alloc alloc = wr_memory_system();
    return wr_savepoint_dispose(wr_os_posix(), &alloc, path, err);
}

/* --- the coordinator's side --- */

const char *
wr_job_reason_name(const weir_job *job, enum wr_abort_reason reason, bool is_begun)
{
    switch (reason) {
    case WR_ABORT_DECLINED:
        return "CHECKPOINT_DECLINED";
    case WR_ABORT_EXPIRED:
        return "CHECKPOINT_EXPIRED";
    case WR_ABORT_STORE_FAILED:
        return is_begun ? "FINALIZE_CHECKPOINT_FAILURE" : "IO_EXCEPTION";
    case WR_ABORT_SUBSUMED:
        return "CHECKPOINT_SUBSUMED";
    case WR_REFUSE_TOO_MANY:
        return "TOO_MANY_CHECKPOINT_REQUESTS";
    case WR_REFUSE_NOT_RUNNING:
        return "NOT_ALL_REQUIRED_TASKS_RUNNING";
    case WR_ABORT_SHUTDOWN:
        break;
    }
    return job->failure.status != WEIR_OK ? "JOB_FAILOVER_REGION"
                                          : "CHECKPOINT_COORDINATOR_SHUTDOWN";
}

/* No attempt can begin now: the answer is no. */
static void
refuse(weir_job *job, uint64_t number) WR_ON(coordinator)
{
    bool is_ending = job->phase >= WR_PHASE_ENDING && !job->restart.is_planned;
    enum wr_abort_reason reason = is_ending ? WR_ABORT_SHUTDOWN : WR_REFUSE_NOT_RUNNING;
    weir_error error;
    (void)wr_fail(&error, reason == WR_ABORT_SHUTDOWN ? WEIR_CANCELLED : WEIR_BUSY, "%s: %s",
                  wr_job_reason_name(job, reason, false),
                  reason == WR_ABORT_SHUTDOWN ? "the job is ending"
                                              : "not all tasks of the job run yet");
    wr_host_requests_fail(&job->requests, number, &error);
}

/* In any phase: it concerns no task, and the job waits for io before it ends. */
static void
dispose(weir_job *job, uint64_t number, const char *path) WR_ON(coordinator)
{
    struct wr_job_io *io = wr_job_io_new(job, WR_IO_DISPOSE, 0);
    if (io == NULL) {
        weir_error error;
        (void)wr_fail(&error, WEIR_NOMEM, "no memory to dispose of '%s'", path);
        wr_host_requests_fail(&job->requests, number, &error);
        return;
    }
    io->request = number;
    io->path = path;
    wr_job_io_send(job, io);
}

bool
wr_job_take_requests(weir_job *job)
{
    uint64_t number;
    struct wr_request_wish wish;
    bool any = false;
    while (wr_host_requests_take(&job->requests, &number, &wish)) {
        any = true;
        if (wish.is_disposal) {
            dispose(job, number, wish.directory);
            continue;
        }
        if (job->phase != WR_PHASE_RUNNING) {
            refuse(job, number);
            continue;
        }
        wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_REQUEST,
                                                        .request = number,
                                                        .checkpoint_kind = wish.kind,
                                                        .sharing = wish.sharing,
                                                        .is_last_of_job = wish.cancel });
    }
    return any;
}
