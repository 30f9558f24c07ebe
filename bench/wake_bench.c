/* SPDX-License-Identifier: Apache-2.0 */
/* wake_bench: row 16, how soon a job that sleeps gives its first result: `weir run` of a job
 * compiled alone, whose second worker sleeps when a record comes over the exchange, against a
 * thread that sleeps in a futex. And how often a worker sleeps that has work.
 *
 * Envelope: a futex wake costs 12-40 us here; the channel, the gate and the batch add 1.
 *
 *     wake_bench [--weir PROGRAM] [--job SO] [--repetitions N] [--wakes N]
 */
#include "harness.h"
#include "limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAUSE_US = 2000, /* a worker looks on for 50 us before it sleeps */
    WAKES = 500
};

static struct bench_figure futex = { .bench = "wake", .name = "futex", .unit = "us" };
static struct bench_figure first = { .bench = "wake", .name = "first result", .unit = "us" };
static struct bench_figure slept = { .bench = "wake", .name = "under load", .unit = "sleeps" };

static int
compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double
futex_p50_us(size_t count)
{
    double *waited_us = bench_memory(count * sizeof *waited_us);
    limit_wake_run(PAUSE_US, waited_us, count);
    qsort(waited_us, count, sizeof *waited_us, compare);
    return waited_us[count / 2];
}

static void
run_job(const char *weir, const char *job, size_t wakes)
{
    char numbers[2][32];
    /* Every other record goes to the worker that sleeps. */
    snprintf(numbers[0], sizeof numbers[0], "%zu", wakes * 2);
    snprintf(numbers[1], sizeof numbers[1], "%d", PAUSE_US);
    const char *arguments[] = { weir, "run",      "-p",
                                "2",  "-D",       "execution.buffer-timeout.interval=0ms",
                                job,  numbers[0], numbers[1],
                                NULL };
    char *argv[sizeof arguments / sizeof arguments[0]];
    memcpy(argv, arguments, sizeof arguments);
    static struct bench_run run;
    bench_exec(argv, &run);
    if (bench_number_before(&run, "records waited") < wakes / 2 ||
        bench_number_before(&run, "records under load") == 0) {
        bench_die("nothing was measured:\n%s", run.words);
    }
    bench_add(&first, (double)bench_number_before(&run, "ns p50 wait") * 1e-3);
    bench_add(&slept, (double)bench_number_before(&run, "sleeps under load"));
}

int
main(int argc, char **argv)
{
    const char *weir = bench_option_text(argc, argv, "--weir", "build/release/weir");
    const char *job = bench_option_text(argc, argv, "--job", "build/release/bench/wake_job.so");
    int repetitions = (int)bench_option(argc, argv, "--repetitions", BENCH_REPETITIONS);
    size_t wakes = bench_option(argc, argv, "--wakes", WAKES);
    for (int i = 0; i < repetitions; i++) {
        bench_add(&futex, futex_p50_us(wakes));
        run_job(weir, job, wakes);
    }
    futex.engine = "limit";
    first.engine = slept.engine = "hashmap";
    futex.n = first.n = slept.n = wakes;
    double ratio = bench_median(&first) / bench_median(&futex);
    bench_print(&futex, 1);
    bench_print(&first, ratio);
    bench_print(&slept, 0);
    const struct bench_gate gate = { "16", "first result after sleep", "x futex", 2, 1.2, true };
    bool holds = bench_judge(&gate, ratio);
    fprintf(stderr, "row 16  sleeps in a second of load   %9.0f (ambition 0)\n",
            bench_median(&slept));
    return holds ? 0 : 1;
}
