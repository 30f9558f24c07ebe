/* SPDX-License-Identifier: Apache-2.0 */
/* weir/bytes.h: bytes of somebody else's. For everyone. A weir_bytes is always lent. */
#ifndef WEIR_BYTES_H
#define WEIR_BYTES_H

#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_bytes {
    const void *data;
    size_t size;
} weir_bytes;

static inline weir_bytes
weir_bytes_of(const void *data, size_t size)
{
    weir_bytes bytes;
    bytes.data = data;
    bytes.size = size;
    return bytes;
}

/* The characters of a NUL-terminated string, without the NUL. */
static inline weir_bytes
weir_bytes_of_text(const char *text)
{
    return weir_bytes_of(text, strlen(text));
}

#ifdef __cplusplus
}
#endif
#endif /* WEIR_BYTES_H */
