/* SPDX-License-Identifier: Apache-2.0 */
/* storage/memory_storage.h: JobManager storage without a directory: complete checkpoints as the
 * bytes of their manifests, which hold the state too. They serve a restart inside the process and
 * go with it.
 *
 * Thread: coordinator.
 */
#ifndef WR_STORAGE_MEMORY_STORAGE_H
#define WR_STORAGE_MEMORY_STORAGE_H

#include "snapshot/manifest.h"

struct wr_memory_storage;

weir_status wr_memory_storage_create(const weir_alloc *alloc,
                                     struct wr_memory_storage **out_storage);
void wr_memory_storage_destroy(struct wr_memory_storage *storage); /* NULL ok */

/* Keeps a complete checkpoint. WEIR_INVALID: some of it stands in files. */
weir_status wr_memory_storage_complete(struct wr_memory_storage *storage,
                                       const struct wr_manifest *manifest, weir_error *err);
/* What is not there is no failure. */
void wr_memory_storage_drop(struct wr_memory_storage *storage, uint64_t checkpoint_id);
/* The id of the newest; 0: none. */
uint64_t wr_memory_storage_newest(const struct wr_memory_storage *storage);
uint64_t wr_memory_storage_bytes(const struct wr_memory_storage *storage);
/* Reads one back, as from a `_metadata`. WEIR_NOT_FOUND. */
weir_status wr_memory_storage_read(const struct wr_memory_storage *storage, uint64_t checkpoint_id,
                                   struct wr_manifest *manifest, weir_error *err);

#endif /* WR_STORAGE_MEMORY_STORAGE_H */
