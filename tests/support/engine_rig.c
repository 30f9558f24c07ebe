/* SPDX-License-Identifier: Apache-2.0 */
/* engine_rig: see the header. A set is what a manifest would hold of a subtask. */
#include "support/engine_rig.h"

#include "base/memory.h"
#include "os/os.h"
#include "snapshot/manifest_format.h"
#include "weir/engine.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROCKSDB WEIR_BINARY_DIR "/libweir-rocksdb.so"

const struct engine engines[] = {
    { .name = "hashmap", .counts_memory = true, .snapshots_in_turns = true },
    { .name = "hashmap-incremental",
      .is_incremental = true,
      .counts_memory = true,
      .snapshots_in_turns = true },
    { .name = "hashmap-synchronous",
      .is_synchronous = true,
      .counts_memory = true,
      .snapshots_in_turns = true },
    { .name = "rocksdb", .path = ROCKSDB, .keeps_files = true },
    { .name = "rocksdb-incremental", .path = ROCKSDB, .keeps_files = true, .is_incremental = true },
    { .name = "sorted_array",
      .path = WEIR_BINARY_DIR "/examples/backend/sorted_array.so",
      .counts_memory = true },
    { .name = NULL },
};

const struct engine *
engine_find(const char *name)
{
    static struct engine by_path = { .counts_memory = true };
    for (const struct engine *engine = engines; engine->name != NULL; engine++) {
        if (strcmp(engine->name, name) == 0) {
            return engine;
        }
    }
    by_path.name = by_path.path = name;
    return strchr(name, '/') != NULL ? &by_path : NULL;
}

/* These programs cut no power, and a library below an engine syncs each of its files: their syncs
 * take no time. */
static int
sync_nothing(int file)
{
    (void)file;
    return 0;
}

int fsync(int) __attribute__((alias("sync_nothing")));
int fdatasync(int) __attribute__((alias("sync_nothing")));

static void
give_up(const char *what, const char *words)
{
    fprintf(stderr, "engine_rig: %s: %s\n", what, words != NULL ? words : "");
    abort();
}

static const weir_backend_factory *
load(const struct engine *engine)
{
    const weir_backend_factory *factory = NULL;
    weir_error error;
    const char *name = engine->path != NULL ? engine->path : "hashmap";
    if (weir_backend_factory_find(name, &factory, &error) != WEIR_OK) {
        give_up(name, error.message);
    }
    return factory;
}

/* --- the rig --- */

static char folder[128]; /* of the rig that there is; gone at exit, whatever a test did */

static int
remove_one(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
    (void)stat, (void)kind, (void)place;
    return remove(path);
}

static void
remove_folder(void)
{
    if (folder[0] != 0) {
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        folder[0] = 0;
    }
}

void
engine_rig_init(struct engine_rig *rig, const struct engine *engine)
{
    memset(rig, 0, sizeof *rig);
    rig->engine = engine;
    rig->factory = load(engine);
    if (engine->keeps_files) {
        rig->os = wr_os_posix();
        snprintf(rig->directory, sizeof rig->directory, "%s/engine-XXXXXX", WEIR_BINARY_DIR);
        if (mkdtemp(rig->directory) == NULL) {
            give_up(rig->directory, "cannot be made");
        }
        memcpy(folder, rig->directory, sizeof folder);
        atexit(remove_folder);
    } else {
        struct os_sim_config config = { .seed = 7, .no_log = true };
        rig->sim = os_sim_create(&config);
        rig->os = os_sim_os(rig->sim);
    }
    wr_executor_init(&rig->executor, rig->os);
    wr_mailbox_init(&rig->replies);
    wr_parker_init(&rig->parker, rig->os);
    rig->alloc = wr_memory_system();
    rig->copies = wr_memory_system();
    rig->seed = 0x5eed;
    rig->max_parallelism = 8;
    rig->key_type = weir_type_of_kind(WEIR_I64);
    rig->buffer_size = 4096;
    rig->next_id = 1;
}

void
engine_rig_fini(struct engine_rig *rig)
{
    os_sim_destroy(rig->sim);
    remove_folder();
}

void
engine_rig_io(struct engine_rig *rig)
{
    while (wr_executor_step(&rig->executor)) {
    }
}

/* --- tasks --- */

