/* SPDX-License-Identifier: Apache-2.0 */
/* task: one subtask as a step function.
 *
 *   CREATED ---INITIALIZE--> READY       [initialize]      restore, initialize_state, open, exit
 * first READY -----START-------> RUNNING     [start]           FINISHING where the source had
 * finished RUNNING ---end of input> FINISHING   [take_event, poll_source] FINISHING --all out---->
 * DRAINED     [go_on_finishing] finish() in chain order, then END any -------failure-----> CLOSING
 * [begin_closing]   FAILED is reported first any -------CANCEL------> CLOSING DRAINED
 * ---FINISH------> CLOSING                       so does RUNNING after a STOP CLOSING ---replies
 * in--> ENDED       [go_on_closing]
 *
 * A step: replies of the io thread, letters, one turn of the open snapshot, then one piece of work:
 * of the chain; and when that rests, in this order: the event that waits to go out, finish(), the
 * source's next poll or what the gate has.
 *
 * A checkpoint: TRIGGER (source) or the gate's BARRIER becomes `event`; at rest, and when every
 * channel takes an event: hooks, barrier out, snapshot begun, all in one step [pass_barrier]. Turns
 * follow; the last reply acknowledges.
 *
 * Invariants:
 *   (1) While `event` waits nothing is taken from source or gate: records behind a barrier cannot
 *       overtake it.
 *   (2) At most one snapshot is open. Ended ones stay listed until the io thread has let go of
 * them; ENDED is reported only with the list empty. (3) Ids below `settled` are passed or aborted:
 * a late barrier or trigger of them does nothing. (4) A step never waits. IDLE means that only a
 * letter, a reply, a channel's other side (all wake the parker) or the time in *out_wake_at_ns can
 * bring work; before it, every record is published.
 */
#include "runtime/task.h"

#include "base/check.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/role.h"
#include "runtime/chain.h"
#include "runtime/report.h"
#include "runtime/snapshot.h"

#include <stdatomic.h>

enum task_state {
    TASK_CREATED,
    TASK_READY,
    TASK_RUNNING,
    TASK_FINISHING,
    TASK_DRAINED,
    TASK_CLOSING,
    TASK_ENDED
};

enum {
    SOURCE_PAUSE_NS = 1000000, /* an idle source that set no time */
    TURN_NS = 20000,           /* what a turn may take */
    TURN_BYTES_FIRST = 64 << 10,
    TURN_BYTES_LEAST = 4 << 10,
    TURN_BYTES_MOST = 4 << 20,
    STEPS_A_COUNT = 64 /* state is counted once in so many steps, and when idle */
};

struct wr_task {
    struct wr_task_parameters parameters;
    const struct wr_task_environment *environment;
    enum task_state state;
    struct wr_mailbox letters;
    struct wr_mailbox replies; /* of the io thread */
    struct wr_failure failure;
    struct wr_operator *operators;
    uint32_t operator_count; /* initialised ones */
    struct wr_gate *gate;
    struct wr_outputs *outputs;
    struct wr_chain chain;
    /* source */
    bool stopped; /* the barrier of a STOP or FINAL checkpoint is out */
    uint64_t source_wake_at_ns;
    /* checkpoints */
    enum wr_gate_event_kind event; /* BARRIER or CANCEL that waits to go out; NOTHING: none */
    uint64_t event_id;
    enum wr_checkpoint_kind event_kind;
    uint64_t settled;
    struct wr_snapshot *open_snapshot;
    struct wr_snapshot *ended_snapshots;
    size_t turn_bytes;
    /* finishing */
    uint32_t finish_next;
    /* reports that must be possible without memory */
    struct wr_task_report *failed_report;
    struct wr_task_report *ended_report;
    /* counters: written by the task, read by any; relaxed, each stands alone */
    uint32_t steps;
    _Atomic uint64_t records_in;
    _Atomic uint64_t records_out;
    _Atomic uint64_t state_bytes;
    _Atomic uint64_t state_entries;
};

static bool
is_source(const struct wr_task *task)
{
    return task->parameters.input_count == 0;
}

static uint64_t
now_ns(const struct wr_task *task)
{
    struct wr_os *os = task->environment->os;
    return os->ops->monotonic_ns(os);
}

/* --- reports --- */

static void
send_report(struct wr_task *task, struct wr_task_report *report)
{
    report->task = task;
    report->task_number = task->parameters.task;
    wr_mailbox_push(task->environment->reports, &report->letter);
    wr_parker_wake(task->environment->reports_parker);
}

