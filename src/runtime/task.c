/* SPDX-License-Identifier: Apache-2.0 */
/* task: one subtask as a step function.
 *
 *   CREATED ---INITIALIZE---> READY      [initialize]       restore, initialize_state, open
 *   READY -----START--------> RUNNING    [start]            FINISHING if its source had finished
 *   RUNNING ---end of input-> FINISHING  [poll_source, take_input]
 *   FINISHING -all is out---> DRAINED    [go_on_finishing]  finish() in chain order, then END
 *   any -------failure------> CLOSING    [begin_closing]    FAILED is reported first
 *   any -------CANCEL-------> CLOSING    [take_letter]
 *   any -------FINISH-------> CLOSING    [take_letter]      drained, or behind a STOP
 *   CLOSING ---replies in---> ENDED      [go_on_closing]
 *
 * A step: replies of the io thread, letters, one turn of an open snapshot, then one piece of work:
 * of the chain; and when that rests, in this order: finish(), the event that waits to go out, the
 * source's next poll or what the gate has.
 *
 * Invariants:
 *   (1) While an event waits nothing is taken from source or gate: records behind a barrier cannot
 *       overtake it.
 *   (2) finish() of all operators happens between two barriers: a checkpoint sees all or nothing.
 *   (3) Triggers come in the order of their ids, barriers go out in it; a late one does nothing.
 *   (4) A step never waits. IDLE means that only a letter, a reply, or a channel's other side (all
 *       wake the parker), or the time in *out_wake_at_ns can bring work. Before it, every record is
 *       published.
 *   (5) Closing closes every function that was opened, once; ENDED is reported when no snapshot is
 *       left in the io thread's hands.
 */
#include "runtime/task.h"

#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/role.h"
#include "runtime/report.h"
#include "runtime/task_state.h"

enum {
    SOURCE_PAUSE_NS = 1000000, /* an idle source that set no time */
    STEPS_A_COUNT = 64         /* its state is measured once in so many, and before it rests */
};

/* --- work at rest --- */

/* There is work, but no room for what comes of it: false, for whoever found that. */
static bool
lacks_room(struct wr_task *task)
{
    task->activity = WR_ACTIVITY_BACKPRESSURED;
    return false;
}

static bool
go_on_finishing(struct wr_task *task)
{
    if (task->finish_next < task->operator_count) {
        struct wr_operator *operator_ = &task->operators[task->finish_next++];
        if (!operator_->finished && operator_->function.finish != NULL) {
            weir_collector *out = operator_->has_output ? &operator_->collector : NULL;
            weir_status status =
                operator_->function.finish(&operator_->context, operator_->self, out);
            (void)!wr_context_check(&operator_->context, status, "finish");
        }
        return true; /* what it emitted goes on before the next one's turn */
    }
    if (!wr_outputs_can_send(task->outputs)) {
        return lacks_room(task);
    }
    for (uint32_t i = 0; i < task->operator_count; i++) {
        task->operators[i].finished = true;
    }
    wr_outputs_send(task->outputs, WR_BATCH_END, 0, WR_CHECKPOINT_PERIODIC);
    task->state = TASK_DRAINED;
    wr_task_report(task, WR_TASK_DRAINED, 0, NULL);
    return true;
}

/* The input has ended: the last watermark of all goes ahead of the end. */
void
wr_task_end_source(struct wr_task *task)
{
    struct wr_operator *source = &task->operators[0];
    task->state = TASK_FINISHING;
    if (source->has_output) {
        (void)!wr_collector_tell_time(&source->collector,
                                      wr_time_of(WEIR_MAX_WATERMARK, WR_TIME_SAME));
    }
}

/* Who has fallen behind takes as much at a time as there is to take; nobody tells how much that is.
 */
static void
note_batch(struct wr_task *task, uint64_t records)
{
    uint64_t now = records * 256;
    task->fullest = now > task->fullest ? now : task->fullest - (task->fullest - now) / 256;
    task->is_behind = now >= task->fullest / 2 && records > 0;
}

