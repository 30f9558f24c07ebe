/* SPDX-License-Identifier: Apache-2.0 */
/* serializers: against what Flink wrote, there and back, and bytes that are nothing. */
#include "support.h"

#include "base/rng.h"
#include "types/block.h"
#include "weir/serializer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define BYTES(literal) weir_bytes_of((literal), sizeof(literal) - 1)

enum {
    ROOM = 4096
};

static weir_bytes
sample(const char *name, uint8_t room[ROOM])
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/flink/serializers-1.17/%s-serializer/test-data",
             WEIR_SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(room, 1, ROOM, file);
    fclose(file);
    return weir_bytes_of(room, size);
}

static const weir_type *
scalar(weir_kind kind)
{
    return weir_type_of_kind(kind);
}

/* What the bytes are read as; written again it must be the same bytes. */
static size_t
there_and_back(const weir_type *type, weir_bytes bytes, void *block)
{
    weir_error error = { .status = WEIR_OK };
    size_t size = 0;
    size_t taken = 0;
    assert_ok(weir_type_deserialize(type, bytes, block, ROOM, &size, &taken, &error), &error);
    assert_int_equal(taken, bytes.size);
    assert_ok(weir_type_check_block(type, block, size, &error), &error);
    size_t next = 0;
    assert_ok(weir_type_serialized_next(type, bytes, &next, &error), &error);
    assert_int_equal(next, bytes.size);

    uint8_t again[2 * ROOM];
    assert_true(weir_type_serialize_bound(type, block) <= sizeof again);
    size_t written = weir_type_serialize(type, block, again);
    assert_true(written <= weir_type_serialize_bound(type, block));
    assert_int_equal(written, bytes.size);
    assert_memory_equal(again, bytes.data, written);
    return size;
}

static int64_t
number_of(const char *name, weir_kind kind)
{
    uint8_t room[ROOM];
    _Alignas(8) uint8_t block[ROOM] = { 0 };
    there_and_back(scalar(kind), sample(name, room), block);
    int64_t number;
    memcpy(&number, block, sizeof number);
    return number;
}

static void
assert_content(const void *block, const char *expected)
{
    weir_string string;
    memcpy(&string, block, sizeof string);
    assert_int_equal(string.size, strlen(expected));
    assert_memory_equal((const char *)block + string.offset, expected, string.size);
}

/* The values are those of Flink's own upgrade tests. */
TEST(flinks_samples_are_read_and_written)
{
    assert_int_equal(number_of("boolean", WEIR_BOOL), 1);
    assert_int_equal(number_of("byte", WEIR_I8), 42);
    assert_int_equal(number_of("short", WEIR_I16), 123);
    assert_int_equal(number_of("short", WEIR_U8), 123);
    assert_int_equal(number_of("int", WEIR_I32), 123456);
    assert_int_equal(number_of("long", WEIR_I64), 1234567890);
    assert_int_equal(number_of("long", WEIR_U64), 1234567890);
    assert_int_equal(number_of("long", WEIR_U32), 1234567890);

    int64_t bits = number_of("float", WEIR_F32);
    float single;
    memcpy(&single, &bits, sizeof single);
    assert_true(single == 123.456f);
    bits = number_of("double", WEIR_F64);
    double number;
    memcpy(&number, &bits, sizeof number);
    assert_true(number == 12345.6789);

    uint8_t room[ROOM];
    _Alignas(8) uint8_t block[ROOM];
    there_and_back(scalar(WEIR_STRING), sample("string", room), block);
    assert_content(block, "123456789012345678901234567890123456");
    there_and_back(scalar(WEIR_BYTES), sample("byte-primitive-array", room), block);
    weir_string bytes;
    memcpy(&bytes, block, sizeof bytes);
    assert_int_equal(bytes.size, 10);
    assert_memory_equal(block + bytes.offset, "\0\1\2\3\4\5\6\7\10\11", 10);
}

