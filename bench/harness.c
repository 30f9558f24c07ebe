/* SPDX-License-Identifier: Apache-2.0 */
/* harness: see harness.h. The commit stands in BENCH_COMMIT, which the build defines; the
 * processor's name is read from /proc/cpuinfo. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HUGE_PAGE ((size_t)2 << 20)

double
bench_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void
bench_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

void *
bench_memory(size_t size)
{
    size_t rounded = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *block = aligned_alloc(HUGE_PAGE, rounded);
    if (block == NULL) {
        bench_die("no memory for %zu bytes", size);
    }
    (void)madvise(block, rounded, MADV_HUGEPAGE);
    memset(block, 0, rounded);
    return block;
}

uint64_t
bench_mix(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

const char *
bench_option_text(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return argv[i + 1];
        }
    }
    return otherwise;
}

uint64_t
bench_option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    const char *text = bench_option_text(argc, argv, name, NULL);
    if (text == NULL) {
        return otherwise;
    }
    char *end;
    uint64_t value = strtoull(text, &end, 0);
    if (end == text || *end != '\0') {
        bench_die("%s: '%s' is no number", name, text);
    }
    return value;
}

/* --- figures --- */

void
bench_add(struct bench_figure *figure, double value)
{
    if (figure->count == BENCH_REPETITIONS_MOST) {
        bench_die("%s: more than %d repetitions", figure->name, BENCH_REPETITIONS_MOST);
    }
    figure->values[figure->count++] = value;
}

static int
compare_doubles(const void *one, const void *other)
{
    double a = *(const double *)one;
    double b = *(const double *)other;
    return (a > b) - (a < b);
}

double
bench_quantile(struct bench_figure *figure, double part)
{
    if (figure->count == 0) {
        bench_die("%s: nothing was measured", figure->name);
    }
    qsort(figure->values, figure->count, sizeof figure->values[0], compare_doubles);
    double rank = part * (double)figure->count;
    size_t index = (size_t)rank;
    index -= index != 0 && (double)index >= rank ? 1 : 0;
    return figure->values[index < figure->count ? index : figure->count - 1];
}

double
bench_median(struct bench_figure *figure)
{
    return bench_quantile(figure, 0.5);
}

static const char *
processor(void)
{
    static char name[128] = "unknown";
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            line[strcspn(line, "\n\"\\")] = '\0';
            snprintf(name, sizeof name, "%.100s", colon + 2);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return name;
}

void
bench_print(struct bench_figure *figure, double ratio)
{
    double median = bench_median(figure);
    double least = bench_quantile(figure, 0);
    double most = bench_quantile(figure, 1);
    printf("{\"bench\":\"%s\",\"name\":\"%s\",\"engine\":\"%s\",\"n\":%llu,\"value\":%.6g,"
           "\"unit\":\"%s\",\"ratio\":%.4g,\"p50\":%.6g,\"p99\":%.6g,\"max\":%.6g,\"reps\":%zu,"
           "\"spread\":%.4g,\"commit\":\"%s\",\"cpu\":\"%s\"}\n",
           figure->bench, figure->name, figure->engine, (unsigned long long)figure->n, median,
           figure->unit, ratio, median, bench_quantile(figure, 0.99), most, figure->count,
           median > 0 ? (most - least) / median : 0, BENCH_COMMIT, processor());
    fflush(stdout);
}

void
bench_take_turns(struct bench_subject *subjects, size_t count, int repetitions, void *argument)
{
    for (size_t repetition = 0; repetition <= (size_t)repetitions; repetition++) {
        for (size_t i = 0; i < count; i++) {
            double start = bench_now();
            subjects[i].run(argument, repetition);
            double elapsed = bench_now() - start;
            if (repetition != 0) {
                bench_add(&subjects[i].figure, (double)subjects[i].figure.n / elapsed);
            }
        }
    }
}

