/* SPDX-License-Identifier: Apache-2.0 */
/* encode: types to bytes and back.
 *
 * Decoding takes any bytes. Counts are held against the bytes that are left before memory is asked
 * for, nesting against WEIR_NESTING_MAX, and what was read must pass the same check as a user's
 * struct, so that no type exists that could not have been made. It is read into an arena of its
 * own, and what comes out is a copy: what nested types cost on the way is gone with the arena.
 */
#include "types/encode.h"

#include "base/check.h"
#include "base/fail.h"
#include "types/type.h"

enum {
    FIELD_SIZE_MIN = 4 + 1 + 4 + 1 + 1
}; /* a name of one byte, a scalar, no default */

static void
encode_type(const weir_type *type, struct wr_buffer *out)
{
    wr_buffer_put_u8(out, (uint8_t)type->kind);
    if (type->kind != WEIR_STRUCT) {
        return;
    }
    wr_buffer_put_text(out, type->name);
    wr_buffer_put_u32(out, type->fixed_size);
    wr_buffer_put_u32(out, type->field_count);
    for (size_t i = 0; i < type->field_count; i++) {
        const weir_field *field = &type->fields[i];
        wr_buffer_put_text(out, field->name);
        wr_buffer_put_u32(out, field->offset);
        wr_buffer_put_u8(out, field->default_value != NULL);
        encode_type(wr_field_type(field), out);
        if (field->default_value != NULL) {
            wr_buffer_put(out, field->default_value, field->size);
        }
    }
}

void
wr_type_encode(const weir_type *type, struct wr_buffer *out)
{
    wr_buffer_put_u8(out, WR_TYPE_ENCODING_VERSION);
    encode_type(type, out);
}

struct decoder {
    struct wr_cursor *cursor;
    struct wr_arena arena;
    weir_error *err;
};

static weir_status decode_type(struct decoder *decoder, unsigned depth, const weir_type **out_type);

static weir_status
fail_memory(struct decoder *decoder)
{
    return wr_fail(decoder->err, WEIR_NOMEM, "no memory to read a type");
}

static weir_status
fail_short(struct decoder *decoder)
{
    return wr_fail(decoder->err, WEIR_CORRUPT, "a type is cut off at byte %zu",
                   decoder->cursor->at);
}

/* A name without NUL inside, copied. The check of the struct looks at its characters. */
static weir_status
decode_name(struct decoder *decoder, const char **out_name)
{
    size_t at = decoder->cursor->at;
    weir_bytes text = wr_cursor_text(decoder->cursor);
    if (decoder->cursor->failed) {
        return fail_short(decoder);
    }
    if (text.size == 0 || text.size > WR_NAME_SIZE_MAX || memchr(text.data, 0, text.size) != NULL) {
        return wr_fail(decoder->err, WEIR_CORRUPT, "what stands at byte %zu of a type is no name",
                       at);
    }
    char *name = wr_arena_new(&decoder->arena, text.size + 1);
    if (name == NULL) {
        return fail_memory(decoder);
    }
    memcpy(name, text.data, text.size);
    *out_name = name;
    return WEIR_OK;
}

static weir_status
decode_field(struct decoder *decoder, unsigned depth, weir_field *out_field)
{
    struct wr_cursor *cursor = decoder->cursor;
    WR_TRY(decode_name(decoder, &out_field->name));
    out_field->offset = wr_cursor_u32(cursor);
    uint8_t has_default = wr_cursor_u8(cursor);
    if (has_default > 1) {
        return wr_fail(decoder->err, WEIR_CORRUPT,
                       "byte %zu of a type says %u where 0 or 1 is possible", cursor->at - 1,
                       has_default);
    }
    const weir_type *type = NULL;
    WR_TRY(decode_type(decoder, depth, &type));
    wr_assert(type != NULL);
    out_field->kind = type->kind;
    out_field->size = type->fixed_size;
    out_field->type = type->kind == WEIR_STRUCT ? type : NULL;
    if (has_default == 1) {
        out_field->default_value = wr_cursor_bytes(cursor, type->fixed_size);
        if (out_field->default_value == NULL) {
            return fail_short(decoder);
        }
    }
    return WEIR_OK;
}

