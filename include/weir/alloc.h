/* SPDX-License-Identifier: Apache-2.0 */
/* weir/alloc.h: where memory comes from. For embedders that bring an allocator, and for engines.
 *
 * Thread: an allocator must accept calls from any thread.
 */
#ifndef WEIR_ALLOC_H
#define WEIR_ALLOC_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One function serves malloc (ptr NULL), realloc and free (new_size 0). old_size is exact, so an
 * allocator can keep a budget without asking malloc. What it returns is aligned to 16 bytes.
 * Returns NULL when refused (ptr stays valid), and NULL on free. Thread: any. */
typedef struct weir_alloc {
    void *(*resize)(void *ctx, void *ptr, size_t old_size, size_t new_size);
    void *ctx;
} weir_alloc;

#ifdef __cplusplus
}
#endif
#endif /* WEIR_ALLOC_H */
