/* SPDX-License-Identifier: Apache-2.0 */
/* file_place: who may write to an output directory.
 *
 * All that an attempt writes or renames it names by a path below its own hidden directory. Who
 * takes over renames that directory away, and the older attempt, whenever it wakes, gets ENOENT for
 * each of them.
 *
 *   enter: lock -> own directory -> is the lock still ours? -> rename older attempts' directories
 * away
 *
 * Invariants:
 *   (1) The hidden directory is made here and nowhere else, so one that was renamed away does not
 * come back. (2) An attempt that is stopped in the middle of enter cannot slip through: either its
 * directory is there when the successor looks, or it finds the successor's lock after making it.
 *   (3) An attempt removes only fenced directories that were there when it entered: one that was
 * fenced later may hold what its successor has yet to recover. (4) Two sinks of one job may share a
 * directory: who finds the lock held by his own attempt goes on.
 */
#include "connectors/file_place.h"

#include "base/crc32c.h"
#include "base/fail.h"
#include "os/context_os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOCK_TEXT_MAX = 128,
    LOCK_TRIES = 20, /* a millisecond each: the holder may be writing its name */
    UID_KEPT_MAX = 100
};

static const char lock_name[] = ".weir.lock";
static const char fenced_prefix[] = ".fenced-";
static const char part_prefix[] = "part-";
static const uint64_t try_again_ns = 1000 * 1000;

/* What a file name may have of a uid; a long one is cut, and told from others by its checksum. */
static void
make_uid(const char *uid, char *out)
{
    size_t size = strlen(uid);
    size_t kept = size < UID_KEPT_MAX ? size : UID_KEPT_MAX;
    for (size_t i = 0; i < kept; i++) {
        char c = uid[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '.' || c == '_';
        out[i] = plain ? c : '_';
    }
    out[kept] = '\0';
    if (size > kept) {
        snprintf(out + kept, WR_SINK_UID_SIZE - kept, ".%08x", wr_crc32c(0, uid, size));
    }
}

void
wr_file_place_init(struct wr_file_place *place, weir_context *context, const char *directory)
{
    *place = (struct wr_file_place){ .os = wr_context_os(context),
                                     .alloc = *weir_context_alloc(context),
                                     .directory = directory,
                                     .attempt = weir_context_attempt(context),
                                     .subtask = weir_context_subtask(context) };
    make_uid(weir_context_uid(context), place->uid);
    wr_buffer_init(&place->fenced, &place->alloc);
}

void
wr_file_place_fini(struct wr_file_place *place)
{
    if (place->os == NULL) {
        return;
    }
    if (place->is_locked) {
        wr_file_close(place->os, place->lock);
        place->is_locked = false;
    }
    wr_buffer_fini(&place->fenced);
}

weir_status
wr_file_place_path(const struct wr_file_place *place, const char *name, char *out, weir_error *err)
{
    return wr_path_join(out, place->directory, name, err);
}

/* "<dir>/<prefix><attempt>" */
static weir_status
hidden_path(const struct wr_file_place *place, const char *prefix, const char *attempt, char *out,
            weir_error *err)
{
    char name[WR_SINK_NAME_SIZE];
    snprintf(name, sizeof name, "%s%.*s", prefix, WR_ATTEMPT_DIGITS, attempt);
    return wr_file_place_path(place, name, out, err);
}

weir_status
wr_file_place_sync_hidden(struct wr_file_place *place, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(hidden_path(place, ".", place->attempt, path, err));
    weir_status status = wr_directory_sync(place->os, path, err);
    return status == WEIR_NOT_FOUND ? wr_file_place_fenced(place, err) : status;
}

/* --- the lock --- */

struct holder {
    int pid; /* 0: unknown */
    char attempt[WR_ATTEMPT_DIGITS + 1];
};

/* What the lock's file says now, by its path. */
static weir_status
read_holder(struct wr_file_place *place, struct holder *out_holder, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_file_place_path(place, lock_name, path, err));
    struct wr_buffer text;
    wr_buffer_init(&text, &place->alloc);
    weir_status status = wr_file_read_whole(place->os, path, LOCK_TEXT_MAX, &text, err);
    wr_buffer_put_u8(&text, '\0');
    if (status == WEIR_OK) {
        status = wr_buffer_status(&text);
    }
    *out_holder = (struct holder){ .pid = 0 };
    if (status == WEIR_OK) {
        char *end = NULL;
        out_holder->pid = (int)strtol((const char *)text.data, &end, 10);
        if (*end == ' ') {
            snprintf(out_holder->attempt, sizeof out_holder->attempt, "%.*s", WR_ATTEMPT_DIGITS,
                     end + 1);
        }
    }
    wr_buffer_fini(&text);
    return status;
}

static bool
is_own(const struct wr_file_place *place, const struct holder *holder)
{
    return strncmp(holder->attempt, place->attempt, WR_ATTEMPT_DIGITS) == 0;
}

