/* SPDX-License-Identifier: Apache-2.0 */
/* types/projection.h: a record without its key fields, and back: what reduce and sum keep as state,
 * since the key stands in the table already.
 *
 *     record {word, count}  --take-->  rest {count}      rest + a record of that key  --join-->
 * record
 *
 * Thread: a projection is immutable; buffers are the caller's.
 */
#ifndef WR_TYPES_PROJECTION_H
#define WR_TYPES_PROJECTION_H

#include "base/buffer.h"
#include "weir/type.h"

struct wr_projection;

/* WEIR_INVALID with words: the record is no struct, no fields, one twice, or none of the record's.
 */
weir_status wr_projection_create(const weir_alloc *alloc, const weir_type *record_type,
                                 const size_t *key_field_indexes, size_t key_field_count,
                                 struct wr_projection **out_projection, weir_error *err);
void wr_projection_destroy(struct wr_projection *projection); /* NULL: nothing */

/* The rest: a struct named "rest" of the other fields in order, packed. Where all fields are the
 * key's it is {present: bool}, always true. Lent: the projection's life. */
const weir_type *wr_projection_type(const struct wr_projection *projection);

/* Empties the buffer and puts the rest's block there. WEIR_LIMIT, WEIR_NOMEM. */
weir_status wr_projection_take(const struct wr_projection *projection, const void *record,
                               struct wr_buffer *out);

/* For a rest of fixed size: writes its fixed_size bytes to `out_rest`, for example a slot of a
 * table. */
void wr_projection_take_fixed(const struct wr_projection *projection, const void *record,
                              void *out_rest);

/* Empties the buffer and puts a whole record there: key fields from key_record, the others from the
 * rest (its block, or for a fixed one its fixed part). The buffer's memory is neither's.
 * WEIR_LIMIT, WEIR_NOMEM. */
weir_status wr_projection_join(const struct wr_projection *projection, const void *key_record,
                               const void *rest, struct wr_buffer *out);

#endif /* WR_TYPES_PROJECTION_H */
