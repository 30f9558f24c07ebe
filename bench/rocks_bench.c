/* SPDX-License-Identifier: Apache-2.0 */
/* rocks_bench: the engine rocksdb through weir's verbs against RocksDB through its own API, doing
 * the same work with the same sizes of cache and write buffers (Flink's, no managed memory), one
 * thread.
 *
 *   value     get and put of one of N values
 *   repeated  the same, where 64 keys, new ones each time, make up a batch of 1024
 *   list add  one element to one of N lists
 *   map get   one of ten entries of N / 10 maps
 *   map put   the same, replaced
 *
 * Each pair begins with the same rows, loaded in the same order, flushed by a checkpoint. Values
 * read are added up on both sides and must be equal.
 *
 * Envelope: a row's bytes are made and taken apart in some 100 ns, where RocksDB takes 3-15 us; of
 * a repeated key fifteen lookups of sixteen are saved, and as many puts.
 *
 *     rocks_bench [--engine NAME] [--keys N] [--operations N] [--repetitions N] [--data DIR]
 */
#include "engine.h"
#include "harness.h"
#include "peers/rocks.h"

#include <stdio.h>
#include <string.h>

enum {
    PATH_ROOM = 4096,
    ENTRIES = 10, /* a map */
    REPEATED = 16
};

enum work {
    VALUE,
    REPEATED_VALUE,
    LIST_ADD,
    MAP_GET,
    MAP_PUT,
    WORKS
};

struct bench {
    uint64_t key_count;
    size_t count;
    int64_t *numbers; /* `count`, others in each repetition */
    const char *data;
    enum work work;
    struct bench_engine engine;
    struct bench_loop loop;
    struct peer_rocks *rocks;
    uint64_t rocks_sum;
};

static const weir_state_kind kinds[WORKS] = { WEIR_STATE_VALUE, WEIR_STATE_VALUE, WEIR_STATE_LIST,
                                              WEIR_STATE_MAP, WEIR_STATE_MAP };

static weir_bytes
bytes_of(const int64_t *number)
{
    return weir_bytes_of(number, sizeof *number);
}

/* A map's number and its entry's, of an entry's. */
static int64_t
map_key_of(int64_t number)
{
    return number % ENTRIES;
}

/* --- weir --- */

static void
value_one(struct bench_loop *loop, int64_t number)
{
    (void)number;
    weir_bytes value;
    int64_t count = 0;
    weir_status status = weir_value_get(loop->state, &value);
    if (status == WEIR_OK) {
        memcpy(&count, value.data, sizeof count);
    } else if (status != WEIR_NOT_FOUND) {
        bench_expect("get", status);
    }
    loop->sum += (uint64_t)count;
    count++;
    bench_expect("put", weir_value_put(loop->state, bytes_of(&count)));
}

static void
list_add_one(struct bench_loop *loop, int64_t number)
{
    bench_expect("add", weir_list_add(loop->state, bytes_of(&number)));
}

static void
map_get_one(struct bench_loop *loop, int64_t number)
{
    weir_bytes value;
    int64_t map_key = map_key_of(number);
    bench_expect("get", weir_map_get(loop->state, bytes_of(&map_key), &value));
    loop->sum += *(const uint64_t *)value.data;
}

static void
map_put_one(struct bench_loop *loop, int64_t number)
{
    int64_t map_key = map_key_of(number);
    bench_expect("put", weir_map_put(loop->state, bytes_of(&map_key), bytes_of(&number)));
}

static void (*const ones[WORKS])(struct bench_loop *loop,
                                 int64_t number) = { value_one, value_one, list_add_one,
                                                     map_get_one, map_put_one };

