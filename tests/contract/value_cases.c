/* SPDX-License-Identifier: Apache-2.0 */
/* Value state, keys, and what a caller can get wrong. */
#include "contract/contract.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

CASE(value_reads_what_was_written)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    for (int64_t i = 0; i < 3000; i++) {
        put(c, counts, i, i);
    }
    for (int64_t i = 0; i < 3000; i += 2) {
        clear(c, counts, i);
    }
    for (int64_t i = 0; i < 3000; i++) {
        assert_int_equal(get(c, counts, i, -1), i % 2 == 0 ? -1 : i);
        put(c, counts, i, i * 2);
    }
    for (int64_t i = 0; i < 3000; i++) {
        assert_int_equal(get(c, counts, i, -1), i * 2);
    }
}

CASE(value_is_not_there_until_put_and_after_clear)
{
    weir_state *texts = make_value(c, "texts", text_type());
    weir_bytes value;
    bind(c, texts, 1);
    assert_int_equal(weir_value_get(texts, &value), WEIR_NOT_FOUND);
    OK(weir_value_clear(texts));
    OK(weir_value_put(texts, text("first")));
    bind(c, texts, 2);
    assert_int_equal(weir_value_get(texts, &value), WEIR_NOT_FOUND);
    OK(weir_value_put(texts, text("second, which is longer than what stands in a slot")));
    bind(c, texts, 1);
    OK(weir_value_get(texts, &value));
    assert_string_equal(text_of(value), "first");
    OK(weir_value_put(texts, text("u1")));
    bind(c, texts, 2);
    OK(weir_value_get(texts, &value));
    assert_string_equal(text_of(value), "second, which is longer than what stands in a slot");
    OK(weir_value_clear(texts));
    assert_int_equal(weir_value_get(texts, &value), WEIR_NOT_FOUND);
    bind(c, texts, 1);
    OK(weir_value_get(texts, &value));
    assert_string_equal(text_of(value), "u1");
}

CASE(value_snapshots_show_their_moment)
{
    weir_state *texts = make_value(c, "texts", text_type());
    weir_bytes value;
    bind(c, texts, 1);
    OK(weir_value_put(texts, text("1")));
    bind(c, texts, 2);
    OK(weir_value_put(texts, text("2")));
    struct engine_set *first = snapshot(c);
    bind(c, texts, 1);
    OK(weir_value_put(texts, text("u1")));
    bind(c, texts, 2);
    OK(weir_value_put(texts, text("u2")));
    bind(c, texts, 3);
    OK(weir_value_put(texts, text("u3")));
    struct engine_set *second = snapshot(c);
    static const char *const expected[2][3] = { { "1", "2", "-" }, { "u1", "u2", "u3" } };
    for (int i = 0; i < 2; i++) {
        restart(c, i == 0 ? first : second);
        texts = make_value(c, "texts", text_type());
        for (int64_t key = 1; key <= 3; key++) {
            bind(c, texts, key);
            weir_status status = weir_value_get(texts, &value);
            assert_int_equal(status, expected[i][key - 1][0] == '-' ? WEIR_NOT_FOUND : WEIR_OK);
            if (status == WEIR_OK) {
                assert_string_equal(text_of(value), expected[i][key - 1]);
            }
        }
    }
    engine_set_release(&c->rig, first);
    engine_set_release(&c->rig, second);
}

CASE(value_in_place_is_kept)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    for (int round = 1; round <= 3; round++) {
        for (int64_t i = 0; i < 500; i++) {
            void *value = NULL;
            bool created = false;
            bind(c, counts, i);
            OK(weir_value_upsert(counts, &value, &created));
            assert_int_equal(created, round == 1);
            assert_int_equal(*(int64_t *)value, (round - 1) * i);
            *(int64_t *)value += i;
        }
        if (round == 2) {
            fail_over(c);
            counts = make_value(c, "counts", i64_type());
        }
    }
    const void *found = NULL;
    bind(c, counts, 7);
    OK(weir_value_find(counts, &found));
    assert_int_equal(*(const int64_t *)found, 21);
}

CASE(value_of_two_states_are_apart)
{
    weir_state *ones = make_value(c, "ones", i64_type());
    weir_state *twos = make_value(c, "twos", i64_type());
    assert_ptr_equal(ones, make_value(c, "ones", i64_type()));
    for (int64_t i = 0; i < 100; i++) {
        put(c, ones, i, 1);
        put(c, twos, i * 2, 2);
    }
    fail_over(c);
    ones = make_value(c, "ones", i64_type());
    twos = make_value(c, "twos", i64_type());
    for (int64_t i = 0; i < 200; i++) {
        assert_int_equal(get(c, ones, i, 0), i < 100 ? 1 : 0);
        assert_int_equal(get(c, twos, i, 0), i % 2 == 0 ? 2 : 0);
    }
}

