/* SPDX-License-Identifier: Apache-2.0 */
/* witness: each coordinator gets a record of the ids it has triggered; every fact and command moves
 * one of them on, or is wrong. */
#include "sim/witness.h"

#include "job/running.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define PATIENCE_NS UINT64_C(60000000000)

static struct witness *now; /* NULL: nobody looks */

void
witness_set(struct witness *witness)
{
    now = witness;
}

static void __attribute__((format(printf, 1, 2))) wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (now->lab->words[0] == '\0') {
        (void)vsnprintf(now->lab->words, sizeof now->lab->words, format, arguments);
    }
    va_end(arguments);
}

static struct witness_record *
record_of(const struct wr_coordinator *coordinator)
{
    for (int i = 0; i < WITNESS_COORDINATORS; i++) {
        if (now->records[i].coordinator == coordinator) {
            return &now->records[i];
        }
    }
    return NULL;
}

/* NULL: it was not triggered, or long ago. */
static struct witness_id *
id_of(struct witness_record *record, uint64_t id)
{
    struct witness_id *found = &record->ids[id % WITNESS_IDS];
    return id != 0 && found->id == id ? found : NULL;
}

static uint64_t
all_tasks(const struct witness_record *record)
{
    return record->settings.task_count >= 64 ? UINT64_MAX
                                             : (UINT64_C(1) << record->settings.task_count) - 1;
}

/* --- facts --- */

static void
on_acknowledged(struct witness_id *seen, uint32_t task)
{
    if (seen != NULL && seen->stage == WITNESS_PENDING) {
        seen->acknowledged |= UINT64_C(1) << task;
    }
    now->totals->marks[MARK_LATE_ACKNOWLEDGEMENT] += seen != NULL && seen->stage == WITNESS_ABORTED;
}

static void
on_stored(struct witness_record *record, struct witness_id *seen, uint64_t id)
{
    if (seen == NULL || seen->stage != WITNESS_STORING) {
        wrong("checkpoint %" PRIu64 " is stored, and nobody had asked for it", id);
        return;
    }
    seen->stage = WITNESS_STORED;
    record->newest_stored = id > record->newest_stored ? id : record->newest_stored;
    bool is_fenced = record != now->newest; /* what it had stored before stays as it is */
    if (is_fenced) {
        return;
    }
    if (wr_checkpoint_is_savepoint(seen->kind)) {
        if (seen->kind != WR_SAVEPOINT && id > now->store->highest_saved) {
            now->store->highest_saved = id;
        }
        now->store->drained = now->store->drained || seen->kind == WR_SAVEPOINT_DRAIN;
        return;
    }
    if (!store_look(now->store) || os_sim_power_is_off(now->lab->sim)) {
        return;
    }
    if (store_find(now->store, id) == NULL) {
        wrong("checkpoint %" PRIu64 " is said to be stored, and is not visible", id);
    }
    now->store->newest_told = id > now->store->newest_told ? id : now->store->newest_told;
}

/* A task is told in the order of ids: who has heard of one has heard of those before. */
static void
on_notified(struct witness_record *record, struct witness_id *seen, uint32_t task)
{
    if (seen == NULL || task >= WITNESS_TASKS) {
        return;
    }
    uint64_t least = UINT64_MAX;
    uint64_t *newest = record->task_notified;
    newest[task] = seen->id > newest[task] ? seen->id : newest[task];
    for (uint32_t i = 0; i < record->settings.task_count && i < WITNESS_TASKS; i++) {
        least = newest[i] < least ? newest[i] : least;
    }
    record->newest_notified = least;
    if (seen->stage == WITNESS_NOTIFYING && seen->id <= least) {
        seen->stage = WITNESS_NOTIFIED;
    }
}

static void
say(const char *what, int kind, uint64_t id, uint64_t more)
{
    if (now->trace) {
        printf("      %9.3f s  %s %d, id %" PRIu64 ", %" PRIu64 "\n",
               (double)os_sim_now_ns(now->lab->sim) / 1e9, what, kind, id, more);
    }
}

