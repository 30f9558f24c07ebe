/* SPDX-License-Identifier: Apache-2.0 */
/* lab_run: creates, schedules and ends simulated jobs.
 *
 * The scheduler knows nothing of the protocol: it steps an actor drawn from the seed among those
 * that may have something to do, sometimes the same one for a while, some of them seldom, and moves
 * the clock only when it draws that or when no actor can do anything. No progress and no wake-up
 * time anywhere is a deadlock, and said as such.
 *
 * An actor without progress is idle until the parker where it would sleep is woken, or its time
 * comes: a lost wake shows as a job that stands still. Parkers are prepared once, and again when
 * they were woken.
 */
#include "support/lab_job.h"
#include "support/lab_judge.h"

#include "base/memory.h"
#include "job/running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ACTORS_MAX = 256,
    BUFFER_BYTES = 16384, /* of a state file being written: small, so that blocks span buffers */
    NOT_READY = UINT16_MAX
};

/* Where actors would sleep: tasks of one worker share one. */
struct seat {
    struct wr_parker *parker;
    uint32_t ticket;
};

struct lab_life {
    struct lab *lab;
    struct lab_attempt attempt;
    struct lab_outcome outcome;
    weir_alloc alloc;
    weir_options *options;
    weir_environment *environment;
    weir_job *job;

    size_t actors;
    uint64_t wake_at[ACTORS_MAX];
    uint64_t next_wake; /* not after the least of them */
    uint16_t ready[ACTORS_MAX];
    uint16_t place[ACTORS_MAX]; /* in ready, or NOT_READY */
    size_t ready_count;
    bool slow[ACTORS_MAX];
    struct seat seats[ACTORS_MAX];
    size_t seat_count;
    uint16_t seat_of[ACTORS_MAX];
    const struct wr_task *first_task; /* of the attempt that the seats belong to */
    char attempt_name[WR_ATTEMPT_SIZE];
    size_t favourite; /* stepped again while `burst` lasts */
    uint64_t burst;
};

/* --- who may step --- */

static void
set_ready(struct lab_life *life, size_t actor)
{
    if (life->place[actor] == NOT_READY) {
        life->place[actor] = (uint16_t)life->ready_count;
        life->ready[life->ready_count++] = (uint16_t)actor;
    }
}

static void
set_idle(struct lab_life *life, size_t actor)
{
    uint16_t place = life->place[actor];
    if (place != NOT_READY) {
        uint16_t last = life->ready[--life->ready_count];
        life->ready[place] = last;
        life->place[last] = place;
        life->place[actor] = NOT_READY;
    }
    life->next_wake =
        life->wake_at[actor] < life->next_wake ? life->wake_at[actor] : life->next_wake;
}

static void
wake_by_time(struct lab_life *life)
{
    uint64_t now = os_sim_now_ns(life->lab->sim);
    if (now < life->next_wake) {
        return;
    }
    life->next_wake = UINT64_MAX;
    for (size_t i = 0; i < life->actors; i++) {
        if (life->wake_at[i] <= now) {
            set_ready(life, i);
        } else if (life->wake_at[i] < life->next_wake) {
            life->next_wake = life->wake_at[i];
        }
    }
}

/* All idle: the clock moves to the first wake-up. False: there is none. */
static bool
pass_time(struct lab_life *life)
{
    if (life->ready_count != 0) {
        return true;
    }
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < life->actors; i++) {
        first = life->wake_at[i] < first ? life->wake_at[i] : first;
    }
    if (first == UINT64_MAX) {
        return false;
    }
    uint64_t now = os_sim_now_ns(life->lab->sim);
    os_sim_advance_ns(life->lab->sim, first > now ? first - now : 1);
    life->next_wake = 0;
    wake_by_time(life);
    return true;
}

/* --- seats --- */

static struct wr_parker *
parker_of(weir_job *job, size_t actor)
{
    if (actor < 2) {
        return actor == 0 ? &job->parker : &job->io.parker;
    }
    for (uint32_t i = 0; i < job->worker_count; i++) {
        for (uint32_t j = 0; j < job->workers[i].task_count; j++) {
            if (job->workers[i].tasks[j] == job->tasks[actor - 2]) {
                return &job->workers[i].parker;
            }
        }
    }
    return &job->parker;
}

