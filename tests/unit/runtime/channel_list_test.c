/* SPDX-License-Identifier: Apache-2.0 */
/* What goes beyond a channel's room in lists, and what its consumer sees before it receives it: on
 * one thread told as scripts, and with two real threads over one ring.
 */
#include "support/common_alloc_fault.h"
#include "support/test.h"

#include "base/memory.h"
#include "runtime/channel.h"

#include <pthread.h>
#include <string.h>

enum {
    LISTS_MAX = 16, /* of channel.c */
    EVENTS_MAX = 16
};

struct bench {
    struct alloc_fault fault;
    struct wr_parker parker;
    struct wr_channel *channel;
};

static void
bench_open(struct bench *bench, uint32_t batches_max)
{
    memset(bench, 0, sizeof *bench);
    alloc_fault_init(&bench->fault, 0, false);
    wr_parker_init(&bench->parker, wr_os_posix());
    struct wr_channel_parameters parameters = { .alloc = alloc_fault_alloc(&bench->fault),
                                                .batches_max = batches_max,
                                                .batch_count = 4,
                                                .producer_parker = &bench->parker,
                                                .consumer_parker = &bench->parker };
    assert_ok(wr_channel_create(&parameters, &bench->channel), NULL);
}

static void
bench_close(struct bench *bench)
{
    wr_channel_destroy(bench->channel);
    assert_int_equal(alloc_fault_leaks(&bench->fault, stderr), 0);
}

static void
fill(struct bench *bench, struct weir_batch *batch, uint64_t number)
{
    weir_alloc alloc = alloc_fault_alloc(&bench->fault);
    assert_non_null(batch);
    memcpy(wr_batch_append(&alloc, batch, 8), &number, 8);
}

static uint64_t
number_of(const struct weir_batch *batch)
{
    uint64_t number = 0;
    assert_non_null(batch);
    assert_int_equal(WR_BATCH_RECORDS, batch->kind);
    memcpy(&number, weir_batch_record(batch, 0), 8);
    return number;
}

static void
publish(struct bench *bench, uint64_t number)
{
    struct weir_batch *batch = wr_channel_take_empty(bench->channel);
    fill(bench, batch, number);
    assert_true(wr_channel_publish(bench->channel, batch));
}

/* `count` overflow batches with numbers from `first` on, as one entry. */
static bool
publish_list(struct bench *bench, uint64_t first, uint64_t count)
{
    struct weir_batch *list = NULL;
    for (uint64_t i = count; i-- > 0;) {
        struct weir_batch *batch = wr_channel_make_overflow(bench->channel, 4096);
        fill(bench, batch, first + i);
        batch->next = list;
        list = batch;
    }
    if (wr_channel_publish_list(bench->channel, list)) {
        return true;
    }
    while (list != NULL) {
        struct weir_batch *next = list->next;
        wr_channel_give_back(bench->channel, list); /* whoever has it may free it */
        list = next;
    }
    return false;
}

static void
expect(struct bench *bench, uint64_t number)
{
    struct weir_batch *batch = wr_channel_receive(bench->channel);
    assert_int_equal(number, number_of(batch));
    wr_channel_give_back(bench->channel, batch);
}

static bool
send_barrier(struct bench *bench, uint64_t id)
{
    return wr_channel_publish_event(bench->channel, WR_BATCH_BARRIER, id, WR_CHECKPOINT_PERIODIC);
}

TEST(a_list_comes_batch_by_batch_between_what_was_published_before_and_behind_it)
{
    struct bench bench;
    bench_open(&bench, 2);
    publish(&bench, 1);
    assert_true(publish_list(&bench, 2, 3));
    publish(&bench, 5);
    assert_null(wr_channel_take_empty(bench.channel));
    for (uint64_t number = 1; number <= 5; number++) {
        expect(&bench, number);
    }
    assert_null(wr_channel_receive(bench.channel));
    assert_non_null(wr_channel_take_empty(bench.channel)); /* of its own two: the others are gone */
    assert_non_null(wr_channel_take_empty(bench.channel));
    assert_null(wr_channel_take_empty(bench.channel));
    bench_close(&bench);
}

TEST(lists_on_their_way_have_a_limit_and_reading_one_makes_room)
{
    struct bench bench;
    bench_open(&bench, 1);
    publish(&bench, 0);
    for (uint64_t i = 0; i < LISTS_MAX; i++) {
        assert_true(wr_channel_has_list_room(bench.channel));
        assert_true(publish_list(&bench, 1 + 2 * i, 2));
    }
    for (uint32_t i = 0; i < EVENTS_MAX; i++) { /* there is a slot for every event all the same */
        assert_true(send_barrier(&bench, i + 1));
    }
    assert_false(wr_channel_has_list_room(bench.channel));
    assert_false(publish_list(&bench, 99, 1));
    expect(&bench, 0);
    assert_false(wr_channel_has_list_room(bench.channel));
    expect(&bench, 1);
    assert_true(publish_list(&bench, 99, 1));
    for (uint64_t i = 2; i <= 2 * LISTS_MAX; i++) {
        expect(&bench, i);
    }
    bench_close(&bench); /* with a list and events in it */
}

TEST(what_nobody_received_is_freed_with_the_channel)
{
    struct bench bench;
    bench_open(&bench, 2);
    assert_true(publish_list(&bench, 1, 3));
    assert_true(publish_list(&bench, 4, 1));
    expect(&bench, 1);
    publish(&bench, 5);
    bench_close(&bench);
}

