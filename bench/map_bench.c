/* SPDX-License-Identifier: Apache-2.0 */
/* map_bench: rows 4 and 4b: maps of 64-bit keys to 64-bit values by 64-bit keys, N maps of ten
 * entries, uniform, one thread, per record through the public verbs, against RocksDB through its
 * own API: a row an entry, iterated by a seek.
 *
 *   put      replaces the value of one entry
 *   get      the value of one entry
 *   iterate  all ten entries of a map
 *
 * Both begin with the same maps, RocksDB's flushed and compacted. Afterwards the sums of all values
 * must be what was put.
 *
 * Envelope: a map of ten is a chunk of some 200 bytes: with its slot five lines, the most of them
 * side by side: 60-80 ns. RocksDB: 3.5 us a put, 9 us a get, 12 us a seek and ten steps.
 *
 *     map_bench [--engine NAME] [--keys N] [--operations N] [--peer-operations N]
 *               [--repetitions N] [--data DIR]
 */
#include "pairs.h"

enum {
    ENTRIES = 10 /* a map */
};

struct bench {
    struct bench_pairs pairs;
    uint64_t put_round; /* values grow with it, so that none is written as it was */
};

/* Which entry of its map a record is about. */
static int64_t
map_key_of(int64_t number)
{
    return (int64_t)(bench_mix((uint64_t)number) % ENTRIES);
}

static uint64_t
value_of(int64_t number, int64_t map_key, uint64_t round)
{
    return (uint64_t)number * ENTRIES + (uint64_t)map_key + (round << 40);
}

static weir_bytes
bytes_of(const int64_t *number)
{
    return weir_bytes_of(number, sizeof *number);
}

/* --- weir --- */

static void
put_one(struct bench_loop *loop, int64_t number)
{
    const struct bench *bench = loop->argument;
    int64_t map_key = map_key_of(number);
    int64_t value = (int64_t)value_of(number, map_key, bench->put_round);
    bench_expect("put", weir_map_put(loop->state, bytes_of(&map_key), bytes_of(&value)));
}

static void
get_one(struct bench_loop *loop, int64_t number)
{
    int64_t map_key = map_key_of(number);
    weir_bytes value;
    bench_expect("get", weir_map_get(loop->state, bytes_of(&map_key), &value));
    loop->sum += *(const uint64_t *)value.data;
}

static void
iterate_one(struct bench_loop *loop, int64_t number)
{
    (void)number;
    weir_cursor cursor = { { 0 } };
    weir_bytes key;
    weir_bytes value;
    weir_status status;
    while ((status = weir_map_next(loop->state, &cursor, &key, &value)) == WEIR_OK) {
        loop->sum += *(const uint64_t *)value.data;
    }
    if (status != WEIR_NOT_FOUND) {
        bench_expect("next", status);
    }
}

static void
load_one(struct bench_loop *loop, int64_t number)
{
    for (int64_t map_key = 0; map_key < ENTRIES; map_key++) {
        int64_t value = (int64_t)value_of(number, map_key, 0);
        bench_expect("load", weir_map_put(loop->state, bytes_of(&map_key), bytes_of(&value)));
    }
}

/* --- what is measured --- */

static void
run_get(void *argument, size_t repetition)
{
    (void)repetition;
    bench_pairs_each_drawn(&((struct bench *)argument)->pairs, get_one);
}

static void
run_iterate(void *argument, size_t repetition)
{
    (void)repetition;
    bench_pairs_each_drawn(&((struct bench *)argument)->pairs, iterate_one);
}

static void
run_put(void *argument, size_t repetition)
{
    struct bench *bench = argument;
    bench->put_round = repetition + 1;
    bench_pairs_each_drawn(&bench->pairs, put_one);
}

/* RocksDB's side: what is done with one entry. */
static void
rocks_get(struct peer_rocks *rocks, const unsigned char *key, int64_t number)
{
    (void)number;
    uint64_t value;
    if (!peer_rocks_get(rocks, key, PEER_ROCKS_MAP_KEY, &value)) {
        bench_die("RocksDB has lost an entry");
    }
}

static void
rocks_iterate(struct peer_rocks *rocks, const unsigned char *key, int64_t number)
{
    (void)number;
    uint64_t sum;
    if (peer_rocks_walk(rocks, key, PEER_ROCKS_KEY, &sum) != ENTRIES) {
        bench_die("RocksDB has lost an entry");
    }
}

static void
rocks_put(struct peer_rocks *rocks, const unsigned char *key, int64_t number)
{
    peer_rocks_put(rocks, key, PEER_ROCKS_MAP_KEY, value_of(number, map_key_of(number), 1));
}

