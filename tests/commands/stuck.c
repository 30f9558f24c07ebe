/* SPDX-License-Identifier: Apache-2.0 */
/* libstuck.so: preloaded, it makes weir slow or stuck, as a disk or a mistake would.
 *
 *   STUCK_FROM=FILE   weir_job_inspect hangs, as if the coordinator no longer answered, from the
 *                     moment on that FILE is there; it then makes FILE.is
 *   SLOW_READS=MS     every pread takes that long
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

int weir_job_inspect(void *job, const void **out_view, void *err);
ssize_t pread(int file, void *out, size_t size, off_t offset);

static void
hang(const char *mark)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.is", mark);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    if (file >= 0) {
        close(file);
    }
    for (;;) {
        pause();
    }
}

int
weir_job_inspect(void *job, const void **out_view, void *err)
{
    const char *from = getenv("STUCK_FROM");
    if (from != NULL && access(from, F_OK) == 0) {
        hang(from);
    }
    int (*inspect)(void *, const void **, void *) = NULL;
    *(void **)&inspect = dlsym(RTLD_NEXT, "weir_job_inspect");
    return inspect(job, out_view, err);
}

ssize_t
pread(int file, void *out, size_t size, off_t offset)
{
    const char *slow_ms = getenv("SLOW_READS");
    if (slow_ms != NULL) {
        usleep((useconds_t)strtoul(slow_ms, NULL, 10) * 1000);
    }
    ssize_t (*read_at)(int, void *, size_t, off_t) = NULL;
    *(void **)&read_at = dlsym(RTLD_NEXT, "pread");
    return read_at(file, out, size, offset);
}
