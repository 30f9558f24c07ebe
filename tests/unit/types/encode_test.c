/* SPDX-License-Identifier: Apache-2.0 */
/* encode: types come back as they were, and no bytes do harm. */
#include "support.h"
#include "types/encode.h"
#include "types/type.h"

#include "base/rng.h"

#include <stdio.h>

static struct wr_buffer
encode(const weir_type *type)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_buffer buffer;
    wr_buffer_init(&buffer, &alloc);
    wr_type_encode(type, &buffer);
    assert_int_equal(wr_buffer_status(&buffer), WEIR_OK);
    return buffer;
}

static weir_status
decode(const void *data, size_t size, weir_type **out_type, weir_error *err)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_cursor cursor;
    wr_cursor_init(&cursor, data, size);
    weir_status status = wr_type_decode(&alloc, &cursor, out_type, err);
    if (status == WEIR_OK) {
        assert_int_equal(wr_cursor_left(&cursor), 0);
    }
    return status;
}

static void
assert_comes_back(const weir_type *type)
{
    struct wr_buffer bytes = encode(type);
    weir_error err = { .status = WEIR_OK };
    weir_type *back = NULL;
    assert_ok(decode(bytes.data, bytes.size, &back, &err), &err);
    assert_true(weir_type_equal(type, back));
    assert_string_equal(weir_type_name(type), weir_type_name(back));
    struct wr_buffer again = encode(back);
    assert_int_equal(again.size, bytes.size);
    assert_memory_equal(again.data, bytes.data, bytes.size);
    wr_buffer_fini(&again);
    wr_buffer_fini(&bytes);
    weir_type_destroy(back);
}

/* A random struct down to `depth`, with defaults here and there. */
static weir_type *
random_type(struct wr_rng *rng, int depth)
{
    enum {
        MOST = 5
    };
    weir_field fields[MOST];
    char names[MOST][8];
    weir_type *nested[MOST] = { NULL };
    uint8_t defaults[MOST][16] = { { 0 } };
    size_t count = 1 + wr_rng_below(rng, MOST);
    uint32_t at = 0;
    for (size_t i = 0; i < count; i++) {
        weir_kind kind = (weir_kind)(1 + wr_rng_below(rng, depth > 0 ? 14 : 13));
        if (kind == WEIR_STRUCT) {
            nested[i] = random_type(rng, depth - 1);
        }
        snprintf(names[i], sizeof names[i], "f%zu_%u", i, (unsigned)wr_rng_below(rng, 100));
        const weir_type *type = kind == WEIR_STRUCT ? nested[i] : weir_type_of_kind(kind);
        uint32_t size = (uint32_t)weir_type_fixed_size(type);
        fields[i] = (weir_field){ names[i], kind, at, size, nested[i], NULL };
        if (kind >= WEIR_I8 && kind <= WEIR_F64 && wr_rng_below(rng, 3) == 0) {
            uint64_t value = wr_rng_next(rng);
            memcpy(defaults[i], &value, sizeof value);
            fields[i].default_value = defaults[i];
        }
        at += size;
    }
    weir_type *type = make_struct("any", at, fields, count);
    for (size_t i = 0; i < count; i++) {
        weir_type_destroy(nested[i]);
    }
    return type;
}

TEST(types_come_back_as_they_were)
{
    for (int kind = WEIR_BOOL; kind < WEIR_STRUCT; kind++) {
        assert_comes_back(weir_type_of_kind((weir_kind)kind));
    }
    weir_type *type = make_word_count();
    assert_comes_back(type);
    weir_type_destroy(type);
    struct wr_rng rng;
    wr_rng_init(&rng, 99);
    for (int round = 0; round < 2000; round++) {
        type = random_type(&rng, 4);
        assert_comes_back(type);
        weir_type_destroy(type);
    }
}

TEST(the_bytes_of_a_word_count_stay_as_they_are)
{
    static const uint8_t golden[] = {
        1, 14, 10, 0, 0, 0, 'w', 'o', 'r', 'd', '_', 'c', 'o', 'u', 'n', 't', 16, 0,
        0, 0,  2,  0, 0, 0, 4,   0,   0,   0,   'w', 'o', 'r', 'd', 0,   0,   0,  0,
        0, 12, 5,  0, 0, 0, 'c', 'o', 'u', 'n', 't', 8,   0,   0,   0,   0,   8,
    };
    weir_type *type = make_word_count();
    struct wr_buffer bytes = encode(type);
    assert_int_equal(bytes.size, sizeof golden);
    assert_memory_equal(bytes.data, golden, sizeof golden);
    wr_buffer_fini(&bytes);
    weir_type_destroy(type);
}

static weir_type *
make_deep(int depth)
{
    weir_field field = { "value", WEIR_I64, 0, 8, NULL, NULL };
    weir_type *type = make_struct("s", 8, &field, 1);
    for (int i = 1; i < depth; i++) {
        field.kind = WEIR_STRUCT;
        field.type = type;
        weir_type *outer = make_struct("s", 8, &field, 1);
        weir_type_destroy(type);
        type = outer;
    }
    return type;
}

TEST(nesting_ends_at_sixteen)
{
    weir_type *type = make_deep(WEIR_NESTING_MAX);
    assert_comes_back(type);
    struct wr_buffer bytes = encode(type);
    weir_alloc alloc = wr_memory_system();
    struct wr_buffer deeper;
    wr_buffer_init(&deeper, &alloc);
    wr_buffer_put(&deeper, bytes.data, 1 + 1 + 5 + 4 + 4 + 9 + 4 + 1); /* an outer one more */
    wr_buffer_put(&deeper, bytes.data + 1, bytes.size - 1);
    weir_type *back = NULL;
    weir_error err = { .status = WEIR_OK };
    assert_int_equal(decode(deeper.data, deeper.size, &back, &err), WEIR_CORRUPT);
    assert_non_null(strstr(err.message, "nests structs deeper than 16"));
    wr_buffer_fini(&deeper);
    wr_buffer_fini(&bytes);
    weir_type_destroy(type);
}

