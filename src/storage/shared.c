/* SPDX-License-Identifier: Apache-2.0 */
/* shared: the files that more than one checkpoint may need, below <job-id>/shared.
 *
 *   .<attempt>/chk-N/NAME --complete--> shared/NAME            [share]    before chk-N is renamed
 *   shared/NAME --the checkpoint fails--> .<attempt>/chk-N/NAME [unshare]  with what it was built
 * of shared/NAME --no longer needed--> .<attempt>/unneeded --> removed      [drop_shared]
 *   shared/NAME that no checkpoint needs --opening--> removed, the same way [sweep_shared]
 *   shared/NAME of a fenced attempt that completed nothing --> removed       [sweep_fenced]
 *
 * Invariants:
 *   (1) A complete checkpoint's shared files are there, durable, before it is visible.
 *   (2) A name ends in or holds "-<checkpoint id>-<attempt>", so nothing is ever written over, and
 *       what a failed checkpoint has shared is found by its name.
 *   (3) Everything goes out of shared by a rename into the hidden directory: a process that was
 *       fenced can take nothing away that its successor needs.
 * Removals are not synced: what a power cut brings back, the next opening sweeps.
 */
#include "base/fail.h"
#include "snapshot/manifest_format.h"
#include "storage/handle.h"
#include "storage/layout.h"

#include <stdio.h>
#include <string.h>

static weir_status
shared_directory(const struct wr_checkpoint_storage *storage, char out[WR_PATH_MAX],
                 weir_error *err)
{
    return wr_path_join(out, storage->job_directory, "shared", err);
}

static weir_status
each_own_of(const struct wr_manifest_subtask *subtask, uint64_t checkpoint_id,
            weir_status (*each)(void *argument, const char *name), void *argument)
{
    for (uint32_t i = 0; i < subtask->file_count; i++) {
        const struct wr_manifest_file *file = &subtask->files[i];
        const char *name = wr_manifest_shared_name(file);
        if (name != NULL && file->checkpoint_id == checkpoint_id) {
            WR_TRY(each(argument, name));
        }
    }
    return WEIR_OK;
}

/* Calls `each` for every shared file that this checkpoint itself wrote. */
static weir_status
each_own(const struct wr_manifest *manifest, weir_status (*each)(void *argument, const char *name),
         void *argument)
{
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        const struct wr_manifest_operator *op = &manifest->operators[i];
        for (uint32_t j = 0; j < op->subtask_count; j++) {
            WR_TRY(each_own_of(&op->subtasks[j], manifest->checkpoint_id, each, argument));
        }
    }
    return WEIR_OK;
}

struct move {
    struct wr_checkpoint_storage *storage;
    const char *from;
    const char *to;
    const char *mark; /* only names that hold it; NULL: all */
    weir_error *err;
};

static weir_status
move_one(void *argument, const char *name)
{
    struct move *move = argument;
    if (move->mark != NULL && strstr(name, move->mark) == NULL) {
        return WEIR_OK;
    }
    char from[WR_PATH_MAX];
    char to[WR_PATH_MAX];
    WR_TRY(wr_path_join(from, move->from, name, move->err));
    WR_TRY(wr_path_join(to, move->to, name, move->err));
    return wr_path_rename(move->storage->os, from, to, false, move->err);
}

static weir_status
count_one(void *argument, const char *name)
{
    (void)name;
    ++*(uint32_t *)argument;
    return WEIR_OK;
}

weir_status
wr_share_files(struct wr_checkpoint_storage *storage, const char *directory,
               const struct wr_manifest *manifest, bool *out_any, weir_error *err)
{
    char shared[WR_PATH_MAX];
    WR_TRY(shared_directory(storage, shared, err));
    struct move move = { .storage = storage, .from = directory, .to = shared, .err = err };
    *out_any = false;
    uint32_t own = 0;
    WR_TRY(each_own(manifest, count_one, &own));
    if (own == 0) {
        return WEIR_OK;
    }
    if (!storage->is_shared_durable) { /* the name `shared` itself, once */
        WR_TRY(wr_directory_sync(storage->os, storage->job_directory, err));
        storage->is_shared_durable = true;
    }
    storage->sharing = manifest->checkpoint_id;
    weir_status status = each_own(manifest, move_one, &move);
    *out_any = true;
    return status;
}

weir_status
wr_sync_shared(const struct wr_checkpoint_storage *storage, weir_error *err)
{
    char shared[WR_PATH_MAX];
    WR_TRY(shared_directory(storage, shared, err));
    return wr_directory_sync(storage->os, shared, err);
}

