/* SPDX-License-Identifier: Apache-2.0 */
/* file_place: who may write to an output directory.
 *
 * All that an attempt writes or renames it names by a path below its own hidden directory. Who
 * takes over renames that directory away, and the older attempt, whenever it wakes, gets ENOENT for
 * each of them.
 *
 *   enter: lock -> own directory -> is the lock still ours? -> fence older attempts
 *
 * Invariants:
 *   (1) The hidden directory is made here and nowhere else: one that was fenced does not come back.
 *   (2) An attempt that is stopped in the middle of enter cannot slip through: either its directory
 *       is there when the successor looks, or it finds the successor's lock after making it.
 *   (3) An attempt removes only fenced directories that were there when it entered: one that was
 *       fenced later may hold what its successor has yet to recover.
 */
#include "connectors/file_place.h"

#include "base/crc32c.h"
#include "base/fail.h"
#include "connectors/file_lock.h"
#include "os/context_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    UID_KEPT_MAX = 100
};

static const char fenced_prefix[] = ".fenced-";
static const char part_prefix[] = "part-";

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
    wr_file_lock_give_back(place);
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
    bool is_own = false;
    WR_TRY(hidden_path(place, ".", place->attempt, path, err));
    WR_TRY(wr_directory_create(place->os, path, err));
    WR_TRY(wr_file_lock_is_own(place, &is_own, err));
    if (!is_own) {
        (void)wr_directory_remove(place->os, path, NULL);
        return wr_file_place_fenced(place, err);
    }
    return WEIR_OK;
}

weir_status
wr_file_place_enter(struct wr_file_place *place, bool take_over, weir_error *err)
{
    WR_TRY(wr_directory_create_all(place->os, place->directory, err));
    WR_TRY(wr_file_lock_take(place, take_over, err));
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
wr_file_place_keep(struct wr_file_place *place)
{
    char name[WR_SINK_NAME_SIZE + 16];
    char path[WR_PATH_MAX];
    int file;
    snprintf(name, sizeof name, ".%.*s/.unsure-%u", WR_ATTEMPT_DIGITS, place->attempt,
             place->subtask);
    if (wr_file_place_path(place, name, path, NULL) == WEIR_OK &&
        wr_file_open(place->os, path, WR_OPEN_WRITE | WR_OPEN_CREATE, &file, NULL) == WEIR_OK) {
        wr_file_close(place->os, file);
    }
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
