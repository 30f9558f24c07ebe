/* SPDX-License-Identifier: Apache-2.0 */
/* secret_file: tokens and keys, read once. What is checked is what was opened: a name that is
 * changed behind the check changes nothing.
 */
#include "serve/secret_file.h"

#include "base/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t
whole_pages(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

void *
wr_secret_memory(size_t size)
{
    void *memory =
        mmap(NULL, whole_pages(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(memory, whole_pages(size), MADV_DONTDUMP);
    return memory;
}

void
wr_secret_forget(void *memory, size_t size)
{
    if (memory != NULL) {
        explicit_bzero(memory, size);
        munmap(memory, whole_pages(size));
    }
}

static weir_status
check(const char *option, const char *path, int file, size_t *out_size, weir_error *err)
{
    struct stat about;
    if (fstat(file, &about) != 0) {
        return wr_fail_errno(err, errno, "%s: %s", option, path);
    }
    if (!S_ISREG(about.st_mode)) {
        return wr_fail(err, WEIR_INVALID, "%s: %s is not a regular file", option, path);
    }
    if (about.st_uid != geteuid() && about.st_uid != 0) {
        return wr_fail(err, WEIR_INVALID,
                       "%s: %s belongs to user %u: it must be this user's own or root's", option,
                       path, (unsigned)about.st_uid);
    }
    if ((about.st_mode & 077) != 0) {
        return wr_fail(err, WEIR_INVALID,
                       "%s: others may use %s (mode %04o): it holds a secret; chmod 600 it", option,
                       path, (unsigned)(about.st_mode & 07777));
    }
    if (about.st_size > WR_SECRET_FILE_MAX) {
        return wr_fail(err, WEIR_INVALID, "%s: %s is larger than %d bytes", option, path,
                       WR_SECRET_FILE_MAX);
    }
    *out_size = (size_t)about.st_size;
    return WEIR_OK;
}

static weir_status
read_whole(const char *option, const char *path, int file, struct wr_secret_file *out_file,
           weir_error *err)
{
    size_t size = 0;
    WR_TRY(check(option, path, file, &size, err));
    char *text = wr_secret_memory(size + 1);
    if (text == NULL) {
        return wr_fail(err, WEIR_NOMEM, "%s: no memory for %s", option, path);
    }
    for (size_t at = 0; at < size;) {
        ssize_t got = read(file, text + at, size - at);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            int why = errno;
            wr_secret_forget(text, size + 1);
            return got < 0 ? wr_fail_errno(err, why, "%s: %s", option, path)
                           : wr_fail(err, WEIR_IO, "%s: %s shrank while it was read", option, path);
        }
        at += got > 0 ? (size_t)got : 0;
    }
    *out_file = (struct wr_secret_file){ .text = text, .size = size };
    return WEIR_OK;
}

weir_status
wr_secret_file_read(const char *option, const char *path, struct wr_secret_file *out_file,
                    weir_error *err)
{
    /* a pipe of that name must not hold the start up */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0 && errno == ENOENT) {
        return wr_fail(err, WEIR_NOT_FOUND, "%s: there is no file %s", option, path);
    }
    if (file < 0) {
        return wr_fail_errno(err, errno, "%s: %s", option, path);
    }
    weir_status status = read_whole(option, path, file, out_file, err);
    close(file);
    return status;
}

void
wr_secret_file_forget(struct wr_secret_file *file)
{
    wr_secret_forget(file->text, file->size + 1);
    *file = (struct wr_secret_file){ .text = NULL };
}
