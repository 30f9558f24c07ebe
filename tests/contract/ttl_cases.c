/* SPDX-License-Identifier: Apache-2.0 */
/* State that expires. Time is what the case says it is. */
#include "contract/contract.h"

#include <string.h>

enum {
    TTL_MS = 100
};

static const weir_ttl plain_ttl = { .size = sizeof plain_ttl,
                                    .ttl_ms = TTL_MS,
                                    .no_background_cleanup = true };

static weir_ttl
ttl_of(weir_ttl_update update, weir_ttl_visibility visibility)
{
    weir_ttl ttl = plain_ttl;
    ttl.update = update;
    ttl.visibility = visibility;
    return ttl;
}

static weir_state *
make_expiring(struct contract *c, weir_state_kind kind, const weir_ttl *ttl)
{
    static weir_aggregate_function average;
    average = average_function;
    average.input_type = average.result_type = i64_type();
    weir_state_descriptor descriptor =
        describe(kind, "expiring", kind == WEIR_STATE_AGGREGATING ? average_type() : i64_type());
    descriptor.map_key_type = kind == WEIR_STATE_MAP ? i64_type() : NULL;
    descriptor.reduce = kind == WEIR_STATE_REDUCING ? &sum_function : NULL;
    descriptor.aggregate = kind == WEIR_STATE_AGGREGATING ? &average : NULL;
    descriptor.ttl = ttl;
    descriptor.has_timestamps = ttl != NULL;
    return make(c, &descriptor);
}

/* A write to the state of the key, of whatever kind it is. */
static void
write_some(struct contract *c, weir_state *state, weir_state_kind kind, int64_t key, int64_t value)
{
    bind(c, state, key);
    switch (kind) {
    case WEIR_STATE_VALUE:
        OK(weir_value_put(state, number(value)));
        break;
    case WEIR_STATE_LIST:
        OK(weir_list_add(state, number(value)));
        break;
    case WEIR_STATE_MAP:
        OK(weir_map_put(state, number(1), number(value)));
        break;
    case WEIR_STATE_REDUCING:
        OK(weir_reducing_add(state, number(value)));
        break;
    case WEIR_STATE_AGGREGATING:
        OK(weir_aggregating_add(state, number(value)));
        break;
    case WEIR_STATE_TIMERS:
    case WEIR_STATE_BROADCAST:
    default:
        fail();
    }
}

/* Whether a read of the key gives something. */
static bool
is_there(struct contract *c, weir_state *state, weir_state_kind kind, int64_t key)
{
    weir_bytes value;
    weir_cursor cursor = { { 0 } };
    bind(c, state, key);
    weir_status status = WEIR_INVALID;
    switch (kind) {
    case WEIR_STATE_VALUE:
        status = weir_value_get(state, &value);
        break;
    case WEIR_STATE_LIST:
        status = weir_list_next(state, &cursor, &value);
        while (status == WEIR_OK && weir_list_next(state, &cursor, &value) == WEIR_OK) {
        }
        break;
    case WEIR_STATE_MAP:
        status = weir_map_get(state, number(1), &value);
        break;
    case WEIR_STATE_REDUCING:
        status = weir_reducing_get(state, &value);
        break;
    case WEIR_STATE_AGGREGATING:
        status = weir_aggregating_get(state, &value);
        break;
    case WEIR_STATE_TIMERS:
    case WEIR_STATE_BROADCAST:
    default:
        break;
    }
    assert_true(status == WEIR_OK || status == WEIR_NOT_FOUND);
    return status == WEIR_OK;
}

static const weir_state_kind kinds[] = { WEIR_STATE_VALUE, WEIR_STATE_LIST, WEIR_STATE_MAP,
                                         WEIR_STATE_REDUCING, WEIR_STATE_AGGREGATING };
enum {
    KINDS = sizeof kinds / sizeof kinds[0]
};

/* For each kind a backend of its own. */
static void
for_each_kind(struct contract *c, const weir_ttl *ttl,
              void (*run)(struct contract *c, weir_state *state, weir_state_kind kind))
{
    for (size_t i = 0; i < KINDS; i++) {
        engine_task_close(&c->rig, &c->task);
        OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
        set_time(c, 0);
        run(c, make_expiring(c, kinds[i], ttl), kinds[i]);
    }
}

