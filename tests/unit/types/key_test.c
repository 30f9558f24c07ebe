/* SPDX-License-Identifier: Apache-2.0 */
/* key: what the bytes of a key are, and that equal keys have equal bytes. */
#include "support.h"
#include "types/gather.h"
#include "types/java_hash.h"
#include "types/key.h"

#include <math.h>

struct event {
    int64_t id;
    weir_string name;
    weir_string raw;
    double weight;
    float ratio;
    int32_t shard;
};

static const weir_field event_fields[] = {
    WEIR_FIELD(struct event, id, I64),    WEIR_FIELD(struct event, name, STRING),
    WEIR_FIELD(struct event, raw, BYTES), WEIR_FIELD(struct event, weight, F64),
    WEIR_FIELD(struct event, ratio, F32), WEIR_FIELD(struct event, shard, I32),
};

enum {
    ID,
    NAME,
    RAW,
    WEIGHT,
    RATIO,
    SHARD
};

struct fixture {
    weir_type *type;
    struct wr_buffer scratch;
    struct wr_key_plan *plan;
    _Alignas(8) uint8_t record[128];
};

static void
fixture_init(struct fixture *fixture, const size_t *indexes, size_t count)
{
    weir_alloc alloc = wr_memory_system();
    memset(fixture, 0, sizeof *fixture);
    fixture->type = MAKE_STRUCT(struct event, "event", event_fields);
    wr_buffer_init(&fixture->scratch, &alloc);
    weir_error err = { .status = WEIR_OK };
    assert_ok(wr_key_plan_create(&alloc, fixture->type, indexes, count, &fixture->plan, &err),
              &err);
    struct event event = { .id = 7, .weight = 1.5, .ratio = 0.5f, .shard = -3 };
    uint32_t end = weir_string_write(fixture->record, &event.raw, sizeof event,
                                     weir_bytes_of("\x01\x02\x03", 3));
    weir_string_write(fixture->record, &event.name, end, weir_bytes_of_text("word"));
    memcpy(fixture->record, &event, sizeof event);
}

static void
fixture_fini(struct fixture *fixture)
{
    wr_key_plan_destroy(fixture->plan);
    wr_buffer_fini(&fixture->scratch);
    weir_type_destroy(fixture->type);
}

static weir_bytes
extract(struct fixture *fixture, int32_t *hash)
{
    weir_bytes key = { NULL, 0 };
    assert_int_equal(
        wr_key_plan_extract(fixture->plan, fixture->record, &fixture->scratch, &key, hash),
        WEIR_OK);
    weir_error err = { .status = WEIR_OK };
    const weir_type *type = wr_key_plan_type(fixture->plan);
    assert_ok(wr_key_check(type, key, &err), &err);
    assert_int_equal(wr_key_java_hash(type, key), *hash);
    return key;
}

TEST(a_fixed_field_is_lent_from_the_record)
{
    struct fixture fixture;
    fixture_init(&fixture, (size_t[]){ SHARD }, 1);
    assert_true(weir_type_equal(wr_key_plan_type(fixture.plan), weir_type_of_kind(WEIR_I32)));
    int32_t hash;
    weir_bytes key = extract(&fixture, &hash);
    assert_ptr_equal(key.data, fixture.record + offsetof(struct event, shard));
    assert_int_equal(key.size, 4);
    assert_int_equal(hash, -3);
    fixture_fini(&fixture);
}

TEST(a_string_field_is_lent_as_its_content)
{
    struct fixture fixture;
    fixture_init(&fixture, (size_t[]){ NAME }, 1);
    int32_t hash;
    weir_bytes key = extract(&fixture, &hash);
    assert_int_equal(key.size, 4);
    assert_memory_equal(key.data, "word", 4);
    assert_true((const uint8_t *)key.data > fixture.record &&
                (const uint8_t *)key.data < fixture.record + sizeof fixture.record);
    assert_int_equal(hash, 3655434);
    fixture_fini(&fixture);
    fixture_init(&fixture, (size_t[]){ RAW }, 1);
    key = extract(&fixture, &hash);
    assert_int_equal(key.size, 3);
    assert_memory_equal(key.data, "\x01\x02\x03", 3);
    assert_int_equal(hash, 30817);
    fixture_fini(&fixture);
}

