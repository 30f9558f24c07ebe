/* SPDX-License-Identifier: Apache-2.0 */
/* verbs: what a program sees, across the cache and what stands in the database. */
#include "rocks_rig.h"

#include "weir/options.h"

static struct engine_rig rig;
static struct engine_task task;

static void
begin(void)
{
    rocks_begin(&rig, &rocks_full);
    rocks_open(&rig, &task);
}

static void
end(void)
{
    engine_task_close(&rig, &task);
    engine_rig_fini(&rig);
}

TEST(more_rows_than_the_cache_holds_are_kept)
{
    begin();
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    for (int64_t round = 1; round <= 3; round++) {
        for (int64_t i = 0; i < 20000; i++) {
            rocks_add(&rig, kept, i, i + round);
        }
    }
    for (int64_t i = 0; i < 20000; i += 7) {
        assert_int_equal(rocks_look(&rig, kept, i, -1), 3 * i + 6);
    }
    assert_int_equal(rocks_look(&rig, kept, 20000, -1), -1);
    end();
}

TEST(what_is_cleared_is_gone_in_cache_and_database)
{
    begin();
    struct rocks_key key;
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    rocks_add(&rig, kept, 1, 10);
    rocks_rows(&task, "sum"); /* now in the database */
    rocks_bind(&rig, kept, &key, 1);
    assert_ok(weir_value_clear(kept), NULL);
    assert_int_equal(rocks_look(&rig, kept, 1, -1), -1);
    assert_string_equal(rocks_rows(&task, "sum"), "");
    rocks_add(&rig, kept, 1, 2);
    assert_int_equal(rocks_look(&rig, kept, 1, -1), 2);
    end();
}

TEST(a_default_is_that_of_the_type)
{
    struct counter {
        int64_t left;
        int64_t seen;
    };
    static const int64_t ten = 10;
    const weir_field fields[] = {
        { "left", WEIR_I64, offsetof(struct counter, left), 8, NULL, &ten },
        WEIR_FIELD(struct counter, seen, I64),
    };
    weir_alloc alloc = wr_memory_system();
    weir_type *type = NULL;
    begin();
    assert_ok(weir_type_create_struct(&alloc, "counter", sizeof(struct counter), fields, 2, &type,
                                      &rig.error),
              &rig.error);
    weir_state_descriptor descriptor = rocks_descriptor(WEIR_STATE_VALUE, "counter", WEIR_I64);
    descriptor.type = type;
    weir_state *kept = rocks_create(&rig, &task, &descriptor);
    weir_type_destroy(type); /* the state has its own */
    struct rocks_key key;
    void *value = NULL;
    bool is_created = false;
    rocks_bind(&rig, kept, &key, 5);
    assert_ok(weir_value_upsert(kept, &value, &is_created), NULL);
    assert_true(is_created);
    assert_int_equal(((struct counter *)value)->left, 10);
    ((struct counter *)value)->left = 9;
    assert_string_equal(rocks_rows(&task, "counter") + 20, "=00000000000000090000000000000000;");
    assert_ok(weir_value_upsert(kept, &value, &is_created), NULL);
    assert_false(is_created);
    assert_int_equal(((struct counter *)value)->left, 9);
    end();
}

TEST(many_keys_at_once_may_repeat)
{
    enum {
        COUNT = 1000
    };
    begin();
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    for (int64_t i = 0; i < 100; i++) {
        rocks_add(&rig, kept, i, 1000);
    }
    rocks_rows(&task, "sum");
    wr_rocks_cache_clear(&wr_rocks_state_of(kept)->cache); /* all from the database */
    static int64_t numbers[COUNT];
    static weir_key keys[COUNT];
    static void *values[COUNT];
    for (int64_t i = 0; i < COUNT; i++) {
        numbers[i] = i % 200;
        keys[i] = weir_key_make(rig.key_type, weir_bytes_of(&numbers[i], 8), rig.max_parallelism,
                                rig.seed);
    }
    assert_ok(weir_state_upsert_many(kept, keys, COUNT, values), NULL);
    for (int64_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(values[i], values[i % 200]);
        *(int64_t *)values[i] += 1;
    }
    for (int64_t i = 0; i < 200; i++) {
        assert_int_equal(rocks_look(&rig, kept, i, -1), (i < 100 ? 1000 : 0) + 5);
    }
    end();
}