static void
expires_exactly(struct contract *c, weir_state *state, weir_state_kind kind)
{
    assert_false(is_there(c, state, kind, 1));
    write_some(c, state, kind, 1, 5);
    set_time(c, TTL_MS - 1);
    assert_true(is_there(c, state, kind, 1));
    set_time(c, TTL_MS);
    assert_false(is_there(c, state, kind, 1));
    assert_false(is_there(c, state, kind, 2));
}

CASE(ttl_expires_when_written_plus_ttl_is_now)
{
    for_each_kind(c, &plain_ttl, expires_exactly);
}

static void
write_renews(struct contract *c, weir_state *state, weir_state_kind kind)
{
    write_some(c, state, kind, 1, 5);
    set_time(c, 60);
    assert_true(is_there(c, state, kind, 1)); /* reading does not renew */
    write_some(c, state, kind, 1, 6);
    set_time(c, 120);
    assert_true(is_there(c, state, kind, 1));
    set_time(c, 160);
    assert_false(is_there(c, state, kind, 1));
    write_some(c, state, kind, 1, 7);
    assert_true(is_there(c, state, kind, 1));
}

CASE(ttl_on_create_and_write_is_renewed_by_writes)
{
    weir_ttl ttl = ttl_of(WEIR_TTL_ON_CREATE_AND_WRITE, WEIR_TTL_NEVER_RETURN_EXPIRED);
    for_each_kind(c, &ttl, write_renews);
}

static void
read_renews(struct contract *c, weir_state *state, weir_state_kind kind)
{
    write_some(c, state, kind, 1, 5);
    for (int64_t now = 50; now <= 300; now += 50) {
        set_time(c, now);
        assert_true(is_there(c, state, kind, 1));
    }
    set_time(c, 399);
    assert_true(is_there(c, state, kind, 1));
    set_time(c, 499);
    assert_false(is_there(c, state, kind, 1));
}

CASE(ttl_on_read_and_write_is_renewed_by_reads)
{
    weir_ttl ttl = ttl_of(WEIR_TTL_ON_READ_AND_WRITE, WEIR_TTL_NEVER_RETURN_EXPIRED);
    for_each_kind(c, &ttl, read_renews);
}

/* Given once more after its time, and then no more. */
static void
returned_once(struct contract *c, weir_state *state, weir_state_kind kind)
{
    write_some(c, state, kind, 1, 5);
    set_time(c, 250);
    assert_true(is_there(c, state, kind, 1));
    assert_false(is_there(c, state, kind, 1));
    write_some(c, state, kind, 1, 6);
    assert_true(is_there(c, state, kind, 1));
}

CASE(ttl_expired_is_returned_until_cleaned_up)
{
    weir_ttl ttl = ttl_of(WEIR_TTL_ON_CREATE_AND_WRITE, WEIR_TTL_RETURN_EXPIRED_IF_NOT_CLEANED_UP);
    for_each_kind(c, &ttl, returned_once);
}

static void
kept_in_snapshots(struct contract *c, weir_state *state, weir_state_kind kind)
{
    for (int64_t key = 0; key < 50; key++) {
        set_time(c, key);
        write_some(c, state, kind, key, key);
    }
    fail_over(c);
    set_time(c, 0);
    state = make_expiring(c, kind, &plain_ttl);
    for (int64_t key = 0; key < 50; key++) {
        set_time(c, key + 99);
        assert_true(is_there(c, state, kind, key));
        set_time(c, key + 100);
        assert_false(is_there(c, state, kind, key));
    }
}

CASE(ttl_timestamps_survive_a_snapshot)
{
    for_each_kind(c, &plain_ttl, kept_in_snapshots);
}

static void
twice_restored(struct contract *c, weir_state *state, weir_state_kind kind)
{
    write_some(c, state, kind, 1, 5);
    for (int round = 0; round < 3; round++) {
        fail_over(c);
        set_time(c, 10 + round);
        state = make_expiring(c, kind, &plain_ttl);
        assert_true(is_there(c, state, kind, 1));
        write_some(c, state, kind, 2 + round, 1);
    }
    set_time(c, 100);
    assert_false(is_there(c, state, kind, 1));
    assert_true(is_there(c, state, kind, 2));
}

CASE(ttl_state_is_restored_again_and_again)
{
    for_each_kind(c, &plain_ttl, twice_restored);
}

