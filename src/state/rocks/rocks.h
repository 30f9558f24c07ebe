/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/rocks.h: what the files of the engine "rocksdb" share.
 *
 * One database a backend, a column family a state, named like it. Rows are Flink's (row.h), so a
 * scan of the database is a canonical savepoint's content. Where a change stands before the
 * database has it:
 *
 *   VALUE, MAP, TIMERS   in the state's cache, by row     -- wr_rocks_state_write --> database
 *   LIST                 in the backend's batch, merges   -- wr_rocks_batch_write --> database
 *
 * so whoever walks over rows writes first. `err` of a verb is &rocks->last, whose words
 * weir_backend_ops.explain tells. Thread: task, but for the merge operator and the filter.
 */
#ifndef WR_STATE_ROCKS_ROCKS_H
#define WR_STATE_ROCKS_ROCKS_H

#include "base/buffer.h"
#include "base/fail.h"
#include "state/rocks/api.h"
#include "state/rocks/big.h"
#include "state/rocks/cache.h"
#include "state/rocks/filter.h"
#include "state/rocks/settings.h"
#include "weir/engine.h"

enum {
    WR_ROCKS_PATH_ROOM = 4096,
    WR_ROCKS_WALKS_MOST = 8,  /* walks over lists or maps of one state that are open at a time */
    WR_ROCKS_NAME_ROOM = 256, /* of a file in a snapshot, with NUL */
    WR_ROCKS_ID_ROOM = 64     /* of a database, with NUL */
};

/* A walk over one list or map; known to its cursor by a number. */
struct wr_rocks_walk {
    uint64_t number;                /* 0: free */
    rocksdb_pinnableslice_t *slice; /* a list's value; NULL: none */
    size_t at;                      /* in it */
    struct wr_rocks_arena arena;    /* what was lent */
    struct wr_buffer last;          /* a map's: the last row that was read */
    size_t prefix_size;             /* of the map's rows */
    struct wr_rocks_map_row *rows;  /* read ahead; in the arena */
    size_t row_count;
    size_t row_next;
    bool is_read; /* there are no rows behind those read */
};

struct wr_rocks_map_row {
    weir_bytes map_key;
    weir_bytes item; /* data NULL: null */
};

struct wr_rocks_state {
    weir_state base;
    struct wr_rocks *rocks;
    struct wr_rocks_state *next;
    weir_state_descriptor descriptor; /* its texts and types are the state's own */
    bool is_created;                  /* the program has asked for it */
    bool has_lengths; /* key and namespace are both of variable size: their lengths stand in rows */
    size_t item_size; /* 0: of its own */
    uint8_t *defaults; /* an item of a fixed-size type */
    rocksdb_options_t *options;
    rocksdb_column_family_handle_t *family;
    struct wr_rocks_filter_rule filter; /* what expires; the compaction threads read it */
    struct wr_rocks_big big;            /* LIST: keys that are counted */
    struct wr_rocks_cache cache;
    struct wr_buffer row;     /* the key of a row */
    struct wr_buffer map_row; /* that of a map's prefix, while `row` is in use */
    struct wr_buffer value;   /* the value of a row */
    struct wr_rocks_walk walks[WR_ROCKS_WALKS_MOST];
    uint64_t walk_number;
};

struct wr_rocks_file {
    struct wr_rocks_file *next;
    char name[]; /* as it is called in snapshots: "000012-<id>.sst" */
};

struct wr_rocks_snapshot {
    struct wr_rocks_snapshot *next;
    char path[WR_ROCKS_PATH_ROOM];
};

struct wr_rocks {
    weir_backend base;
    const struct wr_rocks_api *api;
    weir_alloc alloc;
    uint32_t max_parallelism;
    uint32_t key_group_first;
    uint32_t key_group_last;
    const weir_type *key_type;
    uint64_t hash_seed;
    const char *operator_name;
    const char *directory;
    uint32_t subtask;
    struct wr_rocks_settings settings;

    rocksdb_t *db; /* NULL until the first state, snapshot or restore */
    char id[WR_ROCKS_ID_ROOM];
    rocksdb_cache_t *block_cache;
    rocksdb_options_t *options;
    rocksdb_column_family_handle_t *default_family;
    rocksdb_writeoptions_t *write_options;
    rocksdb_readoptions_t *read_options;
    rocksdb_readoptions_t *scan_options;
    rocksdb_writebatch_t *batch;
    size_t batch_bytes;

    struct wr_rocks_state *states;
    struct wr_rocks_file *restored_files; /* names of files that came with a restore */
    struct wr_rocks_snapshot *snapshots;  /* open ones */
    uint64_t folder_number;               /* names folders below `directory` */
    _Atomic int64_t now_ms;               /* for the filters */
    weir_error last;                      /* words of the last verb that failed */
    weir_error
        broken; /* status OK, or why nothing can be believed any more (a half-done rewrite) */
};

static inline struct wr_rocks *
wr_rocks_of(weir_backend *backend)
{
    return (struct wr_rocks *)backend;
}

static inline struct wr_rocks_state *
wr_rocks_state_of(weir_state *state)
{
    return (struct wr_rocks_state *)state;
}

/* The dispatch sets the time without a call of ours: it is handed on whenever we are called. */
static inline void
wr_rocks_tick(struct wr_rocks *rocks)
{
    atomic_store_explicit(&rocks->now_ms, rocks->base.now_ms, memory_order_relaxed);
}

/* --- engine.c --- */

/* The engine over another table of calls. */
weir_status wr_rocks_open_with(const struct wr_rocks_api *api,
                               const weir_backend_parameters *parameters,
                               weir_backend **out_backend, weir_error *err);
