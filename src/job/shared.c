/* SPDX-License-Identifier: Apache-2.0 */
/* shared: the registry of shared files, fed from what is complete, and what it gives to remove.
 *
 *   opening    every complete checkpoint of the job is read and entered; what none of them needs is
 *              an orphan of a kill, and goes
 *   STORED     the new one is entered
 *   DROP       behind a checkpoint's directory go the files that it was the last to need
 *
 * Where one of the old checkpoints cannot be read nothing is swept: it may need what it does not
 * say.
 */
#include "base/fail.h"
#include "job/running.h"

static bool
is_needed(void *argument, const char *name)
{
    return wr_shared_registry_needs(argument, name);
}

static weir_status
enter(weir_job *job, uint64_t checkpoint_id, weir_error *err)
{
    struct wr_manifest manifest;
    wr_manifest_init(&manifest, &job->alloc);
    weir_status status = wr_checkpoint_storage_read(job->storage, checkpoint_id, &manifest, err);
    if (status == WEIR_OK) {
        status = wr_shared_registry_add(job->registry, &manifest, err);
    }
    wr_manifest_fini(&manifest);
    return status;
}

weir_status
wr_job_open_registry(weir_job *job, const uint64_t *ids, size_t count, bool is_all, weir_error *err)
{
    if (wr_shared_registry_create(&job->alloc, &job->registry) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the job's checkpoints");
    }
    bool is_known = is_all;
    for (size_t i = 0; i < count; i++) {
        weir_error why;
        weir_status status = enter(job, ids[i], &why);
        if (status == WEIR_NOMEM || status == WEIR_IO) {
            return wr_fail(err, status, "checkpoint %llu, which is kept: %s",
                           (unsigned long long)ids[i], why.message);
        }
        if (status != WEIR_OK) {
            is_known = false;
            wr_log_say(&job->log, WR_LOG_STORAGE, WEIR_LOG_WARN,
                       "checkpoint %llu, which is kept, cannot be read: %s",
                       (unsigned long long)ids[i], why.message);
        }
    }
    return is_known
               ? wr_checkpoint_storage_sweep_shared(job->storage, is_needed, job->registry, err)
               : WEIR_OK;
}

void
wr_job_enter_shared(weir_job *job, const struct wr_manifest *manifest)
{
    weir_error error;
    if (wr_shared_registry_add(job->registry, manifest, &error) != WEIR_OK) {
        /* Unknown files are never removed by this process: the next opening sweeps. */
        wr_log_say(&job->log, WR_LOG_STORAGE, WEIR_LOG_WARN,
                   "%s; its shared files stay until the job is started again", error.message);
    }
}
