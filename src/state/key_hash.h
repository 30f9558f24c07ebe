/* SPDX-License-Identifier: Apache-2.0 */
/* state/key_hash.h: the 64-bit hash of a key's bytes under a backend's seed. One rule for whoever
 * makes a weir_key and for engines that hash stored keys again: images depend on it. Thread: any.
 */
#ifndef WR_STATE_KEY_HASH_H
#define WR_STATE_KEY_HASH_H

#include "base/hash.h"
#include "base/little.h"

static inline uint64_t
wr_key_hash(const void *data, size_t size, uint64_t seed)
{
    if (size == 8) {
        return wr_hash64_word(wr_get_u64(data), seed);
    }
    return size - 4 <= 12 ? wr_hash64_short(data, size, seed) : wr_hash64(data, size, seed);
}

#endif /* WR_STATE_KEY_HASH_H */
