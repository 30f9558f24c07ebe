/* SPDX-License-Identifier: Apache-2.0 */
/* wrap: breaks text between words. */
#include "wrap.h"

#include <stdbool.h>
#include <string.h>

void
cli_wrap(FILE *out, const char *text, size_t at, size_t indent)
{
    size_t column = at;
    bool is_first = true; /* of its line */
    while (*text != '\0') {
        size_t size = strcspn(text, " \n");
        if (!is_first && column + 1 + size > CLI_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            is_first = true;
        }
        fprintf(out, "%s%.*s", is_first ? "" : " ", (int)size, text);
        column += size + (is_first ? 0 : 1);
        is_first = false;
        text += size;
        if (*text == '\n') {
            fprintf(out, "\n%*s", text[1] == '\n' || text[1] == '\0' ? 0 : (int)indent, "");
            column = indent;
            is_first = true;
        }
        text += *text != '\0';
    }
    fputc('\n', out);
}

/* How much of the command must stand together: a word, and where it is an option the one behind. */
static size_t
unit_size(const char *command)
{
    size_t size = strcspn(command, " ");
    if (command[0] == '-' && command[size] == ' ' && command[size + 1] != '-') {
        size += 1 + strcspn(command + size + 1, " ");
    }
    return size;
}

void
cli_wrap_command(FILE *out, const char *command, size_t at)
{
    size_t indent = at + 4;
    size_t column = at;
    for (bool is_first = true; *command != '\0'; is_first = false) {
        size_t size = unit_size(command);
        size_t behind = command[size] == '\0' ? 0 : 2; /* room for " \" */
        if (!is_first && column + 1 + size + behind > CLI_WIDTH) {
            fprintf(out, " \\\n%*s", (int)indent, "");
            column = indent;
        } else if (!is_first) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)size, command);
        column += size;
        command += size;
        command += strspn(command, " ");
    }
    fputc('\n', out);
}
