/* SPDX-License-Identifier: Apache-2.0 */
/* types/utf8.h: whether bytes are text, and what Java would make of bytes that are not.
 * Thread: any.
 */
#ifndef WR_TYPES_UTF8_H
#define WR_TYPES_UTF8_H

#include "base/buffer.h"
#include "weir/bytes.h"

/* Well-formed UTF-8: what a string made from input must be. */
bool wr_utf8_valid(weir_bytes bytes);

/* The same, or with lone surrogates in their three-byte form: what a Java string may hold, and so
 * what a stored string may be. A surrogate pair in two three-byte forms is refused: it has a form
 * of its own. */
bool wr_utf8_valid_java(weir_bytes bytes);

/* Appends the text with U+FFFD for each ill-formed part, cut as Java's decoder cuts them;
 * well-formed text comes out as it is. At most three times the size. WEIR_NOMEM. */
weir_status wr_utf8_repair(weir_bytes bytes, struct wr_buffer *out);

#endif /* WR_TYPES_UTF8_H */
