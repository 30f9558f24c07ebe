/* SPDX-License-Identifier: Apache-2.0 */
/* Records to stderr: whole lines from any thread, in the format that was asked for, and never a
 * job that waits for its reader. */
#include "log.h"

#include "cli.h"

#include "support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    THREADS = 8,
    LINES = 500
};

static int
begin(int descriptor)
{
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0);
    assert_true(dup2(descriptor, STDERR_FILENO) >= 0);
    return kept;
}

static void
end(int kept)
{
    dup2(kept, STDERR_FILENO);
    close(kept);
}

static void
ask_for(const char *format)
{
    weir_options *options;
    weir_error error;
    assert_int_equal(weir_options_create(NULL, &options), WEIR_OK);
    if (format != NULL) {
        assert_ok(
            weir_options_set(options, "weir.log.format", format, WEIR_LEVEL_COMMAND, "-D", &error),
            &error);
    }
    cli_log_begin(options, false);
    weir_options_destroy(options);
}

static weir_log_record
record_of(weir_log_level level, const char *message)
{
    return (weir_log_record){ .size = sizeof(weir_log_record),
                              .level = level,
                              .module = "operator",
                              .message = message,
                              .job_id = "",
                              .subtask = -1 };
}

/* All that stands in the file. */
static char *
read_all(FILE *file)
{
    long size;
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    return text;
}

static void *
say_many(void *argument)
{
    char message[700];
    memset(message, 'a' + *(int *)argument, sizeof message - 1);
    message[sizeof message - 1] = '\0';
    for (int i = 0; i < LINES; i++) {
        weir_log_record record = record_of(WEIR_LOG_INFO, message);
        cli_log_record(NULL, &record);
    }
    return NULL;
}

TEST(lines_of_many_threads_never_mix)
{
    FILE *file = tmpfile();
    pthread_t threads[THREADS];
    int numbers[THREADS];
    ask_for("logfmt");
    int kept = begin(fileno(file));
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, say_many, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    end(kept);
    char *text = read_all(file);
    int lines = 0;
    for (char *at = text; *at != '\0'; lines++) {
        char *message = strstr(at, " msg=");
        char *line_end = strchr(at, '\n');
        assert_true(strncmp(at, "ts=", 3) == 0 && message != NULL && message < line_end);
        message += 5;
        assert_int_equal(line_end - message, 699);
        for (const char *letter = message; letter < line_end; letter++) {
            assert_int_equal(*letter, *message);
        }
        at = line_end + 1;
    }
    assert_int_equal(lines, THREADS * LINES);
    free(text);
    fclose(file);
}

TEST(a_job_does_not_wait_for_who_stopped_reading_and_says_later_what_was_lost)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 8192) >= 0);
    ask_for("text");
    int kept = begin(ends[1]);
    for (int i = 0; i < 5000; i++) { /* would wait for ever */
        weir_log_record record = record_of(WEIR_LOG_INFO, "nobody reads this");
        cli_log_record(NULL, &record);
    }
    char text[16384];
    ssize_t size = read(ends[0], text, sizeof text - 1);
    assert_true(size > 0 && text[size - 1] == '\n'); /* whole lines */
    text[size] = '\0';
    unsigned long long written = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        written++;
    }
    weir_log_record record = record_of(WEIR_LOG_INFO, "somebody reads again");
    cli_log_record(NULL, &record);
    size = read(ends[0], text, sizeof text - 1);
    end(kept);
    assert_true(size > 0);
    text[size] = '\0';
    char wanted[256];
    snprintf(wanted, sizeof wanted,
             "weir: warning: %llu records were dropped: nobody read this log\n"
             "weir: somebody reads again\n",
             5000 - written);
    assert_string_equal(text, wanted);
    close(ends[0]);
    close(ends[1]);
}

TEST(auto_is_for_the_journal_only_where_stderr_leads_there)
{
    FILE *file = tmpfile();
    struct stat at;
    char stream[64];
    assert_int_equal(fstat(fileno(file), &at), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)at.st_dev,
             (unsigned long long)at.st_ino);
    int kept = begin(fileno(file));
    weir_log_record record = record_of(WEIR_LOG_WARN, "x");
    setenv("JOURNAL_STREAM", "1:2", 1);
    ask_for(NULL);
    cli_log_record(NULL, &record);
    bool was_for_people = cli_log_is_for_people();
    setenv("JOURNAL_STREAM", stream, 1);
    ask_for(NULL);
    cli_log_record(NULL, &record);
    cli_say('e', "two\n  lines");
    bool is_for_people = cli_log_is_for_people();
    end(kept);
    char *text = read_all(file);
    assert_string_equal(text, "weir: warning: x\n"
                              "<4>weir: warning: x\n"
                              "<3>weir: error: two\\n  lines\n");
    assert_true(was_for_people && !is_for_people);
    free(text);
    fclose(file);
}

TEST(the_command_lines_own_words_are_in_the_format_too)
{
    FILE *file = tmpfile();
    ask_for("json");
    int kept = begin(fileno(file));
    cli_say('i', "%s", "FINISHED: all is well");
    end(kept);
    char *text = read_all(file);
    assert_non_null(strstr(text, "\"level\":\"INFO\",\"logger\":\"cli\",\"msg\":\"FINISHED: all is "
                                 "well\"}\n"));
    free(text);
    fclose(file);
}

TEST(quiet_keeps_back_all_but_warnings_and_errors_of_a_job)
{
    FILE *file = tmpfile();
    weir_options *options;
    assert_int_equal(weir_options_create(NULL, &options), WEIR_OK);
    cli_log_begin(options, true);
    int kept = begin(fileno(file));
    for (weir_log_level level = WEIR_LOG_ERROR; level <= WEIR_LOG_DEBUG; level++) {
        weir_log_record record = record_of(level, weir_log_level_name(level));
        cli_log_record(NULL, &record);
    }
    end(kept);
    char *text = read_all(file);
    assert_string_equal(text, "weir: error: ERROR\nweir: warning: WARN\n");
    free(text);
    fclose(file);
    weir_options_destroy(options);
}
