/* SPDX-License-Identifier: Apache-2.0 */
/* directory: what is done to names: paths and directories, over the os table.
 *
 * Rules:
 *   (1) EINTR is retried, as in file.c.
 *   (2) Removal never follows a symbolic link: it unlinks each name, and descends only where the
 *       system says that the name is a directory.
 *   (3) A directory's names are handed out in byte order, so that a run does not depend on the
 *       file system's order.
 */
#include "os/file.h"

#include "base/fail.h"
#include "base/memory.h"
#include "base/sort.h"

#include <errno.h>
#include <string.h>

enum {
    DEPTH_MAX = 64
};

weir_status
wr_path_join(char *out, const char *one, const char *two, weir_error *err)
{
    size_t one_size = strlen(one);
    size_t two_size = strlen(two);
    bool slash = one_size > 0 && two_size > 0 && one[one_size - 1] != '/';
    if (one_size + slash + two_size >= WR_PATH_MAX) {
        return wr_fail(err, WEIR_LIMIT, "a path may have %d bytes: %s/%s", WR_PATH_MAX - 1, one,
                       two);
    }
    memmove(out, one, one_size + 1); /* out and one may be the same */
    if (slash) {
        out[one_size++] = '/';
    }
    memcpy(out + one_size, two, two_size + 1);
    return WEIR_OK;
}

static int
stat_again(struct wr_os *os, const char *path, struct wr_os_stat *out_stat)
{
    int failure;
    do {
        failure = os->ops->stat(os, path, out_stat);
    } while (failure == EINTR);
    return failure;
}

weir_status
wr_path_stat(struct wr_os *os, const char *path, struct wr_os_stat *out_stat, weir_error *err)
{
    int failure = stat_again(os, path, out_stat);
    if (failure == ENOENT || failure == ENOTDIR) {
        return wr_fail(err, WEIR_NOT_FOUND, "no such file or directory: %s", path);
    }
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot look at %s", path);
    }
    return WEIR_OK;
}

weir_status
wr_path_stat_link(struct wr_os *os, const char *path, struct wr_os_stat *out_stat, weir_error *err)
{
    if (os->ops->stat_link == NULL) {
        return wr_path_stat(os, path, out_stat, err);
    }
    int failure;
    do {
        failure = os->ops->stat_link(os, path, out_stat);
    } while (failure == EINTR);
    if (failure == ENOENT || failure == ENOTDIR) {
        return wr_fail(err, WEIR_NOT_FOUND, "no such file or directory: %s", path);
    }
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot look at %s", path);
    }
    return WEIR_OK;
}

weir_status
wr_path_link(struct wr_os *os, const char *from, const char *to, weir_error *err)
{
    int failure = EOPNOTSUPP;
    while (os->ops->link != NULL && (failure = os->ops->link(os, from, to)) == EINTR) {
    }
    switch (failure) {
    case 0:
        return WEIR_OK;
    case EEXIST:
        return wr_fail(err, WEIR_BUSY, "cannot link %s: %s is there already", from, to);
    case ENOENT:
        return wr_fail(err, WEIR_NOT_FOUND, "cannot link %s to %s: it is not there", from, to);
    case EXDEV:
    case EPERM:
    case EMLINK:
    case ENOSYS:
    case EOPNOTSUPP:
        return wr_fail(err, WEIR_UNSUPPORTED, "%s cannot have a second name %s", from, to);
    default:
        return wr_fail_errno(err, failure, "cannot link %s to %s", from, to);
    }
}

weir_status
wr_path_rename(struct wr_os *os, const char *from, const char *to, bool replace, weir_error *err)
{
    int failure;
    do {
        failure = os->ops->rename(os, from, to, replace);
    } while (failure == EINTR);
    switch (failure) {
    case 0:
        return WEIR_OK;
    case EEXIST:
        return wr_fail(err, WEIR_BUSY, "cannot rename %s: %s is there already", from, to);
    case ENOENT:
        return wr_fail(err, WEIR_NOT_FOUND, "cannot rename %s to %s: it is not there", from, to);
    default:
        return wr_fail_errno(err, failure, "cannot rename %s to %s", from, to);
    }
}

static int
unlink_again(struct wr_os *os, const char *path)
{
    int failure;
    do {
        failure = os->ops->unlink(os, path);
    } while (failure == EINTR);
    return failure;
}