static weir_status
decode_struct(struct decoder *decoder, unsigned depth, const weir_type **out_type)
{
    struct wr_cursor *cursor = decoder->cursor;
    struct wr_struct_plan plan = { .name = NULL };
    WR_TRY(decode_name(decoder, &plan.name));
    plan.size = wr_cursor_u32(cursor);
    plan.field_count = wr_cursor_u32(cursor);
    if (cursor->failed) {
        return fail_short(decoder);
    }
    if (plan.field_count > WEIR_FIELDS_MAX ||
        plan.field_count > wr_cursor_left(cursor) / FIELD_SIZE_MIN) {
        return wr_fail(decoder->err, WEIR_CORRUPT,
                       "struct %s claims %zu fields in %zu bytes; at most %d are possible",
                       plan.name, plan.field_count, wr_cursor_left(cursor), WEIR_FIELDS_MAX);
    }
    weir_field *fields = wr_arena_new(&decoder->arena, (plan.field_count + 1) * sizeof *fields);
    if (fields == NULL) {
        return fail_memory(decoder);
    }
    for (size_t i = 0; i < plan.field_count; i++) {
        WR_TRY(decode_field(decoder, depth + 1, &fields[i]));
    }
    plan.fields = fields;
    if (wr_struct_check(&plan, decoder->err) != WEIR_OK) {
        (void)wr_fail_context(decoder->err, WEIR_CORRUPT, "a stored type is none: ");
        if (decoder->err != NULL) {
            decoder->err->status =
                WEIR_CORRUPT; /* the check says INVALID: nobody called wrongly here */
        }
        return WEIR_CORRUPT;
    }
    const weir_type *type = wr_type_build(&decoder->arena, &plan);
    if (type == NULL) {
        return fail_memory(decoder);
    }
    *out_type = type;
    return WEIR_OK;
}

static weir_status
decode_type(struct decoder *decoder, unsigned depth, const weir_type **out_type)
{
    size_t at = decoder->cursor->at;
    uint8_t kind = wr_cursor_u8(decoder->cursor);
    if (decoder->cursor->failed) {
        return fail_short(decoder);
    }
    if (kind == WEIR_STRUCT) {
        if (depth == WEIR_NESTING_MAX) {
            return wr_fail(decoder->err, WEIR_CORRUPT,
                           "byte %zu of a type nests structs deeper than %d", at, WEIR_NESTING_MAX);
        }
        return decode_struct(decoder, depth, out_type);
    }
    const weir_type *type = weir_type_of_kind((weir_kind)kind);
    if (type == NULL) {
        return wr_fail(decoder->err, WEIR_CORRUPT, "byte %zu of a type, %u, is no kind", at, kind);
    }
    *out_type = type;
    return WEIR_OK;
}

weir_status
wr_type_decode(const weir_alloc *alloc, struct wr_cursor *cursor, weir_type **out_type,
               weir_error *err)
{
    uint8_t version = wr_cursor_u8(cursor);
    if (cursor->failed) {
        return wr_fail(err, WEIR_CORRUPT, "a type is cut off before its first byte");
    }
    if (version == 0 || version > WR_TYPE_ENCODING_VERSION) {
        return wr_fail(err, version == 0 ? WEIR_CORRUPT : WEIR_VERSION,
                       "a type is written in version %u, this program reads up to %d", version,
                       WR_TYPE_ENCODING_VERSION);
    }
    struct decoder decoder = { .cursor = cursor, .err = err };
    wr_arena_init(&decoder.arena, alloc);
    const weir_type *type = NULL;
    weir_status status = decode_type(&decoder, 0, &type);
    if (status == WEIR_OK && wr_type_copy(alloc, type, out_type) != WEIR_OK) {
        status = fail_memory(&decoder);
    }
    wr_arena_fini(&decoder.arena);
    return status;
}
