/* SPDX-License-Identifier: Apache-2.0 */
/* operator state: lists, their snapshot, and what is refused. */
#include "state/operator_state.h"
#include "support/common_alloc_fault.h"
#include "support/state_rig.h"

static weir_state_descriptor
list_of(const char *name, weir_kind kind, weir_list_mode mode)
{
    return (weir_state_descriptor){ .size = sizeof(weir_state_descriptor),
                                    .kind = WEIR_STATE_LIST,
                                    .list_mode = mode,
                                    .name = name,
                                    .type = weir_type_of_kind(kind) };
}

static weir_bytes
number_bytes(const int64_t *number)
{
    return weir_bytes_of(number, sizeof *number);
}

TEST(a_list_keeps_what_is_added_in_order)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_operator_state *lists = NULL;
    assert_ok(wr_operator_state_create(&alloc, "source", &lists), NULL);
    weir_state_descriptor descriptor = list_of("offsets", WEIR_I64, WEIR_LIST_SPLIT);
    weir_operator_list *list = NULL;
    weir_operator_list *again = NULL;
    weir_error error;
    assert_ok(wr_operator_state_list(lists, &descriptor, &list, &error), &error);
    assert_ok(wr_operator_state_list(lists, &descriptor, &again, &error), &error);
    assert_ptr_equal(list, again);
    for (int64_t i = 0; i < 1000; i++) {
        assert_ok(weir_operator_list_add(list, number_bytes(&i)), NULL);
    }
    assert_ok(weir_operator_list_add(list, weir_operator_list_at(list, 5)),
              NULL); /* lent from the list itself */
    assert_int_equal(weir_operator_list_count(list), 1001);
    for (size_t i = 0; i <= 1000; i++) {
        weir_bytes value = weir_operator_list_at(list, i);
        assert_int_equal(value.size, 8);
        assert_int_equal(*(const int64_t *)value.data, i == 1000 ? 5 : (int64_t)i);
    }
    assert_null(weir_operator_list_at(list, 1001).data);
    weir_operator_list_clear(list);
    assert_int_equal(weir_operator_list_count(list), 0);
    wr_operator_state_destroy(lists);
    wr_operator_state_destroy(NULL);
}

TEST(a_list_of_another_mode_or_type_is_refused)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_operator_state *lists = NULL;
    assert_ok(wr_operator_state_create(&alloc, "source", &lists), NULL);
    weir_state_descriptor restored = list_of("offsets", WEIR_I64, WEIR_LIST_SPLIT);
    weir_error error;
    int64_t number = 4;
    assert_ok(wr_operator_state_restore(lists, &restored, number_bytes(&number), &error), &error);
    weir_operator_list *list = NULL;
    weir_state_descriptor asked = list_of("offsets", WEIR_I64, WEIR_LIST_UNION);
    assert_int_equal(wr_operator_state_list(lists, &asked, &list, &error), WEIR_VERSION);
    assert_non_null(strstr(error.message, "Incompatible state assignment modes"));
    asked = list_of("offsets", WEIR_F64, WEIR_LIST_SPLIT);
    assert_int_equal(wr_operator_state_list(lists, &asked, &list, &error), WEIR_VERSION);
    assert_non_null(strstr(error.message, "f64"));
    asked = list_of("offsets", WEIR_I64, WEIR_LIST_NONE);
    assert_int_equal(wr_operator_state_list(lists, &asked, &list, &error), WEIR_INVALID);
    assert_int_equal(wr_operator_state_restore(lists, &restored, weir_bytes_of("x", 1), &error),
                     WEIR_CORRUPT);
    assert_ok(wr_operator_state_list(lists, &restored, &list, &error), &error);
    assert_int_equal(weir_operator_list_count(list), 1);
    wr_operator_state_destroy(lists);
}

static weir_status
count_up(void *argument, size_t index, weir_bytes value)
{
    int64_t *next = argument;
    assert_int_equal(index, *next);
    assert_int_equal(*(const int64_t *)value.data, *next * 3);
    (*next)++;
    return WEIR_OK;
}