static bool
poll_source(struct wr_task *task, uint64_t now)
{
    struct wr_operator *source = &task->operators[0];
    if (task->state != TASK_RUNNING || task->stopped || now < task->source_wake_at_ns) {
        return false;
    }
    if (!wr_outputs_have_room(task->outputs)) {
        return lacks_room(task);
    }
    weir_context *context = &source->context;
    weir_poll answer = WEIR_POLL_IDLE;
    uint64_t before = wr_collector_count(&source->collector);
    context->wake_at_ns = 0;
    wr_collector_set_time(&source->collector, WEIR_NO_TIMESTAMP);
    weir_status status = source->function.poll(context, source->self, &source->collector,
                                               task->environment->batch_count, &answer);
    if (wr_context_check(context, status, "poll") != WEIR_OK) {
        return true;
    }
    uint64_t emitted = wr_collector_count(&source->collector) - before;
    context->records_before += emitted;
    note_batch(task, emitted);
    wr_meter_add(&task->meter, WR_GAUGE_RECORDS_IN, emitted);
    switch (answer) {
    case WEIR_POLL_MORE:
        task->source_wake_at_ns = 0;
        return true;
    case WEIR_POLL_IDLE:
        task->source_wake_at_ns =
            context->wake_at_ns != 0 ? context->wake_at_ns : now + SOURCE_PAUSE_NS;
        return emitted != 0 || !wr_collector_is_empty(&source->collector);
    case WEIR_POLL_END:
        wr_task_end_source(task);
        return true;
    default:
        (void)weir_context_fail(context, WEIR_INVALID, "poll answered %d: no weir_poll",
                                (int)answer);
        return true;
    }
}

static bool
take_input(struct wr_task *task, uint64_t now)
{
    if (!wr_outputs_have_room(task->outputs)) {
        return lacks_room(task);
    }
    struct wr_gate_event event = wr_gate_poll(task->gate);
    if (wr_gate_pending(task->gate) != 0) {
        wr_task_note_barrier(task, wr_gate_pending(task->gate), now);
    }
    switch (event.kind) {
    case WR_GATE_NOTHING:
        return false;
    case WR_GATE_RECORDS:
        wr_assert(task->state == TASK_RUNNING);
        note_batch(task, event.batch->count);
        wr_meter_add(&task->meter, WR_GAUGE_RECORDS_IN, event.batch->count);
        wr_meter_add(&task->meter, WR_GAUGE_BYTES_IN, event.batch->used);
        wr_chain_give(&task->chain, event.batch, event.side);
        return true;
    case WR_GATE_TIME:
        wr_chain_tell_time(&task->chain, event.time);
        return true;
    case WR_GATE_BARRIER:
    case WR_GATE_CANCEL:
        task->event = event.kind;
        task->event_id = event.checkpoint_id;
        task->event_kind = event.checkpoint_kind;
        task->is_overtaking = false;
        wr_task_note_barrier(task, event.checkpoint_id, now);
        return true;
    case WR_GATE_END:
        task->state = TASK_FINISHING;
        return true;
    default:
        wr_assert(event.kind <= WR_GATE_END); /* an event of no kind */
        return false;
    }
}

/* What the wall clock makes due is called in RUNNING alone: not at the end of input. A barrier that
 * waits goes first. */
static bool
may_fire(const struct wr_task *task)
{
    return task->state == TASK_RUNNING && task->event == WR_GATE_NOTHING &&
           !wr_task_is_pressed(task);
}

/* One piece of work; false: there is none, or no room for it. */
static bool
work(struct wr_task *task, uint64_t now)
{
    task->activity = WR_ACTIVITY_IDLE;
    if (wr_task_is_pressed(task)) {
        task->activity = WR_ACTIVITY_BUSY;
        return false; /* turns and the io thread make room first */
    }
    if (may_fire(task) && wr_chain_fire_due(&task->chain, now)) {
        return true;
    }
    enum wr_chain_result result = wr_chain_step(&task->chain, now);
    if (result != WR_CHAIN_RESTING) {
        return result == WR_CHAIN_WORKED || lacks_room(task);
    }
    if (task->state == TASK_FINISHING) {
        return go_on_finishing(task); /* a checkpoint sees all of it or nothing */
    }
    if (task->event != WR_GATE_NOTHING) {
        return wr_task_pass_event(task) || lacks_room(task);
    }
    return wr_task_is_source(task) ? poll_source(task, now) : take_input(task, now);
}

/* --- the end --- */

static void
begin_closing(struct wr_task *task)
{
    if (task->failure.failed && task->failed_report != NULL) {
        struct wr_task_report *failed = task->failed_report;
        task->failed_report = NULL;
        failed->error = task->failure.error;
        wr_task_send_report(task, failed);
    }
    task->state = TASK_CLOSING;
    task->event = WR_GATE_NOTHING;
}

