/* SPDX-License-Identifier: Apache-2.0 */
/* Batches and channels: layout, limits, backpressure, and two real threads over one ring. */
#include "support/common_alloc_fault.h"
#include "support/test.h"

#include "base/memory.h"
#include "runtime/channel.h"

#include <string.h>

struct bench {
    struct alloc_fault fault;
    struct wr_parker producer;
    struct wr_parker consumer;
    struct wr_channel *channel;
};

static void
bench_open(struct bench *bench, uint32_t batches_max, uint32_t batch_count)
{
    memset(bench, 0, sizeof *bench);
    alloc_fault_init(&bench->fault, 0, false);
    wr_parker_init(&bench->producer, wr_os_posix());
    wr_parker_init(&bench->consumer, wr_os_posix());
    struct wr_channel_parameters parameters = { .alloc = alloc_fault_alloc(&bench->fault),
                                                .batches_max = batches_max,
                                                .batch_count = batch_count,
                                                .producer_parker = &bench->producer,
                                                .consumer_parker = &bench->consumer };
    assert_ok(wr_channel_create(&parameters, &bench->channel), NULL);
}

static void
bench_close(struct bench *bench)
{
    wr_channel_destroy(bench->channel);
    assert_int_equal(alloc_fault_leaks(&bench->fault, stderr), 0);
}

TEST(a_batch_keeps_records_aligned_with_zeroed_tails)
{
    weir_alloc alloc = wr_memory_system();
    struct weir_batch *batch = NULL;
    assert_ok(wr_batch_create(&alloc, 4, 64, &batch), NULL);
    memset(batch->data, 0xff, 64);
    for (size_t size = 1; size <= 3; size++) {
        uint8_t *record = wr_batch_append(&alloc, batch, size * 5);
        assert_non_null(record);
        assert_int_equal((uintptr_t)record % 8, 0);
        memset(record, 0xee, size * 5);
    }
    assert_int_equal(weir_batch_count(batch), 3);
    assert_int_equal(weir_batch_record_size(batch, 0), 8);
    assert_int_equal(weir_batch_record_size(batch, 1), 16);
    assert_int_equal(((const uint8_t *)weir_batch_record(batch, 0))[5], 0);
    assert_int_equal(((const uint8_t *)weir_batch_record(batch, 1))[9], 0xee);
    assert_int_equal(((const uint8_t *)weir_batch_record(batch, 1))[10], 0);
    assert_null(weir_batch_record(batch, 3));
    wr_batch_destroy(&alloc, batch);
}

TEST(a_batch_is_full_by_count_by_bytes_and_grows_only_when_empty)
{
    weir_alloc alloc = wr_memory_system();
    struct weir_batch *batch = NULL;
    assert_ok(wr_batch_create(&alloc, 2, 64, &batch), NULL);
    assert_non_null(wr_batch_append(&alloc, batch, 32));
    assert_null(wr_batch_append(&alloc, batch, 33)); /* 40 do not fit into 32 */
    assert_non_null(wr_batch_append(&alloc, batch, 32));
    assert_null(wr_batch_append(&alloc, batch, 1)); /* count */
    wr_batch_clear(batch);
    assert_non_null(wr_batch_append(&alloc, batch, 1 << 21));
    assert_int_equal(batch->capacity, 1 << 21);
    wr_batch_clear(batch);
    wr_batch_shrink(&alloc, batch, 64);
    assert_int_equal(batch->capacity, 64);
    wr_batch_destroy(&alloc, batch);
}

TEST(a_channel_of_one_batch_works_and_makes_backpressure)
{
    struct bench bench;
    bench_open(&bench, 1, 4);
    for (int round = 0; round < 1000; round++) {
        struct weir_batch *batch = wr_channel_take_empty(bench.channel);
        assert_non_null(batch);
        assert_null(wr_channel_take_empty(bench.channel));
        assert_true(wr_channel_publish(bench.channel, batch));
        assert_ptr_equal(wr_channel_receive(bench.channel), batch);
        assert_null(wr_channel_receive(bench.channel));
        wr_channel_give_back(bench.channel, batch);
    }
    bench_close(&bench);
}

TEST(events_need_no_batch_and_are_bounded_until_they_are_read)
{
    struct bench bench;
    bench_open(&bench, 1, 4);
    struct weir_batch *batch = wr_channel_take_empty(bench.channel);
    assert_true(wr_channel_publish(bench.channel, batch));
    uint64_t sent = 0;
    while (wr_channel_publish_event(bench.channel, WR_BATCH_BARRIER, sent + 1,
                                    WR_CHECKPOINT_PERIODIC)) {
        sent++;
    }
    assert_int_equal(sent, 16);
    assert_false(wr_channel_has_event_room(bench.channel));
    assert_ptr_equal(wr_channel_receive(bench.channel), batch);
    struct weir_batch *event = wr_channel_receive(bench.channel);
    assert_int_equal(event->kind, WR_BATCH_BARRIER);
    assert_int_equal(event->checkpoint_id, 1);
    wr_channel_give_back(bench.channel, event);
    assert_true(wr_channel_publish_event(bench.channel, WR_BATCH_END, 0, WR_CHECKPOINT_PERIODIC));
    bench_close(&bench);
}

