/* SPDX-License-Identifier: Apache-2.0 */
/* attack_bench: what records feel of an attack on the REST server: `weir run` of a job compiled
 * alone, its task on one core; server, coordinator and attacker on the other.
 *
 *   quiet      p99 of what a record waits, at a steady rate, with a server that nobody asks
 *   attacked   the same beside 1,000 slow connections and 10,000 malformed requests a second
 *
 * What both stay below the machine's own gaps counts as equal. Nothing may be lost: the job ends
 * well with as many records counted as came in. Envelope: the server's thread never touches a
 * record, so the two may differ by noise and by the memory bus alone.
 *
 *     attack_bench [--weir PROGRAM] [--job SO] [--data DIR] [--repetitions N] [--seconds N]
 */
#include "attacker.h"
#include "harness.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    KEYS = 100000,
    RATE = 200000,
    SECONDS = 5,
    SLOW = 1000,
    MALFORMED_A_SECOND = 10000,
    TASK_CORE = 0,
    OTHER_CORE = 1,
    WAIT_MS = 5000,
    NOISE_NS = 70000, /* below it the machine's own gaps are all that is seen */
    ROOM = 4096
};

struct bench {
    const char *weir;
    const char *job;
    char runtime[ROOM];
    uint64_t seconds;
};

static struct bench_figure quiet = { .bench = "attack", .name = "p99 quiet", .unit = "ns" };
static struct bench_figure attacked = { .bench = "attack", .name = "p99 attacked", .unit = "ns" };
static struct bench_figure grown = { .bench = "attack", .name = "memory more", .unit = "MiB" };
static struct bench_figure malformed = { .bench = "attack", .name = "malformed", .unit = "/s" };

/* One that was free a moment ago. */
static uint16_t
free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0 || bind(file, (struct sockaddr *)&address, size) != 0 ||
        getsockname(file, (struct sockaddr *)&address, &size) != 0) {
        bench_die("no port: %s", strerror(errno));
    }
    close(file);
    return ntohs(address.sin_port);
}

/* --- the job's threads, each on its core --- */

static void
pin(int process, const char *thread)
{
    char path[ROOM];
    char name[64] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/comm", process, thread);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(name, sizeof name, file) == NULL) {
        name[0] = '\0';
    }
    if (file != NULL) {
        fclose(file);
    }
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(strncmp(name, "weir-task", 9) == 0 ? TASK_CORE : OTHER_CORE, &cores);
    sched_setaffinity((pid_t)strtol(thread, NULL, 10), sizeof cores, &cores);
}

static void
pin_all(int process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", process);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] != '.') {
            pin(process, entry->d_name);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

static void
wait_for_port(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    for (int i = 0; i < WAIT_MS; i++) {
        int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int failed = connect(file, (struct sockaddr *)&address, sizeof address);
        close(file);
        if (failed == 0) {
            return;
        }
        usleep(1000);
    }
    bench_die("nobody listens on port %u", port);
}

/* --- one run --- */

static void
begin_job(const struct bench *bench, uint16_t port, struct bench_child *out_child)
{
    char words[4][ROOM];
    char numbers[3][32];
    snprintf(words[0], sizeof words[0], "rest.port=%u", port);
    snprintf(numbers[0], sizeof numbers[0], "%d", KEYS);
    snprintf(numbers[1], sizeof numbers[1], "%d", RATE);
    snprintf(numbers[2], sizeof numbers[2], "%llu", (unsigned long long)bench->seconds);
    const char *arguments[] = { bench->weir, "run",      "-p",       "1",
                                "-D",        words[0],   "-D",       "weir.workers=1",
                                bench->job,  numbers[0], numbers[1], numbers[2],
                                NULL };
    char *argv[sizeof arguments / sizeof arguments[0]];
    memcpy(argv, arguments, sizeof arguments);
    bench_begin(argv, out_child);
}

/* Answers the most memory that was seen, in MiB. */
static double
run_job(const struct bench *bench, bool is_attacked, struct bench_run *out_run)
{
    struct bench_child child;
    uint16_t port = free_port();
    begin_job(bench, port, &child);
    wait_for_port(port);
    pin_all(child.process);
    const struct attack attack = {
        .port = port, .core = OTHER_CORE, .slow = SLOW, .a_second = MALFORMED_A_SECOND
    };
    struct attacker *attacker = is_attacked ? attacker_start(&attack) : NULL;
    double until = bench_now() + (double)bench->seconds;
    double memory = 0;
    while (bench_now() < until) {
        double now = bench_status_bytes(child.process, "VmRSS") / 1048576;
        memory = now > memory ? now : memory;
        usleep(100000);
    }
    if (attacker != NULL) {
        struct attack_count count;
        attacker_stop(attacker, &count);
        bench_add(&malformed, (double)count.malformed / count.seconds);
        if (count.refused == 0) {
            bench_die("no slow connection was ever closed: nothing was attacked");
        }
    }
    bench_end(&child, out_run);
    if (bench_number_before(out_run, "records in") !=
        bench_number_before(out_run, "records counted")) {
        bench_die("records were lost:\n%s", out_run->words);
    }
    return memory;
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    static struct bench_run run;
    const char *data = bench_option_text(argc, argv, "--data", "build/bench-data");
    bench.weir = bench_option_text(argc, argv, "--weir", "build/release/weir");
    bench.job = bench_option_text(argc, argv, "--job", "build/release/bench/latency_job.so");
    bench.seconds = bench_option(argc, argv, "--seconds", SECONDS);
    int repetitions = (int)bench_option(argc, argv, "--repetitions", BENCH_REPETITIONS);
    bench_make_directory(data);
    snprintf(bench.runtime, sizeof bench.runtime, "%.4000s/runtime", data);
    bench_make_directory(bench.runtime);
    setenv("WEIR_RUNTIME_DIR", bench.runtime, 1);
    for (int i = 0; i < repetitions; i++) {
        double memory = run_job(&bench, false, &run);
        bench_add(&quiet, (double)bench_number_before(&run, "ns p99 idle"));
        double more = run_job(&bench, true, &run) - memory;
        bench_add(&attacked, (double)bench_number_before(&run, "ns p99 idle"));
        bench_add(&grown, more > 0 ? more : 0);
    }
    bench_remove_tree(bench.runtime);
    quiet.engine = attacked.engine = grown.engine = "hashmap";
    malformed.engine = "attacker";
    double slow = bench_median(&attacked) > NOISE_NS ? bench_median(&attacked) : NOISE_NS;
    double ratio = slow / (bench_median(&quiet) > NOISE_NS ? bench_median(&quiet) : NOISE_NS);
    bench_print(&quiet, 1);
    bench_print(&attacked, ratio);
    bench_print(&grown, 0);
    bench_print(&malformed, 0);
    const struct bench_gate wait = { "R16", "p99 beside an attack", "x quiet", 1.1, 1.02, true };
    const struct bench_gate memory = { "R16", "memory beside an attack", "MiB more", 64, 16, true };
    bool holds = bench_judge(&wait, ratio);
    return bench_judge(&memory, bench_quantile(&grown, 1)) && holds ? 0 : 1;
}
