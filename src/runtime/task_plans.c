/* SPDX-License-Identifier: Apache-2.0 */
/* task_plans: the checkpoints that a task has been told of and that are not decided yet.
 *
 *   TRIGGER --> kept, by id --barrier out--> passed --COMPLETE, ABORT, RELEASE--> forgotten
 *
 * The letter itself is kept, so that no memory is needed for it. To a source the list is what it
 * has to inject, one barrier after the other; to any task it says how a checkpoint is to be taken.
 *
 * Invariants:
 *   (1) Ids ascend, and those that are passed come first.
 *   (2) A source stands still iff the barrier of a last checkpoint is out that was not aborted. So
 *       one that has completed stays in the list to the end.
 */
#include "base/memory.h"
#include "runtime/task_state.h"

void
wr_task_letter_free(const weir_alloc *alloc, struct wr_task_letter *letter)
{
    if (letter->plan != NULL) {
        wr_memory_free(alloc, letter->plan, sizeof *letter->plan);
    }
    wr_memory_free(alloc, letter, sizeof *letter);
}

void
wr_task_keep_plan(struct wr_task *task, struct wr_task_letter *trigger)
{
    struct wr_task_letter **at = &task->plans;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    trigger->next = NULL;
    *at = trigger;
}

struct wr_task_letter *
wr_task_find_plan(const struct wr_task *task, uint64_t checkpoint_id)
{
    struct wr_task_letter *at = task->plans;
    while (at != NULL && at->checkpoint_id != checkpoint_id) {
        at = at->next;
    }
    return at;
}

const struct wr_checkpoint_plan *
wr_task_plan(const struct wr_task *task, uint64_t checkpoint_id)
{
    const struct wr_task_letter *trigger = wr_task_find_plan(task, checkpoint_id);
    return trigger == NULL ? NULL : trigger->plan;
}

void
wr_task_forget_plan(struct wr_task *task, uint64_t checkpoint_id)
{
    struct wr_task_letter **at = &task->plans;
    while (*at != NULL && (*at)->checkpoint_id != checkpoint_id) {
        at = &(*at)->next;
    }
    struct wr_task_letter *found = *at;
    if (found != NULL) {
        *at = found->next;
        wr_task_letter_free(&task->environment->alloc, found);
    }
}

void
wr_task_forget_plans(struct wr_task *task)
{
    while (task->plans != NULL) {
        wr_task_forget_plan(task, task->plans->checkpoint_id);
    }
}

/* The first whose barrier is not out. */
static const struct wr_task_letter *
find_owed(const struct wr_task *task)
{
    const struct wr_task_letter *at = task->plans;
    while (at != NULL && at->is_passed) {
        at = at->next;
    }
    return at;
}

void
wr_task_await_barrier(struct wr_task *task)
{
    const struct wr_task_letter *at = find_owed(task);
    if (wr_task_is_source(task) && task->event == WR_GATE_NOTHING && at != NULL) {
        task->event = WR_GATE_BARRIER;
        task->event_id = at->checkpoint_id;
        task->event_kind = at->checkpoint_kind;
    }
}

void
wr_task_note_passed(struct wr_task *task, uint64_t checkpoint_id, enum wr_checkpoint_kind kind)
{
    struct wr_task_letter *plan = wr_task_find_plan(task, checkpoint_id);
    if (plan != NULL) {
        plan->is_passed = true;
    }
    task->passed = checkpoint_id;
    task->stopped = task->stopped || (wr_task_is_source(task) && wr_checkpoint_is_last(kind));
}

void
wr_task_end_if_asked(struct wr_task *task)
{
    if (task->drain_asked && task->state == TASK_RUNNING && !task->stopped &&
        find_owed(task) == NULL) {
        wr_task_end_source(task);
    }
}

void
wr_task_judge_stop(struct wr_task *task)
{
    if (!task->stopped) {
        return;
    }
    task->stopped = false;
    for (const struct wr_task_letter *at = task->plans; at != NULL; at = at->next) {
        task->stopped =
            task->stopped || (at->is_passed && wr_checkpoint_is_last(at->checkpoint_kind));
    }
}
