/* SPDX-License-Identifier: Apache-2.0 */
/* lab_judge_view: what a job shows of itself must fit together, however its life went: sums are
 * sums of their parts, nothing is above its limit, and of a job that has finished all that was sent
 * was taken and all that was pending is committed.
 */
#include "support/lab_judge.h"

#include "weir/inspect.h"

#include <stdio.h>
#include <string.h>

static const char *
judge_checkpoint(const weir_checkpoint_view *checkpoint)
{
    weir_checkpoint_view sum = { 0 };
    for (uint32_t i = 0; i < checkpoint->task_count; i++) {
        const weir_checkpoint_task_view *task = &checkpoint->tasks[i];
        sum.acknowledged_count += task->acknowledged;
        sum.checkpointed_bytes += task->checkpointed_bytes;
        sum.state_bytes += task->state_bytes;
        sum.processed_bytes += task->processed_bytes;
        sum.persisted_bytes += task->persisted_bytes;
        sum.is_unaligned = sum.is_unaligned || task->is_unaligned;
        if (task->acknowledged && task->is_aborted) {
            return "a subtask has acknowledged a checkpoint and declined it";
        }
        if (task->persisted_bytes > task->checkpointed_bytes) {
            return "a subtask keeps more in flight than it has written";
        }
    }
    bool is_completed = checkpoint->status == WEIR_CHECKPOINT_COMPLETED;
    if (is_completed && sum.acknowledged_count != checkpoint->task_count) {
        return "a checkpoint is complete that not all subtasks have acknowledged";
    }
    bool is_same = sum.acknowledged_count == checkpoint->acknowledged_count &&
                   sum.checkpointed_bytes == checkpoint->checkpointed_bytes &&
                   sum.state_bytes == checkpoint->state_bytes &&
                   sum.processed_bytes == checkpoint->processed_bytes &&
                   sum.persisted_bytes == checkpoint->persisted_bytes &&
                   sum.is_unaligned == checkpoint->is_unaligned;
    return is_same ? NULL : "a checkpoint is not the sum of its subtasks";
}

static const char *
judge_checkpoints(const weir_checkpoints_view *checkpoints)
{
    const char *words = NULL;
    for (uint32_t i = 0; words == NULL && i < checkpoints->history_count; i++) {
        words = judge_checkpoint(&checkpoints->history[i]);
    }
    for (int i = 0; words == NULL && i < WEIR_PHASE_COUNT; i++) {
        if (checkpoints->phases[i].count > checkpoints->completed_count) {
            words = "more checkpoints are measured than were completed";
        }
    }
    return words;
}

static const char *
judge_subtasks(const weir_job_view *view, uint64_t now_ms)
{
    uint64_t sent = 0;
    uint64_t taken = 0;
    uint64_t pending = 0;
    for (uint32_t i = 0; i < view->vertex_count; i++) {
        for (uint32_t j = 0; j < view->vertices[i].parallelism; j++) {
            const weir_subtask_view *subtask = &view->vertices[i].subtasks[j];
            sent += subtask->bytes_out;
            taken += subtask->bytes_in;
            pending += subtask->pending_transactions;
            if (subtask->busy_ms + subtask->idle_ms + subtask->backpressured_ms > now_ms) {
                return "a subtask has had more time than there was";
            }
            if (view->vertices[i].is_source && subtask->bytes_in != 0) {
                return "a source has taken from nobody";
            }
        }
    }
    bool is_finished = view->state == WEIR_JOB_FINISHED;
    if (is_finished && sent != taken) {
        return "not all that was sent was taken";
    }
    return is_finished && pending != 0 ? "something is pending at the end" : NULL;
}

static const char *
judge_states(const weir_job_view *view)
{
    for (uint32_t i = 0; i < view->state_count; i++) {
        const weir_state_view *state = &view->states[i];
        const weir_vertex_view *vertex = &view->vertices[state->vertex];
        weir_state_size_view sum = { 0 };
        for (uint32_t j = 0; j < state->subtask_count; j++) {
            sum.entries += state->subtasks[j].entries;
            sum.bytes += state->subtasks[j].bytes;
            bool is_keyed = strcmp(state->backend, "operator") != 0;
            if (is_keyed && state->subtasks[j].bytes > vertex->subtasks[j].state_bytes) {
                return "a state is larger than all of its subtask's";
            }
        }
        if (state->subtask_count != vertex->parallelism || sum.entries != state->all.entries ||
            sum.bytes != state->all.bytes) {
            return "a state is not the sum of its subtasks";
        }
    }
    return NULL;
}

static const char *
judge_limits(const weir_job_view *view)
{
    for (uint32_t i = 0; i < view->memory_count; i++) {
        const weir_memory_view *pool = &view->memory[i];
        if (pool->used_bytes > pool->peak_bytes || pool->peak_bytes > pool->budget_bytes) {
            return "a pool of memory is above its peak, or that above the budget";
        }
    }
    const weir_restore_view *restore = &view->restore;
    bool is_over = restore->is_there && view->state == WEIR_JOB_FINISHED;
    if (restore->read_bytes > restore->total_bytes ||
        (is_over && restore->read_bytes != restore->total_bytes)) {
        return "a restore has read more than there is, or a finished job less";
    }
    return NULL;
}

bool
lab_judge_view(struct lab *lab, weir_job *job)
{
    const weir_job_view *view = NULL;
    weir_error error;
    if (weir_job_inspect(job, &view, &error) != WEIR_OK) {
        snprintf(lab->words, sizeof lab->words, "no view: %s", error.message);
        return false;
    }
    const char *words = judge_checkpoints(&view->checkpoints);
    words = words == NULL ? judge_subtasks(view, os_sim_now_ns(lab->sim) / 1000000U) : words;
    words = words == NULL ? judge_states(view) : words;
    words = words == NULL ? judge_limits(view) : words;
    if (words != NULL && lab->words[0] == '\0') {
        snprintf(lab->words, sizeof lab->words, "the job's view: %s", words);
    }
    weir_job_view_free(view);
    return words == NULL;
}
