/* SPDX-License-Identifier: Apache-2.0 */
/* list state: Flink's rules, on an engine with lists and on one without. */
#include "unit/state/verb_rig.h"

static weir_state *
numbers_state(struct verbs *verbs)
{
    return verbs_state(verbs, (weir_state_descriptor){ .kind = WEIR_STATE_LIST,
                                                       .name = "numbers",
                                                       .type = weir_type_of_kind(WEIR_I64) });
}

static weir_state *
texts_state(struct verbs *verbs)
{
    return verbs_state(verbs, (weir_state_descriptor){ .kind = WEIR_STATE_LIST,
                                                       .name = "texts",
                                                       .type = weir_type_of_kind(WEIR_STRING) });
}

static void
assert_numbers(weir_state *list, const int64_t *expected, size_t count)
{
    weir_cursor cursor = { .word = { 0 } };
    weir_bytes element;
    for (size_t i = 0; i < count; i++) {
        assert_ok(weir_list_next(list, &cursor, &element), NULL);
        assert_int_equal(element.size, 8);
        assert_int_equal(*(const int64_t *)element.data, expected[i]);
    }
    assert_int_equal(weir_list_next(list, &cursor, &element), WEIR_NOT_FOUND);
    assert_int_equal(list->failure, WEIR_OK);
}

static void
keeps_order(struct verbs *verbs)
{
    weir_state *list = numbers_state(verbs);
    static int64_t expected[300];
    for (int64_t i = 0; i < 300; i++) {
        expected[i] = i * 7;
        verbs_bind(verbs, list, i % 3);
        assert_ok(weir_list_add(list, of_number(&expected[i])), NULL);
    }
    for (int64_t k = 0; k < 3; k++) {
        int64_t own[100];
        for (int64_t i = 0; i < 100; i++) {
            own[i] = expected[3 * i + k];
        }
        verbs_bind(verbs, list, k);
        assert_numbers(list, own, 100);
    }
    assert_int_equal(weir_state_entry_count(list), 3);
}

TEST(a_list_keeps_its_elements_in_the_order_they_came)
{
    on_engines(keeps_order);
}

static void
empty_rules(struct verbs *verbs)
{
    weir_state *list = numbers_state(verbs);
    int64_t one = 1;
    weir_bytes elements[2] = { of_number(&one), of_number(&one) };
    verbs_bind(verbs, list, 5);
    assert_numbers(list, NULL, 0);
    assert_ok(weir_list_add_all(list, NULL, 0), NULL);
    assert_int_equal(weir_state_entry_count(list), 0);
    assert_ok(weir_list_add_all(list, elements, 2), NULL);
    assert_ok(weir_list_add_all(list, elements, 0), NULL);
    assert_numbers(list, (int64_t[]){ 1, 1 }, 2);
    assert_ok(weir_list_update(list, NULL, 0), NULL);
    assert_numbers(list, NULL, 0);
    assert_int_equal(weir_state_entry_count(list), 0);
    assert_ok(weir_list_clear(list), NULL);
}

TEST(adding_nothing_does_nothing_and_updating_with_nothing_clears)
{
    on_engines(empty_rules);
}

static void
update_with_own(struct verbs *verbs)
{
    weir_state *list = texts_state(verbs);
    struct text text;
    verbs_bind(verbs, list, 5);
    assert_ok(weir_list_add(list, of_text(&text, "one")), NULL);
    assert_ok(weir_list_add(list, of_text(&text, "a longer one, which needs more room")), NULL);
    assert_ok(weir_list_add(list, of_text(&text, "")), NULL);
    weir_cursor cursor = { .word = { 0 } };
    weir_bytes element;
    assert_ok(weir_list_next(list, &cursor, &element), NULL);
    assert_ok(weir_list_next(list, &cursor, &element), NULL);
    assert_text(element, "a longer one, which needs more room");
    assert_ok(weir_list_update(list, &element, 1), NULL); /* lent from the list itself */
    cursor = (weir_cursor){ .word = { 0 } };
    assert_ok(weir_list_next(list, &cursor, &element), NULL);
    assert_text(element, "a longer one, which needs more room");
    assert_int_equal(weir_list_next(list, &cursor, &element), WEIR_NOT_FOUND);
}

TEST(a_list_may_be_replaced_by_its_own_elements)
{
    on_engines(update_with_own);
}

