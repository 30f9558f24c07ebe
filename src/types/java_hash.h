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

static inline uint32_t
wr_java_fold_four(uint32_t word)
{
    uint32_t twos = (word & 0x00ff00ffu) * WR_JAVA_P1 + (word >> 8 & 0x00ff00ffu);
    return (twos & 0xffffu) * WR_JAVA_P2 + (twos >> 16);
}

enum {
    WR_JAVA_SHORT_LEAST = 4,
    WR_JAVA_SHORT_MOST = 12
};

/* wr_java_hash_string of 4 to 12 bytes: as twelve, zeros behind, then less the powers of 31 that
 * those zeros made; 31 is odd, so modulo 2^32 it has an inverse. False: a byte is above 0x7F. */
static inline bool
wr_java_hash_short(const uint8_t *at, size_t size, int32_t *out_hash)
{
    static const uint32_t inverse_powers[] = {
        /* 31^(size - 12) */
        0x44dc9101u, 0x56b58f1fu, 0x7ffc54c1u, 0x7f8e435fu, 0x723a2881u,
        0xd50ae79fu, 0xcc520c41u, 0xbdef7bdfu, 0x00000001u,
    };
    size_t second = size < 8 ? size - 4 : 4;
    size_t unused = 4 * (12 - size); /* half of the bits that the last part has too many */
    uint64_t low = wr_get_u32(at) | (uint64_t)wr_get_u32(at + second) << (8 * second);
    uint64_t high = (uint64_t)wr_get_u32(at + size - 4) >> unused >> unused;
    uint32_t hash = wr_java_fold_eight(low) * WR_JAVA_P4 + wr_java_fold_four((uint32_t)high);
    *out_hash = (int32_t)(hash * inverse_powers[size - WR_JAVA_SHORT_LEAST]);
    return ((low | high) & WR_NOT_ASCII) == 0;
}

/* wr_java_hash_string, inline for the usual: a word in ASCII. */
static inline int32_t
wr_java_hash_text(const uint8_t *at, size_t size)
{
    int32_t hash;
    bool is_short = size - WR_JAVA_SHORT_LEAST <= WR_JAVA_SHORT_MOST - WR_JAVA_SHORT_LEAST;
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
