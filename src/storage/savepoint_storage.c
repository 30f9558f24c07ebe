/* SPDX-License-Identifier: Apache-2.0 */
/* savepoint_storage: a savepoint's way from being built to complete.
 *
 *   NAMED      no directory yet                        [create]
 *   NAMED      --begin-->    BUILDING .savepoint-X.A   [begin]
 *   BUILDING   --complete--> COMPLETE savepoint-X      [complete]
 *   BUILDING   --abandon-->  removed                   [abandon]
 *   UNSURE     renamed, but not known to be durable    [publish] --abandon--> removed
 *
 * The order of completion is a checkpoint's (commit.c): data files (synced by who wrote them),
 * _metadata under another name, synced, then its own name, then the directory; then the rename,
 * which never replaces; then the parent; then, where it ends the job, its mark (saved_mark.c). A
 * power cut shows the savepoint whole or not at all.
 *
 * Invariants:
 *   (1) The building directory's name holds the attempt: nobody else ever makes it, and who finds
 *       it knows whether its maker lives.
 *   (2) A savepoint that is withdrawn, because its completion failed behind the rename, loses its
 *       first file only when its absence is durable.
 *   (3) Who says that it is complete was not fenced when it became visible: asked before, so that
 *       it seldom is seen, and behind, so that it is taken back.
 *   (4) What stands under the final name is taken back only if the building directory is gone:
 *       then it is ours.
 */
#include "storage/savepoint_storage.h"

#include "base/fail.h"
#include "base/memory.h"
#include "snapshot/manifest_format.h"
#include "storage/checkpoint_storage.h"
#include "storage/find.h"
#include "storage/layout.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME_TRIES = 10, /* as often as Flink tries to make the directory */
    JOB_DIGITS = 6,
    DRAWN_BYTES = 6,
    NAME_SIZE = sizeof "savepoint-" + JOB_DIGITS + 1 + 2 * DRAWN_BYTES,
    HIDDEN_SIZE = 1 + NAME_SIZE + WR_ATTEMPT_SIZE
};

