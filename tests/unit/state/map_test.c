/* SPDX-License-Identifier: Apache-2.0 */
/* map state: Flink's rules, on an engine with maps and on one without. */
#include "unit/state/verb_rig.h"

static weir_state *
counts_state(struct verbs *verbs)
{
    return verbs_state(verbs,
                       (weir_state_descriptor){ .kind = WEIR_STATE_MAP,
                                                .name = "counts",
                                                .type = weir_type_of_kind(WEIR_I64),
                                                .map_key_type = weir_type_of_kind(WEIR_STRING) });
}

static weir_state *
texts_state(struct verbs *verbs)
{
    return verbs_state(verbs,
                       (weir_state_descriptor){ .kind = WEIR_STATE_MAP,
                                                .name = "texts",
                                                .type = weir_type_of_kind(WEIR_STRING),
                                                .map_key_type = weir_type_of_kind(WEIR_I32) });
}

static weir_bytes
key_of(const char *words)
{
    return weir_bytes_of_text(words);
}

static void
put_number(weir_state *map, const char *key, int64_t number)
{
    assert_ok(weir_map_put(map, key_of(key), of_number(&number)), NULL);
}

static int64_t
get_number(weir_state *map, const char *key, int64_t missing)
{
    weir_bytes value;
    weir_status status = weir_map_get(map, key_of(key), &value);
    if (status == WEIR_NOT_FOUND) {
        return missing;
    }
    assert_ok(status, NULL);
    assert_int_equal(value.size, 8);
    return *(const int64_t *)value.data;
}

/* How many entries, and the sum of their numbers. */
static void
assert_sum(weir_state *map, size_t count, int64_t sum)
{
    weir_cursor cursor = { .word = { 0 } };
    weir_bytes key;
    weir_bytes value;
    weir_status status;
    while ((status = weir_map_next(map, &cursor, &key, &value)) == WEIR_OK) {
        assert_true(count > 0);
        count--;
        sum -= value.data != NULL ? *(const int64_t *)value.data : 0;
    }
    assert_int_equal(status, WEIR_NOT_FOUND);
    assert_int_equal(count, 0);
    assert_int_equal(sum, 0);
}

static void
holds_entries(struct verbs *verbs)
{
    weir_state *map = counts_state(verbs);
    char words[40];
    for (int64_t k = 0; k < 3; k++) {
        verbs_bind(verbs, map, k);
        assert_true(weir_map_is_empty(map));
        for (int64_t i = 0; i < 100; i++) {
            snprintf(words, sizeof words, "entry %d%.*s", (int)i, (int)(i % 20),
                     "....................");
            put_number(map, words, i + k);
        }
        put_number(map, "", 1000);
        put_number(map, "", 2000); /* replaces */
        assert_false(weir_map_is_empty(map));
        assert_sum(map, 101, 4950 + 100 * k + 2000);
    }
    verbs_bind(verbs, map, 1);
    assert_int_equal(get_number(map, "entry 7.......", -1), 8);
    assert_int_equal(get_number(map, "entry 7......", -1), -1);
    assert_int_equal(get_number(map, "", -1), 2000);
    assert_ok(weir_map_remove(map, key_of("entry 7.......")), NULL);
    assert_ok(weir_map_remove(map, key_of("no such")), NULL);
    assert_sum(map, 100, 4950 + 100 + 2000 - 8);
    assert_ok(weir_map_clear(map), NULL);
    assert_true(weir_map_is_empty(map));
    assert_int_equal(weir_state_entry_count(map), 2);
    verbs_bind(verbs, map, 2);
    assert_sum(map, 101, 4950 + 200 + 2000);
    assert_int_equal(map->failure, WEIR_OK);
}

TEST(a_map_holds_an_entry_a_key)
{
    on_engines(holds_entries);
}

