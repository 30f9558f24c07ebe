/* SPDX-License-Identifier: Apache-2.0 */
/* job/restart.h: what a job keeps of its own failures: whether it is to be started again, and when.
 *
 * Part of struct weir_job (running.h). Thread: coordinator, except a renewal while io has it.
 */
#ifndef WR_JOB_RESTART_H
#define WR_JOB_RESTART_H

#include "base/role.h"
#include "checkpoint/coordinator.h"
#include "os/executor.h"
#include "storage/find.h"
#include "weir/job.h"
#include "weir/restart.h"

/* The storage work of a restart: one at a time, so it needs no memory. io's between the push and
 * `is_done`. */
struct wr_renewal {
    struct wr_work work; /* must be first */
    struct weir_job *job;
    bool is_under_way;
    _Atomic uint32_t is_done;
    weir_status status;
    weir_error error;
    bool has_found;
    struct wr_found_snapshot found; /* the newest complete one of this run */
};

struct wr_job_restart {
    weir_restart *strategy;
    bool is_allowed;      /* parameters.no_restart is not set */
    bool has_run;         /* all tasks ran once: a first start that fails is told at once */
    bool is_planned;      /* from the failure until the next attempt is wired */
    bool is_end_told;     /* the ended attempt's checkpoint coordinator knows that it failed */
    uint64_t at_ns;       /* when the next attempt begins, if it is planned */
    uint64_t first_id;    /* checkpoints from it on are made by this run */
    uint64_t next_id;     /* of the next checkpoint */
    uint64_t warn_at_ns;  /* a cancelled task has not ended by then; 0: none is cancelled */
    uint64_t given_up_ns; /* task.cancellation.timeout is over; UINT64_MAX: never */
    struct wr_renewal renewal;
};

/* --- restart.c --- */

weir_status wr_job_restart_init(weir_job *job, const weir_job_parameters *parameters,
                                weir_error *err);
void wr_job_restart_fini(weir_job *job);
/* The job has failed, its tasks are about to be cancelled: asks the strategy, and says what it
 * answers. */
void wr_job_plan_restart(weir_job *job, const weir_error *error) WR_ON(coordinator);
/* It ends after all, as `outcome`. */
void wr_job_forgo_restart(weir_job *job, enum wr_job_end outcome) WR_ON(coordinator);
/* All tasks have ended and io is idle: unwires, and waits. */
void wr_job_begin_restart(weir_job *job) WR_ON(coordinator);
/* It is forgone, but its checkpoint coordinator was told that it goes on: tells the end. */
void wr_job_settle_restart(weir_job *job) WR_ON(coordinator);
/* RESTARTING; true: it did something. *out_wake_at_ns: lowered. */
bool wr_job_step_restart(weir_job *job, uint64_t *out_wake_at_ns) WR_ON(coordinator);

/* --- cancellation.c: tasks that do not end --- */

void wr_job_watch_cancellation(weir_job *job) WR_ON(coordinator); /* CANCEL was sent */
/* While it is ENDING: warns, and at last ends the process. *out_wake_at_ns: lowered. */
void wr_job_check_cancellation(weir_job *job, uint64_t *out_wake_at_ns) WR_ON(coordinator);

#endif /* WR_JOB_RESTART_H */
