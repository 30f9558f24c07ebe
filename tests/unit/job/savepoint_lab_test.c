/* SPDX-License-Identifier: Apache-2.0 */
/* Savepoints of whole jobs with a transactional sink, in the lab: whatever is asked for at whatever
 * step, under whatever schedule, the committed output is exactly the right one once the job has
 * gone on from what was left. And: every allocation and every call of the system failed in turn.
 */
#include "support/lab.h"
#include "support/test.h"

#include "job/running.h"

#include <errno.h>
#include <string.h>

#define SAVEPOINTS "/srv/savepoints"

enum {
    EVENTS = 400,
    KEYS = 13,
    STEPS_MAX = 400000
};

/* What is asked for, at which step, and the number and the answer of each. */
struct story {
    uint64_t manual_at; /* a checkpoint; 0: none */
    uint64_t beside_at;
    uint64_t last_at;
    weir_savepoint_parameters last;
    uint64_t manual, beside, ending; /* numbers */
    weir_request_report report;      /* of the last */
    unsigned unanswered;
    unsigned completed;
};

static struct lab_attempt
attempt_of(struct wr_rng *rng)
{
    static const uint32_t parallelisms[] = { 1, 2, 3 };
    return (struct lab_attempt){
        .parallelism = parallelisms[wr_rng_below(rng, 3)],
        .batch_size = 4,
        .batches_per_channel = 1 + (uint32_t)wr_rng_below(rng, 3),
        .interval_ms = 10,
        .retained = 1 + (uint32_t)wr_rng_below(rng, 2),
        .rate = 4000,
        .incremental = wr_rng_below(rng, 2) == 0,
        .max_concurrent = 1 + (uint32_t)wr_rng_below(rng, 3),
        .tolerable = 5,
    };
}

/* A refusal (no memory, ended) is an answer too: 0. */
static uint64_t
ask(weir_job *job, weir_savepoint_parameters wish)
{
    uint64_t request = 0;
    wish.size = sizeof wish;
    wish.directory = SAVEPOINTS;
    weir_error error;
    return weir_job_trigger_savepoint(job, &wish, &request, &error) == WEIR_OK ? request : 0;
}

static void
act(struct story *story, weir_job *job, uint64_t step)
{
    weir_error error;
    if (step == story->manual_at &&
        weir_job_trigger_checkpoint(job, WEIR_CHECKPOINT_FULL, &story->manual, &error) != WEIR_OK) {
        story->manual = 0;
    }
    if (step == story->beside_at) {
        story->beside = ask(job, (weir_savepoint_parameters){ 0 });
    }
    if (step == story->last_at) {
        story->ending = ask(job, story->last);
    }
}

static void
take_answer(struct story *story, weir_job *job, uint64_t request)
{
    weir_request_report report = { .size = sizeof report };
    if (request == 0) {
        return;
    }
    assert_int_equal(WEIR_OK, weir_job_request_wait(job, request, 0, &report));
    story->unanswered += report.state == WEIR_REQUEST_IN_PROGRESS;
    story->completed += report.state == WEIR_REQUEST_COMPLETED;
    if (report.state == WEIR_REQUEST_FAILED) {
        assert_true(report.error.status != WEIR_OK && report.error.message[0] != '\0');
    }
    story->report = report;
}

static void
run_story(struct lab *lab, struct story *story, const struct lab_attempt *attempt,
          struct lab_outcome *out)
{
    struct lab_life *life = lab_open(lab, attempt, out);
    if (life == NULL) {
        return;
    }
    weir_job *job = lab_job_of(life);
    for (uint64_t step = 1; step < STEPS_MAX && lab_turn(life); step++) {
        act(story, job, step);
        if (step == story->manual_at || step == story->beside_at || step == story->last_at) {
            lab_wake(life);
        }
    }
    take_answer(story, job, story->manual);
    take_answer(story, job, story->beside);
    memset(&story->report, 0, sizeof story->report);
    take_answer(story, job, story->ending);
    lab_close(life, out);
}

static void
assert_good(struct lab *lab, bool complete, uint64_t seed)
{
    if (!lab_judge(lab, complete)) {
        print_error("seed %llu: %s\n", (unsigned long long)seed, lab->words);
        fail();
    }
}

static void
assert_state(weir_job_state state, const struct lab_outcome *out, uint64_t seed)
{
    if (out->state != state) {
        print_error("seed %llu: %s, not %s: %s\n", (unsigned long long)seed,
                    out->state != 0 ? weir_job_state_name(out->state) : "not created",
                    weir_job_state_name(state), out->error.message);
        fail();
    }
}

