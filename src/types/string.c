/* SPDX-License-Identifier: Apache-2.0 */
/* string: what those who make strings from input need of utf8.c, over memory of their own.
 *
 * The repair appends to a buffer that stands in the caller's room and is never grown: its allocator
 * refuses, so what does not fit is seen by the buffer's own rule.
 */
#include "types/utf8.h"
#include "weir/type.h"

static void *
refuse(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)ptr;
    (void)old_size;
    (void)new_size;
    return NULL;
}

bool
weir_string_valid(weir_bytes bytes)
{
    return wr_utf8_valid(bytes);
}

size_t
weir_string_repair(const void *bytes, size_t size, void *out, size_t room)
{
    struct wr_buffer fixed = { .alloc = { refuse, NULL }, .data = out, .capacity = room };
    if (wr_utf8_repair(weir_bytes_of(bytes, size), &fixed) != WEIR_OK) {
        return SIZE_MAX;
    }
    return fixed.size;
}
