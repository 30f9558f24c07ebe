/* SPDX-License-Identifier: Apache-2.0 */
/* pairs: what list_bench and map_bench share: an engine's state and the same rows in RocksDB, and
 * subjects in pairs, weir's and then its rival's. Thread: one.
 *
 *     [--engine NAME] [--keys N] [--operations N] [--peer-operations N] [--repetitions N] [--data
 * DIR]
 */
#ifndef WEIR_BENCH_PAIRS_H
#define WEIR_BENCH_PAIRS_H

#include "engine.h"
#include "harness.h"
#include "peers/rocks.h"

struct bench_pairs {
    uint64_t key_count;
    size_t count;      /* operations a repetition */
    size_t peer_count; /* of the rivals' */
    int repetitions;
    int64_t *numbers; /* `count`, drawn uniformly from the keys */
    struct bench_loop loop;
    struct bench_engine engine;
    struct peer_rocks *rocks;
};

void bench_pairs_open(struct bench_pairs *pairs, int argc, char **argv, weir_state_kind kind);
void bench_pairs_close(struct bench_pairs *pairs);
/* Calls `one` for every key of weir's state, in order; its sum begins at 0. */
void bench_pairs_each_key(struct bench_pairs *pairs,
                          void (*one)(struct bench_loop *loop, int64_t number));
/* Calls `one` for the numbers drawn. */
void bench_pairs_each_drawn(struct bench_pairs *pairs,
                            void (*one)(struct bench_loop *loop, int64_t number));
/* The first of peer_count numbers: others in each repetition, since what was written is at hand. */
const int64_t *bench_pairs_peer_numbers(const struct bench_pairs *pairs, size_t repetition);
/* Measures a pair in turns and prints it; how many times its rival's rate weir's is. `argument` is
 * for their functions. */
double bench_pairs_run(const struct bench_pairs *pairs, struct bench_subject pair[2],
                       void *argument);

#endif /* WEIR_BENCH_PAIRS_H */
