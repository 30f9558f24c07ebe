/* SPDX-License-Identifier: Apache-2.0 */
/* state/operator_state.h: the operator (non-keyed) state of one operator subtask: named lists and
 * broadcast maps.
 *
 * Restored content waits under its name until the function asks for the state in initialize_state.
 * Thread: task.
 */
#ifndef WR_STATE_OPERATOR_STATE_H
#define WR_STATE_OPERATOR_STATE_H

#include "weir/engine.h"
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

/* The broadcast state of this name (kind BROADCAST), in the same way. Not writable at first. */
weir_status wr_operator_state_broadcast(struct wr_operator_state *state,
                                        const weir_state_descriptor *descriptor,
                                        weir_broadcast **out_broadcast, weir_error *err);
/* The first failure of a verb of weir/state.h on any of these lists and maps, in words: it fails
 * the task whatever the function did with it. WEIR_OK: there was none. */
weir_status wr_operator_state_failure(const struct wr_operator_state *state, weir_error *err);
/* Puts one restored entry; value data NULL: null. */
weir_status wr_operator_state_restore_entry(struct wr_operator_state *state,
                                            const weir_state_descriptor *descriptor, weir_bytes key,
                                            weir_bytes value, weir_error *err);
/* Whether functions may write: all broadcast states, on the broadcast side only. */
void wr_operator_state_set_writable(struct wr_operator_state *state, bool is_writable);

/* For the manifest, in a fixed order: lists, then broadcast states. *out_count: elements, entries.
 */
size_t wr_operator_state_count(const struct wr_operator_state *state);
void wr_operator_state_describe(const struct wr_operator_state *state, size_t index,
                                weir_state_descriptor *out_descriptor, uint64_t *out_count);

/* The same by size: what its elements or entries take. */
void wr_operator_state_measure(const struct wr_operator_state *state, size_t index,
                               weir_state_size *out_size);

/* The sync part of a snapshot: a deep copy of all. Written by wr_operator_snapshot_turn. */
struct wr_operator_snapshot;
weir_status wr_operator_state_copy(const struct wr_operator_state *state,
                                   struct wr_operator_snapshot **out_snapshot, weir_error *err);
size_t wr_operator_snapshot_count(const struct wr_operator_snapshot *snapshot);
void wr_operator_snapshot_describe(const struct wr_operator_snapshot *snapshot, size_t index,
                                   weir_state_descriptor *out_descriptor, uint64_t *out_count);
/* Writes one LIST block a list and one MAP block a broadcast state, as far as budget and room
 * reach; *out_done when all is written. */
weir_status wr_operator_snapshot_turn(struct wr_operator_snapshot *snapshot,
                                      weir_block_writer *writer, size_t budget_bytes,
                                      bool *out_done, weir_error *err);
void wr_operator_snapshot_destroy(struct wr_operator_snapshot *snapshot); /* NULL ok */

#endif /* WR_STATE_OPERATOR_STATE_H */
