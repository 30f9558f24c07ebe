/* SPDX-License-Identifier: Apache-2.0 */
/* Levels by module, and what passes them. */
#include "base/log.h"

#include "support/test.h"

#include <stdio.h>
#include <string.h>

struct heard {
    unsigned records;
    unsigned lines;
    char letter;
    char text[WR_LOG_LINE_MAX + 16];
    weir_log_record last;
};

static void
hear_record(void *argument, const weir_log_record *record)
{
    struct heard *heard = argument;
    heard->records++;
    heard->last = *record;
    snprintf(heard->text, sizeof heard->text, "%s", record->message);
}

static void
hear_text(void *argument, char level, const char *text)
{
    struct heard *heard = argument;
    heard->lines++;
    heard->letter = level;
    assert_string_equal(text, heard->text);
}

static int64_t
noon(void *clock)
{
    (void)clock;
    return 43200000;
}

static void
open_log(struct wr_log *log, struct heard *heard)
{
    memset(heard, 0, sizeof *heard);
    *log = (struct wr_log){ .text = hear_text,
                            .record = hear_record,
                            .argument = heard,
                            .now_ms = noon,
                            .job_id = "0123" };
    wr_log_set_level(log, WEIR_LOG_INFO);
}

TEST(a_record_says_who_when_and_about_what)
{
    struct wr_log log;
    struct heard heard;
    open_log(&log, &heard);
    struct wr_log_about about = { .module = WR_LOG_RESTORE,
                                  .level = WEIR_LOG_WARN,
                                  .status = WEIR_CORRUPT,
                                  .checkpoint_id = 7,
                                  .operator_name = "sums",
                                  .subtask = 3 };
    wr_log_say_about(&log, &about, "block %d", 5);
    assert_int_equal(heard.records, 1);
    assert_int_equal(heard.lines, 1);
    assert_int_equal(heard.letter, 'w');
    assert_string_equal(heard.text, "block 5");
    assert_string_equal(heard.last.module, "restore");
    assert_string_equal(heard.last.job_id, "0123");
    assert_string_equal(heard.last.operator_name, "sums");
    assert_int_equal(heard.last.subtask, 3);
    assert_int_equal(heard.last.status, WEIR_CORRUPT);
    assert_int_equal(heard.last.checkpoint_id, 7);
    assert_int_equal(heard.last.time_ms, 43200000);
    wr_log_say(&log, WR_LOG_JOB, WEIR_LOG_INFO, "on");
    assert_int_equal(heard.last.subtask, -1); /* of no operator */
    assert_null(heard.last.operator_name);
}

TEST(a_level_keeps_back_what_is_less_severe_in_its_module_alone)
{
    struct wr_log log;
    struct heard heard;
    for (weir_log_level level = WEIR_LOG_OFF; level <= WEIR_LOG_DEBUG; level++) {
        for (weir_log_level said = WEIR_LOG_ERROR; said <= WEIR_LOG_DEBUG; said++) {
            open_log(&log, &heard);
            wr_log_set_module(&log, WR_LOG_STORAGE, level);
            wr_log_say(&log, WR_LOG_STORAGE, said, "x");
            assert_int_equal(heard.records, said <= level);
            wr_log_say(&log, WR_LOG_RESTART, said, "x");
            assert_int_equal(heard.records, (said <= level) + (said <= WEIR_LOG_INFO));
        }
    }
}

TEST(levels_are_read_whole_or_not_at_all)
{
    static const char *const wrong[] = { "stoage=WARN",      "storage",        "storage=",
                                         "storage=LOUD",     "=WARN",          "storage WARN",
                                         "job=DEBUG,x=INFO", "storage=WARN=1", "Storage=WARN" };
    struct wr_log log;
    struct heard heard;
    weir_error error;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        open_log(&log, &heard);
        assert_int_equal(wr_log_set_levels(&log, wrong[i], &error), WEIR_INVALID);
        assert_true(error.message[0] != '\0');
        for (int module = 0; module < WR_LOG_MODULE_COUNT; module++) {
            assert_int_equal(wr_log_level_of(&log, (enum wr_log_module)module), WEIR_LOG_INFO);
        }
    }
    assert_ok(wr_log_set_levels(&log, " checkpoint=debug, storage=Off,", &error), &error);
    assert_int_equal(wr_log_level_of(&log, WR_LOG_CHECKPOINT), WEIR_LOG_DEBUG);
    assert_int_equal(wr_log_level_of(&log, WR_LOG_STORAGE), WEIR_LOG_OFF);
    assert_int_equal(wr_log_level_of(&log, WR_LOG_JOB), WEIR_LOG_INFO);
    assert_ok(wr_log_set_levels(&log, "", &error), &error);
    assert_int_equal(wr_log_level_of(&log, WR_LOG_CHECKPOINT), WEIR_LOG_DEBUG);
}

TEST(a_message_at_its_limit_is_whole_and_one_above_is_cut)
{
    struct wr_log log;
    struct heard heard;
    char words[WR_LOG_LINE_MAX + 1];
    open_log(&log, &heard);
    memset(words, 'a', sizeof words);
    words[WR_LOG_LINE_MAX - 1] = '\0';
    wr_log_say(&log, WR_LOG_JOB, WEIR_LOG_INFO, "%s", words);
    assert_int_equal(strlen(heard.text), WR_LOG_LINE_MAX - 1);
    words[WR_LOG_LINE_MAX - 1] = 'a';
    words[WR_LOG_LINE_MAX] = '\0';
    wr_log_say(&log, WR_LOG_JOB, WEIR_LOG_INFO, "%s", words);
    assert_int_equal(strlen(heard.text), WR_LOG_LINE_MAX - 1);
}

TEST(without_a_listener_nothing_is_made_of_it)
{
    struct wr_log log = { .now_ms = NULL }; /* would be called for a record */
    wr_log_set_level(&log, WEIR_LOG_DEBUG);
    wr_log_say(&log, WR_LOG_JOB, WEIR_LOG_ERROR, "nobody hears");
}

TEST(modules_and_levels_have_names)
{
    for (size_t i = 0; i < WR_LOG_MODULE_COUNT; i++) {
        assert_int_equal(wr_log_module_from(weir_log_module(i)), (int)i);
    }
    assert_null(weir_log_module(WR_LOG_MODULE_COUNT));
    assert_int_equal(wr_log_module_from("nothing"), -1);
    assert_int_equal(wr_log_module_from(NULL), -1);
    for (weir_log_level level = WEIR_LOG_OFF; level <= WEIR_LOG_DEBUG; level++) {
        weir_log_level read = WEIR_LOG_OFF;
        assert_int_equal(weir_log_level_from(weir_log_level_name(level), &read), WEIR_OK);
        assert_int_equal(read, level);
    }
    weir_log_level level = WEIR_LOG_WARN;
    assert_int_equal(weir_log_level_from("warning", &level), WEIR_INVALID);
    assert_int_equal(weir_log_level_from(NULL, &level), WEIR_INVALID);
    assert_int_equal(level, WEIR_LOG_WARN);
    assert_int_equal(wr_log_level_of_letter('e'), WEIR_LOG_ERROR);
    assert_int_equal(wr_log_level_of_letter('d'), WEIR_LOG_DEBUG);
}
