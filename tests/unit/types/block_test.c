/* SPDX-License-Identifier: Apache-2.0 */
/* block and print: which bytes are a block, how large it is, and how it is written for people. */
#include "support.h"
#include "types/block.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static void
assert_corrupt(const weir_type *type, const void *block, size_t size, const char *words)
{
    weir_error err = { .status = WEIR_OK };
    assert_int_equal(weir_type_check_block(type, block, size, &err), WEIR_CORRUPT);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.message, words);
    }
}

TEST(a_block_ends_behind_its_last_part)
{
    weir_type *type = make_word_count();
    _Alignas(8) uint8_t block[64] = { 0 };
    weir_error err;
    assert_int_equal(write_word_count(block, "", 1), 16);
    assert_int_equal(wr_block_size(type, block), 16);
    assert_ok(weir_type_check_block(type, block, 16, &err), &err);
    memset(block, 0, sizeof block);
    assert_int_equal(write_word_count(block, "hello", 1), 24);
    assert_int_equal(wr_block_size(type, block), 24);
    assert_ok(weir_type_check_block(type, block, 24, &err), &err);
    int32_t number = 5;
    assert_int_equal(wr_block_size(weir_type_of_kind(WEIR_I32), &number), 8);
    assert_ok(weir_type_check_block(weir_type_of_kind(WEIR_I32), &number, 4, &err), &err);
    weir_type_destroy(type);
}

TEST(bytes_that_are_no_block_are_refused_with_the_place)
{
    weir_type *type = make_word_count();
    _Alignas(8) uint8_t block[64] = { 0 };
    size_t size = write_word_count(block, "hello", 1);
    assert_corrupt(type, block, 15, "a block of 15 bytes");
    assert_corrupt(type, block, (size_t)WEIR_VALUE_SIZE_MAX + 1, "to 16777216");
    assert_corrupt(type, block, size + 8, "whose last part ends at 21, it must have 24");
    assert_corrupt(type, block, 16, "points to bytes 16 to 21");
    block[22] = 1;
    assert_corrupt(type, block, size, "byte 22, behind the last part");
    block[22] = 0;
    block[17] = 0xff;
    assert_corrupt(type, block, size, "the string at byte 16 of the block is not UTF-8");
    block[17] = 'e';
    weir_string inside = { 8, 5 };
    memcpy(block, &inside, sizeof inside);
    assert_corrupt(type, block, size, "points to bytes 8 to 13");
    weir_string wrapping = { UINT32_MAX, UINT32_MAX };
    memcpy(block, &wrapping, sizeof wrapping);
    assert_corrupt(type, block, size, "points to bytes 4294967295 to 8589934590");
    weir_string empty = { UINT32_MAX, 0 };
    memset(block, 0, sizeof block);
    memcpy(block, &empty, sizeof empty);
    weir_error err;
    assert_ok(weir_type_check_block(type, block, 16, &err), &err);
    uint8_t bad_bool = 2;
    assert_corrupt(weir_type_of_kind(WEIR_BOOL), &bad_bool, 1, "is 2, neither 0 nor 1");
    weir_type_destroy(type);
}

static void
assert_prints(const weir_type *type, const void *block, const char *expected)
{
    char out[256];
    memset(out, '#', sizeof out);
    size_t size = weir_type_print(type, block, out, sizeof out);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(out, expected, size);
    assert_int_equal(out[size], '#');
    size_t half = size / 2;
    memset(out, '#', sizeof out);
    assert_int_equal(weir_type_print(type, block, out, half), size);
    assert_memory_equal(out, expected, half);
    assert_int_equal(out[half], '#');
    assert_int_equal(weir_type_print(type, block, NULL, 0), size);
}

#define ASSERT_PRINTS(kind, c_type, number, expected)                        \
    do {                                                                     \
        c_type value_to_print = (number);                                    \
        assert_prints(weir_type_of_kind(kind), &value_to_print, (expected)); \
    } while (0)

TEST(numbers_print_as_in_java)
{
    ASSERT_PRINTS(WEIR_BOOL, uint8_t, 1, "true");
    ASSERT_PRINTS(WEIR_BOOL, uint8_t, 0, "false");
    ASSERT_PRINTS(WEIR_I8, int8_t, -128, "-128");
    ASSERT_PRINTS(WEIR_U8, uint8_t, 200, "200");
    ASSERT_PRINTS(WEIR_I16, int16_t, -32768, "-32768");
    ASSERT_PRINTS(WEIR_U16, uint16_t, 65535, "65535");
    ASSERT_PRINTS(WEIR_I32, int32_t, INT32_MIN, "-2147483648");
    ASSERT_PRINTS(WEIR_U32, uint32_t, UINT32_MAX, "4294967295");
    ASSERT_PRINTS(WEIR_I64, int64_t, INT64_MIN, "-9223372036854775808");
    ASSERT_PRINTS(WEIR_I64, int64_t, 0, "0");
    ASSERT_PRINTS(WEIR_U64, uint64_t, UINT64_MAX, "18446744073709551615");
}

