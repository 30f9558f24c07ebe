/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/state_rig.h: what a test of a state backend stands on: a simulated system that
 * takes the snapshot files, an executor that the test steps, and short words for keys, states and
 * snapshots.
 *
 * Functions are static: each suite that includes it brings its own.
 */
#ifndef WEIR_TESTS_STATE_RIG_H
#define WEIR_TESTS_STATE_RIG_H

#include "support/common_os_sim.h"
#include "support/test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "snapshot/state_file.h"
#include "state/heap/heap.h"
#include "weir/state.h"

#include <stdio.h>
#include <string.h>

#define RIG_UNUSED __attribute__((unused))

struct rig {
    const weir_backend_factory *factory; /* hashmap, unless set */
    struct os_sim *sim;
    struct wr_os *os;
    struct wr_executor executor;
    struct wr_mailbox replies;
    struct wr_parker parker;
    weir_alloc alloc;  /* of state */
    weir_alloc copies; /* of snapshots */
    uint64_t seed;
    uint32_t max_parallelism;
    weir_error error;
};

/* A snapshot on its way, or its file. */
struct rig_file {
    uint64_t id;
    weir_block_writer *writer;
    struct wr_state_file_result result;
};

/* A full snapshot into this writer. */
static inline weir_status
full_snapshot_begin(weir_backend *backend, weir_block_writer *writer, weir_snapshot **out_snapshot,
                    weir_error *err)
{
    weir_snapshot_parameters parameters = { .size = sizeof parameters,
                                            .checkpoint_id = 1,
                                            .writer = writer };
    return weir_backend_snapshot_begin(backend, &parameters, out_snapshot, err);
}

static RIG_UNUSED void
rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    rig->factory = weir_backend_factory_hashmap();
    struct os_sim_config config = { .seed = 7, .no_log = true };
    rig->sim = os_sim_create(&config);
    rig->os = os_sim_os(rig->sim);
    wr_executor_init(&rig->executor, rig->os);
    wr_mailbox_init(&rig->replies);
    wr_parker_init(&rig->parker, rig->os);
    rig->alloc = wr_memory_system();
    rig->copies = wr_memory_system();
    rig->seed = 0x5eed;
    rig->max_parallelism = 8;
}

static RIG_UNUSED void
rig_fini(struct rig *rig)
{
    os_sim_destroy(rig->sim);
}

static RIG_UNUSED weir_backend *
rig_open_range(struct rig *rig, const weir_type *key_type, uint32_t first, uint32_t last)
{
    weir_backend_parameters parameters = { .size = sizeof parameters,
                                           .max_parallelism = rig->max_parallelism,
                                           .key_group_first = first,
                                           .key_group_last = last,
                                           .state_alloc = rig->alloc,
                                           .snapshot_alloc = rig->copies,
                                           .key_type = key_type,
                                           .hash_seed = rig->seed,
                                           .operator_name = "counts" };
    weir_backend *backend = NULL;
    assert_ok(weir_backend_open(rig->factory, &parameters, &backend, &rig->error), &rig->error);
    return backend;
}

static RIG_UNUSED weir_backend *
rig_open(struct rig *rig, const weir_type *key_type)
{
    return rig_open_range(rig, key_type, 0, rig->max_parallelism - 1);
}

static RIG_UNUSED weir_state *
rig_state(struct rig *rig, weir_backend *backend, const char *name, const weir_type *type)
{
    weir_state_descriptor descriptor = {
        .size = sizeof descriptor, .kind = WEIR_STATE_VALUE, .name = name, .type = type
    };
    weir_state *state = NULL;
    assert_ok(weir_backend_create_state(backend, &descriptor, &state, &rig->error), &rig->error);
    return state;
}

static RIG_UNUSED void
rig_path(uint64_t id, char out[64])
{
    snprintf(out, 64, "/snapshot-%llu", (unsigned long long)id);
}

static RIG_UNUSED struct wr_state_file_identity
rig_identity(uint64_t id)
{
    return (struct wr_state_file_identity){ .checkpoint_id = id, .subtask = 3 };
}

static RIG_UNUSED void
rig_file_begin(struct rig *rig, struct rig_file *file, uint64_t id, size_t buffer_size)
{
    char path[64];
    rig_path(id, path);
    *file = (struct rig_file){ .id = id };
    struct wr_state_file_parameters parameters = { .os = rig->os,
                                                   .executor = &rig->executor,
                                                   .alloc = wr_memory_system(),
                                                   .path = path,
                                                   .identity = rig_identity(id),
                                                   .buffer_size = buffer_size,
                                                   .buffer_count = 3,
                                                   .reply_to = &rig->replies,
                                                   .reply_parker = &rig->parker };
    assert_ok(wr_state_file_create(&parameters, &file->writer, &rig->error), &rig->error);
}

/* Lets the io thread do what was handed to it. */
static RIG_UNUSED void
rig_io(struct rig *rig)
{
    while (wr_executor_step(&rig->executor)) {
    }
}

