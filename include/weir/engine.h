/* SPDX-License-Identifier: Apache-2.0 */
/* weir/engine.h: what a state engine is: the backend's other side. For those who write one.
 *
 * A backend holds the keyed state of one operator subtask: the keys whose key group lies in its
 * range. Snapshots have Flink's shape: snapshot_begin (short, fixes the content) -> snapshot_turn
 * (between batches, a bounded piece each) -> snapshot_end (completed or aborted). Thread: a backend
 * belongs to the task thread that steps its subtask; nobody else reads live state.
 */
#ifndef WEIR_ENGINE_H
#define WEIR_ENGINE_H

#include "weir/alloc.h"
#include "weir/bytes.h"
#include "weir/options.h"
#include "weir/snapshot.h"
#include "weir/status.h"
#include "weir/type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct weir_backend weir_backend;
typedef struct weir_state weir_state;
typedef struct weir_snapshot weir_snapshot;

/* A key as engines take it, lent with `data`. Made by weir_key_make.
 *
 *   void namespace   | key |                                    the key's bytes: of a fixed-size
 *   any other        | key | namespace | [u32 namespace size]   key its fixed bytes, of a string or
 *   TIMERS           | key | i64 timestamp | [namespace | ...]  bytes key its content, of any other
 *                                                               its whole block; namespaces alike
 *
 * The size stands behind namespaces of variable-size types only. The key group is the key's alone;
 * the hash is that of all bytes. The dispatch makes these from what the runtime has bound: an
 * engine that does not care takes them as they are (weir_key_split tells the parts). */
typedef struct weir_key {
    const void *data;
    uint32_t size;
    uint32_t key_group;
    uint64_t hash; /* wr's 64-bit hash of the bytes under the backend's seed */
} weir_key;

typedef struct weir_key_parts {
    weir_bytes key;
    weir_bytes namespace_; /* size 0: void */
    int64_t timestamp;     /* of TIMERS */
} weir_key_parts;
/* WEIR_CORRUPT: the bytes are no key of such a state. */
weir_status weir_key_split(const weir_type *key_type, const weir_state_descriptor *descriptor,
                           weir_bytes bytes, weir_key_parts *out_parts);

/* Computes key group (Java's hash code, Flink's formula) and hash. The bytes are lent. */
weir_key weir_key_make(const weir_type *key_type, weir_bytes bytes, uint32_t max_parallelism,
                       uint64_t hash_seed);

typedef struct weir_backend_parameters {
    uint32_t size; /* of this struct as compiled */
    uint32_t max_parallelism;
    uint32_t key_group_first;  /* inclusive */
    uint32_t key_group_last;   /* inclusive */
    weir_alloc state_alloc;    /* counted on the state budget; refuses past it */
    weir_alloc snapshot_alloc; /* for copies that open snapshots need; refuses past its limit */
    const weir_type *key_type; /* lent for the backend's life */
    uint64_t hash_seed;
    const weir_options *options; /* lent for the call; NULL: defaults */
    const char *operator_name;   /* for words; lent for the backend's life */
    const char *directory; /* an empty one of its own, made by who needs it, removed at close, for
                              engines that keep files; NULL: none. Lent for the backend's life */
    uint64_t memory_bytes; /* this backend's share of managed memory, for engines that divide it
                              themselves; 0: only state_alloc limits */
    uint32_t subtask;      /* 0-based; for words and names */
} weir_backend_parameters;

/* What a state holds, for those who look. */
typedef struct weir_state_size {
    uint64_t entries; /* keys; of lists without a key elements */
    uint64_t bytes;   /* in memory; 0 also where the engine cannot tell its states apart */
    uint64_t disk_bytes;
    bool is_exact; /* else all of it is estimated */
} weir_state_size;

typedef struct weir_snapshot_parameters {
    uint32_t size; /* of this struct as compiled */
    uint64_t checkpoint_id;
    weir_block_writer *writer; /* lent until snapshot_end */
    bool incremental;          /* it may refer to what the last completed snapshot contains */
} weir_snapshot_parameters;

/* Where a walk over a list or map stands. All zero: before the first. The engine's to use. */
typedef struct weir_cursor {
    uint64_t word[4];
} weir_cursor;

/* The engine's side. Every entry is required unless marked optional.
 *
 * An *item* is what it keeps for a value, an element or a map value: a block of the type, and where
 * the state has_timestamps an i64 before it. An engine never looks into items but to take their
 * size (weir_state_item_size). Which entries serve which kind:
 *
 *   VALUE, REDUCING, AGGREGATING   find, upsert, upsert_many, put, remove
 *   TIMERS                         find, put, remove (the item is empty), first
 *   LIST                           list_add, list_next, remove
 *   MAP                            map_find, map_put, map_upsert, map_remove, map_next, remove
 *
 * Without the list entries, or without the map ones, the dispatch keeps a whole list or map as one
 * value, in the form of snapshot.h, by find, put and remove. A table with some of a set only is
 * refused when the backend is opened. */
