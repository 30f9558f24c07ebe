/* SPDX-License-Identifier: Apache-2.0 */
/* Restoring: at any parallelism, into states of another shape, into nothing. */
#include "contract/contract.h"

#include "base/memory.h"

#include <string.h>

enum {
    KEYS = 1200
};

static void
fill(struct contract *c)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    weir_state *lists = make_list(c, "lists", i64_type());
    weir_state *maps = make_map(c, "maps", i64_type());
    weir_state *sums = make_sum(c, "sums", i64_type());
    for (int64_t key = 0; key < KEYS; key++) {
        put(c, counts, key, key);
        list_add(c, lists, key, key);
        list_add(c, lists, key, 1);
        map_put(c, maps, key, key, 2);
        in_namespace(c, sums, key % 3);
        bind(c, sums, key);
        OK(weir_reducing_add(sums, number(key)));
    }
}

/* What of the keys lies in [first, last] is there, and nothing else. */
static void
expect_range(struct contract *c, uint32_t first, uint32_t last, size_t *seen)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    weir_state *lists = make_list(c, "lists", i64_type());
    weir_state *maps = make_map(c, "maps", i64_type());
    weir_state *sums = make_sum(c, "sums", i64_type());
    size_t mine = 0;
    for (int64_t key = 0; key < KEYS; key++) {
        weir_bytes value;
        bind(c, counts, key);
        uint32_t group = counts->current_key->key_group;
        if (group < first || group > last) {
            continue;
        }
        mine++;
        assert_int_equal(get(c, counts, key, -1), key);
        bind(c, lists, key);
        assert_true(list_of(c, lists)[0] != 0);
        assert_int_equal(map_get(c, maps, key, key, -1), 2);
        in_namespace(c, sums, key % 3);
        bind(c, sums, key);
        OK(weir_reducing_get(sums, &value));
        assert_int_equal(number_of(value), key);
    }
    expect_entries(c, counts, mine);
    expect_entries(c, lists, mine);
    expect_entries(c, maps, mine);
    expect_entries(c, sums, mine);
    *seen += mine;
}

static void
range_of(const struct contract *c, uint32_t part, uint32_t parts, uint32_t *first, uint32_t *last)
{
    *first = (part * c->rig.max_parallelism + parts - 1) / parts;
    *last = ((part + 1) * c->rig.max_parallelism - 1) / parts;
}

CASE(restore_at_any_parallelism)
{
    static const uint32_t parallelisms[] = { 1, 2, 3, 5, 7, 8 };
    fill(c);
    struct engine_set *set = snapshot(c);
    for (size_t p = 0; p < sizeof parallelisms / sizeof parallelisms[0]; p++) {
        size_t seen = 0;
        for (uint32_t i = 0; i < parallelisms[p]; i++) {
            uint32_t first = 0;
            uint32_t last = 0;
            range_of(c, i, parallelisms[p], &first, &last);
            engine_task_close(&c->rig, &c->task);
            OK(engine_task_open(&c->rig, &c->task, first, last));
            OK(engine_task_restore(&c->rig, &c->task, set));
            expect_range(c, first, last, &seen);
        }
        assert_int_equal(seen, KEYS);
    }
    engine_set_release(&c->rig, set);
}

/* Several subtasks' files into fewer and into others. */
CASE(restore_from_several_subtasks)
{
    struct engine_set *sets[5];
    fill(c);
    struct engine_set *whole = snapshot(c);
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t first = 0;
        uint32_t last = 0;
        range_of(c, i, 5, &first, &last);
        engine_task_close(&c->rig, &c->task);
        OK(engine_task_open(&c->rig, &c->task, first, last));
        OK(engine_task_restore(&c->rig, &c->task, whole));
        sets[i] = snapshot(c);
    }
    for (uint32_t parts = 1; parts <= 3; parts++) {
        size_t seen = 0;
        for (uint32_t part = 0; part < parts; part++) {
            uint32_t first = 0;
            uint32_t last = 0;
            range_of(c, part, parts, &first, &last);
            engine_task_close(&c->rig, &c->task);
            OK(engine_task_open(&c->rig, &c->task, first, last));
            for (uint32_t i = 0; i < 5; i++) {
                uint32_t from = 0;
                uint32_t to = 0;
                range_of(c, i, 5, &from, &to);
                if (from <= last && to >= first) {
                    OK(engine_task_restore(&c->rig, &c->task, sets[i]));
                }
            }
            expect_range(c, first, last, &seen);
        }
        assert_int_equal(seen, KEYS);
    }
    for (int i = 0; i < 5; i++) {
        engine_set_release(&c->rig, sets[i]);
    }
    engine_set_release(&c->rig, whole);
}

CASE(restore_of_a_range_without_keys)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    put(c, counts, 1, 1);
    uint32_t group = counts->current_key->key_group;
    struct engine_set *set = snapshot(c);
    uint32_t other = group == 0 ? 1 : 0;
    engine_task_close(&c->rig, &c->task);
    OK(engine_task_open(&c->rig, &c->task, other, other));
    OK(engine_task_restore(&c->rig, &c->task, set));
    counts = make_value(c, "counts", i64_type());
    expect_entries(c, counts, 0);
    engine_set_release(&c->rig, set);
}

