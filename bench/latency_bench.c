/* SPDX-License-Identifier: Apache-2.0 */
/* latency_bench: row 12: what records feel of a checkpoint: `weir run` of a job compiled alone, N
 * keys in its state, a checkpoint a second after the last.
 *
 *   throughput  as fast as it goes: records per second while a checkpoint runs, and while none does
 *   latency     at half of that rate: p99.9 from when a record was due until its count stands,
 *               while a checkpoint runs, over that of a run without any: between two checkpoints
 *               there may still be what has piled up beside the last
 *
 * Envelope: a turn copies for some 20 us between two batches, and behind the barrier a batch copies
 * the chunks that it writes to: two to three times its idle time.
 *
 *     latency_bench [--keys N] [--seconds N] [--repetitions N] [--weir PROGRAM] [--job SO] [--data
 * DIR]
 */
#include "harness.h"

#include <stdio.h>
#include <string.h>

enum {
    PATH_ROOM = 4096,
    REPETITIONS = 3,
    SECONDS = 8,
    /* Below this the machine's own gaps are all that is seen. */
    NOISE_NS = 70000
};

struct bench {
    const char *weir;
    const char *job;
    char checkpoints[PATH_ROOM];
    uint64_t keys;
    uint64_t seconds;
};

enum kind {
    IDLE_RATE,
    CHECKPOINT_RATE,
    IDLE_WAIT,
    CHECKPOINT_WAIT,
    KINDS
};

static struct bench_figure figures[KINDS] = {
    [IDLE_RATE] = { .name = "throughput, idle", .unit = "records/s" },
    [CHECKPOINT_RATE] = { .name = "throughput, checkpoint", .unit = "records/s" },
    [IDLE_WAIT] = { .name = "p99.9, idle", .unit = "ns" },
    [CHECKPOINT_WAIT] = { .name = "p99.9, checkpoint", .unit = "ns" },
};

static void
run_job(struct bench *bench, uint64_t rate, bool checkpoints, struct bench_run *out_run)
{
    char directory[PATH_ROOM + 64];
    char numbers[3][32];
    const uint64_t values[] = { bench->keys, rate, bench->seconds };
    for (size_t i = 0; i < 3; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%llu", (unsigned long long)values[i]);
    }
    bench_remove_tree(bench->checkpoints);
    snprintf(directory, sizeof directory, "execution.checkpointing.dir=%s", bench->checkpoints);
    const char *interval =
        checkpoints ? "execution.checkpointing.interval=1s" : "execution.checkpointing.interval=1h";
    const char *arguments[] = { bench->weir, "run",      "-D",
                                interval,    "-D",       "execution.checkpointing.min-pause=1s",
                                "-D",        directory,  bench->job,
                                numbers[0],  numbers[1], numbers[2],
                                NULL };
    char *argv[sizeof arguments / sizeof arguments[0]];
    memcpy(argv, arguments, sizeof arguments);
    bench_exec(argv, out_run);
    if (bench_number_before(out_run, checkpoints ? "records checkpoint" : "records idle") == 0 ||
        (checkpoints && rate == 0 && bench_number_before(out_run, "records idle") == 0)) {
        bench_die("nothing was measured beside or between checkpoints:\n%s", out_run->words);
    }
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    const char *data = bench_option_text(argc, argv, "--data", "build/bench-data");
    bench.weir = bench_option_text(argc, argv, "--weir", "build/release/weir");
    bench.job = bench_option_text(argc, argv, "--job", "build/release/bench/latency_job.so");
    bench.keys = bench_option(argc, argv, "--keys", 10000000);
    bench.seconds = bench_option(argc, argv, "--seconds", SECONDS);
    int repetitions = (int)bench_option(argc, argv, "--repetitions", REPETITIONS);
    bench_make_directory(data);
    snprintf(bench.checkpoints, sizeof bench.checkpoints, "%.4000s/latency-checkpoints", data);
    for (int i = 0; i < repetitions; i++) {
        static struct bench_run run;
        run_job(&bench, 0, true, &run);
        uint64_t rate = bench_number_before(&run, "records/s idle");
        bench_add(&figures[IDLE_RATE], (double)rate);
        bench_add(&figures[CHECKPOINT_RATE],
                  (double)bench_number_before(&run, "records/s checkpoint"));
        run_job(&bench, rate / 2, false, &run);
        double idle = (double)bench_number_before(&run, "ns p99.9 idle");
        bench_add(&figures[IDLE_WAIT], idle > NOISE_NS ? idle : NOISE_NS);
        run_job(&bench, rate / 2, true, &run);
        bench_add(&figures[CHECKPOINT_WAIT],
                  (double)bench_number_before(&run, "ns p99.9 checkpoint"));
    }
    bench_remove_tree(bench.checkpoints);
    for (enum kind kind = IDLE_RATE; kind < KINDS; kind++) {
        figures[kind].bench = "latency";
        figures[kind].engine = "hashmap";
        figures[kind].n = bench.keys;
        bench_print(&figures[kind],
                    bench_median(&figures[kind]) / bench_median(&figures[kind / 2 * 2]));
    }
    const struct bench_gate wait = { "12", "p99.9 beside a checkpoint", "x idle", 5, 2, true };
    bool holds = bench_judge(&wait, bench_median(&figures[CHECKPOINT_WAIT]) /
                                        bench_median(&figures[IDLE_WAIT]));
    fprintf(stderr, "row 12  rate beside a checkpoint     %9.3f of idle (ambition 0.5)\n",
            bench_median(&figures[CHECKPOINT_RATE]) / bench_median(&figures[IDLE_RATE]));
    return holds ? 0 : 1;
}