/* Off, on, longer: the same content. */
static void
switched(struct contract *c, weir_state *state, weir_state_kind kind)
{
    weir_ttl longer = plain_ttl;
    longer.ttl_ms = 1000;
    for (int64_t key = 0; key < 80; key++) {
        write_some(c, state, kind, key, key);
    }
    fail_over(c);
    set_time(c, 5000);
    state = make_expiring(c, kind, NULL);
    for (int64_t key = 0; key < 80; key++) {
        assert_true(is_there(c, state, kind, key));
    }
    write_some(c, state, kind, 80, 80);
    fail_over(c);
    set_time(c, 6000); /* all were written now */
    state = make_expiring(c, kind, &plain_ttl);
    set_time(c, 6099);
    for (int64_t key = 0; key <= 80; key++) {
        assert_true(is_there(c, state, kind, key));
    }
    fail_over(c);
    set_time(c, 6999);
    state = make_expiring(c, kind, &longer);
    assert_true(is_there(c, state, kind, 80));
    set_time(c, 7000);
    assert_false(is_there(c, state, kind, 80));
    assert_false(is_there(c, state, kind, 3));
}

CASE(ttl_may_be_switched_off_on_and_changed)
{
    for_each_kind(c, &plain_ttl, switched);
}

CASE(ttl_of_zero_is_refused)
{
    weir_ttl ttl = plain_ttl;
    weir_state *state = NULL;
    ttl.ttl_ms = 0;
    weir_state_descriptor descriptor = describe(WEIR_STATE_VALUE, "expiring", i64_type());
    descriptor.ttl = &ttl;
    descriptor.has_timestamps = true;
    assert_int_equal(weir_backend_create_state(c->task.backend, &descriptor, &state, &c->rig.error),
                     WEIR_INVALID);
    assert_non_null(strstr(c->rig.error.message, "expiring"));
}

CASE(ttl_near_the_end_of_time_does_not_overflow)
{
    weir_ttl ttl = plain_ttl;
    ttl.ttl_ms = UINT64_MAX;
    weir_state *state = make_expiring(c, WEIR_STATE_VALUE, &ttl);
    set_time(c, 1000);
    put(c, state, 1, 5);
    set_time(c, INT64_MAX - 1);
    assert_int_equal(get(c, state, 1, -1), 5);
    weir_ttl short_ttl = plain_ttl;
    engine_task_close(&c->rig, &c->task);
    OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
    state = make_expiring(c, WEIR_STATE_VALUE, &short_ttl);
    set_time(c, INT64_MAX / 2 - 50);
    put(c, state, 1, 5);
    set_time(c, INT64_MAX / 2 + 49);
    assert_int_equal(get(c, state, 1, -1), 5);
    set_time(c, INT64_MAX / 2 + 50);
    assert_int_equal(get(c, state, 1, -1), -1);
}

CASE(ttl_value_in_place_is_made_anew_when_expired)
{
    weir_state *state = make_expiring(c, WEIR_STATE_VALUE, &plain_ttl);
    void *value = NULL;
    bool created = false;
    set_time(c, 0);
    bind(c, state, 1);
    OK(weir_value_upsert(state, &value, &created));
    assert_true(created);
    *(int64_t *)value = 7;
    set_time(c, 90);
    OK(weir_value_upsert(state, &value, &created)); /* a write: renewed */
    assert_false(created);
    assert_int_equal(*(int64_t *)value, 7);
    set_time(c, 189);
    assert_int_equal(get(c, state, 1, -1), 7);
    set_time(c, 190);
    OK(weir_value_upsert(state, &value, &created));
    assert_true(created);
    assert_int_equal(*(int64_t *)value, 0);
}

CASE(ttl_of_folded_state_is_that_of_the_last_add)
{
    weir_state *sums = make_expiring(c, WEIR_STATE_REDUCING, &plain_ttl);
    weir_bytes value;
    set_time(c, 0);
    write_some(c, sums, WEIR_STATE_REDUCING, 1, 5);
    set_time(c, 90);
    write_some(c, sums, WEIR_STATE_REDUCING, 1, 6);
    set_time(c, 180);
    OK(weir_reducing_get(sums, &value));
    assert_int_equal(number_of(value), 11);
    set_time(c, 190);
    write_some(c, sums, WEIR_STATE_REDUCING, 1, 7); /* what was expired is not in it */
    OK(weir_reducing_get(sums, &value));
    assert_int_equal(number_of(value), 7);
}

