/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs in a hurry, and what a hurry leaves that came to nothing: one channel of one batch, told
 * as what its consumer gets of it.
 */
#include "support/common_alloc_fault.h"
#include "support/test.h"

#include "base/memory.h"
#include "runtime/output.h"

#include <stdio.h>
#include <string.h>

enum {
    BATCH = 2,
    EVENTS_FOR_TIME = 8,
    NOW = 1
};

struct bench {
    struct alloc_fault fault;
    weir_alloc alloc;
    struct wr_parker parker;
    struct wr_channel *channel;
    struct wr_task_output edge;
    struct wr_failure failure;
    weir_context context;
    struct wr_outputs *outputs;
    struct weir_batch *batch; /* what is given */
    char got[256];
};

static void
bench_open(struct bench *bench, uint64_t overflow_max)
{
    memset(bench, 0, sizeof *bench);
    alloc_fault_init(&bench->fault, 0, false);
    bench->alloc = alloc_fault_alloc(&bench->fault);
    wr_parker_init(&bench->parker, wr_os_posix());
    struct wr_channel_parameters channel = { .alloc = bench->alloc,
                                             .batches_max = 1,
                                             .batch_count = BATCH,
                                             .producer_parker = &bench->parker,
                                             .consumer_parker = &bench->parker };
    assert_ok(wr_channel_create(&channel, &bench->channel), NULL);
    bench->edge = (struct wr_task_output){ .edge = WR_EDGE_REBALANCE,
                                           .channels = &bench->channel,
                                           .channel_count = 1 };
    bench->context.failure = &bench->failure;
    struct wr_outputs_parameters parameters = { .alloc = bench->alloc,
                                                .network_alloc = bench->alloc,
                                                .edges = &bench->edge,
                                                .edge_count = 1,
                                                .overflow_max = overflow_max,
                                                .context = &bench->context };
    assert_ok(wr_outputs_create(&parameters, &bench->outputs), NULL);
    assert_ok(wr_batch_create(&bench->alloc, 16, 512, &bench->batch), NULL);
}

static void
bench_close(struct bench *bench)
{
    assert_false(bench->failure.failed);
    wr_outputs_destroy(bench->outputs);
    wr_channel_destroy(bench->channel);
    wr_batch_destroy(&bench->alloc, bench->batch);
    assert_int_equal(0, alloc_fault_leaks(&bench->fault, stderr));
}

/* Records from `first` on; mark: a watermark behind them, 0: none. True: all of it went. */
static bool
give(struct bench *bench, uint64_t first, uint64_t count, int64_t mark)
{
    wr_batch_clear(bench->batch);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = first + i;
        memcpy(wr_batch_append(&bench->alloc, bench->batch, 8), &number, 8);
    }
    if (mark != 0) {
        assert_ok(wr_batch_mark(&bench->alloc, bench->batch, wr_time_of(mark, WR_TIME_SAME)), NULL);
    }
    bool moved = false;
    assert_ok(wr_outputs_give(bench->outputs, bench->batch), NULL);
    return wr_outputs_distribute(bench->outputs, NOW, &moved) != NULL;
}

/* The batch in hand goes on. */
static bool
go_on(struct bench *bench)
{
    bool moved = false;
    return wr_outputs_distribute(bench->outputs, NOW, &moved) != NULL;
}

static bool
send_barrier(struct bench *bench, uint64_t id)
{
    if (!wr_outputs_can_send(bench->outputs)) {
        return false;
    }
    wr_outputs_send(bench->outputs, WR_BATCH_BARRIER, id, WR_CHECKPOINT_PERIODIC);
    return true;
}

/* All that is in the ring: "1 2 W5 B7". */
static const char *
receive(struct bench *bench)
{
    size_t at = 0;
    bench->got[0] = '\0';
    struct weir_batch *batch;
    while ((batch = wr_channel_receive(bench->channel)) != NULL) {
        size_t room = sizeof bench->got;
        for (uint32_t i = 0; i < batch->count; i++) {
            uint64_t number = 0;
            memcpy(&number, weir_batch_record(batch, i), 8);
            at += (size_t)snprintf(bench->got + at, room - at, "%s%llu", at == 0 ? "" : " ",
                                   (unsigned long long)number);
        }
        if (batch->kind == WR_BATCH_TIME) {
            at += (size_t)snprintf(bench->got + at, room - at, " W%lld",
                                   (long long)batch->time.watermark);
        } else if (batch->kind == WR_BATCH_BARRIER) {
            at += (size_t)snprintf(bench->got + at, room - at, " B%llu",
                                   (unsigned long long)batch->checkpoint_id);
        }
        wr_channel_give_back(bench->channel, batch);
    }
    return bench->got;
}

