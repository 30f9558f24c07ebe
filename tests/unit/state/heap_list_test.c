/* SPDX-License-Identifier: Apache-2.0 */
/* lists of the in-memory engine, by the engine's own entries. */
#include "support/common_alloc_fault.h"
#include "support/state_rig.h"
#include "unit/state/heap_slot.h"

#include "state/heap/list.h"

static const weir_type *
i64_type(void)
{
    return weir_type_of_kind(WEIR_I64);
}

static weir_state *
list_state(struct rig *rig, weir_backend *backend, const weir_type *type)
{
    weir_state_descriptor descriptor = {
        .size = sizeof descriptor, .kind = WEIR_STATE_LIST, .name = "list", .type = type
    };
    weir_state *state = NULL;
    assert_ok(backend->ops->create_state(backend, &descriptor, &state, &rig->error), &rig->error);
    return state;
}

static weir_status
add(const struct rig *rig, weir_state *state, int64_t number, const weir_bytes *items, size_t count)
{
    weir_key key = rig_number(rig, &number);
    return state->backend->ops->list_add(state, &key, items, count);
}

static weir_status
next(const struct rig *rig, weir_state *state, int64_t number, weir_cursor *cursor,
     weir_bytes *out_item)
{
    weir_key key = rig_number(rig, &number);
    return state->backend->ops->list_next(state, &key, cursor, out_item);
}

/* Element `index` of list `number`: its size and letter follow from both. */
static weir_bytes
element(int64_t number, int index, uint8_t *out)
{
    static const size_t sizes[] = { 8, 16, 24, 40, 200, 8, 4096, 8, 9000, 32 };
    size_t size = sizes[(size_t)(number + index) % (sizeof sizes / sizeof sizes[0])];
    memset(out, (int)(number * 31 + index), size);
    return weir_bytes_of(out, size);
}

/* Looks that a walk gives elements [0, count) of that list. */
static void
check_list(const struct rig *rig, weir_state *state, int64_t number, int count)
{
    static uint8_t expected[9000];
    weir_cursor cursor = { { 0 } };
    weir_bytes item;
    for (int i = 0; i < count; i++) {
        assert_ok(next(rig, state, number, &cursor, &item), NULL);
        weir_bytes wanted = element(number, i, expected);
        assert_int_equal(item.size, wanted.size);
        assert_int_equal((uintptr_t)item.data % 8, 0);
        assert_memory_equal(item.data, wanted.data, item.size);
    }
    assert_int_equal(next(rig, state, number, &cursor, &item), WEIR_NOT_FOUND);
    assert_int_equal(next(rig, state, number, &cursor, &item), WEIR_NOT_FOUND);
}

