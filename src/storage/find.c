/* SPDX-License-Identifier: Apache-2.0 */
/* find: from what a user says of a snapshot to the one it means.
 *
 * A path means what it says, whatever it is called. latest: means a job, and decides for the user,
 * so it decides only where there is one answer: jobs that are still under way before those that
 * reached their end, and of several none. The newest checkpoint is the one of the highest id, or
 * the savepoint that was to end the job; where it cannot be used that is said, with the next older
 * one if that may be gone on from, and never passed over in silence.
 */
#include "storage/find.h"

#include "base/fail.h"
#include "snapshot/manifest_format.h"
#include "storage/layout.h"
#include "storage/saved_mark.h"
#include "storage/search.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char latest_prefix[] = "latest:";

/* --- one checkpoint --- */

static weir_status
check_file(struct wr_os *os, const struct wr_manifest_operator *op,
           const struct wr_manifest_file *file, const char *directory, weir_error *err)
{
    if (file->path[0] == '\0') {
        return WEIR_OK; /* it stands in the manifest */
    }
    char path[WR_PATH_MAX];
    struct wr_os_stat found;
    WR_TRY(wr_path_join(path, directory, file->path, err));
    weir_status status = wr_path_stat(os, path, &found, err);
    if (status == WEIR_NOT_FOUND) {
        return wr_fail(err, WEIR_CORRUPT,
                       "state file %s of operator '%s' is not there, but the manifest names it",
                       path, op->name);
    }
    WR_TRY(status);
    if (found.size != file->size) {
        return wr_fail(
            err, WEIR_CORRUPT,
            "state file %s of operator '%s' ends at offset %llu, the manifest says at %llu", path,
            op->name, (unsigned long long)found.size, (unsigned long long)file->size);
    }
    return WEIR_OK;
}

/* That the files the manifest names are there, in their lengths. Their checksums are compared as
 * they are read. */
static weir_status
check_files(struct wr_os *os, const struct wr_manifest *manifest, const char *directory,
            weir_error *err)
{
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        const struct wr_manifest_operator *op = &manifest->operators[i];
        for (uint32_t j = 0; j < op->subtask_count; j++) {
            const struct wr_manifest_subtask *subtask = &op->subtasks[j];
            for (uint32_t k = 0; k < subtask->file_count; k++) {
                WR_TRY(check_file(os, op, &subtask->files[k], directory, err));
            }
        }
    }
    return WEIR_OK;
}

/* Reads the checkpoint that stands in found->directory. */
static weir_status
read_checkpoint(struct wr_os *os, struct wr_found_snapshot *found, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_path_join(path, found->directory, WR_METADATA_NAME, err));
    WR_TRY(wr_manifest_read(&found->manifest, os, path, err));
    WR_TRY(check_files(os, &found->manifest, found->directory, err));
    memcpy(found->job_id, found->manifest.job_id, sizeof found->job_id);
    return WEIR_OK;
}

static weir_status
fail_no_metadata(const char *directory, weir_error *err)
{
    return wr_fail(err, WEIR_NOT_FOUND,
                   "Cannot find meta data file '" WR_METADATA_NAME
                   "' in directory '%s': it is no complete checkpoint",
                   directory);
}

static weir_status
find_path(struct wr_os *os, const char *text, struct wr_found_snapshot *found, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_location_path(text, path, err));
    struct wr_os_stat stat;
    weir_status status = wr_path_stat(os, path, &stat, err);
    if (status == WEIR_NOT_FOUND) {
        return wr_fail(err, status, "Cannot find checkpoint or savepoint file/directory '%s'",
                       text);
    }
    WR_TRY(status);
    if (stat.kind != WR_OS_DIRECTORY) {
        size_t above = (size_t)(wr_path_last(path) - path);
        if (strcmp(path + above, WR_METADATA_NAME) != 0) {
            return wr_fail(
                err, WEIR_NOT_FOUND,
                "'%s' is neither a checkpoint's directory nor its '" WR_METADATA_NAME "'", text);
        }
        if (above == 0) {
            path[above++] = '.'; /* a bare name: in the directory we are in */
        } else if (above > 1) {
            above--; /* the slash, but for that of the root */
        }
        path[above] = '\0';
    }
    memcpy(found->directory, path, strlen(path) + 1);
    status = read_checkpoint(os, found, err);
    return status == WEIR_NOT_FOUND ? fail_no_metadata(found->directory, err) : status;
}

/* --- latest: --- */

struct choice {
    const struct wr_job_found *running; /* the first that may be it and has not reached its end */
    size_t running_count;
    const struct wr_job_found *finished; /* the same, of those that have */
    const struct wr_job_found *other;    /* of another name */
};