struct with_defaults {
    int64_t count;
    double least;
    int32_t flags[16]; /* as words: makes it too wide for a slot */
};

CASE(value_is_made_with_the_types_defaults)
{
    static const double least_default = 1e9;
    static const int32_t flag_default = 7;
    static const char *const names[16] = { "f0", "f1", "f2",  "f3",  "f4",  "f5",  "f6",  "f7",
                                           "f8", "f9", "f10", "f11", "f12", "f13", "f14", "f15" };
    weir_field fields[18] = { WEIR_FIELD(struct with_defaults, count, I64),
                              WEIR_FIELD(struct with_defaults, least, F64) };
    fields[1].default_value = &least_default;
    for (uint32_t i = 0; i < 16; i++) {
        fields[2 + i] = (weir_field){ names[i], WEIR_I32, 16 + 4 * i, 4, NULL, &flag_default };
    }
    for (size_t flags = 0; flags <= 16; flags += 16) {
        weir_alloc alloc = wr_memory_system();
        weir_type *type = NULL;
        OK(weir_type_create_struct(&alloc, "with_defaults", 16 + 4 * flags, fields, 2 + flags,
                                   &type, &c->rig.error));
        weir_state *wide = make_value(c, flags == 0 ? "narrow" : "wide", type);
        weir_type_destroy(type); /* the engine keeps its own */
        for (int64_t i = 0; i < 100; i++) {
            void *value = NULL;
            bool created = false;
            bind(c, wide, i);
            OK(weir_value_upsert(wide, &value, &created));
            assert_true(created);
            struct with_defaults *made = value;
            assert_int_equal(made->count, 0);
            assert_true(made->least == least_default);
            for (size_t j = 0; j < flags; j++) {
                assert_int_equal(made->flags[j], 7);
            }
            memset(value, 0xff, 16 + 4 * flags);
        }
    }
}

CASE(value_calls_without_a_key_are_answered)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    weir_bytes bytes;
    void *value = NULL;
    assert_int_equal(weir_value_get(counts, &bytes), WEIR_INVALID);
    assert_int_equal(weir_value_clear(counts), WEIR_INVALID);
    assert_int_equal(weir_value_put(counts, number(1)), WEIR_INVALID);
    assert_int_equal(weir_value_upsert(counts, &value, NULL), WEIR_INVALID);
    assert_int_equal(weir_value_upsert(NULL, &value, NULL), WEIR_INVALID);
    assert_int_equal(counts->failure, WEIR_INVALID);
}

CASE(value_of_the_wrong_size_is_refused)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    weir_state *texts = make_value(c, "texts", text_type());
    void *value = NULL;
    bind(c, counts, 1);
    bind(c, texts, 1);
    assert_int_equal(weir_value_upsert(texts, &value, NULL), WEIR_INVALID);
    assert_int_equal(weir_value_put(counts, weir_bytes_of("1234567", 7)), WEIR_INVALID);
    assert_int_equal(weir_value_put(counts, weir_bytes_of("123456789abc", 12)), WEIR_INVALID);
    assert_int_equal(weir_value_put(counts, weir_bytes_of(NULL, 8)), WEIR_INVALID);
    assert_int_equal(get(c, counts, 1, -1), -1);
}

CASE(value_verbs_of_another_kind_are_refused)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    weir_bytes bytes;
    weir_cursor cursor = { { 0 } };
    bind(c, counts, 1);
    assert_int_equal(weir_list_add(counts, number(1)), WEIR_INVALID);
    assert_int_equal(weir_list_next(counts, &cursor, &bytes), WEIR_INVALID);
    assert_int_equal(weir_map_put(counts, number(1), number(1)), WEIR_INVALID);
    assert_int_equal(weir_map_get(counts, number(1), &bytes), WEIR_INVALID);
    assert_int_equal(weir_reducing_add(counts, number(1)), WEIR_INVALID);
    assert_int_equal(weir_aggregating_get(counts, &bytes), WEIR_INVALID);
    assert_int_equal(get(c, counts, 1, -1), -1);
}

