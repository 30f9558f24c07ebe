/* SPDX-License-Identifier: Apache-2.0 */
/* lock: one running process a job.
 *
 *   .<job-name>.lock         locked by the holder for its life; who that is stands inside
 *   .<job-name>.lock.new     the next one, while it is made
 *   .<job-name>.lock.guard   locked while a process starts, gives its job another attempt, or
 *                            disposes of a checkpoint; who that is stands inside
 *
 *   weir lock 1
 *   pid 4711
 *   attempt 0123...          32 hex digits
 *   hidden <job-id>/.0123... the attempt's hidden directory, relative to this one
 *
 * Every holder makes a file of its own and renames it over the last: so the text is always whole,
 * and a holder that was taken over keeps its lock on a file that nobody sees any more. It is never
 * unlinked.
 *
 * Invariants:
 *   (1) All below happens under the guard: who reads the lock's file replaces it before anyone
 *       else reads.
 *   (2) The last holder is fenced before its file is replaced: whoever dies in between leaves the
 *       file that still names the one to fence. So there is never an attempt that is neither
 *       fenced nor named.
 *   (3) An attempt's hidden directory is made under the guard too, and others are fenced there, and
 *       nowhere else: whoever takes over finds it to rename, or its owner is told that it is too
 *       late; and nobody who was taken over meanwhile fences his successor, or removes its mark
 *       of the end.
 */
#include "base/fail.h"
#include "storage/handle.h"
#include "storage/layout.h"
#include "storage/lock_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Looks at the last holder's open file. WEIR_BUSY: it lives, and may not be taken over. */
static weir_status
judge_holder(struct wr_checkpoint_storage *storage, int file, const char *path, bool take_over,
             struct wr_lock_holder *out_holder, weir_error *err)
{
    char text[WR_LOCK_TEXT_MAX];
    WR_TRY(wr_lock_read(storage->os, file, path, text, err));
    bool is_known = wr_lock_parse(text, out_holder);
    int failure = wr_lock_try(storage->os, file);
    if (failure != 0 && failure != EWOULDBLOCK) {
        return wr_fail_errno(err, failure, "cannot lock %s", path);
    }
    if (failure == EWOULDBLOCK && !take_over) {
        return wr_fail(
            err, WEIR_BUSY,
            "job '%s' is running already: process %s holds %s; stop that process, or take "
            "the job over from it with --take-over",
            storage->job_name, is_known ? out_holder->pid : "(unknown)", path);
    }
    if (failure == EWOULDBLOCK && !is_known) {
        return wr_fail(err, WEIR_CORRUPT,
                       "cannot take job '%s' over: %s is held, but does not say by whom; end that "
                       "process first",
                       storage->job_name, path);
    }
    if (!is_known) {
        *out_holder = (struct wr_lock_holder){ .pid = "" };
    }
    return WEIR_OK;
}

/* Fences whom the lock's file names, if there is one. */
static weir_status
replace_holder(struct wr_checkpoint_storage *storage, const char *path, bool take_over,
               weir_error *err)
{
    int file = -1;
    weir_status status = wr_file_open(storage->os, path, WR_OPEN_READ | WR_OPEN_WRITE, &file, err);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND ? WEIR_OK : status;
    }
    struct wr_lock_holder holder;
    status = judge_holder(storage, file, path, take_over, &holder, err);
    if (status == WEIR_OK && holder.attempt[0] != '\0' &&
        strcmp(holder.attempt, storage->attempt) != 0) {
        char directory[WR_PATH_MAX];
        char *last = holder.hidden + (wr_path_last(holder.hidden) - holder.hidden);
        char name[WR_ATTEMPT_SIZE + 1];
        memcpy(name, last, strlen(last) + 1);
        *last = '\0';
        status = wr_path_join(directory, storage->root, holder.hidden, err);
        if (status == WEIR_OK) {
            status = wr_fence_attempt(storage, directory, name, err);
        }
    }
    wr_file_close(storage->os, file);
    return status;
}

/* Makes our own file, locked before it has its name. */
static weir_status
install(struct wr_checkpoint_storage *storage, const struct wr_lock_paths *paths, weir_error *err)
{
    struct wr_os *os = storage->os;
    char text[WR_LOCK_TEXT_MAX];
    int size = snprintf(text, sizeof text, "weir lock 1\npid %d\nattempt %s\nhidden %s%s.%s\n",
                        os->ops->process_id(os), storage->attempt,
                        storage->create_subdir ? storage->job_id : "",
                        storage->create_subdir ? "/" : "", storage->attempt);
    const unsigned flags = WR_OPEN_READ | WR_OPEN_WRITE | WR_OPEN_CREATE | WR_OPEN_TRUNCATE;
    WR_TRY(wr_file_open(os, paths->next, flags, &storage->lock_file, err));
    int failure = wr_lock_try(os, storage->lock_file);
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot lock %s", paths->next);
    }
    WR_TRY(wr_file_write_at(os, storage->lock_file, paths->next, text, (size_t)size, 0, err));
    /* Not synced: a power cut ends whoever holds the lock. */
    return wr_path_rename(os, paths->next, paths->lock, true, err);
}

