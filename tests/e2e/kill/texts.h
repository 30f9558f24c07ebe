/* SPDX-License-Identifier: Apache-2.0 */
/* texts.h: a set of texts, each with the number in which it came. */
#ifndef KILL_TEXTS_H
#define KILL_TEXTS_H

#include <stddef.h>
#include <stdint.h>

struct texts {
    char **items;
    uint32_t *slots; /* number + 1; 0: free */
    size_t count;
    size_t slot_count;
};

/* Its number; a new one is added. Ends the process where there is no memory. */
size_t texts_number(struct texts *texts, const char *text, size_t size);
void texts_fini(struct texts *texts);

/* FNV-1a, 64 bits. */
uint64_t fnv(const void *data, size_t size);
/* realloc that ends the process where there is no memory: a test without memory has nothing to say.
 */
void *grow(void *memory, size_t size);

#endif /* KILL_TEXTS_H */
