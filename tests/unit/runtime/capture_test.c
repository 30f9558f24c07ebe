/* SPDX-License-Identifier: Apache-2.0 */
/* What a gate captures of the rings when a barrier overtakes, told as scripts.
 *
 * a1 is a batch of record 1 on channel "a", aB7 a barrier of checkpoint 7, aC7 a cancel, aE the
 * end, aW5 a watermark. What leaves the gate is written in the same form without the channel.
 */
#include "support/test.h"

#include "base/memory.h"
#include "runtime/gate.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHANNELS = 3,
    ELEMENTS_A_BATCH = 2
};

struct bench {
    weir_alloc alloc;
    struct wr_parker parker;
    struct wr_channel *channels[CHANNELS];
    struct wr_gate *gate;
    struct wr_task_operator plan;
    struct wr_in_flight_log log;
    char left[256];
};

static void
bench_open(struct bench *bench, bool exactly_once)
{
    memset(bench, 0, sizeof *bench);
    bench->alloc = wr_memory_system();
    wr_parker_init(&bench->parker, wr_os_posix());
    struct wr_channel_parameters parameters = { .alloc = bench->alloc,
                                                .batches_max = 8,
                                                .batch_count = 4,
                                                .producer_parker = &bench->parker,
                                                .consumer_parker = &bench->parker };
    for (size_t i = 0; i < CHANNELS; i++) {
        assert_ok(wr_channel_create(&parameters, &bench->channels[i]), NULL);
    }
    assert_ok(wr_gate_create(&bench->alloc, bench->channels, CHANNELS, exactly_once, &bench->gate),
              NULL);
    bench->plan =
        (struct wr_task_operator){ .name = "map", .input_type = weir_type_of_kind(WEIR_I64) };
    struct wr_in_flight_target target = { .plan = &bench->plan, .parallelism = 1 };
    assert_ok(wr_in_flight_log_init(&bench->log, &bench->alloc, &target), NULL);
}

static void
bench_close(struct bench *bench)
{
    wr_gate_destroy(bench->gate);
    for (size_t i = 0; i < CHANNELS; i++) {
        wr_channel_destroy(bench->channels[i]);
    }
    wr_in_flight_log_fini(&bench->log);
}

static void
send_one(struct bench *bench, const char *word)
{
    struct wr_channel *channel = bench->channels[word[0] - 'a'];
    uint64_t number = strtoull(word + (word[1] >= 'A' ? 2 : 1), NULL, 10);
    enum wr_batch_kind kind = word[1] == 'B'   ? WR_BATCH_BARRIER
                              : word[1] == 'C' ? WR_BATCH_CANCEL
                                               : WR_BATCH_END;
    if (word[1] == 'W') {
        assert_true(wr_channel_publish_time(channel, wr_time_of((int64_t)number, WR_TIME_SAME)));
    } else if (word[1] >= 'A') {
        assert_true(wr_channel_publish_event(channel, kind, number, WR_CHECKPOINT_PERIODIC));
    } else {
        struct weir_batch *batch = wr_channel_take_empty(channel);
        assert_non_null(batch);
        memcpy(wr_batch_append(&bench->alloc, batch, 8), &number, 8);
        assert_true(wr_channel_publish(channel, batch));
    }
}

static void
send(struct bench *bench, const char *script)
{
    char words[128];
    (void)snprintf(words, sizeof words, "%s", script);
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        send_one(bench, word);
    }
}

/* The next `most` things that leave. */
static const char *
leave(struct bench *bench, size_t most)
{
    size_t at = 0;
    bench->left[0] = '\0';
    for (; most > 0; most--) {
        struct wr_gate_event event = wr_gate_poll(bench->gate);
        char *out = bench->left + at;
        size_t room = sizeof bench->left - at;
        const char *space = at == 0 ? "" : " ";
        uint64_t number = event.checkpoint_id;
        if (event.kind == WR_GATE_NOTHING) {
            break;
        }
        if (event.kind == WR_GATE_RECORDS) {
            memcpy(&number, weir_batch_record(event.batch, 0), 8);
            wr_gate_give_back(bench->gate, event.batch);
        }
        static const char *const signs[] = { [WR_GATE_RECORDS] = "",
                                             [WR_GATE_BARRIER] = "B",
                                             [WR_GATE_CANCEL] = "C",
                                             [WR_GATE_TIME] = "W",
                                             [WR_GATE_END] = "E" };
        at += (size_t)snprintf(out, room, "%s%s%llu", space, signs[event.kind],
                               (unsigned long long)number);
    }
    return bench->left;
}

/* The barrier of 7 leaves at once, and its capture is recorded. */
static void
overtake(struct bench *bench)
{
    assert_true(wr_gate_may_overtake(bench->gate, 7));
    wr_gate_overtake(bench->gate, 7);
    assert_false(wr_gate_may_overtake(bench->gate, 7));
    assert_true(wr_capture_record(wr_gate_capture(bench->gate), 7, &bench->log));
}

