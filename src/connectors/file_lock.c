/* SPDX-License-Identifier: Apache-2.0 */
/* file_lock: one process writes to an output directory.
 *
 * The lock is the kernel's, on an open file, so it goes with its process; the text says whose it
 * is. To take over from a process that still has it, the name is removed and a new file made: the
 * old holder keeps a file that nobody sees. So whoever got a lock looks by the name whether it is
 * the one that others see.
 *
 * Two sinks of one job may share a directory: who finds the lock held by his own attempt goes on.
 * Between lock and text there is a moment, hence the tries.
 */
#include "connectors/file_lock.h"

#include "base/fail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOCK_TEXT_MAX = 128,
    LOCK_TRIES = 20 /* a millisecond each */
};

static const char lock_name[] = ".weir.lock";
static const uint64_t try_again_ns = 1000 * 1000;

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

weir_status
wr_file_lock_take(struct wr_file_place *place, bool take_over, weir_error *err)
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

weir_status
wr_file_lock_is_own(struct wr_file_place *place, bool *out_is_own, weir_error *err)
{
    struct holder holder;
    WR_TRY(read_holder(place, &holder, err));
    *out_is_own = is_own(place, &holder);
    return WEIR_OK;
}

void
wr_file_lock_give_back(struct wr_file_place *place)
{
    if (place->is_locked) {
        wr_file_close(place->os, place->lock);
        place->is_locked = false;
    }
}
