/* SPDX-License-Identifier: Apache-2.0 */
/* Disposing of snapshots: nothing but their own files goes, whatever stands there, whoever runs,
 * and whenever it is interrupted. */
#include "savepoint.h"
#include "storage/layout.h"
#include "support/common_alloc_fault.h"
#include "support/common_os_fault.h"

#include <errno.h>

#define SHARED ROOT "/" JOB_A "/shared/"

static weir_status
dispose(struct scene *scene, const char *path)
{
    scene->err.message[0] = '\0';
    return wr_savepoint_dispose(scene->os, &scene->alloc, path, &scene->err);
}

static void
put_text(struct scene *scene, const char *directory, const char *name, const char *text)
{
    char path[WR_PATH_MAX];
    assert_ok(wr_path_join(path, directory, name, &scene->err), &scene->err);
    os_sim_file_put(scene->sim, path, text, strlen(text));
}

static bool
is_file(struct scene *scene, const char *path)
{
    size_t size = 0;
    return os_sim_file_get(scene->sim, path, &size) != NULL;
}

/* --- savepoints --- */

TEST(a_disposed_savepoint_is_gone_and_its_neighbours_stay)
{
    static const char *const before[] = { "", "", "", "file://" };
    static const char *const behind[] = { "", "/", "/_metadata", "/_metadata" };
    struct scene scene;
    scene_init(&scene, NULL);
    char other[WR_PATH_MAX];
    assert_ok(savepoint_take(&scene, 1, other), &scene.err);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        char path[WR_PATH_MAX];
        char text[WR_PATH_MAX + 32];
        assert_ok(savepoint_take(&scene, 2, path), &scene.err);
        snprintf(text, sizeof text, "%s%s%s", before[i], path, behind[i]);
        assert_ok(dispose(&scene, text), &scene.err);
        assert_false(os_sim_directory_is_there(scene.sim, path));
        assert_int_equal(dispose(&scene, text), WEIR_NOT_FOUND);
        assert_non_null(strstr(scene.err.message, "Cannot find checkpoint or savepoint"));
        assert_ok(wr_snapshot_drop_claimed(scene.os, &scene.alloc, text, &scene.err), &scene.err);
    }
    assert_int_equal(savepoint_read(&scene, other), 1);
    assert_int_equal(os_sim_open_count(scene.sim), 0);
    scene_fini(&scene);
}

TEST(what_is_no_snapshot_of_ours_is_refused_and_left_as_it_is)
{
    static const uint8_t flink[] = { 0x49, 0x60, 0x67, 0x2D, 0, 0, 0, 3 };
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    char metadata[WR_PATH_MAX];
    assert_ok(savepoint_take(&scene, 1, path), &scene.err);
    assert_ok(wr_path_join(metadata, path, "_metadata", &scene.err), &scene.err);
    size_t size = 0;
    const uint8_t *data = os_sim_file_get(scene.sim, metadata, &size);
    uint8_t *damaged = test_malloc(size);
    memcpy(damaged, data, size);
    damaged[size / 2] ^= 4;

    os_sim_file_put(scene.sim, metadata, damaged, size);
    put_text(&scene, "/home/me", "thesis.tex", "text");
    put_text(&scene, "/flink", "part-0", "state");
    os_sim_file_put(scene.sim, "/flink/_metadata", flink, sizeof flink);
    os_sim_directory_put(scene.sim, "/odd/_metadata");
    uint64_t hash = os_sim_image_hash(scene.sim);
    assert_int_equal(dispose(&scene, path), WEIR_CORRUPT);
    assert_non_null(strstr(scene.err.message, path));
    assert_int_equal(dispose(&scene, "/home/me"), WEIR_INVALID);
    assert_non_null(strstr(scene.err.message, "neither"));
    assert_int_equal(dispose(&scene, "/home/me/thesis.tex"), WEIR_INVALID);
    assert_int_equal(dispose(&scene, "/flink"), WEIR_UNSUPPORTED);
    assert_int_equal(dispose(&scene, "/odd"), WEIR_INVALID);
    assert_int_equal(dispose(&scene, "/"), WEIR_INVALID);
    assert_int_equal(dispose(&scene, "/_metadata"), WEIR_INVALID);
    assert_int_equal(dispose(&scene, "_metadata"), WEIR_INVALID);
    assert_int_equal(dispose(&scene, "/nowhere"), WEIR_NOT_FOUND);
    assert_int_equal(dispose(&scene, "s3://a/b"), WEIR_UNSUPPORTED);
    assert_int_equal(dispose(&scene, ""), WEIR_INVALID);
    assert_true(os_sim_image_hash(scene.sim) == hash);
    test_free(damaged);
    scene_fini(&scene);
}

