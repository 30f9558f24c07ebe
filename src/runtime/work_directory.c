/* SPDX-License-Identifier: Apache-2.0 */
/* work_directory: <job's work directory>/<operator>-<subtask>/backend is the engine's; beside it
 * stands what a restore unfolds for it.
 */
#include "runtime/work_directory.h"

#include "base/fail.h"
#include "base/memory.h"
#include "os/file.h"

#include <stdio.h>
#include <string.h>

static weir_status
own_directory(const struct wr_operator *operator_, const char *below, char out[WR_PATH_MAX],
              weir_error *err)
{
    const struct wr_task_environment *environment = operator_->context.environment;
    char name[64];
    size_t at = 0;
    for (size_t i = 0; i < 8; i++) {
        at += (size_t)snprintf(name + at, sizeof name - at, "%02x", operator_->plan->id[i]);
    }
    (void)snprintf(name + at, sizeof name - at, "-%u/%s", operator_->context.subtask, below);
    return wr_path_join(out, environment->work_directory, name, err);
}

weir_status
wr_work_directory_make(struct wr_operator *operator_, weir_error *err)
{
    const struct wr_task_environment *environment = operator_->context.environment;
    if (environment->work_directory == NULL) {
        return WEIR_OK;
    }
    char path[WR_PATH_MAX];
    WR_TRY(own_directory(operator_, "backend", path, err));
    WR_TRY(wr_directory_create_all(environment->os, path, err));
    operator_->directory = wr_memory_copy_text(&environment->alloc, path);
    return operator_->directory != NULL ? WEIR_OK
                                        : wr_fail(err, WEIR_NOMEM, "no memory for a path");
}

void
wr_work_directory_remove(struct wr_operator *operator_)
{
    const struct wr_task_environment *environment = operator_->context.environment;
    if (operator_->directory == NULL) {
        return;
    }
    char path[WR_PATH_MAX];
    if (own_directory(operator_, ".", path, NULL) == WEIR_OK) {
        char *dot = path + strlen(path) - 2; /* "/." */
        *dot = '\0';
        (void)wr_directory_remove_all(environment->os, path, NULL); /* else the job does */
    }
    wr_memory_free(&environment->alloc, operator_->directory, strlen(operator_->directory) + 1);
    operator_->directory = NULL;
}

static weir_status
unfold_one(struct wr_os *os, const char *path, weir_bytes bytes, weir_error *err)
{
    int file = -1;
    WR_TRY(wr_file_open(os, path, WR_OPEN_WRITE | WR_OPEN_CREATE | WR_OPEN_TRUNCATE, &file, err));
    weir_status status = wr_file_write_at(os, file, path, bytes.data, bytes.size, 0, err);
    wr_file_close(os, file);
    return status;
}

static weir_status
unfold(struct wr_operator *operator_, struct wr_arena *arena, uint32_t number,
       struct wr_restore_engine_file *file, weir_error *err)
{
    struct wr_os *os = operator_->context.environment->os;
    if (operator_->directory == NULL) {
        return wr_fail(err, WEIR_INVALID,
                       "the engine's file %s stands in the manifest, and there is no directory to "
                       "write it to: the snapshot was made by another engine",
                       file->name);
    }
    char name[32];
    char directory[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    (void)snprintf(name, sizeof name, "restore-%u", number);
    WR_TRY(own_directory(operator_, name, directory, err));
    WR_TRY(wr_directory_create_all(os, directory, err));
    WR_TRY(wr_path_join(path, directory, file->name, err));
    WR_TRY(unfold_one(os, path, file->bytes, err));
    file->path = wr_arena_copy_text(arena, path);
    file->is_inlined = false;
    return file->path != NULL ? WEIR_OK : wr_fail(err, WEIR_NOMEM, "no memory for a path");
}

weir_status
wr_work_directory_unfold(struct wr_operator *operator_, struct wr_arena *arena,
                         const struct wr_restore_file *file, uint32_t number,
                         struct wr_restore_engine_file **out_files, weir_error *err)
{
    uint32_t count = file->engine_file_count;
    struct wr_restore_engine_file *files = wr_arena_new(arena, count * sizeof *files);
    if (files == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for the names of %u files", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        files[i] = file->engine_files[i];
        if (files[i].is_inlined) {
            WR_TRY(unfold(operator_, arena, number, &files[i], err));
        }
    }
    *out_files = files;
    return WEIR_OK;
}