TEST(flinks_tuple_is_a_struct)
{
    /* As a user's struct would stand: two strings and an i32, without a gap. */
    static const weir_field fields[] = {
        { "name", WEIR_STRING, 0, 8, NULL, NULL },
        { "job", WEIR_STRING, 8, 8, NULL, NULL },
        { "age", WEIR_I32, 16, 4, NULL, NULL },
    };
    weir_type *type = make_struct("worker", 20, fields, 3);
    uint8_t room[ROOM];
    _Alignas(8) uint8_t block[ROOM];
    there_and_back(type, sample("tuple", room), block);
    assert_content(block, "hello Gordon");
    weir_string job;
    memcpy(&job, block + 8, sizeof job);
    assert_int_equal(job.size, 4);
    assert_memory_equal(block + job.offset, "ciao", 4);
    int32_t age;
    memcpy(&age, block + 16, sizeof age);
    assert_int_equal(age, 14);
    weir_type_destroy(type);
}

/* Composed as the engine does: a count, elements; a count, keys, null flags and values; a time. */
TEST(flinks_list_map_and_ttl_are_composed_of_values)
{
    uint8_t room[ROOM];
    _Alignas(8) uint8_t block[ROOM];
    weir_error error = { .status = WEIR_OK };
    weir_bytes list = sample("list", room);
    assert_memory_equal(room, "\0\0\0\2", 4);
    size_t at = 4;
    const char *const elements[] = { "Apache", "Flink" };
    for (size_t i = 0; i < 2; i++) {
        size_t size = 0;
        size_t taken = 0;
        assert_ok(weir_type_deserialize(scalar(WEIR_STRING),
                                        weir_bytes_of(room + at, list.size - at), block, ROOM,
                                        &size, &taken, &error),
                  &error);
        assert_content(block, elements[i]);
        at += taken;
    }
    assert_int_equal(at, list.size);

    weir_bytes map = sample("map", room);
    assert_memory_equal(room, "\0\0\0\3", 4);
    at = 4;
    for (int32_t i = 0; i < 3; i++) {
        int32_t key = -1;
        size_t size = 0;
        size_t taken = 0;
        assert_ok(weir_key_deserialize(scalar(WEIR_I32), weir_bytes_of(room + at, map.size - at),
                                       &key, sizeof key, &size, &taken, &error),
                  &error);
        assert_int_equal(key, i);
        at += taken;
        assert_int_equal(room[at++], 0); /* not null */
        char text[8];
        assert_ok(weir_key_deserialize(scalar(WEIR_STRING), weir_bytes_of(room + at, map.size - at),
                                       text, sizeof text, &size, &taken, &error),
                  &error);
        assert_int_equal(size, 1);
        assert_int_equal(text[0], '0' + i);
        at += taken;
    }
    assert_int_equal(at, map.size);

    weir_bytes ttl = sample("ttl", room);
    assert_memory_equal(room, "\0\0\0\0\0\0\0\r", 8);
    there_and_back(scalar(WEIR_STRING), weir_bytes_of(room + 8, ttl.size - 8), block);
    assert_content(block, "hello Gordon");
}

/* --- rows --- */

struct wide {
    int32_t number[30];
    weir_string text;
};

static weir_type *
make_wide(void)
{
    static char names[31][8];
    static weir_field fields[31];
    for (uint32_t i = 0; i < 30; i++) {
        snprintf(names[i], sizeof names[i], "f%u", i);
        fields[i] = (weir_field){ names[i], WEIR_I32, 4 * i, 4, NULL, NULL };
    }
    fields[30] = (weir_field){ "text", WEIR_STRING, offsetof(struct wide, text), 8, NULL, NULL };
    return MAKE_STRUCT(struct wide, "wide", fields);
}

static size_t
write_wide(uint8_t out[ROOM])
{
    weir_type *type = make_wide();
    _Alignas(8) uint8_t block[ROOM] = { 0 };
    struct wide wide;
    for (int32_t i = 0; i < 30; i++) {
        wide.number[i] = i - 7;
    }
    weir_string_write(block, &wide.text, sizeof wide, BYTES("behind"));
    memcpy(block, &wide, sizeof wide);
    size_t size = weir_type_serialize(type, block, out);
    weir_type_destroy(type);
    return size;
}

TEST(a_struct_of_more_than_25_fields_is_a_row)
{
    uint8_t bytes[ROOM];
    size_t size = write_wide(bytes);
    assert_int_equal(size, 5 + 30 * 4 + 7);
    assert_memory_equal(bytes, "\0\0\0\0\0\xff\xff\xff\xf9", 9);
    weir_type *type = make_wide();
    assert_int_equal(weir_type_serialized_size(type), 0);
    _Alignas(8) uint8_t block[ROOM];
    there_and_back(type, weir_bytes_of(bytes, size), block);
    weir_type_destroy(type);
}

