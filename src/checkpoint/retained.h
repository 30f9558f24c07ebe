/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint/retained.h: the complete checkpoints that are there, oldest first, and those of them
 * that are being deleted. Of the coordinator, no one else. Thread: coordinator.
 *
 *   |  1  2  |  3  4  5  |      drop takes 3, deleted(1) takes 1, add puts 6 behind 5
 *    deleting   retained
 */
#ifndef WR_CHECKPOINT_RETAINED_H
#define WR_CHECKPOINT_RETAINED_H

#include "base/memory.h"

#include <stdbool.h>

struct wr_retained {
    uint64_t *ids; /* ascending on each side of the border */
    size_t deleting_count;
    size_t count; /* behind those */
    size_t room;
};

weir_status wr_retained_init(struct wr_retained *retained, const weir_alloc *alloc, size_t room);
void wr_retained_fini(struct wr_retained *retained, const weir_alloc *alloc);
/* Room for one more; WEIR_NOMEM leaves all as it was. */
weir_status wr_retained_grow(struct wr_retained *retained, const weir_alloc *alloc);

void wr_retained_add(struct wr_retained *retained, uint64_t id);
uint64_t wr_retained_oldest(const struct wr_retained *retained); /* count > 0 */
uint64_t wr_retained_newest(const struct wr_retained *retained); /* count > 0 */
bool wr_retained_has(const struct wr_retained *retained, uint64_t id);
size_t wr_retained_count_to(const struct wr_retained *retained, uint64_t id); /* it, and older */
uint64_t wr_retained_drop(struct wr_retained *retained); /* the oldest, to be deleted: count > 0 */
void wr_retained_deleted(struct wr_retained *retained, uint64_t id); /* unknown: nothing */

#endif /* WR_CHECKPOINT_RETAINED_H */
