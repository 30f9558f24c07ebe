/* SPDX-License-Identifier: Apache-2.0 */
/* lab_judge_lines: the oracles of the sums and of the word count.
 *
 *   (1) sequence_sum, relay: each index at most once; per key each sum is the one before plus its
 *       index's value. Complete: each index once.
 *   (2) wordcount: of each word the running counts 1 .. n, each once. Complete: n is the input's
 *       count.
 *
 * At least once (duplicates_allowed): an index may come again, and numbers are not held to
 * anything; complete: each index, and of each word at least the input's count.
 */
#include "support/lab_judge.h"

#include "support/sequence_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- sums --- */

static int
compare_sums(const void *one, const void *other)
{
    const struct lab_line *a = one;
    const struct lab_line *b = other;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return (a->number > b->number) - (a->number < b->number);
}

enum verdict {
    RIGHT,
    WRONG,
    TOO_EARLY /* what stands before it is not visible yet */
};

static enum verdict
judge_sum(struct lab *lab, struct lab_oracle *oracle, const struct lab_line *line)
{
    bool bounded = line->index >= 0 && (uint64_t)line->index < lab->events;
    if (!bounded || (oracle->there[line->index] != 0 && !lab->duplicates_allowed)) {
        snprintf(lab->words, sizeof lab->words, "index %lld is committed twice, or is none",
                 (long long)line->index);
        return WRONG;
    }
    bool right_key = line->key == sequence_key(lab->input_seed, (uint64_t)line->index, lab->keys);
    int64_t before = right_key ? oracle->last[line->key] : 0;
    int64_t sum = before + sequence_value(lab->input_seed, (uint64_t)line->index);
    if (!right_key || (line->number != sum && !lab->duplicates_allowed)) {
        snprintf(lab->words, sizeof lab->words,
                 "index %lld key %lld: sum %lld does not follow %lld", (long long)line->index,
                 (long long)line->key, (long long)line->number, (long long)before);
        return right_key && line->number > sum ? TOO_EARLY : WRONG;
    }
    oracle->event_count += oracle->there[line->index] == 0;
    oracle->there[line->index] = 1;
    oracle->last[line->key] = line->number;
    return RIGHT;
}

/* While a restored job commits what was pending its files become visible in any order: lines that
 * are too early are kept for the next look. */
static bool
keep_early(struct lab *lab, struct lab_oracle *oracle, size_t at, size_t *kept)
{
    if (lab->is_settled) {
        return false;
    }
    lab->words[0] = '\0';
    oracle->lines[(*kept)++] = oracle->lines[at];
    return true;
}

bool
lab_judge_sequence(struct lab *lab, struct lab_oracle *oracle)
{
    size_t kept = 0;
    if (oracle->line_count > 1) {
        qsort(oracle->lines, oracle->line_count, sizeof *oracle->lines, compare_sums);
    }
    for (size_t i = 0; i < oracle->line_count; i++) {
        enum verdict verdict = judge_sum(lab, oracle, &oracle->lines[i]);
        if (verdict == WRONG || (verdict == TOO_EARLY && !keep_early(lab, oracle, i, &kept))) {
            return false;
        }
    }
    oracle->line_count = kept;
    return true;
}

bool
lab_complete_sequence(struct lab *lab, const struct lab_oracle *oracle)
{
    if (oracle->event_count != lab->events) {
        snprintf(lab->words, sizeof lab->words, "%llu of %llu events are committed",
                 (unsigned long long)oracle->event_count, (unsigned long long)lab->events);
        return false;
    }
    return true;
}

/* --- words --- */

static struct lab_word *
word_of(struct lab_oracle *oracle, const char *word)
{
    for (size_t i = 0; i < oracle->word_count; i++) {
        if (strcmp(oracle->words[i].word, word) == 0) {
            return &oracle->words[i];
        }
    }
    if (oracle->word_count == oracle->word_room) {
        oracle->word_room = oracle->word_room * 2 + 16;
        oracle->words = realloc(oracle->words, oracle->word_room * sizeof *oracle->words);
    }
    struct lab_word *made = &oracle->words[oracle->word_count++];
    memset(made, 0, sizeof *made);
    snprintf(made->word, sizeof made->word, "%s", word);
    return made;
}

void
lab_expect_words(struct lab *lab, struct lab_oracle *oracle)
{
    for (int file = 0; file < 3; file++) {
        char path[64];
        size_t size = 0;
        snprintf(path, sizeof path, LAB_INPUT "/text-%d", file);
        const char *text = (const char *)os_sim_file_get(lab->sim, path, &size);
        for (size_t i = 0; text != NULL && i < size;) {
            size_t end = i;
            char upper[64] = "";
            while (end < size && text[end] != ' ' && text[end] != '\n') {
                char c = text[end];
                upper[end - i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
                end++;
            }
            upper[end - i] = '\0';
            if (end > i) {
                word_of(oracle, upper)->wanted++;
            }
            i = end + 1;
        }
    }
}

static int
compare_counts(const void *one, const void *other)
{
    const struct lab_line *a = one;
    const struct lab_line *b = other;
    return (a->number > b->number) - (a->number < b->number);
}

static enum verdict
judge_count(struct lab *lab, struct lab_oracle *oracle, const struct lab_line *line)
{
    struct lab_word *word = word_of(oracle, line->word);
    if (line->number != (int64_t)word->seen + 1 && !lab->duplicates_allowed) {
        snprintf(lab->words, sizeof lab->words, "word '%s': running count %lld where %llu follows",
                 line->word, (long long)line->number, (unsigned long long)word->seen + 1);
        return line->number > (int64_t)word->seen ? TOO_EARLY : WRONG;
    }
    word->seen++;
    return RIGHT;
}

bool
lab_judge_words(struct lab *lab, struct lab_oracle *oracle)
{
    size_t kept = 0;
    if (oracle->line_count > 1) {
        qsort(oracle->lines, oracle->line_count, sizeof *oracle->lines, compare_counts);
    }
    for (size_t i = 0; i < oracle->line_count; i++) {
        enum verdict verdict = judge_count(lab, oracle, &oracle->lines[i]);
        if (verdict == WRONG || (verdict == TOO_EARLY && !keep_early(lab, oracle, i, &kept))) {
            return false;
        }
    }
    oracle->line_count = kept;
    return true;
}

bool
lab_complete_words(struct lab *lab, const struct lab_oracle *oracle)
{
    for (size_t i = 0; lab->job != LAB_SOCKET && i < oracle->word_count; i++) {
        const struct lab_word *word = &oracle->words[i];
        bool enough =
            lab->duplicates_allowed ? word->seen >= word->wanted : word->seen == word->wanted;
        if (!enough) {
            snprintf(lab->words, sizeof lab->words, "word '%s': %llu of %llu are committed",
                     word->word, (unsigned long long)word->seen, (unsigned long long)word->wanted);
            return false;
        }
    }
    return true;
}
