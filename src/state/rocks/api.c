/* SPDX-License-Identifier: Apache-2.0 */
/* api: the table of the real calls. This is a module's door to the system: the engine's files are
 * RocksDB's own, beside which ours are a few links, copies and folders. */
#include "state/rocks/api.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COPY_BUFFER_SIZE = 64 << 10,
    PATH_ROOM = 4096,
    OPEN_FOLDERS_MOST = 16
};

static int
make_directory(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST ? 0 : errno;
}

static int
link_file(const char *from, const char *to)
{
    return link(from, to) == 0 ? 0 : errno;
}

static int
write_all(int file, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, data, size);
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        data += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int
copy_content(int from, int to)
{
    char buffer[COPY_BUFFER_SIZE];
    for (;;) {
        ssize_t size = read(from, buffer, sizeof buffer);
        if (size == 0) {
            return 0;
        }
        if (size < 0 && errno != EINTR) {
            return errno;
        }
        int failure = size > 0 ? write_all(to, buffer, (size_t)size) : 0;
        if (failure != 0) {
            return failure;
        }
    }
}

static int
copy_file(const char *from, const char *to)
{
    int source = open(from, O_RDONLY | O_CLOEXEC);
    if (source < 0) {
        return errno;
    }
    int failure = 0;
    int target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (target < 0) {
        failure = errno;
    } else {
        failure = copy_content(source, target);
        failure = close(target) == 0 || failure != 0 ? failure : errno;
    }
    close(source);
    return failure;
}

static int
read_text(const char *path, char *out, size_t room)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return errno;
    }
    ssize_t size = read(file, out, room - 1);
    int failure = size < 0 ? errno : 0;
    out[size < 0 ? 0 : size] = '\0';
    close(file);
    return failure;
}

static int
each_file(const char *path, wr_rocks_each_file *each, void *argument)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return errno;
    }
    int failure = 0;
    const struct dirent *entry;
    while (failure == 0 && (entry = readdir(folder)) != NULL) {
        char file[PATH_ROOM];
        struct stat status;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (stat(file, &status) != 0) {
            failure = errno;
        } else if (S_ISREG(status.st_mode)) {
            failure = each(argument, entry->d_name, (unsigned long long)status.st_size);
        }
    }
    closedir(folder);
    return failure;
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    (void)remove(path);
    return 0;
}

void
wr_rocks_remove_tree(const char *path)
{
    (void)nftw(path, remove_one, OPEN_FOLDERS_MOST, FTW_DEPTH | FTW_PHYS);
}

static const struct wr_rocks_api real = {
    .open = rocksdb_open_column_families,
    .open_read_only = rocksdb_open_for_read_only_column_families,
    .create_family = rocksdb_create_column_family,
    .options_from_text = rocksdb_get_options_from_string,
    .set_options = rocksdb_set_options_cf,
    .write = rocksdb_write,
    .get = rocksdb_get_pinned_cf,
    .multi_get = rocksdb_batched_multi_get_cf,
    .iterator_error = rocksdb_iter_get_error,
    .checkpoint_new = rocksdb_checkpoint_object_create,
    .checkpoint_make = rocksdb_checkpoint_create,
    .make_directory = make_directory,
    .link_file = link_file,
    .copy_file = copy_file,
    .read_text = read_text,
    .each_file = each_file,
};

const struct wr_rocks_api *
wr_rocks_api_real(void)
{
    return &real;
}
