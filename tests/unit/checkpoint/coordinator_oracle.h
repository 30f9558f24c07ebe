/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_oracle: a second opinion on the coordinator, for the test of random facts. It keeps
 * what was told and commanded, and answers what may begin, what is due, what may be dropped. */
#ifndef WR_TESTS_COORDINATOR_ORACLE_H
#define WR_TESTS_COORDINATOR_ORACLE_H

#include "support/test.h"

#include "base/rng.h"
#include "checkpoint/coordinator.h"

#include <stdbool.h>
#include <string.h>

#define MS 1000000ULL

enum {
    TASKS_MAX = 6,
    UNDER_WAY_MAX = 8,
    LIVE_MAX = 200,
    REQUESTS_MAX = 3000
};

enum stage {
    PENDING,
    STORING,
    NOTIFYING
};

struct attempt {
    uint64_t id, number, trigger_ns, notify_ns;
    uint64_t base; /* told newest when it was triggered */
    enum stage stage;
    enum wr_checkpoint_kind kind;
    enum wr_sharing sharing;
    bool is_last;
    bool answers[TASKS_MAX];
};

enum request_state {
    UNKNOWN,
    WAITING,
    DRAINING,
    BEGUN,
    ANSWERED
};

struct request {
    enum request_state state;
    enum wr_checkpoint_kind kind;
    enum wr_sharing sharing;
    bool is_last;
};

struct counts {
    uint64_t events, triggers, completed, drops, finishes, fails, late_stored, recovered;
    uint64_t released, refused, drained, beside, held_back, forgotten;
    uint64_t aborts[5];
    uint64_t kinds[8];
};

struct world {
    struct wr_rng rng;
    struct wr_coordinator *coordinator;
    struct wr_coordinator_settings settings;
    struct counts *counts;
    uint64_t now_ns, start_ns;
    bool is_started, is_stopping, is_last_complete, is_over, is_ended, is_dropping_all;
    bool has_completed;
    bool drained[TASKS_MAX];

    uint64_t last_id; /* triggered */
    struct attempt under[UNDER_WAY_MAX];
    size_t under_count;
    uint64_t stores[UNDER_WAY_MAX]; /* commanded and not answered, in order */
    size_t store_count;
    struct request requests[REQUESTS_MAX];     /* by number */
    uint64_t request_count;                    /* numbers so far */
    uint64_t unanswered;                       /* lowest number that may be */
    uint64_t draining;                         /* number; 0: none */
    uint64_t periodic_ns, last_ns, decided_ns; /* of the newest such trigger, decision; 0: none */
    uint32_t failures;
    uint64_t told_id, notified_id, heard[TASKS_MAX];
    uint64_t live[LIVE_MAX], dropping[LIVE_MAX]; /* complete; being deleted */
    size_t live_count, dropping_count;
};

static inline uint64_t
later_of(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

static inline bool
are_all(const bool *flags, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!flags[i]) {
            return false;
        }
    }
    return true;
}

static inline bool
is_drained(const struct world *w)
{
    return are_all(w->drained, w->settings.task_count);
}

static inline bool
is_answered(const struct world *w, const struct attempt *attempt)
{
    return are_all(attempt->answers, w->settings.task_count);
}

static inline struct attempt *
under_way(struct world *w, uint64_t id)
{
    for (size_t i = 0; i < w->under_count; i++) {
        if (w->under[i].id == id) {
            return &w->under[i];
        }
    }
    return NULL;
}

static inline bool
is_savepoint(enum wr_checkpoint_kind kind)
{
    return kind == WR_SAVEPOINT || kind == WR_SAVEPOINT_STOP || kind == WR_SAVEPOINT_DRAIN;
}

static inline bool
is_last_kind(enum wr_checkpoint_kind kind)
{
    return kind != WR_CHECKPOINT_PERIODIC && kind != WR_CHECKPOINT_MANUAL && kind != WR_SAVEPOINT;
}

static inline bool
commits(enum wr_checkpoint_kind kind)
{
    return kind != WR_SAVEPOINT;
}

