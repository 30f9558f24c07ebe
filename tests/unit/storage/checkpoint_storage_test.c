/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint's life in its directory: built, complete, dropped, and the order in which that
 * becomes durable. */
#include "store.h"
#include "support/common_os_fault.h"
#include "watch.h"

#include <errno.h>

TEST(a_completed_checkpoint_is_found_and_read)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    assert_true(os_sim_directory_is_there(scene.sim, ROOT "/" JOB_A "/shared"));
    assert_true(os_sim_directory_is_there(scene.sim, ROOT "/" JOB_A "/taskowned"));
    store_take(&scene, storage, 1, FIRST);
    assert_latest(&scene, 1);
    store_take(&scene, storage, 2, FIRST);
    assert_latest(&scene, 2);
    uint64_t id = 0;
    assert_ok(store_read(&scene, CHK(1), &id, &scene.err), &scene.err);
    assert_int_equal(id, 1);
    char path[WR_PATH_MAX];
    assert_ok(wr_checkpoint_storage_complete_path(storage, 2, path, &scene.err), &scene.err);
    assert_string_equal(path, CHK(2));
    wr_checkpoint_storage_close(storage);
    assert_latest(&scene, 2);
    assert_false(os_sim_directory_is_there(scene.sim, ROOT "/" JOB_A "/." FIRST));
    scene_fini(&scene);
}

static const char completion[] =
    "create " ROOT "/" JOB_A "/." FIRST "/chk-1/_metadata.tmp\n"
    "write " ROOT "/" JOB_A "/." FIRST "/chk-1/_metadata.tmp\n"
    "sync " ROOT "/" JOB_A "/." FIRST "/chk-1/_metadata.tmp\n"
    "rename " ROOT "/" JOB_A "/." FIRST "/chk-1/_metadata.tmp -> " ROOT "/" JOB_A "/." FIRST
    "/chk-1/_metadata\n"
    "sync " ROOT "/" JOB_A "/." FIRST "/chk-1\n"
    "rename " ROOT "/" JOB_A "/." FIRST "/chk-1 -> " CHK(1) "\n"
                                                            "sync " ROOT "/" JOB_A "\n"
                                                            "sync " ROOT "/" JOB_A "/." FIRST "\n";

static const char drop[] = "rename " CHK(1) " -> " ROOT "/" JOB_A "/." FIRST "/dropped-1\n"
                                            "sync " ROOT "/" JOB_A "\n"
                                            "sync " ROOT "/" JOB_A "/." FIRST "\n";

TEST(completion_and_drop_sync_in_the_order_of_the_contract)
{
    struct scene scene;
    struct watch *watch = test_malloc(sizeof *watch);
    scene_init(&scene, NULL);
    watch_scene(watch, &scene);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    store_take(&scene, storage, 1, FIRST);
    const char *begin =
        strstr(watch->text, "create " ROOT "/" JOB_A "/." FIRST "/chk-1/_metadata.tmp\n");
    assert_non_null(begin);
    assert_string_equal(begin, completion);
    /* the data files were synced before */
    const char *data = strstr(watch->text, "sync " ROOT "/" JOB_A "/." FIRST "/chk-1/state-1\n");
    assert_non_null(data);
    assert_true(data < begin);
    store_take(&scene, storage, 2, FIRST);
    watch->size = 0;
    assert_ok(wr_checkpoint_storage_drop(storage, 1, &scene.err), &scene.err);
    assert_memory_equal(watch->text, drop, sizeof drop - 1);
    watch->size = 0;
    assert_ok(wr_checkpoint_storage_finish(storage, 2, &scene.err), &scene.err);
    assert_string_equal(watch->text, "create " ROOT "/" JOB_A "/." FIRST "/_finished.tmp\n"
                                     "write " ROOT "/" JOB_A "/." FIRST "/_finished.tmp\n"
                                     "sync " ROOT "/" JOB_A "/." FIRST "/_finished.tmp\n"
                                     "rename " ROOT "/" JOB_A "/." FIRST "/_finished.tmp -> " ROOT
                                     "/" JOB_A "/_finished\n"
                                     "sync " ROOT "/" JOB_A "\n"
                                     "sync " ROOT "/" JOB_A "/." FIRST "\n");
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
    test_free(watch);
}

