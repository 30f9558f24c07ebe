/* SPDX-License-Identifier: Apache-2.0 */
/* assignment_test: who reads what. Flink's OS1 and OS2 element by element, KG3 over a matrix of
 * parallelisms. */
#include "assignment_fixture.h"

static const uint32_t parallelisms[] = { 1, 2, 3, 5, 7 };

/* The elements subtask `subtask` gets of a state, as numbers in the concatenation of the old lists.
 */
static uint32_t
elements_of(struct fixture *f, uint32_t state, uint32_t subtask, uint64_t *out)
{
    struct wr_operator_restore restore = assign(f, 0, subtask);
    uint32_t count = 0;
    for (uint32_t i = 0; i < restore.list_count; i++) {
        const struct wr_restore_list *list = &restore.lists[i];
        if (list->state != &f->olds[0].states[state]) {
            continue;
        }
        assert_true(list->file < restore.file_count && list->count > 0);
        uint64_t before = 0;
        for (uint32_t old = 0; old < restore.files[list->file].identity.subtask; old++) {
            before += f->parts[0].lists[old][state].count;
        }
        for (uint64_t e = 0; e < list->count; e++) {
            out[count++] = before + list->first + e;
        }
    }
    return count;
}

static void
assert_elements(struct fixture *f, uint32_t state, uint32_t subtask, uint64_t first, uint32_t count)
{
    uint64_t got[256];
    assert_int_equal(elements_of(f, state, subtask, got), count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(got[i], first + i);
    }
}

TEST(split_list_comes_back_unchanged_at_equal_parallelism)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "source", 3, 128);
    add_list(&f, 0, WEIR_LIST_SPLIT, (const uint64_t[]){ 5, 0, 2 });
    make_new(&f, 0, "source", 3);
    check(&f, 1);
    assert_elements(&f, 0, 0, 0, 5);
    assert_elements(&f, 0, 1, 5, 0);
    assert_elements(&f, 0, 2, 5, 2);
    teardown(&f);
}

TEST(split_list_is_dealt_in_consecutive_shares_when_scaled_up)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "source", 2, 128);
    add_list(&f, 0, WEIR_LIST_SPLIT, (const uint64_t[]){ 4, 4 });
    make_new(&f, 0, "source", 3);
    check(&f, 1);
    assert_elements(&f, 0, 0, 0, 3);
    assert_elements(&f, 0, 1, 3, 3);
    assert_elements(&f, 0, 2, 6, 2);
    struct wr_operator_restore restore = assign(&f, 0, 1);
    assert_int_equal(restore.list_count, 2); /* d of the first file, e f of the second */
    assert_int_equal(restore.lists[0].first, 3);
    assert_int_equal(restore.lists[0].count, 1);
    assert_int_equal(restore.lists[1].first, 0);
    assert_int_equal(restore.lists[1].count, 2);
    teardown(&f);
}

TEST(split_list_is_gathered_when_scaled_down)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "source", 4, 128);
    add_list(&f, 0, WEIR_LIST_SPLIT, (const uint64_t[]){ 1, 2, 0, 4 });
    make_new(&f, 0, "source", 2);
    check(&f, 1);
    assert_elements(&f, 0, 0, 0, 4);
    assert_elements(&f, 0, 1, 4, 3);
    teardown(&f);
}

TEST(split_list_with_fewer_elements_than_subtasks_leaves_some_empty)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "source", 1, 128);
    add_list(&f, 0, WEIR_LIST_SPLIT, (const uint64_t[]){ 2 });
    make_new(&f, 0, "source", 5);
    check(&f, 1);
    for (uint32_t i = 0; i < 5; i++) {
        assert_elements(&f, 0, i, i < 2 ? i : 0, i < 2 ? 1 : 0);
    }
    teardown(&f);
}

/* Flink's walk of one repartitioning, told step by step: owner[e] for every element of every state.
 */
static void
walk_as_flink(const uint64_t *totals, uint32_t states, uint32_t parallelism,
              uint32_t owner[STATES_MAX][256])
{
    uint32_t start = 0;
    for (uint32_t state = 0; state < states; state++) {
        uint64_t base = totals[state] / parallelism;
        int64_t remainder = (int64_t)(totals[state] % parallelism);
        uint32_t new_start = start;
        uint64_t element = 0;
        for (uint32_t i = 0; i < parallelism; i++) {
            uint32_t target = (i + start) % parallelism;
            uint64_t number = base;
            if (remainder > 0) {
                number++;
                remainder--;
            } else if (remainder == 0) {
                new_start = target;
                remainder--;
            }
            for (; number > 0; number--) {
                owner[state][element++] = target;
            }
        }
        assert_int_equal(element, totals[state]);
        start = new_start;
    }
}

