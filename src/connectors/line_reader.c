/* SPDX-License-Identifier: Apache-2.0 */
/* line_reader: cuts blocks of bytes into lines.
 *
 * Invariants:
 *   (1) begin <= begin + scanned <= end <= capacity; no byte is looked at twice for its '\n'.
 *   (2) What is unfinished moves to the front before a block is read behind it, so a line stands in
 *       one piece and the memory is at most twice line_max, its ending and two blocks.
 *   (3) A line is refused as soon as it must be too long, before its end is seen.
 */
#include "connectors/line_reader.h"

#include "base/memory.h"
#include "weir/type.h"

#include <string.h>

enum {
    FFFD_SIZE = 3
};

void
wr_line_reader_init(struct wr_line_reader *reader, const weir_alloc *alloc, size_t line_max)
{
    *reader = (struct wr_line_reader){ .alloc = *alloc, .line_max = line_max };
}

void
wr_line_reader_fini(struct wr_line_reader *reader)
{
    if (reader->data != NULL) {
        wr_memory_free(&reader->alloc, reader->data, reader->capacity);
        reader->data = NULL;
    }
}

void
wr_line_reader_clear(struct wr_line_reader *reader)
{
    reader->begin = 0;
    reader->end = 0;
    reader->scanned = 0;
}

uint8_t *
wr_line_reader_room(struct wr_line_reader *reader)
{
    if (reader->begin > 0) {
        memmove(reader->data, reader->data + reader->begin, reader->end - reader->begin);
        reader->end -= reader->begin;
        reader->begin = 0;
    }
    if (reader->capacity - reader->end < WR_LINE_BLOCK) {
        size_t capacity = reader->capacity != 0 ? reader->capacity : WR_LINE_BLOCK;
        while (capacity - reader->end < WR_LINE_BLOCK) {
            capacity *= 2;
        }
        uint8_t *data = wr_memory_resize(&reader->alloc, reader->data, reader->capacity, capacity);
        if (data == NULL) {
            return NULL;
        }
        reader->data = data;
        reader->capacity = capacity;
    }
    return reader->data + reader->end;
}

void
wr_line_reader_filled(struct wr_line_reader *reader, size_t size)
{
    reader->end += size;
}

size_t
wr_line_reader_left(const struct wr_line_reader *reader)
{
    return reader->end - reader->begin;
}

/* `size` bytes and then the ending's '\n', if it has one. */
static weir_status
take(struct wr_line_reader *reader, size_t size, size_t taken, weir_bytes *out_line,
     size_t *out_taken)
{
    const uint8_t *line = reader->data + reader->begin;
    if (taken > size && size > 0 && line[size - 1] == '\r') {
        size--;
    }
    if (size > reader->line_max) {
        return WEIR_LIMIT;
    }
    reader->begin += taken;
    reader->scanned = 0;
    *out_line = weir_bytes_of(line, size);
    *out_taken = taken;
    return WEIR_OK;
}

weir_status
wr_line_reader_next(struct wr_line_reader *reader, weir_bytes *out_line, size_t *out_taken)
{
    size_t left = reader->end - reader->begin;
    if (left > reader->scanned) {
        const uint8_t *line = reader->data + reader->begin;
        const uint8_t *end = memchr(line + reader->scanned, '\n', left - reader->scanned);
        if (end != NULL) {
            size_t size = (size_t)(end - line);
            return take(reader, size, size + 1, out_line, out_taken);
        }
        reader->scanned = left;
    }
    /* one byte more may be the '\r' of the ending */
    return left > reader->line_max + 1 ? WEIR_LIMIT : WEIR_NOT_FOUND;
}

weir_status
wr_line_reader_rest(struct wr_line_reader *reader, weir_bytes *out_line, size_t *out_taken)
{
    size_t left = reader->end - reader->begin;
    return left > 0 ? take(reader, left, left, out_line, out_taken) : WEIR_NOT_FOUND;
}

/* A block of type string: the field, then the bytes. */
static weir_status
emit_text(weir_bytes text, weir_collector *out)
{
    uint8_t *block = weir_collector_emit(out, sizeof(weir_string) + text.size);
    if (block == NULL) {
        return WEIR_LIMIT; /* the task has the words */
    }
    weir_string field;
    weir_string_write(block, &field, sizeof field, text);
    memcpy(block, &field, sizeof field);
    return WEIR_OK;
}

weir_status
wr_line_emit(weir_context *context, weir_bytes line, weir_collector *out)
{
    if (__builtin_expect(weir_string_valid(line), 1)) {
        return emit_text(line, out);
    }
    size_t room = line.size * FFFD_SIZE;
    room = room < WEIR_VALUE_SIZE_MAX ? room : WEIR_VALUE_SIZE_MAX;
    void *text = weir_context_scratch(context, room);
    if (text == NULL) {
        return weir_context_fail(context, WEIR_NOMEM, "no memory to repair a line of %zu bytes",
                                 line.size);
    }
    size_t size = weir_string_repair(line.data, line.size, text, room);
    if (size == SIZE_MAX) {
        return weir_context_fail(
            context, WEIR_LIMIT,
            "a line of %zu bytes is over %d with its ill-formed parts replaced", line.size,
            WEIR_VALUE_SIZE_MAX);
    }
    return emit_text(weir_bytes_of(text, size), out);
}
