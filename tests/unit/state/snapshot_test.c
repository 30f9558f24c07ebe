/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots: what was there at the begin is what is restored, whatever was written since. */
#include "support/common_alloc_fault.h"
#include "support/state_rig.h"

static const weir_type *
i64_type(void)
{
    return weir_type_of_kind(WEIR_I64);
}

static void
fill(const struct rig *rig, weir_state *counts, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++) {
        rig_add(rig, counts, i, i + 1);
    }
}

/* Every key in [0, to) has its number plus one. */
static void
check(const struct rig *rig, weir_state *counts, int64_t to)
{
    assert_int_equal(weir_state_entry_count(counts), to);
    for (int64_t i = 0; i < to; i++) {
        assert_int_equal(rig_look(rig, counts, i, -1), i + 1);
    }
}

struct begun {
    struct rig_file file;
    weir_snapshot *snapshot;
    bool done;
};

static void
begin(struct rig *rig, weir_backend *backend, uint64_t id, struct begun *begun)
{
    begun->done = false;
    rig_file_begin(rig, &begun->file, id, 4096);
    assert_ok(full_snapshot_begin(backend, begun->file.writer, &begun->snapshot, &rig->error),
              &rig->error);
}

static void
turn(struct rig *rig, weir_backend *backend, struct begun *begun, size_t budget)
{
    assert_ok(
        weir_backend_snapshot_turn(backend, begun->snapshot, budget, &begun->done, &rig->error),
        &rig->error);
    rig_io(rig);
}

static void
complete(struct rig *rig, weir_backend *backend, struct begun *begun)
{
    while (!begun->done) {
        turn(rig, backend, begun, 8192);
    }
    rig_file_finish(rig, &begun->file);
    weir_backend_snapshot_end(backend, begun->snapshot, true);
}

static void
abandon(struct rig *rig, weir_backend *backend, struct begun *begun)
{
    rig_file_abort(rig, &begun->file);
    weir_backend_snapshot_end(backend, begun->snapshot, false);
}