void
wr_job_lock_drop(struct wr_checkpoint_storage *storage)
{
    if (storage->lock_file >= 0) {
        wr_file_close(storage->os, storage->lock_file);
        storage->lock_file = -1;
    }
}

static weir_status
enter(struct wr_checkpoint_storage *storage, struct wr_lock_paths *paths, int *out_guard,
      weir_error *err)
{
    WR_TRY(wr_lock_paths_make(paths, storage->root, storage->job_name, err));
    return wr_lock_guard_take(storage->os, storage->job_name, paths, out_guard, err);
}

/* From here on the attempt may build. */
static weir_status
make_hidden(struct wr_checkpoint_storage *storage, weir_error *err)
{
    char name[1 + WR_ATTEMPT_SIZE] = ".";
    memcpy(name + 1, storage->attempt, sizeof storage->attempt);
    WR_TRY(wr_path_join(storage->hidden, storage->job_directory, name, err));
    return wr_directory_create(storage->os, storage->hidden, err);
}

weir_status
wr_job_lock_take(struct wr_checkpoint_storage *storage, bool take_over, weir_error *err)
{
    struct wr_lock_paths paths;
    int guard = -1;
    WR_TRY(enter(storage, &paths, &guard, err));
    weir_status status = replace_holder(storage, paths.lock, take_over, err);
    if (status == WEIR_OK) {
        status = install(storage, &paths, err);
    }
    if (status == WEIR_OK) {
        status = wr_directory_create(storage->os, storage->job_directory, err);
    }
    if (status == WEIR_OK) {
        status = wr_fence_others(storage, err);
    }
    if (status == WEIR_OK) {
        status = make_hidden(storage, err);
    }
    if (status == WEIR_OK) {
        status = wr_remove_finished(storage, err);
    }
    wr_file_close(storage->os, guard);
    return status;
}

/* Whether the lock's file is still ours: who takes a job over replaces it. */
static weir_status
check_own(struct wr_checkpoint_storage *storage, const char *path, weir_error *err)
{
    int file = -1;
    weir_status status = wr_file_open(storage->os, path, WR_OPEN_READ, &file, err);
    struct wr_lock_holder holder = { .pid = "" };
    if (status == WEIR_OK) {
        char text[WR_LOCK_TEXT_MAX];
        status = wr_lock_read(storage->os, file, path, text, err);
        wr_file_close(storage->os, file);
        if (status == WEIR_OK && !wr_lock_parse(text, &holder)) {
            status = WEIR_NOT_FOUND;
        }
    }
    if (status == WEIR_NOT_FOUND ||
        (status == WEIR_OK && strcmp(holder.attempt, storage->attempt) != 0)) {
        return wr_fail(
            err, WEIR_CANCELLED,
            "fenced: attempt %s of job '%s' was taken over, %s does not name it any more; "
            "it is not restarted here",
            storage->attempt, storage->job_name, path);
    }
    return status;
}

/* Our next file over our last one; the last one's lock goes with it. */
static weir_status
install_next(struct wr_checkpoint_storage *storage, const struct wr_lock_paths *paths,
             const char *attempt, weir_error *err)
{
    int last_file = storage->lock_file;
    char last_attempt[WR_ATTEMPT_SIZE];
    memcpy(last_attempt, storage->attempt, sizeof last_attempt);
    memcpy(storage->attempt, attempt, sizeof storage->attempt);
    storage->lock_file = -1;
    weir_status status = install(storage, paths, err);
    if (status != WEIR_OK) {
        wr_job_lock_drop(storage);
        memcpy(storage->attempt, last_attempt, sizeof storage->attempt);
        storage->lock_file = last_file;
        return status;
    }
    wr_file_close(storage->os, last_file);
    return WEIR_OK;
}

weir_status
wr_job_lock_renew(struct wr_checkpoint_storage *storage, const char *attempt, weir_error *err)
{
    struct wr_lock_paths paths;
    int guard = -1;
    WR_TRY(enter(storage, &paths, &guard, err));
    weir_status status = check_own(storage, paths.lock, err);
    if (status == WEIR_OK) {
        status =
            wr_fence_attempt(storage, storage->job_directory, wr_path_last(storage->hidden), err);
    }
    if (status == WEIR_OK) {
        status = install_next(storage, &paths, attempt, err);
    }
    if (status == WEIR_OK) {
        status = make_hidden(storage, err);
    }
    wr_file_close(storage->os, guard);
    return status;
}