TEST(what_is_not_the_savepoints_own_stays_and_disposing_goes_on_when_it_is_gone)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    char kept[WR_PATH_MAX];
    char mark[WR_PATH_MAX];
    assert_ok(savepoint_take(&scene, 1, path), &scene.err);
    put_text(&scene, path, "notes.txt", "do not lose");
    assert_int_equal(dispose(&scene, path), WEIR_INVALID);
    assert_non_null(strstr(scene.err.message, "notes.txt"));
    assert_ok(wr_path_join(kept, path, "notes.txt", &scene.err), &scene.err);
    assert_true(is_file(&scene, kept));
    uint64_t id = 0;
    assert_int_equal(store_read(&scene, path, &id, &scene.err), WEIR_NOT_FOUND); /* no savepoint */
    assert_ok(wr_path_unlink(scene.os, kept, &scene.err), &scene.err);
    assert_ok(wr_path_join(mark, path, "_metadata.disposed", &scene.err), &scene.err);
    assert_true(is_file(&scene, mark));
    assert_ok(dispose(&scene, path), &scene.err);
    assert_false(os_sim_directory_is_there(scene.sim, path));
    scene_fini(&scene);
}

TEST(a_directory_in_the_place_of_a_file_is_not_entered)
{
    struct scene scene;
    scene_init(&scene, NULL);
    char path[WR_PATH_MAX];
    char file[WR_PATH_MAX];
    assert_ok(savepoint_take(&scene, 1, path), &scene.err);
    assert_ok(wr_path_join(file, path, "state-0", &scene.err), &scene.err);
    assert_ok(wr_path_unlink(scene.os, file, &scene.err), &scene.err);
    put_text(&scene, file, "inside", "stays");
    assert_int_equal(dispose(&scene, path), WEIR_INVALID);
    assert_non_null(strstr(scene.err.message, "state-0"));
    assert_ok(wr_path_join(file, file, "inside", &scene.err), &scene.err);
    assert_true(is_file(&scene, file));
    scene_fini(&scene);
}

/* --- retained checkpoints --- */

/* A complete checkpoint by hand: an own file and shared ones, "s<number>". */
static void
put_checkpoint(struct scene *scene, uint64_t id, const char *const *shared, uint32_t count)
{
    struct store_set set;
    char paths[4][64];
    struct wr_manifest_file files[5] = {
        { .role = WR_FILE_BLOCKS, .path = "own", .name = "", .size = 3, .checkpoint_id = id }
    };
    char directory[WR_PATH_MAX];
    assert_ok(wr_checkpoint_path(ROOT "/" JOB_A, id, directory, &scene->err), &scene->err);
    put_text(scene, directory, "own", "own");
    for (uint32_t i = 0; i < count; i++) {
        snprintf(paths[i], sizeof paths[i], "../shared/%s", shared[i]);
        files[1 + i] = (struct wr_manifest_file){ .role = WR_FILE_BLOCKS,
                                                  .path = paths[i],
                                                  .name = "",
                                                  .is_shared = true,
                                                  .size = 6,
                                                  .checkpoint_id = id };
        put_text(scene, SHARED, shared[i], "shared");
    }
    store_set_init(&set, scene, id, JOB_A, FIRST);
    set.subtasks[0].files = files;
    set.subtasks[0].file_count = 1 + count;
    set.subtasks[1].file_count = 0;
    assert_ok(wr_metadata_write(scene->os, &scene->alloc, directory, &set.manifest, &scene->err),
              &scene->err);
    store_set_fini(&set);
}

/* chk-1: s1 s2; chk-2: s2 s3. */
static void
put_two(struct scene *scene)
{
    static const char *const first[] = { "s1", "s2" };
    static const char *const second[] = { "s2", "s3" };
    put_checkpoint(scene, 1, first, 2);
    put_checkpoint(scene, 2, second, 2);
}

