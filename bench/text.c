/* SPDX-License-Identifier: Apache-2.0 */
/* text: see text.h. */
#include "text.h"

#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    WORD_LEAST = 3,
    WORD_MOST = 10
};

struct word {
    char letters[WORD_MOST + 1]; /* a separator behind */
    uint8_t size;
};

static struct word *
make_vocabulary(uint64_t seed)
{
    struct word *words = bench_memory(BENCH_VOCABULARY * sizeof *words);
    for (uint64_t i = 0; i < BENCH_VOCABULARY; i++) {
        uint64_t random = bench_mix(seed + i * 2);
        words[i].size = (uint8_t)(WORD_LEAST + random % (WORD_MOST - WORD_LEAST + 1));
        random = bench_mix(seed + i * 2 + 1);
        for (size_t j = 0; j < words[i].size; j++) {
            words[i].letters[j] = (char)('a' + random % 26);
            random /= 26;
        }
        words[i].letters[words[i].size] = ' ';
    }
    return words;
}

struct bench_text
bench_text_make(size_t size, uint64_t seed)
{
    const struct word *words = make_vocabulary(seed);
    struct bench_text text = { .data = bench_memory(size + BENCH_TEXT_PADDING) };
    const size_t line_most = (size_t)BENCH_WORDS_A_LINE * (WORD_MOST + 1);
    while (text.size + line_most <= size) {
        for (int i = 0; i < BENCH_WORDS_A_LINE; i++) {
            uint64_t random = bench_mix((seed ^ UINT64_C(0x7765697200000000)) + text.words++);
            const struct word *word = &words[(random >> 32) * BENCH_VOCABULARY >> 32];
            memcpy(text.data + text.size, word->letters, sizeof word->letters);
            text.size += (size_t)word->size + 1;
        }
        text.data[text.size - 1] = '\n';
        text.lines++;
    }
    memset(text.data + text.size, 0, BENCH_TEXT_PADDING);
    return text;
}

static void
store_part(const struct bench_text *text, const char *path, size_t from, size_t to)
{
    struct stat status;
    if (stat(path, &status) == 0 && (size_t)status.st_size == to - from) {
        return;
    }
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(text->data + from, 1, to - from, file) != to - from ||
        fclose(file) != 0) {
        bench_die("writing %s: %s", path, strerror(errno));
    }
}

void
bench_text_store(const struct bench_text *text, const char *directory)
{
    bench_make_directory(directory);
    size_t from = 0;
    for (int i = 0; i < BENCH_TEXT_FILES; i++) {
        size_t to = text->size;
        if (i + 1 < BENCH_TEXT_FILES) {
            const char *near = text->data + text->size / BENCH_TEXT_FILES * (size_t)(i + 1);
            to = (size_t)((const char *)memchr(near, '\n', text->size) + 1 - text->data);
        }
        char path[4096];
        snprintf(path, sizeof path, "%s/words-%zu-%d.txt", directory, text->size >> 20, i);
        store_part(text, path, from, to);
        from = to;
    }
}
