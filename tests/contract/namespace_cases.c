/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces, merging them, and walking over keys. */
#include "contract/contract.h"

#include <stdio.h>
#include <string.h>

static weir_state *
make_windowed(struct contract *c, weir_state_kind kind, const char *name)
{
    weir_state_descriptor descriptor = describe(kind, name, i64_type());
    descriptor.namespace_type = i64_type();
    descriptor.map_key_type = kind == WEIR_STATE_MAP ? i64_type() : NULL;
    return make(c, &descriptor);
}

CASE(namespaces_are_apart)
{
    weir_state *values = make_windowed(c, WEIR_STATE_VALUE, "values");
    for (int round = 0; round < 2; round++) {
        for (int64_t window = 0; window < 5; window++) {
            in_namespace(c, values, window);
            for (int64_t key = 0; key < 100; key++) {
                if (round == 0) {
                    put(c, values, key, window * 1000 + key);
                } else {
                    assert_int_equal(get(c, values, key, -1), window * 1000 + key);
                }
            }
        }
        if (round == 0) {
            fail_over(c);
            values = make_windowed(c, WEIR_STATE_VALUE, "values");
        }
    }
    in_namespace(c, values, 2);
    clear(c, values, 7);
    assert_int_equal(get(c, values, 7, -1), -1);
    in_namespace(c, values, 3);
    assert_int_equal(get(c, values, 7, -1), 3007);
}

CASE(namespaces_serve_every_kind)
{
    weir_state *lists = make_windowed(c, WEIR_STATE_LIST, "lists");
    weir_state *maps = make_windowed(c, WEIR_STATE_MAP, "maps");
    weir_state *sums = make_sum(c, "sums", i64_type());
    for (int round = 0; round < 2; round++) {
        for (int64_t window = 0; window < 3; window++) {
            in_namespace(c, lists, window);
            in_namespace(c, maps, window);
            in_namespace(c, sums, window);
            list_add(c, lists, 1, window);
            map_put(c, maps, 1, round, window);
            bind(c, sums, 1);
            OK(weir_reducing_add(sums, number(window)));
        }
        fail_over(c);
        lists = make_windowed(c, WEIR_STATE_LIST, "lists");
        maps = make_windowed(c, WEIR_STATE_MAP, "maps");
        sums = make_sum(c, "sums", i64_type());
    }
    weir_bytes value;
    in_namespace(c, lists, 2);
    in_namespace(c, maps, 2);
    in_namespace(c, sums, 2);
    bind(c, lists, 1);
    bind(c, maps, 1);
    bind(c, sums, 1);
    assert_string_equal(list_of(c, lists), "2,2");
    assert_string_equal(map_of(c, maps), "0=2,1=2");
    OK(weir_reducing_get(sums, &value));
    assert_int_equal(number_of(value), 4);
}

CASE(namespace_must_be_set_and_be_one)
{
    weir_state *values = make_windowed(c, WEIR_STATE_VALUE, "values");
    weir_state *plain = make_value(c, "plain", i64_type());
    int64_t window = 1;
    weir_bytes value;
    bind(c, values, 1);
    assert_int_equal(weir_value_get(values, &value), WEIR_INVALID);
    assert_int_equal(weir_value_put(values, number(1)), WEIR_INVALID);
    assert_int_equal(weir_state_set_namespace(plain, weir_bytes_of(&window, 8)), WEIR_INVALID);
    assert_int_equal(weir_state_set_namespace(values, weir_bytes_of(&window, 7)), WEIR_INVALID);
    in_namespace(c, values, 1);
    put(c, values, 1, 5);
    assert_int_equal(get(c, values, 1, -1), 5);
}

/* "a" + "bc" and "ab" + "c" are two entries. */
CASE(namespaces_of_variable_size_do_not_run_together)
{
    weir_state_descriptor descriptor = describe(WEIR_STATE_VALUE, "texts", i64_type());
    descriptor.namespace_type = text_type();
    c->rig.key_type = text_type();
    engine_task_close(&c->rig, &c->task);
    OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
    weir_state *state = make(c, &descriptor);
    static const char *const parts[][2] = {
        { "a", "bc" }, { "ab", "c" }, { "abc", "" }, { "", "abc" }, { "ab", "cd" }
    };
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < 5; i++) {
            weir_key key = weir_key_make(text_type(), weir_bytes_of_text(parts[i][0]),
                                         c->rig.max_parallelism, c->rig.seed);
            weir_bytes value;
            weir_state_bind(state, &key);
            OK(weir_state_set_namespace(state, weir_bytes_of_text(parts[i][1])));
            if (round == 0) {
                assert_int_equal(weir_value_get(state, &value), WEIR_NOT_FOUND);
                OK(weir_value_put(state, number(i)));
            }
            OK(weir_value_get(state, &value));
            assert_int_equal(number_of(value), i);
            weir_state_bind(state, NULL);
        }
        if (round == 0) {
            fail_over(c);
            state = make(c, &descriptor);
        }
    }
}