TEST(watermarks_leave_room_for_barriers)
{
    struct bench bench;
    bench_open(&bench, 1, 4);
    int64_t told = 0;
    while (wr_channel_publish_time(bench.channel, wr_time_of(told + 1, WR_TIME_SAME))) {
        told++;
    }
    assert_int_equal(told, 8);
    assert_true(wr_channel_has_event_room(bench.channel));
    assert_true(
        wr_channel_publish_event(bench.channel, WR_BATCH_BARRIER, 1, WR_CHECKPOINT_PERIODIC));
    struct weir_batch *event = wr_channel_receive(bench.channel);
    assert_int_equal(event->kind, WR_BATCH_TIME);
    assert_int_equal(event->time.watermark, 1);
    wr_channel_give_back(bench.channel, event);
    assert_false(wr_channel_has_time_room(bench.channel)); /* the barrier has one more */
    wr_channel_give_back(bench.channel, wr_channel_receive(bench.channel));
    assert_true(wr_channel_has_time_room(bench.channel));
    bench_close(&bench);
}

TEST(a_channel_without_memory_says_that_it_is_starved)
{
    struct bench bench;
    bench_open(&bench, 4, 4);
    bench.fault.fail_at = bench.fault.requests + 1;
    bench.fault.sticky = true;
    assert_null(wr_channel_take_empty(bench.channel));
    assert_true(wr_channel_is_starved(bench.channel));
    bench.fault.fail_at = 0;
    assert_non_null(wr_channel_take_empty(bench.channel));
    assert_false(wr_channel_is_starved(bench.channel));
    bench.fault.fail_at = bench.fault.requests + 1;
    assert_null(wr_channel_take_empty(bench.channel)); /* backpressure: one is on its way */
    assert_false(wr_channel_is_starved(bench.channel));
    bench_close(&bench);
}

TEST(a_giant_record_gives_its_memory_back)
{
    struct bench bench;
    bench_open(&bench, 2, 4);
    weir_alloc alloc = alloc_fault_alloc(&bench.fault);
    struct weir_batch *batch = wr_channel_take_empty(bench.channel);
    assert_non_null(wr_batch_append(&alloc, batch, 3 << 20));
    assert_true(wr_channel_publish(bench.channel, batch));
    wr_channel_give_back(bench.channel, wr_channel_receive(bench.channel));
    assert_true(bench.fault.live_bytes < 1 << 20);
    bench_close(&bench);
}

enum {
    NUMBERS = 300000
};

static void
consume(void *argument)
{
    struct bench *bench = argument;
    uint64_t expected = 0;
    while (expected < NUMBERS) {
        uint32_t ticket = wr_parker_prepare(&bench->consumer);
        struct weir_batch *batch = wr_channel_receive(bench->channel);
        if (batch == NULL) {
            wr_parker_sleep(&bench->consumer, ticket, 1000000000);
            continue;
        }
        wr_parker_cancel(&bench->consumer);
        if (batch->kind == WR_BATCH_BARRIER) {
            if (batch->checkpoint_id != expected) {
                return;
            }
        }
        for (size_t i = 0; i < weir_batch_count(batch); i++) {
            uint64_t number = 0;
            memcpy(&number, weir_batch_record(batch, i), sizeof number);
            if (number != expected++) {
                return; /* the test sees a count that is short */
            }
        }
        wr_channel_give_back(bench->channel, batch);
    }
    bench->fault.fail_at = UINT64_MAX; /* reached the end */
}

static void
produce(struct bench *bench)
{
    weir_alloc alloc = alloc_fault_alloc(&bench->fault);
    uint64_t next = 0;
    while (next < NUMBERS) {
        uint32_t ticket = wr_parker_prepare(&bench->producer);
        struct weir_batch *batch = wr_channel_take_empty(bench->channel);
        if (batch == NULL) {
            wr_parker_sleep(&bench->producer, ticket, 1000000000);
            continue;
        }
        wr_parker_cancel(&bench->producer);
        uint64_t count = 1 + next % 7;
        for (uint64_t i = 0; i < count && next < NUMBERS; i++, next++) {
            uint8_t *record = wr_batch_append(&alloc, batch, 8);
            memcpy(record, &next, 8);
        }
        assert_true(wr_channel_publish(bench->channel, batch));
        if (next % 64 < 7) {
            (void)wr_channel_publish_event(bench->channel, WR_BATCH_BARRIER, next,
                                           WR_CHECKPOINT_PERIODIC);
        }
    }
}

static void
two_threads(uint32_t batches_max)
{
    struct bench bench;
    bench_open(&bench, batches_max, 8);
    struct wr_os *os = wr_os_posix();
    struct wr_os_thread *thread = NULL;
    assert_int_equal(os->ops->thread_start(os, "consumer", consume, &bench, &thread), 0);
    produce(&bench);
    os->ops->thread_join(os, thread);
    assert_true(bench.fault.fail_at == UINT64_MAX);
    bench_close(&bench);
}

TEST(two_threads_pass_every_record_in_order_over_one_batch)
{
    two_threads(1);
}

TEST(two_threads_pass_every_record_in_order_over_five_batches)
{
    two_threads(5);
}
