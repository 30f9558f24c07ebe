/* SPDX-License-Identifier: Apache-2.0 */
/* value_bench: rows 1 and 1c: read-modify-write of a 64-bit value by a 64-bit key, uniform over N
 * keys, one thread.
 *
 *   limit       a flat table of 16-byte slots at load 0.55, prefetched 24 ahead: what memory gives
 *   batch       weir_state_upsert_many over 1024 keys at a time
 *   per-record  weir_state_bind and weir_value_upsert, looking 32 ahead
 *   get-put     the same by weir_value_get and weir_value_put
 *   job         get-put in a process function of a job that `weir run` runs, compiled alone
 *   rocksdb     get and put through its C API, in its best state: loaded and compacted
 *   lmdb        get and put by a cursor, 1024 a transaction
 *
 * Making the keys (key group, hash) is part of the time of weir's. All are measured in turns; the
 * median of each is compared to the limit's. Afterwards the sums of all values must be equal to the
 * updates made, the limit's too.
 *
 * Envelope: one random line is some 28 ns at 10 M keys with 16 in flight, so limit ~ 35 M/s; a
 * bucket is two lines side by side, half as much again. RocksDB looks into some five blocks of 4
 * KiB a get, most of them unpacked anew: 15 us.
 *
 *     value_bench [--engine NAME] [--keys N] [--operations N] [--peer-operations N]
 *                 [--repetitions N] [--data DIR] [--weir PROGRAM --job SO] [--peers 0]
 *                 [--row 1b]
 */
#include "engine.h"
#include "harness.h"
#include "limit.h"
#include "peers/lmdb.h"
#include "peers/rocks.h"

#include <stdio.h>
#include <string.h>

enum {
    PATH_ROOM = 4096
};

#define LMDB_BYTES_A_KEY 512

enum subject {
    LIMIT,
    BATCH_API,
    RECORD_API,
    GET_PUT,
    JOB,
    ROCKS,
    LMDB,
    SUBJECTS
};

static struct bench_figure figures[SUBJECTS] = {
    [LIMIT] = { .name = "limit", .engine = "limit" },
    [BATCH_API] = { .name = "batch" },
    [RECORD_API] = { .name = "per-record" },
    [GET_PUT] = { .name = "get-put" },
    [JOB] = { .name = "job get-put", .engine = "hashmap" },
    [ROCKS] = { .name = "rocksdb get-put", .engine = "raw rocksdb" },
    [LMDB] = { .name = "lmdb get-put", .engine = "raw lmdb" },
};

struct bench {
    uint64_t key_count;
    size_t count;      /* of operations a repetition */
    size_t peer_count; /* of the peers' */
    int64_t *numbers;
    struct limit_table *limit;
    struct bench_engine engine;
    weir_state *state;
    struct peer_rocks *rocks; /* NULL: no peers */
    struct peer_lmdb *lmdb;
    const char *weir; /* NULL: no job */
    const char *job;
    const int64_t *peer_numbers; /* others in each repetition: what was written is at hand */
    uint64_t expected[SUBJECTS]; /* sums of the values */
    void *values[BENCH_BATCH];
    weir_key keys[BENCH_BATCH];
};

/* --- weir --- */

static void
upsert_batches(struct bench *bench, const int64_t *numbers, size_t count, int64_t more)
{
    for (size_t at = 0; at < count; at += BENCH_BATCH) {
        size_t size = count - at < BENCH_BATCH ? count - at : BENCH_BATCH;
        bench_keys(&bench->engine, numbers + at, bench->keys, size);
        bench_expect("upsert_many",
                     weir_state_upsert_many(bench->state, bench->keys, size, bench->values));
        for (size_t i = 0; i < size; i++) {
            *(int64_t *)bench->values[i] += more;
        }
    }
}

static void
upsert_one(struct bench_loop *loop, int64_t number)
{
    (void)number;
    void *value;
    bench_expect("upsert", weir_value_upsert(loop->state, &value, NULL));
    *(int64_t *)value += 1;
}

static void
get_put_one(struct bench_loop *loop, int64_t number)
{
    (void)number;
    weir_bytes value;
    bench_expect("get", weir_value_get(loop->state, &value));
    int64_t sum = *(const int64_t *)value.data + 1;
    bench_expect("put", weir_value_put(loop->state, weir_bytes_of(&sum, sizeof sum)));
}

static void
run_records(struct bench *bench, void (*one)(struct bench_loop *loop, int64_t number))
{
    static struct bench_loop loop;
    loop.engine = &bench->engine;
    loop.state = bench->state;
    loop.one = one;
    bench_loop_run(&loop, bench->numbers, bench->count);
}

