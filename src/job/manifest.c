/* SPDX-License-Identifier: Apache-2.0 */
/* manifest: the tasks' acknowledgements put together as the checkpoint's manifest.
 *
 * Tasks may have registered their states in different orders, or not all of them: the operator's
 * list of states is the union by name, and each subtask's lists are renumbered into it.
 */
#include "base/fail.h"
#include "job/running.h"

#include <stdio.h>
#include <string.h>

static uint32_t
find_state(const struct wr_manifest_operator *self, const struct wr_manifest_state *state)
{
    for (uint32_t i = 0; i < self->state_count; i++) {
        if (self->states[i].kind == state->kind && strcmp(self->states[i].name, state->name) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

static const struct wr_operator_snapshot_result *
result_of(const struct wr_pending_checkpoint *pending, const struct wr_vertex *vertex,
          uint32_t position, uint32_t subtask) WR_ON(coordinator)
{
    return &pending->acknowledged[vertex->first_task + subtask]->snapshots[position];
}

/* The union of states over all subtasks. */
static weir_status
collect_states(const struct wr_pending_checkpoint *pending, struct wr_manifest *manifest,
               struct wr_manifest_operator *self, const struct wr_vertex *vertex, uint32_t position)
    WR_ON(coordinator)
{
    size_t most = 0;
    for (uint32_t i = 0; i < vertex->parallelism; i++) {
        most += result_of(pending, vertex, position, i)->state_count;
    }
    self->states = wr_arena_new(&manifest->arena, sizeof *self->states * (most != 0 ? most : 1));
    if (self->states == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < vertex->parallelism; i++) {
        const struct wr_operator_snapshot_result *result = result_of(pending, vertex, position, i);
        for (uint32_t j = 0; j < result->state_count; j++) {
            if (find_state(self, &result->states[j]) == UINT32_MAX) {
                self->states[self->state_count++] = result->states[j];
            }
        }
    }
    return WEIR_OK;
}

/* "NAME", "../shared/NAME", or "" with the bytes. The attempt is always this one: what an earlier
 * attempt wrote is never referred to. */
static weir_status
add_file(const weir_job *job, struct wr_manifest *manifest, const struct wr_file_entry *entry,
         struct wr_manifest_file *file) WR_ON(coordinator)
{
    char path[sizeof WR_SHARED_PREFIX + sizeof entry->file];
    (void)snprintf(path, sizeof path, "%s%s", entry->is_shared ? WR_SHARED_PREFIX : "",
                   entry->is_inlined ? "" : entry->file);
    *file = (struct wr_manifest_file){
        .role = entry->role,
        .path = wr_arena_copy_text(&manifest->arena, path),
        .name = wr_arena_copy_text(&manifest->arena, entry->name),
        .is_shared = entry->is_shared,
        .has_changes = entry->has_changes,
        .size = entry->size,
        .crc = entry->crc,
        .checkpoint_id = entry->checkpoint_id,
    };
    memcpy(file->attempt, job->attempt_bytes, sizeof file->attempt);
    if (file->path == NULL || file->name == NULL) {
        return WEIR_NOMEM;
    }
    if (entry->is_inlined) {
        uint8_t *copy = wr_arena_new(&manifest->arena, entry->bytes.size);
        if (copy == NULL) {
            return WEIR_NOMEM;
        }
        if (entry->bytes.size != 0) {
            memcpy(copy, entry->bytes.data, entry->bytes.size);
        }
        file->bytes = weir_bytes_of(copy, entry->bytes.size);
    }
    return WEIR_OK;
}

static weir_status
add_files(const weir_job *job, struct wr_manifest *manifest, const struct wr_file_list *list,
          struct wr_manifest_subtask *subtask) WR_ON(coordinator)
{
    subtask->files = wr_arena_new(&manifest->arena, list->count * sizeof *subtask->files);
    if (subtask->files == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        WR_TRY(add_file(job, manifest, &list->entries[i], &subtask->files[i]));
        subtask->file_count++;
    }
    return WEIR_OK;
}

static weir_status
add_subtask(const weir_job *job, struct wr_manifest *manifest, struct wr_manifest_operator *self,
            uint32_t index, const struct wr_operator_snapshot_result *result) WR_ON(coordinator)
{
    struct wr_manifest_subtask *subtask = &self->subtasks[index];
    *subtask = (struct wr_manifest_subtask){
        .index = index,
        .finished = result->finished,
        .key_group_first = result->keyed ? result->key_group_first : 1,
        .key_group_last = result->keyed ? result->key_group_last : 0,
    };
    if (result->files.count == 0) {
        return WEIR_OK;
    }
    WR_TRY(add_files(job, manifest, &result->files, subtask));
    subtask->lists =
        wr_arena_new(&manifest->arena,
                     sizeof *subtask->lists * (result->list_count != 0 ? result->list_count : 1));
    if (subtask->lists == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < result->list_count; i++) {
        subtask->lists[subtask->list_count++] = (struct wr_manifest_list){
            .state = find_state(self, &result->states[result->lists[i].state]),
            .count = result->lists[i].count,
        };
    }
    return WEIR_OK;
}

static weir_status
add_operator(const weir_job *job, const struct wr_pending_checkpoint *pending,
             struct wr_manifest *manifest, const struct wr_vertex *vertex, uint32_t position)
    WR_ON(coordinator)
{
    const struct wr_plan_operator *plan_operator = &job->plan->operators[vertex->chain[position]];
    if (plan_operator->node->uid[0] == '\0') {
        return WEIR_OK; /* stateless */
    }
    struct wr_manifest_operator *self = &manifest->operators[manifest->operator_count++];
    memcpy(self->id, plan_operator->id, sizeof self->id);
    self->uid = plan_operator->node->uid;
    self->name = plan_operator->node->name;
    self->backend = plan_operator->keyed ? job->task_environment.backend_factory->name : "";
    self->key_type = plan_operator->keyed ? wr_key_plan_type(plan_operator->key_plan) : NULL;
    self->parallelism = vertex->parallelism;
    self->max_parallelism = plan_operator->max_parallelism;
    self->subtasks = wr_arena_new(&manifest->arena, sizeof *self->subtasks * vertex->parallelism);
    if (self->subtasks == NULL) {
        return WEIR_NOMEM;
    }
    self->subtask_count = vertex->parallelism;
    WR_TRY(collect_states(pending, manifest, self, vertex, position));
    for (uint32_t i = 0; i < vertex->parallelism; i++) {
        WR_TRY(add_subtask(job, manifest, self, i, result_of(pending, vertex, position, i)));
    }
    return WEIR_OK;
}

static weir_status
fill_manifest(const weir_job *job, const struct wr_pending_checkpoint *pending,
              struct wr_manifest *manifest) WR_ON(coordinator)
{
    manifest->job_name = job->name;
    memcpy(manifest->job_id, job->job_id, sizeof manifest->job_id);
    memcpy(manifest->attempt, job->attempt, sizeof manifest->attempt);
    manifest->checkpoint_id = pending->id;
    manifest->kind = pending->kind;
    manifest->trigger_ms = pending->trigger_ms;
    manifest->complete_ms = job->os->ops->wall_ms(job->os);
    manifest->hash_seed = job->hash_seed;
    manifest->operators =
        wr_arena_new(&manifest->arena, sizeof *manifest->operators * job->plan->operator_count);
    if (manifest->operators == NULL) {
        return WEIR_NOMEM;
    }
    for (uint32_t i = 0; i < job->plan->vertex_count; i++) {
        const struct wr_vertex *vertex = &job->plan->vertices[i];
        for (uint32_t j = 0; j < vertex->chain_count; j++) {
            WR_TRY(add_operator(job, pending, manifest, vertex, j));
        }
    }
    return WEIR_OK;
}

weir_status
wr_job_manifest(weir_job *job, const struct wr_pending_checkpoint *pending,
                struct wr_manifest **out_manifest)
{
    struct wr_manifest *manifest = wr_memory_new(&job->alloc, sizeof *manifest);
    if (manifest == NULL) {
        return WEIR_NOMEM;
    }
    wr_manifest_init(manifest, &job->alloc);
    weir_status status = fill_manifest(job, pending, manifest);
    if (status != WEIR_OK) {
        wr_manifest_fini(manifest);
        wr_memory_free(&job->alloc, manifest, sizeof *manifest);
        return status;
    }
    *out_manifest = manifest;
    return WEIR_OK;
}
