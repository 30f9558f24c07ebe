/* SPDX-License-Identifier: Apache-2.0 */
/* base/buffer.h: bytes that grow (owner: whoever inits), and a cursor that reads bytes and never
 * runs past their end. Both are sticky: one check at the end is enough. */
#ifndef WR_BASE_BUFFER_H
#define WR_BASE_BUFFER_H

#include "weir/alloc.h"
#include "weir/bytes.h"
#include "weir/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wr_buffer {
    weir_alloc alloc;
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool refused; /* an allocation failed: everything after it was dropped */
};

void wr_buffer_init(struct wr_buffer *buffer, const weir_alloc *alloc);
void wr_buffer_fini(struct wr_buffer *buffer);
void wr_buffer_clear(struct wr_buffer *buffer);                   /* keeps the memory */
uint8_t *wr_buffer_extend(struct wr_buffer *buffer, size_t size); /* room appended, or NULL */
void wr_buffer_put(struct wr_buffer *buffer, const void *data, size_t size);
void wr_buffer_put_u8(struct wr_buffer *buffer, uint8_t value);
void wr_buffer_put_u16(struct wr_buffer *buffer, uint16_t value);
void wr_buffer_put_u32(struct wr_buffer *buffer, uint32_t value);
void wr_buffer_put_u64(struct wr_buffer *buffer, uint64_t value);
void wr_buffer_put_text(struct wr_buffer *buffer, const char *text); /* u32 length, bytes */
/* Text by printf, appended without NUL. */
void wr_buffer_print(struct wr_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
weir_status wr_buffer_status(const struct wr_buffer *buffer); /* WEIR_NOMEM once refused */

struct wr_cursor {
    const uint8_t *data;
    size_t size;
    size_t at;
    bool failed; /* something was read past the end; zeros were given */
};

void wr_cursor_init(struct wr_cursor *cursor, const void *data, size_t size);
uint8_t wr_cursor_u8(struct wr_cursor *cursor);
uint16_t wr_cursor_u16(struct wr_cursor *cursor);
uint32_t wr_cursor_u32(struct wr_cursor *cursor);
uint64_t wr_cursor_u64(struct wr_cursor *cursor);
const uint8_t *wr_cursor_bytes(struct wr_cursor *cursor, size_t size); /* lent; NULL past the end */
weir_bytes wr_cursor_text(struct wr_cursor *cursor);                   /* u32 length, bytes */
size_t wr_cursor_left(const struct wr_cursor *cursor);

#endif /* WR_BASE_BUFFER_H */
