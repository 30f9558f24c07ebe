/* SPDX-License-Identifier: Apache-2.0 */
/* engine: see engine.h. Memory is the shipped allocator's; files are written as a job writes them,
 * by an io thread behind the task's. */
#include "engine.h"

#include "harness.h"

#include "base/memory.h"
#include "os/executor.h"
#include "os/os.h"
#include "snapshot/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TURN_BYTES = 64 << 10 /* of a snapshot between two batches */
};

void
bench_expect(const char *what, weir_status status)
{
    if (status != WEIR_OK) {
        bench_die("%s: %s", what, weir_status_name(status));
    }
}

static void
expect_words(const char *what, weir_status status, const weir_error *error)
{
    if (status != WEIR_OK) {
        bench_die("%s: %s: %s", what, weir_status_name(status), error->message);
    }
}

/* --- life --- */

static const weir_backend_factory *
find_factory(const char *name)
{
    const weir_backend_factory *factory = NULL;
    weir_error error = { 0 };
    expect_words(name, weir_backend_factory_find(name, &factory, &error), &error);
    return factory;
}

static weir_options *
make_options(const struct bench_engine_parameters *parameters)
{
    weir_options *options = NULL;
    weir_error error = { 0 };
    bench_expect("options", weir_options_create(NULL, &options));
    if (parameters->incremental) {
        expect_words("options",
                     weir_options_set(options, "execution.checkpointing.incremental", "true",
                                      WEIR_LEVEL_COMMAND, "bench", &error),
                     &error);
    }
    return options;
}

void
bench_engine_open(struct bench_engine *engine, const struct bench_engine_parameters *parameters)
{
    memset(engine, 0, sizeof *engine);
    engine->given = *parameters;
    struct bench_engine_parameters *given = &engine->given;
    if (given->max_parallelism == 0) {
        given->max_parallelism = BENCH_KEY_GROUPS;
        given->key_group_last = BENCH_KEY_GROUPS - 1;
    }
    given->key_type = given->key_type != NULL ? given->key_type : weir_type_of_kind(WEIR_I64);
    snprintf(engine->directory, sizeof engine->directory, "%.3900s/engine-%d-%u", given->data,
             (int)getpid(), given->subtask);
    bench_make_directory(given->data);
    bench_remove_tree(engine->directory); /* the engine makes it if it needs one */
    engine->options = make_options(given);
    weir_backend_parameters opened = { .size = sizeof opened,
                                       .max_parallelism = given->max_parallelism,
                                       .key_group_first = given->key_group_first,
                                       .key_group_last = given->key_group_last,
                                       .state_alloc = wr_memory_system(),
                                       .snapshot_alloc = wr_memory_system(),
                                       .key_type = given->key_type,
                                       .hash_seed = BENCH_SEED,
                                       .options = engine->options,
                                       .operator_name = "bench",
                                       .directory = engine->directory,
                                       .memory_bytes = given->memory_bytes,
                                       .subtask = given->subtask };
    weir_error error = { 0 };
    expect_words("opening the backend",
                 weir_backend_open(find_factory(given->name), &opened, &engine->backend, &error),
                 &error);
}

void
bench_engine_close(struct bench_engine *engine)
{
    weir_backend_close(engine->backend);
    weir_options_destroy(engine->options);
    bench_remove_tree(engine->directory);
}

weir_state *
bench_engine_state(struct bench_engine *engine, const weir_state_descriptor *descriptor)
{
    weir_state *state = NULL;
    weir_error error = { 0 };
    expect_words(descriptor->name,
                 weir_backend_create_state(engine->backend, descriptor, &state, &error), &error);
    return state;
}

weir_state *
bench_engine_plain(struct bench_engine *engine, weir_state_kind kind, const char *name)
{
    const weir_type *type = weir_type_of_kind(WEIR_I64);
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = kind,
                                         .name = name,
                                         .type = type,
                                         .map_key_type = kind == WEIR_STATE_MAP ? type : NULL };
    return bench_engine_state(engine, &descriptor);
}

struct sum {
    uint64_t values;
    uint64_t count;
};

static weir_status
add_value(void *argument, const weir_key *key, weir_bytes value)
{
    (void)key;
    struct sum *sum = argument;
    sum->values += *(const uint64_t *)value.data;
    sum->count++;
    return WEIR_OK;
}

uint64_t
bench_engine_sum(weir_state *state, uint64_t *out_count)
{
    struct sum sum = { 0 };
    bench_expect("iterate", weir_state_iterate(state, add_value, &sum));
    if (out_count != NULL) {
        *out_count = sum.count;
    }
    return sum.values;
}

/* --- keys --- */

void
bench_keys(const struct bench_engine *engine, const int64_t *numbers, weir_key *out_keys,
           size_t count)
{
    const weir_type *type = engine->given.key_type;
    uint32_t max_parallelism = engine->given.max_parallelism;
    for (size_t i = 0; i < count; i++) {
        out_keys[i] = weir_key_make(type, weir_bytes_of(&numbers[i], sizeof numbers[i]),
                                    max_parallelism, BENCH_SEED);
    }
}

