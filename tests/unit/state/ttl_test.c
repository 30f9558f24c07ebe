/* SPDX-License-Identifier: Apache-2.0 */
/* what expires: Flink's rules for values, elements and entries, on both engines. */
#include "unit/state/verb_rig.h"

#include "state/ttl.h"

static weir_ttl
ttl_of(weir_ttl_update update, weir_ttl_visibility visibility)
{
    return (weir_ttl){ .size = sizeof(weir_ttl),
                       .ttl_ms = 100,
                       .update = update,
                       .visibility = visibility,
                       .no_background_cleanup = true };
}

static weir_state *
ttl_state(struct verbs *verbs, weir_state_kind kind, const char *name, weir_kind type,
          const weir_ttl *ttl)
{
    return verbs_state(
        verbs, (weir_state_descriptor){
                   .kind = kind,
                   .name = name,
                   .type = weir_type_of_kind(type),
                   .map_key_type = kind == WEIR_STATE_MAP ? weir_type_of_kind(WEIR_I64) : NULL,
                   .ttl = ttl });
}

static weir_bytes
bytes_of(const int64_t *number)
{
    return weir_bytes_of(number, sizeof *number);
}

TEST(an_item_is_expired_when_its_time_is_up_and_not_a_moment_before)
{
    weir_ttl ttl = ttl_of(WEIR_TTL_ON_CREATE_AND_WRITE, WEIR_TTL_NEVER_RETURN_EXPIRED);
    int64_t item[2] = { 50, 7 };
    weir_bytes bytes = weir_bytes_of(item, sizeof item);
    assert_false(weir_state_item_expired(&ttl, bytes, 149));
    assert_true(weir_state_item_expired(&ttl, bytes, 150));
    assert_false(weir_state_item_expired(NULL, bytes, 150));
    ttl.ttl_ms = UINT64_MAX; /* the end of time comes first */
    assert_false(weir_state_item_expired(&ttl, bytes, INT64_MAX - 1));
    assert_true(weir_state_item_expired(&ttl, bytes, INT64_MAX));
    ttl.ttl_ms = INT64_MAX;
    assert_false(weir_state_item_expired(&ttl, bytes, INT64_MAX - 1));
    ttl.ttl_ms = 100;
    item[0] = -500;
    assert_true(weir_state_item_expired(&ttl, bytes, -400));
    assert_false(weir_state_item_expired(&ttl, bytes, -401));
    wr_ttl_put_null(item, 50);
    assert_true(wr_ttl_is_null(bytes));
    assert_false(weir_state_item_expired(&ttl, bytes, 149));
    assert_true(weir_state_item_expired(&ttl, bytes, 150));
}

/* Puts a value at 1000 and says what is there at these times. */
static void
value_over_time(struct verbs *verbs, weir_state *state, const int64_t *times_ms, size_t count,
                const char *expected)
{
    int64_t seven = 7;
    bool is_text = !weir_type_is_fixed(state->type);
    struct text text;
    verbs_bind(verbs, state, 3);
    weir_backend_set_time(verbs->backend, 1000);
    assert_ok(weir_value_put(state, is_text ? of_text(&text, "seven") : bytes_of(&seven)), NULL);
    for (size_t i = 0; i < count; i++) {
        weir_bytes value;
        weir_backend_set_time(verbs->backend, times_ms[i]);
        weir_status status = weir_value_get(state, &value);
        assert_int_equal(status, expected[i] == '+' ? WEIR_OK : WEIR_NOT_FOUND);
        if (status != WEIR_OK) {
            assert_int_equal(weir_state_entry_count(state), 0); /* read and so removed */
        } else if (is_text) {
            assert_text(value, "seven");
        } else {
            assert_int_equal(value.size, 8);
            assert_int_equal(*(const int64_t *)value.data, 7);
        }
    }
    assert_int_equal(state->failure, WEIR_OK);
}

