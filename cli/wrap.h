/* SPDX-License-Identifier: Apache-2.0 */
/* wrap.h: text in lines of at most 80 columns. For help. Thread: any. */
#ifndef CLI_WRAP_H
#define CLI_WRAP_H

#include <stddef.h>
#include <stdio.h>

enum {
    CLI_WIDTH = 80
};

/* Prints words from column `at` on, later lines indented; "\n\n" makes an empty line, "\n" ends a
 * line. Ends with a newline. Text is ASCII: a column is a byte. */
void cli_wrap(FILE *out, const char *text, size_t at, size_t indent);
/* A command of the shell from column `at` on; where it is too long it goes on in the next line
 * behind a backslash, never between an option and its argument. Ends with a newline. */
void cli_wrap_command(FILE *out, const char *command, size_t at);

#endif /* CLI_WRAP_H */
