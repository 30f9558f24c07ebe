/* SPDX-License-Identifier: Apache-2.0 */
/* A task's meter: what time is counted as, from the one thread that turns it and from others; and
 * the list of states.
 */
#include "runtime/meter.h"

#include "support/common_alloc_fault.h"
#include "support/test.h"

#include "base/memory.h"

#include <pthread.h>
#include <string.h>

static void
assert_times(const struct wr_meter *meter, uint64_t now_ns, uint64_t busy, uint64_t idle,
             uint64_t backpressured)
{
    uint64_t spent[WR_ACTIVITY_COUNT];
    wr_meter_times(meter, now_ns, spent);
    assert_int_equal(spent[WR_ACTIVITY_BUSY], busy);
    assert_int_equal(spent[WR_ACTIVITY_IDLE], idle);
    assert_int_equal(spent[WR_ACTIVITY_BACKPRESSURED], backpressured);
}

TEST(time_counts_as_what_the_task_did_last)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_meter meter;
    wr_meter_init(&meter, &alloc);
    assert_times(&meter, 900, 0, 0, 0); /* it does not run yet */
    wr_meter_turn(&meter, WR_ACTIVITY_BUSY, 1000);
    assert_times(&meter, 1007, 7, 0, 0);
    wr_meter_turn(&meter, WR_ACTIVITY_BUSY, 1010); /* goes on */
    assert_times(&meter, 1020, 20, 0, 0);
    wr_meter_turn(&meter, WR_ACTIVITY_BACKPRESSURED, 1030);
    assert_times(&meter, 1030, 30, 0, 0);
    wr_meter_turn(&meter, WR_ACTIVITY_IDLE, 1035);
    wr_meter_turn(&meter, WR_ACTIVITY_BUSY, 1100);
    assert_times(&meter, 1101, 31, 65, 5);
    assert_times(&meter, 0, 30, 65, 5); /* until the last change */
    wr_meter_turn(&meter, WR_ACTIVITY_NONE, 1200);
    assert_times(&meter, 5000, 130, 65, 5); /* it has ended */
    wr_meter_fini(&meter);
}

/* --- two threads --- */

enum {
    TURNS = 200000
};

struct race {
    struct wr_meter meter;
    _Atomic uint64_t now_ns; /* of the last turn */
    _Atomic bool is_done;
};

static void *
turn_on(void *argument)
{
    struct race *race = argument;
    for (uint64_t now = 1; now <= TURNS; now++) {
        wr_meter_turn(&race->meter, (enum wr_activity)(1 + now % 3), now);
        atomic_store_explicit(&race->now_ns, now, memory_order_release);
    }
    atomic_store_explicit(&race->is_done, true, memory_order_release);
    return NULL;
}

/* All time since the first turn is accounted for, none twice, at any moment. */
TEST(who_looks_from_another_thread_sees_all_time_once)
{
    static struct race race;
    weir_alloc alloc = wr_memory_system();
    pthread_t thread;
    uint64_t looks = 0;
    wr_meter_init(&race.meter, &alloc);
    assert_int_equal(pthread_create(&thread, NULL, turn_on, &race), 0);
    bool is_done = false;
    while (!is_done) {
        uint64_t spent[WR_ACTIVITY_COUNT];
        is_done = atomic_load_explicit(&race.is_done, memory_order_acquire);
        uint64_t before = atomic_load_explicit(&race.now_ns, memory_order_acquire);
        wr_meter_times(&race.meter, 0, spent);
        uint64_t after = atomic_load_explicit(&race.now_ns, memory_order_acquire);
        uint64_t all =
            spent[WR_ACTIVITY_BUSY] + spent[WR_ACTIVITY_IDLE] + spent[WR_ACTIVITY_BACKPRESSURED];
        assert_true(before == 0 || all + 1 >= before); /* the first turn was at 1 */
        assert_true(all <= after + 1);                 /* the next one may have been seen */
        looks++;
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(looks > 0);
    assert_times(&race.meter, TURNS, TURNS / 3, TURNS / 3 + 1, TURNS / 3);
    wr_meter_fini(&race.meter);
}

/* --- states --- */

static struct wr_meter_key
key_of(const void *source, const char *name)
{
    return (struct wr_meter_key){
        .source = source, .operator_ = 1, .kind = WEIR_STATE_MAP, .name = name, .backend = "hashmap"
    };
}

TEST(a_state_is_listed_once_and_shows_what_was_measured_last)
{
    struct alloc_fault fault;
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    struct wr_meter meter;
    wr_meter_init(&meter, &alloc);
    assert_null(wr_meter_next_state(&meter, NULL));
    char name[] = "one";
    struct wr_meter_key one = key_of(&fault, name);
    struct wr_meter_key other = key_of(&meter, "other");
    wr_meter_state(&meter, &one, &(weir_state_size){ .entries = 1, .bytes = 2 });
    wr_meter_state(&meter, &other, &(weir_state_size){ .entries = 3, .is_exact = true });
    wr_meter_state(&meter, &one, &(weir_state_size){ .entries = 5, .bytes = 6, .disk_bytes = 7 });
    name[0] = 'X'; /* it was copied */
    const struct wr_metered_state *first = wr_meter_next_state(&meter, NULL);
    const struct wr_metered_state *second = wr_meter_next_state(&meter, first);
    weir_state_size size;
    assert_string_equal(first->name, "one");
    assert_int_equal(first->operator_, 1);
    assert_int_equal(first->kind, WEIR_STATE_MAP);
    wr_metered_state_size(first, &size);
    assert_int_equal(size.entries, 5);
    assert_int_equal(size.bytes, 6);
    assert_int_equal(size.disk_bytes, 7);
    assert_false(size.is_exact);
    assert_string_equal(second->name, "other");
    wr_metered_state_size(second, &size);
    assert_true(size.is_exact && size.entries == 3);
    assert_null(wr_meter_next_state(&meter, second));
    wr_meter_fini(&meter);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
}

TEST(a_state_that_finds_no_memory_is_not_shown_until_there_is_some)
{
    struct alloc_fault fault;
    alloc_fault_init(&fault, 1, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    struct wr_meter meter;
    wr_meter_init(&meter, &alloc);
    struct wr_meter_key one = key_of(&fault, "one");
    wr_meter_state(&meter, &one, &(weir_state_size){ .entries = 1 });
    assert_null(wr_meter_next_state(&meter, NULL));
    wr_meter_state(&meter, &one, &(weir_state_size){ .entries = 2 });
    assert_non_null(wr_meter_next_state(&meter, NULL));
    wr_meter_fini(&meter);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
}
