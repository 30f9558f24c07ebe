/* SPDX-License-Identifier: Apache-2.0 */
/* points: every system call and every allocation of a whole job's life fails in turn (rungs R6,
 * R7).
 *
 *   points calls         each fallible call x {EIO, ENOSPC, EINTR, short} x {once, sticky}
 *   points allocations   each request x {once, sticky}
 *       --only N         that point alone
 *       --scenario N     of that scenario alone; counted from 1
 *
 * A scenario is a run that restores from a checkpoint, takes three more, commits, drops and ends.
 * At each point: an error with words or a clean retry, no crash, no leak; and the run that follows,
 * without faults, ends with everything committed exactly once.
 */
#include "support/lab.h"
#include "support/relay_job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scenario {
    const char *name;
    enum lab_job job;
    uint64_t events;
    uint32_t parallelism;
    uint64_t
        stop_after; /* a run stopped after so many steps comes before, without faults; 0: none */
    bool direct;    /* the file system takes O_DIRECT */
    bool incremental;
    bool inlined;      /* small state stands in _metadata */
    uint64_t fails_at; /* relay: the record that its function fails at; the job restarts. 0: none */
};

static const struct scenario scenarios[] = {
    { "sequence_sum, from empty", LAB_SEQUENCE_SUM, 40, 1, 0, true, false, false, 0 },
    { "sequence_sum, two subtasks, restored", LAB_SEQUENCE_SUM, 60, 2, 900, true, false, false, 0 },
    { "sequence_sum, restored, incremental", LAB_SEQUENCE_SUM, 50, 1, 700, true, true, false, 0 },
    { "wordcount, restored", LAB_WORDCOUNT, 12, 1, 300, true, false, false, 0 },
    { "wordcount, restored, inlined", LAB_WORDCOUNT, 12, 1, 300, true, false, true, 0 },
    { "windows, restored", LAB_WINDOWS, 30, 1, 600, true, false, false, 0 },
    { "wordcount over a socket", LAB_SOCKET, 3, 1, 0, true, false, false, 0 },
    { "wordcount, two subtasks, no O_DIRECT", LAB_WORDCOUNT, 8, 2, 0, false, false, false, 0 },
    { "relay, restarted", LAB_RELAY, 40, 1, 0, true, false, false, 25 },
};

enum {
    SCENARIOS = sizeof scenarios / sizeof scenarios[0],
    SEED = 0x5eed
};

