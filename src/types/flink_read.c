/* SPDX-License-Identifier: Apache-2.0 */
/* flink_read: blocks from the bytes that Flink's serializers write (weir/serializer.h).
 *
 * The bytes are foreign: every length is held against what is left, every number against what its
 * kind holds. One walk serves both uses; without a place to write to it only measures.
 *
 *     out   | fixed part: as fields are read | parts, appended in field order | zeros to 8 |
 */
#include "base/fail.h"
#include "types/flink.h"
#include "types/flink_string.h"
#include "types/java_hash.h"
#include "weir/serializer.h"

struct reader {
    const weir_type *whole; /* for words */
    const uint8_t *data;
    size_t size;
    size_t at;
    uint8_t *out; /* NULL: only measured */
    size_t room;
    size_t end; /* of the block so far */
    weir_error *err;
};

static weir_status
ends_early(struct reader *reader, size_t wanted)
{
    return wr_fail(reader->err, WEIR_CORRUPT,
                   "serialized %s: it ends at byte %zu, inside a part of %zu bytes at byte %zu",
                   reader->whole->name, reader->size, wanted, reader->at);
}

static weir_status
take(struct reader *reader, size_t size, const uint8_t **out_bytes)
{
    if (size > reader->size - reader->at) {
        return ends_early(reader, size);
    }
    *out_bytes = reader->data + reader->at;
    reader->at += size;
    return WEIR_OK;
}

static uint64_t
get_big(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

/* The most that a kind smaller than its Java type holds. */
static uint64_t
most_of(weir_kind kind)
{
    switch (kind) {
    case WEIR_BOOL:
        return 1;
    case WEIR_U8:
        return UINT8_MAX;
    case WEIR_U16:
        return UINT16_MAX;
    case WEIR_U32:
        return UINT32_MAX;
    case WEIR_I8:
    case WEIR_I16:
    case WEIR_I32:
    case WEIR_I64:
    case WEIR_U64:
    case WEIR_F32:
    case WEIR_F64:
    case WEIR_STRING:
    case WEIR_BYTES:
    case WEIR_STRUCT:
    default:
        return UINT64_MAX;
    }
}

static weir_status
read_scalar(struct reader *reader, const weir_type *type, uint32_t fixed)
{
    size_t offset = reader->at;
    const uint8_t *bytes = NULL;
    size_t size = wr_flink_scalar_size(type->kind);
    WR_TRY(take(reader, size, &bytes));
    uint64_t value = get_big(bytes, size);
    if (value > most_of(type->kind)) {
        return wr_fail(reader->err, WEIR_CORRUPT,
                       "serialized %s: the number at byte %zu is none of a %s", reader->whole->name,
                       offset, type->name);
    }
    if (type->kind == WEIR_F32) {
        value = wr_java_float_bits((uint32_t)value);
    } else if (type->kind == WEIR_F64) {
        value = wr_java_double_bits(value);
    }
    if (reader->out != NULL) {
        memcpy(reader->out + fixed, &value, type->fixed_size); /* little-endian: its low bytes */
    }
    return WEIR_OK;
}

static weir_status
room_is_small(struct reader *reader)
{
    return wr_fail(reader->err, WEIR_LIMIT, "serialized %s: its block has more than %zu bytes",
                   reader->whole->name, reader->room);
}

/* Notes a part of `size` bytes at the block's end in the fixed part. */
static void
add_part(struct reader *reader, uint32_t fixed, size_t size)
{
    if (reader->out != NULL) {
        weir_string string = { (uint32_t)reader->end, (uint32_t)size };
        memcpy(reader->out + fixed, &string, sizeof string);
    }
    reader->end += size;
}

static weir_status
read_string(struct reader *reader, uint32_t fixed)
{
    weir_bytes left = weir_bytes_of(reader->data + reader->at, reader->size - reader->at);
    uint8_t *out = reader->out != NULL ? reader->out + reader->end : NULL;
    size_t room = reader->room - reader->end;
    size_t size = 0;
    size_t taken = 0;
    weir_status status = wr_flink_string_read(left, out, room, &size, &taken);
    if (status == WEIR_LIMIT) {
        return room_is_small(reader);
    }
    if (status == WEIR_UNSUPPORTED) {
        return wr_fail(reader->err, status,
                       "serialized %s: the string at byte %zu is null, which weir's have no place "
                       "for",
                       reader->whole->name, reader->at);
    }
    if (status != WEIR_OK) {
        return wr_fail(reader->err, WEIR_CORRUPT,
                       "serialized %s: the string at byte %zu is none of Flink's, or it is cut off "
                       "(byte %zu)",
                       reader->whole->name, reader->at, reader->at + taken);
    }
    reader->at += taken;
    add_part(reader, fixed, size);
    return WEIR_OK;
}

static weir_status
read_bytes(struct reader *reader, uint32_t fixed)
{
    const uint8_t *bytes = NULL;
    WR_TRY(take(reader, 4, &bytes));
    size_t size = (size_t)get_big(bytes, 4);
    WR_TRY(take(reader, size, &bytes));
    if (reader->out != NULL) {
        if (size > reader->room - reader->end) {
            return room_is_small(reader);
        }
        if (size != 0) {
            memcpy(reader->out + reader->end, bytes, size);
        }
    }
    add_part(reader, fixed, size);
    return WEIR_OK;
}

static weir_status
read_mask(struct reader *reader, const weir_type *type)
{
    size_t offset = reader->at;
    const uint8_t *mask = NULL;
    size_t size = wr_flink_mask_size(type);
    WR_TRY(take(reader, size, &mask));
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bool is_set = (mask[bit / 8] >> (7 - bit % 8) & 1) != 0;
        if (is_set && bit < 2) {
            return wr_fail(reader->err, WEIR_UNSUPPORTED,
                           "serialized %s: the row at byte %zu is of another kind than INSERT",
                           reader->whole->name, offset);
        }
        if (is_set && bit < 2 + (size_t)type->field_count) {
            return wr_fail(reader->err, WEIR_UNSUPPORTED,
                           "serialized %s: in the row at byte %zu the field %s is null, which "
                           "weir's have no place for",
                           reader->whole->name, offset, type->fields[bit - 2].name);
        }
        if (is_set) {
            return wr_fail(reader->err, WEIR_CORRUPT,
                           "serialized %s: the row's mask at byte %zu has bits behind its fields",
                           reader->whole->name, offset);
        }
    }
    return WEIR_OK;
}

