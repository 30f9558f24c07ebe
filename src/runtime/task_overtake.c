/* SPDX-License-Identifier: Apache-2.0 */
/* task_overtake: barriers that do not wait for the records before them. Flink's unaligned
 * checkpoints, and its aligned timeout.
 *
 *   a plan's time has come, and its barrier stands in some ring or waits here
 *     -> the barrier leaves the gate                       [wr_gate_overtake]
 *     -> the chain hurries to its rest, beyond the channels' room   [wr_chain_set_hurry]
 *     -> hooks, barrier out, snapshot begun, like any other
 *     -> what the rings still hold before the barrier is captured by the snapshot's turns
 *
 * Each task decides by its own clock. Before the time has come the checkpoint is an aligned one,
 * and where it completes as such nothing is captured. A task whose inputs may not be overtaken
 * (forward, broadcast) aligns, but what it has to send on hurries as well.
 */
#include "runtime/task_state.h"

/* When its barrier may overtake records; UINT64_MAX: never. */
static uint64_t
unaligned_at(const struct wr_task_letter *trigger)
{
    bool may = trigger != NULL && trigger->plan != NULL &&
               (trigger->checkpoint_kind == WR_CHECKPOINT_PERIODIC ||
                trigger->checkpoint_kind == WR_CHECKPOINT_MANUAL);
    return may ? trigger->plan->unaligned_at_ns : UINT64_MAX;
}

/* The first plan whose barrier could overtake now or later; NULL: none. */
static const struct wr_task_letter *
find_overtaking(const struct wr_task *task)
{
    if (task->gate == NULL || !task->parameters.may_overtake || task->event != WR_GATE_NOTHING) {
        return NULL;
    }
    const struct wr_task_letter *at = task->plans;
    while (at != NULL && (at->is_passed || unaligned_at(at) == UINT64_MAX ||
                          !wr_gate_may_overtake(task->gate, at->checkpoint_id))) {
        at = at->next;
    }
    return at;
}

void
wr_task_overtake(struct wr_task *task, uint64_t now_ns)
{
    const struct wr_task_letter *found = find_overtaking(task);
    if (found != NULL && unaligned_at(found) <= now_ns) {
        wr_gate_overtake(task->gate, found->checkpoint_id);
        task->event = WR_GATE_BARRIER;
        task->event_id = found->checkpoint_id;
        task->event_kind = found->checkpoint_kind;
        task->is_overtaking = true;
        wr_task_note_barrier(task, found->checkpoint_id, now_ns);
    }
    bool is_urgent = task->event == WR_GATE_BARRIER &&
                     unaligned_at(wr_task_find_plan(task, task->event_id)) <= now_ns;
    wr_chain_set_hurry(&task->chain, is_urgent);
}

uint64_t
wr_task_overtake_at(const struct wr_task *task, uint64_t now_ns)
{
    const struct wr_task_letter *found = task->event == WR_GATE_BARRIER
                                             ? wr_task_find_plan(task, task->event_id)
                                             : find_overtaking(task);
    uint64_t at_ns = unaligned_at(found);
    return at_ns > now_ns ? at_ns : UINT64_MAX; /* what is past needs no clock */
}
