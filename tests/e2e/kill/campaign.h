/* SPDX-License-Identifier: Apache-2.0 */
/* campaign.h: what the driver can do to a job. Each answers the exit code: 0 good, 1 a mistake was
 * found, 2 the run is invalid (too little happened to say anything). */
#ifndef KILL_CAMPAIGN_H
#define KILL_CAMPAIGN_H

#include "life.h"

enum {
    RUN_GOOD = 0,
    RUN_BAD = 1,
    RUN_INVALID = 2
};

/* Kills until `kills` of them count: between any two that count, new output was committed. `all`:
 * every call of completion, commit and drop must have been a place of death, before and after it.
 * Adds what was counted to *out_kills. */
int campaign_kill(struct place *place, unsigned kills, bool all, unsigned *out_kills);
/* The same of a supervised job, whose parent starts every life but the first: each kill is of the
 * child, at any time. */
int campaign_supervised(struct place *place, unsigned kills, unsigned *out_kills);
/* Stops the process at every step, lets a successor take over, wakes it. */
int campaign_zombies(struct place *place);
/* SIGTERM in the middle at parallelism `from`, to the end at `to`. */
int campaign_rescale(struct place *place, unsigned from, unsigned to);

/* A whole life of small rings and many checkpoints. */
int campaign_tight(struct place *place);

/* Runs a life to its end and asks the oracle whether everything is there. */
int campaign_finish(struct place *place);

/* Says what went wrong, with the oracle's words and the life's. Answers RUN_BAD. */
int campaign_bad(const struct place *place, const char *what);

#endif /* KILL_CAMPAIGN_H */