CASE(restore_draws_another_seed)
{
    fill(c);
    struct engine_set *set = snapshot(c);
    size_t seen = 0;
    c->rig.seed += 12345;
    restart(c, set);
    engine_set_release(&c->rig, set);
    expect_range(c, 0, c->rig.max_parallelism - 1, &seen);
    assert_int_equal(seen, KEYS);
}

static void
refuse(struct contract *c, const weir_state_descriptor *descriptor)
{
    weir_state *state = NULL;
    assert_int_equal(weir_backend_create_state(c->task.backend, descriptor, &state, &c->rig.error),
                     WEIR_VERSION);
    assert_non_null(strstr(c->rig.error.message, descriptor->name));
}

CASE(restore_under_another_type_is_refused)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    weir_state *maps = make_map(c, "maps", i64_type());
    weir_state_descriptor windowed = describe(WEIR_STATE_VALUE, "windowed", i64_type());
    windowed.namespace_type = i64_type();
    weir_state *windows = make(c, &windowed);
    put(c, counts, 1, 1);
    map_put(c, maps, 1, 1, 1);
    in_namespace(c, windows, 1);
    put(c, windows, 1, 1);
    fail_over(c);
    weir_state_descriptor descriptor =
        describe(WEIR_STATE_VALUE, "counts", weir_type_of_kind(WEIR_F64));
    refuse(c, &descriptor);
    descriptor.kind = WEIR_STATE_LIST;
    descriptor.type = i64_type();
    refuse(c, &descriptor);
    descriptor = describe(WEIR_STATE_MAP, "maps", i64_type());
    descriptor.map_key_type = text_type();
    refuse(c, &descriptor);
    windowed.namespace_type = text_type();
    refuse(c, &windowed);
    windowed.namespace_type = NULL;
    refuse(c, &windowed);
    counts = make_value(c, "counts", i64_type()); /* as it was, it is there */
    assert_int_equal(get(c, counts, 1, -1), 1);
}

CASE(state_asked_for_again_is_the_same)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    weir_state_descriptor other = describe(WEIR_STATE_VALUE, "counts", text_type());
    weir_state *state = NULL;
    assert_ptr_equal(counts, make_value(c, "counts", i64_type()));
    refuse(c, &other);
    other = describe(WEIR_STATE_LIST, "counts", i64_type());
    refuse(c, &other);
    other = describe(WEIR_STATE_VALUE, "", i64_type());
    assert_int_equal(weir_backend_create_state(c->task.backend, &other, &state, &c->rig.error),
                     WEIR_INVALID);
    other.name = NULL;
    assert_int_equal(weir_backend_create_state(c->task.backend, &other, &state, &c->rig.error),
                     WEIR_INVALID);
}

CASE(restore_keeps_structs_with_texts)
{
    struct person {
        int64_t age;
        weir_string name;
        weir_string town;
    };
    weir_field fields[] = { WEIR_FIELD(struct person, age, I64),
                            WEIR_FIELD(struct person, name, STRING),
                            WEIR_FIELD(struct person, town, STRING) };
    weir_alloc alloc = wr_memory_system();
    weir_type *type = NULL;
    OK(weir_type_create_struct(&alloc, "person", sizeof(struct person), fields, 3, &type,
                               &c->rig.error));
    weir_state *people = make_value(c, "people", type);
    for (int64_t i = 0; i < 200; i++) {
        union {
            struct person person;
            char bytes[128];
        } block = { .bytes = { 0 } };
        block.person.age = i;
        uint32_t at = weir_string_write(&block, &block.person.name, sizeof block.person,
                                        weir_bytes_of("anonymous", (size_t)i % 10));
        at = weir_string_write(&block, &block.person.town, at, weir_bytes_of_text("Nowhere"));
        bind(c, people, i);
        OK(weir_value_put(people, weir_bytes_of(&block, weir_round8(at))));
    }
    fail_over(c);
    people = make_value(c, "people", type);
    for (int64_t i = 0; i < 200; i++) {
        weir_bytes block;
        bind(c, people, i);
        OK(weir_value_get(people, &block));
        const struct person *person = block.data;
        assert_int_equal(person->age, i);
        assert_int_equal(person->name.size, i % 10);
        assert_memory_equal(weir_string_bytes(person, person->town).data, "Nowhere", 7);
    }
    weir_type_destroy(type);
}

CASE(restore_survives_growth_and_mass_deletion)
{
    weir_state *counts = make_value(c, "counts", i64_type());
    enum {
        MANY = 6000
    };
    for (int round = 0; round < 3; round++) {
        for (int64_t i = 0; i < MANY; i++) {
            put(c, counts, i, i + round);
        }
        for (int64_t i = 0; i < MANY; i++) {
            if (i % 97 != 0) {
                clear(c, counts, i);
            }
        }
        while (weir_backend_idle_turn(c->task.backend, 10000)) {
        }
        fail_over(c);
        counts = make_value(c, "counts", i64_type());
        expect_entries(c, counts, (MANY + 96) / 97);
        for (int64_t i = 0; i < MANY; i += 97) {
            assert_int_equal(get(c, counts, i, -1), i + round);
        }
    }
}
