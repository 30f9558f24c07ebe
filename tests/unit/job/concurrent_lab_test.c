/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of whole example jobs with several checkpoints under way: rings are full and io is late, so
 * that barriers of more than one are in them. Killed and restored at drawn parallelisms; the oracle
 * of the lab judges the committed output.
 */
#include "support/lab.h"
#include "support/test.h"

#include "job/running.h"

#include <inttypes.h>

static const uint32_t parallelisms[] = { 1, 2, 3, 5, 7 };

enum {
    PARALLELISM_COUNT = sizeof parallelisms / sizeof parallelisms[0],
    OPERATIONS_TO_KILL = 300,
    KILLS = 8,
    LIVES_MOST = 50
};

/* What a run showed. */
struct shown {
    uint64_t overlapping; /* steps with more than one checkpoint under way */
    uint64_t restored;
};

static bool
overlaps(const weir_job *job)
{
    return job->pending != NULL && job->pending->next != NULL;
}

/* lab_run, with an eye on what is under way. */
static void
run(struct lab *lab, const struct lab_attempt *attempt, struct lab_outcome *out,
    struct shown *shown)
{
    struct lab_life *life = lab_open(lab, attempt, out);
    if (life == NULL) {
        return;
    }
    while (lab_turn(life)) {
        shown->overlapping += overlaps(lab_job_of(life));
    }
    lab_close(life, out);
    shown->restored += out->restored_id != 0;
}

/* Many operators and little room in the rings, an interval shorter than a checkpoint takes. */
static struct lab_attempt
draw_attempt(struct wr_rng *rng, bool at_least_once)
{
    return (struct lab_attempt){ .parallelism = parallelisms[wr_rng_below(rng, PARALLELISM_COUNT)],
                                 .batch_size = 1 + (uint32_t)wr_rng_below(rng, 6),
                                 .batches_per_channel = 1 + (uint32_t)wr_rng_below(rng, 3),
                                 .interval_ms = 10,
                                 .retained = 1 + (uint32_t)wr_rng_below(rng, 3),
                                 .tolerable = 20,
                                 .at_least_once = at_least_once,
                                 .incremental = wr_rng_below(rng, 3) != 0,
                                 .max_concurrent = 2 + (uint32_t)wr_rng_below(rng, 3),
                                 .slow_actors = 1 + (uint32_t)wr_rng_below(rng, 4),
                                 .starve = 4 + (uint32_t)wr_rng_below(rng, 30) };
}

static void
run_drawn(uint64_t seed, bool at_least_once, struct shown *shown)
{
    struct lab lab;
    struct lab_outcome outcome = { .state = WEIR_JOB_FAILED };
    enum lab_job job = seed % 3 == 0 ? LAB_WORDCOUNT : LAB_SEQUENCE_SUM;
    lab_init(&lab, seed, job, job == LAB_WORDCOUNT ? 200 : 1500, 7);
    lab.duplicates_allowed = at_least_once;
    struct wr_rng rng;
    wr_rng_init(&rng, seed);
    for (uint64_t i = 0; i < LIVES_MOST && outcome.state != WEIR_JOB_FINISHED; i++) {
        struct lab_attempt attempt = draw_attempt(&rng, at_least_once);
        if (i < KILLS) {
            attempt.timeout_ms = wr_rng_below(&rng, 4) == 0 ? 20 : 0;
            uint64_t operations = OPERATIONS_TO_KILL + wr_rng_below(&rng, OPERATIONS_TO_KILL);
            os_sim_power_off_at(lab.sim, os_sim_operation_count(lab.sim) + operations);
        }
        run(&lab, &attempt, &outcome, shown);
        if (outcome.finished_before) {
            outcome.state = WEIR_JOB_FINISHED;
        }
        lab_kill(&lab);
        if (!lab_judge(&lab, false) || (i >= KILLS && outcome.state != WEIR_JOB_FINISHED)) {
            print_error("seed %" PRIu64 ": %s; %s\n", seed, lab.words, outcome.error.message);
            fail();
        }
    }
    if (!lab_judge(&lab, true)) {
        print_error("seed %" PRIu64 ": %s\n", seed, lab.words);
        fail();
    }
    lab_fini(&lab);
}

static void
run_seeds(bool at_least_once)
{
    struct shown shown = { 0 };
    for (uint64_t seed = 1; seed <= 60; seed++) {
        run_drawn(seed, at_least_once, &shown);
    }
    assert_true(shown.overlapping >= 50000); /* it is about something */
    assert_true(shown.restored >= 300);
}

TEST(jobs_with_several_checkpoints_under_way_are_exactly_once)
{
    run_seeds(false);
}

TEST(jobs_with_several_checkpoints_under_way_at_least_once_lose_nothing)
{
    run_seeds(true);
}
