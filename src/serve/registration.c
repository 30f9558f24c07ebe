/* SPDX-License-Identifier: Apache-2.0 */
/* registration: the entry of this process among the running jobs.
 *
 *   write under a name with ".tmp", lock, rename     an entry is seen locked or not at all
 *   the process ends, however it does                the lock is free
 *   sweep [by the next one]                          an entry whose lock is free is removed
 *
 * A file may be swept between its making and its lock; then the rename fails, and it is made again.
 */
#include "serve/registration.h"

#include "serve/sockets.h"

#include "base/fail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    TRIES = 8
};

/* --- the directory --- */

static weir_status
name_directory(char out[WR_RUNTIME_PATH_MAX], weir_error *err)
{
    const char *own = getenv("WEIR_RUNTIME_DIR");
    const char *session = getenv("XDG_RUNTIME_DIR");
    int size = 0;
    if (own != NULL && own[0] != '\0') {
        size = snprintf(out, WR_RUNTIME_PATH_MAX, "%s", own);
    } else if (session != NULL && session[0] == '/') {
        size = snprintf(out, WR_RUNTIME_PATH_MAX, "%s/weir", session);
    } else {
        size = snprintf(out, WR_RUNTIME_PATH_MAX, "/tmp/weir-%u", (unsigned)geteuid());
    }
    if (size >= WR_RUNTIME_PATH_MAX) {
        return wr_fail(err, WEIR_INVALID, "the name of the runtime directory has %d bytes, %d may",
                       size, WR_RUNTIME_PATH_MAX - 1);
    }
    return WEIR_OK;
}

static weir_status
make_directory(const char *path, weir_error *err)
{
    struct stat about;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return wr_fail_errno(err, errno, "runtime directory %s", path);
    }
    if (lstat(path, &about) != 0) {
        return wr_fail_errno(err, errno, "runtime directory %s", path);
    }
    if (!S_ISDIR(about.st_mode)) {
        return wr_fail(err, WEIR_INVALID,
                       "runtime directory %s: it is no directory (a link is not followed)", path);
    }
    if (about.st_uid != geteuid()) {
        return wr_fail(err, WEIR_INVALID,
                       "runtime directory %s belongs to user %u; set WEIR_RUNTIME_DIR to one of "
                       "your own",
                       path, (unsigned)about.st_uid);
    }
    if ((about.st_mode & 022) != 0) {
        return wr_fail(err, WEIR_INVALID,
                       "runtime directory %s: others may write there (mode %04o); chmod 700 it",
                       path, (unsigned)(about.st_mode & 07777));
    }
    return WEIR_OK;
}

/* --- those who are gone --- */

static bool
ends_with(const char *name, const char *end)
{
    size_t size = strlen(name);
    size_t end_size = strlen(end);
    return size > end_size && strcmp(name + size - end_size, end) == 0;
}

/* The socket of a process that is gone, unless another one of that number has it by now. */
static void
remove_socket(int directory, const char *directory_path, const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int size = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", directory_path, name);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0 || size >= (int)sizeof address.sun_path) {
        if (probe >= 0) {
            close(probe);
        }
        return;
    }
    if (connect(probe, (struct sockaddr *)&address, sizeof address) != 0 && errno == ECONNREFUSED) {
        unlinkat(directory, name, 0);
    }
    close(probe);
}

/* Both that an entry may have had. */
static void
remove_sockets(int directory, const char *directory_path, const char *entry)
{
    char name[64];
    const char *pid = strchr(entry, '.');
    if (pid != NULL) {
        int size = (int)strcspn(pid + 1, ".");
        snprintf(name, sizeof name, "%.*s.sock", size, pid + 1);
        remove_socket(directory, directory_path, name);
        snprintf(name, sizeof name, "%.*s.%.8s.sock", size, pid + 1, entry);
        remove_socket(directory, directory_path, name);
    }
}

static void
sweep_one(int directory, const char *directory_path, const char *name)
{
    int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return;
    }
    struct stat locked;
    struct stat named;
    if (flock(file, LOCK_EX | LOCK_NB) == 0 && fstat(file, &locked) == 0 &&
        fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        locked.st_ino == named.st_ino && locked.st_dev == named.st_dev) {
        remove_sockets(directory, directory_path, name);
        unlinkat(directory, name, 0);
    }
    close(file);
}