weir_status
wr_path_unlink(struct wr_os *os, const char *path, weir_error *err)
{
    int failure = unlink_again(os, path);
    if (failure == ENOENT) {
        return wr_fail(err, WEIR_NOT_FOUND, "no such file: %s", path);
    }
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot remove %s", path);
    }
    return WEIR_OK;
}

static int
mkdir_again(struct wr_os *os, const char *path)
{
    int failure;
    do {
        failure = os->ops->mkdir(os, path);
    } while (failure == EINTR);
    return failure;
}

weir_status
wr_directory_create(struct wr_os *os, const char *path, weir_error *err)
{
    int failure = mkdir_again(os, path);
    if (failure == EEXIST) {
        struct wr_os_stat found = { 0 };
        failure = stat_again(os, path, &found);
        if (failure == 0 && found.kind != WR_OS_DIRECTORY) {
            failure = ENOTDIR;
        }
    }
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot create directory %s", path);
    }
    return WEIR_OK;
}

/* Cuts a path after its parent; "." and "/" have themselves. */
static void
cut_to_parent(char *path)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    while (size > 0 && path[size - 1] != '/') {
        size--;
    }
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    if (size == 0) {
        path[size++] = '.';
    }
    path[size] = '\0';
}

/* One that is there may have been made by a process that was killed before it made the name
 * durable; then everything below it is lost with the power. A parent that may not be read is not
 * one that such a process has written to. */
static weir_status
sync_found(struct wr_os *os, const char *parent, weir_error *err)
{
    weir_error why = { .status = WEIR_OK };
    weir_status status = wr_directory_sync(os, parent, &why);
    if (status == WEIR_OK || why.sys_errno == EACCES) {
        return WEIR_OK;
    }
    if (err != NULL) {
        *err = why;
    }
    return status;
}

/* Creates one level if it is missing, and makes its name durable. */
static weir_status
create_level(struct wr_os *os, const char *path, weir_error *err)
{
    struct wr_os_stat found;
    char parent[WR_PATH_MAX];
    memcpy(parent, path, strlen(path) + 1);
    cut_to_parent(parent);
    weir_status status = wr_path_stat(os, path, &found, err);
    if (status == WEIR_OK && found.kind == WR_OS_DIRECTORY) {
        return sync_found(os, parent, err);
    }
    if (status == WEIR_OK) {
        return wr_fail_errno(err, ENOTDIR, "cannot create directory %s", path);
    }
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    WR_TRY(wr_directory_create(os, path, err));
    return wr_directory_sync(os, parent, err);
}

weir_status
wr_directory_create_all(struct wr_os *os, const char *path, weir_error *err)
{
    char level[WR_PATH_MAX];
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof level) {
        return wr_fail(err, WEIR_LIMIT, "the path has %zu bytes, it may have 1 to %d: %s", size,
                       WR_PATH_MAX - 1, path);
    }
    memcpy(level, path, size + 1);
    for (size_t i = 1; i < size; i++) {
        if (level[i] == '/' && level[i - 1] != '/') {
            level[i] = '\0';
            WR_TRY(create_level(os, level, err));
            level[i] = '/';
        }
    }
    return create_level(os, level, err);
}

weir_status
wr_directory_sync(struct wr_os *os, const char *path, weir_error *err)
{
    int file = -1;
    WR_TRY(wr_file_open(os, path, WR_OPEN_READ | WR_OPEN_DIRECTORY, &file, err));
    weir_status status = wr_file_sync(os, file, path, false, err);
    wr_file_close(os, file);
    return status;
}

static int
rmdir_again(struct wr_os *os, const char *path)
{
    int failure;
    do {
        failure = os->ops->rmdir(os, path);
    } while (failure == EINTR);
    return failure;
}

weir_status
wr_directory_remove(struct wr_os *os, const char *path, weir_error *err)
{
    int failure = rmdir_again(os, path);
    if (failure == ENOENT) {
        return wr_fail(err, WEIR_NOT_FOUND, "no such directory: %s", path);
    }
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot remove directory %s", path);
    }
    return WEIR_OK;
}

static int
list_open_again(struct wr_os *os, const char *path, struct wr_os_list **out_list)
{
    int failure;
    do {
        failure = os->ops->list_open(os, path, out_list);
    } while (failure == EINTR);
    return failure;
}

static int
list_next_again(struct wr_os *os, struct wr_os_list *list, char *out_name)
{
    int failure;
    do {
        failure = os->ops->list_next(os, list, out_name);
    } while (failure == EINTR);
    return failure;
}

static weir_status remove_below(struct wr_os *os, char *path, int depth, weir_error *err);

