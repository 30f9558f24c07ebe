/* SPDX-License-Identifier: Apache-2.0 */
/* Map state. */
#include "contract/contract.h"

#include <string.h>

CASE(map_gets_what_was_put)
{
    weir_state *maps = make_map(c, "maps", i64_type());
    bind(c, maps, 1);
    assert_true(weir_map_is_empty(maps));
    assert_int_equal(map_get(c, maps, 1, 5, -1), -1);
    map_put(c, maps, 1, 5, 50);
    map_put(c, maps, 1, 6, 60);
    map_put(c, maps, 2, 5, 51);
    map_put(c, maps, 1, 5, 55);
    bind(c, maps, 1);
    assert_string_equal(map_of(c, maps), "5=55,6=60");
    assert_false(weir_map_is_empty(maps));
    assert_true(weir_map_contains(maps, number(5)));
    assert_false(weir_map_contains(maps, number(7)));
    bind(c, maps, 2);
    assert_string_equal(map_of(c, maps), "5=51");
    assert_int_equal(map_get(c, maps, 1, 6, -1), 60);
}

CASE(map_remove_takes_one_entry)
{
    weir_state *maps = make_map(c, "maps", i64_type());
    for (int64_t i = 0; i < 40; i++) {
        map_put(c, maps, 1, i, i);
    }
    for (int64_t i = 0; i < 40; i++) {
        OK(weir_map_remove(maps, number(i)));
        OK(weir_map_remove(maps, number(i))); /* no failure */
        assert_false(weir_map_contains(maps, number(i)));
        assert_int_equal(weir_map_is_empty(maps), i == 39);
    }
    expect_entries(c, maps, 0);
}

CASE(map_clear_removes_it)
{
    weir_state *maps = make_map(c, "maps", i64_type());
    bind(c, maps, 1);
    OK(weir_map_clear(maps));
    for (int64_t i = 0; i < 100; i++) {
        map_put(c, maps, 1, i, i);
    }
    map_put(c, maps, 2, 1, 1);
    bind(c, maps, 1);
    OK(weir_map_clear(maps));
    assert_true(weir_map_is_empty(maps));
    assert_string_equal(map_of(c, maps), "");
    bind(c, maps, 2);
    assert_string_equal(map_of(c, maps), "1=1");
}

CASE(map_keeps_null_values)
{
    weir_state *maps = make_map(c, "maps", i64_type());
    weir_bytes value;
    bind(c, maps, 1);
    OK(weir_map_put(maps, number(3), weir_bytes_of(NULL, 0)));
    map_put(c, maps, 1, 4, 40);
    for (int round = 0; round < 2; round++) {
        bind(c, maps, 1);
        assert_true(weir_map_contains(maps, number(3)));
        OK(weir_map_get(maps, number(3), &value));
        assert_null(value.data);
        assert_int_equal(value.size, 0);
        assert_string_equal(map_of(c, maps), "3=null,4=40");
        if (round == 0) {
            fail_over(c);
            maps = make_map(c, "maps", i64_type());
        }
    }
    map_put(c, maps, 1, 3, 30);
    OK(weir_map_put(maps, number(4), weir_bytes_of(NULL, 0)));
    assert_string_equal(map_of(c, maps), "3=30,4=null");
    OK(weir_map_remove(maps, number(4)));
    assert_string_equal(map_of(c, maps), "3=30");
}

CASE(map_keeps_null_apart_from_empty_texts)
{
    weir_state *maps = make_map(c, "texts", text_type());
    weir_bytes value;
    bind(c, maps, 1);
    OK(weir_map_put(maps, number(1), weir_bytes_of(NULL, 0)));
    OK(weir_map_put(maps, number(2), text("")));
    fail_over(c);
    maps = make_map(c, "texts", text_type());
    bind(c, maps, 1);
    OK(weir_map_get(maps, number(1), &value));
    assert_null(value.data);
    OK(weir_map_get(maps, number(2), &value));
    assert_string_equal(text_of(value), "");
}