TEST(of_what_checkpoints_share_only_what_no_other_needs_goes)
{
    struct scene scene;
    scene_init(&scene, NULL);
    put_two(&scene);
    put_text(&scene, SHARED, "s4", "nobody's");
    assert_ok(dispose(&scene, CHK(1)), &scene.err);
    assert_false(os_sim_directory_is_there(scene.sim, CHK(1)));
    assert_false(is_file(&scene, SHARED "s1"));
    assert_true(is_file(&scene, SHARED "s2") && is_file(&scene, SHARED "s3"));
    assert_ok(dispose(&scene, CHK(2) "/_metadata"), &scene.err);
    assert_false(is_file(&scene, SHARED "s2") || is_file(&scene, SHARED "s3"));
    assert_true(is_file(&scene, SHARED "s4"));
    scene_fini(&scene);
}

TEST(next_to_a_checkpoint_that_cannot_be_read_nothing_shared_goes)
{
    struct scene scene;
    scene_init(&scene, NULL);
    put_two(&scene);
    put_text(&scene, CHK(2), "_metadata", "WEIRMF01 damaged");
    assert_ok(dispose(&scene, CHK(1)), &scene.err);
    assert_false(os_sim_directory_is_there(scene.sim, CHK(1)));
    assert_true(is_file(&scene, SHARED "s1") && is_file(&scene, SHARED "s2"));
    scene_fini(&scene);
}

TEST(a_running_jobs_checkpoint_is_refused_and_another_ids_of_its_name_is_not)
{
    struct scene scene;
    scene_init(&scene, NULL);
    put_two(&scene);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, SECOND);
    struct scene other = scene;
    other.os = os_sim_process_create(scene.sim);
    assert_int_equal(dispose(&other, CHK(1)), WEIR_BUSY);
    assert_non_null(strstr(other.err.message, "word count"));
    assert_int_equal(dispose(&scene, CHK(1)), WEIR_BUSY); /* in the process itself too */
    assert_true(is_file(&scene, CHK(1) "/_metadata") && is_file(&scene, SHARED "s1"));
    assert_ok(wr_snapshot_drop_claimed(scene.os, &scene.alloc, CHK(1), &scene.err), &scene.err);
    assert_false(os_sim_directory_is_there(scene.sim, CHK(1))); /* who claimed it may */
    wr_checkpoint_storage_close(storage);

    storage = store_open(&scene, JOB_B, THIRD);
    assert_ok(dispose(&other, CHK(2)), &other.err);
    wr_checkpoint_storage_close(storage);
    assert_int_equal(os_sim_open_count(scene.sim), 0);
    scene_fini(&scene);
}

TEST(without_a_level_of_its_own_a_running_jobs_checkpoint_is_refused_too)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_storage_parameters parameters = store_parameters(&scene, JOB_A, FIRST);
    parameters.create_subdir = false;
    struct wr_checkpoint_storage *storage = NULL;
    assert_ok(wr_checkpoint_storage_open(&parameters, &storage, &scene.err), &scene.err);
    store_take(&scene, storage, 1, FIRST);
    assert_int_equal(dispose(&scene, ROOT "/chk-1"), WEIR_BUSY);
    wr_checkpoint_storage_close(storage);
    assert_ok(dispose(&scene, ROOT "/chk-1"), &scene.err);
    assert_false(os_sim_directory_is_there(scene.sim, ROOT "/chk-1"));
    scene_fini(&scene);
}

/* --- power cuts, failed calls --- */

/* What disposing of CHK(1) may leave at any moment: the whole, or no snapshot; and always what the
 * other needs. Doing it again finishes it. */
static bool
is_sound(struct scene *scene, bool must_be_gone)
{
    bool is_snapshot = is_file(scene, CHK(1) "/_metadata");
    bool is_whole =
        is_file(scene, CHK(1) "/own") && is_file(scene, SHARED "s1") && is_file(scene, SHARED "s2");
    bool is_other_whole = is_file(scene, CHK(2) "/_metadata") && is_file(scene, CHK(2) "/own") &&
                          is_file(scene, SHARED "s2") && is_file(scene, SHARED "s3");
    if (!is_other_whole || (is_snapshot && !is_whole) || (is_snapshot && must_be_gone)) {
        return false;
    }
    weir_status status = dispose(scene, CHK(1));
    bool is_left_empty = status == WEIR_INVALID && !is_snapshot; /* a directory, nothing in it */
    return (status == WEIR_OK || status == WEIR_NOT_FOUND || is_left_empty) &&
           !is_file(scene, SHARED "s1") && !is_file(scene, CHK(1) "/own") &&
           is_file(scene, SHARED "s2");
}