/* A failure that belongs to no operator. */
static void
fail_task(struct wr_task *task, weir_status status, const char *words)
{
    if (!task->failure.failed) {
        task->failure.failed = true;
        (void)wr_fail(&task->failure.error, status, "task of operator '%s' (%u/%u): %s",
                      task->parameters.operators[0].name, task->parameters.subtask + 1,
                      task->parameters.parallelism, words);
    }
}

static void
report(struct wr_task *task, enum wr_task_report_kind kind, uint64_t checkpoint_id,
       const weir_error *err)
{
    struct wr_task_report *made = wr_report_create(&task->environment->alloc, kind, 0);
    if (made == NULL) {
        fail_task(task, WEIR_NOMEM, "no memory for a report to the coordinator");
        return;
    }
    made->checkpoint_id = checkpoint_id;
    if (err != NULL) {
        made->error = *err;
    }
    send_report(task, made);
}

/* --- counters --- */

static void
count(struct wr_task *task)
{
    uint64_t bytes = 0;
    uint64_t entries = 0;
    for (uint32_t i = 0; i < task->operator_count; i++) {
        const struct wr_operator *operator_ = &task->operators[i];
        if (operator_->backend == NULL) {
            continue;
        }
        bytes += weir_backend_used_bytes(operator_->backend);
        for (uint32_t s = 0; s < operator_->state_count; s++) {
            if (operator_->states[s].handle != NULL) {
                entries += weir_state_entry_count(operator_->states[s].handle);
            }
        }
    }
    atomic_store_explicit(&task->state_bytes, bytes, memory_order_relaxed);
    atomic_store_explicit(&task->state_entries, entries, memory_order_relaxed);
}

static void
count_records_in(struct wr_task *task, uint64_t more)
{
    uint64_t before = atomic_load_explicit(&task->records_in, memory_order_relaxed);
    atomic_store_explicit(&task->records_in, before + more, memory_order_relaxed);
}

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
        send_report(task, wr_snapshot_take_report(snapshot));
    } else if (err != NULL) {
        report(task, WR_TASK_DECLINED, wr_snapshot_checkpoint(snapshot), err);
    }
}

static void
abort_snapshot(struct wr_task *task)
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
        report(task, WR_TASK_DECLINED, checkpoint_id, &err);
    } else if (status != WEIR_OK) {
        close_snapshot(task, &err);
    } else if (wr_snapshot_has_ended(task->open_snapshot)) {
        close_snapshot(task, NULL); /* nothing to write */
    }
}

/* One turn, its size fitted to what a turn may take. */
static bool
turn_snapshot(struct wr_task *task)
{
    if (task->open_snapshot == NULL || !wr_snapshot_is_writing(task->open_snapshot)) {
        return false;
    }
    weir_error err;
    bool moved = false;
    uint64_t begun_ns = now_ns(task);
    weir_status status = wr_snapshot_turn(task->open_snapshot, task->turn_bytes, &moved, &err);
    uint64_t took_ns = now_ns(task) - begun_ns;
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

/* After an aborted snapshot. */
static bool
turn_idle_work(struct wr_task *task)
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

static void
destroy_ended_snapshots(struct wr_task *task)
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

static bool
take_replies(struct wr_task *task)
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
        destroy_ended_snapshots(task);
    }
    return any;
}

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
    count(task);
    report(task, WR_TASK_INITIALIZED, 0, NULL);
}

static void
start(struct wr_task *task)
{
    wr_assert(task->state == TASK_READY);
    bool had_finished = is_source(task) && task->operators[0].finished;
    task->state = had_finished ? TASK_FINISHING : TASK_RUNNING;
}

static void
trigger(struct wr_task *task, const struct wr_task_letter *letter)
{
    uint64_t id = letter->checkpoint_id;
    if (!is_source(task) || id <= task->settled) {
        return;
    }
    if (task->state < TASK_RUNNING) {
        weir_error err;
        (void)wr_fail(&err, WEIR_BUSY, "the task does not run yet");
        report(task, WR_TASK_DECLINED, id, &err);
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
        report(task, WR_TASK_NOTIFIED, checkpoint_id, NULL);
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
        abort_snapshot(task);
    }
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
        notify(task, letter->checkpoint_id, true);
        break;
    case WR_TASK_ABORT:
        abort_checkpoint(task, letter->checkpoint_id);
        break;
    case WR_TASK_FINISH:
    case WR_TASK_CANCEL:
        task->state = TASK_CLOSING;
        break;
    default:
        wr_assert(!"a letter of no kind");
    }
}

