/* SPDX-License-Identifier: Apache-2.0 */
/* base/rng.h: seeded randomness (splitmix64). Seeds enter as parameters; only os draws real ones.
 */
#ifndef WR_BASE_RNG_H
#define WR_BASE_RNG_H

#include <stdint.h>

struct wr_rng {
    uint64_t state;
};

static inline void
wr_rng_init(struct wr_rng *rng, uint64_t seed)
{
    rng->state = seed;
}

static inline uint64_t
wr_rng_next(struct wr_rng *rng)
{
    uint64_t z = (rng->state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* Uniform below `bound` (> 0). */
static inline uint64_t
wr_rng_below(struct wr_rng *rng, uint64_t bound)
{
    __extension__ unsigned __int128 product = (unsigned __int128)wr_rng_next(rng) * bound;
    return (uint64_t)(product >> 64);
}

#endif /* WR_BASE_RNG_H */
