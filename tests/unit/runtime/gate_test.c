/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: alignment, at-least-once, aborts, ends and newer barriers, and every rule of watermarks
 * and idleness, told as scripts.
 *
 * A script sends into channels "a", "b", "c": a1 is a record of number 1 on a, aB7 a barrier of
 * checkpoint 7, aC7 a cancel, aE the end, aW5 a watermark, aI idle, aA active. What leaves the gate
 * is written in the same form without the channel: "1 B7 E".
 */
#include "support/test.h"

#include "base/memory.h"
#include "runtime/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHANNELS = 3
};

struct bench {
    weir_alloc alloc;
    struct wr_parker parker;
    struct wr_channel *channels[CHANNELS];
    struct wr_gate *gate;
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
}

static void
bench_close(struct bench *bench)
{
    wr_gate_destroy(bench->gate);
    for (size_t i = 0; i < CHANNELS; i++) {
        wr_channel_destroy(bench->channels[i]);
    }
}

static void
send_one(struct bench *bench, const char *word)
{
    struct wr_channel *channel = bench->channels[word[0] - 'a'];
    uint64_t number = strtoull(word + (word[1] >= 'A' ? 2 : 1), NULL, 10);
    bool sent = false;
    switch (word[1]) {
    case 'B':
        sent = wr_channel_publish_event(channel, WR_BATCH_BARRIER, number, WR_CHECKPOINT_PERIODIC);
        break;
    case 'C':
        sent = wr_channel_publish_event(channel, WR_BATCH_CANCEL, number, WR_CHECKPOINT_PERIODIC);
        break;
    case 'E':
        sent = wr_channel_publish_event(channel, WR_BATCH_END, 0, WR_CHECKPOINT_PERIODIC);
        break;
    case 'W':
        sent = wr_channel_publish_time(channel, wr_time_of((int64_t)number, WR_TIME_SAME));
        break;
    case 'I':
        sent = wr_channel_publish_time(channel, wr_time_of(WEIR_NO_WATERMARK, WR_TIME_IDLE));
        break;
    case 'A':
        sent = wr_channel_publish_time(channel, wr_time_of(WEIR_NO_WATERMARK, WR_TIME_ACTIVE));
        break;
    default: {
        struct weir_batch *batch = wr_channel_take_empty(channel);
        memcpy(wr_batch_append(&bench->alloc, batch, 8), &number, 8);
        sent = wr_channel_publish(channel, batch);
    }
    }
    assert_true(sent);
}

static size_t
print_time(char *out, size_t room, const char *space, struct wr_time time)
{
    char watermark[32] = "";
    if (time.watermark != WEIR_NO_WATERMARK) {
        (void)snprintf(watermark, sizeof watermark, "W%lld", (long long)time.watermark);
    }
    const char *before = time.status == WR_TIME_ACTIVE ? "A" : "";
    const char *behind = time.status == WR_TIME_IDLE ? "I" : "";
    return (size_t)snprintf(out, room, "%s%s%s%s", space, before, watermark, behind);
}

/* Everything that can leave now. */
static const char *
drain(struct bench *bench)
{
    size_t at = 0;
    bench->left[0] = '\0';
    for (;;) {
        struct wr_gate_event event = wr_gate_poll(bench->gate);
        char *out = bench->left + at;
        size_t room = sizeof bench->left - at;
        unsigned long long id = event.checkpoint_id;
        const char *space = at == 0 ? "" : " ";
        switch (event.kind) {
        case WR_GATE_NOTHING:
            return bench->left;
        case WR_GATE_RECORDS: {
            uint64_t number = 0;
            memcpy(&number, weir_batch_record(event.batch, 0), 8);
            wr_gate_give_back(bench->gate, event.batch);
            at += (size_t)snprintf(out, room, "%s%llu", space, (unsigned long long)number);
            break;
        }
        case WR_GATE_BARRIER:
            at += (size_t)snprintf(out, room, "%sB%llu", space, id);
            break;
        case WR_GATE_CANCEL:
            at += (size_t)snprintf(out, room, "%sC%llu", space, id);
            break;
        case WR_GATE_TIME:
            at += print_time(out, room, space, event.time);
            break;
        case WR_GATE_END:
            at += (size_t)snprintf(out, room, "%sE", space);
            break;
        default:
            fail();
        }
    }
}

/* Sends the words of the script, then drains. */
static const char *
play(struct bench *bench, const char *script)
{
    char words[256];
    (void)snprintf(words, sizeof words, "%s", script);
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        send_one(bench, word);
    }
    return drain(bench);
}

