/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/file_base.h: what snapshots of an operator subtask may build on: the files of a completed
 * checkpoint that later ones may refer to. For the snapshot.
 *
 * Several snapshots may be open at once, and a checkpoint may complete while a newer one, begun
 * before that, still builds on an older: so each keeps what it began on. Thread: task.
 */
#ifndef WR_RUNTIME_FILE_BASE_H
#define WR_RUNTIME_FILE_BASE_H

#include "snapshot/file_list.h"

/* Shared; never changed once its checkpoint is complete. */
struct wr_file_base {
    weir_alloc alloc;
    uint32_t uses;
    uint64_t checkpoint_id;
    struct wr_file_list files;
};

/* An empty one, in use once. NULL: no memory. */
struct wr_file_base *wr_file_base_create(const weir_alloc *alloc, uint64_t checkpoint_id);
struct wr_file_base *wr_file_base_ref(struct wr_file_base *base); /* NULL: NULL */
void wr_file_base_unref(struct wr_file_base *base);               /* NULL: nothing */

#endif /* WR_RUNTIME_FILE_BASE_H */
