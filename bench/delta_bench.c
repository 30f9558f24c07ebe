/* SPDX-License-Identifier: Apache-2.0 */
/* delta_bench: row 9: what an incremental checkpoint writes, over the bytes of the records that
 * changed since the last: N keys of 64 bits with 64-bit values, of which 1 %, then 10 %, uniform,
 * are changed; and that 60 % are never more than a full checkpoint.
 *
 * A record is 16 bytes: key and value. Afterwards base and deltas are restored and must hold the
 * same sum. Not timed: it may run on a busy machine.
 *
 * Envelope: sizes, 8 bytes of key and 8 of value: 24 for 16, less what a denser block saves.
 *
 *     delta_bench [--engine NAME] [--keys N] [--data DIR]
 */
#include "engine.h"
#include "harness.h"

#include <stdio.h>

enum {
    RECORD_BYTES = 16,
    DELTAS = 3
};

static const unsigned percents[DELTAS] = { 1, 10, 60 };

struct bench {
    uint64_t key_count;
    struct bench_engine_parameters parameters;
    struct bench_engine engine;
    weir_state *state;
    weir_key keys[BENCH_BATCH];
    void *values[BENCH_BATCH];
};

static void
add(struct bench *bench, const int64_t *numbers, size_t size, int64_t more)
{
    bench_keys(&bench->engine, numbers, bench->keys, size);
    bench_expect("upsert_many",
                 weir_state_upsert_many(bench->state, bench->keys, size, bench->values));
    for (size_t i = 0; i < size; i++) {
        *(int64_t *)bench->values[i] += more;
    }
}

/* Changes the keys of whose hash so many in a hundred are; how many there were. */
static uint64_t
change(struct bench *bench, unsigned percent)
{
    int64_t numbers[BENCH_BATCH];
    size_t size = 0;
    uint64_t changed = 0;
    for (uint64_t number = 0; number < bench->key_count; number++) {
        if (bench_mix(number + percent) % 100 < percent) {
            numbers[size++] = (int64_t)number;
            changed++;
        }
        if (size == BENCH_BATCH || number + 1 == bench->key_count) {
            add(bench, numbers, size, 1);
            size = 0;
        }
    }
    return changed;
}

static void
check_restored(struct bench *bench, const struct bench_snapshot *snapshots, size_t count)
{
    uint64_t sum = bench_engine_sum(bench->state, NULL);
    bench_engine_close(&bench->engine);
    bench_engine_open(&bench->engine, &bench->parameters);
    for (size_t i = 0; i < count; i++) {
        bench_snapshot_restore(&bench->engine, &snapshots[i]);
    }
    bench->state = bench_engine_plain(&bench->engine, WEIR_STATE_VALUE, "count");
    uint64_t restored;
    if (bench_engine_sum(bench->state, &restored) != sum || restored != bench->key_count) {
        bench_die("the restored counts are wrong");
    }
}

static bool
report(uint64_t changed, unsigned percent, const struct bench_snapshot *delta, uint64_t full_bytes,
       const char *engine)
{
    static struct bench_figure figures[DELTAS];
    static char names[DELTAS][64];
    static size_t at;
    struct bench_figure *figure = &figures[at];
    double ratio = (double)delta->bytes / (double)(changed * RECORD_BYTES);
    snprintf(names[at], sizeof names[at], "checkpoint bytes, %u %% dirty", percent);
    figure->bench = "delta";
    figure->name = names[at++];
    figure->engine = engine;
    figure->unit = "bytes";
    figure->n = changed;
    bench_add(figure, (double)delta->bytes);
    bench_print(figure, ratio);
    const struct bench_gate gate = { "9", figure->name, "x dirty", 3, 1.3, true };
    const struct bench_gate most = { "9", figure->name, "x full", 1.001, 1, true };
    return percent <= 10 ? bench_judge(&gate, ratio)
                         : bench_judge(&most, (double)delta->bytes / (double)full_bytes);
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    static struct bench_snapshot snapshots[DELTAS + 1];
    bench.parameters = (struct bench_engine_parameters){
        .name = bench_option_text(argc, argv, "--engine", "hashmap"),
        .data = bench_option_text(argc, argv, "--data", "build/bench-data"),
        .incremental = true
    };
    bench.key_count = bench_option(argc, argv, "--keys", 10000000);
    bench_engine_open(&bench.engine, &bench.parameters);
    bench.state = bench_engine_plain(&bench.engine, WEIR_STATE_VALUE, "count");
    change(&bench, 100);
    bench_snapshot_take(&bench.engine, 1, true, NULL, NULL, &snapshots[0]); /* the first is full */
    bool holds = true;
    for (size_t i = 0; i < DELTAS; i++) {
        uint64_t changed = change(&bench, percents[i]);
        bench_snapshot_take(&bench.engine, i + 2, true, NULL, NULL, &snapshots[i + 1]);
        holds = report(changed, percents[i], &snapshots[i + 1], snapshots[0].bytes,
                       bench.parameters.name) &&
                holds;
    }
    /* From the last one that stands alone on. */
    size_t from = DELTAS;
    while (snapshots[from].has_changes) {
        from--;
    }
    check_restored(&bench, snapshots + from, DELTAS + 1 - from);
    for (size_t i = 0; i <= DELTAS; i++) {
        bench_snapshot_remove(&snapshots[i]);
    }
    bench_engine_close(&bench.engine);
    return holds ? 0 : 1;
}
