/* SPDX-License-Identifier: Apache-2.0 */
/* paths: a client's path against the roots.
 *
 *   "file:///s//a/./b" --normalize--> "/s/a/b" --beneath a root?--> "a/b" --walk, link by link-->
 * yes
 *
 * Invariants:
 *   (1) No ".." is ever followed: a path with one is refused, not shortened.
 *   (2) Below a root no symbolic link is followed, dangling ones neither; the way to a root is the
 *       operator's own.
 *   (3) What is answered is what was looked at.
 *
 * The walk opens every part with O_NOFOLLOW, which needs no openat2 and works in every sandbox. It
 * costs one look-up a part; the parts are bounded by the path's length.
 */
#include "serve/paths.h"

#include "base/fail.h"
#include "serve/look.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOTS                                                                  \
    "clients may name what is beneath execution.checkpointing.savepoint-dir, " \
    "execution.checkpointing.dir or weir.rest.savepoint-roots"

enum {
    ROOT_MAX = PATH_MAX
};

/* --- text --- */

/* The path of a file URI, or the text itself. NULL: a URI with a host. */
static const char *
strip_scheme(const char *text)
{
    if (strncmp(text, "file:", 5) != 0) {
        return text;
    }
    text += 5;
    if (strncmp(text, "//", 2) != 0) {
        return text;
    }
    return text[2] == '/' ? text + 2 : NULL;
}

static bool
is_part(const char *part, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(part, word, size) == 0;
}

/* "" for "/". False: "..", a control letter, or too long for the room. */
static bool
normalize(const char *path, char *out, size_t room)
{
    size_t size = 0;
    while (*path != '\0') {
        const char *part = path + strspn(path, "/");
        size_t part_size = strcspn(part, "/");
        path = part + part_size;
        if (part_size == 0 || is_part(part, part_size, ".")) {
            continue;
        }
        if (is_part(part, part_size, "..") || room - size < part_size + 2) {
            return false;
        }
        out[size++] = '/';
        for (size_t i = 0; i < part_size; i++) {
            if ((unsigned char)part[i] < 0x20 || part[i] == 0x7f) {
                return false;
            }
            out[size++] = part[i];
        }
    }
    out[size] = '\0';
    return true;
}

/* --- one root --- */

/* The operator's own text: relative to the working directory where it is no absolute one. */
static bool
normalize_root(const char *text, size_t text_size, char out[ROOT_MAX])
{
    char whole[ROOT_MAX];
    char place[ROOT_MAX] = "";
    if (text_size >= sizeof whole) {
        return false;
    }
    memcpy(whole, text, text_size);
    whole[text_size] = '\0';
    const char *path = strip_scheme(whole);
    if (path == NULL || path[0] == '\0') {
        return false;
    }
    if (path[0] != '/' && getcwd(place, sizeof place) == NULL) {
        return false;
    }
    size_t place_size = strlen(place);
    char both[2 * ROOT_MAX];
    snprintf(both, sizeof both, "%.*s/%s", (int)place_size, place, path);
    return normalize(both, out, ROOT_MAX);
}

/* What stands behind the root: "/a/b", or "" for the root itself. NULL: it is not beneath. */
static const char *
beneath(const char *root, const char *path)
{
    size_t size = strlen(root);
    bool is_so = strncmp(path, root, size) == 0 && (path[size] == '/' || path[size] == '\0');
    return is_so ? path + size : NULL;
}

