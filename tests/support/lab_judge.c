/* SPDX-License-Identifier: Apache-2.0 */
/* lab_judge: the oracle of the simulated runs.
 *
 *   (1) A committed file, once seen, never changes and never goes.
 *   (2) sequence_sum: each index at most once; per key, in order of the sum, each sum is the one
 * before plus its index's value. Complete: each index once. (3) wordcount: of each word the running
 * counts 1 .. n, each once. Complete: n is the input's count. (4) The window job:
 * lab_judge_windows.
 */
#include "support/lab_judge.h"

#include "base/hash.h"
#include "support/sequence_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct output {
    struct lab_line *lines;
    size_t count;
    size_t room;
};

/* --- reading --- */

static bool
remember(struct lab *lab, const char *name, const uint8_t *data, size_t size)
{
    uint64_t hash = wr_hash64(data, size, 1);
    for (size_t i = 0; i < lab->seen_count; i++) {
        if (strcmp(lab->seen[i].name, name) == 0) {
            if (lab->seen[i].hash != hash || lab->seen[i].size != size) {
                snprintf(lab->words, sizeof lab->words, "committed file %s has changed", name);
                return false;
            }
            return true;
        }
    }
    if (lab->seen_count == lab->seen_room) {
        lab->seen_room = lab->seen_room != 0 ? lab->seen_room * 2 : 16;
        lab->seen = realloc(lab->seen, lab->seen_room * sizeof *lab->seen);
    }
    struct lab_seen *seen = &lab->seen[lab->seen_count++];
    snprintf(seen->name, sizeof seen->name, "%s", name);
    seen->hash = hash;
    seen->size = size;
    return true;
}

static bool
parse_line(const struct lab *lab, const char *text, size_t size, struct lab_line *out)
{
    char copy[256];
    if (size == 0 || size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    memset(out, 0, sizeof *out);
    if (lab->job == LAB_SEQUENCE_SUM) {
        long long index;
        long long key;
        long long sum;
        if (sscanf(copy, "%lld %lld %lld", &index, &key, &sum) != 3) {
            return false;
        }
        out->index = index;
        out->key = key;
        out->number = sum;
        return true;
    }
    if (lab->job == LAB_WINDOWS) {
        long long part[4];
        if (sscanf(copy, "%lld %lld %lld %lld", &part[0], &part[1], &part[2], &part[3]) != 4) {
            return false;
        }
        out->key = part[0];
        out->index = part[1];
        out->count = part[2];
        out->number = part[3];
        return true;
    }
    char *comma = strrchr(copy, ',');
    if (copy[0] != '(' || comma == NULL || copy[size - 1] != ')') {
        return false;
    }
    snprintf(out->word, sizeof out->word, "%.*s", (int)(comma - copy - 1), copy + 1);
    out->number = strtoll(comma + 1, NULL, 10);
    return true;
}

static bool
parse_file(struct lab *lab, const char *name, const uint8_t *data, size_t size, struct output *out)
{
    const char *at = (const char *)data;
    const char *end = at + size;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (out->count == out->room) {
            out->room = out->room != 0 ? out->room * 2 : 256;
            out->lines = realloc(out->lines, out->room * sizeof *out->lines);
        }
        if (line_end == NULL ||
            !parse_line(lab, at, (size_t)(line_end - at), &out->lines[out->count])) {
            snprintf(lab->words, sizeof lab->words, "committed file %s has a bad line at byte %td",
                     name, at - (const char *)data);
            return false;
        }
        out->count++;
        at = line_end + 1;
    }
    return true;
}

static bool
read_output(struct lab *lab, struct output *out)
{
    struct wr_os *os = lab->observer;
    struct wr_os_list *list;
    size_t visible = 0;
    bool good = true;
    if (os->ops->list_open(os, LAB_OUTPUT, &list) == 0) {
        char name[WR_OS_NAME_MAX];
        while (good && os->ops->list_next(os, list, name) == 0) {
            char path[512];
            size_t size = 0;
            snprintf(path, sizeof path, LAB_OUTPUT "/%s", name);
            const uint8_t *data = name[0] != '.' ? os_sim_file_get(lab->sim, path, &size) : NULL;
            if (data != NULL) {
                visible++;
                good = remember(lab, name, data, size) && parse_file(lab, name, data, size, out);
            }
        }
        os->ops->list_close(os, list);
    }
    if (good && visible < lab->seen_count) {
        snprintf(lab->words, sizeof lab->words, "a committed file is gone: %zu seen, %zu there",
                 lab->seen_count, visible);
        return false;
    }
    return good;
}

