/* SPDX-License-Identifier: Apache-2.0 */
/* tests/model/shrink.h: runs in processes of their own; those that fail made small, and written
 * down. */
#ifndef WEIR_TESTS_MODEL_SHRINK_H
#define WEIR_TESTS_MODEL_SHRINK_H

#include "model/state_model.h"

/* Zeroed counts that a child's run adds to. */
struct model_counts *shared_counts(void);
/* Carries the run out in a child; false: it failed, crashed, or took over two minutes. */
bool run_apart(const struct model_run *run, struct model_counts *counts);
/* Leaves operations out of run->ops (which is `ops`) while it still fails, writes what is left to a
 * file and says how to replay it. Returns the file's path. */
const char *shrink_and_report(struct model_run *run, struct model_op *ops);
/* False: it is no such file; says so. */
bool replay_read(const char *path, struct model_run *out_run, struct model_op *ops);

#endif /* WEIR_TESTS_MODEL_SHRINK_H */
