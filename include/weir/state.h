/* SPDX-License-Identifier: Apache-2.0 */
/* weir/state.h: keyed and operator state, as functions use it. For those who write jobs.
 *
 * Handles come from weir_context_value_state and weir_context_list_state (function.h). A keyed
 * handle acts on the current key, which the runtime sets before each record; without one a call
 * answers WEIR_INVALID. A failed call is remembered by the task, which fails with it whatever the
 * function returns. Thread: task.
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

/* --- operator list state --- */

typedef struct weir_list weir_list;

size_t weir_list_count(const weir_list *list);
weir_bytes weir_list_at(const weir_list *list, size_t index); /* lent until the list changes */
weir_status weir_list_add(weir_list *list, weir_bytes value); /* copied */
void weir_list_clear(weir_list *list);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_STATE_H */
