/* SPDX-License-Identifier: Apache-2.0 */
/* manifest_encode: a manifest as bytes. The tables of bytes stand in the head of manifest_decode.c.
 *
 * What is written must be what the reader takes: anything else is refused here, by name, and not
 * found out at the restore. So the reader's checks stand in manifest_format.h, or are repeated.
 */
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/little.h"
#include "snapshot/descriptor.h"
#include "snapshot/manifest_format.h"
#include "types/encode.h"
#include "types/key_group.h"

#include <string.h>

/* --- checks --- */

static weir_status
check_subtask(const struct wr_manifest_operator *op, const struct wr_manifest_subtask *subtask,
              weir_error *err)
{
    if (subtask->index >= op->parallelism ||
        (subtask != op->subtasks && subtask->index <= subtask[-1].index)) {
        return wr_fail(err, WEIR_INVALID, "manifest: operator '%s': subtasks are not in order",
                       op->name);
    }
    for (uint32_t i = 0; i < subtask->file_count; i++) {
        const struct wr_manifest_file *file = &subtask->files[i];
        if (!wr_manifest_file_is_sound(file)) {
            return wr_fail(err, WEIR_INVALID,
                           "manifest: operator '%s': file %u ('%s') is neither a plain name "
                           "[A-Za-z0-9._-]+ nor one below ../shared, or its parts disagree",
                           op->name, i, file->path != NULL ? file->path : "");
        }
    }
    if (subtask->file_count != 0 && wr_manifest_own_file(subtask) == NULL) {
        return wr_fail(err, WEIR_INVALID,
                       "manifest: operator '%s': subtask %u has files but no state file", op->name,
                       subtask->index);
    }
    for (uint32_t i = 0; i < subtask->list_count; i++) {
        uint32_t state = subtask->lists[i].state;
        if (state >= op->state_count ||
            wr_state_kind_is_keyed(op->states[state].kind, op->states[state].list_mode)) {
            return wr_fail(err, WEIR_INVALID,
                           "manifest: operator '%s': state %u is no operator state", op->name,
                           state);
        }
    }
    return WEIR_OK;
}

static weir_status
check_operator(const struct wr_manifest_operator *op, weir_error *err)
{
    if (op->uid == NULL || op->name == NULL || op->backend == NULL ||
        strlen(op->uid) > WR_MANIFEST_TEXT_MAX || strlen(op->name) > WR_MANIFEST_TEXT_MAX ||
        strlen(op->backend) > WR_MANIFEST_TEXT_MAX) {
        return wr_fail(err, WEIR_INVALID,
                       "manifest: an operator's name, uid or backend is missing or over %d bytes",
                       WR_MANIFEST_TEXT_MAX);
    }
    if (op->parallelism == 0 || op->parallelism > op->max_parallelism ||
        op->max_parallelism > WR_MAX_PARALLELISM_LIMIT || op->subtask_count > op->parallelism) {
        return wr_fail(err, WEIR_INVALID,
                       "manifest: operator '%s': parallelism %u of %u with %u subtasks", op->name,
                       op->parallelism, op->max_parallelism, op->subtask_count);
    }
    for (uint32_t i = 0; i < op->state_count; i++) {
        weir_state_descriptor descriptor = wr_manifest_state_descriptor(&op->states[i]);
        if (!wr_descriptor_is_sound(&descriptor)) {
            return wr_fail(err, WEIR_INVALID,
                           "manifest: operator '%s': a state without name or type, or of no known "
                           "kind",
                           op->name);
        }
    }
    for (uint32_t i = 0; i < op->subtask_count; i++) {
        WR_TRY(check_subtask(op, &op->subtasks[i], err));
    }
    return WEIR_OK;
}

static weir_status
check_manifest(const struct wr_manifest *manifest, weir_error *err)
{
    if (!wr_is_hex_id(manifest->job_id) || !wr_is_hex_id(manifest->attempt)) {
        return wr_fail(err, WEIR_INVALID, "manifest: job id and attempt must be 32 hex digits");
    }
    if (manifest->job_name == NULL || strlen(manifest->job_name) > WR_MANIFEST_TEXT_MAX) {
        return wr_fail(err, WEIR_INVALID, "manifest: the job's name is missing or over %d bytes",
                       WR_MANIFEST_TEXT_MAX);
    }
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        WR_TRY(check_operator(&manifest->operators[i], err));
    }
    return WEIR_OK;
}

/* --- bytes --- */

/* Begins a section; its length is put in by end_section. */
static size_t
begin_section(struct wr_buffer *out, uint32_t kind, uint32_t version)
{
    wr_buffer_put_u32(out, kind);
    wr_buffer_put_u32(out, version);
    wr_buffer_put_u64(out, 0);
    return out->size;
}

static void
end_section(struct wr_buffer *out, size_t begin)
{
    if (!out->refused) {
        wr_put_u64(out->data + begin - sizeof(uint64_t), out->size - begin);
    }
}