static int
lock_again(struct wr_os *os, int file)
{
    int failure;
    do {
        failure = os->ops->lock(os, file);
    } while (failure == EINTR);
    return failure;
}

/* Writes who holds it, and looks by the path whether it is this file that others will see. */
static weir_status
sign_lock(struct wr_file_place *place, int file, const char *path, weir_error *err)
{
    char text[LOCK_TEXT_MAX];
    int size = snprintf(text, sizeof text, "%d %s\n", place->os->ops->process_id(place->os),
                        place->attempt);
    WR_TRY(wr_file_truncate(place->os, file, path, 0, err));
    WR_TRY(wr_file_write_at(place->os, file, path, text, (size_t)size, 0, err));
    struct holder holder;
    weir_status status = read_holder(place, &holder, err);
    if (status == WEIR_NOT_FOUND || (status == WEIR_OK && !is_own(place, &holder))) {
        return wr_fail(err, WEIR_BUSY, "the lock %s was replaced", path);
    }
    return status;
}

/* One try. WEIR_BUSY: somebody else's. */
static weir_status
try_lock(struct wr_file_place *place, const char *path, weir_error *err)
{
    int file;
    WR_TRY(
        wr_file_open(place->os, path, WR_OPEN_READ | WR_OPEN_WRITE | WR_OPEN_CREATE, &file, err));
    int failure = lock_again(place->os, file);
    weir_status status;
    struct holder holder = { .pid = 0 };
    if (failure == 0) {
        status = sign_lock(place, file, path, err);
        if (status == WEIR_OK) {
            place->lock = file;
            place->is_locked = true;
            return WEIR_OK;
        }
    } else if (failure != EWOULDBLOCK) {
        status = wr_fail_errno(err, failure, "cannot lock %s", path);
    } else {
        status = read_holder(place, &holder, err);
        if (status == WEIR_OK && !is_own(place, &holder)) {
            status = wr_fail(err, WEIR_BUSY,
                             "output directory %s is in use by process %d: stop that one, or start "
                             "with --take-over",
                             place->directory, holder.pid);
        }
    }
    wr_file_close(place->os, file);
    return status;
}

static weir_status
take_lock(struct wr_file_place *place, bool take_over, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_file_place_path(place, lock_name, path, err));
    weir_status status = WEIR_BUSY;
    for (int tries = 0; tries < 2 * LOCK_TRIES && (status == WEIR_BUSY || status == WEIR_NOT_FOUND);
         tries++) {
        if (tries == LOCK_TRIES) {
            if (!take_over) {
                return status;
            }
            status =
                wr_path_unlink(place->os, path, err); /* the old holder keeps a file without name */
            if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
                return status;
            }
        }
        status = try_lock(place, path, err);
        if (status == WEIR_BUSY) {
            _Atomic uint32_t nobody_wakes_us = 0;
            place->os->ops->wait(place->os, &nobody_wakes_us, 0, try_again_ns);
        }
    }
    return status;
}

weir_status
wr_file_place_fenced(struct wr_file_place *place, weir_error *err)
{
    struct holder holder = { .pid = 0 };
    weir_status status = read_holder(place, &holder, NULL);
    if (status == WEIR_OK && !is_own(place, &holder)) {
        return wr_fail(
            err, WEIR_CANCELLED,
            "output directory %s was taken over by process %d: this one is fenced and must "
            "not write there any more",
            place->directory, holder.pid);
    }
    return wr_fail(err, WEIR_IO,
                   "output directory %s: the pending files below .%s are gone: somebody removed or "
                   "renamed them; restore from the last checkpoint",
                   place->directory, place->attempt);
}

/* --- older attempts --- */

static bool
is_attempt(const char *digits)
{
    size_t size = strspn(digits, "0123456789abcdef");
    return size == WR_ATTEMPT_DIGITS && digits[size] == '\0';
}

struct visit {
    struct wr_file_place *place;
    weir_error *err;
    uint64_t newest;                  /* checkpoint of a part of this uid */
    char newest_name[WR_OS_NAME_MAX]; /* "" : none */
};

