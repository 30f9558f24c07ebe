/* SPDX-License-Identifier: Apache-2.0 */
/* task_letters: what a task does when it is told. Letters that come after a failure, or once the
 * task is closing, are thrown away: ENDED answers them all.
 */
#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "runtime/task_state.h"

/* --- letters --- */

static void
initialize(struct wr_task *task)
{
    wr_assert(task->state == TASK_CREATED);
    for (uint32_t i = task->operator_count; i-- > 0;) { /* the exit first, as Flink opens a chain */
        if (wr_operator_open(&task->operators[i]) != WEIR_OK) {
            return;
        }
    }
    task->state = TASK_READY;
    wr_task_count_state(task);
    wr_task_report(task, WR_TASK_INITIALIZED, 0, NULL);
}

static void
start(struct wr_task *task)
{
    wr_assert(task->state == TASK_READY);
    task->state = TASK_RUNNING;
    if (wr_task_is_source(task) && task->operators[0].finished) {
        wr_task_end_source(task);
    }
}

static void
trigger(struct wr_task *task, const struct wr_task_letter *letter)
{
    uint64_t id = letter->checkpoint_id;
    if (!wr_task_is_source(task) || id <= task->settled) {
        return;
    }
    if (task->state < TASK_RUNNING) {
        weir_error err;
        (void)wr_fail(&err, WEIR_BUSY, "the task does not run yet");
        wr_task_report(task, WR_TASK_DECLINED, id, &err);
        return;
    }
    task->event = WR_GATE_BARRIER; /* a newer one takes an older one's place */
    task->event_id = id;
    task->event_kind = letter->checkpoint_kind;
}

typedef weir_status notify_hook(weir_context *context, void *self, uint64_t checkpoint_id);

static void
notify(struct wr_task *task, uint64_t checkpoint_id, bool complete)
{
    for (uint32_t i = 0; i < task->operator_count && !task->failure.failed; i++) {
        struct wr_operator *operator_ = &task->operators[i];
        notify_hook *hook = complete ? operator_->function.notify_checkpoint_complete
                                     : operator_->function.notify_checkpoint_aborted;
        if (hook != NULL) {
            weir_status status = hook(&operator_->context, operator_->self, checkpoint_id);
            (void)!wr_context_check(&operator_->context, status,
                                    complete ? "notify_checkpoint_complete"
                                             : "notify_checkpoint_aborted");
        }
    }
    if (complete && !task->failure.failed) {
        wr_task_report(task, WR_TASK_NOTIFIED, checkpoint_id, NULL);
    }
}

static void
abort_checkpoint(struct wr_task *task, uint64_t id)
{
    if (task->gate != NULL) {
        wr_gate_abort(task->gate, id);
    }
    if (task->event == WR_GATE_BARRIER && task->event_id <= id) {
        task->event = WR_GATE_NOTHING;
    }
    if (task->settled < id) {
        task->settled = id;
    }
    if (task->open_snapshot != NULL && wr_snapshot_checkpoint(task->open_snapshot) == id) {
        wr_task_abort_snapshot(task);
    }
    wr_task_settle_snapshots(task, id, false);
    notify(task, id, false);
}

static void
take_letter(struct wr_task *task, const struct wr_task_letter *letter)
{
    if (task->state >= TASK_CLOSING || task->failure.failed) {
        return;
    }
    switch (letter->kind) {
    case WR_TASK_INITIALIZE:
        initialize(task);
        break;
    case WR_TASK_START:
        start(task);
        break;
    case WR_TASK_TRIGGER:
        trigger(task, letter);
        break;
    case WR_TASK_COMPLETE:
        wr_task_settle_snapshots(task, letter->checkpoint_id, true);
        notify(task, letter->checkpoint_id, true);
        break;
    case WR_TASK_ABORT:
        abort_checkpoint(task, letter->checkpoint_id);
        break;
    case WR_TASK_RELEASE:
        wr_task_settle_snapshots(task, letter->checkpoint_id, false);
        break;
    case WR_TASK_DRAIN:
        if (wr_task_is_source(task) && task->state == TASK_RUNNING) {
            wr_task_end_source(task);
        }
        break;
    case WR_TASK_FINISH:
    case WR_TASK_CANCEL:
        task->state = TASK_CLOSING;
        break;
    default:
        wr_assert(letter->kind <= WR_TASK_CANCEL); /* a letter of no kind */
    }
}

bool
wr_task_take_letters(struct wr_task *task)
{
    struct wr_letter *letter = NULL;
    bool any = false;
    while ((letter = wr_mailbox_pop(&task->letters)) != NULL) {
        any = true;
        take_letter(task, (struct wr_task_letter *)letter);
        wr_memory_free(&task->environment->alloc, letter, sizeof(struct wr_task_letter));
    }
    return any;
}