CASE(map_upsert_changes_in_place)
{
    weir_state *maps = make_map(c, "maps", i64_type());
    for (int round = 0; round < 3; round++) {
        for (int64_t i = 0; i < 60; i++) {
            void *value = NULL;
            bool created = false;
            bind(c, maps, i % 3);
            OK(weir_map_upsert(maps, number(i), &value, &created));
            assert_int_equal(created, round == 0);
            *(int64_t *)value += i;
        }
    }
    assert_int_equal(map_get(c, maps, 2, 59, -1), 3 * 59);
    bind(c, maps, 0);
    OK(weir_map_put(maps, number(0), weir_bytes_of(NULL, 0)));
    void *value = NULL;
    OK(weir_map_upsert(maps, number(0), &value, NULL)); /* null becomes the type's defaults */
    assert_int_equal(*(int64_t *)value, 0);
    *(int64_t *)value = 5;
    assert_int_equal(map_get(c, maps, 0, 0, -1), 5);
    weir_state *texts = make_map(c, "texts", text_type());
    bind(c, texts, 1);
    assert_int_equal(weir_map_upsert(texts, number(0), &value, NULL), WEIR_INVALID);
}

CASE(map_walk_may_remove_and_put_the_last_given)
{
    for (int64_t size = 1; size <= 600; size = size * 3 + 1) {
        weir_state *maps = make_map(c, "maps", i64_type());
        bind(c, maps, size);
        for (int64_t i = 0; i < size; i++) {
            map_put(c, maps, size, i, i);
        }
        weir_cursor cursor = { { 0 } };
        weir_bytes key;
        weir_bytes value;
        int64_t seen = 0;
        while (weir_map_next(maps, &cursor, &key, &value) == WEIR_OK) {
            int64_t map_key = number_of(key);
            seen++;
            if (map_key % 2 == 0) {
                OK(weir_map_remove(maps, number(map_key)));
            } else {
                OK(weir_map_put(maps, number(map_key), number(-map_key)));
            }
        }
        assert_int_equal(seen, size);
        for (int64_t i = 0; i < size; i++) {
            assert_int_equal(map_get(c, maps, size, i, 1), i % 2 == 0 ? 1 : -i);
        }
        OK(weir_map_clear(maps));
    }
}

CASE(map_calls_without_a_key_are_answered)
{
    weir_state *maps = make_map(c, "maps", i64_type());
    weir_cursor cursor = { { 0 } };
    weir_bytes key;
    weir_bytes value;
    void *place = NULL;
    assert_int_equal(weir_map_put(maps, number(1), number(1)), WEIR_INVALID);
    assert_int_equal(weir_map_get(maps, number(1), &value), WEIR_INVALID);
    assert_int_equal(weir_map_upsert(maps, number(1), &place, NULL), WEIR_INVALID);
    assert_int_equal(weir_map_remove(maps, number(1)), WEIR_INVALID);
    assert_int_equal(weir_map_next(maps, &cursor, &key, &value), WEIR_INVALID);
    assert_int_equal(weir_map_clear(maps), WEIR_INVALID);
    assert_false(weir_map_contains(maps, number(1)));
    assert_int_equal(maps->failure, WEIR_INVALID);
}

CASE(map_refuses_wrong_sizes)
{
    weir_state *maps = make_map(c, "maps", i64_type());
    bind(c, maps, 1);
    assert_int_equal(weir_map_put(maps, weir_bytes_of("abc", 3), number(1)), WEIR_INVALID);
    assert_int_equal(weir_map_put(maps, number(1), weir_bytes_of("abc", 3)), WEIR_INVALID);
    assert_true(weir_map_is_empty(maps));
}

static void
expect_map(struct contract *c, weir_state *maps, int64_t key, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(map_get(c, maps, key, i * 1000003, -1), key + i);
    }
    weir_cursor cursor = { { 0 } };
    weir_bytes map_key;
    weir_bytes value;
    int64_t seen = 0;
    while (weir_map_next(maps, &cursor, &map_key, &value) == WEIR_OK) {
        assert_int_equal(number_of(value), key + number_of(map_key) / 1000003);
        seen++;
    }
    assert_int_equal(seen, count);
}

