/* SPDX-License-Identifier: Apache-2.0 */
/* lab: creates, schedules and ends simulated jobs.
 *
 * The scheduler knows nothing of the protocol: it steps an actor drawn from the seed, sometimes the
 * same one for a while, and moves the clock only when it draws that or when no actor can do
 * anything. No progress and no wake-up time anywhere is a deadlock, and said as such.
 */
#include "support/lab.h"

#include "base/fail.h"
#include "base/memory.h"
#include "job/running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

weir_status sequence_sum_main(weir_environment *environment, int argc, char **argv);
weir_status wordcount_main(weir_environment *environment, int argc, char **argv);
weir_status window_main(weir_environment *environment, int argc, char **argv);

enum {
    ACTORS_MAX = 256,
    ARGUMENTS_MAX = 16,
    BUFFER_BYTES = 16384 /* of a state file being written: small, so that blocks span buffers */
};

/* --- life --- */

static void
put_input(struct lab *lab)
{
    static const char *const words[] = { "to",    "be", "or",        "not",     "be,",
                                         "that",  "is", "Question:", "whether", "\xc3\xa9t\xc3\xa9",
                                         "nobler" };
    struct wr_rng rng;
    wr_rng_init(&rng, lab->input_seed);
    for (int file = 0; file < 3; file++) {
        char path[64];
        snprintf(path, sizeof path, LAB_INPUT "/text-%d", file);
        size_t room = (size_t)lab->events * 100 + 1;
        char *text = malloc(room);
        size_t size = 0;
        for (uint64_t line = 0; line < lab->events; line++) {
            uint64_t count = wr_rng_below(&rng, 7);
            for (uint64_t i = 0; i < count; i++) {
                const char *word = words[wr_rng_below(&rng, sizeof words / sizeof words[0])];
                size += (size_t)snprintf(text + size, room - size, "%s%s", i != 0 ? " " : "", word);
            }
            text[size++] = '\n';
        }
        os_sim_file_put(lab->sim, path, text, size);
        free(text);
    }
}

void
lab_listen(struct lab *lab)
{
    static const char lines[] = "to be or not to be\nthat is the question\nto be\n";
    enum {
        PIECE = 9,
        PAUSE = 4
    };
    struct os_sim_peer script[2 * (sizeof lines / PIECE + 1) + 1];
    size_t count = 0;
    for (size_t at = 0; at < sizeof lines - 1; at += PIECE) {
        size_t size = sizeof lines - 1 - at < PIECE ? sizeof lines - 1 - at : PIECE;
        script[count++] = (struct os_sim_peer){ OS_SIM_PEER_DATA, lines + at, size };
        script[count++] = (struct os_sim_peer){ OS_SIM_PEER_WAIT, NULL, PAUSE };
    }
    script[count++] = (struct os_sim_peer){ OS_SIM_PEER_CLOSE, NULL, 0 };
    os_sim_listen(lab->sim, "peer", "9", script, count);
}

void
lab_init(struct lab *lab, uint64_t seed, enum lab_job job, uint64_t events, uint64_t keys)
{
    memset(lab, 0, sizeof *lab);
    wr_rng_init(&lab->rng, seed);
    lab->job = job;
    lab->events = events;
    lab->keys = keys;
    lab->input_seed = wr_rng_next(&lab->rng) >> 33;
    struct os_sim_config config = { .seed = wr_rng_next(&lab->rng),
                                    .clock_step_ns =
                                        wr_rng_below(&lab->rng, 2) == 0 ? 3000 : 100000,
                                    .cpu_count = 2 };
    lab->sim = os_sim_create(&config);
    os_sim_directory_put(lab->sim, LAB_INPUT);
    os_sim_directory_put(lab->sim, "/var");
    os_sim_directory_put(lab->sim, "/srv");
    if (job == LAB_WORDCOUNT) {
        put_input(lab);
    }
    if (job == LAB_SOCKET) {
        lab_listen(lab);
    }
}

void
lab_fini(struct lab *lab)
{
    os_sim_destroy(lab->sim);
    free(lab->seen);
}

