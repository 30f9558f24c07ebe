/* SPDX-License-Identifier: Apache-2.0 */
/* source_test: the file, socket and generator sources in a task on a simulated system. */
#include "unit/operators/fixture_body.h"

#include <errno.h>

static struct life one;
static struct life two;

static void
put(struct os_sim *sim, const char *path, const char *text)
{
    os_sim_file_put(sim, path, text, strlen(text));
}

static weir_environment *
file_source(weir_environment *environment, const char *path, bool follow, double rate)
{
    made_init(environment);
    const weir_file_source_options options = {
        .size = sizeof options, .path = path, .follow = follow, .lines_per_second = rate
    };
    assert_non_null(weir_file_source(environment, &options));
    assert_true(environment->made.stateful);
    return environment;
}

static void
start_file(struct life *life, struct os_sim *sim, const char *path)
{
    static weir_environment environment;
    file_source(&environment, path, false, 0);
    life_init(life, sim, os_sim_os(sim), 1, &environment.made);
    life_start(life, NULL);
}

/* All captured lines, each with '|' behind it. */
static const char *
lines(const struct life *life)
{
    static char text[20000];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < life->captured.count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s|",
                                 records_text(&life->captured, i));
    }
    return text;
}

TEST(file_source_reads_a_list_of_files_and_directories_by_path)
{
    struct os_sim *sim = os_sim_create(NULL);
    put(sim, "/in/b", "b1\nb2\n");
    put(sim, "/in/a", "a1\r\n\na2");
    put(sim, "/in/.hidden", "no\n");
    put(sim, "/in/below/c", "no\n");
    put(sim, "/first", "f\n");
    put(sim, "/empty", "");
    start_file(&one, sim, "/in,/first,/empty");
    life_run(&one);
    assert_false(one.failed);
    assert_true(one.drained);
    assert_string_equal(lines(&one), "f|a1||a2|b1|b2|");
    life_fini(&one);
    assert_int_equal(os_sim_open_count(sim), 0);
    os_sim_destroy(sim);
}

TEST(file_source_deals_files_out_to_subtasks)
{
    static const char *const wanted[] = { "a|d|", "b|", "c|" };
    for (uint32_t subtask = 0; subtask < 3; subtask++) {
        struct os_sim *sim = os_sim_create(NULL);
        put(sim, "/in/a", "a\n");
        put(sim, "/in/b", "b\n");
        put(sim, "/in/c", "c\n");
        put(sim, "/in/d", "d\n");
        static weir_environment environment;
        file_source(&environment, "/in", false, 0);
        life_init(&one, sim, os_sim_os(sim), 1, &environment.made);
        one.subtask = subtask;
        one.parallelism = 3;
        life_start(&one, NULL);
        life_run(&one);
        assert_string_equal(lines(&one), wanted[subtask]);
        life_fini(&one);
        os_sim_destroy(sim);
    }
}

/* Every possible place of a checkpoint: what came before it and what comes after a restore is all.
 */
TEST(file_source_goes_on_where_the_checkpoint_was)
{
    static weir_environment environment;
    const char *all = "l1|l2|l3|l4|l5|m1|m2|";
    for (int before = 0; before <= 9; before++) {
        struct os_sim *sim = os_sim_create(NULL);
        put(sim, "/in/a", "l1\nl2\nl3\nl4\nl5\n");
        put(sim, "/in/b", "m1\nm2");
        file_source(&environment, "/in", false, 1000); /* a line each millisecond */
        life_init(&one, sim, os_sim_os(sim), 1, &environment.made);
        life_start(&one, NULL);
        for (int i = 0; i < before; i++) {
            life_run(&one);
        }
        life_snapshot(&one, 7);
        size_t kept = one.captured.count;
        life_init(&two, sim, os_sim_os(sim), 2, &environment.made);
        life_start(&two, &one);
        for (int i = 0; i < 20; i++) {
            life_run(&two);
        }
        assert_true(two.drained);
        char text[200];
        one.captured.count = kept;
        snprintf(text, sizeof text, "%s", lines(&one));
        strncat(text, lines(&two), sizeof text - strlen(text) - 1);
        assert_string_equal(text, all);
        life_fini(&two);
        life_fini(&one);
        os_sim_destroy(sim);
    }
}

