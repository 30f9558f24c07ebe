/* SPDX-License-Identifier: Apache-2.0 */
/* oracle: what once was visible is irrevocable.
 *
 * Both jobs are the same to it: a line raises the running number of one key, by a known step:
 *
 *   sequence_sum   "index key sum"   step = the value of the index; each index once
 *   wordcount      "(WORD,n)"        step = 1
 *
 * Invariants it demands:
 *   (1) A committed file never changes and never goes.
 *   (2) Of each key, in order of the numbers, each is the one before plus its line's step: nothing
 * is missing and nothing is there twice. A line whose predecessor is not there yet may wait until
 * the directory was listed once more (a listing is not atomic), and no longer. (3) Complete: every
 * key's number is what an independent count of the input gives.
 * Of a job that counts at least once it demands (1), and instead of the others that every event is
 * there and that what is there is one.
 */
#include "oracle.h"

#include "texts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_SIZE = 4096,
    ATTEMPT_DIGITS = 32
};

struct seen {
    uint64_t hash;
    uint64_t size;
    uint64_t look; /* the last look that found its name */
};

struct line {
    size_t key;
    uint64_t number;
    uint64_t step;
    uint64_t look;
    size_t file;
};

struct oracle {
    char output[PATH_SIZE];
    char words[PATH_SIZE + 512];
    bool failed;
    bool is_words;
    uint64_t look;

    struct texts names; /* of files */
    struct seen *seen;
    size_t seen_room;

    struct texts keys;  /* wordcount */
    uint64_t *expected; /* by key */
    uint64_t *numbers;  /* by key: as far as is visible without a gap */
    size_t key_count;

    uint64_t event_count; /* sequence_sum */
    uint64_t distinct_count;
    bool allows_duplicates;
    uint64_t seed;
    uint8_t *index_seen; /* a bit each */

    struct line *waiting;
    size_t waiting_count;
    size_t waiting_room;
    uint64_t line_count;
};

__attribute__((format(printf, 2, 3))) static bool
judge(struct oracle *oracle, const char *format, ...)
{
    if (!oracle->failed) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(oracle->words, sizeof oracle->words, format, arguments);
        va_end(arguments);
        oracle->failed = true;
    }
    return false;
}

/* --- what the jobs compute --- */

static uint64_t
event_random(uint64_t seed, uint64_t index)
{
    uint64_t r = seed + index + UINT64_C(0x9e3779b97f4a7c15);
    r = (r ^ (r >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    r = (r ^ (r >> 27)) * UINT64_C(0x94d049bb133111eb);
    return r ^ (r >> 31);
}

static uint64_t
event_value(uint64_t seed, uint64_t index)
{
    return 1 + (event_random(seed, index) >> 32) % 1000;
}

/* Counts the words of one file: a-z become A-Z, single spaces part, empty words are dropped. */
static void
count_words(struct oracle *oracle, char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]);
    }
    for (size_t i = 0; i < size;) {
        size_t end = i;
        while (end < size && text[end] != ' ' && text[end] != '\n') {
            end++;
        }
        if (end > i) {
            size_t key = texts_number(&oracle->keys, text + i, end - i);
            if (key == oracle->key_count) {
                oracle->key_count++;
                oracle->expected = grow(oracle->expected, oracle->key_count * sizeof(uint64_t));
                oracle->expected[key] = 0;
            }
            oracle->expected[key]++;
        }
        i = end + 1;
    }
}

/* --- files --- */

/* A whole file; NULL: it cannot be read. Freed by the caller. */
static char *
read_file(const char *path, size_t *out_size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat found;
    if (file < 0) {
        return NULL;
    }
    char *text = NULL;
    size_t size = 0;
    if (fstat(file, &found) == 0) {
        text = grow(NULL, (size_t)found.st_size + 1);
        for (ssize_t count = 1; count > 0 && size < (size_t)found.st_size;) {
            count = read(file, text + size, (size_t)found.st_size - size);
            size += count > 0 ? (size_t)count : 0;
        }
        text[size] = '\0';
    }
    close(file);
    *out_size = size;
    return text;
}