void
bench_draw(int64_t *numbers, size_t count, uint64_t below, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (int64_t)(bench_mix(seed + i) % below);
    }
}

double
bench_loop_run(struct bench_loop *loop, const int64_t *numbers, size_t count)
{
    double start = bench_now();
    for (size_t at = 0; at < count; at += BENCH_BATCH) {
        size_t size = count - at < BENCH_BATCH ? count - at : BENCH_BATCH;
        bench_keys(loop->engine, numbers + at, loop->keys, size);
        weir_state_prefetch(loop->state, loop->keys, size < BENCH_AHEAD ? size : BENCH_AHEAD);
        for (size_t i = 0; i < size; i++) {
            if (i + BENCH_AHEAD < size) {
                weir_state_prefetch(loop->state, &loop->keys[i + BENCH_AHEAD], 1);
            }
            weir_state_bind(loop->state, &loop->keys[i]);
            loop->one(loop, numbers[at + i]);
        }
    }
    return bench_now() - start;
}

/* --- snapshots --- */

/* One for the whole program. */
struct io {
    struct wr_os *os;
    struct wr_executor executor;
    struct wr_mailbox replies;
    struct wr_parker parker;
};

static void
run_io(void *argument)
{
    struct io *io = argument;
    for (;;) { /* until the program ends */
        uint32_t ticket = wr_parker_prepare(&io->executor.parker);
        if (wr_executor_step(&io->executor)) {
            wr_parker_cancel(&io->executor.parker);
            continue;
        }
        wr_parker_sleep(&io->executor.parker, ticket, 10 * 1000 * 1000);
    }
}

static struct io *
the_io(void)
{
    static struct io io;
    struct wr_os_thread *thread = NULL;
    if (io.os == NULL) {
        io.os = wr_os_posix();
        wr_executor_init(&io.executor, io.os);
        wr_mailbox_init(&io.replies);
        wr_parker_init(&io.parker, io.os);
        if (io.os->ops->thread_start(io.os, "io", run_io, &io, &thread) != 0) {
            bench_die("no io thread");
        }
    }
    return &io;
}

static struct wr_state_file_identity
identity_of(const struct bench_snapshot *snapshot)
{
    return (struct wr_state_file_identity){ .checkpoint_id = snapshot->id,
                                            .subtask = snapshot->subtask };
}

struct bench_engine_file {
    char name[256];
    char path[4200];
    bool is_own; /* copied for this snapshot */
    struct wr_restore_engine_file given;
};

static const struct bench_engine_file *
find_file(const struct bench_snapshot *snapshot, const char *name)
{
    for (size_t i = 0; snapshot != NULL && i < snapshot->file_count; i++) {
        if (snapshot->files[i].given.is_shared && strcmp(snapshot->files[i].name, name) == 0) {
            return &snapshot->files[i];
        }
    }
    return NULL;
}

static bool
is_known(void *argument, const char *name, uint64_t bytes)
{
    const struct bench_engine *engine = argument;
    const struct bench_engine_file *file = find_file(engine->last, name);
    return file != NULL && file->given.size == bytes;
}

static weir_block_writer *
create_file(struct io *io, struct bench_engine *engine, const struct bench_snapshot *snapshot,
            bool incremental)
{
    char prefix[4100];
    snprintf(prefix, sizeof prefix, "%s-", snapshot->path);
    struct wr_state_file_parameters parameters = { .os = io->os,
                                                   .executor = &io->executor,
                                                   .alloc = wr_memory_system(),
                                                   .path = snapshot->path,
                                                   .identity = identity_of(snapshot),
                                                   .may_change = incremental,
                                                   .engine_prefix = prefix,
                                                   .is_known = incremental ? is_known : NULL,
                                                   .is_known_argument = engine,
                                                   .reply_to = &io->replies,
                                                   .reply_parker = &io->parker };
    weir_block_writer *writer = NULL;
    weir_error error = { 0 };
    unlink(snapshot->path);
    expect_words(snapshot->path, wr_state_file_create(&parameters, &writer, &error), &error);
    return writer;
}

