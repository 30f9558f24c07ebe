/* SPDX-License-Identifier: Apache-2.0 */
/* dispose: removes a snapshot that no running job looks after, and nothing else.
 *
 *   COMPLETE  _metadata             --mark-->    DISPOSED _metadata.disposed   [mark]
 *   DISPOSED  files, then the mark, then the directory --> gone                [remove_marked]
 *
 * A path comes from a user, and what stands at it from anybody. So:
 *   (1) Only a directory with a `_metadata` that verifies is touched, and in it only regular files
 *       that this names, by plain names. Symbolic links are neither followed nor removed.
 *   (2) Of ../shared only what no complete checkpoint next to it needs; where one of those cannot
 *       be read, nothing.
 *   (3) The mark is durable before the first file goes: after a kill or a power cut it is no
 *       snapshot any more, and disposing of it again goes on.
 *   (4) What else stands in the directory stays, and so do the mark and the directory: that is a
 *       failure, in words.
 *   (5) A checkpoint of a job that runs is refused, and the job cannot start meanwhile: its guard
 *       is held.
 *   (6) The mark goes when the files are known to be gone: none is left that nothing names.
 */
#include "base/fail.h"
#include "base/little.h"
#include "base/memory.h"
#include "snapshot/manifest_format.h"
#include "storage/find.h"
#include "storage/layout.h"
#include "storage/lock_file.h"
#include "storage/savepoint_storage.h"

#include <errno.h>
#include <string.h>

static const char disposed_name[] = "_metadata.disposed";

struct disposal {
    struct wr_os *os;
    const weir_alloc *alloc;
    char directory[WR_PATH_MAX];
    bool is_marked;
    struct wr_manifest manifest;
};

/* --- what there is --- */

static weir_status
find_directory(struct disposal *disposal, const char *location, weir_error *err)
{
    char *directory = disposal->directory;
    WR_TRY(wr_location_path(location, directory, err));
    char *last = directory + (wr_path_last(directory) - directory);
    if (strcmp(last, WR_METADATA_NAME) == 0 && last == directory) {
        memcpy(directory, ".", sizeof ".");
    } else if (strcmp(last, WR_METADATA_NAME) == 0) {
        last[last == directory + 1 ? 0 : -1] = '\0'; /* "/" keeps its slash */
    }
    struct wr_os_stat found;
    weir_status status = wr_path_stat_link(disposal->os, directory, &found, err);
    if (status == WEIR_NOT_FOUND) {
        return wr_fail(err, WEIR_NOT_FOUND,
                       "Cannot find checkpoint or savepoint file/directory '%s'", location);
    }
    WR_TRY(status);
    if (found.kind != WR_OS_DIRECTORY) {
        return wr_fail(err, WEIR_INVALID,
                       "'%s' is not a directory (a symbolic link is not followed): name the "
                       "savepoint's own directory",
                       location);
    }
    return WEIR_OK;
}

static weir_status
read_named(struct disposal *disposal, const char *name, weir_error *err)
{
    char path[WR_PATH_MAX];
    struct wr_os_stat found;
    WR_TRY(wr_path_join(path, disposal->directory, name, err));
    WR_TRY(wr_path_stat_link(disposal->os, path, &found, err));
    if (found.kind != WR_OS_FILE) {
        return wr_fail(err, WEIR_INVALID, "%s is not a regular file; nothing was removed", path);
    }
    return wr_manifest_read(&disposal->manifest, disposal->os, path, err);
}

static weir_status
read_manifest(struct disposal *disposal, weir_error *err)
{
    weir_status status = read_named(disposal, WR_METADATA_NAME, err);
    if (status == WEIR_NOT_FOUND) {
        status = read_named(disposal, disposed_name, err);
        disposal->is_marked = status == WEIR_OK;
    }
    if (status == WEIR_NOT_FOUND) {
        return wr_fail(err, WEIR_INVALID,
                       "'%s' is neither a savepoint nor a checkpoint: Cannot find meta data file "
                       "'%s' in it; nothing was removed",
                       disposal->directory, WR_METADATA_NAME);
    }
    return status == WEIR_OK
               ? WEIR_OK
               : wr_fail_context(err, status, "cannot dispose of '%s': ", disposal->directory);
}

