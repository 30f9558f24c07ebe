/* SPDX-License-Identifier: Apache-2.0 */
/* restart: a job that failed goes on in the same process, from its last completed checkpoint.
 *
 *   RUNNING, INITIALIZING --failure--> ENDING    [plan_restart]    the strategy allows it
 *   ENDING --all tasks ended--> CLOSING          [step_end]        END to the old coordinator
 *   CLOSING --io idle--> RESTARTING              [begin_restart]   threads joined, all unwired
 *   RESTARTING --its time--> renewal on io       [begin_renewal]   new attempt, newest checkpoint
 *   RESTARTING --renewed--> INITIALIZING         [resume]          wired, started
 *   RESTARTING --renewal or wiring failed-->     [fail_again]      one more failure
 *   all of these --cancel, fenced, no more--> CLOSING or as it is  [forgo_restart]
 *
 * Invariants:
 *   (1) Nothing of an attempt is left when the next is wired: its tasks have ended, their threads
 *       are joined, its letters read, io's queue was empty behind all of its work. What it left in
 *       files lies behind the fence that the renewal raises.
 *   (2) The next attempt goes on from the newest complete checkpoint of this run, or the savepoint
 *       that was to stop it, if that is newer; before there is one, from what the run began with.
 *   (3) Ids of checkpoints go on; what was retained stays so.
 */
#include "job/restart.h"

#include "base/check.h"
#include "base/fail.h"
#include "job/running.h"

#include <stdio.h>
#include <string.h>

/* --- life --- */

weir_status
wr_job_restart_init(weir_job *job, const weir_job_parameters *parameters, weir_error *err)
{
    struct wr_job_restart *restart = &job->restart;
    restart->is_allowed = !parameters->no_restart;
    restart->first_id = job->settings.next_id;
    restart->next_id = job->settings.next_id;
    return weir_restart_create(&job->alloc, job->options, job->settings.interval_ns != 0,
                               &restart->strategy, err);
}

void
wr_job_restart_fini(weir_job *job)
{
    if (job->restart.renewal.has_found) {
        wr_found_snapshot_fini(&job->restart.renewal.found);
    }
    weir_restart_destroy(job->restart.strategy);
}

/* --- the decision --- */

/* Another attempt would meet the same: somebody else has the job, or a human is needed. Memory is
 * refused by budgets, so with the same state and the same channels it is refused again. */
static bool
is_final(weir_status status)
{
    return status == WEIR_CANCELLED || status == WEIR_BUSY || status == WEIR_VERSION ||
           status == WEIR_CORRUPT || status == WEIR_NOMEM || status == WEIR_LIMIT;
}

static void
show(weir_job *job, const weir_error *error) WR_ON(coordinator)
{
    wr_job_enter(job, WEIR_JOB_RESTARTING);
    wr_mutex_lock(&job->seen.mutex);
    job->seen.restart = *error;
    wr_mutex_unlock(&job->seen.mutex);
}

void
wr_job_plan_restart(weir_job *job, const weir_error *error)
{
    struct wr_job_restart *restart = &job->restart;
    restart->is_planned = false;
    if (!restart->is_allowed || !restart->has_run || is_final(error->status)) {
        return;
    }
    uint32_t drawn = UINT32_MAX / 2; /* where no randomness is to be had: no jitter */
    (void)job->os->ops->random(job->os, &drawn, sizeof drawn);
    uint64_t now_ns = job->os->ops->monotonic_ns(job->os);
    uint64_t delay_ms = 0;
    const char *name = weir_restart_name(restart->strategy);
    restart->is_planned = weir_restart_failed(restart->strategy, now_ns / 1000000U,
                                              (double)drawn / 4294967296.0, &delay_ms);
    if (restart->is_planned) {
        restart->at_ns = now_ns + delay_ms * 1000000U;
        show(job, error);
        wr_job_announce_restart(job, error, delay_ms);
    } else if (strcmp(name, "none") != 0) {
        wr_log_say(&job->log, WR_LOG_RESTART, WEIR_LOG_WARN, "%s allows no more restarts", name);
    }
}

