/* SPDX-License-Identifier: Apache-2.0 */
/* log_line: what a record may hold is not ours: a job's name, a path, what a user's function says
 * of a record that came over the network. Whoever reads the log must be able to trust its lines, so
 * every byte of that passes put_escaped:
 *
 *   letters of UTF-8            as they are
 *   not UTF-8                   text and logfmt: \xNN   JSON: \ufffd
 *   control characters, and those that break lines or turn the direction of text:  \xNN, \uNNNN
 *   quotes and backslashes      escaped where the format quotes
 *
 * Texts are cut before they are escaped, so that the longest line there can be has room.
 */
#include "log_line.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    TAIL_ROOM = 64 /* for what closes a line */
};

struct line {
    char *out;
    size_t size;
    enum cli_log_format format;
    bool keeps_lines;
};

/* An escape takes six bytes; besides msg three fields may be names, and the rest is short. */
_Static_assert(6 * (CLI_LOG_TEXT_MAX + 3 * CLI_LOG_NAME_MAX) + 512 + TAIL_ROOM <= CLI_LOG_LINE_MAX,
               "the longest line has room");

/* --- pieces --- */

static void
put(struct line *line, const char *bytes, size_t size)
{
    if (size < CLI_LOG_LINE_MAX - TAIL_ROOM - line->size) {
        memcpy(line->out + line->size, bytes, size);
        line->size += size;
    }
}

static void
put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void __attribute__((format(printf, 2, 3))) print(struct line *line, const char *format, ...)
{
    char piece[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    put_text(line, piece);
}

/* --- letters --- */

/* How many bytes the letter has, 0: it is none of UTF-8. */
static size_t
read_letter(const unsigned char *at, size_t left, uint32_t *out_letter)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = at[0] < 0x80   ? 1
                  : at[0] < 0xC2 ? 0
                  : at[0] < 0xE0 ? 2
                  : at[0] < 0xF0 ? 3
                  : at[0] < 0xF5 ? 4
                                 : 0;
    if (size == 0 || size > left) {
        return 0;
    }
    uint32_t letter = size == 1 ? at[0] : at[0] & (0x7FU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xC0U) != 0x80) {
            return 0;
        }
        letter = letter << 6 | (at[i] & 0x3FU);
    }
    if (letter < least[size] || letter > 0x10FFFF || (letter >= 0xD800 && letter <= 0xDFFF)) {
        return 0;
    }
    *out_letter = letter;
    return size;
}

/* Ends a line, moves a cursor, or turns what stands around it. */
static bool
is_unsafe(uint32_t letter)
{
    return letter < 0x20 || (letter >= 0x7F && letter < 0xA0) || letter == 0x2028 ||
           letter == 0x2029 || letter == 0x061C || letter == 0x200E || letter == 0x200F ||
           (letter >= 0x202A && letter <= 0x202E) || (letter >= 0x2066 && letter <= 0x2069) ||
           letter == 0xFEFF;
}

static bool
is_quoted_format(enum cli_log_format format)
{
    return format == CLI_LOG_LOGFMT || format == CLI_LOG_JSON;
}

static void
put_unsafe(struct line *line, uint32_t letter)
{
    if (letter == '\n' && line->format != CLI_LOG_TEXT) {
        put_text(line, "\\n");
    } else if (letter == '\t') {
        put_text(line, line->format == CLI_LOG_TEXT ? "\t" : "\\t");
    } else if (letter < 0x100 && line->format != CLI_LOG_JSON) {
        print(line, "\\x%02x", (unsigned)letter);
    } else {
        print(line, "\\u%04x", (unsigned)letter);
    }
}

/* At most `most` bytes of it. */
static void
put_escaped(struct line *line, const char *text, size_t most)
{
    size_t size = strnlen(text, most);
    for (size_t i = 0; i < size;) {
        const char *at = text + i;
        uint32_t letter = 0;
        size_t width = read_letter((const unsigned char *)at, size - i, &letter);
        if (width == 0 && line->format == CLI_LOG_JSON) {
            put_text(line, "\\ufffd");
        } else if (width == 0) {
            print(line, "\\x%02x", (unsigned)(unsigned char)*at);
        } else if (letter == '\n' && line->keeps_lines && strncmp(at + 1, "  ", 2) == 0) {
            put_text(line, "\n");
        } else if (is_unsafe(letter)) {
            put_unsafe(line, letter);
        } else if (is_quoted_format(line->format) && (letter == '"' || letter == '\\')) {
            print(line, "\\%c", (char)letter);
        } else {
            put(line, at, width);
        }
        i += width != 0 ? width : 1;
    }
}

