/* SPDX-License-Identifier: Apache-2.0 */
/* assignment_check_test: which snapshots a job may go on from, and the words where it may not. */
#include "assignment_fixture.h"

#include "checkpoint/nearest.h"

static weir_status
try_check(struct fixture *f, size_t operator_count, bool allow, bool *out_new)
{
    return wr_assignment_check(&f->manifest, f->operators, operator_count, allow, out_new, &f->err);
}

TEST(operator_missing_in_the_job_is_refused_by_name)
{
    struct fixture f;
    setup(&f, 2);
    make_old(&f, 0, "source", 2, 128);
    make_old(&f, 1, "word-counts", 2, 128);
    make_new(&f, 0, "source", 2);
    make_new(&f, 1, "word-count", 2);
    f.operators[1].name = "sum";
    make_new(&f, 2, "print", 2);
    bool is_new[3];
    assert_int_equal(try_check(&f, 3, false, is_new), WEIR_VERSION);
    assert_words(&f, "checkpoint 42");
    assert_words(&f, "'word-counts'");
    assert_words(&f, "nearest in the job: 'sum' (uid 'word-count'), ");
    assert_words(&f, "uid(\"word-counts\")");
    assert_words(&f, "you can set the --allowNonRestoredState option on the CLI (-n)");
    teardown(&f);
}

TEST(operator_missing_in_the_job_is_dropped_when_allowed)
{
    struct fixture f;
    setup(&f, 2);
    make_old(&f, 0, "source", 2, 128);
    make_old(&f, 1, "gone", 2, 128);
    make_new(&f, 0, "source", 2);
    make_new(&f, 1, "fresh", 2);
    bool is_new[2];
    assert_int_equal(try_check(&f, 2, true, is_new), WEIR_OK);
    assert_false(is_new[0]);
    assert_true(is_new[1]);
    struct wr_operator_restore restore = assign(&f, 1, 0);
    assert_false(restore.restored);
    assert_int_equal(restore.file_count + restore.list_count, 0);
    assert_int_equal(restore.checkpoint_id, 42);
    teardown(&f);
}

TEST(operator_missing_in_the_job_without_state_is_no_matter)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "map", 2, 128);
    f.parts[0].subtasks[0].file_count = 0;
    f.parts[0].subtasks[1].file_count = 0;
    assert_int_equal(try_check(&f, 0, false, NULL), WEIR_OK);
    f.parts[0].subtasks[1].file_count = 1;
    assert_int_equal(try_check(&f, 0, false, NULL), WEIR_VERSION);
    assert_words(&f, "nearest in the job: nothing");
    teardown(&f);
}

TEST(maximum_parallelism_below_the_parallelism_is_refused)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "counts", 2, 10);
    make_new(&f, 0, "counts", 11);
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_VERSION);
    assert_words(&f, "the maximum parallelism (10) of the restored state is lower than the "
                     "configured parallelism (11)");
    make_new(&f, 0, "counts", 10);
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_OK);
    assert_int_equal(f.operators[0].max_parallelism, 10);
    teardown(&f);
}

TEST(maximum_parallelism_set_by_the_user_must_be_the_snapshots)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "counts", 2, 128);
    make_new(&f, 0, "counts", 2);
    f.operators[0].max_parallelism_set = true;
    f.operators[0].max_parallelism = 256;
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_VERSION);
    assert_words(&f, "(128) of the restored state differs from the configured one (256)");
    assert_int_equal(f.operators[0].max_parallelism, 256);
    f.operators[0].max_parallelism = 128;
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_OK);
    f.operators[0].max_parallelism_set = false;
    f.operators[0].max_parallelism = 512; /* derived: silently replaced */
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_OK);
    assert_int_equal(f.operators[0].max_parallelism, 128);
    teardown(&f);
}

struct place {
    int64_t x;
    int64_t y;
};

TEST(key_types_must_be_equal_and_both_are_told)
{
    static const weir_field fields[] = { WEIR_FIELD(struct place, x, I64),
                                         WEIR_FIELD(struct place, y, I64) };
    weir_alloc alloc = wr_memory_system();
    struct fixture f;
    setup(&f, 1);
    weir_type *place = NULL;
    assert_ok(
        weir_type_create_struct(&alloc, "place", sizeof(struct place), fields, 2, &place, &f.err),
        &f.err);
    make_old(&f, 0, "counts", 2, 128);
    make_new(&f, 0, "counts", 2);
    f.operators[0].key_type = place;
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_VERSION);
    assert_words(&f, "keyed by string");
    assert_words(&f, "by place {i64 x, i64 y}");
    f.operators[0].key_type = NULL;
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_VERSION);
    assert_words(&f, "is not keyed");
    f.olds[0].key_type = NULL; /* newly keyed: its keyed state starts empty */
    f.operators[0].key_type = place;
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_OK);
    teardown(&f);
    weir_type_destroy(place);
}

