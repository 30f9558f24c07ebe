/* SPDX-License-Identifier: Apache-2.0 */
/* task_checkpoint: a task's part in checkpoints: barriers out, snapshots begun, turned and ended.
 *
 * TRIGGER (source) or the gate's BARRIER waits as `event` until the chain rests and every channel
 * takes an event. Then, in one step: hooks, barrier out, snapshot begun [pass_barrier]. Turns
 * follow between batches; the io thread's last reply acknowledges [close_snapshot]. A failure to
 * write declines the checkpoint and leaves the task well; a failing hook is the function's, and
 * fails the task.
 *
 * Invariants:
 *   (1) At most one snapshot is open. Ended ones stay listed until the io thread lets go of them.
 *   (2) Every snapshot begun is acknowledged, declined, or was aborted by the coordinator or by the
 *       next barrier.
 *   (3) A turn takes TURN_NS or so: its bytes are halved when it took longer, doubled when it took
 *       less than a third.
 */
#include "runtime/process.h"
#include "runtime/report.h"
#include "runtime/task_state.h"

enum {
    TURN_NS = 20000,
    TURN_BYTES_LEAST = 4 << 10,
    TURN_BYTES_MOST = 4 << 20
};

/* --- snapshots --- */

static void
list_ended(struct wr_task *task, struct wr_snapshot *snapshot)
{
    wr_snapshot_set_next(snapshot, task->ended_snapshots);
    task->ended_snapshots = snapshot;
}

/* Whatever became of the open snapshot is told; it goes to the ended ones. err: why it failed. */
static void
close_snapshot(struct wr_task *task, const weir_error *err)
{
    struct wr_snapshot *snapshot = task->open_snapshot;
    task->open_snapshot = NULL;
    list_ended(task, snapshot);
    if (wr_snapshot_is_complete(snapshot)) {
        wr_task_send_report(task, wr_snapshot_take_report(snapshot));
    } else if (err != NULL) {
        wr_task_report(task, WR_TASK_DECLINED, wr_snapshot_checkpoint(snapshot), err);
    }
}

void
wr_task_abort_snapshot(struct wr_task *task)
{
    if (task->open_snapshot != NULL) {
        wr_snapshot_abort(task->open_snapshot);
        close_snapshot(task, NULL);
    }
}

static void
begin_snapshot(struct wr_task *task, uint64_t checkpoint_id)
{
    struct wr_snapshot_parameters parameters = { .environment = task->environment,
                                                 .operators = task->operators,
                                                 .operator_count = task->operator_count,
                                                 .checkpoint_id = checkpoint_id,
                                                 .replies = &task->replies,
                                                 .parker = task->parameters.parker };
    weir_error err;
    weir_status status = wr_snapshot_begin(&parameters, &task->open_snapshot, &err);
    if (status != WEIR_OK && task->open_snapshot == NULL) {
        wr_task_report(task, WR_TASK_DECLINED, checkpoint_id, &err);
    } else if (status != WEIR_OK) {
        close_snapshot(task, &err);
    } else if (wr_snapshot_has_ended(task->open_snapshot)) {
        close_snapshot(task, NULL); /* nothing to write */
    }
}

/* One turn, its size fitted to what a turn may take. */
bool
wr_task_turn_snapshot(struct wr_task *task)
{
    if (task->open_snapshot == NULL || !wr_snapshot_is_writing(task->open_snapshot)) {
        return false;
    }
    weir_error err;
    bool moved = false;
    uint64_t begun_ns = wr_task_now_ns(task);
    weir_status status = wr_snapshot_turn(task->open_snapshot, task->turn_bytes, &moved, &err);
    uint64_t took_ns = wr_task_now_ns(task) - begun_ns;
    if (took_ns > TURN_NS && task->turn_bytes > TURN_BYTES_LEAST) {
        task->turn_bytes /= 2;
    } else if (took_ns < TURN_NS / 3 && moved && task->turn_bytes < TURN_BYTES_MOST) {
        task->turn_bytes *= 2;
    }
    if (status != WEIR_OK) {
        close_snapshot(task, &err);
        return true;
    }
    return moved;
}

