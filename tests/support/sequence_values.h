/* SPDX-License-Identifier: Apache-2.0 */
/* tests/support/sequence_values.h: the events of examples/sequence_sum, computed anew by the
 * oracles. */
#ifndef WEIR_TESTS_SUPPORT_SEQUENCE_VALUES_H
#define WEIR_TESTS_SUPPORT_SEQUENCE_VALUES_H

#include <stdint.h>

static inline uint64_t
sequence_random(uint64_t seed, uint64_t index)
{
    uint64_t r = seed + index + UINT64_C(0x9e3779b97f4a7c15);
    r = (r ^ (r >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    r = (r ^ (r >> 27)) * UINT64_C(0x94d049bb133111eb);
    return r ^ (r >> 31);
}

static inline int64_t
sequence_key(uint64_t seed, uint64_t index, uint64_t keys)
{
    return (int64_t)(sequence_random(seed, index) % keys);
}

static inline int64_t
sequence_value(uint64_t seed, uint64_t index)
{
    return (int64_t)(1 + (sequence_random(seed, index) >> 32) % 1000);
}

#endif /* WEIR_TESTS_SUPPORT_SEQUENCE_VALUES_H */
