/* SPDX-License-Identifier: Apache-2.0 */
/* simulate: whole jobs under random schedules, kills and disk faults, judged by the oracle (rung
 * R4).
 *
 *   simulate --seeds 2000 [--first 0x1]       a campaign; floors are enforced
 *   simulate --seed 0x5eed                    one seed, with words
 *   ... --job windows                         this job, whatever the seed draws
 *
 * Each seed draws a job, its size, and for every attempt parallelism, batch size, channel depth,
 * interval and what goes wrong: a kill at some operation of the system, faults of the disk by
 * chance, a stop, or nothing. One seed in twenty runs twice and must leave the same trace.
 */
#include "support/lab.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ATTEMPTS_MAX = 60
};

static const enum lab_job jobs[] = { LAB_SEQUENCE_SUM, LAB_WORDCOUNT, LAB_WINDOWS };
static const char *const job_names[] = { "sequence_sum", "wordcount", "windows" };

/* Its place in these; -1: there is none of this name. */
static int
find_job(const char *name)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(job_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

struct totals {
    uint64_t seeds, attempts, steps, kills, faulty, stops, restores, checkpoints, replays;
};

enum trouble {
    TROUBLE_NONE,
    TROUBLE_KILL,
    TROUBLE_FAULTS,
    TROUBLE_STOP
};

static enum trouble
draw_attempt(struct lab *lab, unsigned number, struct lab_attempt *out)
{
    struct wr_rng *rng = &lab->rng;
    *out = (struct lab_attempt){
        .parallelism = 1 + (uint32_t)wr_rng_below(rng, 4),
        .batch_size = 1 + (uint32_t)wr_rng_below(rng, 16),
        .batches_per_channel = 1 + (uint32_t)wr_rng_below(rng, 3),
        .interval_ms = 10 + wr_rng_below(rng, 40),
        .tolerable = (uint32_t)wr_rng_below(rng, 3),
        .retained = 1 + (uint32_t)wr_rng_below(rng, 3),
        .rate = 1000 + wr_rng_below(rng, 20000),
        .incremental = wr_rng_below(rng, 2) == 0,
        .inlined = wr_rng_below(rng, 3) == 0,
        .watch = true,
    };
    if (number + 8 >= ATTEMPTS_MAX) {
        return TROUBLE_NONE; /* let it come to its end */
    }
    uint64_t draw = wr_rng_below(rng, 10);
    return draw < 5   ? TROUBLE_KILL
           : draw < 7 ? TROUBLE_FAULTS
           : draw < 8 ? TROUBLE_STOP
                      : TROUBLE_NONE;
}

/* False: the seed has failed, lab->words says why. */
static bool
check_outcome(struct lab *lab, enum trouble trouble, const struct lab_outcome *outcome)
{
    if (lab->words[0] != '\0') {
        return false;
    }
    bool failed = outcome->created != WEIR_OK || outcome->state == WEIR_JOB_FAILED;
    if (failed && outcome->error.message[0] == '\0') {
        snprintf(lab->words, sizeof lab->words, "a failure without words (status %d)",
                 (int)outcome->created);
        return false;
    }
    if (failed && trouble != TROUBLE_KILL && trouble != TROUBLE_FAULTS) {
        snprintf(lab->words, sizeof lab->words, "an attempt without trouble failed: %s",
                 outcome->error.message);
        return false;
    }
    return true;
}

static void
run_attempt(struct lab *lab, struct lab_attempt *attempt, enum trouble trouble,
            struct lab_outcome *outcome, struct totals *totals)
{
    struct os_fault fault;
    struct os_fault_plan plan = { .per_mille = 2 + (unsigned)wr_rng_below(&lab->rng, 12),
                                  .seed = wr_rng_next(&lab->rng) };
    uint64_t ahead = 1 + wr_rng_below(&lab->rng, 600);
    if (trouble == TROUBLE_FAULTS) {
        os_fault_init(&fault, os_sim_os(lab->sim), &plan);
        attempt->os = &fault.os;
        totals->faulty++;
    } else if (trouble == TROUBLE_KILL) {
        os_sim_power_off_at(lab->sim, os_sim_operation_count(lab->sim) + ahead);
    } else if (trouble == TROUBLE_STOP) {
        attempt->stop_after_steps = 1 + wr_rng_below(&lab->rng, 4000);
    }
    lab_run(lab, attempt, outcome);
    totals->kills += trouble == TROUBLE_KILL && os_sim_power_is_off(lab->sim);
    totals->stops += outcome->state == WEIR_JOB_STOPPED;
    totals->restores += outcome->restored_id != 0;
    totals->checkpoints += outcome->checkpoints;
    totals->attempts++;
    totals->steps += outcome->steps;
}

/* One seed to its end; the trace's hash, or 0 with words. only: this job; -1: as the seed draws. */
static uint64_t
run_seed(uint64_t seed, int only, bool trace, struct totals *totals, char *words, size_t room)
{
    struct wr_rng rng;
    wr_rng_init(&rng, seed ^ 0x77656972U);
    enum lab_job job = only >= 0 ? jobs[only] : jobs[wr_rng_below(&rng, 3)];
    uint64_t events =
        job == LAB_WORDCOUNT ? 10 + wr_rng_below(&rng, 100) : 50 + wr_rng_below(&rng, 700);
    struct lab lab;
    lab_init(&lab, seed, job, events, 1 + wr_rng_below(&rng, 40));
    bool ended = false;
    bool good = true;
    for (unsigned i = 0; good && !ended && i < ATTEMPTS_MAX; i++) {
        struct lab_attempt attempt;
        struct lab_outcome outcome;
        enum trouble trouble = draw_attempt(&lab, i, &attempt);
        run_attempt(&lab, &attempt, trouble, &outcome, totals);
        if (trace) {
            printf("attempt %u: p=%u batch=%u x%u every %" PRIu64 " ms, trouble %d -> %s, %" PRIu64
                   " steps, restored %" PRIu64 ", %" PRIu64 " checkpoints %s\n",
                   i, attempt.parallelism, attempt.batch_size, attempt.batches_per_channel,
                   attempt.interval_ms, (int)trouble,
                   outcome.state != 0 ? weir_job_state_name(outcome.state) : "not created",
                   outcome.steps, outcome.restored_id, outcome.checkpoints, outcome.error.message);
        }
        lab_kill(&lab);
        good = check_outcome(&lab, trouble, &outcome);
        ended = outcome.state == WEIR_JOB_FINISHED || outcome.finished_before;
    }
    if (good && !ended) {
        snprintf(lab.words, sizeof lab.words, "did not finish in %d attempts", ATTEMPTS_MAX);
        good = false;
    }
    good = good && lab_judge(&lab, true);
    uint64_t hash = os_sim_trace_hash(lab.sim) | 1;
    if (!good) {
        snprintf(words, room, "%s", lab.words);
        if (trace) {
            os_sim_trace_print(lab.sim, stdout);
            os_sim_tree_print(lab.sim, stdout);
        }
    }
    lab_fini(&lab);
    totals->seeds++;
    return good ? hash : 0;
}

static int
run_campaign(uint64_t first, uint64_t count, int only)
{
    struct totals totals = { 0 };
    char words[2048] = "";
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seed = first + i;
        uint64_t hash = run_seed(seed, only, false, &totals, words, sizeof words);
        if (hash != 0 && i % 20 == 0) {
            struct totals ignored = { 0 };
            totals.replays++;
            if (run_seed(seed, only, false, &ignored, words, sizeof words) != hash) {
                snprintf(words, sizeof words, "the same seed left another trace");
                hash = 0;
            }
        }
        if (hash == 0) {
            printf("seed 0x%" PRIx64 ": %s\nreplay: tests/simulate --seed 0x%" PRIx64 "%s%s\n",
                   seed, words, seed, only >= 0 ? " --job " : "", only >= 0 ? job_names[only] : "");
            return 1;
        }
    }
    printf("R4 seeds %" PRIu64 "/%" PRIu64 " attempts %" PRIu64 " steps %" PRIu64 " kills %" PRIu64
           " faulty %" PRIu64 " stops %" PRIu64 " restores %" PRIu64 " checkpoints %" PRIu64
           " replayed %" PRIu64 "\n",
           totals.seeds, count, totals.attempts, totals.steps, totals.kills, totals.faulty,
           totals.stops, totals.restores, totals.checkpoints, totals.replays);
    bool enough = totals.kills >= count / 2 && totals.restores >= count / 2 &&
                  totals.checkpoints >= count && totals.faulty >= count / 10 &&
                  totals.stops >= count / 50;
    if (!enough) {
        printf("too little happened: the run is invalid\n");
    }
    return enough ? 0 : 1;
}

int
main(int argc, char **argv)
{
    uint64_t first = 1;
    uint64_t count = 100;
    bool trace = false;
    uint64_t one = 0;
    int only = -1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--seeds") == 0) {
            count = strtoull(value, NULL, 0);
            i++;
        } else if (strcmp(argv[i], "--first") == 0) {
            first = strtoull(value, NULL, 0);
            i++;
        } else if (strcmp(argv[i], "--seed") == 0) {
            one = strtoull(value, NULL, 0);
            trace = true;
            i++;
        } else if (strcmp(argv[i], "--job") == 0 && find_job(value) >= 0) {
            only = find_job(value);
            i++;
        } else {
            fprintf(stderr, "usage: simulate [--seeds N] [--first SEED] | --seed SEED, [--job "
                            "sequence_sum|wordcount|windows]\n");
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!trace) {
        return run_campaign(first, count, only);
    }
    struct totals totals = { 0 };
    char words[2048] = "";
    if (run_seed(one, only, true, &totals, words, sizeof words) == 0) {
        printf("seed 0x%" PRIx64 ": %s\n", one, words);
        return 1;
    }
    printf("seed 0x%" PRIx64 ": good\n", one);
    return 0;
}