static weir_status
read_wide(const uint8_t *bytes, size_t size, weir_error *error)
{
    weir_type *type = make_wide();
    _Alignas(8) uint8_t block[ROOM];
    size_t block_size = 0;
    size_t taken = 0;
    weir_status status = weir_type_deserialize(type, weir_bytes_of(bytes, size), block, ROOM,
                                               &block_size, &taken, error);
    weir_type_destroy(type);
    return status;
}

TEST(rows_with_nulls_or_another_kind_are_refused_by_name)
{
    uint8_t bytes[ROOM];
    weir_error error = { .status = WEIR_OK };
    size_t size = write_wide(bytes);
    bytes[0] = 0x10; /* the second field: bits 0 and 1 are the kind */
    assert_int_equal(read_wide(bytes, size, &error), WEIR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "f1 is null"));
    bytes[0] = 0x80;
    assert_int_equal(read_wide(bytes, size, &error), WEIR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "INSERT"));
    bytes[0] = 0;
    bytes[4] = 0x01; /* bit 39: there are 33 */
    assert_int_equal(read_wide(bytes, size, &error), WEIR_CORRUPT);

    /* Flink's own: four fields, the first and the last null. */
    uint8_t room[ROOM];
    sample("row", room);
    assert_int_equal(room[0], 0x24);
    assert_memory_equal(room + 1, "\0\0\0\0\0\0\0\x2a\x0bMy string.", 19);
}

/* --- strings --- */

static void
assert_string(weir_bytes text, weir_bytes expected)
{
    uint8_t out[ROOM];
    assert_int_equal(weir_key_serialize(scalar(WEIR_STRING), text, out), expected.size);
    assert_memory_equal(out, expected.data, expected.size);
    assert_true(weir_key_serialize_bound(scalar(WEIR_STRING), text) >= expected.size);
    char back[ROOM];
    size_t size = 0;
    size_t taken = 0;
    weir_error error = { .status = WEIR_OK };
    assert_ok(
        weir_key_deserialize(scalar(WEIR_STRING), expected, back, ROOM, &size, &taken, &error),
        &error);
    assert_int_equal(size, text.size);
    assert_memory_equal(back, text.data, size);
    assert_int_equal(taken, expected.size);
}

TEST(strings_are_utf_16_units)
{
    assert_string(BYTES(""), BYTES("\x01"));
    assert_string(BYTES("a"), BYTES("\x02"
                                    "a"));
    assert_string(BYTES("\x7f"), BYTES("\x02\x7f"));
    assert_string(BYTES("\xc2\x80"), BYTES("\x02\x80\x01"));
    assert_string(BYTES("\xc3\xa9t\xc3\xa9"), BYTES("\x04\xe9\x01t\xe9\x01"));
    assert_string(BYTES("\xe3\xbf\xbf"), BYTES("\x02\xff\x7f"));     /* U+3FFF */
    assert_string(BYTES("\xe4\x80\x80"), BYTES("\x02\x80\x80\x01")); /* U+4000 */
    assert_string(BYTES("\xef\xbf\xbf"), BYTES("\x02\xff\xff\x03")); /* U+FFFF */
    assert_string(BYTES("\xf0\x9f\x98\x80"), BYTES("\x03\xbd\xb0\x03\x80\xbc\x03"));
    assert_string(BYTES("\xed\xa0\xbd"), BYTES("\x02\xbd\xb0\x03"));   /* lone high */
    assert_string(BYTES("\xed\xb8\x80-"), BYTES("\x03\x80\xbc\x03-")); /* lone low */
    assert_string(BYTES("\xed\xa0\xbd\xed\xa0\xbd"), BYTES("\x03\xbd\xb0\x03\xbd\xb0\x03"));
    char text[300];
    char expected[302] = { (char)0xad, 2 }; /* 301 */
    memset(text, 'x', sizeof text);
    memset(expected + 2, 'x', 300);
    assert_string(weir_bytes_of(text, 300), weir_bytes_of(expected, 302));
}

