/* SPDX-License-Identifier: Apache-2.0 */
/* state/operator_state.h: the operator (non-keyed) state of one operator subtask: named lists.
 *
 * Restored elements wait under their name until the function asks for the list in initialize_state.
 * Thread: task.
 */
#ifndef WR_STATE_OPERATOR_STATE_H
#define WR_STATE_OPERATOR_STATE_H

#include "weir/snapshot.h"
#include "weir/state.h"

struct wr_operator_state;

weir_status wr_operator_state_create(const weir_alloc *alloc, const char *operator_name,
                                     struct wr_operator_state **out_state);
void wr_operator_state_destroy(struct wr_operator_state *state); /* NULL ok */

/* The list of this name, made if it is not there. WEIR_VERSION: restored with another type, or mode
 * ("Incompatible state assignment modes"). */
weir_status wr_operator_state_list(struct wr_operator_state *state,
                                   const weir_state_descriptor *descriptor,
                                   weir_operator_list **out_list, weir_error *err);
/* Adds one restored element; the descriptor as the snapshot has it. */
weir_status wr_operator_state_restore(struct wr_operator_state *state,
                                      const weir_state_descriptor *descriptor, weir_bytes value,
                                      weir_error *err);

/* For the manifest, in a fixed order. */
size_t wr_operator_state_count(const struct wr_operator_state *state);
void wr_operator_state_describe(const struct wr_operator_state *state, size_t index,
                                weir_state_descriptor *out_descriptor, uint64_t *out_count);

/* The sync part of a snapshot: a deep copy of all lists. Written by wr_operator_snapshot_write. */
struct wr_operator_snapshot;
weir_status wr_operator_state_copy(const struct wr_operator_state *state,
                                   struct wr_operator_snapshot **out_snapshot, weir_error *err);
size_t wr_operator_snapshot_count(const struct wr_operator_snapshot *snapshot);
void wr_operator_snapshot_describe(const struct wr_operator_snapshot *snapshot, size_t index,
                                   weir_state_descriptor *out_descriptor, uint64_t *out_count);
/* Writes one LIST block a list, as far as budget and room reach; *out_done when all is written. */
weir_status wr_operator_snapshot_turn(struct wr_operator_snapshot *snapshot,
                                      weir_block_writer *writer, size_t budget_bytes,
                                      bool *out_done, weir_error *err);
void wr_operator_snapshot_destroy(struct wr_operator_snapshot *snapshot); /* NULL ok */

#endif /* WR_STATE_OPERATOR_STATE_H */
