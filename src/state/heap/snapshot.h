/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/snapshot.h: a snapshot in being, and the engine's snapshot verbs. Thread: task. */
#ifndef WR_STATE_HEAP_SNAPSHOT_H
#define WR_STATE_HEAP_SNAPSHOT_H

#include "state/heap/changes.h"
#include "state/heap/slab.h"

enum {
    WR_HEAP_SNAPSHOTS = 8 /* open or still stamping */
};

struct wr_heap;
struct wr_table;

/* What a snapshot keeps of a state from its begin. */
struct wr_snapshot_state {
    uint16_t id;      /* in the file */
    bool is_filtered; /* expired items are left out, of a full snapshot */
    bool is_whole;    /* among changes: all of it is written, in the place of what there was */
    weir_ttl ttl;
};

/* The record that a walk is writing, over as many turns as it takes. */
struct wr_record_progress {
    bool is_measured; /* `left` is known */
    bool is_begun;    /* sizes and key are written */
    uint64_t left;    /* bytes of the value, to be measured or written */
    weir_cursor cursor;
};

/* A snapshot in being. After weir_backend_snapshot_end an aborted one stays in its slot (`ended`)
 * and walks on without writing, until every bucket carries its epoch. */
struct weir_snapshot {
    struct wr_heap *heap;
    weir_block_writer *writer;
    uint64_t epoch; /* 0: the slot is free */
    uint32_t slot;
    bool ended;
    bool walked;        /* every bucket was read and stamped */
    weir_status failed; /* a copy found no memory: the next turn says so */
    uint64_t copies;    /* that have its bit */
    size_t room_most;   /* the writer's, as seen so far */
    uint32_t state_count;
    struct wr_snapshot_state *states;
    int64_t now_ms;              /* when it began */
    bool is_changes;             /* since base_epoch */
    uint64_t base_epoch;         /* of the newest completed snapshot when it began; 0: none */
    uint64_t bytes;              /* written so far */
    struct wr_slab_list retired; /* blocks dropped while it was the newest that reads */
    /* the walk */
    uint32_t state;
    uint32_t key_group; /* less the first of the range */
    bool in_group;
    bool has_to_clear;                /* the group, before what is written of it */
    struct wr_removed_cursor removed; /* of the group, to be written */
    struct wr_table *table;           /* NULL: all of the group's are walked */
    bool is_blank; /* the table was empty when the snapshot began: stamped, not written */
    uint32_t bucket;
    uint32_t entry; /* RECORDS: slots of the bucket that are written */
    struct wr_record_progress record;
    uint64_t entries; /* of the block so far */
    bool in_block;
    weir_block_kind block_kind; /* of the block begun */
};

/* --- walk.c --- */

/* Writes (or for an ended snapshot only stamps) about budget_bytes; *out_done when all is walked.
 */
weir_status wr_walk_turn(struct weir_snapshot *snapshot, size_t budget_bytes, bool *out_done,
                         weir_error *err);

/* --- snapshot.c --- */

weir_status wr_heap_snapshot_begin(weir_backend *self, const weir_snapshot_parameters *parameters,
                                   weir_snapshot **out_snapshot, weir_error *err);
weir_status wr_heap_snapshot_turn(weir_backend *self, weir_snapshot *snapshot, size_t budget_bytes,
                                  bool *out_done, weir_error *err);
void wr_heap_snapshot_end(weir_backend *self, weir_snapshot *snapshot, bool completed);
bool wr_heap_idle_turn(weir_backend *self, size_t budget_bytes);
bool wr_heap_snapshot_pressed(const weir_backend *self);
/* Ends the walks that go on only to stamp. */
void wr_heap_stamp_ended(struct wr_heap *heap);
/* Gives back what open snapshots hold, when the heap is closed. */
void wr_heap_snapshots_fini(struct wr_heap *heap);

#endif /* WR_STATE_HEAP_SNAPSHOT_H */
