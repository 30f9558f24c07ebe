/* SPDX-License-Identifier: Apache-2.0 */
/* marks: a run in which too little happened proves nothing, and is said to be invalid. */
#include "sim/marks.h"

#include <inttypes.h>

enum {
    SCHEDULES_FOR_MARKS = 5000 /* in fewer a mark may be missed by chance */
};

static const char *const words[] = {
#define SIM_MARK_WORDS(name, text, floor) text,
    SIM_MARK_MAP(SIM_MARK_WORDS)
#undef SIM_MARK_WORDS
};

static const uint64_t floors[] = {
#define SIM_MARK_FLOOR(name, text, floor) floor,
    SIM_MARK_MAP(SIM_MARK_FLOOR)
#undef SIM_MARK_FLOOR
};

void
sim_totals_add(struct sim_totals *to, const struct sim_totals *one)
{
    to->schedules += one->schedules;
    to->attempts += one->attempts;
    to->steps += one->steps;
    to->checkpoints += one->checkpoints;
    to->restores += one->restores;
    to->kills += one->kills;
    to->stops += one->stops;
    to->faults += one->faults;
    to->long_enough += one->steps >= 300;
    to->checkpointed += one->checkpoints >= 3;
    to->faulty += one->faults >= 1;
    for (int i = 0; i < MARK_COUNT; i++) {
        to->marks[i] += one->marks[i];
    }
}

void
sim_totals_print(const struct sim_totals *totals, FILE *out)
{
    fprintf(out,
            "R4 schedules %" PRIu64 " attempts %" PRIu64 " steps %" PRIu64 " checkpoints %" PRIu64
            " restores %" PRIu64 " kills %" PRIu64 " stops %" PRIu64 " faults %" PRIu64
            " replayed %" PRIu64 "\n",
            totals->schedules, totals->attempts, totals->steps, totals->checkpoints,
            totals->restores, totals->kills, totals->stops, totals->faults, totals->replays);
    for (int i = 0; i < MARK_COUNT; i++) {
        fprintf(out, "R4 sometimes: %s: %" PRIu64 "\n", words[i], totals->marks[i]);
    }
}

static bool
suffices(const char *what, uint64_t is, uint64_t wanted, FILE *out)
{
    if (is < wanted) {
        fprintf(out, "too little happened, the run is invalid: %s: %" PRIu64 " of %" PRIu64 "\n",
                what, is, wanted);
    }
    return is >= wanted;
}

bool
sim_totals_suffice(const struct sim_totals *totals, FILE *out)
{
    uint64_t half = totals->schedules / 2;
    bool good = suffices("schedules of 300 steps", totals->long_enough, half, out);
    good = suffices("schedules of 3 checkpoints", totals->checkpointed, half, out) && good;
    good = suffices("schedules with a fault", totals->faulty, half, out) && good;
    for (int i = 0; i < MARK_COUNT && totals->schedules >= SCHEDULES_FOR_MARKS; i++) {
        uint64_t wanted = totals->schedules * floors[i] / 10000;
        good = suffices(words[i], totals->marks[i], wanted, out) && good;
    }
    return good;
}
