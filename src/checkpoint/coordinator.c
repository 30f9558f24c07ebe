/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator: decides when checkpoints begin and what becomes of them. The diagram and the
 * invariants that hold for its users stand in coordinator.h; here is what the code adds to them.
 *
 * A life: NEW --START--> RUNNING --FINISH or FAIL was commanded--> OVER --END--> ENDED. Attempts
 * begin while RUNNING only. Each step first takes the fact, then lets time work (advance), so an
 * acknowledgement that arrives together with the timeout still counts.
 *
 * Which checkpoint is next, whenever none is under way:
 *   FINAL      all tasks are drained; it wins over STOP: there is nothing left to resume
 *   STOP       the user asked
 *   PERIODIC   max(last trigger + interval, last completion or abort + min pause)
 * FINAL and STOP heed neither interval nor pause; after a failed one the next begins RETRY_NS after
 * its trigger at the earliest, so a broken disk is not asked in a loop. STOP aborts a periodic
 * attempt that is PENDING, uncounted, so that stopping is quick.
 *
 * Invariants:
 *   (4) Once STORE is commanded the attempt is aborted only after the io thread's answer: its
 * commit may have happened, and sinks that were told of an abort would lose what the checkpoint
 * promises. So the timeout covers PENDING only, and an END while STORING leaves the attempt pending
 * until STORED (kept or dropped as END said) or STORE_FAILED (aborted). (5) `retained` is ascending
 * and, between attempts, no longer than the setting, unless more was added than one step may drop;
 * the rest goes with the next steps. (6) Outside PENDING and NOTIFYING no task is waited for.
 */
#include "checkpoint/coordinator.h"

#include "base/check.h"
#include "base/memory.h"

#include <string.h>

#define RETRY_NS 100000000ULL

enum {
    RETAINED_MAX = 64, /* of the setting; one step can drop them all */
    /* beside DROPs a step commands at most three others: NOTIFY or ABORT, FAIL or FINISH, TRIGGER
     */
    OTHER_ACTIONS_MAX = 3
};

enum life {
    LIFE_NEW,
    LIFE_RUNNING,
    LIFE_OVER,
    LIFE_ENDED
};

enum phase {
    PHASE_IDLE,
    PHASE_PENDING,
    PHASE_STORING,
    PHASE_NOTIFYING
};

struct task_facts {
    bool is_drained;
    bool has_answered; /* acknowledged while PENDING, was notified while NOTIFYING */
};

struct wr_coordinator {
    weir_alloc alloc;
    struct wr_coordinator_settings settings; /* next_id counts on */
    enum life life;
    bool is_stop_wanted;
    bool is_dropping_all; /* ENDED, and the policy keeps nothing */
    uint64_t now_ns;

    enum phase phase;
    enum wr_checkpoint_kind kind; /* of the attempt under way, with its id and deadline */
    uint64_t id;
    uint64_t deadline_ns;
    uint32_t unanswered_count;

    uint64_t next_periodic_ns;
    uint64_t next_last_ns; /* no FINAL or STOP before */
    uint32_t failures;
    uint32_t undrained_count;

    uint64_t *retained; /* ids, oldest first */
    size_t retained_count;
    size_t retained_room;
    struct task_facts tasks[]; /* settings.task_count */
};

struct commands {
    struct wr_coordinator_action *out;
    size_t count;
};

static uint64_t
later(uint64_t time_ns, uint64_t delay_ns)
{
    return time_ns > UINT64_MAX - delay_ns ? UINT64_MAX : time_ns + delay_ns;
}