static void
put_job(const struct wr_manifest *manifest, struct wr_buffer *out)
{
    size_t begin = begin_section(out, WR_SECTION_JOB, WR_SECTION_JOB_VERSION);
    wr_buffer_put_u64(out, manifest->checkpoint_id);
    wr_buffer_put_u32(out, (uint32_t)manifest->kind);
    wr_buffer_put_u64(out, (uint64_t)manifest->trigger_ms);
    wr_buffer_put_u64(out, (uint64_t)manifest->complete_ms);
    wr_buffer_put_u64(out, manifest->hash_seed);
    wr_buffer_put(out, manifest->job_id, WR_JOB_ID_SIZE - 1);
    wr_buffer_put(out, manifest->attempt, WR_ATTEMPT_SIZE - 1);
    wr_buffer_put_text(out, manifest->job_name);
    end_section(out, begin);
}

static void
put_file(const struct wr_manifest_file *file, struct wr_buffer *out)
{
    bool is_inlined = file->path[0] == '\0';
    wr_buffer_put_u8(out, (uint8_t)file->role);
    wr_buffer_put_u8(out, (uint8_t)((file->is_shared ? (unsigned)WR_FILE_FLAG_SHARED : 0) |
                                    (file->has_changes ? (unsigned)WR_FILE_FLAG_CHANGES : 0) |
                                    (is_inlined ? (unsigned)WR_FILE_FLAG_INLINED : 0)));
    wr_buffer_put_u16(out, 0);
    wr_buffer_put_text(out, file->path);
    wr_buffer_put_text(out, file->name);
    wr_buffer_put_u64(out, file->size);
    wr_buffer_put_u32(out, file->crc);
    wr_buffer_put_u64(out, file->checkpoint_id);
    wr_buffer_put(out, file->attempt, sizeof file->attempt);
    if (is_inlined) {
        wr_buffer_put(out, file->bytes.data, file->bytes.size);
    }
}

static void
put_subtask(const struct wr_manifest_subtask *subtask, struct wr_buffer *out)
{
    wr_buffer_put_u32(out, subtask->index);
    wr_buffer_put_u32(out, subtask->finished ? (uint32_t)WR_SUBTASK_FINISHED : 0);
    wr_buffer_put_u32(out, subtask->file_count);
    for (uint32_t i = 0; i < subtask->file_count; i++) {
        put_file(&subtask->files[i], out);
    }
    wr_buffer_put_u32(out, subtask->key_group_first);
    wr_buffer_put_u32(out, subtask->key_group_last);
    wr_buffer_put_u32(out, subtask->list_count);
    for (uint32_t i = 0; i < subtask->list_count; i++) {
        wr_buffer_put_u32(out, subtask->lists[i].state);
        wr_buffer_put_u64(out, subtask->lists[i].count);
    }
}

static void
put_operator(const struct wr_manifest_operator *op, struct wr_buffer *out)
{
    size_t begin = begin_section(out, WR_SECTION_OPERATOR, WR_SECTION_OPERATOR_VERSION);
    wr_buffer_put(out, op->id, sizeof op->id);
    wr_buffer_put_text(out, op->uid);
    wr_buffer_put_text(out, op->name);
    wr_buffer_put_text(out, op->backend);
    wr_buffer_put_u32(out, op->parallelism);
    wr_buffer_put_u32(out, op->max_parallelism);
    wr_buffer_put_u8(out, op->key_type != NULL);
    if (op->key_type != NULL) {
        wr_type_encode(op->key_type, out);
    }
    wr_buffer_put_u32(out, op->state_count);
    for (uint32_t i = 0; i < op->state_count; i++) {
        weir_state_descriptor descriptor = wr_manifest_state_descriptor(&op->states[i]);
        wr_descriptor_encode(&descriptor, out);
    }
    wr_buffer_put_u32(out, op->subtask_count);
    for (uint32_t i = 0; i < op->subtask_count; i++) {
        put_subtask(&op->subtasks[i], out);
    }
    end_section(out, begin);
}

weir_status
wr_manifest_encode(const struct wr_manifest *manifest, struct wr_buffer *out_bytes, weir_error *err)
{
    WR_TRY(check_manifest(manifest, err));
    size_t first = out_bytes->size;
    wr_buffer_put(out_bytes, WR_MANIFEST_MAGIC, WR_MANIFEST_MAGIC_SIZE);
    wr_buffer_put_u32(out_bytes, WR_MANIFEST_VERSION);
    wr_buffer_put_u32(out_bytes, 1 + manifest->operator_count);
    wr_buffer_put_u64(out_bytes, 0);
    put_job(manifest, out_bytes);
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        put_operator(&manifest->operators[i], out_bytes);
    }
    if (!out_bytes->refused) {
        uint64_t length = out_bytes->size - first + sizeof(uint32_t);
        wr_put_u64(out_bytes->data + first + WR_MANIFEST_LENGTH_AT, length);
        wr_buffer_put_u32(out_bytes,
                          wr_crc32c(0, out_bytes->data + first, out_bytes->size - first));
    }
    if (out_bytes->refused) {
        out_bytes->size = first;
        return wr_fail(err, WEIR_NOMEM, "no memory to write the manifest of checkpoint %llu",
                       (unsigned long long)manifest->checkpoint_id);
    }
    return WEIR_OK;
}
