/* SPDX-License-Identifier: Apache-2.0 */
/* simulate: whole jobs under random schedules, judged after every step (rung R4).
 *
 *   simulate --seeds 2000 [--first 0x1]       a campaign; floors and marks are enforced
 *   simulate --seed 0x5eed [--drop 3,5]       one schedule, with words; without these troubles
 *   simulate --seed 0x5eed --shrink           which of its troubles it needs to fail
 *   ... --job windows                         this job, whatever the seed draws
 *   ... --failures 5                         a campaign goes on until so many have failed
 *   ... --count FILE                          a campaign adds what it counted to this file's
 *   simulate --add PART --count FILE          adds one such file to another
 *   simulate --judge FILE                     whether enough happened in all that it counts
 *
 * One seed in fifty runs twice and must leave the same trace.
 */
#include "sim/story.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct campaign {
    uint64_t first;
    uint64_t count;
    const char *job;
    const char *count_path;
    uint64_t failures_max; /* it ends with so many */
};

static void
print_replay(const struct story_options *options)
{
    printf("replay: build/dev/tests/simulate --seed 0x%" PRIx64, options->seed);
    for (unsigned i = 0; i < options->dropped_count; i++) {
        printf("%s%u", i == 0 ? " --drop " : ",", options->dropped[i]);
    }
    printf("%s%s\n", options->job != NULL ? " --job " : "",
           options->job != NULL ? options->job : "");
}

/* Drops one trouble after the other, and keeps it dropped where the schedule fails without it. */
static void
shrink(struct story_options *options)
{
    struct story_result result;
    story_run(options, &result);
    unsigned count = result.trouble_count;
    for (unsigned i = 0; result.hash == 0 && i < count && options->dropped_count < STORY_DROPS_MAX;
         i++) {
        struct story_result without;
        options->dropped[options->dropped_count++] = i;
        story_run(options, &without);
        if (without.hash != 0) {
            options->dropped_count--;
        }
    }
}

static int
run_one(struct story_options *options, bool shrinks)
{
    struct story_result result;
    if (shrinks) {
        shrink(options);
        print_replay(options);
    }
    options->trace = true;
    story_run(options, &result);
    printf("seed 0x%" PRIx64 ": %s\n", options->seed, result.hash == 0 ? result.words : "good");
    return result.hash == 0 ? 1 : 0;
}

