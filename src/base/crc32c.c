/* SPDX-License-Identifier: Apache-2.0 */
/* crc32c: CRC-32C two ways.
 *
 * Portable, slicing by 8: eight table look-ups per 8 bytes. Table k answers how byte n changes the
 * sum when 8(k+1) more bits follow it. That is linear over xor, so each of the eight tables is
 * spanned by the eight values for the single bits of n; those 64 constants are what stands below,
 * and the compiler makes the tables of them. They are x^32, x^33, ... x^95 modulo the polynomial,
 * bit-reversed.
 *
 * Fast, SSE4.2: the crc32 instruction gives a result every cycle but each takes three, so three
 * neighbouring blocks are summed at a time and joined:
 *
 *   | block 0 | block 1 | block 2 |      crc = shift(shift(c0, L) ^ c1, L) ^ c2
 *
 * shift(c, L), "L zero bytes follow", is a carry-less multiplication by x^(8L) modulo the
 * polynomial. Multiplying two reflected words gives the product times x, and the crc32 instruction
 * that reduces it multiplies by x^32, so the constant for L is x^(8L - 33).
 */
#include "base/crc32c.h"

#include "base/little.h"

#define BIT(n, bit, value) ((0U - (((n) >> (bit)) & 1U)) & (value))
#define ENTRY(n, b0, b1, b2, b3, b4, b5, b6, b7)                                     \
    (BIT(n, 0, b0) ^ BIT(n, 1, b1) ^ BIT(n, 2, b2) ^ BIT(n, 3, b3) ^ BIT(n, 4, b4) ^ \
     BIT(n, 5, b5) ^ BIT(n, 6, b6) ^ BIT(n, 7, b7))
#define ENTRIES_4(n, ...)                                                                \
    ENTRY((n), __VA_ARGS__), ENTRY((n) + 1U, __VA_ARGS__), ENTRY((n) + 2U, __VA_ARGS__), \
        ENTRY((n) + 3U, __VA_ARGS__)
#define ENTRIES_16(n, ...)                                         \
    ENTRIES_4((n), __VA_ARGS__), ENTRIES_4((n) + 4U, __VA_ARGS__), \
        ENTRIES_4((n) + 8U, __VA_ARGS__), ENTRIES_4((n) + 12U, __VA_ARGS__)
#define ENTRIES_64(n, ...)                                            \
    ENTRIES_16((n), __VA_ARGS__), ENTRIES_16((n) + 16U, __VA_ARGS__), \
        ENTRIES_16((n) + 32U, __VA_ARGS__), ENTRIES_16((n) + 48U, __VA_ARGS__)
#define SLICE(...)                                                                                \
    {                                                                                             \
        ENTRIES_64(0U, __VA_ARGS__), ENTRIES_64(64U, __VA_ARGS__), ENTRIES_64(128U, __VA_ARGS__), \
            ENTRIES_64(192U, __VA_ARGS__)                                                         \
    }

static const uint32_t slices[8][256] = {
    SLICE(0xf26b8303U, 0xe13b70f7U, 0xc79a971fU, 0x8ad958cfU, 0x105ec76fU, 0x20bd8edeU, 0x417b1dbcU,
          0x82f63b78U),
    SLICE(0x13a29877U, 0x274530eeU, 0x4e8a61dcU, 0x9d14c3b8U, 0x3fc5f181U, 0x7f8be302U, 0xff17c604U,
          0xfbc3faf9U),
    SLICE(0xa541927eU, 0x4f6f520dU, 0x9edea41aU, 0x38513ec5U, 0x70a27d8aU, 0xe144fb14U, 0xc76580d9U,
          0x8b277743U),
    SLICE(0xdd45aab8U, 0xbf672381U, 0x7b2231f3U, 0xf64463e6U, 0xe964b13dU, 0xd725148bU, 0xaba65fe7U,
          0x52a0c93fU),
    SLICE(0x38116facU, 0x7022df58U, 0xe045beb0U, 0xc5670b91U, 0x8f2261d3U, 0x1ba8b557U, 0x37516aaeU,
          0x6ea2d55cU),
    SLICE(0xef306b19U, 0xdb8ca0c3U, 0xb2f53777U, 0x6006181fU, 0xc00c303eU, 0x85f4168dU, 0x0e045bebU,
          0x1c08b7d6U),
    SLICE(0x68032cc8U, 0xd0065990U, 0xa5e0c5d1U, 0x4e2dfd53U, 0x9c5bfaa6U, 0x3d5b83bdU, 0x7ab7077aU,
          0xf56e0ef4U),
    SLICE(0x493c7d27U, 0x9278fa4eU, 0x211d826dU, 0x423b04daU, 0x847609b4U, 0x0d006599U, 0x1a00cb32U,
          0x34019664U),
};