/* The last savepoint's path; "": it did not come to be. */
static void
run_to_savepoint(struct lab *lab, uint64_t seed, weir_savepoint_parameters last,
                 struct story *story, struct lab_outcome *out)
{
    struct wr_rng rng;
    wr_rng_init(&rng, seed * 7919);
    *story = (struct story){ .last = last };
    story->manual_at = wr_rng_below(&rng, 1500);
    story->beside_at = 1 + wr_rng_below(&rng, 1500);
    story->last_at = 300 + wr_rng_below(&rng, 1700);
    lab_init(lab, seed, LAB_SEQUENCE_SUM, EVENTS, KEYS);
    struct lab_attempt attempt = attempt_of(&rng);
    run_story(lab, story, &attempt, out);
    assert_string_equal("", lab->words);
    assert_int_equal(0, story->unanswered);
    assert_good(lab, false, seed);
}

static void
go_on_from(struct lab *lab, const char *path, weir_claim_mode claim, uint64_t seed)
{
    struct wr_rng rng;
    struct lab_outcome out;
    wr_rng_init(&rng, seed * 104729);
    struct lab_attempt attempt = attempt_of(&rng);
    attempt.restore = path;
    attempt.claim = claim;
    lab_kill(lab);
    lab_run(lab, &attempt, &out);
    assert_state(WEIR_JOB_FINISHED, &out, seed);
    assert_good(lab, true, seed);
}

static bool
is_there(struct lab *lab, const char *path)
{
    struct wr_os *os = os_sim_process_create(lab->sim);
    struct wr_os_stat stat;
    return os->ops->stat(os, path, &stat) == 0;
}

/* --- all is well --- */

static void
go_on_at_any_step(weir_savepoint_parameters last, weir_job_state ended, uint64_t seeds)
{
    unsigned saved = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct lab lab;
        struct story story;
        struct lab_outcome out;
        weir_claim_mode claim = (weir_claim_mode)(1 + seed % 3);
        run_to_savepoint(&lab, seed, last, &story, &out);
        if (story.report.state == WEIR_REQUEST_COMPLETED) {
            saved++;
            assert_state(ended, &out, seed);
            go_on_from(&lab, story.report.path, claim, seed);
            assert_int_equal(claim != WEIR_CLAIM, is_there(&lab, story.report.path));
        } else {
            assert_state(WEIR_JOB_FINISHED, &out, seed); /* the input had ended before */
            assert_good(&lab, true, seed);
        }
        lab_fini(&lab);
    }
    assert_true(saved > seeds / 2);
}

TEST(a_job_stopped_with_a_savepoint_at_any_step_goes_on_exactly_once)
{
    go_on_at_any_step((weir_savepoint_parameters){ .stop = true }, WEIR_JOB_FINISHED, 60);
}

TEST(a_job_cancelled_with_a_savepoint_at_any_step_goes_on_exactly_once)
{
    go_on_at_any_step((weir_savepoint_parameters){ .cancel = true }, WEIR_JOB_CANCELED, 60);
}

TEST(a_drained_job_has_committed_all_that_it_took)
{
    unsigned saved = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct lab lab;
        struct story story;
        struct lab_outcome out;
        run_to_savepoint(&lab, seed, (weir_savepoint_parameters){ .stop = true, .drain = true },
                         &story, &out);
        assert_state(WEIR_JOB_FINISHED, &out, seed);
        saved += story.report.state == WEIR_REQUEST_COMPLETED;
        lab_fini(&lab);
    }
    assert_true(saved > 30);
}

/* Cut off at any operation while a savepoint is being made: latest: goes on. */
TEST(a_job_killed_beside_a_savepoint_goes_on_from_its_checkpoints)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct wr_rng rng;
        struct lab lab;
        struct story story = { .manual_at = 0 };
        struct lab_outcome out;
        wr_rng_init(&rng, seed);
        story.beside_at = 200 + wr_rng_below(&rng, 800);
        lab_init(&lab, seed, LAB_SEQUENCE_SUM, EVENTS, KEYS);
        struct lab_attempt attempt = attempt_of(&rng);
        os_sim_power_off_at(lab.sim, 300 + wr_rng_below(&rng, 400));
        run_story(&lab, &story, &attempt, &out);
        lab_kill(&lab);
        assert_good(&lab, false, seed);
        attempt = attempt_of(&rng);
        lab_run(&lab, &attempt, &out);
        assert_true(out.finished_before || out.state == WEIR_JOB_FINISHED);
        assert_good(&lab, true, seed);
        lab_fini(&lab);
    }
}

/* The newest complete savepoint there, or "". */
static void
find_savepoint(struct lab *lab, char out[1024])
{
    struct wr_os *os = os_sim_process_create(lab->sim);
    struct wr_os_list *list;
    char name[WR_OS_NAME_MAX];
    out[0] = '\0';
    if (os->ops->list_open(os, SAVEPOINTS, &list) != 0) {
        return;
    }
    while (os->ops->list_next(os, list, name) == 0) {
        if (strncmp(name, "savepoint-", 10) == 0) {
            snprintf(out, 1024, SAVEPOINTS "/%.200s", name);
        }
    }
    os->ops->list_close(os, list);
}