static void
sweep(const char *path)
{
    DIR *entries = opendir(path);
    if (entries == NULL) {
        return;
    }
    for (struct dirent *entry = NULL; (entry = readdir(entries)) != NULL;) {
        if (ends_with(entry->d_name, ".json") || ends_with(entry->d_name, ".json.tmp")) {
            sweep_one(dirfd(entries), path, entry->d_name);
        }
    }
    closedir(entries);
}

weir_status
wr_registration_init(struct wr_registration *registration, weir_error *err)
{
    *registration = (struct wr_registration){ .file = -1 };
    WR_TRY(name_directory(registration->directory, err));
    WR_TRY(make_directory(registration->directory, err));
    sweep(registration->directory);
    return WEIR_OK;
}

/* --- our own --- */

weir_status
wr_registration_listen(struct wr_registration *registration, const char *job_id, int *out_socket,
                       weir_error *err)
{
    char path[sizeof registration->socket];
    snprintf(path, sizeof path, "%s/%d.sock", registration->directory, (int)getpid());
    weir_status status = wr_local_listen(path, out_socket, err);
    if (status == WEIR_BUSY) { /* another job of this process */
        snprintf(path, sizeof path, "%s/%d.%.8s.sock", registration->directory, (int)getpid(),
                 job_id);
        status = wr_local_listen(path, out_socket, err);
    }
    if (status == WEIR_OK) {
        snprintf(registration->socket, sizeof registration->socket, "%s", path);
    }
    return status;
}

static char *
text_of(const struct wr_registration *registration, const struct wr_registered *registered)
{
    char *token_file =
        registered->token_file != NULL ? realpath(registered->token_file, NULL) : NULL;
    json_t *entry = json_pack("{s:i,s:s,s:s?,s:s?,s:s?,s:s?,s:I}", "pid", (int)getpid(), "job-id",
                              registered->job_id, "name", registered->name, "socket",
                              registration->socket[0] != '\0' ? registration->socket : NULL, "url",
                              registered->url, "token-file", token_file, "start-time",
                              (json_int_t)registered->start_ms);
    char *text = entry != NULL ? json_dumps(entry, JSON_INDENT(1)) : NULL;
    json_decref(entry);
    free(token_file);
    return text;
}

/* A locked file with the text, under its first name; -1, with errno. */
static int
make_file(const char *path, const char *text)
{
    size_t size = strlen(text);
    errno = 0;
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0 && errno == EEXIST) { /* of a process of this number that is gone */
        unlink(path);
        file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    if (file < 0) {
        return -1;
    }
    if (flock(file, LOCK_EX | LOCK_NB) == 0 && write(file, text, size) == (ssize_t)size) {
        return file;
    }
    int why = errno != 0 ? errno : ENOSPC;
    unlink(path);
    close(file);
    errno = why;
    return -1;
}

static weir_status
place(struct wr_registration *registration, const char *path, const char *text, weir_error *err)
{
    char first[sizeof registration->path + 8];
    snprintf(first, sizeof first, "%s.tmp", path);
    for (int i = 0; i < TRIES; i++) {
        int file = make_file(first, text);
        if (file < 0 && errno != EWOULDBLOCK) {
            return wr_fail_errno(err, errno, "%s", first);
        }
        if (file >= 0 && rename(first, path) == 0) {
            registration->file = file;
            return WEIR_OK;
        }
        if (file >= 0) {
            close(file);
        }
    }
    return wr_fail(err, WEIR_IO, "%s: it is removed as soon as it is made", path);
}

weir_status
wr_registration_write(struct wr_registration *registration, const struct wr_registered *registered,
                      weir_error *err)
{
    char path[sizeof registration->path];
    snprintf(path, sizeof path, "%s/%s.%d.json", registration->directory, registered->job_id,
             (int)getpid());
    char *text = text_of(registration, registered);
    if (text == NULL) {
        return wr_fail(err, WEIR_NOMEM, "%s: no memory, or a name that is no UTF-8", path);
    }
    weir_status status = place(registration, path, text, err);
    free(text);
    if (status == WEIR_OK) {
        snprintf(registration->path, sizeof registration->path, "%s", path);
    }
    return status;
}

void
wr_registration_fini(struct wr_registration *registration)
{
    if (registration->path[0] != '\0') {
        unlink(registration->path);
        registration->path[0] = '\0';
    }
    if (registration->socket[0] != '\0') {
        unlink(registration->socket);
        registration->socket[0] = '\0';
    }
    if (registration->file >= 0) {
        close(registration->file);
        registration->file = -1;
    }
}
