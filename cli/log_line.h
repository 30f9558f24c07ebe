/* SPDX-License-Identifier: Apache-2.0 */
/* log_line.h: a record as a line of text. Pure. Thread: any. */
#ifndef CLI_LOG_LINE_H
#define CLI_LOG_LINE_H

#include "weir/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum cli_log_format {
    CLI_LOG_TEXT,    /* "weir: warning: ..." for people */
    CLI_LOG_JOURNAL, /* "<4>weir: warning: ..." : what systemd's journal takes off */
    CLI_LOG_LOGFMT,  /* ts=... level=WARN logger=storage msg="..." */
    CLI_LOG_JSON     /* {"ts":"...","level":"WARN","logger":"storage","msg":"..."} */
};

enum {
    CLI_LOG_LINE_MAX = 30720, /* with its newline and NUL */
    CLI_LOG_TEXT_MAX = 4096,  /* more of a message is cut, in bytes */
    CLI_LOG_NAME_MAX = 256    /* of a name */
};

struct cli_log_style {
    enum cli_log_format format;
    bool has_color;   /* of TEXT */
    bool keeps_lines; /* of TEXT: a message's own further lines, which are indented, stay lines */
};

/* Exactly one line, newline and NUL included, but for keeps_lines. What is not UTF-8, and what
 * could end a line or steer a terminal, stands there as an escape. Answers its size without NUL. */
size_t cli_log_line(char out[CLI_LOG_LINE_MAX], const struct cli_log_style *style,
                    const weir_log_record *record, const struct timespec *now);

#endif /* CLI_LOG_LINE_H */
