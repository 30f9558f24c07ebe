/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot: a checkpoint of the database, made of hard links, whose files are taken as they are.
 *
 *   begin   changes into the database, memtables into files, a folder of links; its files are
 *           entered. All that is done on the task's thread, as in Flink
 *   turn    nothing is left
 *   end     the folder of links goes
 *
 * Files of rows (SST) never change. In snapshots they bear the name of the database that wrote
 * them, so that two lives of one subtask cannot mean different files by one name:
 *
 *     000012.sst   -->   000012-<the database's identity>.sst
 *
 * One that came with a restore keeps the name it came with. All other files are of this snapshot
 * alone. Whether one that is shared is copied again is the snapshot's to decide: an incremental one
 * refers to what the last completed one has.
 */
#include "base/memory.h"
#include "state/rocks/rocks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool
is_rows(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && strcmp(dot, ".sst") == 0;
}

/* The number in front, which is the file's own in its database. */
static bool
is_same_number(const char *name, const char *restored)
{
    size_t size = strcspn(name, ".");
    return strncmp(name, restored, size) == 0 && restored[size] == '-';
}

static void
name_rows(const struct wr_rocks *rocks, const char *name, char out[WR_ROCKS_NAME_ROOM])
{
    const struct wr_rocks_file *file = rocks->restored_files;
    while (file != NULL && !is_same_number(name, file->name)) {
        file = file->next;
    }
    if (file != NULL) {
        snprintf(out, WR_ROCKS_NAME_ROOM, "%s", file->name);
    } else {
        snprintf(out, WR_ROCKS_NAME_ROOM, "%.*s-%s.sst", (int)strcspn(name, "."), name, rocks->id);
    }
}

struct entering {
    struct wr_rocks *rocks;
    const weir_snapshot_parameters *parameters;
    const char *path;
    weir_status status;
};

static int
enter_file(void *argument, const char *name, unsigned long long bytes)
{
    struct entering *entering = argument;
    char path[WR_ROCKS_PATH_ROOM + WR_ROCKS_NAME_ROOM];
    char shared[WR_ROCKS_NAME_ROOM];
    snprintf(path, sizeof path, "%s/%s", entering->path, name);
    weir_snapshot_file file = { .size = sizeof file, .name = name, .path = path, .bytes = bytes };
    if (is_rows(name)) {
        name_rows(entering->rocks, name, shared);
        file.name = shared;
        file.is_shared = true;
    }
    entering->status = weir_block_writer_add_file(entering->parameters->writer, &file);
    return entering->status == WEIR_OK ? 0 : -1;
}

static weir_status
enter_states(struct wr_rocks *rocks, weir_block_writer *writer, weir_error *err)
{
    for (const struct wr_rocks_state *state = rocks->states; state != NULL; state = state->next) {
        uint16_t number = 0;
        weir_status status = weir_block_writer_add_state(writer, &state->descriptor, &number);
        if (status != WEIR_OK) {
            return wr_fail(err, status, "rocksdb: operator '%s': state '%s' cannot be entered",
                           rocks->operator_name, state->descriptor.name);
        }
    }
    return WEIR_OK;
}

static weir_status
enter_files(struct wr_rocks *rocks, const weir_snapshot_parameters *parameters, const char *path,
            weir_error *err)
{
    struct entering entering = { rocks, parameters, path, WEIR_OK };
    int failure = rocks->api->each_file(path, enter_file, &entering);
    if (entering.status != WEIR_OK) {
        return wr_fail(err, entering.status,
                       "rocksdb: operator '%s', subtask %u: the snapshot does not take the files "
                       "of %s: %s",
                       rocks->operator_name, rocks->subtask, path,
                       weir_status_meaning(entering.status));
    }
    return failure == 0 ? WEIR_OK : wr_fail_errno(err, failure, "rocksdb: cannot list %s", path);
}

static weir_status
make_links(struct wr_rocks *rocks, const char *path, weir_error *err)
{
    char *words = NULL;
    rocksdb_checkpoint_t *checkpoint = rocks->api->checkpoint_new(rocks->db, &words);
    WR_TRY(wr_rocks_judge(rocks, NULL, words, "beginning a checkpoint", err));
    rocks->api->checkpoint_make(checkpoint, path, 0, &words);
    rocksdb_checkpoint_object_destroy(checkpoint);
    return wr_rocks_judge(rocks, NULL, words, "making a checkpoint", err);
}

static weir_status
fill_snapshot(struct wr_rocks *rocks, const weir_snapshot_parameters *parameters,
              struct wr_rocks_snapshot *snapshot, weir_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "chk-%" PRIu64 "-%" PRIu64, parameters->checkpoint_id,
             ++rocks->folder_number);
    WR_TRY(wr_rocks_path(rocks, name, snapshot->path, err));
    WR_TRY(wr_rocks_write_all(rocks, err));
    WR_TRY(make_links(rocks, snapshot->path, err));
    WR_TRY(enter_states(rocks, parameters->writer, err));
    return enter_files(rocks, parameters, snapshot->path, err);
}

weir_status
wr_rocks_snapshot_begin(weir_backend *self, const weir_snapshot_parameters *parameters,
                        weir_snapshot **out_snapshot, weir_error *err)
{
    struct wr_rocks *rocks = wr_rocks_of(self);
    wr_rocks_tick(rocks);
    if (rocks->broken.status != WEIR_OK) {
        return wr_fail(err, rocks->broken.status, "%s", rocks->broken.message);
    }
    WR_TRY(wr_rocks_database_open(rocks, err));
    struct wr_rocks_snapshot *snapshot = wr_memory_new(&rocks->alloc, sizeof *snapshot);
    if (snapshot == NULL) {
        return wr_fail(err, WEIR_NOMEM, "rocksdb: operator '%s': no memory for a snapshot",
                       rocks->operator_name);
    }
    weir_status status = fill_snapshot(rocks, parameters, snapshot, err);
    if (status != WEIR_OK) {
        wr_rocks_remove_tree(snapshot->path);
        wr_memory_free(&rocks->alloc, snapshot, sizeof *snapshot);
        return status;
    }
    snapshot->next = rocks->snapshots;
    rocks->snapshots = snapshot;
    *out_snapshot = (weir_snapshot *)snapshot;
    return WEIR_OK;
}

weir_status
wr_rocks_snapshot_turn(weir_backend *self, weir_snapshot *snapshot, size_t budget_bytes,
                       bool *out_done, weir_error *err)
{
    (void)self;
    (void)snapshot;
    (void)budget_bytes;
    (void)err;
    *out_done = true;
    return WEIR_OK;
}

void
wr_rocks_snapshot_end(weir_backend *self, weir_snapshot *snapshot, bool completed)
{
    (void)completed;
    struct wr_rocks *rocks = wr_rocks_of(self);
    struct wr_rocks_snapshot *ended = (struct wr_rocks_snapshot *)snapshot;
    struct wr_rocks_snapshot **at = &rocks->snapshots;
    while (*at != ended) {
        at = &(*at)->next;
    }
    *at = ended->next;
    wr_rocks_remove_tree(ended->path);
    wr_memory_free(&rocks->alloc, ended, sizeof *ended);
}
