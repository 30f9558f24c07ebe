/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/storage/store.h: a job that takes checkpoints of two subtasks into a storage, and a
 * reader that says whether what is found is whole.
 */
#ifndef WEIR_TESTS_UNIT_STORAGE_STORE_H
#define WEIR_TESTS_UNIT_STORAGE_STORE_H

#include "snapshot/manifest_format.h"
#include "storage/checkpoint_storage.h"
#include "storage/find.h"
#include "unit/snapshot/scene.h"

#define JOB_A   "0000000000000000000000000000000a"
#define JOB_B   "0000000000000000000000000000000b"
#define FIRST   "f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1"
#define SECOND  "f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2"
#define THIRD   "f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3"
#define ROOT    "/d/checkpoints"
#define CHK(id) ROOT "/" JOB_A "/chk-" #id

enum {
    STORE_SUBTASKS = 2
};

static inline struct wr_storage_parameters
store_parameters(struct scene *scene, const char *job_id, const char *attempt)
{
    return (struct wr_storage_parameters){
        .os = scene->os,
        .alloc = scene->alloc,
        .directory = ROOT,
        .create_subdir = true,
        .job_name = "word count",
        .job_id = job_id,
        .attempt = attempt,
    };
}

static inline struct wr_checkpoint_storage *
store_open(struct scene *scene, const char *job_id, const char *attempt)
{
    struct wr_storage_parameters parameters = store_parameters(scene, job_id, attempt);
    struct wr_checkpoint_storage *storage = NULL;
    assert_ok(wr_checkpoint_storage_open(&parameters, &storage, &scene->err), &scene->err);
    return storage;
}

/* What subtask `subtask` of checkpoint `id` holds. */
static inline struct content
store_content(uint64_t id, uint32_t subtask)
{
    return (struct content){
        .seed = id * 10 + subtask, .block_count = 4, .block_size_max = 500, .list_count = 2
    };
}

static inline struct wr_state_file_identity
store_identity(uint64_t id, uint32_t subtask, const char *attempt)
{
    struct wr_state_file_identity identity = scene_identity(id, subtask);
    memcpy(identity.attempt, attempt, sizeof identity.attempt);
    return identity;
}

/* One data file, as a task writes it. */
static inline weir_status
store_write_at(struct scene *scene, const char *path, uint64_t id,
               struct wr_manifest_subtask *subtask, const char *attempt)
{
    struct wr_state_file_parameters parameters =
        scene_parameters(scene, path, store_identity(id, subtask->index, attempt));
    weir_block_writer *writer = NULL;
    WR_TRY(wr_state_file_create(&parameters, &writer, &scene->err));
    struct content content = store_content(id, subtask->index);
    weir_status status = content_try_write(scene, &content, writer);
    struct wr_state_file_reply reply = { .context = scene };
    if (status == WEIR_OK) {
        status = wr_state_file_finish(writer, &reply);
    } else {
        wr_state_file_abort(writer, &reply);
    }
    scene_run_io(scene);
    assert_ptr_equal(wr_mailbox_pop(&scene->replies), &reply.letter);
    wr_state_file_destroy(writer);
    WR_TRY(status);
    if (reply.result.status != WEIR_OK) {
        scene->err = reply.result.error;
        return reply.result.status;
    }
    subtask->files[0].size = reply.result.size;
    subtask->files[0].crc = reply.result.crc;
    return WEIR_OK;
}

static inline weir_status
store_write_file(struct scene *scene, struct wr_checkpoint_storage *storage, uint64_t id,
                 struct wr_manifest_subtask *subtask, const char *attempt)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_checkpoint_storage_path(storage, id, subtask->files[0].path, path, &scene->err));
    return store_write_at(scene, path, id, subtask, attempt);
}

/* What a snapshot of the job is made of; must not move. */
struct store_set {
    struct wr_manifest manifest;
    struct wr_manifest_state states[2];
    struct wr_manifest_file files[STORE_SUBTASKS];
    struct wr_manifest_subtask subtasks[STORE_SUBTASKS];
    struct wr_manifest_operator op;
};

