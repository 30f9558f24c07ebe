/* SPDX-License-Identifier: Apache-2.0 */
/* type: what may become a type, in which words the rest is refused, and what a type answers. */
#include "support.h"
#include "types/describe.h"
#include "types/type.h"

#include <stdio.h>

static void
assert_refused(const char *name, size_t size, const weir_field *fields, size_t field_count,
               const char *words)
{
    weir_alloc alloc = wr_memory_system();
    weir_error err = { .status = WEIR_OK };
    weir_type *type = NULL;
    weir_status status =
        weir_type_create_struct(&alloc, name, size, fields, field_count, &type, &err);
    assert_int_equal(status, WEIR_INVALID);
    assert_null(type);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.message, words);
    }
}

#define ASSERT_REFUSED(c_struct, name, fields, words)                                        \
    assert_refused((name), sizeof(c_struct), (fields), sizeof(fields) / sizeof((fields)[0]), \
                   (words))

TEST(a_type_of_each_kind_is_static)
{
    size_t sizes[] = { 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 8, 8 };
    const char *names[] = { "bool", "i8",  "u8",  "i16", "u16",    "i32",  "u32",
                            "i64",  "u64", "f32", "f64", "string", "bytes" };
    for (int kind = WEIR_BOOL; kind < WEIR_STRUCT; kind++) {
        const weir_type *type = weir_type_of_kind((weir_kind)kind);
        assert_non_null(type);
        assert_int_equal(weir_type_kind(type), kind);
        assert_int_equal(weir_type_fixed_size(type), sizes[kind - 1]);
        assert_string_equal(weir_type_name(type), names[kind - 1]);
        assert_int_equal(weir_type_is_fixed(type), kind != WEIR_STRING && kind != WEIR_BYTES);
        assert_int_equal(weir_type_field_count(type), 0);
        assert_null(weir_type_field(type, 0));
    }
    assert_null(weir_type_of_kind(WEIR_STRUCT));
    assert_null(weir_type_of_kind((weir_kind)0));
    assert_null(weir_type_of_kind((weir_kind)15));
    weir_type_destroy(NULL);
}

TEST(a_struct_answers_for_its_fields)
{
    weir_type *type = make_word_count();
    assert_int_equal(weir_type_kind(type), WEIR_STRUCT);
    assert_string_equal(weir_type_name(type), "word_count");
    assert_int_equal(weir_type_fixed_size(type), 16);
    assert_false(weir_type_is_fixed(type));
    assert_int_equal(weir_type_field_count(type), 2);
    assert_string_equal(weir_type_field(type, 1)->name, "count");
    assert_int_equal(weir_type_field(type, 1)->offset, 8);
    assert_null(weir_type_field(type, 2));
    size_t index = 9;
    assert_int_equal(weir_type_find_field(type, "count", &index), WEIR_OK);
    assert_int_equal(index, 1);
    assert_int_equal(weir_type_find_field(type, "coun", &index), WEIR_NOT_FOUND);
    char words[WR_DESCRIPTION_SIZE];
    assert_string_equal(wr_type_describe(type, words, sizeof words),
                        "struct word_count {word: string, count: i64}");
    assert_string_equal(wr_type_describe(type, words, 20), "struct word_coun...");
    weir_type_destroy(type);
}

TEST(a_gap_is_refused_with_the_line_that_closes_it)
{
    struct word_count_32 {
        weir_string word;
        int64_t total;
        uint32_t count;
    };
    const weir_field fields[] = {
        WEIR_FIELD(struct word_count_32, word, STRING),
        WEIR_FIELD(struct word_count_32, total, I64),
        WEIR_FIELD(struct word_count_32, count, U32),
    };
    ASSERT_REFUSED(
        struct word_count_32, "word_count", fields,
        "struct word_count has a gap of 4 bytes behind 'count': add `uint32_t pad0;` and "
        "WEIR_FIELD(struct word_count, pad0, U32)");
}

TEST(a_gap_of_seven_bytes_takes_three_members_with_free_names)
{
    struct flagged {
        uint64_t pad1;
        uint8_t flag;
        uint64_t number;
    };
    const weir_field fields[] = {
        WEIR_FIELD(struct flagged, pad1, U64),
        WEIR_FIELD(struct flagged, flag, U8),
        WEIR_FIELD(struct flagged, number, U64),
    };
    ASSERT_REFUSED(struct flagged, "flagged", fields,
                   "struct flagged has a gap of 7 bytes behind 'flag': add `uint8_t pad0; uint16_t "
                   "pad2; uint32_t pad3;` and WEIR_FIELD(struct flagged, pad0, U8), "
                   "WEIR_FIELD(struct flagged, pad2, U16), WEIR_FIELD(struct flagged, pad3, U32)");
}

