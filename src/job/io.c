/* SPDX-License-Identifier: Apache-2.0 */
/* io: storage work of the job: asked for by the coordinator, done by the io thread, answered by
 * letter.
 *
 * The queue is first in first out, so that BEGIN's directory is there before a task's file, and an
 * ABANDON comes after the files it removes were closed. Sticky damage is the coordinator's
 * decision: every answer carries its status and words.
 */
#include "base/check.h"
#include "base/fail.h"
#include "job/running.h"
#include "storage/layout.h"

static weir_status
drop_shared(struct wr_job_io *io)
{
    struct wr_checkpoint_storage *storage = io->job->storage;
    for (const struct wr_shared_file *at = io->unneeded; at != NULL; at = at->next) {
        WR_TRY(wr_checkpoint_storage_drop_shared(storage, at->name, &io->error));
    }
    return WEIR_OK;
}

/* How large the _metadata has become. It is for those who look: a failure is none. */
static void
look_at_metadata(struct wr_job_io *io)
{
    weir_job *job = io->job;
    char directory[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    struct wr_os_stat found;
    weir_status status =
        io->savepoint != NULL
            ? wr_location_path(wr_savepoint_path(io->savepoint), directory, NULL)
            : wr_checkpoint_storage_complete_path(job->storage, io->checkpoint_id, directory, NULL);
    if (status == WEIR_OK && wr_path_join(path, directory, WR_METADATA_NAME, NULL) == WEIR_OK &&
        wr_path_stat(job->os, path, &found, NULL) == WEIR_OK) {
        io->metadata_bytes = found.size;
    }
}

static weir_status
run_savepoint(struct wr_job_io *io)
{
    switch (io->kind) {
    case WR_IO_BEGIN:
        return wr_savepoint_begin(io->savepoint, &io->error);
    case WR_IO_COMPLETE:
        return wr_savepoint_complete(io->savepoint, io->manifest, &io->error);
    case WR_IO_ABANDON:
        return wr_savepoint_abandon(io->savepoint, &io->error);
    case WR_IO_DROP:
    case WR_IO_DROP_SHARED:
    case WR_IO_DROP_CLAIMED:
    case WR_IO_FINISHED_MARK:
    case WR_IO_DISPOSE:
        break;
    }
    return wr_fail(&io->error, WEIR_INVALID, "a savepoint is not dropped");
}

static weir_status
run_checkpoint(struct wr_job_io *io)
{
    weir_job *job = io->job;
    struct wr_checkpoint_storage *storage = job->storage;
    switch (io->kind) {
    case WR_IO_BEGIN:
        return wr_checkpoint_storage_begin(storage, io->checkpoint_id, &io->error);
    case WR_IO_COMPLETE:
        return wr_checkpoint_storage_complete(storage, io->manifest, &io->error);
    case WR_IO_ABANDON:
        return wr_checkpoint_storage_abandon(storage, io->checkpoint_id, &io->error);
    case WR_IO_DROP:
        return wr_checkpoint_storage_drop(storage, io->checkpoint_id, &io->error);
    case WR_IO_DROP_SHARED:
        return drop_shared(io);
    case WR_IO_DROP_CLAIMED: /* the path does not change while the job lives */
        return wr_snapshot_drop_claimed(job->os, &job->alloc, job->claimed_path, &io->error);
    case WR_IO_DISPOSE:
        return wr_savepoint_dispose(job->os, &job->alloc, io->path, &io->error);
    case WR_IO_FINISHED_MARK:
        break;
    }
    return wr_checkpoint_storage_finish(storage, io->checkpoint_id, &io->error);
}

static void
run_io(struct wr_work *work)
{
    wr_role_enter_io();
    struct wr_job_io *io = (struct wr_job_io *)work;
    weir_job *job = io->job; /* the answer is the coordinator's from the push on */
    io->status = io->savepoint != NULL ? run_savepoint(io) : run_checkpoint(io);
    if (io->kind == WR_IO_COMPLETE && io->status == WEIR_OK) {
        look_at_metadata(io);
    }
    wr_mailbox_push(&job->io_replies, &work->letter);
    wr_parker_wake(&job->parker);
}

struct wr_job_io *
wr_job_io_new(weir_job *job, enum wr_job_io_kind kind, uint64_t checkpoint_id)
{
    struct wr_job_io *io = wr_memory_new(&job->alloc, sizeof *io);
    if (io != NULL) {
        io->work.run = run_io;
        io->job = job;
        io->attempt = job->restarts;
        io->kind = kind;
        io->checkpoint_id = checkpoint_id;
    }
    return io;
}

void
wr_job_io_free(weir_job *job, struct wr_job_io *io)
{
    if (io == NULL) {
        return;
    }
    if (io->manifest != NULL) {
        wr_manifest_fini(io->manifest);
        wr_memory_free(&job->alloc, io->manifest, sizeof *io->manifest);
    }
    if (io->kind == WR_IO_ABANDON) {
        wr_savepoint_destroy(io->savepoint);
    }
    wr_shared_files_free(&job->alloc, io->unneeded);
    wr_memory_free(&job->alloc, io, sizeof *io);
}

void
wr_job_io_send(weir_job *job, struct wr_job_io *io)
{
    job->io_outstanding++;
    wr_executor_push(&job->io, &io->work);
}

weir_status
wr_job_io_push(weir_job *job, enum wr_job_io_kind kind, uint64_t checkpoint_id,
               struct wr_manifest *manifest)
{
    struct wr_job_io *io = wr_job_io_new(job, kind, checkpoint_id);
    if (io == NULL) {
        if (manifest != NULL) {
            wr_manifest_fini(manifest);
            wr_memory_free(&job->alloc, manifest, sizeof *manifest);
        }
        return WEIR_NOMEM;
    }
    io->manifest = manifest;
    if (kind == WR_IO_BEGIN || kind == WR_IO_COMPLETE) {
        const struct wr_pending_checkpoint *pending = wr_job_pending_find(job, checkpoint_id);
        io->savepoint = pending != NULL ? pending->savepoint : NULL;
    }
    wr_job_io_send(job, io);
    return WEIR_OK;
}

static void
fail_attempt(weir_job *job, const struct wr_job_io *io) WR_ON(coordinator)
{
    weir_error error = io->error;
    error.status = io->status;
    if (io->status == WEIR_CANCELLED) {
        wr_job_fail(job, &error); /* fenced: another attempt has this job now */
        if (io->savepoint == NULL) {
            return; /* what it had built is gone already */
        }
    }
    struct wr_pending_checkpoint *pending = wr_job_pending_find(job, io->checkpoint_id);
    if (pending != NULL) {
        pending->failure = error;
    }
    wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_STORE_FAILED,
                                                    .checkpoint_id = io->checkpoint_id });
}