TEST(a_complete_checkpoint_is_never_replaced)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    store_take(&scene, storage, 1, FIRST);
    size_t size = 0;
    const uint8_t *before = os_sim_file_get(scene.sim, CHK(1) "/_metadata", &size);
    uint8_t *copy = test_malloc(size);
    memcpy(copy, before, size);
    assert_int_equal(store_checkpoint(&scene, storage, 1, JOB_A, FIRST), WEIR_BUSY);
    assert_memory_equal(os_sim_file_get(scene.sim, CHK(1) "/_metadata", &size), copy, size);
    assert_latest(&scene, 1);
    assert_false(os_sim_directory_is_there(scene.sim, ROOT "/" JOB_A "/." FIRST "/chk-1"));
    test_free(copy);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

TEST(an_abandoned_checkpoint_leaves_nothing)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    assert_ok(wr_checkpoint_storage_begin(storage, 5, &scene.err), &scene.err);
    char path[WR_PATH_MAX];
    assert_ok(wr_checkpoint_storage_path(storage, 5, "state-0", path, &scene.err), &scene.err);
    os_sim_file_put(scene.sim, path, "x", 1);
    uint64_t highest = 0;
    assert_ok(wr_checkpoint_storage_highest(storage, &highest, &scene.err), &scene.err);
    assert_int_equal(highest, 5);
    assert_ok(wr_checkpoint_storage_abandon(storage, 5, &scene.err), &scene.err);
    assert_null(os_sim_file_get(scene.sim, path, &(size_t){ 0 }));
    assert_ok(wr_checkpoint_storage_abandon(storage, 5, &scene.err), &scene.err);
    assert_int_equal(wr_checkpoint_storage_path(storage, 5, "../x", path, &scene.err),
                     WEIR_INVALID);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

TEST(retained_ids_ascend_and_the_highest_counts_what_was_never_complete)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    store_take(&scene, storage, 2, FIRST);
    store_take(&scene, storage, 9, FIRST);
    store_take(&scene, storage, 10, FIRST);
    os_sim_directory_put(scene.sim, CHK(11)); /* without _metadata */
    os_sim_directory_put(scene.sim, ROOT "/" JOB_A "/chk-012");
    os_sim_directory_put(scene.sim, ROOT "/" JOB_A "/chk-99x");
    uint64_t ids[4] = { 0 };
    size_t count = 0;
    assert_ok(wr_checkpoint_storage_retained(storage, ids, 4, &count, &scene.err), &scene.err);
    assert_int_equal(count, 3);
    assert_int_equal(ids[0], 2);
    assert_int_equal(ids[1], 9);
    assert_int_equal(ids[2], 10);
    assert_ok(wr_checkpoint_storage_retained(storage, ids, 2, &count, &scene.err), &scene.err);
    assert_int_equal(count, 2); /* the newest */
    assert_int_equal(ids[0], 9);
    assert_int_equal(ids[1], 10);
    assert_ok(wr_checkpoint_storage_begin(storage, 14, &scene.err), &scene.err);
    os_sim_kill(scene.sim);

    scene.os = os_sim_os(scene.sim);
    wr_checkpoint_storage_close(storage); /* of the dead process: changes nothing */
    storage = store_open(&scene, JOB_A, SECOND);
    uint64_t highest = 0;
    assert_ok(wr_checkpoint_storage_highest(storage, &highest, &scene.err), &scene.err);
    assert_int_equal(highest, 14);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

TEST(a_dropped_checkpoint_is_gone_and_dropping_again_is_no_failure)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    store_take(&scene, storage, 1, FIRST);
    store_take(&scene, storage, 2, FIRST);
    assert_ok(wr_checkpoint_storage_drop(storage, 1, &scene.err), &scene.err);
    assert_false(os_sim_directory_is_there(scene.sim, CHK(1)));
    assert_ok(wr_checkpoint_storage_drop(storage, 1, &scene.err), &scene.err);
    assert_latest(&scene, 2);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

/* While a power cut may still bring the name back, the files behind it are not removed, not even
 * when the attempt ends and its hidden directory with it. */