TEST(a_snapshot_restores_what_was_there_when_it_began)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    fill(&rig, counts, 0, 20000);
    struct begun begun;
    begin(&rig, backend, 1, &begun);
    int64_t at = 0;
    while (!begun.done) { /* change, remove and grow while it is written */
        turn(&rig, backend, &begun, 700);
        rig_add(&rig, counts, (at * 37) % 20000, 1000);
        rig_clear(&rig, counts, 19999 - (at * 13) % 20000);
        fill(&rig, counts, 20000 + at * 20, 20020 + at * 20);
        at++;
    }
    assert_true(at > 50);
    complete(&rig, backend, &begun);
    weir_backend_close(backend);
    backend = rig_restore(&rig, i64_type(), &begun.file);
    check(&rig, rig_state(&rig, backend, "counts", i64_type()), 20000);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(a_snapshot_that_begins_while_a_table_grows_has_both_parts)
{
    struct rig rig;
    rig_init(&rig);
    rig.max_parallelism = 1;
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    struct wr_table *const *table = ((struct wr_heap_state *)counts)->tables;
    uint64_t id = 1;
    int grown = 0;
    for (int64_t i = 0; i < 9000; i++) {
        fill(&rig, counts, i, i + 1);
        if (!(*table)->growing || i % 7 != 0) {
            continue;
        }
        grown++;
        struct begun begun;
        begin(&rig, backend, id++, &begun);
        turn(&rig, backend, &begun, 1);
        fill(&rig, counts, i + 1, i + 40); /* the growth goes on, and may end */
        rig_add(&rig, counts, i / 2, 5);
        complete(&rig, backend, &begun);
        weir_backend *restored = rig_restore(&rig, i64_type(), &begun.file);
        check(&rig, rig_state(&rig, restored, "counts", i64_type()), i + 1);
        weir_backend_close(restored);
        rig_file_drop(&rig, &begun.file);
        rig_add(&rig, counts, i / 2, -5);
        for (int64_t j = i + 1; j < i + 40; j++) {
            rig_clear(&rig, counts, j);
        }
    }
    assert_true(grown > 20);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(several_open_snapshots_each_keep_their_moment)
{
    struct rig rig;
    rig_init(&rig);
    rig.max_parallelism = 2;
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    enum {
        OPEN = 5,
        KEYS = 4000
    };
    struct begun begun[OPEN];
    for (int i = 0; i < OPEN; i++) {
        for (int64_t key = 0; key < KEYS; key += 1 + i) {
            rig_add(&rig, counts, key, 1);
        }
        begin(&rig, backend, (uint64_t)i + 1, &begun[i]);
        turn(&rig, backend, &begun[i], 3000);
    }
    for (int64_t key = 0; key < KEYS; key++) {
        rig_add(&rig, counts, key, 100);
    }
    static const int order[OPEN] = { 2, 0, 4, 1, 3 };
    for (int i = 0; i < OPEN; i++) {
        complete(&rig, backend, &begun[order[i]]);
        rig_add(&rig, counts, i, 1000);
    }
    for (int i = 0; i < OPEN; i++) {
        weir_backend *restored = rig_restore(&rig, i64_type(), &begun[i].file);
        weir_state *found = rig_state(&rig, restored, "counts", i64_type());
        for (int64_t key = 0; key < KEYS; key++) {
            int64_t expected = 0;
            for (int j = 0; j <= i; j++) {
                expected += key % (1 + j) == 0;
            }
            assert_int_equal(rig_look(&rig, found, key, -1), expected);
        }
        weir_backend_close(restored);
    }
    assert_int_equal(((struct wr_heap *)backend)->copies.in_use, 0);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(after_an_abort_in_the_middle_the_next_snapshot_is_right)
{
    for (int turns = 0; turns < 12; turns++) {
        struct rig rig;
        rig_init(&rig);
        weir_backend *backend = rig_open(&rig, i64_type());
        weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
        fill(&rig, counts, 0, 3000);
        struct begun begun;
        begin(&rig, backend, 1, &begun);
        for (int i = 0; i < turns; i++) {
            turn(&rig, backend, &begun, 900);
            rig_add(&rig, counts, (int64_t)i * 100, 7);
        }
        abandon(&rig, backend, &begun);
        for (int i = 0; i < turns; i++) {
            rig_add(&rig, counts, (int64_t)i * 100, -7);
            if (turns % 2 == 0) {
                weir_backend_idle_turn(backend, 500);
            }
        }
        begin(&rig, backend, 2, &begun);
        rig_add(&rig, counts, 5, 50);
        complete(&rig, backend, &begun);
        while (weir_backend_idle_turn(backend, 4096)) {
        }
        assert_int_equal(((struct wr_heap *)backend)->copies.in_use, 0);
        weir_backend_close(backend);
        backend = rig_restore(&rig, i64_type(), &begun.file);
        check(&rig, rig_state(&rig, backend, "counts", i64_type()), 3000);
        weir_backend_close(backend);
        rig_fini(&rig);
    }
}

/* Which snapshots of a long row are aborted, and whether idle turns follow. */
static void
wrap_epochs(bool (*is_aborted)(uint64_t id), bool has_idle_turns)
{
    struct rig rig;
    rig_init(&rig);
    rig.max_parallelism = 1;
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    fill(&rig, counts, 0, 200); /* never touched again, but for the last few */
    enum {
        SNAPSHOTS = 70000
    };
    struct begun begun;
    for (uint64_t id = 1; id <= SNAPSHOTS; id++) {
        bool is_checked = id % 9973 == 0 || id == SNAPSHOTS;
        begin(&rig, backend, id, &begun);
        if (is_checked) {
            turn(&rig, backend, &begun, 64);
            rig_add(&rig, counts, 199, 1);
        }
        if (is_aborted(id) && !is_checked) {
            abandon(&rig, backend, &begun);
            if (has_idle_turns) {
                weir_backend_idle_turn(backend, 256);
            }
            continue;
        }
        complete(&rig, backend, &begun);
        if (is_checked) {
            rig_add(&rig, counts, 199, -1);
            weir_backend *restored = rig_restore(&rig, i64_type(), &begun.file);
            check(&rig, rig_state(&rig, restored, "counts", i64_type()), 200);
            weir_backend_close(restored);
        }
        rig_file_drop(&rig, &begun.file);
    }
    weir_backend_close(backend);
    rig_fini(&rig);
}

static bool
never(uint64_t id)
{
    (void)id;
    return false;
}

static bool
nearly_always(uint64_t id)
{
    return id % 40000 != 0;
}

static bool
every_other(uint64_t id)
{
    return id % 2 == 0;
}

TEST(epochs_wrap_over_70000_snapshots_with_untouched_chunks)
{
    wrap_epochs(never, false);
}

TEST(epochs_wrap_over_70000_snapshots_that_abort_without_idle_turns)
{
    wrap_epochs(nearly_always, false);
}

TEST(epochs_wrap_over_70000_snapshots_of_which_every_other_aborts)
{
    wrap_epochs(every_other, true);
}

TEST(a_refused_copy_takes_state_memory_and_presses)
{
    struct rig rig;
    struct alloc_fault copies;
    rig_init(&rig);
    alloc_fault_init(&copies, 1, true); /* refuses always */
    rig.copies = alloc_fault_alloc(&copies);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    fill(&rig, counts, 0, 5000);
    struct begun begun;
    begin(&rig, backend, 1, &begun);
    assert_false(weir_backend_snapshot_pressed(backend));
    for (int64_t i = 0; i < 5000; i++) {
        rig_add(&rig, counts, i, 1);
    }
    assert_true(weir_backend_snapshot_pressed(backend));
    complete(&rig, backend, &begun);
    assert_false(weir_backend_snapshot_pressed(backend));
    weir_backend *restored = rig_restore(&rig, i64_type(), &begun.file);
    check(&rig, rig_state(&rig, restored, "counts", i64_type()), 5000);
    weir_backend_close(restored);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(a_copy_that_finds_no_memory_fails_the_snapshot_and_not_the_write)
{
    struct rig rig;
    struct alloc_fault copies;
    struct alloc_fault states;
    rig_init(&rig);
    alloc_fault_init(&copies, 1, true);
    alloc_fault_init(&states, 0, false);
    rig.copies = alloc_fault_alloc(&copies);
    rig.alloc = alloc_fault_alloc(&states);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    fill(&rig, counts, 0, 5000);
    struct begun begun;
    begin(&rig, backend, 1, &begun);
    states.fail_at = states.requests + 1;
    states.sticky = true;
    for (int64_t i = 0; i < 5000; i++) {
        rig_add(&rig, counts, i, 1);
    }
    assert_int_equal(
        weir_backend_snapshot_turn(backend, begun.snapshot, 4096, &begun.done, &rig.error),
        WEIR_NOMEM);
    abandon(&rig, backend, &begun);
    states.fail_at = 0;
    states.sticky = false;
    for (int64_t i = 0; i < 5000; i++) {
        rig_add(&rig, counts, i, -1);
    }
    begin(&rig, backend, 2, &begun);
    complete(&rig, backend, &begun);
    weir_backend_close(backend);
    assert_int_equal(alloc_fault_leaks(&states, stdout), 0);
    backend = rig_restore(&rig, i64_type(), &begun.file);
    check(&rig, rig_state(&rig, backend, "counts", i64_type()), 5000);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(a_ninth_open_snapshot_is_refused_with_busy)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    fill(&rig, counts, 0, 100);
    struct begun begun[WR_HEAP_SNAPSHOTS];
    for (uint64_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        begin(&rig, backend, i + 1, &begun[i]);
    }
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    rig_file_begin(&rig, &file, 99, 4096);
    assert_int_equal(full_snapshot_begin(backend, file.writer, &snapshot, &rig.error), WEIR_BUSY);
    rig_file_abort(&rig, &file);
    for (uint64_t i = 0; i < WR_HEAP_SNAPSHOTS; i++) {
        if (i % 2 == 0) {
            complete(&rig, backend, &begun[i]);
        } else {
            abandon(&rig, backend, &begun[i]);
        }
    }
    rig_snapshot(&rig, backend, 100, &file);
    weir_backend_close(backend);
    backend = rig_restore(&rig, i64_type(), &file);
    check(&rig, rig_state(&rig, backend, "counts", i64_type()), 100);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(key_groups_go_to_the_subtasks_that_ask_for_them)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    weir_state *counts = rig_state(&rig, backend, "counts", i64_type());
    fill(&rig, counts, 0, 5000);
    struct rig_file file;
    rig_snapshot(&rig, backend, 1, &file);
    weir_backend_close(backend);
    uint64_t total = 0;
    for (uint32_t first = 0; first < rig.max_parallelism; first += 3) {
        uint32_t last = first + 2 < rig.max_parallelism ? first + 2 : rig.max_parallelism - 1;
        weir_backend *part = rig_restore_range(&rig, i64_type(), &file, first, last);
        total += weir_state_entry_count(rig_state(&rig, part, "counts", i64_type()));
        weir_backend_close(part);
    }
    assert_int_equal(total, 5000);
    rig_fini(&rig);
}

TEST(an_image_of_another_seed_is_read_slot_by_slot)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    fill(&rig, rig_state(&rig, backend, "counts", i64_type()), 0, 5000);
    struct rig_file file;
    rig_snapshot(&rig, backend, 1, &file);
    weir_backend_close(backend);
    rig.seed++;
    backend = rig_restore(&rig, i64_type(), &file);
    check(&rig, rig_state(&rig, backend, "counts", i64_type()), 5000);
    weir_backend_close(backend);
    rig_fini(&rig);
}

TEST(a_state_of_another_type_is_refused_with_both_types_in_words)
{
    struct rig rig;
    rig_init(&rig);
    weir_backend *backend = rig_open(&rig, i64_type());
    fill(&rig, rig_state(&rig, backend, "counts", i64_type()), 0, 10);
    fill(&rig, rig_state(&rig, backend, "other", i64_type()), 0, 20);
    struct rig_file file;
    rig_snapshot(&rig, backend, 1, &file);
    weir_backend_close(backend);
    backend = rig_restore(&rig, i64_type(), &file);
    weir_state_descriptor descriptor = { .size = sizeof descriptor,
                                         .kind = WEIR_STATE_VALUE,
                                         .name = "counts",
                                         .type = weir_type_of_kind(WEIR_F64) };
    weir_state *found = NULL;
    assert_int_equal(weir_backend_create_state(backend, &descriptor, &found, &rig.error),
                     WEIR_VERSION);
    assert_non_null(strstr(rig.error.message, "i64"));
    assert_non_null(strstr(rig.error.message, "f64"));
    rig_snapshot(&rig, backend, 2, &file); /* nobody asked for "other": it is written again */
    weir_backend_close(backend);
    backend = rig_restore(&rig, i64_type(), &file);
    check(&rig, rig_state(&rig, backend, "other", i64_type()), 20);
    weir_backend_close(backend);
    rig_fini(&rig);
}