TEST(every_nan_is_javas)
{
    const uint32_t single = 0xffabcdefu;
    const uint64_t number = 0xfff8000000000123ULL;
    uint8_t out[8];
    assert_int_equal(weir_type_serialize(scalar(WEIR_F32), &single, out), 4);
    assert_memory_equal(out, "\x7f\xc0\0\0", 4);
    assert_int_equal(weir_type_serialize(scalar(WEIR_F64), &number, out), 8);
    assert_memory_equal(out, "\x7f\xf8\0\0\0\0\0\0", 8);
    const double minus_zero = -0.0;
    assert_int_equal(weir_type_serialize(scalar(WEIR_F64), &minus_zero, out), 8);
    assert_memory_equal(out, "\x80\0\0\0\0\0\0\0", 8);
    double back = 0;
    size_t size = 0;
    size_t taken = 0;
    assert_ok(weir_type_deserialize(scalar(WEIR_F64), BYTES("\xff\xf8\0\0\0\0\0\1"), &back, 8,
                                    &size, &taken, NULL),
              NULL);
    assert_memory_equal(&back, "\0\0\0\0\0\0\xf8\x7f", 8);
}

TEST(lengths_are_flinks)
{
    assert_int_equal(weir_type_serialized_size(scalar(WEIR_BOOL)), 1);
    assert_int_equal(weir_type_serialized_size(scalar(WEIR_U8)), 2);
    assert_int_equal(weir_type_serialized_size(scalar(WEIR_U16)), 4);
    assert_int_equal(weir_type_serialized_size(scalar(WEIR_U32)), 8);
    assert_int_equal(weir_type_serialized_size(scalar(WEIR_STRING)), 0);
    assert_int_equal(weir_type_serialized_size(scalar(WEIR_BYTES)), 0);
    weir_type *words = make_word_count();
    assert_int_equal(weir_type_serialized_size(words), 0);
    weir_type_destroy(words);
    struct pair {
        int64_t a;
        uint32_t b;
        uint32_t c;
    };
    const weir_field fields[] = { WEIR_FIELD(struct pair, a, I64), WEIR_FIELD(struct pair, b, U32),
                                  WEIR_FIELD(struct pair, c, U32) };
    weir_type *pair = MAKE_STRUCT(struct pair, "pair", fields);
    assert_int_equal(weir_type_serialized_size(pair), 24);
    weir_type_destroy(pair);
}

/* --- bytes that are nothing --- */

static void
assert_every_truncation_fails(const weir_type *type, weir_bytes bytes)
{
    _Alignas(8) uint8_t block[ROOM];
    for (size_t size = 0; size < bytes.size; size++) {
        /* A copy of exactly that size, so that a sanitizer sees any byte read too many. */
        uint8_t *cut = malloc(size + 1);
        memcpy(cut + 1, bytes.data, size);
        size_t block_size = 0;
        size_t taken = 0;
        weir_error error = { .status = WEIR_OK };
        assert_int_equal(weir_type_deserialize(type, weir_bytes_of(cut + 1, size), block, ROOM,
                                               &block_size, &taken, &error),
                         WEIR_CORRUPT);
        assert_non_null(strstr(error.message, "byte"));
        assert_int_equal(
            weir_type_serialized_next(type, weir_bytes_of(cut + 1, size), &taken, &error),
            WEIR_CORRUPT);
        free(cut);
    }
}

TEST(every_truncation_is_corrupt_and_says_where)
{
    uint8_t bytes[ROOM];
    size_t size = write_wide(bytes);
    weir_type *wide = make_wide();
    assert_every_truncation_fails(wide, weir_bytes_of(bytes, size));
    weir_type_destroy(wide);
    weir_type *words = make_word_count();
    assert_every_truncation_fails(words, BYTES("\x03\xe9\x01t\0\0\0\0\0\0\0\x05"));
    weir_type_destroy(words);
    assert_every_truncation_fails(scalar(WEIR_BYTES), BYTES("\0\0\0\3abc"));
    assert_every_truncation_fails(scalar(WEIR_F64), BYTES("\0\0\0\0\0\0\0\0"));
}

static weir_status
read_one(weir_kind kind, weir_bytes bytes)
{
    _Alignas(8) uint8_t block[64];
    size_t size = 0;
    size_t taken = 0;
    return weir_type_deserialize(scalar(kind), bytes, block, sizeof block, &size, &taken, NULL);
}

