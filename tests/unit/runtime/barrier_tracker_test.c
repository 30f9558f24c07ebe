/* SPDX-License-Identifier: Apache-2.0 */
/* Barriers of several checkpoints at once where channels do not wait for each other, told as
 * scripts: "a7" channel a gives the barrier of 7, "b!7" channel b cancels 7, "c$" channel c ends,
 * "x7" the coordinator aborts 7. What leaves: "7", and "!7" where it is cancelled. */
#include "runtime/barrier_tracker.h"

#include "runtime/given_up.h"
#include "support/common_alloc_fault.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHANNELS = 3
};

static struct alloc_fault fault;

static struct wr_barrier_tracker *
open_tracker(void)
{
    alloc_fault_init(&fault, 0, false);
    weir_alloc alloc = alloc_fault_alloc(&fault);
    struct wr_barrier_tracker *tracker = wr_barrier_tracker_create(&alloc, CHANNELS);
    assert_non_null(tracker);
    return tracker;
}

static void
close_tracker(struct wr_barrier_tracker *tracker)
{
    wr_barrier_tracker_destroy(tracker);
    assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
}

static void
tell(struct wr_barrier_tracker *tracker, const char *word)
{
    uint32_t channel = (uint32_t)(word[0] - 'a');
    if (word[0] == 'x') {
        wr_barrier_tracker_abort(tracker, strtoull(word + 1, NULL, 10));
    } else if (word[1] == '$') {
        wr_barrier_tracker_end(tracker, channel);
    } else if (word[1] == '!') {
        wr_barrier_tracker_cancel(tracker, channel, strtoull(word + 2, NULL, 10));
    } else {
        wr_barrier_tracker_barrier(tracker, channel, strtoull(word + 1, NULL, 10),
                                   WR_CHECKPOINT_PERIODIC);
    }
}

