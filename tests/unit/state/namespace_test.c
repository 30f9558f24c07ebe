/* SPDX-License-Identifier: Apache-2.0 */
/* keys with namespaces: made, taken apart, walked and cleared. */
#include "unit/state/verb_rig.h"

static weir_state *
sums_state(struct verbs *verbs, const char *name, weir_kind namespace_kind)
{
    return verbs_state(
        verbs, (weir_state_descriptor){ .kind = WEIR_STATE_VALUE,
                                        .name = name,
                                        .type = weir_type_of_kind(WEIR_I64),
                                        .namespace_type = namespace_kind != 0
                                                              ? weir_type_of_kind(namespace_kind)
                                                              : NULL });
}

static void
put_under(struct verbs *verbs, weir_state *state, int64_t number, const char *name, int64_t value)
{
    verbs_bind(verbs, state, number);
    assert_ok(weir_state_set_namespace(state, weir_bytes_of_text(name)), NULL);
    assert_ok(weir_value_put(state, of_number(&value)), NULL);
}

static int64_t
get_under(struct verbs *verbs, weir_state *state, int64_t number, const char *name)
{
    weir_bytes value;
    verbs_bind(verbs, state, number);
    assert_ok(weir_state_set_namespace(state, weir_bytes_of_text(name)), NULL);
    weir_status status = weir_value_get(state, &value);
    assert_true(status == WEIR_OK || status == WEIR_NOT_FOUND);
    return status == WEIR_OK ? *(const int64_t *)value.data : -1;
}

TEST(a_key_is_taken_apart_from_its_end)
{
    weir_state_descriptor descriptor = { .size = sizeof descriptor, .kind = WEIR_STATE_VALUE };
    const weir_type *text = weir_type_of_kind(WEIR_STRING);
    const weir_type *word = weir_type_of_kind(WEIR_I32);
    weir_key_parts parts;
    /* a key without namespace */
    assert_ok(weir_key_split(text, &descriptor, weir_bytes_of("key", 3), &parts), NULL);
    assert_int_equal(parts.key.size, 3);
    assert_int_equal(parts.namespace_.size, 0);
    assert_int_equal(weir_key_split(word, &descriptor, weir_bytes_of("key", 3), &parts),
                     WEIR_CORRUPT);
    /* of fixed size */
    descriptor.namespace_type = word;
    assert_ok(weir_key_split(text, &descriptor, weir_bytes_of("key1234", 7), &parts), NULL);
    assert_int_equal(parts.key.size, 3);
    assert_memory_equal(parts.namespace_.data, "1234", 4);
    assert_int_equal(weir_key_split(text, &descriptor, weir_bytes_of("123", 3), &parts),
                     WEIR_CORRUPT);
    /* of variable size */
    descriptor.namespace_type = text;
    assert_ok(weir_key_split(word, &descriptor, weir_bytes_of("1234name\4\0\0\0", 12), &parts),
              NULL);
    assert_memory_equal(parts.key.data, "1234", 4);
    assert_int_equal(parts.namespace_.size, 4);
    assert_memory_equal(parts.namespace_.data, "name", 4);
    assert_int_equal(
        weir_key_split(word, &descriptor, weir_bytes_of("1234name\5\0\0\0", 12), &parts),
        WEIR_CORRUPT);
    assert_int_equal(
        weir_key_split(text, &descriptor, weir_bytes_of("1234name\xff\xff\xff\xff", 12), &parts),
        WEIR_CORRUPT);
    assert_int_equal(weir_key_split(word, &descriptor, weir_bytes_of("1\0\0", 3), &parts),
                     WEIR_CORRUPT);
    /* of timers */
    descriptor.kind = WEIR_STATE_TIMERS;
    descriptor.namespace_type = NULL;
    assert_ok(weir_key_split(word, &descriptor, weir_bytes_of("1234\2\1\0\0\0\0\0\0", 12), &parts),
              NULL);
    assert_int_equal(parts.timestamp, 258);
    assert_int_equal(weir_key_split(text, &descriptor, weir_bytes_of("1234567", 7), &parts),
                     WEIR_CORRUPT);
}

static void
apart(struct verbs *verbs)
{
    weir_state *state = sums_state(verbs, "sums", WEIR_STRING);
    static const char *const names[] = { "", "a", "ab", "a name that is longer than a slot" };
    for (int64_t k = 0; k < 20; k++) {
        for (int64_t n = 0; n < 4; n++) {
            put_under(verbs, state, k, names[n], 10 * k + n);
        }
    }
    assert_int_equal(weir_state_entry_count(state), 80);
    verbs_restore(verbs);
    state = sums_state(verbs, "sums", WEIR_STRING);
    for (int64_t k = 0; k < 20; k++) {
        for (int64_t n = 0; n < 4; n++) {
            assert_int_equal(get_under(verbs, state, k, names[n]), 10 * k + n);
        }
        assert_int_equal(get_under(verbs, state, k, "b"), -1);
    }
}

TEST(namespaces_of_one_key_are_apart)
{
    on_engines(apart);
}