/* Five uneven states from one parallelism to another, each held against the walk. */
static void
assert_dealt_as_flink(uint32_t from, uint32_t to)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "source", from, 128);
    uint64_t totals[5] = { 0 };
    for (uint32_t name = 0; name < 5; name++) {
        uint64_t counts[PARALLELISM_MAX];
        for (uint32_t i = 0; i < from; i++) {
            counts[i] = (i * 7 + name * 5 + from) % 6;
            totals[name] += counts[i];
        }
        add_list(&f, 0, WEIR_LIST_SPLIT, counts);
    }
    make_new(&f, 0, "source", to);
    check(&f, 1);
    uint32_t owner[STATES_MAX][256];
    walk_as_flink(totals, 5, to, owner);
    for (uint32_t name = 0; name < 5; name++) {
        uint64_t seen = 0;
        for (uint32_t subtask = 0; subtask < to; subtask++) {
            uint64_t got[256];
            uint32_t count = elements_of(&f, name, subtask, got);
            for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(owner[name][got[i]], subtask);
                assert_true(i == 0 || got[i] == got[i - 1] + 1);
            }
            seen += count;
        }
        assert_int_equal(seen, totals[name]);
    }
    teardown(&f);
}

TEST(split_lists_rotate_their_start_over_state_names_as_flink_does)
{
    for (size_t from = 0; from < 5; from++) {
        for (size_t to = 0; to < 5; to++) {
            if (from != to) {
                assert_dealt_as_flink(parallelisms[from], parallelisms[to]);
            }
        }
    }
}

TEST(union_list_goes_to_everyone_also_at_equal_parallelism)
{
    for (uint32_t parallelism = 1; parallelism <= 4; parallelism++) {
        struct fixture f;
        setup(&f, 1);
        make_old(&f, 0, "source", 2, 128);
        add_list(&f, 0, WEIR_LIST_UNION, (const uint64_t[]){ 3, 4 });
        make_new(&f, 0, "source", parallelism);
        check(&f, 1);
        for (uint32_t i = 0; i < parallelism; i++) {
            assert_elements(&f, 0, i, 0, 7);
        }
        teardown(&f);
    }
}

TEST(union_list_stays_its_size_over_ten_failovers_when_each_keeps_its_own_part)
{
    struct fixture f;
    uint64_t counts[4] = { 1, 1, 1, 1 };
    uint64_t careless[4] = { 1, 1, 1, 1 };
    for (int failover = 0; failover < 10; failover++) {
        setup(&f, 1);
        make_old(&f, 0, "source", 4, 128);
        add_list(&f, 0, WEIR_LIST_UNION, counts);
        make_new(&f, 0, "source", 4);
        check(&f, 1);
        for (uint32_t i = 0; i < 4; i++) {
            uint64_t got[256];
            assert_int_equal(elements_of(&f, 0, i, got), 4);
            counts[i] = 1; /* cleared, and its own part added again */
        }
        teardown(&f);
    }
    for (int failover = 0; failover < 3; failover++) {
        setup(&f, 1);
        make_old(&f, 0, "source", 4, 128);
        add_list(&f, 0, WEIR_LIST_UNION, careless);
        make_new(&f, 0, "source", 4);
        check(&f, 1);
        uint64_t total = careless[0] + careless[1] + careless[2] + careless[3];
        for (uint32_t i = 0; i < 4; i++) {
            uint64_t got[256];
            careless[i] = elements_of(&f, 0, i, got); /* kept as it came */
            assert_int_equal(careless[i], total);
        }
        teardown(&f);
    }
    assert_int_equal(careless[0],
                     64); /* by the parallelism at each restore: the function's to avoid */
}

/* Every key group's old file is read by its new owner, and no file by one who owns nothing in it.
 */
static void
assert_keyed(uint32_t from, uint32_t to, uint32_t max_parallelism)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "counts", from, max_parallelism);
    make_new(&f, 0, "counts", to);
    check(&f, 1);
    assert_int_equal(f.operators[0].max_parallelism, max_parallelism);
    for (uint32_t subtask = 0; subtask < to; subtask++) {
        bool is_wanted[PARALLELISM_MAX] = { false };
        for (uint32_t group = 0; group < max_parallelism; group++) {
            if (wr_key_group_subtask(group, to, max_parallelism) == subtask) {
                is_wanted[wr_key_group_subtask(group, from, max_parallelism)] = true;
            }
        }
        struct wr_operator_restore restore = assign(&f, 0, subtask);
        uint32_t wanted = 0;
        for (uint32_t i = 0; i < from; i++) {
            wanted += is_wanted[i];
        }
        assert_int_equal(restore.file_count, wanted);
        for (uint32_t i = 0; i < restore.file_count; i++) {
            assert_true(restore.files[i].keyed && is_wanted[restore.files[i].identity.subtask]);
        }
        assert_int_equal(restore.list_count, 0);
    }
    teardown(&f);
}

