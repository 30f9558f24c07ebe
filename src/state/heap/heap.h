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

#include "state/heap/changes.h"
#include "state/heap/copies.h"
#include "state/heap/layout.h"
#include "state/heap/pane.h"
#include "state/heap/region.h"
#include "state/heap/slab.h"
#include "state/heap/snapshot.h"

enum {
    WR_HEAP_EPOCHS_MOST =
        1 << 14,               /* between the oldest bucket and the newest epoch: u16 compares */
    WR_HEAP_AHEAD = 16,        /* a power of two */
    WR_HEAP_LATE = 8,          /* likewise */
    WR_HEAP_SMALL_BUCKETS = 32 /* tables up to this size are rebuilt at once */
};

/* The buckets of one key group, or what is left of them for snapshots. Aligned to cache lines: the
 * first holds what a lookup reads. */
struct wr_table {
    uint8_t *buckets;
    struct wr_table *older;
    uint32_t bucket_count;
    uint32_t ready;    /* buckets [0, ready) are initialised */
    uint32_t count;    /* live entries that stand here */
    uint32_t used;     /* occupied slots: live ones, and those that have moved on */
    uint32_t reserved; /* entries that the batch in progress will still make */
    uint32_t removed;  /* since it was built: OVERFLOWED flags that may have no reason any more */
    bool growing;      /* homes below older->moved are here, the others in older */
    uint32_t moved;    /* as `older` of a growing one: homes below have left */
    uint64_t moved_epoch;     /* when `moved` last changed */
    uint64_t born;            /* epoch in which it was made */
    uint64_t retired;         /* epoch in which its last home left; 0: live */
    uint64_t removed_epoch;   /* of the last removal */
    struct wr_copy ***copies; /* lists of buckets, by spans; NULL, it or a span: none ever */
    uint32_t moved_at[WR_HEAP_SNAPSHOTS]; /* `moved` when that snapshot began, where moved_epoch
                                             says so */
};

struct wr_heap;
struct wr_drop;

/* What the blocks of a state take in the slab. It outlives the state: what is left of removed lists
 * and maps is dropped later. */
struct wr_heap_cell {
    struct wr_heap_cell *next;
    uint64_t bytes;
};

/* Where the walk over what may have expired stands. */
struct wr_expire {
    uint32_t group; /* less the first of the range */
    uint64_t high;  /* upper half of a hash */
    uint32_t slot;  /* of the buckets there: those before are done */
    uint32_t block; /* of the map in that slot, likewise */
};

struct wr_ahead_key {
    uint64_t hash;
    uint32_t group; /* the table's place */
    bool is_set;    /* of a late one */
};

/* Keys whose buckets are on their way, so that what their slots point to can be asked for next. */
struct wr_ahead {
    uint32_t at;
    struct wr_ahead_key keys[WR_HEAP_AHEAD];
    struct wr_ahead_key late[WR_HEAP_LATE]; /* of those that have overflowed their homes */
};

struct wr_heap_state {
    weir_state base;
    struct wr_heap *heap;
    char *name;
    weir_type *type;
    weir_type *map_key_type;   /* MAP, else NULL */
    weir_type *namespace_type; /* NULL: the void namespace */
    weir_state_kind kind;
    bool is_pane;
    bool has_ttl;
    bool is_list_read; /* what the last access to a list did: the next one is likely to do it too */
    weir_ttl ttl;      /* of the job, once it has asked for the state */
    struct wr_layout layout;
    uint32_t index;       /* in heap->states */
    uint32_t map_changes; /* counts them, so that a cursor knows whether its block is as it was */
    uint64_t count;
    uint8_t *defaults;        /* a fixed value's, rounded up to 8 */
    struct wr_table **tables; /* by key group, less the first of the range; one NULL behind */
    uint32_t table_count;     /* key groups; of panes, key groups times rows */
    struct wr_panes *panes;   /* NULL: its namespaces share the tables */
    uint64_t bucket_bytes;    /* of all live tables: whether prefetching is worth it */
    uint64_t *slab_bytes;     /* in its cell */
    struct wr_changes changes;
    struct wr_expire expire;
    struct wr_ahead ahead;
};

/* The walk that makes tables small again, between batches. */
struct wr_shrink {
    uint64_t removals; /* since the last one began */
    bool is_walking;
    size_t extent_bytes; /* of the tables when it began: another one follows if it helped */
    uint32_t state;
    uint32_t group;
};

