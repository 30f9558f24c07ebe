/* SPDX-License-Identifier: Apache-2.0 */
/* text: the seeded input of the word count: 100,000 words of 3 to 10 lower-case letters, drawn
 * uniformly, ten a line. Thread: one. */
#ifndef WEIR_BENCH_TEXT_H
#define WEIR_BENCH_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum {
    BENCH_VOCABULARY = 100000,
    BENCH_WORDS_A_LINE = 10,
    BENCH_TEXT_FILES = 4, /* so that two sources find an equal share each */
    BENCH_TEXT_PADDING = 64
};

#define BENCH_TEXT_BYTES ((size_t)256 << 20)

/* Text in memory: `size` bytes, whole lines, and BENCH_TEXT_PADDING zeros behind. Never freed. */
struct bench_text {
    char *data;
    size_t size;
    uint64_t words;
    uint64_t lines;
};

/* At most `size` bytes of text; the same seed gives the same text. */
struct bench_text bench_text_make(size_t size, uint64_t seed);
/* Writes it as BENCH_TEXT_FILES files of about equal size below `directory`, unless they are there
 * already with the right length. */
void bench_text_store(const struct bench_text *text, const char *directory);

#endif /* WEIR_BENCH_TEXT_H */
