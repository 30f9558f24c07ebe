/* SPDX-License-Identifier: Apache-2.0 */
/* wordcount_bench: row 5, the word count end to end: `weir run` of a job compiled alone, from text
 * on disk to a sink, checkpoints each second, against the fused limit program of the same run.
 *
 *   limit     one core, nothing but the loop
 *   fused     parallelism 1: all in one task, one core
 *   exchange  parallelism 2: words cross to the task that owns them; divided by two cores
 *   files     as fused, every running count written to files and committed; not a gate
 *
 * Time is from exec to exit, start and final checkpoint included. Records in and out must equal the
 * lines and words of the text; the last count of each word in the committed files must equal the
 * limit's.
 *
 * Envelope: the limit needs some 6.5 ns a word. A record of 40 bytes is written twice and read
 * three times in L2, its key hashed twice: 15-20 ns a word is what this design can reach.
 *
 *     wordcount_bench [--weir PROGRAM] [--job SO] [--data DIR] [--repetitions N] [--megabytes N]
 */
#include "harness.h"
#include "limit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_ROOM = 4096
};

enum subject {
    LIMIT,
    FUSED,
    EXCHANGE,
    FILES,
    SUBJECTS
};

struct bench {
    struct bench_text text;
    struct limit_words *words;
    const char *weir;
    const char *job;
    char input[PATH_ROOM];
    char output[PATH_ROOM];
    char checkpoints[PATH_ROOM];
};

static struct bench_figure figures[SUBJECTS] = {
    [LIMIT] = { .bench = "wordcount", .name = "limit", .unit = "words/s" },
    [FUSED] = { .bench = "wordcount", .name = "fused", .unit = "words/s/core" },
    [EXCHANGE] = { .bench = "wordcount", .name = "exchange", .unit = "words/s/core" },
    [FILES] = { .bench = "wordcount", .name = "files", .unit = "words/s/core" },
};

static double
run_limit(struct bench *bench)
{
    limit_words_clear(bench->words);
    double start = bench_now();
    uint64_t words = limit_words_run(bench->words, &bench->text);
    double elapsed = bench_now() - start;
    if (words != bench->text.words) {
        bench_die("the limit program counts %llu words", (unsigned long long)words);
    }
    return (double)words / elapsed;
}

/* Words per second and core. */
static double
run_weir(struct bench *bench, enum subject subject)
{
    bench_remove_tree(bench->checkpoints);
    bench_remove_tree(bench->output);
    char directory[PATH_ROOM + 64];
    snprintf(directory, sizeof directory, "execution.checkpointing.dir=%s", bench->checkpoints);
    const char *cores = subject == EXCHANGE ? "2" : "1";
    const char *arguments[] = { bench->weir,
                                "run",
                                "-p",
                                cores,
                                "-D",
                                "execution.checkpointing.interval=1s",
                                "-D",
                                directory,
                                bench->job,
                                bench->input,
                                subject == FILES ? bench->output : NULL,
                                NULL };
    char *argv[sizeof arguments / sizeof arguments[0]];
    memcpy(argv, arguments, sizeof arguments);
    struct bench_run run;
    bench_exec(argv, &run);
    if (bench_number_before(&run, "records in") != bench->text.lines ||
        bench_number_before(&run, "out,") != bench->text.words) {
        bench_die("of %llu lines and %llu words: %s", (unsigned long long)bench->text.lines,
                  (unsigned long long)bench->text.words, run.words);
    }
    return (double)bench->text.words / run.elapsed_s / (subject == EXCHANGE ? 2 : 1);
}

/* --- the committed files against the limit's table --- */

struct check {
    const struct limit_words *words;
    uint64_t lines;
    uint64_t finished; /* words whose last count was met */
};

/* "(WORD,17)": met in order, each word's counts grow by one, so its total is met exactly once. */
static void
check_line(struct check *check, const char *line, size_t size)
{
    const char *comma = memchr(line, ',', size);
    if (size < 4 || line[0] != '(' || comma == NULL) {
        bench_die("'%.*s' is no line of a word count", (int)size, line);
    }
    uint64_t count = strtoull(comma + 1, NULL, 10);
    uint64_t total = limit_words_find(check->words, line + 1, (size_t)(comma - line) - 1);
    if (count == 0 || count > total) {
        bench_die("'%.*s': the limit program counted %llu", (int)size, line,
                  (unsigned long long)total);
    }
    check->finished += count == total;
    check->lines++;
}

