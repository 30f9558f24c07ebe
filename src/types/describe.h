/* SPDX-License-Identifier: Apache-2.0 */
/* types/describe.h: a type in one line, for error messages. Thread: any. */
#ifndef WR_TYPES_DESCRIBE_H
#define WR_TYPES_DESCRIBE_H

#include "weir/type.h"

enum {
    WR_DESCRIPTION_SIZE = 400
}; /* room that most types fit in */

/* "struct word_count {word: string, count: i64}", NUL-terminated; a longer one ends in "...".
 * Returns `out`. */
const char *wr_type_describe(const weir_type *type, char *out, size_t room);

#endif /* WR_TYPES_DESCRIBE_H */
