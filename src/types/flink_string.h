/* SPDX-License-Identifier: Apache-2.0 */
/* types/flink_string.h: UTF-8 text as Flink's StringValue, and back. For the serializers.
 *
 *     varint   number of UTF-16 units + 1; 0: null
 *     varint   each unit
 *
 * A varint is groups of 7 bits, low ones first, the high bit set on all but the last. Text in ASCII
 * is a byte a character. Thread: any.
 */
#ifndef WR_TYPES_FLINK_STRING_H
#define WR_TYPES_FLINK_STRING_H

#include "weir/bytes.h"
#include "weir/status.h"

#include <stdint.h>

/* Room for `size` bytes of text of whatever kind: two a byte, and the length. */
static inline size_t
wr_flink_string_bound(size_t size)
{
    return 2 * size + 5;
}

/* Returns how many bytes it wrote. */
size_t wr_flink_string_write(weir_bytes text, uint8_t *out);

/* Reads the string at the beginning. `out` NULL: only measures; else WEIR_LIMIT where `room` is too
 * small. WEIR_CORRUPT, WEIR_UNSUPPORTED (null) with *out_taken: the offset of what is wrong. */
weir_status wr_flink_string_read(weir_bytes serialized, uint8_t *out, size_t room, size_t *out_size,
                                 size_t *out_taken);

#endif /* WR_TYPES_FLINK_STRING_H */
