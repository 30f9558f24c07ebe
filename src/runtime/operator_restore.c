/* SPDX-License-Identifier: Apache-2.0 */
/* operator_restore: what a checkpoint holds of one operator subtask, back into backend and lists.
 *
 *   files marked keyed   header, directory, footer verified -> states entered -> the backend
 *                        inserts the blocks whose key group is ours
 *   lists                elements [first, first + count) of a list in a file, in the order given
 *   "weir_in_flight"     likewise, but into the queue, and what is another subtask's not at all
 *
 * Local copies of the files are read where they are there. What they hold is believed no more than
 * what a checkpoint holds; if anything fails, all that was restored is thrown away, and the
 * checkpoint's own files are read.
 *
 * How much was read is shown while it goes on: of a file at most its size, which is what counts for
 * it once it is done, whatever was left out.
 *
 * What is restored but never asked for by the function stays: it is entered here, and so the next
 * checkpoint contains it again.
 */
#include "base/fail.h"
#include "os/file.h"
#include "runtime/local_copies.h"
#include "runtime/operator.h"
#include "runtime/work_directory.h"

#include <stdio.h>
#include <string.h>

/* One reading of all that is to be restored. */
struct pass {
    struct wr_operator *operator_;
    bool may_use_local;
    bool has_used_local;
    uint64_t read_before; /* by other operators of the task */
};

/* The path of a file: its local copy's, in `local` (WR_PATH_MAX), or as it is. */
static const char *
choose_path(struct pass *pass, const char *path, const struct wr_state_file_identity *identity,
            uint64_t size, char *local)
{
    if (!pass->may_use_local ||
        !wr_local_copies_find(pass->operator_, path, identity, size, local)) {
        return path;
    }
    pass->has_used_local = true;
    return local;
}

static weir_status
open_file(struct pass *pass, const struct wr_restore_file *file,
          const struct wr_restore_engine_file *engine_files, weir_block_reader **out_reader,
          weir_error *err)
{
    const struct wr_operator *operator_ = pass->operator_;
    char local[WR_PATH_MAX];
    const char *path = file->is_inlined
                           ? file->path
                           : choose_path(pass, file->path, &file->identity, file->size, local);
    const struct wr_task_environment *environment = operator_->context.environment;
    struct wr_state_file_open parameters = { .os = environment->os,
                                             .alloc = environment->alloc,
                                             .path = path,
                                             .identity = file->identity,
                                             .size = file->size,
                                             .crc = file->crc,
                                             .key_group_first = operator_->key_group_first,
                                             .key_group_last = operator_->key_group_last,
                                             .has_changes = file->has_changes,
                                             .is_inlined = file->is_inlined,
                                             .bytes = file->bytes,
                                             .engine_files = engine_files,
                                             .engine_file_count =
                                                 engine_files != NULL ? file->engine_file_count : 0,
                                             .writer_key_group_first = file->key_group_first,
                                             .writer_key_group_last = file->key_group_last,
                                             .read_bytes = operator_->restored_bytes };
    return wr_state_file_open(&parameters, out_reader, err);
}

static weir_status
enter_states(struct wr_operator *operator_, const weir_block_reader *reader, weir_error *err)
{
    size_t count = weir_block_reader_state_count(reader);
    for (size_t i = 0; i < count; i++) {
        weir_state_descriptor descriptor;
        weir_block_reader_state(reader, i, &descriptor);
        struct wr_keyed_state *state = NULL;
        if (descriptor.list_mode == WEIR_LIST_NONE && descriptor.kind != WEIR_STATE_BROADCAST) {
            WR_TRY(wr_operator_enter_state(operator_, &descriptor, &state, err));
        }
    }
    return WEIR_OK;
}

static weir_status
restore_opened(struct pass *pass, const struct wr_restore_file *file,
               const struct wr_restore_engine_file *engine_files, weir_error *err)
{
    struct wr_operator *operator_ = pass->operator_;
    weir_block_reader *reader = NULL;
    WR_TRY(open_file(pass, file, engine_files, &reader, err));
    weir_status status = enter_states(operator_, reader, err);
    if (status == WEIR_OK) {
        status = weir_backend_restore(operator_->backend, reader, err);
    }
    wr_state_file_close(reader);
    return status;
}

