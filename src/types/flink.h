/* SPDX-License-Identifier: Apache-2.0 */
/* types/flink.h: what the two sides of the serializers share: big-endian numbers, lengths, the mask
 * of a Row. Thread: any. */
#ifndef WR_TYPES_FLINK_H
#define WR_TYPES_FLINK_H

#include "base/little.h"
#include "types/type.h"

/* Bytes of a scalar; 0: of its own (string, bytes) or none (struct). */
static inline size_t
wr_flink_scalar_size(weir_kind kind)
{
    switch (kind) {
    case WEIR_BOOL:
    case WEIR_I8:
        return 1;
    case WEIR_U8:
    case WEIR_I16:
        return 2;
    case WEIR_U16:
    case WEIR_I32:
    case WEIR_F32:
        return 4;
    case WEIR_U32:
    case WEIR_I64:
    case WEIR_U64:
    case WEIR_F64:
        return 8;
    case WEIR_STRING:
    case WEIR_BYTES:
    case WEIR_STRUCT:
    default:
        return 0;
    }
}

/* A Row's mask: two bits of its kind, then one a field, the first one highest. */
static inline size_t
wr_flink_mask_size(const weir_type *type)
{
    return (2 + (size_t)type->field_count + 7) / 8;
}

static inline uint8_t *
wr_flink_put_u16(uint8_t *out, uint16_t value)
{
    wr_put_u16(out, __builtin_bswap16(value));
    return out + 2;
}

static inline uint8_t *
wr_flink_put_u32(uint8_t *out, uint32_t value)
{
    wr_put_u32(out, __builtin_bswap32(value));
    return out + 4;
}

static inline uint8_t *
wr_flink_put_u64(uint8_t *out, uint64_t value)
{
    wr_put_u64(out, __builtin_bswap64(value));
    return out + 8;
}

#endif /* WR_TYPES_FLINK_H */