static RIG_UNUSED void
rig_file_reply(struct rig *rig, struct rig_file *file)
{
    rig_io(rig);
    struct wr_state_file_reply *reply = (void *)wr_mailbox_pop(&rig->replies);
    assert_non_null(reply);
    file->result = reply->result;
    wr_state_file_destroy(file->writer);
    file->writer = NULL;
}

static RIG_UNUSED void
rig_file_finish(struct rig *rig, struct rig_file *file)
{
    struct wr_state_file_reply reply = { .context = file };
    assert_ok(wr_state_file_finish(file->writer, &reply), NULL);
    rig_file_reply(rig, file);
    assert_ok(file->result.status, &file->result.error);
}

static RIG_UNUSED void
rig_file_abort(struct rig *rig, struct rig_file *file)
{
    struct wr_state_file_reply reply = { .context = file };
    wr_state_file_abort(file->writer, &reply);
    rig_file_reply(rig, file);
}

static RIG_UNUSED void
rig_file_drop(struct rig *rig, const struct rig_file *file)
{
    char path[64];
    rig_path(file->id, path);
    rig->os->ops->unlink(rig->os, path);
}

static RIG_UNUSED weir_block_reader *
rig_file_read(struct rig *rig, const struct rig_file *file, uint32_t first, uint32_t last)
{
    char path[64];
    rig_path(file->id, path);
    struct wr_state_file_open parameters = { .os = rig->os,
                                             .alloc = wr_memory_system(),
                                             .path = path,
                                             .identity = rig_identity(file->id),
                                             .size = file->result.size,
                                             .crc = file->result.crc,
                                             .has_changes = file->result.has_changes,
                                             .key_group_first = first,
                                             .key_group_last = last };
    weir_block_reader *reader = NULL;
    assert_ok(wr_state_file_open(&parameters, &reader, &rig->error), &rig->error);
    return reader;
}

/* A whole snapshot at once. */
static RIG_UNUSED void
rig_snapshot(struct rig *rig, weir_backend *backend, uint64_t id, struct rig_file *file)
{
    weir_snapshot *snapshot = NULL;
    rig_file_begin(rig, file, id, 4096);
    assert_ok(full_snapshot_begin(backend, file->writer, &snapshot, &rig->error), &rig->error);
    bool done = false;
    while (!done) {
        assert_ok(weir_backend_snapshot_turn(backend, snapshot, 4096, &done, &rig->error),
                  &rig->error);
        rig_io(rig);
    }
    rig_file_finish(rig, file);
    weir_backend_snapshot_end(backend, snapshot, true);
}

/* A backend of these key groups with the file's content. */
static RIG_UNUSED weir_backend *
rig_restore_range(struct rig *rig, const weir_type *key_type, const struct rig_file *file,
                  uint32_t first, uint32_t last)
{
    weir_backend *backend = rig_open_range(rig, key_type, first, last);
    weir_block_reader *reader = rig_file_read(rig, file, first, last);
    assert_ok(weir_backend_restore(backend, reader, &rig->error), &rig->error);
    wr_state_file_close(reader);
    return backend;
}

static RIG_UNUSED weir_backend *
rig_restore(struct rig *rig, const weir_type *key_type, const struct rig_file *file)
{
    return rig_restore_range(rig, key_type, file, 0, rig->max_parallelism - 1);
}

/* --- keys --- */

static RIG_UNUSED weir_key
rig_key(const struct rig *rig, const weir_type *type, const void *data, size_t size)
{
    return weir_key_make(type, weir_bytes_of(data, size), rig->max_parallelism, rig->seed);
}

/* An i64 key; the number is lent. */
static RIG_UNUSED weir_key
rig_number(const struct rig *rig, const int64_t *number)
{
    return rig_key(rig, weir_type_of_kind(WEIR_I64), number, sizeof *number);
}

/* Adds to an i64 value. */
static RIG_UNUSED void
rig_add(const struct rig *rig, weir_state *state, int64_t number, int64_t add)
{
    weir_key key = rig_number(rig, &number);
    void *value = NULL;
    weir_state_bind(state, &key);
    assert_ok(weir_value_upsert(state, &value, NULL), NULL);
    *(int64_t *)value += add;
    weir_state_bind(state, NULL);
}

/* The i64 value of a key; `missing` if it has none. */
static RIG_UNUSED int64_t
rig_look(const struct rig *rig, weir_state *state, int64_t number, int64_t missing)
{
    weir_key key = rig_number(rig, &number);
    const void *value = NULL;
    weir_state_bind(state, &key);
    weir_status status = weir_value_find(state, &value);
    weir_state_bind(state, NULL);
    if (status == WEIR_NOT_FOUND) {
        return missing;
    }
    assert_ok(status, NULL);
    return *(const int64_t *)value;
}

static RIG_UNUSED void
rig_clear(const struct rig *rig, weir_state *state, int64_t number)
{
    weir_key key = rig_number(rig, &number);
    weir_state_bind(state, &key);
    assert_ok(weir_value_clear(state), NULL);
    weir_state_bind(state, NULL);
}

#endif /* WEIR_TESTS_STATE_RIG_H */