static void
take_completed(weir_job *job, const struct wr_job_io *io) WR_ON(coordinator)
{
    if (io->status != WEIR_OK) {
        fail_attempt(job, io);
        return;
    }
    struct wr_pending_checkpoint *pending = wr_job_pending_find(job, io->checkpoint_id);
    wr_history_stored(job->watch.history, io->checkpoint_id, io->metadata_bytes);
    if (io->savepoint == NULL) {
        wr_job_enter_shared(job, io->manifest);
    } else if (pending != NULL) {
        pending->is_stored = true;
    }
    wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_STORED,
                                                    .checkpoint_id = io->checkpoint_id });
}

static void say_failed(weir_job *job, const struct wr_job_io *io, const char *format, ...)
    __attribute__((format(printf, 3, 4))) WR_ON(coordinator);

static void
say_failed(weir_job *job, const struct wr_job_io *io, const char *format, ...)
{
    struct wr_log_about about = { .module = WR_LOG_STORAGE,
                                  .level = WEIR_LOG_WARN,
                                  .status = io->status,
                                  .checkpoint_id = io->checkpoint_id };
    va_list arguments;
    va_start(arguments, format);
    wr_log_say_about_v(&job->log, &about, format, arguments);
    va_end(arguments);
}

/* What could not be removed lies in the attempt's hidden directory. If that is gone, the checkpoint
 * failed because the attempt was fenced, and that is what the user should read. What a savepoint
 * leaves lies with the user. */