static void
take_fact(struct witness_record *record, const struct wr_coordinator_event *event)
{
    if (event->kind != WR_EVENT_TIME) {
        say("fact", (int)event->kind, event->checkpoint_id, event->task);
    }
    struct witness_id *seen = id_of(record, event->checkpoint_id);
    if (event->kind == WR_EVENT_START) {
        record->started = true;
        now->start_count += record == now->newest;
    } else if (event->kind == WR_EVENT_ACKNOWLEDGED) {
        on_acknowledged(seen, event->task);
    } else if (event->kind == WR_EVENT_DECLINED && seen != NULL) {
        seen->is_declined = true;
    } else if (event->kind == WR_EVENT_STORE_FAILED && seen != NULL) {
        seen->has_store_failed = true;
    } else if (event->kind == WR_EVENT_STORED) {
        on_stored(record, seen, event->checkpoint_id);
    } else if (event->kind == WR_EVENT_NOTIFIED) {
        on_notified(record, seen, event->task);
    } else if (event->kind == WR_EVENT_END) {
        record->ended = true;
    }
}

/* --- commands --- */

static void
on_trigger(struct witness_record *record, const struct wr_coordinator_action *action)
{
    uint64_t id = action->checkpoint_id;
    uint32_t pending = 0;
    if (id <= record->last_id || id < record->settings.next_id) {
        wrong("checkpoint %" PRIu64 " is triggered after %" PRIu64, id, record->last_id);
    }
    if (id <= now->store->newest_told && record == now->newest) {
        wrong("checkpoint %" PRIu64 " is triggered, and %" PRIu64 " is complete", id,
              now->store->newest_told);
    }
    record->last_id = id;
    record->ids[id % WITNESS_IDS] =
        (struct witness_id){ .id = id, .stage = WITNESS_PENDING, .kind = action->checkpoint_kind };
    bool savepoint = false;
    for (int i = 0; i < WITNESS_IDS; i++) {
        const struct witness_id *at = &record->ids[i];
        bool open = at->stage == WITNESS_PENDING || at->stage == WITNESS_STORING;
        savepoint = savepoint || (open && wr_checkpoint_is_savepoint(at->kind));
        pending += open && !wr_checkpoint_is_savepoint(at->kind);
    }
    uint32_t most = record->settings.max_concurrent == 0 ? 1 : record->settings.max_concurrent;
    if (pending > most) {
        wrong("%u checkpoints are pending, %u may be", pending, most);
    }
    now->totals->marks[MARK_SAVEPOINT_BESIDE] += savepoint && pending != 0;
    now->totals->marks[MARK_CONCURRENT] += pending > 1;
}

static void
on_store(const struct witness_record *record, struct witness_id *seen, uint64_t id)
{
    if (seen == NULL || seen->stage != WITNESS_PENDING) {
        wrong("checkpoint %" PRIu64 " is to be stored, and is not pending", id);
        return;
    }
    if (seen->acknowledged != all_tasks(record)) {
        wrong("checkpoint %" PRIu64 " is to be stored, acknowledged by %" PRIx64 " of %" PRIx64, id,
              seen->acknowledged, all_tasks(record));
    }
    seen->stage = WITNESS_STORING;
}

/* Nothing in a story takes minutes: who waits that long waits for nobody. */
static void
check_reason(const struct witness_record *record, const struct witness_id *seen,
             enum wr_abort_reason reason)
{
    bool savepoint = wr_checkpoint_is_savepoint(seen->kind);
    if (reason == WR_ABORT_SUBSUMED && (savepoint || seen->id > record->newest_stored)) {
        wrong("%s %" PRIu64 " is subsumed, the newest complete one is %" PRIu64,
              savepoint ? "savepoint" : "checkpoint", seen->id, record->newest_stored);
    }
    bool is_heard = reason == WR_ABORT_DECLINED       ? seen->is_declined
                    : reason == WR_ABORT_STORE_FAILED ? seen->has_store_failed
                                                      : true;
    if (!is_heard) {
        wrong("checkpoint %" PRIu64 " is aborted for reason %d, which nobody gave", seen->id,
              (int)reason);
    }
    if (reason == WR_ABORT_EXPIRED && record->settings.timeout_ns >= PATIENCE_NS) {
        wrong("checkpoint %" PRIu64 " expired after minutes: tasks have lost it", seen->id);
    }
}

