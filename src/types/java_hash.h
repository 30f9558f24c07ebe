/* SPDX-License-Identifier: Apache-2.0 */
/* types/java_hash.h: the hash code that a value has in Java, by its kind. Key groups come from it,
 * so it decides where state lives, in weir as in Flink. Thread: any.
 */
#ifndef WR_TYPES_JAVA_HASH_H
#define WR_TYPES_JAVA_HASH_H

#include "base/little.h"
#include "weir/type.h"

/* String.hashCode over the UTF-16 units of UTF-8 text (lone surrogates in three bytes are one
 * unit). Bytes that are no text give some code, and nothing is read past the end. */
int32_t wr_java_hash_string(const void *data, size_t size);

/* Arrays.hashCode(byte[]). */
int32_t wr_java_hash_bytes(const void *data, size_t size);

/* The value of a type: `fixed` is where its fixed part stands, `block` what string offsets count
 * from. A struct of up to 25 fields is a Tuple, of more a Row of kind INSERT. */
int32_t wr_java_hash(const weir_type *type, const void *block, const void *fixed);

/* A struct hashed as Row, however many fields it has. */
int32_t wr_java_hash_row(const weir_type *type, const void *block, const void *fixed);

static inline int32_t
wr_java_hash_word(uint64_t word) /* Long.hashCode */
{
    return (int32_t)(uint32_t)(word ^ (word >> 32));
}

static inline uint32_t
wr_java_float_bits(uint32_t bits) /* floatToIntBits: one NaN */
{
    return (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : bits;
}

static inline uint64_t
wr_java_double_bits(uint64_t bits) /* doubleToLongBits: one NaN */
{
    return (bits & 0x7fffffffffffffffULL) > 0x7ff0000000000000ULL ? 0x7ff8000000000000ULL : bits;
}

/* Kinds that stand whole in the fixed part; others give 0. Inline, so that a loop over one kind
 * pays for that kind alone. */
static inline int32_t
wr_java_hash_scalar(weir_kind kind, const void *fixed)
{
    const uint8_t *at = (const uint8_t *)fixed;
    switch (kind) {
    case WEIR_BOOL:
        return at[0] != 0 ? 1231 : 1237;
    case WEIR_I8:
        return (int8_t)at[0];
    case WEIR_U8:
        return at[0];
    case WEIR_I16:
        return (int16_t)wr_get_u16(at);
    case WEIR_U16:
        return wr_get_u16(at);
    case WEIR_I32:
    case WEIR_U32: /* a Long below 2^32: its high half is 0 */
        return (int32_t)wr_get_u32(at);
    case WEIR_I64:
    case WEIR_U64:
        return wr_java_hash_word(wr_get_u64(at));
    case WEIR_F32:
        return (int32_t)wr_java_float_bits(wr_get_u32(at));
    case WEIR_F64:
        return wr_java_hash_word(wr_java_double_bits(wr_get_u64(at)));
    case WEIR_STRING:
    case WEIR_BYTES:
    case WEIR_STRUCT:
    default:
        return 0;
    }
}

#endif /* WR_TYPES_JAVA_HASH_H */