CASE(value_keys_of_other_subtasks_are_refused)
{
    engine_task_close(&c->rig, &c->task);
    OK(engine_task_open(&c->rig, &c->task, 0, 3));
    weir_state *counts = make_value(c, "counts", i64_type());
    weir_bytes bytes;
    void *value = NULL;
    size_t foreign = 0;
    for (int64_t i = 0; i < 50; i++) {
        bind(c, counts, i);
        if (counts->current_key->key_group > 3) {
            foreign++;
            assert_int_equal(weir_value_upsert(counts, &value, NULL), WEIR_INVALID);
            assert_int_equal(weir_value_put(counts, number(1)), WEIR_INVALID);
            assert_int_equal(weir_value_get(counts, &bytes), WEIR_INVALID);
            assert_int_equal(weir_value_clear(counts), WEIR_INVALID);
        }
    }
    assert_true(foreign > 5);
}

CASE(value_batches_agree_with_single_calls)
{
    enum {
        BATCH = 200
    };
    static char names[BATCH][40];
    static weir_key keys[BATCH];
    static void *values[BATCH];
    c->rig.key_type = text_type();
    engine_task_close(&c->rig, &c->task);
    OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
    weir_state *single = make_value(c, "single", i64_type());
    weir_state *batched = make_value(c, "batched", i64_type());
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < BATCH; i++) {
            int size = snprintf(names[i], sizeof names[i], "word%.*s-%u", (int)(i % 2) * 20,
                                "xxxxxxxxxxxxxxxxxxxx", (i * 7 + round * 13) % 300);
            keys[i] = weir_key_make(text_type(), weir_bytes_of(names[i], (size_t)size),
                                    c->rig.max_parallelism, c->rig.seed);
            void *value = NULL;
            weir_state_bind(single, &keys[i]);
            OK(weir_value_upsert(single, &value, NULL));
            *(int64_t *)value += i;
        }
        weir_state_prefetch(batched, keys, BATCH);
        OK(weir_state_upsert_many(batched, keys, BATCH, values));
        for (int64_t i = 0; i < BATCH; i++) {
            *(int64_t *)values[i] += i;
        }
        for (int i = 0; i < BATCH; i++) {
            const void *one = NULL;
            weir_state_bind(single, &keys[i]);
            OK(weir_value_find(single, &one));
            assert_int_equal(*(const int64_t *)one, *(const int64_t *)values[i]);
        }
    }
    OK(weir_state_upsert_many(batched, NULL, 0, NULL));
}

static weir_status
stop_at_ten(void *argument, const weir_key *key, weir_bytes value)
{
    (void)key;
    (void)value;
    return ++*(int *)argument == 10 ? WEIR_USER : WEIR_OK;
}

CASE(value_iterate_stops_at_the_first_failure)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    int visited = 0;
    OK(weir_state_iterate(counts, stop_at_ten, &visited));
    for (int64_t i = 0; i < 100; i++) {
        put(c, counts, i, 1);
    }
    assert_int_equal(weir_state_iterate(counts, stop_at_ten, &visited), WEIR_USER);
    assert_int_equal(visited, 10);
}

CASE(value_of_every_type_survives_a_snapshot)
{
    static const weir_kind kinds[] = { WEIR_BOOL, WEIR_I8,  WEIR_U8,  WEIR_I16, WEIR_U16, WEIR_I32,
                                       WEIR_U32,  WEIR_I64, WEIR_U64, WEIR_F32, WEIR_F64 };
    enum {
        KINDS = sizeof kinds / sizeof kinds[0]
    };
    for (size_t key_kind = 0; key_kind < KINDS; key_kind += c->rig.engine->keeps_files ? 5 : 1) {
        const weir_type *key_type = weir_type_of_kind(kinds[key_kind]);
        size_t key_size = weir_type_fixed_size(key_type);
        c->rig.key_type = key_type;
        engine_task_close(&c->rig, &c->task);
        OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
        for (int round = 0; round < 2; round++) { /* written, and then read */
            for (size_t kind = 0; kind < KINDS; kind++) {
                const weir_type *type = weir_type_of_kind(kinds[kind]);
                size_t size = weir_type_fixed_size(type);
                weir_state *values = make_value(c, weir_type_name(type), type);
                for (uint64_t i = 0; i < (key_size == 1 ? 2u : 40u); i++) {
                    weir_key key = weir_key_make(key_type, weir_bytes_of(&i, key_size),
                                                 c->rig.max_parallelism, c->rig.seed);
                    uint64_t expected = i & 1;
                    weir_bytes found;
                    weir_state_bind(values, &key);
                    if (round == 0) {
                        OK(weir_value_put(values, weir_bytes_of(&expected, size)));
                    }
                    OK(weir_value_get(values, &found));
                    assert_int_equal(found.size, size);
                    assert_memory_equal(found.data, &expected, size);
                    weir_state_bind(values, NULL);
                }
            }
            if (round == 0) {
                fail_over(c);
            }
        }
    }
}