static void
on_abort(struct witness_record *record, struct witness_id *seen,
         const struct wr_coordinator_action *action)
{
    if (seen == NULL) {
        wrong("checkpoint %" PRIu64 " is aborted, and was not triggered", action->checkpoint_id);
        return;
    }
    bool pending = seen->stage == WITNESS_PENDING;
    bool storing = seen->stage == WITNESS_STORING &&
                   (action->reason == WR_ABORT_STORE_FAILED || record->ended);
    if (!pending && !storing) {
        wrong("checkpoint %" PRIu64 " is aborted in stage %d for reason %d", seen->id,
              (int)seen->stage, (int)action->reason);
    }
    check_reason(record, seen, action->reason);
    bool some = seen->acknowledged != 0 && seen->acknowledged != all_tasks(record);
    now->totals->marks[MARK_ABORT_AFTER_ACKNOWLEDGED] += pending && some;
    now->totals->marks[MARK_SLOW_SYNC_EXPIRED] +=
        now->is_slow && action->reason == WR_ABORT_EXPIRED;
    seen->stage = WITNESS_ABORTED;
}

static void
on_drop(const struct witness_record *record, uint64_t id)
{
    if (id >= record->newest_notified && !record->ended) {
        wrong("checkpoint %" PRIu64 " is dropped, and %" PRIu64
              " is the newest of which every task was notified",
              id, record->newest_notified);
    }
}

static void
take_command(struct witness_record *record, const struct wr_coordinator_action *action)
{
    struct witness_id *seen = id_of(record, action->checkpoint_id);
    bool is_stored = seen != NULL && seen->stage == WITNESS_STORED;
    say("command", (int)action->kind, action->checkpoint_id, action->checkpoint_kind);
    switch (action->kind) {
    case WR_ACTION_TRIGGER:
        on_trigger(record, action);
        break;
    case WR_ACTION_STORE:
        on_store(record, seen, action->checkpoint_id);
        break;
    case WR_ACTION_ABORT:
        on_abort(record, seen, action);
        break;
    case WR_ACTION_NOTIFY:
    case WR_ACTION_RELEASE:
        if (!is_stored) {
            wrong("tasks are told that checkpoint %" PRIu64 " is complete, and it is not stored",
                  action->checkpoint_id);
        } else {
            bool savepoint = action->kind == WR_ACTION_RELEASE;
            seen->stage = savepoint ? WITNESS_GONE : WITNESS_NOTIFYING;
            if (seen->kind == WR_SAVEPOINT && !savepoint) {
                wrong("savepoint %" PRIu64 " is to be committed", seen->id);
            }
        }
        break;
    case WR_ACTION_DROP:
        on_drop(record, action->checkpoint_id);
        break;
    case WR_ACTION_REFUSE:
    case WR_ACTION_DRAIN:
    case WR_ACTION_FINISH:
    case WR_ACTION_FAIL:
        break;
    }
}

/* --- between the job and its coordinator: the linker's names --- */
/* NOLINTBEGIN(readability-identifier-naming) */

weir_status __real_wr_coordinator_create(const weir_alloc *alloc,
                                         const struct wr_coordinator_settings *settings,
                                         struct wr_coordinator **out_coordinator);
void __real_wr_coordinator_destroy(struct wr_coordinator *coordinator);
size_t __real_wr_coordinator_step(
    struct wr_coordinator *coordinator, const struct wr_coordinator_event *event,
    struct wr_coordinator_action out_actions[WR_COORDINATOR_ACTIONS_MAX]);
