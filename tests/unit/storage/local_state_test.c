/* SPDX-License-Identifier: Apache-2.0 */
/* Local copies of state: where they stand, how they are made in pieces, and that nothing of them
 * outlives what needs it, or harms another job. */
#include "snapshot/file_list.h"
#include "storage/local_state.h"
#include "store.h"
#include "support/common_alloc_fault.h"
#include "support/common_os_fault.h"

#include <errno.h>

#define LOCAL   "/local/localState"
#define OP      "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
#define OWN_AID LOCAL "/aid_" FIRST "/jid_" JOB_A
#define OWN     OWN_AID "/vtx_" OP "_sti_0"

static struct wr_local_state *
open_local(struct scene *scene, const char *job_id, const char *directories)
{
    struct wr_local_state_parameters parameters = { .os = scene->os,
                                                    .alloc = scene->alloc,
                                                    .io = &scene->executor,
                                                    .directories = directories,
                                                    .job_id = job_id };
    struct wr_local_state *local = NULL;
    assert_ok(wr_local_state_create(&parameters, &local, &scene->err), &scene->err);
    return local;
}

static struct wr_local_owner
owner_of(const char *attempt, uint32_t subtask)
{
    struct wr_local_owner owner = { .subtask = subtask };
    wr_hex_id_bytes(attempt, owner.attempt);
    memset(owner.operator_id, 0x0B, sizeof owner.operator_id);
    return owner;
}

/* Copies one file of that text and lets the io thread run. */
static void
copy_text(struct scene *scene, const struct wr_local_state *local, struct wr_local_owner owner,
          uint64_t id, const char *name, const char *text)
{
    char path[WR_PATH_MAX];
    struct wr_local_copy *copy = NULL;
    snprintf(path, sizeof path, "/d/primary/%s", name);
    os_sim_file_put(scene->sim, path, text, strlen(text));
    assert_ok(wr_local_copy_create(local, &owner, id, &copy, &scene->err), &scene->err);
    assert_ok(wr_local_copy_add(copy, path, &scene->err), &scene->err);
    wr_local_copy_start(copy);
    scene_run_io(scene);
}

static bool
is_there(struct scene *scene, const char *path)
{
    size_t size = 0;
    return os_sim_file_get(scene->sim, path, &size) != NULL;
}

TEST(a_local_copy_stands_where_flink_has_it_and_is_found_by_its_size)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_local_state *local = open_local(&scene, JOB_A, "file:///local");
    struct wr_local_owner owner = owner_of(FIRST, 0);
    char path[WR_PATH_MAX];
    copy_text(&scene, local, owner, 7, "x.state", "content");
    assert_ok(wr_local_state_path(local, &owner, 7, "x.state", path, &scene.err), &scene.err);
    assert_string_equal(path, OWN "/chk_7/x.state");
    size_t size = 0;
    const uint8_t *data = os_sim_file_get(scene.sim, path, &size);
    assert_int_equal(size, 7);
    assert_memory_equal(data, "content", 7);
    assert_true(wr_local_state_has(local, path, 7));
    assert_false(wr_local_state_has(local, path, 6));
    assert_false(wr_local_state_has(local, OWN "/chk_7", 4096)); /* a directory */
    assert_false(wr_local_state_has(local, OWN "/chk_8/x.state", 7));
    wr_local_state_destroy(local);
    wr_local_state_destroy(NULL);
    wr_local_state_remove(NULL);
    scene_fini(&scene);
}

TEST(subtasks_are_spread_over_the_directories)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_local_state *local = open_local(&scene, JOB_A, "/one,file:///two:/three");
    static const char *const roots[] = { "/one/", "/two/", "/three/" };
    for (uint32_t subtask = 0; subtask < 7; subtask++) {
        struct wr_local_owner owner = owner_of(FIRST, subtask);
        char path[WR_PATH_MAX];
        assert_ok(wr_local_state_path(local, &owner, 1, "x", path, &scene.err), &scene.err);
        const char *root = roots[subtask % 3];
        assert_int_equal(strncmp(path, root, strlen(root)), 0);
    }
    assert_true(os_sim_directory_is_there(scene.sim, "/three/localState"));
    wr_local_state_destroy(local);
    scene_fini(&scene);
}

TEST(directories_that_cannot_be_are_refused)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_local_state_parameters parameters = {
        .os = scene.os, .alloc = scene.alloc, .io = &scene.executor, .job_id = JOB_A
    };
    struct wr_local_state *local = NULL;
    parameters.directories = "";
    assert_int_equal(wr_local_state_create(&parameters, &local, &scene.err), WEIR_INVALID);
    parameters.directories = "s3";
    os_sim_deny(scene.sim, "/", OS_SIM_DENY_WRITE, EACCES);
    assert_int_equal(wr_local_state_create(&parameters, &local, &scene.err), WEIR_IO);
    scene_fini(&scene);
}