TEST(keyed_files_follow_the_key_groups_at_every_parallelism)
{
    for (size_t from = 0; from < 5; from++) {
        for (size_t to = 0; to < 5; to++) {
            assert_keyed(parallelisms[from], parallelisms[to], 128);
            assert_keyed(parallelisms[from], parallelisms[to], 10);
        }
    }
}

TEST(file_is_told_with_path_identity_size_and_checksum)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "counts", 2, 128);
    add_list(&f, 0, WEIR_LIST_UNION, (const uint64_t[]){ 1, 1 });
    make_new(&f, 0, "counts", 2);
    check(&f, 1);
    struct wr_operator_restore restore = assign(&f, 0, 1);
    assert_true(restore.restored);
    assert_int_equal(restore.checkpoint_id, 42);
    assert_int_equal(restore.file_count, 2);
    assert_false(restore.files[0].keyed); /* read for its list alone */
    const struct wr_restore_file *file = &restore.files[1];
    assert_true(file->keyed);
    assert_string_equal(file->path, "/c/chk-42/counts-1");
    assert_int_equal(file->size, 1001);
    assert_int_equal(file->crc, 78);
    assert_int_equal(file->identity.checkpoint_id, 42);
    assert_int_equal(file->identity.subtask, 1);
    assert_memory_equal(file->identity.operator_id, f.olds[0].id, 16);
    assert_int_equal(file->identity.attempt[0], 0x00);
    assert_int_equal(file->identity.attempt[1], 0x11);
    assert_int_equal(file->identity.attempt[15], 0xff);
    assert_int_equal(restore.lists[0].file, 0);
    assert_int_equal(restore.lists[1].file, 1);
    teardown(&f);
}

TEST(operator_that_is_not_keyed_reads_no_key_groups)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "source", 2, 128);
    f.olds[0].key_type = NULL;
    for (uint32_t i = 0; i < 2; i++) {
        f.parts[0].subtasks[i].key_group_first = 1;
        f.parts[0].subtasks[i].key_group_last = 0;
    }
    add_list(&f, 0, WEIR_LIST_SPLIT, (const uint64_t[]){ 1, 1 });
    make_new(&f, 0, "source", 2);
    f.operators[0].key_type = NULL;
    check(&f, 1);
    struct wr_operator_restore restore = assign(&f, 0, 1);
    assert_int_equal(restore.file_count, 1);
    assert_false(restore.files[0].keyed);
    assert_int_equal(restore.files[0].identity.subtask, 1);
    teardown(&f);
}

TEST(operator_without_files_is_restored_with_nothing_to_read)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "map", 2, 128);
    for (uint32_t i = 0; i < 2; i++) {
        f.parts[0].subtasks[i].file_count = 0;
    }
    make_new(&f, 0, "map", 200); /* beyond its maximum: nothing was keyed by it */
    check(&f, 1);
    struct wr_operator_restore restore = assign(&f, 0, 150);
    assert_true(restore.restored);
    assert_int_equal(restore.file_count + restore.list_count, 0);
    teardown(&f);
}

TEST(finished_is_each_ones_own_and_of_all_when_rescaled)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "source", 2, 128);
    f.parts[0].subtasks[1].finished = true;
    make_new(&f, 0, "source", 2);
    check(&f, 1);
    assert_false(assign(&f, 0, 0).finished);
    assert_true(assign(&f, 0, 1).finished);
    make_new(&f, 0, "source", 3);
    check(&f, 1);
    assert_false(assign(&f, 0, 1).finished);
    f.parts[0].subtasks[0].finished = true;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(assign(&f, 0, i).finished);
    }
    teardown(&f);
}

TEST(assignment_survives_every_failed_allocation)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "counts", 7, 128);
    add_list(&f, 0, WEIR_LIST_UNION, (const uint64_t[]){ 1, 2, 3, 4, 5, 6, 7 });
    make_new(&f, 0, "counts", 3);
    check(&f, 1);
    bool is_made = false;
    for (uint64_t limit = 1; !is_made; limit += 64) {
        struct wr_budget budget;
        struct wr_pool_alloc pool;
        struct wr_arena arena;
        wr_budget_init(&budget, wr_memory_system(), limit);
        weir_alloc alloc = wr_budget_alloc(&pool, &budget, WR_POOL_OTHER);
        wr_arena_init(&arena, &alloc);
        struct wr_operator_restore restore;
        weir_status status = wr_assignment_make(&f.manifest, "/c/chk-42", &f.operators[0], 2,
                                                &arena, &restore, &f.err);
        is_made = status == WEIR_OK;
        assert_true(is_made || status == WEIR_NOMEM);
        wr_arena_fini(&arena);
        assert_int_equal(budget.used_bytes, 0);
    }
    teardown(&f);
}