/* The job measures itself, once its keys are loaded, and says how it went. */
static double
run_job(const struct bench *bench)
{
    char keys[32];
    char updates[32];
    snprintf(keys, sizeof keys, "%llu", (unsigned long long)bench->key_count);
    snprintf(updates, sizeof updates, "%zu", bench->count);
    const char *arguments[] = { bench->weir, "run", bench->job, keys, updates, NULL };
    char *argv[sizeof arguments / sizeof arguments[0]];
    memcpy(argv, arguments, sizeof arguments);
    struct bench_run run;
    bench_exec(argv, &run);
    if (bench_number_before(&run, "updates found") != bench->count) {
        bench_die("of %zu updates: %s", bench->count, run.words);
    }
    return (double)bench_number_before(&run, "updates/s");
}

/* --- peers --- */

static void
run_rocks(struct bench *bench)
{
    unsigned char key[PEER_ROCKS_MAP_KEY];
    for (size_t i = 0; i < bench->peer_count; i++) {
        uint64_t value = 0;
        peer_rocks_key(key, (uint64_t)bench->peer_numbers[i], 0);
        if (!peer_rocks_get(bench->rocks, key, PEER_ROCKS_KEY, &value)) {
            bench_die("RocksDB has lost a key");
        }
        peer_rocks_put(bench->rocks, key, PEER_ROCKS_KEY, value + 1);
    }
}

static void
run_lmdb(struct bench *bench)
{
    for (size_t at = 0; at < bench->peer_count; at += BENCH_BATCH) {
        peer_lmdb_begin(bench->lmdb);
        for (size_t i = at; i < at + BENCH_BATCH && i < bench->peer_count; i++) {
            peer_lmdb_add(bench->lmdb, (uint64_t)bench->peer_numbers[i], 1);
        }
        peer_lmdb_commit(bench->lmdb);
    }
}

static void
open_peers(struct bench *bench, const char *data)
{
    char path[PATH_ROOM];
    const struct peer_rocks_settings settings = { 0 };
    snprintf(path, sizeof path, "%.4000s/peer-rocksdb", data);
    bench->rocks = peer_rocks_open(path, &settings);
    unsigned char key[PEER_ROCKS_MAP_KEY];
    for (uint64_t number = 0; number < bench->key_count; number++) {
        peer_rocks_key(key, number, 0);
        peer_rocks_load(bench->rocks, key, PEER_ROCKS_KEY, 0);
    }
    peer_rocks_load_end(bench->rocks);
    snprintf(path, sizeof path, "%.4000s/peer-lmdb", data);
    bench->lmdb = peer_lmdb_open(path, bench->key_count * LMDB_BYTES_A_KEY + (1 << 26));
    peer_lmdb_load(bench->lmdb, bench->key_count);
}

/* --- the comparison --- */

static bool
is_there(const struct bench *bench, enum subject subject)
{
    bool is_peer = subject == ROCKS || subject == LMDB;
    return subject == JOB ? bench->weir != NULL : !is_peer || bench->rocks != NULL;
}

/* Operations per second. */
static double
run_subject(struct bench *bench, enum subject subject)
{
    size_t count = subject == ROCKS || subject == LMDB ? bench->peer_count : bench->count;
    figures[subject].n = count;
    bench->expected[subject] += count;
    double start = bench_now();
    switch (subject) {
    case LIMIT:
        limit_table_update(bench->limit, bench->numbers, count);
        break;
    case BATCH_API:
        upsert_batches(bench, bench->numbers, count, 1);
        break;
    case RECORD_API:
        run_records(bench, upsert_one);
        break;
    case GET_PUT:
        run_records(bench, get_put_one);
        break;
    case JOB:
        return run_job(bench);
    case ROCKS:
        run_rocks(bench);
        break;
    case LMDB:
        run_lmdb(bench);
        break;
    case SUBJECTS:
    default:
        bench_die("no such subject");
    }
    return (double)count / (bench_now() - start);
}

static void
check_sums(struct bench *bench)
{
    uint64_t sum = bench_engine_sum(bench->state, NULL);
    if (sum !=
            bench->expected[BATCH_API] + bench->expected[RECORD_API] + bench->expected[GET_PUT] ||
        limit_table_sum(bench->limit) != bench->expected[LIMIT]) {
        bench_die("the counts of weir or of the limit program are wrong");
    }
    if (bench->rocks == NULL) {
        return;
    }
    uint64_t rocks_sum = 0;
    if (peer_rocks_walk(bench->rocks, NULL, 0, &rocks_sum) != bench->key_count ||
        rocks_sum != bench->expected[ROCKS] ||
        peer_lmdb_sum(bench->lmdb) != bench->expected[LMDB]) {
        bench_die("the counts of a peer are wrong");
    }
}