/* --- sequence_sum --- */

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

static bool
judge_sequence(struct lab *lab, struct output *out, bool complete)
{
    uint8_t *there = calloc(lab->events + 1, 1);
    if (out->count != 0) {
        qsort(out->lines, out->count, sizeof *out->lines, compare_sums);
    }
    bool good = true;
    int64_t before = 0;
    for (size_t i = 0; good && i < out->count; i++) {
        const struct lab_line *line = &out->lines[i];
        bool first = i == 0 || out->lines[i - 1].key != line->key;
        before = first ? 0 : before;
        bool bounded = line->index >= 0 && (uint64_t)line->index < lab->events;
        if (!bounded || there[line->index]++ != 0) {
            snprintf(lab->words, sizeof lab->words, "index %lld is committed twice, or is none",
                     (long long)line->index);
            good = false;
        } else if (line->key != sequence_key(lab->input_seed, (uint64_t)line->index, lab->keys) ||
                   line->number !=
                       before + sequence_value(lab->input_seed, (uint64_t)line->index)) {
            snprintf(lab->words, sizeof lab->words,
                     "index %lld key %lld: sum %lld does not follow %lld", (long long)line->index,
                     (long long)line->key, (long long)line->number, (long long)before);
            good = false;
        }
        before = line->number;
    }
    if (good && complete && out->count != lab->events) {
        snprintf(lab->words, sizeof lab->words, "%zu of %llu events are committed", out->count,
                 (unsigned long long)lab->events);
        good = false;
    }
    free(there);
    return good;
}

/* --- wordcount --- */

static int
compare_words(const void *one, const void *other)
{
    const struct lab_line *a = one;
    const struct lab_line *b = other;
    int order = strcmp(a->word, b->word);
    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

/* The number of words in the input, and how many of `word`. */
static uint64_t
count_input(const struct lab *lab, const char *word)
{
    uint64_t count = 0;
    for (int file = 0; file < 3; file++) {
        char path[64];
        size_t size;
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
            count += end > i && (word == NULL || strcmp(upper, word) == 0);
            i = end + 1;
        }
    }
    return count;
}

static bool
judge_words(struct lab *lab, struct output *out, bool complete)
{
    if (out->count != 0) {
        qsort(out->lines, out->count, sizeof *out->lines, compare_words);
    }
    for (size_t i = 0; i < out->count; i++) {
        const struct lab_line *line = &out->lines[i];
        bool first = i == 0 || strcmp(out->lines[i - 1].word, line->word) != 0;
        int64_t wanted = first ? 1 : out->lines[i - 1].number + 1;
        if (line->number != wanted) {
            snprintf(lab->words, sizeof lab->words,
                     "word '%s': running count %lld where %lld follows", line->word,
                     (long long)line->number, (long long)wanted);
            return false;
        }
    }
    if (lab->job != LAB_SOCKET && complete && out->count != count_input(lab, NULL)) {
        snprintf(lab->words, sizeof lab->words, "%zu of %llu words are committed", out->count,
                 (unsigned long long)count_input(lab, NULL));
        return false;
    }
    return true;
}

bool
lab_judge(struct lab *lab, bool complete)
{
    if (lab->words[0] != '\0') {
        return false;
    }
    if (os_sim_power_is_off(lab->sim)) {
        return true; /* nobody can look now */
    }
    (void)lab_has_checkpoint(lab); /* makes the observer */
    struct output out = { 0 };
    bool read = read_output(lab, &out);
    if (os_sim_power_is_off(lab->sim)) { /* while we looked */
        lab->words[0] = '\0';
        free(out.lines);
        return true;
    }
    bool good =
        read && (lab->job == LAB_SEQUENCE_SUM ? judge_sequence(lab, &out, complete)
                 : lab->job == LAB_WINDOWS ? lab_judge_windows(lab, out.lines, out.count, complete)
                                           : judge_words(lab, &out, complete));
    free(out.lines);
    return good;
}
