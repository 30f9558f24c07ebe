/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that was killed had just made visible: whoever goes on from it first makes sure
 * that no power cut can take it any more. */
#include "savepoint.h"
#include "watch.h"

static void
be_killed(void *argument)
{
    struct scene *scene = argument;
    os_sim_kill(scene->sim);
}

/* Checkpoint 1 of FIRST, killed before the n-th change of it; false: there were fewer. `scene` is
 * the next process then. */
static bool
kill_in_completion(struct scene *scene, unsigned n)
{
    struct watch *watch = test_malloc(sizeof *watch);
    struct scene watched = *scene;
    watch_scene(watch, &watched);
    struct wr_checkpoint_storage *storage = store_open(&watched, JOB_A, FIRST);
    watch->calls = 0;
    watch->stop_at = n;
    watch->stopped = be_killed;
    watch->argument = scene;
    weir_status status = store_checkpoint(&watched, storage, 1, JOB_A, FIRST);
    bool was_killed = watch->calls >= n;
    assert_true(was_killed || status == WEIR_OK);
    wr_checkpoint_storage_close(storage);
    test_free(watch);
    scene->os = os_sim_os(scene->sim);
    return was_killed;
}

/* Opens as SECOND, killed before the n-th change (0: never); then as THIRD, if it was. */
static void
open_next(struct scene *scene, unsigned n)
{
    struct watch *watch = test_malloc(sizeof *watch);
    struct scene watched = *scene;
    watch_scene(watch, &watched);
    struct wr_storage_parameters parameters = store_parameters(&watched, JOB_A, SECOND);
    struct wr_checkpoint_storage *storage = NULL;
    watch->stop_at = n;
    watch->stopped = be_killed;
    watch->argument = scene;
    weir_status status = wr_checkpoint_storage_open(&parameters, &storage, &watched.err);
    wr_checkpoint_storage_close(status == WEIR_OK ? storage : NULL);
    bool was_killed = n != 0 && watch->calls >= n;
    test_free(watch);
    if (was_killed) {
        scene->os = os_sim_os(scene->sim);
        wr_checkpoint_storage_close(store_open(scene, JOB_A, THIRD));
    }
}

/* In every state after a power cut, from now on, the snapshot is there and whole. */
static bool
is_durable(struct scene *scene, const char *path)
{
    size_t end = os_sim_log_count(scene->sim);
    struct os_sim_crash_options options = { .from = end,
                                            .kinds = OS_SIM_CRASH_ALL,
                                            .random_per_prefix = 4 };
    struct os_sim_crash *crash = os_sim_crash_begin(scene->sim, &options);
    bool is_there = true;
    while (is_there && os_sim_crash_next(crash)) {
        struct scene after;
        scene_init(&after, NULL);
        os_sim_destroy(after.sim);
        after.sim = os_sim_crash_materialize(crash);
        after.os = os_sim_os(after.sim);
        uint64_t id = 0;
        is_there = store_read(&after, path, &id, &after.err) == WEIR_OK;
        if (!is_there) {
            print_error("%s: %s\n", os_sim_crash_words(crash), after.err.message);
        }
        scene_fini(&after);
    }
    os_sim_crash_end(crash);
    return is_there;
}

/* False: the completion had fewer changes. */
static bool
run_kills(unsigned n, unsigned again, unsigned *visible)
{
    struct scene scene;
    scene_init(&scene, NULL);
    bool was_killed = kill_in_completion(&scene, n);
    if (os_sim_directory_is_there(scene.sim, CHK(1))) {
        open_next(&scene, again);
        assert_true(is_durable(&scene, CHK(1)));
        ++*visible;
    }
    scene_fini(&scene);
    return was_killed;
}

TEST(what_a_killed_process_had_made_visible_is_durable_when_the_next_one_has_opened)
{
    unsigned visible = 0;
    for (unsigned n = 1; run_kills(n, 0, &visible); n++) {
    }
    assert_true(visible >= 3); /* before each sync of the parents, and when all was done */
    visible = 0;
    for (unsigned again = 1; again < 30; again++) { /* the next one is killed as well */
        for (unsigned n = 1; run_kills(n, again, &visible); n++) {
        }
    }
    assert_true(visible > 60);
}

static void
sync_found(struct scene *scene, const char *path)
{
    struct wr_found_snapshot found;
    assert_ok(wr_snapshot_find(scene->os, &scene->alloc, path, "word count", &found, &scene->err),
              &scene->err);
    assert_ok(wr_found_snapshot_sync(scene->os, &found, &scene->err), &scene->err);
    wr_found_snapshot_fini(&found);
}

TEST(what_a_job_restores_by_its_path_is_made_durable_before)
{
    unsigned not_durable = 0;
    for (unsigned n = 1;; n++) {
        struct scene scene;
        scene_init(&scene, NULL);
        bool was_killed = kill_in_completion(&scene, n);
        if (os_sim_directory_is_there(scene.sim, CHK(1))) {
            sync_found(&scene, CHK(1));
            assert_true(is_durable(&scene, CHK(1)));
            not_durable++;
        }
        scene_fini(&scene);
        if (!was_killed) {
            break;
        }
    }
    assert_true(not_durable >= 3);
}

/* A system that leaves the sync of a target directory away: as if killed before it. */
static const struct wr_os_ops *inner_ops;
static int target_file;

static int
open_noting_target(struct wr_os *os, const char *path, unsigned flags, int *out_file)
{
    int failure = inner_ops->open(os, path, flags, out_file);
    if (failure == 0 && strcmp(path, TARGET) == 0) {
        target_file = *out_file;
    }
    return failure;
}

static int
sync_but_target(struct wr_os *os, int file, bool data_only)
{
    return file == target_file ? 0 : inner_ops->sync(os, file, data_only);
}

TEST(a_savepoint_that_a_job_restores_is_made_durable_before)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    struct wr_os_ops ops = *scene.os->ops;
    inner_ops = scene.os->ops;
    target_file = -1;
    ops.open = open_noting_target;
    ops.sync = sync_but_target;
    os_sim_directory_put(scene.sim, TARGET);
    scene.os->ops = &ops;
    assert_ok(savepoint_take(&scene, 7, path), &scene.err);
    scene.os->ops = inner_ops;
    assert_true(target_file >= 0);
    sync_found(&scene, path);
    assert_true(is_durable(&scene, path));
    scene_fini(&scene);
}
