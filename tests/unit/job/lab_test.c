/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of whole example jobs in the lab: restored at every pair of parallelisms, and in the weaker
 * mode. The oracle of the lab judges the committed output.
 */
#include "support/lab.h"
#include "support/test.h"

#include <inttypes.h>
#include <string.h>

static const uint32_t parallelisms[] = { 1, 2, 3, 5, 7 };

enum {
    PARALLELISM_COUNT = sizeof parallelisms / sizeof parallelisms[0],
    OPERATIONS_TO_KILL = 500
};

static struct lab_attempt
attempt_of(uint32_t parallelism)
{
    return (struct lab_attempt){ .parallelism = parallelism,
                                 .batch_size = 4,
                                 .batches_per_channel = 2,
                                 .interval_ms = 10,
                                 .retained = 2,
                                 .rate = 4000,
                                 .watch = false };
}

static void
assert_good(struct lab *lab, bool complete, uint32_t from, uint32_t to)
{
    if (!lab_judge(lab, complete)) {
        print_error("from parallelism %" PRIu32 " to %" PRIu32 ": %s\n", from, to, lab->words);
        fail();
    }
}

static void
assert_finished(const struct lab_outcome *outcome)
{
    if (outcome->state != WEIR_JOB_FINISHED) {
        print_error("%s: %s\n", weir_job_state_name(outcome->state), outcome->error.message);
        fail();
    }
}

/* Runs at `from` until a checkpoint is there and it was cut off, then at `to` to its end. */
static void
run_pair(enum lab_job job, uint32_t from, uint32_t to, bool by_kill)
{
    struct lab lab;
    struct lab_outcome outcome;
    lab_init(&lab, 1000 + from * 10 + to, job, job == LAB_SEQUENCE_SUM ? 2000 : 400, 23);
    struct lab_attempt attempt = attempt_of(from);
    for (int i = 0; i < 20 && !lab_has_checkpoint(&lab); i++) {
        if (by_kill) {
            os_sim_power_off_at(lab.sim, os_sim_operation_count(lab.sim) + OPERATIONS_TO_KILL);
        } else {
            attempt.stop_after_steps = 2000;
        }
        lab_run(&lab, &attempt, &outcome);
        lab_kill(&lab);
        assert_good(&lab, false, from, to);
        assert_true(outcome.state != WEIR_JOB_FINISHED);
    }
    attempt = attempt_of(to);
    lab_run(&lab, &attempt, &outcome);
    assert_finished(&outcome);
    assert_true(outcome.restored_id != 0);
    assert_good(&lab, true, from, to);
    lab_fini(&lab);
}

static void
run_matrix(enum lab_job job, bool by_kill)
{
    for (size_t i = 0; i < PARALLELISM_COUNT; i++) {
        for (size_t j = 0; j < PARALLELISM_COUNT; j++) {
            run_pair(job, parallelisms[i], parallelisms[j], by_kill);
        }
    }
}

TEST(sequence_sum_that_was_stopped_goes_on_at_any_parallelism)
{
    run_matrix(LAB_SEQUENCE_SUM, false);
}

TEST(sequence_sum_that_was_killed_goes_on_at_any_parallelism)
{
    run_matrix(LAB_SEQUENCE_SUM, true);
}

TEST(wordcount_that_was_stopped_goes_on_at_any_parallelism)
{
    run_matrix(LAB_WORDCOUNT, false);
}

TEST(wordcount_that_was_killed_goes_on_at_any_parallelism)
{
    run_matrix(LAB_WORDCOUNT, true);
}

/* 1 -> 2 -> 3 -> 5 -> 7 -> 5 -> ... : state that was cut is cut again. */
TEST(one_job_goes_through_all_parallelisms)
{
    struct lab lab;
    struct lab_outcome outcome = { .state = WEIR_JOB_FAILED };
    lab_init(&lab, 77, LAB_SEQUENCE_SUM, 8000, 40);
    size_t attempts = 0;
    for (size_t i = 0; i < 200 && outcome.state != WEIR_JOB_FINISHED; i++, attempts++) {
        size_t turn = i % (2 * PARALLELISM_COUNT - 2);
        size_t at = turn < PARALLELISM_COUNT ? turn : 2 * PARALLELISM_COUNT - 2 - turn;
        struct lab_attempt attempt = attempt_of(parallelisms[at]);
        attempt.stop_after_steps = 3500;
        lab_run(&lab, &attempt, &outcome);
        lab_kill(&lab);
        assert_good(&lab, false, parallelisms[at], 0);
        assert_true(outcome.state == WEIR_JOB_STOPPED || outcome.state == WEIR_JOB_FINISHED);
    }
    assert_int_equal(WEIR_JOB_FINISHED, outcome.state);
    assert_true(attempts > 2 * PARALLELISM_COUNT);
    assert_good(&lab, true, 0, 0);
    lab_fini(&lab);
}

TEST(at_least_once_loses_nothing_and_without_a_failure_repeats_nothing)
{
    for (size_t i = 0; i < PARALLELISM_COUNT; i++) {
        struct lab lab;
        struct lab_outcome outcome;
        lab_init(&lab, 500 + i, LAB_SEQUENCE_SUM, 500, 23);
        struct lab_attempt attempt = attempt_of(parallelisms[i]);
        attempt.at_least_once = true;
        lab_run(&lab, &attempt, &outcome);
        assert_finished(&outcome);
        assert_true(outcome.checkpoints >= 2);
        assert_good(&lab, true, parallelisms[i], parallelisms[i]);
        lab_fini(&lab);
    }
}
