/* SPDX-License-Identifier: Apache-2.0 */
/* top_view.h: draws what `weir top` has read. Thread: main. */
#ifndef CLI_CLIENT_TOP_VIEW_H
#define CLI_CLIENT_TOP_VIEW_H

#include "top_data.h"

#include <stdio.h>

struct cli_top_view {
    unsigned columns; /* lines are cut there */
    unsigned rows;    /* 0: as many as it takes */
    bool has_color;
    bool is_live; /* the keys are said, lines are cleared to their end */
    bool is_paused;
    const char *note; /* what is to be said below; NULL: nothing */
};

/* before NULL: rates are not known. */
void cli_top_draw(FILE *out, const struct cli_top_view *view, const struct cli_top_data *before,
                  const struct cli_top_data *now);

#endif /* CLI_CLIENT_TOP_VIEW_H */
