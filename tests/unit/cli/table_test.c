/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in every form that -o has. */
#include "support/test.h"

#include "table.h"

#include "cli.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_column columns[] = { { .name = "name" },
                                             { .name = "size", .is_json_number = true },
                                             { .name = "note" } };

static char *
shown(enum cli_output output, size_t row_count)
{
    static const char *const rows[][3] = { { "one", "1", "a, \"b\"" },
                                           { "twenty-two", NULL, "line\nline\033[2J" } };
    char *out = NULL;
    size_t size = 0;
    struct cli_table table;
    FILE *file = open_memstream(&out, &size);
    cli_table_begin(&table, file, output, columns, 3);
    for (size_t i = 0; i < row_count; i++) {
        cli_table_row(&table, rows[i]);
    }
    assert_int_equal(cli_table_end(&table), CLI_OK);
    assert_int_equal(fclose(file), 0);
    return out;
}

static void
shows(enum cli_output output, size_t row_count, const char *expected)
{
    char *out = shown(output, row_count);
    assert_string_equal(out, expected);
    free(out);
}

TEST(a_table_is_as_wide_as_its_widest_cell)
{
    shows(CLI_OUTPUT_TABLE, 2,
          "NAME        SIZE  NOTE\n"
          "one         1     a, \"b\"\n"
          "twenty-two  -     line?line?[2J\n");
    shows(CLI_OUTPUT_DEFAULT, 1, "one  1  a, \"b\"\n");
    shows(CLI_OUTPUT_DEFAULT, 0, "");
}

TEST(json_is_what_a_reader_of_json_takes)
{
    char *out = shown(CLI_OUTPUT_JSON, 2);
    json_t *array = json_loads(out, 0, NULL);
    assert_non_null(array);
    assert_int_equal(json_array_size(array), 2);
    json_t *row = json_array_get(array, 1);
    assert_string_equal(json_string_value(json_object_get(row, "note")), "line\nline\033[2J");
    assert_true(json_is_null(json_object_get(row, "size")));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(array, 0), "size")), 1);
    json_decref(array);
    free(out);
    shows(CLI_OUTPUT_JSON, 0, "[]\n");
}

TEST(ndjson_is_an_object_a_line)
{
    shows(CLI_OUTPUT_NDJSON, 2,
          "{\"name\":\"one\",\"size\":1,\"note\":\"a, \\\"b\\\"\"}\n"
          "{\"name\":\"twenty-two\",\"size\":null,\"note\":\"line\\u000aline\\u001b[2J\"}\n");
}

TEST(csv_quotes_what_must_be)
{
    shows(CLI_OUTPUT_CSV, 1, "name,size,note\r\none,1,\"a, \"\"b\"\"\"\r\n");
    shows(CLI_OUTPUT_CSV, 2,
          "name,size,note\r\none,1,\"a, \"\"b\"\"\"\r\ntwenty-two,,\"line\nline\033[2J\"\r\n");
    shows(CLI_OUTPUT_CSV, 0, "name,size,note\r\n");
}
