/* SPDX-License-Identifier: Apache-2.0 */
/* types/key_group.h: which key group a key falls into, and which subtask owns it. Flink's formulas.
 *
 *     key --Java hash code--> code --murmur, modulo max parallelism--> key group --> subtask
 *
 * Thread: any.
 */
#ifndef WR_TYPES_KEY_GROUP_H
#define WR_TYPES_KEY_GROUP_H

#include "base/hash.h"
#include "weir/status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WR_MAX_PARALLELISM_LIMIT = 32768,      /* 2^15 */
    WR_MAX_PARALLELISM_DEFAULT_LEAST = 128 /* what a small job gets */
};

static inline uint32_t
wr_key_group_of(int32_t java_hash, uint32_t max_parallelism)
{
    uint32_t mixed = wr_hash_murmur_java(java_hash);
    uint32_t mask = max_parallelism - 1;
    return (max_parallelism & mask) == 0 ? mixed & mask : mixed % max_parallelism;
}

/* The subtask that owns a key group. */
static inline uint32_t
wr_key_group_subtask(uint32_t key_group, uint32_t parallelism, uint32_t max_parallelism)
{
    return key_group * parallelism / max_parallelism; /* both at most 2^15: no overflow */
}

/* The key groups of a subtask: first to last, both owned. */
static inline void
wr_key_group_range(uint32_t subtask, uint32_t parallelism, uint32_t max_parallelism,
                   uint32_t *out_first, uint32_t *out_last)
{
    *out_first = (subtask * max_parallelism + parallelism - 1) / parallelism;
    *out_last = ((subtask + 1) * max_parallelism - 1) / parallelism;
}

/* What an operator gets that sets none: 1.5 times its parallelism, up to a power of two, within
 * bounds. */
static inline uint32_t
wr_max_parallelism_default(uint32_t parallelism)
{
    uint64_t wanted = (uint64_t)parallelism + parallelism / 2;
    uint64_t power = WR_MAX_PARALLELISM_DEFAULT_LEAST;
    while (power < wanted && power < WR_MAX_PARALLELISM_LIMIT) {
        power *= 2;
    }
    return (uint32_t)power;
}

/* 0 < parallelism <= max parallelism <= 2^15; WEIR_INVALID with words. (key_group.c) */
weir_status wr_parallelism_check(uint64_t parallelism, uint64_t max_parallelism, weir_error *err);

#endif /* WR_TYPES_KEY_GROUP_H */
