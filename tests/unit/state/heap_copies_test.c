/* SPDX-License-Identifier: Apache-2.0 */
/* copies' pages between snapshots: what stays for the next one, what goes back, and when. */
#include "support/common_alloc_fault.h"
#include "support/state_rig.h"

#include "weir/type.h"

enum {
    KEYS = 20000,
    FEW_KEYS = 100,
    PAGE_BYTES = 64 << 10,
    KEPT_MS = 60000
};

struct wide {
    int64_t value, a, b, c, d, e;
};

/* A backend on two budgets as a job's: state and copies share one, and copies have a limit. Behind
 * them an allocator that knows what was asked for and what is left. */
struct scene {
    struct rig rig;
    struct alloc_fault memory;
    struct wr_budget budget, copy_budget;
    struct wr_pool_alloc pools[3];
    weir_type *wide_type;
    weir_backend *backend;
    weir_state *narrow; /* of buckets of either size */
    weir_state *wide;
    weir_state *later; /* narrow as well, walked last, empty */
    struct wr_heap *heap;
    uint64_t id;
    int64_t now_ms;
};

static weir_type *
make_wide_type(void)
{
    const weir_field fields[] = {
        WEIR_FIELD(struct wide, value, I64), WEIR_FIELD(struct wide, a, I64),
        WEIR_FIELD(struct wide, b, I64),     WEIR_FIELD(struct wide, c, I64),
        WEIR_FIELD(struct wide, d, I64),     WEIR_FIELD(struct wide, e, I64)
    };
    weir_alloc alloc = wr_memory_system();
    weir_type *type = NULL;
    assert_ok(weir_type_create_struct(&alloc, "wide", sizeof(struct wide), fields, 6, &type, NULL),
              NULL);
    return type;
}

static void
set_time(struct scene *scene, int64_t now_ms)
{
    scene->now_ms = now_ms;
    weir_backend_set_time(scene->backend, now_ms);
}

static void
fill(const struct scene *scene, weir_state *state, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++) {
        rig_add(&scene->rig, state, i, i);
    }
}

static void
check(const struct scene *scene, weir_state *state, int64_t to)
{
    for (int64_t i = 0; i < to; i++) {
        int64_t found = rig_look(&scene->rig, state, i, -1);
        assert_true(i == 0 ? found == 0 : found > 0 && found % i == 0);
    }
}

static void
open_scene(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    rig_init(&scene->rig);
    alloc_fault_init(&scene->memory, 0, false);
    wr_budget_init(&scene->budget, alloc_fault_alloc(&scene->memory), 0);
    weir_alloc snapshot = wr_budget_alloc(&scene->pools[0], &scene->budget, WR_POOL_SNAPSHOT);
    wr_budget_init(&scene->copy_budget, snapshot, 0);
    scene->rig.copies = wr_budget_alloc(&scene->pools[1], &scene->copy_budget, WR_POOL_SNAPSHOT);
    scene->rig.alloc = wr_budget_alloc(&scene->pools[2], &scene->budget, WR_POOL_STATE);
    scene->wide_type = make_wide_type();
    scene->backend = rig_open(&scene->rig, weir_type_of_kind(WEIR_I64));
    scene->heap = (struct wr_heap *)scene->backend;
    scene->narrow = rig_state(&scene->rig, scene->backend, "narrow", weir_type_of_kind(WEIR_I64));
    scene->wide = rig_state(&scene->rig, scene->backend, "wide", scene->wide_type);
    scene->later = rig_state(&scene->rig, scene->backend, "later", weir_type_of_kind(WEIR_I64));
    assert_int_equal(((struct wr_heap_state *)scene->wide)->layout.bucket_bytes,
                     WR_BUCKET_BYTES_WIDE);
    fill(scene, scene->narrow, 0, KEYS);
    fill(scene, scene->wide, 0, KEYS);
    set_time(scene, 1000000);
}

static void
close_scene(struct scene *scene)
{
    weir_backend_close(scene->backend);
    weir_type_destroy(scene->wide_type);
    assert_int_equal(alloc_fault_leaks(&scene->memory, stderr), 0);
    rig_fini(&scene->rig);
}

