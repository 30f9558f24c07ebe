/* SPDX-License-Identifier: Apache-2.0 */
/* file_pending: from pending to committed, once and only once.
 *
 *   .<attempt>/x  --rename, no replace-->  part-...      the one step that makes output visible
 *
 * The attempt that wrote a file renames it from its own directory and from nowhere else: if that is
 * gone, it was fenced. Whoever restored the state of an older attempt looks for its files in both
 * places, twice, since another subtask may fence between two looks; and checks size and checksum
 * before it commits what another process left.
 *
 * A name that is there already is either this very file, committed by whoever crashed or was fenced
 * before it could say so, or somebody else's: size and checksum tell.
 */
#include "connectors/file_pending.h"

#include "base/crc32c.h"
#include "base/fail.h"
#include "base/memory.h"
#include "connectors/connector.h"

#include <stdio.h>
#include <string.h>

enum {
    CHECK_BLOCK = 64 * 1024,
    LOOKS = 2
};

/* An element of the list state. */
struct pending_record {
    weir_string path;
    weir_string final_name;
    int64_t checkpoint_id;
    int64_t size;
    int64_t crc32c;
};

static const weir_field pending_fields[] = {
    WEIR_FIELD(struct pending_record, path, STRING),
    WEIR_FIELD(struct pending_record, final_name, STRING),
    WEIR_FIELD(struct pending_record, checkpoint_id, I64),
    WEIR_FIELD(struct pending_record, size, I64),
    WEIR_FIELD(struct pending_record, crc32c, I64),
};

/* --- state --- */

weir_status
wr_pendings_add(struct wr_pendings *pendings, const struct wr_pending *pending)
{
    if (pendings->count == pendings->capacity) {
        size_t capacity = pendings->capacity != 0 ? pendings->capacity * 2 : 4;
        struct wr_pending *items =
            wr_memory_resize(&pendings->alloc, pendings->items, pendings->capacity * sizeof *items,
                             capacity * sizeof *items);
        if (items == NULL) {
            return WEIR_NOMEM;
        }
        pendings->items = items;
        pendings->capacity = capacity;
    }
    pendings->items[pendings->count++] = *pending;
    return WEIR_OK;
}

/* Names from a snapshot become paths: they must be such as this sink makes. */
static bool
take_name(weir_bytes name, const char *prefix, size_t slashes, char *out)
{
    if (name.size >= WR_SINK_NAME_SIZE || memchr(name.data, '\0', name.size) != NULL) {
        return false;
    }
    memcpy(out, name.data, name.size);
    out[name.size] = '\0';
    size_t found = 0;
    for (const char *at = out; *at != '\0'; at++) {
        found += *at == '/';
    }
    return found == slashes && strncmp(out, prefix, strlen(prefix)) == 0 &&
           strstr(out, "..") == NULL;
}

static weir_status
take_record(struct wr_pendings *pendings, const struct pending_record *record, weir_error *err)
{
    struct wr_pending pending = { .checkpoint_id = (uint64_t)record->checkpoint_id,
                                  .size = (uint64_t)record->size,
                                  .crc32c = (uint32_t)record->crc32c };
    if (!take_name(weir_string_bytes(record, record->path), ".", 1, pending.path) ||
        strcspn(pending.path, "/") != WR_ATTEMPT_DIGITS + 1 ||
        !take_name(weir_string_bytes(record, record->final_name), "part-", 0, pending.final_name)) {
        return wr_fail(
            err, WEIR_CORRUPT,
            "state 'pending' names a file that no sink has written: the snapshot is damaged");
    }
    if (wr_pendings_add(pendings, &pending) != WEIR_OK) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the sink's pending files");
    }
    return WEIR_OK;
}

weir_status
wr_pendings_init(struct wr_pendings *pendings, weir_context *context)
{
    weir_error error = { .status = WEIR_OK };
    weir_type *type = NULL;
    *pendings = (struct wr_pendings){ .alloc = *weir_context_alloc(context) };
    weir_status status = weir_type_create_struct(
        &pendings->alloc, "pending", sizeof(struct pending_record), pending_fields,
        sizeof pending_fields / sizeof pending_fields[0], &type, &error);
    if (status == WEIR_OK) {
        status =
            weir_context_list_state(context, "pending", type, WEIR_LIST_SPLIT, &pendings->list);
        weir_type_destroy(type);
    }
    size_t count = status == WEIR_OK ? weir_operator_list_count(pendings->list) : 0;
    for (size_t i = 0; i < count && status == WEIR_OK; i++) {
        status = take_record(pendings, weir_operator_list_at(pendings->list, i).data, &error);
    }
    return status == WEIR_OK ? WEIR_OK : wr_connector_fail(context, status, &error);
}

