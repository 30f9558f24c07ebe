/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_schedule: which checkpoint or savepoint begins next. The first of these that may:
 *
 *   drained    the savepoint that DRAIN was commanded for, once all tasks are drained
 *   requested  savepoints, then checkpoints, each the oldest first
 *   FINAL      all tasks are drained; it wins over STOP: there is nothing left to resume
 *   STOP       the user asked; what is requested is refused then
 *   PERIODIC   max(last periodic trigger + interval, last decision + min pause)
 *
 * Room: checkpoints begin up to max_concurrent (one, if a pause has to be kept), savepoints beside
 * them, unless barriers overtake records: then nothing stands beside anything. FINAL and STOP begin
 * alone, heed neither interval nor pause, and after a failed one wait until the time that its
 * trigger has set. A place is held until all tasks were notified (or the timeout), so that a task
 * that is slow to commit is not told to commit more.
 *
 * Nothing begins behind an attempt that is to be the job's last, nor behind DRAIN but its savepoint
 * (it would hold sources at an end that is not theirs), nor while more than max_concurrent
 * checkpoints are being deleted: a disk that is slow to delete is not filled. Each attempt has a
 * place among the retained kept for it. No periodic one begins while one that is to be the last
 * waits.
 */
#include "checkpoint/coordinator_inner.h"

/* No room for checkpoints, whoever wants them. */
static bool
is_limit_reached(const struct wr_coordinator *coordinator)
{
    const struct wr_coordinator_settings *settings = &coordinator->settings;
    size_t under_way = settings->unaligned ? coordinator->attempts.count
                                           : wr_attempts_count(&coordinator->attempts, false);
    return under_way >= (settings->min_pause_ns != 0 ? 1 : settings->max_concurrent);
}

static bool
has_room_for(const struct wr_coordinator *coordinator, const struct wr_request *request)
{
    if (wr_checkpoint_is_savepoint(request->kind) && !coordinator->settings.unaligned) {
        return wr_attempts_count(&coordinator->attempts, true) < WR_COORDINATOR_SAVEPOINTS_MAX;
    }
    return !is_limit_reached(coordinator);
}

static bool
is_blocked(const struct wr_coordinator *coordinator)
{
    const struct wr_retained *retained = &coordinator->retained;
    size_t places = retained->room - retained->deleting_count - retained->count;
    return retained->deleting_count > coordinator->settings.max_concurrent ||
           coordinator->attempts.count >= places || wr_attempts_have_last(&coordinator->attempts);
}

static bool
take_drained(struct wr_coordinator *coordinator, struct wr_request *out_request)
{
    if (coordinator->drain.number == 0 || coordinator->undrained_count != 0 ||
        !has_room_for(coordinator, &coordinator->drain)) {
        return false;
    }
    *out_request = coordinator->drain;
    coordinator->drain = (struct wr_request){ 0 };
    return true;
}

static bool
take_requested(struct wr_coordinator *coordinator, struct wr_request *out_request)
{
    struct wr_requests *requests = &coordinator->requests;
    /* What began behind DRAIN would hold sources at an end that is not theirs. */
    bool is_barred = coordinator->is_stop_wanted || coordinator->drain.number != 0;
    for (size_t i = 0; i < requests->count && !is_barred; i++) {
        const struct wr_request *request = &requests->entries[i];
        if (has_room_for(coordinator, request)) {
            *out_request = wr_requests_take(requests, i);
            return true;
        }
    }
    return false;
}

/* What nobody requested, and when it may begin; UINT64_MAX: not by time alone. */
static uint64_t
next_of_time(const struct wr_coordinator *coordinator, enum wr_checkpoint_kind *out_kind)
{
    bool is_drained = coordinator->undrained_count == 0;
    if (coordinator->drain.number != 0 || is_blocked(coordinator)) {
        return UINT64_MAX;
    }
    if (is_drained || coordinator->is_stop_wanted) {
        bool is_alone = coordinator->attempts.count == 0 &&
                        (coordinator->requests.count == 0 || coordinator->is_stop_wanted);
        *out_kind = is_drained ? WR_CHECKPOINT_FINAL : WR_CHECKPOINT_STOP;
        return is_alone ? coordinator->next_last_ns : UINT64_MAX;
    }
    *out_kind = WR_CHECKPOINT_PERIODIC;
    return coordinator->settings.interval_ns == 0 || is_limit_reached(coordinator) ||
                   wr_requests_have_last(&coordinator->requests)
               ? UINT64_MAX
               : coordinator->next_periodic_ns;
}

bool
wr_schedule_take(struct wr_coordinator *coordinator, struct wr_request *out_request,
                 bool *out_is_drain)
{
    *out_is_drain = false;
    if (coordinator->life != WR_LIFE_RUNNING || is_blocked(coordinator)) {
        return false;
    }
    if (take_drained(coordinator, out_request)) {
        return true;
    }
    if (take_requested(coordinator, out_request)) {
        *out_is_drain = out_request->kind == WR_SAVEPOINT_DRAIN;
        return true;
    }
    enum wr_checkpoint_kind kind = WR_CHECKPOINT_PERIODIC;
    uint64_t at_ns = next_of_time(coordinator, &kind);
    if (at_ns == UINT64_MAX || coordinator->now_ns < at_ns) {
        return false;
    }
    *out_request = (struct wr_request){ .kind = kind, .sharing = coordinator->settings.sharing };
    return true;
}

uint64_t
wr_schedule_wake_at(const struct wr_coordinator *coordinator)
{
    enum wr_checkpoint_kind kind = WR_CHECKPOINT_PERIODIC;
    return coordinator->life == WR_LIFE_RUNNING ? next_of_time(coordinator, &kind) : UINT64_MAX;
}
