/* SPDX-License-Identifier: Apache-2.0 */
/* crash: power cuts (rung R5). The file operations of a run that restores, takes checkpoints, commits and
 * drops are replayed as every prefix, every single un-synced operation lost, and torn writes.
 *
 *   crash            every state restores the newest complete checkpoint and ends exactly once
 *   crash --syncs    each fsync left away in turn is noticed by some state
 *   crash --state N  one state of the first scenario, with words
 */
#include "support/lab.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scenario {
    const char *name;
    enum lab_job job;
    uint64_t events;
    uint32_t parallelism;
};

static const struct scenario scenarios[] = {
    { "sequence_sum", LAB_SEQUENCE_SUM, 40, 1 },
    { "sequence_sum, two subtasks", LAB_SEQUENCE_SUM, 30, 2 },
    { "wordcount", LAB_WORDCOUNT, 8, 1 },
};

enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0], SEED = 0xc4a5 };

static struct lab_attempt
attempt_of(const struct scenario *scenario)
{
    return (struct lab_attempt){ .parallelism = scenario->parallelism,
                                 .batch_size = 4,
                                 .batches_per_channel = 2,
                                 .interval_ms = 10,
                                 .retained = 1,
                                 .rate = 1000,
                                 .steps_max = 400000 };
}

/* --- a system that leaves one sync away --- */

struct lazy {
    struct wr_os_ops ops; /* the simulated system's, but for sync */
    const struct wr_os_ops *real;
    uint64_t skip_at; /* the sync call to skip, from 1; 0: none */
    uint64_t syncs;
    size_t skipped_log; /* operations in the log when it was skipped */
    struct os_sim *sim;
};

static struct lazy *lazy_now; /* one at a time: sync gets the simulated system's own object */

static int
lazy_sync(struct wr_os *os, int file, bool data_only)
{
    struct lazy *lazy = lazy_now;
    if (++lazy->syncs == lazy->skip_at) {
        lazy->skipped_log = os_sim_log_count(lazy->sim);
        return 0;
    }
    return lazy->real->sync(os, file, data_only);
}

/* --- one state --- */

static bool
is_marked_before(const struct lab *from, size_t prefix, uint64_t restored, char *words, size_t room)
{
    for (size_t i = 0; i < from->mark_count; i++) {
        if (from->marks[i].log_count <= prefix && from->marks[i].checkpoint_id > restored) {
            snprintf(words, room, "checkpoint %" PRIu64 " was complete, %" PRIu64 " was restored",
                     from->marks[i].checkpoint_id, restored);
            return true;
        }
    }
    return false;
}

/* Runs the job on the state to its end. NULL: all is well. */
static const char *
run_state(const struct lab *from, const struct scenario *scenario, struct os_sim_crash *crash)
{
    static char words[4096];
    struct lab lab = *from;
    lab.sim = os_sim_crash_materialize(crash);
    lab.observer = NULL;
    lab.seen = calloc(LAB_FILES_MAX, sizeof *lab.seen);
    lab.seen_count = 0;
    wr_rng_init(&lab.rng, SEED);
    struct lab_attempt attempt = attempt_of(scenario);
    struct lab_outcome outcome;
    const char *bad = NULL;
    if (!lab_judge(&lab, false)) {
        snprintf(words, sizeof words, "the output after the cut: %s", lab.words);
        bad = words;
    }
    lab_run(&lab, &attempt, &outcome);
    if (bad == NULL && !outcome.finished_before && outcome.state != WEIR_JOB_FINISHED) {
        snprintf(words, sizeof words, "did not go on: %s%s", outcome.error.message, lab.words);
        bad = words;
    }
    if (bad == NULL && !outcome.finished_before
        && is_marked_before(from, os_sim_crash_prefix(crash), outcome.restored_id, words,
                            sizeof words)) {
        bad = words;
    }
    if (bad == NULL && !lab_judge(&lab, true)) {
        snprintf(words, sizeof words, "%s", lab.words);
        bad = words;
    }
    lab_fini(&lab);
    return bad;
}

/* --- a scenario --- */

