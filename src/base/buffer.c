/* SPDX-License-Identifier: Apache-2.0 */
/* buffer: bytes that grow, and the cursor that reads them.
 *
 * Invariants:
 *   (1) size <= capacity; data is NULL iff capacity is 0.
 *   (2) Once `refused` is set nothing is appended any more, so what stands in the buffer is a
 *       prefix of what was meant: never something with a hole in it.
 *   (3) at <= size in a cursor; once `failed` is set every read gives zeros and `at` stays.
 */
#include "base/buffer.h"

#include "base/fail.h"
#include "base/little.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 64
};

void
wr_buffer_init(struct wr_buffer *buffer, const weir_alloc *alloc)
{
    *buffer = (struct wr_buffer){ .alloc = *alloc };
}

void
wr_buffer_fini(struct wr_buffer *buffer)
{
    wr_memory_free(&buffer->alloc, buffer->data, buffer->capacity);
    buffer->data = NULL;
    buffer->size = 0;
    buffer->capacity = 0;
}

void
wr_buffer_clear(struct wr_buffer *buffer)
{
    buffer->size = 0;
    buffer->refused = false;
}

/* Doubles until `more` bytes fit behind the size. */
static bool
reserve(struct wr_buffer *buffer, size_t more)
{
    if (buffer->refused) {
        return false;
    }
    if (more <= buffer->capacity - buffer->size) {
        return true;
    }
    size_t capacity = buffer->capacity != 0 ? buffer->capacity : FIRST_CAPACITY;
    while (capacity - buffer->size < more && capacity <= SIZE_MAX / 4) {
        capacity *= 2;
    }
    uint8_t *data = NULL;
    if (capacity - buffer->size >= more) {
        data = wr_memory_resize(&buffer->alloc, buffer->data, buffer->capacity, capacity);
    }
    if (data == NULL) {
        buffer->refused = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

uint8_t *
wr_buffer_extend(struct wr_buffer *buffer, size_t size)
{
    if (!reserve(buffer, size > 0 ? size : 1)) {
        return NULL;
    }
    uint8_t *room = buffer->data + buffer->size;
    buffer->size += size;
    return room;
}

void
wr_buffer_put(struct wr_buffer *buffer, const void *data, size_t size)
{
    if (size == 0) {
        return;
    }
    uint8_t *room = wr_buffer_extend(buffer, size);
    if (room != NULL) {
        memcpy(room, data, size);
    }
}

void
wr_buffer_put_u8(struct wr_buffer *buffer, uint8_t value)
{
    wr_buffer_put(buffer, &value, sizeof value);
}

void
wr_buffer_put_u16(struct wr_buffer *buffer, uint16_t value)
{
    uint8_t *room = wr_buffer_extend(buffer, sizeof value);
    if (room != NULL) {
        wr_put_u16(room, value);
    }
}

void
wr_buffer_put_u32(struct wr_buffer *buffer, uint32_t value)
{
    uint8_t *room = wr_buffer_extend(buffer, sizeof value);
    if (room != NULL) {
        wr_put_u32(room, value);
    }
}

void
wr_buffer_put_u64(struct wr_buffer *buffer, uint64_t value)
{
    uint8_t *room = wr_buffer_extend(buffer, sizeof value);
    if (room != NULL) {
        wr_put_u64(room, value);
    }
}

void
wr_buffer_put_text(struct wr_buffer *buffer, const char *text)
{
    size_t size = strlen(text);
    if (size > UINT32_MAX) {
        buffer->refused = true;
        return;
    }
    wr_buffer_put_u32(buffer, (uint32_t)size);
    wr_buffer_put(buffer, text, size);
}

void
wr_buffer_print(struct wr_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0) {
        buffer->refused = true;
        return;
    }
    if (!reserve(buffer, (size_t)size + 1)) {
        return;
    }
    va_start(arguments, format);
    vsnprintf((char *)buffer->data + buffer->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    buffer->size += (size_t)size;
}

weir_status
wr_buffer_status(const struct wr_buffer *buffer)
{
    return buffer->refused ? WEIR_NOMEM : WEIR_OK;
}

void
wr_cursor_init(struct wr_cursor *cursor, const void *data, size_t size)
{
    *cursor = (struct wr_cursor){ .data = data, .size = size };
}

const uint8_t *
wr_cursor_bytes(struct wr_cursor *cursor, size_t size)
{
    static const uint8_t nothing[1];
    if (cursor->failed || size > cursor->size - cursor->at) {
        cursor->failed = true;
        return NULL;
    }
    if (size == 0) {
        return cursor->data != NULL ? cursor->data + cursor->at : nothing;
    }
    const uint8_t *bytes = cursor->data + cursor->at;
    cursor->at += size;
    return bytes;
}

uint8_t
wr_cursor_u8(struct wr_cursor *cursor)
{
    const uint8_t *bytes = wr_cursor_bytes(cursor, 1);
    return bytes != NULL ? *bytes : 0;
}

uint16_t
wr_cursor_u16(struct wr_cursor *cursor)
{
    const uint8_t *bytes = wr_cursor_bytes(cursor, 2);
    return bytes != NULL ? wr_get_u16(bytes) : 0;
}

uint32_t
wr_cursor_u32(struct wr_cursor *cursor)
{
    const uint8_t *bytes = wr_cursor_bytes(cursor, 4);
    return bytes != NULL ? wr_get_u32(bytes) : 0;
}

uint64_t
wr_cursor_u64(struct wr_cursor *cursor)
{
    const uint8_t *bytes = wr_cursor_bytes(cursor, 8);
    return bytes != NULL ? wr_get_u64(bytes) : 0;
}

weir_bytes
wr_cursor_text(struct wr_cursor *cursor)
{
    uint32_t size = wr_cursor_u32(cursor);
    const uint8_t *bytes = wr_cursor_bytes(cursor, size);
    return weir_bytes_of(bytes, bytes != NULL ? size : 0);
}

size_t
wr_cursor_left(const struct wr_cursor *cursor)
{
    return cursor->failed ? 0 : cursor->size - cursor->at;
}
