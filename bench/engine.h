/* SPDX-License-Identifier: Apache-2.0 */
/* engine: a backend of any engine, as benches use it: opened by the engine's name, keys of 64-bit
 * numbers, snapshots to files and back. Stops the bench at the first error. Thread: one, but for
 * its io thread.
 */
#ifndef WEIR_BENCH_ENGINE_H
#define WEIR_BENCH_ENGINE_H

#include "weir/backend.h"
#include "weir/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BENCH_BATCH = 1024, /* keys at once */
    BENCH_AHEAD = 32,   /* keys that a per-key loop looks ahead */
    BENCH_KEY_GROUPS = 128
};

#define BENCH_SEED UINT64_C(0x9d2c5680f3a1b7e5)

/* What is to be opened; all zero but name and data: all of 128 key groups, keys of 64 bits. */
struct bench_engine_parameters {
    const char *name; /* "hashmap", "rocksdb", or the path of a shared object */
    const char *data; /* a directory for what engines keep, and for snapshots */
    uint32_t max_parallelism;
    uint32_t key_group_first;
    uint32_t key_group_last;
    const weir_type *key_type;
    uint64_t memory_bytes; /* 0: unlimited */
    bool incremental;
    uint32_t subtask;
};

struct bench_snapshot;

struct bench_engine {
    struct bench_engine_parameters given;
    const struct bench_snapshot *last; /* completed; what it has of shared files is not copied */
    weir_backend *backend;
    weir_options *options;
    char directory[4096];
};

void bench_engine_open(struct bench_engine *engine,
                       const struct bench_engine_parameters *parameters);
void bench_engine_close(struct bench_engine *engine);
weir_state *bench_engine_state(struct bench_engine *engine,
                               const weir_state_descriptor *descriptor);
/* A state of this kind with 64-bit values, and 64-bit keys where it is a map. */
weir_state *bench_engine_plain(struct bench_engine *engine, weir_state_kind kind, const char *name);

/* Stops the bench unless all is well. */
void bench_expect(const char *what, weir_status status);

/* The sum of all values of a state of 64-bit values; how many there are (may be NULL). */
uint64_t bench_engine_sum(weir_state *state, uint64_t *out_count);

/* Keys of these numbers, which are lent as long as the keys. */
void bench_keys(const struct bench_engine *engine, const int64_t *numbers, weir_key *out_keys,
                size_t count);
/* Numbers drawn uniformly from 0 to below - 1. */
void bench_draw(int64_t *numbers, size_t count, uint64_t below, uint64_t seed);

/* Calls `one` for each of the numbers, its key bound, others asked for ahead. Lasts as long as the
 * answer says, in seconds: making keys is part of it. */
struct bench_loop {
    struct bench_engine *engine;
    weir_state *state;
    void (*one)(struct bench_loop *loop, int64_t number);
    void *argument;
    uint64_t sum; /* `one`'s to use */
    weir_key keys[BENCH_BATCH];
};
double bench_loop_run(struct bench_loop *loop, const int64_t *numbers, size_t count);

/* --- snapshots --- */

struct bench_engine_file; /* one of the engine's own */

/* What one snapshot is made of. */
struct bench_snapshot {
    char path[4096]; /* of the state file */
    uint64_t id;
    uint64_t bytes; /* written: of the state file, and of the engine's own that were copied */
    uint64_t state_bytes;
    uint32_t crc;
    bool has_changes;
    uint32_t subtask;
    uint32_t key_group_first;
    uint32_t key_group_last;
    struct bench_engine_file *files; /* never given back */
    size_t file_count;
    double elapsed_s; /* from begin until it was durable */
};

/* A whole snapshot: begin, turns, `between` (may be NULL) after each and until it is durable, end
 * as completed. An incremental one refers to the one before, which must be kept where it is. */
void bench_snapshot_take(struct bench_engine *engine, uint64_t id, bool incremental,
                         void (*between)(void *argument), void *argument,
                         struct bench_snapshot *out_snapshot);
/* Reads what belongs to the engine's key groups. Before its states are made; changes behind what
 * they change. */
void bench_snapshot_restore(struct bench_engine *engine, const struct bench_snapshot *snapshot);
void bench_snapshot_remove(const struct bench_snapshot *snapshot);
/* Tells the system to forget what it has in memory of the state file: the next reader reads the
 * disk. */
void bench_snapshot_cool(const struct bench_snapshot *snapshot);

#endif /* WEIR_BENCH_ENGINE_H */
