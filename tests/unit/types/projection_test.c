/* SPDX-License-Identifier: Apache-2.0 */
/* projection: a record is its key and its rest, and the two make it again. */
#include "support.h"
#include "types/block.h"
#include "weir/projection.h"

#include "base/rng.h"

#include <stdio.h>

static weir_projection *
project(const weir_type *type, const size_t *keys, size_t count)
{
    weir_alloc alloc = wr_memory_system();
    weir_error err = { .status = WEIR_OK };
    weir_projection *projection = NULL;
    assert_ok(weir_projection_create(&alloc, type, keys, count, &projection, &err), &err);
    return projection;
}

static struct wr_buffer
make_buffer(void)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_buffer buffer;
    wr_buffer_init(&buffer, &alloc);
    return buffer;
}

static weir_status
take_into(const weir_projection *projection, const void *record, struct wr_buffer *out)
{
    wr_buffer_clear(out);
    uint8_t *block =
        wr_buffer_extend(out, weir_round8(weir_projection_take_size(projection, record)));
    if (block == NULL) {
        return WEIR_NOMEM;
    }
    memset(block, 0, out->size);
    weir_projection_take(projection, record, block);
    return WEIR_OK;
}

static weir_status
join_into(const weir_projection *projection, const void *key_record, const void *rest,
          struct wr_buffer *out)
{
    wr_buffer_clear(out);
    uint8_t *block = wr_buffer_extend(out, weir_projection_join_size(projection, key_record, rest));
    if (block == NULL) {
        return WEIR_NOMEM;
    }
    weir_projection_join(projection, key_record, rest, block);
    return WEIR_OK;
}

TEST(a_word_count_less_its_word_is_a_count)
{
    weir_type *type = make_word_count();
    weir_projection *projection = project(type, (size_t[]){ 0 }, 1);
    const weir_type *rest_type = weir_projection_type(projection);
    assert_int_equal(weir_type_kind(rest_type), WEIR_STRUCT);
    assert_string_equal(weir_type_name(rest_type), "rest");
    assert_int_equal(weir_type_field_count(rest_type), 1);
    assert_string_equal(weir_type_field(rest_type, 0)->name, "count");
    assert_int_equal(weir_type_fixed_size(rest_type), 8);
    assert_true(weir_type_is_fixed(rest_type));

    _Alignas(8) uint8_t record[64] = { 0 };
    size_t size = write_word_count(record, "hello", 41);
    int64_t rest;
    weir_projection_take(projection, record, &rest);
    assert_int_equal(rest, 41);
    rest++;
    struct wr_buffer joined = make_buffer();
    assert_int_equal(join_into(projection, record, &rest, &joined), WEIR_OK);
    assert_int_equal(joined.size, size);
    _Alignas(8) uint8_t expected[64] = { 0 };
    write_word_count(expected, "hello", 42);
    assert_memory_equal(joined.data, expected, size);
    wr_buffer_fini(&joined);
    weir_projection_destroy(projection);
    weir_type_destroy(type);
}

TEST(a_record_that_is_all_key_leaves_a_bool)
{
    weir_type *type = make_word_count();
    weir_projection *projection = project(type, (size_t[]){ 1, 0 }, 2);
    const weir_type *rest_type = weir_projection_type(projection);
    assert_int_equal(weir_type_fixed_size(rest_type), 1);
    assert_string_equal(weir_type_field(rest_type, 0)->name, "present");
    _Alignas(8) uint8_t record[64] = { 0 };
    size_t size = write_word_count(record, "hello", 41);
    struct wr_buffer rest = make_buffer();
    struct wr_buffer joined = make_buffer();
    assert_int_equal(take_into(projection, record, &rest), WEIR_OK);
    weir_error err;
    assert_ok(weir_type_check_block(rest_type, rest.data, rest.size, &err), &err);
    assert_int_equal(rest.data[0], 1);
    uint8_t fixed = 0;
    weir_projection_take(projection, record, &fixed);
    assert_int_equal(fixed, 1);
    assert_int_equal(join_into(projection, record, &fixed, &joined), WEIR_OK);
    assert_int_equal(joined.size, size);
    assert_memory_equal(joined.data, record, size);
    wr_buffer_fini(&joined);
    wr_buffer_fini(&rest);
    weir_projection_destroy(projection);
    weir_type_destroy(type);
}

TEST(what_cannot_be_projected_is_refused)
{
    weir_alloc alloc = wr_memory_system();
    weir_error err = { .status = WEIR_OK };
    weir_projection *projection = NULL;
    assert_int_equal(weir_projection_create(&alloc, weir_type_of_kind(WEIR_I64), (size_t[]){ 0 }, 1,
                                            &projection, &err),
                     WEIR_INVALID);
    assert_non_null(strstr(err.message, "a record of type i64 has no fields"));
    weir_type *type = make_word_count();
    assert_int_equal(weir_projection_create(&alloc, type, (size_t[]){ 5 }, 1, &projection, &err),
                     WEIR_INVALID);
    assert_int_equal(weir_projection_create(&alloc, type, NULL, 0, &projection, &err),
                     WEIR_INVALID);
    assert_null(projection);
    weir_type_destroy(type);
}