static void
null_values(struct verbs *verbs)
{
    weir_state *map = counts_state(verbs);
    weir_bytes value = weir_bytes_of("", 0);
    void *place = NULL;
    bool created = false;
    verbs_bind(verbs, map, 1);
    assert_ok(weir_map_put(map, key_of("null"), weir_bytes_of(NULL, 0)), NULL);
    assert_ok(weir_map_get(map, key_of("null"), &value), NULL);
    assert_null(value.data);
    assert_int_equal(value.size, 0);
    assert_true(weir_map_contains(map, key_of("null")));
    assert_false(weir_map_contains(map, key_of("nil")));
    assert_false(weir_map_is_empty(map));
    assert_sum(map, 1, 0);
    verbs_restore(verbs);
    map = counts_state(verbs);
    verbs_bind(verbs, map, 1);
    assert_ok(weir_map_get(map, key_of("null"), &value), NULL);
    assert_null(value.data);
    assert_ok(weir_map_upsert(map, key_of("null"), &place, &created), NULL);
    assert_true(created);
    assert_int_equal(*(int64_t *)place, 0);
    *(int64_t *)place = 4;
    assert_int_equal(get_number(map, "null", -1), 4);
    assert_ok(weir_map_remove(map, key_of("null")), NULL);
    assert_int_equal(weir_state_entry_count(map), 0); /* the last entry takes the map along */
}

TEST(a_null_value_is_there_and_is_null)
{
    on_engines(null_values);
}

static void
upserts(struct verbs *verbs)
{
    weir_state *map = counts_state(verbs);
    char words[40];
    for (int64_t i = 0; i < 2000; i++) {
        void *place = NULL;
        bool created = false;
        snprintf(words, sizeof words, "%d", (int)(i % 40));
        verbs_bind(verbs, map, i % 5);
        assert_ok(weir_map_upsert(map, key_of(words), &place, &created), NULL);
        assert_int_equal(created, i < 40);
        assert_int_equal((uintptr_t)place % 8, 0);
        *(int64_t *)place += i;
    }
    verbs_restore(verbs); /* what was lent last is in the snapshot */
    map = counts_state(verbs);
    int64_t total = 0;
    for (int64_t k = 0; k < 5; k++) {
        verbs_bind(verbs, map, k);
        for (int64_t i = 0; i < 40; i++) {
            snprintf(words, sizeof words, "%d", (int)i);
            total += get_number(map, words, 0);
        }
    }
    assert_int_equal(total, 1999 * 1000);
    void *place = NULL; /* written back once: what is put later stays */
    verbs_bind(verbs, map, 1);
    assert_ok(weir_map_upsert(map, key_of("once"), &place, NULL), NULL);
    *(int64_t *)place = 1;
    put_number(map, "once", 2);
    assert_int_equal(get_number(map, "once", -1), 2);
    assert_int_equal(get_number(map, "once", -1), 2);
}

TEST(map_values_are_changed_in_place)
{
    on_engines(upserts);
}

static void
walk_with_changes(struct verbs *verbs)
{
    weir_state *map = texts_state(verbs);
    struct text text;
    verbs_bind(verbs, map, 9);
    for (int32_t i = 0; i < 30; i++) {
        assert_ok(weir_map_put(map, weir_bytes_of(&i, 4), of_text(&text, "short")), NULL);
    }
    weir_cursor cursor = { .word = { 0 } };
    weir_bytes key;
    weir_bytes value;
    bool met[30] = { false };
    for (int32_t i = 0; i < 30; i++) { /* each third goes, each third grows */
        assert_ok(weir_map_next(map, &cursor, &key, &value), NULL);
        int32_t number;
        memcpy(&number, key.data, sizeof number);
        assert_false(met[number]);
        met[number] = true;
        if (number % 3 == 0) {
            assert_ok(weir_map_remove(map, key), NULL); /* by the key that was lent */
        } else if (number % 3 == 1) {
            assert_ok(weir_map_put(map, key, of_text(&text, "one that has grown a lot, really")),
                      NULL);
        }
    }
    assert_int_equal(weir_map_next(map, &cursor, &key, &value), WEIR_NOT_FOUND);
    for (int32_t i = 0; i < 30; i++) {
        weir_status status = weir_map_get(map, weir_bytes_of(&i, 4), &value);
        assert_int_equal(status, i % 3 == 0 ? WEIR_NOT_FOUND : WEIR_OK);
        if (status == WEIR_OK) {
            assert_text(value, i % 3 == 1 ? "one that has grown a lot, really" : "short");
        }
    }
}

TEST(the_entry_that_a_walk_gave_last_may_be_removed_or_replaced)
{
    on_engines(walk_with_changes);
}

