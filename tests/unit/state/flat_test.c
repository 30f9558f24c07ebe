/* SPDX-License-Identifier: Apache-2.0 */
/* flat: values that stand in the slot, growth, removal, batches. */
#include "support/common_alloc_fault.h"
#include "support/state_rig.h"

static const weir_type *
i64_type(void)
{
    return weir_type_of_kind(WEIR_I64);
}

TEST(upsert_makes_the_default_and_find_reads_what_was_written)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "count", i64_type());
    int64_t number = 42;
    weir_key key = rig_number(&rig, &number);
    void *value = NULL;
    bool created = false;
    weir_state_bind(counts, &key);
    const void *found = NULL;
    assert_int_equal(weir_value_find(counts, &found), WEIR_NOT_FOUND);
    assert_ok(weir_value_upsert(counts, &value, &created), NULL);
    assert_true(created);
    assert_int_equal(*(int64_t *)value, 0);
    *(int64_t *)value = 7;
    assert_ok(weir_value_upsert(counts, &value, &created), NULL);
    assert_false(created);
    assert_int_equal(*(int64_t *)value, 7);
    assert_ok(weir_value_clear(counts), NULL);
    assert_int_equal(weir_value_find(counts, &found), WEIR_NOT_FOUND);
    assert_ok(weir_value_clear(counts), NULL);
    assert_int_equal(weir_state_entry_count(counts), 0);
    assert_int_equal(counts->accesses, 6);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(calls_without_key_or_outside_of_the_range_are_invalid)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open_range(&rig, i64_type(), 2, 3);
    weir_state *counts = rig_state(&rig, backend, "count", i64_type());
    void *value = NULL;
    assert_int_equal(weir_value_upsert(counts, &value, NULL), WEIR_INVALID);
    for (int64_t number = 0; number < 100; number++) {
        weir_key key = rig_number(&rig, &number);
        bool is_owned = key.key_group == 2 || key.key_group == 3;
        weir_state_bind(counts, &key);
        assert_int_equal(weir_value_upsert(counts, &value, NULL),
                         is_owned ? WEIR_OK : WEIR_INVALID);
        assert_int_equal(weir_state_upsert_many(counts, &key, 1, &value),
                         is_owned ? WEIR_OK : WEIR_INVALID);
    }
    int32_t narrow = 5;
    weir_key key = rig_key(&rig, weir_type_of_kind(WEIR_I32), &narrow, sizeof narrow);
    key.key_group = 2;
    weir_state_bind(counts, &key);
    assert_int_equal(weir_value_upsert(counts, &value, NULL), WEIR_INVALID);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(flat_grows_and_shrinks_and_keeps_every_entry)
{
    struct rig rig;
    rig_init(&rig);
    rig.max_parallelism = 2;
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "count", i64_type());
    const int64_t count = 100000;
    for (int64_t i = 0; i < count; i++) {
        rig_add(&rig, counts, i * 7919, i);
        if ((i & (i - 1)) == 0) {
            for (int64_t j = 0; j <= i; j++) {
                assert_int_equal(rig_look(&rig, counts, j * 7919, -1), j);
            }
        }
    }
    assert_int_equal(weir_state_entry_count(counts), count);
    const struct wr_heap_state *inner = (const struct wr_heap_state *)counts;
    uint64_t full_bytes = inner->bucket_bytes;
    assert_true(full_bytes < (uint64_t)count * 64);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(rig_look(&rig, counts, i * 7919, -1), i);
        if (i % 1000 != 0) {
            rig_clear(&rig, counts, i * 7919);
        }
    }
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(rig_look(&rig, counts, i * 7919, -1), i % 1000 == 0 ? i : -1);
    }
    assert_true(inner->bucket_bytes < full_bytes / 50);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(entries_that_come_and_go_do_not_wear_a_table_out)
{
    struct rig rig;
    rig_init(&rig);
    rig.max_parallelism = 1;
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "count", i64_type());
    for (int64_t i = 0; i < 200000; i++) { /* a window of 500 keys slides */
        rig_add(&rig, counts, i, i);
        if (i >= 500) {
            rig_clear(&rig, counts, i - 500);
        }
    }
    assert_int_equal(weir_state_entry_count(counts), 500);
    assert_true(weir_backend_used_bytes(backend) < 256 << 10);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(pointers_of_a_batch_stay_valid_together_and_repeated_keys_share_one)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "count", i64_type());
    enum {
        BATCH = 1024,
        ROUNDS = 64
    };
    static int64_t numbers[BATCH];
    static weir_key keys[BATCH];
    static void *values[BATCH];
    static int64_t expected[BATCH * ROUNDS];
    struct wr_rng rng;
    wr_rng_init(&rng, 1);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t span = (uint64_t)(round + 1) * BATCH;
        for (int i = 0; i < BATCH; i++) {
            numbers[i] = (int64_t)wr_rng_below(&rng, span);
            keys[i] = rig_number(&rig, &numbers[i]);
        }
        weir_state_prefetch(counts, keys, BATCH);
        assert_ok(weir_state_upsert_many(counts, keys, BATCH, values), NULL);
        for (int i = 0; i < BATCH; i++) {
            *(int64_t *)values[i] += i;
            expected[numbers[i]] += i;
        }
        for (int i = 0; i < BATCH; i++) {
            assert_int_equal(*(int64_t *)values[i], expected[numbers[i]]);
        }
    }
    for (int64_t i = 0; i < (int64_t)BATCH * ROUNDS; i++) {
        assert_int_equal(rig_look(&rig, counts, i, 0), expected[i]);
    }
    weir_backend_close(backend);
    rig_fini(&rig);
}

struct sum {
    uint64_t count;
    int64_t keys;
    int64_t values;
};