void
wr_pendings_fini(struct wr_pendings *pendings)
{
    if (pendings->items != NULL) {
        wr_memory_free(&pendings->alloc, pendings->items,
                       pendings->capacity * sizeof *pendings->items);
        pendings->items = NULL;
    }
}

weir_status
wr_pendings_save(const struct wr_pendings *pendings, weir_context *context)
{
    weir_operator_list_clear(pendings->list);
    for (size_t i = 0; i < pendings->count; i++) {
        const struct wr_pending *pending = &pendings->items[i];
        weir_bytes path = weir_bytes_of_text(pending->path);
        weir_bytes final_name = weir_bytes_of_text(pending->final_name);
        size_t size = weir_round8(sizeof(struct pending_record) + path.size + final_name.size);
        struct pending_record *record = weir_context_scratch(context, size);
        if (record == NULL) {
            return weir_context_fail(context, WEIR_NOMEM, "no memory for the sink's pending files");
        }
        memset(record, 0, size);
        uint32_t at = weir_string_write(record, &record->path, sizeof *record, path);
        (void)weir_string_write(record, &record->final_name, at, final_name);
        record->checkpoint_id = (int64_t)pending->checkpoint_id;
        record->size = (int64_t)pending->size;
        record->crc32c = (int64_t)pending->crc32c;
        WR_TRY(weir_operator_list_add(pendings->list, weir_bytes_of(record, size)));
    }
    return WEIR_OK;
}

/* --- content --- */

static weir_status
checksum(struct wr_file_place *place, int file, const char *path, uint32_t *out_crc,
         weir_error *err)
{
    uint8_t *block = wr_memory_new(&place->alloc, CHECK_BLOCK);
    if (block == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to check %s", path);
    }
    uint32_t crc = 0;
    uint64_t offset = 0;
    size_t size = CHECK_BLOCK;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && size == CHECK_BLOCK) {
        status = wr_file_read_at(place->os, file, path, block, CHECK_BLOCK, offset, &size, err);
        if (status == WEIR_OK) {
            crc = wr_crc32c(crc, block, size);
            offset += size;
        }
    }
    wr_memory_free(&place->alloc, block, CHECK_BLOCK);
    *out_crc = crc;
    return status;
}

/* WEIR_CORRUPT: the file has another content. WEIR_NOT_FOUND: there is none. */
static weir_status
check_content(struct wr_file_place *place, const struct wr_pending *pending, const char *path,
              weir_error *err)
{
    int file;
    uint64_t size = 0;
    uint32_t crc = 0;
    WR_TRY(wr_file_open(place->os, path, WR_OPEN_READ, &file, err));
    weir_status status = wr_file_size(place->os, file, path, &size, err);
    if (status == WEIR_OK && size == pending->size) {
        status = checksum(place, file, path, &crc, err);
    }
    wr_file_close(place->os, file);
    if (status == WEIR_OK && (size != pending->size || crc != pending->crc32c)) {
        return wr_fail(
            err, WEIR_CORRUPT,
            "%s has %llu bytes with checksum %08x, but checkpoint %llu wrote %llu with %08x: "
            "it is another file or damaged, and is left as it is",
            path, (unsigned long long)size, crc, (unsigned long long)pending->checkpoint_id,
            (unsigned long long)pending->size, pending->crc32c);
    }
    return status;
}

/* --- committing --- */

/* One try from one place. WEIR_NOT_FOUND: the pending file is not there. */
static weir_status
commit_from(struct wr_file_place *place, const struct wr_pending *pending, const char *from,
            bool check, weir_error *err)
{
    char final_path[WR_PATH_MAX];
    WR_TRY(wr_file_place_path(place, pending->final_name, final_path, err));
    if (check) {
        WR_TRY(check_content(place, pending, from, err));
    }
    weir_status status = wr_path_rename(place->os, from, final_path, false, err);
    if (status == WEIR_BUSY) {
        status = check_content(place, pending, final_path, err);
        if (status == WEIR_OK) {
            (void)wr_path_unlink(place->os, from, NULL); /* the other name of what is committed */
        }
    }
    return status;
}

