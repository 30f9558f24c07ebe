/* SPDX-License-Identifier: Apache-2.0 */
/* driver: one campaign on real processes.
 *
 *   driver --build DIR --mode kills|supervised|zombies|rescale|tight [--job sequence_sum|wordcount]
 * [--kills N]
 * [--seed S]
 *          [--all] [--count FILE] [--from P] [--to P,P,...] [--runs N]
 *
 * Exit: 0 good, 1 a mistake was found, 2 invalid. What failed is left where it is, with a line to
 * run it again.
 * `--count FILE`: adds the kills that counted to the number in the file.
 */
#include "campaign.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    KEYS = 100,
    KEYS_INCREMENTAL = 4000 /* more than change between two checkpoints, or there are no chains */
};

struct wishes {
    char build[LIFE_PATH];
    const char *mode;
    const char *count;
    const char *engine;
    bool incremental;
    bool unaligned;
    bool at_least_once;
    bool is_words;
    bool all;
    unsigned kills;
    unsigned from;
    unsigned runs;
    const char *to; /* parallelisms, by commas */
    uint64_t seed;
};

static bool
parse(int argc, char **argv, struct wishes *wishes)
{
    static const struct option known[] = {
        { "build", required_argument, NULL, 'b' },
        { "mode", required_argument, NULL, 'm' },
        { "job", required_argument, NULL, 'j' },
        { "kills", required_argument, NULL, 'k' },
        { "seed", required_argument, NULL, 's' },
        { "all", no_argument, NULL, 'a' },
        { "count", required_argument, NULL, 'c' },
        { "from", required_argument, NULL, 'f' },
        { "to", required_argument, NULL, 't' },
        { "runs", required_argument, NULL, 'r' },
        { "engine", required_argument, NULL, 'e' },
        { "incremental", no_argument, NULL, 'i' },
        { "unaligned", no_argument, NULL, 'u' },
        { "at-least-once", no_argument, NULL, 'l' },
        { NULL, 0, NULL, 0 },
    };
    *wishes = (struct wishes){
        .mode = "kills", .engine = "hashmap", .kills = 20, .from = 1, .to = "1,2,3,5,7"
    };
    wishes->seed = (uint64_t)time(NULL) * 1000003U + (uint64_t)getpid();
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        char *real = NULL;
        switch (option) {
        case 'b':
            real = realpath(optarg, NULL);
            snprintf(wishes->build, sizeof wishes->build, "%s", real != NULL ? real : optarg);
            free(real);
            break;
        case 'm':
            wishes->mode = optarg;
            break;
        case 'j':
            wishes->is_words = strcmp(optarg, "wordcount") == 0;
            break;
        case 'k':
            wishes->kills = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            wishes->seed = strtoull(optarg, NULL, 0);
            break;
        case 'a':
            wishes->all = true;
            break;
        case 'c':
            wishes->count = optarg;
            break;
        case 'f':
            wishes->from = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            wishes->runs = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            wishes->to = optarg;
            break;
        case 'e':
            wishes->engine = optarg;
            break;
        case 'i':
            wishes->incremental = true;
            break;
        case 'u':
            wishes->unaligned = true;
            break;
        case 'l':
            wishes->at_least_once = true;
            break;
        default:
            return false;
        }
    }
    return wishes->build[0] != '\0' && optind == argc;
}

static struct place
make_place(const struct wishes *wishes, uint64_t events)
{
    struct place place = { .is_words = wishes->is_words,
                           .seed = wishes->seed % 1000000,
                           .random = wishes->seed,
                           .events = events,
                           .engine = wishes->engine,
                           .incremental = wishes->incremental,
                           .unaligned = wishes->unaligned,
                           .at_least_once = wishes->at_least_once,
                           .supervised = strcmp(wishes->mode, "supervised") == 0,
                           .keys = wishes->incremental ? KEYS_INCREMENTAL : KEYS };
    memcpy(place.build, wishes->build, sizeof place.build);
    return place;
}

static bool
add_count(const char *path, unsigned kills)
{
    char text[64] = "";
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    unsigned long before = strtoul(text, NULL, 10);
    file = fopen(path, "we");
    return file != NULL && fprintf(file, "%lu\n", before + kills) > 0 && fclose(file) == 0;
}