TEST(every_nan_is_one_key_and_the_zeros_are_two)
{
    struct fixture fixture;
    fixture_init(&fixture, (size_t[]){ WEIGHT }, 1);
    uint8_t *weight = fixture.record + offsetof(struct event, weight);
    int32_t hash;
    weir_bytes key = extract(&fixture, &hash);
    assert_ptr_equal(key.data, weight);
    wr_put_u64(weight, 0xfff8000000000123ULL);
    key = extract(&fixture, &hash);
    assert_int_equal(wr_get_u64(key.data), 0x7ff8000000000000ULL);
    assert_int_equal(hash, 2146959360);
    wr_put_u64(weight, 0x8000000000000000ULL);
    key = extract(&fixture, &hash);
    assert_int_equal(wr_get_u64(key.data), 0x8000000000000000ULL);
    fixture_fini(&fixture);
    fixture_init(&fixture, (size_t[]){ RATIO, WEIGHT }, 2);
    wr_put_u32(fixture.record + offsetof(struct event, ratio), 0xffc00001u);
    wr_put_u64(fixture.record + offsetof(struct event, weight), 0x7ff0000000000001ULL);
    key = extract(&fixture, &hash);
    assert_int_equal(key.size, 12);
    assert_int_equal(wr_get_u32(key.data), 0x7fc00000u);
    assert_int_equal(wr_get_u64((const uint8_t *)key.data + 4), 0x7ff8000000000000ULL);
    assert_int_equal(hash, (int32_t)(31u * 2143289344u + 2146959360u));
    fixture_fini(&fixture);
}

TEST(several_fields_make_a_canonical_block)
{
    struct fixture fixture;
    fixture_init(&fixture, (size_t[]){ SHARD, NAME, RAW }, 3);
    const weir_type *type = wr_key_plan_type(fixture.plan);
    assert_string_equal(weir_type_name(type), "key");
    assert_int_equal(weir_type_fixed_size(type), 20);
    assert_string_equal(weir_type_field(type, 1)->name, "name");
    assert_int_equal(weir_type_field(type, 1)->offset, 4);
    int32_t hash;
    weir_bytes key = extract(&fixture, &hash);
    static const uint8_t expected[32] = {
        0xfd, 0xff, 0xff, 0xff, 20,  0,   0,   0,   4, 0, 0, 0, 24, 0, 0, 0,
        3,    0,    0,    0,    'w', 'o', 'r', 'd', 1, 2, 3, 0, 0,  0, 0, 0,
    };
    assert_int_equal(key.size, sizeof expected);
    assert_memory_equal(key.data, expected, sizeof expected);
    uint32_t tuple = (31u * (31u * (uint32_t)-3 + 3655434u)) + 30817u;
    assert_int_equal(hash, (int32_t)tuple);
    fixture_fini(&fixture);
}

TEST(the_place_of_strings_in_a_record_does_not_show_in_its_key)
{
    struct fixture fixture;
    fixture_init(&fixture, (size_t[]){ NAME, RAW }, 2);
    int32_t hash;
    weir_bytes key = extract(&fixture, &hash);
    uint8_t kept[64];
    size_t kept_size = key.size;
    memcpy(kept, key.data, kept_size);
    struct event event;
    memcpy(&event, fixture.record, sizeof event);
    uint32_t end = weir_string_write(fixture.record, &event.name, sizeof event + 8,
                                     weir_bytes_of_text("word"));
    weir_string_write(fixture.record, &event.raw, end + 8, weir_bytes_of("\x01\x02\x03", 3));
    memcpy(fixture.record, &event, sizeof event);
    int32_t hash_again;
    key = extract(&fixture, &hash_again);
    assert_int_equal(key.size, kept_size);
    assert_memory_equal(key.data, kept, kept_size);
    assert_int_equal(hash, hash_again);
    fixture_fini(&fixture);
}

