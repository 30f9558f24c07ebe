/* SPDX-License-Identifier: Apache-2.0 */
/* text: a record as a line.
 *
 * TUPLE is Flink's toString, which weir_type_print gives. SPACES prints field by field. There a
 * string or bytes field of a nested struct cannot go to weir_type_print by itself, since its offset
 * counts from the start of the whole block: those two are printed here.
 */
#include "connectors/text.h"

enum {
    GUESS_SIZE = 256 /* of a printed record; a longer one is printed twice */
};

static void
append_printed(struct wr_buffer *out, const weir_type *type, const void *block)
{
    size_t room = out->capacity - out->size;
    if (room < GUESS_SIZE) {
        if (wr_buffer_extend(out, GUESS_SIZE) == NULL) {
            return;
        }
        out->size -= GUESS_SIZE;
        room = out->capacity - out->size;
    }
    size_t size = weir_type_print(type, block, (char *)out->data + out->size, room);
    if (size <= room) {
        out->size += size;
        return;
    }
    uint8_t *place = wr_buffer_extend(out, size);
    if (place != NULL) {
        (void)weir_type_print(type, block, (char *)place, size);
    }
}

/* Java's byte[] as weir_type_print has it. */
static void
append_bytes(struct wr_buffer *out, weir_bytes bytes)
{
    const int8_t *at = bytes.data;
    wr_buffer_put_u8(out, '[');
    for (size_t i = 0; i < bytes.size; i++) {
        wr_buffer_print(out, i > 0 ? ", %d" : "%d", at[i]);
    }
    wr_buffer_put_u8(out, ']');
}

static void
append_field(struct wr_buffer *out, weir_kind kind, const void *block, const char *fixed)
{
    weir_string string;
    switch (kind) {
    case WEIR_STRING:
        memcpy(&string, fixed, sizeof string);
        wr_buffer_put(out, weir_string_bytes(block, string).data, string.size);
        return;
    case WEIR_BYTES:
        memcpy(&string, fixed, sizeof string);
        append_bytes(out, weir_string_bytes(block, string));
        return;
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
    case WEIR_STRUCT:
    default:
        append_printed(out, weir_type_of_kind(kind), fixed);
        return;
    }
}

/* Calls itself for nested structs, at most WEIR_NESTING_MAX deep. `base`: where the struct begins.
 */
static void
append_fields(struct wr_buffer *out, const weir_type *type, const void *block, size_t base)
{
    for (size_t i = 0; i < weir_type_field_count(type); i++) {
        const weir_field *field = weir_type_field(type, i);
        size_t at = base + field->offset;
        if (i > 0) {
            wr_buffer_put_u8(out, ' ');
        }
        if (field->kind == WEIR_STRUCT) {
            append_fields(out, field->type, block, at);
        } else {
            append_field(out, field->kind, block, (const char *)block + at);
        }
    }
}

void
wr_text_append(struct wr_buffer *out, const weir_type *type, const void *block,
               weir_file_format format)
{
    if (format == WEIR_FORMAT_SPACES && weir_type_kind(type) == WEIR_STRUCT) {
        append_fields(out, type, block, 0);
    } else {
        append_printed(out, type, block);
    }
}
