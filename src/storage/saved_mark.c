/* SPDX-License-Identifier: Apache-2.0 */
/* saved_mark: the savepoint that was to end a job, told to whoever goes on.
 *
 *   <dir>/<job-id>/_savepoint    checkpoint id, job id, job's name, the savepoint; a line each
 *
 * What such a savepoint holds is committed while the job ends. Who is killed or taken over
 * meanwhile has a newest checkpoint that is older than what is committed: who went on from that
 * would write twice. So the mark is made before the first commit, by a rename out of the attempt's
 * hidden directory, as a checkpoint is. An attempt that was fenced cannot make it, and commits
 * nothing; one that made it is found by its successor, which fences before it looks.
 *
 * Invariants:
 *   (1) The savepoint is durable before the mark is made, the mark before anybody commits; a mark
 *       that is taken back is durably gone before the savepoint is.
 *   (2) A mark says nothing any more once a checkpoint of a higher id is complete. That one removes
 *       it, and so does the job's end.
 *   (3) One that replaces another and is taken back leaves that one: what it names is committed.
 */
#include "storage/saved_mark.h"

#include "base/fail.h"
#include "storage/handle.h"
#include "storage/layout.h"

#include <stdlib.h>
#include <string.h>

enum {
    MARK_SIZE_MAX = 64 + WR_JOB_ID_SIZE + WR_MANIFEST_TEXT_MAX + WR_PATH_MAX
};

static const char temporary_name[] = WR_SAVED_NAME ".tmp";
static const char removed_name[] = WR_SAVED_NAME ".removed";

/* --- reading --- */

/* The text up to the next line's end, into out with its 0; NULL: none, empty, or no room. */
static const char *
take_line(const char *text, char *out, size_t room)
{
    const char *end = strchr(text, '\n');
    if (end == NULL || end == text || (size_t)(end - text) >= room) {
        return NULL;
    }
    memcpy(out, text, (size_t)(end - text));
    out[end - text] = '\0';
    return end + 1;
}

static bool
parse(const char *text, struct wr_saved_mark *out)
{
    char id[20]; /* what 64 bits hold in any case */
    text = take_line(text, id, sizeof id);
    text = text != NULL ? take_line(text, out->job_id, sizeof out->job_id) : NULL;
    text = text != NULL ? take_line(text, out->job_name, sizeof out->job_name) : NULL;
    text = text != NULL ? take_line(text, out->savepoint, sizeof out->savepoint) : NULL;
    if (text == NULL || *text != '\0' || strspn(id, "0123456789") != strlen(id)) {
        return false;
    }
    out->checkpoint_id = strtoull(id, NULL, 10);
    return out->checkpoint_id != 0 && wr_is_job_name(out->job_id);
}

weir_status
wr_saved_mark_read(struct wr_os *os, const weir_alloc *alloc, const char *directory,
                   struct wr_saved_mark *out_mark, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_path_join(path, directory, WR_SAVED_NAME, err));
    struct wr_buffer text;
    wr_buffer_init(&text, alloc);
    weir_status status = wr_file_read_whole(os, path, MARK_SIZE_MAX, &text, err);
    if (status == WEIR_OK) {
        wr_buffer_put_u8(&text, '\0');
        status = wr_buffer_status(&text);
    }
    if (status == WEIR_OK && !parse((const char *)text.data, out_mark)) {
        status =
            wr_fail(err, WEIR_CORRUPT,
                    "%s at offset 0: not what a job leaves that is ended by a savepoint", path);
    }
    wr_buffer_fini(&text);
    return status;
}

/* --- making and removing --- */

static weir_status
write_mark(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id, const char *savepoint,
           const char *path, weir_error *err)
{
    struct wr_buffer text;
    wr_buffer_init(&text, &storage->alloc);
    wr_buffer_print(&text, "%llu\n%s\n%s\n%s\n", (unsigned long long)checkpoint_id, storage->job_id,
                    storage->job_name, savepoint);
    weir_status status = wr_buffer_status(&text);
    if (status != WEIR_OK) {
        status = wr_fail(err, status, "no memory to write %s", path);
    } else {
        status =
            wr_small_file_write(storage->os, path, false, weir_bytes_of(text.data, text.size), err);
    }
    wr_buffer_fini(&text);
    return status;
}

