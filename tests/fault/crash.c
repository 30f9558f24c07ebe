/* SPDX-License-Identifier: Apache-2.0 */
/* crash: power cuts (rung R5). The file operations of a run that restores, takes checkpoints,
 * commits and drops are replayed as every prefix, every single un-synced operation lost, and torn
 * writes.
 *
 *   crash            every state restores the newest complete checkpoint and ends exactly once
 *   crash --syncs    each place in the code that syncs is left away in turn, and some state notices
 *   crash --state N  one state of the first scenario, with words
 */
#include "snapshot/manifest.h"
#include "snapshot/state_file.h"
#include "support/lab.h"

#include <execinfo.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scenario {
    const char *name;
    enum lab_job job;
    uint64_t events;
    uint32_t parallelism;
    bool incremental;
    bool inlined;
};

static const struct scenario scenarios[] = {
    { "sequence_sum", LAB_SEQUENCE_SUM, 40, 1, false, false },
    { "sequence_sum, incremental", LAB_SEQUENCE_SUM, 40, 1, true, false },
    { "sequence_sum, two subtasks", LAB_SEQUENCE_SUM, 30, 2, false, false },
    { "sequence_sum, two subtasks, incremental", LAB_SEQUENCE_SUM, 30, 2, true, false },
    { "wordcount", LAB_WORDCOUNT, 8, 1, false, false },
    { "wordcount, inlined", LAB_WORDCOUNT, 8, 1, false, true },
};

enum {
    SCENARIOS = sizeof scenarios / sizeof scenarios[0],
    WITH_SHARED = 1, /* the scenario that syncs everything there is to sync */
    SEED = 0xc4a5
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
                                 .steps_max = 400000 };
}

/* --- a system that leaves the syncs of one place in the code away --- */

enum {
    SITES_MAX = 64,
    SITE_DEPTH = 7
};

/* A place: the calls that lead to a sync. */
struct site {
    void *calls[SITE_DEPTH];
    char path[200]; /* the first file or directory synced from here */
    uint64_t syncs;
    bool is_idle; /* none of them had anything to make durable: for what a killed process may leave
                   */
};

struct lazy {
    struct wr_os_ops ops; /* the simulated system's, but for sync */
    const struct wr_os_ops *real;
    struct site sites[SITES_MAX]; /* in order of their first sync */
    size_t site_count;
    size_t skip; /* the site that is skipped, from 1; 0: none */
    struct os_sim *sim;
    char paths[64][200]; /* of the open files, for words */
};

static struct lazy *lazy_now; /* one at a time: sync gets the simulated system's own object */

static int
lazy_open(struct wr_os *os, const char *path, unsigned flags, int *out_file)
{
    int sys_errno = lazy_now->real->open(os, path, flags, out_file);
    if (sys_errno == 0 && *out_file >= 0 && *out_file < 64) {
        snprintf(lazy_now->paths[*out_file], sizeof lazy_now->paths[0], "%s", path);
    }
    return sys_errno;
}

static size_t
site_of(struct lazy *lazy, int file)
{
    void *calls[SITE_DEPTH + 2] = { NULL };
    (void)backtrace(calls, SITE_DEPTH + 2);
    for (size_t i = 0; i < lazy->site_count; i++) {
        if (memcmp(lazy->sites[i].calls, calls + 2, sizeof lazy->sites[i].calls) == 0) {
            return i;
        }
    }
    if (lazy->site_count == SITES_MAX) {
        abort();
    }
    struct site *site = &lazy->sites[lazy->site_count];
    site->is_idle = true;
    memcpy(site->calls, calls + 2, sizeof site->calls);
    memcpy(site->path, lazy->paths[file & 63], sizeof site->path);
    return lazy->site_count++;
}