static weir_status
read_value(struct reader *reader, const weir_type *type, uint32_t fixed)
{
    switch (type->kind) {
    case WEIR_STRING:
        return read_string(reader, fixed);
    case WEIR_BYTES:
        return read_bytes(reader, fixed);
    case WEIR_STRUCT:
        if (type->field_count > WR_TUPLE_FIELDS_MAX) {
            WR_TRY(read_mask(reader, type));
        }
        for (size_t i = 0; i < type->field_count; i++) {
            const weir_field *field = &type->fields[i];
            WR_TRY(read_value(reader, wr_field_type(field), fixed + field->offset));
        }
        return WEIR_OK;
    case WEIR_BOOL:
    case WEIR_I8:
    case WEIR_U8:
    case WEIR_I16:
    case WEIR_U16:
    case WEIR_I32:
    case WEIR_U32:
    case WEIR_I64:
    case WEIR_U64:
    case WEIR_F32:
    case WEIR_F64:
    default:
        return read_scalar(reader, type, fixed);
    }
}

weir_status
weir_type_deserialize(const weir_type *type, weir_bytes serialized, void *out, size_t room,
                      size_t *out_size, size_t *out_taken, weir_error *err)
{
    struct reader reader = { .whole = type,
                             .data = serialized.data,
                             .size = serialized.size,
                             .out = out,
                             .room = room < WEIR_VALUE_SIZE_MAX ? room : WEIR_VALUE_SIZE_MAX,
                             .end = type->fixed_size,
                             .err = err };
    if (reader.end > reader.room) {
        return room_is_small(&reader);
    }
    WR_TRY(read_value(&reader, type, 0));
    size_t size = type->part_count == 0 ? reader.end : weir_round8(reader.end);
    if (size > reader.room) {
        return room_is_small(&reader);
    }
    memset(reader.out + reader.end, 0, size - reader.end);
    *out_size = size;
    *out_taken = reader.at;
    return WEIR_OK;
}

weir_status
weir_type_serialized_next(const weir_type *type, weir_bytes serialized, size_t *out_taken,
                          weir_error *err)
{
    struct reader reader = { .whole = type,
                             .data = serialized.data,
                             .size = serialized.size,
                             .room = SIZE_MAX,
                             .end = type->fixed_size,
                             .err = err };
    WR_TRY(read_value(&reader, type, 0));
    *out_taken = reader.at;
    return WEIR_OK;
}

weir_status
weir_key_deserialize(const weir_type *key_type, weir_bytes serialized, void *out, size_t room,
                     size_t *out_size, size_t *out_taken, weir_error *err)
{
    if (key_type->kind != WEIR_STRING && key_type->kind != WEIR_BYTES) {
        return weir_type_deserialize(key_type, serialized, out, room, out_size, out_taken, err);
    }
    /* Measured first: a key's bytes are the content alone, there is no fixed part to write to. */
    struct reader reader = { .whole = key_type,
                             .data = serialized.data,
                             .size = serialized.size,
                             .room = room,
                             .err = err };
    WR_TRY(read_value(&reader, key_type, 0));
    if (reader.end > room) {
        return room_is_small(&reader);
    }
    if (key_type->kind == WEIR_BYTES && reader.end != 0) {
        memcpy(out, reader.data + 4, reader.end);
    } else if (key_type->kind == WEIR_STRING) {
        weir_bytes bytes = weir_bytes_of(reader.data, reader.at);
        size_t size = 0;
        size_t taken = 0;
        WR_TRY(wr_flink_string_read(bytes, out, room, &size, &taken));
    }
    *out_size = reader.end;
    *out_taken = reader.at;
    return WEIR_OK;
}