static enum wr_capture_state
look(struct bench *bench)
{
    return wr_capture_look(wr_gate_capture(bench->gate), 7);
}

static uint64_t
captured(const struct bench *bench)
{
    assert_int_equal(0, bench->log.count % ELEMENTS_A_BATCH);
    return bench->log.count / ELEMENTS_A_BATCH;
}

TEST(what_stands_before_each_barrier_is_captured_and_still_goes_its_way)
{
    struct bench bench;
    bench_open(&bench, true);
    send(&bench, "a1 a2 aB7 a3 b4 bW5 b5 c6");
    overtake(&bench);
    assert_int_equal(WR_CAPTURE_OPEN, look(&bench));
    assert_int_equal(5, captured(&bench)); /* not 3 */
    assert_string_equal("1 4 6 2 3 5", leave(&bench, 100));
    send(&bench, "b7 bB7 b8 cB7");
    assert_int_equal(WR_CAPTURE_CLOSED, look(&bench));
    assert_int_equal(6, captured(&bench));
    assert_int_equal(WR_CAPTURE_NONE, look(&bench)); /* told once */
    assert_string_equal("7 8", leave(&bench, 100));  /* the barrier does not leave twice */
    bench_close(&bench);
}

TEST(a_batch_that_comes_between_two_looks_is_captured_before_it_is_received)
{
    struct bench bench;
    bench_open(&bench, true);
    send(&bench, "aB7");
    overtake(&bench);
    assert_int_equal(WR_CAPTURE_OPEN, look(&bench));
    send(&bench, "b1 b2 bB7 b3");
    assert_string_equal("1 2 3", leave(&bench, 100));
    assert_int_equal(WR_CAPTURE_OPEN, look(&bench));
    assert_int_equal(2, captured(&bench));
    send(&bench, "c4 cB7");
    assert_string_equal("4", leave(&bench, 100));
    assert_int_equal(WR_CAPTURE_CLOSED, look(&bench));
    assert_int_equal(3, captured(&bench));
    bench_close(&bench);
}

TEST(of_a_channel_that_was_held_nothing_is_captured)
{
    struct bench bench;
    bench_open(&bench, true);
    send(&bench, "aB7 a1 b2");
    assert_string_equal("2", leave(&bench, 100)); /* aligning */
    overtake(&bench);
    assert_int_equal(WR_CAPTURE_OPEN, look(&bench));
    assert_string_equal("1", leave(&bench, 100)); /* no longer held */
    assert_int_equal(0, captured(&bench));
    send(&bench, "b3 bB7 cB7");
    assert_int_equal(WR_CAPTURE_CLOSED, look(&bench));
    assert_int_equal(1, captured(&bench));
    bench_close(&bench);
}

TEST(the_end_of_a_channel_ends_its_capture)
{
    struct bench bench;
    bench_open(&bench, true);
    send(&bench, "aE");
    assert_string_equal("", leave(&bench, 100)); /* has been read */
    send(&bench, "b1 bE cB7");
    overtake(&bench);
    assert_int_equal(WR_CAPTURE_CLOSED, look(&bench));
    assert_int_equal(1, captured(&bench));
    send(&bench, "aB7 bB7 cE");
    assert_string_equal("1 E0", leave(&bench, 100));
    bench_close(&bench);
}

TEST(a_cancel_or_a_newer_barrier_ends_the_capture_as_lost)
{
    static const char *const scripts[] = { "b1 bC7", "b1 bB8", "bC9" };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct bench bench;
        bench_open(&bench, true);
        send(&bench, "aB7");
        overtake(&bench);
        send(&bench, scripts[i]);
        assert_int_equal(WR_CAPTURE_LOST, look(&bench));
        assert_int_equal(WR_CAPTURE_NONE, look(&bench));
        bench_close(&bench);
    }
}

TEST(older_barriers_are_passed_over_and_taken_away)
{
    struct bench bench;
    bench_open(&bench, true);
    send(&bench, "a1 aB5 a2 aB7 bB6 bB7 cB7");
    overtake(&bench);
    assert_int_equal(WR_CAPTURE_CLOSED, look(&bench));
    assert_int_equal(2, captured(&bench));
    assert_string_equal("1 2", leave(&bench, 100));
    bench_close(&bench);
}

TEST(an_abort_lets_go_of_the_log)
{
    struct bench bench;
    bench_open(&bench, true);
    send(&bench, "aB7 b1");
    overtake(&bench);
    assert_int_equal(WR_CAPTURE_OPEN, look(&bench));
    wr_gate_abort(bench.gate, 7);
    assert_int_equal(WR_CAPTURE_NONE, look(&bench));
    send(&bench, "b2 bB7 cB7");
    assert_string_equal("1 2", leave(&bench, 100));
    assert_int_equal(1, captured(&bench));
    send(&bench, "aB8 bB8 cB8");
    assert_string_equal("B8", leave(&bench, 100));
    bench_close(&bench);
}

