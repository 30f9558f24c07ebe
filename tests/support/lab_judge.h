/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/lab_judge.h: what the oracles of the lab's jobs share. */
#ifndef WEIR_TESTS_SUPPORT_LAB_JUDGE_H
#define WEIR_TESTS_SUPPORT_LAB_JUDGE_H

#include "support/lab.h"

/* One line of committed output. */
struct lab_line {
    char word[64]; /* wordcount */
    int64_t index; /* sequence_sum; windows: the window's end */
    int64_t key;
    int64_t count;  /* windows */
    int64_t number; /* the sum, or the count */
};

/* A word of the input, and how much of it is committed. */
struct lab_word {
    char word[64];
    uint64_t seen;
    uint64_t wanted;
};

struct lab_window {
    int64_t count;
    int64_t sum;
    bool seen;
};

/* What the right output is, and which part of it was seen. Each line is judged once, when its file
 * becomes visible; files that were seen are only held to stay as they are. */
struct lab_oracle {
    struct lab_line *lines; /* of the files that are new, or too early */
    size_t line_count;
    size_t line_room;
    /* sequence_sum, relay */
    uint8_t *there;       /* by index */
    int64_t *last;        /* by key: its running sum so far */
    uint64_t event_count; /* distinct indexes seen */
    /* wordcount */
    struct lab_word *words;
    size_t word_count;
    size_t word_room;
    /* windows */
    struct lab_window *windows; /* key by key */
    uint64_t window_count;      /* of a key */
};

/* Made at the first call. */
struct lab_oracle *lab_oracle_of(struct lab *lab);
void lab_oracle_free(struct lab *lab);

/* The new lines. False: lab->words says what is wrong. */
bool lab_judge_sequence(struct lab *lab, struct lab_oracle *oracle);
bool lab_judge_words(struct lab *lab, struct lab_oracle *oracle);
bool lab_judge_windows(struct lab *lab, struct lab_oracle *oracle);
/* All of it is there. */
bool lab_complete_sequence(struct lab *lab, const struct lab_oracle *oracle);
bool lab_complete_words(struct lab *lab, const struct lab_oracle *oracle);
bool lab_complete_windows(struct lab *lab, const struct lab_oracle *oracle);

/* What the job shows of itself, in whatever state. False: lab->words says what does not fit. */
bool lab_judge_view(struct lab *lab, weir_job *job);

void lab_expect_words(struct lab *lab, struct lab_oracle *oracle);
void lab_expect_windows(struct lab *lab, struct lab_oracle *oracle);

#endif /* WEIR_TESTS_SUPPORT_LAB_JUDGE_H */