TEST(numbers_out_of_range_and_nulls_are_refused)
{
    assert_int_equal(read_one(WEIR_BOOL, BYTES("\2")), WEIR_CORRUPT);
    assert_int_equal(read_one(WEIR_U8, BYTES("\1\0")), WEIR_CORRUPT);
    assert_int_equal(read_one(WEIR_U8, BYTES("\xff\xff")), WEIR_CORRUPT);
    assert_int_equal(read_one(WEIR_U16, BYTES("\0\1\0\0")), WEIR_CORRUPT);
    assert_int_equal(read_one(WEIR_U32, BYTES("\0\0\0\1\0\0\0\0")), WEIR_CORRUPT);
    assert_int_equal(read_one(WEIR_U64, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff")), WEIR_OK);
    assert_int_equal(read_one(WEIR_STRING, BYTES("\0")), WEIR_UNSUPPORTED);
    assert_int_equal(read_one(WEIR_STRING, BYTES("\x02\xff\xff\x04")), WEIR_CORRUPT); /* a unit */
    assert_int_equal(read_one(WEIR_STRING, BYTES("\xff\xff\xff\xff\xff\1")), WEIR_CORRUPT);
    assert_int_equal(read_one(WEIR_STRING, BYTES("\xff\xff\xff\xff\x07")), WEIR_CORRUPT);
    assert_int_equal(read_one(WEIR_BYTES, BYTES("\xff\xff\xff\xff")), WEIR_CORRUPT);
}

TEST(a_room_that_is_too_small_is_a_limit_and_is_not_passed)
{
    uint8_t bytes[ROOM];
    _Alignas(8) uint8_t block[ROOM];
    size_t size = write_wide(bytes);
    weir_type *wide = make_wide();
    size_t whole = sizeof(struct wide) + 8;
    for (size_t room = 0; room <= whole; room++) {
        memset(block, 0xa5, sizeof block);
        size_t block_size = 0;
        size_t taken = 0;
        weir_status status = weir_type_deserialize(wide, weir_bytes_of(bytes, size), block, room,
                                                   &block_size, &taken, NULL);
        assert_int_equal(status, room < whole ? WEIR_LIMIT : WEIR_OK);
        assert_int_equal(block[room], 0xa5);
    }
    char text[4] = { 0, 0, 0, 'x' };
    size_t text_size = 0;
    size_t taken = 0;
    for (size_t room = 0; room < 4; room++) {
        assert_int_equal(weir_key_deserialize(scalar(WEIR_STRING), BYTES("\x04yes"), text, room,
                                              &text_size, &taken, NULL),
                         room < 3 ? WEIR_LIMIT : WEIR_OK);
        assert_int_equal(text[3], 'x');
    }
    weir_type_destroy(wide);
}

/* Whatever the bytes are: an answer, and what is read is a block that comes back. */
TEST(random_bytes_are_read_or_refused)
{
    struct wr_rng rng;
    wr_rng_init(&rng, 4711);
    weir_type *words = make_word_count();
    const weir_type *types[] = { words, scalar(WEIR_STRING), scalar(WEIR_BYTES), scalar(WEIR_F32) };
    size_t read = 0;
    for (size_t round = 0; round < 20000; round++) {
        const weir_type *type = types[round % 4];
        size_t size = wr_rng_below(&rng, 40);
        uint8_t *bytes = malloc(size + 1);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)(wr_rng_below(&rng, 4) == 0 ? wr_rng_below(&rng, 256)
                                                            : wr_rng_below(&rng, 12));
        }
        _Alignas(8) uint8_t block[ROOM];
        size_t block_size = 0;
        size_t taken = 0;
        weir_error error = { .status = WEIR_OK };
        if (weir_type_deserialize(type, weir_bytes_of(bytes, size), block, ROOM, &block_size,
                                  &taken, &error) == WEIR_OK) {
            read++;
            assert_true(taken <= size);
            assert_ok(weir_type_check_block(type, block, block_size, &error), &error);
            uint8_t again[ROOM];
            _Alignas(8) uint8_t same[ROOM];
            size_t written = weir_type_serialize(type, block, again);
            size_t same_size = 0;
            assert_ok(weir_type_deserialize(type, weir_bytes_of(again, written), same, ROOM,
                                            &same_size, &taken, &error),
                      &error);
            assert_int_equal(same_size, block_size);
            assert_memory_equal(same, block, block_size);
        }
        free(bytes);
    }
    assert_true(read > 2000);
    weir_type_destroy(words);
}