/* Keeps the text of the mark that is to be replaced, if there is one. */
static weir_status
keep_replaced(struct wr_checkpoint_storage *storage, const char *path, weir_error *err)
{
    storage->replaced_id = 0;
    wr_buffer_clear(&storage->replaced);
    if (storage->saved_id == 0) {
        return WEIR_OK;
    }
    weir_status status =
        wr_file_read_whole(storage->os, path, MARK_SIZE_MAX, &storage->replaced, err);
    storage->replaced_id = status == WEIR_OK ? storage->saved_id : 0;
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

weir_status
wr_checkpoint_storage_mark_saved(struct wr_checkpoint_storage *storage, uint64_t checkpoint_id,
                                 const char *savepoint, weir_error *err)
{
    char temporary[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    if (strchr(savepoint, '\n') != NULL) {
        return wr_fail(err, WEIR_INVALID,
                       "a savepoint that ends the job cannot stand in a path with a line's end");
    }
    WR_TRY(wr_path_join(temporary, storage->hidden, temporary_name, err));
    WR_TRY(wr_path_join(path, storage->job_directory, WR_SAVED_NAME, err));
    weir_status status = write_mark(storage, checkpoint_id, savepoint, temporary, err);
    if (status == WEIR_OK) {
        status = keep_replaced(storage, path, err);
    }
    if (status == WEIR_OK) {
        status = wr_path_rename(storage->os, temporary, path, true, err);
        if (status != WEIR_NOT_FOUND) { /* a rename that fails may have been done all the same */
            storage->saved_id = checkpoint_id;
            storage->is_saved_unsure = true;
        }
    }
    if (status == WEIR_OK) {
        status = wr_sync_parents(storage, err);
        storage->is_saved_unsure = status != WEIR_OK;
    }
    return wr_fence_judge(storage, status, err);
}

/* Writes the mark that was replaced once more, over the one that is taken back. */
static weir_status
put_back(struct wr_checkpoint_storage *storage, weir_error *err)
{
    char temporary[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    weir_bytes text = weir_bytes_of(storage->replaced.data, storage->replaced.size);
    WR_TRY(wr_path_join(temporary, storage->hidden, temporary_name, err));
    WR_TRY(wr_path_join(path, storage->job_directory, WR_SAVED_NAME, err));
    WR_TRY(wr_small_file_write(storage->os, temporary, false, text, err));
    WR_TRY(wr_path_rename(storage->os, temporary, path, true, err));
    return wr_sync_parents(storage, err);
}

weir_status
wr_checkpoint_storage_unmark_saved(struct wr_checkpoint_storage *storage, weir_error *err)
{
    if (storage->replaced_id == 0) {
        return wr_remove_saved_mark(storage, err);
    }
    weir_status status = put_back(storage, err);
    if (status == WEIR_OK) {
        storage->saved_id = storage->replaced_id;
        storage->replaced_id = 0;
        storage->is_saved_unsure = false;
    }
    return wr_fence_judge(storage, status, err);
}

/* Into the hidden directory, which goes with the attempt. */
weir_status
wr_remove_saved_mark(struct wr_checkpoint_storage *storage, weir_error *err)
{
    char path[WR_PATH_MAX];
    char removed[WR_PATH_MAX];
    struct wr_os_stat found;
    if (storage->saved_id == 0) {
        return WEIR_OK;
    }
    WR_TRY(wr_path_join(path, storage->job_directory, WR_SAVED_NAME, err));
    WR_TRY(wr_path_join(removed, storage->hidden, removed_name, err));
    weir_status status = wr_path_rename(storage->os, path, removed, true, err);
    if (status == WEIR_NOT_FOUND) { /* the mark; or the directory, where we were fenced */
        status = wr_path_stat(storage->os, storage->hidden, &found, err);
    }
    if (status == WEIR_OK) {
        status = wr_sync_parents(storage, err);
    }
    if (status == WEIR_OK) {
        storage->saved_id = 0;
        storage->replaced_id = 0;
        storage->is_saved_unsure = false;
    }
    return wr_fence_judge(storage, status, err);
}

/* Whose it is, it says itself: without a level of its own a job shares its directory. */
weir_status
wr_find_saved_mark(struct wr_checkpoint_storage *storage, weir_error *err)
{
    struct wr_saved_mark mark;
    weir_status status =
        wr_saved_mark_read(storage->os, &storage->alloc, storage->job_directory, &mark, err);
    if (status == WEIR_OK && strcmp(mark.job_id, storage->job_id) == 0) {
        storage->saved_id = mark.checkpoint_id;
    }
    return status == WEIR_NOT_FOUND || status == WEIR_CORRUPT ? WEIR_OK : status;
}

uint64_t
wr_checkpoint_storage_saved(const struct wr_checkpoint_storage *storage)
{
    return storage->saved_id;
}