static bool
take_event(struct oracle *oracle, const char *text, struct line *line)
{
    uint64_t numbers[3];
    const char *at = text;
    for (int i = 0; i < 3; i++) {
        char *end = NULL;
        numbers[i] = strtoull(at, &end, 10);
        if (*at < '0' || *at > '9' || *end != (i < 2 ? ' ' : '\0')) {
            return judge(oracle, "line '%.80s' is none of this job's", text);
        }
        at = end + 1;
    }
    uint64_t index = numbers[0];
    uint64_t key = numbers[1];
    if (index >= oracle->event_count) {
        return judge(oracle, "line '%.80s': there is no such event", text);
    }
    if (key != event_random(oracle->seed, index) % oracle->key_count) {
        return judge(oracle, "line '%.80s': the event has another key", text);
    }
    uint8_t bit = (uint8_t)(1U << (index % 8));
    bool is_again = (oracle->index_seen[index / 8] & bit) != 0;
    if (is_again && !oracle->allows_duplicates) {
        return judge(oracle, "index %llu was committed twice", (unsigned long long)index);
    }
    oracle->distinct_count += !is_again;
    oracle->index_seen[index / 8] |= bit;
    line->key = (size_t)key;
    line->number = numbers[2];
    line->step = event_value(oracle->seed, index);
    return true;
}

static bool
take_word(struct oracle *oracle, char *text, struct line *line)
{
    char *comma = strrchr(text, ',');
    char *end = NULL;
    if (text[0] != '(' || comma == NULL || comma == text + 1) {
        return judge(oracle, "line '%.80s' is none of this job's", text);
    }
    line->number = strtoull(comma + 1, &end, 10);
    line->step = 1;
    if (end == comma + 1 || strcmp(end, ")") != 0) {
        return judge(oracle, "line '%.80s' is none of this job's", text);
    }
    size_t known = oracle->keys.count;
    line->key = texts_number(&oracle->keys, text + 1, (size_t)(comma - text - 1));
    if (line->key == known) {
        return judge(oracle, "line '%.80s': the input does not have this word", text);
    }
    return true;
}

static bool
take_lines(struct oracle *oracle, size_t file, char *text, size_t size)
{
    if (size == 0 || text[size - 1] != '\n') {
        return judge(oracle, "committed file %s does not end with a line's end",
                     oracle->names.items[file]);
    }
    for (char *at = text; at < text + size;) {
        char *end = strchr(at, '\n');
        if (end == NULL) {
            return judge(oracle, "committed file %s holds a NUL", oracle->names.items[file]);
        }
        *end = '\0';
        if (oracle->waiting_count == oracle->waiting_room) {
            oracle->waiting_room = oracle->waiting_room != 0 ? oracle->waiting_room * 2 : 4096;
            oracle->waiting = grow(oracle->waiting, oracle->waiting_room * sizeof(struct line));
        }
        struct line *line = &oracle->waiting[oracle->waiting_count];
        line->look = oracle->look;
        line->file = file;
        if (!(oracle->is_words ? take_word(oracle, at, line) : take_event(oracle, at, line))) {
            return false;
        }
        oracle->waiting_count++;
        oracle->line_count++;
        at = end + 1;
    }
    return true;
}

static bool
take_file(struct oracle *oracle, size_t file)
{
    char path[PATH_SIZE + 256];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s", oracle->output, oracle->names.items[file]);
    char *text = read_file(path, &size);
    if (text == NULL) {
        return judge(oracle, "committed file %s: %s", path, strerror(errno));
    }
    if (file >= oracle->seen_room) {
        oracle->seen_room = oracle->seen_room != 0 ? oracle->seen_room * 2 : 1024;
        oracle->seen = grow(oracle->seen, oracle->seen_room * sizeof(struct seen));
    }
    oracle->seen[file] = (struct seen){ .hash = fnv(text, size), .size = size };
    bool good = take_lines(oracle, file, text, size);
    free(text);
    return good;
}

/* --- numbers --- */

static int
by_key_and_number(const void *one, const void *other)
{
    const struct line *a = one;
    const struct line *b = other;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return (a->number > b->number) - (a->number < b->number);
}