bool
bench_judge(const struct bench_gate *gate, double value)
{
    bool holds = gate->less_is_good ? value <= gate->floor : value >= gate->floor;
    bool reached = gate->less_is_good ? value <= gate->ambition : value >= gate->ambition;
    const char *verdict = reached ? "ok, ambition reached" : holds ? "ok" : "DOES NOT HOLD";
    fprintf(stderr, "row %-3s %-28s %9.3f %-10s (%s %g, ambition %g) %s\n", gate->row, gate->name,
            value, gate->unit, gate->less_is_good ? "ceiling" : "floor", gate->floor,
            gate->ambition, verdict);
    printf("{\"gate\":\"%s\",\"row\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"floor\":%g,"
           "\"ambition\":%g,\"ceiling\":%s,\"holds\":%s,\"commit\":\"%s\"}\n",
           gate->name, gate->row, value, gate->unit, gate->floor, gate->ambition,
           gate->less_is_good ? "true" : "false", holds ? "true" : "false", BENCH_COMMIT);
    fflush(stdout);
    return holds;
}

/* --- programs --- */

int
bench_spawn(char *const argv[], int out, int words)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    int from[] = { out, words };
    for (int to = STDOUT_FILENO; to <= STDERR_FILENO; to++) {
        int file = from[to - STDOUT_FILENO];
        if (file < 0) {
            posix_spawn_file_actions_addopen(&actions, to, "/dev/null", O_WRONLY, 0);
        } else {
            posix_spawn_file_actions_adddup2(&actions, file, to);
        }
    }
    pid_t child;
    int sys_errno = posix_spawn(&child, argv[0], &actions, NULL, argv, environ);
    if (sys_errno != 0) {
        bench_die("%s: %s", argv[0], strerror(sys_errno));
    }
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

/* Keeps the last of what is said: the summary stands at the end. */
static void
read_words(int from, char *words, size_t room)
{
    size_t used = 0;
    for (;;) {
        if (used == room - 1) {
            memmove(words, words + room / 2, used - room / 2);
            used -= room / 2;
        }
        ssize_t size = read(from, words + used, room - 1 - used);
        if (size == 0 || (size < 0 && errno != EINTR)) {
            break;
        }
        used += size > 0 ? (size_t)size : 0;
    }
    words[used] = '\0';
}

static double
seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

void
bench_begin(char *const argv[], struct bench_child *out_child)
{
    int words[2];
    if (pipe2(words, O_CLOEXEC) != 0) {
        bench_die("pipe: %s", strerror(errno));
    }
    *out_child = (struct bench_child){ .program = argv[0],
                                       .words = words[0],
                                       .start = bench_now(),
                                       .process = bench_spawn(argv, -1, words[1]) };
    close(words[1]);
}

void
bench_exec(char *const argv[], struct bench_run *out_run)
{
    struct bench_child child;
    bench_begin(argv, &child);
    bench_end(&child, out_run);
}

void
bench_end(const struct bench_child *child, struct bench_run *out_run)
{
    read_words(child->words, out_run->words, sizeof out_run->words);
    close(child->words);
    int status = 0;
    struct rusage usage;
    if (wait4(child->process, &status, 0, &usage) != child->process) {
        bench_die("wait4: %s", strerror(errno));
    }
    out_run->elapsed_s = bench_now() - child->start;
    out_run->user_s = seconds(usage.ru_utime);
    out_run->system_s = seconds(usage.ru_stime);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        bench_die("%s ended with %s %d:\n%s", child->program,
                  WIFEXITED(status) ? "exit code" : "signal",
                  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), out_run->words);
    }
}

double
bench_status_bytes(int process, const char *line)
{
    char path[64];
    char text[256];
    unsigned long long kilobytes = 0;
    size_t size = strlen(line);
    snprintf(path, sizeof path, "/proc/%d/status", process);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(text, sizeof text, file) != NULL) {
        if (strncmp(text, line, size) == 0 && text[size] == ':') {
            kilobytes = strtoull(text + size + 1, NULL, 10);
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return (double)kilobytes * 1024;
}

uint64_t
bench_number_before(const struct bench_run *run, const char *noun)
{
    const char *at = strstr(run->words, noun);
    if (at == NULL || at == run->words) {
        bench_die("no '%s' in what the program said:\n%s", noun, run->words);
    }
    at--; /* the space */
    while (at > run->words && at[-1] >= '0' && at[-1] <= '9') {
        at--;
    }
    return strtoull(at, NULL, 10);
}

static int
remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

void
bench_remove_tree(const char *path)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        bench_die("removing %s: %s", path, strerror(errno));
    }
}

void
bench_make_directory(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        bench_die("making %s: %s", path, strerror(errno));
    }
}
