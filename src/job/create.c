/* SPDX-License-Identifier: Apache-2.0 */
/* create: from a graph and the user's wishes to a job that is ready to start.
 *
 * In this order, so that a refusal leaves nothing behind: plan, engine, which snapshot, may it
 * start empty, storage; then the lock and the directories; then the wiring. Nothing starts from
 * empty state beside a complete checkpoint of this job's name unless told to.
 */
#include "base/fail.h"
#include "job/running.h"

#include <stdio.h>
#include <string.h>

static weir_status
draw_id(struct wr_os *os, uint8_t bytes[16], char out[33], weir_error *err)
{
    int sys_errno = os->ops->random(os, bytes, 16);
    if (sys_errno != 0) {
        return wr_fail_errno(err, sys_errno, "no randomness from the system");
    }
    for (int i = 0; i < 16; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
    return WEIR_OK;
}

weir_status
wr_job_draw_attempt(weir_job *job, weir_error *err)
{
    return draw_id(job->os, job->attempt_bytes, job->attempt, err);
}

static bool
is_hex_id(const char *text)
{
    return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

/* --- which snapshot --- */

/* A directory that holds other jobs' checkpoints alone is refused, as by latest: it may be this
 * job's under an old name. */
static weir_status
find_resumed(weir_job *job, const char *directory, weir_error *err)
{
    char latest[WR_PATH_MAX];
    if (directory == NULL) {
        return wr_fail(err, WEIR_INVALID,
                       "to resume, the job needs a checkpoint directory: set "
                       "execution.checkpointing.dir");
    }
    if (snprintf(latest, sizeof latest, "latest:%s", directory) >= (int)sizeof latest) {
        return wr_fail(err, WEIR_LIMIT, "execution.checkpointing.dir is too long");
    }
    weir_status status =
        wr_snapshot_find(job->os, &job->alloc, latest, job->name, &job->found, err);
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK; /* it has none yet */
    }
    job->restored = status == WEIR_OK && !job->found.finished;
    return status;
}

static weir_status
find_snapshot(weir_job *job, const weir_job_parameters *parameters, weir_error *err)
{
    const char *directory = weir_options_text(job->options, "execution.checkpointing.dir");
    if (parameters->resume && parameters->restore == NULL) {
        WR_TRY(find_resumed(job, directory, err));
        if (job->restored || job->found.finished) {
            return WEIR_OK;
        }
    }
    const char *wanted = parameters->restore != NULL
                             ? parameters->restore
                             : weir_options_text(job->options, "execution.state-recovery.path");
    if (wanted != NULL) {
        WR_TRY(wr_snapshot_find(job->os, &job->alloc, wanted, job->name, &job->found, err));
        job->restored = !job->found.finished;
        return WEIR_OK;
    }
    if (directory == NULL || parameters->fresh) {
        return WEIR_OK;
    }
    char newest[WR_PATH_MAX];
    weir_status status =
        wr_snapshot_newest(job->os, &job->alloc, directory, job->name, newest, err);
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK;
    }
    WR_TRY(status);
    return wr_fail(err, WEIR_INVALID,
                   "a complete checkpoint of job '%s' is there: %s\n"
                   "  to go on from it:   -s latest:%s\n"
                   "  to start empty:     --fresh",
                   job->name, newest, directory);
}

/* Where checkpoints go: the option, or the directory that latest: continues. NULL: nowhere. */
static weir_status
storage_directory(const weir_job *job, char out[WR_PATH_MAX], bool *out_there, weir_error *err)
{
    const char *directory = weir_options_text(job->options, "execution.checkpointing.dir");
    *out_there = directory != NULL || (job->restored && job->found.latest);
    if (directory != NULL || !*out_there) {
        int size = snprintf(out, WR_PATH_MAX, "%s", directory != NULL ? directory : "");
        return size < WR_PATH_MAX
                   ? WEIR_OK
                   : wr_fail(err, WEIR_LIMIT, "execution.checkpointing.dir is too long");
    }
    snprintf(out, WR_PATH_MAX, "%s", job->found.job_directory); /* DIR[/<job-id>] */
    char *slash = strrchr(out, '/');
    if (slash != NULL && strcmp(slash + 1, job->found.job_id) == 0) {
        *slash = '\0';
    }
    return WEIR_OK;
}

