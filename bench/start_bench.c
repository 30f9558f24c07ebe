/* SPDX-License-Identifier: Apache-2.0 */
/* start_bench: row 13, how soon the word count gives its first result and how much memory it holds
 * when there is nothing to do.
 *
 *   start   from exec to the first line of the print sink at a pipe: one line of input,
 * checkpointing on idle    resident memory of a job that has waited at the end of its input for ten
 * seconds
 *
 * Envelope: exec and the loader 1 ms, four threads 0.1 ms each, a directory and a lock 0.3 ms: some
 * 3 ms.
 *
 *     start_bench [--weir PROGRAM] [--job SO] [--data DIR] [--repetitions N] [--idle SECONDS]
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PATH_ROOM = 4096,
    START_REPETITIONS = 30,
    IDLE_SECONDS = 10
};

struct bench {
    const char *weir;
    const char *job;
    char input[PATH_ROOM];
    char checkpoints[PATH_ROOM];
};

static int
spawn_job(struct bench *bench, bool follow, int out)
{
    bench_remove_tree(bench->checkpoints);
    char directory[PATH_ROOM + 64];
    snprintf(directory, sizeof directory, "execution.checkpointing.dir=%s", bench->checkpoints);
    const char *arguments[] = { bench->weir,  "run",
                                "-D",         "execution.checkpointing.interval=1s",
                                "-D",         directory,
                                bench->job,   "--input",
                                bench->input, follow ? "--follow" : NULL,
                                NULL };
    char *argv[sizeof arguments / sizeof arguments[0]];
    memcpy(argv, arguments, sizeof arguments);
    return bench_spawn(argv, out, -1);
}

static void
wait_for(int child)
{
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        bench_die("weir run did not end well (status %#x)", (unsigned)status);
    }
}

/* Reads until a whole line is there, then when that was; the rest is read so that the job can end.
 */
static double
first_line_at(int out)
{
    char text[4096];
    double first = 0;
    for (;;) {
        ssize_t size = read(out, text, sizeof text);
        if (size <= 0) {
            break;
        }
        if (first <= 0 && memchr(text, '\n', (size_t)size) != NULL) {
            first = bench_now();
        }
    }
    if (first <= 0) {
        bench_die("weir run printed no line");
    }
    return first;
}

static double
run_start(struct bench *bench)
{
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0) {
        bench_die("pipe: %s", strerror(errno));
    }
    double start = bench_now();
    int child = spawn_job(bench, false, out[1]);
    close(out[1]);
    double first = first_line_at(out[0]);
    close(out[0]);
    wait_for(child);
    return (first - start) * 1e3;
}

/* MB. */
static double
run_idle(struct bench *bench, unsigned seconds)
{
    int child = spawn_job(bench, true, -1);
    sleep(seconds);
    double resident = bench_status_bytes(child, "VmRSS");
    kill(child, SIGTERM);
    wait_for(child);
    if (resident <= 0) {
        bench_die("the idle job is not there");
    }
    return resident / (1 << 20);
}

static void
prepare(struct bench *bench, int argc, char **argv)
{
    const char *data = bench_option_text(argc, argv, "--data", "build/bench-data");
    bench->weir = bench_option_text(argc, argv, "--weir", "build/release/weir");
    bench->job = bench_option_text(argc, argv, "--job", "build/release/examples/wordcount.so");
    snprintf(bench->input, sizeof bench->input, "%.3000s/line.txt", data);
    snprintf(bench->checkpoints, sizeof bench->checkpoints, "%.3000s/start-checkpoints", data);
    bench_make_directory(data);
    FILE *file = fopen(bench->input, "wb");
    if (file == NULL || fputs("the word count that survives kill -9\n", file) < 0 ||
        fclose(file) != 0) {
        bench_die("writing %s: %s", bench->input, strerror(errno));
    }
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    static struct bench_figure start = {
        .bench = "start", .name = "first line", .engine = "hashmap", .unit = "ms", .n = 1
    };
    static struct bench_figure idle = {
        .bench = "start", .name = "idle memory", .engine = "hashmap", .unit = "MB", .n = 1
    };
    prepare(&bench, argc, argv);
    int repetitions = (int)bench_option(argc, argv, "--repetitions", START_REPETITIONS);
    for (int i = -1; i < repetitions; i++) { /* -1: the files are in memory afterwards */
        double first_ms = run_start(&bench);
        if (i >= 0) {
            bench_add(&start, first_ms);
        }
    }
    bench_add(&idle, run_idle(&bench, (unsigned)bench_option(argc, argv, "--idle", IDLE_SECONDS)));
    bench_remove_tree(bench.checkpoints);
    bench_print(&start, 0);
    bench_print(&idle, 0);
    const struct bench_gate first = { "13", "cold start, first line", "ms", 20, 3, true };
    const struct bench_gate memory = { "14", "idle memory after 10 s", "MB", 16, 8, true };
    bool holds = bench_judge(&first, bench_median(&start));
    holds = bench_judge(&memory, bench_median(&idle)) && holds;
    return holds ? 0 : 1;
}