static void
values(struct verbs *verbs)
{
    static const weir_kind kinds[2] = { WEIR_I64, WEIR_STRING };
    static const int64_t times[] = { 1000, 1099, 1150, 1198, 1298, 1299 };
    for (size_t k = 0; k < 2; k++) {
        char name[8] = { (char)('a' + k), '0', 0 };
        weir_ttl ttl = ttl_of(WEIR_TTL_ON_CREATE_AND_WRITE, WEIR_TTL_NEVER_RETURN_EXPIRED);
        value_over_time(verbs, ttl_state(verbs, WEIR_STATE_VALUE, name, kinds[k], &ttl), times, 6,
                        "++----");
        name[1]++;
        ttl.update = WEIR_TTL_ON_READ_AND_WRITE; /* 1099 -> 1198 -> 1298 is 100 later */
        value_over_time(verbs, ttl_state(verbs, WEIR_STATE_VALUE, name, kinds[k], &ttl), times, 6,
                        "++++--");
        name[1]++;
        ttl.visibility = WEIR_TTL_RETURN_EXPIRED_IF_NOT_CLEANED_UP; /* once more, then gone */
        value_over_time(verbs, ttl_state(verbs, WEIR_STATE_VALUE, name, kinds[k], &ttl), times, 6,
                        "+++++-");
        name[1]++;
        ttl.update = WEIR_TTL_ON_CREATE_AND_WRITE;
        value_over_time(verbs, ttl_state(verbs, WEIR_STATE_VALUE, name, kinds[k], &ttl), times, 6,
                        "+++---");
    }
}

TEST(a_value_expires_by_update_type_and_visibility)
{
    on_engines(values);
}

static void
upserts(struct verbs *verbs)
{
    weir_ttl ttl = ttl_of(WEIR_TTL_ON_CREATE_AND_WRITE, WEIR_TTL_NEVER_RETURN_EXPIRED);
    weir_state *hidden = ttl_state(verbs, WEIR_STATE_VALUE, "hidden", WEIR_I64, &ttl);
    ttl.visibility = WEIR_TTL_RETURN_EXPIRED_IF_NOT_CLEANED_UP;
    weir_state *seen = ttl_state(verbs, WEIR_STATE_VALUE, "seen", WEIR_I64, &ttl);
    weir_state *const states[2] = { hidden, seen };
    for (size_t s = 0; s < 2; s++) {
        static const int64_t times[] = { 1000, 1099, 1198, 1298 }; /* each write counts anew */
        verbs_bind(verbs, states[s], 3);
        for (size_t i = 0; i < 4; i++) {
            void *place = NULL;
            bool created = false;
            weir_backend_set_time(verbs->backend, times[i]);
            assert_ok(weir_value_upsert(states[s], &place, &created), NULL);
            bool is_new = i == 0 || (s == 0 && i == 3);
            assert_int_equal(created, is_new);
            assert_int_equal(*(int64_t *)place, is_new ? 0 : (int64_t)i);
            *(int64_t *)place += 1;
        }
        const void *value = NULL;
        assert_ok(weir_value_find(states[s], &value), NULL);
        assert_int_equal(*(const int64_t *)value, s == 0 ? 1 : 4);
        assert_int_equal(weir_state_upsert_many(states[s], &verbs->key, 1, (void *[1]){ NULL }),
                         WEIR_INVALID);
    }
}

TEST(an_expired_value_begins_anew_when_it_is_written_in_place)
{
    on_engines(upserts);
}

static size_t
list_length(weir_state *list, int64_t *out_sum)
{
    weir_cursor cursor = { .word = { 0 } };
    weir_bytes element;
    size_t count = 0;
    weir_status status;
    *out_sum = 0;
    while ((status = weir_list_next(list, &cursor, &element)) == WEIR_OK) {
        assert_int_equal(element.size, 8);
        *out_sum += *(const int64_t *)element.data;
        count++;
    }
    assert_int_equal(status, WEIR_NOT_FOUND);
    return count;
}

static void
elements(struct verbs *verbs)
{
    weir_ttl ttl = ttl_of(WEIR_TTL_ON_CREATE_AND_WRITE, WEIR_TTL_NEVER_RETURN_EXPIRED);
    weir_state *written = ttl_state(verbs, WEIR_STATE_LIST, "written", WEIR_I64, &ttl);
    ttl.update = WEIR_TTL_ON_READ_AND_WRITE;
    weir_state *read = ttl_state(verbs, WEIR_STATE_LIST, "read", WEIR_I64, &ttl);
    ttl.visibility = WEIR_TTL_RETURN_EXPIRED_IF_NOT_CLEANED_UP;
    ttl.update = WEIR_TTL_ON_CREATE_AND_WRITE;
    weir_state *seen = ttl_state(verbs, WEIR_STATE_LIST, "seen", WEIR_I64, &ttl);
    weir_state *const lists[3] = { written, read, seen };
    for (size_t s = 0; s < 3; s++) {
        int64_t sum;
        verbs_bind(verbs, lists[s], 3);
        for (int64_t i = 0; i < 10; i++) { /* at 1000, 1010 ... 1090 */
            weir_backend_set_time(verbs->backend, 1000 + 10 * i);
            assert_ok(weir_list_add(lists[s], bytes_of(&i)), NULL);
        }
        weir_backend_set_time(verbs->backend, 1150);
        assert_int_equal(list_length(lists[s], &sum), s == 2 ? 10 : 4); /* 60 to 90 are left */
        assert_int_equal(sum, s == 2 ? 45 : 6 + 7 + 8 + 9);
        weir_backend_set_time(verbs->backend, 1189);
        assert_int_equal(list_length(lists[s], &sum), s == 2 ? 10 : s == 1 ? 4 : 1);
        weir_backend_set_time(verbs->backend, 1249);
        assert_int_equal(list_length(lists[s], &sum), s == 2 ? 10 : s == 1 ? 4 : 0);
        weir_backend_set_time(verbs->backend, 2000);
        assert_int_equal(list_length(lists[s], &sum), 0);
        assert_int_equal(weir_state_entry_count(lists[s]), 0); /* none of it lives: removed */
        assert_int_equal(lists[s]->failure, WEIR_OK);
    }
}

