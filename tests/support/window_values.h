/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/window_values.h: the events of the window job, for the job and for its oracle:
 * event `index` belongs to partition index % WINDOW_PARTITIONS, and within a partition timestamps
 * are at most WINDOW_DISORDER_MS behind the greatest one before. */
#ifndef WEIR_TESTS_SUPPORT_WINDOW_VALUES_H
#define WEIR_TESTS_SUPPORT_WINDOW_VALUES_H

#include "support/sequence_values.h"

enum {
    WINDOW_PARTITIONS = 3,
    WINDOW_DISORDER_MS = 50,
    WINDOW_STEP_MS = 10, /* from an index to the next */
    WINDOW_SIZE_MS = 200,
    WINDOW_RULES = 12
};

static inline int64_t
window_time(uint64_t seed, uint64_t index)
{
    return (int64_t)(index * WINDOW_STEP_MS +
                     (sequence_random(seed, index) >> 20) % (WINDOW_DISORDER_MS + 1));
}

/* The last millisecond of the window that a timestamp lies in. */
static inline int64_t
window_end(int64_t time)
{
    return time / WINDOW_SIZE_MS * WINDOW_SIZE_MS + WINDOW_SIZE_MS - 1;
}

#endif /* WEIR_TESTS_SUPPORT_WINDOW_VALUES_H */