static weir_status
choose_ids(weir_job *job, const weir_job_parameters *parameters, weir_error *err)
{
    if (parameters->job_id != NULL) {
        if (!is_hex_id(parameters->job_id)) {
            return wr_fail(err, WEIR_INVALID, "job id '%s': 32 lower-case hex digits are wanted",
                           parameters->job_id);
        }
        memcpy(job->job_id, parameters->job_id, sizeof job->job_id);
    } else if (job->restored && job->found.latest) {
        memcpy(job->job_id, job->found.job_id, sizeof job->job_id);
    } else {
        uint8_t bytes[16];
        WR_TRY(draw_id(job->os, bytes, job->job_id, err));
    }
    WR_TRY(wr_job_draw_attempt(job, err));
    if (job->restored) {
        job->hash_seed = job->found.manifest.hash_seed;
        return WEIR_OK;
    }
    int sys_errno = job->os->ops->random(job->os, &job->hash_seed, sizeof job->hash_seed);
    return sys_errno == 0 ? WEIR_OK
                          : wr_fail_errno(err, sys_errno, "no randomness from the system");
}

static weir_status
open_storage(weir_job *job, const weir_job_parameters *parameters, uint64_t *out_next_id,
             weir_error *err)
{
    *out_next_id = job->restored ? job->found.manifest.checkpoint_id + 1 : 1;
    char directory[WR_PATH_MAX];
    bool there;
    WR_TRY(storage_directory(job, directory, &there, err));
    if (!there) {
        return WEIR_OK;
    }
    struct wr_storage_parameters wanted = {
        .os = job->os,
        .alloc = job->alloc,
        .directory = directory,
        .create_subdir = weir_options_bool(job->options, "execution.checkpointing.create-subdir"),
        .job_name = job->name,
        .job_id = job->job_id,
        .attempt = job->attempt,
        .take_over = parameters->take_over,
    };
    WR_TRY(wr_checkpoint_storage_open(&wanted, &job->storage, err));
    WR_TRY(wr_job_sweep_savepoints(job, err));
    uint64_t highest;
    WR_TRY(wr_checkpoint_storage_highest(job->storage, &highest, err));
    if (highest + 1 > *out_next_id) {
        *out_next_id = highest + 1;
    }
    return WEIR_OK;
}

/* What this job id has kept: entered into the registry, and where it is continued retained on. */
static weir_status
take_retained(weir_job *job, weir_error *err)
{
    enum {
        ROOM = 256
    };
    uint64_t ids[ROOM];
    size_t count;
    WR_TRY(wr_checkpoint_storage_retained(job->storage, ids, ROOM, &count, err));
    WR_TRY(wr_job_open_registry(job, ids, count, count < ROOM, err));
    for (size_t i = 0; job->restored && job->found.latest && i < count; i++) {
        WR_TRY(wr_coordinator_add_retained(job->coordinator, ids[i]));
    }
    return WEIR_OK;
}

static weir_status
make_coordinator(weir_job *job, uint64_t next_id, weir_error *err)
{
    WR_TRY(wr_job_set_settings(job, next_id, err));
    weir_status status = wr_coordinator_create(&job->alloc, &job->settings, &job->coordinator);
    if (status != WEIR_OK) {
        return wr_fail(err, status,
                       status == WEIR_NOMEM
                           ? "no memory for the checkpoint coordinator"
                           : "execution.checkpointing.num-retained must be 1 to 64");
    }
    if (job->claimed_id != 0) {
        status = wr_coordinator_add_retained(job->coordinator, job->claimed_id);
        if (status != WEIR_OK) {
            return wr_fail(err, status, "no memory for the snapshot that the job claims");
        }
    }
    return job->storage == NULL ? WEIR_OK : take_retained(job, err);
}

