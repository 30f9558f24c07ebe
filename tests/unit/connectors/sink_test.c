/* SPDX-License-Identifier: Apache-2.0 */
/* sink_test: print and discard, and records as text. */
#include "connectors/text.h"
#include "unit/operators/fixture.h"

#include <stdio.h>

static struct life life;

struct inner {
    weir_string name;
    int64_t number;
};

struct outer {
    int64_t first;
    struct inner inner;
    weir_string bytes;
    bool flag;
    uint8_t pad1;
    uint16_t pad2;
    uint32_t pad4;
};

TEST(text_has_flinks_form_and_a_flat_one)
{
    const weir_field inner_fields[] = { WEIR_FIELD(struct inner, name, STRING),
                                        WEIR_FIELD(struct inner, number, I64) };
    weir_alloc alloc = wr_memory_system();
    weir_error err = { .status = WEIR_OK };
    weir_type *inner = NULL;
    weir_type *outer = NULL;
    assert_ok(weir_type_create_struct(&alloc, "inner", sizeof(struct inner), inner_fields, 2,
                                      &inner, &err),
              &err);
    weir_field fields[] = {
        WEIR_FIELD(struct outer, first, I64),   WEIR_FIELD(struct outer, inner, STRUCT),
        WEIR_FIELD(struct outer, bytes, BYTES), WEIR_FIELD(struct outer, flag, BOOL),
        WEIR_FIELD(struct outer, pad1, U8),     WEIR_FIELD(struct outer, pad2, U16),
        WEIR_FIELD(struct outer, pad4, U32),
    };
    fields[1].type = inner;
    assert_ok(
        weir_type_create_struct(&alloc, "outer", sizeof(struct outer), fields, 7, &outer, &err),
        &err);
    struct {
        struct outer record;
        char text[32];
    } block = { .record = { .first = -5, .inner = { .number = 7 }, .flag = true } };
    uint32_t at = weir_string_write(&block, &block.record.inner.name, sizeof block.record,
                                    weir_bytes_of_text("name"));
    (void)weir_string_write(&block, &block.record.bytes, at, weir_bytes_of("\x01\xff", 2));
    struct wr_buffer text;
    wr_buffer_init(&text, &alloc);
    wr_text_append(&text, outer, &block, WEIR_FORMAT_TUPLE);
    wr_buffer_put_u8(&text, '\n');
    wr_text_append(&text, outer, &block, WEIR_FORMAT_SPACES);
    wr_buffer_put_u8(&text, 0);
    assert_string_equal((const char *)text.data, "(-5,(name,7),[1, -1],true,0,0,0)\n"
                                                 "-5 name 7 [1, -1] true 0 0 0");
    wr_buffer_fini(&text);
    weir_type_destroy(outer);
    weir_type_destroy(inner);
}

TEST(text_of_a_long_record_is_whole)
{
    weir_alloc alloc = wr_memory_system();
    struct {
        weir_string string;
        char text[3000];
    } block = { .string = { sizeof(weir_string), sizeof block.text } };
    memset(block.text, 'x', sizeof block.text);
    struct wr_buffer text;
    wr_buffer_init(&text, &alloc);
    wr_text_append(&text, weir_type_of_kind(WEIR_STRING), &block, WEIR_FORMAT_SPACES);
    assert_int_equal(text.size, sizeof block.text);
    assert_memory_equal(text.data, block.text, sizeof block.text);
    wr_buffer_fini(&text);
}

static void
begin(struct os_sim *sim, weir_environment *environment)
{
    environment->stream.type = weir_type_of_kind(WEIR_STRING);
    life_init(&life, sim, os_sim_os(sim), 1, &environment->made);
    life.feed_type = environment->stream.type;
}

TEST(print_writes_lines_with_the_subtask_where_there_are_several)
{
    for (uint32_t parallelism = 1; parallelism <= 3; parallelism += 2) {
        struct os_sim *sim = os_sim_create(NULL);
        weir_environment environment;
        made_init(&environment);
        environment.stream.type = weir_type_of_kind(WEIR_STRING);
        assert_non_null(weir_print_sink(&environment.stream));
        begin(sim, &environment);
        life.parallelism = parallelism;
        life.subtask = parallelism - 1;
        life_start(&life, NULL);
        records_add_text(&life.feed, "one");
        records_add_text(&life.feed, "");
        life_run(&life);
        size_t size;
        assert_string_equal(os_sim_output(sim, WR_OS_STDOUT, &size),
                            parallelism == 1 ? "one\n\n" : "3> one\n3> \n");
        life_fini(&life);
        os_sim_destroy(sim);
    }
}

TEST(print_of_much_comes_whole_and_in_pieces_of_lines)
{
    struct os_sim *sim = os_sim_create(NULL);
    weir_environment environment;
    made_init(&environment);
    environment.stream.type = weir_type_of_kind(WEIR_STRING);
    assert_non_null(weir_print_sink(&environment.stream));
    begin(sim, &environment);
    life.parallelism = 2;
    life_start(&life, NULL);
    char line[1001];
    memset(line, 'y', 1000);
    line[1000] = '\0';
    for (int i = 0; i < 300; i++) {
        records_add_text(&life.feed, line);
    }
    life_run(&life);
    size_t size;
    const char *output = os_sim_output(sim, WR_OS_STDOUT, &size);
    assert_int_equal(size, 300 * 1004);
    for (int i = 0; i < 300; i++) {
        assert_memory_equal(output + i * 1004, "1> y", 4);
        assert_int_equal(output[i * 1004 + 1003], '\n');
    }
    life_fini(&life);
    os_sim_destroy(sim);
}

TEST(discard_takes_everything)
{
    struct os_sim *sim = os_sim_create(NULL);
    weir_environment environment;
    made_init(&environment);
    environment.stream.type = weir_type_of_kind(WEIR_STRING);
    assert_non_null(weir_discard_sink(&environment.stream));
    begin(sim, &environment);
    life_start(&life, NULL);
    for (int i = 0; i < 100; i++) {
        records_add_text(&life.feed, "x");
    }
    life.feed.has_ended = true;
    life_run(&life);
    assert_true(life.drained);
    struct wr_task_counters counters;
    wr_task_count(life.task, 0, &counters);
    assert_int_equal(counters.records_out, 100);
    life_fini(&life);
    os_sim_destroy(sim);
}
