/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator: decides when checkpoints begin and what becomes of them. The diagram and the
 * invariants that hold for its users stand in coordinator.h; here is what the code adds to them.
 *
 *   NEW --START--> RUNNING --the last one is stored--> LAST --nothing is under way--> OVER  FINISH
 *                  RUNNING --too many failures-------> OVER  FAIL
 *                  RUNNING --cancelled with savepoint> OVER                    any --END--> ENDED
 *
 * Attempts begin while RUNNING only (coordinator_schedule.c says which). Each step first takes the
 * fact, then lets time work (advance), so an acknowledgement that arrives together with the timeout
 * counts. STOP, and a request for a savepoint that is to be the last, abort the periodic attempts
 * that are PENDING, uncounted, so that stopping is quick.
 *
 * Invariants, beside those of the header:
 *   (6) Once STORE is commanded the attempt is aborted only after the io thread's answer: its
 *       commit may have happened, and sinks that were told of an abort would lose what the
 *       checkpoint promises. So no timeout covers STORING, and an END meanwhile leaves
 *       the attempt under way until STORED (kept or dropped as END said) or STORE_FAILED.
 *   (7) What commits is stored in the order of ids: one whose last acknowledgement comes while a
 *       newer one is STORING stays PENDING, without a timeout, until it is known whether the newer
 *       one subsumes it.
 *   (8) A step that could not hold all DROPs and REFUSEs leaves the rest to the next.
 *   (9) Outside PENDING and NOTIFYING no task is waited for, and there no longer than the timeout,
 *       but for the commit of the last one.
 *  (10) What has failed is not committed: a savepoint that is stored behind FAIL or END is
 *       released, as one that stops nothing.
 */
#include "checkpoint/coordinator.h"

#include "base/check.h"
#include "base/fail.h"
#include "checkpoint/coordinator_inner.h"

enum {
    RETAINED_MAX = 64, /* of the setting; one step can drop them all */
    ATTEMPTS_MAX = WR_COORDINATOR_CONCURRENT_MAX + WR_COORDINATOR_SAVEPOINTS_MAX,
    /* What a step commands beside DROPs and REFUSEs: an end of each attempt, and NOTIFY or FAIL;
     * then FINISH or a beginning of each, and DRAIN. */
    ENDINGS_MAX = ATTEMPTS_MAX + 1,
    BEGINNINGS_MAX = ATTEMPTS_MAX + 1
};
_Static_assert(WR_COORDINATOR_ACTIONS_MAX >= ENDINGS_MAX + RETAINED_MAX + BEGINNINGS_MAX,
               "a step holds what one fact can cause");

/* UINT64_MAX: none. Once all have acknowledged there is nothing more to wait for; and the last one
 * of a job is nothing until it is committed. */
static uint64_t
deadline_of(const struct wr_attempt *attempt)
{
    switch (attempt->phase) {
    case WR_ATTEMPT_PENDING:
        return attempt->unanswered_count != 0 ? attempt->deadline_ns : UINT64_MAX;
    case WR_ATTEMPT_NOTIFYING:
        return wr_request_is_last(&attempt->request) ? UINT64_MAX : attempt->deadline_ns;
    case WR_ATTEMPT_STORING:
        break;
    }
    return UINT64_MAX;
}

/* A task that does not answer NOTIFY in time is no longer waited for: if it hangs, the next attempt
 * finds that. */
static void
expire(struct wr_coordinator *coordinator, struct wr_commands *commands)
{
    size_t i = 0;
    while (i < coordinator->attempts.count) {
        struct wr_attempt *attempt = &coordinator->attempts.entries[i];
        if (coordinator->now_ns < deadline_of(attempt)) {
            i++;
        } else if (attempt->phase == WR_ATTEMPT_PENDING) {
            wr_decide_fail(coordinator, commands, attempt, WR_ABORT_EXPIRED);
        } else {
            wr_attempts_remove(&coordinator->attempts, attempt);
        }
    }
}

/* Invariant (7). A savepoint that commits nothing is in nobody's way. */
static void
store_acknowledged(struct wr_coordinator *coordinator, struct wr_commands *commands)
{
    bool is_newer_storing = false;
    for (size_t i = coordinator->attempts.count; i-- > 0;) {
        struct wr_attempt *attempt = &coordinator->attempts.entries[i];
        bool commits = wr_request_commits(&attempt->request);
        if (attempt->phase == WR_ATTEMPT_PENDING && attempt->unanswered_count == 0 &&
            !(commits && is_newer_storing)) {
            attempt->phase = WR_ATTEMPT_STORING;
            wr_command(commands, wr_about(attempt, WR_ACTION_STORE));
        }
        is_newer_storing = is_newer_storing || (commits && attempt->phase == WR_ATTEMPT_STORING);
    }
}