static void
each_entry(const struct bench_pairs *pairs, size_t repetition,
           void (*one)(struct peer_rocks *rocks, const unsigned char *key, int64_t number))
{
    unsigned char key[PEER_ROCKS_MAP_KEY];
    const int64_t *numbers = bench_pairs_peer_numbers(pairs, repetition);
    for (size_t i = 0; i < pairs->peer_count; i++) {
        peer_rocks_key(key, (uint64_t)numbers[i], (uint64_t)map_key_of(numbers[i]));
        one(pairs->rocks, key, numbers[i]);
    }
}

static void
run_rocks_get(void *argument, size_t repetition)
{
    each_entry(&((struct bench *)argument)->pairs, repetition, rocks_get);
}

static void
run_rocks_iterate(void *argument, size_t repetition)
{
    each_entry(&((struct bench *)argument)->pairs, repetition, rocks_iterate);
}

static void
run_rocks_put(void *argument, size_t repetition)
{
    each_entry(&((struct bench *)argument)->pairs, repetition, rocks_put);
}

/* --- before and after --- */

static void
load(struct bench_pairs *pairs)
{
    unsigned char key[PEER_ROCKS_MAP_KEY];
    for (uint64_t number = 0; number < pairs->key_count; number++) {
        for (int64_t map_key = 0; map_key < ENTRIES; map_key++) {
            peer_rocks_key(key, number, (uint64_t)map_key);
            peer_rocks_load(pairs->rocks, key, PEER_ROCKS_MAP_KEY,
                            value_of((int64_t)number, map_key, 0));
        }
    }
    peer_rocks_load_end(pairs->rocks);
    bench_pairs_each_key(pairs, load_one);
}

/* The sum of all values after the puts of numbers[0..count), the last of them in this round. */
static uint64_t
expected_sum(uint64_t key_count, const int64_t *numbers, size_t count, uint64_t round)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < key_count; i++) {
        for (int64_t map_key = 0; map_key < ENTRIES; map_key++) {
            sum += value_of((int64_t)i, map_key, 0);
        }
    }
    /* An entry put has the round on top, once, however often it was put. */
    unsigned char *seen = bench_memory(key_count);
    for (size_t i = 0; i < count; i++) {
        sum += seen[numbers[i]] == 0 ? round << 40 : 0;
        seen[numbers[i]] = 1;
    }
    return sum;
}

static void
check_sums(struct bench_pairs *pairs)
{
    size_t runs = (size_t)pairs->repetitions + 1;
    bench_pairs_each_key(pairs, iterate_one);
    if (pairs->loop.sum != expected_sum(pairs->key_count, pairs->numbers, pairs->count, runs)) {
        bench_die("entries of maps are lost, or stale");
    }
    /* What RocksDB was given, unless it began anew with the numbers. */
    size_t put = pairs->peer_count * runs;
    uint64_t rocks_sum = 0;
    uint64_t rows = peer_rocks_walk(pairs->rocks, NULL, 0, &rocks_sum);
    if (rows != pairs->key_count * ENTRIES ||
        (put <= pairs->count - pairs->peer_count &&
         rocks_sum != expected_sum(pairs->key_count, pairs->numbers, put, 1))) {
        bench_die("RocksDB's entries are lost, or stale");
    }
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    static struct bench_subject subjects[][2] = {
        { { { .name = "map get" }, run_get }, { { .name = "map get" }, run_rocks_get } },
        { { { .name = "map iterate" }, run_iterate },
          { { .name = "map iterate" }, run_rocks_iterate } },
        { { { .name = "map put" }, run_put }, { { .name = "map put" }, run_rocks_put } },
    };
    static const struct bench_gate gates[] = {
        { "4", "map get", "x RocksDB", 50, 110, false },
        { "4b", "map iterate", "x RocksDB", 30, 80, false },
        { "4", "map put", "x RocksDB", 20, 45, false },
    };
    bench_pairs_open(&bench.pairs, argc, argv, WEIR_STATE_MAP);
    bench.pairs.loop.argument = &bench;
    load(&bench.pairs);
    bool holds = true;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        subjects[i][0].figure.bench = subjects[i][1].figure.bench = "map";
        double times = bench_pairs_run(&bench.pairs, subjects[i], &bench);
        holds = bench_judge(&gates[i], times) && holds;
    }
    check_sums(&bench.pairs);
    bench_pairs_close(&bench.pairs);
    return holds ? 0 : 1;
}