/* A map's entries are keyed by the map's number. */
static void
run_weir(struct bench *bench, void (*one)(struct bench_loop *loop, int64_t number),
         const int64_t *numbers, size_t count)
{
    static struct bench_loop loop;
    int64_t keys[BENCH_BATCH];
    loop.engine = &bench->engine;
    loop.state = bench->loop.state;
    for (size_t at = 0; at < count; at += BENCH_BATCH) {
        size_t size = count - at < BENCH_BATCH ? count - at : BENCH_BATCH;
        for (size_t i = 0; i < size; i++) {
            int64_t number = numbers[at + i];
            keys[i] = kinds[bench->work] == WEIR_STATE_MAP ? number / ENTRIES : number;
        }
        bench_keys(&bench->engine, keys, loop.keys, size);
        weir_state_prefetch(loop.state, loop.keys, size);
        for (size_t i = 0; i < size; i++) {
            weir_state_bind(loop.state, &loop.keys[i]);
            one(&loop, numbers[at + i]);
        }
    }
    bench->loop.sum += loop.sum;
    loop.sum = 0;
}

/* --- RocksDB itself --- */

static void
rocks_one(struct bench *bench, enum work work, int64_t number)
{
    unsigned char key[PEER_ROCKS_MAP_KEY];
    uint64_t value = 0;
    bool is_map = kinds[work] == WEIR_STATE_MAP;
    peer_rocks_key(key, (uint64_t)(is_map ? number / ENTRIES : number),
                   (uint64_t)map_key_of(number));
    switch (work) {
    case VALUE:
    case REPEATED_VALUE:
        (void)peer_rocks_get(bench->rocks, key, PEER_ROCKS_KEY, &value);
        bench->rocks_sum += value;
        peer_rocks_put(bench->rocks, key, PEER_ROCKS_KEY, value + 1);
        break;
    case LIST_ADD:
        peer_rocks_join(bench->rocks, key, PEER_ROCKS_KEY, (uint64_t)number);
        break;
    case MAP_GET:
        (void)peer_rocks_get(bench->rocks, key, PEER_ROCKS_MAP_KEY, &value);
        bench->rocks_sum += value;
        break;
    case MAP_PUT:
        peer_rocks_put(bench->rocks, key, PEER_ROCKS_MAP_KEY, (uint64_t)number);
        break;
    case WORKS:
    default:
        bench_die("no such work");
    }
}

/* --- pairs --- */

/* Every row once. */
static void
load(struct bench *bench)
{
    enum work loading = bench->work == MAP_GET ? MAP_PUT : bench->work;
    int64_t numbers[BENCH_BATCH];
    for (uint64_t at = 0; at < bench->key_count; at += BENCH_BATCH) {
        size_t size = 0;
        for (uint64_t number = at; number < at + BENCH_BATCH && number < bench->key_count;
             number++) {
            numbers[size++] = (int64_t)(bench_mix(number) % bench->key_count);
        }
        run_weir(bench, ones[loading], numbers, size);
        for (size_t i = 0; i < size; i++) {
            rocks_one(bench, loading, numbers[i]);
        }
    }
}

/* Of those that are there; equal for both sides of a repetition. */
static void
draw(struct bench *bench, size_t repetition)
{
    uint64_t seed = (repetition + 1) << 32;
    for (size_t i = 0; i < bench->count; i++) {
        size_t drawn = i;
        if (bench->work == REPEATED_VALUE) {
            drawn = i / BENCH_BATCH * BENCH_BATCH + bench_mix(i) % (BENCH_BATCH / REPEATED);
        }
        bench->numbers[i] =
            (int64_t)(bench_mix(bench_mix(seed + drawn) % bench->key_count) % bench->key_count);
    }
}

static void
flush(struct bench *bench)
{
    char path[PATH_ROOM];
    static struct bench_snapshot snapshot; /* the engine's last one */
    bench_snapshot_take(&bench->engine, 1, false, NULL, NULL, &snapshot);
    bench_snapshot_remove(&snapshot);
    snprintf(path, sizeof path, "%.4000s/peer-checkpoint", bench->data);
    (void)peer_rocks_checkpoint(bench->rocks, path);
}

/* The engine gathers blind writes (Flink's 2 MiB); a read has them written. So that a repetition
 * pays for all it wrote, and for nothing of the one before. */
