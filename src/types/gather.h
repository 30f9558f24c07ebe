/* SPDX-License-Identifier: Apache-2.0 */
/* types/gather.h: makes a block of one type out of the fields of others; what keys and projections
 * are made with.
 *
 * A gather is planned once (create, add for every field of the result in declared order) and run
 * for every record. The blocks it makes are canonical: variable parts in field order directly
 * behind the fixed part, zeros behind the last. Equal values give equal bytes. Thread: immutable
 * once planned; the buffer is the caller's.
 */
#ifndef WR_TYPES_GATHER_H
#define WR_TYPES_GATHER_H

#include "base/buffer.h"
#include "weir/type.h"

enum {
    WR_GATHER_SOURCES = 2
};

struct wr_gather;

/* `type` is the result's. With one_nan every NaN in the result becomes Java's. WEIR_NOMEM. */
weir_status wr_gather_create(const weir_alloc *alloc, const weir_type *type, bool one_nan,
                             struct wr_gather **out_gather);
void wr_gather_destroy(struct wr_gather *gather);

/* One field of the result: a value of field_type that stands at `from` in that source, and goes to
 * `to`. */
void wr_gather_add(struct wr_gather *gather, unsigned source, uint32_t from, uint32_t to,
                   const weir_type *field_type);

/* How large the block will be, rounded up to 8. */
size_t wr_gather_size(const struct wr_gather *gather, const void *const sources[WR_GATHER_SOURCES]);

/* Writes the whole block, wr_gather_size bytes. */
void wr_gather_write(const struct wr_gather *gather, const void *const sources[WR_GATHER_SOURCES],
                     void *out);

/* Appends the block to a buffer whose size is a multiple of 8. WEIR_LIMIT: it would be larger than
 * size_max; WEIR_NOMEM. */
weir_status wr_gather_run(const struct wr_gather *gather,
                          const void *const sources[WR_GATHER_SOURCES], size_t size_max,
                          struct wr_buffer *out);

/* The fixed part alone, for a result without variable parts: exactly fixed_size bytes are written.
 */
void wr_gather_run_fixed(const struct wr_gather *gather,
                         const void *const sources[WR_GATHER_SOURCES], void *out);

#endif /* WR_TYPES_GATHER_H */
