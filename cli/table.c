/* SPDX-License-Identifier: Apache-2.0 */
/* table: what needs no widths is printed row by row, the others wait for the end. */
#include "table.h"

#include "cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
is_columns(const struct cli_table *table)
{
    return table->output == CLI_OUTPUT_TABLE || table->output == CLI_OUTPUT_DEFAULT;
}

void
cli_table_begin(struct cli_table *table, FILE *out, enum cli_output output,
                const struct cli_column *columns, size_t column_count)
{
    *table = (struct cli_table){
        .out = out, .output = output, .columns = columns, .column_count = column_count
    };
    if (output == CLI_OUTPUT_DEFAULT && isatty(fileno(out)) != 0) {
        table->output = CLI_OUTPUT_TABLE;
    }
    if (output == CLI_OUTPUT_JSON) {
        fputc('[', out);
    }
}

static void
print_object(const struct cli_table *table, const char *const *texts)
{
    for (size_t i = 0; i < table->column_count; i++) {
        fputc(i == 0 ? '{' : ',', table->out);
        cli_print_json_text(table->out, table->columns[i].name);
        fputc(':', table->out);
        if (texts[i] == NULL) {
            fputs("null", table->out);
        } else if (table->columns[i].is_json_number) {
            fputs(texts[i], table->out);
        } else {
            cli_print_json_text(table->out, texts[i]);
        }
    }
    fputc('}', table->out);
}

/* Quoted only where it must be; what is not there is an empty field. */
static void
print_field(FILE *out, const char *text)
{
    if (text == NULL) {
        return;
    }
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        fputs(*text == '"' ? "\"" : "", out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void
print_record(const struct cli_table *table, const char *const *texts)
{
    for (size_t i = 0; i < table->column_count; i++) {
        fputs(i == 0 ? "" : ",", table->out);
        print_field(table->out, texts[i]);
    }
    fputs("\r\n", table->out);
}

static void
print_record_heading(const struct cli_table *table)
{
    const char *names[CLI_COLUMNS_MAX];
    for (size_t i = 0; i < table->column_count; i++) {
        names[i] = table->columns[i].name;
    }
    print_record(table, names);
}

static void
keep(struct cli_table *table, const char *text)
{
    if (table->cell_count == table->cell_room) {
        size_t room = table->cell_room == 0 ? 256 : 2 * table->cell_room;
        char **cells = realloc(table->cells, room * sizeof *cells);
        if (cells == NULL) {
            table->has_failed = true;
            return;
        }
        table->cells = cells;
        table->cell_room = room;
    }
    char *copy = strdup(text != NULL ? text : "-");
    table->has_failed = table->has_failed || copy == NULL;
    for (char *at = copy; at != NULL && *at != '\0'; at++) { /* no text moves the cursor */
        *at = iscntrl((unsigned char)*at) ? '?' : *at;
    }
    if (copy != NULL) {
        table->cells[table->cell_count++] = copy;
    }
}

void
cli_table_row(struct cli_table *table, const char *const *texts)
{
    if (is_columns(table)) {
        for (size_t i = 0; i < table->column_count && !table->has_failed; i++) {
            keep(table, texts[i]);
        }
    } else if (table->output == CLI_OUTPUT_CSV) {
        if (table->row_count == 0) {
            print_record_heading(table);
        }
        print_record(table, texts);
    } else {
        bool is_array = table->output == CLI_OUTPUT_JSON;
        fputs(is_array && table->row_count != 0 ? ",\n" : "", table->out);
        print_object(table, texts);
        fputs(is_array ? "" : "\n", table->out);
    }
    table->row_count++;
}

static void
find_widths(const struct cli_table *table, bool has_heading, size_t *out_widths)
{
    for (size_t i = 0; has_heading && i < table->column_count; i++) {
        out_widths[i] = strlen(table->columns[i].name);
    }
    size_t column = 0;
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t size = strlen(table->cells[i]);
        out_widths[column] = size > out_widths[column] ? size : out_widths[column];
        column = column + 1 < table->column_count ? column + 1 : 0;
    }
}

static void
print_heading(const struct cli_table *table, const size_t *widths)
{
    bool is_bold = cli_has_color(table->out);
    fputs(is_bold ? "\033[1m" : "", table->out);
    for (size_t i = 0; i < table->column_count; i++) {
        const char *name = table->columns[i].name;
        for (const char *at = name; *at != '\0'; at++) {
            fputc(toupper((unsigned char)*at), table->out);
        }
        bool is_last = i + 1 == table->column_count;
        fprintf(table->out, "%*s", is_last ? 0 : (int)(widths[i] - strlen(name) + 2), "");
    }
    fputs(is_bold ? "\033[0m\n" : "\n", table->out);
}

static void
print_columns(const struct cli_table *table)
{
    size_t widths[CLI_COLUMNS_MAX] = { 0 };
    bool has_heading = table->output == CLI_OUTPUT_TABLE;
    find_widths(table, has_heading, widths);
    if (has_heading) {
        print_heading(table, widths);
    }
    size_t column = 0;
    for (size_t i = 0; i < table->cell_count; i++) {
        bool is_last = column + 1 == table->column_count;
        fprintf(table->out, "%-*s%s", is_last ? 0 : (int)widths[column] + 2, table->cells[i],
                is_last ? "\n" : "");
        column = is_last ? 0 : column + 1;
    }
}

int
cli_table_end(struct cli_table *table)
{
    if (is_columns(table) && !table->has_failed) {
        print_columns(table);
    } else if (table->output == CLI_OUTPUT_JSON) {
        fputs("]\n", table->out);
    } else if (table->output == CLI_OUTPUT_CSV && table->row_count == 0) {
        print_record_heading(table);
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    table->cells = NULL;
    if (table->has_failed) {
        cli_say('e', "no memory to show the table");
        return CLI_FAILED;
    }
    return CLI_OK;
}
