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

/* False: lab->words says what is wrong. */
bool lab_judge_windows(struct lab *lab, const struct lab_line *lines, size_t count, bool complete);

#endif /* WEIR_TESTS_SUPPORT_LAB_JUDGE_H */