/* --- merging --- */

static void
merge(struct contract *c, weir_state *state, int64_t target, const int64_t *sources, size_t count)
{
    weir_bytes namespaces[8];
    for (size_t i = 0; i < count; i++) {
        namespaces[i] = weir_bytes_of(&sources[i], 8);
    }
    OK(weir_state_merge_namespaces(state, weir_bytes_of(&target, 8), namespaces, count));
}

static const int64_t windows[] = { 11, 22, 33 };

CASE(merging_lists_joins_them)
{
    weir_state *lists = make_windowed(c, WEIR_STATE_LIST, "lists");
    for (int64_t key = 1; key <= 4; key++) {
        for (int64_t i = 0; i < 3; i++) {
            in_namespace(c, lists, windows[i]);
            if (key != 3 && !(key == 2 && i == 0)) { /* 2: one is empty; 3: all are */
                list_add(c, lists, key, key * 10 + i);
            }
        }
        bind(c, lists, key);
        merge(c, lists, 11, windows + 1, 2);
        in_namespace(c, lists, 11);
        size_t size = strlen(list_of(c, lists));
        assert_int_equal(size, key == 3 ? 0 : key == 2 ? 5 : 8);
        in_namespace(c, lists, 22);
        assert_string_equal(list_of(c, lists), "");
        in_namespace(c, lists, 33);
        assert_string_equal(list_of(c, lists), "");
    }
    expect_entries(c, lists, 3);
}

CASE(merging_sums_adds_them)
{
    weir_state *sums = make_sum(c, "sums", i64_type());
    weir_bytes value;
    for (int64_t key = 1; key <= 4; key++) {
        for (int64_t i = 0; i < 3; i++) {
            in_namespace(c, sums, windows[i]);
            bind(c, sums, key);
            if (key != 3 && !(key == 2 && i == 0)) {
                OK(weir_reducing_add(sums, number(key * 10 + i)));
            }
        }
        bind(c, sums, key);
        merge(c, sums, 11, windows + 1, 2);
        in_namespace(c, sums, 11);
        weir_status status = weir_reducing_get(sums, &value);
        assert_int_equal(status, key == 3 ? WEIR_NOT_FOUND : WEIR_OK);
        if (key != 3) {
            assert_int_equal(number_of(value), key == 2 ? 43 : key * 30 + 3);
        }
        in_namespace(c, sums, 22);
        assert_int_equal(weir_reducing_get(sums, &value), WEIR_NOT_FOUND);
    }
    expect_entries(c, sums, 3);
}

CASE(merging_averages_merges_accumulators)
{
    weir_state *averages = make_average(c, "averages", i64_type());
    weir_bytes value;
    for (int64_t key = 1; key <= 3; key++) {
        for (int64_t i = 0; i < 3; i++) {
            in_namespace(c, averages, windows[i]);
            bind(c, averages, key);
            if (key != 3 && !(key == 2 && i == 0)) {
                OK(weir_aggregating_add(averages, number(key * 10 + i)));
            }
        }
        bind(c, averages, key);
        merge(c, averages, 11, windows + 1, 2);
        in_namespace(c, averages, 11);
        weir_status status = weir_aggregating_get(averages, &value);
        assert_int_equal(status, key == 3 ? WEIR_NOT_FOUND : WEIR_OK);
        if (key != 3) {
            assert_int_equal(number_of(value), key == 2 ? 215 : 110);
        }
    }
}

CASE(merging_nothing_leaves_the_target)
{
    weir_state *lists = make_windowed(c, WEIR_STATE_LIST, "lists");
    in_namespace(c, lists, 11);
    list_add(c, lists, 1, 5);
    merge(c, lists, 11, windows, 0);
    merge(c, lists, 11, windows + 1, 2);
    assert_string_equal(list_of(c, lists), "5");
}

CASE(merging_other_kinds_is_refused)
{
    weir_state *values = make_windowed(c, WEIR_STATE_VALUE, "values");
    int64_t window = 11;
    weir_bytes namespace_ = weir_bytes_of(&window, 8);
    bind(c, values, 1);
    assert_int_equal(weir_state_merge_namespaces(values, namespace_, &namespace_, 1), WEIR_INVALID);
}