TEST(a_capture_that_nobody_records_is_forgotten)
{
    struct bench bench;
    bench_open(&bench, true);
    send(&bench, "aB7 b1");
    wr_gate_overtake(bench.gate, 7);
    assert_string_equal("1", leave(&bench, 100));
    assert_false(wr_capture_record(wr_gate_capture(bench.gate), 7, &bench.log));
    assert_int_equal(0, captured(&bench));
    bench_close(&bench);
}

TEST(a_barrier_may_overtake_when_it_was_announced_and_is_not_settled)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_false(wr_gate_may_overtake(bench.gate, 7));
    send(&bench, "a1 aB7");
    assert_true(wr_gate_may_overtake(bench.gate, 7));
    assert_false(wr_gate_may_overtake(bench.gate, 6));
    assert_false(wr_gate_may_overtake(bench.gate, 8));
    send(&bench, "bB7 cB7");
    assert_string_equal("1 B7", leave(&bench, 100)); /* aligned: in time */
    assert_false(wr_gate_may_overtake(bench.gate, 7));
    wr_gate_abort(bench.gate, 9);
    send(&bench, "aB9");
    assert_false(wr_gate_may_overtake(bench.gate, 9)); /* given up before it came */
    send(&bench, "aB10");
    assert_true(wr_gate_may_overtake(bench.gate, 10));
    bench_close(&bench);
}

TEST(at_least_once_nothing_overtakes)
{
    struct bench bench;
    bench_open(&bench, false);
    send(&bench, "a1 aB7");
    assert_false(wr_gate_may_overtake(bench.gate, 7));
    bench_close(&bench);
}

/* --- two threads --- */

enum {
    ROUNDS = 300,
    RECORDS = 64 /* before the barrier */
};

/* Channel b, as fast as it goes; then its barrier, and a record behind it. */
static void *
produce(void *argument)
{
    struct bench *bench = argument;
    struct wr_channel *channel = bench->channels[1];
    for (uint64_t i = 1; i <= RECORDS + 1; i++) {
        struct weir_batch *batch;
        while ((batch = wr_channel_take_empty(channel)) == NULL) {
            sched_yield();
        }
        memcpy(wr_batch_append(&bench->alloc, batch, 8), &i, 8);
        while (!wr_channel_publish(channel, batch)) {
            sched_yield();
        }
        if (i == RECORDS) {
            while (
                !wr_channel_publish_event(channel, WR_BATCH_BARRIER, 7, WR_CHECKPOINT_PERIODIC)) {
                sched_yield();
            }
        }
    }
    return NULL;
}

/* Whatever comes between the look and the receipt. */
TEST(what_a_running_producer_sends_before_its_barrier_is_captured_whole)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct bench bench;
        pthread_t thread;
        uint64_t received = 0;
        bench_open(&bench, true);
        send(&bench, "aB7 cB7");
        overtake(&bench);
        assert_int_equal(0, pthread_create(&thread, NULL, produce, &bench));
        while (received < RECORDS + 1) {
            struct wr_gate_event event = wr_gate_poll(bench.gate);
            if (event.kind == WR_GATE_NOTHING) {
                sched_yield();
                continue;
            }
            assert_int_equal(WR_GATE_RECORDS, event.kind);
            uint64_t number = 0;
            memcpy(&number, weir_batch_record(event.batch, 0), 8);
            wr_gate_give_back(bench.gate, event.batch);
            received++;
            assert_int_equal(received, number);
        }
        assert_int_equal(0, pthread_join(thread, NULL));
        assert_int_equal(WR_CAPTURE_CLOSED, look(&bench));
        assert_int_equal(RECORDS, captured(&bench));
        bench_close(&bench);
    }
}

/* The same, step by step. */
TEST(what_was_not_looked_at_is_not_received_before_a_place)
{
    struct bench bench;
    bench_open(&bench, true);
    struct wr_channel *channel = bench.channels[0];
    send(&bench, "a1");
    struct wr_channel_place place = wr_channel_begin(channel);
    assert_non_null(wr_channel_look(channel, &place));
    assert_null(wr_channel_look(channel, &place));
    send(&bench, "a2");
    struct weir_batch *batch = wr_channel_receive_before(channel, &place);
    assert_non_null(batch);
    wr_channel_give_back(channel, batch);
    assert_null(wr_channel_receive_before(channel, &place));
    assert_non_null(wr_channel_look(channel, &place));
    batch = wr_channel_receive_before(channel, &place);
    assert_non_null(batch);
    wr_channel_give_back(channel, batch);
    bench_close(&bench);
}
