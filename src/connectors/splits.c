/* SPDX-License-Identifier: Apache-2.0 */
/* splits: which files there are, and which are whose.
 *
 * Every subtask looks at the same directory and sorts the same way, so that all agree without a
 * word; each drops what is not its own only after the sort. A file that comes into a directory
 * later is not seen.
 */
#include "connectors/splits.h"

#include "base/fail.h"
#include "base/memory.h"
#include "connectors/connector.h"
#include "os/context_os.h"
#include "os/file.h"

#include <string.h>

/* An element of the list state. */
struct split_record {
    weir_string path;
    int64_t offset;
};

static const weir_field split_fields[] = {
    WEIR_FIELD(struct split_record, path, STRING),
    WEIR_FIELD(struct split_record, offset, I64),
};

static weir_status
add_split(struct wr_splits *splits, weir_bytes path, uint64_t offset)
{
    if (splits->count == splits->capacity) {
        size_t capacity = splits->capacity != 0 ? splits->capacity * 2 : 8;
        struct wr_split *items =
            wr_memory_resize(&splits->alloc, splits->items, splits->capacity * sizeof *items,
                             capacity * sizeof *items);
        if (items == NULL) {
            return WEIR_NOMEM;
        }
        splits->items = items;
        splits->capacity = capacity;
    }
    char *copy = wr_memory_new(&splits->alloc, path.size + 1);
    if (copy == NULL) {
        return WEIR_NOMEM;
    }
    memcpy(copy, path.data, path.size);
    splits->items[splits->count++] = (struct wr_split){ .path = copy, .offset = offset };
    return WEIR_OK;
}

static void
free_split(struct wr_splits *splits, struct wr_split *split)
{
    wr_memory_free(&splits->alloc, split->path, strlen(split->path) + 1);
}

void
wr_splits_fini(struct wr_splits *splits)
{
    for (size_t i = 0; i < splits->count; i++) {
        free_split(splits, &splits->items[i]);
    }
    if (splits->items != NULL) {
        wr_memory_free(&splits->alloc, splits->items, splits->capacity * sizeof *splits->items);
    }
    *splits = (struct wr_splits){ .list = NULL };
}

/* --- looking for files --- */

struct search {
    struct wr_splits *splits;
    struct wr_os *os;
    const char *directory;
    weir_error *err;
};

/* One name of a directory: plain files that are not hidden are input. */
static weir_status
find_name(void *argument, const char *name)
{
    struct search *search = argument;
    if (name[0] == '.') {
        return WEIR_OK;
    }
    char path[WR_PATH_MAX];
    struct wr_os_stat stat;
    WR_TRY(wr_path_join(path, search->directory, name, search->err));
    weir_status status = wr_path_stat(search->os, path, &stat, search->err);
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK; /* gone since it was listed */
    }
    if (status != WEIR_OK || stat.kind != WR_OS_FILE) {
        return status;
    }
    return add_split(search->splits, weir_bytes_of_text(path), 0);
}

static weir_status
find_path(struct search *search, const char *path)
{
    struct wr_os_stat stat;
    weir_status status = wr_path_stat(search->os, path, &stat, search->err);
    if (status != WEIR_OK) {
        return wr_fail_context(search->err, status, "input: ");
    }
    if (stat.kind == WR_OS_FILE) {
        return add_split(search->splits, weir_bytes_of_text(path), 0);
    }
    if (stat.kind != WR_OS_DIRECTORY) {
        return wr_fail(
            search->err, WEIR_INVALID,
            "input: %s is neither a file nor a directory, and could not be read again after "
            "a failure",
            path);
    }
    search->directory = path;
    status =
        wr_directory_each(search->os, &search->splits->alloc, path, find_name, search, search->err);
    return status == WEIR_OK ? WEIR_OK : wr_fail_context(search->err, status, "input: ");
}

