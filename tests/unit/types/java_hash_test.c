/* SPDX-License-Identifier: Apache-2.0 */
/* java_hash and key_group: Flink's reference vectors, computed by another implementation (JDK 17).
 */
#include "support.h"
#include "types/java_hash.h"
#include "types/key_group.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>

static void
assert_hash(const weir_type *type, const void *block, int32_t hash, uint32_t key_group)
{
    int32_t actual = wr_java_hash(type, block, block);
    assert_int_equal(actual, hash);
    assert_int_equal(wr_key_group_of(actual, 128), key_group);
}

#define ASSERT_HASH(kind, c_type, number, hash, key_group)                         \
    do {                                                                           \
        c_type value_to_hash = (number);                                           \
        assert_hash(weir_type_of_kind(kind), &value_to_hash, (hash), (key_group)); \
    } while (0)

TEST(integer_keys_fall_into_flinks_key_groups)
{
    struct {
        int32_t key;
        uint32_t key_group;
    } vectors[] = {
        { 0, 94 },  { 1, 86 },  { 2, 127 },  { 3, 113 },        { 4, 7 },
        { 5, 126 }, { 6, 18 },  { 7, 113 },  { 8, 15 },         { 9, 51 },
        { -1, 80 }, { 42, 29 }, { 1000, 7 }, { INT32_MAX, 62 }, { INT32_MIN, 108 },
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        int32_t key = vectors[i].key;
        ASSERT_HASH(WEIR_I32, int32_t, key, key, vectors[i].key_group);
    }
    static const uint32_t murmur[] = { 593689054,  68075478,  1085422463, 847579505,
                                       1889779975, 236698494, 975490194,  1343918321 };
    for (int32_t i = 0; i < 8; i++) {
        assert_int_equal(wr_hash_murmur_java(i), murmur[i]);
    }
}

TEST(long_keys_fall_into_flinks_key_groups)
{
    ASSERT_HASH(WEIR_I64, int64_t, 0, 0, 94);
    ASSERT_HASH(WEIR_I64, int64_t, 1, 1, 86);
    ASSERT_HASH(WEIR_I64, int64_t, -1, 0, 94);
    ASSERT_HASH(WEIR_I64, int64_t, INT64_C(1) << 32, 1, 86);
    int64_t large = 123456789012;
    assert_int_equal(
        wr_key_group_of(wr_java_hash(weir_type_of_kind(WEIR_I64), &large, &large), 128), 123);
}

TEST(small_kinds_hash_as_their_flink_types)
{
    ASSERT_HASH(WEIR_BOOL, uint8_t, 1, 1231, 77);
    ASSERT_HASH(WEIR_BOOL, uint8_t, 0, 1237, 3);
    ASSERT_HASH(WEIR_I8, int8_t, -1, -1, 80);
    ASSERT_HASH(WEIR_U8, uint8_t, 'A', 65, 104);
    ASSERT_HASH(WEIR_U16, uint16_t, 'A', 65, 104);
    ASSERT_HASH(WEIR_I16, int16_t, -1, -1, 80);
    ASSERT_HASH(WEIR_U32, uint32_t, UINT32_MAX, -1, 80); /* the Long 4294967295 */
    ASSERT_HASH(WEIR_U64, uint64_t, UINT64_MAX, 0, 94);  /* the Long -1 */
}

TEST(floating_keys_have_one_nan_and_two_zeros)
{
    ASSERT_HASH(WEIR_F32, float, 0.0f, 0, 94);
    ASSERT_HASH(WEIR_F32, float, -0.0f, INT32_MIN, 108);
    ASSERT_HASH(WEIR_F32, float, 1.5f, 1069547520, 70);
    ASSERT_HASH(WEIR_F32, float, NAN, 2143289344, 83);
    ASSERT_HASH(WEIR_F32, uint32_t, 0xffc12345u, 2143289344, 83);
    ASSERT_HASH(WEIR_F32, uint32_t, 0x7f800001u, 2143289344, 83);
    ASSERT_HASH(WEIR_F64, double, 1.5, 1073217536, 65);
    ASSERT_HASH(WEIR_F64, double, (double)NAN, 2146959360, 41);
    ASSERT_HASH(WEIR_F64, uint64_t, 0xfff0000000000001ULL, 2146959360, 41);
    ASSERT_HASH(WEIR_F64, double, -0.0, INT32_MIN, 108);
    ASSERT_HASH(WEIR_F32, float, INFINITY, 0x7f800000, wr_key_group_of(0x7f800000, 128));
}