/* --- the job's lock --- */

/* Whether the one who holds a lock's file in `root` owns this checkpoint. Without a level of its
 * own the job's id is not in the text: then it is the one whose directory this is. */
static weir_status
judge_holder(const struct disposal *disposal, const char *path, bool is_parent, weir_error *err)
{
    int file = -1;
    weir_status status = wr_file_open(disposal->os, path, WR_OPEN_READ | WR_OPEN_WRITE, &file, err);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND ? WEIR_OK : status;
    }
    char text[WR_LOCK_TEXT_MAX];
    struct wr_lock_holder holder = { .pid = "" };
    status = wr_lock_read(disposal->os, file, path, text, err);
    int failure = status == WEIR_OK ? wr_lock_try(disposal->os, file) : 0;
    wr_file_close(disposal->os, file);
    WR_TRY(status);
    if (failure != 0 && failure != EWOULDBLOCK) {
        return wr_fail_errno(err, failure, "cannot lock %s", path);
    }
    bool is_known = wr_lock_parse(text, &holder);
    bool has_level = strchr(holder.hidden, '/') != NULL;
    bool is_own = !is_known || (has_level ? strncmp(holder.hidden, disposal->manifest.job_id,
                                                    WR_JOB_ID_SIZE - 1) == 0
                                          : is_parent);
    if (failure == EWOULDBLOCK && is_own) {
        return wr_fail(err, WEIR_BUSY,
                       "'%s' belongs to job '%s', which is running: process %s holds %s; it drops "
                       "its checkpoints itself",
                       disposal->directory, disposal->manifest.job_name,
                       is_known ? holder.pid : "(unknown)", path);
    }
    return WEIR_OK;
}

/* Takes the guard of a lock in `root`, where there is one: *out_guard, else -1. */
static weir_status
guard_root(const struct disposal *disposal, const char *up, bool is_parent, int *out_guard,
           weir_error *err)
{
    char root[WR_PATH_MAX];
    struct wr_lock_paths paths;
    struct wr_os_stat found;
    *out_guard = -1;
    WR_TRY(wr_path_join(root, disposal->directory, up, err));
    WR_TRY(wr_lock_paths_make(&paths, root, disposal->manifest.job_name, err));
    weir_status status = wr_path_stat(disposal->os, paths.lock, &found, err);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND ? WEIR_OK : status;
    }
    WR_TRY(wr_lock_guard_take(disposal->os, disposal->manifest.job_name, &paths, out_guard, err));
    return judge_holder(disposal, paths.lock, is_parent, err);
}

/* --- removal --- */

static weir_status
mark(struct disposal *disposal, weir_error *err)
{
    char from[WR_PATH_MAX];
    char to[WR_PATH_MAX];
    WR_TRY(wr_path_join(from, disposal->directory, WR_METADATA_NAME, err));
    WR_TRY(wr_path_join(to, disposal->directory, disposed_name, err));
    if (!disposal->is_marked) {
        WR_TRY(wr_path_rename(disposal->os, from, to, true, err));
        disposal->is_marked = true;
    }
    return wr_directory_sync(disposal->os, disposal->directory, err);
}