static weir_status
find_all(struct search *search, const char *paths)
{
    char path[WR_PATH_MAX];
    for (const char *at = paths; *at != '\0';) {
        size_t size = strcspn(at, ",");
        if (size >= sizeof path) {
            return wr_fail(search->err, WEIR_LIMIT, "input: a path may have %d bytes",
                           WR_PATH_MAX - 1);
        }
        if (size > 0) {
            memcpy(path, at, size);
            path[size] = '\0';
            WR_TRY(find_path(search, path));
        }
        at += size + (at[size] == ',');
    }
    return WEIR_OK;
}

/* By path, stable. Insertion: a directory comes sorted already. */
static void
sort_splits(struct wr_splits *splits)
{
    for (size_t i = 1; i < splits->count; i++) {
        struct wr_split moved = splits->items[i];
        size_t at = i;
        while (at > 0 && strcmp(splits->items[at - 1].path, moved.path) > 0) {
            splits->items[at] = splits->items[at - 1];
            at--;
        }
        splits->items[at] = moved;
    }
}

static void
keep_share(struct wr_splits *splits, uint32_t subtask, uint32_t parallelism)
{
    size_t kept = 0;
    for (size_t i = 0; i < splits->count; i++) {
        if (i % parallelism == subtask) {
            splits->items[kept++] = splits->items[i];
        } else {
            free_split(splits, &splits->items[i]);
        }
    }
    splits->count = kept;
}

static weir_status
take_restored(struct wr_splits *splits)
{
    for (size_t i = 0; i < weir_operator_list_count(splits->list); i++) {
        const struct split_record *record = weir_operator_list_at(splits->list, i).data;
        WR_TRY(
            add_split(splits, weir_string_bytes(record, record->path), (uint64_t)record->offset));
    }
    return WEIR_OK;
}

static weir_status
open_list(struct wr_splits *splits, weir_context *context, weir_error *err)
{
    weir_type *type = NULL;
    WR_TRY(weir_type_create_struct(&splits->alloc, "split", sizeof(struct split_record),
                                   split_fields, sizeof split_fields / sizeof split_fields[0],
                                   &type, err));
    weir_status status =
        weir_context_list_state(context, "splits", type, WEIR_LIST_SPLIT, &splits->list);
    weir_type_destroy(type);
    return status;
}

weir_status
wr_splits_init(struct wr_splits *splits, weir_context *context, const char *paths)
{
    weir_error error = { .status = WEIR_OK };
    *splits = (struct wr_splits){ .alloc = *weir_context_alloc(context) };
    weir_status status = open_list(splits, context, &error);
    uint64_t checkpoint_id;
    if (status == WEIR_OK && weir_context_restored(context, &checkpoint_id)) {
        status = take_restored(splits);
    } else if (status == WEIR_OK) {
        struct search search = { splits, wr_context_os(context), NULL, &error };
        status = find_all(&search, paths);
        sort_splits(splits);
        keep_share(splits, weir_context_subtask(context), weir_context_parallelism(context));
    }
    return status == WEIR_OK ? WEIR_OK : wr_connector_fail(context, status, &error);
}

weir_status
wr_splits_save(const struct wr_splits *splits, weir_context *context, size_t first)
{
    weir_operator_list_clear(splits->list);
    for (size_t i = first; i < splits->count; i++) {
        const struct wr_split *split = &splits->items[i];
        weir_bytes path = weir_bytes_of_text(split->path);
        size_t size = weir_round8(sizeof(struct split_record) + path.size);
        struct split_record *record = weir_context_scratch(context, size);
        if (record == NULL) {
            return weir_context_fail(context, WEIR_NOMEM, "no memory for the state of the input");
        }
        memset(record, 0, size);
        weir_string_write(record, &record->path, sizeof *record, path);
        record->offset = (int64_t)split->offset;
        WR_TRY(weir_operator_list_add(splits->list, weir_bytes_of(record, size)));
    }
    return WEIR_OK;
}
