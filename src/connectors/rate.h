/* SPDX-License-Identifier: Apache-2.0 */
/* connectors/rate.h: a token bucket for sources: how many records may go out now, and when the next
 * may.
 *
 * It never waits: the source answers IDLE and is polled again at the time given. Thread: task.
 */
#ifndef WR_CONNECTORS_RATE_H
#define WR_CONNECTORS_RATE_H

#include <stddef.h>
#include <stdint.h>

struct wr_rate {
    double per_second; /* 0: no limit */
    double tokens;
    uint64_t then_ns; /* when tokens was right; 0: never asked */
};

/* `per_second` of all `parallelism` subtasks together; each takes its share. */
void wr_rate_init(struct wr_rate *rate, double per_second, uint32_t parallelism);
/* How many of `wanted` may go out now. */
size_t wr_rate_allowance(struct wr_rate *rate, uint64_t now_ns, size_t wanted);
void wr_rate_spend(struct wr_rate *rate, size_t count);
/* When to ask again after an allowance of 0. */
uint64_t wr_rate_next_ns(const struct wr_rate *rate);

#endif /* WR_CONNECTORS_RATE_H */
