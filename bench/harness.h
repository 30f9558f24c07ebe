/* SPDX-License-Identifier: Apache-2.0 */
/* harness: what every bench shares: clock, medians, one JSON line a result, the verdict on a gate,
 * and running a program.
 *
 * A gate is a ratio inside one run: the subject and its limit are measured in turns, at least five
 * times each, and their medians are compared. Absolute figures drift with the machine; ratios hold.
 *
 * Benches stop with words and exit code 2 when they cannot measure; 1 means that a floor does not
 * hold. Thread: one.
 */
#ifndef WEIR_BENCH_HARNESS_H
#define WEIR_BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BENCH_REPETITIONS_MOST = 1000,
    BENCH_REPETITIONS = 5
};

/* Seconds of the monotonic clock. */
double bench_now(void);
void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Zeroed, on huge pages from 2 MiB up, touched; never NULL, never given back. */
void *bench_memory(size_t size);
/* A well mixed 64-bit number of another: the seeded stream is mix(seed + i). */
uint64_t bench_mix(uint64_t number);

/* The number behind `name` among the arguments, or `otherwise`. */
uint64_t bench_option(int argc, char **argv, const char *name, uint64_t otherwise);
const char *bench_option_text(int argc, char **argv, const char *name, const char *otherwise);

/* --- figures --- */

/* What was measured, one value a repetition. */
struct bench_figure {
    const char *bench;  /* "wordcount" */
    const char *name;   /* "fused" */
    const char *engine; /* "limit", "hashmap" */
    const char *unit;   /* "words/s" */
    uint64_t n;         /* items a repetition */
    size_t count;
    double values[BENCH_REPETITIONS_MOST];
};

void bench_add(struct bench_figure *figure, double value);
/* The part-th quantile, 0 to 1, by nearest rank; sorts the values. */
double bench_quantile(struct bench_figure *figure, double part);
double bench_median(struct bench_figure *figure);
/* One JSON line on stdout. `ratio`: of the median to its limit's; 0: it has none. */
void bench_print(struct bench_figure *figure, double ratio);

/* What is measured in turns with others: `run` does figure.n items, the repetition counted from 0;
 * 0 warms up. */
struct bench_subject {
    struct bench_figure figure;
    void (*run)(void *argument, size_t repetition);
};
/* All of them once for warming up, and then `repetitions` times; adds items per second. */
void bench_take_turns(struct bench_subject *subjects, size_t count, int repetitions,
                      void *argument);

/* --- gates --- */

struct bench_gate {
    const char *row; /* "5": the row of the table of targets */
    const char *name;
    const char *unit;  /* of value: "of limit", "ms" */
    double floor;      /* the worst that holds */
    double ambition;   /* where it goes */
    bool less_is_good; /* the floor is a ceiling */
};

/* Prints the verdict, as a line for people on stderr and a JSON line on stdout. True: the floor
 * holds. */
bool bench_judge(const struct bench_gate *gate, double value);

/* --- programs --- */

struct bench_run {
    double elapsed_s; /* from exec to the end */
    double user_s;
    double system_s;
    char words[4096]; /* the last of what it said on stderr, NUL-terminated */
};

/* Starts the program with these as stdout and stderr (-1: nowhere) and nothing as stdin; its
 * process id. */
int bench_spawn(char *const argv[], int out, int words);
/* Runs the program to its end; stdout goes nowhere. Stops the bench, with the program's words, if
 * its exit code is not 0. */
void bench_exec(char *const argv[], struct bench_run *out_run);
/* The same in two steps, with something in between. */
struct bench_child {
    const char *program; /* lent */
    int process;
    int words;
    double start;
};
void bench_begin(char *const argv[], struct bench_child *out_child);
void bench_end(const struct bench_child *child, struct bench_run *out_run);
/* A line of the process's /proc/ID/status in bytes: "VmRSS", "VmHWM"; 0: it has none. */
double bench_status_bytes(int process, const char *line);
/* The number before `noun` in the words: "records in". Stops the bench if there is none. */
uint64_t bench_number_before(const struct bench_run *run, const char *noun);
/* Removes a directory with all that is in it; nothing is there: fine. */
void bench_remove_tree(const char *path);
void bench_make_directory(const char *path);

#endif /* WEIR_BENCH_HARNESS_H */
