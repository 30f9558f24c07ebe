/* SPDX-License-Identifier: Apache-2.0 */
/* hash: three hashes, each fixed for ever.
 *
 *   murmur_java   key group of a key         must equal Flink's, or state lands on another subtask
 *   murmur3_128   operator id of a uid       must equal Flink's, or its state is not found
 *   hash64        place in a table, seeded   must equal itself over versions: table images are
 *                                            written in hash order
 *
 * hash64 is wyhash's construction: 16 bytes a step enter a 64x64 -> 128 multiplication whose halves
 * are folded by xor; beyond 48 bytes three lanes run side by side to hide the multiplier's latency.
 * Short input is read as two words that may overlap, so there is no loop and no branch per byte;
 * the length enters the last mix, so that overlapping reads cannot collide.
 */
#include "base/hash.h"

#include "base/little.h"

static const uint64_t secret_0 = WR_HASH_SECRET_0;
static const uint64_t secret_1 = WR_HASH_SECRET_1;
static const uint64_t secret_2 = 0x8ebc6af09c88c6e3ULL;
static const uint64_t secret_3 = 0x589965cc75374cc3ULL;

static uint64_t
rotate_64(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static uint64_t
murmur3_finish(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdULL;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53ULL;
    hash ^= hash >> 33;
    return hash;
}

static uint64_t
murmur3_mix_1(uint64_t word)
{
    word *= 0x87c37b91114253d5ULL;
    word = rotate_64(word, 31);
    return word * 0x4cf5ad432745937fULL;
}

static uint64_t
murmur3_mix_2(uint64_t word)
{
    word *= 0x4cf5ad432745937fULL;
    word = rotate_64(word, 33);
    return word * 0x87c37b91114253d5ULL;
}

void
wr_hash_murmur3_128(const void *data, size_t size, uint8_t out[16])
{
    const uint8_t *at = data;
    size_t left = size;
    uint64_t hash_1 = 0;
    uint64_t hash_2 = 0;
    for (; left >= 16; left -= 16, at += 16) {
        hash_1 ^= murmur3_mix_1(wr_get_u64(at));
        hash_1 = rotate_64(hash_1, 27) + hash_2;
        hash_1 = hash_1 * 5 + 0x52dce729U;
        hash_2 ^= murmur3_mix_2(wr_get_u64(at + 8));
        hash_2 = rotate_64(hash_2, 31) + hash_1;
        hash_2 = hash_2 * 5 + 0x38495ab5U;
    }
    if (left > 0) {
        uint8_t tail[16] = { 0 };
        memcpy(tail, at, left);
        hash_2 ^= murmur3_mix_2(wr_get_u64(tail + 8));
        hash_1 ^= murmur3_mix_1(wr_get_u64(tail));
    }
    hash_1 ^= size;
    hash_2 ^= size;
    hash_1 += hash_2;
    hash_2 += hash_1;
    hash_1 = murmur3_finish(hash_1);
    hash_2 = murmur3_finish(hash_2);
    hash_1 += hash_2;
    hash_2 += hash_1;
    wr_put_u64(out, hash_1);
    wr_put_u64(out + 8, hash_2);
}

/* 1 to 3 bytes: first, middle and last, each in a place of its own. */
static inline uint64_t
read_few(const uint8_t *at, size_t size)
{
    return ((uint64_t)at[0] << 16) | ((uint64_t)at[size >> 1] << 8) | at[size - 1];
}

uint64_t
wr_hash64(const void *data, size_t size, uint64_t seed)
{
    const uint8_t *at = data;
    if (size >= 4 && size <= 16) {
        return wr_hash64_short(at, size, seed);
    }
    uint64_t one;
    uint64_t two;
    seed ^= wr_hash_fold(seed ^ secret_0, secret_1);
    if (size < 4) {
        one = size > 0 ? read_few(at, size) : 0;
        two = 0;
    } else {
        size_t left = size;
        if (left > 48) {
            uint64_t lane_1 = seed;
            uint64_t lane_2 = seed;
            for (; left > 48; left -= 48, at += 48) {
                seed = wr_hash_fold(wr_get_u64(at) ^ secret_1, wr_get_u64(at + 8) ^ seed);
                lane_1 = wr_hash_fold(wr_get_u64(at + 16) ^ secret_2, wr_get_u64(at + 24) ^ lane_1);
                lane_2 = wr_hash_fold(wr_get_u64(at + 32) ^ secret_3, wr_get_u64(at + 40) ^ lane_2);
            }
            seed ^= lane_1 ^ lane_2;
        }
        for (; left > 16; left -= 16, at += 16) {
            seed = wr_hash_fold(wr_get_u64(at) ^ secret_1, wr_get_u64(at + 8) ^ seed);
        }
        one = wr_get_u64(at + left - 16);
        two = wr_get_u64(at + left - 8);
    }
    one ^= secret_1;
    two ^= seed;
    wr_hash_product product = (wr_hash_product)one * two;
    return wr_hash_fold((uint64_t)product ^ secret_0 ^ size, (uint64_t)(product >> 64) ^ secret_1);
}
