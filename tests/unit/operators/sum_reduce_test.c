/* SPDX-License-Identifier: Apache-2.0 */
/* sum_reduce_test: sums of every kind, of records with a fixed and a variable rest, over a restore;
 * reduce. */
#include "unit/operators/fixture_body.h"

#include <math.h>

struct counted {
    weir_string word;
    int64_t count;
};

static const weir_field counted_fields[] = { WEIR_FIELD(struct counted, word, STRING),
                                             WEIR_FIELD(struct counted, count, I64) };

static weir_type *
struct_type(const char *name, size_t size, const weir_field *fields, size_t count)
{
    weir_alloc alloc = wr_memory_system();
    weir_error err = { .status = WEIR_OK };
    weir_type *type = NULL;
    assert_ok(weir_type_create_struct(&alloc, name, size, fields, count, &type, &err), &err);
    return type;
}

static void
feed_word(struct life *life, const char *word, int64_t count)
{
    struct {
        struct counted record;
        char text[64];
    } block = { .record = { .count = count } };
    uint32_t end = weir_string_write(&block, &block.record.word, sizeof block.record,
                                     weir_bytes_of_text(word));
    records_add(&life->feed, &block, end);
}

static void
assert_word(const struct life *life, size_t index, const char *word, int64_t count)
{
    assert_true(index < life->captured.count);
    const struct counted *record = life->captured.blocks[index];
    assert_int_equal(record->count, count);
    assert_int_equal(record->word.size, strlen(word));
    assert_memory_equal(weir_string_bytes(record, record->word).data, word, strlen(word));
}

static void
begin(struct life *life, struct os_sim *sim, unsigned number, weir_environment *environment,
      const weir_type *type)
{
    life_init(life, sim, os_sim_os(sim), number, &environment->made);
    life->feed_type = type;
    life->key_field_count = 1;
}

TEST(sum_counts_words_and_goes_on_after_a_restore)
{
    weir_environment environment;
    made_init(&environment);
    weir_type *type = struct_type("counted", sizeof(struct counted), counted_fields, 2);
    environment.stream.type = type;
    assert_non_null(weir_stream_sum(&environment.stream, "count"));
    assert_string_equal(environment.made.name, "sum(count)");
    assert_true(environment.made.stateful);

    struct os_sim *sim = os_sim_create(NULL);
    static struct life one;
    static struct life two;
    begin(&one, sim, 1, &environment, type);
    life_start(&one, NULL);
    feed_word(&one, "to", 1);
    feed_word(&one, "be", 1);
    feed_word(&one, "to", 1);
    life_snapshot(&one, 1);
    assert_false(one.failed);
    assert_int_equal(one.captured.count, 3);
    assert_word(&one, 0, "to", 1);
    assert_word(&one, 1, "be", 1);
    assert_word(&one, 2, "to", 2);

    begin(&two, sim, 2, &environment, type);
    life_start(&two, &one);
    assert_false(two.failed);
    feed_word(&two, "to", 5);
    feed_word(&two, "a word of some length", 1);
    life_run(&two);
    assert_word(&two, 0, "to", 7);
    assert_word(&two, 1, "a word of some length", 1);
    life_fini(&two);
    life_fini(&one);
    os_sim_destroy(sim);
    weir_type_destroy(type);
}

TEST(sum_wraps_integers_and_adds_floats_of_every_kind)
{
    struct row {
        int64_t key;
        int64_t i64;
        uint64_t u64;
        double f64;
        int32_t i32;
        uint32_t u32;
        float f32;
        int16_t i16;
        uint16_t u16;
        int8_t i8;
        uint8_t u8;
        bool flag;
        bool other;
        uint32_t last;
    };
    const weir_field fields[] = {
        WEIR_FIELD(struct row, key, I64),    WEIR_FIELD(struct row, i64, I64),
        WEIR_FIELD(struct row, u64, U64),    WEIR_FIELD(struct row, f64, F64),
        WEIR_FIELD(struct row, i32, I32),    WEIR_FIELD(struct row, u32, U32),
        WEIR_FIELD(struct row, f32, F32),    WEIR_FIELD(struct row, i16, I16),
        WEIR_FIELD(struct row, u16, U16),    WEIR_FIELD(struct row, i8, I8),
        WEIR_FIELD(struct row, u8, U8),      WEIR_FIELD(struct row, flag, BOOL),
        WEIR_FIELD(struct row, other, BOOL), WEIR_FIELD(struct row, last, U32),
    };
    weir_type *type = struct_type("row", sizeof(struct row), fields, 14);
    const struct row first = { 7,          INT64_MAX, UINT64_MAX, 0.1,        INT32_MAX,
                               UINT32_MAX, 0.1F,      INT16_MAX,  UINT16_MAX, INT8_MAX,
                               UINT8_MAX,  true,      false,      99 };
    const struct row second = { 7, 1, 2, 0.2, 1, 2, 0.2F, 1, 2, 1, 2, false, true, 11 };
    const char *const names[] = {
        "i64", "u64", "f64", "i32", "u32", "f32", "i16", "u16", "i8", "u8"
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        weir_environment environment;
        made_init(&environment);
        environment.stream.type = type;
        assert_non_null(weir_stream_sum(&environment.stream, names[i]));
        struct os_sim *sim = os_sim_create(NULL);
        static struct life life;
        begin(&life, sim, 1, &environment, type);
        life_start(&life, NULL);
        records_add(&life.feed, &first, sizeof first);
        records_add(&life.feed, &second, sizeof second);
        life_run(&life);
        assert_false(life.failed);
        assert_int_equal(life.captured.count, 2);
        assert_memory_equal(life.captured.blocks[0], &first, sizeof first);
        struct row wanted = first; /* the other fields are those of the key's first record */
        switch (i) {
        case 0:
            wanted.i64 = INT64_MIN;
            break;
        case 1:
            wanted.u64 = 1;
            break;
        case 2:
            wanted.f64 = 0.1 + 0.2;
            break;
        case 3:
            wanted.i32 = INT32_MIN;
            break;
        case 4:
            wanted.u32 = 1;
            break;
        case 5:
            wanted.f32 = 0.1F + 0.2F;
            break;
        case 6:
            wanted.i16 = INT16_MIN;
            break;
        case 7:
            wanted.u16 = 1;
            break;
        case 8:
            wanted.i8 = INT8_MIN;
            break;
        default:
            wanted.u8 = 1;
            break;
        }
        assert_memory_equal(life.captured.blocks[1], &wanted, sizeof wanted);
        life_fini(&life);
        os_sim_destroy(sim);
    }
    weir_type_destroy(type);
}

