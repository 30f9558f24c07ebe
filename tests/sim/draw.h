/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/draw.h: what a story is made of: its job, the settings of its attempts, its troubles.
 */
#ifndef WEIR_TESTS_SIM_DRAW_H
#define WEIR_TESTS_SIM_DRAW_H

#include "support/lab.h"
#include "support/relay_job.h"

enum {
    TROUBLES_MAX = 8,
    ROUGH_MAX = 6
};

enum trouble_kind {
    TROUBLE_KILL,      /* SIGKILL after `amount` operations more */
    TROUBLE_CUT,       /* the power; what is not durable is lost by chance */
    TROUBLE_STOP,      /* asked for by the user */
    TROUBLE_CANCEL,    /* the same, at once and without a checkpoint */
    TROUBLE_FREEZE,    /* SIGSTOP; the next attempt takes over, then this one wakes */
    TROUBLE_FAULTS,    /* calls of the system fail, `amount` of a thousand, for a while */
    TROUBLE_FULL,      /* the disk has room for `amount` bytes, for a while */
    TROUBLE_SLOW_SYNC, /* each sync takes `amount` ns, for a while */
    TROUBLE_WALL,      /* the wall clock jumps by `amount` ms, either way */
    TROUBLE_LEAP,      /* `amount` ns pass at once */
    TROUBLE_ASK,       /* a checkpoint or savepoint is asked for */
    TROUBLE_DISPOSE,   /* of an old savepoint */
    TROUBLE_FUNCTION,  /* the relay fails at place `amount` % RELAY_PLACES, some calls from now */
    TROUBLE_KINDS
};

struct trouble {
    enum trouble_kind kind;
    uint64_t at_step;
    uint64_t until_step; /* of what lasts for a while */
    uint64_t amount;
    unsigned number; /* within the story */
};

/* What holds for a whole story. */
struct draw {
    struct wr_rng rng;
    uint64_t seed;
    int job; /* place in draw_job_names */
    uint64_t events;
    uint64_t keys;
    bool tight;         /* one batch a channel, backpressure, checkpoints all the time */
    bool at_least_once; /* losses never, duplicates allowed */
    bool retains;   /* checkpoints stay when the job is cancelled; else they go, and it is over */
    bool cuts;      /* the power may be cut: all changes on the disk are logged */
    unsigned rough; /* attempts in which things go wrong */
};

extern const char *const draw_job_names[];
extern const enum lab_job draw_jobs[];

/* job: by name, or NULL. */
void draw_story(struct draw *draw, uint64_t seed, const char *job);
void draw_attempt(struct draw *draw, bool calm, struct lab_attempt *out);
/* Ascending by at_step; answers how many. */
unsigned draw_troubles(struct draw *draw, const struct lab_attempt *attempt,
                       struct trouble out[TROUBLES_MAX]);
const char *draw_words(enum trouble_kind kind);

#endif /* WEIR_TESTS_SIM_DRAW_H */