/* What was written, for a restore. */
static void
note_files(const struct bench_engine *engine, weir_block_writer *writer,
           const struct wr_state_file_result *result, struct bench_snapshot *snapshot)
{
    snapshot->bytes = snapshot->state_bytes = result->size;
    snapshot->crc = result->crc;
    snapshot->has_changes = result->has_changes;
    snapshot->file_count = wr_state_file_engine_count(writer);
    snapshot->files = calloc(snapshot->file_count + 1, sizeof *snapshot->files);
    if (snapshot->files == NULL) {
        bench_die("no memory");
    }
    struct bench_engine_file *file = snapshot->files;
    for (const struct wr_state_file_engine *one = wr_state_file_engine_first(writer); one != NULL;
         one = one->next, file++) {
        const struct bench_engine_file *known =
            one->is_known ? find_file(engine->last, one->name) : NULL;
        snprintf(file->name, sizeof file->name, "%s", one->name);
        if (known != NULL) {
            snprintf(file->path, sizeof file->path, "%s", known->path);
        } else {
            snprintf(file->path, sizeof file->path, "%s/%s", engine->given.data, one->file);
            snapshot->bytes += one->size;
        }
        file->is_own = known == NULL;
        file->given =
            (struct wr_restore_engine_file){ .name = file->name,
                                             .path = file->path,
                                             .size = one->size,
                                             .crc = known != NULL ? known->given.crc : one->crc,
                                             .is_shared = one->is_shared };
    }
}

/* Turns until all is handed to the io thread. */
static void
turn_to_end(struct bench_engine *engine, weir_snapshot *snapshot, void (*between)(void *argument),
            void *argument)
{
    weir_error error = { 0 };
    for (bool done = false; !done;) {
        expect_words(
            "turn",
            weir_backend_snapshot_turn(engine->backend, snapshot, TURN_BYTES, &done, &error),
            &error);
        if (between != NULL) {
            between(argument);
        }
    }
}

void
bench_snapshot_take(struct bench_engine *engine, uint64_t id, bool incremental,
                    void (*between)(void *argument), void *argument,
                    struct bench_snapshot *out_snapshot)
{
    struct io *io = the_io();
    *out_snapshot = (struct bench_snapshot){ .id = id,
                                             .subtask = engine->given.subtask,
                                             .key_group_first = engine->given.key_group_first,
                                             .key_group_last = engine->given.key_group_last };
    snprintf(out_snapshot->path, sizeof out_snapshot->path, "%.3900s/snapshot-%d-%u-%llu",
             engine->given.data, (int)getpid(), engine->given.subtask, (unsigned long long)id);
    weir_error error = { 0 };
    weir_snapshot *snapshot = NULL;
    double start = bench_now();
    weir_block_writer *writer = create_file(io, engine, out_snapshot, incremental);
    weir_snapshot_parameters parameters = {
        .size = sizeof parameters, .checkpoint_id = id, .writer = writer, .incremental = incremental
    };
    expect_words("begin",
                 weir_backend_snapshot_begin(engine->backend, &parameters, &snapshot, &error),
                 &error);
    turn_to_end(engine, snapshot, between, argument);
    struct wr_state_file_reply reply = { .context = engine };
    bench_expect("finish", wr_state_file_finish(writer, &reply));
    while (wr_mailbox_pop(&io->replies) == NULL) {
        if (between != NULL) {
            between(argument);
        }
    }
    expect_words("write", reply.result.status, &reply.result.error);
    out_snapshot->elapsed_s = bench_now() - start;
    note_files(engine, writer, &reply.result, out_snapshot);
    weir_backend_snapshot_end(engine->backend, snapshot, true);
    wr_state_file_destroy(writer);
    engine->last = out_snapshot;
}

void
bench_snapshot_restore(struct bench_engine *engine, const struct bench_snapshot *snapshot)
{
    struct wr_restore_engine_file *files = calloc(snapshot->file_count + 1, sizeof *files);
    if (files == NULL) {
        bench_die("no memory");
    }
    for (size_t i = 0; i < snapshot->file_count; i++) {
        files[i] = snapshot->files[i].given;
    }
    struct wr_state_file_open parameters = { .os = wr_os_posix(),
                                             .alloc = wr_memory_system(),
                                             .path = snapshot->path,
                                             .identity = identity_of(snapshot),
                                             .size = snapshot->state_bytes,
                                             .crc = snapshot->crc,
                                             .key_group_first = engine->given.key_group_first,
                                             .key_group_last = engine->given.key_group_last,
                                             .has_changes = snapshot->has_changes,
                                             .engine_files = files,
                                             .engine_file_count = snapshot->file_count,
                                             .writer_key_group_first = snapshot->key_group_first,
                                             .writer_key_group_last = snapshot->key_group_last };
    weir_block_reader *reader = NULL;
    weir_error error = { 0 };
    expect_words(snapshot->path, wr_state_file_open(&parameters, &reader, &error), &error);
    expect_words("restore", weir_backend_restore(engine->backend, reader, &error), &error);
    wr_state_file_close(reader);
    free(files);
}

void
bench_snapshot_remove(const struct bench_snapshot *snapshot)
{
    unlink(snapshot->path);
    for (size_t i = 0; i < snapshot->file_count; i++) {
        if (snapshot->files[i].is_own) {
            unlink(snapshot->files[i].path);
        }
    }
}

void
bench_snapshot_cool(const struct bench_snapshot *snapshot)
{
    int file = open(snapshot->path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0) {
        bench_die("%s: %s", snapshot->path, strerror(errno));
    }
    close(file);
}
