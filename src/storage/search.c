/* SPDX-License-Identifier: Apache-2.0 */
/* search: which jobs have checkpoints below a directory.
 *
 * A job's name stands in its manifests alone. Where the newest cannot be read the older ones are
 * asked, and where none can be read the job is nobody's: it may be the one that is looked for, and
 * whoever decides must treat it so, or a damaged checkpoint would make a job start from empty
 * state.
 */
#include "storage/search.h"

#include "base/fail.h"
#include "base/little.h"
#include "snapshot/manifest_format.h"
#include "storage/layout.h"
#include "storage/saved_mark.h"

#include <string.h>

enum {
    FINISHED_SIZE_MAX = WR_MANIFEST_TEXT_MAX + 64
};

void
wr_job_search_init(struct wr_job_search *search, struct wr_os *os, const weir_alloc *alloc)
{
    *search = (struct wr_job_search){ .os = os };
    wr_arena_init(&search->arena, alloc);
    search->last = &search->jobs;
}

void
wr_job_search_fini(struct wr_job_search *search)
{
    wr_arena_fini(&search->arena);
}

static weir_status
copy_text(struct wr_job_search *search, const char *text, const char **out_copy, weir_error *err)
{
    *out_copy = wr_arena_copy_text(&search->arena, text);
    return *out_copy != NULL ? WEIR_OK
                             : wr_fail(err, WEIR_NOMEM, "no memory to look for checkpoints");
}

/* Name and job id out of one manifest. */
static weir_status
ask_manifest(struct wr_job_search *search, struct wr_job_found *job, uint64_t id, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_checkpoint_path(job->path, id, path, err));
    WR_TRY(wr_path_join(path, path, WR_METADATA_NAME, err));
    struct wr_manifest manifest;
    wr_manifest_init(&manifest, &search->arena.alloc);
    weir_status status = wr_manifest_read(&manifest, search->os, path, err);
    if (status == WEIR_OK) {
        status = copy_text(search, manifest.job_name, &job->job_name, err);
    }
    if (status == WEIR_OK) {
        status = copy_text(search, manifest.job_id, &job->job_id, err);
    }
    if (status == WEIR_OK && id == job->newest) {
        job->complete_ms = manifest.complete_ms;
    }
    wr_manifest_fini(&manifest);
    return status;
}

/* From the newest down, until one can be read. */
static weir_status
ask_manifests(struct wr_job_search *search, struct wr_job_found *job, const struct wr_buffer *ids,
              weir_error *err)
{
    for (size_t at = ids->size; at > 0; at -= sizeof(uint64_t)) {
        weir_status status =
            ask_manifest(search, job, wr_get_u64(ids->data + at - sizeof(uint64_t)), err);
        if (status == WEIR_OK || status == WEIR_IO || status == WEIR_NOMEM) {
            return status;
        }
    }
    return WEIR_OK;
}

/* Two lines: the last checkpoint's id, the job's name. */
static weir_status
read_finished(struct wr_job_search *search, struct wr_job_found *job, char *text, const char *path,
              weir_error *err)
{
    char *name = strchr(text, '\n');
    char *end = name != NULL ? strchr(name + 1, '\n') : NULL;
    if (end == NULL || strspn(text, "0123456789") != (size_t)(name - text)) {
        return wr_fail(err, WEIR_CORRUPT, "%s at offset 0: not what a finished job leaves behind",
                       path);
    }
    job->is_finished = true;
    *end = '\0';
    return job->job_name == NULL ? copy_text(search, name + 1, &job->job_name, err) : WEIR_OK;
}

static weir_status
ask_finished(struct wr_job_search *search, struct wr_job_found *job, weir_error *err)
{
    char path[WR_PATH_MAX];
    WR_TRY(wr_path_join(path, job->path, WR_FINISHED_NAME, err));
    struct wr_buffer text;
    wr_buffer_init(&text, &search->arena.alloc);
    weir_status status = wr_file_read_whole(search->os, path, FINISHED_SIZE_MAX, &text, err);
    if (status == WEIR_OK) {
        wr_buffer_put_u8(&text, '\0');
        status = wr_buffer_status(&text);
    }
    if (status == WEIR_OK) {
        status = read_finished(search, job, (char *)text.data, path, err);
    }
    wr_buffer_fini(&text);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status
ask_saved(struct wr_job_search *search, struct wr_job_found *job, weir_error *err)
{
    struct wr_saved_mark mark;
    weir_status status =
        wr_saved_mark_read(search->os, &search->arena.alloc, job->path, &mark, err);
    if (status == WEIR_NOT_FOUND || (status == WEIR_OK && mark.checkpoint_id <= job->newest)) {
        return WEIR_OK;
    }
    WR_TRY(status);
    job->saved = mark.checkpoint_id;
    WR_TRY(copy_text(search, mark.savepoint, &job->savepoint, err));
    WR_TRY(copy_text(search, mark.job_id, &job->job_id, err));
    return job->job_name == NULL ? copy_text(search, mark.job_name, &job->job_name, err) : WEIR_OK;
}

static weir_status
look_at(struct wr_job_search *search, struct wr_job_found *job, weir_error *err)
{
    struct wr_buffer ids;
    wr_buffer_init(&ids, &search->arena.alloc);
    weir_status status = wr_checkpoints_list(search->os, job->path, true, &ids, err);
    size_t count = ids.size / sizeof(uint64_t);
    if (status == WEIR_OK && count > 0) {
        job->newest = wr_get_u64(ids.data + (count - 1) * sizeof(uint64_t));
        job->older = count > 1 ? wr_get_u64(ids.data + (count - 2) * sizeof(uint64_t)) : 0;
        status = ask_manifests(search, job, &ids, err);
    }
    if (status == WEIR_OK) {
        status = ask_finished(search, job, err);
    }
    if (status == WEIR_OK && !job->is_finished) {
        status = ask_saved(search, job, err);
    }
    wr_buffer_fini(&ids);
    return status;
}

static weir_status
add_job(struct wr_job_search *search, const char *path, weir_error *err)
{
    struct wr_job_found *job = wr_arena_new(&search->arena, sizeof *job);
    if (job == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to look for checkpoints");
    }
    const char *last = wr_path_last(path);
    WR_TRY(copy_text(search, path, &job->path, err));
    WR_TRY(copy_text(search, wr_is_job_name(last) ? last : "", &job->job_id, err));
    WR_TRY(look_at(search, job, err));
    if (job->newest != 0 || job->is_finished || job->saved != 0) {
        *search->last = job;
        search->last = &job->next;
    }
    return WEIR_OK;
}

struct visit {
    struct wr_job_search *search;
    const char *directory;
    weir_error *err;
};

static weir_status
visit_one(void *argument, const char *name)
{
    struct visit *visit = argument;
    if (!wr_is_job_name(name)) {
        return WEIR_OK;
    }
    char path[WR_PATH_MAX];
    WR_TRY(wr_path_join(path, visit->directory, name, visit->err));
    weir_status status = add_job(visit->search, path, visit->err);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status; /* a file, or gone meanwhile */
}

weir_status
wr_job_search_run(struct wr_job_search *search, const char *directory, weir_error *err)
{
    struct visit visit = { .search = search, .directory = directory, .err = err };
    WR_TRY(add_job(search, directory, err));
    return wr_directory_each(search->os, &search->arena.alloc, directory, visit_one, &visit, err);
}

bool
wr_job_found_may_be(const struct wr_job_found *job, const char *job_name)
{
    return job->job_name == NULL || strcmp(job->job_name, job_name) == 0;
}
