/* SPDX-License-Identifier: Apache-2.0 */
/* demo_text.h: the demo's text, and two counts of its words that know nothing of each other: one of
 * the text itself, one of what the job has committed. */
#ifndef CLI_DEMO_TEXT_H
#define CLI_DEMO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct demo_word {
    char *word;
    uint64_t count; /* of the text: occurrences. Of the output: the highest running count */
    uint64_t lines; /* of the output: lines that name it; equal to count when exactly once */
};

struct demo_count {
    struct demo_word *words; /* ascending by word */
    size_t word_count;
    uint64_t total;      /* sum of counts */
    uint64_t duplicates; /* of the output: lines too many */
};

/* Copies text that this machine has into `directory`, as four files. False: none was found. */
bool demo_text_gather(const char *directory, uint64_t *out_lines);
/* Counts words as the word count does: upper-cased a-z, split on spaces. */
bool demo_text_count(const char *directory, struct demo_count *out_count);
/* Reads all committed files of the output directory: lines "(WORD,n)". */
bool demo_output_count(const char *directory, struct demo_count *out_count);
void demo_count_free(struct demo_count *count);

#endif /* CLI_DEMO_TEXT_H */