static void
prepare(struct bench *bench, int argc, char **argv)
{
    const char *data = bench_option_text(argc, argv, "--data", "build/bench-data");
    struct bench_engine_parameters parameters = {
        .name = bench_option_text(argc, argv, "--engine", "hashmap"), .data = data
    };
    bench->key_count = bench_option(argc, argv, "--keys", 10000000);
    bench->count = bench_option(argc, argv, "--operations", 8 << 20) / BENCH_BATCH * BENCH_BATCH;
    bench->peer_count = bench_option(argc, argv, "--peer-operations", 40 << 10);
    bench->weir = bench_option_text(argc, argv, "--weir", NULL);
    bench->job = bench_option_text(argc, argv, "--job", "build/release/bench/value_job.so");
    if (bench->count == 0 || bench->key_count == 0 || bench->peer_count > bench->count) {
        bench_die("--keys, --operations or --peer-operations make no sense");
    }
    bench_make_directory(data);
    bench->numbers = bench_memory((bench->key_count + bench->count) * sizeof *bench->numbers);
    bench->limit = limit_table_create(bench->key_count);
    bench_engine_open(&bench->engine, &parameters);
    bench->state = bench_engine_plain(&bench->engine, WEIR_STATE_VALUE, "count");
    for (uint64_t i = 0; i < bench->key_count; i++) {
        bench->numbers[i] = (int64_t)i;
    }
    upsert_batches(bench, bench->numbers, bench->key_count, 0);
    bench_draw(bench->numbers, bench->count, bench->key_count, 1);
    if (bench_option(argc, argv, "--peers", 1) != 0) {
        open_peers(bench, data);
    }
    for (enum subject subject = LIMIT; subject < SUBJECTS; subject++) {
        figures[subject].bench = "value";
        figures[subject].unit = "updates/s";
        figures[subject].engine =
            figures[subject].engine != NULL ? figures[subject].engine : parameters.name;
    }
}

static bool
judge(const struct bench *bench, const char *row)
{
    const struct bench_gate batch = { row, "value RMW, batch", "of limit", 0.5, 0.8, false };
    static const struct bench_gate batch_rocks = { "1",         "value RMW, batch",
                                                   "x RocksDB", 150.0,
                                                   450.0,       false };
    static const struct bench_gate record = { "1c",       "value get and put, job",
                                              "of limit", 0.25,
                                              0.45,       false };
    static const struct bench_gate record_rocks = { "1c",        "value get and put, job",
                                                    "x RocksDB", 80.0,
                                                    250.0,       false };
    double limit = bench_median(&figures[LIMIT]);
    double batch_rate = bench_median(&figures[BATCH_API]);
    bool holds = bench_judge(&batch, batch_rate / limit);
    double rocks = bench->rocks != NULL ? bench_median(&figures[ROCKS]) : 0;
    holds = (rocks <= 0 || bench_judge(&batch_rocks, batch_rate / rocks)) && holds;
    /* Without the program: the same verbs, called by the bench. */
    double record_rate = bench_median(&figures[bench->weir != NULL ? JOB : GET_PUT]);
    holds = bench_judge(&record, record_rate / limit) && holds;
    return (rocks <= 0 || bench_judge(&record_rocks, record_rate / rocks)) && holds;
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    prepare(&bench, argc, argv);
    int repetitions = (int)bench_option(argc, argv, "--repetitions", BENCH_REPETITIONS);
    for (int repetition = -1; repetition < repetitions; repetition++) { /* -1 warms up */
        size_t shift = (size_t)(repetition + 1) * bench.peer_count;
        bench.peer_numbers = bench.numbers + shift % (bench.count - bench.peer_count + 1);
        for (enum subject subject = LIMIT; subject < SUBJECTS; subject++) {
            double rate = is_there(&bench, subject) ? run_subject(&bench, subject) : 0;
            if (repetition >= 0 && rate > 0) {
                bench_add(&figures[subject], rate);
            }
        }
    }
    check_sums(&bench);
    double limit = bench_median(&figures[LIMIT]);
    for (enum subject subject = LIMIT; subject < SUBJECTS; subject++) {
        if (is_there(&bench, subject)) {
            bench_print(&figures[subject], bench_median(&figures[subject]) / limit);
        }
    }
    bool holds = judge(&bench, bench_option_text(argc, argv, "--row", "1"));
    bench_engine_close(&bench.engine);
    if (bench.rocks != NULL) {
        peer_rocks_close(bench.rocks);
        peer_lmdb_close(bench.lmdb);
    }
    return holds ? 0 : 1;
}