weir_status
engine_task_open(struct engine_rig *rig, struct engine_task *task, uint32_t first, uint32_t last)
{
    *task = (struct engine_task){ .first = first, .last = last };
    if (rig->engine->keeps_files) {
        char path[200];
        snprintf(path, sizeof path, "%s/task-%llu", rig->directory,
                 (unsigned long long)rig->next_id++);
        task->directory = strdup(path);
    }
    weir_backend_parameters parameters = { .size = sizeof parameters,
                                           .max_parallelism = rig->max_parallelism,
                                           .key_group_first = first,
                                           .key_group_last = last,
                                           .state_alloc = rig->alloc,
                                           .snapshot_alloc = rig->copies,
                                           .key_type = rig->key_type,
                                           .hash_seed = rig->seed,
                                           .options = rig->options,
                                           .operator_name = "counts",
                                           .directory = task->directory,
                                           .memory_bytes = 16 << 20 };
    return weir_backend_open(rig->factory, &parameters, &task->backend, &rig->error);
}

static weir_status
restore_file(struct engine_rig *rig, struct engine_task *task, const struct engine_set *set,
             const struct engine_file *file)
{
    static struct wr_restore_engine_file files[ENGINE_FILES_MAX];
    for (size_t i = 0; i < set->engine_count; i++) {
        const struct engine_file *from = set->engine[i];
        files[i] = (struct wr_restore_engine_file){ .name = from->name,
                                                    .path = from->path,
                                                    .size = from->size,
                                                    .crc = from->crc,
                                                    .is_shared = from->is_shared };
    }
    struct wr_state_file_open parameters = { .os = rig->os,
                                             .alloc = wr_memory_system(),
                                             .path = file->path,
                                             .identity = { .checkpoint_id = file->id,
                                                           .subtask = 3 },
                                             .size = file->size,
                                             .crc = file->crc,
                                             .key_group_first = task->first,
                                             .key_group_last = task->last,
                                             .has_changes = file->has_changes,
                                             .engine_files = files,
                                             .engine_file_count = set->engine_count,
                                             .writer_key_group_first = file->first,
                                             .writer_key_group_last = file->last };
    weir_block_reader *reader = NULL;
    weir_status status = wr_state_file_open(&parameters, &reader, &rig->error);
    if (status == WEIR_OK) {
        status = weir_backend_restore(task->backend, reader, &rig->error);
        wr_state_file_close(reader);
    }
    return status;
}

weir_status
engine_task_restore(struct engine_rig *rig, struct engine_task *task, const struct engine_set *set)
{
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < set->block_count && status == WEIR_OK; i++) {
        status = restore_file(rig, task, set, set->blocks[i]);
    }
    return status;
}

static struct engine_file *
known_file(const struct engine_set *base, const char *name, uint64_t bytes)
{
    for (size_t i = 0; base != NULL && i < base->engine_count; i++) {
        struct engine_file *file = base->engine[i];
        if (file->is_shared && file->size == bytes && strcmp(file->name, name) == 0) {
            return file;
        }
    }
    return NULL;
}

static bool
is_known(void *argument, const char *name, uint64_t bytes)
{
    return known_file(argument, name, bytes) != NULL;
}

void
engine_task_close(struct engine_rig *rig, struct engine_task *task)
{
    weir_backend_close(task->backend);
    task->backend = NULL;
    free(task->directory);
    task->directory = NULL;
    engine_set_release(rig, task->completed);
    task->completed = NULL;
}

/* --- snapshots --- */

static weir_status
wait_for_reply(struct engine_rig *rig, struct wr_state_file_result *out_result)
{
    engine_rig_io(rig);
    struct wr_state_file_reply *reply = (void *)wr_mailbox_pop(&rig->replies);
    if (reply == NULL) {
        give_up("a state file", "the io thread has not answered");
    }
    *out_result = reply->result;
    if (reply->result.status != WEIR_OK) {
        rig->error = reply->result.error;
    }
    return reply->result.status;
}

/* Ends what began, the files of it too. */
static void
discard(struct engine_rig *rig, struct engine_snapshot *snapshot)
{
    struct wr_state_file_reply reply = { .context = snapshot };
    struct wr_state_file_result result;
    weir_error kept = rig->error;
    wr_state_file_abort(snapshot->writer, &reply);
    (void)!wait_for_reply(rig, &result);
    wr_state_file_destroy(snapshot->writer);
    snapshot->writer = NULL;
    engine_set_release(rig, snapshot->base);
    rig->error = kept;
}

