/* SPDX-License-Identifier: Apache-2.0 */
/* database: opening and closing, and the batch of writes.
 *
 *     <directory>/db         the database; made here, or put there by a restore before
 *     <directory>/chk-...    its checkpoint while a snapshot is open
 *     <directory>/from-...   another subtask's files while rows are taken from them
 *
 * It has no write-ahead log: what is not in a checkpoint is lost with the process, and is made
 * again from the sources. The folder is removed when the backend closes.
 */
#include "state/rocks/rocks.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

weir_status
wr_rocks_path(const struct wr_rocks *rocks, const char *name, char out[WR_ROCKS_PATH_ROOM],
              weir_error *err)
{
    int size = snprintf(out, WR_ROCKS_PATH_ROOM, "%s/%s", rocks->directory, name);
    if (size < 0 || size >= WR_ROCKS_PATH_ROOM) {
        out[0] = '\0'; /* a part of it may be somebody else's */
        return wr_fail(err, WEIR_LIMIT, "rocksdb: the path %s/%s is too long", rocks->directory,
                       name);
    }
    return WEIR_OK;
}

static weir_status
make_folders(struct wr_rocks *rocks, char path[WR_ROCKS_PATH_ROOM], weir_error *err)
{
    WR_TRY(wr_rocks_path(rocks, "db", path, err));
    int failure = rocks->api->make_directory(rocks->directory);
    if (failure == 0) {
        failure = rocks->api->make_directory(path);
    }
    return failure == 0 ? WEIR_OK : wr_fail_errno(err, failure, "rocksdb: cannot make %s", path);
}

/* Names, options and places for handles of all families, in one piece of memory. */
struct families {
    int count;
    size_t size;
    const char **names;
    const rocksdb_options_t **options;
    rocksdb_column_family_handle_t **handles;
};

static bool
families_init(struct wr_rocks *rocks, struct families *families)
{
    int count = 1;
    for (const struct wr_rocks_state *state = rocks->states; state != NULL; state = state->next) {
        count++;
    }
    families->count = count;
    families->size = 3 * sizeof(void *) * (size_t)count;
    uint8_t *memory = wr_memory_new(&rocks->alloc, families->size);
    if (memory == NULL) {
        return false;
    }
    size_t column = families->size / 3;
    families->names = (void *)memory;
    families->options = (void *)(memory + column);
    families->handles = (void *)(memory + 2 * column);
    families->names[0] = "default";
    families->options[0] = rocks->options;
    int i = 1;
    for (const struct wr_rocks_state *state = rocks->states; state != NULL; state = state->next) {
        families->names[i] = state->descriptor.name;
        families->options[i++] = state->options;
    }
    return true;
}

static void
families_hand_out(struct wr_rocks *rocks, const struct families *families)
{
    rocks->default_family = families->handles[0];
    int i = 1;
    for (struct wr_rocks_state *state = rocks->states; state != NULL; state = state->next) {
        state->family = families->handles[i++];
    }
}

/* RocksDB's own name of the database: it tells our files from those of another life. */
static weir_status
read_id(struct wr_rocks *rocks, const char *path, weir_error *err)
{
    char file[WR_ROCKS_PATH_ROOM + 16];
    snprintf(file, sizeof file, "%s/IDENTITY", path);
    int failure = rocks->api->read_text(file, rocks->id, sizeof rocks->id);
    if (failure != 0) {
        return wr_fail_errno(err, failure, "rocksdb: cannot read %s", file);
    }
    rocks->id[strcspn(rocks->id, "\n")] = '\0';
    return WEIR_OK;
}

weir_status
wr_rocks_database_open(struct wr_rocks *rocks, weir_error *err)
{
    if (rocks->db != NULL) {
        return WEIR_OK;
    }
    char path[WR_ROCKS_PATH_ROOM];
    struct families families;
    WR_TRY(make_folders(rocks, path, err));
    if (!families_init(rocks, &families)) {
        return wr_fail(err, WEIR_NOMEM, "rocksdb: no memory to open %s", path);
    }
    char *words = NULL;
    rocks->db = rocks->api->open(rocks->options, path, families.count, families.names,
                                 families.options, families.handles, &words);
    weir_status status = wr_rocks_judge(rocks, NULL, words, "opening the database", err);
    if (status == WEIR_OK) {
        families_hand_out(rocks, &families);
        status = read_id(rocks, path, err);
    } else {
        rocks->db = NULL;
    }
    wr_memory_free(&rocks->alloc, families.names, families.size);
    if (status != WEIR_OK) {
        wr_rocks_database_close(rocks);
    }
    return status;
}

void
wr_rocks_database_close(struct wr_rocks *rocks)
{
    if (rocks->db == NULL) {
        return;
    }
    for (struct wr_rocks_state *state = rocks->states; state != NULL; state = state->next) {
        for (size_t i = 0; i < WR_ROCKS_WALKS_MOST; i++) {
            wr_rocks_walk_end(&state->walks[i]);
        }
        if (state->family != NULL) {
            rocksdb_column_family_handle_destroy(state->family);
            state->family = NULL;
        }
    }
    rocksdb_cancel_all_background_work(rocks->db, 1);
    rocksdb_column_family_handle_destroy(rocks->default_family);
    rocksdb_close(rocks->db);
    rocks->default_family = NULL;
    rocks->db = NULL;
}

weir_status
wr_rocks_batch_write(struct wr_rocks *rocks, const struct wr_rocks_state *state, weir_error *err)
{
    if (rocksdb_writebatch_count(rocks->batch) == 0) {
        return WEIR_OK;
    }
    char *words = NULL;
    rocks->api->write(rocks->db, rocks->write_options, rocks->batch, &words);
    WR_TRY(wr_rocks_judge(rocks, state, words, "writing a batch", err));
    rocksdb_writebatch_clear(rocks->batch);
    return WEIR_OK;
}

weir_status
wr_rocks_batch_check(struct wr_rocks *rocks, const struct wr_rocks_state *state, weir_error *err)
{
    size_t size = 0;
    (void)rocksdb_writebatch_data(rocks->batch, &size);
    return size < rocks->settings.batch_bytes ? WEIR_OK : wr_rocks_batch_write(rocks, state, err);
}