/* A regular file goes; what is gone, or is something else, is left as it is. */
static weir_status
remove_file(const struct disposal *disposal, const char *name, weir_error *err)
{
    char path[WR_PATH_MAX];
    struct wr_os_stat found;
    WR_TRY(wr_path_join(path, disposal->directory, name, err));
    weir_status status = wr_path_stat_link(disposal->os, path, &found, err);
    if (status == WEIR_OK && found.kind == WR_OS_FILE) {
        status = wr_path_unlink(disposal->os, path, err);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

typedef weir_status each_file_function(void *argument, const struct wr_manifest_file *file);

static weir_status
each_of_subtask(const struct wr_manifest_subtask *subtask, each_file_function *each, void *argument)
{
    for (uint32_t i = 0; i < subtask->file_count; i++) {
        if (subtask->files[i].path[0] != '\0') {
            WR_TRY(each(argument, &subtask->files[i]));
        }
    }
    return WEIR_OK;
}

/* Calls `each` for every file of a manifest that is one: its bytes do not stand there. */
static weir_status
each_file(const struct wr_manifest *manifest, each_file_function *each, void *argument)
{
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        const struct wr_manifest_operator *op = &manifest->operators[i];
        for (uint32_t j = 0; j < op->subtask_count; j++) {
            WR_TRY(each_of_subtask(&op->subtasks[j], each, argument));
        }
    }
    return WEIR_OK;
}

struct removal {
    const struct disposal *disposal;
    const struct wr_buffer *needed; /* names in shared, each with its NUL */
    bool is_shared;                 /* those, or the directory's own */
    weir_error *err;
};

static bool
is_needed(const struct wr_buffer *needed, const char *name)
{
    const char *at = (const char *)needed->data;
    const char *end = at + needed->size;
    while (at < end && strcmp(at, name) != 0) {
        at += strlen(at) + 1;
    }
    return at < end;
}

static weir_status
remove_one(void *argument, const struct wr_manifest_file *file)
{
    const struct removal *removal = argument;
    const char *shared = wr_manifest_shared_name(file);
    if ((shared != NULL) != removal->is_shared ||
        (shared != NULL && is_needed(removal->needed, shared))) {
        return WEIR_OK;
    }
    return remove_file(removal->disposal, file->path, removal->err);
}

static weir_status
note_needed(void *argument, const struct wr_manifest_file *file)
{
    const char *shared = wr_manifest_shared_name(file);
    if (shared != NULL) {
        wr_buffer_put(argument, shared, strlen(shared) + 1);
    }
    return WEIR_OK;
}

/* What a checkpoint next to this one needs. */
static weir_status
ask_sibling(const struct disposal *disposal, const char *siblings, uint64_t id,
            struct wr_buffer *needed, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_checkpoint_path(siblings, id, path, err));
    WR_TRY(wr_path_join(path, path, WR_METADATA_NAME, err));
    struct wr_manifest manifest;
    wr_manifest_init(&manifest, disposal->alloc);
    weir_status status = wr_manifest_read(&manifest, disposal->os, path, err);
    if (status == WEIR_OK) {
        status = each_file(&manifest, note_needed, needed);
    }
    wr_manifest_fini(&manifest);
    if (status == WEIR_OK && needed->refused) {
        status = wr_fail(err, WEIR_NOMEM, "no memory to list what %s needs", path);
    }
    return status;
}

/* WEIR_CORRUPT, WEIR_VERSION ...: a sibling that cannot be read may need anything. */
static weir_status
ask_siblings(const struct disposal *disposal, struct wr_buffer *needed, weir_error *err)
{
    char siblings[WR_PATH_MAX];
    WR_TRY(wr_path_join(siblings, disposal->directory, "..", err));
    struct wr_buffer ids;
    wr_buffer_init(&ids, disposal->alloc);
    weir_status status = wr_checkpoints_list(disposal->os, siblings, true, &ids, err);
    for (size_t at = 0; status == WEIR_OK && at < ids.size; at += sizeof(uint64_t)) {
        status = ask_sibling(disposal, siblings, wr_get_u64(ids.data + at), needed, err);
    }
    wr_buffer_fini(&ids);
    return status;
}

