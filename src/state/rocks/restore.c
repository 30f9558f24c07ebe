/* SPDX-License-Identifier: Apache-2.0 */
/* restore: from the files of one earlier subtask at a time.
 *
 *   the same key groups, and the first one   its files become the database   [adopt]
 *   anything else (rescaling)                its files are opened aside, read-only, and the rows of
 *                                            our key groups are written into the database [ingest]
 *
 * Files of rows (SST) are linked where the file system allows it: RocksDB opens them for reading
 * and does no more than unlink them, so a checkpoint's copy cannot change. All others are copied:
 * it appends to some. A file that was not written by this engine has blocks, and no files.
 */
#include "base/memory.h"
#include "state/rocks/row.h"
#include "state/rocks/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "000012-<identity>.sst" is 000012.sst in a database; the others are what they are called. */
static void
local_name(const char *name, char out[WR_ROCKS_NAME_ROOM])
{
    size_t size = strlen(name);
    size_t number = strcspn(name, "-");
    if (size > 4 && strcmp(name + size - 4, ".sst") == 0 && number < size) {
        snprintf(out, WR_ROCKS_NAME_ROOM, "%.*s.sst", (int)number, name);
    } else {
        snprintf(out, WR_ROCKS_NAME_ROOM, "%s", name);
    }
}

static weir_status
place_file(struct wr_rocks *rocks, const weir_snapshot_file *file, const char *folder,
           weir_error *err)
{
    char name[WR_ROCKS_NAME_ROOM];
    char path[WR_ROCKS_PATH_ROOM + WR_ROCKS_NAME_ROOM];
    if (strlen(file->name) >= sizeof name || strchr(file->name, '/') != NULL ||
        file->name[0] == '.') {
        return wr_fail(err, WEIR_CORRUPT, "rocksdb: '%s' is no name of a database's file",
                       file->name);
    }
    local_name(file->name, name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    bool is_rows = strcmp(name, file->name) != 0;
    if (is_rows && rocks->api->link_file(file->path, path) == 0) {
        return WEIR_OK;
    }
    int failure = rocks->api->copy_file(file->path, path);
    return failure == 0
               ? WEIR_OK
               : wr_fail_errno(err, failure, "rocksdb: operator '%s': cannot copy %s to %s",
                               rocks->operator_name, file->path, path);
}

static weir_status
place_files(struct wr_rocks *rocks, const weir_block_reader *reader, const char *folder,
            weir_error *err)
{
    int failure = rocks->api->make_directory(rocks->directory);
    failure = failure == 0 ? rocks->api->make_directory(folder) : failure;
    if (failure != 0) {
        return wr_fail_errno(err, failure, "rocksdb: cannot make %s", folder);
    }
    for (size_t i = 0; i < weir_block_reader_file_count(reader); i++) {
        weir_snapshot_file file = { .size = sizeof file };
        weir_block_reader_file(reader, i, &file);
        WR_TRY(place_file(rocks, &file, folder, err));
    }
    return WEIR_OK;
}

/* The lists of the operator stand in the same file, and are none of the engine's. */
static bool
is_keyed(const weir_state_descriptor *descriptor)
{
    return descriptor->list_mode == WEIR_LIST_NONE && descriptor->kind != WEIR_STATE_BROADCAST;
}

/* --- adopt --- */

static weir_status
note_files(struct wr_rocks *rocks, const weir_block_reader *reader, weir_error *err)
{
    for (size_t i = 0; i < weir_block_reader_file_count(reader); i++) {
        weir_snapshot_file file = { .size = sizeof file };
        weir_block_reader_file(reader, i, &file);
        size_t size = strlen(file.name) + 1;
        struct wr_rocks_file *noted =
            wr_memory_new(&rocks->alloc, sizeof(struct wr_rocks_file) + size);
        if (noted == NULL) {
            return wr_fail(err, WEIR_NOMEM, "rocksdb: operator '%s': no memory for names of files",
                           rocks->operator_name);
        }
        memcpy(noted->name, file.name, size);
        noted->next = rocks->restored_files;
        rocks->restored_files = noted;
    }
    return WEIR_OK;
}

static weir_status
adopt(struct wr_rocks *rocks, const weir_block_reader *reader, weir_error *err)
{
    char folder[WR_ROCKS_PATH_ROOM];
    WR_TRY(wr_rocks_path(rocks, "db", folder, err));
    WR_TRY(place_files(rocks, reader, folder, err));
    for (size_t i = 0; i < weir_block_reader_state_count(reader); i++) {
        weir_state_descriptor descriptor = { .size = sizeof descriptor };
        struct wr_rocks_state *state = NULL;
        weir_block_reader_state(reader, i, &descriptor);
        if (is_keyed(&descriptor)) {
            WR_TRY(wr_rocks_state_add(rocks, &descriptor, &state, err));
        }
    }
    WR_TRY(note_files(rocks, reader, err));
    return wr_rocks_database_open(rocks, err);
}

/* --- ingest --- */

static weir_status
take_rows(struct wr_rocks_state *state, rocksdb_iterator_t *iterator, weir_error *err)
{
    struct wr_rocks *rocks = state->rocks;
    uint8_t first[2];
    uint8_t last[2];
    size_t size = wr_rocks_group_size(rocks);
    wr_rocks_row_group(rocks, rocks->key_group_first, first);
    wr_rocks_row_group(rocks, rocks->key_group_last, last);
    rocksdb_iter_seek(iterator, (const char *)first, size);
    for (; rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
        size_t key_size = 0;
        size_t value_size = 0;
        const char *key = rocksdb_iter_key(iterator, &key_size);
        if (key_size < size || memcmp(key, last, size) > 0) {
            break;
        }
        const char *value = rocksdb_iter_value(iterator, &value_size);
        rocksdb_writebatch_put_cf(rocks->batch, state->family, key, key_size, value, value_size);
        WR_TRY(wr_rocks_batch_check(rocks, state, err));
    }
    char *words = NULL;
    rocks->api->iterator_error(iterator, &words);
    return wr_rocks_judge(rocks, state, words, "reading the rows of another subtask", err);
}

static weir_status
take_state(struct wr_rocks *rocks, const struct wr_rocks_source *source, size_t index,
           weir_error *err)
{
    struct wr_rocks_state *state = source->states[index];
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(source->db, rocks->scan_options, source->families[index + 1]);
    weir_status status = take_rows(state, iterator, err);
    rocksdb_iter_destroy(iterator);
    return status == WEIR_OK ? wr_rocks_batch_write(rocks, state, err) : status;
}

/* Both must mean the same rows. */
static weir_status
check_same(const struct wr_rocks_state *state, const weir_state_descriptor *other, weir_error *err)
{
    const weir_state_descriptor *own = &state->descriptor;
    bool has_map_keys = own->map_key_type != NULL && other->map_key_type != NULL;
    bool has_namespaces = own->namespace_type != NULL && other->namespace_type != NULL;
    if (own->kind == other->kind && own->has_timestamps == other->has_timestamps &&
        weir_type_equal(own->type, other->type) &&
        (has_map_keys ? weir_type_equal(own->map_key_type, other->map_key_type)
                      : own->map_key_type == other->map_key_type) &&
        (has_namespaces ? weir_type_equal(own->namespace_type, other->namespace_type)
                        : own->namespace_type == other->namespace_type)) {
        return WEIR_OK;
    }
    return wr_fail(err, WEIR_VERSION,
                   "rocksdb: operator '%s': two subtasks of the snapshot mean different things by "
                   "the state '%s'",
                   state->rocks->operator_name, own->name);
}

/* The state of ours that takes a restored one's rows. */
static weir_status
state_for(struct wr_rocks *rocks, const weir_state_descriptor *descriptor,
          struct wr_rocks_state **out_state, weir_error *err)
{
    struct wr_rocks_state *state = wr_rocks_state_find(rocks, descriptor->name);
    if (state != NULL) {
        WR_TRY(check_same(state, descriptor, err));
    } else {
        WR_TRY(wr_rocks_state_make(rocks, descriptor, &state, err));
    }
    *out_state = state;
    return WEIR_OK;
}

static weir_status
take_all(struct wr_rocks *rocks, const weir_block_reader *reader, const char *folder,
         weir_error *err)
{
    struct wr_rocks_source source;
    size_t count = weir_block_reader_state_count(reader);
    WR_TRY(wr_rocks_source_init(&source, rocks, count, err));
    source.count = 0;
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < count && status == WEIR_OK; i++) {
        weir_state_descriptor descriptor = { .size = sizeof descriptor };
        weir_block_reader_state(reader, i, &descriptor);
        if (is_keyed(&descriptor)) {
            status = state_for(rocks, &descriptor, &source.states[source.count++], err);
        }
    }
    if (status == WEIR_OK) {
        status = wr_rocks_source_open(&source, folder, err);
    }
    for (size_t i = 0; i < source.count && status == WEIR_OK; i++) {
        status = take_state(rocks, &source, i, err);
    }
    wr_rocks_source_close(&source);
    return status;
}

