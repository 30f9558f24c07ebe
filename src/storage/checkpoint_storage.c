/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint_storage: opens the place where one job's checkpoints live, and looks at what is there.
 *
 * Opening, in this order:
 *   1. the checkpoint directory               made where missing, each new name synced
 *   2. the job's lock                         lock.c; the last attempt it names is fenced
 *   3. other attempts in the job's directory  fence.c, before the lock's guard is let go
 *   4. .<attempt>                             likewise; from here on we may build
 *   5. _finished of an earlier run            likewise gone: this job runs again
 *   6. shared, taskowned                      as Flink has them
 */
#include "base/fail.h"
#include "base/little.h"
#include "snapshot/manifest_format.h"
#include "storage/find.h"
#include "storage/handle.h"
#include "storage/layout.h"
#include "storage/savepoint_storage.h"

#include <string.h>

/* --- opening and closing --- */

static weir_status
check_parameters(const struct wr_storage_parameters *parameters, weir_error *err)
{
    if (parameters->job_name == NULL || parameters->job_name[0] == '\0' ||
        strlen(parameters->job_name) > WR_MANIFEST_TEXT_MAX ||
        strpbrk(parameters->job_name, "\r\n") != NULL) {
        return wr_fail(err, WEIR_INVALID,
                       "checkpoint storage: the job needs a name, of one line and at most %d bytes",
                       WR_MANIFEST_TEXT_MAX);
    }
    if (!wr_is_hex_id(parameters->job_id) || !wr_is_hex_id(parameters->attempt)) {
        return wr_fail(
            err, WEIR_INVALID,
            "checkpoint storage: job id '%s' and attempt '%s' must be 32 hex digits (0-9a-f)",
            parameters->job_id, parameters->attempt);
    }
    return WEIR_OK;
}

static weir_status
fill(struct wr_checkpoint_storage *storage, const struct wr_storage_parameters *parameters,
     weir_error *err)
{
    memcpy(storage->job_id, parameters->job_id, sizeof storage->job_id);
    memcpy(storage->attempt, parameters->attempt, sizeof storage->attempt);
    storage->job_name = wr_memory_copy_text(&storage->alloc, parameters->job_name);
    if (storage->job_name == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to open the checkpoint storage");
    }
    WR_TRY(wr_location_path(parameters->directory, storage->root, err));
    return wr_path_join(storage->job_directory, storage->root,
                        storage->create_subdir ? storage->job_id : "", err);
}

static weir_status
make_in_job_directory(struct wr_checkpoint_storage *storage, const char *name, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_path_join(path, storage->job_directory, name, err));
    return wr_directory_create(storage->os, path, err);
}

weir_status
wr_remove_finished(struct wr_checkpoint_storage *storage, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_path_join(path, storage->job_directory, WR_FINISHED_NAME, err));
    weir_status status = wr_path_unlink(storage->os, path, err);
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK;
    }
    WR_TRY(status);
    return wr_directory_sync(storage->os, storage->job_directory, err);
}

static weir_status
open_storage(struct wr_checkpoint_storage *storage, bool take_over, weir_error *err)
{
    WR_TRY(wr_directory_create_all(storage->os, storage->root, err));
    WR_TRY(wr_job_lock_take(storage, take_over, err));
    WR_TRY(wr_directory_sync(storage->os, storage->root, err));
    WR_TRY(wr_find_saved_mark(storage, err));
    WR_TRY(make_in_job_directory(storage, "shared", err));
    /* completion syncs the directory's names */
    return make_in_job_directory(storage, "taskowned", err);
}

static void
destroy(struct wr_checkpoint_storage *storage)
{
    wr_job_lock_drop(storage);
    weir_alloc alloc = storage->alloc;
    wr_buffer_fini(&storage->fenced);
    wr_buffer_fini(&storage->replaced);
    if (storage->job_name != NULL) {
        wr_memory_free(&alloc, storage->job_name, strlen(storage->job_name) + 1);
    }
    wr_memory_free(&alloc, storage, sizeof *storage);
}

