/* SPDX-License-Identifier: Apache-2.0 */
/* pairs: see pairs.h. */
#include "pairs.h"

#include <stdio.h>

enum {
    PATH_ROOM = 4096
};

void
bench_pairs_open(struct bench_pairs *pairs, int argc, char **argv, weir_state_kind kind)
{
    struct bench_engine_parameters parameters = {
        .name = bench_option_text(argc, argv, "--engine", "hashmap"),
        .data = bench_option_text(argc, argv, "--data", "build/bench-data")
    };
    pairs->key_count = bench_option(argc, argv, "--keys", 1000000);
    pairs->count = bench_option(argc, argv, "--operations", 2 << 20);
    pairs->peer_count = bench_option(argc, argv, "--peer-operations", 40 << 10);
    pairs->repetitions = (int)bench_option(argc, argv, "--repetitions", BENCH_REPETITIONS);
    if (pairs->key_count == 0 || pairs->peer_count == 0 || pairs->peer_count > pairs->count) {
        bench_die("--keys, --operations or --peer-operations make no sense");
    }
    bench_engine_open(&pairs->engine, &parameters);
    pairs->loop.engine = &pairs->engine;
    pairs->loop.state = bench_engine_plain(&pairs->engine, kind, "rows");
    pairs->numbers = bench_memory(pairs->count * sizeof *pairs->numbers);
    bench_draw(pairs->numbers, pairs->count, pairs->key_count, 1);
    char path[PATH_ROOM];
    const struct peer_rocks_settings settings = { .joins = kind == WEIR_STATE_LIST };
    snprintf(path, sizeof path, "%.4000s/peer-rocksdb", parameters.data);
    pairs->rocks = peer_rocks_open(path, &settings);
}

void
bench_pairs_close(struct bench_pairs *pairs)
{
    bench_engine_close(&pairs->engine);
    peer_rocks_close(pairs->rocks);
}

void
bench_pairs_each_key(struct bench_pairs *pairs,
                     void (*one)(struct bench_loop *loop, int64_t number))
{
    int64_t numbers[BENCH_BATCH];
    pairs->loop.one = one;
    pairs->loop.sum = 0;
    for (uint64_t done = 0; done < pairs->key_count; done += BENCH_BATCH) {
        size_t size = 0;
        for (uint64_t i = done; i < done + BENCH_BATCH && i < pairs->key_count; i++) {
            numbers[size++] = (int64_t)i;
        }
        bench_loop_run(&pairs->loop, numbers, size);
    }
}

void
bench_pairs_each_drawn(struct bench_pairs *pairs,
                       void (*one)(struct bench_loop *loop, int64_t number))
{
    pairs->loop.one = one;
    pairs->loop.sum = 0;
    bench_loop_run(&pairs->loop, pairs->numbers, pairs->count);
}

const int64_t *
bench_pairs_peer_numbers(const struct bench_pairs *pairs, size_t repetition)
{
    size_t places = pairs->count - pairs->peer_count + 1;
    return pairs->numbers + repetition * pairs->peer_count % places;
}

double
bench_pairs_run(const struct bench_pairs *pairs, struct bench_subject pair[2], void *argument)
{
    for (int i = 0; i < 2; i++) {
        pair[i].figure.unit = "operations/s";
        pair[i].figure.engine = i == 0 ? pairs->engine.given.name : "raw rocksdb";
        pair[i].figure.n = i == 0 ? pairs->count : pairs->peer_count;
    }
    bench_take_turns(pair, 2, pairs->repetitions, argument);
    double times = bench_median(&pair[0].figure) / bench_median(&pair[1].figure);
    bench_print(&pair[0].figure, times);
    bench_print(&pair[1].figure, 1);
    return times;
}