/* The engine's files, each from where it is to be read. */
static weir_status
choose_engine_paths(struct pass *pass, const struct wr_restore_file *file, struct wr_arena *arena,
                    struct wr_restore_engine_file *engine_files, weir_error *err)
{
    for (uint32_t i = 0; i < file->engine_file_count; i++) {
        struct wr_restore_engine_file *one = &engine_files[i];
        struct wr_state_file_identity identity = file->identity;
        char local[WR_PATH_MAX];
        identity.checkpoint_id = one->checkpoint_id;
        memcpy(identity.attempt, one->attempt, sizeof identity.attempt);
        if (file->engine_files[i].is_inlined ||
            choose_path(pass, one->path, &identity, one->size, local) == one->path) {
            continue;
        }
        one->path = wr_arena_copy_text(arena, local);
        if (one->path == NULL) {
            return wr_fail(err, WEIR_NOMEM, "no memory for a path");
        }
    }
    return WEIR_OK;
}

static weir_status
restore_keyed(struct pass *pass, uint32_t number, weir_error *err)
{
    struct wr_operator *operator_ = pass->operator_;
    const struct wr_restore_file *file = &operator_->plan->restore.files[number];
    WR_TRY(wr_operator_need_backend(operator_, err));
    struct wr_arena arena; /* of the unfolded paths, until the engine has taken the files over */
    wr_arena_init(&arena, &operator_->context.environment->alloc);
    struct wr_restore_engine_file *engine_files = NULL;
    weir_status status = WEIR_OK;
    if (file->engine_file_count != 0) {
        status = wr_work_directory_unfold(operator_, &arena, file, number, &engine_files, err);
    }
    if (status == WEIR_OK && engine_files != NULL) {
        status = choose_engine_paths(pass, file, &arena, engine_files, err);
    }
    if (status == WEIR_OK) {
        status = restore_opened(pass, file, engine_files, err);
    }
    wr_arena_fini(&arena);
    return status;
}

/* Elements first, first + 1, ... of a list, until `left` is 0. */
struct share {
    struct wr_operator *operator_;
    const weir_state_descriptor *descriptor;
    uint64_t first;
    uint64_t left;
    bool is_in_flight;
    weir_error *err;
};

static weir_status
take_in_flight(struct share *share, weir_bytes value)
{
    struct wr_operator *operator_ = share->operator_;
    struct wr_in_flight_target target = { .plan = operator_->plan,
                                          .subtask = operator_->context.subtask,
                                          .parallelism = operator_->context.parallelism };
    return wr_in_flight_take(&operator_->in_flight, &target, value, share->err);
}

static weir_status
take_element(void *argument, size_t index, weir_bytes value)
{
    struct share *share = argument;
    if (index < share->first || share->left == 0) {
        return WEIR_OK;
    }
    share->left--;
    if (share->is_in_flight) {
        return take_in_flight(share, value);
    }
    return wr_operator_state_restore(share->operator_->lists, share->descriptor, value, share->err);
}

static weir_status
take_entry(void *argument, weir_bytes key, weir_bytes value)
{
    struct share *share = argument;
    share->left -= share->left != 0;
    return wr_operator_state_restore_entry(share->operator_->lists, share->descriptor, key, value,
                                           share->err);
}

static bool
is_in_flight(const struct wr_restore_list *list)
{
    return list->state->kind == WEIR_STATE_LIST &&
           strcmp(list->state->name, WR_IN_FLIGHT_NAME) == 0;
}

/* By the user's word: records that were in flight in this checkpoint are not wanted. */
static bool
is_dropped(const struct wr_operator *operator_, const struct wr_restore_list *list)
{
    uint64_t dropped = operator_->context.environment->drop_in_flight_of;
    return is_in_flight(list) && dropped != 0 && dropped == operator_->plan->restore.checkpoint_id;
}