void
lab_use(struct lab *lab, struct os_sim *sim)
{
    os_sim_destroy(lab->sim);
    lab->sim = sim;
    lab->observer = NULL;
}

void
lab_kill(struct lab *lab)
{
    os_sim_kill(lab->sim);
    lab->observer = NULL;
}

static struct wr_os *
observer_of(struct lab *lab)
{
    if (lab->observer == NULL) {
        lab->observer = os_sim_process_create(lab->sim);
    }
    return lab->observer;
}

static bool
directory_has_checkpoint(struct wr_os *os, const char *directory)
{
    struct wr_os_list *list;
    if (os->ops->list_open(os, directory, &list) != 0) {
        return false;
    }
    char name[WR_OS_NAME_MAX];
    bool found = false;
    while (os->ops->list_next(os, list, name) == 0) {
        char path[1024];
        struct wr_os_stat stat;
        snprintf(path, sizeof path, "%s/%s/_metadata", directory, name);
        found = found || (strncmp(name, "chk-", 4) == 0 && os->ops->stat(os, path, &stat) == 0);
        found = found || strcmp(name, "_finished") == 0;
        if (!found && name[0] != '.' && strlen(name) == 32) {
            snprintf(path, sizeof path, "%s/%s", directory, name);
            found = directory_has_checkpoint(os, path);
        }
    }
    os->ops->list_close(os, list);
    return found;
}

bool
lab_has_checkpoint(struct lab *lab)
{
    return directory_has_checkpoint(observer_of(lab), LAB_CHECKPOINTS);
}

/* --- setting up an attempt --- */

static weir_status
set_number(weir_options *options, const char *key, uint64_t value, const char *unit,
           weir_error *err)
{
    char text[64];
    snprintf(text, sizeof text, "%llu%s", (unsigned long long)value, unit);
    return value == 0 ? WEIR_OK
                      : weir_options_set(options, key, text, WEIR_LEVEL_COMMAND, "lab", err);
}

static weir_status
set_options(const struct lab_attempt *attempt, weir_options *options, weir_error *err)
{
    WR_TRY(set_number(options, "parallelism.default", attempt->parallelism, "", err));
    WR_TRY(set_number(options, "weir.network.batch-size", attempt->batch_size, "", err));
    WR_TRY(set_number(options, "weir.network.batches-per-channel", attempt->batches_per_channel, "",
                      err));
    WR_TRY(set_number(options, "execution.checkpointing.tolerable-failed-checkpoints",
                      attempt->tolerable, "", err));
    WR_TRY(set_number(options, "execution.checkpointing.num-retained", attempt->retained, "", err));
    WR_TRY(set_number(options, "taskmanager.memory.managed.size", 256, " mb", err));
    if (!attempt->inlined) {
        WR_TRY(weir_options_set(options, "execution.checkpointing.data-inline-threshold", "0",
                                WEIR_LEVEL_COMMAND, "lab", err));
    }
    if (attempt->incremental) {
        WR_TRY(weir_options_set(options, "execution.checkpointing.incremental", "true",
                                WEIR_LEVEL_COMMAND, "lab", err));
    }
    if (attempt->at_least_once) {
        WR_TRY(weir_options_set(options, "execution.checkpointing.mode", "AT_LEAST_ONCE",
                                WEIR_LEVEL_COMMAND, "lab", err));
    }
    if (attempt->interval_ms != 0) {
        WR_TRY(weir_options_set(options, "execution.checkpointing.dir", LAB_CHECKPOINTS,
                                WEIR_LEVEL_COMMAND, "lab", err));
    }
    return set_number(options, "execution.checkpointing.interval", attempt->interval_ms, " ms",
                      err);
}

