/* SPDX-License-Identifier: Apache-2.0 */
/* rows: byte for byte what Flink's backend writes, for every kind of state. */
#include "rocks_rig.h"

/* Key group of the key 3 at a maximum parallelism of 4: 1, as in Flink's own savepoint. */
static void
begin(struct engine_rig *rig, struct engine_task *task, uint32_t max_parallelism)
{
    rocks_begin(rig, &rocks_full);
    rig->max_parallelism = max_parallelism;
    rocks_open(rig, task);
}

static void
end(struct engine_rig *rig, struct engine_task *task)
{
    engine_task_close(rig, task);
    engine_rig_fini(rig);
}

TEST(a_value_is_key_group_key_void_namespace)
{
    struct engine_rig rig;
    struct engine_task task;
    begin(&rig, &task, 4);
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    rocks_add(&rig, kept, 3, 3);
    assert_string_equal(rocks_rows(&task, "sum"), "01000000000000000300=0000000000000003;");
    end(&rig, &task);
}

TEST(the_key_group_has_two_bytes_from_129_on)
{
    struct engine_rig rig;
    struct engine_task task;
    begin(&rig, &task, 129);
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    rocks_add(&rig, kept, 3, 3);
    const char *rows = rocks_rows(&task, "sum");
    assert_int_equal(strlen(rows), 2 * (2 + 8 + 1) + 1 + 2 * 8 + 1);
    assert_memory_equal(rows + 4, "000000000000000300=", 19);
    end(&rig, &task);
}

TEST(the_key_group_has_one_byte_up_to_128)
{
    struct engine_rig rig;
    struct engine_task task;
    begin(&rig, &task, 128);
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_VALUE, "sum", WEIR_I64);
    rocks_add(&rig, kept, 3, 3);
    const char *rows = rocks_rows(&task, "sum");
    assert_int_equal(strlen(rows), 2 * (1 + 8 + 1) + 1 + 2 * 8 + 1);
    assert_memory_equal(rows + 2, "000000000000000300=", 19);
    end(&rig, &task);
}

TEST(elements_of_a_list_are_joined_by_commas)
{
    struct engine_rig rig;
    struct engine_task task;
    struct rocks_key key;
    begin(&rig, &task, 4);
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_LIST, "words", WEIR_STRING);
    _Alignas(8) char one[64];
    _Alignas(8) char two[64];
    weir_bytes both[2] = { { one, rocks_text(one, "ab") }, { two, rocks_text(two, "c,d") } };
    rocks_bind(&rig, kept, &key, 3);
    assert_ok(weir_list_add(kept, both[0]), NULL);
    assert_ok(weir_list_add_all(kept, both, 2), NULL);
    assert_string_equal(rocks_rows(&task, "words"), "01000000000000000300="
                                                    "036162"
                                                    "2c"
                                                    "036162"
                                                    "2c"
                                                    "04632c64;");
    end(&rig, &task);
}

TEST(a_map_has_a_row_for_each_key_and_a_flag_for_null)
{
    struct engine_rig rig;
    struct engine_task task;
    struct rocks_key key;
    begin(&rig, &task, 4);
    weir_state *kept = rocks_state(&rig, &task, WEIR_STATE_MAP, "map", WEIR_I32);
    const int32_t value = 7;
    rocks_bind(&rig, kept, &key, 3);
    assert_ok(weir_map_put(kept, BYTES("b"), weir_bytes_of(NULL, 0)), NULL);
    assert_ok(weir_map_put(kept, BYTES("a"), weir_bytes_of(&value, sizeof value)), NULL);
    assert_ok(weir_map_put(kept, weir_bytes_of("", 0), weir_bytes_of(&value, sizeof value)), NULL);
    assert_string_equal(rocks_rows(&task, "map"), "0100000000000000030001=0000000007;"
                                                  "010000000000000003000261=0000000007;"
                                                  "010000000000000003000262=01;");
    end(&rig, &task);
}

