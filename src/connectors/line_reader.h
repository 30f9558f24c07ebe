/* SPDX-License-Identifier: Apache-2.0 */
/* connectors/line_reader.h: bytes in blocks, lines out. For the file and the socket source.
 *
 *   data: | given out | lines not given out yet ... and the beginning of one | room |
 *         0           begin                                                 end      capacity
 *
 * Thread: task.
 */
#ifndef WR_CONNECTORS_LINE_READER_H
#define WR_CONNECTORS_LINE_READER_H

#include "weir/alloc.h"
#include "weir/bytes.h"
#include "weir/function.h"
#include "weir/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WR_LINE_BLOCK = 256 * 1024
};

struct wr_line_reader {
    weir_alloc alloc;
    uint8_t *data;
    size_t capacity;
    size_t begin;
    size_t end;
    size_t scanned;  /* from begin on: bytes known to hold no '\n' */
    size_t line_max; /* bytes of a line without its ending */
};

void wr_line_reader_init(struct wr_line_reader *reader, const weir_alloc *alloc, size_t line_max);
void wr_line_reader_fini(struct wr_line_reader *reader); /* zeroed: nothing */
void wr_line_reader_clear(
    struct wr_line_reader *reader); /* forgets what it has; keeps the memory */

/* WR_LINE_BLOCK bytes of room behind what is there; NULL: refused. Then: how many came. */
uint8_t *wr_line_reader_room(struct wr_line_reader *reader);
void wr_line_reader_filled(struct wr_line_reader *reader, size_t size);

/* Bytes that were put in and not given out. */
size_t wr_line_reader_left(const struct wr_line_reader *reader);

/* The next whole line, without '\n' and a '\r' before it; lent until the next call. *out_taken:
 * bytes it had with its ending. WEIR_NOT_FOUND: more bytes are needed. WEIR_LIMIT: it is, or will
 * be, longer than line_max; nothing is taken. */
weir_status wr_line_reader_next(struct wr_line_reader *reader, weir_bytes *out_line,
                                size_t *out_taken);
/* At the end of input: what is left, as a line. WEIR_NOT_FOUND: nothing is. */
weir_status wr_line_reader_rest(struct wr_line_reader *reader, weir_bytes *out_line,
                                size_t *out_taken);

/* Emits a line as a record of type string; ill-formed parts become U+FFFD. */
weir_status wr_line_emit(weir_context *context, weir_bytes line, weir_collector *out);

#endif /* WR_CONNECTORS_LINE_READER_H */
