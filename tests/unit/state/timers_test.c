/* SPDX-License-Identifier: Apache-2.0 */
/* timers: order, deduplication, deletion, restores; with all of them in memory, and with the
 * earliest of each key group only, on an engine that keeps the order itself.
 */
#include "unit/state/verb_rig.h"

#include "state/timers.h"

#include <stdlib.h>

/* --- an engine that keeps timers in order: the plain one, and `first` --- */

static uint64_t firsts_asked;

static int64_t
timestamp_of(const weir_key *key)
{
    int64_t timestamp; /* behind an i64 key */
    memcpy(&timestamp, (const uint8_t *)key->data + 8, sizeof timestamp);
    return timestamp;
}

static int
by_timestamp(const void *one, const void *other)
{
    int64_t a = timestamp_of(*(const weir_key *const *)one);
    int64_t b = timestamp_of(*(const weir_key *const *)other);
    return (a > b) - (a < b);
}

static weir_status
ordered_first(weir_state *self, uint32_t key_group, size_t most,
              weir_status (*each)(void *argument, const weir_key *key), void *argument)
{
    const struct table *table = (const struct table *)self;
    static const weir_key *keys[1 << 16];
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (table->entries[i].key.key_group == key_group) {
            keys[count++] = &table->entries[i].key;
        }
    }
    qsort(keys, count, sizeof keys[0], by_timestamp);
    firsts_asked++;
    for (size_t i = 0; i < count && i < most; i++) {
        weir_status status = each(argument, keys[i]);
        if (status != WEIR_OK) {
            return status;
        }
    }
    return WEIR_OK;
}

static weir_status
open_ordered(const weir_backend_parameters *parameters, weir_backend **out_backend, weir_error *err)
{
    static weir_backend_ops ordered;
    weir_status status = plain_backend_factory()->open(parameters, out_backend, err);
    if (status == WEIR_OK) {
        ordered = *(*out_backend)->ops;
        ordered.first = ordered_first;
        (*out_backend)->ops = &ordered;
    }
    return status;
}

static const weir_backend_factory ordered_factory = { sizeof ordered_factory, "ordered",
                                                      open_ordered };

static void
on_three_engines(void (*run)(struct verbs *verbs))
{
    on_engines(run);
    struct verbs verbs;
    verbs_open(&verbs, &ordered_factory);
    run(&verbs);
    verbs_close(&verbs);
}

/* --- short words --- */

static struct wr_timers *
timers_of(struct verbs *verbs, const weir_type *namespace_type)
{
    struct wr_timers *timers = NULL;
    assert_ok(
        wr_timers_create(verbs->backend, "user-timers", namespace_type, &timers, &verbs->rig.error),
        &verbs->rig.error);
    return timers;
}

static const weir_bytes no_namespace = { NULL, 0 };

static void
set_timer(struct verbs *verbs, struct wr_timers *timers, int64_t number, int64_t timestamp)
{
    weir_key key = rig_number(&verbs->rig, &number);
    assert_ok(wr_timers_register(timers, WEIR_EVENT_TIME, &key, no_namespace, timestamp), NULL);
}

static void
delete_timer(struct verbs *verbs, struct wr_timers *timers, int64_t number, int64_t timestamp)
{
    weir_key key = rig_number(&verbs->rig, &number);
    assert_ok(wr_timers_delete(timers, WEIR_EVENT_TIME, &key, no_namespace, timestamp), NULL);
}

/* Takes one out that must be due; its key. */
static int64_t
pop_timer(struct wr_timers *timers, int64_t up_to, int64_t *out_timestamp)
{
    struct wr_timer timer;
    assert_ok(wr_timers_pop_due(timers, WEIR_EVENT_TIME, up_to, &timer), NULL);
    assert_int_equal(timer.key.size, 8);
    assert_int_equal(timer.namespace_.size, 0);
    *out_timestamp = timer.timestamp;
    return *(const int64_t *)timer.key.data;
}

static void
assert_none_due(struct wr_timers *timers, weir_time_domain domain, int64_t up_to)
{
    struct wr_timer timer;
    assert_int_equal(wr_timers_pop_due(timers, domain, up_to, &timer), WEIR_NOT_FOUND);
}

