/* SPDX-License-Identifier: Apache-2.0 */
/* state/heap/heap.h: the inner structures of the engine "hashmap". For the files of this folder.
 *
 *   heap --> states[] --> tables[key group] --> table --older--> table --older--> ...
 *     |
 *     '----> snapshots[8]: open ones, and aborted ones whose walk goes on without writing
 *
 * The first table of a key group serves. While it is growing the second one still does, for homes
 * that have not moved. Any others are kept because an open snapshot has yet to read them.
 *
 * Thread: task.
 */
#ifndef WR_STATE_HEAP_HEAP_H
#define WR_STATE_HEAP_HEAP_H

#include "state/heap/copies.h"
#include "state/heap/layout.h"
#include "state/heap/region.h"
#include "state/heap/slab.h"

enum {
    WR_HEAP_SNAPSHOTS = 8,         /* open or still stamping */
    WR_HEAP_EPOCHS_MOST = 1 << 14, /* between the oldest chunk and the newest epoch: u16 compares */
    WR_HEAP_SMALL_BUCKETS = 32     /* tables up to this size are rebuilt at once */
};

/* The buckets of one key group, or what is left of them for snapshots. Aligned to cache lines: the
 * first holds what a lookup reads. */
struct wr_table {
    uint8_t *buckets;
    struct wr_table *older;
    uint32_t bucket_count;
    uint32_t ready;    /* buckets [0, ready) are initialised; a multiple of the chunk, or all */
    uint32_t count;    /* live entries that stand here */
    uint32_t used;     /* occupied slots: live ones, and those that have moved on */
    uint32_t reserved; /* entries that the batch in progress will still make */
    uint32_t removed;  /* since it was built: OVERFLOWED flags that may have no reason any more */
    bool growing;      /* homes below older->moved are here, the others in older */
    uint32_t moved;    /* as `older` of a growing one: homes below have left */
    uint64_t moved_epoch;                 /* when `moved` last changed */
    uint64_t born;                        /* epoch in which it was made */
    uint64_t retired;                     /* epoch in which its last home left; 0: live */
    uint64_t removed_epoch;               /* of the last removal */
    struct wr_copy **copies;              /* a list a chunk; NULL: none was ever made */
    uint32_t moved_at[WR_HEAP_SNAPSHOTS]; /* `moved` when that snapshot began, where moved_epoch
                                             says so */
};

struct wr_heap;

struct wr_heap_state {
    weir_state base;
    struct wr_heap *heap;
    char *name;
    weir_type *type;
    struct wr_layout layout;
    uint32_t index; /* in heap->states */
    uint64_t count;
    uint8_t *defaults;        /* a fixed value's, rounded up to 8 */
    struct wr_table **tables; /* by key group, less the first of the range */
    uint64_t bucket_bytes;    /* of all live tables: whether prefetching is worth it */
};

/* A snapshot in being. After weir_backend_snapshot_end an aborted one stays in its slot (`ended`)
 * and walks on without writing, until every chunk carries its epoch. */
struct weir_snapshot {
    struct wr_heap *heap;
    weir_block_writer *writer;
    uint64_t epoch; /* 0: the slot is free */
    uint32_t slot;
    bool ended;
    bool walked;        /* every chunk was read and stamped */
    weir_status failed; /* a copy found no memory: the next turn says so */
    uint64_t copies;    /* that have its bit */
    size_t room_most;   /* the writer's, as seen so far */
    uint32_t state_count;
    uint16_t *state_ids;         /* in the file, by state */
    struct wr_slab_list retired; /* blocks dropped while it was the newest that reads */
    /* the walk */
    uint32_t state;
    uint32_t key_group;     /* less the first of the range */
    struct wr_table *table; /* NULL: the group is not begun */
    bool is_blank;          /* the table was empty when the snapshot began: stamped, not written */
    uint32_t chunk;
    uint32_t entry;   /* RECORDS: slots of the chunk that are written */
    uint64_t entries; /* of the block so far */
    bool in_block;
};

struct wr_heap {
    weir_backend base;
    weir_alloc parent; /* the state allocator as given */
    weir_alloc alloc;  /* the same, counted in used_bytes */
    uint64_t used_bytes;
    const weir_type *key_type;
    const char *operator_name;
    uint64_t hash_seed;
    uint32_t max_parallelism;
    uint32_t key_group_first;
    uint32_t key_group_count;
    uint64_t epoch;         /* of the newest snapshot; writes stamp it */
    uint64_t stamped_epoch; /* every chunk carries this one or a newer */
    uint32_t readers;       /* snapshots that are neither ended nor walked */
    uint32_t snapshot_count;
    struct weir_snapshot snapshots[WR_HEAP_SNAPSHOTS];
    struct wr_heap_state **states;
    uint32_t state_count;
    uint32_t state_capacity;
    struct wr_region region;
    struct wr_slab slab;
    struct wr_copies copies;
    struct wr_slab_list freeing; /* blocks that nobody reads any more; freed a few at a time */
};

