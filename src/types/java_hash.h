/* SPDX-License-Identifier: Apache-2.0 */
/* types/java_hash.h: the hash code that a value has in Java, by its kind. Key groups come from it,
 * so it decides where state lives, in weir as in Flink. Thread: any.
 */
#ifndef WR_TYPES_JAVA_HASH_H
#define WR_TYPES_JAVA_HASH_H

#include "base/little.h"
#include "weir/type.h"

#include <stdbool.h>

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

/* Powers of 31, modulo 2^32. */
#define WR_JAVA_P1 31u
#define WR_JAVA_P2 (WR_JAVA_P1 * WR_JAVA_P1)
#define WR_JAVA_P4 (WR_JAVA_P2 * WR_JAVA_P2)
#define WR_JAVA_P8 (WR_JAVA_P4 * WR_JAVA_P4)

#define WR_NOT_ASCII 0x8080808080808080ULL

/* The code of the eight ASCII characters of a word, the first one lowest. */
static inline uint32_t
wr_java_fold_eight(uint64_t word)
{
    const uint64_t even_8 = 0x00ff00ff00ff00ffULL;
    const uint64_t even_16 = 0x0000ffff0000ffffULL;
    uint64_t twos = (word & even_8) * WR_JAVA_P1 + (word >> 8 & even_8);
    uint64_t fours = (twos & even_16) * WR_JAVA_P2 + (twos >> 16 & even_16);
    return (uint32_t)fours * WR_JAVA_P4 + (uint32_t)(fours >> 32);
}

/* wr_java_hash_string of 4 to 16 bytes, read as two words with their zeros first. False: a byte is
 * above 0x7F. */
static inline bool
wr_java_hash_short(const uint8_t *at, size_t size, int32_t *out_hash)
{
    size_t is_long = (size_t)0 - ((size >> 3 & 1) | size >> 4); /* all ones from 8 bytes on */
    size_t zeros = (8 - size) & ~is_long;
    uint64_t first = wr_get_u32(at) | (uint64_t)wr_get_u32(at + (4 & is_long)) << 32;
    first = (first << (8 * (16 - size) & 63)) & ((uint64_t)0 - (uint64_t)(size > 8));
    uint64_t last = (uint64_t)wr_get_u32(at + ((size - 8) & is_long)) << 8 * zeros |
                    (uint64_t)wr_get_u32(at + size - 4) << 32;
    uint32_t hash = wr_java_fold_eight(first) * WR_JAVA_P8 + wr_java_fold_eight(last);
    *out_hash = (int32_t)hash;
    return ((first | last) & WR_NOT_ASCII) == 0;
}

/* wr_java_hash_string, inline for the usual: a word in ASCII. */
static inline int32_t
wr_java_hash_text(const uint8_t *at, size_t size)
{
    int32_t hash;
    bool is_short = size - 4 <= 12;
    if (__builtin_expect(is_short, 1) && __builtin_expect(wr_java_hash_short(at, size, &hash), 1)) {
        return hash;
    }
    return wr_java_hash_string(at, size);
}

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
