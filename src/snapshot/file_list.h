/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot/file_list.h: the files that make up one operator subtask's state in a checkpoint, as
 * they travel from the task to the manifest: texts and bytes are its own. For the runtime and job.
 *
 * Thread: whoever holds it.
 */
#ifndef WR_SNAPSHOT_FILE_LIST_H
#define WR_SNAPSHOT_FILE_LIST_H

#include "base/buffer.h"
#include "snapshot/manifest_format.h"

struct wr_file_entry {
    enum wr_manifest_file_role role;
    char file[WR_FILE_NAME_MAX + 1];   /* in the checkpoint's directory, or in shared */
    char name[WR_ENGINE_NAME_MAX + 1]; /* ENGINE: the engine's; else "" */
    bool is_shared;
    bool has_changes;
    bool is_inlined;
    uint64_t size;
    uint32_t crc;
    uint64_t checkpoint_id; /* that wrote it, in this attempt */
    struct wr_buffer bytes; /* where is_inlined */
};

/* In the order of restore. */
struct wr_file_list {
    weir_alloc alloc;
    struct wr_file_entry *entries;
    uint32_t count;
    uint32_t capacity;
};

void wr_file_list_init(struct wr_file_list *list, const weir_alloc *alloc);
void wr_file_list_fini(struct wr_file_list *list); /* empty again */
/* The entry is copied, its bytes are taken on WEIR_OK. */
weir_status wr_file_list_add(struct wr_file_list *list, const struct wr_file_entry *entry);
/* Adds those that later checkpoints may refer to; they have no bytes. `role` 0: of both. */
weir_status wr_file_list_add_shared(struct wr_file_list *list, const struct wr_file_list *from,
                                    unsigned role);
/* The shared engine's file of this name and size. NULL: none. */
const struct wr_file_entry *wr_file_list_find(const struct wr_file_list *list, const char *name,
                                              uint64_t size);
uint64_t wr_file_list_inlined_bytes(const struct wr_file_list *list);
/* Of its shared state files: what those hold that have changes, or that have not. */
uint64_t wr_file_list_blocks_bytes(const struct wr_file_list *list, bool has_changes);

#endif /* WR_SNAPSHOT_FILE_LIST_H */