TEST(a_batch_gives_what_single_records_give)
{
    static const size_t choices[][3] = {
        { ID, 0, 0 },    { NAME, 0, 0 },  { RAW, 0, 0 },    { WEIGHT, 0, 0 },
        { RATIO, 0, 0 }, { SHARD, 0, 0 }, { ID, SHARD, 0 }, { NAME, ID, RAW },
    };
    static const size_t counts[] = { 1, 1, 1, 1, 1, 1, 2, 3 };
    enum {
        BATCH = 300
    };
    static _Alignas(8) uint8_t records[BATCH][128];
    const void *pointers[BATCH];
    struct wr_extracted_key keys[BATCH];
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        struct fixture fixture;
        fixture_init(&fixture, choices[c], counts[c]);
        for (size_t i = 0; i < BATCH; i++) {
            memcpy(records[i], fixture.record, sizeof records[i]);
            wr_put_u64(records[i], i * 1000003);
            records[i][sizeof(struct event) + 3] = (uint8_t)('a' + i % 26);
            records[i][sizeof(struct event)] = (uint8_t)i;
            records[i][offsetof(struct event, shard)] = (uint8_t)i;
            pointers[i] = records[i];
        }
        assert_int_equal(
            wr_key_plan_extract_batch(fixture.plan, pointers, BATCH, &fixture.scratch, keys),
            WEIR_OK);
        weir_alloc alloc = wr_memory_system();
        struct wr_buffer scratch;
        wr_buffer_init(&scratch, &alloc);
        for (size_t i = 0; i < BATCH; i++) {
            weir_bytes key = { NULL, 0 };
            int32_t hash = 0;
            assert_int_equal(wr_key_plan_extract(fixture.plan, records[i], &scratch, &key, &hash),
                             WEIR_OK);
            assert_int_equal(keys[i].size, key.size);
            assert_memory_equal(keys[i].data, key.data, key.size);
            assert_int_equal(keys[i].java_hash, hash);
        }
        wr_buffer_fini(&scratch);
        fixture_fini(&fixture);
    }
}

TEST(a_nested_struct_is_a_key)
{
    struct holder {
        int64_t number;
        struct word_count inner;
    };
    weir_type *inner = make_word_count();
    weir_field fields[] = {
        WEIR_FIELD(struct holder, number, I64),
        { "inner", WEIR_STRUCT, offsetof(struct holder, inner), sizeof(struct word_count), inner,
          NULL },
    };
    weir_type *type = MAKE_STRUCT(struct holder, "holder", fields);
    weir_alloc alloc = wr_memory_system();
    struct wr_key_plan *plan = NULL;
    assert_int_equal(wr_key_plan_create(&alloc, type, (size_t[]){ 1 }, 1, &plan, NULL), WEIR_OK);
    weir_type_destroy(type); /* the plan lives on its own */
    assert_true(weir_type_equal(wr_key_plan_type(plan), inner));
    _Alignas(8) uint8_t record[64] = { 0 };
    struct holder holder = { .inner.count = 5 };
    weir_string_write(record, &holder.inner.word, sizeof holder, weir_bytes_of_text("word"));
    memcpy(record, &holder, sizeof holder);
    _Alignas(8) uint8_t expected[64] = { 0 };
    size_t expected_size = write_word_count(expected, "word", 5);
    struct wr_buffer scratch;
    wr_buffer_init(&scratch, &alloc);
    weir_bytes key;
    int32_t hash;
    assert_int_equal(wr_key_plan_extract(plan, record, &scratch, &key, &hash), WEIR_OK);
    assert_int_equal(key.size, expected_size);
    assert_memory_equal(key.data, expected, expected_size);
    assert_int_equal(hash, 3655434 * 31 + 5);
    wr_buffer_fini(&scratch);
    wr_key_plan_destroy(plan);
    weir_type_destroy(inner);
}

TEST(a_record_that_is_no_struct_is_its_own_key)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_key_plan *plan = NULL;
    assert_int_equal(
        wr_key_plan_create(&alloc, weir_type_of_kind(WEIR_U64), (size_t[]){ 0 }, 1, &plan, NULL),
        WEIR_OK);
    uint64_t record = 1;
    struct wr_buffer scratch;
    wr_buffer_init(&scratch, &alloc);
    weir_bytes key;
    int32_t hash;
    assert_int_equal(wr_key_plan_extract(plan, &record, &scratch, &key, &hash), WEIR_OK);
    assert_ptr_equal(key.data, &record);
    assert_int_equal(key.size, 8);
    assert_int_equal(hash, 1);
    wr_buffer_fini(&scratch);
    wr_key_plan_destroy(plan);
}

TEST(a_choice_of_fields_that_makes_no_key_is_refused)
{
    weir_alloc alloc = wr_memory_system();
    weir_type *type = make_word_count();
    struct wr_key_plan *plan = NULL;
    weir_error err = { .status = WEIR_OK };
    assert_int_equal(wr_key_plan_create(&alloc, type, NULL, 0, &plan, &err), WEIR_INVALID);
    assert_non_null(strstr(err.message, "a key of no field"));
    assert_int_equal(wr_key_plan_create(&alloc, type, (size_t[]){ 2 }, 1, &plan, &err),
                     WEIR_INVALID);
    assert_non_null(strstr(err.message, "a key of field 2, but word_count has 2"));
    assert_int_equal(wr_key_plan_create(&alloc, type, (size_t[]){ 0, 0 }, 2, &plan, &err),
                     WEIR_INVALID);
    assert_non_null(strstr(err.message, "a key names field 0 of word_count twice"));
    assert_null(plan);
    weir_type_destroy(type);
}