static int
run_kills(const struct wishes *wishes)
{
    /* More than the kills can use up: the last run goes on as fast as it can. */
    bool is_supervised = strcmp(wishes->mode, "supervised") == 0;
    uint64_t a_kill = wishes->is_words ? 6000 : is_supervised ? 12000 : 30000;
    struct place place = make_place(wishes, a_kill * (wishes->kills + 20));
    unsigned kills = 0;
    int code = place_open(&place) ? RUN_GOOD : RUN_INVALID;
    if (code == RUN_GOOD && wishes->at_least_once) {
        oracle_allow_duplicates(place.oracle);
    }
    if (code == RUN_GOOD) {
        code = place.supervised ? campaign_supervised(&place, wishes->kills, &kills)
                                : campaign_kill(&place, wishes->kills, wishes->all, &kills);
    }
    place_close(&place, code == RUN_GOOD);
    if (code == RUN_GOOD && wishes->count != NULL && !add_count(wishes->count, kills)) {
        perror(wishes->count);
        return RUN_INVALID;
    }
    return code;
}

static int
run_zombies(const struct wishes *wishes)
{
    struct place place = make_place(wishes, 3000000);
    int code = place_open(&place) ? campaign_zombies(&place) : RUN_INVALID;
    place_close(&place, code == RUN_GOOD);
    return code;
}

static int
run_rescale(const struct wishes *wishes)
{
    unsigned count = 0;
    for (const char *at = wishes->to; *at != '\0'; at += *at == ',') {
        char *end = NULL;
        unsigned to = (unsigned)strtoul(at, &end, 10);
        if (end == at || to == 0) {
            fprintf(stderr, "--to %s: parallelisms, by commas\n", wishes->to);
            return RUN_INVALID;
        }
        at = end;
        struct place place = make_place(wishes, wishes->is_words ? 4200 : 8000);
        int code = place_open(&place) ? campaign_rescale(&place, wishes->from, to) : RUN_INVALID;
        place_close(&place, code == RUN_GOOD);
        if (code != RUN_GOOD) {
            fprintf(stderr, "from parallelism %u to %u\n", wishes->from, to);
            return code;
        }
        count++;
    }
    printf("from parallelism %u to %s\n", wishes->from, wishes->to);
    return count != 0 ? RUN_GOOD : RUN_INVALID;
}

/* Every other one unaligned, every third of words. */
static int
run_tight(const struct wishes *wishes)
{
    for (unsigned i = 0; i < wishes->runs; i++) {
        struct wishes one = *wishes;
        one.seed += i;
        one.unaligned = i % 2 == 1;
        one.is_words = i % 3 == 2;
        struct place place = make_place(&one, one.is_words ? 1400 : 4000);
        int code = place_open(&place) ? campaign_tight(&place) : RUN_INVALID;
        place_close(&place, code == RUN_GOOD);
        if (code != RUN_GOOD) {
            fprintf(stderr, "run %u of %u\n", i + 1, wishes->runs);
            return code;
        }
    }
    printf("%u lives of small rings and many checkpoints\n", wishes->runs);
    return wishes->runs != 0 ? RUN_GOOD : RUN_INVALID;
}

int
main(int argc, char **argv)
{
    struct wishes wishes;
    if (!parse(argc, argv, &wishes)) {
        fputs("usage: driver --build DIR --mode kills|supervised|zombies|rescale|tight [--job "
              "sequence_sum|wordcount]"
              " [--kills N] [--seed S] [--all] [--count FILE] [--from P] [--to P,P,...] [--runs N] "
              "[--engine E] "
              "[--incremental] [--unaligned] [--at-least-once]\n",
              stderr);
        return RUN_INVALID;
    }
    int code = strcmp(wishes.mode, "zombies") == 0   ? run_zombies(&wishes)
               : strcmp(wishes.mode, "rescale") == 0 ? run_rescale(&wishes)
               : strcmp(wishes.mode, "tight") == 0   ? run_tight(&wishes)
                                                     : run_kills(&wishes);
    if (code != RUN_GOOD) {
        fprintf(stderr,
                "again: %s --build %s --mode %s --job %s --kills %u --from %u --engine %s --seed "
                "%#llx%s%s%s%s\n",
                argv[0], wishes.build, wishes.mode, wishes.is_words ? "wordcount" : "sequence_sum",
                wishes.kills, wishes.from, wishes.engine, (unsigned long long)wishes.seed,
                wishes.all ? " --all" : "", wishes.incremental ? " --incremental" : "",
                wishes.unaligned ? " --unaligned" : "",
                wishes.at_least_once ? " --at-least-once" : "");
    }
    return code;
}
