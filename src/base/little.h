/* SPDX-License-Identifier: Apache-2.0 */
/* base/little.h: explicit little-endian get and put, for every format of ours. */
#ifndef WR_BASE_LITTLE_H
#define WR_BASE_LITTLE_H

#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "weir is built for little-endian machines");

#define WR_LITTLE(bits)                                               \
    static inline uint##bits##_t wr_get_u##bits(const void *from)     \
    {                                                                 \
        uint##bits##_t value;                                         \
        memcpy(&value, from, sizeof value);                           \
        return value;                                                 \
    }                                                                 \
    static inline void wr_put_u##bits(void *to, uint##bits##_t value) \
    {                                                                 \
        memcpy(to, &value, sizeof value);                             \
    }
WR_LITTLE(16)
WR_LITTLE(32)
WR_LITTLE(64)
#undef WR_LITTLE

#endif /* WR_BASE_LITTLE_H */
