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
#include <sys/resource.h>
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
        /* Of its own time: a run that is stopped or crowded out has not hung. */
        const struct rlimit most = { .rlim_cur = RUN_SECONDS_MOST, .rlim_max = RUN_SECONDS_MOST };
        setrlimit(RLIMIT_CPU, &most);
        state_model_run(run, counts);
        exit(0);
    }
    int status = 1;
    while (child > 0 && waitpid(child, &status, 0) < 0) {
    }
    if (!is_silent && child > 0 && WIFSIGNALED(status)) {
        fprintf(stderr, "the run was ended by signal %d\n", WTERMSIG(status));
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

/* The value behind `word` and a blank; NULL: the line does not begin so. */
static char *
value_of(char *line, const char *word)
{
    size_t size = strlen(word);
    line[strcspn(line, "\n")] = 0;
    return strncmp(line, word, size) == 0 && line[size] == ' ' ? line + size + 1 : NULL;
}

static bool
read_head(FILE *file, struct model_run *out_run)
{
    static char engine[400]; /* a path is kept by engine_find */
    char seed[400];
    char planted[400];
    if (fgets(engine, sizeof engine, file) == NULL || fgets(seed, sizeof seed, file) == NULL ||
        fgets(planted, sizeof planted, file) == NULL || value_of(engine, "engine") == NULL ||
        value_of(seed, "seed") == NULL || value_of(planted, "planted") == NULL) {
        return false;
    }
    out_run->engine = engine_find(value_of(engine, "engine"));
    out_run->seed = strtoull(value_of(seed, "seed"), NULL, 0);
    out_run->is_planted = strcmp(value_of(planted, "planted"), "1") == 0;
    return out_run->engine != NULL;
}

/* "KIND key a b" */
static bool
read_operation(char *line, struct model_op *out_op)
{
    char *blank = strchr(line, ' ');
    if (blank == NULL) {
        return false;
    }
    *blank = 0;
    out_op->kind = kind_of(line);
    char *at = blank + 1;
    out_op->key = (uint32_t)strtoul(at, &at, 10);
    out_op->a = (uint32_t)strtoul(at, &at, 10);
    out_op->b = (uint32_t)strtoul(at, &at, 10);
    return out_op->kind != OP_KINDS && (*at == '\n' || *at == 0);
}

bool
replay_read(const char *path, struct model_run *out_run, struct model_op *ops)
{
    char line[200];
    FILE *file = fopen(path, "r");
    *out_run = (struct model_run){ .ops = ops };
    bool is_good = file != NULL && read_head(file, out_run);
    while (is_good && out_run->op_count < OPS_MOST && fgets(line, sizeof line, file) != NULL) {
        is_good = read_operation(line, &ops[out_run->op_count++]);
    }
    if (file != NULL) {
        fclose(file);
    }
    if (!is_good) {
        fprintf(stderr, "%s is no replay file of this program\n", path);
    }
    return is_good;
}
