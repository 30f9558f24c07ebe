/* SPDX-License-Identifier: Apache-2.0 */
/* file_sink: lines in files that appear whole, each exactly once, by two-phase commit.
 *
 *   NONE    --record------------> OPEN       [flush]               begin, below the attempt's own
 *   OPEN    --barrier N---------> PENDING N  [pre_commit]          durable; named in the state
 *   PENDING --N complete, or on-> committed  [file_complete]       renamed into sight
 *   PENDING --restored----------> committed  [file_initialize]     recover and commit
 *   OPEN    --failure, kill-----> removed    [wr_file_place_clean] recover and abort, later
 *
 * Invariants:
 *   (1) A pending file of checkpoint N has exactly what came between the barriers of N - 1 and N,
 *       so it is committed iff N, or a later one if N was aborted, is complete.
 *   (2) A pending file is durable, with its name, before the checkpoint acknowledges it.
 *   (3) A failed write or sync fails the task: the records are replayed from the last checkpoint.
 *       It is never tried again on the same file.
 *   (4) Nothing is removed before the first complete checkpoint of this attempt: by then every
 *       subtask has recovered what was its own.
 */
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/memory.h"
#include "connectors/connector.h"
#include "connectors/file_pending.h"
#include "connectors/file_place.h"
#include "connectors/text.h"
#include "weir/connectors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    BUFFER_SIZE = 1 << 20
};

struct file_argument {
    weir_file_format format;
    char directory[];
};

struct file_sink {
    const struct file_argument *argument;
    const weir_type *type;
    struct wr_file_place place;
    struct wr_pendings pendings;
    struct wr_buffer text;        /* of the open file, not yet written */
    char path[WR_SINK_NAME_SIZE]; /* of the open file: ".<attempt>/<name>" */
    bool is_open;
    int file;
    uint64_t size; /* written so far */
    uint32_t crc32c;
    uint64_t number; /* of the next file */
    bool is_settled; /* all that came is committed */
};

/* --- start --- */

static weir_status
enter(struct file_sink *sink, weir_context *context, weir_error *err)
{
    uint64_t restored_id = 0;
    WR_TRY(wr_file_place_enter(&sink->place, weir_context_take_over(context), err));
    if (!weir_context_restored(context, &restored_id)) {
        restored_id = 0;
    }
    weir_error rewind = { .status = WEIR_OK };
    weir_status status = wr_file_place_check_rewind(&sink->place, restored_id, &rewind);
    if (status == WEIR_INVALID && weir_context_allow_rewind(context)) {
        weir_context_log(context, 'w', "--allow-rewind: %s", rewind.message);
        status = WEIR_OK;
    }
    if (status != WEIR_OK) {
        wr_file_place_leave(&sink->place); /* nothing was written: as if it had not begun */
        *err = rewind;
        return status;
    }
    if (!weir_context_checkpointing(context)) {
        weir_context_log(
            context, 'w',
            "no checkpoints are taken: the files in %s appear at the end of input, or when "
            "the job is stopped",
            sink->argument->directory);
    }
    return WEIR_OK;
}

static weir_status
file_initialize(weir_context *context, void *self)
{
    struct file_sink *sink = self;
    weir_error error = { .status = WEIR_OK };
    sink->argument = weir_context_argument(context);
    sink->type = weir_context_input_type(context);
    wr_file_place_init(&sink->place, context, sink->argument->directory);
    wr_buffer_init(&sink->text, &sink->place.alloc);
    WR_TRY(wr_pendings_init(&sink->pendings, context));
    weir_status status = WEIR_OK;
    if (weir_context_subtask(context) == 0) {
        status = enter(sink, context, &error);
    }
    if (status == WEIR_OK) {
        status = wr_pendings_commit(&sink->pendings, &sink->place, UINT64_MAX, &error);
    }
    if (status != WEIR_OK) {
        return wr_connector_fail(context, status, &error);
    }
    weir_operator_list_clear(sink->pendings.list);
    return WEIR_OK;
}

/* --- writing --- */

/* A name that is there already is of an earlier life in this attempt: the next one is taken. */
static weir_status
open_file(struct file_sink *sink, weir_error *err)
{
    char path[WR_PATH_MAX];
    weir_status status;
    do {
        snprintf(sink->path, sizeof sink->path, ".%.*s/%s-%u-%llu", WR_ATTEMPT_DIGITS,
                 sink->place.attempt, sink->place.uid, sink->place.subtask,
                 (unsigned long long)sink->number++);
        WR_TRY(wr_file_place_path(&sink->place, sink->path, path, err));
        status = wr_file_open(sink->place.os, path,
                              WR_OPEN_WRITE | WR_OPEN_CREATE | WR_OPEN_EXCLUSIVE, &sink->file, err);
    } while (status == WEIR_IO && err->sys_errno == EEXIST);
    if (status == WEIR_NOT_FOUND) {
        return wr_file_place_fenced(&sink->place, err);
    }
    WR_TRY(status);
    sink->is_open = true;
    sink->size = 0;
    sink->crc32c = 0;
    return WEIR_OK;
}

static weir_status
flush(struct file_sink *sink, weir_error *err)
{
    if (wr_buffer_status(&sink->text) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, "no memory to write to %s", sink->argument->directory);
    }
    if (sink->text.size == 0) {
        return WEIR_OK;
    }
    if (!sink->is_open) {
        WR_TRY(open_file(sink, err));
    }
    char path[WR_PATH_MAX];
    WR_TRY(wr_file_place_path(&sink->place, sink->path, path, err));
    WR_TRY(wr_file_write_at(sink->place.os, sink->file, path, sink->text.data, sink->text.size,
                            sink->size, err));
    sink->crc32c = wr_crc32c(sink->crc32c, sink->text.data, sink->text.size);
    sink->size += sink->text.size;
    wr_buffer_clear(&sink->text);
    return WEIR_OK;
}

