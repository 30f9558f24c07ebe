/* SPDX-License-Identifier: Apache-2.0 */
/* base/hash.h: the hashes. Key groups by Flink's murmur finisher, operator ids by murmur3_128,
 * tables by a seeded 64-bit hash of our own choosing (wyhash's construction). */
#ifndef WR_BASE_HASH_H
#define WR_BASE_HASH_H

#include "base/little.h"

#include <stddef.h>
#include <stdint.h>

/* Flink's MathUtils.murmurHash of a Java hash code: 0 .. 2^31-1. Source: flink-semantics KG1.
 * Inline: every record of a keyed stream pays for it. */
static inline uint32_t
wr_hash_murmur_java(int32_t code)
{
    uint32_t hash = (uint32_t)code * 0xcc9e2d51U;
    hash = (hash << 15 | hash >> 17) * 0x1b873593U;
    hash = hash << 13 | hash >> 19;
    hash = hash * 5 + 0xe6546b64U;
    hash ^= 4;
    hash ^= hash >> 16;
    hash *= 0x85ebca6bU;
    hash ^= hash >> 13;
    hash *= 0xc2b2ae35U;
    hash ^= hash >> 16;
    uint32_t sign = 0U - (hash >> 31);
    return ((hash ^ sign) - sign) & 0x7fffffffU; /* Integer.MIN_VALUE has no positive twin: 0 */
}

/* Guava's murmur3_128 with seed 0, as HashCode.asBytes() gives it. Source: flink-semantics SP7. */
void wr_hash_murmur3_128(const void *data, size_t size, uint8_t out[16]);

__extension__ typedef unsigned __int128 wr_hash_product;

#define WR_HASH_SECRET_0 0xa0761d6478bd642fULL
#define WR_HASH_SECRET_1 0xe7037ed1a0b428dbULL

/* 64 well-mixed bits of bytes, and of one word, under a seed. Stable over versions: images depend
 * on it. */
uint64_t wr_hash64(const void *data, size_t size, uint64_t seed);
static inline uint64_t
wr_hash_fold(uint64_t one, uint64_t two)
{
    wr_hash_product product = (wr_hash_product)one * two;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* wr_hash64 of 4 to 16 bytes, without a branch on their number; inline, for loops over keys. */
static inline uint64_t
wr_hash64_short(const uint8_t *at, size_t size, uint64_t seed)
{
    size_t middle = (size >> 3) << 2; /* 0, or 4 from 8 bytes on */
    uint64_t one = ((uint64_t)wr_get_u32(at) << 32) | wr_get_u32(at + middle);
    uint64_t two = ((uint64_t)wr_get_u32(at + size - 4) << 32) | wr_get_u32(at + size - 4 - middle);
    seed ^= wr_hash_fold(seed ^ WR_HASH_SECRET_0, WR_HASH_SECRET_1);
    wr_hash_product product = (wr_hash_product)(one ^ WR_HASH_SECRET_1) * (two ^ seed);
    return wr_hash_fold((uint64_t)product ^ WR_HASH_SECRET_0 ^ size,
                        (uint64_t)(product >> 64) ^ WR_HASH_SECRET_1);
}

static inline uint64_t
wr_hash64_word(uint64_t word, uint64_t seed)
{
    /* one 64x64->128 multiplication each way, folded: wyhash's mix */
    wr_hash_product product = (wr_hash_product)(word ^ 0xa0761d6478bd642fULL ^ seed) *
                              (0xe7037ed1a0b428dbULL ^ (seed >> 1));
    uint64_t mixed = (uint64_t)product ^ (uint64_t)(product >> 64);
    product = (wr_hash_product)(mixed ^ 0x8ebc6af09c88c6e3ULL) * 0x589965cc75374cc3ULL;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif /* WR_BASE_HASH_H */