/* --- for people, and for the journal --- */

static const char *
label_of(weir_log_level level)
{
    return level == WEIR_LOG_ERROR   ? "error: "
           : level == WEIR_LOG_WARN  ? "warning: "
           : level == WEIR_LOG_DEBUG ? "debug: "
                                     : "";
}

static void
put_people(struct line *line, const struct cli_log_style *style, const weir_log_record *record)
{
    static const int priorities[] = { 3, 3, 4, 6, 7 }; /* syslog's, by level */
    const char *color = record->level == WEIR_LOG_ERROR  ? "\033[31m"
                        : record->level == WEIR_LOG_WARN ? "\033[33m"
                                                         : "";
    bool has_color = style->has_color && style->format == CLI_LOG_TEXT && color[0] != '\0';
    if (style->format == CLI_LOG_JOURNAL) {
        print(line, "<%d>", priorities[record->level]);
    }
    print(line, "weir: %s%s%s", has_color ? color : "", label_of(record->level),
          has_color ? "\033[0m" : "");
    put_escaped(line, record->message, CLI_LOG_TEXT_MAX);
}

/* --- for programs --- */

/* RFC 3339, in UTC, with microseconds. */
static void
put_time(struct line *line, const struct timespec *now)
{
    struct tm utc;
    char text[32];
    gmtime_r(&now->tv_sec, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    print(line, "%s.%06ldZ", text, now->tv_nsec / 1000);
}

static void
put_name(struct line *line, const char *name)
{
    if (line->format == CLI_LOG_JSON) {
        print(line, "%s\"%s\":", line->size == 0 ? "{" : ",", name);
    } else {
        print(line, "%s%s=", line->size == 0 ? "" : " ", name);
    }
}

static void
put_field(struct line *line, const char *name, const char *value)
{
    bool is_plain = line->format == CLI_LOG_LOGFMT && value[0] != '\0' &&
                    strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_./:+@,") == strlen(value);
    bool is_message = strcmp(name, "msg") == 0;
    put_name(line, name);
    put_text(line, is_plain ? "" : "\"");
    put_escaped(line, value, is_message ? CLI_LOG_TEXT_MAX : CLI_LOG_NAME_MAX);
    put_text(line, is_plain ? "" : "\"");
}

static void
put_program(struct line *line, const weir_log_record *record, const struct timespec *now)
{
    put_name(line, "ts");
    put_text(line, line->format == CLI_LOG_JSON ? "\"" : "");
    put_time(line, now);
    put_text(line, line->format == CLI_LOG_JSON ? "\"" : "");
    put_field(line, "level", weir_log_level_name(record->level));
    put_field(line, "logger", record->module);
    put_field(line, "msg", record->message);
    if (record->job_id != NULL && record->job_id[0] != '\0') {
        put_field(line, "job", record->job_id);
    }
    if (record->operator_name != NULL) {
        put_field(line, "operator", record->operator_name);
    }
    if (record->subtask >= 0) {
        put_name(line, "subtask");
        print(line, "%d", record->subtask);
    }
    if (record->checkpoint_id != 0) {
        put_name(line, "checkpoint");
        print(line, "%llu", (unsigned long long)record->checkpoint_id);
    }
    if (record->status != WEIR_OK) {
        put_field(line, "code", weir_status_name(record->status));
    }
}

size_t
cli_log_line(char out[CLI_LOG_LINE_MAX], const struct cli_log_style *style,
             const weir_log_record *record, const struct timespec *now)
{
    struct line line = { .out = out,
                         .format = style->format,
                         .keeps_lines = style->keeps_lines && style->format == CLI_LOG_TEXT };
    if (is_quoted_format(style->format)) {
        put_program(&line, record, now);
    } else {
        put_people(&line, style, record);
    }
    /* TAIL_ROOM was kept for this */
    const char *tail = style->format == CLI_LOG_JSON ? "}\n" : "\n";
    memcpy(out + line.size, tail, strlen(tail) + 1);
    return line.size + strlen(tail);
}