static weir_status
file_batch(weir_context *context, void *self, const weir_batch *batch, weir_collector *out)
{
    (void)out;
    struct file_sink *sink = self;
    size_t count = weir_batch_count(batch);
    sink->is_settled = false;
    for (size_t i = 0; i < count; i++) {
        wr_text_append(&sink->text, sink->type, weir_batch_record(batch, i),
                       sink->argument->format);
        wr_buffer_put_u8(&sink->text, '\n');
        if (sink->text.size >= BUFFER_SIZE || sink->text.refused) {
            weir_error error = { .status = WEIR_OK };
            weir_status status = flush(sink, &error);
            if (status != WEIR_OK) {
                return wr_connector_fail(context, status, &error);
            }
        }
    }
    return WEIR_OK;
}

/* --- checkpoints --- */

static void
close_open(struct file_sink *sink)
{
    if (sink->is_open) {
        wr_file_close(sink->place.os, sink->file);
        sink->is_open = false;
    }
}

/* The open file becomes pending: durable, with its name. */
static weir_status
pre_commit(struct file_sink *sink, uint64_t checkpoint_id, weir_error *err)
{
    WR_TRY(flush(sink, err));
    if (!sink->is_open) {
        return WEIR_OK;
    }
    char path[WR_PATH_MAX];
    WR_TRY(wr_file_place_path(&sink->place, sink->path, path, err));
    weir_status status = wr_file_sync(sink->place.os, sink->file, path, true, err);
    close_open(sink);
    WR_TRY(status);
    WR_TRY(wr_file_place_sync_hidden(&sink->place, err));
    struct wr_pending pending = { .checkpoint_id = checkpoint_id,
                                  .size = sink->size,
                                  .crc32c = sink->crc32c };
    memcpy(pending.path, sink->path, sizeof pending.path);
    snprintf(pending.final_name, sizeof pending.final_name, "part-%s-%llu-%u-%.*s", sink->place.uid,
             (unsigned long long)checkpoint_id, sink->place.subtask, WR_ATTEMPT_DIGITS,
             sink->place.attempt);
    if (wr_pendings_add(&sink->pendings, &pending) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the sink's pending files");
    }
    return WEIR_OK;
}

static weir_status
file_snapshot(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct file_sink *sink = self;
    weir_error error = { .status = WEIR_OK };
    weir_status status = pre_commit(sink, checkpoint_id, &error);
    if (status != WEIR_OK) {
        return wr_connector_fail(context, status, &error);
    }
    weir_context_show_pending(context, sink->pendings.count);
    return wr_pendings_save(&sink->pendings, context);
}

static weir_status
file_complete(weir_context *context, void *self, uint64_t checkpoint_id)
{
    struct file_sink *sink = self;
    weir_error error = { .status = WEIR_OK };
    weir_status status = wr_pendings_commit(&sink->pendings, &sink->place, checkpoint_id, &error);
    weir_context_show_pending(context, sink->pendings.count);
    if (status == WEIR_OK) {
        status = wr_file_place_clean(&sink->place, &error);
    }
    if (status != WEIR_OK) {
        return wr_connector_fail(context, status, &error);
    }
    sink->is_settled = !sink->is_open && sink->text.size == 0 && sink->pendings.count == 0;
    return WEIR_OK;
}

/* --- end --- */

static void
file_close(weir_context *context, void *self)
{
    (void)context;
    struct file_sink *sink = self;
    if (sink->argument == NULL) {
        return;
    }
    close_open(sink);
    if (sink->is_settled) {
        wr_file_place_leave(&sink->place);
    }
    wr_buffer_fini(&sink->text);
    wr_pendings_fini(&sink->pendings);
    wr_file_place_fini(&sink->place);
}

static const weir_function file_function = {
    .size = sizeof(weir_function),
    .name = "file sink",
    .instance_size = sizeof(struct file_sink),
    .initialize_state = file_initialize,
    .snapshot_state = file_snapshot,
    .notify_checkpoint_complete = file_complete,
    .process_batch = file_batch,
    .close = file_close,
};

weir_stream *
weir_file_sink(weir_stream *stream, const weir_file_sink_options *options)
{
    weir_environment *environment = weir_stream_environment(stream);
    weir_file_sink_options taken;
    if (environment == NULL ||
        !wr_connector_take_options(environment, "file sink", options, &taken, sizeof taken)) {
        return NULL;
    }
    size_t length = taken.directory != NULL ? strlen(taken.directory) : 0;
    if (length == 0 || length > WR_PATH_MAX - 2 * WR_OS_NAME_MAX ||
        (taken.format != WEIR_FORMAT_TUPLE && taken.format != WEIR_FORMAT_SPACES)) {
        (void)weir_environment_fail(
            environment, WEIR_INVALID,
            "file sink: needs a directory of 1 to %d bytes, and a format that "
            "there is",
            WR_PATH_MAX - 2 * WR_OS_NAME_MAX);
        return NULL;
    }
    weir_alloc alloc = wr_memory_system();
    size_t size = sizeof(struct file_argument) + length + 1;
    struct file_argument *argument = wr_memory_new(&alloc, size);
    if (argument == NULL) {
        (void)weir_environment_fail(environment, WEIR_NOMEM, "no memory for the job's graph");
        return NULL;
    }
    argument->format = taken.format;
    memcpy(argument->directory, taken.directory, length + 1);
    weir_stream *sink = weir_stream_sink(stream, "file sink", &file_function, argument, size);
    wr_memory_free(&alloc, argument, size);
    return weir_stream_stateful(sink);
}