static weir_status
add_up(void *argument, const weir_key *key, weir_bytes value)
{
    struct sum *sum = argument;
    assert_int_equal(key->size, 8);
    assert_int_equal(value.size, 8);
    sum->count++;
    sum->keys += *(const int64_t *)key->data;
    sum->values += *(const int64_t *)value.data;
    return WEIR_OK;
}

TEST(iterate_meets_every_entry_once_while_tables_grow)
{
    struct rig rig;
    rig_init(&rig);
    rig.max_parallelism = 1;
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "count", i64_type());
    int64_t keys = 0;
    for (int64_t i = 0; i < 3000; i++) {
        rig_add(&rig, counts, i, 2 * i);
        keys += i;
        if (i % 37 == 0) {
            struct sum sum = { 0 };
            assert_ok(weir_state_iterate(counts, add_up, &sum), NULL);
            assert_int_equal(sum.count, i + 1);
            assert_int_equal(sum.keys, keys);
            assert_int_equal(sum.values, 2 * keys);
        }
    }
    weir_backend_close(backend);
    rig_fini(&rig);
}

/* Fills a state until a refused allocation, looks that nothing changed, and goes on. */
static void
fill_with_refusal(uint64_t fail_at, bool by_batch, bool *out_refused)
{
    struct rig rig;
    struct alloc_fault fault;
    rig_init(&rig);
    rig.max_parallelism = 1;
    alloc_fault_init(&fault, 0, false);
    rig.alloc = alloc_fault_alloc(&fault);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "count", i64_type());
    fault.fail_at = fault.requests + fail_at;
    for (int64_t i = 0; i < 20000; i++) {
        uint64_t refused = fault.refused;
        weir_key key = rig_number(&rig, &i);
        void *value = NULL;
        weir_state_bind(counts, &key);
        weir_status status = by_batch ? weir_state_upsert_many(counts, &key, 1, &value)
                                      : weir_value_upsert(counts, &value, NULL);
        if (status == WEIR_NOMEM) {
            assert_true(fault.refused > refused);
            assert_int_equal(weir_state_entry_count(counts), i);
            for (int64_t j = 0; j < i; j += 1 + i / 100) {
                assert_int_equal(rig_look(&rig, counts, j, -1), j);
            }
            weir_state_bind(counts, &key);
            status = weir_value_upsert(counts, &value, NULL);
        }
        assert_ok(status, NULL);
        *(int64_t *)value = i;
    }
    *out_refused = fault.refused != 0;
    for (int64_t i = 0; i < 20000; i++) {
        assert_int_equal(rig_look(&rig, counts, i, -1), i);
    }
    weir_backend_close(backend);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
    rig_fini(&rig);
}

TEST(put_and_upsert_survive_every_failed_allocation)
{
    bool was_refused = true;
    for (uint64_t n = 1; was_refused; n++) {
        fill_with_refusal(n, n % 2 == 0, &was_refused);
    }
}

static void
layout_of(struct wr_layout *layout, const weir_type *key_type, const weir_type *value_type)
{
    weir_state_descriptor descriptor = {
        .size = sizeof descriptor, .kind = WEIR_STATE_VALUE, .name = "values", .type = value_type
    };
    wr_layout_init(layout, key_type, &descriptor);
}

TEST(values_of_48_bytes_are_flat_and_of_49_are_not)
{
    const weir_type *bytes_type = weir_type_of_kind(WEIR_STRING);
    struct wide {
        int64_t words[7];
    };
    weir_field fields[7];
    static const char *const names[7] = { "a", "b", "c", "d", "e", "f", "g" };
    for (uint32_t i = 0; i < 7; i++) {
        fields[i] = (weir_field){ names[i], WEIR_I64, i * 8, 8, NULL, NULL };
    }
    weir_alloc alloc = wr_memory_system();
    struct wr_layout layout;
    for (size_t count = 1; count <= 7; count++) {
        weir_type *type = NULL;
        weir_error error;
        assert_ok(weir_type_create_struct(&alloc, "wide", count * 8, fields, count, &type, &error),
                  &error);
        layout_of(&layout, i64_type(), type);
        assert_int_equal(layout.value_in_slab, count == 7);
        assert_true(layout.slots >= 3 && layout.slots <= 7);
        layout_of(&layout, bytes_type, type);
        assert_int_equal(layout.key_form, WR_KEY_BYTES);
        assert_true(layout.slots >= 3);
        layout_of(&layout, type, i64_type());
        assert_int_equal(layout.key_form, count == 1   ? WR_KEY_WORD
                                          : count == 2 ? WR_KEY_PAIR
                                                       : WR_KEY_BYTES);
        weir_type_destroy(type);
    }
    weir_field byte = { "z", WEIR_I8, 48, 1, NULL, NULL };
    weir_field with_byte[7];
    memcpy(with_byte, fields, sizeof with_byte);
    with_byte[6] = byte;
    weir_type *type = NULL;
    weir_error error;
    assert_ok(weir_type_create_struct(&alloc, "wide49", 49, with_byte, 7, &type, &error), &error);
    layout_of(&layout, i64_type(), type);
    assert_true(layout.value_in_slab);
    layout_of(&layout, type, i64_type());
    assert_int_equal(layout.key_form, WR_KEY_BYTES);
    weir_type_destroy(type);
    with_byte[2] = (weir_field){ "z", WEIR_I8, 16, 1, NULL, NULL };
    assert_ok(weir_type_create_struct(&alloc, "key17", 17, with_byte, 3, &type, &error), &error);
    layout_of(&layout, type, i64_type());
    assert_int_equal(layout.key_form, WR_KEY_BYTES);
    weir_type_destroy(type);
}
