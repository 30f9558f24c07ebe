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
    task->has_opened = true;
    wr_task_measure(task);
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
    wr_task_end_if_asked(task);
}

static void
drain(struct wr_task *task)
{
    task->drain_asked = wr_task_is_source(task);
    wr_task_end_if_asked(task);
}

/* True: the letter is kept. */
static bool
trigger(struct wr_task *task, struct wr_task_letter *letter)
{
    uint64_t id = letter->checkpoint_id;
    if (id <= task->told) {
        return false;
    }
    task->told = id;
    if (wr_task_is_source(task) && task->state < TASK_RUNNING) {
        weir_error err;
        (void)wr_fail(&err, WEIR_BUSY, "the task does not run yet");
        wr_task_report(task, WR_TASK_DECLINED, id, &err);
        return false;
    }
    wr_task_keep_plan(task, letter);
    wr_task_await_barrier(task);
    return true;
}

typedef weir_status notify_hook(weir_context *context, void *self, uint64_t checkpoint_id);

/* The functions, once they are opened. */
static void
notify(struct wr_task *task, uint64_t checkpoint_id, bool complete)
{
    bool is_opened = task->state >= TASK_READY;
    for (uint32_t i = 0; is_opened && i < task->operator_count && !task->failure.failed; i++) {
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
    if (task->event == WR_GATE_BARRIER && task->event_id == id) {
        task->event = WR_GATE_NOTHING;
    }
    if (task->told < id) {
        task->told = id;
    }
    wr_task_forget_plan(task, id);
    wr_task_judge_stop(task);
    wr_task_await_barrier(task);
    wr_task_end_if_asked(task);
    wr_task_settle_snapshot(task, id, false);
    notify(task, id, false);
}

static void
complete_checkpoint(struct wr_task *task, uint64_t id)
{
    const struct wr_task_letter *plan = wr_task_find_plan(task, id);
    if (plan != NULL && !wr_checkpoint_is_last(plan->checkpoint_kind)) {
        wr_task_forget_plan(task, id);
    }
    wr_task_give_up_older(task, id);
    wr_task_settle_snapshot(task, id, true);
    notify(task, id, true);
}

/* True: the letter is kept. */
static bool
take_letter(struct wr_task *task, struct wr_task_letter *letter)
{
    if (task->state >= TASK_CLOSING || task->failure.failed) {
        return false;
    }
    switch (letter->kind) {
    case WR_TASK_INITIALIZE:
        initialize(task);
        break;
    case WR_TASK_START:
        start(task);
        break;
    case WR_TASK_TRIGGER:
        return trigger(task, letter);
    case WR_TASK_COMPLETE:
        complete_checkpoint(task, letter->checkpoint_id);
        break;
    case WR_TASK_ABORT:
        abort_checkpoint(task, letter->checkpoint_id);
        break;
    case WR_TASK_RELEASE:
        wr_task_forget_plan(task, letter->checkpoint_id);
        wr_task_settle_snapshot(task, letter->checkpoint_id, false);
        break;
    case WR_TASK_DRAIN:
        drain(task);
        break;
    case WR_TASK_FINISH:
    case WR_TASK_CANCEL:
        task->state = TASK_CLOSING;
        break;
    default:
        wr_assert(letter->kind <= WR_TASK_CANCEL); /* a letter of no kind */
    }
    return false;
}

bool
wr_task_take_letters(struct wr_task *task)
{
    struct wr_letter *popped = NULL;
    bool any = false;
    while ((popped = wr_mailbox_pop(&task->letters)) != NULL) {
        struct wr_task_letter *letter = (struct wr_task_letter *)popped; /* it stands first */
        any = true;
        if (!take_letter(task, letter)) {
            wr_task_letter_free(&task->environment->alloc, letter);
        }
    }
    return any;
}