TEST(string_keys_hash_over_utf16_units)
{
    struct {
        weir_bytes text;
        int32_t hash;
        uint32_t key_group;
    } vectors[] = {
        { weir_bytes_of_text(""), 0, 94 },
        { weir_bytes_of_text("a"), 97, 81 },
        { weir_bytes_of_text("hello"), 99162322, 35 },
        { weir_bytes_of_text("HELLO"), 68624562, 114 },
        { weir_bytes_of_text("flink"), 97520992, 98 },
        { weir_bytes_of_text("key-1"), 101943363, 54 },
        { weir_bytes_of_text("word"), 3655434, 93 },
        { weir_bytes_of_text("\xc3\xa9"), 233, 30 },
        { weir_bytes_of_text("\xc3\x9f"), 223, 113 },
        { weir_bytes_of_text("\xe6\x97\xa5\xe6\x9c\xac"), 835047, 95 },
        { weir_bytes_of_text("\xf0\x9f\x98\x80"), 1772899, 54 },
        { weir_bytes_of("\0", 1), 0, 94 },
        { weir_bytes_of_text("\xed\xa0\xbd"), 55357, 92 }, /* lone D83D */
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        weir_bytes text = vectors[i].text;
        int32_t hash = wr_java_hash_string(text.data, text.size);
        assert_int_equal(hash, vectors[i].hash);
        assert_int_equal(wr_key_group_of(hash, 128), vectors[i].key_group);
    }
}

TEST(a_long_string_hashes_as_one_step_at_a_time)
{
    uint8_t text[64];
    struct wr_rng rng;
    wr_rng_init(&rng, 7);
    for (int round = 0; round < 20000; round++) {
        size_t size = wr_rng_below(&rng, 40);
        uint32_t expected = 0;
        size_t at = 0;
        while (at < size) {
            uint32_t code = (uint32_t)wr_rng_below(&rng, 128);
            if (wr_rng_below(&rng, 20) == 0) { /* é to ÿ */
                code = 0xe9 + (uint32_t)wr_rng_below(&rng, 16);
                text[at++] = 0xc3;
                text[at++] = (uint8_t)(0x80 | (code & 0x3f));
            } else {
                text[at++] = (uint8_t)code;
            }
            expected = 31 * expected + code;
        }
        assert_int_equal(wr_java_hash_string(text, at), (int32_t)expected);
    }
}

TEST(a_cut_off_sequence_is_not_read_past_the_end)
{
    static const char *const cut[] = { "\xf0\x9f\x98", "\xe6\x97", "\xc3", "\xff", "abcd\xf0" };
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        size_t size = strlen(cut[i]);
        char *exact = test_malloc(size); /* the sanitizer watches its end */
        memcpy(exact, cut[i], size);
        (void)wr_java_hash_string(exact, size);
        test_free(exact);
    }
}

struct pair {
    weir_string text;
    int32_t number;
};

static void
write_pair(void *block, const char *text, int32_t number)
{
    struct pair pair = { .number = number };
    weir_string_write(block, &pair.text, sizeof pair, weir_bytes_of_text(text));
    memcpy(block, &pair, sizeof pair);
}