static bool
refuse_line(struct oracle *oracle, const struct line *line, const char *words)
{
    char key[64];
    snprintf(key, sizeof key, "%zu", line->key);
    return judge(oracle, "key %s: %s: number %llu of step %llu in %s, but %llu was reached",
                 oracle->is_words ? oracle->keys.items[line->key] : key, words,
                 (unsigned long long)line->number, (unsigned long long)line->step,
                 oracle->names.items[line->file], (unsigned long long)oracle->numbers[line->key]);
}

/* Puts the lines that wait behind what their keys have reached. */
static bool
settle(struct oracle *oracle)
{
    size_t kept = 0;
    if (oracle->allows_duplicates) {
        oracle->waiting_count = 0; /* sums say nothing then */
        return true;
    }
    qsort(oracle->waiting, oracle->waiting_count, sizeof(struct line), by_key_and_number);
    for (size_t i = 0; i < oracle->waiting_count; i++) {
        const struct line *line = &oracle->waiting[i];
        uint64_t reached = oracle->numbers[line->key];
        if (line->number <= reached) {
            return refuse_line(oracle, line, "what was counted is counted again");
        }
        if (line->number - line->step == reached) {
            oracle->numbers[line->key] = line->number;
        } else if (line->look + 1 < oracle->look) {
            return refuse_line(oracle, line, "what should be before it is missing");
        } else {
            oracle->waiting[kept++] = *line;
        }
    }
    oracle->waiting_count = kept;
    return true;
}

/* --- the public verbs --- */

static struct oracle *
create(const char *output, bool is_words)
{
    struct oracle *oracle = grow(NULL, sizeof *oracle);
    memset(oracle, 0, sizeof *oracle);
    snprintf(oracle->output, sizeof oracle->output, "%s", output);
    oracle->is_words = is_words;
    return oracle;
}

static void
start_numbers(struct oracle *oracle)
{
    oracle->numbers = grow(NULL, oracle->key_count * sizeof(uint64_t));
    memset(oracle->numbers, 0, oracle->key_count * sizeof(uint64_t));
}

struct oracle *
oracle_of_events(const char *output, uint64_t count, uint64_t seed, uint64_t keys)
{
    struct oracle *oracle = create(output, false);
    oracle->event_count = count;
    oracle->seed = seed;
    oracle->key_count = (size_t)keys;
    oracle->index_seen = grow(NULL, (size_t)(count / 8 + 1));
    memset(oracle->index_seen, 0, (size_t)(count / 8 + 1));
    oracle->expected = grow(NULL, (size_t)keys * sizeof(uint64_t));
    memset(oracle->expected, 0, (size_t)keys * sizeof(uint64_t));
    for (uint64_t i = 0; i < count; i++) {
        oracle->expected[event_random(seed, i) % keys] += event_value(seed, i);
    }
    start_numbers(oracle);
    return oracle;
}

struct oracle *
oracle_of_words(const char *output, const char *input)
{
    struct oracle *oracle = create(output, true);
    DIR *directory = opendir(input);
    bool good = directory != NULL;
    for (struct dirent *entry; good && (entry = readdir(directory)) != NULL;) {
        char path[PATH_SIZE];
        size_t size = 0;
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", input, entry->d_name);
        char *text = read_file(path, &size);
        good = text != NULL;
        if (good) {
            count_words(oracle, text, size);
        }
        free(text);
    }
    if (directory != NULL) {
        closedir(directory);
    }
    if (!good) {
        oracle_destroy(oracle);
        return NULL;
    }
    start_numbers(oracle);
    return oracle;
}

void
oracle_allow_duplicates(struct oracle *oracle)
{
    oracle->allows_duplicates = true;
}

void
oracle_destroy(struct oracle *oracle)
{
    if (oracle == NULL) {
        return;
    }
    texts_fini(&oracle->names);
    texts_fini(&oracle->keys);
    free(oracle->seen);
    free(oracle->expected);
    free(oracle->numbers);
    free(oracle->index_seen);
    free(oracle->waiting);
    free(oracle);
}

