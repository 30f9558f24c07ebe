/* SPDX-License-Identifier: Apache-2.0 */
/* restore_bench: rows 10 and 11: a checkpoint of N keys of 64 bits with 64-bit values, read back
 * from the disk.
 *
 *   read      the same file, past the page cache, and nothing done with it: the limit
 *   restore   all key groups by one backend, until its first batch of updates is done
 *   out       1 -> 2: two backends at once, each its half of the one file
 *   in        2 -> 1: one backend from the files of two
 *
 * Files are cold: the system is told to forget them. The sums of what is restored must be those of
 * what was written. After a restore the first million updates must go at least half as fast as
 * those after them: restored means at full speed.
 *
 * Envelope: the image is read into place and checksummed at 16 GB/s; fresh memory takes 0.4-2.3
 * GB/s to touch, on huge pages: 0.85 of reading alone.
 *
 *     restore_bench [--engine NAME] [--keys N] [--repetitions N] [--data DIR]
 */
#include "engine.h"
#include "harness.h"
#include "limit.h"

#include <pthread.h>
#include <stdio.h>

enum {
    HALVES = 2,
    FULL_SPEED_UPDATES = 1 << 20
};

struct part {
    struct bench_engine_parameters parameters;
    const struct bench_snapshot *snapshots;
    size_t snapshot_count;
    struct bench_engine engine;
    weir_state *state;
    weir_key keys[BENCH_BATCH];
    void *values[BENCH_BATCH];
    uint64_t sum;
};

static struct bench_engine_parameters
half_of(const struct bench_engine_parameters *whole, uint32_t half)
{
    struct bench_engine_parameters parameters = *whole;
    parameters.max_parallelism = BENCH_KEY_GROUPS;
    parameters.key_group_first = half * BENCH_KEY_GROUPS / HALVES;
    parameters.key_group_last = (half + 1) * BENCH_KEY_GROUPS / HALVES - 1;
    parameters.subtask = half;
    return parameters;
}

/* Adds `more` to as many of the numbers as lie in the part's key groups. */
static void
upsert(struct part *part, const int64_t *numbers, size_t size, int64_t more)
{
    size_t count = 0;
    weir_key key;
    for (size_t i = 0; i < size; i++) {
        bench_keys(&part->engine, &numbers[i], &key, 1);
        if (key.key_group >= part->engine.given.key_group_first &&
            key.key_group <= part->engine.given.key_group_last) {
            part->keys[count++] = key;
        }
    }
    bench_expect("upsert_many",
                 weir_state_upsert_many(part->state, part->keys, count, part->values));
    for (size_t i = 0; i < count; i++) {
        *(int64_t *)part->values[i] += more;
    }
}

static void
write_part(struct part *part, uint64_t key_count, struct bench_snapshot *out_snapshot)
{
    bench_engine_open(&part->engine, &part->parameters);
    part->state = bench_engine_plain(&part->engine, WEIR_STATE_VALUE, "count");
    int64_t numbers[BENCH_BATCH];
    for (uint64_t at = 0; at < key_count; at += BENCH_BATCH) {
        size_t size = 0;
        for (uint64_t number = at; number < at + BENCH_BATCH && number < key_count; number++) {
            numbers[size++] = (int64_t)number;
        }
        upsert(part, numbers, size, 1);
    }
    bench_snapshot_take(&part->engine, 1, false, NULL, NULL, out_snapshot);
    bench_engine_close(&part->engine);
}

/* Until the first batch is through. */
static void *
restore_part(void *argument)
{
    struct part *part = argument;
    bench_engine_open(&part->engine, &part->parameters);
    for (size_t i = 0; i < part->snapshot_count; i++) {
        bench_snapshot_restore(&part->engine, &part->snapshots[i]);
    }
    part->state = bench_engine_plain(&part->engine, WEIR_STATE_VALUE, "count");
    int64_t numbers[BENCH_BATCH];
    bench_draw(numbers, BENCH_BATCH, 1000, 1); /* all are there */
    upsert(part, numbers, BENCH_BATCH, 0);
    return NULL;
}

static void
end_part(struct part *part)
{
    part->sum = bench_engine_sum(part->state, NULL);
    bench_engine_close(&part->engine);
}

/* The rate of the first updates over that of the next. */
static double
first_over_next(struct part *part, uint64_t key_count)
{
    double elapsed[2];
    int64_t numbers[BENCH_BATCH];
    for (uint64_t round = 0; round < 2; round++) {
        double start = bench_now();
        for (uint64_t i = 0; i < FULL_SPEED_UPDATES; i += BENCH_BATCH) {
            bench_draw(numbers, BENCH_BATCH, key_count, round << 32 | i);
            upsert(part, numbers, BENCH_BATCH, 0);
        }
        elapsed[round] = bench_now() - start;
    }
    return elapsed[1] / elapsed[0];
}

/* --- the comparison --- */

enum kind {
    READ,
    RESTORE,
    OUT,
    IN,
    SPEED,
    KINDS
};

