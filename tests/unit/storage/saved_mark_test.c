/* SPDX-License-Identifier: Apache-2.0 */
/* The mark of a savepoint that is to end the job: who goes on by latest: goes on from that, until a
 * checkpoint is newer; and it names nothing that is not there. */
#include "savepoint.h"
#include "support/common_alloc_fault.h"
#include "support/common_os_fault.h"

#include <errno.h>

#define MARK ROOT "/" JOB_A "/_savepoint"

static bool
has_mark(const struct scene *scene)
{
    size_t size = 0;
    return os_sim_file_get(scene->sim, MARK, &size) != NULL;
}

/* What latest: means, and which job goes on. */
static void
assert_latest_is(struct scene *scene, const char *directory, uint64_t id)
{
    struct wr_found_snapshot found;
    assert_ok(wr_snapshot_find(scene->os, &scene->alloc, "latest:" ROOT, "word count", &found,
                               &scene->err),
              &scene->err);
    assert_true(found.latest);
    assert_string_equal(found.directory, directory);
    assert_string_equal(found.job_directory, ROOT "/" JOB_A);
    assert_string_equal(found.job_id, JOB_A);
    assert_int_equal(found.manifest.checkpoint_id, id);
    wr_found_snapshot_fini(&found);
}

TEST(latest_is_the_savepoint_that_was_to_end_the_job_until_a_checkpoint_is_newer)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    store_take(&scene, storage, 1, FIRST);
    assert_ok(savepoint_end_job(&scene, storage, 2, path), &scene.err);
    assert_int_equal(wr_checkpoint_storage_saved(storage), 2);
    wr_checkpoint_storage_close(storage); /* the process is gone, before it had committed */
    assert_latest_is(&scene, path, 2);
    storage = store_open(&scene, JOB_A, SECOND);
    assert_int_equal(wr_checkpoint_storage_saved(storage), 2);
    assert_latest_is(&scene, path, 2);
    store_take(&scene, storage, 3, SECOND);
    assert_latest_is(&scene, CHK(3), 3);
    assert_false(has_mark(&scene));
    assert_int_equal(wr_checkpoint_storage_saved(storage), 0);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

TEST(an_older_checkpoint_that_completes_later_leaves_the_mark)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    assert_ok(savepoint_end_job(&scene, storage, 8, path), &scene.err);
    store_take(&scene, storage, 7, FIRST);
    assert_latest_is(&scene, path, 8);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

TEST(a_job_that_has_only_its_last_savepoint_is_not_started_empty)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    char newest[WR_PATH_MAX];
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    assert_ok(savepoint_end_job(&scene, storage, 2, path), &scene.err);
    wr_checkpoint_storage_close(storage);
    assert_ok(wr_snapshot_newest(scene.os, &scene.alloc, ROOT, "word count", newest, &scene.err),
              &scene.err);
    assert_string_equal(newest, path);
    assert_int_equal(
        wr_snapshot_newest(scene.os, &scene.alloc, ROOT, "another", newest, &scene.err),
        WEIR_NOT_FOUND);
    scene_fini(&scene);
}

TEST(a_marked_savepoint_that_is_gone_is_not_passed_over)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    store_take(&scene, storage, 1, FIRST);
    assert_ok(savepoint_end_job(&scene, storage, 2, path), &scene.err);
    wr_checkpoint_storage_close(storage);
    assert_int_equal(scene.os->ops->rename(scene.os, path, TARGET "/moved", false), 0);
    struct wr_found_snapshot found;
    assert_int_equal(
        wr_snapshot_find(scene.os, &scene.alloc, "latest:" ROOT, "word count", &found, &scene.err),
        WEIR_CORRUPT);
    assert_non_null(strstr(scene.err.message, path));
    assert_non_null(strstr(scene.err.message, "if it was moved, -s its new place"));
    wr_found_snapshot_fini(&found);
    assert_int_equal(scene.os->ops->rename(scene.os, CHK(1), path, false), 0);
    assert_int_equal(
        wr_snapshot_find(scene.os, &scene.alloc, "latest:" ROOT, "word count", &found, &scene.err),
        WEIR_CORRUPT);
    assert_non_null(strstr(scene.err.message, "what stands there is snapshot 1"));
    wr_found_snapshot_fini(&found);
    scene_fini(&scene);
}

TEST(a_mark_that_says_something_else_is_refused)
{
    static const char *const texts[] = { "",
                                         "2",
                                         "2\n",
                                         "0\n" JOB_A "\nword count\n/p\n",
                                         "2\nshort\nword count\n/p\n",
                                         "x\n" JOB_A "\nword count\n/p\n",
                                         "2\n" JOB_A "\nword count\n/p",
                                         "2\n" JOB_A "\nword count\n/p\nmore\n",
                                         "2\n" JOB_A "\n\n/p\n",
                                         "99999999999999999999\n" JOB_A "\nword count\n/p\n" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct scene scene;
        scene_init(&scene, NULL);
        struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
        store_take(&scene, storage, 1, FIRST);
        wr_checkpoint_storage_close(storage);
        os_sim_file_put(scene.sim, MARK, texts[i], strlen(texts[i]));
        struct wr_found_snapshot found;
        assert_int_equal(wr_snapshot_find(scene.os, &scene.alloc, "latest:" ROOT, "word count",
                                          &found, &scene.err),
                         WEIR_CORRUPT);
        assert_non_null(strstr(scene.err.message, MARK));
        wr_found_snapshot_fini(&found);
        scene_fini(&scene);
    }
}