/* --- the snapshot against the job --- */

static weir_status
check_snapshot(weir_job *job, const weir_job_parameters *parameters, weir_error *err)
{
    uint32_t count = job->plan->operator_count;
    job->assigned = wr_arena_new(&job->arena, sizeof *job->assigned * count);
    bool *is_new = wr_arena_new(&job->arena, count);
    if (job->assigned == NULL || is_new == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the job");
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct wr_plan_operator *from = &job->plan->operators[i];
        struct wr_assignment_operator *to = &job->assigned[i];
        memcpy(to->id, from->id, sizeof to->id);
        to->uid = from->node->uid;
        to->name = from->node->name;
        to->parallelism = from->parallelism;
        to->max_parallelism = from->max_parallelism;
        to->max_parallelism_set = from->max_parallelism_set;
        to->has_finish = from->node->function.finish != NULL;
        to->key_type = from->keyed ? wr_key_plan_type(from->key_plan) : NULL;
    }
    if (!job->restored) {
        return WEIR_OK;
    }
    bool allow = parameters->allow_non_restored_state ||
                 weir_options_bool(job->options, "execution.state-recovery.ignore-unclaimed-state");
    weir_status status =
        wr_assignment_check(&job->found.manifest, job->assigned, count, allow, is_new, err);
    if (status != WEIR_OK) {
        return wr_fail_context(err, status, "Failed to rollback to checkpoint/savepoint %s. ",
                               job->found.directory);
    }
    for (uint32_t i = 0; i < count; i++) {
        job->plan->operators[i].max_parallelism = job->assigned[i].max_parallelism;
        if (is_new[i] && wr_plan_operator_is_stateful(&job->plan->operators[i])) {
            wr_log_say(&job->log, WR_LOG_RESTORE, WEIR_LOG_WARN,
                       "operator '%s' (uid '%s') is not in the snapshot: it starts empty",
                       job->assigned[i].name, job->assigned[i].uid);
        }
    }
    return WEIR_OK;
}

/* Nothing was there to go on from, and the last holder is fenced. */
static weir_status
check_still_none(weir_job *job, weir_error *err)
{
    char newest[WR_PATH_MAX];
    const char *directory = weir_options_text(job->options, "execution.checkpointing.dir");
    weir_status status =
        wr_snapshot_newest(job->os, &job->alloc, directory, job->name, newest, err);
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK;
    }
    WR_TRY(status);
    return wr_fail(err, WEIR_BUSY,
                   "while job '%s' was taken over its last holder completed %s: start again to go "
                   "on from that",
                   job->name, newest);
}

/* While it was being taken over, or died, the last holder may have completed a newer one: none does
 * from now on. What that one holds may be committed. */
static weir_status
find_newer(weir_job *job, const weir_job_parameters *parameters, uint64_t *next_id, weir_error *err)
{
    uint64_t newest = 0;
    size_t count = 0;
    if (!job->restored && parameters->take_over && !parameters->fresh && job->storage != NULL) {
        return check_still_none(job, err);
    }
    if (!job->restored || !job->found.latest) {
        return WEIR_OK;
    }
    WR_TRY(wr_checkpoint_storage_retained(job->storage, &newest, 1, &count, err));
    uint64_t saved = wr_checkpoint_storage_saved(job->storage);
    newest = saved > newest ? saved : newest;
    if (newest <= job->found.manifest.checkpoint_id) {
        return WEIR_OK;
    }
    char text[sizeof "latest:" + WR_PATH_MAX];
    snprintf(text, sizeof text, "latest:%s", job->found.job_directory);
    wr_found_snapshot_fini(&job->found);
    WR_TRY(wr_snapshot_find(job->os, &job->alloc, text, job->name, &job->found, err));
    *next_id = newest >= *next_id ? newest + 1 : *next_id;
    return check_snapshot(job, parameters, err);
}

