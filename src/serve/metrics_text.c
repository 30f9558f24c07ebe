/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_text: lines of OpenMetrics. A label's value may hold whatever a user named a job or a
 * state: it is escaped, and never ends its line.
 */
#include "serve/metrics_text.h"

#include "serve/look.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROOM_FIRST = 16 * 1024
};

/* --- the buffer --- */

static bool
make_room(struct wr_metrics_text *text, size_t more)
{
    if (text->refused || more <= text->room - text->size) {
        return !text->refused;
    }
    size_t room = text->room != 0 ? text->room : ROOM_FIRST;
    while (room - text->size < more) {
        room *= 2;
    }
    char *grown = realloc(text->text, room);
    if (grown == NULL) {
        text->refused = true;
        return false;
    }
    text->text = grown;
    text->room = room;
    return true;
}

static void
put(struct wr_metrics_text *text, const char *bytes, size_t size)
{
    if (make_room(text, size)) {
        memcpy(text->text + text->size, bytes, size);
        text->size += size;
    }
}

static void
put_text(struct wr_metrics_text *text, const char *words)
{
    put(text, words, strlen(words));
}

static void __attribute__((format(printf, 2, 3)))
print(struct wr_metrics_text *text, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (size > 0) {
        put(text, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
    }
}

/* --- labels --- */

struct wr_labels
wr_labels_with(const struct wr_labels *labels, const char *name, const char *value)
{
    struct wr_labels more = *labels;
    if (more.count < WR_LABELS_MAX) {
        more.all[more.count++] = (struct wr_label){ name, value };
    }
    return more;
}

static void
put_escaped(struct wr_metrics_text *text, const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\n') {
            put_text(text, "\\n");
        } else if (*at == '"' || *at == '\\') {
            char pair[] = { '\\', *at };
            put(text, pair, sizeof pair);
        } else {
            put(text, at, 1);
        }
    }
}

/* What is not UTF-8 would make the whole answer unreadable. */
static void
put_value(struct wr_metrics_text *text, const char *value)
{
    json_t *sound = wr_json_text(value);
    if (sound == NULL) {
        text->refused = true;
        return;
    }
    put_escaped(text, json_string_value(sound));
    json_decref(sound);
}

static void
put_labels(struct wr_metrics_text *text, const struct wr_labels *labels)
{
    if (labels->count == 0) {
        return;
    }
    for (size_t i = 0; i < labels->count; i++) {
        put_text(text, i == 0 ? "{" : ",");
        put_text(text, labels->all[i].name);
        put_text(text, "=\"");
        put_value(text, labels->all[i].value);
        put_text(text, "\"");
    }
    put_text(text, "}");
}

/* --- lines --- */

void
wr_metrics_family(struct wr_metrics_text *text, const char *name, const char *type,
                  const char *unit, const char *help)
{
    print(text, "# TYPE %s %s\n", name, type);
    if (unit[0] != '\0') {
        print(text, "# UNIT %s %s\n", name, unit);
    }
    print(text, "# HELP %s ", name);
    put_escaped(text, help);
    put_text(text, "\n");
}

static void
put_name(struct wr_metrics_text *text, const char *name, const char *suffix,
         const struct wr_labels *labels)
{
    put_text(text, name);
    put_text(text, suffix);
    put_labels(text, labels);
}

void
wr_metrics_count(struct wr_metrics_text *text, const char *name, const char *suffix,
                 const struct wr_labels *labels, uint64_t value)
{
    put_name(text, name, suffix, labels);
    print(text, " %llu\n", (unsigned long long)value);
}

void
wr_metrics_value(struct wr_metrics_text *text, const char *name, const char *suffix,
                 const struct wr_labels *labels, double value)
{
    put_name(text, name, suffix, labels);
    if (isinf(value)) {
        put_text(text, value > 0 ? " +Inf\n" : " -Inf\n");
    } else {
        print(text, " %.15g\n", value);
    }
}

void
wr_metrics_end(struct wr_metrics_text *text)
{
    put_text(text, "# EOF\n");
}