TEST(the_gate_holds_a_channel_behind_its_barrier)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aB7 a1"), "");
    assert_string_equal(play(&bench, "b2 bB7 b3"), "2");
    assert_string_equal(play(&bench, "c4"), "4");
    const char *left = play(&bench, "cB7");
    assert_int_equal(strncmp(left, "B7 ", 3), 0); /* before every held record */
    assert_int_equal(strlen(left), strlen("B7 1 3"));
    bench_close(&bench);
}

TEST(at_least_once_counts_barriers_without_holding)
{
    struct bench bench;
    bench_open(&bench, false);
    assert_string_equal(play(&bench, "aB7 a1"), "1");
    assert_string_equal(play(&bench, "bB7 b3"), "3");
    assert_string_equal(play(&bench, "cB7"), "B7");
    bench_close(&bench);
}

TEST(an_abort_lets_held_channels_go_and_late_barriers_mean_nothing)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aB7 a1"), "");
    wr_gate_abort(bench.gate, 7);
    assert_string_equal(drain(&bench), "1");
    assert_string_equal(play(&bench, "bB7 b2 cB7 c3"), "2 3");
    wr_gate_abort(bench.gate, 8); /* before any of its barriers */
    assert_string_equal(play(&bench, "aB8 bB8 cB8 a4"), "4");
    assert_string_equal(play(&bench, "aB9 bB9 cB9"), "B9");
    bench_close(&bench);
}

TEST(an_abort_means_its_own_checkpoint_and_no_other)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aB7 a1"), "");
    wr_gate_abort(bench.gate, 8);
    wr_gate_abort(bench.gate, 6);
    assert_string_equal(play(&bench, "bB7 b2 cB7"), "B7 1 2"); /* still aligned */
    assert_string_equal(play(&bench, "aB8 a3 bB9 b4 aB9 cB9"), "3 B9 4");
    bench_close(&bench);
}

TEST(at_least_once_passes_several_checkpoints_at_once)
{
    struct bench bench;
    bench_open(&bench, false);
    assert_string_equal(play(&bench, "aB7 a1 aB8 a2"), "1 2");
    assert_string_equal(play(&bench, "bB7 bB8"), "");
    wr_gate_abort(bench.gate, 9);
    assert_string_equal(play(&bench, "cB7"), "B7");
    assert_string_equal(play(&bench, "c3 cB8"), "3 B8");
    assert_string_equal(play(&bench, "aB9 bB9 cB9 aB10 bB10 cE"), "B10");
    bench_close(&bench);
}

TEST(a_newer_barrier_cancels_the_older)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aB7 a1 bB8"), "C7 1");
    assert_string_equal(play(&bench, "b2 cB7 c3"), "3"); /* the older one's is late */
    assert_string_equal(play(&bench, "aB8 cB8"), "B8 2");
    bench_close(&bench);
}

TEST(a_cancel_in_a_channel_releases_and_is_passed_on_once)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aB7 a1 bC7"), "C7 1");
    assert_string_equal(play(&bench, "cC7 cB7 aB8 bB8 cB8"), "B8");
    bench_close(&bench);
}

TEST(the_end_of_a_channel_counts_as_its_barrier)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aB7 a1 bB7 b2 cE"), "B7 1 2");
    assert_string_equal(play(&bench, "aB8 bB8"), "B8");
    assert_string_equal(play(&bench, "cB8 aE"), "");
    assert_string_equal(play(&bench, "bE"), "E");
    bench_close(&bench);
}

TEST(the_barrier_that_an_end_completes_leaves_before_the_end)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aB7 aE bB7 bE cE"), "B7 E");
    bench_close(&bench);
    bench_open(&bench, false);
    assert_string_equal(play(&bench, "aB7 aE bB7 bE cE"), "B7 E");
    bench_close(&bench);
}

TEST(barriers_pass_a_drained_gate)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aE bE cE"), "E");
    assert_string_equal(play(&bench, "bB7"), "B7");
    assert_string_equal(play(&bench, "aB7 cB7"), "");
    assert_string_equal(play(&bench, "aB8 bB8 cB8"), "B8");
    bench_close(&bench);
}

/* --- watermarks and idleness: the rules of Flink's valve --- */

TEST(the_watermark_that_leaves_is_the_least_of_all_channels)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aW5 bW7"), ""); /* c has told nothing yet */
    assert_string_equal(play(&bench, "cW6"), "W5");
    assert_string_equal(play(&bench, "aW9"), "W6");
    assert_string_equal(play(&bench, "cW20"), "W7");
    bench_close(&bench);
}