/* Runs it on a fresh system; the log then holds all its operations. */
static bool
record(struct lab *lab, const struct scenario *scenario, uint64_t skip_at, struct lazy *lazy)
{
    lab_init(lab, SEED, scenario->job, scenario->events, 7);
    os_sim_log_reset(lab->sim);
    struct wr_os *os = os_sim_os(lab->sim);
    *lazy = (struct lazy){
        .ops = *os->ops, .real = os->ops, .skip_at = skip_at, .sim = lab->sim
    };
    lazy->ops.sync = lazy_sync;
    lazy_now = lazy;
    os->ops = &lazy->ops;
    struct lab_attempt attempt = attempt_of(scenario);
    struct lab_outcome outcome;
    lab_run(lab, &attempt, &outcome);
    os->ops = lazy->real;
    lazy_now = NULL;
    lab_kill(lab);
    if (outcome.state != WEIR_JOB_FINISHED || lab->mark_count < 3) {
        printf("%s: the run to record ended badly: %zu checkpoints, %s\n", scenario->name,
               lab->mark_count, outcome.error.message);
        return false;
    }
    return true;
}

static bool
explore(const struct scenario *scenario, uint64_t only, uint64_t *states, uint64_t *failures)
{
    struct lab lab;
    struct lazy lazy;
    if (!record(&lab, scenario, 0, &lazy)) {
        return false;
    }
    struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_SINGLE | OS_SIM_CRASH_RANDOM,
                                            .random_per_prefix = 1,
                                            .seed = SEED };
    struct os_sim_crash *crash = os_sim_crash_begin(lab.sim, &options);
    uint64_t number = 0;
    while (os_sim_crash_next(crash)) {
        number++;
        if (only != 0 && number != only) {
            continue;
        }
        *states += 1;
        const char *bad = run_state(&lab, scenario, crash);
        if (bad != NULL) {
            printf("%s, state %" PRIu64 " (%s): %s\n", scenario->name, number,
                   os_sim_crash_words(crash), bad);
            *failures += 1;
        }
    }
    os_sim_crash_end(crash);
    printf("%s: %zu operations, %zu checkpoints, %" PRIu64 " states\n", scenario->name,
           os_sim_log_count(lab.sim), lab.mark_count, number);
    lab_fini(&lab);
    return true;
}

/* True if some state after the skipped sync shows that it was needed. */
static bool
is_noticed(const struct scenario *scenario, uint64_t skip_at, bool *out_there)
{
    enum { AHEAD = 60 };
    struct lab lab;
    struct lazy lazy;
    bool recorded = record(&lab, scenario, skip_at, &lazy);
    *out_there = lazy.syncs >= skip_at;
    bool noticed = !recorded;
    if (recorded && *out_there) {
        struct os_sim_crash_options options = { .from = lazy.skipped_log,
                                                .to = lazy.skipped_log + AHEAD,
                                                .kinds = OS_SIM_CRASH_SINGLE };
        if (options.to > os_sim_log_count(lab.sim)) {
            options.to = 0;
        }
        struct os_sim_crash *crash = os_sim_crash_begin(lab.sim, &options);
        while (!noticed && os_sim_crash_next(crash)) {
            noticed = run_state(&lab, scenario, crash) != NULL;
        }
        os_sim_crash_end(crash);
    }
    lab_fini(&lab);
    return noticed;
}

static int
skip_syncs(void)
{
    uint64_t found = 0;
    uint64_t total = 0;
    bool there = true;
    for (uint64_t at = 1; there; at++) {
        bool noticed = is_noticed(&scenarios[0], at, &there);
        if (there) {
            total++;
            found += noticed;
            if (!noticed) {
                printf("sync %" PRIu64 " could be left away unnoticed\n", at);
            }
        }
    }
    printf("R5 syncs left away %" PRIu64 ", noticed %" PRIu64 "\n", total, found);
    return total != 0 && found == total ? 0 : 1;
}

int
main(int argc, char **argv)
{
    enum { FLOOR = 3000 };
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "--syncs") == 0) {
        return skip_syncs();
    }
    uint64_t only = argc == 3 && strcmp(argv[1], "--state") == 0 ? strtoull(argv[2], NULL, 0) : 0;
    uint64_t states = 0;
    uint64_t failures = 0;
    for (size_t i = 0; i < (only != 0 ? 1 : SCENARIOS); i++) {
        if (!explore(&scenarios[i], only, &states, &failures)) {
            return 1;
        }
    }
    printf("R5 states %" PRIu64 ", %" PRIu64 " failures\n", states, failures);
    return failures == 0 && (only != 0 || states >= FLOOR) ? 0 : 1;
}