TEST(floating_numbers_print_as_in_java)
{
    struct {
        double number;
        const char *text;
    } doubles[] = {
        { 0.0, "0.0" },
        { -0.0, "-0.0" },
        { 1.0, "1.0" },
        { -1.5, "-1.5" },
        { 100.0, "100.0" },
        { 0.1, "0.1" },
        { 0.001, "0.001" },
        { 0.00123, "0.00123" },
        { 9.99e-4, "9.99E-4" },
        { 123456.789, "123456.789" },
        { 9999999.0, "9999999.0" },
        { 9999999.999999998, "9999999.999999998" },
        { 1e7, "1.0E7" },
        { 12345678.9, "1.23456789E7" },
        { 1e10, "1.0E10" },
        { 1e100, "1.0E100" },
        { 1.0 / 3, "0.3333333333333333" },
        { 2.0 / 3, "0.6666666666666666" },
        { 1e21, "1.0E21" },
        { 1.1e-5, "1.1E-5" },
        { DBL_MAX, "1.7976931348623157E308" },
        { DBL_MIN, "2.2250738585072014E-308" },
        { 4.9e-324, "4.9E-324" },
        { (double)INFINITY, "Infinity" },
        { (double)-INFINITY, "-Infinity" },
        { (double)NAN, "NaN" },
        { 3.141592653589793, "3.141592653589793" },
    };
    for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++) {
        ASSERT_PRINTS(WEIR_F64, double, doubles[i].number, doubles[i].text);
    }
    ASSERT_PRINTS(WEIR_F32, float, 1.5f, "1.5");
    ASSERT_PRINTS(WEIR_F32, float, 0.1f, "0.1");
    ASSERT_PRINTS(WEIR_F32, float, 16777216.0f, "1.6777216E7");
    ASSERT_PRINTS(WEIR_F32, float, FLT_MAX, "3.4028235E38");
    ASSERT_PRINTS(WEIR_F32, float, 1.4e-45f, "1.4E-45");
    ASSERT_PRINTS(WEIR_F32, float, -0.0f, "-0.0");
    ASSERT_PRINTS(WEIR_F32, float, NAN, "NaN");
}

TEST(a_tuple_prints_in_parentheses)
{
    weir_type *type = make_word_count();
    _Alignas(8) uint8_t block[64] = { 0 };
    write_word_count(block, "word", 1);
    assert_prints(type, block, "(word,1)");
    struct outer {
        struct word_count inner;
        weir_string raw;
    };
    weir_field fields[] = {
        { "inner", WEIR_STRUCT, 0, sizeof(struct word_count), type, NULL },
        WEIR_FIELD(struct outer, raw, BYTES),
    };
    weir_type *outer = MAKE_STRUCT(struct outer, "outer", fields);
    _Alignas(8) uint8_t outer_block[64] = { 0 };
    struct outer record = { .inner.count = -2 };
    uint32_t end =
        weir_string_write(outer_block, &record.inner.word, sizeof record, weir_bytes_of_text("a"));
    weir_string_write(outer_block, &record.raw, end, weir_bytes_of("\x01\x02\xff", 3));
    memcpy(outer_block, &record, sizeof record);
    assert_prints(outer, outer_block, "((a,-2),[1, 2, -1])");
    weir_type_destroy(outer);
    weir_type_destroy(type);
}

TEST(a_struct_of_26_fields_prints_as_row)
{
    weir_field fields[26];
    char names[26][4];
    uint8_t block[32] = { 0 };
    for (uint32_t i = 0; i < 26; i++) {
        snprintf(names[i], sizeof names[i], "f%u", i);
        fields[i] = (weir_field){ names[i], WEIR_U8, i, 1, NULL, NULL };
    }
    weir_type *tuple = make_struct("wide", 25, fields, 25);
    weir_type *row = make_struct("wider", 26, fields, 26);
    assert_prints(tuple, block, "(0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0)");
    assert_prints(
        row, block,
        "+I[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]");
    weir_type_destroy(row);
    weir_type_destroy(tuple);
}

TEST(a_key_prints_from_its_bytes)
{
    char out[32];
    size_t size =
        wr_key_print(weir_type_of_kind(WEIR_STRING), weir_bytes_of_text("word"), out, sizeof out);
    assert_int_equal(size, 4);
    assert_memory_equal(out, "word", 4);
    size = wr_key_print(weir_type_of_kind(WEIR_BYTES), weir_bytes_of_text("a"), out, sizeof out);
    assert_int_equal(size, 4);
    assert_memory_equal(out, "[97]", 4);
    int64_t number = 12;
    size = wr_key_print(weir_type_of_kind(WEIR_I64), weir_bytes_of(&number, 8), out, sizeof out);
    assert_int_equal(size, 2);
    assert_memory_equal(out, "12", 2);
}
