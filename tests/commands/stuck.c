/* SPDX-License-Identifier: Apache-2.0 */
/* libstuck.so: preloaded, it makes weir_job_inspect hang as if the coordinator no longer answered,
 * from the moment on that the file STUCK_FROM is there. It then makes STUCK_FROM.is. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int weir_job_inspect(void *job, const void **out_view, void *err);

int
weir_job_inspect(void *job, const void **out_view, void *err)
{
    const char *from = getenv("STUCK_FROM");
    if (from != NULL && access(from, F_OK) == 0) {
        char path[4096];
        snprintf(path, sizeof path, "%s.is", from);
        int file = open(path, O_CREAT | O_WRONLY, 0600);
        if (file >= 0) {
            close(file);
        }
        for (;;) {
            pause();
        }
    }
    int (*inspect)(void *, const void **, void *) = NULL;
    *(void **)&inspect = dlsym(RTLD_NEXT, "weir_job_inspect");
    return inspect(job, out_view, err);
}
