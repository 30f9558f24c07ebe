/* SPDX-License-Identifier: Apache-2.0 */
/* lab_judge_windows: the oracle of the window job's output: it puts every event into its window
 * anew.
 *
 *   (1) Each window of each key is committed at most once, with the count and the sum of all its
 *       events.
 *   (2) Complete: every window that has an event is there.
 */
#include "support/lab_judge.h"
#include "support/window_values.h"

#include <stdio.h>
#include <stdlib.h>

struct expected {
    int64_t count;
    int64_t sum;
    bool seen;
};

static bool
judge_line(struct lab *lab, const struct lab_line *line, struct expected *windows,
           uint64_t window_count)
{
    uint64_t number = (uint64_t)line->index / WINDOW_SIZE_MS;
    if (line->key < 0 || (uint64_t)line->key >= lab->keys || line->index < 0 ||
        number >= window_count || line->index != window_end(line->index)) {
        snprintf(lab->words, sizeof lab->words, "key %lld has no window that ends at %lld",
                 (long long)line->key, (long long)line->index);
        return false;
    }
    struct expected *window = &windows[(uint64_t)line->key * window_count + number];
    if (window->seen || window->count != line->count || window->sum != line->number) {
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
lab_judge_windows(struct lab *lab, const struct lab_line *lines, size_t count, bool complete)
{
    uint64_t window_count =
        (lab->events * WINDOW_STEP_MS + WINDOW_DISORDER_MS) / WINDOW_SIZE_MS + 1;
    uint64_t total = window_count * lab->keys;
    struct expected *windows = calloc(total, sizeof *windows);
    for (uint64_t i = 0; i < lab->events; i++) {
        int64_t key = sequence_key(lab->input_seed, i, lab->keys);
        int64_t end = window_end(window_time(lab->input_seed, i));
        struct expected *window =
            &windows[(uint64_t)key * window_count + (uint64_t)end / WINDOW_SIZE_MS];
        window->count++;
        window->sum += sequence_value(lab->input_seed, i);
    }
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        good = judge_line(lab, &lines[i], windows, window_count);
    }
    for (uint64_t i = 0; good && complete && i < total; i++) {
        if (windows[i].count != 0 && !windows[i].seen) {
            snprintf(lab->words, sizeof lab->words, "key %llu: the window to %llu is missing",
                     (unsigned long long)(i / window_count),
                     (unsigned long long)((i % window_count + 1) * WINDOW_SIZE_MS - 1));
            good = false;
        }
    }
    free(windows);
    return good;
}