TEST(a_watermark_leaves_only_when_it_advances)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aW5 bW5 cW5"), "W5");
    assert_string_equal(play(&bench, "aW5 bW4 cW3"), ""); /* none falls */
    assert_string_equal(play(&bench, "aW6 bW6"), "");
    assert_string_equal(play(&bench, "cW6"), "W6");
    bench_close(&bench);
}

TEST(an_idle_channel_does_not_hold_the_others_back)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aW5 bW7"), "");
    assert_string_equal(play(&bench, "cI"), "W5"); /* it was the one that held them */
    assert_string_equal(play(&bench, "aW8"), "W7");
    assert_string_equal(play(&bench, "cW100"), ""); /* what an idle one tells means nothing */
    assert_string_equal(play(&bench, "cI"), "");
    bench_close(&bench);
}

TEST(a_channel_that_did_not_hold_back_becomes_idle_in_silence)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aW5 bW7 cW9"), "W5");
    assert_string_equal(play(&bench, "cI"), "");
    assert_string_equal(play(&bench, "aI"), "W7");
    bench_close(&bench);
}

TEST(when_the_last_one_that_held_back_becomes_idle_the_greatest_watermark_leaves)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aW5 bW7 cW9"), "W5");
    assert_string_equal(play(&bench, "bI cI"), "");
    assert_string_equal(play(&bench, "aI"), "W9I");
    bench_close(&bench);
}

TEST(the_last_one_that_becomes_idle_flushes_nothing_that_has_left)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aW5 bW5 cW5"), "W5");
    assert_string_equal(play(&bench, "aI bI"), "");
    assert_string_equal(play(&bench, "cW6"), "W6");
    assert_string_equal(play(&bench, "aA aW9 bA"), "");
    assert_string_equal(play(&bench, "bI cI"), "W9"); /* a holds at 9: c held at 6 */
    assert_string_equal(play(&bench, "aA"), "");
    assert_string_equal(play(&bench, "aI"), "I");
    bench_close(&bench);
}

TEST(the_first_active_channel_ends_idleness_and_counts_when_it_has_caught_up)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aW5 bW9 cW9"), "W5");
    assert_string_equal(play(&bench, "aI"), "W9");
    assert_string_equal(play(&bench, "bI cI"), "I");
    assert_string_equal(play(&bench, "aA"), "A");        /* at 5, behind the 9 that has left */
    assert_string_equal(play(&bench, "aW7"), "");        /* still behind */
    assert_string_equal(play(&bench, "bA bW12"), "W12"); /* a does not hold b back */
    assert_string_equal(play(&bench, "aW11"), "");
    assert_string_equal(play(&bench, "aW13"), ""); /* now it does */
    assert_string_equal(play(&bench, "bW15"), "W13");
    bench_close(&bench);
}

TEST(a_held_channel_tells_no_time)
{
    struct bench bench;
    bench_open(&bench, true);
    assert_string_equal(play(&bench, "aW5 bW5 cW5"), "W5");
    assert_string_equal(play(&bench, "aB7 aW9 bW9 cW9"), "");
    assert_string_equal(play(&bench, "bB7 cB7"), "B7 W9"); /* behind the barrier it came behind */
    bench_close(&bench);
}

TEST(the_last_watermark_of_all_waits_for_every_channel)
{
    struct bench bench;
    bench_open(&bench, true);
    const char *most = "aW9223372036854775807 aE bW9223372036854775807 bE";
    assert_string_equal(play(&bench, most), "");
    assert_string_equal(play(&bench, "cW5"), "W5");
    assert_string_equal(play(&bench, "cW9223372036854775807 cE"), "W9223372036854775807 E");
    bench_close(&bench);
}

TEST(records_tell_which_of_two_streams_they_came_from)
{
    struct bench bench;
    bench_open(&bench, true);
    static const uint8_t sides[CHANNELS] = { 0, 1, 0 };
    wr_gate_set_sides(bench.gate, sides);
    for (size_t i = 0; i < CHANNELS; i++) {
        static const char *const words[CHANNELS] = { "a1", "b1", "c1" };
        send_one(&bench, words[i]);
        struct wr_gate_event event = wr_gate_poll(bench.gate);
        assert_int_equal(event.kind, WR_GATE_RECORDS);
        assert_int_equal(event.side, sides[i]);
        wr_gate_give_back(bench.gate, event.batch);
    }
    bench_close(&bench);
}
