/* SPDX-License-Identifier: Apache-2.0 */
/* texts: open addressing, doubled when it is half full. */
#include "texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
grow(void *memory, size_t size)
{
    void *grown = realloc(memory, size != 0 ? size : 1);
    if (grown == NULL) {
        fputs("no memory for the oracle\n", stderr);
        exit(3);
    }
    return grown;
}

uint64_t
fnv(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static size_t
find_slot(const struct texts *texts, const char *text, size_t size)
{
    size_t mask = texts->slot_count - 1;
    size_t at = (size_t)fnv(text, size) & mask;
    while (texts->slots[at] != 0) {
        const char *there = texts->items[texts->slots[at] - 1];
        if (strncmp(there, text, size) == 0 && there[size] == '\0') {
            break;
        }
        at = (at + 1) & mask;
    }
    return at;
}

static void
widen(struct texts *texts)
{
    size_t count = texts->slot_count != 0 ? texts->slot_count * 2 : 1024;
    texts->items = grow(texts->items, count * sizeof *texts->items);
    texts->slots = grow(texts->slots, count * sizeof *texts->slots);
    memset(texts->slots, 0, count * sizeof *texts->slots);
    texts->slot_count = count;
    for (size_t i = 0; i < texts->count; i++) {
        size_t at = find_slot(texts, texts->items[i], strlen(texts->items[i]));
        texts->slots[at] = (uint32_t)(i + 1);
    }
}

size_t
texts_number(struct texts *texts, const char *text, size_t size)
{
    if (texts->count * 2 >= texts->slot_count) {
        widen(texts);
    }
    size_t at = find_slot(texts, text, size);
    if (texts->slots[at] == 0) {
        char *copy = grow(NULL, size + 1);
        memcpy(copy, text, size);
        copy[size] = '\0';
        texts->items[texts->count++] = copy;
        texts->slots[at] = (uint32_t)texts->count;
    }
    return texts->slots[at] - 1;
}

void
texts_fini(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        free(texts->items[i]);
    }
    free(texts->items);
    free(texts->slots);
    *texts = (struct texts){ .count = 0 };
}