static const struct {
    const char *name;
    int error;
} errors[] = {
    { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EINTR", EINTR }, { "short", OS_FAULT_SHORT }
};

enum {
    ERRORS = sizeof errors / sizeof errors[0]
};

static struct lab_attempt
attempt_of(const struct scenario *scenario)
{
    return (struct lab_attempt){ .parallelism = scenario->parallelism,
                                 .batch_size = 4,
                                 .batches_per_channel = 2,
                                 .interval_ms = 10,
                                 .retained = 1,
                                 .incremental = scenario->incremental,
                                 .inlined = scenario->inlined,
                                 .rate = 1000,
                                 .restarts = scenario->fails_at != 0 ? 3 : 0,
                                 .steps_max = 400000 };
}

static void
open_lab(struct lab *lab, const struct scenario *scenario)
{
    lab_init(lab, SEED, scenario->job, scenario->events, 7);
    struct os_sim_config config = { .seed = SEED,
                                    .clock_step_ns = 3000,
                                    .cpu_count = 2,
                                    .refuse_direct = !scenario->direct,
                                    .no_log = true };
    if (scenario->direct) {
        return;
    }
    struct os_sim *sim = os_sim_create(&config);
    os_sim_directory_put(sim, "/var");
    os_sim_directory_put(sim, "/srv");
    for (int i = 0; i < 3; i++) {
        char path[64];
        size_t size;
        snprintf(path, sizeof path, LAB_INPUT "/text-%d", i);
        const uint8_t *data = os_sim_file_get(lab->sim, path, &size);
        if (data != NULL) {
            os_sim_file_put(sim, path, data, size);
        }
    }
    lab_use(lab, sim);
}

/* Makes the lab as the scenario wants it before the run with faults. A job that has ended before it
 * was to be stopped is stopped earlier. */
static bool
prepare(struct lab *lab, const struct scenario *scenario, const char **out_words)
{
    uint64_t stop_after = scenario->stop_after;
    struct lab_outcome outcome = { .state = WEIR_JOB_FINISHED };
    open_lab(lab, scenario);
    if (stop_after == 0) {
        return true;
    }
    for (;;) {
        struct lab_attempt attempt = attempt_of(scenario);
        attempt.stop_after_steps = stop_after;
        lab_run(lab, &attempt, &outcome);
        lab_kill(lab);
        stop_after = stop_after * 3 / 4;
        if (outcome.state != WEIR_JOB_FINISHED || stop_after == 0) {
            break;
        }
        lab_fini(lab);
        open_lab(lab, scenario);
    }
    *out_words = outcome.error.message[0] != '\0' ? outcome.error.message : lab->words;
    return outcome.state == WEIR_JOB_STOPPED;
}

/* What must hold after the run with a fault; NULL: all is well. */
static const char *
check_after(struct lab *lab, const struct scenario *scenario, const struct lab_outcome *outcome,
            struct alloc_fault *alloc)
{
    static char words[4096];
    if (alloc_fault_leaks(alloc, stderr) != 0) {
        return "memory leaked";
    }
    bool ended_well = outcome->created == WEIR_OK && outcome->state == WEIR_JOB_FINISHED;
    bool failed = outcome->created != WEIR_OK || outcome->state == WEIR_JOB_FAILED;
    if (lab->words[0] != '\0') {
        return lab->words;
    }
    if (failed && outcome->error.message[0] == '\0' && outcome->error.status != WEIR_NOMEM &&
        outcome->created != WEIR_NOMEM) {
        snprintf(words, sizeof words, "failed without words: created %d state %d status %d",
                 (int)outcome->created, (int)outcome->state, (int)outcome->error.status);
        return words;
    }
    if (!failed && !ended_well && outcome->state != WEIR_JOB_CANCELED) {
        snprintf(words, sizeof words, "neither failed nor finished: state %d", (int)outcome->state);
        return words;
    }
    lab_kill(lab);
    struct lab_outcome again = { 0 };
    struct lab_attempt attempt = attempt_of(scenario);
    if (scenario->job == LAB_SOCKET) {
        lab_listen(lab);
    }
    lab_run(lab, &attempt, &again);
    if (!again.finished_before && again.state != WEIR_JOB_FINISHED) {
        snprintf(words, sizeof words, "the run after it did not finish: %s%s", again.error.message,
                 lab->words);
        return words;
    }
    lab_kill(lab);
    return lab_judge(lab, true) ? NULL : lab->words;
}

/* One run with this plan; how many calls and requests it saw. False: with words on stdout. */
static bool
run_point(const struct scenario *scenario, const struct os_fault_plan *plan, uint64_t alloc_at,
          bool alloc_sticky, struct os_fault *out_fault, uint64_t *out_requests)
{
    struct lab lab;
    const char *words = "";
    if (!prepare(&lab, scenario, &words)) {
        printf("%s: could not be prepared: %s\n", scenario->name, words);
        lab_fini(&lab);
        return false;
    }
    os_fault_init(out_fault, os_sim_os(lab.sim), plan);
    struct relay_orders orders = { .place = RELAY_PROCESS, .countdown = scenario->fails_at };
    lab.relay = scenario->fails_at != 0 ? &orders : NULL;
    struct alloc_fault alloc;
    alloc_fault_init(&alloc, alloc_at, alloc_sticky);
    struct lab_attempt attempt = attempt_of(scenario);
    attempt.os = &out_fault->os;
    attempt.alloc = &alloc;
    struct lab_outcome outcome;
    lab_run(&lab, &attempt, &outcome);
    *out_requests = alloc.requests;
    const char *bad = check_after(&lab, scenario, &outcome, &alloc);
    if (bad != NULL) {
        printf("%s: %s\n  the failed run: created %s, state %s, %s\n", scenario->name, bad,
               weir_status_name(outcome.created),
               outcome.state != 0 ? weir_job_state_name(outcome.state) : "-",
               outcome.error.message);
    }
    alloc_fault_fini(&alloc);
    lab_fini(&lab);
    return bad == NULL;
}

static bool
run_calls(uint64_t only, size_t scenario, uint64_t *points, uint64_t *visited, uint64_t *failures)
{
    uint64_t number = 0;
    for (size_t i = 0; i < SCENARIOS; i++) {
        if (scenario != 0 && scenario != i + 1) {
            continue;
        }
        struct os_fault_plan none = { .fail_at = 0 };
        struct os_fault fault;
        uint64_t requests;
        if (!run_point(&scenarios[i], &none, 0, false, &fault, &requests)) {
            return false;
        }
        uint64_t calls = fault.calls;
        printf("%s: %" PRIu64 " calls\n", scenarios[i].name, calls);
        for (uint64_t at = 1; at <= calls; at++) {
            for (size_t j = 0; j < 2 * ERRORS; j++) {
                struct os_fault_plan plan = { .fail_at = at,
                                              .error = errors[j / 2].error,
                                              .sticky = j % 2 != 0 };
                number++;
                if (only != 0 && only != number) {
                    continue;
                }
                bool good = run_point(&scenarios[i], &plan, 0, false, &fault, &requests);
                *points += 1;
                *visited += fault.hit || plan.error == OS_FAULT_SHORT;
                if (!good) {
                    printf("  at call %" PRIu64
                           " (%s %s), %s %s\n  replay: tests/points calls --only "
                           "%" PRIu64 "\n",
                           at, fault.hit_name != NULL ? fault.hit_name : "not hit", fault.hit_path,
                           errors[j / 2].name, plan.sticky ? "sticky" : "once", number);
                    *failures += 1;
                }
            }
        }
    }
    return true;
}

static bool
run_allocations(uint64_t only, size_t scenario, uint64_t *points, uint64_t *visited,
                uint64_t *failures)
{
    uint64_t number = 0;
    for (size_t i = 0; i < SCENARIOS; i++) {
        if (scenario != 0 && scenario != i + 1) {
            continue;
        }
        struct os_fault_plan none = { .fail_at = 0 };
        struct os_fault fault;
        uint64_t requests;
        if (!run_point(&scenarios[i], &none, 0, false, &fault, &requests)) {
            return false;
        }
        uint64_t total = requests;
        printf("%s: %" PRIu64 " requests\n", scenarios[i].name, total);
        for (uint64_t at = 1; at <= total; at++) {
            for (int sticky = 0; sticky < 2; sticky++) {
                number++;
                if (only != 0 && only != number) {
                    continue;
                }
                bool good = run_point(&scenarios[i], &none, at, sticky != 0, &fault, &requests);
                *points += 1;
                *visited += requests >= at;
                if (!good) {
                    printf("  at request %" PRIu64
                           ", %s\n  replay: tests/points allocations --only "
                           "%" PRIu64 "\n",
                           at, sticky != 0 ? "sticky" : "once", number);
                    *failures += 1;
                }
            }
        }
    }
    return true;
}

int
main(int argc, char **argv)
{
    enum {
        FLOOR = 2000
    };
    if (argc < 2 || (strcmp(argv[1], "calls") != 0 && strcmp(argv[1], "allocations") != 0)) {
        fprintf(stderr, "usage: points calls|allocations [--only N] [--scenario N]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    bool calls = strcmp(argv[1], "calls") == 0;
    uint64_t only = 0;
    size_t scenario = 0;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--only") == 0) {
            only = strtoull(argv[i + 1], NULL, 0);
        } else {
            scenario = (size_t)strtoull(argv[i + 1], NULL, 0);
        }
    }
    uint64_t points = 0;
    uint64_t visited = 0;
    uint64_t failures = 0;
    bool ran = calls ? run_calls(only, scenario, &points, &visited, &failures)
                     : run_allocations(only, scenario, &points, &visited, &failures);
    printf("%s points %" PRIu64 "/%" PRIu64 ", %" PRIu64 " failures\n", calls ? "R6" : "R7",
           visited, points, failures);
    bool enough = only != 0 || scenario != 0 || (points >= FLOOR && visited == points);
    return ran && enough && failures == 0 ? 0 : 1;
}