/* At the start, and when the job has made its tasks anew. */
static void
take_seats(struct lab_life *life)
{
    life->first_task = life->job->tasks[0];
    memcpy(life->attempt_name, life->job->attempt, sizeof life->attempt_name);
    life->seat_count = 0;
    for (size_t i = 0; i < life->actors; i++) {
        struct wr_parker *parker = parker_of(life->job, i);
        size_t seat = 0;
        while (seat < life->seat_count && life->seats[seat].parker != parker) {
            seat++;
        }
        if (seat == life->seat_count) {
            life->seats[life->seat_count++] =
                (struct seat){ .parker = parker, .ticket = wr_parker_prepare(parker) };
        }
        life->seat_of[i] = (uint16_t)seat;
        set_ready(life, i);
    }
}

static void
wake_seat(struct lab_life *life, size_t seat)
{
    for (size_t i = 0; i < life->actors; i++) {
        if (life->seat_of[i] == seat) {
            set_ready(life, i);
        }
    }
}

/* --- one step --- */

static size_t
draw_actor(struct lab_life *life)
{
    struct wr_rng *rng = &life->lab->rng;
    if (life->burst != 0 && life->place[life->favourite] != NOT_READY) {
        life->burst--;
        return life->favourite;
    }
    life->favourite = life->ready[wr_rng_below(rng, life->ready_count)];
    if (life->slow[life->favourite] && wr_rng_below(rng, life->attempt.starve) != 0) {
        life->favourite = life->ready[wr_rng_below(rng, life->ready_count)];
    }
    life->burst = wr_rng_below(rng, 8) == 0 ? wr_rng_below(rng, 30) : 0;
    return life->favourite;
}

static void
step_once(struct lab_life *life)
{
    weir_job *job = life->job;
    size_t actor = draw_actor(life);
    life->wake_at[actor] = UINT64_MAX;
    bool progress = wr_job_step(job, actor, &life->wake_at[actor]);
    set_idle(life, actor);
    if (actor == 0 && (job->tasks[0] != life->first_task ||
                       memcmp(job->attempt, life->attempt_name, sizeof job->attempt) != 0)) {
        take_seats(life);
    }
    for (size_t i = 0; i < life->seat_count; i++) {
        struct seat *seat = &life->seats[i];
        bool own = progress && life->seat_of[actor] == i;
        bool woken = atomic_load(&seat->parker->word) != seat->ticket;
        if (woken) {
            seat->ticket = wr_parker_prepare(seat->parker);
        }
        if (own || woken) {
            wake_seat(life, i);
        }
    }
    if (!progress) {
        life->burst = 0;
    }
    if (wr_rng_below(&life->lab->rng, 64) == 0) {
        os_sim_advance_ns(life->lab->sim, wr_rng_below(&life->lab->rng, 3000000));
    }
    wake_by_time(life);
}

static void
mark_checkpoint(struct lab *lab, weir_job *job)
{
    uint64_t id = atomic_load_explicit(&job->last_checkpoint_id, memory_order_relaxed);
    bool known = lab->mark_count != 0 && lab->marks[lab->mark_count - 1].checkpoint_id >= id;
    if (id != 0 && !known && lab->mark_count < sizeof lab->marks / sizeof lab->marks[0]) {
        lab->marks[lab->mark_count++] =
            (struct lab_mark){ .log_count = os_sim_log_count(lab->sim), .checkpoint_id = id };
    }
}

static void
settle(struct lab_life *life)
{
    enum wr_job_phase phase = life->job->phase;
    if (life == life->lab->newest && phase <= WR_PHASE_RUNNING) {
        bool was = life->lab->is_settled;
        life->lab->is_settled = phase == WR_PHASE_RUNNING;
        if (life->lab->is_settled && !was) {
            life->lab->judged_moves = 0;
        }
    }
}

bool
lab_turn(struct lab_life *life)
{
    struct lab *lab = life->lab;
    uint64_t most = life->attempt.steps_max != 0 ? life->attempt.steps_max : 2000000;
    if (wr_job_has_ended(life->job)) {
        return false;
    }
    if (life->outcome.steps++ == most || !pass_time(life)) {
        snprintf(lab->words, sizeof lab->words, "no progress after %llu steps: %s",
                 (unsigned long long)life->outcome.steps,
                 life->outcome.steps >= most ? "too many" : "nothing will ever wake the job");
        return false;
    }
    if (life->outcome.steps == life->attempt.stop_after_steps) {
        weir_job_stop(life->job);
        lab_wake(life);
    }
    step_once(life);
    mark_checkpoint(lab, life->job);
    settle(life);
    return !life->attempt.watch || lab_judge(lab, false);
}