static void
bad_calls(struct verbs *verbs)
{
    weir_state *map = counts_state(verbs);
    weir_state *texts = texts_state(verbs);
    weir_bytes value;
    weir_bytes key;
    weir_cursor cursor = { .word = { 0 } };
    void *place = NULL;
    int64_t one = 1;
    assert_int_equal(weir_map_put(map, key_of("k"), of_number(&one)), WEIR_INVALID); /* no key */
    assert_true(weir_map_is_empty(map));
    assert_false(weir_map_contains(map, key_of("k")));
    verbs_forgive(map, WEIR_INVALID);
    verbs_bind(verbs, map, 1);
    verbs_bind(verbs, texts, 1);
    assert_int_equal(weir_map_put(map, key_of("k"), weir_bytes_of(&one, 4)), WEIR_INVALID);
    assert_int_equal(weir_map_put(map, key_of("k"), weir_bytes_of(NULL, 4)), WEIR_INVALID);
    assert_int_equal(weir_map_put(map, weir_bytes_of(NULL, 4), of_number(&one)), WEIR_INVALID);
    assert_int_equal(weir_map_get(map, key_of("k"), NULL), WEIR_INVALID);
    assert_int_equal(weir_map_next(map, NULL, &key, &value), WEIR_INVALID);
    assert_int_equal(weir_map_next(map, &cursor, NULL, &value), WEIR_INVALID);
    assert_int_equal(weir_map_upsert(map, key_of("k"), NULL, NULL), WEIR_INVALID);
    assert_int_equal(weir_map_put(map, weir_bytes_of(&one, WEIR_KEY_SIZE_MAX + 1), of_number(&one)),
                     WEIR_LIMIT);
    verbs_forgive(map, WEIR_INVALID);
    assert_int_equal(weir_map_get(texts, weir_bytes_of(&one, 8), &value),
                     WEIR_INVALID); /* an i32 */
    assert_int_equal(weir_map_upsert(texts, weir_bytes_of(&one, 4), &place, NULL), WEIR_INVALID);
    assert_int_equal(weir_list_add(texts, of_number(&one)), WEIR_INVALID); /* another kind */
    assert_int_equal(weir_map_remove(NULL, key_of("k")), WEIR_INVALID);
    assert_true(weir_map_is_empty(map));
    assert_true(weir_map_is_empty(texts));
}

TEST(bad_calls_of_maps_are_answered_and_remembered)
{
    on_engines(bad_calls);
}

/* Puts, upserts and removes with the n-th request for memory refused. */
static bool
with_refusal(const weir_backend_factory *engine, uint64_t n)
{
    struct verbs verbs;
    verbs_open(&verbs, engine);
    weir_state *map = counts_state(&verbs);
    verbs_bind(&verbs, map, 5);
    int64_t sum = 0;
    char words[24];
    verbs.fault.fail_at = verbs.fault.requests + n;
    for (int64_t i = 0; i < 24; i++) {
        snprintf(words, sizeof words, "entry %d", (int)i);
        uint64_t refused = verbs.fault.refused;
        weir_status status = weir_map_put(map, key_of(words), of_number(&i));
        if (status != WEIR_OK) {
            assert_int_equal(status, WEIR_NOMEM);
            assert_true(verbs.fault.refused > refused);
            assert_sum(map, (size_t)i, sum);
            assert_ok(weir_map_put(map, key_of(words), of_number(&i)), NULL);
        }
        sum += i;
        void *place = NULL;
        status = weir_map_upsert(map, key_of(words), &place, NULL);
        if (status != WEIR_OK) {
            assert_int_equal(status, WEIR_NOMEM);
            assert_sum(map, (size_t)i + 1, sum);
            assert_ok(weir_map_upsert(map, key_of(words), &place, NULL), NULL);
        }
        *(int64_t *)place += 100;
        sum += 100;
        map->failure = WEIR_OK;
    }
    verbs.fault.fail_at = 0;
    bool was_refused = verbs.fault.refused != 0;
    verbs_close(&verbs);
    return was_refused;
}

TEST(a_refused_allocation_leaves_a_map_as_it_was)
{
    with_every_refusal_on_engines(with_refusal, 3);
}