static struct bench_figure figures[KINDS] = {
    [READ] = { .name = "read", .unit = "bytes/s" },
    [RESTORE] = { .name = "restore", .unit = "bytes/s" },
    [OUT] = { .name = "rescale 1 to 2", .unit = "s" },
    [IN] = { .name = "rescale 2 to 1", .unit = "s" },
    [SPEED] = { .name = "first updates", .unit = "of later ones" },
};

static struct part whole;
static struct part halves[HALVES];
static struct bench_snapshot whole_file;
static struct bench_snapshot half_files[HALVES];

static void
cool_all(void)
{
    bench_snapshot_cool(&whole_file);
    bench_snapshot_cool(&half_files[0]);
    bench_snapshot_cool(&half_files[1]);
}

static double
restore_whole(const struct bench_snapshot *snapshots, size_t count)
{
    cool_all();
    whole.snapshots = snapshots;
    whole.snapshot_count = count;
    double start = bench_now();
    restore_part(&whole);
    return bench_now() - start;
}

static double
restore_halves(void)
{
    pthread_t threads[HALVES];
    cool_all();
    double start = bench_now();
    for (size_t i = 0; i < HALVES; i++) {
        halves[i].snapshots = &whole_file;
        halves[i].snapshot_count = 1;
        if (pthread_create(&threads[i], NULL, restore_part, &halves[i]) != 0) {
            bench_die("no thread");
        }
    }
    for (size_t i = 0; i < HALVES; i++) {
        pthread_join(threads[i], NULL);
    }
    return bench_now() - start;
}

static void
run_once(uint64_t key_count)
{
    bool direct;
    cool_all();
    bench_add(&figures[READ], limit_disk_read(whole_file.path, &direct));
    figures[READ].engine = direct ? "O_DIRECT" : "buffered";
    bench_add(&figures[RESTORE], (double)whole_file.bytes / restore_whole(&whole_file, 1));
    bench_add(&figures[SPEED], first_over_next(&whole, key_count));
    end_part(&whole);
    uint64_t sum = whole.sum;
    bench_add(&figures[OUT], restore_halves());
    end_part(&halves[0]);
    end_part(&halves[1]);
    bench_add(&figures[IN], restore_whole(half_files, HALVES));
    end_part(&whole);
    if (sum != key_count || whole.sum != key_count || halves[0].sum + halves[1].sum != key_count) {
        bench_die("the restored counts are wrong");
    }
}

static bool
report(uint64_t key_count, const char *engine)
{
    for (enum kind kind = READ; kind < KINDS; kind++) {
        figures[kind].bench = "restore";
        figures[kind].engine = figures[kind].engine != NULL ? figures[kind].engine : engine;
        figures[kind].n = key_count;
    }
    double read = bench_median(&figures[READ]);
    double restore_s = (double)whole_file.bytes / bench_median(&figures[RESTORE]);
    double ratios[KINDS] = { 1, bench_median(&figures[RESTORE]) / read,
                             bench_median(&figures[OUT]) / restore_s,
                             bench_median(&figures[IN]) / restore_s,
                             bench_median(&figures[SPEED]) };
    static const struct bench_gate gates[KINDS] = {
        [RESTORE] = { "10", "restore", "of reading", 0.5, 0.85, false },
        [OUT] = { "11", "rescale 1 to 2", "x restore", 2, 1.15, true },
        [IN] = { "11", "rescale 2 to 1", "x restore", 2, 1.15, true },
        [SPEED] = { "10", "first updates after it", "of later", 0.5, 0.9, false },
    };
    bool holds = true;
    for (enum kind kind = READ; kind < KINDS; kind++) {
        bench_print(&figures[kind], ratios[kind]);
        holds = (kind == READ || bench_judge(&gates[kind], ratios[kind])) && holds;
    }
    return holds;
}

int
main(int argc, char **argv)
{
    struct bench_engine_parameters parameters = {
        .name = bench_option_text(argc, argv, "--engine", "hashmap"),
        .data = bench_option_text(argc, argv, "--data", "build/bench-data"),
        .subtask = HALVES /* its file has a name of its own */
    };
    uint64_t key_count = bench_option(argc, argv, "--keys", 10000000);
    int repetitions = (int)bench_option(argc, argv, "--repetitions", BENCH_REPETITIONS);
    if (key_count < 1000) {
        bench_die("at least 1000 keys");
    }
    whole.parameters = parameters;
    write_part(&whole, key_count, &whole_file);
    for (uint32_t i = 0; i < HALVES; i++) {
        halves[i].parameters = half_of(&parameters, i);
        write_part(&halves[i], key_count, &half_files[i]);
    }
    /* What lies below the system may remember what was read: so that it does of all. */
    bool direct;
    (void)limit_disk_read(whole_file.path, &direct);
    (void)limit_disk_read(half_files[0].path, &direct);
    (void)limit_disk_read(half_files[1].path, &direct);
    for (int i = 0; i < repetitions; i++) {
        run_once(key_count);
    }
    bool holds = report(key_count, parameters.name);
    bench_snapshot_remove(&whole_file);
    bench_snapshot_remove(&half_files[0]);
    bench_snapshot_remove(&half_files[1]);
    return holds ? 0 : 1;
}
