/* SPDX-License-Identifier: Apache-2.0 */
/* What servers say, before a terminal sees it; progress; the screen of top. */
#include "support/test.h"

#include "cli.h"
#include "client/connection.h"
#include "client/show.h"
#include "client/top_view.h"
#include "hear.h"

#include <stdlib.h>
#include <string.h>

static struct hear hear;

/* --- words --- */

TEST(control_characters_do_not_reach_a_terminal)
{
    static const struct {
        const char *text, *printed;
    } table[] = {
        { "plain", "plain" },
        { "\x1b[2J\r\n\t\x7f", "?[2J????" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "\xc2\x9b"
          "31m",
          "??31m" },
        { "\xc2\xa0", "\xc2\xa0" },
        { "\xc2", "\xc2" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", table[i].text);
        cli_make_printable(text);
        assert_string_equal(text, table[i].printed);
    }
}

TEST(exceptions_are_shortened_to_what_they_say)
{
    static const struct {
        const char *text, *words;
    } table[] = {
        { "it is full", "it is full" },
        { "java.lang.Exception: it is full\n\tat a.b(C.java:1)\n", "it is full" },
        { "java.util.concurrent.CompletionException: org.apache.flink.X$Y: it: is full",
          "it: is full" },
        { "<Exception on server side:\njava.lang.Exception: it is full\n\tat x", "it is full" },
        { "java.lang.NullPointerException\n\tat x", "java.lang.NullPointerException" },
        { "java.lang.Exception: ", "java.lang.Exception: " },
        { "Error: a.b: c", "Error: a.b: c" },
        { "", "" },
        { "a.b:", "a.b:" },
    };
    char words[64];
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        cli_shorten(table[i].text, words, sizeof words);
        assert_string_equal(words, table[i].words);
    }
    cli_shorten("0123456789", words, 5);
    assert_string_equal(words, "0123");
}

TEST(members_of_other_types_are_nothing)
{
    json_t *object = json_pack("{s:s,s:i,s:f,s:n,s:[]}", "text", "t\n", "number", 7, "real", 2.9,
                               "null", "array");
    char text[8];
    cli_member_text(object, "text", text, sizeof text);
    assert_string_equal(text, "t?");
    cli_member_text(object, "number", text, sizeof text);
    assert_string_equal(text, "");
    assert_int_equal(cli_member_number(object, "number"), 7);
    assert_int_equal(cli_member_number(object, "real"), 2);
    assert_int_equal(cli_member_number(object, "text"), 0);
    json_object_set_new(object, "huge", json_integer(INT64_MAX));
    json_object_set_new(object, "vast", json_real(1e300));
    json_object_set_new(object, "large", json_integer((INT64_C(1) << 60) - 1));
    assert_int_equal(cli_member_number(object, "huge"), 0);
    assert_int_equal(cli_member_number(object, "vast"), 0);
    assert_int_equal(cli_member_number(object, "large"), (INT64_C(1) << 60) - 1);
    assert_int_equal(cli_member_number(object, "none"), 0);
    assert_int_equal(cli_member_number(NULL, "none"), 0);
    json_decref(object);
}

/* --- progress --- */

TEST(without_a_terminal_progress_is_a_line_each_ten_seconds)
{
    struct cli_progress progress;
    hear_begin(&hear);
    cli_progress_begin(&progress);
    assert_false(progress.is_terminal);
    assert_int_equal(progress.next_ms - progress.begun_ms, 10000);
    cli_progress_show(&progress, "too early");
    progress.next_ms = 0;
    cli_progress_show(&progress, "3 of 4");
    assert_true(progress.next_ms >= progress.begun_ms + 10000);
    cli_progress_show(&progress, "too early again");
    cli_progress_clear(&progress);
    hear_end(&hear);
    assert_true(hear_has(hear.err, "weir: 3 of 4, 0 s\n"));
    assert_null(strstr(hear.err, "early"));
}

/* --- rates --- */

static struct cli_top_data looks[2];

static struct cli_top_vertex *
add_vertex(unsigned look, const char *id, int64_t in, int64_t out, int64_t busy_ms)
{
    struct cli_top_vertex *vertex = &looks[look].vertices[looks[look].vertex_count++];
    snprintf(vertex->id, sizeof vertex->id, "%s", id);
    snprintf(vertex->name, sizeof vertex->name, "Source: \xc3\xa4\xc3\xa4%s", id);
    snprintf(vertex->state, sizeof vertex->state, "RUNNING");
    vertex->parallelism = 2;
    vertex->records_in = in;
    vertex->records_out = out;
    vertex->busy_ms = busy_ms;
    return vertex;
}

static void
assert_near(double value, double expected)
{
    assert_true(value > expected - 1e-9 && value < expected + 1e-9);
}

