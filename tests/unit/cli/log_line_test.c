/* SPDX-License-Identifier: Apache-2.0 */
/* A record is one line, whatever it holds. */
#include "log_line.h"

#include "support/test.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static char line[CLI_LOG_LINE_MAX];
static const struct timespec moment = { .tv_sec = 1773480600, .tv_nsec = 123456789 };

static weir_log_record
record_of(const char *message)
{
    return (weir_log_record){ .size = sizeof(weir_log_record),
                              .level = WEIR_LOG_WARN,
                              .module = "storage",
                              .message = message,
                              .job_id = "",
                              .subtask = -1 };
}

static const char *
format(enum cli_log_format format, const weir_log_record *record)
{
    struct cli_log_style style = { .format = format };
    size_t size = cli_log_line(line, &style, record, &moment);
    assert_int_equal(size, strlen(line));
    assert_true(size > 0 && line[size - 1] == '\n');
    return line;
}

static const enum cli_log_format all_formats[] = { CLI_LOG_TEXT, CLI_LOG_JOURNAL, CLI_LOG_LOGFMT,
                                                   CLI_LOG_JSON };

TEST(each_format_has_its_line)
{
    weir_log_record record = record_of("it is full");
    assert_string_equal(format(CLI_LOG_TEXT, &record), "weir: warning: it is full\n");
    assert_string_equal(format(CLI_LOG_JOURNAL, &record), "<4>weir: warning: it is full\n");
    assert_string_equal(format(CLI_LOG_LOGFMT, &record),
                        "ts=2026-03-14T09:30:00.123456Z level=WARN logger=storage "
                        "msg=\"it is full\"\n");
    assert_string_equal(format(CLI_LOG_JSON, &record),
                        "{\"ts\":\"2026-03-14T09:30:00.123456Z\",\"level\":\"WARN\","
                        "\"logger\":\"storage\",\"msg\":\"it is full\"}\n");
}

TEST(a_record_tells_what_it_is_about)
{
    weir_log_record record = record_of("lost");
    record.job_id = "0123456789abcdef0123456789abcdef";
    record.operator_name = "my sums";
    record.subtask = 0;
    record.checkpoint_id = 9;
    record.status = WEIR_IO;
    assert_string_equal(format(CLI_LOG_LOGFMT, &record),
                        "ts=2026-03-14T09:30:00.123456Z level=WARN logger=storage msg=lost "
                        "job=0123456789abcdef0123456789abcdef operator=\"my sums\" subtask=0 "
                        "checkpoint=9 code=IO\n");
    json_t *json = json_loads(format(CLI_LOG_JSON, &record), 0, NULL);
    assert_non_null(json);
    assert_int_equal(json_object_size(json), 9);
    assert_string_equal(json_string_value(json_object_get(json, "operator")), "my sums");
    assert_int_equal(json_integer_value(json_object_get(json, "subtask")), 0);
    assert_int_equal(json_integer_value(json_object_get(json, "checkpoint")), 9);
    assert_string_equal(json_string_value(json_object_get(json, "code")), "IO");
    json_decref(json);
}

TEST(levels_have_the_journals_priorities_and_words_for_people)
{
    static const struct {
        weir_log_level level;
        const char *journal;
    } levels[] = { { WEIR_LOG_ERROR, "<3>weir: error: x\n" },
                   { WEIR_LOG_WARN, "<4>weir: warning: x\n" },
                   { WEIR_LOG_INFO, "<6>weir: x\n" },
                   { WEIR_LOG_DEBUG, "<7>weir: debug: x\n" } };
    for (size_t i = 0; i < 4; i++) {
        weir_log_record record = record_of("x");
        record.level = levels[i].level;
        assert_string_equal(format(CLI_LOG_JOURNAL, &record), levels[i].journal);
        assert_string_equal(format(CLI_LOG_TEXT, &record), levels[i].journal + 3);
    }
    weir_log_record record = record_of("x");
    struct cli_log_style style = { .format = CLI_LOG_TEXT, .has_color = true };
    (void)cli_log_line(line, &style, &record, &moment);
    assert_string_equal(line, "weir: \033[33mwarning: \033[0mx\n");
    style.format = CLI_LOG_JSON;
    (void)cli_log_line(line, &style, &record, &moment);
    assert_null(strchr(line, '\033'));
}

/* --- what a message may hold --- */

