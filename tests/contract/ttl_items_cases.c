/* SPDX-License-Identifier: Apache-2.0 */
/* Expiry of single list elements and map entries. */
#include "contract/contract.h"

static const weir_ttl hundred_ms = { .size = sizeof hundred_ms,
                                     .ttl_ms = 100,
                                     .no_background_cleanup = true };

static weir_state *
make_expiring(struct contract *c, weir_state_kind kind, const weir_ttl *ttl)
{
    weir_state_descriptor descriptor = describe(kind, "expiring", i64_type());
    descriptor.map_key_type = kind == WEIR_STATE_MAP ? i64_type() : NULL;
    descriptor.ttl = ttl;
    descriptor.has_timestamps = ttl != NULL;
    return make(c, &descriptor);
}

CASE(ttl_of_list_elements_is_their_own)
{
    weir_state *lists = make_expiring(c, WEIR_STATE_LIST, &hundred_ms);
    for (int64_t now = 0; now < 50; now += 10) {
        set_time(c, now);
        list_add(c, lists, 1, now);
    }
    set_time(c, 99);
    assert_string_equal(list_of(c, lists), "0,10,20,30,40");
    set_time(c, 100);
    assert_string_equal(list_of(c, lists), "10,20,30,40");
    set_time(c, 125);
    assert_string_equal(list_of(c, lists), "30,40");
    list_add(c, lists, 1, 125);
    set_time(c, 140);
    assert_string_equal(list_of(c, lists), "125");
    weir_bytes elements[] = { number(1), number(2) };
    OK(weir_list_update(lists, elements, 2));
    set_time(c, 239);
    assert_string_equal(list_of(c, lists), "1,2");
    set_time(c, 240);
    assert_string_equal(list_of(c, lists), "");
}

CASE(ttl_of_map_entries_is_their_own)
{
    weir_state *maps = make_expiring(c, WEIR_STATE_MAP, &hundred_ms);
    for (int64_t now = 0; now < 50; now += 10) {
        set_time(c, now);
        map_put(c, maps, 1, now, now);
    }
    set_time(c, 99);
    assert_string_equal(map_of(c, maps), "0=0,10=10,20=20,30=30,40=40");
    set_time(c, 125);
    assert_string_equal(map_of(c, maps), "30=30,40=40");
    assert_false(weir_map_contains(maps, number(20)));
    assert_true(weir_map_contains(maps, number(30)));
    assert_false(weir_map_is_empty(maps));
    map_put(c, maps, 1, 30, 31);
    set_time(c, 140);
    assert_string_equal(map_of(c, maps), "30=31");
    set_time(c, 225);
    assert_true(weir_map_is_empty(maps));
    OK(weir_map_put(maps, number(1), weir_bytes_of(NULL, 0)));
    set_time(c, 324);
    assert_string_equal(map_of(c, maps), "1=null");
    set_time(c, 325);
    assert_string_equal(map_of(c, maps), "");
}

CASE(ttl_null_map_values_survive_switching)
{
    weir_state *maps = make_expiring(c, WEIR_STATE_MAP, &hundred_ms);
    set_time(c, 0);
    bind(c, maps, 1);
    OK(weir_map_put(maps, number(1), weir_bytes_of(NULL, 0)));
    map_put(c, maps, 1, 2, 20);
    fail_over(c);
    maps = make_expiring(c, WEIR_STATE_MAP, NULL);
    bind(c, maps, 1);
    assert_string_equal(map_of(c, maps), "1=null,2=20");
    fail_over(c);
    set_time(c, 500);
    maps = make_expiring(c, WEIR_STATE_MAP, &hundred_ms);
    bind(c, maps, 1);
    assert_string_equal(map_of(c, maps), "1=null,2=20");
    set_time(c, 600);
    assert_string_equal(map_of(c, maps), "");
}
