/* SPDX-License-Identifier: Apache-2.0 */
/* manifest: the life of a manifest in memory, and reading one from a file.
 *
 * What a `_metadata` is, is told by its first four bytes: weir's own begin "WEIR", Flink's
 * savepoints and checkpoints with 0x4960672D, big-endian.
 */
#include "base/check.h"
#include "base/fail.h"
#include "os/file.h"
#include "snapshot/manifest_format.h"

#include <string.h>

/* What a `_metadata` may have: some hundred subtask entries for each of 32,768 key groups. */
static const uint64_t manifest_size_max = (uint64_t)256 << 20;

static const uint8_t flink_magic[4] = { 0x49, 0x60, 0x67, 0x2D };

void
wr_manifest_init(struct wr_manifest *manifest, const weir_alloc *alloc)
{
    *manifest = (struct wr_manifest){ .job_name = "" };
    wr_arena_init(&manifest->arena, alloc);
}

void
wr_manifest_fini(struct wr_manifest *manifest)
{
    weir_alloc alloc = manifest->arena.alloc;
    wr_arena_fini(&manifest->arena);
    wr_manifest_init(manifest, &alloc);
}

weir_status
wr_manifest_read(struct wr_manifest *manifest, struct wr_os *os, const char *path, weir_error *err)
{
    struct wr_buffer bytes;
    wr_buffer_init(&bytes, &manifest->arena.alloc);
    weir_status status = wr_file_read_whole(os, path, manifest_size_max, &bytes, err);
    if (status == WEIR_OK && bytes.size >= sizeof flink_magic &&
        memcmp(bytes.data, flink_magic, sizeof flink_magic) == 0) {
        status = wr_fail(
            err, WEIR_UNSUPPORTED,
            "%s is a savepoint or checkpoint that Flink wrote; this version restores weir's "
            "own checkpoints only",
            path);
    } else if (status == WEIR_OK) {
        status = wr_manifest_decode(manifest, path, weir_bytes_of(bytes.data, bytes.size), err);
    }
    wr_buffer_fini(&bytes);
    return status;
}

const struct wr_manifest_operator *
wr_manifest_find(const struct wr_manifest *manifest, const uint8_t id[16])
{
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        if (memcmp(manifest->operators[i].id, id, 16) == 0) {
            return &manifest->operators[i];
        }
    }
    return NULL;
}

bool
wr_is_plain_name(const char *name)
{
    size_t size = strnlen(name, WR_FILE_NAME_MAX + 1);
    if (size == 0 || size > WR_FILE_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return false;
    }
    return name[strspn(
               name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

weir_state_descriptor
wr_manifest_state_descriptor(const struct wr_manifest_state *state)
{
    return (weir_state_descriptor){ .size = sizeof(weir_state_descriptor),
                                    .kind = state->kind,
                                    .list_mode = state->list_mode,
                                    .name = state->name,
                                    .type = state->type,
                                    .map_key_type = state->map_key_type,
                                    .namespace_type = state->namespace_type,
                                    .has_timestamps = state->has_timestamps };
}

const struct wr_manifest_file *
wr_manifest_own_file(const struct wr_manifest_subtask *subtask)
{
    for (uint32_t i = subtask->file_count; i-- > 0;) {
        if (subtask->files[i].role == WR_FILE_BLOCKS) {
            return &subtask->files[i];
        }
    }
    return NULL;
}

const char *
wr_manifest_shared_name(const struct wr_manifest_file *file)
{
    size_t prefix_size = sizeof WR_SHARED_PREFIX - 1;
    return strncmp(file->path, WR_SHARED_PREFIX, prefix_size) == 0 ? file->path + prefix_size
                                                                   : NULL;
}

bool
wr_manifest_file_is_sound(const struct wr_manifest_file *file)
{
    if (file->path == NULL || file->name == NULL) {
        return false;
    }
    bool is_inlined = file->path[0] == '\0';
    const char *shared = wr_manifest_shared_name(file);
    bool is_engine = file->role == WR_FILE_ENGINE;
    return (is_engine || file->role == WR_FILE_BLOCKS) &&
           (is_inlined || wr_is_plain_name(shared != NULL ? shared : file->path)) &&
           file->is_shared == (shared != NULL) && (!is_inlined || file->bytes.size == file->size) &&
           (is_engine ? wr_is_plain_name(file->name) && !file->has_changes : file->name[0] == '\0');
}

void
wr_hex_id_bytes(const char *text, uint8_t out[16])
{
    static const char digits[] = "0123456789abcdef";
    wr_assert(wr_is_hex_id(text));
    for (size_t i = 0; i < 16; i++) {
        const char *high = strchr(digits, text[2 * i]);
        const char *low = strchr(digits, text[2 * i + 1]);
        out[i] = (uint8_t)((high - digits) * 16 + (low - digits));
    }
}

bool
wr_is_hex_id(const char *text)
{
    return strspn(text, "0123456789abcdef") == WR_JOB_ID_SIZE - 1 &&
           text[WR_JOB_ID_SIZE - 1] == '\0';
}
