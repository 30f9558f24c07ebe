/* SPDX-License-Identifier: Apache-2.0 */
/* state/rocks/type_copy.h: types of one's own, by the public calls alone. Thread: any. */
#ifndef WR_STATE_ROCKS_TYPE_COPY_H
#define WR_STATE_ROCKS_TYPE_COPY_H

#include "weir/alloc.h"
#include "weir/type.h"

/* A type that is equal and shares nothing; NULL of NULL. Destroyed with wr_rocks_type_destroy. */
weir_status wr_rocks_type_copy(const weir_alloc *alloc, const weir_type *type,
                               const weir_type **out_type);
void wr_rocks_type_destroy(const weir_type *type); /* NULL: nothing */

/* Writes what a new value of a fixed-size type holds. */
void wr_rocks_type_defaults(const weir_type *type, void *out);

#endif /* WR_STATE_ROCKS_TYPE_COPY_H */