static enum wr_step
go_on_closing(struct wr_task *task)
{
    wr_task_abort_snapshots(task);
    if (task->has_opened) { /* what they held at the end stays to be seen */
        wr_task_measure(task);
        wr_meter_turn(&task->meter, WR_ACTIVITY_NONE, wr_task_now_ns(task));
        task->has_opened = false;
    }
    for (uint32_t i = 0; i < task->operator_count; i++) {
        wr_operator_close(&task->operators[i]); /* the second time there is nothing to do */
    }
    if (task->failure.failed && task->failed_report != NULL) {
        begin_closing(task); /* a close that failed is a failure like any other */
    }
    wr_task_destroy_ended_snapshots(task);
    if (task->ended_snapshots != NULL) {
        return WR_STEP_IDLE;
    }
    task->state = TASK_ENDED;
    struct wr_task_report *ended = task->ended_report;
    task->ended_report = NULL;
    wr_task_send_report(task, ended);
    return WR_STEP_ENDED;
}

/* --- public --- */

/* When the source wants to be polled, or the wall clock makes something due; what is past waits for
 * room, which wakes by itself. */
static uint64_t
wake_at(struct wr_task *task, uint64_t now)
{
    uint64_t wake_at_ns = wr_task_overtake_at(task, now);
    if (task->state != TASK_RUNNING) {
        return wake_at_ns; /* nothing else waits for the clock any more */
    }
    if (wr_task_is_source(task) && !task->stopped && task->source_wake_at_ns > now &&
        task->source_wake_at_ns < wake_at_ns) {
        wake_at_ns = task->source_wake_at_ns;
    }
    uint64_t due_at_ns = may_fire(task) ? wr_chain_due_at(&task->chain, now) : UINT64_MAX;
    return due_at_ns > now && due_at_ns < wake_at_ns ? due_at_ns : wake_at_ns;
}

enum wr_step
wr_task_step(struct wr_task *task, uint64_t *out_wake_at_ns)
{
    wr_role_enter_task();
    *out_wake_at_ns = UINT64_MAX;
    if (task->state == TASK_ENDED) {
        return WR_STEP_ENDED;
    }
    bool is_turn_due = false;
    bool progress = wr_task_take_replies(task);
    progress = wr_task_take_letters(task) || progress;
    if (task->state < TASK_CLOSING && !task->failure.failed) {
        is_turn_due = wr_task_is_turn_due(task);
        task->turn_rested += !is_turn_due;
        progress = (is_turn_due && wr_task_turn_snapshots(task)) || progress;
        progress = wr_task_turn_idle_work(task) || progress;
    }
    uint64_t now = 0;
    if (task->state >= TASK_RUNNING && task->state < TASK_CLOSING && !task->failure.failed) {
        now = wr_task_now_ns(task);
        wr_task_overtake(task, now);
        bool has_worked = work(task, now);
        progress = has_worked || progress;
        if (!has_worked && !is_turn_due) {
            progress = wr_task_turn_snapshots(task) || progress; /* nothing is kept waiting by it */
        }
        if (progress) {
            wr_outputs_flush_due(task->outputs, now);
        } else {
            wr_outputs_flush(task->outputs);
        }
        wr_meter_set(&task->meter, WR_GAUGE_RECORDS_OUT, task->chain.records_out);
        wr_meter_turn(&task->meter, progress ? WR_ACTIVITY_BUSY : task->activity, now);
    }
    if (task->failure.failed && task->state < TASK_CLOSING) {
        begin_closing(task);
    }
    if (task->state == TASK_CLOSING) {
        return go_on_closing(task);
    }
    task->is_changed = task->is_changed || progress;
    if (!progress || ++task->steps % STEPS_A_COUNT == 0) {
        if (task->is_changed) { /* who spins for work does not measure again and again */
            wr_task_measure(task);
            task->is_changed = false;
        }
        wr_task_note_idle_work(task);
    }
    if (!progress) {
        progress = wr_task_turn_idle_work(task);
    }
    *out_wake_at_ns = wake_at(task, now);
    return progress ? WR_STEP_PROGRESS : WR_STEP_IDLE;
}

void
wr_task_send(struct wr_task *task, struct wr_task_letter *letter)
{
    struct wr_parker *parker = task->parameters.parker; /* the letter may end the task */
    wr_mailbox_push(&task->letters, &letter->letter);
    wr_parker_wake(parker);
}

/* --- making and unmaking --- */