static struct choice
choose(const struct wr_job_search *search, const char *job_name)
{
    struct choice choice = { 0 };
    for (const struct wr_job_found *job = search->jobs; job != NULL; job = job->next) {
        if (!wr_job_found_may_be(job, job_name)) {
            choice.other = choice.other != NULL ? choice.other : job;
        } else if (job->is_finished) {
            choice.finished = choice.finished != NULL ? choice.finished : job;
        } else {
            choice.running = choice.running != NULL ? choice.running : job;
            choice.running_count++;
        }
    }
    return choice;
}

static weir_status
fail_several(const struct wr_job_search *search, const char *text, const char *job_name,
             weir_error *err)
{
    char list[600] = "";
    size_t size = 0;
    for (const struct wr_job_found *job = search->jobs; job != NULL; job = job->next) {
        if (wr_job_found_may_be(job, job_name) && !job->is_finished && size < sizeof list) {
            int more = snprintf(list + size, sizeof list - size, "%s%s (chk-%llu%s)",
                                size > 0 ? ", " : "", job->job_id, (unsigned long long)job->newest,
                                job->job_name == NULL ? ", cannot be read" : "");
            size += more > 0 ? (size_t)more : 0;
        }
    }
    return wr_fail(err, WEIR_INVALID,
                   "'%s': several jobs named '%s' have checkpoints there, choose one by "
                   "latest:DIR/<job-id>: %s",
                   text, job_name, list);
}

static weir_status
fail_none(const struct choice *choice, const char *text, const char *job_name, weir_error *err)
{
    if (choice->other != NULL) {
        return wr_fail(err, WEIR_VERSION,
                       "'%s': there is no checkpoint of job '%s', but of job '%s' in %s", text,
                       job_name, choice->other->job_name, choice->other->path);
    }
    return wr_fail(err, WEIR_NOT_FOUND,
                   "Cannot find checkpoint or savepoint file/directory '%s': there is no complete "
                   "checkpoint of job '%s'",
                   text, job_name);
}

/* Puts the next older one behind the words, or that there is none. */
static weir_status
fail_newest(const struct wr_job_found *job, const char *directory, weir_status status,
            const weir_error *why, weir_error *err)
{
    char older[WR_PATH_MAX];
    if (job->older != 0 && wr_checkpoint_path(job->path, job->older, older, NULL) == WEIR_OK) {
        return wr_fail(
            err, status,
            "the newest checkpoint %s cannot be used: %s. The next older one is %s: -s %s "
            "restores that",
            directory, why->message, older, older);
    }
    return wr_fail(err, status,
                   "the newest checkpoint %s cannot be used: %s. There is no older one", directory,
                   why->message);
}

static weir_status
read_newest(struct wr_os *os, const struct wr_job_found *job, struct wr_found_snapshot *found,
            weir_error *err)
{
    weir_error why = { .status = WEIR_OK };
    WR_TRY(wr_checkpoint_path(job->path, job->newest, found->directory, err));
    weir_status status = read_checkpoint(os, found, &why);
    const char *last = wr_path_last(job->path);
    if (status == WEIR_OK && found->manifest.checkpoint_id != job->newest) {
        status = wr_fail(&why, WEIR_CORRUPT, "its manifest is that of checkpoint %llu",
                         (unsigned long long)found->manifest.checkpoint_id);
    } else if (status == WEIR_OK && wr_is_job_name(last) &&
               strcmp(last, found->manifest.job_id) != 0) {
        status = wr_fail(&why, WEIR_CORRUPT, "its manifest is that of job id %s",
                         found->manifest.job_id);
    }
    if (status == WEIR_OK) {
        return WEIR_OK;
    }
    return fail_newest(job, found->directory, status == WEIR_NOT_FOUND ? WEIR_CORRUPT : status,
                       &why, err);
}

/* What it holds may be committed: no older one will do. */
static weir_status
read_saved(struct wr_os *os, const struct wr_job_found *job, struct wr_found_snapshot *found,
           weir_error *err)
{
    weir_error why = { .status = WEIR_OK };
    weir_status status = find_path(os, job->savepoint, found, &why);
    if (status == WEIR_OK && (found->manifest.checkpoint_id != job->saved ||
                              strcmp(found->manifest.job_id, job->job_id) != 0)) {
        status = wr_fail(&why, WEIR_CORRUPT, "what stands there is snapshot %llu of job id %s",
                         (unsigned long long)found->manifest.checkpoint_id, found->manifest.job_id);
    }
    if (status == WEIR_OK) {
        return WEIR_OK;
    }
    return wr_fail(err, status == WEIR_NOT_FOUND ? WEIR_CORRUPT : status,
                   "the savepoint %s that was to end the job cannot be used: %s. What it holds may "
                   "be committed, so no older checkpoint is gone on from: if it was moved, -s its "
                   "new place. " WR_SAVED_NAME " in %s names it",
                   job->savepoint, why.message, job->path);
}

