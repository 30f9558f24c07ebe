/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/record.h: one slot of a table as a record of a snapshot (weir/snapshot.h), written
 * over as many turns as it takes: a list or a map may be larger than every buffer. Thread: task. */
#ifndef WR_STATE_HEAP_RECORD_H
#define WR_STATE_HEAP_RECORD_H

#include "state/heap/heap.h"

/* What stopped a record, or a walk. */
enum wr_pace {
    WR_PACE_DONE,  /* all is written */
    WR_PACE_SPENT, /* the turn's budget is used up */
    WR_PACE_FULL   /* the writer has no room for more */
};

/* About what the slot's record takes. */
uint64_t wr_record_bytes(const struct wr_layout *layout, const uint8_t *slot);

/* Whether the writer takes so many bytes without waiting. What is larger than half of all its
 * buffers is written when half of them are free, since there may never be more. */
bool wr_record_has_room(struct weir_snapshot *snapshot, size_t size);
/* The writer's write, counted. */
weir_status wr_record_put(struct weir_snapshot *snapshot, const void *data, size_t size);

/* Whether the walk's state is written as changes: not a full snapshot, nor all of it among others'
 * changes. */
bool wr_record_is_change(const struct weir_snapshot *snapshot);
/* Whether the walk's state is written as packed entries (image.h). */
bool wr_record_is_packed(const struct weir_snapshot *snapshot);
/* Writes the slot's record, or goes on with it (snapshot->record); an item that is expired and
 * filtered is left out, and a record without any as a whole. `slot` is as the snapshot saw it, and
 * need not stand in the same place as at the call before. *io_spent grows by what was done. */
weir_status wr_record_write(struct weir_snapshot *snapshot, const struct wr_layout *layout,
                            const uint8_t *slot, size_t budget_bytes, size_t *io_spent,
                            enum wr_pace *out_pace);
/* The deletion of a key, whole. */
weir_status wr_record_delete(struct weir_snapshot *snapshot, weir_bytes key);

#endif /* WR_STATE_HEAP_RECORD_H */