enum {
    FIELDS = 6
};

/* A struct of random kinds, packed, and a canonical record of it with random content. */
static weir_type *
random_type(struct wr_rng *rng, weir_kind kinds[FIELDS])
{
    static const char *const names[FIELDS] = { "a", "b", "c", "d", "e", "f" };
    weir_field fields[FIELDS];
    uint32_t at = 0;
    for (size_t i = 0; i < FIELDS; i++) {
        kinds[i] = (weir_kind)(1 + wr_rng_below(rng, 13));
        uint32_t size = (uint32_t)weir_type_fixed_size(weir_type_of_kind(kinds[i]));
        fields[i] = (weir_field){ names[i], kinds[i], at, size, NULL, NULL };
        at += size;
    }
    return make_struct("any", at, fields, FIELDS);
}

static size_t
random_record(struct wr_rng *rng, const weir_type *type, uint8_t *record)
{
    uint32_t end = (uint32_t)weir_type_fixed_size(type);
    for (size_t i = 0; i < FIELDS; i++) {
        const weir_field *field = weir_type_field(type, i);
        if (field->kind == WEIR_STRING || field->kind == WEIR_BYTES) {
            char text[20];
            size_t size = wr_rng_below(rng, sizeof text);
            memset(text, 'a' + (int)wr_rng_below(rng, 26), sizeof text);
            weir_string string;
            end = weir_string_write(record, &string, end, weir_bytes_of(text, size));
            memcpy(record + field->offset, &string, sizeof string);
        } else {
            uint64_t number = wr_rng_next(rng) & (field->kind == WEIR_BOOL ? 1 : UINT64_MAX);
            memcpy(record + field->offset, &number, field->size);
        }
    }
    return weir_round8(end);
}

TEST(take_and_join_give_the_record_back)
{
    struct wr_rng rng;
    wr_rng_init(&rng, 4711);
    struct wr_buffer rest = make_buffer();
    struct wr_buffer joined = make_buffer();
    for (int round = 0; round < 3000; round++) {
        weir_kind kinds[FIELDS];
        weir_type *type = random_type(&rng, kinds);
        size_t keys[FIELDS];
        size_t key_count = 0;
        uint64_t mask = 1 + wr_rng_below(&rng, (1 << FIELDS) - 1);
        for (size_t i = 0; i < FIELDS; i++) {
            if ((mask >> i & 1) != 0) {
                keys[key_count++] = i;
            }
        }
        weir_projection *projection = project(type, keys, key_count);
        const weir_type *rest_type = weir_projection_type(projection);
        _Alignas(8) uint8_t record[256] = { 0 };
        size_t size = random_record(&rng, type, record);
        weir_error err;
        assert_ok(weir_type_check_block(type, record, size, &err), &err);
        assert_int_equal(take_into(projection, record, &rest), WEIR_OK);
        assert_ok(weir_type_check_block(rest_type, rest.data, rest.size, &err), &err);
        assert_int_equal(wr_block_size(rest_type, rest.data), rest.size);
        if (weir_type_is_fixed(rest_type)) {
            uint8_t fixed[64];
            weir_projection_take(projection, record, fixed);
            assert_memory_equal(fixed, rest.data, weir_type_fixed_size(rest_type));
        }
        assert_int_equal(join_into(projection, record, rest.data, &joined), WEIR_OK);
        assert_int_equal(joined.size, size);
        assert_memory_equal(joined.data, record, size);
        weir_projection_destroy(projection);
        weir_type_destroy(type);
    }
    wr_buffer_fini(&joined);
    wr_buffer_fini(&rest);
}

TEST(a_joined_size_counts_what_both_sides_bring)
{
    weir_type *type = make_word_count();
    weir_projection *projection = project(type, (size_t[]){ 1 }, 1);
    _Alignas(8) uint8_t record[64] = { 0 };
    _Alignas(8) uint8_t other[64] = { 0 };
    write_word_count(record, "hello", 41);
    size_t other_size = write_word_count(other, "hello, hello", 7);
    struct wr_buffer rest = make_buffer();
    assert_int_equal(take_into(projection, other, &rest), WEIR_OK);
    assert_int_equal(weir_projection_join_size(projection, record, rest.data), other_size);
    wr_buffer_fini(&rest);
    weir_projection_destroy(projection);
    weir_type_destroy(type);
}

TEST(projecting_survives_every_failed_allocation)
{
    struct counting counting = { .refuse_at = 0 };
    weir_alloc alloc = counting_alloc(&counting);
    weir_type *type = make_word_count();
    for (size_t n = 1;; n++) {
        counting.calls = 0;
        counting.refuse_at = n;
        weir_projection *projection = NULL;
        weir_status status =
            weir_projection_create(&alloc, type, (size_t[]){ 0 }, 1, &projection, NULL);
        weir_projection_destroy(projection);
        assert_int_equal(counting.used_bytes, 0);
        if (status == WEIR_OK) {
            assert_true(n > 4);
            break;
        }
        assert_int_equal(status, WEIR_NOMEM);
    }
    weir_type_destroy(type);
}
