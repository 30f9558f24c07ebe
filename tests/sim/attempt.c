/* SPDX-License-Identifier: Apache-2.0 */
/* attempt: the job's steps, and between them what goes wrong.
 *
 *   RUNS --the job ended--------------> OVER
 *   RUNS --kill, cut: no call answers-> KILLED   the system is off until everything is closed
 *   RUNS --freeze---------------------> FROZEN   closed when it has woken and ended, or is killed
 *
 * After every step that moved a file the store and the output are judged.
 */
#include "sim/attempt.h"

#include "base/memory.h"
#include "storage/savepoint_storage.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void
attempt_say(const struct story *story, const char *format, ...)
{
    if (story->options->trace) {
        va_list arguments;
        va_start(arguments, format);
        (void)vprintf(format, arguments);
        va_end(arguments);
    }
}

static void
say_for_job(void *log_argument, char level, const char *text)
{
    attempt_say(log_argument, "      %c %s\n", level, text);
}

static bool
is_dropped(const struct story *story, unsigned number)
{
    for (unsigned i = 0; i < story->options->dropped_count; i++) {
        if (story->options->dropped[i] == number) {
            return true;
        }
    }
    return false;
}

/* Numbers them over the whole story; those that were dropped do not happen. */
static void
take_troubles(struct story *story, struct attempt *attempt)
{
    struct trouble drawn[TROUBLES_MAX];
    unsigned count = draw_troubles(&story->draw, &attempt->settings, drawn);
    for (unsigned i = 0; i < count; i++) {
        drawn[i].number = story->trouble_count++;
        if (!is_dropped(story, drawn[i].number)) {
            attempt->troubles[attempt->trouble_count++] = drawn[i];
        }
    }
}

struct attempt *
attempt_begin(struct story *story, const struct lab_attempt *settings, bool calm)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);
    attempt->settings = *settings;
    attempt->may_fail = settings->timeout_ms != 0;
    if (!calm) {
        take_troubles(story, attempt);
    }
    attempt->process = os_sim_process_create(story->lab.sim);
    struct os_fault_plan plan = { .seed = wr_rng_next(&story->draw.rng) };
    os_fault_init(&attempt->fault, attempt->process, &plan);
    attempt->settings.os = &attempt->fault.os;
    attempt->settings.log = say_for_job; /* always: what it says reads the clock */
    attempt->settings.log_argument = story;
    story->lab.relay = &attempt->orders;
    attempt->start_count = story->witness.start_count;
    attempt->life = lab_open(&story->lab, &attempt->settings, &attempt->outcome);
    if (attempt->life != NULL) {
        weir_job_report report = { .size = sizeof report };
        weir_job_look(lab_job_of(attempt->life), &report);
        store_begin_job(&story->store, report.job_id);
        store_leave_behind(&story->store, report.restored_checkpoint_id);
        attempt->was_restored = report.restored;
        attempt->outcome.restored_id = report.restored_checkpoint_id;
    }
    return attempt;
}

/* --- troubles --- */

static void
ask(struct story *story, struct attempt *attempt, uint64_t draw)
{
    enum asked_kind kind = (enum asked_kind)(draw % ASKED_KINDS);
    draw /= ASKED_KINDS;
    if (kind == ASKED_DRAIN && draw_jobs[story->draw.job] == LAB_WINDOWS) {
        kind = ASKED_SAVEPOINT; /* a drained window is no whole one */
    }
    if (kind >= ASKED_STOP) {
        story->store.may_vanish = true;
    }
    attempt->may_fail = attempt->may_fail || kind == ASKED_DRAIN;
    (void)asked_ask(&attempt->asked, &story->store, attempt->life, kind, draw);
}

void
attempt_dispose(struct story *story, uint64_t draw)
{
    struct store *store = &story->store;
    struct store_save *save =
        store->save_count == 0 ? NULL : &store->saves[draw % store->save_count];
    weir_alloc alloc = wr_memory_system();
    weir_error error = { .status = WEIR_OK };
    bool is_old = save != NULL && save->is_whole && save->id < store->highest;
    if (!is_old || strcmp(save->path, story->resume) == 0) {
        return;
    }
    save->is_whole = false;
    struct wr_os *os = os_sim_process_create(store->lab->sim);
    if (wr_savepoint_dispose(os, &alloc, save->path, &error) != WEIR_OK &&
        !os_sim_power_is_off(store->lab->sim)) {
        (void)store_wrong(store, "a savepoint could not be disposed of: %s", error.message);
    } else if (os_sim_place_of(store->lab->sim, save->path).inode != 0 &&
               !os_sim_power_is_off(store->lab->sim)) {
        (void)store_wrong(store, "%s was disposed of, and is there", save->path);
    }
    story->totals->marks[MARK_DISPOSED]++;
    os_sim_process_kill(store->lab->sim, os);
}

