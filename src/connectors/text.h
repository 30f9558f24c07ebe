/* SPDX-License-Identifier: Apache-2.0 */
/* connectors/text.h: records as text, for the sinks that write lines. Thread: any. */
#ifndef WR_CONNECTORS_TEXT_H
#define WR_CONNECTORS_TEXT_H

#include "base/buffer.h"
#include "weir/connectors.h"
#include "weir/type.h"

/* Appends the record, without a line's end: TUPLE "(word,1)"; SPACES "word 1", nested fields flat.
 * Memory that is refused shows in the buffer's status. */
void wr_text_append(struct wr_buffer *out, const weir_type *type, const void *block,
                    weir_file_format format);

#endif /* WR_CONNECTORS_TEXT_H */