static weir_status
ingest(struct wr_rocks *rocks, const weir_block_reader *reader, weir_error *err)
{
    char name[64];
    char folder[WR_ROCKS_PATH_ROOM];
    WR_TRY(wr_rocks_database_open(rocks, err));
    snprintf(name, sizeof name, "from-%" PRIu64, ++rocks->folder_number);
    WR_TRY(wr_rocks_path(rocks, name, folder, err));
    weir_status status = place_files(rocks, reader, folder, err);
    if (status == WEIR_OK) {
        status = take_all(rocks, reader, folder, err);
    }
    wr_rocks_remove_tree(folder);
    return status;
}

static weir_status
restore_blocks(const struct wr_rocks *rocks, weir_block_reader *reader, weir_error *err)
{
    weir_block block;
    weir_status status = weir_block_reader_next(reader, &block, err);
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK;
    }
    WR_TRY(status);
    return wr_fail(err, WEIR_VERSION,
                   "%s: operator '%s': this snapshot was written by another engine than rocksdb; "
                   "to change the engine start from a canonical savepoint, or set "
                   "state.backend.type to the engine that wrote it",
                   weir_block_reader_where(reader), rocks->operator_name);
}

weir_status
wr_rocks_restore(weir_backend *self, weir_block_reader *reader, weir_error *err)
{
    struct wr_rocks *rocks = wr_rocks_of(self);
    if (weir_block_reader_file_count(reader) == 0) {
        return restore_blocks(rocks, reader, err);
    }
    uint32_t first = 0;
    uint32_t last = 0;
    weir_block_reader_key_groups(reader, &first, &last);
    bool is_same = first == rocks->key_group_first && last == rocks->key_group_last;
    return is_same && rocks->db == NULL ? adopt(rocks, reader, err) : ingest(rocks, reader, err);
}