static weir_status
find_latest(struct wr_os *os, const weir_alloc *alloc, const char *text, const char *job_name,
            struct wr_found_snapshot *found, weir_error *err)
{
    char directory[WR_PATH_MAX];
    WR_TRY(wr_location_path(text + sizeof latest_prefix - 1, directory, err));
    struct wr_job_search search;
    wr_job_search_init(&search, os, alloc);
    weir_status status = wr_job_search_run(&search, directory, err);
    struct choice choice = { 0 };
    if (status == WEIR_OK) {
        choice = choose(&search, job_name);
    }
    found->latest = true;
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        goto out;
    }
    if (choice.running_count > 1) {
        status = fail_several(&search, text, job_name, err);
    } else if (choice.running_count == 1) {
        memcpy(found->job_directory, choice.running->path, strlen(choice.running->path) + 1);
        status = choice.running->saved != 0 ? read_saved(os, choice.running, found, err)
                                            : read_newest(os, choice.running, found, err);
    } else if (choice.finished != NULL) {
        found->finished = true;
        snprintf(found->job_id, sizeof found->job_id, "%s", choice.finished->job_id);
        memcpy(found->directory, choice.finished->path, strlen(choice.finished->path) + 1);
        status = WEIR_OK;
    } else {
        status = fail_none(&choice, text, job_name, err);
    }
out:
    wr_job_search_fini(&search);
    return status;
}

weir_status
wr_snapshot_find(struct wr_os *os, const weir_alloc *alloc, const char *text, const char *job_name,
                 struct wr_found_snapshot *out_found, weir_error *err)
{
    memset(out_found, 0, sizeof *out_found);
    wr_manifest_init(&out_found->manifest, alloc);
    weir_status status;
    if (strncmp(text, latest_prefix, sizeof latest_prefix - 1) == 0) {
        status = find_latest(os, alloc, text, job_name, out_found, err);
    } else {
        status = find_path(os, text, out_found, err);
    }
    if (status != WEIR_OK) {
        wr_manifest_fini(&out_found->manifest);
    }
    return status;
}

static weir_status
sync_if_possible(struct wr_os *os, const char *path, weir_error *err)
{
    weir_error why = { .status = WEIR_OK };
    weir_status status = wr_directory_sync(os, path, &why);
    if (status == WEIR_NOT_FOUND || why.sys_errno == EINVAL || why.sys_errno == EROFS) {
        return WEIR_OK;
    }
    if (status != WEIR_OK && err != NULL) {
        *err = why;
    }
    return status;
}

/* Both parents of the rename that made it visible. */
weir_status
wr_found_snapshot_sync(struct wr_os *os, const struct wr_found_snapshot *found, weir_error *err)
{
    char path[WR_PATH_MAX];
    char name[1 + WR_ATTEMPT_SIZE] = ".";
    memcpy(name + 1, found->manifest.attempt, WR_ATTEMPT_SIZE);
    WR_TRY(wr_path_join(path, found->directory, "..", err));
    WR_TRY(sync_if_possible(os, path, err));
    WR_TRY(wr_path_join(path, path, name, err));
    return sync_if_possible(os, path, err);
}

void
wr_found_snapshot_fini(struct wr_found_snapshot *found)
{
    wr_manifest_fini(&found->manifest);
}

/* --- the refusal to start empty --- */

weir_status
wr_snapshot_newest(struct wr_os *os, const weir_alloc *alloc, const char *directory,
                   const char *job_name, char *out_path, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_location_path(directory, path, err));
    struct wr_job_search search;
    wr_job_search_init(&search, os, alloc);
    weir_status status = wr_job_search_run(&search, path, err);
    const struct wr_job_found *newest = NULL;
    if (status == WEIR_OK) {
        for (const struct wr_job_found *job = search.jobs; job != NULL; job = job->next) {
            if (!job->is_finished && wr_job_found_may_be(job, job_name) &&
                (newest == NULL || job->complete_ms > newest->complete_ms)) {
                newest = job;
            }
        }
    }
    if (newest != NULL && newest->saved != 0) {
        status = wr_path_join(out_path, newest->savepoint, "", err);
    } else if (newest != NULL) {
        status = wr_checkpoint_path(newest->path, newest->newest, out_path, err);
    } else if (status == WEIR_OK || status == WEIR_NOT_FOUND) {
        status = wr_fail(err, WEIR_NOT_FOUND, "there is no complete checkpoint of job '%s' in %s",
                         job_name, path);
    }
    wr_job_search_fini(&search);
    return status;
}
