/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/snapshot_files.h: which files make up an operator subtask's state in a checkpoint: its
 * own, and where it is incremental those of the completed one that it builds on. For snapshot.c.
 *
 * Thread: task.
 */
#ifndef WR_RUNTIME_SNAPSHOT_FILES_H
#define WR_RUNTIME_SNAPSHOT_FILES_H

#include "runtime/file_base.h"
#include "snapshot/state_file.h"

/* Whether a snapshot may be incremental: there is one to build on, completed in this life, and the
 * changes since the last full one are fewer than half of it. NULL: no. */
bool wr_snapshot_may_change(const struct wr_file_base *base);

/* For weir_block_writer_add_file; the argument is the base. */
bool wr_snapshot_file_is_known(void *argument, const char *name, uint64_t bytes);

/* What is written of a part, once its reply is OK. */
struct wr_written_part {
    const struct wr_file_base *base; /* what it was allowed to refer to; NULL: nothing */
    weir_block_writer *writer;
    struct wr_state_file_result *result; /* inlined bytes are taken out of it */
    const char *file;                    /* the state file's name */
    uint64_t checkpoint_id;
    bool may_be_shared; /* later ones may refer to its files */
};
/* The files in the order of restore, for the report; and those of them that later checkpoints may
 * refer to (NULL: that is not asked). WEIR_NOMEM. */
weir_status wr_snapshot_list_files(const struct wr_written_part *part,
                                   struct wr_file_list *out_files, struct wr_file_list *out_next);

#endif /* WR_RUNTIME_SNAPSHOT_FILES_H */
