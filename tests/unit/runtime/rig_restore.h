/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/runtime/rig_restore.h: from the acknowledgements of a checkpoint to the operators of
 * the next job, as the manifest and the assignment do it. */
#ifndef WEIR_TESTS_RIG_RESTORE_H
#define WEIR_TESTS_RIG_RESTORE_H

#include "task_rig.h"

enum {
    RIG_FILES = 64 /* of an operator, in all its subtasks */
};

/* What subtasks of the next job read of the acknowledged checkpoint: kept by the caller. */
struct rig_restore {
    struct wr_restore_file files[RIG_VERTICES][RIG_OPERATORS][RIG_FILES];
    char paths[RIG_VERTICES][RIG_OPERATORS][RIG_FILES][300];
    struct wr_restore_list lists[RIG_TASKS][RIG_OPERATORS][RIG_TASKS];
    struct wr_manifest_state states[RIG_VERTICES][RIG_OPERATORS];
    uint32_t file_count[RIG_VERTICES][RIG_OPERATORS];
    uint64_t list_counts[RIG_VERTICES][RIG_OPERATORS][RIG_TASKS];
    uint32_t own_file[RIG_VERTICES][RIG_OPERATORS][RIG_TASKS]; /* where operator state stands */
    const char *directory; /* of a savepoint; NULL: the checkpoints' */
    bool finished[RIG_VERTICES][RIG_OPERATORS];
    uint64_t checkpoint_id;
};

static RIG_UNUSED void
rig_note_file(struct rig_restore *restore, uint32_t v, uint32_t o, const struct rig *rig,
              uint32_t subtask, const struct wr_file_entry *entry)
{
    const struct rig_vertex *vertex = &rig->vertices[v];
    const struct wr_task_report *ack = rig->acks[vertex->first_task + subtask];
    uint32_t number = restore->file_count[v][o]++;
    assert_true(number < RIG_FILES);
    char *path = restore->paths[v][o][number];
    if (restore->directory != NULL) {
        (void)snprintf(path, sizeof restore->paths[0][0][0], "%s/%s", restore->directory,
                       entry->file);
    } else {
        (void)snprintf(path, sizeof restore->paths[0][0][0], "/ck/%llu-%s",
                       (unsigned long long)entry->checkpoint_id, entry->file);
    }
    struct wr_restore_file *file = &restore->files[v][o][number];
    *file = (struct wr_restore_file){ .path = path,
                                      .identity = { .checkpoint_id = entry->checkpoint_id,
                                                    .subtask = subtask },
                                      .size = entry->size,
                                      .crc = entry->crc,
                                      .has_changes = entry->has_changes,
                                      .keyed = ack->snapshots[o].keyed };
    memcpy(file->identity.attempt, rig->environment.attempt_bytes, 16);
    memcpy(file->identity.operator_id, vertex->operators[o].id, 16);
    restore->own_file[v][o][subtask] = number; /* the last one */
}

static RIG_UNUSED void
rig_note_operator(struct rig_restore *restore, uint32_t v, uint32_t o, const struct rig *rig,
                  uint32_t subtask)
{
    const struct wr_task_report *ack = rig->acks[rig->vertices[v].first_task + subtask];
    const struct wr_operator_snapshot_result *result = &ack->snapshots[o];
    restore->finished[v][o] = result->finished;
    for (uint32_t i = 0; i < result->files.count; i++) {
        rig_note_file(restore, v, o, rig, subtask, &result->files.entries[i]);
    }
    if (result->list_count != 0) {
        restore->states[v][o] = result->states[result->lists[0].state];
        restore->states[v][o].name = "position";
        restore->states[v][o].type = weir_type_of_kind(WEIR_I64);
        restore->list_counts[v][o][subtask] = result->lists[0].count;
    }
}

/* Before the old job is torn down. directory: the savepoint's; NULL: a checkpoint. */
static RIG_UNUSED struct rig_restore *
rig_note_from(const struct rig *rig, const char *directory)
{
    struct rig_restore *restore = test_calloc(1, sizeof *restore);
    restore->checkpoint_id = rig->acks[0]->checkpoint_id;
    restore->directory = directory;
    for (uint32_t v = 0; v < rig->vertex_count; v++) {
        for (uint32_t o = 0; o < rig->vertices[v].operator_count; o++) {
            for (uint32_t s = 0; s < rig->vertices[v].parallelism; s++) {
                rig_note_operator(restore, v, o, rig, s);
            }
        }
    }
    return restore;
}

static RIG_UNUSED struct rig_restore *
rig_note(const struct rig *rig)
{
    return rig_note_from(rig, NULL);
}

/* Into the operators of the new job, before rig_create. Each subtask reads all keyed files; list
 * element i goes to subtask i. */
static RIG_UNUSED void
rig_apply(struct rig *rig, struct rig_restore *restore)
{
    uint32_t task = 0;
    for (uint32_t v = 0; v < rig->vertex_count; v++) {
        for (uint32_t s = 0; s < rig->vertices[v].parallelism; s++, task++) {
            for (uint32_t o = 0; o < rig->vertices[v].operator_count; o++) {
                struct wr_operator_restore *out = &rig->operators[task][o].restore;
                *out = (struct wr_operator_restore){ .restored = true,
                                                     .finished = restore->finished[v][o],
                                                     .checkpoint_id = restore->checkpoint_id,
                                                     .files = restore->files[v][o],
                                                     .file_count = restore->file_count[v][o],
                                                     .lists = restore->lists[task][o] };
                if (restore->list_counts[v][o][s] != 0) {
                    restore->lists[task][o][0] =
                        (struct wr_restore_list){ .file = restore->own_file[v][o][s],
                                                  .state = &restore->states[v][o],
                                                  .count = restore->list_counts[v][o][s] };
                    out->list_count = 1;
                }
            }
        }
    }
}

#endif /* WEIR_TESTS_RIG_RESTORE_H */