TEST(rates_are_of_the_time_between_two_looks)
{
    looks[0].read_ms = 1000;
    looks[1].read_ms = 3000;
    add_vertex(0, "a", 100, 50, 1000);
    add_vertex(1, "a", 300, 150, 3000);
    struct cli_top_rates rates = cli_top_rates(&looks[0], &looks[1], 0);
    assert_near(rates.in, 100);
    assert_near(rates.out, 50);
    assert_near(rates.busy, 0.5);
    assert_near(rates.backpressured, 0);
    assert_true(cli_top_rates(NULL, &looks[1], 0).in < 0);
    /* a restart counts anew */
    looks[1].vertices[0].records_in = 10;
    assert_near(cli_top_rates(&looks[0], &looks[1], 0).in, 0);
    /* another vertex */
    snprintf(looks[1].vertices[0].id, sizeof looks[1].vertices[0].id, "b");
    assert_true(cli_top_rates(&looks[0], &looks[1], 0).in < 0);
}

TEST(a_jobs_rates_are_those_of_all_sources_and_sinks)
{
    looks[0].read_ms = 0;
    looks[1].read_ms = 1000;
    for (unsigned look = 0; look < 2; look++) {
        add_vertex(look, "a", 0, look * 10, 0)->is_source = true; /* Flink's read nothing */
        add_vertex(look, "b", look * 20, look * 20, look * 500)->is_source = true;
        add_vertex(look, "c", look * 30, look * 7, look * 1000);
        add_vertex(look, "d", look * 7, 0, 0)->is_sink = true;
    }
    struct cli_top_rates rates = cli_top_job_rates(&looks[0], &looks[1]);
    assert_near(rates.in, 30);
    assert_near(rates.out, 7);
    assert_near(rates.busy, 0.5);
}

/* --- the screen --- */

static unsigned
columns_of(const char *line, size_t size)
{
    unsigned columns = 0;
    for (size_t i = 0; i < size; i++) {
        columns += ((unsigned char)line[i] & 0xc0) != 0x80;
    }
    return columns;
}

TEST(the_screen_keeps_to_its_size)
{
    snprintf(looks[0].name, sizeof looks[0].name, "a job with a name that is not short at all");
    for (int i = 0; i < 50; i++) {
        add_vertex(0, "0123456789012345678901234567890123456789", 1, 1, 1);
    }
    for (unsigned columns = 1; columns <= 120; columns++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        struct cli_top_view view = { .columns = columns, .rows = 20, .note = "a note" };
        cli_top_draw(out, &view, NULL, &looks[0]);
        assert_int_equal(fclose(out), 0);
        unsigned lines = 0;
        for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
            assert_true(columns_of(line, strcspn(line, "\n")) <= columns);
            lines++;
        }
        assert_true(lines < 20);
        free(text);
    }
}

TEST(the_screen_shows_what_was_read)
{
    struct cli_top_data *now = &looks[0];
    snprintf(now->state, sizeof now->state, "RESTARTING");
    snprintf(now->id, sizeof now->id, "0123456789abcdef0123456789abcdef");
    now->duration_ms = 3723000;
    now->now_ms = 10000;
    now->checkpoints = (struct cli_top_checkpoints){ .completed = 3,
                                                     .failed = 1,
                                                     .has_last = true,
                                                     .last_id = 7,
                                                     .last_bytes = 3 << 20,
                                                     .last_duration_ms = 18,
                                                     .last_ack_ms = 8000,
                                                     .is_under_way = true,
                                                     .is_savepoint = true,
                                                     .id = 9,
                                                     .acknowledged = 1,
                                                     .subtasks = 4,
                                                     .failure = "disk full" };
    now->states[0] = (struct cli_top_state){
        .operator_name = "sum", .name = "totals", .kind = "VALUE", .entries = 12345, .bytes = 2048
    };
    now->state_count = 1;
    now->pools[0] =
        (struct cli_top_pool){ .name = "network", .used_bytes = 1024, .peak_bytes = 4096 };
    now->pool_count = 1;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct cli_top_view view = { .columns = 200 };
    cli_top_draw(out, &view, NULL, now);
    assert_int_equal(fclose(out), 0);
    assert_true(hear_has(text, "RESTARTING for 1:02:03"));
    assert_true(hear_has(text, "3 completed, 1 failed; chk-7 3.0 MiB in 18 ms, 2 s ago; "
                               "savepoint 9: 1 of 4 subtasks"));
    assert_true(hear_has(text, "last failure  disk full"));
    assert_true(hear_has(text, "totals"));
    assert_true(hear_has(text, "~12,345      2.0 KiB"));
    assert_true(hear_has(text, "network                     1.0 KiB      4.0 KiB            -"));
    free(text);
}
