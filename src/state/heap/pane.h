/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/pane.h: a state whose namespaces are few and are cleared whole: aligned windows.
 *
 *   tables   | pane 0: key group 0, 1, 2 ... | pane 1: key group 0, 1, 2 ... | ... | NULL |
 *
 * Each namespace has a row of tables of its own, so that clearing one frees tables, not entries.
 * What is called a group inside the engine is a place in that array; the key group is its rest by
 * the number of key groups. Keys stay whole: the namespace is a part of them as in any state.
 *
 * Thread: task.
 */
#ifndef WR_STATE_HEAP_PANE_H
#define WR_STATE_HEAP_PANE_H

#include "weir/backend.h"

struct wr_heap;
struct wr_heap_state;

struct wr_pane {
    bool is_named;
    uint64_t count; /* entries */
};

struct wr_panes {
    uint32_t name_size; /* of every namespace */
    uint32_t capacity;  /* rows of tables */
    uint32_t last;      /* found last: most accesses go to the same one */
    struct wr_pane *panes;
    uint8_t *names;
};

/* NULL: refused. */
struct wr_panes *wr_panes_new(struct wr_heap *heap, uint32_t name_size);
void wr_panes_destroy(struct wr_heap *heap, struct wr_panes *panes); /* NULL: nothing */

/* The row of the key's namespace; panes->capacity: it has none. */
uint32_t wr_pane_find(struct wr_panes *panes, const void *key, uint32_t key_size);
/* Makes one. WEIR_NOMEM: refused. */
weir_status wr_pane_open(struct wr_heap_state *state, const void *key, uint32_t key_size,
                         uint32_t *out_pane);

weir_status wr_heap_clear_namespace(weir_state *self, weir_bytes namespace_);

#endif /* WR_STATE_HEAP_PANE_H */
