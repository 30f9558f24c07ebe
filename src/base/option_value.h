/* SPDX-License-Identifier: Apache-2.0 */
/* base/option_value.h: one option's value, from text. Used by options.c alone. Thread: any. */
#ifndef WR_BASE_OPTION_VALUE_H
#define WR_BASE_OPTION_VALUE_H

#include "weir/options.h"

enum {
    WR_OPTION_WHY_SIZE = 200
};

struct wr_option_value {
    int64_t number; /* INT, BOOL (0, 1), DURATION (ms), BYTES, CHOICE (index of the choice) */
    double real;    /* FLOAT */
};

/* Parses text as the row wants it and holds it against the row's limits. WEIR_INVALID: `out_why`
 * (WR_OPTION_WHY_SIZE bytes) then says what was expected. */
weir_status wr_option_parse(const weir_option_info *info, const char *text,
                            struct wr_option_value *out_value, char *out_why);

/* The next row that has this key as an old spelling too; NULL: none. `info` was found by it. */
const weir_option_info *wr_option_sharing(const weir_option_info *info, const char *key);

/* The index-th of texts separated by '|': its start and length; NULL past the last one. */
const char *wr_option_part(const char *parts, size_t index, size_t *out_size);

#endif /* WR_BASE_OPTION_VALUE_H */
