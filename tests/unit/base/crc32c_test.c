/* SPDX-License-Identifier: Apache-2.0 */
/* crc32c_test: the vectors of RFC 3720 B.4, and the fast version against the portable one. */
#include "support/test.h"

#include "base/crc32c.h"
#include "base/rng.h"

#include <string.h>

static void
assert_both(const void *data, size_t size, uint32_t expected)
{
    assert_int_equal(wr_crc32c(0, data, size), expected);
    assert_int_equal(wr_crc32c_portable(0, data, size), expected);
}

TEST(crc32c_gives_the_vectors_of_the_rfc)
{
    uint8_t data[32];
    memset(data, 0, sizeof data);
    assert_both(data, sizeof data, 0x8a9136aa);
    memset(data, 0xff, sizeof data);
    assert_both(data, sizeof data, 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++) {
        data[i] = i;
    }
    assert_both(data, sizeof data, 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++) {
        data[i] = (uint8_t)(31 - i);
    }
    assert_both(data, sizeof data, 0x113fdb5c);
    assert_both("123456789", 9, 0xe3069283);
    assert_both("", 0, 0);
}

static uint8_t sample[100000];

TEST(crc32c_fast_equals_portable_at_any_size_and_alignment)
{
    struct wr_rng rng;
    wr_rng_init(&rng, 7);
    for (size_t i = 0; i < sizeof sample; i++) {
        sample[i] = (uint8_t)wr_rng_next(&rng);
    }
    for (size_t size = 0; size < 2000; size++) {
        assert_int_equal(wr_crc32c(1, sample + size % 9, size),
                         wr_crc32c_portable(1, sample + size % 9, size));
    }
    for (int i = 0; i < 500; i++) {
        size_t start = wr_rng_below(&rng, 64);
        size_t size = wr_rng_below(&rng, sizeof sample - start);
        uint32_t crc = (uint32_t)wr_rng_next(&rng);
        assert_int_equal(wr_crc32c(crc, sample + start, size),
                         wr_crc32c_portable(crc, sample + start, size));
    }
}

TEST(crc32c_streams)
{
    struct wr_rng rng;
    wr_rng_init(&rng, 8);
    for (size_t i = 0; i < sizeof sample; i++) {
        sample[i] = (uint8_t)wr_rng_next(&rng);
    }
    uint32_t whole = wr_crc32c(0, sample, sizeof sample);
    for (int i = 0; i < 50; i++) {
        size_t first = wr_rng_below(&rng, sizeof sample);
        uint32_t crc = wr_crc32c(0, sample, first);
        assert_int_equal(wr_crc32c(crc, sample + first, sizeof sample - first), whole);
    }
}
