/* SPDX-License-Identifier: Apache-2.0 */
/* draw: everything a seed decides but the schedule of the actors, which the lab draws. */
#include "sim/draw.h"

#include <string.h>

const char *const draw_job_names[] = { "sequence_sum", "wordcount", "windows", "relay", NULL };
const enum lab_job draw_jobs[] = { LAB_SEQUENCE_SUM, LAB_WORDCOUNT, LAB_WINDOWS, LAB_RELAY };

enum {
    JOBS = sizeof draw_jobs / sizeof draw_jobs[0]
};

static uint64_t
below(struct draw *draw, uint64_t bound)
{
    return wr_rng_below(&draw->rng, bound);
}

static bool
one_in(struct draw *draw, uint64_t count)
{
    return below(draw, count) == 0;
}

static uint64_t
between(struct draw *draw, uint64_t least, uint64_t most)
{
    return least + below(draw, most - least + 1);
}

void
draw_story(struct draw *draw, uint64_t seed, const char *job)
{
    memset(draw, 0, sizeof *draw);
    draw->seed = seed;
    wr_rng_init(&draw->rng, seed ^ 0x77656972U);
    draw->job = (int)below(draw, JOBS);
    for (int i = 0; job != NULL && i < JOBS; i++) {
        draw->job = strcmp(draw_job_names[i], job) == 0 ? i : draw->job;
    }
    draw->tight = one_in(draw, 8);
    /* The window job holds itself to each event once. */
    draw->at_least_once = one_in(draw, 12) && draw_jobs[draw->job] != LAB_WINDOWS;
    draw->cuts = one_in(draw, 8);
    draw->retains = one_in(draw, 2);
    draw->keys = between(draw, 1, 20);
    draw->events =
        draw_jobs[draw->job] == LAB_WORDCOUNT ? between(draw, 4, 20) : between(draw, 20, 160);
    draw->rough = 1;
    while (draw->rough < ROUGH_MAX && one_in(draw, 2)) {
        draw->rough++;
    }
}

/* Second copies of the state, from which a restart in the process or after a kill may restore; and
 * before them what becomes of checkpoints when the job is cancelled. */
static const struct lab_option options[] = {
    { "execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION" },
    { "state.backend.local-recovery", "true" },
    { "execution.checkpointing.local-backup.dirs", "/local" },
};

enum {
    RETENTION_COUNT = 1,
    OPTION_COUNT = sizeof options / sizeof options[0]
};

void
draw_attempt(struct draw *draw, bool calm, struct lab_attempt *out)
{
    bool slow = one_in(draw, 3);
    bool impatient = one_in(draw, 4) && !calm;
    bool unaligned = one_in(draw, 3) && !draw->at_least_once;
    *out = (struct lab_attempt){
        .parallelism = (uint32_t)between(draw, 1, 4),
        .batch_size = (uint32_t)between(draw, 1, draw->tight ? 2 : 16),
        .batches_per_channel = (uint32_t)between(draw, 1, draw->tight ? 1 : 3),
        .interval_ms = between(draw, 10, draw->tight ? 12 : 40),
        .min_pause_ms = one_in(draw, 4) ? between(draw, 1, 10) : 0,
        .timeout_ms = impatient ? between(draw, 10, 45) : 0,
        .tolerable = (uint32_t)below(draw, 4),
        .retained = (uint32_t)between(draw, 1, 3),
        .rate = draw->tight ? 0 : between(draw, 200, 2000),
        .at_least_once = draw->at_least_once,
        .incremental = one_in(draw, 2),
        .inlined = one_in(draw, 3),
        .slow_actors = slow || draw->tight ? (uint32_t)between(draw, 1, 3) : 0,
        .starve = (uint32_t)between(draw, 2, 16),
        .steps_max = 200000,
        .unaligned = unaligned,
        .aligned_timeout_ms = one_in(draw, 2) ? between(draw, 1, 15) : 0,
        .max_concurrent = unaligned ? 0 : (uint32_t)below(draw, 4),
        .restarts = one_in(draw, 2) ? (uint32_t)between(draw, 1, 3) : 0,
        .claim = (weir_claim_mode)below(draw, 4),
        .options = options + (draw->retains ? 0 : RETENTION_COUNT),
    };
    out->option_count = draw->retains ? RETENTION_COUNT : 0;
    out->option_count += one_in(draw, 4) ? OPTION_COUNT - RETENTION_COUNT : 0;
}

