/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/snapshot_parts.h: what a snapshot is made of; for its two files, snapshot_begin.c, which
 * fixes the content, and snapshot.c, which brings it to its end. The states of a part are drawn
 * there.
 */
#ifndef WR_RUNTIME_SNAPSHOT_PARTS_H
#define WR_RUNTIME_SNAPSHOT_PARTS_H

#include "runtime/snapshot.h"

enum wr_part_phase {
    WR_PART_NONE,
    WR_PART_KEYED,
    WR_PART_LISTS,
    WR_PART_CLOSING,
    WR_PART_WRITTEN,
    WR_PART_SETTLED,
    WR_PART_ABANDONED
};

struct wr_snapshot_part {
    struct wr_snapshot *snapshot;
    struct wr_operator *operator_;
    enum wr_part_phase phase;
    bool reply_due;
    weir_block_writer *writer;
    weir_snapshot *keyed; /* NULL: no keyed state, or ended */
    struct wr_operator_snapshot *lists;
    struct wr_in_flight_log in_flight; /* to the operator */
    bool has_in_flight;                /* there is such a list, the last one */
    bool is_capturing;                 /* it still grows */
    char file[WR_FILE_NAME_MAX + 1];
    struct wr_file_base *base; /* shared: what it may refer to; NULL: nothing */
    struct wr_file_base *next; /* what later ones may, if this completes; NULL: nothing */
    bool has_local_copy;       /* of its files (local_copies.h) */
    struct wr_state_file_reply reply;
    struct wr_operator_snapshot_result *result; /* in the snapshot's report */
};

struct wr_snapshot {
    struct wr_snapshot *next;
    struct wr_snapshot_parameters parameters;
    struct wr_task_report *report; /* made at the barrier, so that acknowledging needs no memory */
    bool abandoned;
    uint64_t inlined_bytes; /* in the report */
    uint64_t synced_ns;     /* when its content was fixed */
    uint64_t captured_ns;   /* when the last barrier had come that it did not wait for; 0: it did */
    uint32_t part_count;
    struct wr_snapshot_part parts[];
};

static inline size_t
wr_snapshot_size(uint32_t part_count)
{
    return sizeof(struct wr_snapshot) + part_count * sizeof(struct wr_snapshot_part);
}

/* Incremental checkpoints are on: what is keyed is written for later ones to refer to. */
static inline bool
wr_part_may_be_shared(const struct wr_snapshot_part *part)
{
    return part->snapshot->parameters.environment->incremental &&
           part->snapshot->parameters.sharing != WR_SHARING_NONE &&
           part->operator_->backend != NULL && part->operator_->state_count != 0;
}

/* Reads on what its barrier has overtaken. A failure is to end the snapshot. (snapshot.c) */
weir_status wr_part_capture(struct wr_snapshot_part *part, weir_error *err);

#endif /* WR_RUNTIME_SNAPSHOT_PARTS_H */
