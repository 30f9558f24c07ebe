/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint/shared_registry.h: which files below `shared` which complete checkpoints need. Pure:
 * it decides, the storage removes. Flink's CP18, by exact sets.
 *
 *   add(7: a b)  add(8: a c)  add(9: d)  drop(7) -> b  drop(8) -> a c
 *
 * Invariants:
 *   (1) A file is given out by the drop of the last checkpoint that needs it, once, and never
 *       before.
 *   (2) Dropping needs no memory: what is to be removed was listed when it was added.
 * Thread: coordinator.
 */
#ifndef WR_CHECKPOINT_SHARED_REGISTRY_H
#define WR_CHECKPOINT_SHARED_REGISTRY_H

#include "snapshot/manifest.h"

struct wr_shared_registry;

/* A file that no checkpoint needs any more; the receiver's, freed with wr_shared_files_free. */
struct wr_shared_file {
    struct wr_shared_file *next;
    uint32_t uses; /* by how many checkpoints */
    uint64_t size;
    uint32_t crc;
    char name[];
};

weir_status wr_shared_registry_create(const weir_alloc *alloc,
                                      struct wr_shared_registry **out_registry);
void wr_shared_registry_destroy(struct wr_shared_registry *registry); /* NULL ok */

/* A complete checkpoint, once; all or nothing. WEIR_CORRUPT: it says another size or checksum of a
 * file than an earlier one did. */
weir_status wr_shared_registry_add(struct wr_shared_registry *registry,
                                   const struct wr_manifest *manifest, weir_error *err);
/* The checkpoint is to be dropped: the files that it was the last to need. NULL: none. */
struct wr_shared_file *wr_shared_registry_drop(struct wr_shared_registry *registry,
                                               uint64_t checkpoint_id);
void wr_shared_files_free(const weir_alloc *alloc, struct wr_shared_file *files);

bool wr_shared_registry_needs(const struct wr_shared_registry *registry, const char *name);
size_t wr_shared_registry_count(const struct wr_shared_registry *registry); /* files */

#endif /* WR_CHECKPOINT_SHARED_REGISTRY_H */
