/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/convert.h: a restored state whose items are to have timestamps, or to have them no
 * more, since what expires is the program's to say. Thread: task. */
#ifndef WR_STATE_HEAP_CONVERT_H
#define WR_STATE_HEAP_CONVERT_H

#include "state/heap/heap.h"

/* Takes the place of `state`, of the same kind and types: every item gains heap->base.now_ms or
 * loses its timestamp. `state` is destroyed. WEIR_NOMEM: it stays as it is; WEIR_BUSY: a snapshot
 * reads it. */
weir_status wr_heap_convert(struct wr_heap *heap, struct wr_heap_state *state,
                            const weir_state_descriptor *descriptor,
                            struct wr_heap_state **out_state, weir_error *err);
/* Takes all entries out of a key group, less the first of the range; no snapshot is open. */
void wr_heap_clear_group(struct wr_heap_state *state, uint32_t group);

#endif /* WR_STATE_HEAP_CONVERT_H */