static void
in_order(struct verbs *verbs)
{
    struct wr_timers *timers = timers_of(verbs, NULL);
    int64_t due = 0;
    assert_int_equal(wr_timers_next_due(timers, WEIR_EVENT_TIME, &due), WEIR_NOT_FOUND);
    for (int64_t i = 0; i < 2000; i++) {
        set_timer(verbs, timers, i % 50, i * 7919 % 2000);
        set_timer(verbs, timers, i % 50, i * 7919 % 2000); /* the same: one */
    }
    assert_int_equal(wr_timers_count(timers, WEIR_EVENT_TIME), 2000);
    assert_int_equal(wr_timers_count(timers, WEIR_PROCESSING_TIME), 0);
    assert_none_due(timers, WEIR_EVENT_TIME, -1);
    for (int64_t i = 0; i < 2000; i++) {
        int64_t timestamp;
        assert_ok(wr_timers_next_due(timers, WEIR_EVENT_TIME, &due), NULL);
        assert_int_equal(due, i);
        if (i > 0) {
            assert_none_due(timers, WEIR_EVENT_TIME, i - 1);
        }
        int64_t key = pop_timer(timers, 5000, &timestamp);
        assert_int_equal(timestamp, i);
        for (int64_t j = 0; j < 2000; j++) {
            if (j * 7919 % 2000 == i) {
                assert_int_equal(key, j % 50);
            }
        }
    }
    assert_none_due(timers, WEIR_EVENT_TIME, INT64_MAX);
    assert_int_equal(weir_state_entry_count(wr_timers_state(timers, WEIR_EVENT_TIME)), 0);
    wr_timers_destroy(timers);
}

TEST(timers_come_due_in_the_order_of_their_timestamps_once_each)
{
    on_three_engines(in_order);
}

static void
extremes(struct verbs *verbs)
{
    struct wr_timers *timers = timers_of(verbs, NULL);
    static const int64_t stamps[] = { INT64_MAX, 0, INT64_MIN, -1, INT64_MAX - 1, INT64_MIN + 1 };
    for (size_t i = 0; i < 6; i++) {
        set_timer(verbs, timers, 1, stamps[i]);
        set_timer(verbs, timers, 2, stamps[i]);
    }
    delete_timer(verbs, timers, 2, INT64_MIN);
    delete_timer(verbs, timers, 2, 17); /* there is none */
    delete_timer(verbs, timers, 9, 0);
    int64_t last = INT64_MIN;
    for (int i = 0; i < 11; i++) {
        int64_t timestamp;
        (void)pop_timer(timers, INT64_MAX, &timestamp);
        assert_true(timestamp >= last);
        last = timestamp;
    }
    assert_int_equal(last, INT64_MAX);
    assert_none_due(timers, WEIR_EVENT_TIME, INT64_MAX);
    wr_timers_destroy(timers);
}

TEST(timers_reach_from_the_beginning_of_time_to_its_end)
{
    on_three_engines(extremes);
}

/* A timer's name in the oracle. */
enum {
    KEYS = 12,
    STAMPS = 400
};