/* Opens what stands there itself, a symbolic link too. -1: errno. */
static int
open_part(int directory, const char *part, size_t size)
{
    char name[NAME_MAX + 1];
    if (size > NAME_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(name, part, size);
    name[size] = '\0';
    return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* 0, or the errno that says why not: ELOOP for a symbolic link. Closes `directory`. */
static int
walk(int directory, const char *rest)
{
    int failure = 0;
    while (*rest != '\0' && failure == 0) {
        const char *part = rest + 1;
        size_t size = strcspn(part, "/");
        int next = open_part(directory, part, size);
        struct stat found;
        if (next < 0 || fstat(next, &found) != 0) {
            failure = errno;
        } else if (S_ISLNK(found.st_mode)) {
            failure = ELOOP;
        }
        close(directory);
        directory = next;
        rest = part + size;
    }
    if (directory >= 0) {
        close(directory);
    }
    return failure == ENOENT ? 0 : failure; /* what is not there leads nowhere */
}

/* The client's mistake, whatever the system says. */
static weir_status
refuse(weir_error *err, int why, const char *path)
{
    (void)wr_fail_errno(err, why, "%s cannot be looked at", path);
    err->status = WEIR_INVALID;
    return WEIR_INVALID;
}

static weir_status
check_root(const char *root, const char *rest, const char *asked, weir_error *err)
{
    int directory = open(root[0] != '\0' ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 && errno == ENOENT) {
        return WEIR_OK;
    }
    if (directory < 0) {
        return refuse(err, errno, root);
    }
    int failure = walk(directory, rest);
    if (failure == ELOOP) {
        return wr_fail(err, WEIR_INVALID,
                       "%s leads over a symbolic link; name the place itself: " ROOTS, asked);
    }
    return failure == 0 ? WEIR_OK : refuse(err, failure, asked);
}

/* --- all roots --- */

/* The roots that one option names. separators "": it names one, whose name may have a comma.
 * WEIR_NOT_FOUND: it is beneath none of them. */
static weir_status
check_roots(const char *list, const char *separators, enum wr_client_path kind, const char *path,
            const char *asked, weir_error *err)
{
    weir_status status = WEIR_NOT_FOUND;
    while (list != NULL && status != WEIR_OK) {
        char root[ROOT_MAX];
        size_t size = strcspn(list, separators);
        const char *rest = normalize_root(list, size, root) ? beneath(root, path) : NULL;
        if (rest != NULL && (rest[0] != '\0' || kind == WR_CLIENT_TARGET)) {
            status = check_root(root, rest, asked, err);
        }
        list = list[size] != '\0' ? list + size + 1 : NULL;
    }
    return status;
}

static weir_status
check_text(const char *asked, char out[WR_CLIENT_PATH_MAX + 1], weir_error *err)
{
    size_t size = strlen(asked);
    const char *path = strip_scheme(asked);
    if (size > WR_CLIENT_PATH_MAX) {
        return wr_fail(err, WEIR_INVALID, "a path has at most %d bytes, this one %zu",
                       WR_CLIENT_PATH_MAX, size);
    }
    if (path == NULL || path[0] != '/') {
        return wr_fail(err, WEIR_INVALID,
                       "'%s': name an absolute path, or a file URL without a host; " ROOTS, asked);
    }
    if (!normalize(path, out, WR_CLIENT_PATH_MAX + 1)) {
        return wr_fail(err, WEIR_INVALID,
                       "'%s': a path with \"..\" or control characters is not taken; " ROOTS,
                       asked);
    }
    return WEIR_OK;
}

weir_status
wr_client_path(const weir_options *options, enum wr_client_path kind, const char *asked,
               char out[WR_CLIENT_PATH_MAX + 1], weir_error *err)
{
    static const struct {
        const char *key;
        const char *separators;
    } roots[] = { { "execution.checkpointing.savepoint-dir", "" },
                  { "execution.checkpointing.dir", "" },
                  { "weir.rest.savepoint-roots", "," } };
    char path[WR_CLIENT_PATH_MAX + 1];
    weir_error refused = { .status = WEIR_OK };
    WR_TRY(check_text(asked, path, err));
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        const char *list = weir_options_text(options, roots[i].key);
        weir_status status = check_roots(list, roots[i].separators, kind, path, asked, &refused);
        if (status == WEIR_OK) {
            snprintf(out, WR_CLIENT_PATH_MAX + 1, "%s", path[0] != '\0' ? path : "/");
            return WEIR_OK;
        }
    }
    if (refused.status == WEIR_OK) {
        return wr_fail(err, WEIR_INVALID, "'%s' is not allowed: " ROOTS, asked);
    }
    if (err != NULL) {
        *err = refused;
    }
    return WEIR_INVALID;
}

json_t *
wr_path_json(const char *path)
{
    char place[PATH_MAX];
    char whole[2 * PATH_MAX];
    bool is_relative = path != NULL && path[0] != '/' && strncmp(path, "file:", 5) != 0;
    if (!is_relative || getcwd(place, sizeof place) == NULL) {
        return wr_json_text(path);
    }
    snprintf(whole, sizeof whole, "%s/%s", place, path);
    return wr_json_text(whole);
}