CASE(merged_state_survives_a_snapshot)
{
    weir_state *lists = make_windowed(c, WEIR_STATE_LIST, "lists");
    for (int64_t key = 0; key < 100; key++) {
        for (int64_t i = 0; i < 3; i++) {
            in_namespace(c, lists, windows[i]);
            list_add(c, lists, key, i);
        }
    }
    fail_over(c);
    lists = make_windowed(c, WEIR_STATE_LIST, "lists");
    for (int64_t key = 0; key < 100; key += 2) {
        bind(c, lists, key);
        merge(c, lists, 33, windows, 2);
    }
    fail_over(c);
    lists = make_windowed(c, WEIR_STATE_LIST, "lists");
    in_namespace(c, lists, 33);
    for (int64_t key = 0; key < 100; key++) {
        bind(c, lists, key);
        assert_int_equal(strlen(list_of(c, lists)), key % 2 == 0 ? 5 : 1);
    }
}

/* --- walks over keys --- */

enum {
    KEYS = 600
};

struct walk {
    bool seen[3][KEYS];
    size_t count;
    int64_t sum;
};

static weir_status
see(void *argument, const weir_key *key, weir_bytes value)
{
    struct walk *walk = argument;
    weir_state_descriptor descriptor = describe(WEIR_STATE_VALUE, "values", i64_type());
    descriptor.namespace_type = i64_type();
    weir_key_parts parts;
    assert_ok(weir_key_split(i64_type(), &descriptor, weir_bytes_of(key->data, key->size), &parts),
              NULL);
    int64_t number_in_key = number_of(parts.key);
    int64_t window = number_of(parts.namespace_);
    assert_true(number_in_key >= 0 && number_in_key < KEYS && window >= 0 && window < 3);
    assert_false(walk->seen[window][number_in_key]);
    walk->seen[window][number_in_key] = true;
    walk->count++;
    walk->sum += number_of(value);
    return WEIR_OK;
}

CASE(iterate_gives_keys_and_namespaces_once)
{
    weir_state *values = make_windowed(c, WEIR_STATE_VALUE, "values");
    int64_t sum = 0;
    for (int64_t window = 0; window < 3; window++) {
        in_namespace(c, values, window);
        for (int64_t key = 0; key < KEYS; key += window + 1) {
            put(c, values, key, key + window);
            sum += key + window;
        }
    }
    static struct walk walk;
    memset(&walk, 0, sizeof walk);
    OK(weir_state_iterate(values, see, &walk));
    assert_int_equal(walk.count, KEYS + KEYS / 2 + KEYS / 3);
    assert_int_equal(walk.sum, sum);
    for (int64_t window = 0; window < 3; window++) {
        for (int64_t key = 0; key < KEYS; key += window + 1) {
            assert_true(walk.seen[window][key]);
        }
    }
}

struct keys {
    struct contract *c;
    weir_state *state;
    bool seen[KEYS];
    size_t count;
    int64_t window;
};

static weir_status
change(void *argument, const weir_key *key)
{
    struct keys *keys = argument;
    int64_t value = number_of(weir_bytes_of(key->data, key->size));
    weir_bytes found;
    assert_false(keys->seen[value]);
    keys->seen[value] = true;
    keys->count++;
    assert_ok(weir_value_get(keys->state, &found), NULL); /* the key is bound */
    assert_int_equal(number_of(found), value + keys->window);
    return value % 2 == 0 ? weir_value_clear(keys->state)
                          : weir_value_put(keys->state, number(-value));
}

CASE(for_each_key_may_change_the_state)
{
    weir_state *values = make_windowed(c, WEIR_STATE_VALUE, "values");
    for (int64_t window = 0; window < 3; window++) {
        in_namespace(c, values, window);
        for (int64_t key = 0; key < KEYS; key++) {
            put(c, values, key, key + window);
        }
    }
    int64_t window = 1;
    static struct keys keys;
    keys = (struct keys){ .c = c, .state = values, .window = window };
    in_namespace(c, values, window);
    OK(weir_state_for_each_key(values, weir_bytes_of(&window, 8), change, &keys));
    assert_int_equal(keys.count, KEYS);
    for (int64_t key = 0; key < KEYS; key++) {
        in_namespace(c, values, 1);
        assert_int_equal(get(c, values, key, -1), key % 2 == 0 ? -1 : -key);
        in_namespace(c, values, 2);
        assert_int_equal(get(c, values, key, -1), key + 2);
    }
}