static inline void
store_set_init(struct store_set *set, struct scene *scene, uint64_t id, const char *job_id,
               const char *attempt)
{
    static const char *const paths[STORE_SUBTASKS] = { "state-0", "state-1" };
    *set = (struct store_set){ .states = {
                                   { .name = "counts",
                                     .kind = WEIR_STATE_VALUE,
                                     .type = weir_type_of_kind(WEIR_I64) },
                                   { .name = "offsets",
                                     .kind = WEIR_STATE_LIST,
                                     .list_mode = WEIR_LIST_SPLIT,
                                     .type = weir_type_of_kind(WEIR_STRING) },
                               } };
    for (uint32_t i = 0; i < STORE_SUBTASKS; i++) {
        set->files[i] = (struct wr_manifest_file){
            .role = WR_FILE_BLOCKS, .path = paths[i], .name = "", .checkpoint_id = id
        };
        wr_hex_id_bytes(attempt, set->files[i].attempt);
        set->subtasks[i] = (struct wr_manifest_subtask){ .index = i,
                                                         .key_group_first = i * 64,
                                                         .key_group_last = i * 64 + 63,
                                                         .files = &set->files[i],
                                                         .file_count = 1 };
    }
    set->op = (struct wr_manifest_operator){ .uid = "counter",
                                             .name = "counter",
                                             .backend = "hashmap",
                                             .key_type = weir_type_of_kind(WEIR_STRING),
                                             .parallelism = STORE_SUBTASKS,
                                             .max_parallelism = 128,
                                             .states = set->states,
                                             .state_count = 2,
                                             .subtasks = set->subtasks,
                                             .subtask_count = STORE_SUBTASKS };
    memset(set->op.id, 0x0B, sizeof set->op.id);
    wr_manifest_init(&set->manifest, &scene->alloc);
    set->manifest.job_name = "word count";
    memcpy(set->manifest.job_id, job_id, WR_JOB_ID_SIZE);
    memcpy(set->manifest.attempt, attempt, WR_ATTEMPT_SIZE);
    set->manifest.checkpoint_id = id;
    set->manifest.kind = WR_CHECKPOINT_PERIODIC;
    set->manifest.complete_ms = (int64_t)id * 1000;
    set->manifest.operators = &set->op;
    set->manifest.operator_count = 1;
}

static inline void
store_set_fini(struct store_set *set)
{
    set->manifest.operators = NULL;
    wr_manifest_fini(&set->manifest);
}

/* begin, two data files, complete; after a failure: abandon. */
static inline weir_status
store_checkpoint(struct scene *scene, struct wr_checkpoint_storage *storage, uint64_t id,
                 const char *job_id, const char *attempt)
{
    struct store_set set;
    store_set_init(&set, scene, id, job_id, attempt);
    weir_status status = wr_checkpoint_storage_begin(storage, id, &scene->err);
    for (uint32_t i = 0; i < STORE_SUBTASKS && status == WEIR_OK; i++) {
        status = store_write_file(scene, storage, id, &set.subtasks[i], attempt);
    }
    if (status == WEIR_OK) {
        status = wr_checkpoint_storage_complete(storage, &set.manifest, &scene->err);
    }
    if (status != WEIR_OK) {
        weir_error abandoned;
        if (wr_checkpoint_storage_abandon(storage, id, &abandoned) == WEIR_CANCELLED) {
            scene->err = abandoned; /* a data file failed because we were fenced */
            status = WEIR_CANCELLED;
        }
    }
    store_set_fini(&set);
    return status;
}

static inline void
store_take(struct scene *scene, struct wr_checkpoint_storage *storage, uint64_t id,
           const char *attempt)
{
    assert_ok(store_checkpoint(scene, storage, id, JOB_A, attempt), &scene->err);
}

/* One data file of a found checkpoint, whole. */
static inline weir_status
store_read_file(struct scene *scene, const struct wr_found_snapshot *found,
                const struct wr_manifest_subtask *subtask, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_path_join(path, found->directory, subtask->files[0].path, err));
    struct wr_state_file_open open = {
        .os = scene->os,
        .alloc = scene->alloc,
        .path = path,
        .identity =
            store_identity(found->manifest.checkpoint_id, subtask->index, found->manifest.attempt),
        .size = subtask->files[0].size,
        .crc = subtask->files[0].crc,
        .key_group_last = 127,
    };
    weir_block_reader *reader = NULL;
    WR_TRY(wr_state_file_open(&open, &reader, err));
    struct content content = store_content(found->manifest.checkpoint_id, subtask->index);
    uint32_t blocks = 0;
    weir_status status = content_read(&content, reader, 100, &blocks, err);
    if (status == WEIR_OK) {
        assert_int_equal(blocks, content.block_count);
        status = wr_state_file_verify(reader, err);
    }
    wr_state_file_close(reader);
    return status;
}

/* Finds and reads all of a checkpoint; *out_id which one it was. */
static inline weir_status
store_read(struct scene *scene, const char *text, uint64_t *out_id, weir_error *err)
{
    struct wr_found_snapshot found;
    WR_TRY(wr_snapshot_find(scene->os, &scene->alloc, text, "word count", &found, err));
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; i < STORE_SUBTASKS && !found.finished && status == WEIR_OK; i++) {
        status = store_read_file(scene, &found, &found.manifest.operators[0].subtasks[i], err);
    }
    if (status == WEIR_OK) {
        *out_id = found.finished ? 0 : found.manifest.checkpoint_id;
    }
    wr_found_snapshot_fini(&found);
    return status;
}

static inline void
assert_latest(struct scene *scene, uint64_t id)
{
    uint64_t found = 0;
    assert_ok(store_read(scene, "latest:" ROOT, &found, &scene->err), &scene->err);
    assert_int_equal(found, id);
}

#endif /* WEIR_TESTS_UNIT_STORAGE_STORE_H */