/* What the snapshot allocator has given, in pages. */
static uint64_t
pages(struct scene *scene)
{
    return atomic_load(&scene->copy_budget.used_bytes) / PAGE_BYTES;
}

/* Idle turns until there is nothing to do; how many. */
static uint64_t
idle(struct scene *scene)
{
    uint64_t turns = 1;
    while (weir_backend_idle_turn(scene->backend, 4096)) {
        turns++;
        assert_true(turns < 100000); /* it would spin for ever */
    }
    return turns;
}

static void
begin(struct scene *scene, struct rig_file *file, weir_snapshot **out_snapshot)
{
    rig_file_begin(&scene->rig, file, ++scene->id, 4096);
    assert_ok(full_snapshot_begin(scene->backend, file->writer, out_snapshot, &scene->rig.error),
              &scene->rig.error);
}

/* true: all is written. */
static bool
turn(struct scene *scene, weir_snapshot *snapshot)
{
    bool is_done = false;
    assert_ok(
        weir_backend_snapshot_turn(scene->backend, snapshot, 4096, &is_done, &scene->rig.error),
        &scene->rig.error);
    rig_io(&scene->rig);
    return is_done;
}

static void
complete(struct scene *scene, struct rig_file *file, weir_snapshot *snapshot)
{
    while (!turn(scene, snapshot)) {
    }
    rig_file_finish(&scene->rig, file);
    weir_backend_snapshot_end(scene->backend, snapshot, true);
    rig_file_drop(&scene->rig, file);
}

/* A snapshot behind whose barrier these keys are written; ten seconds go by. */
static void
snapshot_beside(struct scene *scene, int64_t narrow_keys, int64_t wide_keys)
{
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    begin(scene, &file, &snapshot);
    fill(scene, scene->narrow, 0, narrow_keys);
    fill(scene, scene->wide, 0, wide_keys);
    complete(scene, &file, snapshot);
    (void)idle(scene);
    set_time(scene, scene->now_ms + 10000);
    (void)idle(scene);
}

TEST(pages_of_copies_stay_for_the_next_snapshot_which_asks_for_none)
{
    for (int64_t is_wide = 0; is_wide < 2; is_wide++) {
        struct scene scene;
        struct alloc_fault copies;
        open_scene(&scene);
        alloc_fault_init(&copies, 0, false);
        scene.copy_budget.parent = alloc_fault_alloc(&copies);
        snapshot_beside(&scene, KEYS * !is_wide, KEYS * is_wide);
        uint64_t kept = pages(&scene);
        uint64_t requests = copies.requests;
        assert_true(kept > 8);
        assert_int_equal(requests, kept);
        for (int i = 0; i < 12; i++) { /* two minutes */
            snapshot_beside(&scene, KEYS * !is_wide, KEYS * is_wide);
            assert_int_equal(pages(&scene), kept);
            assert_int_equal(copies.requests, requests);
        }
        close_scene(&scene);
        assert_int_equal(alloc_fault_leaks(&copies, stderr), 0);
    }
}

TEST(pages_that_the_last_two_snapshots_did_not_need_go_back)
{
    for (int64_t is_wide = 0; is_wide < 2; is_wide++) {
        struct scene scene;
        open_scene(&scene);
        snapshot_beside(&scene, KEYS * !is_wide, KEYS * is_wide);
        uint64_t most = pages(&scene);
        snapshot_beside(&scene, FEW_KEYS * !is_wide, FEW_KEYS * is_wide);
        assert_int_equal(pages(&scene), most);
        snapshot_beside(&scene, FEW_KEYS * !is_wide, FEW_KEYS * is_wide);
        assert_int_equal(pages(&scene), 1);
        close_scene(&scene);
    }
}