static void
begin_trouble(struct story *story, struct attempt *attempt, const struct trouble *trouble)
{
    struct os_sim *sim = story->lab.sim;
    switch (trouble->kind) {
    case TROUBLE_KILL:
        os_sim_power_off_at(sim, os_sim_operation_count(sim) + trouble->amount);
        break;
    case TROUBLE_CUT:
        os_sim_power_off_at(sim, os_sim_operation_count(sim) + trouble->amount);
        attempt->is_cut = true;
        break;
    case TROUBLE_STOP:
        weir_job_stop(lab_job_of(attempt->life));
        lab_wake(attempt->life);
        break;
    case TROUBLE_CANCEL:
        attempt->was_cancelled = true;
        story->store.may_vanish = story->store.may_vanish || !story->draw.retains;
        weir_job_cancel(lab_job_of(attempt->life));
        lab_wake(attempt->life);
        break;
    case TROUBLE_FREEZE:
        attempt->end = story->zombie == NULL ? ATTEMPT_FROZEN : attempt->end;
        break;
    case TROUBLE_FAULTS:
        attempt->fault.plan.per_mille = (unsigned)trouble->amount;
        break;
    case TROUBLE_FULL:
        os_sim_set_space(sim, os_sim_used_bytes(sim) + trouble->amount + 1);
        story->totals->marks[MARK_DISK_FULL]++;
        attempt->was_full = true;
        break;
    case TROUBLE_SLOW_SYNC:
        os_sim_set_cost_ns(sim, OS_SIM_SYNC, trouble->amount);
        story->witness.is_slow = true;
        break;
    case TROUBLE_WALL:
        os_sim_jump_wall_ms(sim,
                            (int64_t)trouble->amount / 2 * (trouble->number % 2 == 0 ? 1 : -1));
        story->totals->marks[MARK_JUMPED]++;
        break;
    case TROUBLE_LEAP:
        os_sim_advance_ns(sim, trouble->amount);
        break;
    case TROUBLE_ASK:
        ask(story, attempt, trouble->amount);
        break;
    case TROUBLE_DISPOSE:
        attempt_dispose(story, trouble->amount);
        break;
    case TROUBLE_FUNCTION:
        attempt->orders.place = (enum relay_place)(trouble->amount % RELAY_PLACES);
        attempt->orders.countdown = 1 + trouble->amount / RELAY_PLACES % 20;
        break;
    case TROUBLE_KINDS:
        break;
    }
}

static void
end_trouble(struct story *story, struct attempt *attempt, enum trouble_kind kind)
{
    if (kind == TROUBLE_FAULTS) {
        attempt->fault.plan.per_mille = 0;
    } else if (kind == TROUBLE_FULL) {
        os_sim_set_space(story->lab.sim, 0);
    } else if (kind == TROUBLE_SLOW_SYNC) {
        os_sim_set_cost_ns(story->lab.sim, OS_SIM_SYNC, 0);
        story->witness.is_slow = false;
    }
}

static void
tend_troubles(struct story *story, struct attempt *attempt)
{
    for (unsigned i = 0; i < attempt->trouble_count; i++) {
        const struct trouble *trouble = &attempt->troubles[i];
        if (trouble->at_step == attempt->step) {
            attempt_say(story, "    step %" PRIu64 ": %s (%u) %" PRIu64 "\n", attempt->step,
                        draw_words(trouble->kind), trouble->number, trouble->amount);
            begin_trouble(story, attempt, trouble);
            attempt->may_fail = attempt->may_fail || trouble->kind == TROUBLE_FULL ||
                                trouble->kind == TROUBLE_FAULTS ||
                                trouble->kind == TROUBLE_FUNCTION;
            story->totals->faults +=
                trouble->kind != TROUBLE_STOP && trouble->kind != TROUBLE_CANCEL &&
                trouble->kind != TROUBLE_FAULTS && trouble->kind != TROUBLE_ASK &&
                trouble->kind != TROUBLE_DISPOSE && trouble->kind != TROUBLE_FUNCTION;
        } else if (trouble->until_step == attempt->step) {
            end_trouble(story, attempt, trouble->kind);
        }
    }
    attempt->step++;
}

/* --- steps --- */

