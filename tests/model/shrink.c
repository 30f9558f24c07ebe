/* SPDX-License-Identifier: Apache-2.0 */
/* shrink: a failing run made small.
 *
 *   parts of half the run, of a quarter, ... of one operation: each is left out once, and stays out
 *   if the rest still fails; again from the start until nothing more can go
 */
#include "model/shrink.h"

#include "support/engine_rig.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    RUN_SECONDS_MOST = 120,
    TRIES_MOST = 3000,
    OPS_MOST = 4000
};

struct model_counts *
shared_counts(void)
{
    struct model_counts *counts =
        mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED) {
        perror("state_model");
        exit(2);
    }
    return counts;
}

static bool
run_child(const struct model_run *run, struct model_counts *counts, bool is_silent)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int nowhere = is_silent ? open("/dev/null", O_WRONLY) : -1;
        if (nowhere >= 0) {
            dup2(nowhere, STDERR_FILENO);
            dup2(nowhere, STDOUT_FILENO);
        }
        alarm(RUN_SECONDS_MOST);
        state_model_run(run, counts);
        exit(0);
    }
    int status = 1;
    while (child > 0 && waitpid(child, &status, 0) < 0) {
    }
    return child > 0 && status == 0;
}

bool
run_apart(const struct model_run *run, struct model_counts *counts)
{
    return run_child(run, counts, false);
}

static const char *
write_replay(const struct model_run *run)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/model-%s-%" PRIx64 ".replay", WEIR_BINARY_DIR,
             run->engine->path != NULL && strchr(run->engine->name, '/') != NULL
                 ? "engine"
                 : run->engine->name,
             run->seed);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return path;
    }
    fprintf(file, "engine %s\nseed 0x%" PRIx64 "\nplanted %d\n", run->engine->name, run->seed,
            run->is_planted);
    for (size_t i = 0; i < run->op_count; i++) {
        const struct model_op *op = &run->ops[i];
        fprintf(file, "%s %u %u %u\n", model_op_name(op->kind), op->key, op->a, op->b);
    }
    fclose(file);
    return path;
}

/* Without [from, from + count): whether it still fails. Then they are out. */
static bool
leave_out(struct model_run *run, struct model_op *ops, size_t from, size_t count)
{
    static struct model_op rest[OPS_MOST];
    struct model_run shorter = *run;
    struct model_counts counts = { 0 };
    memcpy(rest, ops, from * sizeof *ops);
    memcpy(rest + from, ops + from + count, (run->op_count - from - count) * sizeof *ops);
    shorter.ops = rest;
    shorter.op_count = run->op_count - count;
    if (run_child(&shorter, &counts, true)) {
        return false;
    }
    run->op_count = shorter.op_count;
    memcpy(ops, rest, run->op_count * sizeof *ops);
    return true;
}

const char *
shrink_and_report(struct model_run *run, struct model_op *ops)
{
    unsigned tries = 0;
    size_t part = run->op_count / 2;
    while (part > 0 && tries < TRIES_MOST) {
        bool has_shrunk = false;
        for (size_t from = 0; from + part <= run->op_count && tries < TRIES_MOST; tries++) {
            if (leave_out(run, ops, from, part)) {
                has_shrunk = true;
            } else {
                from += part;
            }
        }
        part = part == 1 && has_shrunk ? 1 : part / 2;
    }
    const char *path = write_replay(run);
    fprintf(stderr, "replay: state_model --replay %s\n", path);
    return path;
}

/* The kind of this name; OP_KINDS: none. */
static enum model_op_kind
kind_of(const char *name)
{
    int kind = 0;
    while (kind < OP_KINDS && strcmp(model_op_name((enum model_op_kind)kind), name) != 0) {
        kind++;
    }
    return (enum model_op_kind)kind;
}

bool
replay_read(const char *path, struct model_run *out_run, struct model_op *ops)
{
    char name[300];
    int planted = 0;
    uint64_t seed = 0;
    FILE *file = fopen(path, "r");
    bool is_good = file != NULL && fscanf(file, "engine %299s seed %" SCNx64 " planted %d", name,
                                          &seed, &planted) == 3;
    *out_run = (struct model_run){ .engine = is_good ? engine_find(name) : NULL,
                                   .seed = seed,
                                   .is_planted = planted != 0,
                                   .ops = ops };
    is_good = is_good && out_run->engine != NULL;
    while (is_good && out_run->op_count < OPS_MOST) {
        struct model_op *op = &ops[out_run->op_count];
        if (fscanf(file, "%299s %u %u %u", name, &op->key, &op->a, &op->b) != 4) {
            break;
        }
        op->kind = kind_of(name);
        is_good = op->kind != OP_KINDS;
        out_run->op_count++;
    }
    if (file != NULL) {
        fclose(file);
    }
    if (!is_good) {
        fprintf(stderr, "%s is no replay file of this program\n", path);
    }
    return is_good;
}
