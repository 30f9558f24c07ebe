/* SPDX-License-Identifier: Apache-2.0 */
/* jobs/mix.h: what the jobs draw their keys with. */
#ifndef WEIR_BENCH_JOBS_MIX_H
#define WEIR_BENCH_JOBS_MIX_H

#include <stdint.h>

/* A well mixed 64-bit number of another. */
static inline uint64_t
mix(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

#endif /* WEIR_BENCH_JOBS_MIX_H */
