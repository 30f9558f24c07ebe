/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint/nearest.h: which operators of a job a lost one may have been, for the words of a
 * refusal. */
#ifndef WR_CHECKPOINT_NEAREST_H
#define WR_CHECKPOINT_NEAREST_H

#include "checkpoint/assignment.h"

enum {
    WR_NEAREST_MAX = 3
};

/* The operators whose name or uid is nearest to these, by edit distance over their first
 * 64 bytes, nearest first, equals in the job's order; returns how many. */
size_t wr_nearest_operators(const struct wr_assignment_operator *operators, size_t operator_count,
                            const char *name, const char *uid, size_t out_index[WR_NEAREST_MAX]);

#endif /* WR_CHECKPOINT_NEAREST_H */