struct wr_savepoint {
    struct wr_os *os;
    weir_alloc alloc;
    bool is_unsure; /* its completion failed, maybe after the rename */
    char job_id[WR_JOB_ID_SIZE];
    char attempt[WR_ATTEMPT_SIZE];
    char target[WR_PATH_MAX];
    char building[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    char hidden[WR_PATH_MAX];              /* the attempt's; "": nobody can fence us */
    struct wr_checkpoint_storage *storage; /* lent; NULL: none */
    bool is_marked;                        /* in the job's directory, or may be */
};

/* "savepoint-<6>-" and 12 digits drawn. */
static weir_status
draw_name(struct wr_os *os, const char *job_id, char out_name[NAME_SIZE], weir_error *err)
{
    uint8_t bytes[DRAWN_BYTES];
    int failure = os->ops->random(os, bytes, sizeof bytes);
    if (failure != 0) {
        return wr_fail_errno(err, failure, "no randomness from the system for a savepoint's name");
    }
    int size = snprintf(out_name, NAME_SIZE, "savepoint-%.*s-", JOB_DIGITS, job_id);
    for (size_t i = 0; i < sizeof bytes; i++) {
        size += snprintf(out_name + size, NAME_SIZE - (size_t)size, "%02x", bytes[i]);
    }
    return WEIR_OK;
}

static weir_status
make_names(struct wr_savepoint *savepoint, const char *directory, weir_error *err)
{
    char name[NAME_SIZE];
    char hidden[HIDDEN_SIZE];
    WR_TRY(wr_location_path(directory, savepoint->target, err));
    WR_TRY(draw_name(savepoint->os, savepoint->job_id, name, err));
    snprintf(hidden, sizeof hidden, ".%s.%s", name, savepoint->attempt);
    WR_TRY(wr_path_join(savepoint->building, savepoint->target, hidden, err));
    return wr_path_join(savepoint->path, savepoint->target, name, err);
}

weir_status
wr_savepoint_create(const struct wr_savepoint_parameters *parameters,
                    struct wr_savepoint **out_savepoint, weir_error *err)
{
    if (!wr_is_hex_id(parameters->job_id) || !wr_is_hex_id(parameters->attempt)) {
        return wr_fail(err, WEIR_INVALID,
                       "savepoint: job id '%s' and attempt '%s' must be 32 hex digits (0-9a-f)",
                       parameters->job_id, parameters->attempt);
    }
    struct wr_savepoint *savepoint = wr_memory_new(&parameters->alloc, sizeof *savepoint);
    if (savepoint == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a savepoint in %s", parameters->directory);
    }
    savepoint->os = parameters->os;
    savepoint->alloc = parameters->alloc;
    memcpy(savepoint->job_id, parameters->job_id, sizeof savepoint->job_id);
    memcpy(savepoint->attempt, parameters->attempt, sizeof savepoint->attempt);
    weir_status status = make_names(savepoint, parameters->directory, err);
    savepoint->storage = parameters->storage;
    if (status == WEIR_OK && savepoint->storage != NULL) {
        const char *hidden = wr_checkpoint_storage_hidden(savepoint->storage);
        status = wr_path_join(savepoint->hidden, hidden, "", err);
    }
    if (status != WEIR_OK) {
        wr_savepoint_destroy(savepoint);
        return status;
    }
    *out_savepoint = savepoint;
    return WEIR_OK;
}

void
wr_savepoint_destroy(struct wr_savepoint *savepoint)
{
    if (savepoint != NULL) {
        weir_alloc alloc = savepoint->alloc;
        wr_memory_free(&alloc, savepoint, sizeof *savepoint);
    }
}

const char *
wr_savepoint_building(const struct wr_savepoint *savepoint)
{
    return savepoint->building;
}

const char *
wr_savepoint_path(const struct wr_savepoint *savepoint)
{
    return savepoint->path;
}

weir_status
wr_savepoint_begin(struct wr_savepoint *savepoint, weir_error *err)
{
    WR_TRY(wr_directory_create_all(savepoint->os, savepoint->target, err));
    return wr_directory_create(savepoint->os, savepoint->building, err);
}

/* --- completion --- */

static weir_status
check_files(const struct wr_manifest_subtask *subtask, weir_error *err)
{
    for (uint32_t i = 0; i < subtask->file_count; i++) {
        const struct wr_manifest_file *file = &subtask->files[i];
        if (file->is_shared || wr_manifest_shared_name(file) != NULL) {
            return wr_fail(err, WEIR_INVALID,
                           "a savepoint stands for itself, but subtask %u needs the shared file %s",
                           subtask->index, file->path);
        }
    }
    return WEIR_OK;
}

static weir_status
check_manifest(const struct wr_savepoint *savepoint, const struct wr_manifest *manifest,
               weir_error *err)
{
    if (strcmp(manifest->job_id, savepoint->job_id) != 0 ||
        strcmp(manifest->attempt, savepoint->attempt) != 0 ||
        !wr_checkpoint_is_savepoint(manifest->kind)) {
        return wr_fail(err, WEIR_INVALID,
                       "snapshot %llu of job %s, attempt %s is no savepoint of job %s, attempt %s",
                       (unsigned long long)manifest->checkpoint_id, manifest->job_id,
                       manifest->attempt, savepoint->job_id, savepoint->attempt);
    }
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        const struct wr_manifest_operator *op = &manifest->operators[i];
        for (uint32_t j = 0; j < op->subtask_count; j++) {
            WR_TRY(check_files(&op->subtasks[j], err));
        }
    }
    return WEIR_OK;
}

/* Takes what stands under the final name back, or finds that the rename was never done. Where the
 * mark stays, the savepoint does: whoever goes on will look for it. */
static weir_status
withdraw(struct wr_savepoint *savepoint, weir_error *err)
{
    struct wr_os_stat found;
    if (savepoint->is_marked) {
        WR_TRY(wr_checkpoint_storage_unmark_saved(savepoint->storage, err));
        savepoint->is_marked = false;
    }
    weir_status status = wr_path_stat(savepoint->os, savepoint->building, &found, err);
    if (status == WEIR_NOT_FOUND) {
        status = wr_path_rename(savepoint->os, savepoint->path, savepoint->building, false, err);
        if (status == WEIR_NOT_FOUND) {
            status = WEIR_OK;
        }
    }
    WR_TRY(status);
    WR_TRY(wr_directory_sync(savepoint->os, savepoint->target, err));
    savepoint->is_unsure = false;
    return WEIR_OK;
}

/* Renames to the name drawn first, or to another where that is taken. */
static weir_status
rename_out(struct wr_savepoint *savepoint, weir_error *err)
{
    weir_status status =
        wr_path_rename(savepoint->os, savepoint->building, savepoint->path, false, err);
    for (int i = 1; i < NAME_TRIES && status == WEIR_BUSY; i++) {
        char name[NAME_SIZE];
        WR_TRY(draw_name(savepoint->os, savepoint->job_id, name, err));
        WR_TRY(wr_path_join(savepoint->path, savepoint->target, name, err));
        status = wr_path_rename(savepoint->os, savepoint->building, savepoint->path, false, err);
    }
    return status;
}

