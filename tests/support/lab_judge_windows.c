/* SPDX-License-Identifier: Apache-2.0 */
/* lab_judge_windows: the oracle of the window job's output: it puts every event into its window
 * anew.
 *
 *   (1) Each window of each key is committed at most once, with the count and the sum of all its
 *       events.
 *   (2) Complete: every window that has an event is there.
 *
 * At least once (duplicates_allowed): a window may come again, or with too much.
 */
#include "support/lab_judge.h"
#include "support/window_values.h"

#include <stdio.h>
#include <stdlib.h>

void
lab_expect_windows(struct lab *lab, struct lab_oracle *oracle)
{
    oracle->window_count = (lab->events * WINDOW_STEP_MS + WINDOW_DISORDER_MS) / WINDOW_SIZE_MS + 1;
    oracle->windows = calloc(oracle->window_count * lab->keys, sizeof *oracle->windows);
    for (uint64_t i = 0; i < lab->events; i++) {
        int64_t key = sequence_key(lab->input_seed, i, lab->keys);
        int64_t end = window_end(window_time(lab->input_seed, i));
        struct lab_window *window =
            &oracle->windows[(uint64_t)key * oracle->window_count + (uint64_t)end / WINDOW_SIZE_MS];
        window->count++;
        window->sum += sequence_value(lab->input_seed, i);
    }
}

static bool
judge_window(struct lab *lab, struct lab_oracle *oracle, const struct lab_line *line)
{
    uint64_t number = (uint64_t)line->index / WINDOW_SIZE_MS;
    if (line->key < 0 || (uint64_t)line->key >= lab->keys || line->index < 0 ||
        number >= oracle->window_count || line->index != window_end(line->index)) {
        snprintf(lab->words, sizeof lab->words, "key %lld has no window that ends at %lld",
                 (long long)line->key, (long long)line->index);
        return false;
    }
    struct lab_window *window =
        &oracle->windows[(uint64_t)line->key * oracle->window_count + number];
    bool right = lab->duplicates_allowed
                     ? window->seen || (line->count >= window->count && line->number >= window->sum)
                     : !window->seen && window->count == line->count && window->sum == line->number;
    if (!right) {
        snprintf(lab->words, sizeof lab->words,
                 "key %lld, window to %lld: %lld events with sum %lld %s: %lld with %lld are right",
                 (long long)line->key, (long long)line->index, (long long)line->count,
                 (long long)line->number, window->seen ? "a second time" : "are committed",
                 (long long)window->count, (long long)window->sum);
        return false;
    }
    window->seen = true;
    return true;
}

bool
lab_judge_windows(struct lab *lab, struct lab_oracle *oracle)
{
    for (size_t i = 0; i < oracle->line_count; i++) {
        if (!judge_window(lab, oracle, &oracle->lines[i])) {
            return false;
        }
    }
    oracle->line_count = 0;
    return true;
}

bool
lab_complete_windows(struct lab *lab, const struct lab_oracle *oracle)
{
    for (uint64_t i = 0; i < oracle->window_count * lab->keys; i++) {
        if (oracle->windows[i].count != 0 && !oracle->windows[i].seen) {
            snprintf(lab->words, sizeof lab->words, "key %llu: the window to %llu is missing",
                     (unsigned long long)(i / oracle->window_count),
                     (unsigned long long)((i % oracle->window_count + 1) * WINDOW_SIZE_MS - 1));
            return false;
        }
    }
    return true;
}
