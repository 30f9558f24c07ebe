/* SPDX-License-Identifier: Apache-2.0 */
/* state_model_main: draws runs and carries them out, each in a process of its own.
 *
 *   state_model --engine NAME [--operations N] [--seed S] [--share PER_MILLE]
 *                                           until so many are done; counts demanded, and that share
 *                                           (10) of each kind: a short part of a long campaign
 *                                           draws less of one kind now and then
 *   state_model --replay FILE               a run that failed, shrunk
 *   state_model --prove-shrinking           a planted mistake is found and shrunk
 *
 * A run that fails, crashes or hangs is shrunk by leaving out ever smaller parts while it still
 * fails, and written to a file; the last line says how to replay it.
 */
#include "model/state_model.h"

#include "model/draw.h"
#include "model/shrink.h"
#include "support/engine_rig.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    RUN_OPERATIONS = 4000,
    PROOF_OPERATIONS_MOST = 12
};

/* Floors, of a million operations. */
static const struct {
    const char *what;
    size_t offset;
    uint64_t of_a_million;
} floors[] = {
    { "snapshots", offsetof(struct model_counts, snapshots), 400 },
    { "restores", offsetof(struct model_counts, restores), 400 },
    { "rescales", offsetof(struct model_counts, rescales), 200 },
    { "switches of ttl", offsetof(struct model_counts, switches), 60 },
    { "aborted", offsetof(struct model_counts, aborted), 100 },
};

static void
print_counts(const struct model_counts *counts)
{
    printf("operations %" PRIu64 ":", counts->operations);
    for (int group = 0; group < GROUPS; group++) {
        printf(" %s %.1f %%", model_group_name((enum model_group)group),
               100.0 * (double)counts->by_group[group] / (double)counts->operations);
    }
    printf("\nsnapshots %" PRIu64 " (%" PRIu64 " of changes), aborted %" PRIu64
           ", restores %" PRIu64 ", rescales %" PRIu64 ", ttl switched %" PRIu64
           ", refused %" PRIu64 "\n",
           counts->snapshots, counts->chained, counts->aborted, counts->restores, counts->rescales,
           counts->switches, counts->refused);
}

/* A campaign that did not do what it is for has failed. */
static int
demand(const struct model_counts *counts, const struct engine *engine, uint64_t share)
{
    int missing = 0;
    for (int group = 0; group < GROUPS; group++) {
        if (counts->by_group[group] * 1000 < counts->operations * share) {
            printf("too few of group %s\n", model_group_name((enum model_group)group));
            missing++;
        }
    }
    for (size_t i = 0; i < sizeof floors / sizeof floors[0]; i++) {
        uint64_t count = 0;
        memcpy(&count, (const char *)counts + floors[i].offset, sizeof count);
        uint64_t floor = floors[i].of_a_million * counts->operations / 1000000;
        if (count < (engine->keeps_files ? floor / 8 : floor)) {
            printf("too few %s: %" PRIu64 "\n", floors[i].what, count);
            missing++;
        }
    }
    if (engine->is_incremental && !engine->keeps_files && counts->chained * 5 < counts->snapshots) {
        printf("too few snapshots were of changes\n");
        missing++;
    }
    if (engine->counts_memory && counts->refused * 200 < counts->operations) {
        printf("too few operations were refused memory\n");
        missing++;
    }
    return missing != 0;
}

static int
campaign(const struct engine *engine, uint64_t seed, uint64_t operations, uint64_t share)
{
    static struct model_op ops[RUN_OPERATIONS];
    struct model_counts *counts = shared_counts();
    size_t size = RUN_OPERATIONS;
    for (uint64_t n = 0; counts->operations < operations; n++) {
        struct model_run run = { .engine = engine,
                                 .seed = seed + n * UINT64_C(0x9e3779b97f4a7c15),
                                 .ops = ops,
                                 .op_count = size };
        draw_operations(engine, run.seed, ops, size);
        if (!run_apart(&run, counts)) {
            shrink_and_report(&run, ops);
            return 1;
        }
    }
    print_counts(counts);
    return demand(counts, engine, share);
}

static int
prove_shrinking(void)
{
    static struct model_op ops[RUN_OPERATIONS];
    struct model_counts *counts = shared_counts();
    struct model_run run = {
        .engine = engine_find("hashmap"), .is_planted = true, .ops = ops, .op_count = RUN_OPERATIONS
    };
    for (run.seed = 1; run.seed < 100; run.seed++) {
        draw_operations(run.engine, run.seed, ops, RUN_OPERATIONS);
        if (run_apart(&run, counts)) {
            continue;
        }
        const char *path = shrink_and_report(&run, ops);
        printf("seed %" PRIu64 ": %zu operations are left\n", run.seed, run.op_count);
        struct model_run again;
        if (run.op_count > PROOF_OPERATIONS_MOST || !replay_read(path, &again, ops) ||
            run_apart(&again, counts)) {
            fprintf(stderr, "it was not shrunk, or does not fail again\n");
            return 1;
        }
        run.is_planted = false; /* and without the mistake it passes */
        remove(path);
        return run_apart(&run, counts) ? 0 : 1;
    }
    fprintf(stderr, "the planted mistake was not found\n");
    return 1;
}

static int
replay(const char *path)
{
    static struct model_op ops[RUN_OPERATIONS];
    struct model_counts counts = { 0 };
    struct model_run run;
    if (!replay_read(path, &run, ops)) {
        return 2;
    }
    state_model_run(&run, &counts);
    printf("%zu operations agree with the oracle\n", run.op_count);
    return 0;
}

static int
usage(void)
{
    fprintf(stderr, "usage: state_model --engine NAME [--operations N] [--seed S] "
                    "[--share PER_MILLE] | --replay FILE | --prove-shrinking\n");
    return 2;
}

int
main(int argc, char **argv)
{
    const struct engine *engine = NULL;
    uint64_t operations = 100000;
    uint64_t seed = 1;
    uint64_t share = 10;
    if (argc == 2 && strcmp(argv[1], "--prove-shrinking") == 0) {
        return prove_shrinking();
    }
    if (argc == 3 && strcmp(argv[1], "--replay") == 0) {
        return replay(argv[2]);
    }
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--engine") == 0) {
            engine = engine_find(argv[i + 1]);
        } else if (strcmp(argv[i], "--operations") == 0) {
            operations = strtoull(argv[i + 1], NULL, 0);
        } else if (strcmp(argv[i], "--seed") == 0) {
            seed = strtoull(argv[i + 1], NULL, 0);
        } else if (strcmp(argv[i], "--share") == 0) {
            share = strtoull(argv[i + 1], NULL, 0);
        } else {
            return usage();
        }
    }
    return engine == NULL || argc % 2 == 0 ? usage() : campaign(engine, seed, operations, share);
}