static void
say_start(weir_job *job)
{
    wr_job_announce_start(job, true);
    if (job->plan->stateful && job->settings.interval_ns == 0) {
        wr_log_say(&job->log, WR_LOG_CHECKPOINT, WEIR_LOG_WARN,
                   "this job keeps state and takes no checkpoints: a crash loses all of it. Set "
                   "execution.checkpointing.interval and execution.checkpointing.dir");
    }
}

static weir_status
build(weir_job *job, const weir_job_parameters *parameters, bool *out_finished, weir_error *err)
{
    WR_TRY(wr_job_open_log(job, parameters, err));
    WR_TRY(wr_plan_create(job->environment, &job->plan, err));
    WR_TRY(wr_job_watch(job, err));
    WR_TRY(wr_job_choose_engine(job, err));
    WR_TRY(find_snapshot(job, parameters, err));
    *out_finished = job->found.finished;
    if (job->found.finished) {
        return WEIR_OK;
    }
    WR_TRY(wr_job_choose_storage(job, err));
    WR_TRY(wr_job_choose_claim(job, parameters->claim_mode, err));
    WR_TRY(choose_ids(job, parameters, err));
    WR_TRY(check_snapshot(job, parameters, err));
    uint64_t next_id;
    WR_TRY(open_storage(job, parameters, &next_id, err));
    WR_TRY(find_newer(job, parameters, &next_id, err));
    if (job->restored && !job->found.latest) {
        WR_TRY(wr_found_snapshot_sync(job->os, &job->found, err));
    }
    WR_TRY(make_coordinator(job, next_id, err));
    WR_TRY(wr_job_restart_init(job, parameters, err));
    WR_TRY(wr_job_make_work_directory(job, err));
    WR_TRY(wr_job_open_local_state(job, err));
    WR_TRY(wr_job_wire(job, parameters, err));
    wr_job_see_restored(job);
    say_start(job);
    return WEIR_OK;
}

weir_status
wr_job_create_on(struct wr_os *os, weir_environment *environment,
                 const weir_job_parameters *parameters, weir_job **out_job, weir_error *err)
{
    weir_job *job = wr_memory_new(&environment->alloc, sizeof *job);
    if (job == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the job");
    }
    job->alloc = environment->alloc;
    job->os = os;
    job->environment = environment;
    job->options = environment->options;
    job->name = wr_environment_job_name(environment);
    job->state = WEIR_JOB_INITIALIZING;
    wr_arena_init(&job->arena, &job->alloc);
    wr_manifest_init(&job->found.manifest, &job->alloc);
    wr_parker_init(&job->parker, os);
    wr_mutex_init(&job->seen.mutex, os);
    wr_mutex_init(&job->unstarted, os);
    wr_mailbox_init(&job->reports);
    wr_mailbox_init(&job->io_replies);
    wr_mailbox_init(&job->inquiries);
    wr_executor_init(&job->io, os);
    wr_host_requests_init(&job->requests, os, &job->alloc);
    wr_events_init(&job->events, os, &job->alloc);
    bool finished = false;
    weir_status status = build(job, parameters, &finished, err);
    if (status != WEIR_OK || finished) {
        weir_job_destroy(job);
        job = NULL;
    }
    if (status == WEIR_OK) {
        *out_job = job;
    }
    return status;
}

weir_status
weir_job_create(weir_environment *environment, const weir_job_parameters *parameters,
                weir_job **out_job, weir_error *err)
{
    if (environment == NULL || out_job == NULL) {
        return WEIR_INVALID;
    }
    weir_job_parameters full = { .size = sizeof full };
    if (parameters != NULL) {
        if (parameters->size == 0 || parameters->size > sizeof full) {
            return wr_fail(err, WEIR_INVALID, "weir_job_parameters.size is not set");
        }
        memcpy(&full, parameters, parameters->size);
    }
    return wr_job_create_on(wr_os_posix(), environment, &full, out_job, err);
}
