/* SPDX-License-Identifier: Apache-2.0 */
/* local_copy: files of one operator subtask's checkpoint on their way to a local disk.
 *
 *   start --links--> done                              [run_first] same device: nothing is copied
 *         --opens what cannot be linked--> copy_work --a piece--> copy_work ... done
 *
 * Invariants:
 *   (1) The first work runs before the checkpoint can be completed, which moves its files: whoever
 *       acknowledges it pushed us before, and the io thread keeps the order. From then on what is
 *       open stays readable wherever it goes; only past OPEN_MAX files are looked for by path, and
 *       are left away if they have moved.
 *   (2) A work copies at most PIECE_BYTES, so that the io thread is never held for long.
 *   (3) No copy is synced, and one that was cut short stays: it is told by its size.
 */
#include "base/fail.h"
#include "base/memory.h"
#include "storage/layout.h"
#include "storage/local_state_inner.h"

#include <string.h>

enum {
    OPEN_MAX = 64,
    PIECE_BYTES = 4 << 20,
    BUFFER_BYTES = 256 << 10
};

struct file {
    struct file *next;
    const char *path;
    int source; /* -1: not open */
    bool is_done;
};

struct wr_local_copy {
    struct wr_work work;
    const struct wr_local_state *local;
    struct wr_local_owner owner;
    uint64_t checkpoint_id;
    struct wr_arena arena; /* of the files */
    struct file *files;
    struct file **last;
    uint8_t *buffer; /* BUFFER_BYTES; NULL: nothing is copied */
    char directory[WR_PATH_MAX];
    /* the file being copied */
    struct file *current; /* NULL: none */
    int target;
    uint64_t copied_bytes;
};

weir_status
wr_local_copy_create(const struct wr_local_state *local, const struct wr_local_owner *owner,
                     uint64_t checkpoint_id, struct wr_local_copy **out_copy, weir_error *err)
{
    struct wr_local_copy *copy = wr_memory_new(&local->alloc, sizeof *copy);
    if (copy == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to copy state");
    }
    copy->local = local;
    copy->owner = *owner;
    copy->checkpoint_id = checkpoint_id;
    copy->target = -1;
    copy->last = &copy->files;
    wr_arena_init(&copy->arena, &local->alloc);
    weir_status status =
        wr_local_checkpoint_path(local, owner, checkpoint_id, copy->directory, err);
    if (status != WEIR_OK) {
        wr_local_copy_destroy(copy);
        return status;
    }
    *out_copy = copy;
    return WEIR_OK;
}

void
wr_local_copy_destroy(struct wr_local_copy *copy)
{
    if (copy == NULL) {
        return;
    }
    weir_alloc alloc = copy->local->alloc;
    for (struct file *file = copy->files; file != NULL; file = file->next) {
        if (file->source >= 0) {
            wr_file_close(copy->local->os, file->source);
        }
    }
    if (copy->target >= 0) {
        wr_file_close(copy->local->os, copy->target);
    }
    wr_memory_free(&alloc, copy->buffer, BUFFER_BYTES);
    wr_arena_fini(&copy->arena);
    wr_memory_free(&alloc, copy, sizeof *copy);
}

weir_status
wr_local_copy_add(struct wr_local_copy *copy, const char *path, weir_error *err)
{
    struct file *file = wr_arena_new(&copy->arena, sizeof *file);
    char *text = wr_arena_copy_text(&copy->arena, path);
    if (file == NULL || text == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to copy %s", path);
    }
    *file = (struct file){ .path = text, .source = -1 };
    *copy->last = file;
    copy->last = &file->next;
    return WEIR_OK;
}

/* --- the io thread's --- */

/* aid_, jid_, vtx_ and chk_; not synced. */
static weir_status
make_directories(const struct wr_local_copy *copy)
{
    char path[WR_PATH_MAX];
    for (unsigned levels = 1; levels <= WR_LOCAL_LEVELS; levels++) {
        WR_TRY(wr_local_owner_path(copy->local, &copy->owner, levels, path, NULL));
        WR_TRY(wr_directory_create(copy->local->os, path, NULL));
    }
    return wr_directory_create(copy->local->os, copy->directory, NULL);
}

static weir_status
target_path(const struct wr_local_copy *copy, const struct file *file, char out[WR_PATH_MAX])
{
    return wr_path_join(out, copy->directory, wr_path_last(file->path), NULL);
}