static weir_status
create_writer(struct engine_rig *rig, struct engine_snapshot *snapshot)
{
    snprintf(snapshot->path, sizeof snapshot->path, "%s/snapshot-%llu", rig->directory,
             (unsigned long long)snapshot->id);
    snprintf(snapshot->prefix, sizeof snapshot->prefix, "%s/snapshot-%llu-", rig->directory,
             (unsigned long long)snapshot->id);
    struct wr_state_file_parameters parameters = {
        .os = rig->os,
        .executor = &rig->executor,
        .alloc = wr_memory_system(),
        .path = snapshot->path,
        .identity = { .checkpoint_id = snapshot->id, .subtask = 3 },
        .buffer_size = rig->buffer_size,
        .buffer_count = 3,
        .may_change = snapshot->is_incremental,
        .inline_alloc = wr_memory_system(),
        .engine_prefix = rig->engine->keeps_files ? snapshot->prefix : NULL,
        .is_known = is_known,
        .is_known_argument = snapshot->base,
        .reply_to = &rig->replies,
        .reply_parker = &rig->parker
    };
    return wr_state_file_create(&parameters, &snapshot->writer, &rig->error);
}

static weir_status
begin(struct engine_rig *rig, struct engine_snapshot *snapshot)
{
    struct engine_task *task = snapshot->task;
    weir_status status = create_writer(rig, snapshot);
    if (status != WEIR_OK) {
        engine_set_release(rig, snapshot->base);
        return status;
    }
    weir_snapshot_parameters parameters = { .size = sizeof parameters,
                                            .checkpoint_id = snapshot->id,
                                            .writer = snapshot->writer,
                                            .incremental = snapshot->is_incremental };
    status =
        weir_backend_snapshot_begin(task->backend, &parameters, &snapshot->snapshot, &rig->error);
    while (status == WEIR_OK && rig->engine->is_synchronous && !snapshot->is_done) {
        status = weir_backend_snapshot_turn(task->backend, snapshot->snapshot, SIZE_MAX,
                                            &snapshot->is_done, &rig->error);
        engine_rig_io(rig);
        if (status != WEIR_OK) {
            weir_backend_snapshot_end(task->backend, snapshot->snapshot, false);
        }
    }
    if (status != WEIR_OK) {
        discard(rig, snapshot);
    }
    return status;
}

weir_status
engine_snapshot_begin(struct engine_rig *rig, struct engine_task *task,
                      struct engine_snapshot *out_snapshot)
{
    *out_snapshot = (struct engine_snapshot){ .task = task, .id = rig->next_id++ };
    if (task->completed != NULL) {
        out_snapshot->is_incremental = rig->engine->is_incremental;
        out_snapshot->base = engine_set_copy(task->completed);
    }
    return begin(rig, out_snapshot);
}

weir_status
engine_snapshot_begin_full(struct engine_rig *rig, struct engine_task *task, bool is_apart,
                           struct engine_snapshot *out_snapshot)
{
    *out_snapshot =
        (struct engine_snapshot){ .task = task, .id = rig->next_id++, .is_apart = is_apart };
    return begin(rig, out_snapshot);
}

weir_status
engine_snapshot_turn(struct engine_rig *rig, struct engine_snapshot *snapshot, size_t budget_bytes)
{
    return snapshot->is_done
               ? WEIR_OK
               : weir_backend_snapshot_turn(snapshot->task->backend, snapshot->snapshot,
                                            budget_bytes, &snapshot->is_done, &rig->error);
}

void
engine_snapshot_abort(struct engine_rig *rig, struct engine_snapshot *snapshot)
{
    struct engine_task *task = snapshot->task;
    discard(rig, snapshot);
    weir_backend_snapshot_end(task->backend, snapshot->snapshot, false);
}

static struct engine_file *
new_file(const struct engine_snapshot *snapshot, const char *name, const char *path)
{
    struct engine_file *file = calloc(1, sizeof *file);
    if (file == NULL || strlen(name) >= sizeof file->name || strlen(path) >= sizeof file->path) {
        give_up("a file", path);
        return NULL;
    }
    file->refs = 1;
    file->id = snapshot->id;
    file->first = snapshot->task->first;
    file->last = snapshot->task->last;
    memcpy(file->name, name, strlen(name) + 1);
    memcpy(file->path, path, strlen(path) + 1);
    return file;
}

