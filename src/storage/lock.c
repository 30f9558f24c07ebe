/* SPDX-License-Identifier: Apache-2.0 */
/* lock: one running process a job.
 *
 *   .<job-name>.lock         locked by the holder for its life; who that is stands inside
 *   .<job-name>.lock.new     the next one, while it is made
 *   .<job-name>.lock.guard   locked while a process starts; who that is stands inside
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
 */
#include "base/fail.h"
#include "base/hash.h"
#include "snapshot/manifest_format.h"
#include "storage/handle.h"
#include "storage/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    LOCK_TEXT_MAX = 1024,
    NAME_KEPT = 160,
    GUARD_TRIES = 200
};

static const uint64_t guard_wait_ns = 10 * 1000 * 1000; /* times GUARD_TRIES: 2 s */

struct paths {
    char lock[WR_PATH_MAX];
    char next[WR_PATH_MAX];
    char guard[WR_PATH_MAX];
};

struct holder {
    char pid[24]; /* digits; "" where it is not known */
    char attempt[WR_ATTEMPT_SIZE];
    char hidden[WR_JOB_ID_SIZE + 1 + WR_ATTEMPT_SIZE];
};

/* A job's name as a part of a file's name: no '/', no control characters, at most NAME_KEPT bytes
 * and a hash of what was cut. */
static void
name_for_file(const char *job_name, char *out, size_t room)
{
    static const char digits[] = "0123456789abcdef";
    size_t size = 0;
    const char *at = job_name;
    for (; *at != '\0' && size + 3 <= NAME_KEPT; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '/' || c == '%' || c < 0x20 || c == 0x7f) {
            out[size++] = '%';
            out[size++] = digits[c >> 4];
            out[size++] = digits[c & 15];
        } else {
            out[size++] = (char)c;
        }
    }
    out[size] = '\0';
    if (*at != '\0') {
        snprintf(out + size, room - size, "-%016llx",
                 (unsigned long long)wr_hash64(job_name, strlen(job_name), 0));
    }
}

static weir_status
make_paths(const struct wr_checkpoint_storage *storage, struct paths *paths, weir_error *err)
{
    char name[WR_OS_NAME_MAX];
    char file_name[WR_OS_NAME_MAX + 16];
    name_for_file(storage->job_name, name, sizeof name);
    snprintf(file_name, sizeof file_name, ".%s.lock", name);
    WR_TRY(wr_path_join(paths->lock, storage->root, file_name, err));
    snprintf(file_name, sizeof file_name, ".%s.lock.new", name);
    WR_TRY(wr_path_join(paths->next, storage->root, file_name, err));
    snprintf(file_name, sizeof file_name, ".%s.lock.guard", name);
    return wr_path_join(paths->guard, storage->root, file_name, err);
}

/* --- the text --- */

/* The rest of the text's next line if it begins with `word`, into out; false: it does not, or is
 * too long. */
static bool
take_line(const char **text, const char *word, char *out, size_t room)
{
    const char *end = strchr(*text, '\n');
    size_t word_size = strlen(word);
    if (end == NULL || strncmp(*text, word, word_size) != 0) {
        return false;
    }
    const char *value = *text + word_size;
    size_t size = (size_t)(end - value);
    if (end < value || size >= room) {
        return false;
    }
    memcpy(out, value, size);
    out[size] = '\0';
    *text = end + 1;
    return true;
}

/* The hidden directory must be named after the attempt, below nothing or a job's directory. */
static bool
is_hidden_path(const struct holder *holder)
{
    const char *last = wr_path_last(holder->hidden);
    size_t above = (size_t)(last - holder->hidden);
    if (!wr_is_attempt_name(last) || strcmp(last + 1, holder->attempt) != 0) {
        return false;
    }
    if (above == 0) {
        return true;
    }
    char job_id[WR_JOB_ID_SIZE + 1];
    if (above != WR_JOB_ID_SIZE) { /* 32 digits and the slash */
        return false;
    }
    memcpy(job_id, holder->hidden, above - 1);
    job_id[above - 1] = '\0';
    return wr_is_job_name(job_id);
}

static bool
parse_holder(const char *text, struct holder *out_holder)
{
    char rest[8];
    *out_holder = (struct holder){ .pid = "" };
    return take_line(&text, "weir lock 1", rest, sizeof rest) &&
           take_line(&text, "pid ", out_holder->pid, sizeof out_holder->pid) &&
           take_line(&text, "attempt ", out_holder->attempt, sizeof out_holder->attempt) &&
           take_line(&text, "hidden ", out_holder->hidden, sizeof out_holder->hidden) &&
           wr_is_hex_id(out_holder->attempt) && is_hidden_path(out_holder);
}