TEST(a_member_that_no_field_lists_is_missed)
{
    const weir_field fields[] = { WEIR_FIELD(struct word_count, word, STRING) };
    ASSERT_REFUSED(struct word_count, "word_count", fields,
                   "a gap of 8 bytes behind 'word', more than alignment makes: list the member");
    const weir_field behind[] = { WEIR_FIELD(struct word_count, count, I64) };
    ASSERT_REFUSED(struct word_count, "word_count", behind, "a gap of 8 bytes behind '{'");
}

TEST(a_struct_that_is_not_as_its_fields_say_is_refused)
{
    struct pair {
        int32_t a;
        int32_t b;
    };
    weir_field a = WEIR_FIELD(struct pair, a, I32);
    weir_field b = WEIR_FIELD(struct pair, b, I32);
    weir_field wide = WEIR_FIELD(struct pair, b, I64);
    weir_field twice = b;
    twice.name = "a";
    weir_field over = a;
    over.name = "over";
    weir_field past = b;
    past.offset = 8;
    weir_field nameless = b;
    nameless.name = NULL;
    weir_field digit = b;
    digit.name = "1b";
    weir_field odd = b;
    odd.kind = (weir_kind)77;
    weir_field typeless = b;
    typeless.kind = WEIR_STRUCT;
    weir_field typed = b;
    typed.type = weir_type_of_kind(WEIR_I32);
    struct {
        weir_field second;
        const char *words;
    } cases[] = {
        { wide, "field 'b' is 4 bytes in C, but i64 takes 8: declare it `int64_t b;` or list it as "
                "I32" },
        { twice, "lists the field 'a' twice" },
        { over, "fields 'a' and 'over' overlap" },
        { past, "field 'b' ends at byte 12, but the struct has 8 bytes" },
        { nameless, "the name of field 1, ''" },
        { digit, "the name of field 1, '1b'" },
        { odd, "field 'b' has no kind (77)" },
        { typeless, "field 'b' is a struct and needs the type of a struct" },
        { typed, "field 'b' is a i32 and takes not the type of a struct" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const weir_field fields[] = { a, cases[i].second };
        ASSERT_REFUSED(struct pair, "pair", fields, cases[i].words);
    }
    const weir_field good[] = { a, b };
    ASSERT_REFUSED(struct pair, "a pair", good, "'a pair' names no struct");
    ASSERT_REFUSED(struct pair, NULL, good, "names no struct");
    assert_refused("pair", 8, NULL, 0, "struct pair has no fields");
    assert_refused("pair", (size_t)WEIR_VALUE_SIZE_MAX + 1, good, 2, "at most 16777216");
    weir_type *type = NULL;
    assert_int_equal(weir_type_create_struct(NULL, "pair", 8, good, 2, &type, NULL), WEIR_INVALID);
}

TEST(names_end_at_255_bytes)
{
    char name[257];
    memset(name, 'n', sizeof name);
    weir_field field = { name, WEIR_I64, 0, 8, NULL, NULL };
    name[255] = '\0';
    weir_type_destroy(make_struct(name, 8, &field, 1));
    name[255] = 'n';
    name[256] = '\0';
    assert_refused("s", 8, &field, 1, "at most 255 bytes");
    assert_refused(name, 8, &field, 1, "at most 255");
}

TEST(fields_may_be_listed_in_another_order_than_they_stand)
{
    const weir_field fields[] = {
        WEIR_FIELD(struct word_count, count, I64),
        WEIR_FIELD(struct word_count, word, STRING),
    };
    weir_type *type = MAKE_STRUCT(struct word_count, "word_count", fields);
    weir_type *other = make_word_count();
    assert_string_equal(weir_type_field(type, 0)->name, "count");
    assert_false(weir_type_equal(type, other));
    weir_type_destroy(other);
    weir_type_destroy(type);
}

static weir_field *
number_fields(size_t count)
{
    weir_field *fields = test_calloc(count, sizeof *fields);
    char(*names)[16] = test_calloc(count, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "f%zu", i);
        fields[i] = (weir_field){ names[i], WEIR_U8, (uint32_t)i, 1, NULL, NULL };
    }
    return fields;
}

static void
free_number_fields(weir_field *fields)
{
    union {
        const char *name;
        void *memory;
    } first = { fields[0].name };
    test_free(first.memory);
    test_free(fields);
}

TEST(a_struct_has_at_most_1024_fields_counted_flat)
{
    weir_field *fields = number_fields(WEIR_FIELDS_MAX + 1);
    weir_type *most = make_struct("most", WEIR_FIELDS_MAX, fields, WEIR_FIELDS_MAX);
    assert_refused("more", WEIR_FIELDS_MAX + 1, fields, WEIR_FIELDS_MAX + 1, "at most 1024");
    weir_field flat[] = {
        { "most", WEIR_STRUCT, 0, WEIR_FIELDS_MAX, most, NULL },
        { "one", WEIR_U8, WEIR_FIELDS_MAX, 1, NULL, NULL },
    };
    weir_type_destroy(make_struct("exact", WEIR_FIELDS_MAX, flat, 1));
    assert_refused("over", WEIR_FIELDS_MAX + 1, flat, 2, "more than 1024 fields");
    weir_type_destroy(most);
    free_number_fields(fields);
}

