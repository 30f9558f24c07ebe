/* SPDX-License-Identifier: Apache-2.0 */
/* workers_bench: row 1d: two workers that share nothing against one: each has half of the key
 * groups in a backend of its own and updates its keys by the batch API, 64-bit values by 64-bit
 * keys, uniform.
 *
 *   one   the first worker alone, the other asleep
 *   two   both at once; counted is what both have done when the slower is through
 *
 * Envelope: two cores get 79 M random lines a second, one 37 M: twice as much.
 *
 *     workers_bench [--engine NAME] [--keys N] [--operations N] [--repetitions N] [--data DIR]
 */
#include "engine.h"
#include "harness.h"

#include <pthread.h>
#include <stdio.h>

enum {
    WORKERS = 2
};

struct worker {
    struct bench_engine engine;
    weir_state *state;
    int64_t *numbers; /* of its key groups */
    size_t count;     /* of numbers */
    size_t operations;
    uint64_t seed;
    uint64_t updates; /* made so far */
    pthread_barrier_t *barrier;
    weir_key keys[BENCH_BATCH];
    void *values[BENCH_BATCH];
};

static void
upsert(struct worker *worker, const int64_t *numbers, size_t size, int64_t more)
{
    bench_keys(&worker->engine, numbers, worker->keys, size);
    bench_expect("upsert_many",
                 weir_state_upsert_many(worker->state, worker->keys, size, worker->values));
    for (size_t i = 0; i < size; i++) {
        *(int64_t *)worker->values[i] += more;
    }
}

static void
update(struct worker *worker)
{
    int64_t drawn[BENCH_BATCH];
    for (size_t done = 0; done < worker->operations; done += BENCH_BATCH) {
        for (size_t i = 0; i < BENCH_BATCH; i++) {
            drawn[i] = worker->numbers[bench_mix(worker->seed++) % worker->count];
        }
        upsert(worker, drawn, BENCH_BATCH, 1);
        worker->updates += BENCH_BATCH;
    }
}

/* Its keys are those below key_count whose key group it has. */
static void
open_worker(struct worker *worker, uint32_t index, uint64_t key_count,
            struct bench_engine_parameters parameters)
{
    parameters.subtask = index;
    parameters.max_parallelism = BENCH_KEY_GROUPS;
    parameters.key_group_first = index * BENCH_KEY_GROUPS / WORKERS;
    parameters.key_group_last = (index + 1) * BENCH_KEY_GROUPS / WORKERS - 1;
    bench_engine_open(&worker->engine, &parameters);
    worker->state = bench_engine_plain(&worker->engine, WEIR_STATE_VALUE, "count");
    worker->seed = (uint64_t)index << 56;
    worker->numbers = bench_memory(key_count * sizeof *worker->numbers);
    for (uint64_t number = 0; number < key_count; number++) {
        weir_key key;
        int64_t signed_number = (int64_t)number;
        bench_keys(&worker->engine, &signed_number, &key, 1);
        if (key.key_group >= parameters.key_group_first &&
            key.key_group <= parameters.key_group_last) {
            worker->numbers[worker->count++] = signed_number;
        }
    }
    for (size_t at = 0; at < worker->count; at += BENCH_BATCH) {
        size_t rest = worker->count - at;
        upsert(worker, worker->numbers + at, rest < BENCH_BATCH ? rest : BENCH_BATCH, 0);
    }
}

static void *
run_beside(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(worker->barrier);
    update(worker);
    pthread_barrier_wait(worker->barrier);
    return NULL;
}

/* Updates per second of all workers together. */
static double
run_both(struct worker *workers)
{
    pthread_barrier_t barrier;
    pthread_t threads[WORKERS];
    pthread_barrier_init(&barrier, NULL, WORKERS + 1);
    for (int i = 0; i < WORKERS; i++) {
        workers[i].barrier = &barrier;
        if (pthread_create(&threads[i], NULL, run_beside, &workers[i]) != 0) {
            bench_die("no thread");
        }
    }
    pthread_barrier_wait(&barrier);
    double start = bench_now();
    pthread_barrier_wait(&barrier);
    double elapsed = bench_now() - start;
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&barrier);
    return (double)workers[0].operations * WORKERS / elapsed;
}

static double
run_one(struct worker *worker)
{
    double start = bench_now();
    update(worker);
    return (double)worker->operations / (bench_now() - start);
}

int
main(int argc, char **argv)
{
    static struct worker workers[WORKERS];
    static struct bench_figure one = { .bench = "workers", .name = "one", .unit = "updates/s" };
    static struct bench_figure two = { .bench = "workers", .name = "two", .unit = "updates/s" };
    struct bench_engine_parameters parameters = {
        .name = bench_option_text(argc, argv, "--engine", "hashmap"),
        .data = bench_option_text(argc, argv, "--data", "build/bench-data")
    };
    uint64_t key_count = bench_option(argc, argv, "--keys", 10000000);
    size_t operations = bench_option(argc, argv, "--operations", 8 << 20);
    for (uint32_t i = 0; i < WORKERS; i++) {
        open_worker(&workers[i], i, key_count, parameters);
        workers[i].operations = operations;
    }
    int repetitions = (int)bench_option(argc, argv, "--repetitions", BENCH_REPETITIONS);
    for (int i = -1; i < repetitions; i++) { /* -1 warms up */
        double alone = run_one(&workers[0]);
        double both = run_both(workers);
        if (i >= 0) {
            bench_add(&one, alone);
            bench_add(&two, both);
        }
    }
    for (int i = 0; i < WORKERS; i++) {
        if (bench_engine_sum(workers[i].state, NULL) != workers[i].updates) {
            bench_die("the counts are wrong");
        }
        bench_engine_close(&workers[i].engine);
    }
    one.engine = two.engine = parameters.name;
    one.n = operations;
    two.n = operations * WORKERS;
    double times = bench_median(&two) / bench_median(&one);
    bench_print(&one, 1);
    bench_print(&two, times);
    static const struct bench_gate gate = { "1d", "two workers", "x one", 1.7, 1.9, false };
    return bench_judge(&gate, times) ? 0 : 1;
}