TEST(a_found_value_may_be_put_back_when_the_cache_is_full)
{
    begin();
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_VALUE, "text", WEIR_STRING);
    struct rocks_key key;
    _Alignas(8) char room[256];
    for (int64_t i = 0; i < 9000; i++) {
        char text[32];
        snprintf(text, sizeof text, "number %d", (int)i);
        rocks_bind(&rig, kept, &key, i);
        assert_ok(weir_value_put(kept, weir_bytes_of(room, rocks_text(room, text))), NULL);
        weir_bytes found;
        assert_ok(weir_value_get(kept, &found), NULL);
        rocks_bind(&rig, kept, &key, i + 1);
        assert_ok(weir_value_put(kept, found), NULL); /* lent by the same state */
        assert_ok(weir_value_get(kept, &found), NULL);
        assert_int_equal(rocks_text_of(found).size, strlen(text));
        assert_memory_equal(rocks_text_of(found).data, text, strlen(text));
    }
    end();
}

/* --- lists --- */

static void
add_text(weir_state *state, const char *text)
{
    _Alignas(8) char room[256];
    assert_ok(weir_list_add(state, weir_bytes_of(room, rocks_text(room, text))), NULL);
}

static void
assert_list(weir_state *state, const char *expected)
{
    weir_cursor cursor = { { 0 } };
    weir_bytes element;
    char all[256] = "";
    size_t at = 0;
    weir_status status;
    while ((status = weir_list_next(state, &cursor, &element)) == WEIR_OK) {
        weir_bytes text = rocks_text_of(element);
        at += (size_t)snprintf(all + at, sizeof all - at, "%.*s|", (int)text.size,
                               (const char *)text.data);
    }
    assert_int_equal(status, WEIR_NOT_FOUND);
    assert_string_equal(all, expected);
    assert_int_equal(weir_list_next(state, &cursor, &element), WEIR_NOT_FOUND);
}

TEST(lists_are_added_to_read_replaced_and_cleared)
{
    begin();
    struct rocks_key key;
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_LIST, "list", WEIR_STRING);
    rocks_bind(&rig, kept, &key, 1);
    assert_list(kept, "");
    add_text(kept, "one");
    add_text(kept, ",");
    add_text(kept, "");
    assert_list(kept, "one|,||");
    rocks_rows(&task, "list");
    add_text(kept, "two");
    assert_list(kept, "one|,||two|");
    assert_ok(weir_list_clear(kept), NULL);
    assert_list(kept, "");
    add_text(kept, "anew");
    assert_list(kept, "anew|");
    end();
}

TEST(elements_stay_where_they_were_lent_until_the_list_changes)
{
    begin();
    struct rocks_key key;
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_LIST, "list", WEIR_STRING);
    rocks_bind(&rig, kept, &key, 1);
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        add_text(kept, text);
    }
    static weir_bytes elements[1000];
    weir_cursor cursor = { { 0 } };
    for (size_t i = 0; i < 1000; i++) {
        assert_ok(wr_rocks_list_next(kept, &key.key, &cursor, &elements[i]), NULL);
    }
    for (size_t i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%zu", i);
        assert_memory_equal(rocks_text_of(elements[i]).data, text, strlen(text));
    }
    end();
}

TEST(walks_beyond_the_limit_end_the_oldest)
{
    begin();
    struct rocks_key key;
    weir_cursor cursors[WR_ROCKS_WALKS_MOST + 1] = { { { 0 } } };
    weir_bytes element;
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_LIST, "list", WEIR_STRING);
    rocks_bind(&rig, kept, &key, 1);
    add_text(kept, "one");
    add_text(kept, "two");
    for (size_t i = 0; i <= WR_ROCKS_WALKS_MOST; i++) {
        assert_ok(wr_rocks_list_next(kept, &key.key, &cursors[i], &element), NULL);
    }
    assert_ok(wr_rocks_list_next(kept, &key.key, &cursors[1], &element), NULL);
    assert_int_equal(wr_rocks_list_next(kept, &key.key, &cursors[0], &element), WEIR_LIMIT);
    weir_error words;
    assert_true(task.backend->ops->explain(task.backend, &words));
    assert_non_null(strstr(words.message, "state 'list'"));
    end();
}

