/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/snapshot/manifest_scene.h: a manifest with something of everything. */
#ifndef WEIR_TESTS_UNIT_SNAPSHOT_MANIFEST_SCENE_H
#define WEIR_TESTS_UNIT_SNAPSHOT_MANIFEST_SCENE_H

#include "snapshot/manifest.h"
#include "support/test.h"

#include <string.h>

struct manifest_scene {
    struct wr_manifest manifest;
    weir_type *pair;
    struct wr_manifest_state states[2];
    struct wr_manifest_list lists[1];
    struct wr_manifest_subtask subtasks[3];
    struct wr_manifest_operator operators[2];
};

struct manifest_pair {
    weir_string word;
    int64_t count;
};

static inline void
manifest_scene_init(struct manifest_scene *scene, const weir_alloc *alloc)
{
    memset(scene, 0, sizeof *scene);
    wr_manifest_init(&scene->manifest, alloc);
    const weir_field fields[] = { WEIR_FIELD(struct manifest_pair, word, STRING),
                                  WEIR_FIELD(struct manifest_pair, count, I64) };
    weir_error err;
    assert_ok(weir_type_create_struct(alloc, "pair", sizeof(struct manifest_pair), fields, 2,
                                      &scene->pair, &err),
              &err);
    scene->states[0] = (struct wr_manifest_state){ .name = "counts",
                                                   .kind = WEIR_STATE_VALUE,
                                                   .type = scene->pair };
    scene->states[1] = (struct wr_manifest_state){ .name = "offsets",
                                                   .kind = WEIR_STATE_LIST,
                                                   .list_mode = WEIR_LIST_UNION,
                                                   .type = weir_type_of_kind(WEIR_I64) };
    scene->lists[0] = (struct wr_manifest_list){ .state = 1, .count = 17 };
    for (uint32_t i = 0; i < 3; i++) {
        scene->subtasks[i] = (struct wr_manifest_subtask){ .index = i,
                                                           .key_group_first = i * 40,
                                                           .key_group_last = i * 40 + 39 };
    }
    scene->subtasks[0].file = "state-0b0b-0";
    scene->subtasks[0].file_size = 123456789012;
    scene->subtasks[0].file_crc = 0xDEADBEEF;
    scene->subtasks[1].lists = scene->lists;
    scene->subtasks[1].list_count = 1;
    scene->subtasks[2].finished = true;
    scene->operators[0] = (struct wr_manifest_operator){ .uid = "counter",
                                                         .name = "count words",
                                                         .backend = "hashmap",
                                                         .key_type = weir_type_of_kind(WEIR_STRING),
                                                         .parallelism = 3,
                                                         .max_parallelism = 128,
                                                         .states = scene->states,
                                                         .state_count = 2,
                                                         .subtasks = scene->subtasks,
                                                         .subtask_count = 3 };
    memset(scene->operators[0].id, 0x0B, 16);
    scene->operators[1] = (struct wr_manifest_operator){
        .uid = "", .name = "map", .backend = "", .parallelism = 1, .max_parallelism = 128
    };
    scene->manifest.job_name = "word count";
    memcpy(scene->manifest.job_id, "0123456789abcdef0123456789abcdef", 33);
    memcpy(scene->manifest.attempt, "fedcba9876543210fedcba9876543210", 33);
    scene->manifest.checkpoint_id = 42;
    scene->manifest.kind = WR_CHECKPOINT_STOP;
    scene->manifest.trigger_ms = 1700000000000;
    scene->manifest.complete_ms = 1700000000123;
    scene->manifest.hash_seed = 0x1122334455667788u;
    scene->manifest.operators = scene->operators;
    scene->manifest.operator_count = 2;
}

static inline void
manifest_scene_fini(struct manifest_scene *scene)
{
    weir_type_destroy(scene->pair);
    wr_manifest_fini(&scene->manifest);
}

#endif /* WEIR_TESTS_UNIT_SNAPSHOT_MANIFEST_SCENE_H */
