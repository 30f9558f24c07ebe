/* SPDX-License-Identifier: Apache-2.0 */
/* oracle_test: the oracle objects to each mistake that it is there to find. Writes committed files
 * by hand. */
#include "oracle.h"
#include "texts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EVENTS = 400,
    SEED = 7,
    KEYS = 3,
    PATH_SIZE = 4096
};

static char work[] = "/tmp/weir-oracle-XXXXXX";
static unsigned failures;

static uint64_t
event(uint64_t index)
{
    uint64_t r = SEED + index + UINT64_C(0x9e3779b97f4a7c15);
    r = (r ^ (r >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    r = (r ^ (r >> 27)) * UINT64_C(0x94d049bb133111eb);
    return r ^ (r >> 31);
}

static void
path_of(char out[PATH_SIZE], const char *name)
{
    snprintf(out, PATH_SIZE, "%s/%s", work, name);
}

static void
expect(const char *what, bool verdict, bool wanted, const struct oracle *oracle)
{
    if (verdict != wanted) {
        fprintf(stderr, "%s: the oracle %s (%s)\n", what, verdict ? "agrees" : "objects",
                oracle_words(oracle));
        failures++;
    }
}

/* Writes the lines of the events [first, end) as the job would; `skip` is left out, `twice` written
 * twice. */
static void
write_part(const char *name, uint64_t first, uint64_t end, uint64_t skip, uint64_t twice)
{
    char path[PATH_SIZE];
    uint64_t sums[KEYS] = { 0 };
    path_of(path, name);
    FILE *file = fopen(path, "we");
    for (uint64_t i = 0; file != NULL && i < end; i++) {
        uint64_t key = event(i) % KEYS;
        sums[key] += 1 + (event(i) >> 32) % 1000;
        for (int j = 0; i >= first && i != skip && j < (i == twice ? 2 : 1); j++) {
            fprintf(file, "%llu %llu %llu\n", (unsigned long long)i, (unsigned long long)key,
                    (unsigned long long)sums[key]);
        }
    }
    if (file == NULL || fclose(file) != 0) {
        perror(path);
        exit(3);
    }
}

static struct oracle *
start(void)
{
    char path[PATH_SIZE];
    static const char *const names[] = { "part-1", "part-2", "part-3" };
    for (int i = 0; i < 3; i++) {
        path_of(path, names[i]);
        remove(path);
    }
    return oracle_of_events(work, EVENTS, SEED, KEYS);
}

static void
test_events(void)
{
    struct oracle *oracle = start();
    write_part("part-1", 0, 100, EVENTS, EVENTS);
    expect("a prefix", oracle_look(oracle), true, oracle);
    write_part("part-3", 200, EVENTS, EVENTS, EVENTS);
    expect("a gap for one look", oracle_look(oracle), true, oracle);
    write_part("part-2", 100, 200, EVENTS, EVENTS);
    expect("the gap closed", oracle_look(oracle), true, oracle);
    expect("all", oracle_is_complete(oracle), true, oracle);
    oracle_destroy(oracle);

    oracle = start();
    write_part("part-1", 0, EVENTS, EVENTS, 17);
    expect("an event twice", oracle_look(oracle), false, oracle);
    oracle_destroy(oracle);

    oracle = start();
    write_part("part-1", 0, EVENTS, 17, EVENTS);
    expect("an event missing", oracle_is_complete(oracle), false, oracle);
    oracle_destroy(oracle);

    oracle = start();
    write_part("part-1", 0, 300, EVENTS, EVENTS);
    expect("an end missing", oracle_is_complete(oracle), false, oracle);
    oracle_destroy(oracle);
}

static void
test_files(void)
{
    char path[PATH_SIZE];
    struct oracle *oracle = start();
    write_part("part-1", 0, 100, EVENTS, EVENTS);
    write_part("part-2", 100, 200, EVENTS, EVENTS);
    expect("two files", oracle_look(oracle), true, oracle);
    path_of(path, "part-2");
    remove(path);
    expect("a file that has gone", oracle_look(oracle), false, oracle);
    oracle_destroy(oracle);

    oracle = start();
    write_part("part-1", 0, 100, EVENTS, EVENTS);
    expect("one file", oracle_look(oracle), true, oracle);
    write_part("part-1", 0, 101, EVENTS, EVENTS);
    expect("a file that has changed", oracle_review(oracle), false, oracle);
    oracle_destroy(oracle);

    oracle = start();
    path_of(path, "part-1");
    FILE *file = fopen(path, "we");
    if (file != NULL) {
        fputs("0 1", file);
        fclose(file);
    }
    expect("half a line", oracle_look(oracle), false, oracle);
    oracle_destroy(oracle);
}

static void
write_words(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(3);
    }
}

static void
test_words(void)
{
    char input[PATH_SIZE];
    char path[PATH_SIZE];
    static const struct {
        const char *what;
        const char *lines;
        bool wanted;
    } cases[] = {
        { "the words", "(TO,1)\n(BE,1)\n(TO,2)\n", true },
        { "in another order", "(TO,2)\n(BE,1)\n(TO,1)\n", true },
        { "a word twice", "(TO,1)\n(BE,1)\n(TO,2)\n(TO,2)\n", false },
        { "a count too many", "(TO,1)\n(BE,1)\n(TO,2)\n(TO,3)\n", false },
        { "a count missing", "(TO,1)\n(BE,1)\n", false },
        { "another word", "(TO,1)\n(BE,1)\n(TO,2)\n(OR,1)\n", false },
    };
    path_of(input, "input");
    mkdir(input, 0777);
    path_of(path, "input/text");
    write_words(path, "to be\n  To\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        oracle_destroy(start());
        path_of(path, "part-1");
        write_words(path, cases[i].lines);
        struct oracle *oracle = oracle_of_words(work, input);
        expect(cases[i].what, oracle_is_complete(oracle), cases[i].wanted, oracle);
        oracle_destroy(oracle);
    }
    remove(path);
    path_of(path, "input/text");
    remove(path);
    remove(input);
}

int
main(void)
{
    if (mkdtemp(work) == NULL) {
        perror(work);
        return 3;
    }
    test_events();
    test_files();
    test_words();
    oracle_destroy(start());
    rmdir(work);
    printf("%u mistakes of the oracle\n", failures);
    return failures == 0 ? 0 : 1;
}
