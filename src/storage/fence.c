/* SPDX-License-Identifier: Apache-2.0 */
/* fence: shuts older attempts of a job out.
 *
 *   .<old attempt>  --rename-->  .fenced-<old>-<new>  --remove-->
 *
 * An attempt builds, completes and drops by paths below its hidden directory. With the one rename
 * all of these paths end in ENOENT, at whatever call a stopped process wakes up: it can neither
 * complete what it had begun nor drop what is there. The hidden directory is never made again: only
 * opening makes it.
 *
 * That is why any failure, whatever its errno, is judged by one question: is our hidden directory
 * there?
 *
 * What it has just completed is visible, and maybe not durable yet: it was killed between the
 * rename of chk-N and the syncs of both directories. So both are synced before the hidden one goes
 * and anybody restores: nobody commits by a checkpoint that a power cut can still take.
 */
#include "base/fail.h"
#include "base/little.h"
#include "storage/handle.h"
#include "storage/layout.h"

#include <stdio.h>
#include <string.h>

/* Ids are never used twice, not even those of checkpoints that were never complete. */
static weir_status
note_highest(struct wr_checkpoint_storage *storage, const char *directory, weir_error *err)
{
    struct wr_buffer ids;
    wr_buffer_init(&ids, &storage->alloc);
    weir_status status = wr_checkpoints_list(storage->os, directory, false, &ids, err);
    if (status == WEIR_OK && ids.size > 0) {
        uint64_t highest = wr_get_u64(ids.data + ids.size - sizeof(uint64_t));
        if (highest > storage->highest_fenced) {
            storage->highest_fenced = highest;
        }
    }
    wr_buffer_fini(&ids);
    return status;
}

/* Whose unfinished savepoints may be removed. */
static weir_status
note_attempt(struct wr_checkpoint_storage *storage, const char *attempt, weir_error *err)
{
    wr_buffer_put(&storage->fenced, attempt, WR_ATTEMPT_SIZE);
    if (storage->fenced.refused) {
        storage->fenced.refused = false; /* what it held it holds; it may be tried again */
        return wr_fail(err, WEIR_NOMEM, "no memory to fence attempt %s", attempt);
    }
    return WEIR_OK;
}

/* Removes a fenced directory; what was renamed out of it is durable then. */
static weir_status
remove_fenced(struct wr_checkpoint_storage *storage, const char *directory, const char *path,
              weir_error *err)
{
    WR_TRY(wr_directory_sync(storage->os, path, err));
    WR_TRY(wr_directory_sync(storage->os, directory, err));
    return wr_directory_remove_all(storage->os, path, err);
}

weir_status
wr_fence_attempt(struct wr_checkpoint_storage *storage, const char *directory, const char *name,
                 weir_error *err)
{
    char from[WR_PATH_MAX];
    char to[WR_PATH_MAX];
    char fenced[WR_OS_NAME_MAX];
    snprintf(fenced, sizeof fenced, WR_FENCED_PREFIX "%s-%s", name + 1, storage->attempt);
    WR_TRY(note_attempt(storage, name + 1, err));
    WR_TRY(wr_path_join(from, directory, name, err));
    WR_TRY(wr_path_join(to, directory, fenced, err));
    weir_status status = wr_path_rename(storage->os, from, to, false, err);
    if (status == WEIR_OK) {
        status = note_highest(storage, to, err);
    }
    if (status == WEIR_OK) {
        status = remove_fenced(storage, directory, to, err);
    }
    if (status == WEIR_OK) {
        status = wr_sweep_fenced(storage, directory, name + 1, err);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

struct sweep {
    struct wr_checkpoint_storage *storage;
    weir_error *err;
};

static weir_status
sweep_one(void *argument, const char *name)
{
    struct sweep *sweep = argument;
    struct wr_checkpoint_storage *storage = sweep->storage;
    if (strncmp(name, WR_FENCED_PREFIX, strlen(WR_FENCED_PREFIX)) == 0) {
        char path[WR_PATH_MAX];
        WR_TRY(wr_path_join(path, storage->job_directory, name, sweep->err));
        return remove_fenced(storage, storage->job_directory, path, sweep->err);
    }
    /* Without a level of its own the job shares its directory, and an attempt may be another job's;
     * the last one of this job was fenced by name, out of the lock. */
    if (!storage->create_subdir || !wr_is_attempt_name(name) ||
        strcmp(name + 1, storage->attempt) == 0) {
        return WEIR_OK;
    }
    return wr_fence_attempt(storage, storage->job_directory, name, sweep->err);
}

weir_status
wr_fence_others(struct wr_checkpoint_storage *storage, weir_error *err)
{
    struct sweep sweep = { .storage = storage, .err = err };
    return wr_directory_each(storage->os, &storage->alloc, storage->job_directory, sweep_one,
                             &sweep, err);
}

weir_status
wr_fence_judge(const struct wr_checkpoint_storage *storage, weir_status status, weir_error *err)
{
    struct wr_os_stat found;
    if (status == WEIR_OK ||
        wr_path_stat(storage->os, storage->hidden, &found, NULL) != WEIR_NOT_FOUND) {
        return status;
    }
    return wr_fail(
        err, WEIR_CANCELLED,
        "fenced: attempt %s of job '%s' was taken over by another process, %s is not its own "
        "any more; it commits nothing and stops",
        storage->attempt, storage->job_name, storage->job_directory);
}
