/* SPDX-License-Identifier: Apache-2.0 */
/* operator_restore: what a checkpoint holds of one operator subtask, back into backend and lists.
 *
 *   files marked keyed   header, directory, footer verified -> states entered -> the backend
 *                        inserts the blocks whose key group is ours
 *   lists                elements [first, first + count) of a list in a file, in the order given
 *
 * What is restored but never asked for by the function stays: it is entered here, and so the next
 * checkpoint contains it again.
 */
#include "base/fail.h"
#include "runtime/operator.h"
#include "runtime/work_directory.h"

#include <string.h>

static weir_status
open_file(struct wr_operator *operator_, const struct wr_restore_file *file,
          const struct wr_restore_engine_file *engine_files, weir_block_reader **out_reader,
          weir_error *err)
{
    const struct wr_task_environment *environment = operator_->context.environment;
    struct wr_state_file_open parameters = { .os = environment->os,
                                             .alloc = environment->alloc,
                                             .path = file->path,
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
                                             .writer_key_group_last = file->key_group_last };
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
restore_opened(struct wr_operator *operator_, const struct wr_restore_file *file,
               const struct wr_restore_engine_file *engine_files, weir_error *err)
{
    weir_block_reader *reader = NULL;
    WR_TRY(open_file(operator_, file, engine_files, &reader, err));
    weir_status status = enter_states(operator_, reader, err);
    if (status == WEIR_OK) {
        status = weir_backend_restore(operator_->backend, reader, err);
    }
    wr_state_file_close(reader);
    return status;
}

static weir_status
restore_keyed(struct wr_operator *operator_, uint32_t number, weir_error *err)
{
    const struct wr_restore_file *file = &operator_->plan->restore.files[number];
    WR_TRY(wr_operator_need_backend(operator_, err));
    struct wr_arena arena; /* of the unfolded paths, until the engine has taken the files over */
    wr_arena_init(&arena, &operator_->context.environment->alloc);
    struct wr_restore_engine_file *engine_files = NULL;
    weir_status status = WEIR_OK;
    if (file->engine_file_count != 0) {
        status = wr_work_directory_unfold(operator_, &arena, file, number, &engine_files, err);
    }
    if (status == WEIR_OK) {
        status = restore_opened(operator_, file, engine_files, err);
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
    weir_error *err;
};

static weir_status
take_element(void *argument, size_t index, weir_bytes value)
{
    struct share *share = argument;
    if (index < share->first || share->left == 0) {
        return WEIR_OK;
    }
    share->left--;
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

static weir_status
restore_list(struct wr_operator *operator_, const struct wr_restore_list *list, weir_error *err)
{
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
                           .err = err };
    weir_block_reader *reader = NULL;
    WR_TRY(open_file(operator_, file, NULL, &reader, err));
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
    return status;
}

weir_status
wr_operator_restore_state(struct wr_operator *operator_, weir_error *err)
{
    const struct wr_operator_restore *restore = &operator_->plan->restore;
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < restore->file_count; i++) {
        if (restore->files[i].keyed) {
            status = restore_keyed(operator_, i, err);
        }
    }
    for (uint32_t i = 0; status == WEIR_OK && i < restore->list_count; i++) {
        if (restore->lists[i].count != 0) {
            status = restore_list(operator_, &restore->lists[i], err);
        }
    }
    if (status != WEIR_OK) {
        return wr_fail_context(
            err, status, "restoring checkpoint %llu: ", (unsigned long long)restore->checkpoint_id);
    }
    return WEIR_OK;
}
