/* SPDX-License-Identifier: Apache-2.0 */
/* What checkpoints share: there before the checkpoint is, gone when it is said, swept after a kill,
 * and out of reach of a process that was fenced. */
#include "store.h"
#include "support/common_os_fault.h"

#include <errno.h>

#define SHARED ROOT "/" JOB_A "/shared/"

struct tree {
    struct wr_manifest manifest;
    struct wr_manifest_file files[3];
    struct wr_manifest_subtask subtask;
    struct wr_manifest_operator op;
    char names[2][120];
    char paths[2][140];
};

/* A manifest with an own shared file, one of checkpoint `base` (0: none), and an own plain one. */
static const struct wr_manifest *
tree_of(struct tree *tree, const weir_alloc *alloc, uint64_t id, uint64_t base, const char *attempt)
{
    memset(tree, 0, sizeof *tree);
    wr_manifest_init(&tree->manifest, alloc);
    uint32_t count = 0;
    for (size_t i = 0; i < (base != 0 ? 2 : 1); i++) {
        uint64_t writer = i == 0 ? id : base;
        snprintf(tree->names[i], sizeof tree->names[i], "0b0b-0-%llu-%s.state",
                 (unsigned long long)writer, attempt);
        snprintf(tree->paths[i], sizeof tree->paths[i], "../shared/%s", tree->names[i]);
        tree->files[count++] = (struct wr_manifest_file){ .role = WR_FILE_BLOCKS,
                                                          .path = tree->paths[i],
                                                          .name = "",
                                                          .is_shared = true,
                                                          .size = 4,
                                                          .checkpoint_id = writer };
    }
    tree->files[count++] = (struct wr_manifest_file){
        .role = WR_FILE_BLOCKS, .path = "plain", .name = "", .size = 5, .checkpoint_id = id
    };
    tree->subtask = (struct wr_manifest_subtask){ .files = tree->files, .file_count = count };
    tree->op = (struct wr_manifest_operator){ .uid = "c",
                                              .name = "c",
                                              .backend = "",
                                              .parallelism = 1,
                                              .max_parallelism = 128,
                                              .subtasks = &tree->subtask,
                                              .subtask_count = 1 };
    tree->manifest.job_name = "word count";
    memcpy(tree->manifest.job_id, JOB_A, WR_JOB_ID_SIZE);
    memcpy(tree->manifest.attempt, attempt, WR_ATTEMPT_SIZE);
    tree->manifest.checkpoint_id = id;
    tree->manifest.kind = WR_CHECKPOINT_PERIODIC;
    tree->manifest.operators = &tree->op;
    tree->manifest.operator_count = 1;
    return &tree->manifest;
}

static void
put_data(struct scene *scene, struct wr_checkpoint_storage *storage, uint64_t id, const char *name,
         const char *text)
{
    char path[WR_PATH_MAX];
    assert_ok(wr_checkpoint_storage_path(storage, id, name, path, &scene->err), &scene->err);
    os_sim_file_put(scene->sim, path, text, strlen(text));
}

/* begin, data, complete; abandons what failed. */
static weir_status
take(struct scene *scene, struct wr_checkpoint_storage *storage, uint64_t id, uint64_t base,
     const char *attempt)
{
    struct tree tree;
    const struct wr_manifest *manifest = tree_of(&tree, &scene->alloc, id, base, attempt);
    weir_status status = wr_checkpoint_storage_begin(storage, id, &scene->err);
    if (status == WEIR_OK) {
        put_data(scene, storage, id, tree.names[0], "data");
        put_data(scene, storage, id, "plain", "plain");
        status = wr_checkpoint_storage_complete(storage, manifest, &scene->err);
    }
    if (status != WEIR_OK) {
        weir_error abandoned;
        if (wr_checkpoint_storage_abandon(storage, id, &abandoned) == WEIR_CANCELLED) {
            status = WEIR_CANCELLED;
        }
    }
    return status;
}

static bool
is_shared(struct scene *scene, uint64_t id, const char *attempt)
{
    char path[300];
    size_t size = 0;
    snprintf(path, sizeof path, SHARED "0b0b-0-%llu-%s.state", (unsigned long long)id, attempt);
    return os_sim_file_get(scene->sim, path, &size) != NULL;
}