static void
settle(struct bench *bench)
{
    weir_key key;
    weir_cursor cursor = { { 0 } };
    weir_bytes value;
    int64_t number = bench->numbers[bench->count - 1];
    int64_t map_key = (int64_t)map_key_of(number);
    if (bench->work == MAP_PUT) {
        number /= ENTRIES;
    }
    bench_keys(&bench->engine, &number, &key, 1);
    weir_state_bind(bench->loop.state, &key);
    if (bench->work == LIST_ADD) {
        bench_expect("settle", weir_list_next(bench->loop.state, &cursor, &value));
    } else if (bench->work == MAP_PUT) {
        bench_expect("settle", weir_map_get(bench->loop.state, bytes_of(&map_key), &value));
    }
    weir_state_bind(bench->loop.state, NULL);
}

static void
run_engine(void *argument, size_t repetition)
{
    struct bench *bench = argument;
    draw(bench, repetition); /* some nanoseconds each */
    run_weir(bench, ones[bench->work], bench->numbers, bench->count);
    settle(bench);
}

static void
run_raw(void *argument, size_t repetition)
{
    struct bench *bench = argument;
    draw(bench, repetition);
    for (size_t i = 0; i < bench->count; i++) {
        rocks_one(bench, bench->work, bench->numbers[i]);
    }
}

static bool
run_pair(struct bench *bench, const char *engine, int repetitions)
{
    static struct bench_subject subjects[WORKS][2];
    static const char *const names[WORKS] = { "value get and put", "repeated keys", "list add",
                                              "map get", "map put" };
    struct bench_subject *pair = subjects[bench->work];
    char path[PATH_ROOM];
    const struct peer_rocks_settings settings = { .joins = bench->work == LIST_ADD };
    struct bench_engine_parameters parameters = { .name = engine, .data = bench->data };
    snprintf(path, sizeof path, "%.4000s/peer-rocksdb", bench->data);
    bench->rocks = peer_rocks_open(path, &settings);
    bench_engine_open(&bench->engine, &parameters);
    bench->loop.state = bench_engine_plain(&bench->engine, kinds[bench->work], "rows");
    bench->loop.sum = bench->rocks_sum = 0;
    load(bench);
    flush(bench);
    for (size_t i = 0; i < 2; i++) {
        pair[i].run = i == 0 ? run_engine : run_raw;
        pair[i].figure.bench = "rocks";
        pair[i].figure.name = names[bench->work];
        pair[i].figure.engine = i == 0 ? engine : "raw rocksdb";
        pair[i].figure.unit = "operations/s";
        pair[i].figure.n = bench->count;
    }
    bench_take_turns(pair, 2, repetitions, bench);
    if (bench->loop.sum != bench->rocks_sum) {
        bench_die("%s: the values read differ", names[bench->work]);
    }
    bench_engine_close(&bench->engine);
    peer_rocks_close(bench->rocks);
    double ratio = bench_median(&pair[0].figure) / bench_median(&pair[1].figure);
    bench_print(&pair[0].figure, ratio);
    bench_print(&pair[1].figure, 1);
    const bool is_repeated = bench->work == REPEATED_VALUE;
    const struct bench_gate gate = {
        "B",  names[bench->work], "x raw rocks", is_repeated ? 1.2 : 0.9, is_repeated ? 5 : 1.0,
        false
    };
    return bench_judge(&gate, ratio);
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    const char *engine = bench_option_text(argc, argv, "--engine", "rocksdb");
    bench.data = bench_option_text(argc, argv, "--data", "build/bench-data");
    bench.key_count = bench_option(argc, argv, "--keys", 1000000);
    bench.count = bench_option(argc, argv, "--operations", 64 << 10) / BENCH_BATCH * BENCH_BATCH;
    if (bench.key_count == 0 || bench.count == 0) {
        bench_die("--keys or --operations make no sense");
    }
    bench.numbers = bench_memory(bench.count * sizeof *bench.numbers);
    int repetitions = (int)bench_option(argc, argv, "--repetitions", BENCH_REPETITIONS);
    bool holds = true;
    for (bench.work = VALUE; bench.work < WORKS; bench.work++) {
        holds = run_pair(&bench, engine, repetitions) && holds;
    }
    return holds ? 0 : 1;
}