static inline struct wr_heap *
wr_heap_of(weir_backend *backend)
{
    return (struct wr_heap *)backend; /* base stands first */
}

static inline struct wr_heap_state *
wr_heap_state_of(weir_state *state)
{
    return (struct wr_heap_state *)state;
}

static inline struct wr_bucket *
wr_table_bucket(const struct wr_layout *layout, const struct wr_table *table, uint32_t index)
{
    return (struct wr_bucket *)(void *)(table->buckets + (size_t)index * layout->bucket_bytes);
}

/* --- heap.c --- */

/* Makes an empty state; the name and the type are copied. */
weir_status wr_heap_add_state(struct wr_heap *heap, const weir_state_descriptor *descriptor,
                              struct wr_heap_state **out_state, weir_error *err);

/* --- cow.c: the snapshot rules --- */

/* Before a bucket of a live table is changed: copies its chunk if an open snapshot needs it, and
 * stamps it. Never fails: a snapshot whose copy finds no memory is marked failed. */
void wr_cow_touch_slow(struct wr_heap_state *state, struct wr_table *table,
                       const struct wr_bucket *bucket);

static inline void
wr_cow_touch(struct wr_heap_state *state, struct wr_table *table, const struct wr_bucket *bucket)
{
    if (__builtin_expect(bucket->epoch != (uint16_t)state->heap->epoch, 0)) {
        wr_cow_touch_slow(state, table, bucket);
    }
}

/* The same for a chunk that `walker` has just read: stamps the walker's epoch, copies for the
 * others. */
void wr_cow_walked(struct weir_snapshot *walker, struct wr_heap_state *state,
                   struct wr_table *table, uint32_t chunk);
/* The chunk as it was when the snapshot began; NULL: it was empty. */
const uint8_t *wr_cow_read(const struct weir_snapshot *snapshot, const struct wr_heap_state *state,
                           const struct wr_table *table, uint32_t chunk);
/* Once a snapshot reads no more, walked or ended: what it kept from being freed. */
void wr_cow_reader_done(struct weir_snapshot *snapshot);
/* Whether the snapshot's content has this table. */
bool wr_cow_has_table(const struct weir_snapshot *snapshot, const struct wr_table *table);
/* `moved` of the table when the snapshot began. */
uint32_t wr_cow_moved_at(const struct weir_snapshot *snapshot, const struct wr_table *table);
/* Before table->moved changes. */
void wr_cow_keep_moved(struct wr_heap *heap, struct wr_table *table);
/* Frees those tables of a key group that no longer serve and that no snapshot has yet to read. */
void wr_cow_sweep(struct wr_heap_state *state, uint32_t group);
/* Drops a slab block that the live state no longer holds: at once, or when snapshots allow (rule
 * 4). `epoch`: when it was allocated, 0 if unknown. */
void wr_cow_drop_block(struct wr_heap *heap, void *block, uint32_t epoch);
/* Whether a block of that epoch may be changed in place. */
static inline bool
wr_cow_is_own(const struct wr_heap *heap, uint32_t epoch)
{
    return heap->readers == 0 || epoch == (uint32_t)heap->epoch;
}

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

/* --- entry.c --- */

void wr_heap_prefetch(weir_state *self, const weir_key *keys, size_t count);
weir_status wr_heap_find(weir_state *self, const weir_key *key, weir_bytes *out_value);
weir_status wr_heap_upsert(weir_state *self, const weir_key *key, void **out_value,
                           bool *out_created);
weir_status wr_heap_upsert_many(weir_state *self, const weir_key *keys, size_t count,
                                void **out_values);
weir_status wr_heap_put(weir_state *self, const weir_key *key, weir_bytes value);
weir_status wr_heap_remove(weir_state *self, const weir_key *key);
weir_status wr_heap_iterate(weir_state *self,
                            weir_status (*each)(void *argument, const weir_key *key,
                                                weir_bytes value),
                            void *argument);

/* --- restore.c --- */

weir_status wr_heap_restore(weir_backend *self, weir_block_reader *reader, weir_error *err);

#endif /* WR_STATE_HEAP_HEAP_H */
