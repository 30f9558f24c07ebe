/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/work_directory.h: an operator subtask's own directory, for engines that keep files. Below
 * the job's, which the job removes in the end whatever stayed. Thread: task. */
#ifndef WR_RUNTIME_WORK_DIRECTORY_H
#define WR_RUNTIME_WORK_DIRECTORY_H

#include "runtime/operator.h"

/* Makes it, empty, and keeps its path in operator_->directory, which stays NULL where the job has
 * none. */
weir_status wr_work_directory_make(struct wr_operator *operator_, weir_error *err);
void wr_work_directory_remove(struct wr_operator *operator_);

/* The engine's files of one state file to be restored, with inlined ones written to where an engine
 * can take them: beside its directory, in "restore-<number>". A copy in the arena. */
weir_status wr_work_directory_unfold(struct wr_operator *operator_, struct wr_arena *arena,
                                     const struct wr_restore_file *file, uint32_t number,
                                     struct wr_restore_engine_file **out_files, weir_error *err);

#endif /* WR_RUNTIME_WORK_DIRECTORY_H */