CASE(map_of_any_size_survives_a_snapshot)
{
    weir_state *maps = make_map(c, "maps", i64_type());
    static const int64_t sizes[] = { 1, 2, 15, 16, 17, 33, 300, 5000 };
    for (int64_t key = 0; key < 8; key++) {
        for (int64_t i = 0; i < sizes[key]; i++) {
            map_put(c, maps, key, i * 1000003, key + i);
        }
    }
    for (int round = 0; round < 2; round++) {
        for (int64_t key = 0; key < 8; key++) {
            expect_map(c, maps, key, sizes[key]);
        }
        if (round == 0) {
            fail_over(c);
            maps = make_map(c, "maps", i64_type());
        }
    }
}

CASE(map_snapshots_show_their_moment)
{
    weir_state *maps = make_map(c, "maps", i64_type());
    map_put(c, maps, 1, 1, 1);
    map_put(c, maps, 2, 2, 2);
    struct engine_set *first = snapshot(c);
    map_put(c, maps, 1, 1, 101);
    map_put(c, maps, 1, 3, 103);
    bind(c, maps, 2);
    OK(weir_map_remove(maps, number(2)));
    map_put(c, maps, 3, 3, 103);
    struct engine_set *second = snapshot(c);
    static const char *const expected[2][3] = { { "1=1", "2=2", "" },
                                                { "1=101,3=103", "", "3=103" } };
    for (int i = 0; i < 2; i++) {
        restart(c, i == 0 ? first : second);
        maps = make_map(c, "maps", i64_type());
        for (int64_t key = 1; key <= 3; key++) {
            bind(c, maps, key);
            assert_string_equal(map_of(c, maps), expected[i][key - 1]);
        }
    }
    engine_set_release(&c->rig, first);
    engine_set_release(&c->rig, second);
}

CASE(map_changes_do_not_reach_an_open_snapshot)
{
    weir_state *maps = make_map(c, "maps", i64_type());
    for (int64_t key = 0; key < 100; key++) {
        for (int64_t i = 0; i < 1 + key; i++) {
            map_put(c, maps, key, i * 1000003, key + i);
        }
    }
    struct engine_snapshot open;
    struct engine_set *set = NULL;
    OK(engine_snapshot_begin(&c->rig, &c->task, &open));
    for (int64_t step = 0; !open.is_done || step < 600; step++) {
        int64_t key = step * 7 % 100;
        bind(c, maps, key);
        if (step % 4 == 0) {
            OK(weir_map_clear(maps));
        } else if (step % 4 == 1) {
            OK(weir_map_put(maps, number(-step), number(step)));
        } else if (step % 4 == 2) {
            OK(weir_map_remove(maps, number(step % 20 * 1000003)));
        } else {
            void *value = NULL;
            OK(weir_map_upsert(maps, number(step % 30 * 1000003), &value, NULL));
            *(int64_t *)value = -1;
        }
        OK(engine_snapshot_turn(&c->rig, &open, 200));
        engine_rig_io(&c->rig);
    }
    OK(engine_snapshot_complete(&c->rig, &open, &set));
    restart(c, set);
    engine_set_release(&c->rig, set);
    maps = make_map(c, "maps", i64_type());
    for (int64_t key = 0; key < 100; key++) {
        expect_map(c, maps, key, 1 + key);
    }
}

CASE(map_with_text_keys_keeps_all_bytes)
{
    weir_state_descriptor descriptor = describe(WEIR_STATE_MAP, "words", i64_type());
    descriptor.map_key_type = text_type();
    weir_state *maps = make(c, &descriptor);
    static const char *const words[] = { "", "a", "ab", "abc", "b", "a longer word than twelve" };
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < 6; i++) {
            weir_bytes value;
            bind(c, maps, 1);
            if (round == 0) {
                OK(weir_map_put(maps, weir_bytes_of_text(words[i]), number(i)));
            }
            OK(weir_map_get(maps, weir_bytes_of_text(words[i]), &value));
            assert_int_equal(number_of(value), i);
        }
        if (round == 0) {
            fail_over(c);
            maps = make(c, &descriptor);
        }
    }
    assert_false(weir_map_contains(maps, weir_bytes_of_text("abcd")));
}