void
wr_job_forgo_restart(weir_job *job, enum wr_job_end outcome)
{
    wr_assert(job->restart.is_planned);
    job->restart.is_planned = false;
    job->outcome = outcome;
    if (job->phase == WR_PHASE_RESTARTING) {
        job->phase = WR_PHASE_CLOSING;
    }
}

/* --- what the attempts hand on --- */

/* A coordinator of checkpoints as if none had ever been under way, with all that is retained. */
static weir_status
renew_coordinator(weir_job *job, weir_error *err) WR_ON(coordinator)
{
    struct wr_coordinator *fresh = NULL;
    size_t count = wr_coordinator_retained(job->coordinator, NULL, 0);
    uint64_t *ids = wr_memory_new(&job->alloc, (count + 1) * sizeof *ids);
    job->settings.next_id = job->restart.next_id;
    weir_status status =
        ids != NULL ? wr_coordinator_create(&job->alloc, &job->settings, &fresh) : WEIR_NOMEM;
    if (status == WEIR_OK) {
        (void)wr_coordinator_retained(job->coordinator, ids, count);
    }
    for (size_t i = 0; i < count && status == WEIR_OK; i++) {
        status = wr_coordinator_add_retained(fresh, ids[i]);
    }
    wr_memory_free(&job->alloc, ids, (count + 1) * sizeof *ids);
    if (status != WEIR_OK) {
        wr_coordinator_destroy(fresh);
        return wr_fail(err, status, "no memory for the checkpoint coordinator");
    }
    wr_coordinator_destroy(job->coordinator);
    job->coordinator = fresh;
    return WEIR_OK;
}

void
wr_job_settle_restart(weir_job *job)
{
    weir_error error;
    job->restart.is_end_told = false;
    if (job->outcome == WR_END_FAILED) {
        return; /* that is what it was told */
    }
    if (renew_coordinator(job, &error) != WEIR_OK) {
        wr_log_say(&job->log, WR_LOG_RESTART, WEIR_LOG_WARN, "%s: the job's checkpoints stay",
                   error.message);
        return;
    }
    wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_END, .end = job->outcome });
}

static uint64_t
id_of_found(const struct wr_renewal *renewal)
{
    return renewal->has_found ? renewal->found.manifest.checkpoint_id : 0;
}

/* JobManager storage without a directory; it is the coordinator's. */
static weir_status
find_in_memory(weir_job *job, weir_error *err) WR_ON(coordinator)
{
    struct wr_renewal *renewal = &job->restart.renewal;
    uint64_t newest =
        job->memory_storage != NULL ? wr_memory_storage_newest(job->memory_storage) : 0;
    if (newest <= id_of_found(renewal)) {
        return WEIR_OK;
    }
    if (renewal->has_found) {
        wr_found_snapshot_fini(&renewal->found);
    }
    renewal->found = (struct wr_found_snapshot){ .directory = WR_IN_MEMORY };
    wr_manifest_init(&renewal->found.manifest, &job->alloc);
    renewal->has_found = true;
    return wr_memory_storage_read(job->memory_storage, newest, &renewal->found.manifest, err);
}

/* What was found becomes what the job is restored from, and is seen as such. */
static weir_status
take_found(weir_job *job, weir_error *err) WR_ON(coordinator)
{
    struct wr_renewal *renewal = &job->restart.renewal;
    WR_TRY(find_in_memory(job, err));
    if (renewal->has_found) {
        wr_found_snapshot_fini(&job->found);
        job->found = renewal->found;
        job->restored = true;
        renewal->has_found = false;
    }
    if (job->restored) {
        WR_TRY(wr_assignment_check(&job->found.manifest, job->assigned, job->plan->operator_count,
                                   true, NULL, err));
    }
    wr_job_see_restored(job);
    return WEIR_OK;
}