TEST(sizes_stand_behind_key_and_namespace_if_neither_is_fixed)
{
    struct engine_rig rig;
    struct engine_task task;
    rocks_begin(&rig, &rocks_full);
    rig.max_parallelism = 4;
    rig.key_type = weir_type_of_kind(WEIR_STRING);
    rocks_open(&rig, &task);
    weir_state_descriptor descriptor = rocks_descriptor(WEIR_STATE_VALUE, "sum", WEIR_BOOL);
    weir_state *plain = rocks_create(&rig, &task, &descriptor);
    descriptor.name = "by-name";
    descriptor.namespace_type = weir_type_of_kind(WEIR_STRING);
    weir_state *named = rocks_create(&rig, &task, &descriptor);
    descriptor.name = "by-number";
    descriptor.namespace_type = weir_type_of_kind(WEIR_I16);
    weir_state *numbered = rocks_create(&rig, &task, &descriptor);

    const bool yes = true;
    const int16_t number = 258;
    char text[300];
    memset(text, 'x', sizeof text);
    weir_key key = weir_key_make(rig.key_type, BYTES("k"), 4, rig.seed);
    weir_state_bind(plain, &key);
    weir_state_bind(named, &key);
    weir_state_bind(numbered, &key);
    assert_ok(weir_value_put(plain, weir_bytes_of(&yes, 1)), NULL);
    assert_ok(weir_state_set_namespace(named, weir_bytes_of(text, sizeof text)), NULL);
    assert_ok(weir_value_put(named, weir_bytes_of(&yes, 1)), NULL);
    assert_ok(weir_state_set_namespace(numbered, weir_bytes_of(&number, 2)), NULL);
    assert_ok(weir_value_put(numbered, weir_bytes_of(&yes, 1)), NULL);

    char group[3];
    snprintf(group, sizeof group, "%02x", key.key_group);
    const char *rows = rocks_rows(&task, "sum");
    assert_memory_equal(rows, group, 2);
    assert_string_equal(rows + 2, "026b00=01;");
    rows = rocks_rows(&task, "by-number");
    assert_string_equal(rows + 2, "026b0102=01;");
    rows = rocks_rows(&task, "by-name"); /* 302 bytes: 0x2e, 0x01 */
    assert_memory_equal(rows + 2, "026b02ad02", 10);
    assert_string_equal(rows + 2 + 10 + 600, "2e01=01;");
    end(&rig, &task);
}

TEST(timers_are_in_order_of_time_negative_ones_first)
{
    struct engine_rig rig;
    struct engine_task task;
    struct rocks_key key;
    begin(&rig, &task, 4);
    weir_state_descriptor descriptor =
        rocks_descriptor(WEIR_STATE_TIMERS, "_timer_state/event_t", WEIR_BOOL);
    weir_state *kept = rocks_create(&rig, &task, &descriptor);
    const int64_t times[] = { 0x18e9525ed00, -1 };
    for (size_t i = 0; i < 2; i++) {
        int64_t bytes[2] = { 3, times[i] }; /* key | timestamp */
        key.number = 3;
        key.key = weir_key_make(rig.key_type, weir_bytes_of(&key.number, 8), 4, rig.seed);
        key.key.data = bytes;
        key.key.size = sizeof bytes;
        assert_ok(wr_rocks_put(kept, &key.key, weir_bytes_of("", 0)), NULL);
    }
    assert_string_equal(rocks_rows(&task, "_timer_state/event_t"),
                        "017fffffffffffffff000000000000000300=;"
                        "018000018e9525ed00000000000000000300=;");
    end(&rig, &task);
}

static const weir_ttl ttl = { .size = sizeof(weir_ttl), .ttl_ms = 1000 };

TEST(what_expires_has_its_time_before_every_item)
{
    struct engine_rig rig;
    struct engine_task task;
    struct rocks_key key;
    begin(&rig, &task, 4);
    weir_backend_set_time(task.backend, 0x0102);
    weir_state_descriptor descriptor = rocks_descriptor(WEIR_STATE_VALUE, "value", WEIR_I16);
    descriptor.has_timestamps = true;
    descriptor.ttl = &ttl;
    weir_state *value = rocks_create(&rig, &task, &descriptor);
    descriptor = rocks_descriptor(WEIR_STATE_LIST, "list", WEIR_I16);
    descriptor.has_timestamps = true;
    descriptor.ttl = &ttl;
    weir_state *list = rocks_create(&rig, &task, &descriptor);
    descriptor = rocks_descriptor(WEIR_STATE_MAP, "map", WEIR_I16);
    descriptor.has_timestamps = true;
    descriptor.ttl = &ttl;
    weir_state *map = rocks_create(&rig, &task, &descriptor);

    const int16_t number = 5;
    weir_bytes item = weir_bytes_of(&number, sizeof number);
    rocks_bind(&rig, value, &key, 3);
    rocks_bind(&rig, list, &key, 3);
    rocks_bind(&rig, map, &key, 3);
    assert_ok(weir_value_put(value, item), NULL);
    assert_ok(weir_list_add(list, item), NULL);
    weir_backend_set_time(task.backend, 0x0103);
    assert_ok(weir_list_add(list, item), NULL);
    assert_ok(weir_map_put(map, BYTES("m"), item), NULL);
    assert_string_equal(rocks_rows(&task, "value"), "01000000000000000300=00000000000001020005;");
    assert_string_equal(rocks_rows(&task, "list"), "01000000000000000300="
                                                   "00000000000001020005"
                                                   "2c"
                                                   "00000000000001030005;");
    assert_string_equal(rocks_rows(&task, "map"),
                        "01000000000000000300026d=0000000000000001030005;");
    end(&rig, &task);
}
