/* SPDX-License-Identifier: Apache-2.0 */
/* file_source: lines of files, replayable by offset.
 *
 *   split: a file, and the offset of the first byte that was not emitted; list state "splits".
 *
 *   splits:  | done ... | current | waiting ... |      without follow, done ones are dropped
 *   file:    ....emitted....|..in the reader..|..not read..
 *                        offset            read_offset
 *
 * Invariants:
 *   (1) offset + bytes left in the reader = read_offset, of the current split.
 *   (2) Offsets move by whole lines, so what a checkpoint has is where a line begins.
 *   (3) A start from empty state deals the files out, sorted by path, the i-th to subtask i modulo
 *       the parallelism. After that the splits are where the checkpoint has them.
 *
 * With follow the splits are visited in turn, and the unfinished line at a file's end is left
 * there: it is read again when the turn comes back, or kept while there is only one file.
 */
#include "base/fail.h"
#include "base/memory.h"
#include "connectors/connector.h"
#include "connectors/line_reader.h"
#include "connectors/rate.h"
#include "connectors/splits.h"
#include "os/context_os.h"
#include "os/file.h"
#include "weir/connectors.h"

static const uint64_t follow_wait_ns = 10 * 1000 * 1000;

struct file_argument {
    double lines_per_second;
    bool follow;
    char path[];
};

struct file_source {
    struct wr_os *os;
    bool follow;
    struct wr_splits splits;
    size_t current;
    size_t fruitless; /* splits visited in a row that had nothing new */
    int file;
    bool is_open;
    uint64_t read_offset;
    struct wr_line_reader reader;
    struct wr_rate rate;
};

static weir_status
file_initialize(weir_context *context, void *self)
{
    struct file_source *source = self;
    const struct file_argument *argument = weir_context_argument(context);
    const weir_alloc *alloc = weir_context_alloc(context);
    uint64_t line_max = weir_options_bytes(weir_context_options(context), "weir.source.max-line");
    source->os = wr_context_os(context);
    source->follow = argument->follow;
    wr_rate_init(&source->rate, argument->lines_per_second, weir_context_parallelism(context));
    wr_line_reader_init(&source->reader, alloc, (size_t)line_max);
    return wr_splits_init(&source->splits, context, argument->path);
}

static weir_status
file_snapshot(weir_context *context, void *self, uint64_t checkpoint_id)
{
    (void)checkpoint_id;
    struct file_source *source = self;
    return wr_splits_save(&source->splits, context, source->follow ? 0 : source->current);
}

static void
close_file(struct file_source *source)
{
    if (source->is_open) {
        wr_file_close(source->os, source->file);
        source->is_open = false;
    }
    wr_line_reader_clear(&source->reader);
}

static void
file_close(weir_context *context, void *self)
{
    (void)context;
    struct file_source *source = self;
    close_file(source);
    wr_line_reader_fini(&source->reader);
    wr_splits_fini(&source->splits);
}

/* A file may grow, but never lose what was read. */
static weir_status
check_length(struct file_source *source, const struct wr_split *split, weir_error *err)
{
    uint64_t length = 0;
    WR_TRY(wr_file_size(source->os, source->file, split->path, &length, err));
    if (length < source->read_offset) {
        return wr_fail(
            err, WEIR_INVALID,
            "input %s has %llu bytes, but was read up to offset %llu already: it was cut or "
            "replaced; put the file back, or start without the snapshot",
            split->path, (unsigned long long)length, (unsigned long long)source->read_offset);
    }
    return WEIR_OK;
}

static weir_status
open_file(struct file_source *source, const struct wr_split *split, weir_error *err)
{
    weir_status status = wr_file_open(source->os, split->path, WR_OPEN_READ, &source->file, err);
    if (status != WEIR_OK) {
        return wr_fail_context(err, status, "input: ");
    }
    source->is_open = true;
    source->read_offset = split->offset;
    return check_length(source, split, err);
}

/* Reads one block behind what the reader has. */
static weir_status
read_block(struct file_source *source, const struct wr_split *split, size_t *out_size,
           weir_error *err)
{
    if (!source->is_open) {
        WR_TRY(open_file(source, split, err));
    }
    uint8_t *room = wr_line_reader_room(&source->reader);
    if (room == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to read %s", split->path);
    }
    size_t size = 0;
    WR_TRY(wr_file_read_at(source->os, source->file, split->path, room, WR_LINE_BLOCK,
                           source->read_offset, &size, err));
    if (size == 0) {
        WR_TRY(check_length(source, split, err));
    }
    wr_line_reader_filled(&source->reader, size);
    source->read_offset += size;
    *out_size = size;
    return WEIR_OK;
}

static weir_status
too_long(const struct file_source *source, weir_context *context, const struct wr_split *split)
{
    return weir_context_fail(context, WEIR_LIMIT,
                             "%s: the line at offset %llu is longer than weir.source.max-line, %zu "
                             "bytes: raise it, or mend the input",
                             split->path, (unsigned long long)split->offset,
                             source->reader.line_max);
}