/* --- maps --- */

static void
put_number(weir_state *state, int number)
{
    char name[16];
    int64_t value = number;
    snprintf(name, sizeof name, "%05d", number);
    assert_ok(weir_map_put(state, weir_bytes_of_text(name), weir_bytes_of(&value, 8)), NULL);
}

TEST(a_map_is_walked_in_order_while_the_entry_given_last_changes)
{
    begin();
    struct rocks_key key;
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_MAP, "map", WEIR_I64);
    rocks_bind(&rig, kept, &key, 2);
    put_number(kept, 99999); /* another key's */
    rocks_bind(&rig, kept, &key, 1);
    for (int i = 499; i >= 0; i--) {
        put_number(kept, i);
    }
    weir_cursor cursor = { { 0 } };
    weir_bytes name;
    weir_bytes value;
    int count = 0;
    while (weir_map_next(kept, &cursor, &name, &value) == WEIR_OK) {
        char expected[16];
        snprintf(expected, sizeof expected, "%05d", count);
        assert_memory_equal(name.data, expected, 5);
        int64_t number;
        memcpy(&number, value.data, 8);
        assert_int_equal(number, count);
        if (count % 3 == 0) {
            assert_ok(weir_map_remove(kept, name), NULL);
        } else if (count % 3 == 1) {
            number += 1000;
            assert_ok(weir_map_put(kept, name, weir_bytes_of(&number, 8)), NULL);
        }
        count++;
    }
    assert_int_equal(count, 500);
    assert_false(weir_map_contains(kept, BYTES("00003")));
    assert_ok(weir_map_get(kept, BYTES("00004"), &value), NULL);
    int64_t number;
    memcpy(&number, value.data, 8);
    assert_int_equal(number, 1004);
    assert_int_equal(weir_map_next(kept, &cursor, &name, &value), WEIR_NOT_FOUND);
    end();
}

TEST(a_map_is_cleared_whole_and_alone)
{
    begin();
    struct rocks_key key;
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_MAP, "map", WEIR_I64);
    for (int64_t i = 1; i <= 2; i++) {
        rocks_bind(&rig, kept, &key, i);
        for (int j = 0; j < 200; j++) {
            put_number(kept, j);
        }
    }
    rocks_bind(&rig, kept, &key, 1);
    assert_ok(weir_map_clear(kept), NULL);
    assert_true(weir_map_is_empty(kept));
    rocks_bind(&rig, kept, &key, 2);
    assert_false(weir_map_is_empty(kept));
    assert_true(weir_map_contains(kept, BYTES("00199")));
    end();
}

TEST(a_null_value_is_an_entry)
{
    begin();
    struct rocks_key key;
    weir_bytes value;
    void *made = NULL;
    bool is_created = false;
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_MAP, "map", WEIR_I64);
    rocks_bind(&rig, kept, &key, 1);
    assert_ok(weir_map_put(kept, BYTES("n"), weir_bytes_of(NULL, 0)), NULL);
    rocks_rows(&task, "map");
    wr_rocks_cache_clear(&wr_rocks_state_of(kept)->cache);
    assert_true(weir_map_contains(kept, BYTES("n")));
    assert_ok(weir_map_get(kept, BYTES("n"), &value), NULL);
    assert_null(value.data);
    assert_ok(weir_map_upsert(kept, BYTES("n"), &made, &is_created), NULL);
    assert_int_equal(*(int64_t *)made, 0);
    *(int64_t *)made = 4;
    assert_ok(weir_map_get(kept, BYTES("n"), &value), NULL);
    assert_non_null(value.data);
    end();
}

/* --- all of a state --- */

struct seen {
    int64_t sum;
    size_t count;
};

static weir_status
see(void *argument, const weir_key *key, weir_bytes value)
{
    struct seen *seen = argument;
    int64_t number;
    memcpy(&number, key->data, sizeof number);
    weir_key made = weir_key_make(weir_type_of_kind(WEIR_I64), weir_bytes_of(&number, 8),
                                  rig.max_parallelism, rig.seed);
    assert_int_equal(made.key_group, key->key_group);
    assert_int_equal(made.hash, key->hash);
    if (value.size == 8) {
        memcpy(&number, value.data, sizeof number);
    }
    seen->sum += number;
    seen->count++;
    return WEIR_OK;
}

