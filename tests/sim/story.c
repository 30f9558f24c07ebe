/* SPDX-License-Identifier: Apache-2.0 */
/* story: attempt after attempt, until one reaches the end of its input.
 *
 * What must hold between them: a start beside a checkpoint, or beside a process that holds the job,
 * is refused; an attempt fails only for what may make it fail, and with words; a calm one finishes;
 * then everything is committed and nothing is left behind.
 */
#include "sim/story.h"

#include "sim/attempt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool
story_knows_job(const char *name)
{
    for (int i = 0; draw_job_names[i] != NULL; i++) {
        if (strcmp(draw_job_names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool
wrong(struct story *story, const char *words, const char *more)
{
    if (story->lab.words[0] == '\0') {
        snprintf(story->lab.words, sizeof story->lab.words, "%s%s", words, more);
    }
    return false;
}

/* --- between two attempts --- */

/* The frozen process is killed, wherever it is. */
static void
bury_zombie(struct story *story)
{
    struct attempt *zombie = story->zombie;
    if (zombie != NULL) {
        os_sim_process_kill(story->lab.sim, zombie->process);
        if (zombie->life != NULL) {
            lab_close(zombie->life, &zombie->outcome);
        }
        attempt_free(zombie);
        story->zombie = NULL;
        story->zombie_holds = false;
    }
}

/* Everything is off. What was not durable is lost by chance; the lab goes on with what is left. */
static bool
cut_power(struct story *story)
{
    struct os_sim_crash_options options = { .from = os_sim_log_count(story->lab.sim),
                                            .kinds = OS_SIM_CRASH_RANDOM | OS_SIM_CRASH_PREFIX,
                                            .seed = wr_rng_next(&story->draw.rng) };
    struct os_sim_crash *crash = os_sim_crash_begin(story->lab.sim, &options);
    bool any = os_sim_crash_next(crash);
    any = os_sim_crash_next(crash) || any; /* the random one, where something can be lost */
    struct os_sim *after = any ? os_sim_crash_materialize(crash) : os_sim_copy(story->lab.sim);
    os_sim_crash_end(crash);
    story->hash = story->hash * 31 + os_sim_trace_hash(story->lab.sim);
    lab_use(&story->lab, after);
    return store_after_cut(&story->store);
}

/* A start that must be refused, in a process of its own. */
static bool
is_refused(struct story *story, const struct lab_attempt *settings, const char *words)
{
    struct lab_attempt attempt = *settings;
    struct lab_outcome outcome;
    attempt.os = os_sim_process_create(story->lab.sim);
    struct lab_life *life = lab_open(&story->lab, &attempt, &outcome);
    bool refused = life == NULL && outcome.created != WEIR_OK;
    if (life != NULL) {
        lab_close(life, &outcome);
    }
    os_sim_process_kill(story->lab.sim, attempt.os);
    story->totals->marks[MARK_REFUSED_TO_START]++;
    attempt_say(story, "  a start to be refused: %s\n", outcome.error.message);
    if (refused && outcome.error.message[0] == '\0') {
        return wrong(story, "refused without words: ", words);
    }
    return refused || wrong(story, "not refused: ", words);
}

static bool
try_refused_starts(struct story *story, const struct lab_attempt *settings)
{
    struct lab_attempt attempt = *settings;
    if (wr_rng_below(&story->draw.rng, 8) != 0 || store_has_finished(&story->store)) {
        return true;
    }
    if (story->zombie_holds) {
        attempt.take_over = false;
        return is_refused(story, &attempt, "a start beside a process that holds the job");
    }
    attempt.no_restore = true;
    attempt.restore = NULL;
    bool goes_on = story->zombie == NULL && story->store.count != 0 && lab_goes_on(&story->lab);
    return !goes_on || is_refused(story, &attempt, "a start from nothing beside a checkpoint");
}

/* --- where the next attempt starts --- */

/* A savepoint may be brought to another place, and is the same there. */
static void
move_save(struct story *story)
{
    char path[200];
    struct lab *lab = &story->lab;
    snprintf(path, sizeof path, STORE_SAVES "/savepoint-moved-%u", story->trouble_count++);
    struct wr_os *os = os_sim_process_create(lab->sim);
    int directory = -1;
    if (os->ops->rename(os, story->resume, path, false) == 0) {
        if (os->ops->open(os, STORE_SAVES, WR_OPEN_READ | WR_OPEN_DIRECTORY, &directory) == 0) {
            (void)os->ops->sync(os, directory, false);
            (void)os->ops->close(os, directory);
        }
        struct store_save *save = store_find_save(&story->store, story->resume);
        if (save != NULL) {
            memcpy(save->path, path, sizeof path);
        }
        memcpy(story->resume, path, sizeof path);
        story->totals->marks[MARK_MOVED]++;
    }
    os_sim_process_kill(lab->sim, os);
}

/* A savepoint beyond the newest checkpoint has everything that is committed: one that was to end
 * the job must be gone on from, another may be. */
static void
choose_resume(struct story *story, const struct attempt *attempt)
{
    const struct store *store = &story->store;
    const struct store_save *newest = NULL;
    bool has_checkpoint = store_find(store, store->highest) != NULL;
    uint64_t finished_id = store_finished_id(store);
    story->resume[0] = '\0';
    for (size_t i = 0; i < store->save_count; i++) {
        const struct store_save *save = &store->saves[i];
        bool is_there = os_sim_place_of(story->lab.sim, save->path).inode != 0 &&
                        !save->is_drained && !save->is_behind;
        if (is_there && save->id > store->highest && (newest == NULL || save->id > newest->id)) {
            newest = save;
        }
    }
    if (finished_id != 0 && newest != NULL && newest->id != finished_id) {
        return; /* the job came to its end behind it, though nobody has seen that yet */
    }
    bool is_marked = newest != NULL && newest->id == store_marked_id(store) && finished_id == 0;
    if (is_marked && wr_rng_below(&story->draw.rng, 2) == 0) {
        return; /* latest: of this job finds it */
    }
    bool must = newest != NULL && (!has_checkpoint || newest->id == store->highest_saved ||
                                   is_marked || attempt->outcome.state == WEIR_JOB_CANCELED);
    if (must || (newest != NULL && attempt->end != ATTEMPT_FROZEN &&
                 wr_rng_below(&story->draw.rng, 2) == 0)) {
        snprintf(story->resume, sizeof story->resume, "%s", newest->path);
    }
}

static void
start_from(struct story *story, struct lab_attempt *settings)
{
    if (story->resume[0] != '\0') {
        if (wr_rng_below(&story->draw.rng, 4) == 0) {
            move_save(story);
        }
        settings->restore = story->resume;
        if (settings->claim == WEIR_CLAIM) {
            store_release_save(&story->store, story->resume);
        }
        story->has_resumed = true;
        story->totals->marks[MARK_RESUMED]++;
    } else if (store_marked_id(&story->store) != 0 ||
               (story->has_resumed && (store_find(&story->store, story->store.highest) != NULL ||
                                       store_has_finished(&story->store)))) {
        snprintf(story->latest, sizeof story->latest, "latest:" LAB_CHECKPOINTS "/%s",
                 story->store.job_id);
        settings->restore = story->latest;
    }
}

/* --- an attempt --- */

static bool
check_outcome(struct story *story, const struct attempt *attempt, bool calm)
{
    const struct lab_outcome *outcome = &attempt->outcome;
    if (attempt->end == ATTEMPT_KILLED || attempt->end == ATTEMPT_FROZEN) {
        return true;
    }
    bool failed = outcome->created != WEIR_OK || outcome->state == WEIR_JOB_FAILED;
    if (failed && outcome->error.message[0] == '\0') {
        return wrong(story, "a failure without words", "");
    }
    if (failed && strstr(outcome->error.message, "allow-rewind") != NULL) {
        return wrong(story, "it went on from something older: ", outcome->error.message);
    }
    if (failed && !attempt->may_fail) {
        return wrong(story, "an attempt without trouble failed: ", outcome->error.message);
    }
    bool finished = outcome->state == WEIR_JOB_FINISHED || outcome->finished_before;
    return !calm || finished ||
           wrong(story, "a calm attempt did not finish: ", outcome->error.message);
}

static void
count_restore(struct story *story, const struct attempt *attempt)
{
    if (!attempt->was_restored) {
        return;
    }
    struct sim_totals *totals = story->totals;
    totals->marks[MARK_COMMIT_REPEATED] +=
        story->repeated_id != 0 && attempt->outcome.restored_id == story->repeated_id;
    totals->marks[MARK_RESCALED] +=
        story->parallelism != 0 && story->parallelism != attempt->settings.parallelism;
    const struct store_checkpoint *from = store_find(&story->store, attempt->outcome.restored_id);
    totals->marks[MARK_RESCALED_IN_FLIGHT] +=
        from != NULL && from->has_in_flight && story->parallelism != attempt->settings.parallelism;
    story->repeated_id = 0;
    if (from != NULL && from->id > story->store.newest_told) {
        story->store.newest_told = from->id;
    }
    const struct store_save *save = store_save_of(&story->store, attempt->outcome.restored_id);
    story->store.drained = story->store.drained || (save != NULL && save->is_drained);
    if (attempt->settings.restore == story->resume &&
        attempt->outcome.restored_id > story->store.highest_saved) {
        story->store.highest_saved = attempt->outcome.restored_id;
    }
}

/* The job has come to the end of its input. (A savepoint that ended it is gone on from.) */
static bool
is_over(const struct story *story, const struct attempt *attempt)
{
    bool finished = attempt->outcome.state == WEIR_JOB_FINISHED || attempt->outcome.finished_before;
    bool goes_on = story->resume[0] != '\0' ||
                   (store_marked_id(&story->store) != 0 && !store_has_finished(&story->store));
    return story->store.drained || story->is_cancelled ||
           (attempt->end == ATTEMPT_OVER && finished && !goes_on);
}

/* What is left of it goes, or stays as a zombie. */
static bool
end_attempt(struct story *story, struct attempt *attempt)
{
    bool good = true;
    story->parallelism = attempt->settings.parallelism;
    story->may_leave = attempt->fault.failed != 0 || attempt->was_full ||
                       attempt->outcome.finished_before; /* nobody cleans up behind the end */
    story->totals->stops += attempt->outcome.state == WEIR_JOB_STOPPED;
    if (attempt->end == ATTEMPT_FROZEN) {
        bury_zombie(story);
        story->zombie = attempt;
        story->zombie_holds = true;
    } else if (attempt->end == ATTEMPT_KILLED) {
        bury_zombie(story);
        lab_kill(&story->lab);
        good = store_look(&story->store) && (!attempt->is_cut || cut_power(story));
    } else {
        os_sim_process_kill(story->lab.sim, attempt->process);
    }
    bool is_plain = attempt->was_cancelled && attempt->end == ATTEMPT_OVER &&
                    attempt->outcome.state == WEIR_JOB_CANCELED &&
                    asked_last(&attempt->asked) == NULL;
    story->totals->marks[MARK_CANCELLED] += is_plain;
    story->is_cancelled = is_plain && !story->draw.retains;
    choose_resume(story, attempt);
    return good;
}

/* One attempt and what follows from its end. *out_ended: the story is over. */
static bool
next_attempt(struct story *story, bool calm, bool *out_ended)
{
    struct lab_attempt settings;
    draw_attempt(&story->draw, calm, &settings);
    settings.take_over = story->zombie != NULL;
    start_from(story, &settings);
    if (wr_rng_below(&story->draw.rng, 2) == 0) {
        attempt_dispose(story, wr_rng_next(&story->draw.rng));
    }
    if (!try_refused_starts(story, &settings)) {
        return false;
    }
    story->zombie_wakes = wr_rng_below(&story->draw.rng, 300);
    struct attempt *attempt = attempt_begin(story, &settings, calm);
    story->zombie_holds = story->zombie_holds && attempt->life == NULL;
    count_restore(story, attempt);
    attempt->end = attempt->life == NULL ? ATTEMPT_OVER : ATTEMPT_RUNS;
    bool good = attempt_run(story, attempt);
    attempt_close(story, attempt);
    attempt_say(
        story, "  -> %s, %" PRIu64 " steps, restored %" PRIu64 ", %" PRIu64 " checkpoints %s\n",
        attempt->outcome.state == 0 ? "not created" : weir_job_state_name(attempt->outcome.state),
        attempt->step, attempt->outcome.restored_id, attempt->outcome.checkpoints,
        attempt->outcome.error.message);
    good = good && check_outcome(story, attempt, calm);
    good = end_attempt(story, attempt) && good;
    *out_ended = is_over(story, attempt);
    if (story->zombie != attempt) {
        attempt_free(attempt);
    }
    return good;
}

/* --- the whole --- */

static bool
run_attempts(struct story *story)
{
    bool ended = false;
    for (unsigned i = 0; !ended; i++) {
        bool calm = i >= story->draw.rough;
        if (i > story->draw.rough + 1) {
            return wrong(story, "did not finish", "");
        }
        attempt_say(story, "attempt %u%s\n", i, calm ? ", calm" : "");
        if (!next_attempt(story, calm, &ended)) {
            return false;
        }
    }
    return true;
}

static void
begin(struct story *story, const struct story_options *options, struct story_result *out)
{
    memset(story, 0, sizeof *story);
    story->options = options;
    story->totals = &out->totals;
    draw_story(&story->draw, options->seed, options->job);
    lab_init_with(&story->lab, options->seed, draw_jobs[story->draw.job], story->draw.events,
                  story->draw.keys, story->draw.cuts);
    story->lab.duplicates_allowed = story->draw.at_least_once;
    if (story->draw.cuts) {
        os_sim_log_reset(story->lab.sim);
    }
    store_init(&story->store, &story->lab);
    story->witness.lab = &story->lab;
    story->witness.store = &story->store;
    story->witness.totals = story->totals;
    story->witness.trace = options->trace;
    witness_set(&story->witness);
    attempt_say(story, "job %s, %" PRIu64 " events, %" PRIu64 " keys%s%s\n",
                draw_job_names[story->draw.job], story->draw.events, story->draw.keys,
                story->draw.tight ? ", tight" : "",
                story->draw.at_least_once ? ", at least once" : "");
}

void
story_run(const struct story_options *options, struct story_result *out)
{
    static struct story story; /* one at a time; too large for the stack */
    memset(out, 0, sizeof *out);
    begin(&story, options, out);
    bool good = run_attempts(&story);
    bury_zombie(&story);
    good = good && lab_judge(&story.lab, !story.store.drained && !story.is_cancelled) &&
           (story.may_leave || story.store.drained || store_at_end(&story.store));
    out->totals.marks[MARK_TIGHT] += story.draw.tight;
    out->totals.marks[MARK_PARTLY_FINISHED] += story.store.partly_finished;
    out->totals.schedules = 1;
    out->trouble_count = story.trouble_count;
    out->hash = (story.hash * 31 + os_sim_trace_hash(story.lab.sim)) | 1;
    if (!good) {
        out->hash = 0;
        snprintf(out->words, sizeof out->words, "%s", story.lab.words);
        if (options->trace) {
            os_sim_trace_print(story.lab.sim, stdout);
            os_sim_tree_print(story.lab.sim, stdout);
        }
    }
    witness_set(NULL);
    store_fini(&story.store);
    lab_fini(&story.lab);
}