TEST(lists_give_what_was_added_in_order)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *lists = list_state(&rig, backend, i64_type());
    enum {
        LISTS = 300,
        ROUNDS = 40
    };
    for (int64_t round = 0; round < ROUNDS; round++) {
        for (int64_t list = 0; list < LISTS; list++) {
            int64_t values[3] = { round * 3, round * 3 + 1, round * 3 + 2 };
            weir_bytes items[3] = { weir_bytes_of(&values[0], 8), weir_bytes_of(&values[1], 8),
                                    weir_bytes_of(&values[2], 8) };
            assert_ok(add(&rig, lists, list, items, (size_t)(list % 4)), NULL);
        }
    }
    assert_int_equal(backend->ops->entry_count(lists), LISTS / 4 * 3);
    for (int64_t list = 0; list < LISTS; list++) {
        weir_cursor cursor = { { 0 } };
        weir_bytes item;
        for (int64_t round = 0; round < ROUNDS; round++) {
            for (int64_t i = 0; i < list % 4; i++) {
                assert_ok(next(&rig, lists, list, &cursor, &item), NULL);
                assert_int_equal(item.size, 8);
                assert_int_equal(*(const int64_t *)item.data, round * 3 + i);
            }
        }
        assert_int_equal(next(&rig, lists, list, &cursor, &item), WEIR_NOT_FOUND);
    }
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(elements_of_any_size_stand_in_a_list_and_go_with_it)
{
    struct rig rig;
    struct alloc_fault fault;
    rig_init(&rig);
    alloc_fault_init(&fault, 0, false);
    rig.alloc = alloc_fault_alloc(&fault);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *lists = list_state(&rig, backend, weir_type_of_kind(WEIR_STRING));
    static uint8_t bytes[9000];
    uint64_t settled = 0;
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 60; i++) {
            for (int64_t list = 0; list < 20; list++) {
                weir_bytes item = element(list, i, bytes);
                assert_ok(add(&rig, lists, list, &item, 1), NULL);
            }
        }
        for (int64_t list = 0; list < 20; list++) {
            check_list(&rig, lists, list, 60);
            weir_key key = rig_number(&rig, &list);
            assert_ok(backend->ops->remove(lists, &key), NULL);
            check_list(&rig, lists, list, 0);
            assert_ok(backend->ops->remove(lists, &key), NULL);
        }
        assert_int_equal(backend->ops->entry_count(lists), 0);
        if (round == 0) {
            settled = weir_backend_used_bytes(backend);
        }
    }
    assert_true(weir_backend_used_bytes(backend) <= settled);
    weir_backend_close(backend);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
    rig_fini(&rig);
}

TEST(an_append_that_is_refused_adds_nothing)
{
    for (size_t filled = 128; filled < 50000; filled += 640) {
        struct rig rig;
        struct alloc_fault fault;
        rig_init(&rig);
        alloc_fault_init(&fault, 0, false);
        rig.alloc = alloc_fault_alloc(&fault);
        weir_backend *backend = rig_open(&rig, i64_type());
        weir_state *lists = list_state(&rig, backend, weir_type_of_kind(WEIR_STRING));
        assert_non_null(wr_region_new(&wr_heap_of(backend)->region, filled));
        fault.fail_at = fault.requests + 1;
        fault.sticky = true; /* until the refusal was looked at */
        static uint8_t bytes[3][9000];
        for (int i = 0; i < 90; i += 3) {
            for (int64_t list = 0; list < 8; list++) {
                weir_bytes items[3] = { element(list, i, bytes[0]), element(list, i + 1, bytes[1]),
                                        element(list, i + 2, bytes[2]) };
                weir_status status = add(&rig, lists, list, items, 3);
                if (status == WEIR_NOMEM) {
                    check_list(&rig, lists, list, i);
                    fault.fail_at = 0;
                    fault.sticky = false;
                    status = add(&rig, lists, list, items, 3);
                }
                assert_ok(status, NULL);
            }
        }
        for (int64_t list = 0; list < 8; list++) {
            check_list(&rig, lists, list, 90);
        }
        assert_int_not_equal(fault.refused, 0);
        weir_backend_close(backend);
        assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
        alloc_fault_fini(&fault);
        rig_fini(&rig);
    }
}