TEST(a_job_at_its_end_keeps_no_mark)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    assert_ok(savepoint_end_job(&scene, storage, 2, path), &scene.err);
    assert_ok(wr_checkpoint_storage_finish(storage, 2, &scene.err), &scene.err);
    assert_false(has_mark(&scene));
    assert_int_equal(savepoint_read(&scene, path), 2);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

TEST(a_fenced_attempt_marks_nothing_and_gives_its_savepoint_up)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    struct wr_storage_parameters parameters = { .os = scene.os,
                                                .alloc = scene.alloc,
                                                .directory = ROOT,
                                                .create_subdir = true,
                                                .job_name = "word count",
                                                .job_id = JOB_A,
                                                .attempt = SECOND,
                                                .take_over = true };
    struct wr_checkpoint_storage *successor = NULL;
    assert_ok(wr_checkpoint_storage_open(&parameters, &successor, &scene.err), &scene.err);
    assert_int_equal(savepoint_end_job(&scene, storage, 2, path), WEIR_CANCELLED);
    assert_non_null(strstr(scene.err.message, "fenced"));
    assert_false(has_mark(&scene));
    assert_false(os_sim_directory_is_there(scene.sim, path));
    wr_checkpoint_storage_close(storage);
    wr_checkpoint_storage_close(successor);
    scene_fini(&scene);
}

/* What it replaces counts until the rename. */
TEST(a_mark_that_cannot_be_written_leaves_the_one_before)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    char next[WR_PATH_MAX];
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    store_take(&scene, storage, 1, FIRST);
    assert_ok(savepoint_end_job(&scene, storage, 2, path), &scene.err);
    os_sim_directory_put(scene.sim, ROOT "/" JOB_A "/." FIRST "/_savepoint.tmp");
    assert_int_not_equal(savepoint_end_job(&scene, storage, 3, next), WEIR_OK);
    assert_false(os_sim_directory_is_there(scene.sim, next));
    assert_latest_is(&scene, path, 2);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

/* --- power cuts and failed calls --- */

/* What the mark names is whole. */
static void
check_state(const struct os_sim_crash *crash, const char *path, size_t marked_at)
{
    struct scene scene;
    scene_init(&scene, NULL);
    os_sim_destroy(scene.sim);
    scene.sim = os_sim_crash_materialize(crash);
    scene.os = os_sim_os(scene.sim);
    if (has_mark(&scene)) {
        assert_latest_is(&scene, path, 7);
    } else if (os_sim_crash_prefix(crash) >= marked_at) {
        fail_msg("%s", os_sim_crash_words((struct os_sim_crash *)(uintptr_t)crash));
    }
    scene_fini(&scene);
}

TEST(after_any_power_cut_a_mark_names_a_whole_savepoint)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    assert_ok(savepoint_end_job(&scene, storage, 7, path), &scene.err);
    size_t marked_at = os_sim_log_count(scene.sim);
    wr_checkpoint_storage_close(storage);
    struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_ALL, .random_per_prefix = 5 };
    struct os_sim_crash *crash = os_sim_crash_begin(scene.sim, &options);
    unsigned states = 0;
    while (os_sim_crash_next(crash)) {
        check_state(crash, path, marked_at);
        states++;
    }
    os_sim_crash_end(crash);
    assert_true(states > 200);
    scene_fini(&scene);
}

/* A savepoint that ends the job, the second one or the first, with the plan's fault, and a restart
 * if that failed. What latest: means then is whole: that savepoint, if its mark is there; else the
 * first one, whose state is committed; else the checkpoint. */
static bool
run_ending(const struct os_fault_plan *plan, bool is_second)
{
    struct scene scene;
    struct os_fault fault;
    struct os_fault_plan none = { 0 };
    char first[WR_PATH_MAX];
    char path[WR_PATH_MAX];
    scene_init(&scene, NULL);
    struct scene faulty;
    os_fault_init(&fault, scene.os, &none);
    scene_behind(&faulty, &scene, &fault.os);
    struct wr_checkpoint_storage *storage = store_open(&faulty, JOB_A, FIRST);
    store_take(&faulty, storage, 1, FIRST);
    if (is_second) {
        assert_ok(savepoint_end_job(&faulty, storage, 2, first), &faulty.err);
    }
    os_fault_init(&fault, scene.os, plan);
    weir_status status = savepoint_end_job(&faulty, storage, 7, path);
    bool is_hit = fault.hit;
    os_fault_init(&fault, scene.os, &none);
    if (status == WEIR_OK || (has_mark(&scene) && !is_second)) {
        assert_latest_is(&scene, path, 7);
    }
    if (status != WEIR_OK) {
        assert_ok(wr_checkpoint_storage_renew(storage, SECOND, &scene.err), &scene.err);
        assert_int_equal(has_mark(&scene), is_second); /* the job goes on from an older one */
        assert_latest_is(&scene, is_second ? first : CHK(1), is_second ? 2 : 1);
    }
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
    return is_hit;
}

