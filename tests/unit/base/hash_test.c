/* SPDX-License-Identifier: Apache-2.0 */
/* hash_test: the hashes against what Flink computes, and hash64 against itself for ever. The
 * vectors were computed by an independent implementation; the operator ids stand in a savepoint of
 * Flink's. */
#include "support/test.h"

#include "base/hash.h"
#include "base/rng.h"

#include <stdio.h>
#include <string.h>

TEST(murmur_of_small_codes_is_flinks)
{
    static const uint32_t expected[] = { 593689054,  68075478,  1085422463, 847579505,
                                         1889779975, 236698494, 975490194,  1343918321 };
    for (int32_t code = 0; code < 8; code++) {
        assert_int_equal(wr_hash_murmur_java(code), expected[code]);
    }
}

TEST(murmur_gives_flinks_key_groups)
{
    static const struct {
        int32_t code;
        uint32_t key_group;
    } cases[] = {
        { 0, 94 },          { 1, 86 },         { 2, 127 },         { 3, 113 },
        { 4, 7 },           { 5, 126 },        { 6, 18 },          { 7, 113 },
        { 8, 15 },          { 9, 51 },         { -1, 80 },         { 42, 29 },
        { 1000, 7 },        { INT32_MAX, 62 }, { INT32_MIN, 108 }, { 97, 81 },
        { 99162322, 35 },   { 68624562, 114 }, { 97520992, 98 },   { 101943363, 54 },
        { 3655434, 93 },    { 1231, 77 },      { 1237, 3 },        { 1069547520, 70 },
        { 2143289344, 83 }, { 835047, 95 },    { 1772899, 54 },    { 30817, 97 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(wr_hash_murmur_java(cases[i].code) % 128, cases[i].key_group);
    }
}

TEST(murmur_is_never_negative)
{
    struct wr_rng rng;
    wr_rng_init(&rng, 1);
    for (int i = 0; i < 1000000; i++) {
        assert_true(wr_hash_murmur_java((int32_t)wr_rng_next(&rng)) <= INT32_MAX);
    }
}

static void
assert_operator_id(const char *uid, const char *expected)
{
    uint8_t id[16];
    char text[33];
    wr_hash_murmur3_128(uid, strlen(uid), id);
    for (size_t i = 0; i < sizeof id; i++) {
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    }
    assert_string_equal(text, expected);
}

TEST(murmur3_128_gives_flinks_operator_ids)
{
    assert_operator_id("CheckpointingSource1", "69f32d314b97c6f7f9ed7873983167f2");
    assert_operator_id("CheckpointingKeyedStateFlatMap1", "d5c8b168c6cbfe8c507a10f88b325243");
    assert_operator_id("CheckpointingTimelyStatefulOperator1", "4b818c7923a927796d24b727201ba34d");
    assert_operator_id("CheckpointingSource2", "1f2b5df5a66154aca61fcb26193792be");
    assert_operator_id("CheckpointingKeyedStateFlatMap2", "dab25811652d3d4983a30c6e4afacb1c");
    assert_operator_id("CheckpointingTimelyStatefulOperator2", "41e91aae0bee218c44306cf7d21940ad");
}

TEST(murmur3_128_of_nothing_is_zero)
{
    static const uint8_t zeros[16];
    uint8_t id[16];
    wr_hash_murmur3_128("", 0, id);
    assert_memory_equal(id, zeros, sizeof id);
}

/* The sum over every length 0..200 of one sequence: any change of any path changes it. */
TEST(hash64_stays_what_it_is)
{
    uint8_t data[200];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7 + 3);
    }
    uint64_t sum = 0;
    for (size_t size = 0; size <= sizeof data; size++) {
        sum = sum * 31 + wr_hash64(data, size, size);
    }
    assert_int_equal(sum, 0x1f098405b47b8f06U);
    assert_int_equal(wr_hash64_word(42, 7), 0x261ca4656cd887bcU);
}

TEST(hash64_tells_lengths_seeds_and_bits_apart)
{
    static const uint8_t zeros[64];
    assert_int_not_equal(wr_hash64(zeros, 0, 0), wr_hash64(zeros, 0, 1));
    for (size_t size = 0; size < sizeof zeros; size++) {
        assert_int_not_equal(wr_hash64(zeros, size, 0), wr_hash64(zeros, size + 1, 0));
    }
    for (size_t size = 1; size <= sizeof zeros; size++) {
        uint8_t changed[64] = { 0 };
        for (size_t bit = 0; bit < 8 * size; bit++) {
            changed[bit / 8] = (uint8_t)(1U << (bit % 8));
            assert_int_not_equal(wr_hash64(zeros, size, 5), wr_hash64(changed, size, 5));
            changed[bit / 8] = 0;
        }
    }
}

/* Flipping one input bit must flip each output bit in about half of the cases. */
TEST(hash64_flips_half_of_the_bits)
{
    enum {
        ROUNDS = 2000,
        SIZE = 12
    };
    unsigned flips[64] = { 0 };
    struct wr_rng rng;
    wr_rng_init(&rng, 99);
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t data[SIZE];
        for (size_t i = 0; i < SIZE; i++) {
            data[i] = (uint8_t)wr_rng_next(&rng);
        }
        uint64_t before = wr_hash64(data, SIZE, 1);
        uint64_t bit = wr_rng_below(&rng, 8 * SIZE);
        data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        uint64_t changed = before ^ wr_hash64(data, SIZE, 1);
        for (unsigned i = 0; i < 64; i++) {
            flips[i] += (unsigned)((changed >> i) & 1);
        }
    }
    for (unsigned i = 0; i < 64; i++) {
        assert_in_range(flips[i], ROUNDS * 2 / 5, ROUNDS * 3 / 5);
    }
}