TEST(a_shared_file_stands_in_shared_and_is_found_with_its_checkpoints)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    assert_ok(take(&scene, storage, 1, 0, FIRST), &scene.err);
    assert_ok(take(&scene, storage, 2, 1, FIRST), &scene.err);
    assert_true(is_shared(&scene, 1, FIRST) && is_shared(&scene, 2, FIRST));
    assert_ok(wr_checkpoint_storage_drop(storage, 1, &scene.err), &scene.err);
    assert_true(is_shared(&scene, 1, FIRST)); /* only the registry says when it goes */
    struct wr_found_snapshot found;
    assert_ok(wr_snapshot_find(scene.os, &scene.alloc, CHK(2), "word count", &found, &scene.err),
              &scene.err);
    assert_int_equal(found.manifest.operators[0].subtasks[0].file_count, 3);
    wr_found_snapshot_fini(&found);
    assert_ok(wr_checkpoint_storage_drop_shared(storage, "0b0b-0-1-" FIRST ".state", &scene.err),
              &scene.err);
    assert_false(is_shared(&scene, 1, FIRST));
    assert_ok(wr_checkpoint_storage_drop_shared(storage, "0b0b-0-1-" FIRST ".state", &scene.err),
              &scene.err); /* gone already */
    assert_int_equal(
        wr_snapshot_find(scene.os, &scene.alloc, CHK(2), "word count", &found, &scene.err),
        WEIR_CORRUPT);
    assert_int_equal(wr_checkpoint_storage_drop_shared(storage, "../chk-2", &scene.err),
                     WEIR_INVALID);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

static bool
needs_two(void *argument, const char *name)
{
    (void)argument;
    return strstr(name, "-2-") != NULL;
}

TEST(what_no_checkpoint_needs_is_swept)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    assert_ok(take(&scene, storage, 1, 0, FIRST), &scene.err);
    assert_ok(take(&scene, storage, 2, 0, FIRST), &scene.err);
    assert_ok(wr_checkpoint_storage_sweep_shared(storage, needs_two, NULL, &scene.err), &scene.err);
    assert_false(is_shared(&scene, 1, FIRST));
    assert_true(is_shared(&scene, 2, FIRST));
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

/* Completion fails at any call: either the checkpoint is whole, or nothing of it is left. */
TEST(a_completion_that_fails_at_any_call_leaves_nothing_in_shared)
{
    bool hit = true;
    unsigned failed = 0;
    for (uint64_t fail_at = 1; hit; fail_at++) {
        struct scene scene;
        struct os_fault fault;
        struct os_fault_plan plan = { .error = EIO };
        scene_init(&scene, NULL);
        os_fault_init(&fault, scene.os, &plan);
        scene.os = &fault.os;
        struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
        fault.plan.fail_at = fault.calls + fail_at;
        weir_status status = take(&scene, storage, 1, 0, FIRST);
        hit = fault.hit;
        if (status != WEIR_OK) {
            failed++;
            assert_false(is_shared(&scene, 1, FIRST));
            assert_false(os_sim_directory_is_there(scene.sim, CHK(1)));
        } else {
            assert_true(is_shared(&scene, 1, FIRST));
        }
        wr_checkpoint_storage_close(storage);
        scene_fini(&scene);
    }
    assert_true(failed > 8);
}

TEST(a_process_that_was_taken_over_takes_nothing_out_of_shared)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    assert_ok(take(&scene, storage, 1, 0, FIRST), &scene.err);
    struct wr_storage_parameters parameters = store_parameters(&scene, JOB_A, SECOND);
    parameters.take_over = true;
    struct wr_checkpoint_storage *next = NULL;
    assert_ok(wr_checkpoint_storage_open(&parameters, &next, &scene.err), &scene.err);
    assert_int_equal(
        wr_checkpoint_storage_drop_shared(storage, "0b0b-0-1-" FIRST ".state", &scene.err),
        WEIR_CANCELLED);
    assert_true(is_shared(&scene, 1, FIRST));
    assert_int_equal(take(&scene, storage, 2, 1, FIRST), WEIR_CANCELLED);
    assert_false(is_shared(&scene, 2, FIRST));
    wr_checkpoint_storage_close(next);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}

/* The kill is in the first checkpoint: its shared file is there, it is not. */
TEST(what_a_first_checkpoint_that_never_was_has_shared_goes_with_its_attempt)
{
    struct scene scene;
    scene_init(&scene, NULL);
    struct wr_checkpoint_storage *storage = store_open(&scene, JOB_A, FIRST);
    os_sim_file_put(scene.sim, SHARED "0b0b-0-1-" FIRST ".state", "data", 4);
    os_sim_file_put(scene.sim, SHARED "0b0b-0-1-" THIRD ".state", "data", 4);
    struct wr_storage_parameters parameters = store_parameters(&scene, JOB_B, SECOND);
    parameters.take_over = true;
    struct wr_checkpoint_storage *next = NULL;
    assert_ok(wr_checkpoint_storage_open(&parameters, &next, &scene.err), &scene.err);
    assert_false(is_shared(&scene, 1, FIRST));
    assert_true(is_shared(&scene, 1, THIRD)); /* of nobody we know */
    wr_checkpoint_storage_close(next);
    wr_checkpoint_storage_close(storage);
    scene_fini(&scene);
}
