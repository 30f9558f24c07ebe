/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of help. */
#include "support/test.h"

#include "wrap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static char *
wrapped(const char *text, size_t at, size_t indent, bool is_command)
{
    char *out = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&out, &size);
    if (is_command) {
        cli_wrap_command(file, text, at);
    } else {
        cli_wrap(file, text, at, indent);
    }
    assert_int_equal(fclose(file), 0);
    return out;
}

static void
wraps(const char *text, size_t at, size_t indent, const char *expected)
{
    char *out = wrapped(text, at, indent, false);
    assert_string_equal(out, expected);
    free(out);
}

TEST(a_line_may_be_as_wide_as_the_page_and_no_wider)
{
    char text[CLI_WIDTH + 1];
    char expected[CLI_WIDTH + 3];
    memset(text, 'x', sizeof text);
    text[40] = ' ';
    text[CLI_WIDTH] = '\0';
    snprintf(expected, sizeof expected, "%s\n", text);
    wraps(text, 0, 2, expected);
    char *out = wrapped(text, 1, 2, false);
    assert_memory_equal(out + 40, "\n  x", 4);
    free(out);
}

TEST(later_lines_are_indented_and_paragraphs_kept_apart)
{
    wraps("one two", 76, 4, "one\n    two\n");
    wraps("one\n\ntwo", 0, 0, "one\n\ntwo\n");
    wraps("one\ntwo", 4, 4, "one\n    two\n");
    wraps("", 0, 0, "\n");
}

TEST(a_command_goes_on_behind_a_backslash_and_keeps_options_whole)
{
    const char *command = "weir run -D execution.checkpointing.interval=1s "
                          "-D execution.checkpointing.dir=checkpoints job.so --follow";
    char *out = wrapped(command, 2, 0, true);
    assert_string_equal(out, "weir run -D execution.checkpointing.interval=1s \\\n"
                             "      -D execution.checkpointing.dir=checkpoints job.so --follow\n");
    free(out);
}
