/* SPDX-License-Identifier: Apache-2.0 */
/* flink_string: StringValue's bytes.
 *
 * Lone surrogates stand in three bytes in our text (types/utf8.h) and are a unit like any other
 * here, so a Java string comes back as it was. Bytes that are no text are written as something;
 * nothing is read or written out of bounds for them.
 */
#include "types/flink_string.h"

#include "base/little.h"

#include <stdbool.h>

enum {
    UNIT_MAX = 0xffff,
    UNIT_BYTES_MAX = 3,
    LENGTH_BYTES_MAX = 5
};

static bool
is_ascii(const uint8_t *at, size_t size)
{
    size_t i = 0;
    uint64_t high = 0;
    for (; size - i >= 8; i += 8) {
        high |= wr_get_u64(at + i);
    }
    for (; i < size; i++) {
        high |= at[i];
    }
    return (high & 0x8080808080808080ULL) == 0;
}

static size_t
put_varint(uint8_t *out, uint32_t value)
{
    size_t size = 0;
    while (value >= 0x80) {
        out[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[size++] = (uint8_t)value;
    return size;
}

/* The code point at `at`, and how many bytes it takes. */
static size_t
next_code(const uint8_t *at, size_t left, uint32_t *out_code)
{
    if (at[0] >= 0xf0 && left >= 4) {
        *out_code = (at[0] & 7u) << 18 | (at[1] & 63u) << 12 | (at[2] & 63u) << 6 | (at[3] & 63u);
        return 4;
    }
    if (at[0] >= 0xe0 && at[0] < 0xf0 && left >= 3) {
        *out_code = (at[0] & 15u) << 12 | (at[1] & 63u) << 6 | (at[2] & 63u);
        return 3;
    }
    if (at[0] >= 0xc0 && at[0] < 0xe0 && left >= 2) {
        *out_code = (at[0] & 31u) << 6 | (at[1] & 63u);
        return 2;
    }
    *out_code = at[0];
    return 1;
}

static uint32_t
count_units(const uint8_t *at, size_t size)
{
    uint32_t units = 0;
    for (size_t i = 0; i < size;) {
        uint32_t code = 0;
        i += next_code(at + i, size - i, &code);
        units += code > UNIT_MAX ? 2 : 1;
    }
    return units;
}

size_t
wr_flink_string_write(weir_bytes text, uint8_t *out)
{
    const uint8_t *at = text.data;
    if (is_ascii(at, text.size)) {
        size_t size = put_varint(out, (uint32_t)text.size + 1);
        if (text.size != 0) {
            memcpy(out + size, at, text.size);
        }
        return size + text.size;
    }
    size_t end = put_varint(out, count_units(at, text.size) + 1);
    for (size_t i = 0; i < text.size;) {
        uint32_t code = 0;
        i += next_code(at + i, text.size - i, &code);
        if (code > UNIT_MAX) {
            end += put_varint(out + end, 0xd800 + ((code - 0x10000) >> 10));
            code = 0xdc00 + ((code - 0x10000) & 0x3ff);
        }
        end += put_varint(out + end, code);
    }
    return end;
}

/* What is being read, and where its text goes. */
struct string_reader {
    const uint8_t *data;
    size_t size;
    size_t at;
    uint8_t *out; /* NULL: only measured */
    size_t room;
    size_t end;
};

static weir_status
get_varint(struct string_reader *reader, size_t bytes_max, uint32_t most, uint32_t *out_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes_max; i++) {
        if (reader->at == reader->size) {
            return WEIR_CORRUPT;
        }
        uint8_t byte = reader->data[reader->at++];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *out_value = (uint32_t)value;
            return value <= most ? WEIR_OK : WEIR_CORRUPT;
        }
    }
    return WEIR_CORRUPT;
}

static weir_status
put_code(struct string_reader *reader, uint32_t code)
{
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code <= UNIT_MAX ? 3 : 4;
    size_t end = reader->end;
    reader->end += size;
    if (reader->out == NULL) {
        return WEIR_OK;
    }
    if (reader->end > reader->room) {
        return WEIR_LIMIT;
    }
    uint8_t *out = reader->out + end;
    static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (code & 63));
        code >>= 6;
    }
    out[0] = (uint8_t)(lead[size] | code);
    return WEIR_OK;
}

/* The units one by one; a high surrogate waits for what follows it. */
static weir_status
read_units(struct string_reader *reader, uint32_t units)
{
    uint32_t high = 0;
    for (uint32_t i = 0; i < units; i++) {
        uint32_t unit = 0;
        weir_status status = get_varint(reader, UNIT_BYTES_MAX, UNIT_MAX, &unit);
        if (status != WEIR_OK) {
            return status;
        }
        if (high != 0 && unit >= 0xdc00 && unit <= 0xdfff) {
            unit = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
        } else if (high != 0 && (status = put_code(reader, high)) != WEIR_OK) {
            return status;
        }
        high = unit >= 0xd800 && unit <= 0xdbff ? unit : 0;
        if (high == 0 && (status = put_code(reader, unit)) != WEIR_OK) {
            return status;
        }
    }
    return high != 0 ? put_code(reader, high) : WEIR_OK;
}

static weir_status
read_text(struct string_reader *reader)
{
    uint32_t length = 0;
    weir_status status = get_varint(reader, LENGTH_BYTES_MAX, INT32_MAX, &length);
    if (status != WEIR_OK) {
        return status;
    }
    if (length == 0) {
        return WEIR_UNSUPPORTED;
    }
    uint32_t units = length - 1;
    if (units > reader->size - reader->at) {
        return WEIR_CORRUPT; /* a unit takes a byte at least */
    }
    if (!is_ascii(reader->data + reader->at, units)) {
        return read_units(reader, units);
    }
    if (reader->out != NULL && units > reader->room) {
        return WEIR_LIMIT;
    }
    if (reader->out != NULL && units != 0) {
        memcpy(reader->out, reader->data + reader->at, units);
    }
    reader->end = units;
    reader->at += units;
    return WEIR_OK;
}

weir_status
wr_flink_string_read(weir_bytes serialized, uint8_t *out, size_t room, size_t *out_size,
                     size_t *out_taken)
{
    struct string_reader reader = { .data = serialized.data, .size = serialized.size };
    reader.out = out;
    reader.room = room;
    weir_status status = read_text(&reader);
    *out_size = reader.end;
    *out_taken = reader.at;
    return status;
}