static void
check_file(struct check *check, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        bench_die("%s cannot be read", path);
    }
    char line[128];
    while (fgets(line, sizeof line, file) != NULL) {
        check_line(check, line, strlen(line));
    }
    fclose(file);
}

static void
check_output(const struct bench *bench)
{
    struct check check = { .words = bench->words };
    DIR *directory = opendir(bench->output);
    for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, "part-", 5) == 0) {
            char path[2 * PATH_ROOM];
            snprintf(path, sizeof path, "%s/%s", bench->output, entry->d_name);
            check_file(&check, path);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    if (check.lines != bench->text.words || check.finished != limit_words_distinct(bench->words)) {
        bench_die("the committed files hold %llu lines of %llu and %llu whole counts of %llu",
                  (unsigned long long)check.lines, (unsigned long long)bench->text.words,
                  (unsigned long long)check.finished,
                  (unsigned long long)limit_words_distinct(bench->words));
    }
}

/* --- the comparison --- */

static void
prepare(struct bench *bench, int argc, char **argv)
{
    const char *data = bench_option_text(argc, argv, "--data", "build/bench-data");
    size_t size = (size_t)bench_option(argc, argv, "--megabytes", BENCH_TEXT_BYTES >> 20) << 20;
    bench->weir = bench_option_text(argc, argv, "--weir", "build/release/weir");
    bench->job =
        bench_option_text(argc, argv, "--job", "build/release/bench/wordcount_bench_job.so");
    snprintf(bench->input, sizeof bench->input, "%.3000s/text-%zu", data, size >> 20);
    snprintf(bench->output, sizeof bench->output, "%.3000s/counts", data);
    snprintf(bench->checkpoints, sizeof bench->checkpoints, "%.3000s/wordcount-checkpoints", data);
    bench_make_directory(data);
    bench->text = bench_text_make(size, 1);
    bench_text_store(&bench->text, bench->input);
    bench->words = limit_words_create();
    figures[LIMIT].engine = limit_words_code();
    figures[FUSED].engine = figures[EXCHANGE].engine = figures[FILES].engine = "hashmap";
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    prepare(&bench, argc, argv);
    int repetitions = (int)bench_option(argc, argv, "--repetitions", BENCH_REPETITIONS);
    run_limit(&bench); /* warms up */
    for (int i = 0; i < repetitions; i++) {
        bench_add(&figures[LIMIT], run_limit(&bench));
        for (enum subject subject = FUSED; subject < SUBJECTS; subject++) {
            bench_add(&figures[subject], run_weir(&bench, subject));
        }
        if (i == 0) {
            check_output(&bench);
        }
    }
    bench_remove_tree(bench.output);
    bench_remove_tree(bench.checkpoints);
    double limit = bench_median(&figures[LIMIT]);
    for (enum subject subject = LIMIT; subject < SUBJECTS; subject++) {
        figures[subject].n = bench.text.words;
        bench_print(&figures[subject], bench_median(&figures[subject]) / limit);
    }
    bool valid = strcmp(limit_words_code(), "avx512") != 0 || limit >= LIMIT_WORDS_LEAST;
    if (!valid) {
        fprintf(stderr, "row 5: the limit program is under 100 M words/s: the run is invalid\n");
    }
    const struct bench_gate fused = { "5", "wordcount fused", "of limit", 0.15, 0.4, false };
    const struct bench_gate exchange = { "5", "wordcount exchange", "of limit", 0.08, 0.25, false };
    bool holds = bench_judge(&fused, bench_median(&figures[FUSED]) / limit);
    holds = bench_judge(&exchange, bench_median(&figures[EXCHANGE]) / limit) && holds;
    fprintf(stderr, "row 5   wordcount committed files    %9.3f of limit\n",
            bench_median(&figures[FILES]) / limit);
    return valid && holds ? 0 : 1;
}
