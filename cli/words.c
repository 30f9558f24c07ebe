/* SPDX-License-Identifier: Apache-2.0 */
/* words: what the command line says on stderr, and what a failure exits with. */
#include "cli.h"
#include "log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum cli_color asked_color; /* --color, set once before anything is said */

void
cli_set_color(enum cli_color color)
{
    asked_color = color;
}

bool
cli_has_color(FILE *stream)
{
    if (asked_color != CLI_COLOR_AUTO) {
        return asked_color == CLI_COLOR_ALWAYS;
    }
    const char *none = getenv("NO_COLOR");
    const char *force = getenv("CLICOLOR_FORCE");
    const char *terminal = getenv("TERM");
    if (none != NULL && none[0] != '\0') {
        return false;
    }
    if (force != NULL && force[0] != '\0' && strcmp(force, "0") != 0) {
        return true;
    }
    return isatty(fileno(stream)) != 0 && (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

void
cli_say(char level, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cli_log_say(level, text);
}

int
cli_exit_of(weir_status status)
{
    switch (status) {
    case WEIR_OK:
        return CLI_OK;
    case WEIR_INVALID:
    case WEIR_UNSUPPORTED:
        return CLI_USAGE;
    case WEIR_NOT_FOUND:
        return CLI_NOT_FOUND;
    case WEIR_VERSION:
        return CLI_INCOMPATIBLE;
    case WEIR_CORRUPT:
        return CLI_CORRUPT;
    case WEIR_TIMEOUT:
        return CLI_TIMEOUT;
    case WEIR_NOMEM:
    case WEIR_IO:
    case WEIR_BUSY:
    case WEIR_CANCELLED:
    case WEIR_LIMIT:
    case WEIR_USER:
        break;
    }
    return CLI_FAILED;
}

int
cli_report(const weir_error *error)
{
    cli_say('e', "%s", error->message);
    return cli_exit_of(error->status);
}

int
cli_report_job(const weir_error *error)
{
    if (error->status == WEIR_CANCELLED) {
        puts(error->message);
        return CLI_OK;
    }
    return cli_report(error);
}

size_t
cli_distance(const char *one, const char *other)
{
    enum {
        LONGEST = 32
    };
    size_t row[LONGEST + 1];
    size_t width = strlen(other) < LONGEST ? strlen(other) : LONGEST;
    for (size_t j = 0; j <= width; j++) {
        row[j] = j;
    }
    for (size_t i = 1; one[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t above = row[j];
            size_t best = diagonal + (one[i - 1] != other[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
        }
    }
    return row[width];
}

const char *
cli_nearest_verb(const char *name)
{
    const char *nearest = NULL;
    size_t least = 3;
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        size_t far = cli_distance(name, cli_verbs[i]->name);
        if (far < least && !cli_verbs[i]->is_hidden) {
            least = far;
            nearest = cli_verbs[i]->name;
        }
    }
    return nearest;
}