void
wr_task_note_idle_work(struct wr_task *task)
{
    for (uint32_t i = 0; i < task->operator_count; i++) {
        task->operators[i].idle_work = task->operators[i].backend != NULL;
    }
}

/* After an aborted snapshot, or what an engine does by and by (shrinking). */
bool
wr_task_turn_idle_work(struct wr_task *task)
{
    bool more = false;
    for (uint32_t i = 0; i < task->operator_count; i++) {
        struct wr_operator *operator_ = &task->operators[i];
        if (operator_->idle_work && operator_->backend != NULL) {
            operator_->idle_work = weir_backend_idle_turn(operator_->backend, task->turn_bytes);
            more = more || operator_->idle_work;
        }
    }
    return more;
}

void
wr_task_destroy_ended_snapshots(struct wr_task *task)
{
    struct wr_snapshot *kept = NULL;
    struct wr_snapshot *next = NULL;
    for (struct wr_snapshot *at = task->ended_snapshots; at != NULL; at = next) {
        next = wr_snapshot_next(at);
        if (wr_snapshot_can_destroy(at)) {
            wr_snapshot_destroy(at);
        } else {
            wr_snapshot_set_next(at, kept);
            kept = at;
        }
    }
    task->ended_snapshots = kept;
}

void
wr_task_settle_snapshots(struct wr_task *task, uint64_t checkpoint_id, bool completed)
{
    for (struct wr_snapshot *at = task->ended_snapshots; at != NULL; at = wr_snapshot_next(at)) {
        uint64_t id = wr_snapshot_checkpoint(at);
        if (id <= checkpoint_id) { /* an older one was given up, whoever did not say so */
            wr_snapshot_settle(at, completed && id == checkpoint_id);
        }
    }
    wr_task_destroy_ended_snapshots(task);
}

bool
wr_task_take_replies(struct wr_task *task)
{
    struct wr_letter *letter = NULL;
    bool any = false;
    while ((letter = wr_mailbox_pop(&task->replies)) != NULL) {
        weir_error err;
        weir_status status = wr_snapshot_reply(letter, &err);
        any = true;
        if (task->open_snapshot != NULL && wr_snapshot_has_ended(task->open_snapshot)) {
            close_snapshot(task, status == WEIR_OK ? NULL : &err);
        }
    }
    if (any) {
        wr_task_destroy_ended_snapshots(task);
    }
    return any;
}

/* --- barriers --- */

/* Hooks, barrier, begin: what is behind the barrier and what is before it parts here. */
static bool
pass_barrier(struct wr_task *task)
{
    uint64_t id = task->event_id;
    task->event = WR_GATE_NOTHING;
    if (id <= task->settled) {
        return true; /* aborted while it waited */
    }
    task->settled = id;
    /* older checkpoints: a newer barrier says that they were given up */
    wr_task_abort_snapshot(task);
    wr_task_settle_snapshots(task, id, false);
    for (uint32_t i = 0; i < task->operator_count; i++) {
        struct wr_operator *operator_ = &task->operators[i];
        if (operator_->function.snapshot_state != NULL) {
            weir_status status =
                operator_->function.snapshot_state(&operator_->context, operator_->self, id);
            if (wr_context_check(&operator_->context, status, "snapshot_state") != WEIR_OK) {
                return true;
            }
        }
        if (wr_operator_keep_watermark(operator_) != WEIR_OK) {
            return true;
        }
    }
    wr_outputs_send(task->outputs, WR_BATCH_BARRIER, id, task->event_kind);
    if (wr_task_is_source(task) && task->event_kind != WR_CHECKPOINT_PERIODIC) {
        task->stopped = true;
    }
    begin_snapshot(task, id);
    return true;
}

/* An event that waits: out, if every channel takes it. */
bool
wr_task_pass_event(struct wr_task *task)
{
    if (!wr_outputs_can_send(task->outputs)) {
        return false;
    }
    if (task->event == WR_GATE_BARRIER) {
        return pass_barrier(task);
    }
    task->event = WR_GATE_NOTHING;
    wr_outputs_send(task->outputs, WR_BATCH_CANCEL, task->event_id, WR_CHECKPOINT_PERIODIC);
    return true;
}
