/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/restore.h: what one operator subtask is to read of a checkpoint. Made by
 * checkpoint/assignment, carried by job, used by runtime/task. */
#ifndef WR_SNAPSHOT_RESTORE_H
#define WR_SNAPSHOT_RESTORE_H

#include "snapshot/manifest.h"
#include "snapshot/state_file.h"

struct wr_restore_file {
    const char *path; /* of the file itself; for words where the bytes stand in the manifest */
    struct wr_state_file_identity identity;
    uint64_t size;
    uint32_t crc;
    bool keyed; /* holds key groups of this subtask's range */
    bool has_changes;
    bool is_inlined;
    weir_bytes bytes; /* where is_inlined: in the manifest, lent */
    /* The engine's own files that belong to it, and the range of the subtask that wrote them. */
    struct wr_restore_engine_file *engine_files;
    uint32_t engine_file_count;
    uint32_t key_group_first;
    uint32_t key_group_last;
};

/* Elements [first, first + count) of the list in that file; of a broadcast state all entries. */
struct wr_restore_list {
    uint32_t file; /* index into files */
    const struct wr_manifest_state *state;
    uint64_t first;
    uint64_t count;
};

struct wr_operator_restore {
    bool restored; /* the operator was in the snapshot */
    bool finished; /* its finish() had been called: not again */
    uint64_t checkpoint_id;
    struct wr_restore_file *files;
    uint32_t file_count;
    struct wr_restore_list *lists; /* in the order the elements are to be added */
    uint32_t list_count;
};

static inline uint64_t
wr_restore_file_bytes(const struct wr_restore_file *file)
{
    uint64_t bytes = file->size;
    for (uint32_t i = 0; i < file->engine_file_count; i++) {
        bytes += file->engine_files[i].size;
    }
    return bytes;
}

/* Of all its files. */
static inline uint64_t
wr_operator_restore_bytes(const struct wr_operator_restore *restore)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < restore->file_count; i++) {
        bytes += wr_restore_file_bytes(&restore->files[i]);
    }
    return bytes;
}

#endif /* WR_SNAPSHOT_RESTORE_H */