static weir_status
create_operators(struct wr_task *task, weir_error *err)
{
    const struct wr_task_parameters *parameters = &task->parameters;
    size_t size = parameters->operator_count * sizeof *task->operators;
    task->operators = wr_memory_new(&task->environment->alloc, size);
    if (task->operators == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a task of %u operators",
                       parameters->operator_count);
    }
    for (uint32_t i = 0; i < parameters->operator_count; i++) {
        struct wr_operator_parameters made = { .environment = task->environment,
                                               .plan = &parameters->operators[i],
                                               .subtask = parameters->subtask,
                                               .parallelism = parameters->parallelism,
                                               .failure = &task->failure,
                                               .restored_bytes =
                                                   &task->meter.gauges[WR_GAUGE_RESTORED_BYTES] };
        WR_TRY(wr_operator_init(&task->operators[i], &made, err));
        task->operator_count++;
    }
    for (uint32_t i = 0; i < task->operator_count; i++) {
        if (parameters->operators[i].keep_watermark) {
            task->operators[i].counts_late = true;
            break;
        }
    }
    return WEIR_OK;
}

static weir_status
create_ends(struct wr_task *task)
{
    const struct wr_task_parameters *parameters = &task->parameters;
    const struct wr_task_environment *environment = task->environment;
    if (parameters->input_count != 0) {
        WR_TRY(wr_gate_create(&environment->alloc, parameters->inputs, parameters->input_count,
                              environment->exactly_once, &task->gate));
        wr_gate_set_sides(task->gate, parameters->sides);
    }
    struct wr_outputs_parameters outputs = {
        .alloc = environment->alloc,
        .network_alloc = environment->network_alloc,
        .edges = parameters->outputs,
        .edge_count = parameters->output_count,
        .subtask = parameters->subtask,
        .buffer_timeout_ns = environment->buffer_timeout_ns,
        .overflow_max = environment->emit_limit_bytes,
        .context = &task->operators[parameters->operator_count - 1].context
    };
    WR_TRY(wr_outputs_create(&outputs, &task->outputs));
    task->failed_report = wr_report_create(&environment->alloc, WR_TASK_FAILED, 0);
    task->ended_report = wr_report_create(&environment->alloc, WR_TASK_ENDED, 0);
    return task->failed_report != NULL && task->ended_report != NULL ? WEIR_OK : WEIR_NOMEM;
}

weir_status
wr_task_create(const struct wr_task_parameters *parameters, struct wr_task **out_task,
               weir_error *err)
{
    const struct wr_task_environment *environment = parameters->environment;
    wr_assert(parameters->operator_count >= 1);
    wr_assert((parameters->input_count == 0) == (parameters->operators[0].input_type == NULL));
    struct wr_task *task = wr_memory_new(&environment->alloc, sizeof *task);
    if (task == NULL) {
        return wr_fail(err, WEIR_NOMEM, "no memory for a task");
    }
    task->parameters = *parameters;
    task->environment = environment;
    task->turn_bytes = WR_TURN_BYTES_FIRST;
    wr_mailbox_init(&task->letters);
    wr_mailbox_init(&task->replies);
    wr_meter_init(&task->meter, &environment->alloc);
    weir_status status = create_operators(task, err);
    if (status == WEIR_OK) {
        status = create_ends(task);
        if (status != WEIR_OK) {
            (void)wr_fail(err, status, "no memory for the ends of task '%s'",
                          parameters->operators[0].name);
        }
    }
    if (status != WEIR_OK) {
        wr_task_destroy(task);
        return status;
    }
    task->chain = (struct wr_chain){ .operators = task->operators,
                                     .count = task->operator_count,
                                     .outputs = task->outputs,
                                     .gate = task->gate,
                                     .failure = &task->failure };
    *out_task = task;
    return WEIR_OK;
}

void
wr_task_destroy(struct wr_task *task)
{
    if (task == NULL) {
        return;
    }
    weir_alloc alloc = task->environment->alloc;
    struct wr_letter *letter = NULL;
    while ((letter = wr_mailbox_pop(&task->letters)) != NULL) {
        wr_task_letter_free(&alloc, (struct wr_task_letter *)letter);
    }
    wr_task_forget_plans(task);
    wr_chain_fini(&task->chain);
    for (uint32_t i = 0; i < task->operator_count; i++) {
        wr_operator_fini(&task->operators[i]);
    }
    if (task->operators != NULL) {
        wr_memory_free(&alloc, task->operators,
                       task->parameters.operator_count * sizeof *task->operators);
    }
    wr_gate_destroy(task->gate);
    wr_outputs_destroy(task->outputs);
    wr_task_report_free(&alloc, task->failed_report);
    wr_task_report_free(&alloc, task->ended_report);
    wr_meter_fini(&task->meter);
    wr_memory_free(&alloc, task, sizeof *task);
}