static void
bad_calls(struct verbs *verbs)
{
    weir_state *list = numbers_state(verbs);
    weir_cursor cursor = { .word = { 0 } };
    weir_bytes element;
    int64_t one = 1;
    assert_int_equal(weir_list_add(list, of_number(&one)), WEIR_INVALID); /* no key */
    verbs_forgive(list, WEIR_INVALID);
    verbs_bind(verbs, list, 5);
    assert_int_equal(weir_list_add(list, weir_bytes_of(NULL, 0)), WEIR_INVALID);
    verbs_forgive(list, WEIR_INVALID);
    assert_int_equal(weir_list_add(list, weir_bytes_of(&one, 7)), WEIR_INVALID);
    assert_int_equal(weir_list_add_all(list, NULL, 1), WEIR_INVALID);
    weir_bytes half[2] = { of_number(&one), weir_bytes_of(NULL, 0) };
    assert_int_equal(weir_list_add_all(list, half, 2), WEIR_INVALID);
    assert_int_equal(weir_list_update(list, half, 2), WEIR_INVALID);
    assert_int_equal(weir_list_next(list, NULL, &element), WEIR_INVALID);
    assert_int_equal(weir_list_next(list, &cursor, NULL), WEIR_INVALID);
    assert_int_equal(weir_value_get(list, &element), WEIR_INVALID); /* of another kind */
    assert_int_equal(weir_map_is_empty(list), true);
    verbs_forgive(list, WEIR_INVALID);
    assert_numbers(list, NULL, 0);
    assert_int_equal(weir_list_add(NULL, of_number(&one)), WEIR_INVALID);
}

TEST(bad_calls_of_lists_are_answered_and_remembered)
{
    on_engines(bad_calls);
}

static void
through_a_snapshot(struct verbs *verbs)
{
    weir_state *list = texts_state(verbs);
    struct text text;
    char words[40];
    for (int64_t i = 0; i < 60; i++) {
        for (int64_t j = 0; j < i; j++) {
            snprintf(words, sizeof words, "%d of %d", (int)j, (int)i);
            verbs_bind(verbs, list, i);
            assert_ok(weir_list_add(list, of_text(&text, words)), NULL);
        }
    }
    verbs_restore(verbs);
    list = texts_state(verbs);
    for (int64_t i = 0; i < 60; i++) {
        weir_cursor cursor = { .word = { 0 } };
        weir_bytes element;
        verbs_bind(verbs, list, i);
        for (int64_t j = 0; j < i; j++) {
            snprintf(words, sizeof words, "%d of %d", (int)j, (int)i);
            assert_ok(weir_list_next(list, &cursor, &element), NULL);
            assert_text(element, words);
        }
        assert_int_equal(weir_list_next(list, &cursor, &element), WEIR_NOT_FOUND);
    }
}

TEST(lists_come_through_a_snapshot)
{
    on_engines(through_a_snapshot);
}

/* Adds and replaces, the n-th request for memory refused: the list is as it was. */
static bool
with_refusal(const weir_backend_factory *engine, uint64_t n)
{
    struct verbs verbs;
    verbs_open(&verbs, engine);
    weir_state *list = numbers_state(&verbs);
    int64_t numbers[3] = { 1, 2, 3 };
    weir_bytes elements[3];
    for (size_t i = 0; i < 3; i++) {
        elements[i] = of_number(&numbers[i]);
    }
    verbs_bind(&verbs, list, 5);
    verbs.fault.fail_at = verbs.fault.requests + n;
    weir_status status = weir_list_add_all(list, elements, 2);
    if (status == WEIR_NOMEM) {
        verbs_forgive(list, WEIR_NOMEM);
        assert_numbers(list, NULL, 0);
        status = weir_list_add_all(list, elements, 2);
    }
    assert_ok(status, NULL);
    status = weir_list_update(list, elements, 3);
    if (status == WEIR_NOMEM) {
        verbs_forgive(list, WEIR_NOMEM);
        assert_numbers(list, numbers, 2);
        status = weir_list_update(list, elements, 3);
    }
    assert_ok(status, NULL);
    verbs.fault.fail_at = 0; /* reading may need memory too */
    assert_numbers(list, numbers, 3);
    bool was_refused = verbs.fault.refused != 0;
    verbs_close(&verbs);
    return was_refused;
}

TEST(a_refused_allocation_leaves_a_list_as_it_was)
{
    with_every_refusal_on_engines(with_refusal, 2);
}