/* Larger than a work's share, so that the primary moves away while it is copied. */
TEST(a_large_file_is_copied_in_pieces_while_its_checkpoint_is_completed)
{
    enum {
        SIZE = 9 << 20
    };
    struct scene scene;
    struct os_sim_config config = { .no_log = true };
    scene_init(&scene, &config);
    struct wr_local_state *local = open_local(&scene, JOB_A, "/local");
    struct wr_local_owner owner = owner_of(FIRST, 0);
    uint8_t *bytes = test_malloc(SIZE);
    struct wr_rng rng = { .state = 5 };
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)wr_rng_next(&rng);
    }
    os_sim_file_put(scene.sim, "/d/hidden/big", bytes, SIZE);
    os_sim_file_put(scene.sim, "/d/hidden/small", bytes, 10);
    struct wr_local_copy *copy = NULL;
    assert_ok(wr_local_copy_create(local, &owner, 7, &copy, &scene.err), &scene.err);
    assert_ok(wr_local_copy_add(copy, "/d/hidden/big", &scene.err), &scene.err);
    assert_ok(wr_local_copy_add(copy, "/d/hidden/gone", &scene.err), &scene.err);
    assert_ok(wr_local_copy_add(copy, "/d/hidden/small", &scene.err), &scene.err);
    wr_local_copy_start(copy);
    assert_true(wr_executor_step(&scene.executor));
    assert_ok(wr_path_rename(scene.os, "/d/hidden", "/d/chk-7", false, &scene.err), &scene.err);
    unsigned works = 1;
    while (wr_executor_step(&scene.executor)) {
        works++;
    }
    assert_true(works > 3);
    size_t size = 0;
    const uint8_t *data = os_sim_file_get(scene.sim, OWN "/chk_7/big", &size);
    assert_int_equal(size, SIZE);
    assert_memory_equal(data, bytes, SIZE);
    assert_true(is_there(&scene, OWN "/chk_7/small"));
    assert_false(is_there(&scene, OWN "/chk_7/gone"));
    test_free(bytes);
    wr_local_state_destroy(local);
    scene_fini(&scene);
}

static void
add_entry(struct wr_file_list *list, uint64_t id, const char *name)
{
    struct wr_file_entry entry = { .role = WR_FILE_BLOCKS, .is_shared = true, .checkpoint_id = id };
    snprintf(entry.file, sizeof entry.file, "%s", name);
    assert_int_equal(wr_file_list_add(list, &entry), WEIR_OK);
}

TEST(a_completed_checkpoint_keeps_what_it_refers_to_and_what_is_newer)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_local_state *local = open_local(&scene, JOB_A, "/local");
    struct wr_local_owner owner = owner_of(FIRST, 0);
    copy_text(&scene, local, owner, 5, "base", "b");
    copy_text(&scene, local, owner, 5, "other", "o");
    copy_text(&scene, local, owner, 6, "base", "a file of the same name");
    copy_text(&scene, local, owner, 7, "own", "c");
    copy_text(&scene, local, owner, 8, "next", "n");
    copy_text(&scene, local, owner_of(FIRST, 1), 5, "of another", "x");
    struct wr_file_list needed;
    wr_file_list_init(&needed, &scene.alloc);
    add_entry(&needed, 5, "base");
    add_entry(&needed, 7, "own");
    wr_local_state_retain(local, &owner, 7, &needed);
    scene_run_io(&scene);
    assert_true(is_there(&scene, OWN "/chk_5/base"));
    assert_false(is_there(&scene, OWN "/chk_5/other"));
    assert_false(os_sim_directory_is_there(scene.sim, OWN "/chk_6"));
    assert_true(is_there(&scene, OWN "/chk_7/own"));
    assert_true(is_there(&scene, OWN "/chk_8/next"));
    assert_true(is_there(&scene, OWN_AID "/vtx_" OP "_sti_1/chk_5/of another"));
    wr_file_list_fini(&needed);
    wr_local_state_drop(local, &owner, 8);
    wr_local_state_retain(local, &owner, 9, NULL); /* full: it refers to nothing */
    scene_run_io(&scene);
    assert_int_equal(os_sim_directory_is_there(scene.sim, OWN "/chk_5"), false);
    assert_int_equal(os_sim_directory_is_there(scene.sim, OWN "/chk_7"), false);
    assert_int_equal(os_sim_directory_is_there(scene.sim, OWN "/chk_8"), false);
    wr_local_state_destroy(local);
    scene_fini(&scene);
}

