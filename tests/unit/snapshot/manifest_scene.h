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
    struct wr_manifest_state states[4];
    struct wr_manifest_file files[4];
    uint8_t bytes[5];
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
    scene->states[2] = (struct wr_manifest_state){ .name = "windows",
                                                   .kind = WEIR_STATE_MAP,
                                                   .type = weir_type_of_kind(WEIR_I64),
                                                   .map_key_type = weir_type_of_kind(WEIR_STRING),
                                                   .namespace_type = weir_type_of_kind(WEIR_I32),
                                                   .has_timestamps = true };
    scene->states[3] = (struct wr_manifest_state){ .name = "rules",
                                                   .kind = WEIR_STATE_BROADCAST,
                                                   .type = weir_type_of_kind(WEIR_STRING),
                                                   .map_key_type = weir_type_of_kind(WEIR_I32) };
    scene->files[0] = (struct wr_manifest_file){ .role = WR_FILE_BLOCKS,
                                                 .path = "../shared/base.state",
                                                 .name = "",
                                                 .is_shared = true,
                                                 .size = 77,
                                                 .checkpoint_id = 40 };
    scene->files[1] = (struct wr_manifest_file){ .role = WR_FILE_BLOCKS,
                                                 .path = "state-0b0b-0",
                                                 .name = "",
                                                 .has_changes = true,
                                                 .size = 123456789012,
                                                 .crc = 0xDEADBEEF,
                                                 .checkpoint_id = 42 };
    memset(scene->files[1].attempt, 0x5A, 16);
    scene->files[2] = (struct wr_manifest_file){ .role = WR_FILE_ENGINE,
                                                 .path = "../shared/0b-000012.sst",
                                                 .name = "000012.sst",
                                                 .is_shared = true,
                                                 .size = 9,
                                                 .checkpoint_id = 41 };
    memcpy(scene->bytes, "bytes", 5);
    scene->files[3] = (struct wr_manifest_file){ .role = WR_FILE_BLOCKS,
                                                 .path = "",
                                                 .name = "",
                                                 .size = 5,
                                                 .checkpoint_id = 42,
                                                 .bytes = weir_bytes_of(scene->bytes, 5) };
    scene->lists[0] = (struct wr_manifest_list){ .state = 1, .count = 17 };
    for (uint32_t i = 0; i < 3; i++) {
        scene->subtasks[i] = (struct wr_manifest_subtask){ .index = i,
                                                           .key_group_first = i * 40,
                                                           .key_group_last = i * 40 + 39 };
    }
    scene->subtasks[0].files = scene->files;
    scene->subtasks[0].file_count = 3;
    scene->subtasks[1].files = &scene->files[3];
    scene->subtasks[1].file_count = 1;
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
                                                         .state_count = 4,
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