/* Counts stand in a file of numbers, one a line, as the struct has them. */
static bool
read_counts(const char *path, bool may_be_missing, struct sim_totals *to)
{
    uint64_t *numbers = (uint64_t *)to;
    FILE *file = fopen(path, "r");
    bool good = file != NULL || may_be_missing;
    for (size_t i = 0; file != NULL && good && i < sizeof *to / sizeof *numbers; i++) {
        char line[32] = "";
        char *end = NULL;
        good = fgets(line, sizeof line, file) != NULL;
        numbers[i] += strtoull(line, &end, 10);
        good = good && end != line && *end == '\n';
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (!good) {
        fprintf(stderr, "%s is not there, or not what a campaign counts\n", path);
    }
    return good;
}

static bool
add_counts(const char *path, struct sim_totals *totals)
{
    const uint64_t *numbers = (const uint64_t *)totals;
    if (!read_counts(path, true, totals)) {
        return false;
    }
    FILE *file = fopen(path, "w");
    for (size_t i = 0; file != NULL && i < sizeof *totals / sizeof *numbers; i++) {
        fprintf(file, "%" PRIu64 "\n", numbers[i]);
    }
    return file != NULL && fclose(file) == 0;
}

/* Of campaigns that ran before. */
static int
judge_counts(const char *judged, const char *added, const char *to)
{
    static struct sim_totals totals;
    if (added != NULL) {
        return read_counts(added, false, &totals) && to != NULL && add_counts(to, &totals) ? 0 : 1;
    }
    if (!read_counts(judged, false, &totals)) {
        return 1;
    }
    sim_totals_print(&totals, stdout);
    return sim_totals_suffice(&totals, stdout) ? 0 : 1;
}

/* What is to be said should the schedule crash: made before, since a handler may not. */
static char crash_words[200];

static void
say_crash(int number)
{
    ssize_t written = write(STDOUT_FILENO, crash_words, strlen(crash_words));
    (void)written;
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void
expect_crash(const struct story_options *options)
{
    snprintf(crash_words, sizeof crash_words,
             "seed 0x%" PRIx64 ": it crashed\nreplay: build/dev/tests/simulate --seed 0x%" PRIx64
             "%s%s\n",
             options->seed, options->seed, options->job != NULL ? " --job " : "",
             options->job != NULL ? options->job : "");
}

static int
run_campaign(const struct campaign *campaign)
{
    static struct sim_totals totals;
    uint64_t failures = 0;
    (void)signal(SIGSEGV, say_crash);
    (void)signal(SIGABRT, say_crash);
    for (uint64_t i = 0; i < campaign->count; i++) {
        struct story_options options = { .seed = campaign->first + i, .job = campaign->job };
        struct story_result result;
        expect_crash(&options);
        story_run(&options, &result);
        sim_totals_add(&totals, &result.totals);
        if (result.hash != 0 && i % 50 == 0) {
            struct story_result again;
            story_run(&options, &again);
            totals.replays++;
            if (again.hash != result.hash) {
                snprintf(result.words, sizeof result.words, "the same seed left another trace");
                result.hash = 0;
            }
        }
        if (result.hash == 0) {
            printf("seed 0x%" PRIx64 ": %s\n", options.seed, result.words);
            print_replay(&options);
            if (++failures >= campaign->failures_max) {
                return 1;
            }
        }
    }
    if (failures != 0) {
        return 1;
    }
    if (campaign->count_path != NULL) {
        return add_counts(campaign->count_path, &totals) ? 0 : 1;
    }
    sim_totals_print(&totals, stdout);
    return sim_totals_suffice(&totals, stdout) ? 0 : 1;
}

static void
take_drops(struct story_options *options, const char *text)
{
    while (*text != '\0' && options->dropped_count < STORY_DROPS_MAX) {
        char *end = NULL;
        options->dropped[options->dropped_count++] = (unsigned)strtoul(text, &end, 10);
        text = *end == ',' ? end + 1 : "";
    }
}

static int
usage(void)
{
    fprintf(stderr, "usage: simulate [--seeds N] [--first SEED] [--count FILE] [--failures N] |"
                    " --seed SEED [--drop N,N...] [--shrink]; [--job NAME]\n");
    return 2;
}

int
main(int argc, char **argv)
{
    struct campaign campaign = { .first = 1, .count = 100 };
    struct story_options one = { .seed = 0 };
    const char *judged = NULL;
    const char *added = NULL;
    bool is_one = false;
    bool shrinks = false;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--shrink") == 0) {
            shrinks = true;
            continue;
        }
        if (++i == argc) {
            return usage();
        }
        if (strcmp(name, "--seeds") == 0) {
            campaign.count = strtoull(argv[i], NULL, 0);
        } else if (strcmp(name, "--first") == 0) {
            campaign.first = strtoull(argv[i], NULL, 0);
        } else if (strcmp(name, "--judge") == 0) {
            judged = argv[i];
        } else if (strcmp(name, "--add") == 0) {
            added = argv[i];
        } else if (strcmp(name, "--failures") == 0) {
            campaign.failures_max = strtoull(argv[i], NULL, 0);
        } else if (strcmp(name, "--count") == 0) {
            campaign.count_path = argv[i];
        } else if (strcmp(name, "--seed") == 0) {
            one.seed = strtoull(argv[i], NULL, 0);
            is_one = true;
        } else if (strcmp(name, "--drop") == 0) {
            take_drops(&one, argv[i]);
        } else if (strcmp(name, "--job") == 0 && story_knows_job(argv[i])) {
            one.job = campaign.job = argv[i];
        } else {
            return usage();
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (judged != NULL || added != NULL) {
        return judge_counts(judged, added, campaign.count_path);
    }
    return is_one ? run_one(&one, shrinks) : run_campaign(&campaign);
}
