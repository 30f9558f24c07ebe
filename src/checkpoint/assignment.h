/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint/assignment.h: which parts of a checkpoint each new subtask reads. Pure.
 *
 * Keyed state: the files whose key-group range meets the subtask's (Flink's KG3). Operator state:
 * OS1 (split: own list back when the parallelism is unchanged, else dealt round-robin in
 * consecutive shares, the extra element's start rotating over state names) and OS2 (union: all to
 * everyone).
 */
#ifndef WR_CHECKPOINT_ASSIGNMENT_H
#define WR_CHECKPOINT_ASSIGNMENT_H

#include "base/memory.h"
#include "snapshot/restore.h"

/* An operator of the new job. */
struct wr_assignment_operator {
    uint8_t id[16];
    const char *uid; /* "" : none */
    const char *name;
    uint32_t parallelism;
    uint32_t max_parallelism;  /* after wr_assignment_check */
    bool max_parallelism_set;  /* by the user; else the snapshot's is taken over */
    bool has_finish;           /* its function has a finish() */
    const weir_type *key_type; /* NULL: not keyed */
};

/* Checks the snapshot against the job: an operator of the snapshot that has state and is missing in
 * the job is refused unless allow_non_restored_state (WEIR_VERSION, Flink's sense, with uid and
 * name and the nearest operators of the job); maximum parallelism by KG6 (WEIR_VERSION;
 * operators[i].max_parallelism is set); key types must be equal (WEIR_VERSION with both); partly
 * finished operators with finish() cannot be rescaled. out_new (operator_count flags, may be NULL)
 * tells which are not in the snapshot. */
weir_status wr_assignment_check(const struct wr_manifest *manifest,
                                struct wr_assignment_operator *operators, size_t operator_count,
                                bool allow_non_restored_state, bool *out_new, weir_error *err);

/* What subtask `subtask` of the operator reads; memory from the arena, texts lent from the
 * manifest. `directory` is the checkpoint's. */
weir_status wr_assignment_make(const struct wr_manifest *manifest, const char *directory,
                               const struct wr_assignment_operator *operator_, uint32_t subtask,
                               struct wr_arena *arena, struct wr_operator_restore *out_restore,
                               weir_error *err);

#endif /* WR_CHECKPOINT_ASSIGNMENT_H */