/* Whether the attempt still has its job. */
static weir_status
check_fence(const struct wr_savepoint *savepoint, weir_error *err)
{
    struct wr_os_stat found;
    if (savepoint->hidden[0] == '\0') {
        return WEIR_OK;
    }
    weir_status status = wr_path_stat(savepoint->os, savepoint->hidden, &found, err);
    if (status == WEIR_NOT_FOUND) {
        return wr_fail(err, WEIR_CANCELLED,
                       "fenced: attempt %s was taken over by another process; its savepoint %s is "
                       "given up",
                       savepoint->attempt, savepoint->path);
    }
    return status;
}

/* What one that ends the job holds is committed next. */
static weir_status
mark(struct wr_savepoint *savepoint, const struct wr_manifest *manifest, weir_error *err)
{
    if (savepoint->storage == NULL || !wr_checkpoint_is_last(manifest->kind)) {
        return WEIR_OK;
    }
    struct wr_checkpoint_storage *storage = savepoint->storage;
    uint64_t id = manifest->checkpoint_id;
    weir_status status = wr_checkpoint_storage_mark_saved(storage, id, savepoint->path, err);
    savepoint->is_marked = wr_checkpoint_storage_saved(storage) == id; /* not the one before */
    return status;
}

static weir_status
publish(struct wr_savepoint *savepoint, const struct wr_manifest *manifest, weir_error *err)
{
    savepoint->is_unsure = true; /* a rename that fails may have been done all the same */
    weir_status status = rename_out(savepoint, err);
    if (status == WEIR_OK) {
        status = wr_directory_sync(savepoint->os, savepoint->target, err);
    }
    if (status == WEIR_OK) {
        status = check_fence(savepoint, err);
    }
    if (status == WEIR_OK) {
        status = mark(savepoint, manifest, err);
    }
    if (status != WEIR_OK) {
        /* Where this fails too it stays unsure: abandon tries again, and says so. */
        (void)withdraw(savepoint, NULL);
        return status;
    }
    savepoint->is_unsure = false;
    return WEIR_OK;
}

weir_status
wr_savepoint_complete(struct wr_savepoint *savepoint, const struct wr_manifest *manifest,
                      weir_error *err)
{
    WR_TRY(check_manifest(savepoint, manifest, err));
    WR_TRY(wr_metadata_write(savepoint->os, &savepoint->alloc, savepoint->building, manifest, err));
    WR_TRY(check_fence(savepoint, err));
    return publish(savepoint, manifest, err);
}

weir_status
wr_savepoint_abandon(struct wr_savepoint *savepoint, weir_error *err)
{
    if (savepoint->is_unsure) {
        WR_TRY(withdraw(savepoint, err));
    }
    return wr_directory_remove_all(savepoint->os, savepoint->building, err);
}

/* --- what kills leave behind --- */

struct sweep {
    struct wr_os *os;
    const char *target;
    const char *job_id;
    bool (*is_fenced)(void *argument, const char *attempt);
    void *argument;
    weir_error *err;
};

/* The attempt in ".savepoint-<6 of the job id>-<12>.<attempt>"; NULL: another name. */
static const char *
attempt_in(const char *name, const char *job_id)
{
    char prefix[HIDDEN_SIZE];
    int size = snprintf(prefix, sizeof prefix, ".savepoint-%.*s-", JOB_DIGITS, job_id);
    if (strncmp(name, prefix, (size_t)size) != 0) {
        return NULL;
    }
    const char *drawn = name + size;
    const char *dot = drawn + 2 * DRAWN_BYTES;
    bool is_ours = strspn(drawn, "0123456789abcdef") == 2 * DRAWN_BYTES && wr_is_attempt_name(dot);
    return is_ours ? dot + 1 : NULL;
}

static weir_status
sweep_one(void *argument, const char *name)
{
    const struct sweep *sweep = argument;
    const char *attempt = attempt_in(name, sweep->job_id);
    if (attempt == NULL || !sweep->is_fenced(sweep->argument, attempt)) {
        return WEIR_OK;
    }
    char path[WR_PATH_MAX];
    WR_TRY(wr_path_join(path, sweep->target, name, sweep->err));
    return wr_directory_remove_all(sweep->os, path, sweep->err);
}

weir_status
wr_savepoints_sweep(struct wr_os *os, const weir_alloc *alloc, const char *directory,
                    const char *job_id, bool (*is_fenced)(void *argument, const char *attempt),
                    void *argument, weir_error *err)
{
    char target[WR_PATH_MAX];
    WR_TRY(wr_location_path(directory, target, err));
    struct sweep sweep = { .os = os,
                           .target = target,
                           .job_id = job_id,
                           .is_fenced = is_fenced,
                           .argument = argument,
                           .err = err };
    weir_status status = wr_directory_each(os, alloc, target, sweep_one, &sweep, err);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}