static struct trouble
draw_end(struct draw *draw)
{
    uint64_t choice = below(draw, 16);
    uint64_t when = below(draw, 8); /* early ones meet the restore */
    struct trouble trouble = { .at_step = between(draw, 1,
                                                  when == 0  ? 30
                                                  : when < 6 ? 500
                                                             : 2000) };
    trouble.kind = choice < 8                  ? TROUBLE_KILL
                   : choice < 11               ? TROUBLE_FREEZE
                   : choice < 14 && draw->cuts ? TROUBLE_CUT
                   : choice < 14               ? TROUBLE_KILL
                   : choice < 15               ? TROUBLE_STOP
                                               : TROUBLE_CANCEL;
    trouble.amount = between(draw, 1, 40);
    return trouble;
}

static struct trouble
draw_while(struct draw *draw, const struct lab_attempt *attempt)
{
    static const enum trouble_kind kinds[] = {
        TROUBLE_FAULTS, TROUBLE_FULL,     TROUBLE_SLOW_SYNC, TROUBLE_SLOW_SYNC,
        TROUBLE_WALL,   TROUBLE_LEAP,     TROUBLE_ASK,       TROUBLE_ASK,
        TROUBLE_ASK,    TROUBLE_FUNCTION, TROUBLE_FUNCTION,  TROUBLE_DISPOSE
    };
    enum trouble_kind kind = kinds[below(draw, sizeof kinds / sizeof kinds[0])];
    kind =
        draw->cuts && one_in(draw, 3) ? TROUBLE_FAULTS : kind; /* what failed, and then is lost */
    struct trouble trouble = { .kind = kind, .at_step = between(draw, 1, 1000) };
    trouble.until_step = trouble.at_step + between(draw, 1, 600);
    uint64_t patience_ns = (attempt->timeout_ms != 0 ? attempt->timeout_ms : 20) * 1000000;
    switch (kind) {
    case TROUBLE_FAULTS:
        trouble.amount = between(draw, 2, draw->cuts || one_in(draw, 4) ? 100 : 15);
        break;
    case TROUBLE_FULL:
        trouble.amount = below(draw, 4000);
        break;
    case TROUBLE_SLOW_SYNC:
        trouble.amount = between(draw, patience_ns / 8, patience_ns * 2);
        break;
    case TROUBLE_WALL:
        trouble.amount = below(draw, draw_jobs[draw->job] == LAB_WINDOWS ? 60000 : 7200000);
        break;
    case TROUBLE_LEAP:
        trouble.amount = below(draw, 100000000);
        break;
    case TROUBLE_ASK:
    case TROUBLE_DISPOSE:
    case TROUBLE_FUNCTION:
    case TROUBLE_KILL:
    case TROUBLE_CUT:
    case TROUBLE_STOP:
    case TROUBLE_CANCEL:
    case TROUBLE_FREEZE:
    case TROUBLE_KINDS:
        trouble.amount = wr_rng_next(&draw->rng);
        break;
    }
    return trouble;
}

unsigned
draw_troubles(struct draw *draw, const struct lab_attempt *attempt,
              struct trouble out[TROUBLES_MAX])
{
    unsigned count = 0;
    while (count < TROUBLES_MAX - 1 && one_in(draw, 2)) {
        out[count++] = draw_while(draw, attempt);
    }
    if (!one_in(draw, 6)) {
        out[count++] = draw_end(draw);
    }
    for (unsigned i = 1; i < count; i++) {
        struct trouble moved = out[i];
        unsigned at = i;
        for (; at > 0 && out[at - 1].at_step > moved.at_step; at--) {
            out[at] = out[at - 1];
        }
        out[at] = moved;
    }
    return count;
}

const char *
draw_words(enum trouble_kind kind)
{
    static const char *const words[] = { "kill",       "power cut",    "stop",      "cancel",
                                         "freeze",     "faults",       "full disk", "slow sync",
                                         "wall clock", "leap of time", "asked for", "dispose",
                                         "function" };
    return kind < TROUBLE_KINDS ? words[kind] : "?";
}
