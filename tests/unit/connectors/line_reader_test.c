/* SPDX-License-Identifier: Apache-2.0 */
/* line_reader_test: lines out of blocks of any size, and the token bucket. */
#include "base/memory.h"
#include "connectors/line_reader.h"
#include "connectors/rate.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* Puts the text in pieces of `step` bytes; lines come out as "a|b|" with ! for a limit. */
static void
read_lines(const char *text, size_t step, size_t line_max, char *out, size_t room)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_line_reader reader;
    wr_line_reader_init(&reader, &alloc, line_max);
    size_t size = strlen(text);
    size_t used = 0;
    size_t total = 0;
    out[0] = '\0';
    for (size_t at = 0; at < size; at += step) {
        size_t piece = size - at < step ? size - at : step;
        uint8_t *place = wr_line_reader_room(&reader);
        assert_non_null(place);
        memcpy(place, text + at, piece);
        wr_line_reader_filled(&reader, piece);
        weir_bytes line;
        size_t taken;
        weir_status status;
        while ((status = wr_line_reader_next(&reader, &line, &taken)) == WEIR_OK) {
            used += (size_t)snprintf(out + used, room - used, "%.*s|", (int)line.size,
                                     (const char *)line.data);
            total += taken;
        }
        assert_int_equal(total + wr_line_reader_left(&reader), at + piece);
        if (status == WEIR_LIMIT) {
            (void)snprintf(out + used, room - used, "!");
            break;
        }
        assert_int_equal(status, WEIR_NOT_FOUND);
    }
    weir_bytes rest;
    size_t taken;
    if (wr_line_reader_rest(&reader, &rest, &taken) == WEIR_OK) {
        used += (size_t)snprintf(out + used, room - used, "[%.*s]", (int)rest.size,
                                 (const char *)rest.data);
    }
    wr_line_reader_fini(&reader);
}

TEST(line_reader_gives_the_same_lines_however_the_bytes_come)
{
    static const char text[] = "one\ntwo\r\n\nthree \r x\r\n\r\nno end\r";
    for (size_t step = 1; step <= sizeof text; step++) {
        char out[200];
        read_lines(text, step, 100, out, sizeof out);
        assert_string_equal(out, "one|two||three \r x||[no end\r]");
    }
}

TEST(line_reader_takes_a_line_at_the_limit_and_refuses_one_byte_more)
{
    for (size_t step = 1; step <= 12; step++) {
        char out[200];
        read_lines("12345\n12345\r\nab\n", step, 5, out, sizeof out);
        assert_string_equal(out, "12345|12345|ab|");
        read_lines("1234\n123456\nab\n", step, 5, out, sizeof out);
        assert_memory_equal(out, "1234|!", 6);
        read_lines("12345678901234567890", step, 5, out, sizeof out);
        assert_int_equal(out[0], '!');
    }
}

TEST(line_reader_keeps_a_line_of_many_blocks)
{
    enum {
        SIZE = 3 * WR_LINE_BLOCK + 17
    };
    weir_alloc alloc = wr_memory_system();
    struct wr_line_reader reader;
    wr_line_reader_init(&reader, &alloc, SIZE);
    weir_bytes line;
    size_t taken;
    for (size_t at = 0; at < SIZE; at += WR_LINE_BLOCK) {
        size_t piece = SIZE - at < WR_LINE_BLOCK ? SIZE - at : WR_LINE_BLOCK;
        uint8_t *place = wr_line_reader_room(&reader);
        memset(place, 'x', piece);
        wr_line_reader_filled(&reader, piece);
        assert_int_equal(wr_line_reader_next(&reader, &line, &taken), WEIR_NOT_FOUND);
    }
    *wr_line_reader_room(&reader) = '\n';
    wr_line_reader_filled(&reader, 1);
    assert_int_equal(wr_line_reader_next(&reader, &line, &taken), WEIR_OK);
    assert_int_equal(line.size, SIZE);
    assert_int_equal(taken, SIZE + 1);
    wr_line_reader_fini(&reader);
}

static const uint64_t second_ns = 1000000000;

/* Records in `seconds`, when asked each time it says. */
static size_t
run_rate(double per_second, uint32_t parallelism, uint64_t seconds, size_t wanted)
{
    struct wr_rate rate;
    wr_rate_init(&rate, per_second, parallelism);
    size_t count = 0;
    uint64_t begin = 5 * second_ns;
    for (uint64_t now = begin; now < begin + seconds * second_ns;) {
        size_t most = wr_rate_allowance(&rate, now, wanted);
        if (most == 0) {
            uint64_t next = wr_rate_next_ns(&rate);
            assert_true(next > now);
            now = next;
        } else {
            wr_rate_spend(&rate, most);
            count += most;
        }
    }
    return count;
}

TEST(rate_gives_what_was_asked_for_over_time)
{
    assert_in_range(run_rate(1000, 1, 10, 1024), 9990, 10010);
    assert_in_range(run_rate(1000, 4, 10, 1024), 2490, 2510); /* each of four a quarter */
    assert_in_range(run_rate(1000000, 1, 2, 1024), 1990000, 2000100);
    assert_in_range(run_rate(0.5, 1, 20, 1024), 10, 11);
    assert_in_range(run_rate(7, 1, 10, 1), 69, 71);
}

TEST(rate_does_not_make_up_for_a_long_pause_at_once)
{
    struct wr_rate rate;
    wr_rate_init(&rate, 1000, 1);
    assert_int_equal(wr_rate_allowance(&rate, second_ns, 5000), 1);
    assert_int_equal(wr_rate_allowance(&rate, 100 * second_ns, 5000), 100);
    wr_rate_init(&rate, 0, 1);
    assert_int_equal(wr_rate_allowance(&rate, second_ns, 5000), 5000);
}
