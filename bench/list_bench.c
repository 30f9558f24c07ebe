/* SPDX-License-Identifier: Apache-2.0 */
/* list_bench: row 3: lists of 8-byte elements by 64-bit keys, N lists, uniform, one thread, per
 * record through the public verbs, against RocksDB's merge operator through its own API.
 *
 *   get   all elements of a list, four of them, read to the end
 *   add   one element to a list
 *
 * Both begin with the same lists, RocksDB's flushed and compacted. Afterwards the sums of all
 * elements must be what was added. An add of RocksDB's costs the more the fuller its memtable is,
 * which holds 1.36 million of them (its LOG: flush_started, num_entries): --peer-operations says
 * how full it becomes, over the warm-up and all repetitions. No flush is timed.
 *
 * Envelope: at 1 M lists an entry and its chunk are two or three lines, some 30 ns when asked for
 * ahead, and 30 of calls: 16 M/s. RocksDB: a skip list of a memtable 3 us an add, a block to
 * unpack 6 us a get.
 *
 *     list_bench [--engine NAME] [--keys N] [--operations N] [--peer-operations N]
 *                [--repetitions N] [--data DIR]
 */
#include "pairs.h"

enum {
    LOADED = 4 /* elements a list at the start */
};

struct bench {
    struct bench_pairs pairs;
    uint64_t added; /* sum of all elements of weir's lists */
    uint64_t rocks_added;
};

static void
add_one(struct bench_loop *loop, int64_t number)
{
    int64_t element = number + 1;
    bench_expect("add", weir_list_add(loop->state, weir_bytes_of(&element, sizeof element)));
    loop->sum += (uint64_t)element;
}

static void
get_one(struct bench_loop *loop, int64_t number)
{
    (void)number;
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    weir_status status;
    while ((status = weir_list_next(loop->state, &cursor, &element)) == WEIR_OK) {
        loop->sum += *(const uint64_t *)element.data;
    }
    if (status != WEIR_NOT_FOUND) {
        bench_expect("next", status);
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
run_add(void *argument, size_t repetition)
{
    (void)repetition;
    struct bench *bench = argument;
    bench_pairs_each_drawn(&bench->pairs, add_one);
    bench->added += bench->pairs.loop.sum;
}

static void
run_rocks_get(void *argument, size_t repetition)
{
    const struct bench_pairs *pairs = &((struct bench *)argument)->pairs;
    unsigned char key[PEER_ROCKS_MAP_KEY];
    const int64_t *numbers = bench_pairs_peer_numbers(pairs, repetition);
    for (size_t i = 0; i < pairs->peer_count; i++) {
        uint64_t sum;
        peer_rocks_key(key, (uint64_t)numbers[i], 0);
        if (!peer_rocks_get(pairs->rocks, key, PEER_ROCKS_KEY, &sum)) {
            bench_die("RocksDB has lost a list");
        }
    }
}

static void
run_rocks_add(void *argument, size_t repetition)
{
    struct bench *bench = argument;
    unsigned char key[PEER_ROCKS_MAP_KEY];
    const int64_t *numbers = bench_pairs_peer_numbers(&bench->pairs, repetition);
    for (size_t i = 0; i < bench->pairs.peer_count; i++) {
        peer_rocks_key(key, (uint64_t)numbers[i], 0);
        peer_rocks_join(bench->pairs.rocks, key, PEER_ROCKS_KEY, (uint64_t)numbers[i] + 1);
        bench->rocks_added += (uint64_t)numbers[i] + 1;
    }
}

/* --- before and after --- */

static void
load(struct bench *bench)
{
    unsigned char key[PEER_ROCKS_MAP_KEY];
    for (int round = 0; round < LOADED; round++) {
        bench_pairs_each_key(&bench->pairs, add_one);
        bench->added += bench->pairs.loop.sum;
        bench->rocks_added += bench->pairs.loop.sum;
        for (uint64_t number = 0; number < bench->pairs.key_count; number++) {
            peer_rocks_key(key, number, 0);
            peer_rocks_load_join(bench->pairs.rocks, key, PEER_ROCKS_KEY, number + 1);
        }
    }
    peer_rocks_load_end(bench->pairs.rocks);
}

static void
check_sums(struct bench *bench)
{
    bench_pairs_each_key(&bench->pairs, get_one);
    uint64_t rocks_sum = 0;
    if (bench->pairs.loop.sum != bench->added ||
        peer_rocks_walk(bench->pairs.rocks, NULL, 0, &rocks_sum) != bench->pairs.key_count ||
        rocks_sum != bench->rocks_added) {
        bench_die("elements are lost, or there are too many");
    }
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    static struct bench_subject get[2] = {
        { { .bench = "list", .name = "list get" }, run_get },
        { { .bench = "list", .name = "list get" }, run_rocks_get },
    };
    static struct bench_subject add[2] = {
        { { .bench = "list", .name = "list add" }, run_add },
        { { .bench = "list", .name = "list add" }, run_rocks_add },
    };
    static const struct bench_gate get_gate = { "3", "list get", "x RocksDB", 25, 80, false };
    static const struct bench_gate add_gate = { "3", "list add", "x RocksDB", 25, 60, false };
    bench_pairs_open(&bench.pairs, argc, argv, WEIR_STATE_LIST);
    load(&bench);
    /* Gets first: adding makes the lists longer. */
    bool holds = bench_judge(&get_gate, bench_pairs_run(&bench.pairs, get, &bench));
    holds = bench_judge(&add_gate, bench_pairs_run(&bench.pairs, add, &bench)) && holds;
    check_sums(&bench);
    bench_pairs_close(&bench.pairs);
    return holds ? 0 : 1;
}