struct wr_heap {
    weir_backend base;
    weir_alloc parent;          /* the state allocator as given */
    weir_alloc alloc;           /* the same, counted in used_bytes */
    weir_alloc snapshot_parent; /* the snapshot allocator as given */
    uint64_t used_bytes;
    const weir_type *key_type;
    const char *operator_name;
    uint64_t hash_seed;
    uint32_t max_parallelism;
    uint32_t key_group_first;
    uint32_t key_group_count;
    uint64_t epoch;         /* of the newest snapshot; writes stamp it */
    uint64_t stamped_epoch; /* every bucket carries this one or a newer */
    uint64_t base_epoch;    /* of the newest completed snapshot; 0: none, or too long ago */
    uint64_t marks_epoch;   /* the same, or an older base of an open snapshot */
    uint64_t made_anew;     /* epoch in which a state last changed its form; 0: never */
    bool is_logging;        /* removals, from the next begin on: incremental snapshots come */
    uint64_t log_epoch;     /* since when they are logged; 0: they are not */
    uint64_t full_bytes;    /* of the last completed full snapshot */
    uint64_t changes_bytes; /* of the completed ones behind it */
    uint32_t readers;       /* a bit for each slot whose snapshot is neither ended nor walked */
    uint32_t snapshot_count;
    struct weir_snapshot snapshots[WR_HEAP_SNAPSHOTS];
    struct wr_heap_state **states;
    uint32_t state_count;
    uint32_t state_capacity;
    struct wr_region tables; /* for nothing else: all that stands there can be moved */
    struct wr_region region; /* for all else */
    struct wr_slab slab;
    struct wr_heap_cell *cells;   /* one a state that ever was */
    struct wr_copies copies;      /* of buckets of WR_BUCKET_BYTES */
    struct wr_copies wide_copies; /* of WR_BUCKET_BYTES_WIDE */
    struct wr_slab_list freeing;  /* blocks that nobody reads any more; freed a few at a time */
    struct wr_removed_page *freeing_pages; /* of removal logs, likewise */
    struct wr_shrink shrink;
    struct wr_drop *drops; /* what is left of removed lists and maps */
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

static inline uint32_t
wr_table_index(const struct wr_layout *layout, const struct wr_table *table,
               const struct wr_bucket *bucket)
{
    size_t offset = (size_t)((const uint8_t *)bucket - table->buckets);
    return (uint32_t)(offset >> __builtin_ctz(layout->bucket_bytes)); /* it is a power of two */
}

/* --- heap.c --- */

/* Finds the state of this name, or makes an empty one; the name and the types are copied.
 * WEIR_VERSION: it is there with another kind or other types (has_timestamps is not compared). */
weir_status wr_heap_add_state(struct wr_heap *heap, const weir_state_descriptor *descriptor,
                              struct wr_heap_state **out_state, weir_error *err);
/* What the state was made of, as weir_block_writer_add_state takes it; lent for its life. */
weir_state_descriptor wr_heap_descriptor(const struct wr_heap_state *state);
/* A state of its own, not among the heap's. NULL: refused. */
struct wr_heap_state *wr_heap_state_new(struct wr_heap *heap,
                                        const weir_state_descriptor *descriptor);
/* Frees it, but for its tables and what they hold. NULL: nothing. */
void wr_heap_state_destroy(struct wr_heap *heap, struct wr_heap_state *state);

/* --- cow.c: the snapshot rules --- */

/* Before a bucket of a live table is changed: copies it if an open snapshot needs it, and stamps
 * it. Never fails: a snapshot whose copy finds no memory is marked failed. */
void wr_cow_touch_slow(struct wr_heap_state *state, struct wr_table *table,
                       struct wr_bucket *bucket);

static inline void
wr_cow_touch(struct wr_heap_state *state, struct wr_table *table, struct wr_bucket *bucket)
{
    if (__builtin_expect(bucket->epoch != (uint16_t)state->heap->epoch, 0)) {
        wr_cow_touch_slow(state, table, bucket);
    }
}

/* Where a copy of the bucket would be entered; asked for ahead of the write, while snapshots are
 * read. (Always inline, as all that only asks for lines: a call of it is one without effect, which
 * compilers leave out.) */
static inline __attribute__((always_inline)) void
wr_cow_prefetch(const struct wr_layout *layout, const struct wr_table *table,
                const struct wr_bucket *bucket)
{
    uint32_t index = wr_table_index(layout, table, bucket);
    struct wr_copy **span = table->copies != NULL ? table->copies[index / WR_COPY_SPAN] : NULL;
    if (span != NULL) {
        __builtin_prefetch(&span[index % WR_COPY_SPAN], 1, 3);
    }
}

/* The same for a bucket that `walker` has just read: stamps the walker's epoch, copies for the
 * others. */
void wr_cow_walked(struct weir_snapshot *walker, struct wr_heap_state *state,
                   struct wr_table *table, uint32_t index);
/* How many buckets from `first` on, at most `most`, stand in the table as they were when the
 * snapshot began. */
uint32_t wr_cow_untouched(const struct weir_snapshot *snapshot, const struct wr_heap_state *state,
                          const struct wr_table *table, uint32_t first, uint32_t most);
/* The bucket as it was when the snapshot began; NULL: it was empty. */
const struct wr_bucket *wr_cow_read(const struct weir_snapshot *snapshot,
                                    const struct wr_heap_state *state, const struct wr_table *table,
                                    uint32_t index);
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
/* Frees a table that no snapshot has yet to read. */
void wr_cow_drop_table(struct wr_heap_state *state, struct wr_table *table);
/* Drops a slab block that the live state no longer holds: at once, or when snapshots allow (rule
 * 4). `epoch`: when it was allocated, 0 if unknown. */
void wr_cow_drop_block(struct wr_heap *heap, void *block, uint32_t epoch);
/* Whether a block of that epoch may be changed in place. */
static inline bool
wr_cow_is_own(const struct wr_heap *heap, uint32_t epoch)
{
    return heap->readers == 0 || epoch == (uint32_t)heap->epoch;
}

/* --- prefetch.c --- */

void wr_heap_prefetch(weir_state *self, const weir_key *keys, size_t count);

/* --- entry.c, batch.c --- */

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

/* --- shrink.c --- */

/* Goes on making tables small; true: more is left. */
bool wr_shrink_turn(struct wr_heap *heap, size_t budget_bytes);

/* --- expire.c --- */

void wr_heap_expire(weir_state *self, size_t entries);

/* --- restore.c --- */

weir_status wr_heap_restore(weir_backend *self, weir_block_reader *reader, weir_error *err);

#endif /* WR_STATE_HEAP_HEAP_H */
