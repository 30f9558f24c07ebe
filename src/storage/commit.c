/* SPDX-License-Identifier: Apache-2.0 */
/* commit: a checkpoint's way from being built to complete, and from complete to gone.
 *
 *   BUILDING   .<attempt>/chk-N                    [begin]
 *   BUILDING   --abandon-->  removed               [abandon]
 *   BUILDING   --complete--> COMPLETE chk-N        [complete]
 *   COMPLETE   --drop--> .<attempt>/dropped-N --> removed   [drop]
 *
 * The order of completion, each step durable before the next:
 *   1. the data files' bytes (synced by who wrote them); those that others may refer to are moved
 *      into shared
 *   2. _metadata under another name, synced; then its own name; then chk-N: all names in it
 *      and shared, where something was moved there
 *   3. the rename of chk-N out, without replacing; then both parents
 * A power cut shows chk-N whole or not at all: nobody looks for _metadata below .<attempt>, so the
 * names in chk-N, and its own there, need no sync of their own before. The last sync is that of the
 * hidden directory: an attempt that was fenced meanwhile is told so before anybody commits by this
 * checkpoint.
 *
 * Invariants:
 *   (1) A complete checkpoint that is taken out of sight, by drop or because its completion failed
 *       after the rename, loses its first file only when its absence is durable: never does a
 *       power cut leave half of one under its name.
 *   (2) A failed sync fails the checkpoint; nothing is synced again by the same descriptor.
 */
#include "base/fail.h"
#include "storage/handle.h"
#include "storage/layout.h"

#include <stdio.h>
#include <string.h>

static const char finished_temporary[] = "_finished.tmp";

static weir_status
dropped_path(const struct wr_checkpoint_storage *storage, uint64_t checkpoint_id, char *out,
             weir_error *err)
{
    char name[WR_CHECKPOINT_NAME_SIZE];
    snprintf(name, sizeof name, "dropped-%llu", (unsigned long long)checkpoint_id);
    return wr_path_join(out, storage->hidden, name, err);
}

weir_status
wr_sync_parents(const struct wr_checkpoint_storage *storage, weir_error *err)
{
    WR_TRY(wr_directory_sync(storage->os, storage->job_directory, err));
    return wr_directory_sync(storage->os, storage->hidden, err);
}

weir_status
wr_checkpoint_storage_begin(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id,
                            weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_checkpoint_path(storage->hidden, checkpoint_id, path, err));
    return wr_fence_judge(storage, wr_directory_create(storage->os, path, err), err);
}

/* Takes a checkpoint out of sight whose completion failed after the rename. It may have been taken
 * out before: then what is left is to make that durable. */