/* --- the renewal, on io --- */

/* The newest complete checkpoint that this run has made. */
static weir_status
find_checkpoint(struct wr_renewal *renewal, const char **out_directory)
{
    enum {
        ROOM = 64
    };
    weir_job *job = renewal->job;
    uint64_t ids[ROOM];
    size_t count = 0;
    WR_TRY(wr_checkpoint_storage_retained(job->storage, ids, ROOM, &count, &renewal->error));
    if (count == 0 || ids[count - 1] < job->restart.first_id) {
        return WEIR_OK;
    }
    WR_TRY(wr_checkpoint_storage_read(job->storage, ids[count - 1], &renewal->found.manifest,
                                      &renewal->error));
    WR_TRY(wr_checkpoint_storage_complete_path(job->storage, ids[count - 1],
                                               renewal->found.directory, &renewal->error));
    *out_directory = renewal->found.directory;
    return WEIR_OK;
}

/* The savepoint that was to stop the job: what it holds may be committed. */
static weir_status
find_savepoint(struct wr_renewal *renewal, const char **out_directory)
{
    weir_job *job = renewal->job;
    char path[WR_PATH_MAX];
    struct wr_manifest saved;
    WR_TRY(wr_path_join(path, job->saved_path, "_metadata", &renewal->error));
    wr_manifest_init(&saved, &job->alloc);
    weir_status status = wr_manifest_read(&saved, job->os, path, &renewal->error);
    if (status != WEIR_OK) {
        wr_manifest_fini(&saved);
        return status;
    }
    wr_manifest_fini(&renewal->found.manifest);
    renewal->found.manifest = saved;
    (void)snprintf(renewal->found.directory, sizeof renewal->found.directory, "%s",
                   job->saved_path);
    *out_directory = renewal->found.directory;
    return WEIR_OK;
}

static weir_status
find(struct wr_renewal *renewal, const char **out_directory)
{
    if (renewal->job->storage != NULL) {
        WR_TRY(find_checkpoint(renewal, out_directory));
    }
    /* For as many restarts as it takes until a checkpoint is newer; it may be gone then. */
    bool is_newer =
        renewal->job->saved_path[0] != '\0' &&
        (*out_directory == NULL || renewal->job->saved_id > renewal->found.manifest.checkpoint_id);
    return is_newer ? find_savepoint(renewal, out_directory) : WEIR_OK;
}

static weir_status
renew(struct wr_renewal *renewal)
{
    weir_job *job = renewal->job;
    const char *directory = NULL;
    wr_job_remove_work_directory(job);
    WR_TRY(wr_job_make_work_directory(job, &renewal->error));
    if (job->storage != NULL) {
        WR_TRY(wr_checkpoint_storage_renew(job->storage, job->attempt, &renewal->error));
        WR_TRY(wr_job_sweep_savepoints(job, &renewal->error));
    }
    renewal->found = (struct wr_found_snapshot){ .directory = "" };
    wr_manifest_init(&renewal->found.manifest, &job->alloc);
    weir_status status = find(renewal, &directory);
    renewal->has_found = status == WEIR_OK && directory != NULL;
    if (!renewal->has_found) {
        wr_manifest_fini(&renewal->found.manifest);
    }
    return status;
}

static void
run_renewal(struct wr_work *work)
{
    wr_role_enter_io();
    struct wr_renewal *renewal = (struct wr_renewal *)work;
    weir_job *job = renewal->job;
    renewal->status = renew(renewal);
    /* pairs with the acquire in wr_job_step_restart: what was found is there */
    atomic_store_explicit(&renewal->is_done, 1, memory_order_release);
    wr_parker_wake(&job->parker);
}

/* --- RESTARTING --- */