static void
take_abandoned(weir_job *job, const struct wr_job_io *io) WR_ON(coordinator)
{
    if (io->savepoint != NULL && io->status != WEIR_OK) {
        say_failed(job, io, "what was written of savepoint %llu could not be removed: %s",
                   (unsigned long long)io->checkpoint_id, io->error.message);
        return;
    }
    if (io->status != WEIR_CANCELLED) {
        return;
    }
    if (job->outcome == WR_END_FAILED && job->failure.status != WEIR_OK) {
        job->failure = io->error;
    } else {
        wr_job_fail(job, &io->error);
    }
}

/* Once a checkpoint is surely gone: what it was the last to need. One that may still be seen needs
 * its files, so it keeps its place in the registry; the next opening enters or sweeps it. */
static void
let_go_of_shared(weir_job *job, uint64_t checkpoint_id) WR_ON(coordinator)
{
    struct wr_shared_file *unneeded = wr_shared_registry_drop(job->registry, checkpoint_id);
    struct wr_job_io *io =
        unneeded != NULL ? wr_job_io_new(job, WR_IO_DROP_SHARED, checkpoint_id) : NULL;
    if (io == NULL) { /* without memory they stay, and only take room */
        wr_shared_files_free(&job->alloc, unneeded);
        return;
    }
    io->unneeded = unneeded;
    wr_job_io_send(job, io);
}

static void
take_dropped(weir_job *job, const struct wr_job_io *io) WR_ON(coordinator)
{
    if (io->status == WEIR_OK && io->kind == WR_IO_DROP) {
        let_go_of_shared(job, io->checkpoint_id);
    } else if (io->status == WEIR_CANCELLED && io->kind == WR_IO_DROP) {
        wr_job_fail(job, &io->error);
    } else if (io->status != WEIR_OK) {
        say_failed(job, io, "checkpoint %llu could not be dropped: %s",
                   (unsigned long long)io->checkpoint_id, io->error.message);
    }
    wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_DROPPED,
                                                    .checkpoint_id = io->checkpoint_id });
}

static void
take_shared_dropped(weir_job *job, const struct wr_job_io *io) WR_ON(coordinator)
{
    if (io->status == WEIR_CANCELLED) {
        wr_job_fail(job, &io->error);
    } else if (io->status != WEIR_OK) {
        say_failed(job, io, "files that only checkpoint %llu needed could not be removed: %s",
                   (unsigned long long)io->checkpoint_id, io->error.message);
    }
}

static void
finish_marked(weir_job *job, const struct wr_job_io *io) WR_ON(coordinator)
{
    if (io->status == WEIR_CANCELLED) {
        job->outcome =
            WR_END_FAILED; /* fenced: whoever took over goes on from the last checkpoint */
        job->failure = io->error;
        return;
    }
    if (io->status != WEIR_OK) {
        /* All output is committed; without the mark the checkpoints stay, so that nothing is lost.
         */
        say_failed(job, io,
                   "the job finished, but could not say so in its checkpoint directory: %s",
                   io->error.message);
        return;
    }
    wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_END, .end = job->outcome });
}

static void
take_disposed(weir_job *job, struct wr_job_io *io) WR_ON(coordinator)
{
    if (io->status == WEIR_OK) {
        wr_host_requests_complete(&job->requests, io->request, "");
        return;
    }
    io->error.status = io->status;
    wr_host_requests_fail(&job->requests, io->request, &io->error);
}

void
wr_job_io_take_reply(weir_job *job, struct wr_job_io *io)
{
    /* nothing of an attempt outlives it; disposals belong to none */
    wr_assert(io->attempt == job->restarts || io->kind == WR_IO_DISPOSE);
    job->io_outstanding--;
    switch (io->kind) {
    case WR_IO_BEGIN:
        if (io->status != WEIR_OK) {
            fail_attempt(job, io);
        }
        break;
    case WR_IO_COMPLETE:
        take_completed(job, io);
        break;
    case WR_IO_ABANDON:
        take_abandoned(job, io);
        break;
    case WR_IO_DROP:
    case WR_IO_DROP_CLAIMED:
        take_dropped(job, io);
        break;
    case WR_IO_DROP_SHARED:
        take_shared_dropped(job, io);
        break;
    case WR_IO_FINISHED_MARK:
        finish_marked(job, io);
        break;
    case WR_IO_DISPOSE:
        take_disposed(job, io);
        break;
    }
    wr_job_io_free(job, io);
}
