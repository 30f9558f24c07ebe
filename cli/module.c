/* SPDX-License-Identifier: Apache-2.0 */
/* module: finds a module of weir's own. */
#include "module.h"

#include "cli.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_SIZE = 4096
};

/* Where the library is that weir_job_create stands in, with its slash; "": that cannot be told. */
static void
find_library(char out[PATH_SIZE])
{
    Dl_info info;
    out[0] = '\0';
    if (dladdr((const void *)(uintptr_t)weir_job_create, &info) != 0 && info.dli_fname != NULL) {
        snprintf(out, PATH_SIZE, "%s", info.dli_fname);
    }
    char *slash = strrchr(out, '/');
    out[slash != NULL ? (size_t)(slash - out) + 1 : 0] = '\0';
}

void *
cli_module_open(const char *file_name, bool *out_is_there)
{
    static const char *const places[] = { "", "weir/" };
    char library[PATH_SIZE];
    find_library(library);
    for (size_t i = 0; library[0] != '\0' && i < sizeof places / sizeof places[0]; i++) {
        char path[PATH_SIZE + 256];
        snprintf(path, sizeof path, "%s%s%s", library, places[i], file_name);
        bool is_there = access(path, F_OK) == 0;
        if (out_is_there != NULL) {
            *out_is_there = is_there;
        }
        if (is_there) {
            return dlopen(path, RTLD_NOW | RTLD_LOCAL);
        }
    }
    return dlopen(file_name, RTLD_NOW | RTLD_LOCAL);
}