struct noted {
    int64_t key;
    weir_string note;
    int64_t count;
};

static const weir_field noted_fields[] = { WEIR_FIELD(struct noted, key, I64),
                                           WEIR_FIELD(struct noted, note, STRING),
                                           WEIR_FIELD(struct noted, count, I64) };

static void
feed_note(struct life *life, int64_t key, const char *note, int64_t count)
{
    struct {
        struct noted record;
        char text[64];
    } block = { .record = { .key = key, .count = count } };
    uint32_t end = weir_string_write(&block, &block.record.note, sizeof block.record,
                                     weir_bytes_of_text(note));
    records_add(&life->feed, &block, end);
}

static void
assert_note(const struct life *life, size_t index, const char *note, int64_t count)
{
    const struct noted *record = life->captured.blocks[index];
    assert_int_equal(record->count, count);
    assert_int_equal(record->note.size, strlen(note));
    assert_memory_equal(weir_string_bytes(record, record->note).data, note, strlen(note));
}

TEST(sum_keeps_strings_of_the_first_record)
{
    weir_environment environment;
    made_init(&environment);
    weir_type *type = struct_type("noted", sizeof(struct noted), noted_fields, 3);
    environment.stream.type = type;
    assert_non_null(weir_stream_sum(&environment.stream, "count"));
    struct os_sim *sim = os_sim_create(NULL);
    static struct life life;
    begin(&life, sim, 1, &environment, type);
    life_start(&life, NULL);
    feed_note(&life, 1, "the first", 4);
    feed_note(&life, 1, "another, which is longer", 5);
    feed_note(&life, 2, "", 1);
    feed_note(&life, 1, "x", -9);
    life_run(&life);
    assert_false(life.failed);
    assert_note(&life, 0, "the first", 4);
    assert_note(&life, 1, "the first", 9);
    assert_note(&life, 2, "", 1);
    assert_note(&life, 3, "the first", 0);
    life_fini(&life);
    os_sim_destroy(sim);
    weir_type_destroy(type);
}

TEST(sum_refuses_what_has_no_sum)
{
    weir_environment environment;
    made_init(&environment);
    weir_type *type = struct_type("counted", sizeof(struct counted), counted_fields, 2);
    environment.stream.type = type;
    assert_null(weir_stream_sum(&environment.stream, "word"));
    assert_int_equal(environment.error.status, WEIR_INVALID);
    assert_non_null(strstr(environment.error.message, "word"));
    assert_non_null(strstr(environment.error.message, "string"));
    assert_null(weir_stream_sum(&environment.stream, "missing"));
    assert_non_null(strstr(environment.error.message, "missing"));
    assert_null(weir_stream_sum(NULL, "count"));
    weir_type_destroy(type);
}

TEST(sum_refuses_a_field_of_the_key_and_a_stream_without_key)
{
    weir_environment environment;
    made_init(&environment);
    weir_type *type = struct_type("noted", sizeof(struct noted), noted_fields, 3);
    environment.stream.type = type;
    assert_null(weir_stream_sum(&environment.stream, "key"));
    assert_int_equal(environment.error.status, WEIR_INVALID);
    assert_non_null(strstr(environment.error.message, "part of the key"));
    environment.stream.is_unkeyed = true;
    assert_null(weir_stream_sum(&environment.stream, "count"));
    assert_non_null(strstr(environment.error.message, "weir_stream_key_by"));
    weir_type_destroy(type);
}

/* --- reduce --- */