/* Up to LOCK_TEXT_MAX - 1 bytes of an open file, NUL-terminated. */
static weir_status
read_text(struct wr_os *os, int file, const char *path, char *out, weir_error *err)
{
    size_t size = 0;
    WR_TRY(wr_file_read_at(os, file, path, out, LOCK_TEXT_MAX - 1, 0, &size, err));
    out[size] = '\0';
    return WEIR_OK;
}

/* --- locking --- */

/* 0, or the errno. */
static int
lock_again(struct wr_os *os, int file)
{
    int failure;
    do {
        failure = os->ops->lock(os, file);
    } while (failure == EINTR);
    return failure;
}

static weir_status
fail_guard(struct wr_checkpoint_storage *storage, int file, const char *path, weir_error *err)
{
    char pid[LOCK_TEXT_MAX];
    WR_TRY(read_text(storage->os, file, path, pid, err));
    pid[strcspn(pid, " \n")] = '\0';
    return wr_fail(
        err, WEIR_BUSY,
        "job '%s' is just being started by process %s, which holds %s; wait for it, or end "
        "it",
        storage->job_name, pid[0] != '\0' ? pid : "(unknown)", path);
}

/* Waits for the guard, 2 s at most, and puts our pid into it. */
static weir_status
take_guard(struct wr_checkpoint_storage *storage, int file, const char *path, weir_error *err)
{
    struct wr_os *os = storage->os;
    int failure = lock_again(os, file);
    for (int i = 0; i < GUARD_TRIES && failure == EWOULDBLOCK; i++) {
        _Atomic uint32_t nobody_wakes_us = 0;
        os->ops->wait(os, &nobody_wakes_us, 0, guard_wait_ns);
        failure = lock_again(os, file);
    }
    if (failure == EWOULDBLOCK) {
        return fail_guard(storage, file, path, err);
    }
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot lock %s", path);
    }
    char text[32];
    int size = snprintf(text, sizeof text, "%-11d\n", os->ops->process_id(os));
    return wr_file_write_at(os, file, path, text, (size_t)size, 0, err);
}

/* Looks at the last holder's open file. WEIR_BUSY: it lives, and may not be taken over. */
static weir_status
judge_holder(struct wr_checkpoint_storage *storage, int file, const char *path, bool take_over,
             struct holder *out_holder, weir_error *err)
{
    char text[LOCK_TEXT_MAX];
    WR_TRY(read_text(storage->os, file, path, text, err));
    bool is_known = parse_holder(text, out_holder);
    int failure = lock_again(storage->os, file);
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
        *out_holder = (struct holder){ .pid = "" };
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
    struct holder holder;
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
install(struct wr_checkpoint_storage *storage, const struct paths *paths, weir_error *err)
{
    struct wr_os *os = storage->os;
    char text[LOCK_TEXT_MAX];
    int size = snprintf(text, sizeof text, "weir lock 1\npid %d\nattempt %s\nhidden %s%s.%s\n",
                        os->ops->process_id(os), storage->attempt,
                        storage->create_subdir ? storage->job_id : "",
                        storage->create_subdir ? "/" : "", storage->attempt);
    const unsigned flags = WR_OPEN_READ | WR_OPEN_WRITE | WR_OPEN_CREATE | WR_OPEN_TRUNCATE;
    WR_TRY(wr_file_open(os, paths->next, flags, &storage->lock_file, err));
    int failure = lock_again(os, storage->lock_file);
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot lock %s", paths->next);
    }
    WR_TRY(wr_file_write_at(os, storage->lock_file, paths->next, text, (size_t)size, 0, err));
    /* Not synced: a power cut ends whoever holds the lock. */
    return wr_path_rename(os, paths->next, paths->lock, true, err);
}

weir_status
wr_job_lock_take(struct wr_checkpoint_storage *storage, bool take_over, weir_error *err)
{
    struct paths paths;
    WR_TRY(make_paths(storage, &paths, err));
    int guard = -1;
    WR_TRY(wr_file_open(storage->os, paths.guard, WR_OPEN_READ | WR_OPEN_WRITE | WR_OPEN_CREATE,
                        &guard, err));
    weir_status status = take_guard(storage, guard, paths.guard, err);
    if (status == WEIR_OK) {
        status = replace_holder(storage, paths.lock, take_over, err);
    }
    if (status == WEIR_OK) {
        status = install(storage, &paths, err);
    }
    wr_file_close(storage->os, guard);
    return status;
}

void
wr_job_lock_drop(struct wr_checkpoint_storage *storage)
{
    if (storage->lock_file >= 0) {
        wr_file_close(storage->os, storage->lock_file);
        storage->lock_file = -1;
    }
}