static bool
take_letters(struct wr_task *task)
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

/* --- work at rest --- */

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
    abort_snapshot(task); /* of an older checkpoint: a newer barrier says that it was given up */
    for (uint32_t i = 0; i < task->operator_count; i++) {
        struct wr_operator *operator_ = &task->operators[i];
        if (operator_->function.snapshot_state != NULL) {
            weir_status status =
                operator_->function.snapshot_state(&operator_->context, operator_->self, id);
            if (wr_context_check(&operator_->context, status, "snapshot_state") != WEIR_OK) {
                return true;
            }
        }
    }
    wr_outputs_send(task->outputs, WR_BATCH_BARRIER, id, task->event_kind);
    if (is_source(task) && task->event_kind != WR_CHECKPOINT_PERIODIC) {
        task->stopped = true;
    }
    begin_snapshot(task, id);
    return true;
}

/* An event that waits: out, if every channel takes it. */
static bool
pass_event(struct wr_task *task)
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
        return false;
    }
    for (uint32_t i = 0; i < task->operator_count; i++) {
        task->operators[i].finished = true;
    }
    wr_outputs_send(task->outputs, WR_BATCH_END, 0, WR_CHECKPOINT_PERIODIC);
    task->state = TASK_DRAINED;
    report(task, WR_TASK_DRAINED, 0, NULL);
    return true;
}

static bool
poll_source(struct wr_task *task, uint64_t now)
{
    struct wr_operator *source = &task->operators[0];
    if (task->state != TASK_RUNNING || task->stopped || now < task->source_wake_at_ns ||
        !wr_outputs_have_room(task->outputs)) {
        return false;
    }
    weir_context *context = &source->context;
    weir_poll answer = WEIR_POLL_IDLE;
    uint64_t before = source->collector.emitted;
    context->wake_at_ns = 0;
    weir_status status = source->function.poll(context, source->self, &source->collector,
                                               task->environment->batch_count, &answer);
    if (wr_context_check(context, status, "poll") != WEIR_OK) {
        return true;
    }
    uint64_t emitted = source->collector.emitted - before;
    context->records_before += emitted;
    count_records_in(task, emitted);
    switch (answer) {
    case WEIR_POLL_MORE:
        task->source_wake_at_ns = 0;
        return true;
    case WEIR_POLL_IDLE:
        task->source_wake_at_ns =
            context->wake_at_ns != 0 ? context->wake_at_ns : now + SOURCE_PAUSE_NS;
        return emitted != 0;
    case WEIR_POLL_END:
        task->state = TASK_FINISHING;
        return true;
    default:
        (void)weir_context_fail(context, WEIR_INVALID, "poll answered %d: no weir_poll",
                                (int)answer);
        return true;
    }
}

static bool
take_input(struct wr_task *task)
{
    if (!wr_outputs_have_room(task->outputs)) {
        return false;
    }
    struct wr_gate_event event = wr_gate_poll(task->gate);
    switch (event.kind) {
    case WR_GATE_NOTHING:
        return false;
    case WR_GATE_RECORDS:
        wr_assert(task->state == TASK_RUNNING);
        count_records_in(task, event.batch->count);
        wr_chain_give(&task->chain, event.batch);
        return true;
    case WR_GATE_BARRIER:
    case WR_GATE_CANCEL:
        task->event = event.kind;
        task->event_id = event.checkpoint_id;
        task->event_kind = event.checkpoint_kind;
        return true;
    case WR_GATE_END:
        task->state = TASK_FINISHING;
        return true;
    default:
        wr_assert(!"a gate event of no kind");
    }
}

/* One piece of work; false: there is none, or no room for it. */
static bool
work(struct wr_task *task, uint64_t now)
{
    if (task->open_snapshot != NULL && wr_snapshot_is_pressed(task->open_snapshot)) {
        return false; /* turns and the io thread make room first */
    }
    enum wr_chain_result result = wr_chain_step(&task->chain, now);
    if (result != WR_CHAIN_RESTING) {
        return result == WR_CHAIN_WORKED;
    }
    if (task->event != WR_GATE_NOTHING) {
        return pass_event(task);
    }
    if (task->state == TASK_FINISHING) {
        return go_on_finishing(task);
    }
    return is_source(task) ? poll_source(task, now) : take_input(task);
}

