/* SPDX-License-Identifier: Apache-2.0 */
/* demo_text: gathers text and counts words, by sorting: slow, obvious, and not weir. */
#include "demo_text.h"

#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_FILES = 4,
    TEXT_MAX = 1500000,
    LINE_SIZE = 65536
};

/* --- the text --- */

static const char *const places[] = {
    "/usr/share/common-licenses/*",
    "/usr/share/doc/*/copyright",
    "/usr/share/dict/words",
};

/* Copies lines of one file to the parts in turn; false when there is enough. */
static bool
copy_file(const char *path, FILE *parts[TEXT_FILES], uint64_t *lines, size_t *bytes)
{
    FILE *from = fopen(path, "re");
    if (from == NULL) {
        return true;
    }
    static char line[LINE_SIZE];
    while (*bytes < TEXT_MAX && fgets(line, sizeof line, from) != NULL) {
        size_t size = strlen(line);
        if (size > 0 && line[size - 1] == '\n') {
            fputs(line, parts[*lines % TEXT_FILES]);
            *bytes += size;
            (*lines)++;
        }
    }
    fclose(from);
    return *bytes < TEXT_MAX;
}

bool
demo_text_gather(const char *directory, uint64_t *out_lines)
{
    FILE *parts[TEXT_FILES] = { NULL };
    for (int i = 0; i < TEXT_FILES; i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s/part-%d.txt", directory, i);
        parts[i] = fopen(path, "we");
        if (parts[i] == NULL) {
            return false;
        }
    }
    uint64_t lines = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0] && bytes < TEXT_MAX; i++) {
        glob_t found;
        if (glob(places[i], 0, NULL, &found) != 0) {
            continue;
        }
        for (size_t j = 0; j < found.gl_pathc; j++) {
            if (!copy_file(found.gl_pathv[j], parts, &lines, &bytes)) {
                break;
            }
        }
        globfree(&found);
    }
    bool whole = true;
    for (int i = 0; i < TEXT_FILES; i++) {
        whole = fclose(parts[i]) == 0 && whole;
    }
    *out_lines = lines;
    return whole && lines > 0;
}

/* --- a list of words --- */

struct list {
    struct demo_word *words;
    size_t count;
    size_t room;
    bool refused;
};

static void
add_word(struct list *list, const char *word, size_t size, uint64_t count)
{
    if (list->count == list->room) {
        size_t room = list->room != 0 ? list->room * 2 : 4096;
        struct demo_word *words = realloc(list->words, room * sizeof *words);
        if (words == NULL) {
            list->refused = true;
            return;
        }
        list->words = words;
        list->room = room;
    }
    char *copy = strndup(word, size);
    if (copy == NULL) {
        list->refused = true;
        return;
    }
    list->words[list->count++] = (struct demo_word){ .word = copy, .count = count, .lines = 1 };
}

static int
compare(const void *one, const void *other)
{
    const struct demo_word *a = one;
    const struct demo_word *b = other;
    int order = strcmp(a->word, b->word);
    return order != 0 ? order : (a->count > b->count) - (a->count < b->count);
}

/* Sorts and folds equal words into one; `highest`: keep the highest count, else add them up. */
static bool
fold(struct list *list, bool highest, struct demo_count *out)
{
    memset(out, 0, sizeof *out);
    if (list->count != 0) {
        qsort(list->words, list->count, sizeof *list->words, compare);
    }
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct demo_word *word = &list->words[i];
        if (kept == 0 || strcmp(list->words[kept - 1].word, word->word) != 0) {
            list->words[kept++] = *word;
            continue;
        }
        struct demo_word *into = &list->words[kept - 1];
        out->duplicates += highest && into->count == word->count;
        into->count = highest ? word->count : into->count + word->count;
        into->lines++;
        free(word->word);
    }
    for (size_t i = 0; i < kept; i++) {
        out->total += list->words[i].count;
    }
    out->words = list->words;
    out->word_count = kept;
    return !list->refused;
}

void
demo_count_free(struct demo_count *count)
{
    for (size_t i = 0; i < count->word_count; i++) {
        free(count->words[i].word);
    }
    free(count->words);
    memset(count, 0, sizeof *count);
}

/* --- the two counts --- */

static void
count_text_line(struct list *list, char *line)
{
    size_t size = strcspn(line, "\n");
    if (size > 0 && line[size - 1] == '\r') {
        size--;
    }
    line[size] = '\0';
    for (char *at = line; *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z') {
            *at = (char)(*at - 'a' + 'A');
        }
    }
    for (char *at = line; *at != '\0';) {
        size_t word = strcspn(at, " ");
        if (word != 0) {
            add_word(list, at, word, 1);
        }
        at += word + (at[word] == ' ');
    }
}

static void
count_output_line(struct list *list, char *line)
{
    char *comma = strrchr(line, ',');
    if (line[0] == '(' && comma != NULL) {
        add_word(list, line + 1, (size_t)(comma - line - 1), strtoull(comma + 1, NULL, 10));
    }
}

/* Every line of every visible file of a directory. */
static bool
each_line(const char *directory, struct list *list, void (*take)(struct list *, char *))
{
    DIR *open = opendir(directory);
    if (open == NULL) {
        return false;
    }
    static char line[LINE_SIZE];
    for (struct dirent *entry; (entry = readdir(open)) != NULL;) {
        char path[4600];
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        FILE *file = entry->d_name[0] != '.' ? fopen(path, "re") : NULL;
        while (file != NULL && fgets(line, sizeof line, file) != NULL) {
            take(list, line);
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    closedir(open);
    return true;
}

bool
demo_text_count(const char *directory, struct demo_count *out_count)
{
    struct list list = { 0 };
    bool read = each_line(directory, &list, count_text_line);
    return fold(&list, false, out_count) && read;
}

bool
demo_output_count(const char *directory, struct demo_count *out_count)
{
    struct list list = { 0 };
    (void)each_line(directory, &list, count_output_line); /* not there yet: nothing is committed */
    return fold(&list, true, out_count);
}