/* One that is not decided may be made of changes to this one: its files must stay. */
static bool
is_needed(const struct wr_coordinator *coordinator, uint64_t checkpoint_id)
{
    for (size_t i = 0; i < coordinator->attempts.count; i++) {
        const struct wr_attempt *attempt = &coordinator->attempts.entries[i];
        if (attempt->phase != WR_ATTEMPT_NOTIFYING && checkpoint_id >= attempt->base_id &&
            attempt->request.sharing == WR_SHARING_BOTH) {
            return true;
        }
    }
    return false;
}

/* The oldest complete one is to go: there are enough newer ones that every task was notified of, or
 * nothing is kept. */
static bool
is_drop_due(const struct wr_coordinator *coordinator)
{
    const struct wr_retained *retained = &coordinator->retained;
    if (retained->count == 0 || is_needed(coordinator, wr_retained_oldest(retained))) {
        return false;
    }
    bool is_surplus = coordinator->life != WR_LIFE_ENDED &&
                      wr_retained_count_to(retained, coordinator->notified_id) >
                          coordinator->settings.retained_count;
    return is_surplus || coordinator->is_dropping_all;
}

/* No savepoint will be taken of what was drained. */
static bool
is_drain_lost(const struct wr_coordinator *coordinator)
{
    return coordinator->life >= WR_LIFE_LAST && coordinator->drain.number != 0;
}

/* What waits will not have its turn. */
static bool
is_queue_closed(const struct wr_coordinator *coordinator)
{
    return coordinator->requests.count > 0 &&
           (coordinator->life >= WR_LIFE_LAST || coordinator->is_stop_wanted);
}

static void
clear_away(struct wr_coordinator *coordinator, struct wr_commands *commands)
{
    enum {
        FULL = WR_COORDINATOR_ACTIONS_MAX - BEGINNINGS_MAX
    };
    while (commands->count < FULL && is_drop_due(coordinator)) {
        wr_command(commands, (struct wr_coordinator_action){
                                 .kind = WR_ACTION_DROP,
                                 .checkpoint_id = wr_retained_drop(&coordinator->retained) });
    }
    if (commands->count < FULL && is_drain_lost(coordinator)) {
        wr_decide_refuse(commands, &coordinator->drain, WR_REFUSE_NOT_RUNNING);
        coordinator->drain = (struct wr_request){ 0 };
    }
    while (commands->count < FULL && is_queue_closed(coordinator)) {
        struct wr_request request = wr_requests_take(&coordinator->requests, 0);
        wr_decide_refuse(commands, &request, WR_REFUSE_NOT_RUNNING);
    }
}

static void
begin(struct wr_coordinator *coordinator, struct wr_commands *commands)
{
    struct wr_request request;
    bool is_drain = false;
    while (wr_schedule_take(coordinator, &request, &is_drain)) {
        if (is_drain) {
            coordinator->drain = request;
            wr_command(commands, (struct wr_coordinator_action){ .kind = WR_ACTION_DRAIN,
                                                                 .checkpoint_kind = request.kind,
                                                                 .request = request.number,
                                                                 .sharing = request.sharing });
        } else {
            wr_decide_trigger(coordinator, commands, request);
        }
    }
}

static void
advance(struct wr_coordinator *coordinator, struct wr_commands *commands)
{
    expire(coordinator, commands);
    store_acknowledged(coordinator, commands);
    clear_away(coordinator, commands);
    if (coordinator->life == WR_LIFE_LAST && coordinator->attempts.count == 0) {
        coordinator->life = WR_LIFE_OVER;
        wr_command(commands,
                   (struct wr_coordinator_action){ .kind = WR_ACTION_FINISH,
                                                   .checkpoint_id = coordinator->last_id,
                                                   .checkpoint_kind = coordinator->last_kind });
    }
    begin(coordinator, commands);
}

/* --- the verbs --- */

static size_t
attempts_room(const struct wr_coordinator_settings *settings)
{
    return (size_t)settings->max_concurrent + WR_COORDINATOR_SAVEPOINTS_MAX;
}

