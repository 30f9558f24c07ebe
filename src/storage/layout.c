/* SPDX-License-Identifier: Apache-2.0 */
/* layout: the names below a checkpoint directory.
 *
 * Names are what a stranger may have put there: what does not have exactly the form that we write
 * is none of ours, and is left alone.
 */
#include "storage/layout.h"

#include "base/fail.h"
#include "base/little.h"

#include <stdio.h>
#include <string.h>

static const char checkpoint_prefix[] = "chk-";
static const char metadata_temporary[] = "_metadata.tmp";

void
wr_checkpoint_name(uint64_t checkpoint_id, char out_name[WR_CHECKPOINT_NAME_SIZE])
{
    snprintf(out_name, WR_CHECKPOINT_NAME_SIZE, "%s%llu", checkpoint_prefix,
             (unsigned long long)checkpoint_id);
}

bool
wr_checkpoint_name_parse(const char *name, uint64_t *out_id)
{
    size_t prefix_size = sizeof checkpoint_prefix - 1;
    if (strncmp(name, checkpoint_prefix, prefix_size) != 0) {
        return false;
    }
    uint64_t id = 0;
    for (const char *digit = name + prefix_size; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || id > (UINT64_MAX - 9) / 10) {
            return false;
        }
        id = id * 10 + (uint64_t)(*digit - '0');
    }
    char again[WR_CHECKPOINT_NAME_SIZE];
    wr_checkpoint_name(id, again);
    if (id == 0 || strcmp(again, name) != 0) {
        return false;
    }
    *out_id = id;
    return true;
}

weir_status
wr_checkpoint_path(const char *directory, uint64_t checkpoint_id, char *out, weir_error *err)
{
    char name[WR_CHECKPOINT_NAME_SIZE];
    wr_checkpoint_name(checkpoint_id, name);
    return wr_path_join(out, directory, name, err);
}

bool
wr_is_job_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == WR_JOB_ID_SIZE - 1 &&
           name[WR_JOB_ID_SIZE - 1] == '\0';
}

bool
wr_is_attempt_name(const char *name)
{
    return name[0] == '.' && wr_is_job_name(name + 1);
}

const char *
wr_path_last(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

struct list {
    struct wr_os *os;
    const char *directory;
    bool complete;
    struct wr_buffer *ids;
    weir_error *err;
};

/* Puts an id into its place: names come in byte order, where 10 stands before 9. */
static weir_status
insert_id(struct list *list, uint64_t id)
{
    wr_buffer_put_u64(list->ids, id);
    if (list->ids->refused) {
        return wr_fail(list->err, WEIR_NOMEM, "no memory to list %s", list->directory);
    }
    uint8_t *first = list->ids->data;
    uint8_t *place = first + list->ids->size - sizeof id;
    while (place > first && wr_get_u64(place - sizeof id) > id) {
        memcpy(place, place - sizeof id, sizeof id);
        place -= sizeof id;
    }
    wr_put_u64(place, id);
    return WEIR_OK;
}

static weir_status
list_one(void *argument, const char *name)
{
    struct list *list = argument;
    uint64_t id = 0;
    if (!wr_checkpoint_name_parse(name, &id)) {
        return WEIR_OK;
    }
    if (list->complete) {
        char path[WR_PATH_MAX];
        WR_TRY(wr_path_join(path, list->directory, name, list->err));
        WR_TRY(wr_path_join(path, path, WR_METADATA_NAME, list->err));
        struct wr_os_stat found;
        weir_status status = wr_path_stat(list->os, path, &found, list->err);
        if (status != WEIR_OK) {
            return status == WEIR_NOT_FOUND ? WEIR_OK : status;
        }
    }
    return insert_id(list, id);
}

weir_status
wr_checkpoints_list(struct wr_os *os, const char *directory, bool complete,
                    struct wr_buffer *out_ids, weir_error *err)
{
    struct list list = {
        .os = os, .directory = directory, .complete = complete, .ids = out_ids, .err = err
    };
    return wr_directory_each(os, &out_ids->alloc, directory, list_one, &list, err);
}

weir_status
wr_small_file_write(struct wr_os *os, const char *path, bool exclusive, weir_bytes content,
                    weir_error *err)
{
    unsigned how = exclusive ? (unsigned)WR_OPEN_EXCLUSIVE : (unsigned)WR_OPEN_TRUNCATE;
    int file = -1;
    WR_TRY(wr_file_open(os, path, WR_OPEN_WRITE | WR_OPEN_CREATE | how, &file, err));
    weir_status status = wr_file_write_at(os, file, path, content.data, content.size, 0, err);
    if (status == WEIR_OK) {
        status = wr_file_sync(os, file, path, false, err);
    }
    wr_file_close(os, file);
    return status;
}

weir_status
wr_metadata_write(struct wr_os *os, const weir_alloc *alloc, const char *directory,
                  const struct wr_manifest *manifest, weir_error *err)
{
    char temporary[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    WR_TRY(wr_path_join(temporary, directory, metadata_temporary, err));
    WR_TRY(wr_path_join(path, directory, WR_METADATA_NAME, err));
    struct wr_buffer bytes;
    wr_buffer_init(&bytes, alloc);
    weir_status status = wr_manifest_encode(manifest, &bytes, err);
    if (status == WEIR_OK) {
        status =
            wr_small_file_write(os, temporary, true, weir_bytes_of(bytes.data, bytes.size), err);
    }
    wr_buffer_fini(&bytes);
    WR_TRY(status);
    WR_TRY(wr_path_rename(os, temporary, path, false, err));
    return wr_directory_sync(os, directory, err);
}
