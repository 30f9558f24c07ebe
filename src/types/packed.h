/* SPDX-License-Identifier: Apache-2.0 */
/* types/packed.h: a struct's type made of some fields of another, without gaps. Thread: any. */
#ifndef WR_TYPES_PACKED_H
#define WR_TYPES_PACKED_H

#include "weir/type.h"

/* Checks a choice of fields: WEIR_INVALID with words, `what` ("a key") in front. */
weir_status wr_packed_check(const weir_type *record_type, const size_t *field_indexes,
                            size_t field_count, const char *what, weir_error *err);

/* The type of the chosen fields in that order, names, defaults and nested types kept; each stands
 * directly behind the one before, so it is read by memcpy. */
weir_status wr_packed_type(const weir_alloc *alloc, const char *name, const weir_type *record_type,
                           const size_t *field_indexes, size_t field_count, weir_type **out_type);

#endif /* WR_TYPES_PACKED_H */
