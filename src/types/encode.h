/* SPDX-License-Identifier: Apache-2.0 */
/* types/encode.h: a type as bytes, as it stands in manifests. Little-endian.
 *
 *     OFFSET SIZE  WHAT
 *     0      1     version, 1
 *     1      ...   a type:
 *                    1     kind (WEIR_KIND_MAP)
 *                  and if it is STRUCT:
 *                    4+n   name: length, bytes
 *                    4     size of the fixed part
 *                    4     number of fields, each of them:
 *                      4+n   name
 *                      4     offset in the fixed part
 *                      1     1: a default follows, 0: none
 *                      ...   the field's type
 *                      ...   the default: as many bytes as the type's fixed part
 *
 * Thread: any.
 */
#ifndef WR_TYPES_ENCODE_H
#define WR_TYPES_ENCODE_H

#include "base/buffer.h"
#include "weir/type.h"

enum {
    WR_TYPE_ENCODING_VERSION = 1
};

/* Appends; a failed allocation shows in wr_buffer_status. */
void wr_type_encode(const weir_type *type, struct wr_buffer *out);

/* Reads one type and leaves the cursor behind it. WEIR_CORRUPT: not a type, WEIR_VERSION: of a
 * later version, both with words; WEIR_NOMEM. The cursor may stand anywhere after a failure. */
weir_status wr_type_decode(const weir_alloc *alloc, struct wr_cursor *cursor, weir_type **out_type,
                           weir_error *err);

#endif /* WR_TYPES_ENCODE_H */