weir_status
wr_checkpoint_storage_open(const struct wr_storage_parameters *parameters,
                           struct wr_checkpoint_storage **out_storage, weir_error *err)
{
    WR_TRY(check_parameters(parameters, err));
    struct wr_checkpoint_storage *storage = wr_memory_new(&parameters->alloc, sizeof *storage);
    if (storage == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to open the checkpoint storage");
    }
    storage->os = parameters->os;
    storage->alloc = parameters->alloc;
    storage->create_subdir = parameters->create_subdir;
    storage->lock_file = -1;
    wr_buffer_init(&storage->fenced, &storage->alloc);
    wr_buffer_init(&storage->replaced, &storage->alloc);
    weir_status status = fill(storage, parameters, err);
    if (status == WEIR_OK) {
        status = open_storage(storage, parameters->take_over, err);
    }
    if (status != WEIR_OK) {
        destroy(storage);
        return status;
    }
    *out_storage = storage;
    return WEIR_OK;
}

void
wr_checkpoint_storage_close(struct wr_checkpoint_storage *storage)
{
    if (storage == NULL) {
        return;
    }
    if (storage->unsure == 0 && !storage->may_reappear) {
        /* What is left of it is swept by the next opening, which makes it durable first that names
         * were moved into it. */
        (void)wr_directory_remove_all(storage->os, storage->hidden, NULL);
    }
    destroy(storage);
}

/* What the last attempt was completing when it failed must not be found complete later: what goes
 * on from here was not restored from it. */
static weir_status
give_up_unsure(struct wr_checkpoint_storage *storage, weir_error *err)
{
    if (storage->unsure != 0) {
        WR_TRY(wr_checkpoint_storage_abandon(storage, storage->unsure, err));
    }
    if (storage->sharing != 0) {
        WR_TRY(wr_checkpoint_storage_abandon(storage, storage->sharing, err));
    }
    return storage->is_saved_unsure ? wr_checkpoint_storage_unmark_saved(storage, err) : WEIR_OK;
}

weir_status
wr_checkpoint_storage_renew(struct wr_checkpoint_storage *storage, const char *attempt,
                            weir_error *err)
{
    if (!wr_is_hex_id(attempt) || strcmp(attempt, storage->attempt) == 0) {
        return wr_fail(err, WEIR_INVALID,
                       "checkpoint storage: the next attempt '%s' must be 32 hex digits (0-9a-f), "
                       "and not the last one",
                       attempt);
    }
    WR_TRY(give_up_unsure(storage, err));
    return wr_job_lock_renew(storage, attempt, err);
}

static bool
has_fenced(void *argument, const char *attempt)
{
    const struct wr_checkpoint_storage *storage = argument;
    const struct wr_buffer *fenced = &storage->fenced;
    for (size_t at = 0; at < fenced->size; at += WR_ATTEMPT_SIZE) {
        if (strcmp((const char *)fenced->data + at, attempt) == 0) {
            return true;
        }
    }
    return false;
}

weir_status
wr_checkpoint_storage_sweep_savepoints(struct wr_checkpoint_storage *storage, const char *directory,
                                       weir_error *err)
{
    return wr_savepoints_sweep(storage->os, &storage->alloc, directory, storage->job_id, has_fenced,
                               storage, err);
}

/* --- paths --- */

const char *
wr_checkpoint_storage_hidden(const struct wr_checkpoint_storage *storage)
{
    return storage->hidden;
}

