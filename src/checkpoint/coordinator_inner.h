/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint/coordinator_inner.h: what a coordinator knows, and how its parts speak. Of the
 * coordinator, no one else. Thread: coordinator.
 *
 *   [coordinator.c]          a step: first the fact, then time
 *   [coordinator_facts.c]    what a fact means
 *   [coordinator_decide.c]   what becomes of an attempt, as commands
 *   [coordinator_schedule.c] what begins next
 *   [attempts.h] [requests.h] [retained.h]  what is under way, waits, is complete
 */
#ifndef WR_CHECKPOINT_COORDINATOR_INNER_H
#define WR_CHECKPOINT_COORDINATOR_INNER_H

#include "checkpoint/attempts.h"
#include "checkpoint/coordinator.h"
#include "checkpoint/retained.h"

enum wr_coordinator_life {
    WR_LIFE_NEW,
    WR_LIFE_RUNNING,
    WR_LIFE_LAST, /* the attempt that ends the job is complete; others may be under way */
    WR_LIFE_OVER, /* FINISH or FAIL was commanded, or the job is being cancelled */
    WR_LIFE_ENDED
};

struct wr_coordinator_task {
    uint64_t notified_id; /* the newest checkpoint that it has been notified of */
    bool is_drained;
};

struct wr_coordinator {
    weir_alloc alloc;
    struct wr_coordinator_settings settings; /* next_id counts on; max_concurrent is at least 1 */
    enum wr_coordinator_life life;
    bool is_stop_wanted;
    bool is_dropping_all; /* ENDED, and the policy keeps nothing */
    bool has_completed;   /* a checkpoint, in this life */
    uint64_t now_ns;

    struct wr_attempts attempts;
    struct wr_requests requests;
    struct wr_retained retained;
    struct wr_request drain; /* DRAIN was commanded for it, its attempt is not begun; number 0: none
                              */
    uint64_t told_id;        /* the newest checkpoint that NOTIFY was commanded for */
    uint64_t notified_id;    /* every task has been notified of it, or of a newer one */
    uint64_t last_id;        /* of the attempt that ends the job: LAST and after it */
    enum wr_checkpoint_kind last_kind;

    uint64_t next_periodic_ns;
    uint64_t next_last_ns; /* no FINAL or STOP before */
    uint32_t failures;
    uint32_t undrained_count;
    struct wr_coordinator_task tasks[]; /* settings.task_count */
};

/* What a step commands, in order. */
struct wr_commands {
    struct wr_coordinator_action *out;
    size_t count;
};

static inline uint64_t
wr_later(uint64_t time_ns, uint64_t delay_ns) /* at the end of the clock at the latest */
{
    return time_ns > UINT64_MAX - delay_ns ? UINT64_MAX : time_ns + delay_ns;
}

static inline uint64_t
wr_greater(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

/* --- coordinator_facts.c --- */
void wr_coordinator_take(struct wr_coordinator *coordinator, struct wr_commands *commands,
                         const struct wr_coordinator_event *event);

/* --- coordinator_decide.c --- */
void wr_command(struct wr_commands *commands, struct wr_coordinator_action action);
/* A command about an attempt. */
struct wr_coordinator_action wr_about(const struct wr_attempt *attempt,
                                      enum wr_coordinator_action_kind kind);
void wr_decide_refuse(struct wr_commands *commands, const struct wr_request *request,
                      enum wr_abort_reason reason);
void wr_decide_trigger(struct wr_coordinator *coordinator, struct wr_commands *commands,
                       struct wr_request request);
/* These remove the attempt. */
void wr_decide_abort(struct wr_coordinator *coordinator, struct wr_commands *commands,
                     struct wr_attempt *attempt, enum wr_abort_reason reason);
void wr_decide_fail(struct wr_coordinator *coordinator, struct wr_commands *commands,
                    struct wr_attempt *attempt, enum wr_abort_reason reason);
void wr_decide_release(struct wr_coordinator *coordinator, struct wr_commands *commands,
                       struct wr_attempt *attempt);
/* Aborts what it subsumes. */
void wr_decide_notify(struct wr_coordinator *coordinator, struct wr_commands *commands,
                      uint64_t id);
void wr_decide_abort_periodic(struct wr_coordinator *coordinator, struct wr_commands *commands);

/* --- coordinator_schedule.c --- */
/* Takes the next that may begin now. *out_is_drain: what begins is the draining; the caller puts it
 * into `drain`, from where it is taken again for its attempt. */
bool wr_schedule_take(struct wr_coordinator *coordinator, struct wr_request *out_request,
                      bool *out_is_drain);
/* When time alone lets something begin; UINT64_MAX: never. */
uint64_t wr_schedule_wake_at(const struct wr_coordinator *coordinator);

#endif /* WR_CHECKPOINT_COORDINATOR_INNER_H */
