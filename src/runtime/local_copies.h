/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/local_copies.h: a checkpoint's second copies on local disks, and a restore from them. For
 * the snapshot and the operator's restore. None of it fails anything.
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_LOCAL_COPIES_H
#define WR_RUNTIME_LOCAL_COPIES_H

#include "runtime/snapshot_parts.h"

/* The part is durable: its keyed files are copied, unless it is a savepoint's or holds records
 * in flight. Before the checkpoint is acknowledged. */
void wr_local_copies_begin(struct wr_snapshot_part *part);
/* What becomes of them once the checkpoint is decided. */
void wr_local_copies_settle(struct wr_snapshot_part *part, bool completed);

/* Where the copy of a checkpoint's file is, into out (WR_PATH_MAX). False: there is none of that
 * size, or local copies are not to be used. */
bool wr_local_copies_find(const struct wr_operator *operator_, const char *path,
                          const struct wr_state_file_identity *identity, uint64_t size, char *out);

#endif /* WR_RUNTIME_LOCAL_COPIES_H */