TEST(in_a_hurry_all_goes_out_ahead_of_the_barrier_in_its_order)
{
    struct bench bench;
    bench_open(&bench, 1 << 20);
    assert_false(give(&bench, 1, 7, 5)); /* the ring holds two */
    wr_outputs_set_hurry(bench.outputs, true);
    assert_true(go_on(&bench));
    assert_true(send_barrier(&bench, 7));
    assert_string_equal("1 2 3 4 5 6 7 W5 B7", receive(&bench));
    assert_true(give(&bench, 8, 2, 6)); /* as before */
    assert_string_equal("8 9 W6", receive(&bench));
    bench_close(&bench);
}

TEST(marks_that_find_no_slot_go_beyond_too)
{
    struct bench bench;
    bench_open(&bench, 1 << 20);
    for (int64_t mark = 1; mark <= EVENTS_FOR_TIME; mark++) {
        assert_true(give(&bench, 0, 0, mark));
    }
    assert_false(give(&bench, 0, 0, 9));
    wr_outputs_set_hurry(bench.outputs, true);
    assert_true(go_on(&bench));
    assert_true(give(&bench, 1, 1, 10));
    assert_true(send_barrier(&bench, 7));
    assert_string_equal(" W1 W2 W3 W4 W5 W6 W7 W8 W9 1 W10 B7", receive(&bench));
    bench_close(&bench);
}

/* The checkpoint was aborted: nobody sends a barrier. */
TEST(what_a_hurry_leaves_holds_nothing_back_once_it_is_over)
{
    struct bench bench;
    bench_open(&bench, 1 << 20);
    assert_false(give(&bench, 1, 5, 0));
    wr_outputs_set_hurry(bench.outputs, true);
    assert_true(go_on(&bench));
    wr_outputs_set_hurry(bench.outputs, false);
    assert_true(give(&bench, 0, 0, 5)); /* behind what waits, which goes first */
    assert_string_equal("1 2 3 4 5 W5", receive(&bench));
    assert_true(give(&bench, 6, 1, 6));
    assert_string_equal("6 W6", receive(&bench));
    bench_close(&bench);
}

TEST(a_mark_alone_leaves_nothing_behind_in_a_hurry)
{
    struct bench bench;
    bench_open(&bench, 1 << 20);
    assert_true(give(&bench, 1, 2, 0)); /* the channel's only batch */
    wr_outputs_set_hurry(bench.outputs, true);
    assert_true(give(&bench, 0, 0, 5));
    wr_outputs_set_hurry(bench.outputs, false);
    assert_true(give(&bench, 0, 0, 6));
    assert_true(send_barrier(&bench, 7));
    assert_string_equal("1 2 W5 W6 B7", receive(&bench));
    bench_close(&bench);
}

TEST(at_the_limit_of_what_may_go_beyond_the_rest_waits_for_room)
{
    struct bench bench;
    bench_open(&bench, 4096); /* one batch of a page */
    assert_false(give(&bench, 1, 7, 0));
    wr_outputs_set_hurry(bench.outputs, true);
    assert_false(go_on(&bench));
    wr_outputs_flush(bench.outputs); /* as an idle task does: nobody waits for ever */
    assert_string_equal("1 2 3 4", receive(&bench));
    assert_false(go_on(&bench)); /* 5 and 6 into the channel's own */
    wr_outputs_flush(bench.outputs);
    assert_string_equal("5 6", receive(&bench));
    assert_true(go_on(&bench));
    assert_true(send_barrier(&bench, 7));
    assert_string_equal("7 B7", receive(&bench));
    bench_close(&bench);
}

TEST(without_memory_for_more_the_rest_waits_and_what_is_left_is_freed)
{
    struct bench bench;
    bench_open(&bench, 1 << 20);
    assert_false(give(&bench, 1, 7, 0));
    wr_outputs_set_hurry(bench.outputs, true);
    bench.fault.fail_at = bench.fault.requests + 3; /* a batch is two: the second one is refused */
    assert_false(go_on(&bench));
    assert_int_equal(1, bench.fault.refused);
    bench_close(&bench); /* with one that was never sent */
}
