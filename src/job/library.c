/* SPDX-License-Identifier: Apache-2.0 */
/* library: a job that comes as a shared object. Its ABI is checked before anything of it is called.
 */
#include "base/fail.h"
#include "base/memory.h"
#include "job/graph.h"
#include "os/file.h"
#include "weir/job.h"

#include <string.h>

struct weir_job_library {
    weir_alloc alloc;
    struct wr_os *os;
    void *handle;
    weir_status (*main)(weir_environment *environment, int argc, char **argv);
};

static weir_status
check_library(weir_job_library *library, const char *path, weir_error *err)
{
    const weir_job_abi_info *abi =
        library->os->ops->symbol(library->os, library->handle, "weir_job_abi");
    if (abi == NULL || abi->magic != WEIR_JOB_MAGIC) {
        return wr_fail(err, WEIR_INVALID,
                       "%s is a shared object but not a weir job: it has no WEIR_JOB(...)", path);
    }
    if (abi->version != WEIR_JOB_ABI) {
        return wr_fail(err, WEIR_VERSION,
                       "%s was built for job ABI %u, this weir has %u: build it again with this "
                       "weir's headers",
                       path, abi->version, (unsigned)WEIR_JOB_ABI);
    }
    void *symbol = library->os->ops->symbol(library->os, library->handle, "weir_job_main");
    if (symbol == NULL) {
        return wr_fail(err, WEIR_INVALID, "%s has no weir_job_main: use WEIR_JOB(...)", path);
    }
    memcpy(&library->main, &symbol, sizeof symbol); /* POSIX: a function fits an object pointer */
    return WEIR_OK;
}

weir_status
weir_job_library_open(const char *path, weir_job_library **out_library, weir_error *err)
{
    if (path == NULL || out_library == NULL) {
        return WEIR_INVALID;
    }
    struct wr_os *os = wr_os_posix();
    struct wr_os_stat stat;
    weir_status status = wr_path_stat(os, path, &stat, err);
    if (status != WEIR_OK) {
        return status;
    }
    weir_alloc alloc = wr_memory_system();
    weir_job_library *library = wr_memory_new(&alloc, sizeof *library);
    if (library == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to load %s", path);
    }
    library->alloc = alloc;
    library->os = os;
    char words[512] = "";
    if (os->ops->load(os, path, &library->handle, words, sizeof words) != 0) {
        library->handle = NULL;
        status = wr_fail(err, WEIR_INVALID, "%s does not load as a shared object: %s", path, words);
    } else {
        status = check_library(library, path, err);
    }
    if (status != WEIR_OK) {
        weir_job_library_close(library);
        return status;
    }
    *out_library = library;
    return WEIR_OK;
}

weir_status
weir_job_library_main(weir_job_library *library, weir_environment *environment, int argc,
                      char **argv, weir_error *err)
{
    if (library == NULL || environment == NULL) {
        return WEIR_INVALID;
    }
    weir_status status = library->main(environment, argc, argv);
    if (environment->error.status != WEIR_OK) {
        return weir_environment_status(environment, err);
    }
    if (status != WEIR_OK) {
        return wr_fail(err, status, "the job's main failed: %s", weir_status_meaning(status));
    }
    return WEIR_OK;
}

void
weir_job_library_close(weir_job_library *library)
{
    if (library == NULL) {
        return;
    }
    if (library->handle != NULL) {
        library->os->ops->unload(library->os, library->handle);
    }
    weir_alloc alloc = library->alloc;
    wr_memory_free(&alloc, library, sizeof *library);
}
