/* SPDX-License-Identifier: Apache-2.0 */
/* limit: what this machine can do at all, with nothing of weir: the loops that gates are ratios of.
 * The program `limit` runs them alone; benches call them between their own runs. Thread: one, but
 * limit_null_start's. */
#ifndef WEIR_BENCH_LIMIT_H
#define WEIR_BENCH_LIMIT_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- word count: tokenise, upper-case, count, fused --- */

struct limit_words;

struct limit_words *limit_words_create(void);
void limit_words_clear(struct limit_words *words);
/* Counts the words of the text, upper-cased; the number of words. Words are at most 16 bytes. */
uint64_t limit_words_run(struct limit_words *words, const struct bench_text *text);
/* How often the upper-cased word was seen. */
uint64_t limit_words_find(const struct limit_words *words, const char *word, size_t size);
uint64_t limit_words_distinct(const struct limit_words *words);
/* "avx512", "avx2" or "sse2": which tokeniser this processor gets. */
const char *limit_words_code(void);
/* The least that a run with avx512 must reach to be believed, in words/s. */
#define LIMIT_WORDS_LEAST 100e6

/* --- flat table: read-modify-write of 8-byte values by 8-byte keys, prefetched --- */

struct limit_table;

struct limit_table *limit_table_create(uint64_t key_count);
/* Adds one to the value of each key. */
void limit_table_update(struct limit_table *table, const int64_t *keys, size_t count);
uint64_t limit_table_sum(const struct limit_table *table);
/* `count` updates of uniform keys; how many keys per second. */
double limit_table_run(struct limit_table *table, uint64_t count, uint64_t seed);

/* --- random lines of a region, 24 under way --- */

/* Lines per second over a region made by bench_memory. */
double limit_lines_run(uint64_t *region, size_t size, uint64_t count, uint64_t seed);

/* --- disk: 1 MiB at a time past the page cache; writes end with fdatasync --- */

/* Writes `size` bytes to a new file and removes it; bytes per second until they are durable.
 * *out_direct false: the file system refuses O_DIRECT. */
double limit_disk_run(const char *path, size_t size, bool *out_direct);
/* Reads the file from its begin to its end the same way; bytes per second. */
double limit_disk_read(const char *path, bool *out_direct);

/* --- null run: a thread that only looks at the clock --- */

/* Spins for `duration_s` and puts the gaps between two looks, the longest first of each slice of
 * `slice_s`, into gaps_us; how many there are. */
size_t limit_null_run(double duration_s, double slice_s, double *gaps_us, size_t gaps_most);

/* --- wake: a thread that sleeps in a futex --- */

/* Wakes it `count` times, `pause_us` apart; from each wake until it ran, into waited_us. */
void limit_wake_run(unsigned pause_us, double *waited_us, size_t count);

#endif /* WEIR_BENCH_LIMIT_H */