TEST(a_later_version_is_told_from_damage)
{
    weir_type *back = NULL;
    weir_error err = { .status = WEIR_OK };
    assert_int_equal(decode("\x02\x08", 2, &back, &err), WEIR_VERSION);
    assert_non_null(strstr(err.message, "version 2, this program reads up to 1"));
    assert_int_equal(decode("\x00\x08", 2, &back, &err), WEIR_CORRUPT);
    assert_int_equal(decode("\x01\x0f", 2, &back, &err), WEIR_CORRUPT);
    assert_non_null(strstr(err.message, "byte 1 of a type, 15, is no kind"));
    assert_int_equal(decode("", 0, &back, &err), WEIR_CORRUPT);
    assert_null(back);
}

TEST(a_stored_struct_with_a_gap_is_corrupt)
{
    weir_type *type = make_word_count();
    struct wr_buffer bytes = encode(type);
    bytes.data[16] = 24; /* its size */
    weir_type *back = NULL;
    weir_error err = { .status = WEIR_OK };
    assert_int_equal(decode(bytes.data, bytes.size, &back, &err), WEIR_CORRUPT);
    assert_int_equal(err.status, WEIR_CORRUPT);
    assert_non_null(strstr(err.message, "a stored type is none: struct word_count has a gap"));
    wr_buffer_fini(&bytes);
    weir_type_destroy(type);
}

static void
assert_harmless(const uint8_t *data, size_t size, bool must_fail)
{
    uint8_t *exact = test_malloc(size + 1);
    memcpy(exact, data, size);
    weir_alloc alloc = wr_memory_system();
    struct wr_cursor cursor;
    wr_cursor_init(&cursor, exact, size);
    weir_type *type = NULL;
    weir_error err = { .status = WEIR_OK };
    weir_status status = wr_type_decode(&alloc, &cursor, &type, &err);
    assert_true(status == WEIR_OK || status == WEIR_CORRUPT || status == WEIR_VERSION);
    assert_true(status != WEIR_OK || !must_fail);
    assert_int_equal(err.status, status);
    assert_true(status == WEIR_OK || err.message[0] != '\0');
    weir_type_destroy(type);
    test_free(exact);
}

TEST(every_truncation_and_every_flipped_bit_is_survived)
{
    struct wr_rng rng;
    wr_rng_init(&rng, 5);
    for (int round = 0; round < 40; round++) {
        weir_type *type = round == 0 ? make_deep(WEIR_NESTING_MAX) : random_type(&rng, 3);
        struct wr_buffer bytes = encode(type);
        for (size_t size = 0; size < bytes.size; size++) {
            assert_harmless(bytes.data, size, true);
        }
        for (size_t bit = 0; bit < bytes.size * 8; bit++) {
            bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_harmless(bytes.data, bytes.size, false);
            bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        wr_buffer_fini(&bytes);
        weir_type_destroy(type);
    }
}

TEST(random_bytes_are_survived)
{
    struct wr_rng rng;
    wr_rng_init(&rng, 6);
    for (int round = 0; round < 100000; round++) {
        uint8_t data[64];
        size_t size = wr_rng_below(&rng, sizeof data);
        for (size_t i = 0; i < size; i++) {
            data[i] = (uint8_t)wr_rng_below(&rng, wr_rng_below(&rng, 2) != 0 ? 16 : 256);
        }
        data[0] = 1;
        assert_harmless(data, size, false);
    }
}

TEST(a_claim_of_many_fields_asks_for_no_memory)
{
    struct counting counting = { .refuse_at = 0 };
    weir_alloc alloc = counting_alloc(&counting);
    static const uint8_t claim[] = {
        1, 14, 1, 0, 0, 0, 's', 8, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0
    };
    struct wr_cursor cursor;
    wr_cursor_init(&cursor, claim, sizeof claim);
    weir_type *type = NULL;
    weir_error err = { .status = WEIR_OK };
    assert_int_equal(wr_type_decode(&alloc, &cursor, &type, &err), WEIR_CORRUPT);
    assert_non_null(strstr(err.message, "struct s claims 4294967295 fields in 1 bytes"));
    assert_int_equal(counting.used_bytes, 0);
    assert_true(counting.calls <= 1);
}

TEST(decoding_survives_every_failed_allocation)
{
    struct counting counting = { .refuse_at = 0 };
    weir_alloc alloc = counting_alloc(&counting);
    weir_type *type = make_deep(5);
    struct wr_buffer bytes = encode(type);
    for (size_t n = 1;; n++) {
        counting.calls = 0;
        counting.refuse_at = n;
        struct wr_cursor cursor;
        wr_cursor_init(&cursor, bytes.data, bytes.size);
        weir_type *back = NULL;
        weir_error err = { .status = WEIR_OK };
        weir_status status = wr_type_decode(&alloc, &cursor, &back, &err);
        weir_type_destroy(back);
        assert_int_equal(counting.used_bytes, 0);
        if (status == WEIR_OK) {
            assert_true(n > 1);
            break;
        }
        assert_int_equal(status, WEIR_NOMEM);
    }
    wr_buffer_fini(&bytes);
    weir_type_destroy(type);
}