/* The blocks behind those of the base where they are changes; the engine's own files. */
static struct engine_set *
make_set(struct engine_snapshot *snapshot, const struct wr_state_file_result *result)
{
    struct engine_set *set = calloc(1, sizeof *set);
    if (set == NULL) {
        give_up("a set", "no memory");
        return NULL;
    }
    for (size_t i = 0; result->has_changes && i < snapshot->base->block_count; i++) {
        set->blocks[set->block_count] = snapshot->base->blocks[i];
        set->blocks[set->block_count++]->refs++;
    }
    struct engine_file *own = new_file(snapshot, "", snapshot->path);
    own->size = result->size;
    own->crc = result->crc;
    own->has_changes = result->has_changes;
    set->blocks[set->block_count++] = own;
    struct wr_state_file_engine *entry = wr_state_file_engine_first(snapshot->writer);
    for (; entry != NULL; entry = entry->next) {
        struct engine_file *file = NULL;
        if (entry->is_known) {
            file = known_file(snapshot->base, entry->name, entry->size);
            if (file == NULL) {
                abort(); /* the writer said that it is known */
            }
            file->refs++;
        } else {
            char path[512];
            snprintf(path, sizeof path, "%s%s", snapshot->prefix, entry->name);
            file = new_file(snapshot, entry->name, path);
            file->size = entry->size;
            file->crc = entry->crc;
            file->is_shared = entry->is_shared;
        }
        set->engine[set->engine_count++] = file;
    }
    return set;
}

/* The file of a keyed operator names its operator state as well; that is none of the engine's. */
static weir_status
add_operator_list(weir_block_writer *writer)
{
    weir_state_descriptor list = { .size = sizeof list,
                                   .kind = WEIR_STATE_LIST,
                                   .list_mode = WEIR_LIST_UNION,
                                   .name = "list of the operator",
                                   .type = weir_type_of_kind(WEIR_BYTES) };
    uint16_t number = 0;
    return weir_block_writer_add_state(writer, &list, &number);
}

weir_status
engine_snapshot_complete(struct engine_rig *rig, struct engine_snapshot *snapshot,
                         struct engine_set **out_set)
{
    struct engine_task *task = snapshot->task;
    struct wr_state_file_reply reply = { .context = snapshot };
    struct wr_state_file_result result;
    weir_status status = add_operator_list(snapshot->writer);
    status = status == WEIR_OK ? wr_state_file_finish(snapshot->writer, &reply) : status;
    status = status == WEIR_OK ? wait_for_reply(rig, &result) : status;
    if (status != WEIR_OK) {
        weir_backend_snapshot_end(task->backend, snapshot->snapshot, false);
        wr_state_file_destroy(snapshot->writer);
        engine_set_release(rig, snapshot->base);
        return status;
    }
    struct engine_set *set = make_set(snapshot, &result);
    wr_state_file_destroy(snapshot->writer);
    weir_backend_snapshot_end(task->backend, snapshot->snapshot, !snapshot->is_apart);
    engine_set_release(rig, snapshot->base);
    snapshot->base = NULL;
    if (!snapshot->is_apart) {
        engine_set_release(rig, task->completed);
        task->completed = engine_set_copy(set);
    }
    *out_set = set;
    return WEIR_OK;
}

weir_status
engine_snapshot_write(struct engine_rig *rig, struct engine_snapshot *snapshot,
                      struct engine_set **out_set)
{
    while (!snapshot->is_done) {
        weir_status status = engine_snapshot_turn(rig, snapshot, 4096);
        engine_rig_io(rig);
        if (status != WEIR_OK) {
            engine_snapshot_abort(rig, snapshot);
            return status;
        }
    }
    return engine_snapshot_complete(rig, snapshot, out_set);
}

weir_status
engine_snapshot_take(struct engine_rig *rig, struct engine_task *task, struct engine_set **out_set)
{
    struct engine_snapshot snapshot;
    weir_status status = engine_snapshot_begin(rig, task, &snapshot);
    return status != WEIR_OK ? status : engine_snapshot_write(rig, &snapshot, out_set);
}