/* The zombie, once it has woken: its steps lie between those of who took over. */
static void
step_zombie(struct story *story, const struct attempt *attempt)
{
    struct attempt *zombie = story->zombie;
    if (zombie == NULL || zombie->life == NULL || attempt->step < story->zombie_wakes) {
        return;
    }
    if (attempt->step == story->zombie_wakes) {
        story->totals->marks[MARK_TWO_ATTEMPTS]++;
        attempt_say(story, "    step %" PRIu64 ": the frozen process wakes\n", attempt->step);
    }
    if (wr_rng_below(&story->lab.rng, 2) != 0) {
        return;
    }
    story->store.is_fenced = true;
    bool goes_on = lab_turn(zombie->life);
    (void)store_look(&story->store);
    story->store.is_fenced = false;
    if (!goes_on && story->lab.words[0] == '\0') {
        lab_close(zombie->life, &zombie->outcome);
        zombie->life = NULL;
        attempt_say(story, "    the woken process ends: %s %s\n",
                    weir_job_state_name(zombie->outcome.state), zombie->outcome.error.message);
    }
}

/* All tasks run, at first or after a restart: from the newest that is complete, or newer. */
static void
check_start(struct story *story, struct attempt *attempt)
{
    struct store *store = &story->store;
    if (attempt->start_count == story->witness.start_count) {
        return;
    }
    attempt->start_count = story->witness.start_count;
    weir_job_report report = { .size = sizeof report };
    weir_job_look(lab_job_of(attempt->life), &report);
    store_leave_behind(store, report.restored_checkpoint_id);
    uint64_t marked = store_marked_id(store);
    if (report.restored_checkpoint_id < store->newest_told ||
        report.restored_checkpoint_id < store->highest_saved ||
        report.restored_checkpoint_id < marked) {
        (void)store_wrong(store,
                          "restored from %" PRIu64 ", checkpoint %" PRIu64 ", savepoint %" PRIu64
                          " are complete, %" PRIu64 " is marked",
                          report.restored_checkpoint_id, store->newest_told, store->highest_saved,
                          marked);
    }
}

static void
note_kill(struct story *story, struct attempt *attempt)
{
    const struct witness_record *record = story->witness.newest;
    attempt->end = ATTEMPT_KILLED;
    story->totals->kills++;
    story->totals->marks[MARK_POWER_CUT] += attempt->is_cut;
    story->totals->marks[MARK_CUT_AFTER_FAILURES] += attempt->is_cut && attempt->fault.failed != 0;
    story->totals->marks[MARK_RESTORE_INTERRUPTED] +=
        attempt->was_restored && record != NULL && !record->started;
    uint64_t repeated = witness_kill(&story->witness);
    story->repeated_id = repeated != 0 ? repeated : story->repeated_id;
}

bool
attempt_run(struct story *story, struct attempt *attempt)
{
    struct lab *lab = &story->lab;
    while (attempt->end == ATTEMPT_RUNS) {
        tend_troubles(story, attempt);
        if (attempt->end == ATTEMPT_FROZEN) {
            break;
        }
        bool goes_on = lab_turn(attempt->life);
        if (goes_on && store_look(&story->store)) {
            step_zombie(story, attempt);
        }
        check_start(story, attempt);
        if (attempt->step % 16 == 0 && attempt->asked.open != 0) {
            (void)asked_look(&attempt->asked, &story->store, attempt->life, false);
        }
        if (os_sim_power_is_off(lab->sim)) {
            note_kill(story, attempt);
        } else if (lab->words[0] != '\0' || !store_look(&story->store)) {
            return false;
        } else if (!goes_on) {
            attempt->end = ATTEMPT_OVER;
            os_sim_power_off_at(lab->sim, 0); /* it was about to be killed */
        }
    }
    bool ended = attempt->end == ATTEMPT_OVER && attempt->life != NULL;
    return (!ended || asked_look(&attempt->asked, &story->store, attempt->life, true)) &&
           lab->words[0] == '\0';
}

void
attempt_close(struct story *story, struct attempt *attempt)
{
    for (unsigned i = 0; i < attempt->trouble_count; i++) {
        end_trouble(story, attempt, attempt->troubles[i].kind);
    }
    story->totals->attempts++;
    story->totals->steps += attempt->step;
    story->totals->faults += attempt->fault.failed != 0;
    story->totals->faults += attempt->orders.failed;
    story->totals->restores += attempt->was_restored;
    if (attempt->life != NULL && attempt->end != ATTEMPT_FROZEN) {
        uint64_t restored_id = attempt->outcome.restored_id;
        weir_job_report report = { .size = sizeof report };
        weir_job_look(lab_job_of(attempt->life), &report);
        story->totals->marks[MARK_RESTARTED] += report.restarts;
        lab_close(attempt->life, &attempt->outcome);
        attempt->outcome.restored_id = restored_id;
        attempt->life = NULL;
    } else if (attempt->life != NULL) {
        weir_job_report report = { .size = sizeof report };
        weir_job_look(lab_job_of(attempt->life), &report);
        attempt->outcome.checkpoints = report.checkpoints_completed;
        attempt->outcome.state = report.state;
    }
    story->totals->checkpoints += attempt->outcome.checkpoints;
}

void
attempt_free(struct attempt *attempt)
{
    free(attempt);
}