TEST(elements_expire_one_by_one)
{
    on_engines(elements);
}

static size_t
map_length(weir_state *map, int64_t *out_sum)
{
    weir_cursor cursor = { .word = { 0 } };
    weir_bytes key;
    weir_bytes value;
    size_t count = 0;
    weir_status status;
    *out_sum = 0;
    while ((status = weir_map_next(map, &cursor, &key, &value)) == WEIR_OK) {
        int64_t number;
        memcpy(&number, key.data, sizeof number);
        *out_sum += number;
        if (number % 2 == 0) {
            assert_null(value.data);
        } else {
            assert_int_equal(*(const int64_t *)value.data, number * 3);
        }
        count++;
        bool inside = weir_map_contains(map, key); /* a read in the middle of a walk */
        assert_true(inside);
        assert_false(weir_map_is_empty(map));
    }
    assert_int_equal(status, WEIR_NOT_FOUND);
    return count;
}

static void
entries(struct verbs *verbs)
{
    for (int s = 0; s < 2; s++) {
        weir_ttl ttl = ttl_of(s == 0 ? WEIR_TTL_ON_CREATE_AND_WRITE : WEIR_TTL_ON_READ_AND_WRITE,
                              WEIR_TTL_NEVER_RETURN_EXPIRED);
        weir_state *map =
            ttl_state(verbs, WEIR_STATE_MAP, s == 0 ? "written" : "read", WEIR_I64, &ttl);
        int64_t sum;
        verbs_bind(verbs, map, 3);
        for (int64_t i = 0; i < 10; i++) {
            int64_t value = i * 3;
            weir_backend_set_time(verbs->backend, 1000 + 10 * i);
            assert_ok(weir_map_put(map, bytes_of(&i),
                                   i % 2 == 0 ? weir_bytes_of(NULL, 0) : bytes_of(&value)),
                      NULL);
        }
        weir_backend_set_time(verbs->backend, 1150);
        assert_int_equal(map_length(map, &sum), 4);
        assert_int_equal(sum, 6 + 7 + 8 + 9);
        weir_backend_set_time(verbs->backend, 1189);
        assert_int_equal(map_length(map, &sum), s == 0 ? 1 : 4);
        assert_int_equal(weir_map_contains(map, bytes_of(&(int64_t){ 6 })), s == 1);
        weir_backend_set_time(verbs->backend, 1300);
        assert_false(weir_map_contains(map, bytes_of(&(int64_t){ 8 })));
        assert_true(weir_map_is_empty(map));
        assert_int_equal(map_length(map, &sum), 0);
        assert_int_equal(weir_state_entry_count(map), 0);
        void *place = NULL;
        bool created = false;
        assert_ok(weir_map_upsert(map, bytes_of(&sum), &place, &created), NULL);
        assert_true(created);
        *(int64_t *)place = 5;
        weir_backend_set_time(verbs->backend, 1399);
        assert_ok(weir_map_upsert(map, bytes_of(&sum), &place, &created), NULL);
        assert_false(created);
        assert_int_equal(*(int64_t *)place, 5);
        weir_backend_set_time(verbs->backend, 1499);
        assert_ok(weir_map_upsert(map, bytes_of(&sum), &place, &created), NULL);
        assert_true(created);
        assert_int_equal(*(int64_t *)place, 0);
        assert_int_equal(map->failure, WEIR_OK);
    }
}

TEST(entries_of_maps_expire_one_by_one_null_ones_too)
{
    on_engines(entries);
}

