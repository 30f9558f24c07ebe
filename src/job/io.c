/* SPDX-License-Identifier: Apache-2.0 */
/* io: storage work of the job: asked for by the coordinator, done by the io thread, answered by
 * letter.
 *
 * The queue is first in first out, so that BEGIN's directory is there before a task's file, and an
 * ABANDON comes after the files it removes were closed. Sticky damage is the coordinator's
 * decision: every answer carries its status and words.
 */
#include "base/fail.h"
#include "job/running.h"

/* The checkpoint, and once it is surely gone what it was the last to need. */
static weir_status
drop(struct wr_job_io *io)
{
    struct wr_checkpoint_storage *storage = io->job->storage;
    WR_TRY(wr_checkpoint_storage_drop(storage, io->checkpoint_id, &io->error));
    for (const struct wr_shared_file *at = io->unneeded; at != NULL; at = at->next) {
        WR_TRY(wr_checkpoint_storage_drop_shared(storage, at->name, &io->error));
    }
    return WEIR_OK;
}

static void
run_io(struct wr_work *work)
{
    wr_role_enter_io();
    struct wr_job_io *io = (struct wr_job_io *)work;
    weir_job *job = io->job; /* the answer is the coordinator's from the push on */
    struct wr_checkpoint_storage *storage = job->storage;
    switch (io->kind) {
    case WR_IO_BEGIN:
        io->status = wr_checkpoint_storage_begin(storage, io->checkpoint_id, &io->error);
        break;
    case WR_IO_COMPLETE:
        io->status = wr_checkpoint_storage_complete(storage, io->manifest, &io->error);
        break;
    case WR_IO_ABANDON:
        io->status = wr_checkpoint_storage_abandon(storage, io->checkpoint_id, &io->error);
        break;
    case WR_IO_DROP:
        io->status = drop(io);
        break;
    case WR_IO_FINISHED_MARK:
        io->status = wr_checkpoint_storage_finish(storage, io->checkpoint_id, &io->error);
        break;
    }
    wr_mailbox_push(&job->io_replies, &work->letter);
    wr_parker_wake(&job->parker);
}

static void
free_io(weir_job *job, struct wr_job_io *io) WR_ON(coordinator)
{
    if (io->manifest != NULL) {
        wr_manifest_fini(io->manifest);
        wr_memory_free(&job->alloc, io->manifest, sizeof *io->manifest);
    }
    wr_shared_files_free(&job->alloc, io->unneeded);
    wr_memory_free(&job->alloc, io, sizeof *io);
}

/* Takes the manifest in any case. */
weir_status
wr_job_io_push(weir_job *job, enum wr_job_io_kind kind, uint64_t checkpoint_id,
               struct wr_manifest *manifest)
{
    struct wr_job_io *io = wr_memory_new(&job->alloc, sizeof *io);
    if (io == NULL) {
        if (manifest != NULL) {
            wr_manifest_fini(manifest);
            wr_memory_free(&job->alloc, manifest, sizeof *manifest);
        }
        return WEIR_NOMEM;
    }
    io->work.run = run_io;
    io->job = job;
    io->kind = kind;
    io->checkpoint_id = checkpoint_id;
    io->manifest = manifest;
    if (kind == WR_IO_DROP) {
        io->unneeded = wr_shared_registry_drop(job->registry, checkpoint_id);
    }
    job->io_outstanding++;
    wr_executor_push(&job->io, &io->work);
    return WEIR_OK;
}

static void
fail_checkpoint(weir_job *job, const struct wr_job_io *io) WR_ON(coordinator)
{
    job->checkpoint_failure = io->error;
    job->checkpoint_failure.status = io->status;
    if (io->status == WEIR_CANCELLED) {
        wr_job_fail(job, &job->checkpoint_failure); /* fenced: another attempt has this job now */
        return;
    }
    wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_STORE_FAILED,
                                                    .checkpoint_id = io->checkpoint_id });
}

/* What could not be removed lies in the attempt's hidden directory. If that is gone, the checkpoint
 * failed because the attempt was fenced, and that is what the user should read. */
static void
take_abandoned(weir_job *job, const struct wr_job_io *io) WR_ON(coordinator)
{
    if (io->status != WEIR_CANCELLED) {
        return;
    }
    if (job->outcome == WR_END_FAILED && job->failure.status != WEIR_OK) {
        job->failure = io->error;
    } else {
        wr_job_fail(job, &io->error);
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
        wr_job_say(job, 'w',
                   "the job finished, but could not say so in its checkpoint directory: %s",
                   io->error.message);
        return;
    }
    wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_END, .end = job->outcome });
}

void
wr_job_io_take_reply(weir_job *job, struct wr_job_io *io)
{
    job->io_outstanding--;
    switch (io->kind) {
    case WR_IO_BEGIN:
        if (io->status != WEIR_OK) {
            fail_checkpoint(job, io);
        }
        break;
    case WR_IO_COMPLETE:
        if (io->status != WEIR_OK) {
            fail_checkpoint(job, io);
        } else {
            wr_job_enter_shared(job, io->manifest);
            wr_job_tell(job, (struct wr_coordinator_event){ .kind = WR_EVENT_STORED,
                                                            .checkpoint_id = io->checkpoint_id });
        }
        break;
    case WR_IO_ABANDON:
        take_abandoned(job, io);
        break;
    case WR_IO_DROP:
        if (io->status == WEIR_CANCELLED) {
            wr_job_fail(job, &io->error);
        } else if (io->status != WEIR_OK) {
            wr_job_say(job, 'w', "checkpoint %llu could not be dropped: %s",
                       (unsigned long long)io->checkpoint_id, io->error.message);
        }
        break;
    case WR_IO_FINISHED_MARK:
        finish_marked(job, io);
        break;
    }
    free_io(job, io);
}