/* Retained; complete but not yet notified of; being deleted; and a place for each attempt. */
static size_t
retained_room(const struct wr_coordinator_settings *settings)
{
    return settings->retained_count + 2 * ((size_t)settings->max_concurrent + 1) +
           attempts_room(settings);
}

static bool
are_settings_sane(const struct wr_coordinator_settings *settings)
{
    return settings->task_count != 0 && settings->timeout_ns != 0 &&
           settings->retained_count != 0 && settings->retained_count <= RETAINED_MAX &&
           settings->max_concurrent <= WR_COORDINATOR_CONCURRENT_MAX && settings->next_id != 0;
}

weir_status
wr_coordinator_create(const weir_alloc *alloc, const struct wr_coordinator_settings *settings,
                      struct wr_coordinator **out_coordinator)
{
    if (!are_settings_sane(settings)) {
        return WEIR_INVALID;
    }
    size_t size =
        sizeof(struct wr_coordinator) + settings->task_count * sizeof(struct wr_coordinator_task);
    struct wr_coordinator *coordinator = wr_memory_new(alloc, size);
    if (coordinator == NULL) {
        return WEIR_NOMEM;
    }
    coordinator->alloc = *alloc;
    coordinator->settings = *settings;
    coordinator->settings.max_concurrent += settings->max_concurrent == 0;
    settings = &coordinator->settings;
    coordinator->undrained_count = settings->task_count;
    if (wr_attempts_init(&coordinator->attempts, alloc, attempts_room(settings),
                         settings->task_count) != WEIR_OK ||
        wr_requests_init(&coordinator->requests, alloc) != WEIR_OK ||
        wr_retained_init(&coordinator->retained, alloc, retained_room(settings)) != WEIR_OK) {
        wr_coordinator_destroy(coordinator);
        return WEIR_NOMEM;
    }
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
    wr_retained_fini(&coordinator->retained, &alloc);
    wr_requests_fini(&coordinator->requests, &alloc);
    wr_attempts_fini(&coordinator->attempts, &alloc);
    wr_memory_free(&alloc, coordinator,
                   sizeof *coordinator +
                       coordinator->settings.task_count * sizeof(struct wr_coordinator_task));
}

weir_status
wr_coordinator_add_retained(struct wr_coordinator *coordinator, uint64_t checkpoint_id)
{
    struct wr_retained *retained = &coordinator->retained;
    if (coordinator->life != WR_LIFE_NEW || checkpoint_id >= coordinator->settings.next_id ||
        (retained->count > 0 && wr_retained_newest(retained) >= checkpoint_id)) {
        return WEIR_INVALID;
    }
    /* The share of the new ones stays free. */
    WR_TRY(wr_retained_grow(retained, &coordinator->alloc));
    wr_retained_add(retained, checkpoint_id);
    return WEIR_OK;
}

size_t
wr_coordinator_step(struct wr_coordinator *coordinator, const struct wr_coordinator_event *event,
                    struct wr_coordinator_action out_actions[WR_COORDINATOR_ACTIONS_MAX])
{
    struct wr_commands commands = { .out = out_actions };
    coordinator->now_ns = wr_greater(coordinator->now_ns, event->now_ns);
    wr_coordinator_take(coordinator, &commands, event);
    advance(coordinator, &commands);
    return commands.count;
}

uint64_t
wr_coordinator_wake_at(const struct wr_coordinator *coordinator)
{
    if (is_drop_due(coordinator) || is_drain_lost(coordinator) || is_queue_closed(coordinator)) {
        return coordinator->now_ns;
    }
    uint64_t wake_ns = wr_schedule_wake_at(coordinator);
    for (size_t i = 0; i < coordinator->attempts.count; i++) {
        uint64_t deadline_ns = deadline_of(&coordinator->attempts.entries[i]);
        wake_ns = deadline_ns < wake_ns ? deadline_ns : wake_ns;
    }
    return wake_ns;
}

uint32_t
wr_coordinator_failures(const struct wr_coordinator *coordinator)
{
    return coordinator->failures;
}

size_t
wr_coordinator_retained(const struct wr_coordinator *coordinator, uint64_t *out_ids, size_t room)
{
    const struct wr_retained *retained = &coordinator->retained;
    for (size_t i = 0; i < retained->count && i < room; i++) {
        out_ids[i] = retained->ids[retained->deleting_count + i];
    }
    return retained->count;
}

uint64_t
wr_coordinator_pending(const struct wr_coordinator *coordinator)
{
    return coordinator->attempts.count == 0 ? 0 : coordinator->attempts.entries[0].id;
}
