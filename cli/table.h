/* SPDX-License-Identifier: Apache-2.0 */
/* table.h: rows of data on stdout, in the form that -o asks for. For verbs that show data.
 *
 *   table   columns side by side below a heading; without -o on a terminal
 *   json    one array of objects
 *   ndjson  an object a line
 *   csv     RFC 4180, a heading first
 *
 * Without -o, and where stdout is no terminal, it is columns without heading or colour: for grep
 * and awk.
 * Thread: main.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* As the choices of -o in option.c, then what it is without. */
enum cli_output {
    CLI_OUTPUT_TABLE,
    CLI_OUTPUT_JSON,
    CLI_OUTPUT_NDJSON,
    CLI_OUTPUT_CSV,
    CLI_OUTPUT_DEFAULT
};

struct cli_column {
    const char *name;    /* key in JSON; in capitals over the column */
    bool is_json_number; /* its text is a number, true or false: not quoted in JSON */
};

enum {
    CLI_COLUMNS_MAX = 16
};

struct cli_table {
    FILE *out;
    enum cli_output output;
    const struct cli_column *columns; /* lent until the end */
    size_t column_count;
    char **cells; /* rows that wait for the widths of all; owned */
    size_t cell_count;
    size_t cell_room;
    size_t row_count;
    bool has_failed; /* no memory: told at the end */
};

void cli_table_begin(struct cli_table *table, FILE *out, enum cli_output output,
                     const struct cli_column *columns, size_t column_count);
/* One text a column, copied; NULL: there is none. */
void cli_table_row(struct cli_table *table, const char *const *texts);
/* Prints what is still to be printed and frees; an exit code. */
int cli_table_end(struct cli_table *table);

#endif /* CLI_TABLE_H */