/* Nowhere to be found: committed already, or lost. */
static weir_status
already_committed(struct wr_file_place *place, const struct wr_pending *pending, bool is_own,
                  weir_error *err)
{
    char final_path[WR_PATH_MAX];
    WR_TRY(wr_file_place_path(place, pending->final_name, final_path, err));
    weir_status status = check_content(place, pending, final_path, err);
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    if (is_own) {
        return wr_file_place_fenced(place, err);
    }
    return wr_fail(
        err, WEIR_INVALID,
        "output directory %s: pending file %s of checkpoint %llu is gone and %s is not there: "
        "its records would be missing. Bring the directory back as it was, or take another "
        "output directory",
        place->directory, pending->path, (unsigned long long)pending->checkpoint_id,
        pending->final_name);
}

static weir_status
commit_one(struct wr_file_place *place, const struct wr_pending *pending, weir_error *err)
{
    char own[WR_PATH_MAX];
    char fenced[WR_PATH_MAX];
    char fenced_name[WR_SINK_NAME_SIZE + 16];
    bool is_own = strncmp(pending->path + 1, place->attempt, WR_ATTEMPT_DIGITS) == 0;
    snprintf(fenced_name, sizeof fenced_name, ".fenced-%s", pending->path + 1);
    WR_TRY(wr_file_place_path(place, pending->path, own, err));
    WR_TRY(wr_file_place_path(place, fenced_name, fenced, err));
    for (int look = 0; look < LOOKS; look++) {
        weir_status status = commit_from(place, pending, own, !is_own, err);
        if (status == WEIR_NOT_FOUND && !is_own) {
            status = commit_from(place, pending, fenced, true, err);
        }
        if (status != WEIR_NOT_FOUND) {
            return status;
        }
    }
    return already_committed(place, pending, is_own, err);
}

/* The names that were taken away are durable too: a rename that came back after a power cut would
 * leave the file below a directory that is removed with its attempt. */
static weir_status
sync_source(struct wr_file_place *place, const struct wr_pending *pending, weir_error *err)
{
    static const char *const prefixes[] = { "", ".fenced-" };
    const char *slash = strchr(pending->path, '/');
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char name[WR_SINK_NAME_SIZE + 16];
        char path[WR_PATH_MAX];
        const char *from = pending->path + (i == 0 ? 0 : 1);
        snprintf(name, sizeof name, "%s%.*s", prefixes[i], (int)(slash - from), from);
        WR_TRY(wr_file_place_path(place, name, path, err));
        weir_status status = wr_directory_sync(place->os, path, err);
        if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
            return status;
        }
    }
    return WEIR_OK;
}

/* The renames, and then both of their ends. *out_renamed: some were made. */
static weir_status
commit_durably(struct wr_pendings *pendings, struct wr_file_place *place, uint64_t checkpoint_id,
               bool *out_renamed, weir_error *err)
{
    for (size_t i = 0; i < pendings->count; i++) {
        if (pendings->items[i].checkpoint_id <= checkpoint_id) {
            WR_TRY(commit_one(place, &pendings->items[i], err));
            *out_renamed = true;
        }
    }
    if (*out_renamed) {
        WR_TRY(wr_directory_sync(place->os, place->directory, err));
    }
    for (size_t i = 0; i < pendings->count; i++) {
        if (pendings->items[i].checkpoint_id <= checkpoint_id) {
            WR_TRY(sync_source(place, &pendings->items[i], err));
        }
    }
    return WEIR_OK;
}

weir_status
wr_pendings_commit(struct wr_pendings *pendings, struct wr_file_place *place,
                   uint64_t checkpoint_id, weir_error *err)
{
    size_t kept = 0;
    bool is_renamed = false;
    weir_status status = commit_durably(pendings, place, checkpoint_id, &is_renamed, err);
    if (status != WEIR_OK) {
        if (is_renamed) {
            wr_file_place_keep(place);
        }
        return status;
    }
    for (size_t i = 0; i < pendings->count; i++) {
        if (pendings->items[i].checkpoint_id > checkpoint_id) {
            pendings->items[kept++] = pendings->items[i];
        }
    }
    pendings->count = kept;
    return WEIR_OK;
}
