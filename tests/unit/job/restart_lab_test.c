/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of whole jobs that fail and are restarted in the process, in the lab: at every kind of
 * place, early and late, at several schedules. The oracle judges what was committed: exactly once.
 */
#include "support/lab.h"
#include "support/relay_job.h"
#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct lab_attempt
attempt_of(uint32_t parallelism)
{
    return (struct lab_attempt){ .parallelism = parallelism,
                                 .batch_size = 4,
                                 .batches_per_channel = 2,
                                 .interval_ms = 10,
                                 .retained = 1,
                                 .rate = 4000,
                                 .restarts = 3,
                                 .watch = true };
}

static void
assert_well(struct lab *lab, const struct lab_outcome *outcome, const char *what, uint64_t number)
{
    bool well = outcome->state == WEIR_JOB_FINISHED && lab_judge(lab, true);
    if (!well) {
        print_error("%s %llu: %s: %s %s\n", what, (unsigned long long)number,
                    outcome->state != 0 ? weir_job_state_name(outcome->state) : "-",
                    outcome->error.message, lab->words);
        fail();
    }
}

/* One run in which the relay fails at its countdown-th call of the place; true: it came to that. */
static bool
run_failing(enum relay_place place, uint64_t countdown, uint32_t parallelism,
            const struct lab_attempt *attempt)
{
    static const char *const names[] = { "nowhere", "initialize", "open",
                                         "process", "snapshot",   "notify" };
    struct lab lab;
    struct lab_outcome outcome;
    struct relay_orders orders = { .place = place, .countdown = countdown };
    lab_init(&lab, 77 * countdown + parallelism, LAB_RELAY, 300, 7);
    lab.relay = &orders;
    lab_run(&lab, attempt, &outcome);
    assert_well(&lab, &outcome, names[place], countdown);
    lab_fini(&lab);
    return orders.failed != 0;
}

enum mode {
    ALIGNED,
    CHANGES, /* incremental */
    UNALIGNED,
    SEVERAL /* checkpoints at a time */
};

static void
run_place(enum relay_place place, uint64_t first, uint64_t last, uint64_t step, enum mode mode)
{
    unsigned failed = 0;
    for (uint32_t parallelism = 1; parallelism <= 3; parallelism++) {
        struct lab_attempt attempt = attempt_of(parallelism);
        attempt.incremental = mode == CHANGES;
        attempt.unaligned = mode == UNALIGNED;
        attempt.batches_per_channel = mode == UNALIGNED ? 1 : 2;
        attempt.max_concurrent = mode == SEVERAL ? 3 : 1;
        attempt.slow_actors = mode == SEVERAL ? 2 : 0;
        attempt.starve = 12;
        for (uint64_t countdown = first * parallelism; countdown <= last; countdown += step) {
            failed += run_failing(place, countdown, parallelism, &attempt);
        }
    }
    assert_true(failed >= 6);
}

TEST(a_failing_record_is_done_again_from_the_last_checkpoint)
{
    run_place(RELAY_PROCESS, 1, 300, 23, ALIGNED);
}

TEST(a_failing_record_is_done_again_from_a_chain_of_changes)
{
    run_place(RELAY_PROCESS, 1, 300, 29, CHANGES);
}

TEST(a_failing_record_is_done_again_from_a_checkpoint_with_records_in_flight)
{
    run_place(RELAY_PROCESS, 1, 300, 19, UNALIGNED);
}

TEST(a_failing_record_ends_all_checkpoints_that_are_under_way)
{
    run_place(RELAY_PROCESS, 1, 300, 19, SEVERAL);
    run_place(RELAY_SNAPSHOT, 1, 14, 3, SEVERAL);
    run_place(RELAY_NOTIFY, 1, 14, 3, SEVERAL);
}

TEST(a_failing_snapshot_leaves_the_checkpoint_before_it)
{
    run_place(RELAY_SNAPSHOT, 1, 14, 1, ALIGNED);
}

TEST(a_failing_notification_comes_behind_a_complete_checkpoint)
{
    run_place(RELAY_NOTIFY, 1, 14, 1, ALIGNED);
}

/* The first restore fails as well: the second restart does it. */
TEST(a_failing_restore_is_tried_again)
{
    static const enum relay_place places[] = { RELAY_INITIALIZE, RELAY_OPEN };
    for (size_t i = 0; i < 2; i++) {
        for (uint32_t parallelism = 1; parallelism <= 3; parallelism++) {
            struct lab lab;
            struct lab_outcome outcome;
            struct relay_orders orders = { .place = RELAY_PROCESS, .countdown = 150 };
            struct lab_attempt attempt = attempt_of(parallelism);
            lab_init(&lab, 5 + parallelism, LAB_RELAY, 300, 7);
            lab.relay = &orders;
            struct lab_life *life = lab_open(&lab, &attempt, &outcome);
            assert_non_null(life);
            while (lab_turn(life)) {
                if (orders.failed == 1 && orders.place == RELAY_PROCESS) {
                    orders.place = places[i];
                    orders.countdown = parallelism; /* the last subtask's */
                }
            }
            lab_close(life, &outcome);
            assert_well(&lab, &outcome, "restore at parallelism", parallelism);
            assert_int_equal(2, orders.failed);
            lab_fini(&lab);
        }
    }
}

/* Every job of the lab, with an error of the disk somewhere on its way: sources, sinks and states
 * meet it where they are. */
TEST(an_error_of_the_disk_anywhere_is_survived)
{
    static const enum lab_job jobs[] = { LAB_SEQUENCE_SUM, LAB_WORDCOUNT, LAB_WINDOWS };
    unsigned hits = 0;
    for (size_t i = 0; i < 3; i++) {
        for (uint64_t at = 40; at < 1200; at += 61) {
            struct lab lab;
            struct lab_outcome outcome;
            struct os_fault fault;
            struct os_fault_plan plan = { .fail_at = at, .error = EIO };
            struct lab_attempt attempt = attempt_of(2);
            lab_init(&lab, 900 + at, jobs[i], jobs[i] == LAB_WORDCOUNT ? 40 : 300, 7);
            os_fault_init(&fault, os_sim_os(lab.sim), &plan);
            attempt.os = &fault.os;
            lab_run(&lab, &attempt, &outcome);
            if (outcome.created != WEIR_OK || outcome.state == WEIR_JOB_FAILED) {
                /* its first start failed, and is told at once */
                assert_true(outcome.error.message[0] != '\0');
            } else {
                assert_well(&lab, &outcome, "fault at call", at);
                hits += fault.hit;
            }
            lab_fini(&lab);
        }
    }
    assert_true(hits >= 30);
}
