/* SPDX-License-Identifier: Apache-2.0 */
/* A shared file goes exactly when no retained checkpoint needs it: against a model, in any order of
 * completions and drops. */
#include "checkpoint/shared_registry.h"

#include "base/memory.h"
#include "base/rng.h"
#include "support/common_alloc_fault.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

enum {
    FILES = 12,
    CHECKPOINTS = 24
};

struct scene {
    struct wr_shared_registry *registry;
    weir_alloc alloc;
    struct wr_manifest_file files[FILES];
    char paths[FILES][40];
    struct wr_manifest_subtask subtask;
    struct wr_manifest_operator op;
    struct wr_manifest manifest;
};

/* A manifest that names the files of the bits, and one of its own. */
static const struct wr_manifest *
manifest_of(struct scene *scene, uint64_t checkpoint_id, uint32_t bits)
{
    memset(&scene->files, 0, sizeof scene->files);
    scene->subtask = (struct wr_manifest_subtask){ .files = scene->files };
    for (uint32_t i = 0; i < FILES; i++) {
        if ((bits >> i & 1) != 0) {
            struct wr_manifest_file *file = &scene->files[scene->subtask.file_count];
            char *path = scene->paths[scene->subtask.file_count++];
            snprintf(path, sizeof scene->paths[0], i == 0 ? "own-%u" : "../shared/file-%u", i);
            *file = (struct wr_manifest_file){
                .role = WR_FILE_BLOCKS, .path = path, .name = "", .size = 100 + i, .crc = i
            };
        }
    }
    scene->op = (struct wr_manifest_operator){ .subtasks = &scene->subtask, .subtask_count = 1 };
    scene->manifest.checkpoint_id = checkpoint_id;
    scene->manifest.operators = &scene->op;
    scene->manifest.operator_count = 1;
    return &scene->manifest;
}

static void
setup(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    scene->alloc = wr_memory_system();
    assert_int_equal(wr_shared_registry_create(&scene->alloc, &scene->registry), WEIR_OK);
}

/* The bits of what a drop gave out; freed. */
static uint32_t
take(struct scene *scene, uint64_t checkpoint_id)
{
    uint32_t bits = 0;
    struct wr_shared_file *files = wr_shared_registry_drop(scene->registry, checkpoint_id);
    for (const struct wr_shared_file *at = files; at != NULL; at = at->next) {
        unsigned number = 0;
        assert_int_equal(sscanf(at->name, "file-%u", &number), 1);
        assert_false(wr_shared_registry_needs(scene->registry, at->name));
        assert_int_equal(bits >> number & 1, 0);
        bits |= 1u << number;
    }
    wr_shared_files_free(&scene->alloc, files);
    return bits;
}

TEST(a_shared_file_goes_with_the_last_checkpoint_that_needs_it)
{
    struct scene scene;
    setup(&scene);
    weir_error err;
    assert_ok(wr_shared_registry_add(scene.registry, manifest_of(&scene, 7, 0x6), &err), &err);
    assert_ok(wr_shared_registry_add(scene.registry, manifest_of(&scene, 8, 0xA), &err), &err);
    assert_int_equal(wr_shared_registry_count(scene.registry), 3);
    assert_int_equal(take(&scene, 7), 0x4);
    assert_int_equal(take(&scene, 7), 0);
    assert_int_equal(take(&scene, 8), 0xA);
    assert_int_equal(wr_shared_registry_count(scene.registry), 0);
    wr_shared_registry_destroy(scene.registry);
}

TEST(no_order_of_checkpoints_and_drops_loses_or_keeps_a_file)
{
    struct wr_rng rng;
    wr_rng_init(&rng, 0x5ea);
    for (int round = 0; round < 300; round++) {
        struct scene scene;
        uint32_t held[CHECKPOINTS] = { 0 };
        weir_error err;
        setup(&scene);
        for (int step = 0; step < 60; step++) {
            uint64_t id = wr_rng_below(&rng, CHECKPOINTS);
            uint32_t needed = 0;
            if (held[id] == 0) {
                uint32_t bits = (uint32_t)wr_rng_below(&rng, 1u << FILES);
                assert_ok(
                    wr_shared_registry_add(scene.registry, manifest_of(&scene, id + 1, bits), &err),
                    &err);
                held[id] = bits & ~1u;
            } else {
                uint32_t before = held[id];
                held[id] = 0;
                for (size_t i = 0; i < CHECKPOINTS; i++) {
                    needed |= held[i];
                }
                assert_int_equal(take(&scene, id + 1), before & ~needed);
            }
            needed = 0;
            for (size_t i = 0; i < CHECKPOINTS; i++) {
                needed |= held[i];
            }
            for (uint32_t i = 1; i < FILES; i++) {
                char name[20];
                snprintf(name, sizeof name, "file-%u", i);
                assert_int_equal(wr_shared_registry_needs(scene.registry, name), needed >> i & 1);
            }
        }
        wr_shared_registry_destroy(scene.registry);
    }
}

TEST(two_checkpoints_that_disagree_on_a_shared_file_are_told)
{
    struct scene scene;
    setup(&scene);
    weir_error err;
    assert_ok(wr_shared_registry_add(scene.registry, manifest_of(&scene, 7, 0x6), &err), &err);
    (void)manifest_of(&scene, 8, 0xE);
    scene.files[1].crc ^= 1;
    assert_int_equal(wr_shared_registry_add(scene.registry, &scene.manifest, &err), WEIR_CORRUPT);
    assert_non_null(strstr(err.message, "file-2"));
    assert_int_equal(wr_shared_registry_count(scene.registry), 2); /* nothing of 8 stayed */
    assert_int_equal(take(&scene, 8), 0);
    assert_int_equal(take(&scene, 7), 0x6);
    wr_shared_registry_destroy(scene.registry);
}

TEST(a_refused_allocation_leaves_the_registry_as_it_was)
{
    bool was_refused = true;
    for (uint64_t fail_at = 1; was_refused; fail_at++) {
        struct scene scene;
        struct alloc_fault fault;
        weir_error err;
        memset(&scene, 0, sizeof scene);
        alloc_fault_init(&fault, 0, false);
        scene.alloc = alloc_fault_alloc(&fault);
        assert_int_equal(wr_shared_registry_create(&scene.alloc, &scene.registry), WEIR_OK);
        assert_ok(wr_shared_registry_add(scene.registry, manifest_of(&scene, 7, 0x6), &err), &err);
        fault.fail_at = fault.requests + fail_at;
        weir_status status =
            wr_shared_registry_add(scene.registry, manifest_of(&scene, 8, 0xFC), &err);
        was_refused = fault.refused > 0;
        assert_int_equal(status, was_refused ? WEIR_NOMEM : WEIR_OK);
        assert_int_equal(wr_shared_registry_count(scene.registry), was_refused ? 2 : 7);
        wr_shared_registry_destroy(scene.registry);
        assert_int_equal(alloc_fault_leaks(&fault, stderr), 0);
    }
}