CASE(ttl_merging_leaves_out_what_is_expired)
{
    weir_state_descriptor descriptor = describe(WEIR_STATE_LIST, "expiring", i64_type());
    descriptor.namespace_type = i64_type();
    descriptor.ttl = &plain_ttl;
    descriptor.has_timestamps = true;
    weir_state *lists = make(c, &descriptor);
    static const int64_t windows[] = { 1, 2, 3 };
    weir_bytes sources[] = { weir_bytes_of(&windows[1], 8), weir_bytes_of(&windows[2], 8) };
    for (int64_t i = 0; i < 3; i++) {
        set_time(c, i * 40);
        in_namespace(c, lists, windows[i]);
        list_add(c, lists, 1, i);
    }
    set_time(c, 110);
    OK(weir_state_merge_namespaces(lists, weir_bytes_of(&windows[0], 8), sources, 2));
    in_namespace(c, lists, 1);
    assert_string_equal(list_of(c, lists), "1,2");
    set_time(c, 140); /* their own times were kept, or all were written by the merge */
    const char *left = list_of(c, lists);
    assert_true(strcmp(left, "2") == 0 || strcmp(left, "1,2") == 0);
}

static weir_status
count_entry(void *argument, const weir_key *key, weir_bytes value)
{
    (void)key;
    ++*(size_t *)argument;
    assert_int_equal(value.size, 8); /* without its timestamp */
    return WEIR_OK;
}

CASE(ttl_iterate_leaves_out_what_is_expired)
{
    weir_state *state = make_expiring(c, WEIR_STATE_VALUE, &plain_ttl);
    size_t count = 0;
    for (int64_t key = 0; key < 100; key++) {
        set_time(c, key);
        put(c, state, key, key);
    }
    OK(weir_state_iterate(state, count_entry, &count));
    assert_int_equal(count, 100);
    set_time(c, 140);
    count = 0;
    OK(weir_state_iterate(state, count_entry, &count));
    assert_int_equal(count, 59);
}

CASE(ttl_batches_are_refused)
{
    weir_state *state = make_expiring(c, WEIR_STATE_VALUE, &plain_ttl);
    bind(c, state, 1);
    weir_key key = *state->current_key;
    void *value = NULL;
    assert_int_equal(weir_state_upsert_many(state, &key, 1, &value), WEIR_INVALID);
}

/* Entries that nobody asks for again go with accesses to others: of engines in memory. */
CASE(ttl_incremental_cleanup_removes_what_nobody_reads)
{
    if (!c->rig.engine->snapshots_in_turns) {
        return; /* those without the entry `expire` keep what is not read, RocksDB compacts */
    }
    for (size_t i = 0; i < KINDS; i++) {
        weir_ttl ttl = { .size = sizeof ttl, .ttl_ms = TTL_MS };
        engine_task_close(&c->rig, &c->task);
        OK(engine_task_open(&c->rig, &c->task, 0, c->rig.max_parallelism - 1));
        set_time(c, 0);
        weir_state *state = make_expiring(c, kinds[i], &ttl);
        for (int64_t key = 0; key < 1000; key++) {
            write_some(c, state, kinds[i], key, key);
        }
        expect_entries(c, state, 1000);
        set_time(c, 100);
        for (int64_t round = 0; round < 2000; round++) {
            write_some(c, state, kinds[i], 5000, 1);
        }
        expect_entries(c, state, 1);
    }
}

CASE(ttl_full_snapshots_leave_out_what_is_expired)
{
    weir_ttl ttl = plain_ttl;
    ttl.cleanup_full_snapshot = true;
    weir_state *state = make_expiring(c, WEIR_STATE_VALUE, &ttl);
    for (int64_t key = 0; key < 500; key++) {
        set_time(c, key % 2 == 0 ? 0 : 90);
        put(c, state, key, key);
    }
    set_time(c, 120);
    struct engine_set *set = snapshot(c);
    restart(c, set);
    engine_set_release(&c->rig, set);
    set_time(c, 0);
    state = make_expiring(c, WEIR_STATE_VALUE, &plain_ttl);
    size_t count = 0;
    OK(weir_state_iterate(state, count_entry, &count));
    if (c->rig.engine->snapshots_in_turns) {
        assert_int_equal(count, 250); /* the others may, and do not */
    }
    for (int64_t key = 1; key < 500; key += 2) {
        assert_int_equal(get(c, state, key, -1), key);
    }
}