static int
lazy_sync(struct wr_os *os, int file, bool data_only)
{
    struct lazy *lazy = lazy_now;
    size_t site = site_of(lazy, file);
    lazy->sites[site].syncs++;
    if (site + 1 == lazy->skip) {
        return 0;
    }
    uint64_t covered = os_sim_covered_count(lazy->sim);
    int sys_errno = lazy->real->sync(os, file, data_only);
    if (os_sim_covered_count(lazy->sim) != covered) {
        lazy->sites[site].is_idle = false;
    }
    return sys_errno;
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

static weir_status
verify_file(struct wr_os *os, const char *directory, const struct wr_manifest_operator *op,
            uint32_t subtask, const struct wr_manifest_file *file, weir_error *err)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", directory, file->path);
    struct wr_state_file_open wanted = { .os = os,
                                         .alloc = wr_memory_system(),
                                         .path = path,
                                         .size = file->size,
                                         .crc = file->crc,
                                         .has_changes = file->has_changes,
                                         .is_inlined = file->path[0] == '\0',
                                         .bytes = file->bytes,
                                         .key_group_last = 32767 };
    wanted.identity.checkpoint_id = file->checkpoint_id;
    wanted.identity.subtask = subtask;
    memcpy(wanted.identity.operator_id, op->id, sizeof op->id);
    memcpy(wanted.identity.attempt, file->attempt, sizeof file->attempt);
    weir_block_reader *reader = NULL;
    weir_status status = wr_state_file_open(&wanted, &reader, err);
    if (status == WEIR_OK) {
        status = wr_state_file_verify(reader, err);
    }
    wr_state_file_close(reader);
    return status;
}

/* Every file that the manifest names is there, whole. */
static weir_status
verify_files(struct wr_os *os, const char *directory, const struct wr_manifest *manifest,
             weir_error *err)
{
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; i < manifest->operator_count; i++) {
        const struct wr_manifest_operator *op = &manifest->operators[i];
        for (uint32_t j = 0; j < op->subtask_count; j++) {
            const struct wr_manifest_subtask *subtask = &op->subtasks[j];
            for (uint32_t k = 0; status == WEIR_OK && k < subtask->file_count; k++) {
                status = verify_file(os, directory, op, subtask->index, &subtask->files[k], err);
            }
        }
    }
    return status;
}

/* I5, I8: whatever is visible as a checkpoint can be restored from. False with words. */
static bool
verify_visible(struct lab *lab, const char *directory, char *words, size_t room)
{
    (void)lab_has_checkpoint(lab); /* makes the observer */
    struct wr_os *os = lab->observer;
    struct wr_os_list *list;
    if (os->ops->list_open(os, directory, &list) != 0) {
        return true;
    }
    bool good = true;
    char name[WR_OS_NAME_MAX];
    while (good && os->ops->list_next(os, list, name) == 0) {
        char path[1024];
        char metadata[1100];
        snprintf(path, sizeof path, "%s/%s", directory, name);
        snprintf(metadata, sizeof metadata, "%s/_metadata", path);
        if (strlen(name) == 32) {
            good = verify_visible(lab, path, words, room);
        } else if (strncmp(name, "chk-", 4) == 0) {
            weir_alloc alloc = wr_memory_system();
            struct wr_manifest manifest;
            weir_error error = { 0 };
            wr_manifest_init(&manifest, &alloc);
            good = wr_manifest_read(&manifest, os, metadata, &error) == WEIR_OK &&
                   verify_files(os, path, &manifest, &error) == WEIR_OK;
            if (!good) {
                snprintf(words, room, "%s is visible and not whole: %s", path, error.message);
            }
            wr_manifest_fini(&manifest);
        }
    }
    os->ops->list_close(os, list);
    return good;
}

/* How many files `shared` holds in the directories of jobs that have finished. (What a power cut
 * leaves of a job that never completed a checkpoint stays: who starts anew has another job id.) */
static size_t
count_shared(struct lab *lab, const char *directory, bool is_shared)
{
    (void)lab_has_checkpoint(lab); /* makes the observer */
    struct wr_os *os = lab->observer;
    struct wr_os_list *list;
    struct wr_os_stat finished;
    if (os->ops->list_open(os, directory, &list) != 0) {
        return 0;
    }
    size_t count = 0;
    char name[WR_OS_NAME_MAX];
    while (os->ops->list_next(os, list, name) == 0) {
        char path[1024];
        char mark[1100];
        snprintf(path, sizeof path, "%s/%s%s", directory, name, is_shared ? "" : "/shared");
        snprintf(mark, sizeof mark, "%s/%s/_finished", directory, name);
        if (is_shared) {
            count++;
        } else if (os->ops->stat(os, mark, &finished) == 0) {
            count += count_shared(lab, path, true);
        }
    }
    os->ops->list_close(os, list);
    return count;
}