static weir_status
withdraw(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id, weir_error *err)
{
    char hidden[WR_PATH_MAX];
    char visible[WR_PATH_MAX];
    WR_TRY(wr_checkpoint_path(storage->hidden, checkpoint_id, hidden, err));
    WR_TRY(wr_checkpoint_path(storage->job_directory, checkpoint_id, visible, err));
    weir_status status = wr_path_rename(storage->os, visible, hidden, false, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    WR_TRY(wr_sync_parents(storage, err));
    storage->unsure = 0;
    return WEIR_OK;
}

/* Step 3. */
static weir_status
publish(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id, const char *directory,
        weir_error *err)
{
    char visible[WR_PATH_MAX];
    WR_TRY(wr_checkpoint_path(storage->job_directory, checkpoint_id, visible, err));
    storage->unsure = checkpoint_id; /* a rename that fails may have been done all the same */
    weir_status status = wr_path_rename(storage->os, directory, visible, false, err);
    if (status == WEIR_BUSY) {
        storage->unsure = 0; /* what stands there is not ours, and stays */
        return status;
    }
    if (status == WEIR_OK) {
        status = wr_sync_parents(storage, err);
    }
    if (status != WEIR_OK) {
        /* Where this fails too it stays unsure: abandon tries again, and says so. */
        (void)withdraw(storage, checkpoint_id, NULL);
        return status;
    }
    storage->unsure = 0;
    return WEIR_OK;
}

weir_status
wr_checkpoint_storage_complete(struct wr_checkpoint_storage *storage,
                               const struct wr_manifest *manifest, weir_error *err)
{
    if (strcmp(manifest->job_id, storage->job_id) != 0 ||
        strcmp(manifest->attempt, storage->attempt) != 0 || manifest->checkpoint_id == 0) {
        return wr_fail(
            err, WEIR_INVALID,
            "checkpoint %llu of job %s, attempt %s does not belong into the storage of job "
            "%s, attempt %s",
            (unsigned long long)manifest->checkpoint_id, manifest->job_id, manifest->attempt,
            storage->job_id, storage->attempt);
    }
    char directory[WR_PATH_MAX];
    WR_TRY(wr_checkpoint_path(storage->hidden, manifest->checkpoint_id, directory, err));
    bool has_shared = false;
    weir_status status = wr_share_files(storage, directory, manifest, &has_shared, err);
    if (status == WEIR_OK) {
        status = wr_metadata_write(storage->os, &storage->alloc, directory, manifest, err);
    }
    if (status == WEIR_OK && has_shared) {
        status = wr_sync_shared(storage, err);
    }
    if (status == WEIR_OK) {
        status = publish(storage, manifest->checkpoint_id, directory, err);
    }
    if (status == WEIR_OK) {
        storage->sharing = 0;
    }
    if (status == WEIR_OK && manifest->checkpoint_id > storage->saved_id) {
        (void)wr_remove_saved_mark(storage, NULL); /* else the next one does */
    }
    return wr_fence_judge(storage, status, err);
}

weir_status
wr_checkpoint_storage_abandon(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id,
                              weir_error *err)
{
    char path[WR_PATH_MAX];
    struct wr_os_stat found;
    WR_TRY(wr_checkpoint_path(storage->hidden, checkpoint_id, path, err));
    weir_status status = wr_path_stat(storage->os, storage->hidden, &found, err);
    if (status == WEIR_OK && storage->unsure == checkpoint_id) {
        status = withdraw(storage, checkpoint_id, err);
    }
    if (status == WEIR_OK) {
        status = wr_unshare_files(storage, checkpoint_id, err);
    }
    if (status == WEIR_OK) {
        status = wr_directory_remove_all(storage->os, path, err);
    }
    return wr_fence_judge(storage, status, err);
}

weir_status
wr_checkpoint_storage_drop(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id,
                           weir_error *err)
{
    char visible[WR_PATH_MAX];
    char dropped[WR_PATH_MAX];
    WR_TRY(wr_checkpoint_path(storage->job_directory, checkpoint_id, visible, err));
    WR_TRY(dropped_path(storage, checkpoint_id, dropped, err));
    weir_status status = wr_path_rename(storage->os, visible, dropped, false, err);
    if (status == WEIR_NOT_FOUND) {
        status = WEIR_OK; /* gone, or renamed by a drop that failed behind that */
    }
    if (status == WEIR_OK) {
        status = wr_sync_parents(storage, err);
        storage->may_reappear = storage->may_reappear || status != WEIR_OK;
    }
    if (status == WEIR_OK) {
        status = wr_directory_remove_all(storage->os, dropped, err);
    }
    return wr_fence_judge(storage, status, err);
}

static weir_status
write_finished(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id, weir_error *err)
{
    char temporary[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    WR_TRY(wr_path_join(temporary, storage->hidden, finished_temporary, err));
    WR_TRY(wr_path_join(path, storage->job_directory, WR_FINISHED_NAME, err));
    struct wr_buffer text;
    wr_buffer_init(&text, &storage->alloc);
    wr_buffer_print(&text, "%llu\n%s\n", (unsigned long long)checkpoint_id, storage->job_name);
    weir_status status = wr_buffer_status(&text);
    if (status != WEIR_OK) {
        status = wr_fail(err, status, "no memory to write %s", path);
    } else {
        status = wr_small_file_write(storage->os, temporary, false,
                                     weir_bytes_of(text.data, text.size), err);
    }
    wr_buffer_fini(&text);
    WR_TRY(status);
    WR_TRY(wr_path_rename(storage->os, temporary, path, true, err));
    WR_TRY(wr_sync_parents(storage, err));
    (void)wr_remove_saved_mark(storage, NULL); /* _finished comes before it */
    return WEIR_OK;
}

weir_status
wr_checkpoint_storage_finish(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id,
                             weir_error *err)
{
    return wr_fence_judge(storage, write_finished(storage, checkpoint_id, err), err);
}
