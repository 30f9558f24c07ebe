/* SPDX-License-Identifier: Apache-2.0 */
/* task_checkpoint: a task's part in checkpoints: barriers out, snapshots begun, turned and ended.
 *
 * TRIGGER (source) or the gate's BARRIER waits as `event` until the chain rests and every channel
 * takes an event. Then, in one step: letters, hooks, barrier out, snapshot begun [pass_barrier].
 * Turns follow between batches; the io thread's last reply acknowledges [close_snapshot]. A failure
 * to write declines the checkpoint and leaves the task well; a failing hook is the function's, and
 * fails the task.
 *
 *   open:   7 --> 8 --> 9     being written, by id; the oldest that can move has the turn
 *   ended:  5, 6              written and not decided, or given up and not out of io's hands
 *
 * Invariants:
 *   (1) Barriers go out in the order of ids; so snapshots begin in it, and those that complete end
 *       in it: what a completed one leaves open is given up. Savepoints stand apart from that.
 *   (2) Every snapshot begun is acknowledged, declined, or was given up by the coordinator: by
 *       ABORT, or by COMPLETE of a newer one.
 *   (3) A turn takes TURN_NS or so: its bytes are halved when it took longer, doubled when it took
 *       less than a third. While records wait it rests TURN_REST times as long as it took, or for
 *       TURN_STEPS batches: a task that copied after each would do half of what it does else.
 *   (4) Letters are taken at the barrier, before anything of it: its plan is there, since whoever
 *       sent it did so before the barrier could be; and a snapshot builds on the newest checkpoint
 *       that was complete when this one was triggered, or on a newer.
 */
#include "runtime/process.h"
#include "runtime/report.h"
#include "runtime/task_state.h"