TEST(structs_nest_sixteen_deep)
{
    weir_field field = { "value", WEIR_I64, 0, 8, NULL, NULL };
    weir_type *inner = make_struct("s", 8, &field, 1);
    field.kind = WEIR_STRUCT;
    for (int depth = 2; depth <= WEIR_NESTING_MAX; depth++) {
        field.type = inner;
        weir_type *outer = make_struct("s", 8, &field, 1);
        weir_type_destroy(inner);
        inner = outer;
    }
    assert_int_equal(inner->depth, WEIR_NESTING_MAX);
    field.type = inner;
    assert_refused("s", 8, &field, 1, "nests structs deeper than 16");
    weir_type_destroy(inner);
}

TEST(defaults_are_copied_and_checked)
{
    struct settings {
        int64_t limit;
        weir_string name;
        uint64_t on;
    };
    int64_t limit = 42;
    weir_string name = { 16, 3 };
    weir_field fields[] = {
        WEIR_FIELD(struct settings, limit, I64),
        WEIR_FIELD(struct settings, name, STRING),
        WEIR_FIELD(struct settings, on, U64),
    };
    fields[0].default_value = &limit;
    weir_type *type = MAKE_STRUCT(struct settings, "settings", fields);
    limit = 43;
    int64_t kept;
    memcpy(&kept, weir_type_field(type, 0)->default_value, sizeof kept);
    assert_int_equal(kept, 42);
    assert_null(weir_type_field(type, 1)->default_value);
    weir_type_destroy(type);
    fields[1].default_value = &name;
    ASSERT_REFUSED(struct settings, "settings", fields,
                   "the default of field 'name' has text in it");
    uint8_t two = 2;
    weir_field flag = { "flag", WEIR_BOOL, 0, 1, NULL, &two };
    assert_refused("flags", 1, &flag, 1, "neither 0 nor 1");
}

TEST(a_type_copied_is_equal_and_shares_nothing)
{
    struct outer {
        struct word_count inner;
        double weight;
    };
    weir_type *inner = make_word_count();
    weir_field fields[] = {
        { "inner", WEIR_STRUCT, offsetof(struct outer, inner), sizeof(struct word_count), inner,
          NULL },
        WEIR_FIELD(struct outer, weight, F64),
    };
    weir_type *outer = MAKE_STRUCT(struct outer, "outer", fields);
    weir_alloc alloc = wr_memory_system();
    weir_type *copy = NULL;
    assert_int_equal(wr_type_copy(&alloc, outer, &copy), WEIR_OK);
    assert_true(weir_type_equal(outer, copy));
    assert_false(weir_type_equal(outer, inner));
    assert_ptr_not_equal(weir_type_field(copy, 0)->type, weir_type_field(outer, 0)->type);
    weir_type_destroy(inner);
    weir_type_destroy(outer);
    assert_int_equal(copy->leaf_count, 3);
    assert_int_equal(copy->part_count, 1);
    assert_int_equal(copy->leaves[2].offset, 16);
    char words[WR_DESCRIPTION_SIZE];
    assert_string_equal(
        wr_type_describe(copy, words, sizeof words),
        "struct outer {inner: struct word_count {word: string, count: i64}, weight: "
        "f64}");
    weir_type_destroy(copy);
    assert_int_equal(wr_type_copy(&alloc, weir_type_of_kind(WEIR_STRING), &copy), WEIR_OK);
    assert_true(weir_type_equal(copy, weir_type_of_kind(WEIR_STRING)));
    assert_false(weir_type_equal(copy, weir_type_of_kind(WEIR_BYTES)));
    weir_type_destroy(copy);
}

TEST(creating_a_type_survives_every_failed_allocation)
{
    struct counting counting = { .refuse_at = 0 };
    weir_alloc alloc = counting_alloc(&counting);
    for (size_t n = 1;; n++) {
        counting.calls = 0;
        counting.refuse_at = n;
        weir_type *type = NULL;
        weir_status status =
            weir_type_create_struct(&alloc, "word_count", 16, word_count_fields, 2, &type, NULL);
        if (status == WEIR_OK) {
            weir_type_destroy(type);
            assert_int_equal(counting.used_bytes, 0);
            assert_true(n > 1);
            return;
        }
        assert_int_equal(status, WEIR_NOMEM);
        assert_null(type);
        assert_int_equal(counting.used_bytes, 0);
    }
}
