/* SPDX-License-Identifier: Apache-2.0 */
/* memory_bench: row 14: resident memory of N keys of 64 bits with 64-bit values.
 *
 *   entry       of the process with all of them, less what it was before, an entry
 *   growth      the most while they came in, over that
 *   checkpoint  the most while a full checkpoint is written beside uniform updates, over that
 *
 * What the system counts (VmRSS, VmHWM), huge pages included; the allocator is the shipped one.
 * Not timed: it may run on a busy machine.
 *
 * Envelope: a bucket of 128 bytes holds seven entries of 16: at a load of 0.7 to 1 some 19-26
 * bytes. Beside uniform updates each chunk is copied once at most: twice as much.
 *
 *     memory_bench [--engine NAME] [--keys N] [--data DIR]
 */
#include "engine.h"
#include "harness.h"

#include <stdio.h>
#include <unistd.h>

struct bench {
    uint64_t key_count;
    uint64_t drawn;
    struct bench_engine engine;
    weir_state *state;
    weir_key keys[BENCH_BATCH];
    void *values[BENCH_BATCH];
    int64_t numbers[BENCH_BATCH];
};

/* From now on VmHWM is the most since now. */
static void
reset_most(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file == NULL || fputs("5", file) < 0 || fclose(file) != 0) {
        bench_die("/proc/self/clear_refs cannot be written");
    }
}

static void
upsert(struct bench *bench, size_t size)
{
    bench_keys(&bench->engine, bench->numbers, bench->keys, size);
    bench_expect("upsert_many",
                 weir_state_upsert_many(bench->state, bench->keys, size, bench->values));
    for (size_t i = 0; i < size; i++) {
        *(int64_t *)bench->values[i] += 1;
    }
}

static void
load(struct bench *bench)
{
    for (uint64_t at = 0; at < bench->key_count; at += BENCH_BATCH) {
        size_t size = 0;
        for (uint64_t number = at; number < at + BENCH_BATCH && number < bench->key_count;
             number++) {
            bench->numbers[size++] = (int64_t)number;
        }
        upsert(bench, size);
    }
}

static void
update_some(void *argument)
{
    struct bench *bench = argument;
    bench_draw(bench->numbers, BENCH_BATCH, bench->key_count, bench->drawn);
    bench->drawn += BENCH_BATCH;
    upsert(bench, BENCH_BATCH);
}

static bool
report(const char *engine, const char *name, double bytes, double ratio,
       const struct bench_gate *gate)
{
    struct bench_figure figure = {
        .bench = "memory", .name = name, .engine = engine, .unit = "bytes", .n = 1
    };
    bench_add(&figure, bytes);
    bench_print(&figure, ratio);
    return bench_judge(gate, ratio);
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    struct bench_engine_parameters parameters = {
        .name = bench_option_text(argc, argv, "--engine", "hashmap"),
        .data = bench_option_text(argc, argv, "--data", "build/bench-data")
    };
    bench.key_count = bench_option(argc, argv, "--keys", 10000000);
    bench_engine_open(&bench.engine, &parameters);
    bench.state = bench_engine_plain(&bench.engine, WEIR_STATE_VALUE, "count");
    double before = bench_status_bytes(getpid(), "VmRSS");
    reset_most();
    load(&bench);
    double steady = bench_status_bytes(getpid(), "VmRSS") - before;
    double growth = bench_status_bytes(getpid(), "VmHWM") - before;
    reset_most();
    struct bench_snapshot snapshot;
    bench_snapshot_take(&bench.engine, 1, false, update_some, &bench, &snapshot);
    double beside = bench_status_bytes(getpid(), "VmHWM") - before;
    bench_snapshot_remove(&snapshot);
    if (weir_state_entry_count(bench.state) != bench.key_count) {
        bench_die("keys are lost");
    }
    static const struct bench_gate entry = { "14", "memory of an entry", "bytes", 48, 26, true };
    static const struct bench_gate grown = {
        "14", "memory while it grows", "x then", 1.6, 1.3, true
    };
    static const struct bench_gate copies = { "14", "memory beside a checkpoint", "x then", 2, 1.5,
                                              true };
    bool holds = report(parameters.name, "entry", steady, steady / (double)bench.key_count, &entry);
    holds = report(parameters.name, "growth", growth, growth / steady, &grown) && holds;
    holds = report(parameters.name, "checkpoint", beside, beside / steady, &copies) && holds;
    bench_engine_close(&bench.engine);
    return holds ? 0 : 1;
}
