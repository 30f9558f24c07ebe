/* SPDX-License-Identifier: Apache-2.0 */
/* flink_write: blocks to the bytes that Flink's serializers write (weir/serializer.h).
 *
 * Walks the fields in declared order: that is the order of a Tuple's bytes. It calls itself for
 * structs in structs; WEIR_NESTING_MAX bounds that.
 */
#include "types/flink.h"
#include "types/flink_string.h"
#include "types/java_hash.h"
#include "types/type.h"
#include "weir/serializer.h"

static bool
is_row(const weir_type *type)
{
    return type->field_count > WR_TUPLE_FIELDS_MAX;
}

size_t
weir_type_serialized_size(const weir_type *type)
{
    if (type->kind != WEIR_STRUCT) {
        return wr_flink_scalar_size(type->kind);
    }
    size_t sum = 0;
    for (size_t i = 0; i < type->field_count; i++) {
        size_t size = weir_type_serialized_size(wr_field_type(&type->fields[i]));
        if (size == 0) {
            return 0;
        }
        sum += size;
    }
    return is_row(type) ? 0 : sum;
}

/* Of the parts that do not vary: scalars, lengths, masks. */
static size_t
fixed_bound(const weir_type *type)
{
    if (type->kind != WEIR_STRUCT) {
        return type->part_count == 0 ? wr_flink_scalar_size(type->kind) : wr_flink_string_bound(0);
    }
    size_t sum = is_row(type) ? wr_flink_mask_size(type) : 0;
    for (size_t i = 0; i < type->field_count; i++) {
        sum += fixed_bound(wr_field_type(&type->fields[i]));
    }
    return sum;
}

size_t
weir_type_serialize_bound(const weir_type *type, const void *block)
{
    size_t bound = fixed_bound(type);
    for (size_t i = 0; i < type->part_count; i++) {
        weir_string string;
        memcpy(&string, (const uint8_t *)block + type->parts[i].offset, sizeof string);
        bound += wr_flink_string_bound(string.size);
    }
    return bound;
}

static uint8_t *
put_scalar(uint8_t *out, weir_kind kind, const uint8_t *at)
{
    switch (kind) {
    case WEIR_BOOL:
    case WEIR_I8:
        out[0] = at[0];
        return out + 1;
    case WEIR_U8:
        return wr_flink_put_u16(out, at[0]);
    case WEIR_I16:
        return wr_flink_put_u16(out, wr_get_u16(at));
    case WEIR_U16:
        return wr_flink_put_u32(out, wr_get_u16(at));
    case WEIR_I32:
        return wr_flink_put_u32(out, wr_get_u32(at));
    case WEIR_U32:
        return wr_flink_put_u64(out, wr_get_u32(at));
    case WEIR_I64:
    case WEIR_U64:
        return wr_flink_put_u64(out, wr_get_u64(at));
    case WEIR_F32:
        return wr_flink_put_u32(out, wr_java_float_bits(wr_get_u32(at)));
    case WEIR_F64:
        return wr_flink_put_u64(out, wr_java_double_bits(wr_get_u64(at)));
    case WEIR_STRING:
    case WEIR_BYTES:
    case WEIR_STRUCT:
    default:
        return out;
    }
}

static uint8_t *
put_content(uint8_t *out, weir_kind kind, weir_bytes content)
{
    if (kind == WEIR_STRING) {
        return out + wr_flink_string_write(content, out);
    }
    out = wr_flink_put_u32(out, (uint32_t)content.size);
    if (content.size != 0) {
        memcpy(out, content.data, content.size);
    }
    return out + content.size;
}

static uint8_t *
put_value(uint8_t *out, const weir_type *type, const void *block, const uint8_t *fixed)
{
    if (type->kind == WEIR_STRUCT) {
        if (is_row(type)) {
            size_t mask = wr_flink_mask_size(type);
            memset(out, 0, mask);
            out += mask;
        }
        for (size_t i = 0; i < type->field_count; i++) {
            const weir_field *field = &type->fields[i];
            out = put_value(out, wr_field_type(field), block, fixed + field->offset);
        }
        return out;
    }
    if (type->part_count == 0) {
        return put_scalar(out, type->kind, fixed);
    }
    weir_string string;
    memcpy(&string, fixed, sizeof string);
    return put_content(out, type->kind, weir_string_bytes(block, string));
}

size_t
weir_type_serialize(const weir_type *type, const void *block, void *out)
{
    uint8_t *begin = out;
    return (size_t)(put_value(begin, type, block, block) - begin);
}

static bool
is_content(const weir_type *key_type)
{
    return key_type->kind == WEIR_STRING || key_type->kind == WEIR_BYTES;
}

size_t
weir_key_serialize_bound(const weir_type *key_type, weir_bytes key)
{
    return is_content(key_type) ? wr_flink_string_bound(key.size)
                                : weir_type_serialize_bound(key_type, key.data);
}

size_t
weir_key_serialize(const weir_type *key_type, weir_bytes key, void *out)
{
    if (!is_content(key_type)) {
        return weir_type_serialize(key_type, key.data, out);
    }
    uint8_t *begin = out;
    return (size_t)(put_content(begin, key_type->kind, key) - begin);
}
