/* SPDX-License-Identifier: Apache-2.0 */
/* weir/projection.h: a record less some of its fields, and back. For operators that keep records in
 * keyed state without storing the key again.
 *
 * Thread: a projection is immutable; any.
 */
#ifndef WEIR_PROJECTION_H
#define WEIR_PROJECTION_H

#include "weir/type.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct weir_projection weir_projection;

/* The rest of `record_type` without the named fields (indexes). The rest's type is a struct without
 * gaps, its fields packed in declared order; without any field left it is one bool, true. */
weir_status weir_projection_create(const weir_alloc *alloc, const weir_type *record_type,
                                   const size_t *left_out_fields, size_t left_out_count,
                                   weir_projection **out_projection, weir_error *err);
void weir_projection_destroy(weir_projection *projection);
const weir_type *weir_projection_type(const weir_projection *projection); /* lent with it */
/* Where the record's field stands in the rest's fixed part; WEIR_NOT_FOUND: it was left out. */
weir_status weir_projection_offset(const weir_projection *projection, size_t record_field,
                                   size_t *out_offset);
size_t weir_projection_take_size(const weir_projection *projection, const void *record);
void weir_projection_take(const weir_projection *projection, const void *record, void *out_rest);
/* A whole record: left-out fields from key_record (a record with the same key), the others from the
 * rest. */
size_t weir_projection_join_size(const weir_projection *projection, const void *key_record,
                                 const void *rest);
void weir_projection_join(const weir_projection *projection, const void *key_record,
                          const void *rest, void *out_record);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* WEIR_PROJECTION_H */
