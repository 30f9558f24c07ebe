/* SPDX-License-Identifier: Apache-2.0 */
/* lock_file: the names and the text of a job's lock, and its guard; the format is in lock.c. */
#include "storage/lock_file.h"

#include "base/fail.h"
#include "base/hash.h"
#include "snapshot/manifest_format.h"
#include "storage/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_KEPT = 160,
    GUARD_TRIES = 200
};

static const uint64_t guard_wait_ns = 10 * 1000 * 1000; /* times GUARD_TRIES: 2 s */

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

weir_status
wr_lock_paths_make(struct wr_lock_paths *paths, const char *root, const char *job_name,
                   weir_error *err)
{
    char name[WR_OS_NAME_MAX];
    char file_name[WR_OS_NAME_MAX + 16];
    name_for_file(job_name, name, sizeof name);
    snprintf(file_name, sizeof file_name, ".%s.lock", name);
    WR_TRY(wr_path_join(paths->lock, root, file_name, err));
    snprintf(file_name, sizeof file_name, ".%s.lock.new", name);
    WR_TRY(wr_path_join(paths->next, root, file_name, err));
    snprintf(file_name, sizeof file_name, ".%s.lock.guard", name);
    return wr_path_join(paths->guard, root, file_name, err);
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
is_hidden_path(const struct wr_lock_holder *holder)
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

bool
wr_lock_parse(const char *text, struct wr_lock_holder *out_holder)
{
    char rest[8];
    *out_holder = (struct wr_lock_holder){ .pid = "" };
    return take_line(&text, "weir lock 1", rest, sizeof rest) &&
           take_line(&text, "pid ", out_holder->pid, sizeof out_holder->pid) &&
           take_line(&text, "attempt ", out_holder->attempt, sizeof out_holder->attempt) &&
           take_line(&text, "hidden ", out_holder->hidden, sizeof out_holder->hidden) &&
           wr_is_hex_id(out_holder->attempt) && is_hidden_path(out_holder);
}

/* Up to WR_LOCK_TEXT_MAX - 1 bytes of an open file, NUL-terminated. */
weir_status
wr_lock_read(struct wr_os *os, int file, const char *path, char *out, weir_error *err)
{
    size_t size = 0;
    WR_TRY(wr_file_read_at(os, file, path, out, WR_LOCK_TEXT_MAX - 1, 0, &size, err));
    out[size] = '\0';
    return WEIR_OK;
}

/* --- locking --- */

/* 0, or the errno. */
int
wr_lock_try(struct wr_os *os, int file)
{
    int failure;
    do {
        failure = os->ops->lock(os, file);
    } while (failure == EINTR);
    return failure;
}

static weir_status
fail_guard(struct wr_os *os, const char *job_name, int file, const char *path, weir_error *err)
{
    char pid[WR_LOCK_TEXT_MAX];
    WR_TRY(wr_lock_read(os, file, path, pid, err));
    pid[strcspn(pid, " \n")] = '\0';
    return wr_fail(
        err, WEIR_BUSY,
        "job '%s' is just being started by process %s, which holds %s; wait for it, or end "
        "it",
        job_name, pid[0] != '\0' ? pid : "(unknown)", path);
}

/* Waits for the guard, 2 s at most, and puts our pid into it. */
static weir_status
take_guard(struct wr_os *os, const char *job_name, int file, const char *path, weir_error *err)
{
    int failure = wr_lock_try(os, file);
    for (int i = 0; i < GUARD_TRIES && failure == EWOULDBLOCK; i++) {
        _Atomic uint32_t nobody_wakes_us = 0;
        os->ops->wait(os, &nobody_wakes_us, 0, guard_wait_ns);
        failure = wr_lock_try(os, file);
    }
    if (failure == EWOULDBLOCK) {
        return fail_guard(os, job_name, file, path, err);
    }
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot lock %s", path);
    }
    char text[32];
    int size = snprintf(text, sizeof text, "%-11d\n", os->ops->process_id(os));
    return wr_file_write_at(os, file, path, text, (size_t)size, 0, err);
}

weir_status
wr_lock_guard_take(struct wr_os *os, const char *job_name, const struct wr_lock_paths *paths,
                   int *out_guard, weir_error *err)
{
    int guard = -1;
    WR_TRY(
        wr_file_open(os, paths->guard, WR_OPEN_READ | WR_OPEN_WRITE | WR_OPEN_CREATE, &guard, err));
    weir_status status = take_guard(os, job_name, guard, paths->guard, err);
    if (status != WEIR_OK) {
        wr_file_close(os, guard);
        return status;
    }
    *out_guard = guard;
    return WEIR_OK;
}