weir_status
wr_unshare_files(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id, weir_error *err)
{
    if (storage->sharing != checkpoint_id) {
        return WEIR_OK;
    }
    char shared[WR_PATH_MAX];
    char directory[WR_PATH_MAX];
    char mark[WR_ATTEMPT_SIZE + 32];
    WR_TRY(shared_directory(storage, shared, err));
    WR_TRY(wr_checkpoint_path(storage->hidden, checkpoint_id, directory, err));
    (void)snprintf(mark, sizeof mark, "-%llu-%s", (unsigned long long)checkpoint_id,
                   storage->attempt);
    struct move move = {
        .storage = storage, .from = shared, .to = directory, .mark = mark, .err = err
    };
    WR_TRY(wr_directory_each(storage->os, &storage->alloc, shared, move_one, &move, err));
    storage->sharing = 0;
    return WEIR_OK;
}

static weir_status
remove_marked(void *argument, const char *name)
{
    const struct move *move = argument;
    char path[WR_PATH_MAX];
    if (strstr(name, move->mark) == NULL) {
        return WEIR_OK;
    }
    WR_TRY(wr_path_join(path, move->from, name, move->err));
    return wr_path_unlink(move->storage->os, path, move->err);
}

weir_status
wr_sweep_fenced(struct wr_checkpoint_storage *storage, const char *directory, const char *attempt,
                weir_error *err)
{
    char shared[WR_PATH_MAX];
    char mark[WR_ATTEMPT_SIZE + 1];
    struct wr_buffer ids;
    wr_buffer_init(&ids, &storage->alloc);
    weir_status status = wr_checkpoints_list(storage->os, directory, true, &ids, err);
    bool has_complete = ids.size != 0;
    wr_buffer_fini(&ids);
    if (status != WEIR_OK || has_complete) {
        return status;
    }
    (void)snprintf(mark, sizeof mark, "-%s", attempt);
    WR_TRY(wr_path_join(shared, directory, "shared", err));
    struct move move = { .storage = storage, .from = shared, .mark = mark, .err = err };
    status = wr_directory_each(storage->os, &storage->alloc, shared, remove_marked, &move, err);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status
remove_shared(struct wr_checkpoint_storage *storage, const char *name, weir_error *err)
{
    char path[WR_PATH_MAX];
    char hidden[WR_PATH_MAX];
    WR_TRY(shared_directory(storage, path, err));
    WR_TRY(wr_path_join(path, path, name, err));
    WR_TRY(wr_path_join(hidden, storage->hidden, "unneeded", err));
    WR_TRY(wr_path_rename(storage->os, path, hidden, true, err));
    return wr_path_unlink(storage->os, hidden, err);
}

weir_status
wr_checkpoint_storage_drop_shared(struct wr_checkpoint_storage *storage, const char *name,
                                  weir_error *err)
{
    if (!wr_is_plain_name(name)) {
        return wr_fail(err, WEIR_INVALID, "'%s' is not a plain file name [A-Za-z0-9._-]+", name);
    }
    weir_status status = wr_fence_judge(storage, remove_shared(storage, name, err), err);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

struct sweep {
    struct wr_checkpoint_storage *storage;
    bool (*is_needed)(void *argument, const char *name);
    void *argument;
    weir_error *err;
};

static weir_status
sweep_one(void *argument, const char *name)
{
    struct sweep *sweep = argument;
    if (!wr_is_plain_name(name) || sweep->is_needed(sweep->argument, name)) {
        return WEIR_OK;
    }
    weir_status status = remove_shared(sweep->storage, name, sweep->err);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

weir_status
wr_checkpoint_storage_sweep_shared(struct wr_checkpoint_storage *storage,
                                   bool (*is_needed)(void *argument, const char *name),
                                   void *argument, weir_error *err)
{
    if (!storage->create_subdir) {
        return WEIR_OK; /* other jobs' files may stand there too */
    }
    char shared[WR_PATH_MAX];
    WR_TRY(shared_directory(storage, shared, err));
    struct sweep sweep = {
        .storage = storage, .is_needed = is_needed, .argument = argument, .err = err
    };
    weir_status status =
        wr_directory_each(storage->os, &storage->alloc, shared, sweep_one, &sweep, err);
    return wr_fence_judge(storage, status, err);
}

weir_status
wr_checkpoint_storage_read(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id,
                           struct wr_manifest *manifest, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_checkpoint_path(storage->job_directory, checkpoint_id, path, err));
    WR_TRY(wr_path_join(path, path, WR_METADATA_NAME, err));
    return wr_manifest_read(manifest, storage->os, path, err);
}
