/* SPDX-License-Identifier: Apache-2.0 */
/* choose: which engine holds the state, and where checkpoints are kept.
 *
 *   engine    state.backend.type: by the code over -D over ... over the configuration file, since
 *             every option is (SB1)
 *   storage   what a legacy engine name brings (SB11), else execution.checkpointing.storage, else
 *             filesystem where there is a directory, else jobmanager (CS1)
 *
 * JobManager storage with a directory is _metadata with all state inside; without one the bytes
 * stay with the coordinator. A job that takes no periodic checkpoints and names no storage keeps
 * none at all: its last checkpoint only commits.
 */
#include "base/fail.h"
#include "job/running.h"
#include "state/factory.h"

#include <stdio.h>
#include <string.h>

/* "jobmanager", "filesystem" of what the option says; NULL where it is not set. */
static const char *
storage_asked_for(const weir_options *options)
{
    const char *text = weir_options_text(options, "execution.checkpointing.storage");
    if (text == NULL) {
        return NULL;
    }
    bool is_memory = strcmp(text, "jobmanager") == 0 || strstr(text, "JobManager") != NULL;
    return is_memory ? "jobmanager" : "filesystem";
}

weir_status
wr_job_choose_engine(weir_job *job, weir_error *err)
{
    const char *name = weir_options_text(job->options, "state.backend.type");
    return wr_backend_factory_find(job->os, name, &job->task_environment.backend_factory, err);
}

weir_status
wr_job_choose_storage(weir_job *job, weir_error *err)
{
    const weir_options *options = job->options;
    const char *backend = weir_options_text(options, "state.backend.type");
    const struct wr_engine_name *known = wr_engine_name_find(backend);
    const char *legacy = known != NULL ? known->storage : NULL;
    const char *asked = storage_asked_for(options);
    bool has_directory = weir_options_text(options, "execution.checkpointing.dir") != NULL ||
                         (job->restored && job->found.latest);
    if (legacy != NULL && asked != NULL && strcmp(legacy, asked) != 0) {
        wr_log_say(&job->log, WR_LOG_STORAGE, WEIR_LOG_WARN,
                   "state.backend.type: %s brings %s storage, which wins over "
                   "execution.checkpointing.storage: %s; name the engine (%s) to choose",
                   backend, legacy, asked, known->engine);
    }
    const char *chosen = legacy != NULL ? legacy : asked;
    bool is_named = chosen != NULL;
    if (chosen == NULL) {
        chosen = has_directory ? "filesystem" : "jobmanager";
    }
    if (strcmp(chosen, "filesystem") == 0 && !has_directory) {
        return wr_fail(err, WEIR_INVALID,
                       "%s is filesystem storage without a directory: add -D "
                       "execution.checkpointing.dir=DIR",
                       legacy != NULL ? "state.backend.type" : "execution.checkpointing.storage");
    }
    job->has_memory_storage = strcmp(chosen, "jobmanager") == 0;
    bool is_periodic = weir_options_is_set(options, "execution.checkpointing.interval");
    if (!job->has_memory_storage || has_directory || (!is_named && !is_periodic)) {
        return WEIR_OK;
    }
    wr_log_say(&job->log, WR_LOG_STORAGE, WEIR_LOG_WARN,
               "checkpoints of this job stay in this process's memory (JobManager storage): a "
               "crash or kill loses them. Set execution.checkpointing.dir to keep them");
    weir_status status = wr_memory_storage_create(&job->alloc, &job->memory_storage);
    return status == WEIR_OK ? WEIR_OK : wr_fail(err, status, "no memory for the job's storage");
}

/* --- what the tasks need of it --- */

/* Thread: task; the storage's names do not change. */
static weir_status
snapshot_path(void *argument, uint64_t checkpoint_id, const char *name, char *out, weir_error *err)
{
    weir_job *job = argument;
    if (job->storage != NULL) {
        return wr_checkpoint_storage_path(job->storage, checkpoint_id, name, out, err);
    }
    (void)snprintf(out, WR_PATH_MAX, "(memory)/chk-%llu/%s", (unsigned long long)checkpoint_id,
                   name); /* for words alone */
    return WEIR_OK;
}