/* Emits whole lines that are in memory, at most `most`. */
static weir_status
emit_lines(struct file_source *source, weir_context *context, weir_collector *out, size_t most,
           size_t *out_count)
{
    struct wr_split *split = &source->splits.items[source->current];
    size_t count = 0;
    weir_status status = WEIR_OK;
    while (count < most) {
        weir_bytes line;
        size_t taken;
        status = wr_line_reader_next(&source->reader, &line, &taken);
        if (status != WEIR_OK) {
            break;
        }
        WR_TRY(wr_line_emit(context, line, out));
        split->offset += taken;
        count++;
    }
    wr_rate_spend(&source->rate, count);
    *out_count = count;
    if (status == WEIR_LIMIT) {
        return too_long(source, context, split);
    }
    return WEIR_OK;
}

/* The current file has no more bytes for now. */
static weir_status
at_end(struct file_source *source, weir_context *context, weir_collector *out)
{
    struct wr_split *split = &source->splits.items[source->current];
    if (source->follow) {
        source->fruitless++;
        if (source->splits.count > 1) {
            close_file(source);
            source->current = (source->current + 1) % source->splits.count;
        }
        return WEIR_OK;
    }
    weir_bytes line;
    size_t taken;
    weir_status status = wr_line_reader_rest(&source->reader, &line, &taken);
    if (status == WEIR_OK) {
        WR_TRY(wr_line_emit(context, line, out));
        split->offset += taken;
        wr_rate_spend(&source->rate, 1);
    } else if (status == WEIR_LIMIT) {
        return too_long(source, context, split);
    }
    close_file(source);
    source->current++;
    return WEIR_OK;
}

/* Where to go on: MORE, or IDLE with the time to come back, or END. */
static weir_poll
what_next(struct file_source *source, weir_context *context)
{
    if (source->follow) {
        if (source->fruitless < source->splits.count) {
            return WEIR_POLL_MORE;
        }
        source->fruitless = 0;
        weir_context_wake_at(context, weir_context_monotonic_ns(context) + follow_wait_ns);
        return WEIR_POLL_IDLE;
    }
    return source->current < source->splits.count ? WEIR_POLL_MORE : WEIR_POLL_END;
}

static weir_status
file_poll(weir_context *context, void *self, weir_collector *out, size_t max_records,
          weir_poll *out_poll)
{
    struct file_source *source = self;
    if (source->current >= source->splits.count) {
        *out_poll = what_next(source, context);
        return WEIR_OK;
    }
    size_t most = wr_rate_allowance(&source->rate, weir_context_monotonic_ns(context), max_records);
    if (most == 0) {
        weir_context_wake_at(context, wr_rate_next_ns(&source->rate));
        *out_poll = WEIR_POLL_IDLE;
        return WEIR_OK;
    }
    size_t count = 0;
    WR_TRY(emit_lines(source, context, out, most, &count));
    if (count > 0) {
        source->fruitless = 0;
        *out_poll = WEIR_POLL_MORE;
        return WEIR_OK;
    }
    size_t size = 0;
    weir_error error = { .status = WEIR_OK };
    weir_status status = read_block(source, &source->splits.items[source->current], &size, &error);
    if (status != WEIR_OK) {
        return wr_connector_fail(context, status, &error);
    }
    if (size == 0) {
        WR_TRY(at_end(source, context, out));
        *out_poll = what_next(source, context);
        return WEIR_OK;
    }
    WR_TRY(emit_lines(source, context, out, most, &count));
    if (count > 0) {
        source->fruitless = 0;
    }
    *out_poll = WEIR_POLL_MORE;
    return WEIR_OK;
}

static const weir_function file_function = {
    .size = sizeof(weir_function),
    .name = "file source",
    .instance_size = sizeof(struct file_source),
    .initialize_state = file_initialize,
    .snapshot_state = file_snapshot,
    .poll = file_poll,
    .close = file_close,
};

weir_stream *
weir_file_source(weir_environment *environment, const weir_file_source_options *options)
{
    weir_file_source_options taken;
    if (environment == NULL ||
        !wr_connector_take_options(environment, "file source", options, &taken, sizeof taken)) {
        return NULL;
    }
    if (taken.path == NULL || taken.path[0] == '\0' || !(taken.lines_per_second >= 0)) {
        (void)weir_environment_fail(environment, WEIR_INVALID,
                                    "file source: needs a path, and a rate that is not negative");
        return NULL;
    }
    weir_alloc alloc = wr_memory_system();
    size_t size = sizeof(struct file_argument) + strlen(taken.path) + 1;
    struct file_argument *argument = wr_memory_new(&alloc, size);
    if (argument == NULL) {
        (void)weir_environment_fail(environment, WEIR_NOMEM, "no memory for the job's graph");
        return NULL;
    }
    argument->lines_per_second = taken.lines_per_second;
    argument->follow = taken.follow;
    memcpy(argument->path, taken.path, strlen(taken.path) + 1);
    weir_stream *stream = weir_environment_source(environment, "file source", &file_function,
                                                  argument, size, weir_type_of_kind(WEIR_STRING));
    wr_memory_free(&alloc, argument, size);
    return weir_stream_stateful(stream);
}
