/* SPDX-License-Identifier: Apache-2.0 */
/* show.h: how a verb that waits shows how far it is, and JSON on stdout. Thread: main. */
#ifndef CLI_CLIENT_SHOW_H
#define CLI_CLIENT_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

uint64_t cli_now_ms(void); /* of a clock that only goes forward */
void cli_sleep_ms(unsigned ms);

/* Prints it in one line and takes it. Answers an exit code. */
int cli_print_json(json_t *value);

/* One live line on a terminal; elsewhere a line every ten seconds. All on stderr. */
struct cli_progress {
    bool is_terminal;
    bool is_shown;
    uint64_t begun_ms;
    uint64_t next_ms;
};
void cli_progress_begin(struct cli_progress *progress);
/* "3 of 4 subtasks acknowledged" */
void cli_progress_show(struct cli_progress *progress, const char *text);
/* Before other words, and at the end. */
void cli_progress_clear(struct cli_progress *progress);

#endif /* CLI_CLIENT_SHOW_H */
