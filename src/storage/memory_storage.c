/* SPDX-License-Identifier: Apache-2.0 */
/* memory_storage: a list of encoded manifests, newest first.
 *
 * Kept as bytes, not as trees: what was encoded and is decoded again has passed the checks of the
 * format, and shares nothing with the tasks that it came from.
 */
#include "storage/memory_storage.h"

#include "base/fail.h"
#include "base/memory.h"

struct kept {
    struct kept *next;
    uint64_t checkpoint_id;
    struct wr_buffer bytes;
};

struct wr_memory_storage {
    weir_alloc alloc;
    struct kept *newest;
};

weir_status
wr_memory_storage_create(const weir_alloc *alloc, struct wr_memory_storage **out_storage)
{
    struct wr_memory_storage *storage = wr_memory_new(alloc, sizeof *storage);
    if (storage == NULL) {
        return WEIR_NOMEM;
    }
    storage->alloc = *alloc;
    *out_storage = storage;
    return WEIR_OK;
}

static void
destroy_kept(const weir_alloc *alloc, struct kept *kept)
{
    wr_buffer_fini(&kept->bytes);
    wr_memory_free(alloc, kept, sizeof *kept);
}

void
wr_memory_storage_destroy(struct wr_memory_storage *storage)
{
    if (storage == NULL) {
        return;
    }
    weir_alloc alloc = storage->alloc;
    while (storage->newest != NULL) {
        struct kept *next = storage->newest->next;
        destroy_kept(&alloc, storage->newest);
        storage->newest = next;
    }
    wr_memory_free(&alloc, storage, sizeof *storage);
}

static bool
is_all_inlined(const struct wr_manifest *manifest)
{
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        const struct wr_manifest_operator *op = &manifest->operators[i];
        for (uint32_t j = 0; j < op->subtask_count; j++) {
            for (uint32_t k = 0; k < op->subtasks[j].file_count; k++) {
                if (op->subtasks[j].files[k].path[0] != '\0') {
                    return false;
                }
            }
        }
    }
    return true;
}

weir_status
wr_memory_storage_complete(struct wr_memory_storage *storage, const struct wr_manifest *manifest,
                           weir_error *err)
{
    if (!is_all_inlined(manifest)) {
        return wr_fail(err, WEIR_INVALID, "checkpoint %llu is to be kept in memory, but has files",
                       (unsigned long long)manifest->checkpoint_id);
    }
    struct kept *kept = wr_memory_new(&storage->alloc, sizeof *kept);
    if (kept == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory to keep checkpoint %llu",
                       (unsigned long long)manifest->checkpoint_id);
    }
    wr_buffer_init(&kept->bytes, &storage->alloc);
    weir_status status = wr_manifest_encode(manifest, &kept->bytes, err);
    if (status != WEIR_OK) {
        destroy_kept(&storage->alloc, kept);
        return status;
    }
    kept->checkpoint_id = manifest->checkpoint_id;
    kept->next = storage->newest;
    storage->newest = kept;
    return WEIR_OK;
}

void
wr_memory_storage_drop(struct wr_memory_storage *storage, uint64_t checkpoint_id)
{
    struct kept **at = &storage->newest;
    while (*at != NULL && (*at)->checkpoint_id != checkpoint_id) {
        at = &(*at)->next;
    }
    struct kept *kept = *at;
    if (kept != NULL) {
        *at = kept->next;
        destroy_kept(&storage->alloc, kept);
    }
}

uint64_t
wr_memory_storage_newest(const struct wr_memory_storage *storage)
{
    return storage->newest != NULL ? storage->newest->checkpoint_id : 0;
}

uint64_t
wr_memory_storage_bytes(const struct wr_memory_storage *storage)
{
    uint64_t bytes = 0;
    for (const struct kept *at = storage->newest; at != NULL; at = at->next) {
        bytes += at->bytes.size;
    }
    return bytes;
}

weir_status
wr_memory_storage_read(const struct wr_memory_storage *storage, uint64_t checkpoint_id,
                       struct wr_manifest *manifest, weir_error *err)
{
    for (const struct kept *at = storage->newest; at != NULL; at = at->next) {
        if (at->checkpoint_id == checkpoint_id) {
            return wr_manifest_decode(manifest, "kept in memory",
                                      weir_bytes_of(at->bytes.data, at->bytes.size), err);
        }
    }
    return wr_fail(err, WEIR_NOT_FOUND, "checkpoint %llu is not kept in memory",
                   (unsigned long long)checkpoint_id);
}