/* Killed at any operation of a stop with a savepoint: if that is there the job goes on from it,
 * else from its checkpoints; either way nothing is lost or doubled. */
TEST(a_job_killed_while_it_is_stopped_with_a_savepoint_goes_on_from_what_there_is)
{
    unsigned saved = 0;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct wr_rng rng;
        struct lab lab;
        struct lab_outcome out;
        char path[1024];
        wr_rng_init(&rng, seed);
        struct story story = { .last = { .stop = true } };
        story.last_at = 300 + wr_rng_below(&rng, 400);
        lab_init(&lab, seed, LAB_SEQUENCE_SUM, EVENTS, KEYS);
        struct lab_attempt attempt = attempt_of(&rng);
        os_sim_power_off_at(lab.sim, 120 + wr_rng_below(&rng, 500));
        run_story(&lab, &story, &attempt, &out);
        lab_kill(&lab);
        assert_good(&lab, false, seed);
        find_savepoint(&lab, path);
        attempt = attempt_of(&rng);
        attempt.restore = path[0] != '\0' ? path : NULL;
        saved += path[0] != '\0';
        lab_run(&lab, &attempt, &out);
        assert_true(out.finished_before || out.state == WEIR_JOB_FINISHED);
        assert_good(&lab, true, seed);
        lab_fini(&lab);
    }
    assert_true(saved >= 20 && saved <= 100); /* both were met */
}

/* --- each allocation and each call fails in turn --- */

/* The job ended well or failed with words, every request was answered, nothing leaked, and what was
 * left goes on to the right output. Returns how many calls and allocations there were. */
static void
run_point(const struct os_fault_plan *plan, uint64_t alloc_at, bool restarts, uint64_t *out_calls,
          uint64_t *out_requests)
{
    struct lab lab;
    struct lab_outcome out;
    struct os_fault fault;
    struct alloc_fault alloc;
    struct story story = { .manual_at = 250, .beside_at = 0, .last_at = 420 };
    story.last.stop = true;
    lab_init(&lab, 4711, LAB_SEQUENCE_SUM, 120, 5);
    os_fault_init(&fault, os_sim_os(lab.sim), plan);
    alloc_fault_init(&alloc, alloc_at, false);
    struct lab_attempt attempt = { .parallelism = 1,
                                   .batch_size = 4,
                                   .batches_per_channel = 2,
                                   .interval_ms = 10,
                                   .rate = 2000,
                                   .restarts = restarts ? 3 : 0,
                                   .os = &fault.os,
                                   .alloc = &alloc };
    run_story(&lab, &story, &attempt, &out);
    *out_calls = fault.calls;
    *out_requests = alloc.requests;
    assert_string_equal("", lab.words);
    assert_int_equal(0, story.unanswered);
    assert_int_equal(0, alloc_fault_leaks(&alloc, stderr));
    assert_true(out.state == WEIR_JOB_FINISHED || out.created != WEIR_OK ||
                (out.state == WEIR_JOB_FAILED && out.error.message[0] != '\0'));
    lab_kill(&lab);
    char saved[1024];
    find_savepoint(&lab, saved);
    /* A stop that failed behind its savepoint may have gone on from that, to the job's end. */
    bool is_over = story.report.state != WEIR_REQUEST_COMPLETED && out.state == WEIR_JOB_FINISHED;
    attempt = (struct lab_attempt){ .parallelism = 1, .interval_ms = 10 };
    attempt.restore = saved[0] != '\0' ? saved : NULL;
    if (!is_over) {
        lab_run(&lab, &attempt, &out);
        if (!out.finished_before) {
            assert_state(WEIR_JOB_FINISHED, &out, alloc_at + plan->fail_at);
        }
    }
    lab_kill(&lab);
    assert_good(&lab, true, alloc_at + plan->fail_at);
    alloc_fault_fini(&alloc);
    lab_fini(&lab);
}

TEST(every_failed_allocation_leaves_the_job_well_or_failed_by_words)
{
    struct os_fault_plan none = { .fail_at = 0 };
    uint64_t calls;
    uint64_t requests;
    run_point(&none, 0, false, &calls, &requests);
    assert_true(requests > 300);
    for (uint64_t at = 1; at <= requests; at += at < 200 ? 7 : 1) {
        uint64_t ignored;
        run_point(&none, at, at % 2 == 0, &calls, &ignored);
    }
}

TEST(every_failed_call_leaves_the_job_well_or_failed_by_words)
{
    struct os_fault_plan plan = { .error = EIO };
    uint64_t calls;
    uint64_t requests;
    run_point(&plan, 0, false, &calls, &requests);
    uint64_t count = calls;
    assert_true(count > 200);
    for (plan.fail_at = 1; plan.fail_at <= count; plan.fail_at += 1) {
        run_point(&plan, 0, plan.fail_at % 2 == 0, &calls, &requests);
    }
}
