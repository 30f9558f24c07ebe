/* SPDX-License-Identifier: Apache-2.0 */
/* List state. */
#include "contract/contract.h"

#include <string.h>

CASE(list_keeps_the_order_of_adds)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    bind(c, lists, 1);
    assert_string_equal(list_of(c, lists), "");
    list_add(c, lists, 1, 17);
    list_add(c, lists, 2, 3);
    list_add(c, lists, 1, 4);
    list_add(c, lists, 1, 17);
    bind(c, lists, 1);
    assert_string_equal(list_of(c, lists), "17,4,17");
    bind(c, lists, 2);
    assert_string_equal(list_of(c, lists), "3");
}

CASE(list_add_all_appends)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    weir_bytes elements[] = { number(3), number(4), number(5) };
    bind(c, lists, 1);
    OK(weir_list_add_all(lists, elements, 3));
    assert_string_equal(list_of(c, lists), "3,4,5");
    OK(weir_list_add_all(lists, elements, 2));
    assert_string_equal(list_of(c, lists), "3,4,5,3,4");
    bind(c, lists, 2);
    assert_string_equal(list_of(c, lists), "");
}

CASE(list_add_all_of_nothing_changes_nothing)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    bind(c, lists, 1);
    OK(weir_list_add_all(lists, NULL, 0));
    assert_string_equal(list_of(c, lists), "");
    list_add(c, lists, 1, 9);
    OK(weir_list_add_all(lists, NULL, 0));
    assert_string_equal(list_of(c, lists), "9");
}

CASE(list_add_all_of_a_null_element_changes_nothing)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    weir_bytes elements[] = { number(3), weir_bytes_of(NULL, 0), number(5) };
    list_add(c, lists, 1, 9);
    assert_int_equal(weir_list_add_all(lists, elements, 3), WEIR_INVALID);
    assert_int_equal(weir_list_add_all(lists, NULL, 3), WEIR_INVALID);
    assert_string_equal(list_of(c, lists), "9");
}

CASE(list_add_of_null_is_refused)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    bind(c, lists, 1);
    assert_int_equal(weir_list_add(lists, weir_bytes_of(NULL, 0)), WEIR_INVALID);
    assert_int_equal(weir_list_add(lists, weir_bytes_of("1234", 4)), WEIR_INVALID);
    assert_string_equal(list_of(c, lists), "");
}

CASE(list_update_replaces)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    weir_bytes elements[] = { number(1), number(2), number(3), number(4) };
    bind(c, lists, 1);
    OK(weir_list_update(lists, elements, 4));
    assert_string_equal(list_of(c, lists), "1,2,3,4");
    OK(weir_list_update(lists, elements + 2, 1));
    assert_string_equal(list_of(c, lists), "3");
    list_add(c, lists, 1, 7);
    assert_string_equal(list_of(c, lists), "3,7");
}

CASE(list_update_with_nothing_clears)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    list_add(c, lists, 1, 7);
    OK(weir_list_update(lists, NULL, 0));
    assert_string_equal(list_of(c, lists), "");
    expect_entries(c, lists, 0);
}

CASE(list_update_with_null_changes_nothing)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    weir_bytes elements[] = { number(1), weir_bytes_of(NULL, 0) };
    list_add(c, lists, 1, 7);
    assert_int_equal(weir_list_update(lists, elements, 2), WEIR_INVALID);
    assert_int_equal(weir_list_update(lists, NULL, 2), WEIR_INVALID);
    assert_string_equal(list_of(c, lists), "7");
}

CASE(list_clear_removes_it)
{
    weir_state *lists = make_list(c, "lists", text_type());
    bind(c, lists, 1);
    OK(weir_list_clear(lists));
    OK(weir_list_add(lists, text("a")));
    OK(weir_list_add(lists, text("")));
    OK(weir_list_add(lists, text("a text that is longer than the others, by far")));
    assert_string_equal(list_of(c, lists), "a,,a text that is longer than the others, by far");
    OK(weir_list_clear(lists));
    assert_string_equal(list_of(c, lists), "");
    expect_entries(c, lists, 0);
}