weir_status
wr_checkpoint_storage_path(const struct wr_checkpoint_storage *storage, uint64_t checkpoint_id,
                           const char *name, char *out, weir_error *err)
{
    if (!wr_is_plain_name(name)) {
        return wr_fail(err, WEIR_INVALID, "'%s' is not a plain file name [A-Za-z0-9._-]+", name);
    }
    char directory[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    WR_TRY(wr_checkpoint_path(storage->hidden, checkpoint_id, directory, err));
    WR_TRY(wr_path_join(path, directory, name, err));
    memcpy(out, path, strlen(path) + 1);
    return WEIR_OK;
}

weir_status
wr_checkpoint_storage_complete_path(const struct wr_checkpoint_storage *storage,
                                    uint64_t checkpoint_id, char *out, weir_error *err)
{
    return wr_checkpoint_path(storage->job_directory, checkpoint_id, out, err);
}

/* --- what is there --- */

/* Without a level of its own the job may share its directory: whose a checkpoint is, its manifest
 * says. One that cannot be read is not ours to drop. */
static weir_status
is_own(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id, bool *out_own,
       weir_error *err)
{
    if (storage->create_subdir) {
        *out_own = true;
        return WEIR_OK;
    }
    char path[WR_PATH_MAX];
    WR_TRY(wr_checkpoint_path(storage->job_directory, checkpoint_id, path, err));
    WR_TRY(wr_path_join(path, path, WR_METADATA_NAME, err));
    struct wr_manifest manifest;
    wr_manifest_init(&manifest, &storage->alloc);
    weir_status status = wr_manifest_read(&manifest, storage->os, path, err);
    bool is_ours = status == WEIR_OK && strcmp(manifest.job_id, storage->job_id) == 0;
    wr_manifest_fini(&manifest);
    if (status == WEIR_IO || status == WEIR_NOMEM) {
        return status;
    }
    *out_own = is_ours;
    return WEIR_OK;
}

/* Of the ids, ascending, the last `room` ones that are ours; written from the back. */
static weir_status
take_own(struct wr_checkpoint_storage *storage, const struct wr_buffer *ids, uint64_t *out_ids,
         size_t room, size_t *out_count, weir_error *err)
{
    size_t count = 0;
    for (size_t at = ids->size; at > 0 && count < room; at -= sizeof(uint64_t)) {
        uint64_t id = wr_get_u64(ids->data + at - sizeof id);
        bool is_ours = false;
        WR_TRY(is_own(storage, id, &is_ours, err));
        if (is_ours) {
            out_ids[room - ++count] = id;
        }
    }
    if (count > 0) {
        memmove(out_ids, out_ids + room - count, count * sizeof *out_ids);
    }
    *out_count = count;
    return WEIR_OK;
}

weir_status
wr_checkpoint_storage_retained(struct wr_checkpoint_storage *storage, uint64_t *out_ids,
                               size_t room, size_t *out_count, weir_error *err)
{
    struct wr_buffer ids;
    wr_buffer_init(&ids, &storage->alloc);
    weir_status status = wr_checkpoints_list(storage->os, storage->job_directory, true, &ids, err);
    if (status == WEIR_OK) {
        status = take_own(storage, &ids, out_ids, room, out_count, err);
    }
    wr_buffer_fini(&ids);
    return status;
}

static weir_status
raise_to_last(struct wr_checkpoint_storage *storage, const char *directory, uint64_t *highest,
              weir_error *err)
{
    struct wr_buffer ids;
    wr_buffer_init(&ids, &storage->alloc);
    weir_status status = wr_checkpoints_list(storage->os, directory, false, &ids, err);
    if (status == WEIR_OK && ids.size > 0) {
        uint64_t last = wr_get_u64(ids.data + ids.size - sizeof last);
        *highest = last > *highest ? last : *highest;
    }
    wr_buffer_fini(&ids);
    return status;
}

weir_status
wr_checkpoint_storage_highest(struct wr_checkpoint_storage *storage, uint64_t *out_id,
                              weir_error *err)
{
    uint64_t highest = storage->highest_fenced;
    weir_status status = raise_to_last(storage, storage->job_directory, &highest, err);
    if (status == WEIR_OK) {
        status = raise_to_last(storage, storage->hidden, &highest, err);
    }
    if (status != WEIR_OK) {
        return wr_fence_judge(storage, status, err);
    }
    *out_id = highest;
    return WEIR_OK;
}