TEST(file_source_keeps_its_rate)
{
    struct os_sim *sim = os_sim_create(NULL);
    char text[8000] = "";
    for (int i = 0; i < 1000; i++) {
        strcat(text, "line\n");
    }
    put(sim, "/in", text);
    static weir_environment environment;
    file_source(&environment, "/in", false, 100);
    life_init(&one, sim, os_sim_os(sim), 1, &environment.made);
    life_start(&one, NULL);
    uint64_t begin = os_sim_now_ns(sim);
    while (os_sim_now_ns(sim) < begin + 2000000000) {
        life_run(&one);
    }
    assert_in_range(one.captured.count, 198, 203);
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(file_source_that_follows_waits_for_the_end_of_a_line)
{
    struct os_sim *sim = os_sim_create(NULL);
    put(sim, "/in/a", "a1\nhalf");
    put(sim, "/in/b", "b1\n");
    static weir_environment environment;
    file_source(&environment, "/in", true, 0);
    one.pause_ns = 0;
    life_init(&one, sim, os_sim_os(sim), 1, &environment.made);
    one.pause_ns = 20000000;
    life_start(&one, NULL);
    life_run(&one);
    assert_string_equal(lines(&one), "a1|b1|");
    assert_false(one.drained);
    put(sim, "/in/a", "a1\nhalf whole\n");
    put(sim, "/in/b", "b1\nb2\nb");
    for (int i = 0; i < 5; i++) {
        life_run(&one);
    }
    assert_string_equal(lines(&one), "a1|b1|b2|half whole|");
    life_snapshot(&one, 1);
    put(sim, "/in/b", "b1\nb2\nb3\n");
    life_init(&two, sim, os_sim_os(sim), 2, &environment.made);
    two.pause_ns = 20000000;
    life_start(&two, &one);
    for (int i = 0; i < 5; i++) {
        life_run(&two);
    }
    assert_string_equal(lines(&two), "b3|");
    put(sim, "/in/b", "b1\n"); /* cut behind what was read */
    for (int i = 0; i < 5; i++) {
        life_run(&two);
    }
    assert_true(two.failed);
    assert_non_null(strstr(two.failure.message, "/in/b"));
    assert_non_null(strstr(two.failure.message, "offset 9"));
    life_fini(&two);
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(file_source_refuses_a_line_over_its_limit_with_file_and_offset)
{
    for (int over = 0; over <= 1; over++) {
        struct os_sim *sim = os_sim_create(NULL);
        put(sim, "/in", over ? "first\n12345678\nlast\n" : "first\n1234567\r\nlast\n");
        static weir_environment environment;
        file_source(&environment, "/in", false, 0);
        life_init(&one, sim, os_sim_os(sim), 1, &environment.made);
        one.max_line = "7 b";
        life_start(&one, NULL);
        life_run(&one);
        assert_int_equal(one.failed, over);
        if (over) {
            assert_int_equal(one.failure.status, WEIR_LIMIT);
            assert_non_null(strstr(one.failure.message, "/in"));
            assert_non_null(strstr(one.failure.message, "offset 6"));
            assert_non_null(strstr(one.failure.message, "weir.source.max-line"));
        } else {
            assert_string_equal(lines(&one), "first|1234567|last|");
        }
        life_fini(&one);
        os_sim_destroy(sim);
    }
}

TEST(file_source_replaces_ill_formed_bytes)
{
    struct os_sim *sim = os_sim_create(NULL);
    put(sim, "/in",
        "a\xff"
        "b\n\xe2\x82\nr\xc3\xa4t\n");
    start_file(&one, sim, "/in");
    life_run(&one);
    assert_string_equal(lines(&one), "a\xef\xbf\xbd"
                                     "b|\xef\xbf\xbd|r\xc3\xa4t|");
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(file_source_says_what_is_missing_or_unreadable)
{
    struct os_sim *sim = os_sim_create(NULL);
    start_file(&one, sim, "/nowhere");
    assert_true(one.failed);
    assert_int_equal(one.failure.status, WEIR_NOT_FOUND);
    assert_non_null(strstr(one.failure.message, "/nowhere"));
    life_fini(&one);

    put(sim, "/locked/a", "a\n");
    os_sim_deny(sim, "/locked", OS_SIM_DENY_READ, EACCES);
    start_file(&one, sim, "/locked");
    assert_true(one.failed);
    assert_int_equal(one.failure.status, WEIR_IO);
    assert_non_null(strstr(one.failure.message, "/locked"));
    life_fini(&one);
    os_sim_destroy(sim);
}

/* --- generator --- */

static weir_status
generate(weir_context *context, uint64_t index, weir_collector *out)
{
    int64_t factor = *(const int64_t *)weir_context_argument(context);
    int64_t value = (int64_t)index * factor;
    return weir_collector_emit_copy(out, &value, sizeof value);
}

static void
generator(weir_environment *environment, uint64_t count, double rate)
{
    made_init(environment);
    int64_t factor = 10;
    const weir_generator_source_options options = { .size = sizeof options,
                                                    .generate = generate,
                                                    .count = count,
                                                    .records_per_second = rate,
                                                    .argument = &factor,
                                                    .argument_size = sizeof factor };
    assert_non_null(
        weir_generator_source(environment, "numbers", &options, weir_type_of_kind(WEIR_I64)));
}

static int64_t
number(const struct life *life, size_t index)
{
    assert_true(index < life->captured.count);
    int64_t value;
    memcpy(&value, life->captured.blocks[index], sizeof value);
    return value;
}

TEST(generator_gives_each_index_once_over_a_restore)
{
    static weir_environment environment;
    struct os_sim *sim = os_sim_create(NULL);
    generator(&environment, 50, 1000);
    life_init(&one, sim, os_sim_os(sim), 1, &environment.made);
    life_start(&one, NULL);
    for (int i = 0; i < 20; i++) {
        life_run(&one);
    }
    life_snapshot(&one, 1);
    size_t before = one.captured.count;
    assert_in_range(before, 5, 45);
    life_init(&two, sim, os_sim_os(sim), 2, &environment.made);
    life_start(&two, &one);
    for (int i = 0; i < 80; i++) {
        life_run(&two);
    }
    assert_true(two.drained);
    assert_int_equal(before + two.captured.count, 50);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(i < before ? number(&one, i) : number(&two, i - before), 10 * i);
    }
    life_fini(&two);
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(generator_deals_indexes_out_by_stride)
{
    static weir_environment environment;
    struct os_sim *sim = os_sim_create(NULL);
    generator(&environment, 8, 0);
    life_init(&one, sim, os_sim_os(sim), 1, &environment.made);
    one.subtask = 2;
    one.parallelism = 3;
    life_start(&one, NULL);
    life_run(&one);
    assert_true(one.drained);
    assert_int_equal(one.captured.count, 2);
    assert_int_equal(number(&one, 0), 20);
    assert_int_equal(number(&one, 1), 50);
    life_fini(&one);
    generator(&environment, 2, 0);
    life_init(&one, sim, os_sim_os(sim), 2, &environment.made);
    one.subtask = 2;
    one.parallelism = 3;
    life_start(&one, NULL);
    life_run(&one);
    assert_true(one.drained);
    assert_int_equal(one.captured.count, 0);
    life_fini(&one);
    os_sim_destroy(sim);
}

/* --- socket --- */

static void
start_socket(struct life *life, struct os_sim *sim, int32_t attempts)
{
    static weir_environment environment;
    made_init(&environment);
    const weir_socket_source_options options = { .size = sizeof options,
                                                 .host = "host",
                                                 .port = "9",
                                                 .reconnect_attempts = attempts,
                                                 .reconnect_delay_ms = 5 };
    assert_non_null(weir_socket_source(&environment, &options));
    assert_int_equal(environment.made.parallelism, 1);
    life_init(life, sim, os_sim_os(sim), 1, &environment.made);
    life_start(life, NULL);
}

static struct os_sim_peer
data(const char *text)
{
    return (struct os_sim_peer){ OS_SIM_PEER_DATA, text, strlen(text) };
}

TEST(socket_source_reads_lines_until_the_peer_closes)
{
    struct os_sim *sim = os_sim_create(NULL);
    const struct os_sim_peer script[] = { data("on"),
                                          { OS_SIM_PEER_WAIT, NULL, 2 },
                                          data("e\ntwo\nunfin"),
                                          data("ished"),
                                          { OS_SIM_PEER_CLOSE, NULL, 0 } };
    os_sim_listen(sim, "host", "9", script, 5);
    start_socket(&one, sim, 0);
    for (int i = 0; i < 10; i++) {
        life_run(&one);
    }
    assert_true(one.drained);
    assert_string_equal(lines(&one), "one|two|unfinished|");
    assert_non_null(strstr(one.log, "at-most-once"));
    life_fini(&one);
    assert_int_equal(os_sim_open_count(sim), 0);
    os_sim_destroy(sim);
}

TEST(socket_source_connects_again_and_gives_up_with_words)
{
    struct os_sim *sim = os_sim_create(NULL);
    const struct os_sim_peer first[] = { data("a\n"), { OS_SIM_PEER_CLOSE, NULL, 0 } };
    const struct os_sim_peer refused[] = { { OS_SIM_PEER_REFUSE, NULL, 0 } };
    const struct os_sim_peer lost[] = { data("b\nlost"), { OS_SIM_PEER_RESET, NULL, 0 } };
    const struct os_sim_peer last[] = { data("c\n"), { OS_SIM_PEER_RESET, NULL, 0 } };
    os_sim_listen(sim, "host", "9", first, 2);
    os_sim_listen(sim, "host", "9", refused, 1);
    os_sim_listen(sim, "host", "9", lost, 2);
    os_sim_listen(sim, "host", "9", last, 2);
    start_socket(&one, sim, 2);
    for (int i = 0; i < 100 && !one.failed; i++) {
        life_run(&one);
    }
    assert_true(one.failed); /* nobody listens any more */
    assert_string_equal(lines(&one), "a|b|c|");
    assert_int_equal(one.failure.status, WEIR_IO);
    assert_non_null(strstr(one.failure.message, "host:9"));
    assert_non_null(strstr(one.failure.message, "refused"));
    assert_non_null(strstr(one.failure.message, "2 attempts"));
    assert_non_null(strstr(one.log, "connection lost"));
    life_fini(&one);

    start_socket(&one, sim, 0);
    life_run(&one);
    assert_true(one.failed);
    assert_non_null(strstr(one.failure.message, "refused"));
    life_fini(&one);
    os_sim_destroy(sim);
}

TEST(sources_refuse_options_without_size_or_sense)
{
    weir_environment environment;
    made_init(&environment);
    const weir_file_source_options no_size = { .path = "/in" };
    assert_null(weir_file_source(&environment, &no_size));
    assert_non_null(strstr(environment.error.message, ".size"));
    const weir_file_source_options no_path = { .size = sizeof no_path };
    assert_null(weir_file_source(&environment, &no_path));
    const weir_file_source_options negative = { .size = sizeof negative,
                                                .path = "/in",
                                                .lines_per_second = -1 };
    assert_null(weir_file_source(&environment, &negative));
    assert_null(weir_socket_source(&environment, NULL));
    const weir_generator_source_options none = { .size = sizeof none };
    assert_null(weir_generator_source(&environment, "x", &none, weir_type_of_kind(WEIR_I64)));
}
