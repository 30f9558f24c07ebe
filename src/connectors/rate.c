/* SPDX-License-Identifier: Apache-2.0 */
/* rate: the token bucket.
 *
 * The bucket holds a tenth of a second's tokens (one at least), so a source that was held up for a
 * while does not make up for it in one burst. It starts with one token: the first record goes out
 * at once. At high rates the next poll is a millisecond away, not one token.
 */
#include "connectors/rate.h"

static const double second_ns = 1e9;
static const double burst_seconds = 0.1;
static const double poll_ns_min = 1e6;

void
wr_rate_init(struct wr_rate *rate, double per_second, uint32_t parallelism)
{
    *rate = (struct wr_rate){ .per_second = per_second > 0 ? per_second / parallelism : 0,
                              .tokens = 1 };
}

size_t
wr_rate_allowance(struct wr_rate *rate, uint64_t now_ns, size_t wanted)
{
    if (!(rate->per_second > 0)) {
        return wanted;
    }
    if (rate->then_ns != 0 && now_ns > rate->then_ns) {
        double capacity = rate->per_second * burst_seconds;
        capacity = capacity > 1 ? capacity : 1;
        rate->tokens += (double)(now_ns - rate->then_ns) / second_ns * rate->per_second;
        rate->tokens = rate->tokens < capacity ? rate->tokens : capacity;
    }
    rate->then_ns = now_ns;
    if (rate->tokens < 1) {
        return 0;
    }
    return rate->tokens < (double)wanted ? (size_t)rate->tokens : wanted;
}

void
wr_rate_spend(struct wr_rate *rate, size_t count)
{
    if (rate->per_second > 0) {
        rate->tokens -= (double)count;
    }
}

uint64_t
wr_rate_next_ns(const struct wr_rate *rate)
{
    double wait_ns = (1 - rate->tokens) / rate->per_second * second_ns;
    wait_ns = wait_ns > poll_ns_min ? wait_ns : poll_ns_min;
    /* a nanosecond more, so that rounding does not leave a token just short */
    return wait_ns < 1e18 ? rate->then_ns + (uint64_t)wait_ns + 1 : UINT64_MAX;
}
