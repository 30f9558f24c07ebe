/* SPDX-License-Identifier: Apache-2.0 */
/* weir/state.h: keyed and operator state, as functions use it. For those who write jobs.
 *
 * Handles come from weir_context_value_state and the like (function.h). A keyed handle acts on the
 * current key (which the runtime sets before each record and timer) and, where the state has one,
 * on its namespace; without a key a call answers WEIR_INVALID, as a verb of another kind of state
 * does. A failed call is remembered by the task, which fails with it whatever the function returns;
 * WEIR_NOT_FOUND is no failure. What is lent is valid until the next call on the same state, a
 * timer or emit call, or the function's return; a weir built for development lends copies and ends
 * the process at a write that comes later. Thread: task.
 */
#ifndef WEIR_STATE_H
#define WEIR_STATE_H

#include "weir/backend.h"
#include "weir/bytes.h"
#include "weir/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* --- keyed value state of the current key --- */

/* Fixed-size types: the value to change in place, made with the type's defaults if there was none
 * (*out_created, may be NULL). Lent until the next call on the same state, an emit, or the
 * function's return. WEIR_NOMEM: the memory budget is reached. WEIR_INVALID: variable-size type, or
 * no key. */
weir_status weir_value_upsert(weir_state *state, void **out_value, bool *out_created);
/* The value to read; lent as above. WEIR_NOT_FOUND: none. */
weir_status weir_value_find(weir_state *state, const void **out_value);
/* The same with its size, for any type. */
weir_status weir_value_get(weir_state *state, weir_bytes *out_value);
/* Replaces the value by a whole block of the type (copied). */
weir_status weir_value_put(weir_state *state, weir_bytes value);
weir_status weir_value_clear(weir_state *state);

/* --- keyed list state of the current key --- */

weir_status weir_list_add(weir_state *state, weir_bytes element); /* a whole block; copied */
/* All or nothing. None: nothing happens. */
weir_status weir_list_add_all(weir_state *state, const weir_bytes *elements, size_t count);
/* Replaces the list. None: the list is cleared. */
weir_status weir_list_update(weir_state *state, const weir_bytes *elements, size_t count);
/* The elements in order, one a call, lent; *cursor all zero before the first. WEIR_NOT_FOUND: no
 * more (an empty list has none). Adding ends a walk, reading expired elements does not. */
weir_status weir_list_next(weir_state *state, weir_cursor *cursor, weir_bytes *out_element);
weir_status weir_list_clear(weir_state *state);

/* --- keyed map state of the current key; keys as weir_key has them: of fixed-size types the fixed
 * bytes, of string and bytes the content, else the whole block --- */

/* WEIR_NOT_FOUND: no such key. A null value: data NULL, size 0. */
weir_status weir_map_get(weir_state *state, weir_bytes key, weir_bytes *out_value);
/* The value a whole block, or weir_bytes_of(NULL, 0): null. Both copied. */
weir_status weir_map_put(weir_state *state, weir_bytes key, weir_bytes value);
/* Fixed-size types: the value to change in place, as weir_value_upsert. A null one becomes the
 * type's defaults, and counts as created. */
weir_status weir_map_upsert(weir_state *state, weir_bytes key, void **out_value, bool *out_created);
weir_status weir_map_remove(weir_state *state, weir_bytes key); /* none there: no failure */
bool weir_map_contains(weir_state *state, weir_bytes key);
bool weir_map_is_empty(weir_state *state);
/* The entries, in the engine's order, lent. The one given last may be removed or put anew; every
 * other change ends the walk. WEIR_NOT_FOUND: no more. */
weir_status weir_map_next(weir_state *state, weir_cursor *cursor, weir_bytes *out_key,
                          weir_bytes *out_value);
weir_status weir_map_clear(weir_state *state);

/* --- keyed reducing and aggregating state of the current key --- */

weir_status weir_reducing_add(weir_state *state, weir_bytes value);
weir_status weir_reducing_get(weir_state *state, weir_bytes *out_value); /* NOT_FOUND: nothing */
weir_status weir_reducing_clear(weir_state *state);
weir_status weir_aggregating_add(weir_state *state, weir_bytes value); /* of the input type */
/* The result of the accumulator, lent. WEIR_NOT_FOUND: nothing was added. */
weir_status weir_aggregating_get(weir_state *state, weir_bytes *out_result);
weir_status weir_aggregating_clear(weir_state *state);

/* --- operator list state --- */

typedef struct weir_operator_list weir_operator_list;

size_t weir_operator_list_count(const weir_operator_list *list);
weir_bytes weir_operator_list_at(const weir_operator_list *list,
                                 size_t index); /* lent until the list changes */
weir_status weir_operator_list_add(weir_operator_list *list, weir_bytes value); /* copied */
void weir_operator_list_clear(weir_operator_list *list);

/* --- broadcast state: a map; written on the broadcast side only (WEIR_INVALID) --- */

typedef struct weir_broadcast weir_broadcast;

size_t weir_broadcast_count(const weir_broadcast *broadcast);
/* WEIR_NOT_FOUND: no such key; lent until it changes. */
weir_status weir_broadcast_get(const weir_broadcast *broadcast, weir_bytes key,
                               weir_bytes *out_value);
weir_status weir_broadcast_put(weir_broadcast *broadcast, weir_bytes key, weir_bytes value);
weir_status weir_broadcast_remove(weir_broadcast *broadcast, weir_bytes key);
void weir_broadcast_clear(weir_broadcast *broadcast);
/* Entries by ascending bytes of the key, as weir_map_next. */
weir_status weir_broadcast_next(const weir_broadcast *broadcast, weir_cursor *cursor,
                                weir_bytes *out_key, weir_bytes *out_value);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_STATE_H */