enum {
    TURN_NS = 20000,
    TURN_REST = 9,
    TURN_STEPS = 32,
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

static void
list_open(struct wr_task *task, struct wr_snapshot *snapshot)
{
    struct wr_snapshot *last = task->open_snapshots;
    while (last != NULL && wr_snapshot_next(last) != NULL) {
        last = wr_snapshot_next(last);
    }
    if (last == NULL) {
        task->open_snapshots = snapshot;
    } else {
        wr_snapshot_set_next(last, snapshot);
    }
}

static void
unlist_open(struct wr_task *task, struct wr_snapshot *snapshot)
{
    struct wr_snapshot *before = task->open_snapshots;
    if (before == snapshot) {
        task->open_snapshots = wr_snapshot_next(snapshot);
        return;
    }
    while (wr_snapshot_next(before) != snapshot) {
        before = wr_snapshot_next(before);
    }
    wr_snapshot_set_next(before, wr_snapshot_next(snapshot));
}

/* Whatever became of the open snapshot is told; it goes to the ended ones. err: why it failed. */
static void
close_snapshot(struct wr_task *task, struct wr_snapshot *snapshot, const weir_error *err)
{
    unlist_open(task, snapshot);
    list_ended(task, snapshot);
    if (wr_snapshot_is_complete(snapshot)) {
        wr_task_send_report(task, wr_snapshot_take_report(snapshot));
    } else if (err != NULL) {
        wr_task_report(task, WR_TASK_DECLINED, wr_snapshot_checkpoint(snapshot), err);
    }
}

static void
abort_snapshot(struct wr_task *task, struct wr_snapshot *snapshot)
{
    wr_snapshot_abort(snapshot);
    close_snapshot(task, snapshot, NULL);
}

void
wr_task_abort_snapshots(struct wr_task *task)
{
    while (task->open_snapshots != NULL) {
        abort_snapshot(task, task->open_snapshots);
    }
}

/* What has been until the barrier goes out. A source meets its only barrier then. */
static void
fill_phases(const struct wr_task *task, uint64_t checkpoint_id,
            struct wr_snapshot_parameters *parameters)
{
    const struct wr_checkpoint_plan *plan = wr_task_plan(task, checkpoint_id);
    bool has_aligned = task->aligning == checkpoint_id;
    uint64_t taken = wr_meter_get(&task->meter, WR_GAUGE_BYTES_IN);
    uint64_t first_ns = has_aligned ? task->aligning_ns : parameters->begun_ns;
    uint64_t triggered_ns = plan != NULL && plan->triggered_ns != 0 ? plan->triggered_ns : first_ns;
    parameters->first_barrier_ns = first_ns;
    parameters->phases = (struct wr_checkpoint_phases){
        .start_delay_ns = first_ns > triggered_ns ? first_ns - triggered_ns : 0,
        .processed_bytes = has_aligned ? taken - task->aligning_bytes : 0,
        .is_unaligned = !wr_task_is_source(task) && task->is_overtaking
    };
}

/* As its plan says; without one as a configured checkpoint, or as a savepoint that goes where
 * checkpoints go. */
static void
begin_snapshot(struct wr_task *task, uint64_t checkpoint_id, enum wr_checkpoint_kind kind,
               uint64_t begun_ns)
{
    const struct wr_checkpoint_plan *plan = wr_task_plan(task, checkpoint_id);
    struct wr_snapshot_parameters parameters = {
        .environment = task->environment,
        .operators = task->operators,
        .operator_count = task->operator_count,
        .checkpoint_id = checkpoint_id,
        .sharing = wr_checkpoint_is_savepoint(kind) ? WR_SHARING_NONE : WR_SHARING_BOTH,
        .capture = task->gate != NULL ? wr_gate_capture(task->gate) : NULL,
        .replies = &task->replies,
        .parker = task->parameters.parker,
        .begun_ns = begun_ns
    };
    fill_phases(task, checkpoint_id, &parameters);
    if (plan != NULL) {
        parameters.sharing = plan->sharing;
        parameters.directory = plan->directory;
    }
    weir_error err;
    struct wr_snapshot *snapshot = NULL;
    weir_status status = wr_snapshot_begin(&parameters, &snapshot, &err);
    if (snapshot == NULL) {
        wr_task_report(task, WR_TASK_DECLINED, checkpoint_id, &err);
        return;
    }
    list_open(task, snapshot);
    if (status != WEIR_OK) {
        close_snapshot(task, snapshot, &err);
    } else if (wr_snapshot_has_ended(snapshot)) {
        close_snapshot(task, snapshot, NULL); /* nothing to write */
    }
}

bool
wr_task_is_pressed(const struct wr_task *task)
{
    const struct wr_snapshot *at = task->open_snapshots;
    while (at != NULL && !wr_snapshot_is_pressed(at)) {
        at = wr_snapshot_next(at);
    }
    return at != NULL;
}

/* One turn, its size fitted to what a turn may take. */
static bool
turn_snapshot(struct wr_task *task, struct wr_snapshot *snapshot)
{
    weir_error err;
    bool moved = false;
    uint64_t begun_ns = wr_task_now_ns(task);
    weir_status status = wr_snapshot_turn(snapshot, task->turn_bytes, &moved, &err);
    uint64_t ended_ns = wr_task_now_ns(task);
    uint64_t took_ns = ended_ns - begun_ns;
    task->turn_at_ns = ended_ns + TURN_REST * took_ns;
    task->turn_rested = 0;
    if (took_ns > TURN_NS && task->turn_bytes > TURN_BYTES_LEAST) {
        task->turn_bytes /= 2;
    } else if (took_ns < TURN_NS / 3 && moved && task->turn_bytes < TURN_BYTES_MOST) {
        task->turn_bytes *= 2;
    }
    if (status != WEIR_OK) {
        close_snapshot(task, snapshot, &err);
        return true;
    }
    return moved;
}

bool
wr_task_is_turn_due(const struct wr_task *task)
{
    return task->open_snapshots != NULL && (!task->is_behind || task->turn_rested >= TURN_STEPS ||
                                            wr_task_now_ns(task) >= task->turn_at_ns);
}

/* A snapshot that cannot move waits for the io thread, and leaves the turn to the next one. */
bool
wr_task_turn_snapshots(struct wr_task *task)
{
    bool moved = false;
    struct wr_snapshot *next = NULL;
    for (struct wr_snapshot *at = task->open_snapshots; !moved && at != NULL; at = next) {
        next = wr_snapshot_next(at);
        moved = wr_snapshot_is_writing(at) && turn_snapshot(task, at);
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

/* After an aborted snapshot, or what an engine does by and by (shrinking). It may be the time that
 * makes something due, and no record need have come since. */
bool
wr_task_turn_idle_work(struct wr_task *task)
{
    struct wr_os *os = task->environment->os;
    bool more = false;
    for (uint32_t i = 0; i < task->operator_count; i++) {
        struct wr_operator *operator_ = &task->operators[i];
        if (operator_->idle_work && operator_->backend != NULL) {
            weir_backend_set_time(operator_->backend, os->ops->wall_ms(os));
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
wr_task_settle_snapshot(struct wr_task *task, uint64_t checkpoint_id, bool completed)
{
    struct wr_snapshot *next = NULL;
    for (struct wr_snapshot *at = task->open_snapshots; at != NULL; at = next) {
        next = wr_snapshot_next(at);
        if (wr_snapshot_checkpoint(at) == checkpoint_id) {
            abort_snapshot(task, at);
        }
    }
    for (struct wr_snapshot *at = task->ended_snapshots; at != NULL; at = wr_snapshot_next(at)) {
        if (wr_snapshot_checkpoint(at) == checkpoint_id) {
            wr_snapshot_settle(at, completed);
        }
    }
    wr_task_destroy_ended_snapshots(task);
}

static bool
is_older(const struct wr_snapshot *snapshot, uint64_t checkpoint_id)
{
    return wr_snapshot_checkpoint(snapshot) < checkpoint_id && !wr_snapshot_is_apart(snapshot);
}

void
wr_task_give_up_older(struct wr_task *task, uint64_t checkpoint_id)
{
    struct wr_snapshot *next = NULL;
    for (struct wr_snapshot *at = task->open_snapshots; at != NULL; at = next) {
        next = wr_snapshot_next(at);
        if (is_older(at, checkpoint_id)) {
            abort_snapshot(task, at);
        }
    }
    for (struct wr_snapshot *at = task->ended_snapshots; at != NULL; at = wr_snapshot_next(at)) {
        if (is_older(at, checkpoint_id)) {
            wr_snapshot_settle(at, false);
        }
    }
    wr_task_destroy_ended_snapshots(task);
}

/* A reply may end the snapshot that it belongs to. */
static void
close_what_has_ended(struct wr_task *task, const weir_error *err)
{
    struct wr_snapshot *next = NULL;
    for (struct wr_snapshot *at = task->open_snapshots; at != NULL; at = next) {
        next = wr_snapshot_next(at);
        if (wr_snapshot_has_ended(at)) {
            close_snapshot(task, at, err);
        }
    }
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
        close_what_has_ended(task, status == WEIR_OK ? NULL : &err);
    }
    if (any) {
        wr_task_destroy_ended_snapshots(task);
    }
    return any;
}

/* --- barriers --- */

void
wr_task_note_barrier(struct wr_task *task, uint64_t checkpoint_id, uint64_t now_ns)
{
    if (checkpoint_id > task->aligning) {
        task->aligning = checkpoint_id;
        task->aligning_ns = now_ns;
        task->aligning_bytes = wr_meter_get(&task->meter, WR_GAUGE_BYTES_IN);
    }
}

/* The functions' part; false: one has failed. */
static bool
call_hooks(struct wr_task *task, uint64_t checkpoint_id)
{
    for (uint32_t i = 0; i < task->operator_count; i++) {
        struct wr_operator *operator_ = &task->operators[i];
        if (operator_->function.snapshot_state != NULL) {
            weir_status status = operator_->function.snapshot_state(&operator_->context,
                                                                    operator_->self, checkpoint_id);
            if (wr_context_check(&operator_->context, status, "snapshot_state") != WEIR_OK) {
                return false;
            }
        }
        if (wr_operator_keep_watermark(operator_) != WEIR_OK) {
            return false;
        }
    }
    return true;
}

/* Takes the letters that are there; false: because of them the barrier does not go out now. */
static bool
is_still_due(struct wr_task *task)
{
    uint64_t id = task->event_id;
    enum wr_task_state state = task->state;
    (void)wr_task_take_letters(task);
    return task->event == WR_GATE_BARRIER && task->event_id == id && task->state == state &&
           !task->failure.failed;
}

/* Hooks, barrier, begin: what is behind the barrier and what is before it parts here. */
static void
pass_barrier(struct wr_task *task)
{
    if (!is_still_due(task)) {
        return; /* aborted while it waited, or the task ends */
    }
    uint64_t id = task->event_id;
    enum wr_checkpoint_kind kind = task->event_kind;
    uint64_t begun_ns = wr_task_now_ns(task);
    task->event = WR_GATE_NOTHING;
    if (call_hooks(task, id)) {
        wr_outputs_send(task->outputs, WR_BATCH_BARRIER, id, kind);
        wr_task_note_passed(task, id, kind);
        begin_snapshot(task, id, kind, begun_ns);
        wr_task_await_barrier(task);
        wr_task_end_if_asked(task);
    }
}

/* An event that waits: out, if every channel takes it. */
bool
wr_task_pass_event(struct wr_task *task)
{
    if (!wr_outputs_can_send(task->outputs)) {
        return false;
    }
    if (task->event == WR_GATE_BARRIER) {
        pass_barrier(task);
        return true;
    }
    task->event = WR_GATE_NOTHING;
    wr_outputs_send(task->outputs, WR_BATCH_CANCEL, task->event_id, WR_CHECKPOINT_PERIODIC);
    return true;
}