/* Links the file; what cannot be linked is opened, as long as OPEN_MAX allows it. */
static void
link_or_open(const struct wr_local_copy *copy, struct file *file, unsigned *open_count)
{
    char target[WR_PATH_MAX];
    weir_status status = target_path(copy, file, target);
    if (status == WEIR_OK) {
        status = wr_path_link(copy->local->os, file->path, target, NULL);
    }
    if (status == WEIR_UNSUPPORTED && *open_count < OPEN_MAX) {
        status = wr_file_open(copy->local->os, file->path, WR_OPEN_READ, &file->source, NULL);
        file->is_done = status != WEIR_OK;
        *open_count += status == WEIR_OK;
    } else {
        file->is_done = status != WEIR_UNSUPPORTED;
    }
}

static struct file *
next_to_copy(const struct wr_local_copy *copy)
{
    struct file *file = copy->files;
    while (file != NULL && file->is_done) {
        file = file->next;
    }
    return file;
}

static weir_status
begin_file(struct wr_local_copy *copy)
{
    struct wr_os *os = copy->local->os;
    struct file *file = copy->current;
    char path[WR_PATH_MAX];
    copy->copied_bytes = 0;
    if (file->source < 0) {
        WR_TRY(wr_file_open(os, file->path, WR_OPEN_READ, &file->source, NULL));
    }
    WR_TRY(target_path(copy, file, path));
    return wr_file_open(os, path, WR_OPEN_WRITE | WR_OPEN_CREATE | WR_OPEN_EXCLUSIVE, &copy->target,
                        NULL);
}

static void
end_file(struct wr_local_copy *copy)
{
    struct wr_os *os = copy->local->os;
    struct file *file = copy->current;
    if (file->source >= 0) {
        wr_file_close(os, file->source);
        file->source = -1;
    }
    if (copy->target >= 0) {
        wr_file_close(os, copy->target);
        copy->target = -1;
    }
    file->is_done = true;
    copy->current = NULL;
}

/* A piece of the current file; *out_at_end: it has no more. */
static weir_status
copy_piece(struct wr_local_copy *copy, bool *out_at_end)
{
    struct wr_os *os = copy->local->os;
    size_t count = BUFFER_BYTES;
    for (size_t done = 0; done < PIECE_BYTES && count == BUFFER_BYTES; done += BUFFER_BYTES) {
        WR_TRY(wr_file_read_at(os, copy->current->source, copy->current->path, copy->buffer,
                               BUFFER_BYTES, copy->copied_bytes, &count, NULL));
        WR_TRY(wr_file_write_at(os, copy->target, copy->directory, copy->buffer, count,
                                copy->copied_bytes, NULL));
        copy->copied_bytes += count;
    }
    *out_at_end = count < BUFFER_BYTES;
    return WEIR_OK;
}

static void
run_copy(struct wr_work *work)
{
    struct wr_local_copy *copy = (struct wr_local_copy *)work;
    weir_status status = WEIR_OK;
    if (copy->current == NULL) {
        copy->current = next_to_copy(copy);
        if (copy->current == NULL) {
            wr_local_copy_destroy(copy);
            return;
        }
        status = begin_file(copy);
    }
    bool is_at_end = true;
    if (status == WEIR_OK) {
        status = copy_piece(copy, &is_at_end);
    }
    if (status != WEIR_OK || is_at_end) {
        end_file(copy);
    }
    wr_executor_push(copy->local->io, &copy->work);
}

static void
run_first(struct wr_work *work)
{
    struct wr_local_copy *copy = (struct wr_local_copy *)work;
    unsigned open_count = 0;
    bool is_there = make_directories(copy) == WEIR_OK;
    for (struct file *file = copy->files; is_there && file != NULL; file = file->next) {
        link_or_open(copy, file, &open_count);
    }
    if (is_there && next_to_copy(copy) != NULL) {
        copy->buffer = wr_memory_resize(&copy->local->alloc, NULL, 0, BUFFER_BYTES);
    }
    if (copy->buffer == NULL) { /* nothing is to be copied, or nothing can be */
        wr_local_copy_destroy(copy);
        return;
    }
    copy->work.run = run_copy;
    wr_executor_push(copy->local->io, &copy->work);
}

void
wr_local_copy_start(struct wr_local_copy *copy)
{
    copy->work.run = run_first;
    wr_executor_push(copy->local->io, &copy->work);
}