static weir_status
run_main(const struct lab *lab, const struct lab_attempt *attempt, weir_environment *environment,
         weir_error *err)
{
    char numbers[4][32];
    snprintf(numbers[0], sizeof numbers[0], "%llu", (unsigned long long)lab->events);
    snprintf(numbers[1], sizeof numbers[1], "%llu", (unsigned long long)lab->keys);
    snprintf(numbers[2], sizeof numbers[2], "%llu", (unsigned long long)lab->input_seed);
    snprintf(numbers[3], sizeof numbers[3], "%llu", (unsigned long long)attempt->rate);
    const char *sequence[] = { "sequence_sum", "--events", numbers[0], "--keys",
                               numbers[1],     "--seed",   numbers[2], "--output",
                               LAB_OUTPUT,     "--rate",   numbers[3], NULL };
    const char *words[] = { "wordcount", "--input", LAB_INPUT,  "--output",
                            LAB_OUTPUT,  "--rate",  numbers[3], NULL };
    const char *socket[] = { "wordcount", "--host",   "peer",     "--port",
                             "9",         "--output", LAB_OUTPUT, NULL };
    const char *windows[] = { "windows",  numbers[0], numbers[1], numbers[2],
                              LAB_OUTPUT, numbers[3], NULL };
    const char **from = lab->job == LAB_SEQUENCE_SUM ? sequence
                        : lab->job == LAB_SOCKET     ? socket
                        : lab->job == LAB_WINDOWS    ? windows
                                                     : words;
    char *arguments[ARGUMENTS_MAX];
    int count = 0;
    for (; from[count] != NULL; count++) {
        memcpy(&arguments[count], &from[count], sizeof arguments[count]);
    }
    arguments[count] = NULL;
    if (attempt->rate == 0 && lab->job != LAB_SOCKET && lab->job != LAB_WINDOWS) {
        count -= 2;
        arguments[count] = NULL;
    }
    (void)(lab->job == LAB_SEQUENCE_SUM ? sequence_sum_main
           : lab->job == LAB_WINDOWS    ? window_main
                                        : wordcount_main)(environment, count, arguments);
    return weir_environment_status(environment, err);
}

/* --- the schedule --- */

struct schedule {
    size_t actors;
    uint64_t wake_at[ACTORS_MAX];
    bool idle[ACTORS_MAX];
    struct wr_parker *parkers[ACTORS_MAX];
    size_t favourite; /* stepped again while `burst` lasts */
    uint64_t burst;
};

static size_t
draw_actor(struct lab *lab, struct schedule *schedule)
{
    if (schedule->burst == 0) {
        schedule->favourite = (size_t)wr_rng_below(&lab->rng, schedule->actors);
        schedule->burst = wr_rng_below(&lab->rng, 4) == 0 ? wr_rng_below(&lab->rng, 30) : 1;
    }
    schedule->burst -= schedule->burst != 0;
    return schedule->favourite;
}

static void
wake_by_time(struct lab *lab, struct schedule *schedule)
{
    uint64_t now = os_sim_now_ns(lab->sim);
    for (size_t i = 0; i < schedule->actors; i++) {
        if (schedule->wake_at[i] <= now) {
            schedule->idle[i] = false;
        }
    }
}

/* All idle: the clock moves to the first wake-up. False: there is none. */
static bool
pass_time(struct lab *lab, struct schedule *schedule)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < schedule->actors; i++) {
        if (!schedule->idle[i]) {
            return true;
        }
        first = schedule->wake_at[i] < first ? schedule->wake_at[i] : first;
    }
    if (first == UINT64_MAX) {
        return false;
    }
    uint64_t now = os_sim_now_ns(lab->sim);
    os_sim_advance_ns(lab->sim, first > now ? first - now : 1);
    wake_by_time(lab, schedule);
    return true;
}

/* Where the actor would sleep in the shell: tasks of one worker share its parker. */
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

/* Idle actors stay so until their own parker is woken, or their time comes: a lost wake shows as a
 * job that stands still. */
