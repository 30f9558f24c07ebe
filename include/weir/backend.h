/* SPDX-License-Identifier: Apache-2.0 */
/* weir/backend.h: the state of one operator subtask, by hand: opening a backend, its states, its
 * snapshots. What an engine is stands in weir/engine.h; what functions do with a state in
 * weir/state.h.
 *
 * Every call goes through one dispatch for all engines, which checks the arguments. Thread: task.
 */
#ifndef WEIR_BACKEND_H
#define WEIR_BACKEND_H

#include "weir/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

weir_status weir_backend_open(const weir_backend_factory *factory,
                              const weir_backend_parameters *parameters, weir_backend **out_backend,
                              weir_error *err);
void weir_backend_close(weir_backend *backend); /* NULL: nothing */
weir_status weir_backend_create_state(weir_backend *backend,
                                      const weir_state_descriptor *descriptor,
                                      weir_state **out_state, weir_error *err);
/* Processing time, for what expires: before the calls that it is to hold for. */
void weir_backend_set_time(weir_backend *backend, int64_t now_ms);
void weir_state_bind(weir_state *state, const weir_key *key); /* lent until bound anew */
/* The namespace that the state's verbs act in from now on; copied. A state with a namespace type
 * has none at first (WEIR_INVALID for its verbs). WEIR_INVALID: the state's is void. */
weir_status weir_state_set_namespace(weir_state *state, weir_bytes namespace_);
void weir_state_prefetch(weir_state *state, const weir_key *keys, size_t count);
/* Value states of fixed-size types in the void namespace, without ttl. */
weir_status weir_state_upsert_many(weir_state *state, const weir_key *keys, size_t count,
                                   void **out_values);
/* Every key with its namespace, in any order; `each` must not change this state. `value` as in
 * snapshot.h's table for VALUE, REDUCING and AGGREGATING (no timestamp; expired ones are left out
 * unless visible), empty for the other kinds. */
weir_status weir_state_iterate(weir_state *state,
                               weir_status (*each)(void *argument, const weir_key *key,
                                                   weir_bytes value),
                               void *argument);
/* The keys that have something under this namespace (Flink's getKeys); `each` may change the state:
 * the keys are copied first, and bound one after the other while it runs. */
weir_status weir_state_for_each_key(weir_state *state, weir_bytes namespace_,
                                    weir_status (*each)(void *argument, const weir_key *key),
                                    void *argument);
/* Of the bound key: moves what stands under `sources` into `target` (Flink's merging namespaces);
 * LIST, REDUCING and AGGREGATING. */
weir_status weir_state_merge_namespaces(weir_state *state, weir_bytes target,
                                        const weir_bytes *sources, size_t source_count);
weir_status weir_state_clear_namespace(weir_state *state, weir_bytes namespace_);
const weir_state_descriptor *weir_state_descriptor_of(const weir_state *state);
uint64_t weir_state_entry_count(const weir_state *state);
void weir_state_measure(const weir_state *state, weir_state_size *out_size);
weir_status weir_backend_snapshot_begin(weir_backend *backend,
                                        const weir_snapshot_parameters *parameters,
                                        weir_snapshot **out_snapshot, weir_error *err);
weir_status weir_backend_snapshot_turn(weir_backend *backend, weir_snapshot *snapshot,
                                       size_t budget_bytes, bool *out_done, weir_error *err);
void weir_backend_snapshot_end(weir_backend *backend, weir_snapshot *snapshot, bool completed);
bool weir_backend_idle_turn(weir_backend *backend, size_t budget_bytes);
bool weir_backend_snapshot_pressed(const weir_backend *backend);
weir_status weir_backend_restore(weir_backend *backend, weir_block_reader *reader, weir_error *err);
uint64_t weir_backend_used_bytes(const weir_backend *backend);
/* Numbers of the engine's own, for metrics, at most `room`; returns how many. Names are static. */
size_t weir_backend_gauges(const weir_backend *backend, const char **out_names,
                           uint64_t *out_values, size_t room);
/* The engine's words of the verb that failed last, where it has some; false: none. */
bool weir_backend_explain(const weir_backend *backend, weir_error *out_err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_BACKEND_H */