static bool
run_first(const struct os_fault_plan *plan)
{
    return run_ending(plan, false);
}

static bool
run_second(const struct os_fault_plan *plan)
{
    return run_ending(plan, true);
}

TEST(whatever_call_fails_a_mark_names_a_whole_savepoint_and_goes_with_it)
{
    unsigned points = os_fault_every_point(run_first);
    assert_true(points > 200);
}

TEST(whatever_call_fails_the_mark_that_was_replaced_counts_again)
{
    unsigned points = os_fault_every_point(run_second);
    assert_true(points > 200);
}

/* Two savepoints that end the job, of which the second fails at a call that was done; whether that
 * was the rename of its mark, which is taken back then. */
static bool
end_twice(struct scene *scene, uint64_t fail_at, size_t *out_marked_at)
{
    struct os_fault fault;
    struct os_fault_plan plan = { .fail_at = fail_at, .error = EIO, .after = true };
    char path[WR_PATH_MAX];
    struct scene faulty;
    os_fault_init(&fault, scene->os, &(struct os_fault_plan){ 0 });
    scene_behind(&faulty, scene, &fault.os);
    struct wr_checkpoint_storage *storage = store_open(&faulty, JOB_A, FIRST);
    store_take(&faulty, storage, 1, FIRST);
    assert_ok(savepoint_end_job(&faulty, storage, 2, path), &faulty.err);
    *out_marked_at = os_sim_log_count(scene->sim);
    os_fault_init(&fault, scene->os, &plan);
    (void)!savepoint_end_job(&faulty, storage, 7, path);
    assert_true(fault.hit);
    wr_checkpoint_storage_close(storage);
    return strcmp(fault.hit_name, "rename") == 0 &&
           strstr(fault.hit_path, "_savepoint.tmp") != NULL;
}

TEST(after_any_power_cut_one_of_two_marks_counts)
{
    struct scene scene;
    size_t marked_at = 0;
    scene_init(&scene, NULL);
    for (uint64_t fail_at = 1; !end_twice(&scene, fail_at, &marked_at); fail_at++) {
        scene_fini(&scene);
        scene_init(&scene, NULL);
    }
    struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_ALL, .random_per_prefix = 5 };
    struct os_sim_crash *crash = os_sim_crash_begin(scene.sim, &options);
    unsigned states = 0;
    while (os_sim_crash_next(crash)) {
        struct scene after;
        struct wr_found_snapshot found;
        if (os_sim_crash_prefix(crash) < marked_at) {
            continue;
        }
        scene_init(&after, NULL);
        os_sim_destroy(after.sim);
        after.sim = os_sim_crash_materialize(crash);
        after.os = os_sim_os(after.sim);
        assert_ok(wr_snapshot_find(after.os, &after.alloc, "latest:" ROOT, "word count", &found,
                                   &after.err),
                  &after.err);
        assert_true(found.manifest.checkpoint_id == 2 || found.manifest.checkpoint_id == 7);
        wr_found_snapshot_fini(&found);
        scene_fini(&after);
        states++;
    }
    os_sim_crash_end(crash);
    assert_true(states > 200);
    scene_fini(&scene);
}

TEST(a_mark_that_finds_no_memory_is_not_made)
{
    for (uint64_t fail_at = 1;; fail_at++) {
        struct scene scene;
        struct alloc_fault fault;
        char path[WR_PATH_MAX];
        scene_init(&scene, NULL);
        struct scene faulty;
        alloc_fault_init(&fault, 0, false);
        scene_behind(&faulty, &scene, scene.os);
        faulty.alloc = alloc_fault_alloc(&fault);
        struct wr_checkpoint_storage *storage = store_open(&faulty, JOB_A, FIRST);
        fault.fail_at = fault.requests + fail_at;
        weir_status status = savepoint_end_job(&faulty, storage, 7, path);
        bool is_refused = fault.refused > 0;
        fault.fail_at = 0;
        assert_int_equal(status, is_refused ? WEIR_NOMEM : WEIR_OK);
        assert_int_equal(has_mark(&scene), !is_refused);
        wr_checkpoint_storage_close(storage);
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
        scene_fini(&scene);
        if (!is_refused) {
            assert_true(fail_at > 5);
            break;
        }
    }
}
