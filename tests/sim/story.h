/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/story.h: one schedule: a job from its first start to its last record, over as many
 * attempts as what goes wrong leaves it. All of it is drawn from the seed.
 *
 *   rough attempts (troubles: kills, power cuts, faults, stops ...) ... a calm one, which must
 * finish
 */
#ifndef WEIR_TESTS_SIM_STORY_H
#define WEIR_TESTS_SIM_STORY_H

#include "sim/marks.h"

enum {
    STORY_DROPS_MAX = 64
};

struct story_options {
    uint64_t seed;
    const char *job;                   /* by name; NULL: as the seed draws */
    unsigned dropped[STORY_DROPS_MAX]; /* troubles that do not happen, by number */
    unsigned dropped_count;
    bool trace; /* says on stdout what happens */
};

struct story_result {
    uint64_t hash; /* of everything that happened; 0: it failed */
    unsigned trouble_count;
    char words[2048];
    struct sim_totals totals;
};

void story_run(const struct story_options *options, struct story_result *out);
bool story_knows_job(const char *name);

#endif /* WEIR_TESTS_SIM_STORY_H */
