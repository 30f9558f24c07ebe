/* SPDX-License-Identifier: Apache-2.0 */
/* location: what a user writes for a place, without its scheme.
 *
 *   /a/b   a/b   file:/a/b   file:///a/b   file://localhost/a/b
 *
 * A scheme is a word before "://"; "a:b" alone is a file's name. file: needs an absolute path, as a
 * URL does.
 */
#include "base/fail.h"
#include "storage/find.h"

#include <string.h>

static weir_status
fail_scheme(const char *location, size_t size, weir_error *err)
{
    return wr_fail(
        err, WEIR_UNSUPPORTED,
        "'%s': checkpoints on '%.*s' are not supported yet; give a path, or file:// of one",
        location, (int)size, location);
}

/* What stands behind "file:", or the location itself; NULL: another scheme or host. */
static const char *
strip_scheme(const char *location, size_t *out_scheme_size)
{
    size_t size =
        strspn(location, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+.-");
    *out_scheme_size = size;
    if (strncmp(location, "file:/", 6) == 0) {
        const char *path = location + 5;
        if (strncmp(path, "//", 2) != 0) {
            return path;
        }
        path += 2;
        if (strncmp(path, "localhost/", 10) == 0) {
            path += 9;
        }
        return path[0] == '/' ? path : NULL;
    }
    return size > 0 && strncmp(location + size, "://", 3) == 0 ? NULL : location;
}

weir_status
wr_location_path(const char *location, char *out_path, weir_error *err)
{
    size_t scheme_size = 0;
    const char *path = strip_scheme(location, &scheme_size);
    if (path == NULL && strncmp(location, "file:", 5) == 0) {
        return wr_fail(err, WEIR_INVALID,
                       "'%s': a file URL names no host and an absolute path: file:///a/b",
                       location);
    }
    if (path == NULL) {
        return fail_scheme(location, scheme_size, err);
    }
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    if (size == 0 || size >= WR_PATH_MAX) {
        return wr_fail(err, size == 0 ? WEIR_INVALID : WEIR_LIMIT,
                       "a location must be a path of 1 to %d bytes, this has %zu: '%s'",
                       WR_PATH_MAX - 1, size, location);
    }
    memcpy(out_path, path, size);
    out_path[size] = '\0';
    return WEIR_OK;
}
