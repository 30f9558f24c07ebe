/* SPDX-License-Identifier: Apache-2.0 */
/* lab: the system a simulated job runs on, its input, its options, its graph. */
#include "support/lab_job.h"

#include "base/fail.h"
#include "base/memory.h"
#include "support/lab_judge.h"
#include "support/relay_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

weir_status sequence_sum_main(weir_environment *environment, int argc, char **argv);
weir_status wordcount_main(weir_environment *environment, int argc, char **argv);
weir_status window_main(weir_environment *environment, int argc, char **argv);

enum {
    ARGUMENTS_MAX = 16
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
    lab_init_with(lab, seed, job, events, keys, true);
}

void
lab_init_with(struct lab *lab, uint64_t seed, enum lab_job job, uint64_t events, uint64_t keys,
              bool log)
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
                                    .cpu_count = 2,
                                    .no_log = !log };
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
    lab_oracle_free(lab);
    free(lab->seen);
}

void
lab_use(struct lab *lab, struct os_sim *sim)
{
    os_sim_destroy(lab->sim);
    lab->sim = sim;
    lab->observer = NULL;
    lab->judged_moves = 0;
    lab_forgive(lab);
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

/* Counts complete checkpoints and jobs that have finished; a finished job may have left some of the
 * former, which nobody goes on from: they count as its end. */
static void
count_ends(struct wr_os *os, const char *directory, unsigned *io_checkpoints, unsigned *io_finished)
{
    struct wr_os_list *list;
    if (os->ops->list_open(os, directory, &list) != 0) {
        return;
    }
    char name[WR_OS_NAME_MAX];
    unsigned checkpoints = 0;
    bool has_finished = false;
    while (os->ops->list_next(os, list, name) == 0) {
        char path[1024];
        struct wr_os_stat stat;
        snprintf(path, sizeof path, "%s/%s/_metadata", directory, name);
        checkpoints += strncmp(name, "chk-", 4) == 0 && os->ops->stat(os, path, &stat) == 0;
        has_finished = has_finished || strcmp(name, "_finished") == 0;
        if (name[0] != '.' && strlen(name) == 32) {
            snprintf(path, sizeof path, "%s/%s", directory, name);
            count_ends(os, path, io_checkpoints, io_finished);
        }
    }
    os->ops->list_close(os, list);
    *io_checkpoints += has_finished ? 0 : checkpoints;
    *io_finished += has_finished;
}

bool
lab_has_checkpoint(struct lab *lab)
{
    unsigned checkpoints = 0;
    unsigned finished = 0;
    count_ends(observer_of(lab), LAB_CHECKPOINTS, &checkpoints, &finished);
    return checkpoints + finished > 0;
}

bool
lab_goes_on(struct lab *lab)
{
    unsigned checkpoints = 0;
    unsigned finished = 0;
    count_ends(observer_of(lab), LAB_CHECKPOINTS, &checkpoints, &finished);
    return checkpoints > 0;
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
set_text(weir_options *options, const char *key, const char *value, weir_error *err)
{
    return weir_options_set(options, key, value, WEIR_LEVEL_COMMAND, "lab", err);
}

static weir_status
set_checkpointing(const struct lab_attempt *attempt, weir_options *options, weir_error *err)
{
    WR_TRY(
        set_number(options, "execution.checkpointing.interval", attempt->interval_ms, " ms", err));
    WR_TRY(set_number(options, "execution.checkpointing.min-pause", attempt->min_pause_ms, " ms",
                      err));
    WR_TRY(set_number(options, "execution.checkpointing.timeout", attempt->timeout_ms, " ms", err));
    WR_TRY(set_number(options, "execution.checkpointing.max-concurrent-checkpoints",
                      attempt->max_concurrent, "", err));
    if (attempt->unaligned) {
        WR_TRY(set_text(options, "execution.checkpointing.unaligned.enabled", "true", err));
        WR_TRY(set_number(options, "execution.checkpointing.aligned-checkpoint-timeout",
                          attempt->aligned_timeout_ms, " ms", err));
    }
    if (attempt->interval_ms != 0) {
        WR_TRY(set_text(options, "execution.checkpointing.dir", LAB_CHECKPOINTS, err));
    }
    if (attempt->at_least_once) {
        WR_TRY(set_text(options, "execution.checkpointing.mode", "AT_LEAST_ONCE", err));
    }
    if (attempt->incremental) {
        WR_TRY(set_text(options, "execution.checkpointing.incremental", "true", err));
    }
    return attempt->inlined
               ? WEIR_OK
               : set_text(options, "execution.checkpointing.data-inline-threshold", "0", err);
}

weir_status
lab_set_options(const struct lab_attempt *attempt, weir_options *options, weir_error *err)
{
    WR_TRY(set_number(options, "parallelism.default", attempt->parallelism, "", err));
    WR_TRY(set_number(options, "weir.network.batch-size", attempt->batch_size, "", err));
    WR_TRY(set_number(options, "weir.network.batches-per-channel", attempt->batches_per_channel, "",
                      err));
    WR_TRY(set_number(options, "execution.checkpointing.tolerable-failed-checkpoints",
                      attempt->tolerable, "", err));
    WR_TRY(set_number(options, "execution.checkpointing.num-retained", attempt->retained, "", err));
    WR_TRY(set_number(options, "taskmanager.memory.managed.size", 256, " mb", err));
    WR_TRY(set_checkpointing(attempt, options, err));
    WR_TRY(set_text(options, "restart-strategy.type",
                    attempt->restarts != 0 ? "fixed-delay" : "none", err));
    WR_TRY(
        set_number(options, "restart-strategy.fixed-delay.attempts", attempt->restarts, "", err));
    WR_TRY(set_text(options, "restart-strategy.fixed-delay.delay", "5 ms", err));
    for (size_t i = 0; i < attempt->option_count; i++) {
        WR_TRY(set_text(options, attempt->options[i].key, attempt->options[i].value, err));
    }
    return WEIR_OK;
}

weir_status
lab_run_main(const struct lab *lab, const struct lab_attempt *attempt,
             weir_environment *environment, weir_error *err)
{
    if (lab->job == LAB_RELAY) {
        struct relay_plan plan = { .events = lab->events,
                                   .keys = lab->keys,
                                   .seed = lab->input_seed,
                                   .rate = attempt->rate,
                                   .orders = lab->relay,
                                   .directory = LAB_OUTPUT };
        return relay_main(environment, &plan, err);
    }
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
