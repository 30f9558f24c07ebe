/* SPDX-License-Identifier: Apache-2.0 */
/* tests/model/state_model.h: random operations on a state backend against an array that is
 * obviously right. */
#ifndef WEIR_TESTS_STATE_MODEL_H
#define WEIR_TESTS_STATE_MODEL_H

#include <stdint.h>

struct state_model_counts {
    uint64_t operations;
    uint64_t snapshots; /* completed, restored and compared */
    uint64_t aborted;
    uint64_t refused; /* operations that found no memory */
};

/* Runs `operations` from a seed, which also chooses types, parallelism and how many keys there are.
 * Adds to the counts. A difference ends the process, which prints the line that replays it. */
void state_model_run(uint64_t seed, uint64_t operations, struct state_model_counts *counts);

#endif /* WEIR_TESTS_STATE_MODEL_H */