/* Nobody steps a task or writes to storage any more. */
void
wr_job_begin_restart(weir_job *job)
{
    wr_assert(job->restart.is_planned && job->ended_count == job->plan->task_count);
    wr_assert(job->io_outstanding == 0 && wr_mailbox_is_empty(&job->reports));
    wr_job_join_workers(job);
    wr_job_forget_pending(job);
    wr_job_unwire(job);
    job->phase = WR_PHASE_RESTARTING;
}

/* A restart that failed is a failure like any other. */
static void
fail_again(weir_job *job, weir_status status, const weir_error *error) WR_ON(coordinator)
{
    job->failure = *error;
    job->failure.status = status;
    wr_job_watch_failure(job, &job->failure, WR_NO_TASK);
    wr_job_unwire(job);
    wr_job_plan_restart(job, &job->failure);
    if (!job->restart.is_planned) {
        job->restart.is_planned = true; /* it was, until now */
        wr_job_forgo_restart(job, WR_END_FAILED);
    }
}

static void
begin_renewal(weir_job *job) WR_ON(coordinator)
{
    struct wr_renewal *renewal = &job->restart.renewal;
    weir_error error;
    weir_status status = wr_job_draw_attempt(job, &error);
    if (status != WEIR_OK) {
        fail_again(job, status, &error);
        return;
    }
    renewal->work.run = run_renewal;
    renewal->job = job;
    renewal->is_under_way = true;
    atomic_store_explicit(&renewal->is_done, 0, memory_order_relaxed);
    wr_executor_push(&job->io, &renewal->work);
}

static weir_status
resume(weir_job *job, weir_error *err) WR_ON(coordinator)
{
    WR_TRY(take_found(job, err));
    WR_TRY(renew_coordinator(job, err));
    WR_TRY(wr_job_wire_attempt(job, err));
    WR_TRY(wr_job_start_workers(job, err));
    weir_status status = wr_job_begin(job, err);
    if (status != WEIR_OK) {
        wr_job_dismiss_workers(job);
        return status;
    }
    job->restarts++;
    wr_mutex_lock(&job->seen.mutex);
    job->seen.restarts = job->restarts;
    wr_mutex_unlock(&job->seen.mutex);
    wr_job_enter(job, WEIR_JOB_INITIALIZING);
    job->restart.is_planned = false;
    job->restart.is_end_told = false;
    job->failure = (weir_error){ .status = WEIR_OK };
    job->stop_sent = false; /* who wished for a stop still does */
    wr_job_announce_start(job, false);
    return WEIR_OK;
}

static void
take_renewal(weir_job *job) WR_ON(coordinator)
{
    struct wr_renewal *renewal = &job->restart.renewal;
    renewal->is_under_way = false;
    if (job->restart.is_planned) {
        weir_error error = renewal->error;
        weir_status status = renewal->status;
        if (status == WEIR_OK) {
            status = resume(job, &error);
        }
        if (status != WEIR_OK) {
            fail_again(job, status, &error);
        }
    }
    if (renewal->has_found) { /* forgone meanwhile, or it failed before it was taken */
        wr_found_snapshot_fini(&renewal->found);
        renewal->has_found = false;
    }
}

bool
wr_job_step_restart(weir_job *job, uint64_t *out_wake_at_ns)
{
    struct wr_job_restart *restart = &job->restart;
    if (restart->renewal.is_under_way) {
        if (atomic_load_explicit(&restart->renewal.is_done, memory_order_acquire) == 0) {
            return false;
        }
        take_renewal(job);
        return true;
    }
    if (job->phase != WR_PHASE_RESTARTING) {
        return false;
    }
    if (job->os->ops->monotonic_ns(job->os) < restart->at_ns) {
        *out_wake_at_ns = restart->at_ns < *out_wake_at_ns ? restart->at_ns : *out_wake_at_ns;
        return false;
    }
    begin_renewal(job);
    return true;
}