weir_status __wrap_wr_coordinator_create(const weir_alloc *alloc,
                                         const struct wr_coordinator_settings *settings,
                                         struct wr_coordinator **out_coordinator);
void __wrap_wr_coordinator_destroy(struct wr_coordinator *coordinator);
size_t __wrap_wr_coordinator_step(
    struct wr_coordinator *coordinator, const struct wr_coordinator_event *event,
    struct wr_coordinator_action out_actions[WR_COORDINATOR_ACTIONS_MAX]);

weir_status
__wrap_wr_coordinator_create(const weir_alloc *alloc,
                             const struct wr_coordinator_settings *settings,
                             struct wr_coordinator **out_coordinator)
{
    weir_status status = __real_wr_coordinator_create(alloc, settings, out_coordinator);
    if (status == WEIR_OK && now != NULL) {
        struct witness_record *record = record_of(NULL);
        if (record != NULL) {
            memset(record, 0, sizeof *record);
            record->coordinator = *out_coordinator;
            record->settings = *settings;
            if (!now->store
                     ->is_fenced) { /* a woken process may restart its job, and is told later */
                now->newest = record;
            }
        }
    }
    return status;
}

void
__wrap_wr_coordinator_destroy(struct wr_coordinator *coordinator)
{
    struct witness_record *record =
        now == NULL || coordinator == NULL ? NULL : record_of(coordinator);
    if (record != NULL) {
        record->coordinator = NULL;
        now->newest = now->newest == record ? NULL : now->newest;
    }
    __real_wr_coordinator_destroy(coordinator);
}

size_t
__wrap_wr_coordinator_step(struct wr_coordinator *coordinator,
                           const struct wr_coordinator_event *event,
                           struct wr_coordinator_action out_actions[WR_COORDINATOR_ACTIONS_MAX])
{
    struct witness_record *record = now == NULL ? NULL : record_of(coordinator);
    if (record != NULL) {
        take_fact(record, event);
    }
    size_t count = __real_wr_coordinator_step(coordinator, event, out_actions);
    for (size_t i = 0; record != NULL && i < count; i++) {
        take_command(record, &out_actions[i]);
    }
    return count;
}

/* An acknowledgement that nobody waits for goes no further than the job. */
bool __real_wr_job_pending_acknowledge(weir_job *job, struct wr_task_report *report);
bool __wrap_wr_job_pending_acknowledge(weir_job *job, struct wr_task_report *report);

bool
__wrap_wr_job_pending_acknowledge(weir_job *job, struct wr_task_report *report)
{
    struct witness_record *record = now == NULL ? NULL : record_of(job->coordinator);
    const struct witness_id *seen = record == NULL ? NULL : id_of(record, report->checkpoint_id);
    if (seen != NULL && seen->stage == WITNESS_ABORTED) {
        now->totals->marks[MARK_LATE_ACKNOWLEDGEMENT]++;
    }
    return __real_wr_job_pending_acknowledge(job, report);
}

/* NOLINTEND(readability-identifier-naming) */

uint64_t
witness_kill(struct witness *witness)
{
    const struct witness_record *record = witness->newest;
    uint64_t repeated = 0;
    if (record == NULL) {
        return 0;
    }
    bool unsaid = false;
    for (int i = 0; i < WITNESS_IDS; i++) {
        const struct witness_id *at = &record->ids[i];
        bool visible =
            at->id != 0 && at->stage <= WITNESS_NOTIFYING && at->stage != WITNESS_PENDING;
        unsaid = unsaid || (visible && store_find(witness->store, at->id) != NULL);
        if (at->stage == WITNESS_NOTIFYING && at->id > repeated) {
            repeated = at->id;
        }
    }
    witness->totals->marks[MARK_KILL_BEFORE_NOTIFIED] += unsaid;
    return repeated;
}
