/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sim/marks.h: what a campaign counts, and how much of it must have happened. */
#ifndef WEIR_TESTS_SIM_MARKS_H
#define WEIR_TESTS_SIM_MARKS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* X(NAME, words, floor in 10,000 schedules). */
#define SIM_MARK_MAP(X)                                                              \
    X(PARTLY_FINISHED, "a barrier behind an end of input", 50)                       \
    X(ABORT_AFTER_ACKNOWLEDGED, "an abort after some acknowledgements", 50)          \
    X(LATE_ACKNOWLEDGEMENT, "an acknowledgement after the abort", 20)                \
    X(KILL_BEFORE_NOTIFIED, "a kill between rename and notification", 50)            \
    X(COMMIT_REPEATED, "a commit repeated", 20)                                      \
    X(SLOW_SYNC_EXPIRED, "an fsync longer than the timeout", 20)                     \
    X(RESTORE_INTERRUPTED, "a restore interrupted", 50)                              \
    X(TWO_ATTEMPTS, "two attempts alive", 200)                                       \
    X(RESCALED, "a rescale", 1000)                                                   \
    X(POWER_CUT, "a power cut", 100)                                                 \
    X(CUT_AFTER_FAILURES, "a power cut after calls have failed", 5)                  \
    X(CANCELLED, "a cancel without a savepoint", 100)                                \
    X(REFUSED_TO_START, "a start refused beside a checkpoint or a running job", 200) \
    X(JUMPED, "a jump of the wall clock", 200)                                       \
    X(DISK_FULL, "a full disk", 50)                                                  \
    X(RESUMED, "a start from a savepoint", 50)                                       \
    X(MOVED, "a savepoint moved to another place", 10)                               \
    X(DISPOSED, "a savepoint disposed of", 10)                                       \
    X(RESTARTED, "a restart in the process", 50)                                     \
    X(CONCURRENT, "two checkpoints under way", 50)                                   \
    X(SAVEPOINT_BESIDE, "a savepoint beside a checkpoint", 20)                       \
    X(RESCALED_IN_FLIGHT, "a rescale with data in flight", 20)                       \
    X(TIGHT, "one batch a channel under backpressure", 1000)

enum sim_mark {
#define SIM_MARK_ENUM(name, words, floor) MARK_##name,
    SIM_MARK_MAP(SIM_MARK_ENUM)
#undef SIM_MARK_ENUM
    MARK_COUNT
};

struct sim_totals {
    uint64_t schedules, attempts, steps, checkpoints, restores, kills, stops, faults, replays;
    /* schedules with at least 300 steps, 3 checkpoints, 1 fault: at least half of all must be */
    uint64_t long_enough, checkpointed, faulty;
    uint64_t marks[MARK_COUNT];
};

void sim_totals_add(struct sim_totals *to, const struct sim_totals *one);
void sim_totals_print(const struct sim_totals *totals, FILE *out);
/* False, with words on `out`: too little happened, the run is invalid. */
bool sim_totals_suffice(const struct sim_totals *totals, FILE *out);

#endif /* WEIR_TESTS_SIM_MARKS_H */