TEST(tuples_and_rows_hash_as_in_flink)
{
    const weir_field pair_fields[] = {
        WEIR_FIELD(struct pair, text, STRING),
        WEIR_FIELD(struct pair, number, I32),
    };
    weir_type *pair = MAKE_STRUCT(struct pair, "pair", pair_fields);
    _Alignas(8) uint8_t block[64] = { 0 };
    write_pair(block, "a", 1);
    assert_hash(pair, block, 3008, 29);
    int32_t row = wr_java_hash_row(pair, block, block);
    assert_int_equal(row, 4961);
    assert_int_equal(wr_key_group_of(row, 128), 7);

    const weir_field triple_fields[] = {
        { "a", WEIR_STRING, 0, 8, NULL, NULL },
        { "b", WEIR_I64, 8, 8, NULL, NULL },
        { "c", WEIR_BOOL, 16, 1, NULL, NULL },
    };
    weir_type *triple = make_struct("triple", 17, triple_fields, 3);
    memset(block, 0, sizeof block);
    weir_string text;
    weir_string_write(block, &text, 17, weir_bytes_of_text("a"));
    memcpy(block, &text, 8);
    block[8] = 1;
    block[16] = 1;
    assert_hash(triple, block, 94479, 29);

    const weir_field single_field = { "word", WEIR_STRING, 0, 8, NULL, NULL };
    weir_type *single = make_struct("single", 8, &single_field, 1);
    memset(block, 0, sizeof block);
    weir_string_write(block, &text, 8, weir_bytes_of_text("word"));
    memcpy(block, &text, 8);
    assert_hash(single, block, 3655434, 93);

    const weir_field ints_fields[] = {
        { "a", WEIR_I32, 0, 4, NULL, NULL },
        { "b", WEIR_I32, 4, 4, NULL, NULL },
    };
    weir_type *ints = make_struct("ints", 8, ints_fields, 2);
    const weir_field nested_fields[] = {
        { "a", WEIR_STRUCT, 0, 8, ints, NULL },
        { "b", WEIR_I64, 8, 8, NULL, NULL },
    };
    weir_type *nested = make_struct("nested", 16, nested_fields, 2);
    memset(block, 0, sizeof block);
    block[0] = 1;
    block[4] = 2;
    block[8] = 3;
    assert_hash(nested, block, 1026, 122);
    weir_type_destroy(nested);
    weir_type_destroy(ints);
    weir_type_destroy(single);
    weir_type_destroy(triple);
    weir_type_destroy(pair);
}

TEST(a_struct_of_26_fields_hashes_as_row)
{
    weir_field fields[26];
    char names[26][4];
    uint8_t block[32] = { 0 };
    uint32_t tuple_hash = 0;
    uint32_t row_hash = 1;
    for (uint32_t i = 0; i < 26; i++) {
        snprintf(names[i], sizeof names[i], "f%u", i);
        fields[i] = (weir_field){ names[i], WEIR_U8, i, 1, NULL, NULL };
        block[i] = (uint8_t)(i * 3);
        tuple_hash = i < 25 ? 31 * tuple_hash + block[i] : tuple_hash;
        row_hash = 31 * row_hash + 31 + block[i];
    }
    weir_type *tuple = make_struct("wide", 25, fields, 25);
    weir_type *row = make_struct("wider", 26, fields, 26);
    assert_int_equal(wr_java_hash(tuple, block, block), (int32_t)tuple_hash);
    assert_int_equal(wr_java_hash(row, block, block), (int32_t)row_hash);
    weir_field outer_field = { "row", WEIR_STRUCT, 0, 26, row, NULL };
    weir_type *outer = make_struct("outer", 26, &outer_field, 1);
    assert_int_equal(wr_java_hash_row(outer, block, block), (int32_t)(31 + row_hash));
    weir_type_destroy(outer);
    weir_type_destroy(row);
    weir_type_destroy(tuple);
}

TEST(bytes_hash_as_arrays)
{
    int32_t hash = wr_java_hash_bytes("\x01\x02\x03", 3);
    assert_int_equal(hash, 30817);
    assert_int_equal(wr_key_group_of(hash, 128), 97);
    assert_int_equal(wr_java_hash_bytes("\xff", 1), 30);
    assert_int_equal(wr_java_hash_bytes(NULL, 0), 1);
}