TEST(the_copy_is_written_as_it_was)
{
    struct rig rig;
    rig_init(&rig);
    struct wr_operator_state *lists = NULL;
    assert_ok(wr_operator_state_create(&rig.alloc, "source", &lists), NULL);
    weir_state_descriptor split = list_of("split", WEIR_I64, WEIR_LIST_SPLIT);
    weir_state_descriptor united = list_of("united", WEIR_I64, WEIR_LIST_UNION);
    weir_operator_list *list = NULL;
    assert_ok(wr_operator_state_list(lists, &united, &list, &rig.error), &rig.error);
    assert_ok(wr_operator_state_list(lists, &split, &list, &rig.error), &rig.error);
    for (int64_t i = 0; i < 5000; i++) {
        int64_t value = i * 3;
        assert_ok(weir_operator_list_add(list, number_bytes(&value)), NULL);
    }
    struct wr_operator_snapshot *copy = NULL;
    assert_ok(wr_operator_state_copy(lists, &copy, &rig.error), &rig.error);
    weir_operator_list_clear(list);
    assert_int_equal(wr_operator_snapshot_count(copy), 2);
    weir_state_descriptor described;
    uint64_t count = 0;
    wr_operator_snapshot_describe(copy, 1, &described, &count);
    assert_string_equal(described.name, "split");
    assert_int_equal(count, 5000);
    wr_operator_state_destroy(lists); /* the copy owns all it needs */
    struct rig_file file;
    rig_file_begin(&rig, &file, 1, 4096);
    bool done = false;
    int turns = 0;
    while (!done) {
        assert_ok(wr_operator_snapshot_turn(copy, file.writer, 1000, &done, &rig.error),
                  &rig.error);
        rig_io(&rig);
        turns++;
    }
    assert_true(turns > 10);
    rig_file_finish(&rig, &file);
    wr_operator_snapshot_destroy(copy);
    weir_block_reader *reader = rig_file_read(&rig, &file, 1, 0);
    int64_t next = 0;
    assert_ok(wr_state_file_list(reader, "split", count_up, &next, &rig.error), &rig.error);
    assert_int_equal(next, 5000);
    next = 0;
    assert_ok(wr_state_file_list(reader, "united", count_up, &next, &rig.error), &rig.error);
    assert_int_equal(next, 0);
    wr_state_file_close(reader);
    rig_fini(&rig);
}

TEST(lists_survive_every_failed_allocation)
{
    bool was_refused = true;
    for (uint64_t n = 1; was_refused; n++) {
        struct alloc_fault fault;
        alloc_fault_init(&fault, n, false);
        weir_alloc alloc = alloc_fault_alloc(&fault);
        struct wr_operator_state *lists = NULL;
        if (wr_operator_state_create(&alloc, "source", &lists) == WEIR_OK) {
            weir_state_descriptor descriptor = list_of("offsets", WEIR_I64, WEIR_LIST_SPLIT);
            weir_operator_list *list = NULL;
            while (wr_operator_state_list(lists, &descriptor, &list, NULL) != WEIR_OK) {
            }
            for (int64_t i = 0; i < 300; i++) {
                while (weir_operator_list_add(list, number_bytes(&i)) != WEIR_OK) {
                    assert_int_equal(weir_operator_list_count(list), i);
                }
            }
            struct wr_operator_snapshot *copy = NULL;
            if (wr_operator_state_copy(lists, &copy, NULL) == WEIR_OK) {
                wr_operator_snapshot_destroy(copy);
            }
            for (size_t i = 0; i < 300; i++) {
                assert_int_equal(*(const int64_t *)weir_operator_list_at(list, i).data, (int64_t)i);
            }
            wr_operator_state_destroy(lists);
        }
        was_refused = fault.refused != 0;
        assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
        alloc_fault_fini(&fault);
    }
}

TEST(a_refused_call_on_a_list_is_remembered_with_its_words)
{
    weir_alloc alloc = wr_memory_system();
    struct wr_operator_state *lists = NULL;
    assert_ok(wr_operator_state_create(&alloc, "source", &lists), NULL);
    weir_state_descriptor descriptors[] = { list_of("offsets", WEIR_I64, WEIR_LIST_SPLIT),
                                            list_of("splits", WEIR_I64, WEIR_LIST_UNION) };
    weir_operator_list *offsets = NULL;
    weir_operator_list *splits = NULL;
    weir_error error = { .message = "" };
    assert_ok(wr_operator_state_list(lists, &descriptors[0], &offsets, &error), &error);
    assert_ok(wr_operator_state_list(lists, &descriptors[1], &splits, &error), &error);
    int64_t number = 4;
    assert_ok(weir_operator_list_add(splits, number_bytes(&number)), NULL);
    assert_ok(wr_operator_state_failure(lists, &error), &error);
    assert_int_equal(weir_operator_list_add(splits, weir_bytes_of(&number, 7)), WEIR_INVALID);
    assert_int_equal(
        weir_operator_list_add(offsets, weir_bytes_of(&number, WEIR_VALUE_SIZE_MAX + 1)),
        WEIR_LIMIT);
    assert_ok(weir_operator_list_add(offsets, number_bytes(&number)), NULL);  /* it still works */
    assert_int_equal(wr_operator_state_failure(lists, &error), WEIR_INVALID); /* the first one */
    assert_non_null(strstr(error.message, "operator list state 'splits'"));
    wr_operator_state_destroy(lists);
}
