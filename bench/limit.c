/* SPDX-License-Identifier: Apache-2.0 */
/* limit: the limit programs alone: what this machine does, before anything is asked of weir.
 *
 *     limit [--repetitions N] [--directory DIR] [--keys N]
 *
 * Exit 1: a processor with AVX-512 counts under 100 M words/s: something else is running, and no
 * ratio of this run is to be believed.
 */
#include "limit.h"

#include "harness.h"

#include <stdio.h>

#define LINE_REGION ((size_t)1 << 30)
#define DISK_BYTES  ((size_t)512 << 20)

enum {
    GAPS_MOST = BENCH_REPETITIONS_MOST
};

static bool
print_words(int repetitions)
{
    struct bench_text text = bench_text_make(BENCH_TEXT_BYTES, 1);
    struct limit_words *words = limit_words_create();
    static struct bench_figure figure = { .bench = "limit",
                                          .name = "wordcount",
                                          .unit = "words/s" };
    figure.engine = limit_words_code();
    figure.n = text.words;
    for (int i = -1; i < repetitions; i++) { /* -1 warms up */
        limit_words_clear(words);
        double start = bench_now();
        if (limit_words_run(words, &text) != text.words) {
            bench_die("the limit program miscounts");
        }
        if (i >= 0) {
            bench_add(&figure, (double)text.words / (bench_now() - start));
        }
    }
    bench_print(&figure, 0);
    if (figure.engine[3] == '5' && bench_median(&figure) < LIMIT_WORDS_LEAST) {
        fprintf(stderr, "limit: under 100 M words/s with AVX-512: this run is invalid\n");
        return false;
    }
    return true;
}

static void
print_memory(int repetitions, uint64_t key_count)
{
    static struct bench_figure table = { .bench = "limit", .name = "table", .unit = "updates/s" };
    static struct bench_figure lines = { .bench = "limit", .name = "lines", .unit = "lines/s" };
    table.engine = lines.engine = "limit";
    table.n = key_count;
    lines.n = LINE_REGION / 64;
    struct limit_table *keys = limit_table_create(key_count);
    uint64_t *region = bench_memory(LINE_REGION);
    for (int i = 0; i < repetitions; i++) {
        bench_add(&table, limit_table_run(keys, 8 << 20, (uint64_t)i << 32));
        bench_add(&lines, limit_lines_run(region, LINE_REGION, 8 << 20, (uint64_t)i << 32));
    }
    bench_print(&table, 0);
    bench_print(&lines, 0);
}

static void
print_disk(int repetitions, const char *directory)
{
    static struct bench_figure disk = { .bench = "limit", .name = "disk", .unit = "bytes/s" };
    disk.engine = "O_DIRECT";
    disk.n = DISK_BYTES;
    char path[4096];
    snprintf(path, sizeof path, "%s/limit.dat", directory);
    for (int i = 0; i < repetitions; i++) {
        bool direct = false;
        bench_add(&disk, limit_disk_run(path, DISK_BYTES, &direct));
        disk.engine = direct ? "O_DIRECT" : "buffered";
    }
    bench_print(&disk, 0);
}

static void
print_null(void)
{
    static double gaps_us[GAPS_MOST];
    static struct bench_figure null = { .bench = "limit", .name = "null", .unit = "us" };
    null.engine = "limit";
    size_t count = limit_null_run(2, 0.01, gaps_us, GAPS_MOST);
    for (size_t i = 0; i < count; i++) {
        bench_add(&null, gaps_us[i]);
    }
    null.n = count;
    bench_print(&null, 0);
}

int
main(int argc, char **argv)
{
    int repetitions = (int)bench_option(argc, argv, "--repetitions", BENCH_REPETITIONS);
    bool valid = print_words(repetitions);
    print_memory(repetitions, bench_option(argc, argv, "--keys", 10000000));
    print_disk(repetitions, bench_option_text(argc, argv, "--directory", "."));
    print_null();
    return valid ? 0 : 1;
}