/* Each keyed subtask's part of managed memory. */
static uint64_t
share_of_memory(const weir_job *job)
{
    uint64_t subtasks = 0;
    for (uint32_t i = 0; i < job->plan->operator_count; i++) {
        subtasks += job->plan->operators[i].keyed ? job->plan->operators[i].parallelism : 0;
    }
    return subtasks != 0 ? job->budget.limit_bytes / subtasks : job->budget.limit_bytes;
}

void
wr_job_fill_storage(weir_job *job)
{
    const weir_options *options = job->options;
    struct wr_task_environment *shared = &job->task_environment;
    bool has_any = job->storage != NULL || job->memory_storage != NULL;
    shared->snapshot_path = has_any ? snapshot_path : NULL;
    shared->snapshot_path_argument = job;
    shared->synchronous = !weir_options_bool(options, "state.backend.async");
    shared->message_max = weir_options_bytes(options, "pekko.framesize");
    shared->backend_memory_bytes = share_of_memory(job);
    shared->work_directory = job->work_directory[0] != '\0' ? job->work_directory : NULL;
    shared->local_state = job->local_state;
    shared->keeps_local =
        weir_options_bool(options, "execution.checkpointing.local-backup.enabled");
    shared->restores_local = weir_options_bool(options, "execution.state-recovery.from-local");
    if (job->has_memory_storage) {
        shared->memory_max = weir_options_bytes(options, "weir.jobmanager-storage.max-state-size");
        return; /* always full: a chain in memory would only be longer than what it replaces */
    }
    shared->incremental = weir_options_bool(options, "execution.checkpointing.incremental");
    shared->inline_max =
        weir_options_bytes(options, "execution.checkpointing.data-inline-threshold");
}

/* --- a place for engines that keep files: <localdir>/weir-<job id>/<attempt> --- */

/* What an attempt of this job that was killed has left. A stopped one that wakes up has lost the
 * job already. */
static weir_status
remove_attempt(void *argument, const char *name)
{
    weir_job *job = argument;
    char path[WR_PATH_MAX];
    if (wr_path_join(path, job->work_directory, name, NULL) == WEIR_OK) {
        (void)wr_directory_remove_all(job->os, path, NULL); /* it only takes room */
    }
    return WEIR_OK;
}

weir_status
wr_job_make_work_directory(weir_job *job, weir_error *err)
{
    if (job->task_environment.backend_factory == weir_backend_factory_hashmap()) {
        return WEIR_OK;
    }
    const char *below = weir_options_text(job->options, "state.backend.rocksdb.localdir");
    char name[64];
    char path[WR_PATH_MAX];
    (void)snprintf(name, sizeof name, "weir-%s", job->job_id);
    WR_TRY(wr_path_join(job->work_directory, below != NULL ? below : "/tmp", name, err));
    weir_status status = wr_directory_create_all(job->os, job->work_directory, err);
    if (status == WEIR_OK) {
        status =
            wr_directory_each(job->os, &job->alloc, job->work_directory, remove_attempt, job, err);
    }
    if (status == WEIR_OK) {
        status = wr_path_join(path, job->work_directory, job->attempt, err);
    }
    if (status == WEIR_OK) {
        status = wr_directory_create(job->os, path, err);
    }
    if (status != WEIR_OK) {
        job->work_directory[0] = '\0'; /* nothing there is ours */
        return status;
    }
    memcpy(job->work_directory, path, strlen(path) + 1);
    return WEIR_OK;
}

void
wr_job_remove_work_directory(weir_job *job)
{
    if (job->work_directory[0] != '\0') {
        /* What is left of it only takes room, and goes when the job is started again. */
        (void)wr_directory_remove_all(job->os, job->work_directory, NULL);
        *strrchr(job->work_directory, '/') = '\0';
        (void)wr_directory_remove(job->os, job->work_directory, NULL);
    }
}