static const struct {
    const char *message;
    const char *text;
    const char *json; /* as a reader of JSON sees it */
} hostile[] = {
    { "a\nweir: error: forged", "a\\x0aweir: error: forged", "a\nweir: error: forged" },
    { "a\r\n<0>b", "a\\x0d\\x0a<0>b", "a\r\n<0>b" },
    { "\033[2J\033]0;title\007", "\\x1b[2J\\x1b]0;title\\x07", "\033[2J\033]0;title\007" },
    { "\x7f\xc2\x9b", "\\x7f\\x9b", "\x7f\xc2\x9b" },
    { "bad \xff\xc3( \xed\xa0\x80 \xf4\x90\x80\x80 \xc0\xaf",
      "bad \\xff\\xc3( \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xc0\\xaf",
      "bad \xef\xbf\xbd\xef\xbf\xbd( \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd "
      "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd" },
    { "cut \xe2\x82", "cut \\xe2\\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
    { "turned \xe2\x80\xae line\xe2\x80\xa8", "turned \\u202e line\\u2028",
      "turned \xe2\x80\xae line\xe2\x80\xa8" },
    { "quote \" back \\ brace }", "quote \" back \\ brace }", "quote \" back \\ brace }" },
    { "gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8a", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8a",
      "gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8a" },
    { "tab\there", "tab\there", "tab\there" },
    { "", "", "" },
};

TEST(no_message_ends_its_line_or_steers_a_terminal)
{
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        weir_log_record record = record_of(hostile[i].message);
        char wanted[512];
        snprintf(wanted, sizeof wanted, "weir: warning: %s\n", hostile[i].text);
        assert_string_equal(format(CLI_LOG_TEXT, &record), wanted);
        json_t *json = json_loads(format(CLI_LOG_JSON, &record), 0, NULL);
        assert_non_null(json);
        assert_string_equal(json_string_value(json_object_get(json, "msg")), hostile[i].json);
        json_decref(json);
        for (size_t j = 0; j < 4; j++) {
            const char *text = format(all_formats[j], &record);
            for (const char *at = text; at[1] != '\0'; at++) {
                assert_true(((unsigned char)*at >= 0x20 || *at == '\t') && *at != 0x7f);
            }
        }
    }
}

/* Names of operators come from users as well. */
TEST(no_name_breaks_out_of_its_field)
{
    weir_log_record record = record_of("x");
    record.operator_name = "a\" level=ERROR\n{\"b\":1}\xff";
    assert_string_equal(strstr(format(CLI_LOG_LOGFMT, &record), "operator="),
                        "operator=\"a\\\" level=ERROR\\n{\\\"b\\\":1}\\xff\"\n");
    json_t *json = json_loads(format(CLI_LOG_JSON, &record), 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "operator")),
                        "a\" level=ERROR\n{\"b\":1}\xef\xbf\xbd");
    assert_string_equal(json_string_value(json_object_get(json, "level")), "WARN");
    json_decref(json);
}

TEST(only_our_own_further_lines_stay_lines_and_only_as_text)
{
    weir_log_record record = record_of("refused\n  to go on:  this\nforged\n");
    struct cli_log_style style = { .format = CLI_LOG_TEXT, .keeps_lines = true };
    (void)cli_log_line(line, &style, &record, &moment);
    assert_string_equal(line, "weir: warning: refused\n  to go on:  this\\x0aforged\\x0a\n");
    for (size_t i = 1; i < 4; i++) {
        style.format = all_formats[i];
        size_t size = cli_log_line(line, &style, &record, &moment);
        assert_true(strchr(line, '\n') == line + size - 1);
    }
}

/* The longest there can be, of what grows most when it is escaped. */
TEST(the_longest_line_is_whole_and_more_is_cut)
{
    static char message[CLI_LOG_TEXT_MAX + 2];
    static char name[CLI_LOG_NAME_MAX + 2];
    memset(message, 1, sizeof message - 1);
    memset(name, 2, sizeof name - 1);
    weir_log_record record = record_of(message);
    record.operator_name = name;
    record.job_id = name;
    record.module = name;
    record.subtask = INT32_MAX;
    record.checkpoint_id = INT64_MAX;
    record.status = WEIR_UNSUPPORTED;
    json_t *json = json_loads(format(CLI_LOG_JSON, &record), 0, NULL);
    assert_non_null(json);
    assert_int_equal(json_string_length(json_object_get(json, "msg")), CLI_LOG_TEXT_MAX);
    assert_int_equal(json_string_length(json_object_get(json, "operator")), CLI_LOG_NAME_MAX);
    assert_string_equal(json_string_value(json_object_get(json, "code")), "UNSUPPORTED");
    json_decref(json);
    message[CLI_LOG_TEXT_MAX] = '\0';
    json = json_loads(format(CLI_LOG_JSON, &record), 0, NULL);
    assert_int_equal(json_string_length(json_object_get(json, "msg")), CLI_LOG_TEXT_MAX);
    json_decref(json);
}