bool
oracle_look(struct oracle *oracle)
{
    DIR *directory = opendir(oracle->output);
    if (directory == NULL) {
        return oracle->names.count == 0 ? !oracle->failed
                                        : judge(oracle, "%s is gone", oracle->output);
    }
    oracle->look++;
    size_t before = oracle->names.count;
    for (struct dirent *entry; !oracle->failed && (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, "part-", 5) == 0) {
            size_t known = oracle->names.count;
            size_t file = texts_number(&oracle->names, entry->d_name, strlen(entry->d_name));
            if (file == known) {
                (void)take_file(oracle, file);
            }
            if (!oracle->failed) {
                oracle->seen[file].look = oracle->look;
            }
        }
    }
    closedir(directory);
    for (size_t i = 0; i < before && !oracle->failed; i++) {
        char path[PATH_SIZE + 256];
        snprintf(path, sizeof path, "%s/%s", oracle->output, oracle->names.items[i]);
        if (oracle->seen[i].look != oracle->look && access(path, F_OK) != 0) {
            (void)judge(oracle, "committed file %s is gone", oracle->names.items[i]);
        }
    }
    return !oracle->failed && settle(oracle);
}

bool
oracle_review(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->names.count && !oracle->failed; i++) {
        char path[PATH_SIZE + 256];
        size_t size = 0;
        snprintf(path, sizeof path, "%s/%s", oracle->output, oracle->names.items[i]);
        char *text = read_file(path, &size);
        if (text == NULL) {
            (void)judge(oracle, "committed file %s: %s", path, strerror(errno));
        } else if (size != oracle->seen[i].size || fnv(text, size) != oracle->seen[i].hash) {
            (void)judge(oracle, "committed file %s has changed", path);
        }
        free(text);
    }
    return !oracle->failed;
}

bool
oracle_is_complete(struct oracle *oracle)
{
    /* Two looks: what waits for its predecessor after the first waits in vain. */
    bool good = oracle_look(oracle);
    good = good && oracle_look(oracle);
    if (!good || !oracle_review(oracle)) {
        return false;
    }
    if (oracle->allows_duplicates) {
        return oracle->distinct_count == oracle->event_count ||
               judge(oracle, "of %llu events %llu are committed",
                     (unsigned long long)oracle->event_count,
                     (unsigned long long)oracle->distinct_count);
    }
    for (size_t i = 0; i < oracle->key_count; i++) {
        if (oracle->numbers[i] != oracle->expected[i]) {
            return judge(oracle, "key %zu%s%s: %llu is reached at the end, the input has %llu", i,
                         oracle->is_words ? " " : "", oracle->is_words ? oracle->keys.items[i] : "",
                         (unsigned long long)oracle->numbers[i],
                         (unsigned long long)oracle->expected[i]);
        }
    }
    /* Sums that agree might hide an index for another: each was counted once above. */
    if (!oracle->is_words && oracle->line_count != oracle->event_count) {
        return judge(oracle, "%llu lines are committed of %llu events",
                     (unsigned long long)oracle->line_count,
                     (unsigned long long)oracle->event_count);
    }
    return true;
}

const char *
oracle_words(const struct oracle *oracle)
{
    return oracle->words;
}

uint64_t
oracle_lines(const struct oracle *oracle)
{
    return oracle->line_count;
}

uint64_t
oracle_files(const struct oracle *oracle)
{
    return oracle->names.count;
}

uint64_t
oracle_files_ending(const struct oracle *oracle, const char *end)
{
    uint64_t count = 0;
    size_t end_size = strlen(end);
    for (size_t i = 0; i < oracle->names.count; i++) {
        size_t size = strlen(oracle->names.items[i]);
        count += size >= end_size && strcmp(oracle->names.items[i] + size - end_size, end) == 0;
    }
    return count;
}

const char *
oracle_last_attempt(const struct oracle *oracle)
{
    if (oracle->names.count == 0) {
        return "";
    }
    const char *name = oracle->names.items[oracle->names.count - 1];
    size_t size = strlen(name);
    return size > ATTEMPT_DIGITS ? name + size - ATTEMPT_DIGITS : "";
}