typedef struct weir_backend_ops {
    uint32_t size; /* of this table as compiled */
    const char *name;

    /* Makes the state, or finds the restored one of this name. The dispatch asks once a name and
     * has compared a restored one's kind and types before (weir_backend_ops.restored). Where only
     * has_timestamps differs from what was restored, every item gains (backend->now_ms) or loses
     * its timestamp here. */
    weir_status (*create_state)(weir_backend *self, const weir_state_descriptor *descriptor,
                                weir_state **out_state, weir_error *err);
    /* Optional: what restore has brought of this name; false: nothing. Lent until closed. Without
     * it create_state compares (WEIR_VERSION with both types in words). */
    bool (*restored)(const weir_backend *self, const char *name,
                     weir_state_descriptor *out_descriptor);

    /* Optional: touches the lines that an access to these keys will read. */
    void (*prefetch)(weir_state *self, const weir_key *keys, size_t count);
    /* WEIR_NOT_FOUND: no such key. Lent until the next call on this state. */
    weir_status (*find)(weir_state *self, const weir_key *key, weir_bytes *out_item);
    /* Fixed-size types: the entry, made with the type's defaults (timestamp 0) if it was not there,
     * marked dirty, copied if a snapshot needs it. Lent until the next call on this
     * state; what is written there by then is kept. WEIR_NOMEM: the budget is reached, nothing
     * changed. */
    weir_status (*upsert)(weir_state *self, const weir_key *key, void **out_item,
                          bool *out_created);
    /* Many at once; all pointers stay valid together, until the next call on this state. Keys may
     * repeat (the same pointer). On failure nothing may be believed of out_items; entries made
     * stay, with defaults. */
    weir_status (*upsert_many)(weir_state *self, const weir_key *keys, size_t count,
                               void **out_items);
    /* Replaces or makes the item. WEIR_LIMIT: too big. */
    weir_status (*put)(weir_state *self, const weir_key *key, weir_bytes item);
    /* The whole of what stands under the key, of any kind. What is not there is no failure. */
    weir_status (*remove)(weir_state *self, const weir_key *key);
    /* Every entry, in any order; `each` must not change this state (it may read it). Of LIST and
     * MAP states the item is empty unless they are kept as values. Stops at the first failure. */
    weir_status (*iterate)(weir_state *self,
                           weir_status (*each)(void *argument, const weir_key *key,
                                               weir_bytes item),
                           void *argument);
    uint64_t (*entry_count)(const weir_state *self); /* keys; may be an estimate */

    /* Optional, both: lists. add appends all or nothing (WEIR_LIMIT, WEIR_NOMEM: nothing changed).
     * next answers WEIR_NOT_FOUND behind the last; lent until the state is changed. */
    weir_status (*list_add)(weir_state *self, const weir_key *key, const weir_bytes *items,
                            size_t count);
    weir_status (*list_next)(weir_state *self, const weir_key *key, weir_cursor *cursor,
                             weir_bytes *out_item);
    /* Optional: replaces the list, all or nothing; count is above 0. Without it: remove, then add.
     */
    weir_status (*list_put)(weir_state *self, const weir_key *key, const weir_bytes *items,
                            size_t count);

    /* Optional, all five (map_upsert: fixed-size types, as upsert; may be NULL even so): maps. A
     * null value is an item with data NULL and size 0. In map_next's walk the entry given last may
     * be removed or put; every other change ends the cursor's life. A map without entries is no
     * entry of the state. */
    weir_status (*map_find)(weir_state *self, const weir_key *key, weir_bytes map_key,
                            weir_bytes *out_item);
    weir_status (*map_put)(weir_state *self, const weir_key *key, weir_bytes map_key,
                           weir_bytes item);
    weir_status (*map_upsert)(weir_state *self, const weir_key *key, weir_bytes map_key,
                              void **out_item, bool *out_created);
    weir_status (*map_remove)(weir_state *self, const weir_key *key, weir_bytes map_key);
    weir_status (*map_next)(weir_state *self, const weir_key *key, weir_cursor *cursor,
                            weir_bytes *out_map_key, weir_bytes *out_item);

    /* Optional, of engines that keep TIMERS in order: up to `most` of a key group, earliest first;
     * `each` must not change the state. Without it the dispatch keeps all timers in memory too. */
    weir_status (*first)(weir_state *self, uint32_t key_group, size_t most,
                         weir_status (*each)(void *argument, const weir_key *key), void *argument);
    /* Optional: looks at about `entries` more entries of the state, round and round, and removes
     * those expired at backend->now_ms (weir_state_item_expired), elements and map entries alike.
     */
    void (*expire)(weir_state *self, size_t entries);
    /* Optional: removes every entry of this namespace (pane states: at once). */
    weir_status (*clear_namespace)(weir_state *self, weir_bytes namespace_);

    /* O(number of states). Several may be open at once, each of its own moment. WEIR_BUSY: too many
     * are. */
    weir_status (*snapshot_begin)(weir_backend *self, const weir_snapshot_parameters *parameters,
                                  weir_snapshot **out_snapshot, weir_error *err);
    /* Copies at most about budget_bytes; *out_done when all is written. Called again later if not.
     */
    weir_status (*snapshot_turn)(weir_backend *self, weir_snapshot *snapshot, size_t budget_bytes,
                                 bool *out_done, weir_error *err);
    /* completed: the checkpoint is complete, as the coordinator says; the next incremental one may
     * build on it. Else nothing will (it was aborted, or is a savepoint, which stands apart though
     * all of it was written): the engine takes back what it prepared; it may go on stamping inside
     * later calls. The writer is not touched any more. Called in the order of begins, unless
     * aborted. */
    void (*snapshot_end)(weir_backend *self, weir_snapshot *snapshot, bool completed);
    /* Optional: work that is left to do between batches (after an aborted snapshot, shrinking);
     * true: more is left. */
    bool (*idle_turn)(weir_backend *self, size_t budget_bytes);
    /* Optional: copies for open snapshots are near their limit; the runtime takes no records, only
     * turns, until the writer has caught up. Asked between batches. */
    bool (*snapshot_pressed)(const weir_backend *self);

    /* Inserts what the reader gives. Called once per file, before any state is created; files with
     * changes come behind what they change. */
    weir_status (*restore)(weir_backend *self, weir_block_reader *reader, weir_error *err);

    uint64_t (*used_bytes)(const weir_backend *self);
    /* Optional: numbers of the engine's own, for metrics; names are static. */
    size_t (*gauges)(const weir_backend *self, const char **out_names, uint64_t *out_values,
                     size_t room);
    void (*close)(weir_backend *self); /* open snapshots are ended as aborted */
    /* Optional: the words of the verb that failed last, of engines whose failures have some (a
     * library's, a file's). False: none. */
    bool (*explain)(const weir_backend *self, weir_error *out_err);
    /* Optional: in O(1), for it is asked between batches. Without it: entry_count, as an estimate.
     */
    void (*measure)(const weir_state *self, weir_state_size *out_size);
} weir_backend_ops;