TEST(partly_finished_operator_with_finish_cannot_be_rescaled)
{
    struct fixture f;
    setup(&f, 1);
    make_old(&f, 0, "source", 3, 128);
    f.parts[0].subtasks[2].finished = true;
    make_new(&f, 0, "source", 2);
    f.operators[0].has_finish = true;
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_VERSION);
    assert_words(&f, "1 of its 3 subtasks had finished");
    assert_words(&f, "run with parallelism 3");
    f.operators[0].has_finish = false;
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_OK);
    f.operators[0].has_finish = true;
    f.operators[0].parallelism = 3;
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_OK);
    f.operators[0].parallelism = 2;
    f.parts[0].subtasks[0].finished = true;
    f.parts[0].subtasks[1].finished = true;
    assert_int_equal(try_check(&f, 1, false, NULL), WEIR_OK);
    teardown(&f);
}

/* A manifest of two good subtasks with one list each, to be spoilt. */
static void
setup_good(struct fixture *f)
{
    setup(f, 1);
    make_old(f, 0, "counts", 2, 128);
    add_list(f, 0, WEIR_LIST_SPLIT, (const uint64_t[]){ 3, 3 });
    make_new(f, 0, "counts", 3);
    check(f, 1);
}

static void
assert_senseless(struct fixture *f)
{
    struct wr_operator_restore restore;
    assert_int_equal(try_check(f, 1, true, NULL), WEIR_CORRUPT);
    assert_words(f, "makes no sense");
    assert_int_equal(
        wr_assignment_make(&f->manifest, "/c", &f->operators[0], 0, &f->arena, &restore, &f->err),
        WEIR_CORRUPT);
    teardown(f);
}

TEST(manifest_without_sense_is_refused)
{
    struct fixture f;
    setup_good(&f);
    f.olds[0].parallelism = 0;
    assert_senseless(&f);
    setup_good(&f);
    f.olds[0].max_parallelism = 32769;
    assert_senseless(&f);
    setup_good(&f);
    f.olds[0].max_parallelism = 1;
    assert_senseless(&f);
    setup_good(&f);
    f.parts[0].subtasks[1].index = 0;
    assert_senseless(&f);
    setup_good(&f);
    f.parts[0].subtasks[1].index = 2;
    assert_senseless(&f);
    setup_good(&f);
    f.parts[0].subtasks[1].key_group_last = 128;
    assert_senseless(&f);
    setup_good(&f);
    f.parts[0].lists[1][0].state = 1;
    assert_senseless(&f);
    setup_good(&f);
    f.parts[0].lists[1][0].count = 1ULL << 32;
    assert_senseless(&f);
    setup_good(&f);
    f.parts[0].subtasks[1].file_count = 0;
    assert_senseless(&f);
    setup_good(&f);
    f.parts[0].states[0].kind = WEIR_STATE_VALUE;
    assert_senseless(&f);
    setup_good(&f);
    f.parts[0].lists[1][1] = f.parts[0].lists[1][0];
    f.parts[0].subtasks[1].list_count = 2;
    assert_senseless(&f);
}

TEST(changes_without_what_they_change_are_refused)
{
    struct fixture f;
    setup_good(&f);
    f.parts[0].entries[1].has_changes = true;
    assert_senseless(&f);
}

TEST(assignment_of_an_unchecked_operator_is_refused)
{
    struct fixture f;
    struct wr_operator_restore restore;
    setup_good(&f);
    assert_int_equal(
        wr_assignment_make(&f.manifest, "/c", &f.operators[0], 3, &f.arena, &restore, &f.err),
        WEIR_INVALID);
    f.operators[0].max_parallelism = 256;
    assert_int_equal(
        wr_assignment_make(&f.manifest, "/c", &f.operators[0], 0, &f.arena, &restore, &f.err),
        WEIR_INVALID);
    assert_words(&f, "was not checked");
    teardown(&f);
}

TEST(nearest_operators_come_in_order_of_distance)
{
    struct wr_assignment_operator operators[5];
    static const char *const names[] = { "print", "count", "counts-x", "sums", "countz" };
    for (size_t i = 0; i < 5; i++) {
        operators[i] = (struct wr_assignment_operator){ .uid = "", .name = names[i] };
    }
    size_t found[WR_NEAREST_MAX];
    assert_int_equal(wr_nearest_operators(operators, 5, "counts", "", found), 3);
    assert_string_equal(names[found[0]], "count");
    assert_string_equal(names[found[1]], "countz");
    assert_string_equal(names[found[2]], "counts-x");
    assert_int_equal(wr_nearest_operators(operators, 1, "counts", "", found), 1);
    assert_int_equal(wr_nearest_operators(operators, 0, "counts", "", found), 0);
    operators[3].uid = "abc";
    assert_int_equal(wr_nearest_operators(operators, 5, "counts", "abc", found), 3);
    assert_int_equal(found[0], 3);
}

TEST(refusal_with_names_of_every_length_fits_its_words)
{
    char name[256];
    for (size_t size = 1; size < sizeof name; size += 31) {
        memset(name, 'n', size);
        name[size] = '\0';
        struct fixture f;
        setup(&f, 1);
        make_old(&f, 0, name, 1, 128);
        for (size_t i = 0; i < 3; i++) {
            make_new(&f, i, name, 1);
            f.operators[i].id[0] ^= 0xff;
        }
        assert_int_equal(try_check(&f, 3, false, NULL), WEIR_VERSION);
        teardown(&f);
    }
}
