/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of operations: ids, what is kept and for how long, what goes for room, who still waits. */
#include "rig.h"

#include "serve/operations.h"
#include "serve/server.h"

#include <string.h>

enum {
    STORE_MS = 1000,
    UNKNOWN = 1 << 20 /* a number that no request of the job has */
};

static void
add(struct wr_operations *operations, uint64_t number)
{
    char id[WR_TRIGGER_ID_SIZE + 1];
    weir_error error;
    snprintf(id, sizeof id, "%032llx", (unsigned long long)number);
    assert_ok(wr_operations_reserve(operations, &error), &error);
    wr_operations_add(operations, WR_OPERATION_CHECKPOINT, id, UNKNOWN + number);
}

static struct wr_operation *
find(struct wr_operations *operations, uint64_t number)
{
    char id[WR_TRIGGER_ID_SIZE + 1];
    snprintf(id, sizeof id, "%032llx", (unsigned long long)number);
    return wr_operations_find(operations, WR_OPERATION_CHECKPOINT, id);
}

TEST(trigger_ids_are_drawn_or_the_clients_own)
{
    char one[WR_TRIGGER_ID_SIZE + 1];
    char other[WR_TRIGGER_ID_SIZE + 1];
    weir_error error;
    assert_ok(wr_trigger_id_make(NULL, one, &error), &error);
    assert_ok(wr_trigger_id_make(NULL, other, &error), &error);
    assert_int_equal(WR_TRIGGER_ID_SIZE, strlen(one));
    assert_int_equal(WR_TRIGGER_ID_SIZE, strspn(one, "0123456789abcdef"));
    assert_string_not_equal(one, other);
    assert_ok(wr_trigger_id_make("ABCDEF0123456789abcdef0123456789", one, &error), &error);
    assert_string_equal("abcdef0123456789abcdef0123456789", one);
    static const char *const wrong[] = { "", "abc", "abcdef0123456789abcdef012345678g",
                                         "abcdef0123456789abcdef01234567890",
                                         "../def0123456789abcdef0123456789" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(WEIR_INVALID, wr_trigger_id_make(wrong[i], one, &error));
    }
}

TEST(an_answer_is_kept_for_its_store_duration)
{
    struct rig rig;
    rig_init(&rig);
    rig_create(&rig);
    struct wr_operations *operations = &rig.server->operations;
    add(operations, 1);
    assert_int_equal(WEIR_REQUEST_IN_PROGRESS, find(operations, 1)->state);
    /* the job does not know this number any more: answered, at 500 */
    wr_operations_refresh(operations, rig.job, STORE_MS, 500);
    assert_int_equal(WEIR_REQUEST_FAILED, find(operations, 1)->state);
    assert_non_null(strstr(find(operations, 1)->words, "1,000 answers"));
    wr_operations_refresh(operations, rig.job, STORE_MS, 500 + STORE_MS - 1);
    assert_non_null(find(operations, 1));
    wr_operations_refresh(operations, rig.job, STORE_MS, 500 + STORE_MS);
    assert_null(find(operations, 1));
    assert_int_equal(0, operations->count);
    rig_fini(&rig);
}

TEST(at_the_limit_the_oldest_answer_goes_and_none_under_way)
{
    struct rig rig;
    weir_error error;
    rig_init(&rig);
    rig_create(&rig);
    struct wr_operations *operations = &rig.server->operations;
    add(operations, 0);
    add(operations, 1);
    wr_operations_refresh(operations, rig.job, STORE_MS, 0); /* 0 and 1 are answered */
    for (uint64_t i = 2; i < WR_OPERATIONS_MAX; i++) {
        add(operations, i);
    }
    assert_int_equal(WR_OPERATIONS_MAX, operations->count);
    add(operations, WR_OPERATIONS_MAX);
    assert_null(find(operations, 0));
    assert_non_null(find(operations, 1));
    add(operations, WR_OPERATIONS_MAX + 1);
    assert_null(find(operations, 1));
    assert_int_equal(WEIR_LIMIT, wr_operations_reserve(operations, &error));
    assert_int_equal(WR_OPERATIONS_MAX, operations->count);
    for (uint64_t i = 2; i < WR_OPERATIONS_MAX + 2; i++) {
        assert_non_null(find(operations, i));
    }
    rig_fini(&rig);
}

TEST(kinds_have_trigger_ids_of_their_own)
{
    struct rig rig;
    rig_init(&rig);
    rig_create(&rig);
    add(&rig.server->operations, 7);
    const char *id = find(&rig.server->operations, 7)->trigger_id;
    assert_null(wr_operations_find(&rig.server->operations, WR_OPERATION_SAVEPOINT, id));
    assert_null(wr_operations_find(&rig.server->operations, WR_OPERATION_DISPOSAL, id));
    rig_fini(&rig);
}

TEST(all_are_seen_when_each_was_fetched_or_is_gone)
{
    struct rig rig;
    rig_init(&rig);
    rig_create(&rig);
    struct wr_operations *operations = &rig.server->operations;
    assert_true(wr_operations_all_seen(rig.server));
    add(operations, 1);
    add(operations, 2);
    assert_false(wr_operations_all_seen(rig.server));
    wr_operations_refresh(operations, rig.job, STORE_MS, 0);
    wr_operations_see(operations, find(operations, 1));
    wr_operations_see(operations, find(operations, 1)); /* twice is once */
    assert_false(wr_operations_all_seen(rig.server));
    wr_operations_refresh(operations, rig.job, STORE_MS, STORE_MS);
    assert_int_equal(0, operations->count);
    assert_true(wr_operations_all_seen(rig.server));
    rig_fini(&rig);
}