/* Keeps the longer note; counts are multiplied by the argument and added. */
static weir_status
longer(weir_context *context, void *self, const void *accumulated, const void *record,
       const void **out_result)
{
    int64_t factor = *(const int64_t *)weir_context_argument(context);
    (*(int64_t *)self)++; /* the user's instance: calls */
    const struct noted *old = accumulated;
    const struct noted *more = record;
    const struct noted *best = more->note.size > old->note.size ? more : old;
    size_t size = sizeof *best + best->note.size;
    struct noted *result = weir_context_scratch(context, size);
    *result = *best;
    result->count = old->count + factor * more->count;
    (void)weir_string_write(result, &result->note, sizeof *result,
                            weir_string_bytes(best, best->note));
    *out_result = result;
    return WEIR_OK;
}

static weir_status
finish_reduce(weir_context *context, void *self, weir_collector *out)
{
    (void)out;
    weir_context_log(context, 'i', "called %d times", (int)*(int64_t *)self);
    return WEIR_OK;
}

TEST(reduce_calls_the_users_function_with_its_own_argument_and_instance)
{
    weir_environment environment;
    made_init(&environment);
    weir_type *type = struct_type("noted", sizeof(struct noted), noted_fields, 3);
    environment.stream.type = type;
    const weir_function user = { .size = sizeof user,
                                 .instance_size = sizeof(int64_t),
                                 .reduce = longer,
                                 .finish = finish_reduce };
    int64_t factor = 10;
    assert_non_null(
        weir_stream_reduce(&environment.stream, "longest", &user, &factor, sizeof factor));
    assert_true(environment.made.stateful);
    struct os_sim *sim = os_sim_create(NULL);
    static struct life one;
    static struct life two;
    begin(&one, sim, 1, &environment, type);
    life_start(&one, NULL);
    feed_note(&one, 1, "ab", 1);
    feed_note(&one, 1, "abcd", 2);
    feed_note(&one, 1, "a", 3);
    feed_note(&one, 2, "z", 1);
    life_snapshot(&one, 1);
    assert_false(one.failed);
    assert_note(&one, 0, "ab", 1);
    assert_note(&one, 1, "abcd", 21);
    assert_note(&one, 2, "abcd", 51);
    assert_note(&one, 3, "z", 1);
    begin(&two, sim, 2, &environment, type);
    life_start(&two, &one);
    feed_note(&two, 1, "", 1);
    two.feed.has_ended = true;
    life_run(&two);
    assert_note(&two, 0, "abcd", 61);
    assert_true(two.drained);
    assert_non_null(strstr(two.log, "called 1 times"));
    life_fini(&two);
    life_fini(&one);
    os_sim_destroy(sim);
    weir_type_destroy(type);
}

static weir_status
greatest(weir_context *context, void *self, const void *accumulated, const void *record,
         const void **out_result)
{
    (void)context;
    (void)self;
    const struct counted *old = accumulated;
    const struct counted *more = record;
    *out_result = more->count > old->count ? record : accumulated;
    return WEIR_OK;
}

TEST(reduce_of_a_fixed_rest_may_answer_one_of_the_two)
{
    weir_environment environment;
    made_init(&environment);
    weir_type *type = struct_type("counted", sizeof(struct counted), counted_fields, 2);
    environment.stream.type = type;
    const weir_function user = { .size = sizeof user, .reduce = greatest };
    assert_non_null(weir_stream_reduce(&environment.stream, "max", &user, NULL, 0));
    struct os_sim *sim = os_sim_create(NULL);
    static struct life life;
    begin(&life, sim, 1, &environment, type);
    life_start(&life, NULL);
    feed_word(&life, "a", 3);
    feed_word(&life, "a", 5);
    feed_word(&life, "a", 4);
    feed_word(&life, "b", -1);
    life_run(&life);
    assert_false(life.failed);
    assert_word(&life, 0, "a", 3);
    assert_word(&life, 1, "a", 5);
    assert_word(&life, 2, "a", 5);
    assert_word(&life, 3, "b", -1);
    life_fini(&life);
    os_sim_destroy(sim);
    weir_type_destroy(type);
}

TEST(reduce_refuses_a_table_without_reduce)
{
    weir_environment environment;
    made_init(&environment);
    weir_type *type = struct_type("counted", sizeof(struct counted), counted_fields, 2);
    environment.stream.type = type;
    const weir_function user = { .size = sizeof user };
    assert_null(weir_stream_reduce(&environment.stream, "max", &user, NULL, 0));
    assert_int_equal(environment.error.status, WEIR_INVALID);
    assert_null(weir_stream_reduce(&environment.stream, "max", NULL, NULL, 0));
    weir_type_destroy(type);
}

TEST(reduce_refuses_a_stream_without_key)
{
    weir_environment environment;
    made_init(&environment);
    weir_type *type = struct_type("counted", sizeof(struct counted), counted_fields, 2);
    environment.stream.type = type;
    environment.stream.is_unkeyed = true;
    const weir_function user = { .size = sizeof user, .reduce = longer };
    assert_null(weir_stream_reduce(&environment.stream, "max", &user, NULL, 0));
    assert_non_null(strstr(environment.error.message, "weir_stream_key_by"));
    weir_type_destroy(type);
}