static weir_status
fence_attempt(struct wr_file_place *place, const char *attempt, weir_error *err)
{
    char from[WR_PATH_MAX];
    char to[WR_PATH_MAX];
    WR_TRY(hidden_path(place, ".", attempt, from, err));
    WR_TRY(hidden_path(place, fenced_prefix, attempt, to, err));
    weir_status status = wr_path_rename(place->os, from, to, false, err);
    if (status == WEIR_BUSY) {
        /* fenced before, and made anew by an attempt that then saw it: empty */
        status = wr_directory_remove(place->os, from, err);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status
fence_name(void *argument, const char *name)
{
    struct visit *visit = argument;
    struct wr_file_place *place = visit->place;
    const char *attempt = name + 1;
    if (strncmp(name, fenced_prefix, sizeof fenced_prefix - 1) == 0) {
        attempt = name + sizeof fenced_prefix - 1;
        if (is_attempt(attempt)) {
            wr_buffer_put(&place->fenced, attempt, WR_ATTEMPT_DIGITS);
        }
        return WEIR_OK;
    }
    if (name[0] != '.' || !is_attempt(attempt) ||
        strncmp(attempt, place->attempt, WR_ATTEMPT_DIGITS) == 0) {
        return WEIR_OK;
    }
    wr_buffer_put(&place->fenced, attempt, WR_ATTEMPT_DIGITS);
    return fence_attempt(place, attempt, visit->err);
}

static weir_status
make_hidden(struct wr_file_place *place, weir_error *err)
{
    char path[WR_PATH_MAX];
    struct holder holder;
    WR_TRY(hidden_path(place, ".", place->attempt, path, err));
    WR_TRY(wr_directory_create(place->os, path, err));
    WR_TRY(read_holder(place, &holder, err));
    if (!is_own(place, &holder)) {
        (void)wr_directory_remove(place->os, path, NULL);
        return wr_file_place_fenced(place, err);
    }
    return WEIR_OK;
}

weir_status
wr_file_place_enter(struct wr_file_place *place, bool take_over, weir_error *err)
{
    WR_TRY(wr_directory_create_all(place->os, place->directory, err));
    WR_TRY(take_lock(place, take_over, err));
    WR_TRY(make_hidden(place, err));
    struct visit visit = { .place = place, .err = err };
    WR_TRY(wr_directory_each(place->os, &place->alloc, place->directory, fence_name, &visit, err));
    if (wr_buffer_status(&place->fenced) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the names in %s", place->directory);
    }
    return wr_directory_sync(place->os, place->directory, err);
}

weir_status
wr_file_place_clean(struct wr_file_place *place, weir_error *err)
{
    char path[WR_PATH_MAX];
    for (size_t at = 0; at < place->fenced.size; at += WR_ATTEMPT_DIGITS) {
        WR_TRY(hidden_path(place, fenced_prefix, (const char *)place->fenced.data + at, path, err));
        WR_TRY(wr_directory_remove_all(place->os, path, err));
    }
    wr_buffer_clear(&place->fenced);
    return WEIR_OK;
}

void
wr_file_place_leave(struct wr_file_place *place)
{
    char path[WR_PATH_MAX];
    if (hidden_path(place, ".", place->attempt, path, NULL) == WEIR_OK) {
        (void)wr_directory_remove(place->os, path,
                                  NULL); /* another one's files: not empty, stays */
    }
}

/* --- rewind --- */

/* Cuts the text at its last '-'; what was behind it, or NULL. */
static const char *
cut_last(char *text)
{
    char *dash = strrchr(text, '-');
    if (dash == NULL) {
        return NULL;
    }
    *dash = '\0';
    return dash + 1;
}

/* The checkpoint of "part-<uid>-<checkpoint>-<subtask>-<attempt>", read from the right since a uid
 * may hold anything; 0: another's. */
static uint64_t
checkpoint_of_part(const struct wr_file_place *place, const char *name)
{
    char text[WR_OS_NAME_MAX];
    snprintf(text, sizeof text, "%s", name);
    const char *attempt = cut_last(text);
    if (attempt == NULL || !is_attempt(attempt) || cut_last(text) == NULL) {
        return 0;
    }
    const char *checkpoint = cut_last(text);
    size_t prefix = sizeof part_prefix - 1;
    if (checkpoint == NULL || strncmp(text, part_prefix, prefix) != 0 ||
        strcmp(text + prefix, place->uid) != 0) {
        return 0;
    }
    return strtoull(checkpoint, NULL, 10);
}

static weir_status
find_newest(void *argument, const char *name)
{
    struct visit *visit = argument;
    uint64_t checkpoint = checkpoint_of_part(visit->place, name);
    if (checkpoint > visit->newest) {
        visit->newest = checkpoint;
        snprintf(visit->newest_name, sizeof visit->newest_name, "%s", name);
    }
    return WEIR_OK;
}

weir_status
wr_file_place_check_rewind(struct wr_file_place *place, uint64_t restored_id, weir_error *err)
{
    struct visit visit = { .place = place, .err = err };
    WR_TRY(wr_directory_each(place->os, &place->alloc, place->directory, find_newest, &visit, err));
    if (visit.newest <= restored_id) {
        return WEIR_OK;
    }
    char start[64] = "starts from empty state";
    if (restored_id > 0) {
        snprintf(start, sizeof start, "starts from checkpoint %llu",
                 (unsigned long long)restored_id);
    }
    return wr_fail(
        err, WEIR_INVALID,
        "output directory %s holds what checkpoint %llu committed (%s), but the job %s: what "
        "came after would be written twice. Take another output directory, or say "
        "--allow-rewind",
        place->directory, (unsigned long long)visit.newest, visit.newest_name, start);
}