/* Removes what stands at `path`, which has room for WR_PATH_MAX bytes, whatever it is. */
static weir_status
remove_one(struct wr_os *os, char *path, int depth, weir_error *err)
{
    int failure = unlink_again(os, path);
    if (failure == EISDIR || failure == EPERM) { /* Linux says EISDIR, POSIX EPERM */
        WR_TRY(remove_below(os, path, depth, err));
        failure = rmdir_again(os, path);
    }
    if (failure != 0 && failure != ENOENT) {
        return wr_fail_errno(err, failure, "cannot remove %s", path);
    }
    return WEIR_OK;
}

/* Removes all that stands below a directory. Calls itself by remove_one, DEPTH_MAX deep at most. */
static weir_status
remove_below(struct wr_os *os, char *path, int depth, weir_error *err)
{
    if (depth >= DEPTH_MAX) {
        return wr_fail(err, WEIR_LIMIT, "cannot remove %s: more than %d levels", path, DEPTH_MAX);
    }
    struct wr_os_list *list = NULL;
    int failure = list_open_again(os, path, &list);
    if (failure == ENOENT) {
        return WEIR_OK;
    }
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot list directory %s", path);
    }
    weir_status status = WEIR_OK;
    size_t size = strlen(path);
    char name[WR_OS_NAME_MAX];
    while (status == WEIR_OK && (failure = list_next_again(os, list, name)) == 0) {
        status = wr_path_join(path, path, name, err);
        if (status == WEIR_OK) {
            status = remove_one(os, path, depth + 1, err);
        }
        path[size] = '\0';
    }
    if (status == WEIR_OK && failure != ENOENT) {
        status = wr_fail_errno(err, failure, "cannot list directory %s", path);
    }
    os->ops->list_close(os, list);
    return status;
}

weir_status
wr_directory_remove_all(struct wr_os *os, const char *path, weir_error *err)
{
    char root[WR_PATH_MAX];
    WR_TRY(wr_path_join(root, path, "", err));
    return remove_one(os, root, 0, err);
}

/* Names of a directory: each with its NUL in `text`, and where each begins. */
struct names {
    struct wr_buffer text;
    struct wr_buffer starts; /* u32 each */
};

static int
compare_names(const void *one, const void *other, void *argument)
{
    const struct names *names = argument;
    const char *text = (const char *)names->text.data;
    return strcmp(text + *(const uint32_t *)one, text + *(const uint32_t *)other);
}

static weir_status
read_names(struct wr_os *os, const char *path, struct names *names, weir_error *err)
{
    struct wr_os_list *list = NULL;
    int failure = list_open_again(os, path, &list);
    if (failure == ENOENT || failure == ENOTDIR) {
        return wr_fail(err, WEIR_NOT_FOUND, "no such directory: %s", path);
    }
    if (failure != 0) {
        return wr_fail_errno(err, failure, "cannot list directory %s", path);
    }
    char name[WR_OS_NAME_MAX];
    while ((failure = list_next_again(os, list, name)) == 0) {
        wr_buffer_put_u32(&names->starts, (uint32_t)names->text.size);
        wr_buffer_put(&names->text, name, strlen(name) + 1);
        if (names->text.size > UINT32_MAX - WR_OS_NAME_MAX || names->text.refused ||
            names->starts.refused) {
            failure = ENOMEM;
            break;
        }
    }
    os->ops->list_close(os, list);
    if (failure != ENOENT) {
        return wr_fail_errno(err, failure, "cannot list directory %s", path);
    }
    return WEIR_OK;
}

weir_status
wr_directory_each(struct wr_os *os, const weir_alloc *alloc, const char *path,
                  weir_status (*each)(void *argument, const char *name), void *argument,
                  weir_error *err)
{
    struct names names;
    wr_buffer_init(&names.text, alloc);
    wr_buffer_init(&names.starts, alloc);
    weir_status status = read_names(os, path, &names, err);
    size_t count = names.starts.size / sizeof(uint32_t);
    if (status == WEIR_OK && count > 0) {
        uint32_t *starts = (uint32_t *)(void *)names.starts.data;
        wr_sort(starts, count, sizeof *starts, compare_names, &names);
        for (size_t i = 0; i < count && status == WEIR_OK; i++) {
            status = each(argument, (const char *)names.text.data + starts[i]);
        }
    }
    wr_buffer_fini(&names.starts);
    wr_buffer_fini(&names.text);
    return status;
}