/* Reads of all kinds in the middle of a walk that has expired entries before it. */
static void
reads_in_walks(struct verbs *verbs)
{
    for (int s = 0; s < 4; s++) {
        weir_ttl ttl =
            ttl_of(s % 2 == 0 ? WEIR_TTL_ON_CREATE_AND_WRITE : WEIR_TTL_ON_READ_AND_WRITE,
                   WEIR_TTL_NEVER_RETURN_EXPIRED);
        ttl.no_background_cleanup = s < 2;
        char name[2] = { (char)('a' + s), 0 };
        weir_state *map = ttl_state(verbs, WEIR_STATE_MAP, name, WEIR_I64, &ttl);
        verbs_bind(verbs, map, 3);
        for (int64_t i = 0; i < 30; i++) { /* every third has expired at 1150 */
            weir_backend_set_time(verbs->backend, i % 3 == 0 ? 1000 : 1100);
            assert_ok(weir_map_put(map, bytes_of(&i), bytes_of(&i)), NULL);
        }
        weir_backend_set_time(verbs->backend, 1150);
        weir_cursor outer = { .word = { 0 } };
        weir_bytes key;
        weir_bytes value;
        int met[30] = { 0 };
        while (weir_map_next(map, &outer, &key, &value) == WEIR_OK) {
            met[*(const int64_t *)value.data]++;
            weir_cursor inner = { .word = { 0 } };
            for (int64_t i = 0; i < 30; i++) {
                assert_int_equal(weir_map_contains(map, bytes_of(&i)), i % 3 != 0);
            }
            for (int i = 0; i < 20; i++) {
                assert_ok(weir_map_next(map, &inner, &key, &value), NULL);
            }
            assert_int_equal(weir_map_next(map, &inner, &key, &value), WEIR_NOT_FOUND);
        }
        for (int i = 0; i < 30; i++) {
            assert_int_equal(met[i], i % 3 != 0);
        }
        assert_int_equal(map->failure, WEIR_OK);
    }
}

TEST(reads_inside_of_a_walk_do_not_disturb_it)
{
    on_engines(reads_in_walks);
}

static weir_status
add_up(void *argument, void *accumulated, const void *value)
{
    (void)argument;
    *(int64_t *)accumulated += *(const int64_t *)value;
    return WEIR_OK;
}

static void
folds(struct verbs *verbs)
{
    weir_ttl ttl = ttl_of(WEIR_TTL_ON_CREATE_AND_WRITE, WEIR_TTL_NEVER_RETURN_EXPIRED);
    weir_reduce_function reduce = { .size = sizeof reduce, .reduce_in_place = add_up };
    weir_state *sums =
        verbs_state(verbs, (weir_state_descriptor){ .kind = WEIR_STATE_REDUCING,
                                                    .name = "sums",
                                                    .type = weir_type_of_kind(WEIR_I64),
                                                    .namespace_type = weir_type_of_kind(WEIR_I8),
                                                    .ttl = &ttl,
                                                    .reduce = &reduce });
    int64_t five = 5;
    weir_bytes value;
    verbs_bind(verbs, sums, 3);
    assert_ok(weir_state_set_namespace(sums, weir_bytes_of("a", 1)), NULL);
    assert_ok(weir_reducing_add(sums, bytes_of(&five)), NULL);
    weir_backend_set_time(verbs->backend, 1099);
    assert_ok(weir_reducing_add(sums, bytes_of(&five)), NULL);
    weir_backend_set_time(verbs->backend, 1198);
    assert_ok(weir_reducing_get(sums, &value), NULL);
    assert_int_equal(*(const int64_t *)value.data, 10);
    weir_backend_set_time(verbs->backend, 1199);
    assert_ok(weir_reducing_add(sums, bytes_of(&five)), NULL); /* the old sum has expired */
    assert_ok(weir_reducing_get(sums, &value), NULL);
    assert_int_equal(*(const int64_t *)value.data, 5);
    weir_backend_set_time(verbs->backend, 1299);
    weir_bytes source = weir_bytes_of("a", 1);
    assert_ok(weir_state_merge_namespaces(sums, weir_bytes_of("b", 1), &source, 1), NULL);
    assert_ok(weir_state_set_namespace(sums, weir_bytes_of("b", 1)), NULL);
    assert_int_equal(weir_reducing_get(sums, &value), WEIR_NOT_FOUND);
}

TEST(an_expired_accumulator_counts_as_nothing)
{
    on_engines(folds);
}