TEST(every_key_is_given_once)
{
    begin();
    struct rocks_key key;
    struct seen seen = { 0, 0 };
    weir_state *sums = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    weir_state *maps = rocks_state(&rig, &task, WEIR_STATE_MAP, "map", WEIR_I64);
    weir_state *lists = rocks_state(&rig, &task, WEIR_STATE_LIST, "list", WEIR_STRING);
    for (int64_t i = 0; i < 100; i++) {
        rocks_add(&rig, sums, i, 2 * i);
        rocks_bind(&rig, maps, &key, i);
        put_number(maps, 1);
        put_number(maps, 2);
        rocks_bind(&rig, lists, &key, i);
        add_text(lists, "x");
    }
    assert_ok(weir_state_iterate(sums, see, &seen), NULL);
    assert_int_equal(seen.count, 100);
    assert_int_equal(seen.sum, 9900);
    seen = (struct seen){ 0, 0 };
    assert_ok(weir_state_iterate(maps, see, &seen), NULL);
    assert_int_equal(seen.count, 100);
    assert_int_equal(seen.sum, 4950);
    seen = (struct seen){ 0, 0 };
    assert_ok(weir_state_iterate(lists, see, &seen), NULL);
    assert_int_equal(seen.count, 100);
    end();
}

static weir_status
take_time(void *argument, const weir_key *key)
{
    int64_t **at = argument;
    weir_key_parts parts;
    weir_state_descriptor descriptor = rocks_descriptor(WEIR_STATE_TIMERS, "t", WEIR_BOOL);
    assert_ok(
        weir_key_split(rig.key_type, &descriptor, weir_bytes_of(key->data, key->size), &parts),
        NULL);
    *(*at)++ = parts.timestamp;
    return WEIR_OK;
}

TEST(the_first_timers_of_a_key_group_come_in_order_of_time)
{
    begin();
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_TIMERS, "t", WEIR_BOOL);
    const int64_t times[] = { 5, INT64_MIN, -7, INT64_MAX, 0, 300 };
    int64_t given[8];
    int64_t *at = given;
    int64_t number = 1;
    weir_key key = weir_key_make(rig.key_type, weir_bytes_of(&number, 8), rig.max_parallelism, 1);
    for (size_t i = 0; i < 6; i++) {
        int64_t bytes[2] = { number, times[i] };
        weir_key timer = key;
        timer.data = bytes;
        timer.size = sizeof bytes;
        timer.hash = (uint64_t)i;
        assert_ok(wr_rocks_put(kept, &timer, weir_bytes_of("", 0)), NULL);
        weir_bytes item;
        assert_ok(wr_rocks_find(kept, &timer, &item), NULL);
        if (times[i] == 0) {
            assert_ok(wr_rocks_remove(kept, &timer), NULL);
        }
    }
    assert_ok(wr_rocks_first(kept, key.key_group, 8, take_time, &at), NULL);
    assert_int_equal(at - given, 5);
    const int64_t expected[] = { INT64_MIN, -7, 5, 300, INT64_MAX };
    assert_memory_equal(given, expected, sizeof expected);
    at = given;
    assert_ok(wr_rocks_first(kept, key.key_group, 2, take_time, &at), NULL);
    assert_int_equal(at - given, 2);
    at = given;
    assert_ok(wr_rocks_first(kept, (key.key_group + 1) % rig.max_parallelism, 2, take_time, &at),
              NULL);
    assert_int_equal(at - given, 0);
    end();
}

TEST(a_state_cannot_be_called_default)
{
    begin();
    weir_state_descriptor descriptor = rocks_descriptor(WEIR_STATE_VALUE, "default", WEIR_I64);
    weir_state *kept = NULL;
    assert_int_equal(weir_backend_create_state(task.backend, &descriptor, &kept, &rig.error),
                     WEIR_INVALID);
    assert_non_null(strstr(rig.error.message, "column family"));
    end();
}