static unsigned syncs;
static unsigned left_out;
static const struct wr_os_ops *forgetful_inner;

static int
forgetful_sync(struct wr_os *os, int file, bool data_only)
{
    return ++syncs == left_out ? 0 : forgetful_inner->sync(os, file, data_only);
}

/* Disposes without the n-th sync (0: with all), then cuts the power everywhere. */
static bool
is_sound_after_cuts(unsigned n, unsigned *out_states)
{
    struct scene scene;
    scene_init(&scene, NULL);
    put_two(&scene);
    os_sim_log_reset(scene.sim);
    struct wr_os_ops ops = *scene.os->ops;
    forgetful_inner = scene.os->ops;
    ops.sync = forgetful_sync;
    scene.os->ops = &ops;
    syncs = 0;
    left_out = n;
    assert_ok(dispose(&scene, CHK(1)), &scene.err);
    scene.os->ops = forgetful_inner;
    size_t end = os_sim_log_count(scene.sim);
    struct os_sim_crash_options options = { .kinds = OS_SIM_CRASH_ALL, .random_per_prefix = 20 };
    struct os_sim_crash *crash = os_sim_crash_begin(scene.sim, &options);
    bool is_right = true;
    for (*out_states = 0; is_right && os_sim_crash_next(crash); ++*out_states) {
        struct scene after;
        scene_init(&after, NULL);
        os_sim_destroy(after.sim);
        after.sim = os_sim_crash_materialize(crash);
        after.os = os_sim_os(after.sim);
        is_right = is_sound(&after, os_sim_crash_prefix(crash) == end);
        if (!is_right && n == 0) {
            print_error("%s: %s\n", os_sim_crash_words(crash), after.err.message);
        }
        scene_fini(&after);
    }
    os_sim_crash_end(crash);
    scene_fini(&scene);
    return is_right;
}

TEST(after_any_power_cut_a_disposed_checkpoint_is_whole_or_none_and_each_sync_is_needed)
{
    unsigned states = 0;
    assert_true(is_sound_after_cuts(0, &states));
    print_message("%u states\n", states);
    assert_true(states > 50);
    assert_int_equal(syncs, 3); /* the mark; what was shared; what was its own */
    for (unsigned n = 1; n <= 3; n++) {
        assert_false(is_sound_after_cuts(n, &states));
    }
}

static bool
run_point(const struct os_fault_plan *plan)
{
    struct scene scene;
    struct os_fault fault;
    scene_init(&scene, NULL);
    put_two(&scene);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_B, SECOND);
    wr_checkpoint_storage_close(storage); /* so that there is a lock to look at */
    struct scene faulty;
    os_fault_init(&fault, scene.os, plan);
    scene_behind(&faulty, &scene, &fault.os);
    weir_status status = dispose(&faulty, CHK(1));
    assert_true(status == WEIR_OK || faulty.err.message[0] != '\0');
    assert_true(is_sound(&scene, status == WEIR_OK));
    assert_int_equal(os_sim_open_count(scene.sim), 0);
    scene_fini(&scene);
    return fault.hit;
}

TEST(disposing_survives_every_failed_call)
{
    unsigned points = os_fault_every_point(run_point);
    assert_true(points > 100);
}

TEST(disposing_survives_every_failed_allocation)
{
    for (uint64_t fail_at = 1;; fail_at++) {
        struct scene scene;
        struct alloc_fault fault;
        scene_init(&scene, NULL);
        put_two(&scene);
        struct scene faulty;
        alloc_fault_init(&fault, fail_at, fail_at % 3 == 0);
        scene_behind(&faulty, &scene, scene.os);
        faulty.alloc = alloc_fault_alloc(&fault);
        weir_status status = dispose(&faulty, CHK(1));
        assert_int_equal(status, fault.refused > 0 ? WEIR_NOMEM : WEIR_OK);
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
        assert_true(is_sound(&scene, status == WEIR_OK));
        scene_fini(&scene);
        if (fault.refused == 0) {
            assert_true(fail_at > 5);
            break;
        }
    }
}