static weir_status
count_key(void *argument, const weir_key *key)
{
    (void)key;
    return ++*(size_t *)argument == 10 ? WEIR_USER : WEIR_OK;
}

CASE(for_each_key_of_a_void_namespace_stops_at_a_failure)
{
    weir_state *values = make_value(c, "values", i64_type());
    size_t count = 0;
    OK(weir_state_for_each_key(values, weir_bytes_of(NULL, 0), count_key, &count));
    assert_int_equal(count, 0);
    for (int64_t key = 0; key < KEYS; key++) {
        put(c, values, key, key);
    }
    assert_int_equal(weir_state_for_each_key(values, weir_bytes_of(NULL, 0), count_key, &count),
                     WEIR_USER);
    assert_int_equal(count, 10);
}

CASE(for_each_key_serves_lists_and_maps)
{
    weir_state *lists = make_list(c, "lists", i64_type());
    weir_state *maps = make_map(c, "maps", i64_type());
    size_t in_lists = 100;
    size_t in_maps = 100;
    for (int64_t key = 0; key < KEYS; key++) {
        list_add(c, lists, key, key);
        list_add(c, lists, key, key);
        map_put(c, maps, key, 1, key);
        map_put(c, maps, key, 2, key);
        if (key % 3 == 0) {
            OK(weir_map_clear(maps));
        }
    }
    OK(weir_state_for_each_key(lists, weir_bytes_of(NULL, 0), count_key, &in_lists));
    OK(weir_state_for_each_key(maps, weir_bytes_of(NULL, 0), count_key, &in_maps));
    assert_int_equal(in_lists - 100, KEYS);
    assert_int_equal(in_maps - 100, KEYS / 3 * 2);
}

static void
clear_one_window(struct contract *c, bool is_pane)
{
    weir_state_descriptor descriptor = describe(WEIR_STATE_VALUE, "values", i64_type());
    descriptor.namespace_type = i64_type();
    descriptor.namespace_is_pane = is_pane;
    weir_state *values = make(c, &descriptor);
    int64_t cleared = 1;
    for (int64_t window = 0; window < 3; window++) {
        in_namespace(c, values, window);
        for (int64_t key = 0; key < KEYS; key++) {
            put(c, values, key, key + window);
        }
    }
    OK(weir_state_clear_namespace(values, weir_bytes_of(&cleared, 8)));
    for (int round = 0; round < 2; round++) {
        expect_entries(c, values, 2 * KEYS);
        for (int64_t window = 0; window < 3; window++) {
            in_namespace(c, values, window);
            for (int64_t key = 0; key < KEYS; key += 7) {
                assert_int_equal(get(c, values, key, -1), window == 1 ? -1 : key + window);
            }
        }
        if (round == 0) {
            fail_over(c);
            values = make(c, &descriptor);
        }
    }
}

CASE(clear_namespace_removes_its_entries_alone)
{
    clear_one_window(c, false);
}

CASE(clear_namespace_of_panes_removes_its_entries_alone)
{
    clear_one_window(c, true);
}

CASE(panes_do_not_reach_an_open_snapshot)
{
    weir_state_descriptor descriptor = describe(WEIR_STATE_VALUE, "panes", i64_type());
    descriptor.namespace_type = i64_type();
    descriptor.namespace_is_pane = true;
    weir_state *values = make(c, &descriptor);
    for (int64_t window = 0; window < 6; window++) {
        in_namespace(c, values, window);
        for (int64_t key = 0; key < 200; key++) {
            put(c, values, key, key + window);
        }
    }
    struct engine_snapshot open;
    struct engine_set *set = NULL;
    OK(engine_snapshot_begin(&c->rig, &c->task, &open));
    for (int64_t window = 0; window < 6 || !open.is_done; window++) {
        if (window < 6) {
            OK(weir_state_clear_namespace(values, weir_bytes_of(&window, 8)));
        }
        in_namespace(c, values, window + 100);
        put(c, values, window % 200, 1);
        OK(engine_snapshot_turn(&c->rig, &open, 500));
        engine_rig_io(&c->rig);
    }
    OK(engine_snapshot_complete(&c->rig, &open, &set));
    restart(c, set);
    engine_set_release(&c->rig, set);
    values = make(c, &descriptor);
    for (int64_t window = 0; window < 6; window++) {
        in_namespace(c, values, window);
        for (int64_t key = 0; key < 200; key++) {
            assert_int_equal(get(c, values, key, -1), key + window);
        }
    }
}