/* --- the end --- */

static void
begin_closing(struct wr_task *task)
{
    if (task->failure.failed && task->failed_report != NULL) {
        struct wr_task_report *failed = task->failed_report;
        task->failed_report = NULL;
        failed->error = task->failure.error;
        send_report(task, failed);
    }
    task->state = TASK_CLOSING;
    task->event = WR_GATE_NOTHING;
}

static enum wr_step
go_on_closing(struct wr_task *task)
{
    abort_snapshot(task);
    for (uint32_t i = 0; i < task->operator_count; i++) {
        wr_operator_close(&task->operators[i]); /* the second time there is nothing to do */
    }
    if (task->failure.failed && task->failed_report != NULL) {
        begin_closing(task); /* a close that failed is a failure like any other */
    }
    destroy_ended_snapshots(task);
    if (task->ended_snapshots != NULL) {
        return WR_STEP_IDLE;
    }
    task->state = TASK_ENDED;
    struct wr_task_report *ended = task->ended_report;
    task->ended_report = NULL;
    send_report(task, ended);
    return WR_STEP_ENDED;
}

/* --- public --- */

static uint64_t
wake_at(const struct wr_task *task)
{
    bool polls = task->state == TASK_RUNNING && is_source(task) && !task->stopped;
    return polls && task->source_wake_at_ns != 0 && task->event == WR_GATE_NOTHING
               ? task->source_wake_at_ns
               : UINT64_MAX;
}

enum wr_step
wr_task_step(struct wr_task *task, uint64_t *out_wake_at_ns)
{
    wr_role_enter_task();
    *out_wake_at_ns = UINT64_MAX;
    if (task->state == TASK_ENDED) {
        return WR_STEP_ENDED;
    }
    bool progress = take_replies(task);
    progress = take_letters(task) || progress;
    if (task->state < TASK_CLOSING && !task->failure.failed) {
        progress = turn_snapshot(task) || progress;
        progress = turn_idle_work(task) || progress;
    }
    if (task->state >= TASK_RUNNING && task->state < TASK_CLOSING && !task->failure.failed) {
        uint64_t now = now_ns(task);
        progress = work(task, now) || progress;
        if (progress) {
            wr_outputs_flush_due(task->outputs, now);
        } else {
            wr_outputs_flush(task->outputs);
        }
        atomic_store_explicit(&task->records_out, task->chain.records_out, memory_order_relaxed);
    }
    if (task->failure.failed && task->state < TASK_CLOSING) {
        begin_closing(task);
    }
    if (task->state == TASK_CLOSING) {
        return go_on_closing(task);
    }
    if (!progress || ++task->steps % STEPS_A_COUNT == 0) {
        count(task);
    }
    *out_wake_at_ns = wake_at(task);
    return progress ? WR_STEP_PROGRESS : WR_STEP_IDLE;
}

void
wr_task_send(struct wr_task *task, struct wr_task_letter *letter)
{
    struct wr_parker *parker = task->parameters.parker; /* the letter may end the task */
    wr_mailbox_push(&task->letters, &letter->letter);
    wr_parker_wake(parker);
}

void
wr_task_count(const struct wr_task *task, struct wr_task_counters *out_counters)
{
    *out_counters = (struct wr_task_counters){
        .records_in = atomic_load_explicit(&task->records_in, memory_order_relaxed),
        .records_out = atomic_load_explicit(&task->records_out, memory_order_relaxed),
        .state_bytes = atomic_load_explicit(&task->state_bytes, memory_order_relaxed),
        .state_entries = atomic_load_explicit(&task->state_entries, memory_order_relaxed)
    };
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
                                               .failure = &task->failure };
        WR_TRY(wr_operator_init(&task->operators[i], &made, err));
        task->operator_count++;
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
    }
    struct wr_outputs_parameters outputs = {
        .alloc = environment->alloc,
        .network_alloc = environment->network_alloc,
        .edges = parameters->outputs,
        .edge_count = parameters->output_count,
        .subtask = parameters->subtask,
        .buffer_timeout_ns = environment->buffer_timeout_ns,
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
    task->turn_bytes = TURN_BYTES_FIRST;
    wr_mailbox_init(&task->letters);
    wr_mailbox_init(&task->replies);
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
        wr_memory_free(&alloc, letter, sizeof(struct wr_task_letter));
    }
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
    wr_memory_free(&alloc, task, sizeof *task);
}