/* Random steps against a table of what is set; `rounds` of them between two restores. */
static void
random_steps(struct verbs *verbs)
{
    static bool is_set[KEYS][STAMPS];
    static size_t count;
    struct wr_rng rng;
    wr_rng_init(&rng, 77);
    memset(is_set, 0, sizeof is_set);
    count = 0;
    struct wr_timers *timers = timers_of(verbs, NULL);
    for (int step = 0; step < 60000; step++) {
        size_t key = (size_t)wr_rng_below(&rng, KEYS);
        size_t stamp = (size_t)wr_rng_below(&rng, STAMPS);
        uint64_t choice = wr_rng_below(&rng, 100);
        /* it fills for a while, then it empties */
        if (choice < ((step / 5000) % 2 == 0 ? 70u : 25u)) {
            set_timer(verbs, timers, (int64_t)key, (int64_t)stamp);
            count += !is_set[key][stamp];
            is_set[key][stamp] = true;
        } else if (choice < 85) {
            delete_timer(verbs, timers, (int64_t)key, (int64_t)stamp);
            count -= is_set[key][stamp];
            is_set[key][stamp] = false;
        } else if (count != 0) {
            int64_t timestamp;
            int64_t popped = pop_timer(timers, INT64_MAX, &timestamp);
            assert_true(is_set[popped][timestamp]);
            for (size_t k = 0; k < KEYS; k++) {
                for (size_t s = 0; s < (size_t)timestamp; s++) {
                    assert_false(is_set[k][s]);
                }
            }
            is_set[popped][timestamp] = false;
            count--;
        } else {
            assert_none_due(timers, WEIR_EVENT_TIME, INT64_MAX);
        }
        if (step % 10000 == 9999) {
            wr_timers_destroy(timers);
            verbs_restore(verbs);
            timers = timers_of(verbs, NULL);
        }
    }
    assert_int_equal(weir_state_entry_count(wr_timers_state(timers, WEIR_EVENT_TIME)), count);
    wr_timers_destroy(timers);
}

TEST(timers_agree_with_a_table_over_random_steps_and_restores)
{
    on_three_engines(random_steps);
    assert_true(firsts_asked > 40);
}

static void
with_namespaces(struct verbs *verbs)
{
    struct wr_timers *timers = timers_of(verbs, weir_type_of_kind(WEIR_STRING));
    int64_t number = 4;
    weir_key key = rig_number(&verbs->rig, &number);
    static const char *const names[] = { "", "a", "a somewhat longer namespace than the others" };
    for (size_t i = 0; i < 3; i++) {
        weir_bytes name = weir_bytes_of_text(names[i]);
        assert_ok(wr_timers_register(timers, WEIR_PROCESSING_TIME, &key, name, 50), NULL);
        assert_ok(wr_timers_register(timers, WEIR_PROCESSING_TIME, &key, name, 60), NULL);
        assert_ok(wr_timers_register(timers, WEIR_PROCESSING_TIME, &key, name, 60), NULL);
        assert_ok(wr_timers_delete(timers, WEIR_PROCESSING_TIME, &key, name, 50), NULL);
    }
    assert_int_equal(
        wr_timers_register(timers, WEIR_EVENT_TIME, &key, weir_bytes_of("\xff\xfe", 2), 50),
        WEIR_INVALID); /* no string */
    assert_int_equal(wr_timers_register(timers, WEIR_EVENT_TIME, NULL, no_namespace, 50),
                     WEIR_INVALID);
    key.key_group = 1000;
    assert_int_equal(wr_timers_register(timers, WEIR_EVENT_TIME, &key, no_namespace, 50),
                     WEIR_INVALID);
    wr_timers_destroy(timers);
    verbs_restore(verbs);
    timers = timers_of(verbs, weir_type_of_kind(WEIR_STRING));
    size_t met[3] = { 0 };
    for (size_t i = 0; i < 3; i++) {
        struct wr_timer timer;
        assert_ok(wr_timers_pop_due(timers, WEIR_PROCESSING_TIME, 60, &timer), NULL);
        assert_int_equal(timer.timestamp, 60);
        assert_int_equal(*(const int64_t *)timer.key.data, 4);
        assert_int_equal(timer.key.hash, rig_number(&verbs->rig, &number).hash);
        for (size_t j = 0; j < 3; j++) {
            met[j] += timer.namespace_.size == strlen(names[j]) &&
                      memcmp(timer.namespace_.data, names[j], strlen(names[j])) == 0;
        }
    }
    for (size_t j = 0; j < 3; j++) {
        assert_int_equal(met[j], 1);
    }
    assert_none_due(timers, WEIR_PROCESSING_TIME, INT64_MAX);
    wr_timers_destroy(timers);
    struct wr_timers *wrong = NULL;
    assert_int_equal(
        wr_timers_create(verbs->backend, "user-timers", NULL, &wrong, &verbs->rig.error),
        WEIR_VERSION);
}

TEST(timers_of_one_key_and_timestamp_differ_by_their_namespace)
{
    on_engines(with_namespaces); /* ordered_first reads void ones only */
}