static uint64_t
greater(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

static void
command(struct commands *commands, struct wr_coordinator_action action)
{
    wr_assert(commands->count < WR_COORDINATOR_ACTIONS_MAX);
    commands->out[commands->count++] = action;
}

/* --- one attempt --- */

static void
await_all_tasks(struct wr_coordinator *coordinator)
{
    coordinator->unanswered_count = coordinator->settings.task_count;
    for (uint32_t i = 0; i < coordinator->settings.task_count; i++) {
        coordinator->tasks[i].has_answered = false;
    }
}

/* Takes a task's answer; tells whether it was the last one missing. */
static bool
is_last_answer(struct wr_coordinator *coordinator, uint32_t task)
{
    if (coordinator->tasks[task].has_answered) {
        return false;
    }
    coordinator->tasks[task].has_answered = true;
    coordinator->unanswered_count--;
    return coordinator->unanswered_count == 0;
}

static void
trigger(struct wr_coordinator *coordinator, struct commands *commands, enum wr_checkpoint_kind kind)
{
    uint64_t now_ns = coordinator->now_ns;
    coordinator->phase = PHASE_PENDING;
    coordinator->kind = kind;
    coordinator->id = coordinator->settings.next_id++;
    coordinator->deadline_ns = later(now_ns, coordinator->settings.timeout_ns);
    coordinator->next_periodic_ns = later(now_ns, coordinator->settings.interval_ns);
    if (kind != WR_CHECKPOINT_PERIODIC) {
        coordinator->next_last_ns = later(now_ns, RETRY_NS);
    }
    await_all_tasks(coordinator);
    command(commands, (struct wr_coordinator_action){ .kind = WR_ACTION_TRIGGER,
                                                      .checkpoint_id = coordinator->id,
                                                      .checkpoint_kind = kind });
}

/* The attempt is decided, for better or worse: the minimum pause counts from here. */
static void
begin_pause(struct wr_coordinator *coordinator)
{
    coordinator->next_periodic_ns =
        greater(coordinator->next_periodic_ns,
                later(coordinator->now_ns, coordinator->settings.min_pause_ns));
}

static void
abort_attempt(struct wr_coordinator *coordinator, struct commands *commands,
              enum wr_abort_reason reason)
{
    coordinator->phase = PHASE_IDLE;
    begin_pause(coordinator);
    command(commands, (struct wr_coordinator_action){ .kind = WR_ACTION_ABORT,
                                                      .checkpoint_id = coordinator->id,
                                                      .checkpoint_kind = coordinator->kind,
                                                      .reason = reason });
}

/* Flink's CP12: failures in a row against the tolerable number. */
static void
fail_attempt(struct wr_coordinator *coordinator, struct commands *commands,
             enum wr_abort_reason reason)
{
    abort_attempt(coordinator, commands, reason);
    if (coordinator->failures < UINT32_MAX) {
        coordinator->failures++;
    }
    if (coordinator->failures > coordinator->settings.tolerable_failures) {
        coordinator->life = LIFE_OVER;
        command(commands, (struct wr_coordinator_action){ .kind = WR_ACTION_FAIL,
                                                          .checkpoint_id = coordinator->id,
                                                          .checkpoint_kind = coordinator->kind,
                                                          .reason = reason });
    }
}

static void
retain(struct wr_coordinator *coordinator, uint64_t checkpoint_id)
{
    wr_assert(coordinator->retained_count < coordinator->retained_room);
    coordinator->retained[coordinator->retained_count++] = checkpoint_id;
}

/* Drops the oldest until `keep_count` are left or the step is full. */
static void
drop_oldest(struct wr_coordinator *coordinator, struct commands *commands, size_t keep_count)
{
    size_t dropped = 0;
    while (coordinator->retained_count - dropped > keep_count &&
           commands->count < WR_COORDINATOR_ACTIONS_MAX - OTHER_ACTIONS_MAX) {
        command(commands,
                (struct wr_coordinator_action){ .kind = WR_ACTION_DROP,
                                                .checkpoint_id = coordinator->retained[dropped] });
        dropped++;
    }
    coordinator->retained_count -= dropped;
    memmove(coordinator->retained, coordinator->retained + dropped,
            coordinator->retained_count * sizeof *coordinator->retained);
}

/* --- the facts --- */

static void
on_start(struct wr_coordinator *coordinator)
{
    if (coordinator->life == LIFE_NEW) {
        coordinator->life = LIFE_RUNNING;
        coordinator->next_periodic_ns =
            later(coordinator->now_ns, coordinator->settings.first_delay_ns);
    }
}

static void
on_acknowledged(struct wr_coordinator *coordinator, struct commands *commands, uint32_t task)
{
    if (coordinator->phase == PHASE_PENDING && is_last_answer(coordinator, task)) {
        coordinator->phase = PHASE_STORING;
        command(commands, (struct wr_coordinator_action){ .kind = WR_ACTION_STORE,
                                                          .checkpoint_id = coordinator->id,
                                                          .checkpoint_kind = coordinator->kind });
    }
}

static void
on_stored(struct wr_coordinator *coordinator, struct commands *commands)
{
    if (coordinator->phase != PHASE_STORING) {
        return;
    }
    retain(coordinator, coordinator->id);
    coordinator->failures = 0;
    if (coordinator->life == LIFE_ENDED) {
        coordinator->phase = PHASE_IDLE;
        return;
    }
    coordinator->phase = PHASE_NOTIFYING;
    begin_pause(coordinator);
    await_all_tasks(coordinator);
    command(commands, (struct wr_coordinator_action){ .kind = WR_ACTION_NOTIFY,
                                                      .checkpoint_id = coordinator->id,
                                                      .checkpoint_kind = coordinator->kind });
}

static void
on_failed(struct wr_coordinator *coordinator, struct commands *commands,
          enum wr_abort_reason reason)
{
    if (coordinator->life == LIFE_ENDED) {
        abort_attempt(coordinator, commands, WR_ABORT_SHUTDOWN);
    } else {
        fail_attempt(coordinator, commands, reason);
    }
}

static void
on_notified(struct wr_coordinator *coordinator, struct commands *commands, uint32_t task)
{
    if (coordinator->phase != PHASE_NOTIFYING || !is_last_answer(coordinator, task)) {
        return;
    }
    coordinator->phase = PHASE_IDLE;
    drop_oldest(coordinator, commands, coordinator->settings.retained_count);
    if (coordinator->kind != WR_CHECKPOINT_PERIODIC) {
        coordinator->life = LIFE_OVER;
        command(commands, (struct wr_coordinator_action){ .kind = WR_ACTION_FINISH,
                                                          .checkpoint_id = coordinator->id,
                                                          .checkpoint_kind = coordinator->kind });
    }
}

static void
on_drained(struct wr_coordinator *coordinator, uint32_t task)
{
    if (!coordinator->tasks[task].is_drained) {
        coordinator->tasks[task].is_drained = true;
        coordinator->undrained_count--;
    }
}

static void
on_stop(struct wr_coordinator *coordinator, struct commands *commands)
{
    coordinator->is_stop_wanted = true;
    if (coordinator->phase == PHASE_PENDING && coordinator->kind == WR_CHECKPOINT_PERIODIC) {
        abort_attempt(coordinator, commands, WR_ABORT_SHUTDOWN);
    }
}

/* Flink's CP16, but a failed and a stopped job's checkpoints stay under every policy. */
static bool
is_kept_after(enum wr_job_end end, enum wr_retention retention)
{
    switch (end) {
    case WR_END_FINISHED:
    case WR_END_SAVED:
        return false;
    case WR_END_CANCELED:
        return retention == WR_RETAIN_ON_CANCELLATION;
    case WR_END_FAILED:
    case WR_END_STOPPED:
    default:
        return true;
    }
}

static void
on_end(struct wr_coordinator *coordinator, struct commands *commands, enum wr_job_end end)
{
    if (coordinator->life == LIFE_ENDED) {
        return;
    }
    coordinator->life = LIFE_ENDED;
    coordinator->is_dropping_all = !is_kept_after(end, coordinator->settings.retention);
    if (coordinator->phase == PHASE_PENDING) {
        abort_attempt(coordinator, commands, WR_ABORT_SHUTDOWN);
    } else if (coordinator->phase == PHASE_NOTIFYING) {
        coordinator->phase = PHASE_IDLE; /* complete already */
    }
}

static void
take_fact(struct wr_coordinator *coordinator, struct commands *commands,
          const struct wr_coordinator_event *event)
{
    bool is_current = coordinator->phase != PHASE_IDLE && event->checkpoint_id == coordinator->id;
    switch (event->kind) {
    case WR_EVENT_START:
        on_start(coordinator);
        break;
    case WR_EVENT_ACKNOWLEDGED:
        wr_assert(event->task < coordinator->settings.task_count);
        if (is_current) {
            on_acknowledged(coordinator, commands, event->task);
        }
        break;
    case WR_EVENT_DECLINED:
        if (is_current && coordinator->phase == PHASE_PENDING) {
            on_failed(coordinator, commands, WR_ABORT_DECLINED);
        }
        break;
    case WR_EVENT_STORED:
        if (is_current) {
            on_stored(coordinator, commands);
        }
        break;
    case WR_EVENT_STORE_FAILED: /* while PENDING: its directory could not be made */
        if (is_current && coordinator->phase != PHASE_NOTIFYING) {
            on_failed(coordinator, commands, WR_ABORT_STORE_FAILED);
        }
        break;
    case WR_EVENT_NOTIFIED:
        wr_assert(event->task < coordinator->settings.task_count);
        if (is_current) {
            on_notified(coordinator, commands, event->task);
        }
        break;
    case WR_EVENT_DRAINED:
        wr_assert(event->task < coordinator->settings.task_count);
        on_drained(coordinator, event->task);
        break;
    case WR_EVENT_STOP:
        on_stop(coordinator, commands);
        break;
    case WR_EVENT_END:
        on_end(coordinator, commands, event->end);
        break;
    case WR_EVENT_TIME:
    case WR_EVENT_REQUEST:
    case WR_EVENT_DROPPED:
    default:
        break;
    }
}

/* --- time --- */

/* What is to be triggered next, and when; UINT64_MAX: nothing. */
static uint64_t
next_trigger(const struct wr_coordinator *coordinator, enum wr_checkpoint_kind *out_kind)
{
    if (coordinator->undrained_count == 0) {
        *out_kind = WR_CHECKPOINT_FINAL;
        return coordinator->next_last_ns;
    }
    if (coordinator->is_stop_wanted) {
        *out_kind = WR_CHECKPOINT_STOP;
        return coordinator->next_last_ns;
    }
    *out_kind = WR_CHECKPOINT_PERIODIC;
    return coordinator->settings.interval_ns == 0 ? UINT64_MAX : coordinator->next_periodic_ns;
}

static void
advance(struct wr_coordinator *coordinator, struct commands *commands)
{
    if (coordinator->phase == PHASE_PENDING && coordinator->now_ns >= coordinator->deadline_ns) {
        fail_attempt(coordinator, commands, WR_ABORT_EXPIRED);
    }
    if (coordinator->life == LIFE_RUNNING && coordinator->phase == PHASE_IDLE) {
        enum wr_checkpoint_kind kind = WR_CHECKPOINT_PERIODIC;
        uint64_t at_ns = next_trigger(coordinator, &kind);
        if (at_ns != UINT64_MAX && coordinator->now_ns >= at_ns) {
            trigger(coordinator, commands, kind);
        }
    }
    if (coordinator->is_dropping_all) {
        drop_oldest(coordinator, commands, 0);
    }
}

/* --- the verbs --- */

weir_status
wr_coordinator_create(const weir_alloc *alloc, const struct wr_coordinator_settings *settings,
                      struct wr_coordinator **out_coordinator)
{
    if (settings->task_count == 0 || settings->timeout_ns == 0 || settings->retained_count == 0 ||
        settings->retained_count > RETAINED_MAX || settings->next_id == 0) {
        return WEIR_INVALID;
    }
    size_t size = sizeof(struct wr_coordinator) + settings->task_count * sizeof(struct task_facts);
    size_t room = (size_t)settings->retained_count + 2;
    struct wr_coordinator *coordinator = wr_memory_new(alloc, size);
    if (coordinator == NULL) {
        return WEIR_NOMEM;
    }
    coordinator->retained = wr_memory_new(alloc, room * sizeof *coordinator->retained);
    if (coordinator->retained == NULL) {
        wr_memory_free(alloc, coordinator, size);
        return WEIR_NOMEM;
    }
    coordinator->alloc = *alloc;
    coordinator->settings = *settings;
    coordinator->undrained_count = settings->task_count;
    coordinator->retained_room = room;
    *out_coordinator = coordinator;
    return WEIR_OK;
}

void
wr_coordinator_destroy(struct wr_coordinator *coordinator)
{
    if (coordinator == NULL) {
        return;
    }
    weir_alloc alloc = coordinator->alloc;
    wr_memory_free(&alloc, coordinator->retained,
                   coordinator->retained_room * sizeof *coordinator->retained);
    wr_memory_free(&alloc, coordinator,
                   sizeof *coordinator +
                       coordinator->settings.task_count * sizeof(struct task_facts));
}

weir_status
wr_coordinator_add_retained(struct wr_coordinator *coordinator, uint64_t checkpoint_id)
{
    size_t count = coordinator->retained_count;
    if (coordinator->life != LIFE_NEW || checkpoint_id >= coordinator->settings.next_id ||
        (count > 0 && coordinator->retained[count - 1] >= checkpoint_id)) {
        return WEIR_INVALID;
    }
    size_t room = coordinator->retained_room + 1; /* the setting's share stays free for new ones */
    uint64_t *retained =
        wr_memory_resize(&coordinator->alloc, coordinator->retained,
                         coordinator->retained_room * sizeof *retained, room * sizeof *retained);
    if (retained == NULL) {
        return WEIR_NOMEM;
    }
    coordinator->retained = retained;
    coordinator->retained_room = room;
    retain(coordinator, checkpoint_id);
    return WEIR_OK;
}

size_t
wr_coordinator_step(struct wr_coordinator *coordinator, const struct wr_coordinator_event *event,
                    struct wr_coordinator_action out_actions[WR_COORDINATOR_ACTIONS_MAX])
{
    struct commands commands = { .out = out_actions };
    coordinator->now_ns = greater(coordinator->now_ns, event->now_ns);
    take_fact(coordinator, &commands, event);
    advance(coordinator, &commands);
    return commands.count;
}

uint64_t
wr_coordinator_wake_at(const struct wr_coordinator *coordinator)
{
    if (coordinator->life == LIFE_ENDED) {
        bool is_owing = coordinator->is_dropping_all && coordinator->retained_count > 0;
        return is_owing ? coordinator->now_ns : UINT64_MAX;
    }
    if (coordinator->phase == PHASE_PENDING) {
        return coordinator->deadline_ns;
    }
    if (coordinator->phase != PHASE_IDLE || coordinator->life != LIFE_RUNNING) {
        return UINT64_MAX;
    }
    enum wr_checkpoint_kind kind = WR_CHECKPOINT_PERIODIC;
    return next_trigger(coordinator, &kind);
}

uint32_t
wr_coordinator_failures(const struct wr_coordinator *coordinator)
{
    return coordinator->failures;
}

size_t
wr_coordinator_retained(const struct wr_coordinator *coordinator, uint64_t *out_ids, size_t room)
{
    for (size_t i = 0; i < coordinator->retained_count && i < room; i++) {
        out_ids[i] = coordinator->retained[i];
    }
    return coordinator->retained_count;
}

uint64_t
wr_coordinator_pending(const struct wr_coordinator *coordinator)
{
    return coordinator->phase == PHASE_IDLE ? 0 : coordinator->id;
}