/* Tells the words of the script, asks after each, and answers all that has left. */
static const char *
play(struct wr_barrier_tracker *tracker, const char *script)
{
    static char left[1024];
    char words[1024];
    char *rest = NULL;
    size_t at = 0;
    left[0] = '\0';
    (void)snprintf(words, sizeof words, "%s", script);
    for (char *word = strtok_r(words, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        tell(tracker, word);
        struct wr_gate_event event = wr_barrier_tracker_next(tracker);
        for (; event.kind != WR_GATE_NOTHING; event = wr_barrier_tracker_next(tracker)) {
            assert_true(event.kind == WR_GATE_BARRIER || event.kind == WR_GATE_CANCEL);
            at += (size_t)snprintf(left + at, sizeof left - at, "%s%s%llu", at == 0 ? "" : " ",
                                   event.kind == WR_GATE_CANCEL ? "!" : "",
                                   (unsigned long long)event.checkpoint_id);
        }
    }
    return left;
}

TEST(a_checkpoint_leaves_with_its_last_barrier_while_newer_ones_are_on_their_way)
{
    struct wr_barrier_tracker *tracker = open_tracker();
    assert_string_equal(play(tracker, "a7 a8 a9 b7"), "");
    assert_string_equal(play(tracker, "b8 c7"), "7");
    assert_string_equal(play(tracker, "c8"), "8");
    assert_string_equal(play(tracker, "b9 b10 c9"), "9");
    assert_string_equal(play(tracker, "c10 a10"), "10");
    close_tracker(tracker);
}

TEST(a_barrier_that_comes_twice_or_late_means_nothing)
{
    struct wr_barrier_tracker *tracker = open_tracker();
    assert_string_equal(play(tracker, "a7 a7 a7 b7"), "");
    assert_string_equal(play(tracker, "c7"), "7");
    assert_string_equal(play(tracker, "a7 b7 c7 a6 b6 c6"), "");
    close_tracker(tracker);
}

TEST(a_checkpoint_that_a_channel_has_skipped_is_cancelled_alone)
{
    struct wr_barrier_tracker *tracker = open_tracker();
    assert_string_equal(play(tracker, "a7 a8"), "");
    assert_string_equal(play(tracker, "b8"), "!7"); /* b never gives 7 */
    assert_string_equal(play(tracker, "c7 c8"), "8");
    assert_string_equal(play(tracker, "a10 b9"), "!9"); /* nor a 9, told before b's came */
    assert_string_equal(play(tracker, "c9 b10 c10"), "10");
    close_tracker(tracker);
}

TEST(a_cancel_loses_its_checkpoint_and_no_other)
{
    struct wr_barrier_tracker *tracker = open_tracker();
    assert_string_equal(play(tracker, "a7 a8 b7 b!8"), "!8");
    assert_string_equal(play(tracker, "c7"), "7");
    assert_string_equal(play(tracker, "c8 c!8"), "");
    assert_string_equal(play(tracker, "c!9 a9 b9"), "!9"); /* before any barrier of it */
    assert_string_equal(play(tracker, "a10 b10 c10"), "10");
    close_tracker(tracker);
}

TEST(the_end_of_a_channel_is_its_barrier_of_all_that_are_pending)
{
    struct wr_barrier_tracker *tracker = open_tracker();
    assert_string_equal(play(tracker, "a7 a8 b7 b8 c7"), "7");
    assert_string_equal(play(tracker, "a9 c$"), "8");
    assert_string_equal(play(tracker, "c$ b9"), "9");
    assert_string_equal(play(tracker, "a10 a11 b10"), "10");
    assert_string_equal(play(tracker, "a$ b$"), "11");
    assert_string_equal(play(tracker, "b12 a12"), "12"); /* drained ones still pass barriers */
    close_tracker(tracker);
}

TEST(an_end_may_complete_several_and_they_leave_in_their_order)
{
    struct wr_barrier_tracker *tracker = open_tracker();
    assert_string_equal(play(tracker, "a7 b7 a8 b8 a9 b9 c$"), "7 8 9");
    close_tracker(tracker);
}

TEST(what_the_coordinator_aborts_is_forgotten_in_silence)
{
    struct wr_barrier_tracker *tracker = open_tracker();
    assert_string_equal(play(tracker, "a7 a8 x8 b7 b8 c7"), "7");
    assert_string_equal(play(tracker, "c8 x10 a9 a10 b9 b10 c9"), "9");
    assert_string_equal(play(tracker, "c10 a11 b11 c11"), "11");
    close_tracker(tracker);
}

TEST(fifty_are_tracked_and_the_oldest_gives_way)
{
    struct wr_barrier_tracker *tracker = open_tracker();
    char word[32];
    for (int id = 1; id <= WR_TRACKED_MAX; id++) {
        (void)snprintf(word, sizeof word, "a%d b%d", id, id);
        assert_string_equal(play(tracker, word), "");
    }
    (void)snprintf(word, sizeof word, "a%d", WR_TRACKED_MAX + 1);
    assert_string_equal(play(tracker, word), "!1");
    assert_string_equal(play(tracker, "c1"), "");
    assert_string_equal(play(tracker, "c2"), "2");
    for (int id = 3; id <= WR_TRACKED_MAX; id++) {
        (void)snprintf(word, sizeof word, "c%d", id);
        assert_int_equal(strtol(play(tracker, word), NULL, 10), id);
    }
    (void)snprintf(word, sizeof word, "b%d c%d", WR_TRACKED_MAX + 1, WR_TRACKED_MAX + 1);
    assert_int_equal(strtol(play(tracker, word), NULL, 10), WR_TRACKED_MAX + 1);
    close_tracker(tracker);
}

TEST(what_was_given_up_is_known_until_it_is_settled_or_too_much)
{
    struct wr_given_up given_up = { 0 };
    wr_given_up_add(&given_up, 9, 0);
    wr_given_up_add(&given_up, 7, 0);
    wr_given_up_add(&given_up, 9, 0);
    assert_int_equal(given_up.count, 2);
    assert_true(wr_given_up_has(&given_up, 7) && wr_given_up_has(&given_up, 9));
    assert_false(wr_given_up_has(&given_up, 8));
    wr_given_up_add(&given_up, 6, 8); /* 7 and 6 can have no barriers any more */
    assert_false(wr_given_up_has(&given_up, 7) || wr_given_up_has(&given_up, 6));
    assert_true(wr_given_up_has(&given_up, 9));
    for (uint64_t id = 10; id < 9 + WR_GIVEN_UP_MAX; id++) {
        wr_given_up_add(&given_up, id, 8);
    }
    assert_true(wr_given_up_has(&given_up, 9));
    wr_given_up_add(&given_up, 1000, 8);
    assert_false(wr_given_up_has(&given_up, 9)); /* the oldest */
    assert_true(wr_given_up_has(&given_up, 10) && wr_given_up_has(&given_up, 1000));
    assert_int_equal(given_up.count, WR_GIVEN_UP_MAX);
}

TEST(a_gate_without_memory_is_not_made)
{
    uint64_t points = 0;
    for (bool is_made = false; !is_made; points++) {
        alloc_fault_init(&fault, points + 1, true);
        weir_alloc alloc = alloc_fault_alloc(&fault);
        struct wr_channel *channels[CHANNELS] = { NULL };
        struct wr_gate *gate = NULL;
        weir_status status = wr_gate_create(&alloc, channels, CHANNELS, false, &gate);
        is_made = fault.refused == 0;
        assert_int_equal(status, is_made ? WEIR_OK : WEIR_NOMEM);
        wr_gate_destroy(gate);
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
    }
    assert_in_range(points, 4, 20); /* gate, tracker, valve at least */
}