/* Runs the job on the state to its end. NULL: all is well. */
static const char *
run_state(const struct lab *from, const struct scenario *scenario, struct os_sim_crash *crash)
{
    static char words[4096];
    struct lab lab = *from;
    lab.sim = os_sim_crash_materialize(crash);
    lab.observer = NULL;
    lab.seen = NULL;
    lab.seen_count = 0;
    lab.seen_room = 0;
    wr_rng_init(&lab.rng, SEED);
    struct lab_attempt attempt = attempt_of(scenario);
    struct lab_outcome outcome;
    const char *bad = NULL;
    if (!lab_judge(&lab, false)) {
        snprintf(words, sizeof words, "the output after the cut: %s", lab.words);
        bad = words;
    }
    if (bad == NULL && !verify_visible(&lab, LAB_CHECKPOINTS, words, sizeof words)) {
        bad = words;
    }
    lab_run(&lab, &attempt, &outcome);
    if (bad == NULL && !outcome.finished_before && outcome.state != WEIR_JOB_FINISHED) {
        snprintf(words, sizeof words, "did not go on: %s%s", outcome.error.message, lab.words);
        bad = words;
    }
    if (bad == NULL && !outcome.finished_before &&
        is_marked_before(from, os_sim_crash_prefix(crash), outcome.restored_id, words,
                         sizeof words)) {
        bad = words;
    }
    size_t orphans = count_shared(&lab, LAB_CHECKPOINTS, false);
    if (bad == NULL && !outcome.finished_before && orphans != 0) {
        snprintf(words, sizeof words, "%zu shared files are left of a finished job", orphans);
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
record(struct lab *lab, const struct scenario *scenario, size_t skip, struct lazy *lazy)
{
    lab_init(lab, SEED, scenario->job, scenario->events, 7);
    os_sim_log_reset(lab->sim);
    struct wr_os *os = os_sim_os(lab->sim);
    *lazy = (struct lazy){ .ops = *os->ops, .real = os->ops, .skip = skip, .sim = lab->sim };
    lazy->ops.sync = lazy_sync;
    lazy->ops.open = lazy_open;
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

/* True if some state shows that the site's syncs were needed; *out_there: there is such a site. */
static bool
is_noticed(const struct scenario *scenario, size_t skip, bool *out_there, struct site *out_site)
{
    struct lab lab;
    struct lazy lazy;
    bool recorded = record(&lab, scenario, skip, &lazy);
    bool bad = !recorded;
    *out_there = lazy.site_count >= skip;
    *out_site = lazy.sites[skip - 1];
    if (recorded && *out_there) {
        struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_SINGLE };
        struct os_sim_crash *crash = os_sim_crash_begin(lab.sim, &options);
        while (!bad && os_sim_crash_next(crash)) {
            bad = run_state(&lab, scenario, crash) != NULL;
        }
        os_sim_crash_end(crash);
    }
    lab_fini(&lab);
    return bad;
}

/* Places that find everything durable already, in this life without a kill before it. */
static void
find_idle(const struct scenario *scenario, bool out_idle[SITES_MAX])
{
    struct lab lab;
    struct lazy lazy;
    if (!record(&lab, scenario, 0, &lazy)) {
        abort();
    }
    for (size_t i = 0; i < SITES_MAX; i++) {
        out_idle[i] = i < lazy.site_count && lazy.sites[i].is_idle;
    }
    lab_fini(&lab);
}

static int
skip_syncs(void)
{
    bool is_idle[SITES_MAX];
    find_idle(&scenarios[WITH_SHARED], is_idle);
    uint64_t found = 0;
    uint64_t total = 0;
    bool there = true;
    for (size_t skip = 1; there && skip <= SITES_MAX; skip++) {
        if (is_idle[skip - 1]) {
            continue;
        }
        struct site site;
        bool noticed = is_noticed(&scenarios[WITH_SHARED], skip, &there, &site);
        if (there) {
            total++;
            found += noticed;
            printf("%s: place %zu, %" PRIu64 " syncs, the first of %s\n",
                   noticed ? "noticed" : "NOT NOTICED", skip, site.syncs, site.path);
        }
    }
    printf("R5 places that sync %" PRIu64 ", left away and noticed %" PRIu64 "\n", total, found);
    return total != 0 && found == total ? 0 : 1;
}

int
main(int argc, char **argv)
{
    enum {
        FLOOR = 3000
    };
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