TEST(a_copy_of_the_slot_is_the_list_as_it_was)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *lists = list_state(&rig, backend, weir_type_of_kind(WEIR_STRING));
    const struct wr_layout *layout = &wr_heap_state_of(lists)->layout;
    static uint8_t bytes[9000];
    uint8_t copies[20][WR_COLLECTION_BYTES];
    for (int64_t list = 0; list < 20; list++) {
        for (int i = 0; i <= list; i++) {
            weir_bytes item = element(list, i, bytes);
            assert_ok(add(&rig, lists, list, &item, 1), NULL);
        }
        memcpy(copies[list], slot_of(&rig, lists, list), WR_COLLECTION_BYTES);
    }
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    rig_file_begin(&rig, &file, 1, 4096);
    assert_ok(full_snapshot_begin(backend, file.writer, &snapshot, &rig.error), &rig.error);
    for (int64_t list = 0; list < 20; list++) { /* append, remove, and make anew */
        for (int i = 0; i < 30; i++) {
            weir_bytes item = element(list + 5, i, bytes);
            assert_ok(add(&rig, lists, list, &item, 1), NULL);
            weir_key key = rig_number(&rig, &list);
            if (list % 3 == 0 && i == 10) {
                assert_ok(backend->ops->remove(lists, &key), NULL);
            }
        }
    }
    while (weir_backend_idle_turn(backend, 4096)) { /* what is left of lists is dropped */
    }
    for (int64_t list = 0; list < 20; list++) {
        weir_cursor cursor = { { 0 } };
        weir_bytes item;
        size_t record_bytes = 0;
        for (int i = 0; i <= list; i++) {
            assert_true(wr_list_walk(layout, copies[list], &cursor, &item));
            weir_bytes wanted = element(list, i, bytes);
            assert_int_equal(item.size, wanted.size);
            assert_memory_equal(item.data, wanted.data, item.size);
            record_bytes += 4 + item.size;
        }
        assert_false(wr_list_walk(layout, copies[list], &cursor, &item));
        assert_int_equal(wr_list_record_bytes(copies[list]), record_bytes);
    }
    rig_file_abort(&rig, &file);
    weir_backend_snapshot_end(backend, snapshot, false);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(a_list_is_limited_to_what_one_record_holds)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *lists = list_state(&rig, backend, i64_type());
    int64_t value = 7;
    weir_bytes items[2] = { weir_bytes_of(&value, 8), weir_bytes_of(&value, 8) };
    assert_ok(add(&rig, lists, 1, items, 1), NULL);
    struct wr_list *list = (struct wr_list *)(void *)slot_of(&rig, lists, 1);
    list->record_bytes = UINT32_MAX - 1 - 12; /* as if so much stood there already */
    assert_int_equal(add(&rig, lists, 1, items, 2), WEIR_LIMIT);
    assert_int_equal(list->record_bytes, UINT32_MAX - 1 - 12);
    assert_ok(add(&rig, lists, 1, items, 1), NULL);
    assert_int_equal(add(&rig, lists, 1, items, 1), WEIR_LIMIT);
    items[0].size = 7;
    assert_int_equal(add(&rig, lists, 2, items, 1), WEIR_INVALID);
    weir_key key = rig_number(&rig, &value);
    assert_int_equal(backend->ops->put(lists, &key, items[1]), WEIR_INVALID);
    assert_int_equal(backend->ops->map_put(lists, &key, items[1], items[1]), WEIR_INVALID);
    weir_backend_close(backend);
    rig_fini(&rig);
}

/* Replaces list `number` by elements [first, first + count) of `letters`. */
static weir_status
put(const struct rig *rig, weir_state *state, int64_t number, int64_t letters, int count)
{
    static uint8_t bytes[8][9000];
    weir_bytes items[8];
    for (int i = 0; i < count; i++) {
        items[i] = element(letters, i, bytes[i]);
    }
    weir_key key = rig_number(rig, &number);
    return state->backend->ops->list_put(state, &key, items, (size_t)count);
}