uint32_t
wr_crc32c_portable(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *at = data;
    crc = ~crc;
    for (; size >= 8; size -= 8, at += 8) {
        uint32_t low = wr_get_u32(at) ^ crc;
        uint32_t high = wr_get_u32(at + 4);
        crc = slices[7][low & 0xff] ^ slices[6][(low >> 8) & 0xff] ^ slices[5][(low >> 16) & 0xff] ^
              slices[4][low >> 24] ^ slices[3][high & 0xff] ^ slices[2][(high >> 8) & 0xff] ^
              slices[1][(high >> 16) & 0xff] ^ slices[0][high >> 24];
    }
    for (; size > 0; size--, at++) {
        crc = (crc >> 8) ^ slices[0][(crc ^ *at) & 0xff];
    }
    return ~crc;
}

#if defined(__x86_64__)

#include <immintrin.h>

/* Block lengths and their constants x^(8L - 33). */
enum {
    LONG_BLOCK = 4096,
    SHORT_BLOCK = 256
};
static const uint32_t long_shift = 0x82f89c77U;
static const uint32_t short_shift = 0xb9e02b86U;

__attribute__((target("sse4.2,pclmul"))) static inline uint64_t
shift(uint64_t crc, uint32_t constant)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)crc),
                                           _mm_cvtsi32_si128((int)constant), 0);
    return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

__attribute__((target("sse4.2,pclmul"))) static inline uint64_t
three_blocks(uint64_t crc, const uint8_t *at, size_t block, uint32_t constant)
{
    uint64_t second = 0;
    uint64_t third = 0;
    for (const uint8_t *end = at + block; at < end; at += 8) {
        crc = _mm_crc32_u64(crc, wr_get_u64(at));
        second = _mm_crc32_u64(second, wr_get_u64(at + block));
        third = _mm_crc32_u64(third, wr_get_u64(at + 2 * block));
    }
    crc = shift(crc, constant) ^ second;
    return shift(crc, constant) ^ third;
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t
crc32c_sse(uint32_t start, const uint8_t *at, size_t size)
{
    uint64_t crc = ~start;
    for (; size >= 3 * (size_t)LONG_BLOCK; size -= 3 * LONG_BLOCK, at += 3 * LONG_BLOCK) {
        crc = three_blocks(crc, at, LONG_BLOCK, long_shift);
    }
    for (; size >= 3 * (size_t)SHORT_BLOCK; size -= 3 * SHORT_BLOCK, at += 3 * SHORT_BLOCK) {
        crc = three_blocks(crc, at, SHORT_BLOCK, short_shift);
    }
    for (; size >= 8; size -= 8, at += 8) {
        crc = _mm_crc32_u64(crc, wr_get_u64(at));
    }
    uint32_t last = (uint32_t)crc;
    for (; size > 0; size--, at++) {
        last = _mm_crc32_u8(last, *at);
    }
    return ~last;
}

uint32_t
wr_crc32c(uint32_t crc, const void *data, size_t size)
{
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")) {
        return crc32c_sse(crc, data, size);
    }
    return wr_crc32c_portable(crc, data, size);
}

#else

uint32_t
wr_crc32c(uint32_t crc, const void *data, size_t size)
{
    return wr_crc32c_portable(crc, data, size);
}

#endif
