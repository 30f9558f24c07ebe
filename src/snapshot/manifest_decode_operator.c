/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_decode_operator: the section of an operator: its states, its subtasks and their files.
 * The bytes and the invariants stand in the head of manifest_decode.c.
 */
#include "base/check.h"
#include "base/fail.h"
#include "snapshot/descriptor.h"
#include "snapshot/manifest_decoder.h"
#include "types/key_group.h"

#include <string.h>

static weir_status
take_state(struct wr_manifest_decoder *decoder, struct wr_manifest_state *state)
{
    size_t at = decoder->section_at + decoder->cursor.at;
    weir_state_descriptor descriptor;
    weir_status status = wr_descriptor_decode(&decoder->type_alloc, &decoder->cursor,
                                              decoder->version > 1, &descriptor, decoder->err);
    if (status != WEIR_OK) {
        return wr_fail_context(decoder->err, status, "manifest %s at offset %llu: ", decoder->path,
                               (unsigned long long)at);
    }
    wr_assert(state != NULL); /* its array was made for its count */
    *state = (struct wr_manifest_state){ .name = descriptor.name,
                                         .kind = descriptor.kind,
                                         .list_mode = descriptor.list_mode,
                                         .type = descriptor.type,
                                         .map_key_type = descriptor.map_key_type,
                                         .namespace_type = descriptor.namespace_type,
                                         .has_timestamps = descriptor.has_timestamps };
    return WEIR_OK;
}

static weir_status
take_lists(struct wr_manifest_decoder *decoder, const struct wr_manifest_operator *op,
           struct wr_manifest_subtask *subtask)
{
    enum {
        LIST_SIZE = 12
    };
    void *lists = NULL;
    WR_TRY(
        wr_decoder_array(decoder, LIST_SIZE, sizeof *subtask->lists, &subtask->list_count, &lists));
    subtask->lists = lists;
    wr_assert(lists != NULL || subtask->list_count == 0);
    for (uint32_t i = 0; i < subtask->list_count; i++) {
        subtask->lists[i].state = wr_cursor_u32(&decoder->cursor);
        subtask->lists[i].count = wr_cursor_u64(&decoder->cursor);
        uint32_t state = subtask->lists[i].state;
        if (state >= op->state_count ||
            wr_state_kind_is_keyed(op->states[state].kind, op->states[state].list_mode)) {
            return wr_decoder_fail_malformed(decoder,
                                             "elements of a state that is no operator state");
        }
    }
    return WEIR_OK;
}

/* Version 1: one file, this checkpoint's own. */
static weir_status
take_single_file(struct wr_manifest_decoder *decoder, struct wr_manifest_subtask *subtask)
{
    const struct wr_manifest *manifest = decoder->manifest;
    struct wr_manifest_file *file = wr_arena_new(&decoder->manifest->arena, sizeof *file);
    if (file == NULL) {
        return wr_decoder_fail_memory(decoder);
    }
    file->role = WR_FILE_BLOCKS;
    file->name = "";
    file->checkpoint_id = manifest->checkpoint_id;
    wr_hex_id_bytes(manifest->attempt, file->attempt);
    WR_TRY(wr_decoder_text(decoder, &file->path));
    file->size = wr_cursor_u64(&decoder->cursor);
    file->crc = wr_cursor_u32(&decoder->cursor);
    subtask->files = file;
    subtask->file_count = 1;
    bool is_plain = file->path[0] != '\0' && wr_manifest_file_is_sound(file);
    return is_plain
               ? WEIR_OK
               : wr_decoder_fail_malformed(decoder, "a file's name is not plain: [A-Za-z0-9._-]+");
}

/* The bytes of an inlined file, copied into the arena. */
static weir_status
take_inlined(struct wr_manifest_decoder *decoder, struct wr_manifest_file *file)
{
    if (file->size > wr_cursor_left(&decoder->cursor)) {
        return wr_decoder_fail_malformed(decoder, "an inlined file is larger than what follows");
    }
    const uint8_t *bytes = wr_cursor_bytes(&decoder->cursor, (size_t)file->size);
    uint8_t *copy = wr_arena_new(&decoder->manifest->arena, (size_t)file->size);
    if (copy == NULL) {
        return wr_decoder_fail_memory(decoder);
    }
    if (file->size > 0) {
        memcpy(copy, bytes, (size_t)file->size);
    }
    file->bytes = weir_bytes_of(copy, (size_t)file->size);
    return WEIR_OK;
}