static weir_status
remove_shared(const struct disposal *disposal, weir_error *err)
{
    char shared[WR_PATH_MAX];
    struct wr_os_stat found;
    WR_TRY(wr_path_join(shared, disposal->directory, "../shared", err));
    weir_status status = wr_path_stat_link(disposal->os, shared, &found, err);
    if (status == WEIR_NOT_FOUND || (status == WEIR_OK && found.kind != WR_OS_DIRECTORY)) {
        return WEIR_OK;
    }
    WR_TRY(status);
    struct wr_buffer needed;
    wr_buffer_init(&needed, disposal->alloc);
    status = ask_siblings(disposal, &needed, err);
    if (status == WEIR_OK) {
        struct removal removal = {
            .disposal = disposal, .needed = &needed, .is_shared = true, .err = err
        };
        status = each_file(&disposal->manifest, remove_one, &removal);
        if (status == WEIR_OK) {
            status = wr_directory_sync(disposal->os, shared, err);
        }
    } else if (status != WEIR_IO && status != WEIR_NOMEM) {
        status = WEIR_OK; /* all of it stays: rule 2 */
    }
    wr_buffer_fini(&needed);
    return status;
}

static weir_status
check_is_only_mark(void *argument, const char *name)
{
    const struct removal *removal = argument;
    if (strcmp(name, disposed_name) == 0) {
        return WEIR_OK;
    }
    return wr_fail(removal->err, WEIR_INVALID,
                   "'%s' is disposed of, but holds '%s' besides, which its %s does not name or "
                   "which is no regular file: it was left, with the directory; remove them by hand",
                   removal->disposal->directory, name, WR_METADATA_NAME);
}

static weir_status
remove_marked(const struct disposal *disposal, weir_error *err)
{
    struct removal removal = { .disposal = disposal, .err = err };
    WR_TRY(each_file(&disposal->manifest, remove_one, &removal));
    WR_TRY(remove_shared(disposal, err));
    WR_TRY(wr_directory_each(disposal->os, disposal->alloc, disposal->directory, check_is_only_mark,
                             &removal, err));
    WR_TRY(wr_directory_sync(disposal->os, disposal->directory, err));
    WR_TRY(remove_file(disposal, disposed_name, err));
    return wr_directory_remove(disposal->os, disposal->directory, err);
}

static weir_status
mark_and_remove(struct disposal *disposal, weir_error *err)
{
    WR_TRY(mark(disposal, err));
    return remove_marked(disposal, err);
}

/* Its job may be running on it: both places where that job's lock may stand are asked. */
static weir_status
guard_and_remove(struct disposal *disposal, weir_error *err)
{
    int guards[2] = { -1, -1 };
    weir_status status = guard_root(disposal, "..", true, &guards[0], err);
    if (status == WEIR_OK) {
        status = guard_root(disposal, "../..", false, &guards[1], err);
    }
    if (status == WEIR_OK) {
        status = mark_and_remove(disposal, err);
    }
    for (int i = 0; i < 2; i++) {
        if (guards[i] >= 0) {
            wr_file_close(disposal->os, guards[i]);
        }
    }
    return status;
}

weir_status
wr_savepoint_dispose(struct wr_os *os, const weir_alloc *alloc, const char *path, weir_error *err)
{
    struct disposal disposal = { .os = os, .alloc = alloc };
    WR_TRY(find_directory(&disposal, path, err));
    wr_manifest_init(&disposal.manifest, alloc);
    weir_status status = read_manifest(&disposal, err);
    if (status == WEIR_OK) {
        status = wr_checkpoint_is_savepoint(disposal.manifest.kind)
                     ? mark_and_remove(&disposal, err)
                     : guard_and_remove(&disposal, err);
    }
    wr_manifest_fini(&disposal.manifest);
    return status;
}

weir_status
wr_snapshot_drop_claimed(struct wr_os *os, const weir_alloc *alloc, const char *path,
                         weir_error *err)
{
    struct disposal disposal = { .os = os, .alloc = alloc };
    weir_status status = find_directory(&disposal, path, err);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND ? WEIR_OK : status;
    }
    wr_manifest_init(&disposal.manifest, alloc);
    status = read_manifest(&disposal, err);
    if (status == WEIR_OK) {
        status = mark_and_remove(&disposal, err);
    }
    wr_manifest_fini(&disposal.manifest);
    return status;
}
