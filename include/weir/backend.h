/* SPDX-License-Identifier: Apache-2.0 */
/* weir/backend.h: what a state backend is. For those who use one by hand, and those who write one.
 *
 * A backend holds the keyed state of one operator subtask: the keys whose key group lies in its
 * range. Snapshots have Flink's shape: snapshot_begin (short, fixes the content) -> snapshot_turn
 * (between batches, a bounded piece each) -> snapshot_end (completed or aborted). Thread: a backend
 * belongs to the task thread that steps its subtask; nobody else reads live state.
 */
#ifndef WEIR_BACKEND_H
#define WEIR_BACKEND_H

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

/* A key as engines take it. Bytes: of a fixed-size key its fixed bytes, of a string or bytes key
 * its content, of any other key its whole block. Made by weir_key_make; lent with `data`. */
typedef struct weir_key {
    const void *data;
    uint32_t size;
    uint32_t key_group;
    uint64_t hash; /* wr's 64-bit hash of the bytes under the backend's seed */
} weir_key;

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
} weir_backend_parameters;

/* The engine's side. Every entry is required unless marked optional. */
typedef struct weir_backend_ops {
    uint32_t size; /* of this table as compiled */
    const char *name;

    /* Makes the state, or finds the restored one of this name (WEIR_VERSION with both types in
     * words if it differs). Asking twice gives the same state. */
    weir_status (*create_state)(weir_backend *self, const weir_state_descriptor *descriptor,
                                weir_state **out_state, weir_error *err);

    /* Optional: touches the lines that find and upsert of these keys will read. */
    void (*prefetch)(weir_state *self, const weir_key *keys, size_t count);
    /* WEIR_NOT_FOUND: no such key. Lent until the next call on this state. */
    weir_status (*find)(weir_state *self, const weir_key *key, weir_bytes *out_value);
    /* Fixed-size types: the entry, made with the type's defaults if it was not there, marked dirty,
     * its chunk copied if a snapshot needs it. WEIR_NOMEM: the budget is reached, nothing changed.
     */
    weir_status (*upsert)(weir_state *self, const weir_key *key, void **out_value,
                          bool *out_created);
    /* Many at once; all pointers stay valid together, until the next call on this state. Keys may
     * repeat. On failure nothing may be believed of out_values; entries made stay, with defaults.
     */
    weir_status (*upsert_many)(weir_state *self, const weir_key *keys, size_t count,
                               void **out_values);
    /* Replaces or makes the value: a whole block of the type. WEIR_LIMIT: too big. */
    weir_status (*put)(weir_state *self, const weir_key *key, weir_bytes value);
    /* Removing what is not there is no failure. */
    weir_status (*remove)(weir_state *self, const weir_key *key);
    /* Every entry, in any order; `each` must not change this state. Stops at the first failure. */
    weir_status (*iterate)(weir_state *self,
                           weir_status (*each)(void *argument, const weir_key *key,
                                               weir_bytes value),
                           void *argument);
    uint64_t (*entry_count)(const weir_state *self);

    /* O(number of states). The writer is lent until snapshot_end. */
    weir_status (*snapshot_begin)(weir_backend *self, weir_block_writer *writer,
                                  weir_snapshot **out_snapshot, weir_error *err);
    /* Copies at most about budget_bytes; *out_done when all is written. Called again later if not.
     */
    weir_status (*snapshot_turn)(weir_backend *self, weir_snapshot *snapshot, size_t budget_bytes,
                                 bool *out_done, weir_error *err);
    /* completed: all was written and is durable. Else the engine takes back what it prepared; it
     * may go on stamping inside later calls. The writer is not touched any more. */
    void (*snapshot_end)(weir_backend *self, weir_snapshot *snapshot, bool completed);
    /* Optional: after an aborted snapshot, work that is left to do between batches; true: more is
     * left. */
    bool (*idle_turn)(weir_backend *self, size_t budget_bytes);

    /* Inserts what the reader gives. Called once per file, before any state is created. */
    weir_status (*restore)(weir_backend *self, weir_block_reader *reader, weir_error *err);

    uint64_t (*used_bytes)(const weir_backend *self);
    void (*close)(weir_backend *self); /* open snapshots are ended as aborted */

    /* Optional: copies for open snapshots are near their limit; the runtime takes no records, only
     * turns, until the writer has caught up. Asked between batches. */
    bool (*snapshot_pressed)(const weir_backend *self);
} weir_backend_ops;

/* Engines embed these first and keep their own fields behind. */
struct weir_backend {
    const weir_backend_ops *ops;
};

struct weir_state {
    weir_backend *backend;
    const weir_key *current_key; /* bound by the runtime; NULL: no key set */
    const weir_type *type;       /* of the value; the engine's copy */
    uint64_t accesses;           /* counted by the dispatch; the runtime's hint for prefetch */
    weir_status failure; /* of the first weir_value_ call that failed (NOT_FOUND is none); set by
                            the dispatch, looked at by the runtime */
};

typedef struct weir_backend_factory {
    uint32_t size; /* of this table as compiled */
    const char *name;
    weir_status (*open)(const weir_backend_parameters *parameters, weir_backend **out_backend,
                        weir_error *err);
} weir_backend_factory;

/* The built-in in-memory engine, "hashmap". */
const weir_backend_factory *weir_backend_factory_hashmap(void);

/* --- verbs: one dispatch for all engines; arguments are checked here --- */

weir_status weir_backend_open(const weir_backend_factory *factory,
                              const weir_backend_parameters *parameters, weir_backend **out_backend,
                              weir_error *err);
void weir_backend_close(weir_backend *backend); /* NULL: nothing */
weir_status weir_backend_create_state(weir_backend *backend,
                                      const weir_state_descriptor *descriptor,
                                      weir_state **out_state, weir_error *err);
void weir_state_bind(weir_state *state, const weir_key *key); /* lent until bound anew */
void weir_state_prefetch(weir_state *state, const weir_key *keys, size_t count);
weir_status weir_state_upsert_many(weir_state *state, const weir_key *keys, size_t count,
                                   void **out_values);
weir_status weir_state_iterate(weir_state *state,
                               weir_status (*each)(void *argument, const weir_key *key,
                                                   weir_bytes value),
                               void *argument);
uint64_t weir_state_entry_count(const weir_state *state);
weir_status weir_backend_snapshot_begin(weir_backend *backend, weir_block_writer *writer,
                                        weir_snapshot **out_snapshot, weir_error *err);
weir_status weir_backend_snapshot_turn(weir_backend *backend, weir_snapshot *snapshot,
                                       size_t budget_bytes, bool *out_done, weir_error *err);
void weir_backend_snapshot_end(weir_backend *backend, weir_snapshot *snapshot, bool completed);
bool weir_backend_idle_turn(weir_backend *backend, size_t budget_bytes);
bool weir_backend_snapshot_pressed(const weir_backend *backend);
weir_status weir_backend_restore(weir_backend *backend, weir_block_reader *reader, weir_error *err);
uint64_t weir_backend_used_bytes(const weir_backend *backend);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_BACKEND_H */