weir_job *
lab_job_of(struct lab_life *life)
{
    return life->job;
}

void
lab_wake(struct lab_life *life)
{
    set_ready(life, 0);
}

/* --- a life --- */

static void
draw_slow(struct lab_life *life)
{
    for (uint32_t i = 0; i < life->attempt.slow_actors; i++) {
        life->slow[wr_rng_below(&life->lab->rng, life->actors)] = true;
    }
}

static weir_status
make_job(struct lab_life *life, weir_error *err)
{
    struct lab *lab = life->lab;
    const struct lab_attempt *attempt = &life->attempt;
    weir_job_parameters parameters = { .size = sizeof parameters,
                                       .restore = attempt->restore,
                                       .take_over = attempt->take_over,
                                       .fresh = attempt->start_empty,
                                       .claim_mode = attempt->claim,
                                       .log = attempt->log,
                                       .log_argument = attempt->log_argument };
    bool latest = attempt->restore == NULL && !attempt->start_empty && !attempt->no_restore;
    if (latest && attempt->interval_ms != 0 && lab_has_checkpoint(lab)) {
        parameters.restore = "latest:" LAB_CHECKPOINTS;
    }
    struct wr_os *os = attempt->os != NULL ? attempt->os : os_sim_os(lab->sim);
    weir_status status = wr_job_create_on(os, life->environment, &parameters, &life->job, err);
    life->outcome.finished_before = status == WEIR_OK && life->job == NULL;
    if (life->job == NULL) {
        return status;
    }
    life->job->task_environment.state_file_buffer_size = BUFFER_BYTES;
    return wr_job_begin(life->job, err);
}

struct lab_life *
lab_open(struct lab *lab, const struct lab_attempt *attempt, struct lab_outcome *out)
{
    struct lab_life *life = calloc(1, sizeof *life);
    memset(out, 0, sizeof *out);
    life->lab = lab;
    lab->newest = life;
    lab->is_settled = false;
    life->attempt = *attempt;
    life->alloc = attempt->alloc != NULL ? alloc_fault_alloc(attempt->alloc) : wr_memory_system();
    struct lab_outcome *outcome = &life->outcome;
    outcome->created = weir_options_create(&life->alloc, &life->options);
    if (outcome->created == WEIR_OK) {
        outcome->created = lab_set_options(attempt, life->options, &outcome->error);
    }
    if (outcome->created == WEIR_OK) {
        outcome->created = weir_environment_create(&life->alloc, life->options, &life->environment);
    }
    if (outcome->created == WEIR_OK) {
        outcome->created = lab_run_main(lab, attempt, life->environment, &outcome->error);
    }
    if (outcome->created == WEIR_OK) {
        outcome->created = make_job(life, &outcome->error);
    }
    if (outcome->created != WEIR_OK || life->job == NULL) {
        lab_close(life, out);
        return NULL;
    }
    life->actors = wr_job_actor_count(life->job);
    memset(life->place, 0xff, sizeof life->place);
    memset(life->wake_at, 0xff, sizeof life->wake_at);
    take_seats(life);
    draw_slow(life);
    return life;
}

void
lab_close(struct lab_life *life, struct lab_outcome *out)
{
    if (life->job != NULL) {
        weir_job_report report = { .size = sizeof report };
        weir_job_look(life->job, &report);
        life->outcome.state = report.state;
        life->outcome.checkpoints = report.checkpoints_completed;
        life->outcome.restored_id = report.restored_checkpoint_id;
        if (report.state == WEIR_JOB_FAILED) {
            (void)weir_job_failure(life->job, &life->outcome.error);
        }
        if (life->attempt.alloc == NULL) {
            (void)lab_judge_view(life->lab, life->job);
        }
        weir_job_destroy(life->job);
    }
    weir_environment_destroy(life->environment);
    weir_options_destroy(life->options);
    *out = life->outcome;
    free(life);
}

void
lab_run(struct lab *lab, const struct lab_attempt *attempt, struct lab_outcome *out)
{
    struct lab_life *life = lab_open(lab, attempt, out);
    if (life == NULL) {
        return;
    }
    while (lab_turn(life)) {
    }
    lab_close(life, out);
}