static void
again_while_due(struct verbs *verbs)
{
    struct wr_timers *timers = timers_of(verbs, NULL);
    int64_t timestamp;
    set_timer(verbs, timers, 3, 10);
    assert_int_equal(pop_timer(timers, 10, &timestamp), 3);
    set_timer(verbs, timers, 3, 10); /* by its own callback: it is gone, so this is a new one */
    assert_int_equal(wr_timers_count(timers, WEIR_EVENT_TIME), 1);
    assert_int_equal(pop_timer(timers, 10, &timestamp), 3);
    set_timer(verbs, timers, 4, 20);
    delete_timer(verbs, timers, 4, 20);
    set_timer(verbs, timers, 4, 20);
    assert_int_equal(pop_timer(timers, 20, &timestamp), 4);
    assert_none_due(timers, WEIR_EVENT_TIME, INT64_MAX);
    wr_timers_destroy(timers);
}

TEST(a_timer_may_be_set_again_by_its_own_callback)
{
    on_three_engines(again_while_due);
}

/* Ten thousand times a timer is set and deleted: what is in memory does not grow. */
static void
set_and_deleted(struct verbs *verbs)
{
    struct wr_timers *timers = timers_of(verbs, NULL);
    size_t most_bytes = 0;
    for (int64_t i = 0; i < 20000; i++) {
        set_timer(verbs, timers, i % 10, 1000000 + i);
        if (i >= 10) {
            delete_timer(verbs, timers, i % 10, 1000000 + i - 10);
        }
        if (i == 5000) {
            most_bytes = verbs->fault.live_bytes;
        }
    }
    assert_int_equal(wr_timers_count(timers, WEIR_EVENT_TIME), 10);
    assert_true(verbs->fault.live_bytes <= most_bytes);
    wr_timers_destroy(timers);
}

TEST(timers_that_are_deleted_leave_nothing_behind)
{
    on_three_engines(set_and_deleted);
}

/* Sets, deletes and pops with the n-th request for memory refused. */
static bool
with_refusal(const weir_backend_factory *engine, uint64_t n)
{
    struct verbs verbs;
    verbs_open(&verbs, engine);
    verbs.fault.fail_at = verbs.fault.requests + n;
    struct wr_timers *timers = NULL;
    weir_status status =
        wr_timers_create(verbs.backend, "user-timers", NULL, &timers, &verbs.rig.error);
    if (status != WEIR_OK) {
        assert_int_equal(status, WEIR_NOMEM);
        timers = timers_of(&verbs, NULL);
    }
    int64_t number = 0;
    for (int64_t i = 0; i < 40; i++) {
        weir_key key = rig_number(&verbs.rig, &number);
        status = wr_timers_register(timers, WEIR_EVENT_TIME, &key, no_namespace, 100 - i);
        if (status != WEIR_OK) {
            assert_int_equal(status, WEIR_NOMEM);
            assert_int_equal(wr_timers_count(timers, WEIR_EVENT_TIME), i);
            assert_ok(wr_timers_register(timers, WEIR_EVENT_TIME, &key, no_namespace, 100 - i),
                      NULL);
        }
    }
    for (int64_t i = 0; i < 40; i++) {
        struct wr_timer timer;
        status = wr_timers_pop_due(timers, WEIR_EVENT_TIME, INT64_MAX, &timer);
        if (status != WEIR_OK) {
            assert_int_equal(status, WEIR_NOMEM);
            assert_ok(wr_timers_pop_due(timers, WEIR_EVENT_TIME, INT64_MAX, &timer), NULL);
        }
        assert_int_equal(timer.timestamp, 61 + i);
    }
    assert_none_due(timers, WEIR_EVENT_TIME, INT64_MAX);
    verbs.fault.fail_at = 0;
    bool was_refused = verbs.fault.refused != 0;
    wr_timers_destroy(timers);
    verbs_close(&verbs);
    return was_refused;
}

TEST(a_refused_allocation_leaves_timers_as_they_were)
{
    with_every_refusal_on_engines(with_refusal, 5);
    with_every_refusal(with_refusal, &ordered_factory, 5);
}