static weir_status
take_file(struct wr_manifest_decoder *decoder, struct wr_manifest_file *file)
{
    struct wr_cursor *cursor = &decoder->cursor;
    wr_assert(file != NULL);
    file->role = (enum wr_manifest_file_role)wr_cursor_u8(cursor);
    unsigned flags = wr_cursor_u8(cursor);
    uint16_t zero = wr_cursor_u16(cursor);
    WR_TRY(wr_decoder_text(decoder, &file->path));
    WR_TRY(wr_decoder_text(decoder, &file->name));
    file->size = wr_cursor_u64(cursor);
    file->crc = wr_cursor_u32(cursor);
    file->checkpoint_id = wr_cursor_u64(cursor);
    const uint8_t *attempt = wr_cursor_bytes(cursor, sizeof file->attempt);
    bool is_inlined = (flags & WR_FILE_FLAG_INLINED) != 0;
    if (attempt == NULL || zero != 0 || is_inlined != (file->path[0] == '\0') ||
        flags > (WR_FILE_FLAG_SHARED | WR_FILE_FLAG_CHANGES | WR_FILE_FLAG_INLINED)) {
        return wr_decoder_fail_malformed(decoder, "a file is cut off, or has unknown flags");
    }
    memcpy(file->attempt, attempt, sizeof file->attempt);
    file->is_shared = (flags & WR_FILE_FLAG_SHARED) != 0;
    file->has_changes = (flags & WR_FILE_FLAG_CHANGES) != 0;
    if (is_inlined) {
        WR_TRY(take_inlined(decoder, file));
    }
    if (!wr_manifest_file_is_sound(file)) {
        return wr_decoder_fail_malformed(decoder, "a file's name or place is not one of ours");
    }
    return WEIR_OK;
}

static weir_status
take_files(struct wr_manifest_decoder *decoder, struct wr_manifest_subtask *subtask)
{
    enum {
        FILE_SIZE_MIN = 48
    };
    void *files = NULL;
    WR_TRY(wr_decoder_array(decoder, FILE_SIZE_MIN, sizeof *subtask->files, &subtask->file_count,
                            &files));
    subtask->files = files;
    for (uint32_t i = 0; i < subtask->file_count; i++) {
        WR_TRY(take_file(decoder, &subtask->files[i]));
    }
    if (subtask->file_count != 0 && wr_manifest_own_file(subtask) == NULL) {
        return wr_decoder_fail_malformed(decoder, "a subtask has files but no state file");
    }
    return WEIR_OK;
}

static weir_status
take_subtask(struct wr_manifest_decoder *decoder, const struct wr_manifest_operator *op,
             struct wr_manifest_subtask *subtask)
{
    struct wr_cursor *cursor = &decoder->cursor;
    wr_assert(subtask != NULL);
    subtask->index = wr_cursor_u32(cursor);
    uint32_t flags = wr_cursor_u32(cursor);
    uint32_t known = WR_SUBTASK_FINISHED;
    known |= decoder->version == 1 ? (uint32_t)WR_SUBTASK_HAS_FILE : 0;
    bool is_in_order = subtask == op->subtasks || subtask->index > subtask[-1].index;
    if (cursor->failed || subtask->index >= op->parallelism || !is_in_order ||
        (flags & ~known) != 0) {
        return wr_decoder_fail_malformed(decoder,
                                         "a subtask is out of order, or has unknown flags");
    }
    subtask->finished = (flags & WR_SUBTASK_FINISHED) != 0;
    if (decoder->version > 1) {
        WR_TRY(take_files(decoder, subtask));
    } else if ((flags & WR_SUBTASK_HAS_FILE) != 0) {
        WR_TRY(take_single_file(decoder, subtask));
    }
    subtask->key_group_first = wr_cursor_u32(cursor);
    subtask->key_group_last = wr_cursor_u32(cursor);
    if (subtask->key_group_first <= subtask->key_group_last &&
        subtask->key_group_last >= op->max_parallelism) {
        return wr_decoder_fail_malformed(decoder, "a key group that the operator does not have");
    }
    return take_lists(decoder, op, subtask);
}

weir_status
wr_manifest_decode_operator(struct wr_manifest_decoder *decoder, struct wr_manifest_operator *op)
{
    enum {
        STATE_SIZE_MIN = 8,
        SUBTASK_SIZE_MIN = 20
    };
    struct wr_cursor *cursor = &decoder->cursor;
    const uint8_t *id = wr_cursor_bytes(cursor, sizeof op->id);
    if (id == NULL) {
        return wr_decoder_fail_malformed(decoder, "an operator's section is cut off");
    }
    memcpy(op->id, id, sizeof op->id);
    WR_TRY(wr_decoder_text(decoder, &op->uid));
    WR_TRY(wr_decoder_text(decoder, &op->name));
    WR_TRY(wr_decoder_text(decoder, &op->backend));
    op->parallelism = wr_cursor_u32(cursor);
    op->max_parallelism = wr_cursor_u32(cursor);
    uint8_t is_keyed = wr_cursor_u8(cursor);
    if (cursor->failed || op->parallelism == 0 || op->parallelism > op->max_parallelism ||
        op->max_parallelism > WR_MAX_PARALLELISM_LIMIT || is_keyed > 1) {
        return wr_decoder_fail_malformed(decoder, "an operator's parallelism is not possible");
    }
    if (is_keyed != 0) {
        WR_TRY(wr_decoder_type(decoder, &op->key_type));
    }
    void *array = NULL;
    WR_TRY(wr_decoder_array(decoder, STATE_SIZE_MIN, sizeof *op->states, &op->state_count, &array));
    op->states = array;
    for (uint32_t i = 0; i < op->state_count; i++) {
        WR_TRY(take_state(decoder, &op->states[i]));
    }
    WR_TRY(wr_decoder_array(decoder, SUBTASK_SIZE_MIN, sizeof *op->subtasks, &op->subtask_count,
                            &array));
    op->subtasks = array;
    for (uint32_t i = 0; i < op->subtask_count; i++) {
        WR_TRY(take_subtask(decoder, op, &op->subtasks[i]));
    }
    return WEIR_OK;
}