TEST(a_look_sees_what_is_there_and_goes_on_where_it_stopped)
{
    struct bench bench;
    bench_open(&bench, 3);
    publish(&bench, 1);
    assert_true(publish_list(&bench, 2, 3));
    expect(&bench, 1);
    expect(&bench, 2); /* within the list */
    struct wr_channel_place place = wr_channel_begin(bench.channel);
    assert_int_equal(3, number_of(wr_channel_look(bench.channel, &place)));
    assert_int_equal(4, number_of(wr_channel_look(bench.channel, &place)));
    assert_null(wr_channel_look(bench.channel, &place));
    publish(&bench, 5);
    expect(&bench, 3);
    expect(&bench, 4);
    assert_int_equal(5, number_of(wr_channel_look(bench.channel, &place)));
    assert_null(wr_channel_look(bench.channel, &place));
    expect(&bench, 5); /* looking takes nothing */
    publish(&bench, 6);
    assert_int_equal(6, number_of(wr_channel_look(bench.channel, &place)));
    bench_close(&bench);
}

TEST(a_barrier_is_announced_and_can_be_taken_out_from_behind_records)
{
    struct bench bench;
    bench_open(&bench, 4);
    assert_int_equal(0, wr_channel_announced(bench.channel));
    publish(&bench, 1);
    publish(&bench, 2);
    assert_true(send_barrier(&bench, 7));
    publish(&bench, 3);
    assert_int_equal(7, wr_channel_announced(bench.channel));
    struct wr_channel_place place = wr_channel_begin(bench.channel);
    assert_int_equal(1, number_of(wr_channel_look(bench.channel, &place)));
    assert_int_equal(2, number_of(wr_channel_look(bench.channel, &place)));
    assert_int_equal(WR_BATCH_BARRIER, wr_channel_look(bench.channel, &place)->kind);
    wr_channel_pluck(bench.channel, &place);
    assert_int_equal(3, number_of(wr_channel_look(bench.channel, &place)));
    for (uint64_t number = 1; number <= 3; number++) {
        expect(&bench, number);
    }
    assert_null(wr_channel_receive(bench.channel));
    bench_close(&bench);
}

/* As many barriers as there will ever be pass a consumer that takes nothing. */
TEST(barriers_that_are_taken_out_never_run_out_of_slots)
{
    struct bench bench;
    bench_open(&bench, 2);
    publish(&bench, 1);
    publish(&bench, 2);
    for (uint64_t id = 1; id <= 1000; id++) {
        assert_true(send_barrier(&bench, id));
        struct wr_channel_place place = wr_channel_begin(bench.channel);
        assert_int_equal(1, number_of(wr_channel_look(bench.channel, &place)));
        assert_int_equal(2, number_of(wr_channel_look(bench.channel, &place)));
        const struct weir_batch *event = wr_channel_look(bench.channel, &place);
        assert_non_null(event);
        assert_int_equal(id, event->checkpoint_id);
        wr_channel_pluck(bench.channel, &place);
    }
    expect(&bench, 1);
    expect(&bench, 2);
    bench_close(&bench);
}

TEST(an_overflow_batch_that_is_refused_changes_nothing)
{
    struct bench bench;
    bench_open(&bench, 1);
    publish(&bench, 1);
    bench.fault.fail_at = bench.fault.requests + 1;
    bench.fault.sticky = true;
    assert_null(wr_channel_make_overflow(bench.channel, 4096));
    assert_null(wr_channel_make_overflow(bench.channel, 0));
    expect(&bench, 1);
    assert_null(wr_channel_receive(bench.channel));
    bench_close(&bench);
}

/* --- two threads --- */

enum {
    NUMBERS = 30000
};

static void *
produce(void *argument)
{
    struct wr_channel *channel = argument;
    weir_alloc alloc = wr_memory_system();
    for (uint64_t number = 1; number <= NUMBERS;) {
        struct weir_batch *batch = wr_channel_take_empty(channel);
        bool is_list = batch == NULL && wr_channel_has_list_room(channel) && number % 7 == 0;
        if (is_list) {
            batch = wr_channel_make_overflow(channel, 4096);
        }
        if (batch != NULL) {
            memcpy(wr_batch_append(&alloc, batch, 8), &number, 8);
            (void)(is_list ? wr_channel_publish_list(channel, batch)
                           : wr_channel_publish(channel, batch));
            number++;
        }
        if (number % 13 == 0) {
            (void)wr_channel_publish_event(channel, WR_BATCH_BARRIER, number,
                                           WR_CHECKPOINT_PERIODIC);
        }
    }
    return NULL;
}

/* Looks ahead, takes barriers out, receives: every number once, in order, by both ways. */
TEST(two_threads_may_look_take_out_and_receive_while_lists_come)
{
    struct wr_parker parker;
    wr_parker_init(&parker, wr_os_posix());
    struct wr_channel_parameters parameters = { .alloc = wr_memory_system(),
                                                .batches_max = 4,
                                                .batch_count = 1,
                                                .producer_parker = &parker,
                                                .consumer_parker = &parker };
    struct wr_channel *channel = NULL;
    assert_ok(wr_channel_create(&parameters, &channel), NULL);
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, produce, channel));
    uint64_t seen = 0;
    uint64_t received = 0;
    struct wr_channel_place place = wr_channel_begin(channel);
    while (received < NUMBERS) {
        const struct weir_batch *next;
        while ((next = wr_channel_look(channel, &place)) != NULL) {
            if (next->kind == WR_BATCH_BARRIER) {
                wr_channel_pluck(channel, &place);
            } else {
                assert_int_equal(++seen, number_of(next));
            }
        }
        struct weir_batch *batch = received < seen ? wr_channel_receive(channel) : NULL;
        if (batch != NULL) {
            assert_int_equal(++received, number_of(batch));
            wr_channel_give_back(channel, batch);
        }
    }
    assert_int_equal(0, pthread_join(thread, NULL));
    wr_channel_destroy(channel);
}
