/* SPDX-License-Identifier: Apache-2.0 */
/* weir/serializer.h: blocks as the bytes that Flink's serializers write, and back. For engines that
 * keep Flink's bytes, and for what reads or writes savepoints.
 *
 *   bool, i8            1 byte                      string  StringValue: length + 1, then each
 *   i16, u8 (Short)     2, big-endian                       UTF-16 unit, both as varints of 7 bits,
 *   i32, u16 (Integer)  4                                   low ones first
 *   i64, u32, u64       8 (Long)                    bytes   i32 length, bytes
 *   f32, f64            4, 8; every NaN is Java's   struct  of up to 25 fields (Tuple) its fields,
 *                                                           of more (Row) a mask of 2 + n bits, all
 *                                                           zero (kind INSERT, no nulls), before
 *                                                           them
 *
 * A block goes out and comes back as an equal, canonical one (parts in field order, directly behind
 * the fixed part). Thread: any.
 */
#ifndef WEIR_SERIALIZER_H
#define WEIR_SERIALIZER_H

#include "weir/bytes.h"
#include "weir/status.h"
#include "weir/type.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* How many bytes every value of the type takes; 0: each its own (Flink's getLength of -1). */
size_t weir_type_serialized_size(const weir_type *type);

/* Room that weir_type_serialize never passes. */
size_t weir_type_serialize_bound(const weir_type *type, const void *block);

/* Writes a well-formed block's bytes; returns how many. Room for the bound must be there. */
size_t weir_type_serialize(const weir_type *type, const void *block, void *out);

/* Makes a block of the first value among the bytes. *out_size: the block's, *out_taken: how many
 * bytes the value took. WEIR_CORRUPT: they are none, with the offset; WEIR_UNSUPPORTED: a null or
 * another row kind than INSERT, which Flink may write but no type of weir's holds; WEIR_LIMIT: the
 * room is too small (WEIR_VALUE_SIZE_MAX holds every value). `out` is aligned to 8; what stands
 * there after a failure is nothing. */
weir_status weir_type_deserialize(const weir_type *type, weir_bytes serialized, void *out,
                                  size_t room, size_t *out_size, size_t *out_taken,
                                  weir_error *err);

/* How many bytes the first value takes. Fails as weir_type_deserialize does. */
weir_status weir_type_serialized_next(const weir_type *type, weir_bytes serialized,
                                      size_t *out_taken, weir_error *err);

/* The same for keys, map keys and namespaces, whose bytes are those of weir_key (backend.h): of a
 * string or bytes type the content alone. */
size_t weir_key_serialize_bound(const weir_type *key_type, weir_bytes key);
size_t weir_key_serialize(const weir_type *key_type, weir_bytes key, void *out);
weir_status weir_key_deserialize(const weir_type *key_type, weir_bytes serialized, void *out,
                                 size_t room, size_t *out_size, size_t *out_taken, weir_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_SERIALIZER_H */
