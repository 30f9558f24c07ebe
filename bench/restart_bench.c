/* SPDX-License-Identifier: Apache-2.0 */
/* restart_bench: from a crash of the user's code until the first record of the next attempt, with
 * 1 GiB of state: `weir run` of a job compiled alone that crashes by itself.
 *
 *   in process  the function fails: tasks are cancelled, and made again from the checkpoint
 *   supervised  the process is killed: the parent reaps it and starts the successor
 *
 * Held against reading as many bytes with O_DIRECT. There is no delay between attempts.
 *
 * Envelope: the checkpoint lies in the page cache: checksums at 16 GB/s, copies at 5; a process
 * more costs 5 ms, and its fresh memory is touched at 0.4-2 GB/s: 0.4 s and 1 s.
 *
 *     restart_bench [--weir PROGRAM] [--job SO] [--data DIR] [--keys N] [--repetitions N]
 */
#include "harness.h"
#include "limit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_ROOM = 4096,
    ENTRY_BYTES = 48,
    KEYS = (1 << 30) / ENTRY_BYTES,
    REPETITIONS = 3,
    CHUNK = 1 << 20
};

struct bench {
    const char *weir;
    const char *job;
    uint64_t keys;
    char checkpoints[PATH_ROOM];
    char stamp[PATH_ROOM];
    char limit[PATH_ROOM];
};

static struct bench_figure limit_figure = { .bench = "restart", .name = "limit", .unit = "s" };
static struct bench_figure in_process = { .bench = "restart", .name = "in process", .unit = "s" };
static struct bench_figure supervised = { .bench = "restart", .name = "supervised", .unit = "s" };

static void
make_file(const char *path, uint64_t size)
{
    static char chunk[CHUNK];
    FILE *file = fopen(path, "wb");
    for (uint64_t done = 0; file != NULL && done < size; done += CHUNK) {
        if (fwrite(chunk, CHUNK, 1, file) != 1) {
            break;
        }
    }
    if (file == NULL || fflush(file) != 0 || fsync(fileno(file)) != 0 || fclose(file) != 0) {
        bench_die("writing %s: %s", path, strerror(errno));
    }
}

static double
run_job(struct bench *bench, bool is_supervised)
{
    char directory[PATH_ROOM + 64];
    char keys[32];
    snprintf(keys, sizeof keys, "%llu", (unsigned long long)bench->keys);
    snprintf(directory, sizeof directory, "execution.checkpointing.dir=%s", bench->checkpoints);
    bench_remove_tree(bench->checkpoints);
    const char *arguments[] = { bench->weir,
                                "run",
                                "-D",
                                "execution.checkpointing.interval=500ms",
                                "-D",
                                directory,
                                "-D",
                                "restart-strategy.type=fixed-delay",
                                "-D",
                                "restart-strategy.fixed-delay.attempts=1",
                                "-D",
                                "restart-strategy.fixed-delay.delay=0ms",
                                is_supervised ? "--supervise" : bench->job,
                                is_supervised ? bench->job : keys,
                                is_supervised ? keys : "fail",
                                is_supervised ? "kill" : bench->stamp,
                                is_supervised ? bench->stamp : NULL,
                                NULL };
    char *argv[sizeof arguments / sizeof arguments[0]];
    memcpy(argv, arguments, sizeof arguments);
    static struct bench_run run;
    bench_exec(argv, &run);
    unlink(bench->stamp);
    return (double)bench_number_before(&run, "us restart") * 1e-6;
}

static void
prepare(struct bench *bench, int argc, char **argv)
{
    const char *data = bench_option_text(argc, argv, "--data", "build/bench-data");
    bench->weir = bench_option_text(argc, argv, "--weir", "build/release/weir");
    bench->job = bench_option_text(argc, argv, "--job", "build/release/bench/restart_job.so");
    bench->keys = bench_option(argc, argv, "--keys", KEYS);
    snprintf(bench->checkpoints, sizeof bench->checkpoints, "%.3000s/restart-checkpoints", data);
    snprintf(bench->stamp, sizeof bench->stamp, "%.3000s/restart-stamp", data);
    snprintf(bench->limit, sizeof bench->limit, "%.3000s/restart-limit.dat", data);
    bench_make_directory(data);
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    prepare(&bench, argc, argv);
    int repetitions = (int)bench_option(argc, argv, "--repetitions", REPETITIONS);
    uint64_t size = bench.keys * ENTRY_BYTES / CHUNK * CHUNK + CHUNK;
    make_file(bench.limit, size);
    for (int i = 0; i < repetitions; i++) {
        bool direct = false;
        bench_add(&limit_figure, (double)size / limit_disk_read(bench.limit, &direct));
        limit_figure.engine = direct ? "O_DIRECT" : "buffered";
        bench_add(&in_process, run_job(&bench, false));
        bench_add(&supervised, run_job(&bench, true));
    }
    unlink(bench.limit);
    bench_remove_tree(bench.checkpoints);
    in_process.engine = supervised.engine = "hashmap";
    limit_figure.n = in_process.n = supervised.n = bench.keys;
    double limit_s = bench_median(&limit_figure);
    bench_print(&limit_figure, 1);
    bench_print(&in_process, bench_median(&in_process) / limit_s);
    bench_print(&supervised, bench_median(&supervised) / limit_s);
    const struct bench_gate within = { "FR", "restart in the process", "x reading", 4, 1.5, true };
    const struct bench_gate beside = { "FR", "restart, supervised", "x reading", 6, 2, true };
    bool holds = bench_judge(&within, bench_median(&in_process) / limit_s);
    holds = bench_judge(&beside, bench_median(&supervised) / limit_s) && holds;
    return holds ? 0 : 1;
}
