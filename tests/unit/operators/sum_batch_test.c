/* SPDX-License-Identifier: Apache-2.0 */
/* sum_batch_test: what a batch of keys at once must not change: the order of the running sums, keys
 * that come several times in a batch, new keys among old ones; and a rest that is more than one
 * word, which goes record by record. */
#include "unit/operators/fixture.h"

struct numbered {
    int64_t key;
    int64_t sum;
};

struct noted {
    int64_t key;
    int64_t sum;
    int64_t note; /* that of the key's first record */
};

static weir_type *
make_type(const char *name, size_t size, const weir_field *fields, size_t count)
{
    weir_alloc alloc = wr_memory_system();
    weir_error err = { .status = WEIR_OK };
    weir_type *type = NULL;
    assert_ok(weir_type_create_struct(&alloc, name, size, fields, count, &type, &err), &err);
    return type;
}

enum {
    RECORDS = 3000,
    KEYS = 400
};

static int64_t
key_of(size_t index)
{
    return (int64_t)(index * index % KEYS);
}

TEST(sums_of_a_batch_are_those_of_its_records_in_order)
{
    const weir_field fields[] = { WEIR_FIELD(struct numbered, key, I64),
                                  WEIR_FIELD(struct numbered, sum, I64) };
    weir_environment environment;
    made_init(&environment);
    weir_type *type = make_type("numbered", sizeof(struct numbered), fields, 2);
    environment.stream.type = type;
    assert_non_null(weir_stream_sum(&environment.stream, "sum"));
    assert_non_null(environment.made.function.process_batch);

    struct os_sim *sim = os_sim_create(NULL);
    static struct life life;
    life_init(&life, sim, os_sim_os(sim), 1, &environment.made);
    life.feed_type = type;
    life.key_field_count = 1;
    life_start(&life, NULL);
    for (size_t i = 0; i < RECORDS; i++) {
        struct numbered record = { key_of(i), (int64_t)i + 1 };
        records_add(&life.feed, &record, sizeof record);
    }
    life_snapshot(&life, 1);
    assert_false(life.failed);
    assert_int_equal(life.captured.count, RECORDS);
    int64_t sums[KEYS] = { 0 };
    for (size_t i = 0; i < RECORDS; i++) {
        const struct numbered *record = life.captured.blocks[i];
        sums[key_of(i)] += (int64_t)i + 1;
        assert_int_equal(record->key, key_of(i));
        assert_int_equal(record->sum, sums[key_of(i)]);
    }
    life_fini(&life);
    os_sim_destroy(sim);
    weir_type_destroy(type);
}

TEST(sums_beside_another_field_keep_that_of_the_first_record)
{
    const weir_field fields[] = { WEIR_FIELD(struct noted, key, I64),
                                  WEIR_FIELD(struct noted, sum, I64),
                                  WEIR_FIELD(struct noted, note, I64) };
    weir_environment environment;
    made_init(&environment);
    weir_type *type = make_type("noted", sizeof(struct noted), fields, 3);
    environment.stream.type = type;
    assert_non_null(weir_stream_sum(&environment.stream, "sum"));

    struct os_sim *sim = os_sim_create(NULL);
    static struct life life;
    life_init(&life, sim, os_sim_os(sim), 1, &environment.made);
    life.feed_type = type;
    life.key_field_count = 1;
    life_start(&life, NULL);
    for (int64_t i = 0; i < 6; i++) {
        struct noted record = { i % 2, 10, 100 + i };
        records_add(&life.feed, &record, sizeof record);
    }
    life_snapshot(&life, 1);
    assert_false(life.failed);
    assert_int_equal(life.captured.count, 6);
    for (int64_t i = 0; i < 6; i++) {
        const struct noted *record = life.captured.blocks[i];
        assert_int_equal(record->sum, 10 * (i / 2 + 1));
        assert_int_equal(record->note, 100 + i % 2);
    }
    life_fini(&life);
    os_sim_destroy(sim);
    weir_type_destroy(type);
}
