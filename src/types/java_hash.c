/* SPDX-License-Identifier: Apache-2.0 */
/* java_hash: Java's hash codes, over weir's bytes.
 *
 * A string's code is h = 31 h + unit over its UTF-16 units. One step at a time costs the latency of
 * a multiplication a byte; eight steps at once are one:
 *
 *     h' = 31^8 h + 31^7 c0 + 31^6 c1 + ... + c7          (mod 2^32)
 *
 * and the eight products do not wait for each other. Words are short: four at once, then one by
 * one. The first byte above 0x7F leaves for the decoder, which a key in ASCII never meets.
 *
 * wr_java_hash calls itself for nested structs; WEIR_NESTING_MAX bounds it.
 */
#include "types/java_hash.h"

#include "types/type.h"

/* Powers of 31, modulo 2^32. */
#define P1 31u
#define P2 (P1 * P1)
#define P3 (P2 * P1)
#define P4 (P3 * P1)
#define P5 (P4 * P1)
#define P6 (P5 * P1)
#define P7 (P6 * P1)
#define P8 (P7 * P1)

static uint32_t
eight_steps(uint32_t hash, const uint8_t *at)
{
    uint32_t low = at[4] * P3 + at[5] * P2 + at[6] * P1 + at[7];
    uint32_t high = at[0] * P7 + at[1] * P6 + at[2] * P5 + at[3] * P4;
    return hash * P8 + high + low;
}

static uint32_t
four_steps(uint32_t hash, const uint8_t *at)
{
    return hash * P4 + at[0] * P3 + at[1] * P2 + at[2] * P1 + at[3];
}

/* One sequence's units; returns the bytes it took. What is cut off counts byte by byte. */
static size_t
sequence_step(uint32_t *hash, const uint8_t *at, size_t left)
{
    uint32_t first = at[0];
    if (first >= 0xf0 && left >= 4) {
        uint32_t code =
            (first & 0x07) << 18 | (at[1] & 0x3fu) << 12 | (at[2] & 0x3fu) << 6 | (at[3] & 0x3fu);
        code -= 0x10000;
        *hash = *hash * P1 + (0xd800 + ((code >> 10) & 0x3ff));
        *hash = *hash * P1 + (0xdc00 + (code & 0x3ff));
        return 4;
    }
    if (first >= 0xe0 && left >= 3) {
        *hash = *hash * P1 + ((first & 0x0f) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu));
        return 3;
    }
    if (first >= 0xc0 && left >= 2) {
        *hash = *hash * P1 + ((first & 0x1f) << 6 | (at[1] & 0x3fu));
        return 2;
    }
    *hash = *hash * P1 + first;
    return 1;
}

static uint32_t
hash_text(uint32_t hash, const uint8_t *at, size_t left)
{
    while (left > 0) {
        size_t taken = sequence_step(&hash, at, left);
        at += taken;
        left -= taken;
    }
    return hash;
}

int32_t
wr_java_hash_string(const void *data, size_t size)
{
    const uint8_t *at = data;
    uint32_t hash = 0;
    for (; size >= 8; at += 8, size -= 8) {
        if ((wr_get_u64(at) & 0x8080808080808080ULL) != 0) {
            return (int32_t)hash_text(hash, at, size);
        }
        hash = eight_steps(hash, at);
    }
    if (size >= 4) {
        if ((wr_get_u32(at) & 0x80808080u) != 0) {
            return (int32_t)hash_text(hash, at, size);
        }
        hash = four_steps(hash, at);
        at += 4;
        size -= 4;
    }
    for (; size > 0; at++, size--) {
        if (at[0] >= 0x80) {
            return (int32_t)hash_text(hash, at, size);
        }
        hash = hash * P1 + at[0];
    }
    return (int32_t)hash;
}

int32_t
wr_java_hash_bytes(const void *data, size_t size)
{
    const uint8_t *at = data;
    uint32_t hash = 1;
    for (size_t i = 0; i < size; i++) {
        uint32_t sign = (at[i] & 0x80u) << 1; /* Java's bytes are signed */
        hash = hash * P1 + at[i] - sign;
    }
    return (int32_t)hash;
}

static uint32_t
hash_field(const weir_type *type, size_t index, const void *block, const void *fixed)
{
    const weir_field *field = &type->fields[index];
    return (uint32_t)wr_java_hash(wr_field_type(field), block,
                                  (const uint8_t *)fixed + field->offset);
}

static int32_t
hash_tuple(const weir_type *type, const void *block, const void *fixed)
{
    uint32_t hash = hash_field(type, 0, block, fixed);
    for (size_t i = 1; i < type->field_count; i++) {
        hash = hash * P1 + hash_field(type, i, block, fixed);
    }
    return (int32_t)hash;
}

static bool
is_row(const weir_field *field)
{
    return field->kind == WEIR_STRUCT && field->type->field_count > WR_TUPLE_FIELDS_MAX;
}

int32_t
wr_java_hash_row(const weir_type *type, const void *block, const void *fixed)
{
    const uint32_t insert_kind = 0;
    uint32_t hash = 1;
    for (size_t i = 0; i < type->field_count; i++) {
        /* Flink hashes what a Row holds as an array of one, but a Row in it as it is. */
        uint32_t array_of_one = is_row(&type->fields[i]) ? 0 : P1;
        hash = hash * P1 + array_of_one + hash_field(type, i, block, fixed);
    }
    return (int32_t)(insert_kind * P1 + hash);
}

int32_t
wr_java_hash(const weir_type *type, const void *block, const void *fixed)
{
    if (type->kind == WEIR_STRUCT) {
        return type->field_count > WR_TUPLE_FIELDS_MAX ? wr_java_hash_row(type, block, fixed)
                                                       : hash_tuple(type, block, fixed);
    }
    if (type->part_count == 0) {
        return wr_java_hash_scalar(type->kind, fixed);
    }
    weir_string string;
    memcpy(&string, fixed, sizeof string);
    weir_bytes bytes = weir_string_bytes(block, string);
    return type->kind == WEIR_STRING ? wr_java_hash_string(bytes.data, bytes.size)
                                     : wr_java_hash_bytes(bytes.data, bytes.size);
}