static void
assert_key_size_ends(size_t index_count, size_t most)
{
    weir_alloc alloc = wr_memory_system();
    weir_type *type = make_word_count();
    struct wr_key_plan *plan = NULL;
    assert_int_equal(wr_key_plan_create(&alloc, type, (size_t[]){ 0, 1 }, index_count, &plan, NULL),
                     WEIR_OK);
    struct wr_buffer scratch;
    wr_buffer_init(&scratch, &alloc);
    uint8_t *record = test_calloc(1, 80000);
    memset(record + 16, 'x', 79000);
    weir_string word = { 16, (uint32_t)most };
    memcpy(record, &word, sizeof word);
    weir_bytes key = { NULL, 0 };
    int32_t hash;
    assert_int_equal(wr_key_plan_extract(plan, record, &scratch, &key, &hash), WEIR_OK);
    assert_int_equal(key.size, WEIR_KEY_SIZE_MAX);
    word.size++;
    memcpy(record, &word, sizeof word);
    assert_int_equal(wr_key_plan_extract(plan, record, &scratch, &key, &hash), WEIR_LIMIT);
    test_free(record);
    wr_buffer_fini(&scratch);
    wr_key_plan_destroy(plan);
    weir_type_destroy(type);
}

TEST(a_key_ends_at_64_kib)
{
    assert_key_size_ends(1, WEIR_KEY_SIZE_MAX);
    assert_key_size_ends(2, WEIR_KEY_SIZE_MAX - 16);
    weir_error err;
    char *text = test_calloc(1, WEIR_KEY_SIZE_MAX + 1);
    weir_bytes key = { text, WEIR_KEY_SIZE_MAX };
    assert_ok(wr_key_check(weir_type_of_kind(WEIR_BYTES), key, &err), &err);
    key.size++;
    assert_int_equal(wr_key_check(weir_type_of_kind(WEIR_BYTES), key, &err), WEIR_CORRUPT);
    test_free(text);
}

TEST(foreign_bytes_that_are_no_key_are_refused)
{
    weir_error err;
    assert_int_equal(wr_key_check(weir_type_of_kind(WEIR_STRING), weir_bytes_of("\xff", 1), &err),
                     WEIR_CORRUPT);
    int64_t number = 1;
    const weir_type *type = weir_type_of_kind(WEIR_I32);
    assert_int_equal(wr_key_check(type, weir_bytes_of(&number, 8), &err), WEIR_CORRUPT);
    assert_int_equal(wr_key_check(type, weir_bytes_of(&number, 3), &err), WEIR_CORRUPT);
    assert_ok(wr_key_check(type, weir_bytes_of(&number, 4), &err), &err);
    weir_type *pair = make_word_count();
    assert_int_equal(wr_key_check(pair, weir_bytes_of(&number, 8), &err), WEIR_CORRUPT);
    weir_type_destroy(pair);
}

TEST(planning_and_extracting_survive_every_failed_allocation)
{
    struct counting counting = { .refuse_at = 0 };
    weir_alloc alloc = counting_alloc(&counting);
    struct fixture fixture;
    fixture_init(&fixture, (size_t[]){ ID }, 1);
    for (size_t n = 1;; n++) {
        counting.calls = 0;
        counting.refuse_at = n;
        struct wr_key_plan *plan = NULL;
        struct wr_buffer scratch;
        wr_buffer_init(&scratch, &alloc);
        weir_error err = { .status = WEIR_OK };
        weir_bytes key;
        int32_t hash;
        weir_status status =
            wr_key_plan_create(&alloc, fixture.type, (size_t[]){ NAME, ID }, 2, &plan, &err);
        if (status == WEIR_OK) {
            status = wr_key_plan_extract(plan, fixture.record, &scratch, &key, &hash);
        }
        wr_key_plan_destroy(plan);
        wr_buffer_fini(&scratch);
        assert_int_equal(counting.used_bytes, 0);
        if (status == WEIR_OK) {
            assert_true(n > 3);
            break;
        }
        assert_int_equal(status, WEIR_NOMEM);
    }
    fixture_fini(&fixture);
}
