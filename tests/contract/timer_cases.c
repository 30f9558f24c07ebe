/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: a set of (timestamp, key, namespace) that gives the earliest first. */
#include "contract/contract.h"

#include "base/rng.h"
#include "state/timers.h"

#include <stdlib.h>
#include <string.h>

static struct wr_timers *
make_timers(struct contract *c, const weir_type *namespace_type)
{
    struct wr_timers *timers = NULL;
    OK(wr_timers_create(c->task.backend, "contract", namespace_type, &timers, &c->rig.error));
    return timers;
}

static weir_key
key_of(struct contract *c, int64_t key)
{
    return weir_key_make(i64_type(), number(key), c->rig.max_parallelism, c->rig.seed);
}

static void
add(struct contract *c, struct wr_timers *timers, int64_t key, int64_t timestamp)
{
    weir_key made = key_of(c, key);
    OK(wr_timers_register(timers, WEIR_EVENT_TIME, &made, weir_bytes_of(NULL, 0), timestamp));
}

static void
remove_timer(struct contract *c, struct wr_timers *timers, int64_t key, int64_t timestamp)
{
    weir_key made = key_of(c, key);
    OK(wr_timers_delete(timers, WEIR_EVENT_TIME, &made, weir_bytes_of(NULL, 0), timestamp));
}

/* The next that is due: its timestamp, or `missing`. */
static int64_t
pop(struct contract *c, struct wr_timers *timers, int64_t up_to, int64_t *out_key, int64_t missing)
{
    struct wr_timer timer;
    weir_status status = wr_timers_pop_due(timers, WEIR_EVENT_TIME, up_to, &timer);
    if (status == WEIR_NOT_FOUND) {
        return missing;
    }
    OK(status);
    int64_t key = number_of(weir_bytes_of(timer.key.data, timer.key.size));
    weir_key made = key_of(c, key);
    assert_int_equal(made.key_group, timer.key.key_group);
    assert_true(made.hash == timer.key.hash);
    if (out_key != NULL) {
        *out_key = key;
    }
    return timer.timestamp;
}

CASE(timers_peek_and_pop_in_order)
{
    struct wr_timers *timers = make_timers(c, NULL);
    int64_t due = 0;
    assert_int_equal(wr_timers_next_due(timers, WEIR_EVENT_TIME, &due), WEIR_NOT_FOUND);
    add(c, timers, 1, 42);
    add(c, timers, 2, 7);
    add(c, timers, 3, -5);
    add(c, timers, 1, 44);
    OK(wr_timers_next_due(timers, WEIR_EVENT_TIME, &due));
    assert_int_equal(due, -5);
    int64_t key = 0;
    assert_int_equal(pop(c, timers, 6, &key, -1), -5);
    assert_int_equal(key, 3);
    assert_int_equal(pop(c, timers, 6, &key, -1), -1);
    assert_int_equal(pop(c, timers, 7, &key, -1), 7);
    assert_int_equal(key, 2);
    OK(wr_timers_next_due(timers, WEIR_EVENT_TIME, &due));
    assert_int_equal(due, 42);
    assert_int_equal(pop(c, timers, INT64_MAX, &key, -1), 42);
    assert_int_equal(pop(c, timers, INT64_MAX, &key, -1), 44);
    assert_int_equal(pop(c, timers, INT64_MAX, &key, -1), -1);
    wr_timers_destroy(timers);
}

CASE(timers_registered_twice_are_there_once)
{
    struct wr_timers *timers = make_timers(c, NULL);
    for (int i = 0; i < 3; i++) {
        add(c, timers, 1, 10);
        add(c, timers, 2, 10);
    }
    assert_int_equal(pop(c, timers, 10, NULL, -1), 10);
    assert_int_equal(pop(c, timers, 10, NULL, -1), 10);
    assert_int_equal(pop(c, timers, 10, NULL, -1), -1);
    add(c, timers, 1, 10); /* again, after it has fired */
    assert_int_equal(pop(c, timers, 10, NULL, -1), 10);
    assert_int_equal(pop(c, timers, 10, NULL, -1), -1);
    wr_timers_destroy(timers);
}

