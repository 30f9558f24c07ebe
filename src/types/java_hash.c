/* SPDX-License-Identifier: Apache-2.0 */
/* java_hash: Java's hash codes, over weir's bytes.
 *
 * A string's code is h = 31 h + unit over its UTF-16 units. One step at a time costs the latency of
 * a multiplication a byte. Eight bytes in a word are folded in three instead, neighbours together:
 *
 *     8 lanes of 8 bits    c0, c1, ...
 *     4 of 16              31 c0 + c1, ...
 *     2 of 32              31^2 (31 c0 + c1) + (31 c2 + c3), ...
 *     1                    31^4 of the first + the second, modulo 2^32
 *
 * Zeros behind the last byte multiply the code by 31 each, which a factor takes back. So any 4 to
 * 12 bytes are a word and a half, and no branch depends on their length: words of text come in all
 * of them. The first byte above 0x7F leaves for the decoder, which a key in ASCII never meets.
 *
 * wr_java_hash calls itself for nested structs; WEIR_NESTING_MAX bounds it.
 */
#include "types/java_hash.h"

#include "types/type.h"

#define P1 WR_JAVA_P1
#define P8 WR_JAVA_P8

/* 31^0 to 31^12, modulo 2^32. */
static const uint32_t power_31[WR_JAVA_SHORT_MOST + 1] = {
    0x00000001u, 0x0000001fu, 0x000003c1u, 0x0000745fu, 0x000e1781u, 0x01b4d89fu, 0x34e63b41u,
    0x67e12cdfu, 0x94446f01u, 0xf449711fu, 0x94e4b2c1u, 0x07b1a55fu, 0xee830681u,
};

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

/* Fewer than four bytes, or the rest of a string where its first byte above 0x7F is near. */
static uint32_t
hash_bytes(uint32_t hash, const uint8_t *at, size_t size)
{
    for (; size > 0 && at[0] < 0x80; at++, size--) {
        hash = hash * P1 + at[0];
    }
    return hash_text(hash, at, size);
}

int32_t
wr_java_hash_string(const void *data, size_t size)
{
    const uint8_t *at = data;
    uint32_t hash = 0;
    while (size > WR_JAVA_SHORT_MOST) {
        uint64_t word = wr_get_u64(at);
        if ((word & WR_NOT_ASCII) != 0) {
            return (int32_t)hash_bytes(hash, at, size);
        }
        hash = hash * P8 + wr_java_fold_eight(word);
        at += 8;
        size -= 8;
    }
    int32_t rest;
    if (size < WR_JAVA_SHORT_LEAST || !wr_java_hash_short(at, size, &rest)) {
        return (int32_t)hash_bytes(hash, at, size);
    }
    return (int32_t)(hash * power_31[size] + (uint32_t)rest);
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