CASE(list_calls_without_a_key_are_answered)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    assert_int_equal(weir_list_add(lists, number(1)), WEIR_INVALID);
    assert_int_equal(weir_list_next(lists, &cursor, &element), WEIR_INVALID);
    assert_int_equal(weir_list_clear(lists), WEIR_INVALID);
    assert_int_equal(weir_list_update(lists, NULL, 0), WEIR_INVALID);
    assert_int_equal(weir_list_add_all(lists, NULL, 0), WEIR_INVALID);
}

static void
expect_long_list(struct contract *c, weir_state *lists, int64_t key, int64_t count)
{
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    bind(c, lists, key);
    for (int64_t i = 0; i < count; i++) {
        OK(weir_list_next(lists, &cursor, &element));
        assert_int_equal(number_of(element), key * 100000 + i);
    }
    assert_int_equal(weir_list_next(lists, &cursor, &element), WEIR_NOT_FOUND);
}

/* Through every size of chunk, and through snapshots. */
CASE(list_of_any_length_survives_a_snapshot)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    static const int64_t lengths[] = { 1, 2, 7, 8, 9, 60, 500, 3000 };
    for (int64_t key = 0; key < 8; key++) {
        for (int64_t i = 0; i < lengths[key]; i++) {
            list_add(c, lists, key, key * 100000 + i);
        }
    }
    for (int round = 0; round < 2; round++) {
        for (int64_t key = 0; key < 8; key++) {
            expect_long_list(c, lists, key, lengths[key] + round);
        }
        if (round == 0) {
            fail_over(c);
            lists = make_list(c, "lists", i64_type());
            for (int64_t key = 0; key < 8; key++) {
                list_add(c, lists, key, key * 100000 + lengths[key]);
            }
        }
    }
}

CASE(list_snapshots_show_their_moment)
{
    weir_state *lists = make_list(c, "lists", text_type());
    bind(c, lists, 1);
    OK(weir_list_add(lists, text("1")));
    bind(c, lists, 2);
    OK(weir_list_add(lists, text("2")));
    struct engine_set *first = snapshot(c);
    bind(c, lists, 1);
    OK(weir_list_add(lists, text("u1")));
    bind(c, lists, 2);
    OK(weir_list_clear(lists));
    bind(c, lists, 3);
    OK(weir_list_add(lists, text("u3")));
    struct engine_set *second = snapshot(c);
    static const char *const expected[2][3] = { { "1", "2", "" }, { "1,u1", "", "u3" } };
    for (int i = 0; i < 2; i++) {
        restart(c, i == 0 ? first : second);
        lists = make_list(c, "lists", text_type());
        for (int64_t key = 1; key <= 3; key++) {
            bind(c, lists, key);
            assert_string_equal(list_of(c, lists), expected[i][key - 1]);
        }
    }
    engine_set_release(&c->rig, first);
    engine_set_release(&c->rig, second);
}

/* While a snapshot is under way lists grow, shrink and go: it does not see that. */
CASE(list_changes_do_not_reach_an_open_snapshot)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    for (int64_t key = 0; key < 300; key++) {
        for (int64_t i = 0; i < 1 + key % 40; i++) {
            list_add(c, lists, key, key * 100000 + i);
        }
    }
    struct engine_snapshot open;
    struct engine_set *set = NULL;
    OK(engine_snapshot_begin(&c->rig, &c->task, &open));
    for (int64_t step = 0; !open.is_done || step < 600; step++) {
        int64_t key = step * 7 % 300;
        bind(c, lists, key);
        if (step % 3 == 0) {
            OK(weir_list_clear(lists));
        } else if (step % 3 == 1) {
            OK(weir_list_add(lists, number(-step)));
        } else {
            weir_bytes elements[] = { number(-1), number(-2) };
            OK(weir_list_update(lists, elements, 2));
        }
        OK(engine_snapshot_turn(&c->rig, &open, 200));
        engine_rig_io(&c->rig);
    }
    OK(engine_snapshot_complete(&c->rig, &open, &set));
    restart(c, set);
    engine_set_release(&c->rig, set);
    lists = make_list(c, "lists", i64_type());
    for (int64_t key = 0; key < 300; key++) {
        expect_long_list(c, lists, key, 1 + key % 40);
    }
}