CASE(timers_deleted_do_not_fire)
{
    struct wr_timers *timers = make_timers(c, NULL);
    for (int64_t i = 0; i < 300; i++) {
        add(c, timers, i % 20, i);
    }
    for (int64_t i = 0; i < 300; i += 3) {
        remove_timer(c, timers, i % 20, i);
        remove_timer(c, timers, i % 20, i); /* not there: nothing happens */
        remove_timer(c, timers, i % 20 + 1, i);
    }
    remove_timer(c, timers, 5, 100000);
    for (int64_t i = 0; i < 300; i++) {
        if (i % 3 != 0) {
            int64_t key = 0;
            assert_int_equal(pop(c, timers, INT64_MAX, &key, -1), i);
            assert_int_equal(key, i % 20);
        }
    }
    assert_int_equal(pop(c, timers, INT64_MAX, NULL, -1), -1);
    wr_timers_destroy(timers);
}

CASE(timers_deleted_and_registered_again_fire_once)
{
    struct wr_timers *timers = make_timers(c, NULL);
    for (int i = 0; i < 4; i++) {
        add(c, timers, 1, 10);
        remove_timer(c, timers, 1, 10);
    }
    add(c, timers, 1, 10);
    assert_int_equal(pop(c, timers, 10, NULL, -1), 10);
    assert_int_equal(pop(c, timers, 10, NULL, -1), -1);
    wr_timers_destroy(timers);
}

CASE(timers_of_both_domains_are_apart)
{
    struct wr_timers *timers = make_timers(c, NULL);
    weir_key key = key_of(c, 1);
    struct wr_timer timer;
    weir_bytes none = weir_bytes_of(NULL, 0);
    add(c, timers, 1, 10);
    OK(wr_timers_register(timers, WEIR_PROCESSING_TIME, &key, none, 5));
    assert_int_equal(pop(c, timers, 5, NULL, -1), -1);
    OK(wr_timers_pop_due(timers, WEIR_PROCESSING_TIME, 5, &timer));
    assert_int_equal(timer.timestamp, 5);
    assert_int_equal(wr_timers_pop_due(timers, WEIR_PROCESSING_TIME, 100, &timer), WEIR_NOT_FOUND);
    assert_int_equal(pop(c, timers, 10, NULL, -1), 10);
    wr_timers_destroy(timers);
}

CASE(timers_of_namespaces_are_apart)
{
    struct wr_timers *timers = make_timers(c, i64_type());
    weir_key key = key_of(c, 1);
    struct wr_timer timer;
    for (int64_t window = 3; window > 0; window--) {
        OK(wr_timers_register(timers, WEIR_EVENT_TIME, &key, number(window), 10 + window));
        OK(wr_timers_register(timers, WEIR_EVENT_TIME, &key, number(window), 50));
    }
    OK(wr_timers_delete(timers, WEIR_EVENT_TIME, &key, number(2), 12));
    for (int64_t window = 1; window <= 3; window += 2) {
        OK(wr_timers_pop_due(timers, WEIR_EVENT_TIME, 20, &timer));
        assert_int_equal(timer.timestamp, 10 + window);
        assert_int_equal(number_of(timer.namespace_), window);
    }
    for (int i = 0; i < 3; i++) {
        OK(wr_timers_pop_due(timers, WEIR_EVENT_TIME, 50, &timer));
        assert_int_equal(timer.timestamp, 50);
    }
    assert_int_equal(wr_timers_pop_due(timers, WEIR_EVENT_TIME, 50, &timer), WEIR_NOT_FOUND);
    wr_timers_destroy(timers);
}

CASE(timers_survive_a_snapshot)
{
    struct wr_timers *timers = make_timers(c, NULL);
    for (int64_t i = 0; i < 500; i++) {
        add(c, timers, i * 31 % 100, i * 7 % 500);
    }
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(pop(c, timers, INT64_MAX, NULL, -1), i);
    }
    struct engine_set *set = snapshot(c);
    wr_timers_destroy(timers);
    restart(c, set);
    engine_set_release(&c->rig, set);
    timers = make_timers(c, NULL);
    add(c, timers, 100, -1);
    assert_int_equal(pop(c, timers, INT64_MAX, NULL, -2), -1);
    for (int64_t i = 100; i < 500; i++) {
        assert_int_equal(pop(c, timers, INT64_MAX, NULL, -2), i);
    }
    assert_int_equal(pop(c, timers, INT64_MAX, NULL, -2), -2);
    wr_timers_destroy(timers);
}