TEST(a_dropped_checkpoint_loses_no_file_until_its_absence_is_durable)
{
    unsigned unsynced = 0;
    for (uint64_t fail_at = 2;; fail_at++) { /* behind the rename */
        struct scene scene;
        struct os_fault fault;
        struct os_fault_plan plan = { .fail_at = fail_at, .error = EINTR };
        scene_init(&scene, NULL);
        struct scene faulty;
        os_fault_init(&fault, scene.os, &(struct os_fault_plan){ 0 });
        scene_behind(&faulty, &scene, &fault.os);
        struct wr_checkpoint_storage *storage = store_open(&faulty, JOB_A, FIRST);
        store_take(&faulty, storage, 1, FIRST);
        store_take(&faulty, storage, 2, FIRST);
        os_fault_init(&fault, scene.os, &plan);
        weir_status status = wr_checkpoint_storage_drop(storage, 1, &scene.err);
        bool has_failed = fault.failed != 0;
        bool has_synced = !has_failed || strcmp(fault.hit_name, "sync") != 0;
        assert_true(has_synced || status != WEIR_OK);
        os_fault_init(&fault, scene.os, &(struct os_fault_plan){ 0 });
        wr_checkpoint_storage_close(storage);
        const char *dropped = ROOT "/" JOB_A "/." FIRST "/dropped-1";
        assert_true(has_synced || os_sim_directory_is_there(scene.sim, dropped));
        assert_false(os_sim_directory_is_there(scene.sim, CHK(1)));
        unsynced += !has_synced;
        storage = store_open(&scene, JOB_A, SECOND); /* sweeps it */
        assert_false(os_sim_directory_is_there(scene.sim, ROOT "/" JOB_A "/." FIRST));
        wr_checkpoint_storage_close(storage);
        scene_fini(&scene);
        if (!has_failed) {
            break;
        }
    }
    assert_int_equal(unsynced, 2); /* both parents */
}

TEST(without_a_level_of_its_own_a_job_keeps_to_its_own_checkpoints)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_storage_parameters parameters = store_parameters(&scene, JOB_A, FIRST);
    parameters.create_subdir = false;
    struct wr_checkpoint_storage *storage = NULL;
    assert_ok(wr_checkpoint_storage_open(&parameters, &storage, &scene.err), &scene.err);
    store_take(&scene, storage, 3, FIRST);
    assert_true(os_sim_directory_is_there(scene.sim, ROOT "/chk-3"));
    wr_checkpoint_storage_close(storage);
    assert_latest(&scene, 3);
    parameters.job_id = JOB_B;
    parameters.attempt = SECOND;
    assert_ok(wr_checkpoint_storage_open(&parameters, &storage, &scene.err), &scene.err);
    assert_ok(store_checkpoint(&scene, storage, 4, JOB_B, SECOND), &scene.err);
    uint64_t ids[8];
    size_t count = 0;
    assert_ok(wr_checkpoint_storage_retained(storage, ids, 8, &count, &scene.err), &scene.err);
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], 4);
    uint64_t highest = 0;
    assert_ok(wr_checkpoint_storage_highest(storage, &highest, &scene.err), &scene.err);
    assert_int_equal(highest, 4);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

TEST(another_scheme_is_refused_by_name)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_storage_parameters parameters = store_parameters(&scene, JOB_A, FIRST);
    struct wr_checkpoint_storage *storage = NULL;
    parameters.directory = "s3://bucket/checkpoints";
    assert_int_equal(wr_checkpoint_storage_open(&parameters, &storage, &scene.err),
                     WEIR_UNSUPPORTED);
    assert_non_null(strstr(scene.err.message, "'s3'"));
    parameters.directory = "file://" ROOT "/";
    assert_ok(wr_checkpoint_storage_open(&parameters, &storage, &scene.err), &scene.err);
    store_take(&scene, storage, 1, FIRST);
    assert_latest(&scene, 1);
    wr_checkpoint_storage_close(storage);
    char out[WR_PATH_MAX];
    assert_ok(wr_location_path("file:/a/b", out, &scene.err), &scene.err);
    assert_string_equal(out, "/a/b");
    assert_ok(wr_location_path("a:b/c//", out, &scene.err), &scene.err);
    assert_string_equal(out, "a:b/c");
    assert_int_equal(wr_location_path("file://host/a", out, &scene.err), WEIR_INVALID);
    assert_int_equal(wr_location_path("", out, &scene.err), WEIR_INVALID);
    char *longest = test_malloc(WR_PATH_MAX + 1);
    memset(longest, 'a', WR_PATH_MAX);
    longest[WR_PATH_MAX] = '\0';
    assert_int_equal(wr_location_path(longest, out, &scene.err), WEIR_LIMIT);
    assert_ok(wr_location_path(longest + 1, out, &scene.err), &scene.err);
    test_free(longest);
    scene_fini(&scene);
}