TEST(key_groups_belong_to_flinks_subtasks)
{
    assert_int_equal(wr_key_group_subtask(94, 2, 128), 1);
    assert_int_equal(wr_key_group_subtask(94, 3, 128), 2);
    assert_int_equal(wr_key_group_subtask(94, 4, 128), 2);
    assert_int_equal(wr_key_group_subtask(35, 2, 128), 0);
    assert_int_equal(wr_key_group_subtask(35, 3, 128), 0);
    assert_int_equal(wr_key_group_subtask(35, 4, 128), 1);
    static const struct {
        uint32_t max_parallelism, parallelism, subtask, first, last;
    } ranges[] = {
        { 128, 3, 0, 0, 42 }, { 128, 3, 1, 43, 85 }, { 128, 3, 2, 86, 127 }, { 10, 4, 0, 0, 2 },
        { 10, 4, 1, 3, 4 },   { 10, 4, 2, 5, 7 },    { 10, 4, 3, 8, 9 },     { 4, 3, 0, 0, 1 },
        { 4, 3, 1, 2, 2 },    { 4, 3, 2, 3, 3 },
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        uint32_t first;
        uint32_t last;
        wr_key_group_range(ranges[i].subtask, ranges[i].parallelism, ranges[i].max_parallelism,
                           &first, &last);
        assert_int_equal(first, ranges[i].first);
        assert_int_equal(last, ranges[i].last);
    }
}

TEST(ranges_tile_the_key_groups_and_agree_with_the_subtask)
{
    static const uint32_t maxima[] = { 1, 2, 7, 10, 127, 128, 129, 1000, 32767, 32768 };
    for (size_t m = 0; m < sizeof maxima / sizeof maxima[0]; m++) {
        uint32_t max_parallelism = maxima[m];
        uint32_t step = max_parallelism > 200 ? 97 : 1;
        for (uint32_t parallelism = 1; parallelism <= max_parallelism; parallelism += step) {
            uint32_t next = 0;
            for (uint32_t subtask = 0; subtask < parallelism; subtask++) {
                uint32_t first;
                uint32_t last;
                wr_key_group_range(subtask, parallelism, max_parallelism, &first, &last);
                if (first != next || last < first ||
                    wr_key_group_subtask(first, parallelism, max_parallelism) != subtask ||
                    wr_key_group_subtask(last, parallelism, max_parallelism) != subtask) {
                    fail_msg("subtask %u of %u, max %u", subtask, parallelism, max_parallelism);
                }
                next = last + 1;
            }
            assert_int_equal(next, max_parallelism);
        }
    }
}

TEST(key_groups_are_below_any_max_parallelism)
{
    for (int32_t code = -5000; code < 5000; code++) {
        assert_true(wr_key_group_of(code, 100) < 100);
        assert_int_equal(wr_key_group_of(code, 100), wr_hash_murmur_java(code) % 100);
        assert_int_equal(wr_key_group_of(code, 32768), wr_hash_murmur_java(code) % 32768);
        assert_int_equal(wr_key_group_of(code, 1), 0);
    }
}

TEST(the_default_max_parallelism_is_flinks)
{
    static const uint32_t vectors[][2] = {
        { 1, 128 },   { 85, 128 },  { 86, 256 },    { 100, 256 },     { 128, 256 },
        { 171, 256 }, { 200, 512 }, { 1000, 2048 }, { 20000, 32768 }, { 32768, 32768 },
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_int_equal(wr_max_parallelism_default(vectors[i][0]), vectors[i][1]);
    }
}

TEST(parallelism_out_of_bounds_is_refused)
{
    weir_error err = { .status = WEIR_OK };
    assert_ok(wr_parallelism_check(1, 1, &err), &err);
    assert_ok(wr_parallelism_check(32768, 32768, &err), &err);
    assert_int_equal(wr_parallelism_check(0, 128, &err), WEIR_INVALID);
    assert_int_equal(wr_parallelism_check(129, 128, &err), WEIR_INVALID);
    assert_non_null(strstr(err.message, "parallelism is 129, it must be from 1 to the max "
                                        "parallelism, 128"));
    assert_int_equal(wr_parallelism_check(1, 0, &err), WEIR_INVALID);
    assert_int_equal(wr_parallelism_check(1, 32769, &err), WEIR_INVALID);
    assert_non_null(strstr(err.message, "32769"));
}