struct wr_backend_common;
struct wr_state_common;

/* Engines embed these first and keep their own fields behind; zeroed but for ops, backend and type,
 * which they set. */
struct weir_backend {
    const weir_backend_ops *ops;
    int64_t now_ms;                   /* processing time, set by weir_backend_set_time */
    struct wr_backend_common *common; /* the dispatch's */
};

struct weir_state {
    weir_backend *backend;
    const weir_key *current_key; /* bound by the runtime; NULL: no key set */
    const weir_type *type;       /* of the value; the engine's copy */
    uint64_t accesses;           /* counted by the dispatch; the runtime's hint for prefetch */
    weir_status failure; /* of the first verb that failed (NOT_FOUND is none); set by the dispatch,
                            looked at by the runtime */
    struct wr_state_common *common; /* the dispatch's */
};

/* For engines. Of a fixed-size type: what an item of the state takes; 0: of its own size. */
size_t weir_state_item_size(const weir_state_descriptor *descriptor);
/* Whether the item is expired at this time. False without ttl. */
bool weir_state_item_expired(const weir_ttl *ttl, weir_bytes item, int64_t now_ms);

typedef struct weir_backend_factory {
    uint32_t size; /* of this table as compiled */
    const char *name;
    weir_status (*open)(const weir_backend_parameters *parameters, weir_backend **out_backend,
                        weir_error *err);
} weir_backend_factory;

/* The built-in in-memory engine, "hashmap". */
const weir_backend_factory *weir_backend_factory_hashmap(void);

/* --- an engine as a shared object: state.backend.type: /path/engine.so --- */

typedef struct weir_backend_abi_info {
    uint32_t magic;   /* WEIR_BACKEND_MAGIC */
    uint32_t version; /* WEIR_BACKEND_ABI */
} weir_backend_abi_info;

enum {
    WEIR_BACKEND_MAGIC = 0x45494557, /* "WEIE" */
    WEIR_BACKEND_ABI = 1
};

/* WEIR_BACKEND(factory): `factory` is a const weir_backend_factory. The object links no library of
 * weir's: the program that loads it has them. */
#define WEIR_BACKEND(factory)                                                                    \
    __attribute__((visibility("default")))                                                       \
    const weir_backend_abi_info weir_backend_abi = { WEIR_BACKEND_MAGIC, WEIR_BACKEND_ABI };     \
    __attribute__((visibility("default"))) const weir_backend_factory *weir_state_backend(void); \
    const weir_backend_factory *weir_state_backend(void)                                         \
    {                                                                                            \
        return &(factory);                                                                       \
    }

/* The factory of an engine by its name, as state.backend.type has it: hashmap, rocksdb, Flink's
 * factory class names, or the path of a shared object, whose ABI is checked before anything of it
 * is called (WEIR_VERSION). A module is found beside the library, then on the loader's path.
 * WEIR_NOT_FOUND names the file and what to install. Loaded objects stay. Thread: host. */
weir_status weir_backend_factory_find(const char *name, const weir_backend_factory **out_factory,
                                      weir_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_ENGINE_H */
