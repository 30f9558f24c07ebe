/* SPDX-License-Identifier: Apache-2.0 */
/* job/samples.h: figures of things that happen again and again: the last ones as a distribution,
 * all of them as a histogram. It serves the eye alone: what finds no memory is left out.
 *
 * Thread: coordinator.
 */
#ifndef WR_JOB_SAMPLES_H
#define WR_JOB_SAMPLES_H

#include "base/memory.h"
#include "weir/inspect.h"

enum {
    WR_SAMPLES_MAX = 10000 /* as Flink's summary */
};

/* The last WR_SAMPLES_MAX figures: a ring. Zeroed: none. */
struct wr_samples {
    uint64_t *values;
    size_t room;
    size_t count;
    size_t next;
};

void wr_samples_add(struct wr_samples *samples, const weir_alloc *alloc, uint64_t value);
void wr_samples_fini(struct wr_samples *samples, const weir_alloc *alloc);
/* None: all 0. WEIR_NOMEM. */
weir_status wr_samples_view(const struct wr_samples *samples, struct wr_arena *arena,
                            weir_distribution_view *out);

void wr_histogram_add(weir_histogram_view *histogram, uint64_t ms);

#endif /* WR_JOB_SAMPLES_H */