/* With so much of the first extent taken; how many replacements were refused. */
static uint32_t
replace_with_refusals(size_t filled)
{
    struct rig rig;
    struct alloc_fault fault;
    rig_init(&rig);
    alloc_fault_init(&fault, 0, false);
    rig.alloc = alloc_fault_alloc(&fault);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *lists = list_state(&rig, backend, weir_type_of_kind(WEIR_STRING));
    static uint8_t bytes[9000];
    int64_t shown[200];
    int counts[200];
    uint32_t refused = 0;
    assert_non_null(wr_region_new(&wr_heap_of(backend)->region, filled));
    assert_int_equal(put(&rig, lists, 1, 1, 0), WEIR_INVALID);
    for (int64_t round = 0; round < 200; round++) {
        int64_t list = round % 7;
        int count = 1 + (int)(round % 8);
        fault.fail_at = round % 3 == 0 ? fault.requests + 1 : 0; /* large elements ask for some */
        fault.sticky = round % 3 == 0;
        weir_status status = put(&rig, lists, list, round, count);
        fault.fail_at = 0;
        fault.sticky = false;
        if (status == WEIR_OK) {
            shown[list] = round;
            counts[list] = count;
        } else {
            assert_int_equal(status, WEIR_NOMEM);
            refused++;
            if (round < 7) {
                assert_ok(put(&rig, lists, list, round, count), NULL);
                shown[list] = round;
                counts[list] = count;
            }
        }
        weir_cursor cursor = { { 0 } };
        weir_bytes item;
        for (int i = 0; i < counts[list]; i++) {
            assert_ok(next(&rig, lists, list, &cursor, &item), NULL);
            weir_bytes wanted = element(shown[list], i, bytes);
            assert_int_equal(item.size, wanted.size);
            assert_memory_equal(item.data, wanted.data, item.size);
        }
        assert_int_equal(next(&rig, lists, list, &cursor, &item), WEIR_NOT_FOUND);
    }
    assert_int_equal(backend->ops->entry_count(lists), 7);
    weir_backend_close(backend);
    assert_int_equal(alloc_fault_leaks(&fault, stdout), 0);
    alloc_fault_fini(&fault);
    rig_fini(&rig);
    return refused;
}

TEST(a_list_is_replaced_in_place_or_stays_as_it_was)
{
    uint32_t refused = 0;
    for (size_t filled = 128; filled < 60000; filled += 2048) {
        refused += replace_with_refusals(filled);
    }
    assert_true(refused >= 20);
}

TEST(a_replaced_list_stands_in_the_snapshot_that_is_open)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *lists = list_state(&rig, backend, weir_type_of_kind(WEIR_STRING));
    const struct wr_layout *layout = &wr_heap_state_of(lists)->layout;
    static uint8_t bytes[9000];
    uint8_t copy[WR_COLLECTION_BYTES];
    for (int i = 0; i < 40; i++) {
        weir_bytes item = element(3, i, bytes);
        assert_ok(add(&rig, lists, 3, &item, 1), NULL);
    }
    memcpy(copy, slot_of(&rig, lists, 3), WR_COLLECTION_BYTES);
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    rig_file_begin(&rig, &file, 1, 4096);
    assert_ok(full_snapshot_begin(backend, file.writer, &snapshot, &rig.error), &rig.error);
    weir_cursor cursor = { { 0 } };
    weir_bytes second;
    assert_ok(next(&rig, lists, 3, &cursor, &second), NULL);
    assert_ok(next(&rig, lists, 3, &cursor, &second), NULL);
    weir_bytes wanted = element(3, 1, bytes);
    int64_t number = 3;
    weir_key key = rig_number(&rig, &number);
    assert_ok(backend->ops->list_put(lists, &key, &second, 1),
              NULL); /* lent from the list itself */
    assert_ok(put(&rig, lists, 8, 8, 4), NULL);
    while (weir_backend_idle_turn(backend, 4096)) { /* what is left of lists is dropped */
    }
    cursor = (weir_cursor){ { 0 } };
    weir_bytes item;
    assert_ok(next(&rig, lists, 3, &cursor, &item), NULL);
    assert_int_equal(item.size, wanted.size);
    assert_memory_equal(item.data, wanted.data, item.size);
    assert_int_equal(next(&rig, lists, 3, &cursor, &item), WEIR_NOT_FOUND);
    cursor = (weir_cursor){ { 0 } };
    for (int i = 0; i < 40; i++) {
        assert_true(wr_list_walk(layout, copy, &cursor, &item));
        wanted = element(3, i, bytes);
        assert_int_equal(item.size, wanted.size);
        assert_memory_equal(item.data, wanted.data, item.size);
    }
    assert_false(wr_list_walk(layout, copy, &cursor, &item));
    rig_file_abort(&rig, &file);
    weir_backend_snapshot_end(backend, snapshot, false);
    weir_backend_close(backend);
    rig_fini(&rig);
}