/* Behind what most writes go to there may be little more to walk, and few copies at a time. */
TEST(copies_that_come_and_go_while_one_snapshot_is_written_are_one_need)
{
    struct scene scene;
    open_scene(&scene);
    fill(&scene, scene.later, 0, KEYS);
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    begin(&scene, &file, &snapshot);
    fill(&scene, scene.narrow, 0, KEYS);
    uint64_t most = pages(&scene);
    const struct wr_copies *copies = &scene.heap->copies;
    uint32_t went = 0;
    for (int64_t key = 0; went < 5; key++) {
        while (copies->in_use != 0) {
            assert_false(turn(&scene, snapshot));
        }
        assert_true(key < KEYS);
        fill(&scene, scene.later, key, key + 1);
        went += copies->in_use != 0;
    }
    complete(&scene, &file, snapshot);
    (void)idle(&scene);
    assert_true(most > 8);
    assert_int_equal(pages(&scene), most);
    close_scene(&scene);
}

TEST(what_overlapping_snapshots_hold_in_common_each_of_them_needs)
{
    struct scene scene;
    open_scene(&scene);
    struct rig_file files[3];
    weir_snapshot *snapshots[3];
    begin(&scene, &files[0], &snapshots[0]);
    fill(&scene, scene.narrow, 0, KEYS);
    uint64_t most = pages(&scene);
    begin(&scene, &files[1], &snapshots[1]);
    begin(&scene, &files[2], &snapshots[2]);
    for (int i = 0; i < 3; i++) {
        complete(&scene, &files[i], snapshots[i]);
        (void)idle(&scene);
    }
    assert_int_equal(pages(&scene), most);
    close_scene(&scene);
}

TEST(no_page_goes_back_while_a_copy_is_in_use)
{
    struct scene scene;
    open_scene(&scene);
    static const int64_t keys[] = { KEYS, FEW_KEYS, FEW_KEYS };
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    for (int i = 0; i < 3; i++) { /* without a turn in between that could free any */
        begin(&scene, &file, &snapshot);
        fill(&scene, scene.narrow, 0, keys[i]);
        complete(&scene, &file, snapshot);
    }
    uint64_t most = pages(&scene);
    assert_true(most > 8);
    begin(&scene, &file, &snapshot);
    fill(&scene, scene.narrow, 0, FEW_KEYS);
    assert_int_equal(idle(&scene), 1);
    assert_int_equal(pages(&scene), most);
    complete(&scene, &file, snapshot);
    (void)idle(&scene);
    assert_int_equal(pages(&scene), 1);
    close_scene(&scene);
}

TEST(pages_go_back_after_a_minute_without_a_copy)
{
    struct scene scene;
    open_scene(&scene);
    snapshot_beside(&scene, KEYS, KEYS);
    uint64_t kept = pages(&scene);
    set_time(&scene, 1000000 + KEPT_MS - 1);
    assert_int_equal(idle(&scene), 1);
    assert_int_equal(pages(&scene), kept);
    set_time(&scene, 1000000 + KEPT_MS);
    assert_true(idle(&scene) > 1);
    assert_int_equal(pages(&scene), 0);
    close_scene(&scene);
}

TEST(a_clock_set_back_neither_frees_pages_early_nor_keeps_them)
{
    struct scene scene;
    open_scene(&scene);
    snapshot_beside(&scene, KEYS, KEYS);
    uint64_t kept = pages(&scene);
    static const int64_t backs[] = { 900000, 5, -70000 };
    for (size_t i = 0; i < sizeof backs / sizeof *backs; i++) {
        set_time(&scene, backs[i]);
        assert_int_equal(idle(&scene), 1);
        assert_int_equal(pages(&scene), kept);
    }
    set_time(&scene, -70000 + KEPT_MS - 1);
    assert_int_equal(idle(&scene), 1);
    assert_int_equal(pages(&scene), kept);
    set_time(&scene, -70000 + KEPT_MS);
    (void)idle(&scene);
    assert_int_equal(pages(&scene), 0);
    snapshot_beside(&scene, KEYS, KEYS); /* and the next one's stay again */
    assert_int_equal(pages(&scene), kept);
    close_scene(&scene);
}