TEST(earlier_attempts_copies_go_and_other_jobs_stay)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_local_state *local = open_local(&scene, JOB_A, "/local");
    struct wr_local_state *other = open_local(&scene, JOB_B, "/local");
    copy_text(&scene, local, owner_of(FIRST, 0), 5, "old", "o");
    copy_text(&scene, local, owner_of(FIRST, 1), 5, "old", "o");
    copy_text(&scene, other, owner_of(FIRST, 0), 5, "not ours", "n");
    copy_text(&scene, other, owner_of(THIRD, 0), 5, "not ours", "n");
    struct wr_local_owner owner = owner_of(SECOND, 0);
    copy_text(&scene, local, owner, 6, "new", "n");
    os_sim_file_put(scene.sim, LOCAL "/aid_x/jid_" JOB_A "/kept", "k", 1);
    wr_local_state_retain(local, &owner, 6, NULL);
    scene_run_io(&scene);
    assert_false(os_sim_directory_is_there(scene.sim, OWN));
    assert_true(is_there(&scene, OWN_AID "/vtx_" OP "_sti_1/chk_5/old")); /* its own subtask's */
    assert_true(is_there(&scene, LOCAL "/aid_" SECOND "/jid_" JOB_A "/vtx_" OP "_sti_0/chk_6/new"));
    owner.subtask = 1;
    wr_local_state_retain(local, &owner, 6, NULL);
    scene_run_io(&scene);
    assert_false(os_sim_directory_is_there(scene.sim, OWN_AID));
    assert_true(
        is_there(&scene, LOCAL "/aid_" FIRST "/jid_" JOB_B "/vtx_" OP "_sti_0/chk_5/not ours"));
    wr_local_state_remove(local);
    assert_false(os_sim_directory_is_there(scene.sim, LOCAL "/aid_" SECOND));
    wr_local_state_remove(other);
    assert_false(os_sim_directory_is_there(scene.sim, LOCAL "/aid_" FIRST));
    assert_false(os_sim_directory_is_there(scene.sim, LOCAL "/aid_" THIRD));
    assert_true(is_there(&scene, LOCAL "/aid_x/jid_" JOB_A "/kept")); /* no attempt's name */
    wr_local_state_destroy(local);
    wr_local_state_destroy(other);
    scene_fini(&scene);
}

/* --- whatever fails, nothing does but the copy --- */

static bool
run_point(const struct os_fault_plan *plan)
{
    struct scene scene;
    struct os_fault fault;
    struct os_fault_plan none = { 0 };
    scene_init(&scene, NULL);
    struct scene faulty;
    os_fault_init(&fault, scene.os, &none);
    scene_behind(&faulty, &scene, &fault.os);
    struct wr_local_state *local = open_local(&faulty, JOB_A, "/local");
    os_fault_init(&fault, scene.os, plan);
    struct wr_local_owner owner = owner_of(FIRST, 0);
    copy_text(&faulty, local, owner, 5, "a", "content");
    copy_text(&faulty, local, owner, 6, "a", "content");
    wr_local_state_retain(local, &owner, 6, NULL);
    wr_local_state_drop(local, &owner, 6);
    scene_run_io(&faulty);
    wr_local_state_remove(local);
    bool is_hit = fault.hit;
    os_fault_init(&fault, scene.os, &none);
    wr_local_state_remove(local);
    assert_false(os_sim_directory_is_there(scene.sim, LOCAL "/aid_" FIRST));
    wr_local_state_destroy(local);
    scene_fini(&scene);
    return is_hit;
}

TEST(a_failed_call_costs_a_local_copy_at_most)
{
    unsigned points = os_fault_every_point(run_point);
    assert_true(points > 100);
}

TEST(a_failed_allocation_costs_a_local_copy_at_most)
{
    for (uint64_t fail_at = 1;; fail_at++) {
        struct scene scene;
        struct alloc_fault fault;
        scene_init(&scene, NULL);
        alloc_fault_init(&fault, fail_at, false);
        scene.alloc = alloc_fault_alloc(&fault);
        struct wr_local_state_parameters parameters = { .os = scene.os,
                                                        .alloc = scene.alloc,
                                                        .io = &scene.executor,
                                                        .directories = "/local",
                                                        .job_id = JOB_A };
        struct wr_local_state *local = NULL;
        struct wr_local_owner owner = owner_of(FIRST, 0);
        if (wr_local_state_create(&parameters, &local, &scene.err) == WEIR_OK) {
            os_sim_file_put(scene.sim, "/d/a", "text", 4);
            struct wr_local_copy *copy = NULL;
            if (wr_local_copy_create(local, &owner, 5, &copy, &scene.err) == WEIR_OK) {
                if (wr_local_copy_add(copy, "/d/a", &scene.err) == WEIR_OK) {
                    wr_local_copy_start(copy);
                } else {
                    wr_local_copy_destroy(copy);
                }
            }
            struct wr_file_list needed;
            wr_file_list_init(&needed, &scene.alloc);
            struct wr_file_entry entry = { .checkpoint_id = 5, .file = "a", .is_shared = true };
            bool is_listed = wr_file_list_add(&needed, &entry) == WEIR_OK;
            scene_run_io(&scene);
            bool was_there = is_there(&scene, OWN "/chk_5/a");
            wr_local_state_retain(local, &owner, 6, &needed);
            scene_run_io(&scene);
            /* what is needed never goes for want of memory */
            assert_true(!was_there || !is_listed || is_there(&scene, OWN "/chk_5/a"));
            wr_file_list_fini(&needed);
            wr_local_state_destroy(local);
        } else {
            assert_int_equal(fault.refused, 1);
        }
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
        scene_fini(&scene);
        if (fault.refused == 0) {
            assert_true(fault.requests > 8);
            break;
        }
    }
}