static void
step_once(struct lab *lab, weir_job *job, struct schedule *schedule)
{
    size_t actor = draw_actor(lab, schedule);
    if (schedule->idle[actor]) {
        schedule->burst = 0;
        return;
    }
    uint32_t tickets[ACTORS_MAX];
    for (size_t i = 0; i < schedule->actors; i++) {
        tickets[i] = wr_parker_prepare(schedule->parkers[i]);
    }
    bool progress = wr_job_step(job, actor, &schedule->wake_at[actor]);
    schedule->idle[actor] = true;
    for (size_t i = 0; i < schedule->actors; i++) {
        bool own = progress && schedule->parkers[i] == schedule->parkers[actor];
        if (own || atomic_load(&schedule->parkers[i]->word) != tickets[i]) {
            schedule->idle[i] = false;
        }
    }
    if (!progress) {
        schedule->burst = 0;
    }
    if (wr_rng_below(&lab->rng, 64) == 0) {
        os_sim_advance_ns(lab->sim, wr_rng_below(&lab->rng, 3000000));
    }
    wake_by_time(lab, schedule);
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
run_schedule(struct lab *lab, const struct lab_attempt *attempt, weir_job *job,
             struct lab_outcome *out)
{
    struct schedule schedule = { .actors = wr_job_actor_count(job) };
    for (size_t i = 0; i < schedule.actors; i++) {
        schedule.parkers[i] = parker_of(job, i);
        schedule.wake_at[i] = UINT64_MAX;
    }
    uint64_t most = attempt->steps_max != 0 ? attempt->steps_max : 2000000;
    while (!wr_job_has_ended(job)) {
        if (out->steps++ == most || !pass_time(lab, &schedule)) {
            snprintf(lab->words, sizeof lab->words, "no progress after %llu steps: %s",
                     (unsigned long long)out->steps,
                     out->steps >= most ? "too many" : "nothing will ever wake the job");
            return;
        }
        if (out->steps == attempt->stop_after_steps) {
            weir_job_stop(job);
            schedule.idle[0] = false;
        }
        step_once(lab, job, &schedule);
        mark_checkpoint(lab, job);
        if (attempt->watch && out->steps % 64 == 0 && !lab_judge(lab, false)) {
            return;
        }
    }
}

static void
run_job(struct lab *lab, const struct lab_attempt *attempt, weir_environment *environment,
        struct lab_outcome *out)
{
    weir_job_parameters parameters = { .size = sizeof parameters,
                                       .restore = attempt->restore,
                                       .take_over = attempt->take_over,
                                       .fresh = attempt->start_empty };
    if (attempt->restore == NULL && !attempt->start_empty && attempt->interval_ms != 0 &&
        lab_has_checkpoint(lab)) {
        parameters.restore = "latest:" LAB_CHECKPOINTS;
    }
    weir_job *job = NULL;
    struct wr_os *os = attempt->os != NULL ? attempt->os : os_sim_os(lab->sim);
    out->created = wr_job_create_on(os, environment, &parameters, &job, &out->error);
    out->finished_before = out->created == WEIR_OK && job == NULL;
    if (job == NULL) {
        return;
    }
    job->task_environment.state_file_buffer_size = BUFFER_BYTES;
    weir_status begun = wr_job_begin(job, &out->error);
    if (begun == WEIR_OK) {
        run_schedule(lab, attempt, job, out);
    } else {
        out->created = begun;
    }
    weir_job_report report = { .size = sizeof report };
    weir_job_look(job, &report);
    out->state = report.state;
    out->checkpoints = report.checkpoints_completed;
    out->restored_id = report.restored_checkpoint_id;
    if (report.state == WEIR_JOB_FAILED) {
        (void)weir_job_failure(job, &out->error);
    }
    weir_job_destroy(job);
}

void
lab_run(struct lab *lab, const struct lab_attempt *attempt, struct lab_outcome *out)
{
    memset(out, 0, sizeof *out);
    weir_alloc alloc =
        attempt->alloc != NULL ? alloc_fault_alloc(attempt->alloc) : wr_memory_system();
    weir_options *options = NULL;
    weir_environment *environment = NULL;
    out->created = weir_options_create(&alloc, &options);
    if (out->created == WEIR_OK) {
        out->created = set_options(attempt, options, &out->error);
    }
    if (out->created == WEIR_OK) {
        out->created = weir_environment_create(&alloc, options, &environment);
    }
    if (out->created == WEIR_OK) {
        out->created = run_main(lab, attempt, environment, &out->error);
    }
    if (out->created == WEIR_OK) {
        run_job(lab, attempt, environment, out);
    }
    weir_environment_destroy(environment);
    weir_options_destroy(options);
}