/* Beside work a page goes back in many turns; that none is due is known at once. */
TEST(an_idle_turn_that_has_nothing_to_give_back_says_so)
{
    struct scene scene;
    open_scene(&scene);
    snapshot_beside(&scene, KEYS, KEYS);
    uint64_t kept = pages(&scene);
    assert_true(kept > 0);
    for (int i = 0; i < 1000; i++) {
        assert_false(weir_backend_idle_turn(scene.backend, 4096));
    }
    assert_int_equal(pages(&scene), kept);
    set_time(&scene, scene.now_ms + KEPT_MS);
    assert_true(weir_backend_idle_turn(scene.backend, 4096));
    assert_int_equal(pages(&scene), kept); /* not at once */
    (void)idle(&scene);
    assert_int_equal(pages(&scene), 0);
    assert_false(weir_backend_idle_turn(scene.backend, 4096));
    close_scene(&scene);
}

TEST(an_insert_that_the_budget_refuses_gets_what_idle_pages_held)
{
    for (int64_t is_wide = 0; is_wide < 2; is_wide++) {
        struct scene scene;
        open_scene(&scene);
        snapshot_beside(&scene, KEYS * !is_wide, KEYS * is_wide);
        assert_true(pages(&scene) > 8);
        scene.budget.limit_bytes = atomic_load(&scene.budget.used_bytes);
        int64_t at = KEYS;
        while (pages(&scene) != 0) {
            assert_true(at < 20 * KEYS);
            fill(&scene, scene.narrow, at, at + 1); /* none is refused */
            at++;
        }
        check(&scene, scene.narrow, at);
        check(&scene, scene.wide, KEYS);
        close_scene(&scene);
    }
}

/* What one pool keeps may be all that snapshots are allowed. */
TEST(a_copy_that_is_refused_gets_what_idle_pages_of_the_other_size_held)
{
    for (int64_t is_wide = 0; is_wide < 2; is_wide++) {
        struct scene scene;
        open_scene(&scene);
        snapshot_beside(&scene, KEYS * !is_wide, KEYS * is_wide);
        scene.copy_budget.limit_bytes = atomic_load(&scene.copy_budget.used_bytes);
        struct rig_file file;
        weir_snapshot *snapshot = NULL;
        begin(&scene, &file, &snapshot);
        fill(&scene, is_wide ? scene.narrow : scene.wide, 0, FEW_KEYS);
        assert_false(weir_backend_snapshot_pressed(scene.backend));
        assert_int_equal(pages(&scene), 1);
        complete(&scene, &file, snapshot);
        close_scene(&scene);
    }
}

/* A snapshot that copies all, of which the snapshots' memory holds four pages. */
static void
snapshot_refused(struct scene *scene)
{
    struct rig_file file;
    weir_snapshot *snapshot = NULL;
    scene->copy_budget.limit_bytes = 4 * PAGE_BYTES;
    begin(scene, &file, &snapshot);
    fill(scene, scene->narrow, 0, KEYS);
    assert_true(weir_backend_snapshot_pressed(scene->backend));
    assert_int_equal(pages(scene), 4);
    complete(scene, &file, snapshot);
    assert_true(scene->heap->copies.state_pages > 4);
}

/* Write buffers come out of the same memory, and the next snapshot begins with them. */
TEST(where_copies_were_refused_no_page_stays)
{
    struct scene scene;
    open_scene(&scene);
    snapshot_refused(&scene);
    uint64_t most = scene.heap->copies.state_pages + 4;
    assert_true(idle(&scene) <= most + 1); /* a page a turn */
    assert_int_equal(pages(&scene), 0);
    assert_int_equal(scene.heap->copies.state_pages, 0);
    check(&scene, scene.narrow, KEYS);
    scene.copy_budget.limit_bytes = 0; /* what was refused once is not held against the next */
    snapshot_beside(&scene, KEYS, 0);
    assert_int_equal(pages(&scene), most);
    close_scene(&scene);
}

TEST(pages_of_the_states_own_memory_never_stay)
{
    struct scene scene;
    open_scene(&scene);
    snapshot_refused(&scene);
    scene.copy_budget.limit_bytes = 0;
    snapshot_beside(&scene, KEYS, 0); /* it uses them again, and nothing is refused */
    assert_int_equal(scene.heap->copies.state_pages, 0);
    close_scene(&scene);
}