static void
bad_namespaces(struct verbs *verbs)
{
    weir_state *named = sums_state(verbs, "named", WEIR_STRING);
    weir_state *numbered = sums_state(verbs, "numbered", WEIR_I64);
    weir_state *plain = sums_state(verbs, "plain", 0);
    int64_t one = 1;
    static char big[WEIR_KEY_SIZE_MAX + 1];
    memset(big, 'x', sizeof big);
    verbs_bind(verbs, named, 1);
    verbs_bind(verbs, plain, 1);
    assert_int_equal(weir_value_put(named, of_number(&one)), WEIR_INVALID); /* none yet */
    verbs_forgive(named, WEIR_INVALID);
    assert_int_equal(weir_state_set_namespace(plain, weir_bytes_of("a", 1)), WEIR_INVALID);
    verbs_forgive(plain, WEIR_INVALID);
    assert_int_equal(weir_state_set_namespace(named, weir_bytes_of("\xc3", 1)), WEIR_INVALID);
    assert_int_equal(weir_state_set_namespace(named, weir_bytes_of(NULL, 1)), WEIR_INVALID);
    assert_int_equal(weir_state_set_namespace(named, weir_bytes_of(big, sizeof big)), WEIR_LIMIT);
    assert_int_equal(weir_state_set_namespace(numbered, weir_bytes_of(&one, 4)), WEIR_INVALID);
    assert_int_equal(weir_state_set_namespace(NULL, weir_bytes_of(&one, 8)), WEIR_INVALID);
    verbs_forgive(named, WEIR_INVALID);
    assert_ok(weir_state_set_namespace(named, weir_bytes_of(big, sizeof big - 1)), NULL);
    assert_ok(weir_value_put(named, of_number(&one)), NULL);
    assert_int_equal(weir_state_clear_namespace(numbered, weir_bytes_of(&one, 7)), WEIR_INVALID);
}

TEST(what_is_no_namespace_of_the_state_is_refused)
{
    on_engines(bad_namespaces);
}

struct walk {
    const struct rig *rig;
    weir_state *state;
    int64_t keys;
    size_t count;
    bool clears;
};

static weir_status
visit_key(void *argument, const weir_key *key)
{
    struct walk *walk = argument;
    assert_ptr_equal(walk->state->current_key, key);
    assert_int_equal(key->size, 8);
    int64_t number;
    memcpy(&number, key->data, sizeof number);
    walk->keys += number;
    weir_key whole = rig_number(walk->rig, &number); /* as any other state takes it */
    assert_int_equal(key->hash, whole.hash);
    assert_int_equal(key->key_group, whole.key_group);
    if (walk->clears) { /* it may change the state */
        assert_ok(weir_value_clear(walk->state), NULL);
    }
    return ++walk->count == 1000 ? WEIR_USER : WEIR_OK;
}

static void
walks(struct verbs *verbs)
{
    weir_state *state = sums_state(verbs, "sums", WEIR_STRING);
    for (int64_t k = 0; k < 100; k++) {
        put_under(verbs, state, k, "all", k);
        if (k % 4 == 0) {
            put_under(verbs, state, k, "some", k);
        }
    }
    struct walk walk = { .rig = &verbs->rig, .state = state };
    weir_bytes some = weir_bytes_of_text("some");
    const weir_key *bound = state->current_key;
    assert_ok(weir_state_for_each_key(state, some, visit_key, &walk), NULL);
    assert_int_equal(walk.count, 25);
    assert_int_equal(walk.keys, 4 * (24 * 25 / 2));
    assert_ptr_equal(state->current_key, bound);
    assert_ok(weir_state_for_each_key(state, weir_bytes_of_text("none"), visit_key, &walk), NULL);
    assert_int_equal(walk.count, 25);
    assert_ok(weir_state_set_namespace(state, weir_bytes_of_text("all")), NULL);
    walk = (struct walk){ .rig = &verbs->rig, .state = state, .clears = true };
    assert_ok(weir_state_for_each_key(state, weir_bytes_of_text("all"), visit_key, &walk), NULL);
    assert_int_equal(walk.keys, 99 * 50);
    assert_int_equal(weir_state_entry_count(state), 25);
    walk = (struct walk){ .rig = &verbs->rig, .state = state, .count = 990 };
    assert_int_equal(weir_state_for_each_key(state, some, visit_key, &walk), WEIR_USER);
    assert_int_equal(walk.count, 1000);
    assert_ok(weir_state_clear_namespace(state, some), NULL);
    assert_int_equal(weir_state_entry_count(state), 0);
    assert_ok(weir_state_clear_namespace(state, some), NULL);
    weir_state *plain = sums_state(verbs, "plain", 0);
    rig_add(&verbs->rig, plain, 4, 44);
    rig_add(&verbs->rig, plain, 5, 55);
    walk = (struct walk){ .rig = &verbs->rig, .state = plain };
    assert_ok(weir_state_for_each_key(plain, weir_bytes_of(NULL, 0), visit_key, &walk), NULL);
    assert_int_equal(walk.keys, 9);
    assert_int_equal(state->failure, WEIR_OK);
}

TEST(keys_of_a_namespace_are_walked_while_the_state_changes)
{
    on_engines(walks);
}

static void
prefetches(struct verbs *verbs)
{
    weir_state *state = sums_state(verbs, "sums", WEIR_STRING);
    static int64_t numbers[100];
    static weir_key keys[100];
    for (int64_t i = 0; i < 100; i++) {
        numbers[i] = i;
        keys[i] = rig_number(&verbs->rig, &numbers[i]);
    }
    weir_state_prefetch(state, keys, 100); /* no namespace yet: nothing to ask for */
    put_under(verbs, state, 1, "a", 1);
    weir_state_prefetch(state, keys, 100);
    put_under(verbs, state, 1, "a name that makes keys longer than are asked for ahead, by far", 1);
    weir_state_prefetch(state, keys, 100);
    weir_state_prefetch(sums_state(verbs, "plain", 0), keys, 100);
    assert_int_equal(get_under(verbs, state, 1, "a"), 1);
}

TEST(prefetching_changes_nothing)
{
    on_engines(prefetches);
}
