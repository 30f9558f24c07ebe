/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/drop.h: large lists and maps that are removed, and go a few blocks at a time.
 *
 * Removing one must not take as long as it is large. A record of what is left to drop waits in the
 * slab; each write and each idle turn goes on with the first. Dropping later than the removal is
 * safe whatever snapshots begin or end in between (wr_cow_drop_block). Thread: task.
 */
#ifndef WR_STATE_HEAP_DROP_H
#define WR_STATE_HEAP_DROP_H

#include "state/heap/heap.h"

struct wr_drop;

/* Takes over a slot's value; false: no memory to remember it, the caller drops it at once. */
bool wr_drop_later(struct wr_heap *heap, const struct wr_layout *layout, const uint8_t *value);
/* Drops about so many blocks of what waits; true: more is left. */
bool wr_drop_some(struct wr_heap *heap, size_t blocks);

#endif /* WR_STATE_HEAP_DROP_H */