extern const weir_backend_factory wr_rocks_factory;

/* Makes words of what the library said (freed here) and names what was tried; WEIR_OK where it said
 * nothing. `state` may be NULL. */
weir_status wr_rocks_judge(struct wr_rocks *rocks, const struct wr_rocks_state *state, char *words,
                           const char *what, weir_error *err);

/* --- database.c --- */

/* Opens the database below the directory with the families of all states; a new one if there is
 * none. Nothing if it is open. */
weir_status wr_rocks_database_open(struct wr_rocks *rocks, weir_error *err);
void wr_rocks_database_close(struct wr_rocks *rocks);
/* `directory`/`name`. WEIR_LIMIT: too long. */
weir_status wr_rocks_path(const struct wr_rocks *rocks, const char *name,
                          char out[WR_ROCKS_PATH_ROOM], weir_error *err);
weir_status wr_rocks_batch_write(struct wr_rocks *rocks, const struct wr_rocks_state *state,
                                 weir_error *err);
/* Writes the batch if it is as large as batches get. */
weir_status wr_rocks_batch_check(struct wr_rocks *rocks, const struct wr_rocks_state *state,
                                 weir_error *err);

/* --- state.c --- */

struct wr_rocks_state *wr_rocks_state_find(const struct wr_rocks *rocks, const char *name);
/* A state with its family's options, not yet in the database; enters it into rocks->states. */
weir_status wr_rocks_state_add(struct wr_rocks *rocks, const weir_state_descriptor *descriptor,
                               struct wr_rocks_state **out_state, weir_error *err);
/* The same with its column family, in an open database. */
weir_status wr_rocks_state_make(struct wr_rocks *rocks, const weir_state_descriptor *descriptor,
                                struct wr_rocks_state **out_state, weir_error *err);
void wr_rocks_state_destroy(struct wr_rocks_state *state);
weir_status wr_rocks_create_state(weir_backend *self, const weir_state_descriptor *descriptor,
                                  weir_state **out_state, weir_error *err);
bool wr_rocks_restored(const weir_backend *self, const char *name,
                       weir_state_descriptor *out_descriptor);
/* Writes the cache's changes into the database. */
weir_status wr_rocks_state_write(struct wr_rocks_state *state, weir_error *err);
/* Of all states, and the batch. */
weir_status wr_rocks_write_all(struct wr_rocks *rocks, weir_error *err);

/* --- verbs --- */

weir_status wr_rocks_find(weir_state *self, const weir_key *key, weir_bytes *out_item);
weir_status wr_rocks_upsert(weir_state *self, const weir_key *key, void **out_item,
                            bool *out_created);
weir_status wr_rocks_upsert_many(weir_state *self, const weir_key *keys, size_t count,
                                 void **out_items);
weir_status wr_rocks_put(weir_state *self, const weir_key *key, weir_bytes item);
weir_status wr_rocks_remove(weir_state *self, const weir_key *key);
weir_status wr_rocks_iterate(weir_state *self,
                             weir_status (*each)(void *argument, const weir_key *key,
                                                 weir_bytes item),
                             void *argument);
uint64_t wr_rocks_entry_count(const weir_state *self);
void wr_rocks_measure(const weir_state *self, weir_state_size *out_size);
weir_status wr_rocks_list_add(weir_state *self, const weir_key *key, const weir_bytes *items,
                              size_t count);
weir_status wr_rocks_list_put(weir_state *self, const weir_key *key, const weir_bytes *items,
                              size_t count);
weir_status wr_rocks_list_next(weir_state *self, const weir_key *key, weir_cursor *cursor,
                               weir_bytes *out_item);
weir_status wr_rocks_map_find(weir_state *self, const weir_key *key, weir_bytes map_key,
                              weir_bytes *out_item);
weir_status wr_rocks_map_put(weir_state *self, const weir_key *key, weir_bytes map_key,
                             weir_bytes item);
weir_status wr_rocks_map_upsert(weir_state *self, const weir_key *key, weir_bytes map_key,
                                void **out_item, bool *out_created);
weir_status wr_rocks_map_remove(weir_state *self, const weir_key *key, weir_bytes map_key);
weir_status wr_rocks_map_next(weir_state *self, const weir_key *key, weir_cursor *cursor,
                              weir_bytes *out_map_key, weir_bytes *out_item);
weir_status wr_rocks_first(weir_state *self, uint32_t key_group, size_t most,
                           weir_status (*each)(void *argument, const weir_key *key),
                           void *argument);

/* Finds the cursor's walk, or begins one where the cursor is new (*out_is_new). WEIR_LIMIT: too
 * many have begun since. */
weir_status wr_rocks_walk_of(struct wr_rocks_state *state, weir_cursor *cursor,
                             struct wr_rocks_walk **out_walk, bool *out_is_new);
void wr_rocks_walk_end(struct wr_rocks_walk *walk);

/* --- snapshots --- */

weir_status wr_rocks_snapshot_begin(weir_backend *self, const weir_snapshot_parameters *parameters,
                                    weir_snapshot **out_snapshot, weir_error *err);
weir_status wr_rocks_snapshot_turn(weir_backend *self, weir_snapshot *snapshot, size_t budget_bytes,
                                   bool *out_done, weir_error *err);
void wr_rocks_snapshot_end(weir_backend *self, weir_snapshot *snapshot, bool completed);
weir_status wr_rocks_restore(weir_backend *self, weir_block_reader *reader, weir_error *err);

size_t wr_rocks_gauges(const weir_backend *self, const char **out_names, uint64_t *out_values,
                       size_t room);

#endif /* WR_STATE_ROCKS_ROCKS_H */