/* Something of this kind may stand beside those under way. */
static inline bool
has_place(const struct world *w, enum wr_checkpoint_kind kind)
{
    size_t savepoints = 0;
    for (size_t i = 0; i < w->under_count; i++) {
        savepoints += is_savepoint(w->under[i].kind);
    }
    if (is_savepoint(kind) && !w->settings.unaligned) {
        return savepoints < WR_COORDINATOR_SAVEPOINTS_MAX;
    }
    size_t limit = w->settings.min_pause_ns != 0 ? 1 : w->settings.max_concurrent;
    return (w->settings.unaligned ? w->under_count : w->under_count - savepoints) < limit;
}

static inline bool
is_open(const struct world *w)
{
    for (size_t i = 0; i < w->under_count; i++) {
        if (w->under[i].is_last) {
            return false;
        }
    }
    return w->is_started && !w->is_last_complete && !w->is_over && !w->is_ended &&
           w->dropping_count <= w->settings.max_concurrent;
}

static inline bool
is_anyone_waiting(const struct world *w, bool only_last)
{
    for (uint64_t i = w->unanswered; i <= w->request_count; i++) {
        if (w->requests[i].state == WAITING && (w->requests[i].is_last || !only_last)) {
            return true;
        }
    }
    return false;
}

/* The request that is to begin now; 0: none. */
static inline uint64_t
whose_turn(const struct world *w)
{
    if (!is_open(w)) {
        return 0;
    }
    if (w->draining != 0 && is_drained(w) && has_place(w, WR_SAVEPOINT_DRAIN)) {
        return w->draining;
    }
    /* What began behind a drain would hold sources at an end that is not theirs. */
    bool is_barred = w->is_stopping || w->draining != 0;
    for (int of_savepoints = 1; of_savepoints >= 0 && !is_barred; of_savepoints--) {
        for (uint64_t i = w->unanswered; i <= w->request_count; i++) {
            const struct request *request = &w->requests[i];
            if (request->state == WAITING && is_savepoint(request->kind) == of_savepoints &&
                has_place(w, request->kind)) {
                return i;
            }
        }
    }
    return 0;
}

/* When something that nobody requested is due; UINT64_MAX: never, as things are. */
static inline uint64_t
due_ns(const struct world *w, enum wr_checkpoint_kind *out_kind)
{
    if (!is_open(w) || w->draining != 0) {
        return UINT64_MAX;
    }
    if (is_drained(w) || w->is_stopping) {
        *out_kind = is_drained(w) ? WR_CHECKPOINT_FINAL : WR_CHECKPOINT_STOP;
        if (w->under_count != 0 || (!w->is_stopping && is_anyone_waiting(w, false))) {
            return UINT64_MAX;
        }
        return w->last_ns == 0 ? 0 : w->last_ns + 100 * MS;
    }
    *out_kind = WR_CHECKPOINT_PERIODIC;
    if (w->settings.interval_ns == 0 || !has_place(w, WR_CHECKPOINT_PERIODIC) ||
        is_anyone_waiting(w, true)) {
        return UINT64_MAX;
    }
    uint64_t due = w->periodic_ns == 0 ? w->start_ns + w->settings.first_delay_ns
                                       : w->periodic_ns + w->settings.interval_ns;
    return w->decided_ns == 0 ? due : later_of(due, w->decided_ns + w->settings.min_pause_ns);
}

/* The oldest complete one is to go. */
static inline bool
is_drop_due(const struct world *w)
{
    if (w->live_count == 0) {
        return false;
    }
    for (size_t i = 0; i < w->under_count; i++) {
        const struct attempt *attempt = &w->under[i];
        if (attempt->stage != NOTIFYING && attempt->sharing == WR_SHARING_BOTH &&
            attempt->base <= w->live[0]) {
            return false; /* it may need its files */
        }
    }
    size_t committed = 0;
    while (committed < w->live_count && w->live[committed] <= w->notified_id) {
        committed++;
    }
    return w->is_ended ? w->is_dropping_all : committed > w->settings.retained_count;
}

#endif /* WR_TESTS_COORDINATOR_ORACLE_H */