CASE(timers_fire_where_their_key_group_goes)
{
    struct wr_timers *timers = make_timers(c, NULL);
    for (int64_t key = 0; key < 300; key++) {
        add(c, timers, key, 1000 - key);
    }
    struct engine_set *set = snapshot(c);
    wr_timers_destroy(timers);
    size_t fired = 0;
    for (uint32_t part = 0; part < 3; part++) {
        uint32_t first = (part * c->rig.max_parallelism + 2) / 3;
        uint32_t last = ((part + 1) * c->rig.max_parallelism - 1) / 3;
        engine_task_close(&c->rig, &c->task);
        OK(engine_task_open(&c->rig, &c->task, first, last));
        OK(engine_task_restore(&c->rig, &c->task, set));
        timers = make_timers(c, NULL);
        int64_t key = 0;
        int64_t before = INT64_MIN;
        int64_t due;
        while ((due = pop(c, timers, INT64_MAX, &key, -1)) != -1) {
            weir_key made = key_of(c, key);
            assert_true(made.key_group >= first && made.key_group <= last);
            assert_int_equal(due, 1000 - key);
            assert_true(due > before);
            before = due;
            fired++;
        }
        wr_timers_destroy(timers);
    }
    assert_int_equal(fired, 300);
    engine_set_release(&c->rig, set);
}

static int
ascending(const void *one, const void *other)
{
    int64_t a = *(const int64_t *)one;
    int64_t b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

/* More than an engine keeps in memory of a key group. */
CASE(timers_by_the_thousand_come_in_order)
{
    enum {
        COUNT = 4000
    };
    static int64_t all[COUNT];
    struct wr_timers *timers = make_timers(c, NULL);
    struct wr_rng rng;
    size_t count = 0;
    wr_rng_init(&rng, 5);
    for (int64_t i = 0; i < COUNT; i++) {
        all[i] = (int64_t)wr_rng_below(&rng, 1u << 30) - (1 << 29);
        add(c, timers, i, all[i]);
    }
    qsort(all, COUNT, sizeof all[0], ascending);
    for (; count < COUNT / 2; count++) {
        assert_int_equal(pop(c, timers, INT64_MAX, NULL, -1), all[count]);
    }
    add(c, timers, 7, INT64_MIN); /* earlier than all that is left */
    assert_int_equal(pop(c, timers, INT64_MAX, NULL, -1), INT64_MIN);
    for (; count < COUNT; count++) {
        assert_int_equal(pop(c, timers, INT64_MAX, NULL, -1), all[count]);
    }
    assert_int_equal(pop(c, timers, INT64_MAX, NULL, -7), -7);
    wr_timers_destroy(timers);
}

CASE(timers_restored_with_another_namespace_type_are_refused)
{
    struct wr_timers *timers = make_timers(c, NULL);
    add(c, timers, 1, 10);
    struct engine_set *set = snapshot(c);
    wr_timers_destroy(timers);
    restart(c, set);
    engine_set_release(&c->rig, set);
    assert_int_equal(
        wr_timers_create(c->task.backend, "contract", i64_type(), &timers, &c->rig.error),
        WEIR_VERSION);
    assert_non_null(strstr(c->rig.error.message, "contract"));
}

CASE(timers_do_not_reach_an_open_snapshot)
{
    struct wr_timers *timers = make_timers(c, NULL);
    for (int64_t i = 0; i < 600; i++) {
        add(c, timers, i, i);
    }
    struct engine_snapshot open;
    struct engine_set *set = NULL;
    OK(engine_snapshot_begin(&c->rig, &c->task, &open));
    for (int64_t i = 0; i < 300 || !open.is_done; i++) {
        pop(c, timers, 250, NULL, -1);
        add(c, timers, i, 5000 + i);
        remove_timer(c, timers, 599 - i % 100, 599 - i % 100);
        OK(engine_snapshot_turn(&c->rig, &open, 300));
        engine_rig_io(&c->rig);
    }
    OK(engine_snapshot_complete(&c->rig, &open, &set));
    wr_timers_destroy(timers);
    restart(c, set);
    engine_set_release(&c->rig, set);
    timers = make_timers(c, NULL);
    for (int64_t i = 0; i < 600; i++) {
        assert_int_equal(pop(c, timers, INT64_MAX, NULL, -1), i);
    }
    assert_int_equal(pop(c, timers, INT64_MAX, NULL, -1), -1);
    wr_timers_destroy(timers);
}