/* Whether the engine looks for expired entries by itself. */
static void
cleanup(struct verbs *verbs)
{
    if (verbs->backend->common->ops.expire == NULL) {
        return;
    }
    weir_ttl ttl = ttl_of(WEIR_TTL_ON_CREATE_AND_WRITE, WEIR_TTL_NEVER_RETURN_EXPIRED);
    weir_state *kept = ttl_state(verbs, WEIR_STATE_VALUE, "kept", WEIR_I64, &ttl);
    ttl.no_background_cleanup = false;
    weir_state *values = ttl_state(verbs, WEIR_STATE_VALUE, "cleaned", WEIR_I64, &ttl);
    ttl.cleanup_for_every_record = true;
    weir_state *records = ttl_state(verbs, WEIR_STATE_VALUE, "records", WEIR_I64, &ttl);
    for (int64_t i = 0; i < 500; i++) {
        void *place;
        weir_state *const states[3] = { values, kept, records };
        for (size_t s = 0; s < 3; s++) {
            verbs_bind(verbs, states[s], i);
            assert_ok(weir_value_upsert(states[s], &place, NULL), NULL);
        }
    }
    weir_backend_set_time(verbs->backend, 5000);
    wr_ttl_records(verbs->backend, 1000);
    assert_int_equal(weir_state_entry_count(records), 0);
    assert_int_equal(weir_state_entry_count(values), 500);
    for (int64_t i = 0; i < 1000; i++) {
        const void *value;
        verbs_bind(verbs, values, 1000 + i);
        assert_int_equal(weir_value_find(values, &value), WEIR_NOT_FOUND);
        verbs_bind(verbs, kept, 1000 + i);
        assert_int_equal(weir_value_find(kept, &value), WEIR_NOT_FOUND);
    }
    assert_int_equal(weir_state_entry_count(values), 0);
    assert_int_equal(weir_state_entry_count(kept), 500);
}

TEST(what_has_expired_goes_a_few_entries_an_access)
{
    on_engines(cleanup);
}

static weir_status
count_visit(void *argument, const weir_key *key, weir_bytes value)
{
    (void)key;
    if (value.size != 0) {
        assert_int_equal(value.size, 8);
        assert_int_equal(*(const int64_t *)value.data, 7);
    }
    ++*(int *)argument;
    return WEIR_OK;
}

static void
switched(struct verbs *verbs)
{
    weir_ttl ttl = ttl_of(WEIR_TTL_ON_CREATE_AND_WRITE, WEIR_TTL_NEVER_RETURN_EXPIRED);
    int64_t seven = 7;
    int64_t sum;
    weir_state *value = ttl_state(verbs, WEIR_STATE_VALUE, "value", WEIR_I64, NULL);
    weir_state *list = ttl_state(verbs, WEIR_STATE_LIST, "list", WEIR_I64, NULL);
    weir_state *map = ttl_state(verbs, WEIR_STATE_MAP, "map", WEIR_I64, NULL);
    verbs_bind(verbs, value, 3);
    verbs_bind(verbs, list, 3);
    verbs_bind(verbs, map, 3);
    assert_ok(weir_value_put(value, bytes_of(&seven)), NULL);
    assert_ok(weir_list_add(list, bytes_of(&seven)), NULL);
    assert_ok(weir_map_put(map, bytes_of(&seven), bytes_of(&(int64_t){ 21 })), NULL);
    for (int on = 1; on >= 0; on--) {
        verbs_restore(verbs);
        const weir_ttl *asked = on != 0 ? &ttl : NULL;
        value = ttl_state(verbs, WEIR_STATE_VALUE, "value", WEIR_I64, asked);
        list = ttl_state(verbs, WEIR_STATE_LIST, "list", WEIR_I64, asked);
        map = ttl_state(verbs, WEIR_STATE_MAP, "map", WEIR_I64, asked);
        verbs_bind(verbs, value, 3);
        verbs_bind(verbs, list, 3);
        verbs_bind(verbs, map, 3);
        weir_backend_set_time(verbs->backend, verbs->backend->now_ms + 99);
        int visits = 0;
        assert_ok(weir_state_iterate(value, count_visit, &visits), NULL);
        assert_int_equal(visits, 1);
        assert_int_equal(list_length(list, &sum), 1);
        assert_int_equal(map_length(map, &sum), 1);
        assert_int_equal(sum, 7);
        weir_state *wrong = NULL;
        weir_state_descriptor descriptor = *weir_state_descriptor_of(value);
        descriptor.ttl = on != 0 ? NULL : &ttl;
        assert_int_equal(
            weir_backend_create_state(verbs->backend, &descriptor, &wrong, &verbs->rig.error),
            WEIR_VERSION); /* at one time it is with or without */
    }
    weir_backend_set_time(verbs->backend, 100000);
    assert_int_equal(list_length(list, &sum), 1);
}

TEST(a_time_to_live_is_switched_on_and_off_over_restored_state)
{
    on_engines(switched);
}