static weir_status
restore_list(struct pass *pass, const struct wr_restore_list *list, weir_error *err)
{
    struct wr_operator *operator_ = pass->operator_;
    const struct wr_restore_file *file = &operator_->plan->restore.files[list->file];
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = list->state->kind,
                                         .list_mode = list->state->list_mode,
                                         .name = list->state->name,
                                         .type = list->state->type,
                                         .map_key_type = list->state->map_key_type };
    struct share share = { .operator_ = operator_,
                           .descriptor = &descriptor,
                           .first = list->first,
                           .left = list->count,
                           .is_in_flight = is_in_flight(list),
                           .err = err };
    weir_block_reader *reader = NULL;
    WR_TRY(open_file(pass, file, NULL, &reader, err));
    bool is_map = descriptor.kind == WEIR_STATE_BROADCAST;
    weir_status status =
        is_map ? wr_state_file_map(reader, descriptor.name, take_entry, &share, err)
               : wr_state_file_list(reader, descriptor.name, take_element, &share, err);
    wr_state_file_close(reader);
    if (status == WEIR_NOT_FOUND || (status == WEIR_OK && share.left != 0)) {
        return wr_fail(
            err, WEIR_CORRUPT,
            "%s: list '%s' should have %llu elements from %llu on, but %llu are missing; "
            "restore an older checkpoint",
            file->path, descriptor.name, (unsigned long long)list->count,
            (unsigned long long)list->first, (unsigned long long)share.left);
    }
    if (status == WEIR_OK && operator_->in_flight.reading != NULL) {
        return wr_fail(err, WEIR_CORRUPT,
                       "%s: its records in flight end within a batch; restore an older checkpoint",
                       file->path);
    }
    return status;
}

/* So much counts as read. */
static void
show_read(const struct wr_operator *operator_, uint64_t bytes)
{
    if (operator_->restored_bytes != NULL) {
        atomic_store_explicit(operator_->restored_bytes, bytes, memory_order_relaxed);
    }
}

static uint64_t
read_so_far(const struct wr_operator *operator_)
{
    return operator_->restored_bytes != NULL
               ? atomic_load_explicit(operator_->restored_bytes, memory_order_relaxed)
               : 0;
}

static weir_status
restore_all(struct pass *pass, weir_error *err)
{
    const struct wr_operator *operator_ = pass->operator_;
    const struct wr_operator_restore *restore = &operator_->plan->restore;
    uint64_t done = pass->read_before;
    show_read(operator_, done);
    for (uint32_t i = 0; i < restore->file_count; i++) {
        if (restore->files[i].keyed) {
            WR_TRY(restore_keyed(pass, i, err));
            done += wr_restore_file_bytes(&restore->files[i]);
            show_read(operator_, done);
        }
    }
    for (uint32_t i = 0; i < restore->list_count; i++) {
        if (restore->lists[i].count != 0 && !is_dropped(operator_, &restore->lists[i])) {
            WR_TRY(restore_list(pass, &restore->lists[i], err));
        }
    }
    show_read(operator_, pass->read_before + wr_operator_restore_bytes(restore));
    return WEIR_OK;
}

static void
say_local_failed(const struct wr_operator *operator_, const weir_error *why)
{
    struct wr_log *log = operator_->context.environment->log;
    if (log != NULL) {
        struct wr_log_about about = { .module = WR_LOG_RESTORE,
                                      .level = WEIR_LOG_INFO,
                                      .status = why->status,
                                      .operator_name = operator_->plan->name,
                                      .subtask = operator_->context.subtask };
        wr_log_say_about(
            log, &about,
            "operator '%s' (%u/%u) is restored from its checkpoint, not from its local "
            "copy: %s",
            operator_->plan->name, operator_->context.subtask + 1, operator_->context.parallelism,
            why->message);
    }
}

weir_status
wr_operator_restore_state(struct wr_operator *operator_, weir_error *err)
{
    const struct wr_operator_restore *restore = &operator_->plan->restore;
    struct pass pass = { .operator_ = operator_,
                         .may_use_local = true,
                         .read_before = read_so_far(operator_) };
    weir_error why = { .status = WEIR_OK };
    weir_status status = restore_all(&pass, &why);
    if (status != WEIR_OK && pass.has_used_local) {
        say_local_failed(operator_, &why);
        pass.may_use_local = false;
        status = wr_operator_forget_restored(operator_, &why);
        if (status == WEIR_OK) {
            status = restore_all(&pass, &why);
        }
    }
    if (status != WEIR_OK) {
        if (err != NULL) {
            *err = why;
        }
        return wr_fail_context(
            err, status, "restoring checkpoint %llu: ", (unsigned long long)restore->checkpoint_id);
    }
    return WEIR_OK;
}
