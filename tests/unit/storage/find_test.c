/* SPDX-License-Identifier: Apache-2.0 */
/* From what a user says of a snapshot to the one it means. */
#include "store.h"

/* Two checkpoints of one job; the process is gone. */
static void
set_up(struct scene *scene)
{
    scene_init(scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(scene, JOB_A, FIRST);
    store_take(scene, storage, 9, FIRST);
    store_take(scene, storage, 10, FIRST);
    wr_checkpoint_storage_close(storage);
}

static void
add_job_b(struct scene *scene)
{
    struct wr_checkpoint_storage *storage = store_open(scene, JOB_B, SECOND);
    assert_ok(store_checkpoint(scene, storage, 3, JOB_B, SECOND), &scene->err);
    wr_checkpoint_storage_close(storage);
}

static weir_status
find(struct scene *scene, const char *text, const char *job_name, struct wr_found_snapshot *found)
{
    scene->err.message[0] = '\0';
    return wr_snapshot_find(scene->os, &scene->alloc, text, job_name, found, &scene->err);
}

static void
assert_finds(struct scene *scene, const char *text, uint64_t id, bool latest)
{
    struct wr_found_snapshot found;
    assert_ok(find(scene, text, "word count", &found), &scene->err);
    assert_int_equal(found.manifest.checkpoint_id, id);
    assert_int_equal(found.latest, latest);
    assert_false(found.finished);
    wr_found_snapshot_fini(&found);
}

/* The words must have `words` in them. */
static void
assert_fails(struct scene *scene, const char *text, const char *job_name, weir_status wanted,
             const char *words)
{
    struct wr_found_snapshot found;
    assert_int_equal(find(scene, text, job_name, &found), wanted);
    if (strstr(scene->err.message, words) == NULL) {
        print_error("'%s' is not in: %s\n", words, scene->err.message);
        fail();
    }
    wr_found_snapshot_fini(&found);
}

TEST(a_path_means_the_checkpoint_that_stands_there)
{
    struct scene scene;
    set_up(&scene);
    assert_finds(&scene, CHK(9), 9, false);
    assert_finds(&scene, CHK(9) "/", 9, false);
    assert_finds(&scene, CHK(9) "/_metadata", 9, false);
    assert_finds(&scene, "file://" CHK(10) "/_metadata", 10, false);
    struct wr_found_snapshot found;
    assert_ok(find(&scene, CHK(9) "/_metadata", "any name", &found), &scene.err);
    assert_string_equal(found.directory, CHK(9));
    assert_string_equal(found.job_id, JOB_A);
    wr_found_snapshot_fini(&found);
    assert_fails(&scene, CHK(11), "word count", WEIR_NOT_FOUND,
                 "Cannot find checkpoint or savepoint file/directory '" CHK(11) "'");
    assert_fails(&scene, ROOT, "word count", WEIR_NOT_FOUND,
                 "Cannot find meta data file '_metadata'");
    assert_fails(&scene, CHK(9) "/state-0", "word count", WEIR_NOT_FOUND, "neither");
    assert_fails(&scene, "hdfs://a/b", "word count", WEIR_UNSUPPORTED, "'hdfs'");
    scene_fini(&scene);
}

TEST(latest_is_the_newest_of_the_one_job)
{
    struct scene scene;
    set_up(&scene);
    assert_finds(&scene, "latest:" ROOT, 10, true);
    assert_finds(&scene, "latest:file://" ROOT "/", 10, true);
    assert_finds(&scene, "latest:" ROOT "/" JOB_A, 10, true);
    os_sim_directory_put(scene.sim, CHK(11)); /* without _metadata: it does not count */
    assert_finds(&scene, "latest:" ROOT, 10, true);
    assert_fails(&scene, "latest:" ROOT, "other job", WEIR_VERSION, "word count");
    assert_fails(&scene, "latest:" ROOT "/" JOB_A, "other job", WEIR_VERSION, "word count");
    assert_fails(&scene, "latest:/d/none", "word count", WEIR_NOT_FOUND, "Cannot find checkpoint");
    os_sim_directory_put(scene.sim, "/d/empty");
    assert_fails(&scene, "latest:/d/empty", "word count", WEIR_NOT_FOUND, "Cannot find checkpoint");
    scene_fini(&scene);
}

TEST(of_several_job_ids_latest_chooses_none)
{
    struct scene scene;
    set_up(&scene);
    add_job_b(&scene);
    assert_fails(&scene, "latest:" ROOT, "word count", WEIR_INVALID, JOB_A " (chk-10)");
    assert_fails(&scene, "latest:" ROOT, "word count", WEIR_INVALID, JOB_B " (chk-3)");
    assert_finds(&scene, "latest:" ROOT "/" JOB_B, 3, true);
    scene_fini(&scene);
}

TEST(a_damaged_newest_checkpoint_is_named_with_the_next_older)
{
    struct scene scene;
    set_up(&scene);
    size_t size = 0;
    const uint8_t *data = os_sim_file_get(scene.sim, CHK(10) "/_metadata", &size);
    uint8_t *copy = test_malloc(size);
    memcpy(copy, data, size);
    copy[size / 2] ^= 1;
    os_sim_file_put(scene.sim, CHK(10) "/_metadata", copy, size);
    assert_fails(&scene, "latest:" ROOT, "word count", WEIR_CORRUPT, CHK(10));
    assert_fails(&scene, "latest:" ROOT, "word count", WEIR_CORRUPT, "-s " CHK(9) " restores that");
    assert_finds(&scene, CHK(9), 9, false);
    /* and it still counts as a checkpoint of this job: nothing starts empty beside it */
    char path[WR_PATH_MAX];
    assert_ok(wr_snapshot_newest(scene.os, &scene.alloc, ROOT, "word count", path, &scene.err),
              &scene.err);
    assert_string_equal(path, CHK(10));
    test_free(copy);
    scene_fini(&scene);
}

TEST(a_checkpoint_whose_files_are_missing_or_cut_is_refused)
{
    struct scene scene;
    set_up(&scene);
    size_t size = 0;
    const uint8_t *data = os_sim_file_get(scene.sim, CHK(10) "/state-1", &size);
    uint8_t *copy = test_malloc(size);
    memcpy(copy, data, size);
    os_sim_file_put(scene.sim, CHK(10) "/state-1", copy, size - 1);
    assert_fails(&scene, "latest:" ROOT, "word count", WEIR_CORRUPT, CHK(10) "/state-1");
    assert_int_equal(scene.os->ops->unlink(scene.os, CHK(10) "/state-1"), 0);
    assert_fails(&scene, CHK(10), "word count", WEIR_CORRUPT, CHK(10) "/state-1");
    test_free(copy);
    scene_fini(&scene);
}

TEST(a_job_that_reached_its_end_is_finished)
{
    struct scene scene;
    set_up(&scene);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, SECOND);
    store_take(&scene, storage, 11, SECOND);
    assert_ok(wr_checkpoint_storage_finish(storage, 11, &scene.err), &scene.err);
    struct wr_found_snapshot found;
    assert_ok(find(&scene, "latest:" ROOT, "word count", &found), &scene.err);
    assert_true(found.finished);
    assert_string_equal(found.job_id, JOB_A);
    wr_found_snapshot_fini(&found);
    for (uint64_t id = 9; id <= 11; id++) {
        assert_ok(wr_checkpoint_storage_drop(storage, id, &scene.err), &scene.err);
    }
    wr_checkpoint_storage_close(storage);
    assert_ok(find(&scene, "latest:" ROOT, "word count", &found), &scene.err);
    assert_true(found.finished);
    wr_found_snapshot_fini(&found);
    assert_fails(&scene, "latest:" ROOT, "other job", WEIR_VERSION, "word count");
    char path[WR_PATH_MAX];
    assert_int_equal(
        wr_snapshot_newest(scene.os, &scene.alloc, ROOT, "word count", path, &scene.err),
        WEIR_NOT_FOUND);

    add_job_b(&scene); /* it runs again, under another id: that one is meant */
    assert_finds(&scene, "latest:" ROOT, 3, true);
    storage = store_open(&scene, JOB_A, THIRD); /* and under the old one: no longer finished */
    store_take(&scene, storage, 12, THIRD);
    wr_checkpoint_storage_close(storage);
    assert_finds(&scene, "latest:" ROOT "/" JOB_A, 12, true);
    scene_fini(&scene);
}

TEST(the_newest_checkpoint_of_a_job_stops_an_empty_start)
{
    struct scene scene;
    set_up(&scene);
    char path[WR_PATH_MAX];
    assert_ok(
        wr_snapshot_newest(scene.os, &scene.alloc, "file://" ROOT, "word count", path, &scene.err),
        &scene.err);
    assert_string_equal(path, CHK(10));
    assert_int_equal(
        wr_snapshot_newest(scene.os, &scene.alloc, ROOT, "other job", path, &scene.err),
        WEIR_NOT_FOUND);
    assert_int_equal(
        wr_snapshot_newest(scene.os, &scene.alloc, "/d/none", "word count", path, &scene.err),
        WEIR_NOT_FOUND);
    scene_fini(&scene);
}

TEST(finding_changes_nothing)
{
    struct scene scene;
    set_up(&scene);
    uint64_t before = os_sim_image_hash(scene.sim);
    assert_finds(&scene, "latest:" ROOT, 10, true);
    assert_finds(&scene, CHK(9), 9, false);
    assert_int_equal(os_sim_image_hash(scene.sim), before);
    scene_fini(&scene);
}
